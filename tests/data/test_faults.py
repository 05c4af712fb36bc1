"""Every way in which getting the data can go wrong: a clear line, intact files, in seconds.

A server on this machine fails on request, with a small data set, so none of this needs MNIST or
a network. Read-only and full disks are real file systems, mounted in a namespace of their own.
"""

import io
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from helpers import fault_server as fs
from helpers.waiting import free_port, wait_until

from dlkit.data import commands, download, files, store
from dlkit.data.download import fetch
from dlkit.data.readers import DataError

pytestmark = pytest.mark.slow

GOOD = fs.as_files(fs.tiny_arrays())
NPZ = GOOD["tiny.npz"]
HTML = b"<!DOCTYPE html>\n<html><body>Please accept the terms of this network.</body></html>"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has nothing yet; `machine / "course"` is its checkout."""
    fs.move_in(monkeypatch, tmp_path)
    return tmp_path


def load_from(*urls, **options):
    """(arrays, source, lines) of a load from these mirrors."""
    lines = []
    arrays, _, source = store.load(fs.tiny_record(*urls, **options), lines.append)
    return arrays, source, lines


def finished(child):
    """(stdout, stderr) of a child that ends by itself; one that hangs is ended, and fails."""
    try:
        return child.communicate(timeout=120)
    finally:
        child.kill()


def assert_whole(arrays):
    for name, array in fs.tiny_arrays().items():
        np.testing.assert_array_equal(arrays[name], array)


def pickled_npz():
    """An .npz whose x_train is a pickle, which would run code if it were loaded."""
    file = io.BytesIO()
    np.savez(file, x_train=np.array([{"an": "object"}], dtype=object), y_train=np.zeros(1))
    return file.getvalue()


def flipped(body):
    """The file with another pixel in it, well-formed: only the digest can tell."""
    file = io.BytesIO()
    arrays = fs.tiny_arrays()
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez_compressed(file, **arrays)
    return file.getvalue()


MIRROR_FAULTS = {
    "truncated": (fs.sends(NPZ[:9000], length=len(NPZ)), "truncated, the connection ended early"),
    "truncated, unannounced": (fs.sends(NPZ[:9000]), "tiny.npz is truncated or damaged"),
    "empty": (fs.sends(b""), "tiny.npz is empty"),
    "web page": (fs.sends(HTML, kind="text/html"), "tiny.npz is a web page, not the data"),
    "404": (fs.sends(b"no", 404), "HTTP 404 Not Found"),
    "500": (fs.sends(b"no", 500), "HTTP 500 Internal Server Error"),
    "wrong bytes": (fs.sends(bytes(50_000)), "tiny.npz is not a file of this format"),
    "wrong contents": (fs.sends(flipped(NPZ)), "not Tiny: the contents of x_train differ"),
    "pickle": (fs.sends(pickled_npz()), "tiny.npz holds a pickled object, which is refused"),
    "endless": (fs.never_ends, "longer than the data can be (1 MB)"),
}


@pytest.mark.parametrize(("answer", "reason"), MIRROR_FAULTS.values(), ids=MIRROR_FAULTS)
def test_a_mirror_that_fails_leaves_the_sample_one_line_and_no_file(machine, answer, reason):
    with fs.serving({"tiny.npz": answer}) as (url, _):
        arrays, source, lines = load_from(url)
    assert source == "offline sample: three zeros"
    assert list(arrays) == ["x_train"]
    *downloading, why = lines
    assert downloading in ([], ["Tiny: downloading from 127.0.0.1"])
    assert f"(127.0.0.1: {reason}" in why
    assert "Using the offline sample instead: three zeros." in why
    assert fs.files_in(machine) == []


@pytest.mark.parametrize(
    "answer", [fault for fault, _ in MIRROR_FAULTS.values()], ids=MIRROR_FAULTS
)
def test_after_a_mirror_that_fails_the_next_one_serves(machine, answer):
    with (
        fs.serving({"tiny.npz": answer}) as (bad, _),
        fs.serving({"tiny.npz": fs.sends(NPZ)}) as (good, _),
    ):
        arrays, source, _ = load_from(bad, good)
    assert_whole(arrays)
    assert source == "Tiny, verified copy in data/"
    assert fs.files_in(machine) == ["course/data/downloads/tiny.npz"]


def test_connection_refused(machine):
    _, _, lines = load_from(f"http://127.0.0.1:{free_port()}")
    assert "127.0.0.1: connection refused" in lines[-1]
    assert len(lines) == 1
    assert fs.files_in(machine) == []


def test_a_server_that_accepts_and_never_answers_is_given_up(machine):
    # The limits are the real ones.
    with fs.serving({"tiny.npz": fs.never_answers}) as (url, _):
        _, _, lines = load_from(url, url, url)
    assert "timed out" in lines[-1]
    assert fs.files_in(machine) == []


def test_three_silent_mirrors_take_no_longer_than_one(monkeypatch):
    events, clock = [], SimpleNamespace(now=100.0)

    def wait(futures, timeout):
        events.append(timeout)
        clock.now += timeout

    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(download, "_in_background", lambda *args: events.append("asked"))
    monkeypatch.setattr(download, "wait", wait)
    list(download.probe([fs.Mirror("http://127.0.0.1:9", fs.NPZ)] * 3))
    assert events == ["asked"] * 3 + [download.PROBE_SECONDS, 0, 0]
    assert download.PROBE_SECONDS <= 5


def test_a_server_that_answers_but_never_sends_is_given_up(machine, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 0.5)
    with fs.serving({"tiny.npz": fs.answers_head_only}) as (url, _):
        _, _, lines = load_from(url)
    assert "127.0.0.1: timed out" in lines[-1]
    assert fs.files_in(machine) == []


def test_a_server_that_hangs_is_not_asked_for_its_other_files(machine, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 1.0)
    answers = {name: fs.answers_head_only for name in GOOD}
    with fs.serving(answers) as (url, requests):
        monkeypatch.setenv("DLKIT_MIRROR", url)
        _, _, lines = load_from(url, url)
    assert len([line for line in requests if line.startswith("GET")]) == 1
    assert "DLKIT_MIRROR: timed out" in lines[-1]


def test_a_server_that_trickles_is_given_up(machine, monkeypatch):
    monkeypatch.setattr(download, "WINDOW_SECONDS", 1.0)
    with fs.serving({"tiny.npz": fs.trickles}) as (url, _):
        _, _, lines = load_from(url)
        # Nothing goes on in the background, although the server would.
        wait_until(lambda: "dlkit download" not in [each.name for each in threading.enumerate()])
    assert "given up, slower than 4 kB a second" in lines[-1]
    assert fs.files_in(machine) == []


def test_a_name_look_up_that_hangs_is_given_up(machine, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(60))
    monkeypatch.setattr(download, "PROBE_SECONDS", 0.5)
    try:
        _, _, lines = load_from("http://mirror.invalid/data")
    finally:
        release.set()
    assert "mirror.invalid: timed out" in lines[-1]


def test_python_ends_at_once_although_a_look_up_still_hangs(machine):
    code = """
import socket, threading
from dlkit.data import download
download.PROBE_SECONDS = 0.2
socket.getaddrinfo = lambda *args, **kwargs: threading.Event().wait()
load()
"""
    child = fs.start(code, {**os.environ, "TEST_MIRRORS": "http://mirror.invalid"})
    out, err = finished(child)  # the look-up never ends; Python does
    assert (child.returncode, err) == (0, "")
    assert "mirror.invalid: timed out" in out


def test_a_download_that_another_process_has_just_replaced_is_not_renamed(machine, monkeypatch):
    target = machine / "course/data/downloads/tiny.npz"
    target.parent.mkdir()
    target.write_bytes(NPZ[:1000])
    read = store.Copy.read

    def replaced_meanwhile(self, record):
        try:
            return read(self, record)
        finally:
            target.write_bytes(NPZ)

    monkeypatch.setattr(store.Copy, "read", replaced_meanwhile)
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        arrays, _, lines = load_from(url)
    assert_whole(arrays)
    assert lines[0].endswith("; another process has replaced it")
    assert fs.files_in(machine) == ["course/data/downloads/tiny.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_there_is_a_progress_bar(machine):
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (25, 80))
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        child = fs.start("load()", {**os.environ, "TEST_MIRRORS": url}, stderr=theirs)
        finished(child)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "tiny.npz: 100%" in shown
    assert "kB" in shown or "k/" in shown


def test_offline_opens_no_socket(machine, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setenv("DLKIT_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    _, source, lines = load_from("http://mirror.invalid/data")
    assert source == "offline sample: three zeros"
    assert "DLKIT_OFFLINE is set" in lines[0]


def test_the_proxy_of_the_environment_is_used_and_named(machine, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    _, _, lines = load_from("http://mirror.invalid/data")
    assert "mirror.invalid: the proxy in HTTP_PROXY: connection refused" in lines[-1]

    proxied = {"http://mirror.invalid/data/tiny.npz": fs.sends(NPZ)}
    with fs.serving({}) as (proxy, requests):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        _, _, lines = load_from("http://mirror.invalid/data")
    assert requests[0] == f"HEAD {next(iter(proxied))}"


NO_ADDRESS = "is not an address (expected http://host:port): correct it, or clear it"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        *[
            (f"{scheme}://ada:secret@127.0.0.1:9", "is a SOCKS proxy, for which a package is missi")
            for scheme in ("socks5", "socks5h", "SOCKS4")
        ],
        *[
            (proxy, NO_ADDRESS)
            for proxy in (
                "http://",
                "://",
                "http://[half",
                "http://host:port",
                "http://127.0.0.1:99999",
                "my proxy",
                "ada:secret@127.0.0.1:9",
                "ftp://127.0.0.1:9",
            )
        ],
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_and_not_the_mirror(
    machine, monkeypatch, variable, proxy, reason
):
    def is_missing(*args, **kwargs):  # as requests defines it where PySocks is not installed
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", is_missing)
    monkeypatch.setenv(variable, proxy)
    _, _, lines = load_from("http://mirror.invalid/data")
    assert f"mirror.invalid: the proxy in {variable} {reason}" in lines[-1]
    assert "secret" not in lines[-1]
    # Beside it, what is no address is still said to be none.
    monkeypatch.setenv("DLKIT_MIRROR", "http://[half")
    _, _, lines = load_from("http://mirror.invalid/data")
    assert "DLKIT_MIRROR: not a web address" in lines[-1]


def test_a_proxy_that_asks_for_a_password_is_named(machine, monkeypatch):
    def asks(handler):
        handler.send_response(407, "Proxy Authentication Required")
        handler.end_headers()

    monkeypatch.setattr(fs._Handler, "do_CONNECT", asks, raising=False)
    with fs.serving({}) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        _, _, lines = load_from("https://mirror.invalid/data")
    assert "the proxy in HTTPS_PROXY: HTTP 407 Proxy Authentication Required" in lines[-1]


@pytest.mark.parametrize("address", ["teacher's laptop", "10.0.0.1:8000", "http://[half", "/mnt"])
def test_a_mirror_that_is_no_address(machine, monkeypatch, address):
    monkeypatch.setenv("DLKIT_MIRROR", address)
    _, _, lines = load_from(f"http://127.0.0.1:{free_port()}")
    assert "DLKIT_MIRROR: not a web address" in lines[-1]


@pytest.mark.parametrize("subfolder", ["", "downloads/"])
@pytest.mark.parametrize("names", [["tiny.npz"], ["tiny-images.gz", "tiny-labels.gz"]])
def test_the_class_server_comes_first_with_either_format(machine, monkeypatch, subfolder, names):
    answers = {subfolder + name: fs.sends(GOOD[name]) for name in names}
    record = fs.tiny_record("http://127.0.0.1:9/never-asked", format=fs.NPZ)
    record = type(record)(
        **{**vars(record), "mirrors": (*record.mirrors, fs.Mirror("http://127.0.0.1:9", fs.IDX))}
    )
    with fs.serving(answers) as (url, _):
        monkeypatch.setenv("DLKIT_MIRROR", url + "/")
        arrays = store.load(record, lambda line: None).arrays
    assert_whole(arrays)
    assert fs.files_in(machine) == [f"course/data/downloads/{name}" for name in names]


def test_a_download_is_readable_by_others_and_found_again_without_a_network(machine):
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        load_from(url)
    file = machine / "course/data/downloads/tiny.npz"
    ordinary = machine / "ordinary"
    ordinary.touch()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    arrays, source, lines = load_from(url)  # the server has gone
    assert_whole(arrays)
    assert (source, lines) == ("Tiny, verified copy in data/", [])


@pytest.mark.parametrize(
    "damage",
    [NPZ[:5000], HTML, b"", pickled_npz(), flipped(NPZ)],
    ids=["truncated", "web page", "empty", "pickle", "wrong contents"],
)
def test_a_damaged_download_is_kept_aside_and_fetched_anew(machine, damage):
    folder = machine / "course/data/downloads"
    folder.mkdir()
    (folder / "tiny.npz").write_bytes(damage)
    (folder / "tiny.npz.damaged").write_bytes(b"an earlier one")
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        arrays, _, lines = load_from(url)
    assert_whole(arrays)
    assert "Tiny: downloads/tiny.npz in data/ is not used (" in lines[0]
    assert lines[0].endswith("; kept as tiny.npz.damaged-2")
    assert (folder / "tiny.npz").read_bytes() == NPZ
    assert (folder / "tiny.npz.damaged").read_bytes() == b"an earlier one"
    assert (folder / "tiny.npz.damaged-2").read_bytes() == damage


def test_a_damaged_part_of_a_set_of_files_is_replaced(machine):
    folder = machine / "course/data/downloads"
    folder.mkdir()
    (folder / "tiny-images.gz").write_bytes(GOOD["tiny-images.gz"][:100])
    answers = {name: fs.sends(GOOD[name]) for name in fs.IDX.files}
    with fs.serving(answers) as (url, _):
        arrays, _, _ = load_from(url, format=fs.IDX)
    assert_whole(arrays)
    assert sorted(path.name for path in folder.iterdir()) == [
        "tiny-images.gz",
        "tiny-images.gz.damaged",
        "tiny-labels.gz",
    ]
    assert (folder / "tiny-images.gz").read_bytes() == GOOD["tiny-images.gz"]


@pytest.mark.parametrize("mine", [b"my own notes", NPZ[:5000], flipped(NPZ)])
def test_a_users_own_file_of_the_same_name_is_never_touched(machine, mine):
    own = machine / "course/data/tiny.npz"
    own.write_bytes(mine)
    before = own.stat()
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        arrays, _, lines = load_from(url)
    assert_whole(arrays)
    assert lines[0].startswith("Tiny: tiny.npz in data/ is not used (")
    assert lines[0].endswith("it is left as it is")
    assert own.read_bytes() == mine
    assert own.stat().st_mtime_ns == before.st_mtime_ns
    assert fs.files_in(machine) == ["course/data/downloads/tiny.npz", "course/data/tiny.npz"]


def start_together(machine, url, count, code="load()"):
    """(children, outputs) of processes that all have loaded dlkit before the first one asks."""
    env = {**os.environ, "TEST_COURSE": str(machine / "course"), "TEST_MIRRORS": url}
    code = f"import requests; requests.get({url + '/ready'!r}, timeout=100); {code}"
    children = [fs.start(code, env) for _ in range(count)]
    return children, [finished(child) for child in children]


def test_of_eight_processes_at_once_one_downloads_and_the_others_wait(machine):
    damaged = machine / "course/data/downloads/tiny.npz"
    damaged.parent.mkdir()
    damaged.write_bytes(NPZ[:1000])

    def when_all_have_asked(handler):
        if handler.command == "GET":
            asked = handler.server.requests
            wait_until(lambda: asked.count("HEAD /tiny.npz") == 8, 100, "all look for a mirror")
        fs.sends(NPZ)(handler)

    answers = {"ready": fs.waits_for(8, fs.sends(b"go")), "tiny.npz": when_all_have_asked}
    with fs.serving(answers) as (url, requests):
        children, outputs = start_together(machine, url, 8)
    assert requests.count("GET /tiny.npz") == 1
    for child, (out, err) in zip(children, outputs, strict=True):
        assert (child.returncode, err) == (0, "")
        assert out.splitlines()[-1] == "source: Tiny, verified copy in data/"
    assert damaged.read_bytes() == NPZ
    assert sorted(path.name for path in damaged.parent.iterdir()) == [
        "tiny.npz",
        "tiny.npz.damaged",
    ]


def test_without_locks_two_processes_at_once_both_end_with_a_good_file(machine):
    damaged = machine / "course/data/downloads/tiny.npz"
    damaged.parent.mkdir()
    damaged.write_bytes(NPZ[:1000])
    answers = {
        "ready": fs.waits_for(2, fs.sends(b"go")),  # however long each takes to start
        "tiny.npz": fs.waits_for(2, fs.sends(NPZ)),
    }
    code = """
from dlkit.data import files
def refuse(file):
    raise OSError(95, "Operation not supported")
files._lock = refuse
load()
"""
    with fs.serving(answers) as (url, requests):
        children, outputs = start_together(machine, url, 2, code)
    assert requests.count("GET /tiny.npz") == 2  # they were in it together
    for child, (out, err) in zip(children, outputs, strict=True):
        assert child.returncode == 0, err
        assert out.splitlines()[-1] == "source: Tiny, verified copy in data/"
        assert err == ""
    assert damaged.read_bytes() == NPZ
    others = {path.name for path in damaged.parent.glob("*")} - {"tiny.npz", ".Tiny.lock"}
    assert others and all(name.startswith("tiny.npz.damaged") for name in others)
    assert any((damaged.parent / name).read_bytes() == NPZ[:1000] for name in others)


def holding(machine, url, server_has_it):
    """A child that has begun to download, and holds the lock."""
    env = {**os.environ, "TEST_COURSE": str(machine / "course"), "TEST_MIRRORS": url}
    child = fs.start("download.READ_SECONDS = 600.0\nload()", env)
    wait_until(server_has_it.is_set, 100, "the first process downloads")
    return child


def first_hangs(then):
    """(answer, event): the first GET is never answered, and sets the event; later ones are."""
    is_asked = threading.Event()

    def answer(handler):
        if handler.command == "GET" and not is_asked.is_set():
            is_asked.set()
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            handler.wfile.write(bytes(10_000))
            handler.wfile.flush()
            fs.never_answers(handler)
        then(handler)

    return answer, is_asked


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_when_the_process_that_downloads_is_killed_another_goes_on_and_tidies_up(machine):
    answer, is_asked = first_hangs(fs.sends(NPZ))
    with fs.serving({"tiny.npz": answer}) as (url, requests):
        first = holding(machine, url, is_asked)
        lines = []
        waiter = threading.Thread(
            target=lambda: lines.append(store.load(fs.tiny_record(url), lines.append).source)
        )
        waiter.start()
        wait_until(lambda: lines, 100, "the second process waits")
        assert lines == ["Tiny: another process is downloading it, so this one waits"]
        (left,) = (machine / "course/data/downloads").glob(".unfinished-*")
        assert any(path.stat().st_size for path in left.iterdir())
        first.kill()
        waiter.join(100)
        finished(first)
    assert lines[1:] == ["Tiny: downloading from 127.0.0.1", "Tiny, verified copy in data/"]
    assert requests.count("GET /tiny.npz") == 2
    assert [path.name for path in (machine / "course/data/downloads").iterdir()] == ["tiny.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_stopped_is_not_waited_for_for_ever(machine, monkeypatch):
    answer, is_asked = first_hangs(fs.sends(NPZ))
    monkeypatch.setattr(files, "STUCK_SECONDS", 1.0)
    with fs.serving({"tiny.npz": answer}) as (url, requests):
        first = holding(machine, url, is_asked)
        first.send_signal(signal.SIGSTOP)
        try:
            arrays, _, lines = load_from(url)
            assert_whole(arrays)
            assert lines[0] == "Tiny: another process is downloading it, so this one waits"
            assert requests.count("GET /tiny.npz") == 2
            # It is alive: what it has begun is left to it.
            (left,) = (machine / "course/data/downloads").glob(".unfinished-*")
            assert any(path.stat().st_size for path in left.iterdir())
        finally:
            first.kill()
            finished(first)


def test_a_process_that_works_for_long_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "STUCK_SECONDS", 3.0)
    monkeypatch.setattr(files, "BEAT_SECONDS", 0.1)
    order, is_inside = [], threading.Event()

    def work():
        with files.one_at_a_time(tmp_path / ".lock", lambda: None):
            is_inside.set()
            time.sleep(8)
            order.append("first")

    thread = threading.Thread(target=work)
    thread.start()
    is_inside.wait(60)
    with files.one_at_a_time(tmp_path / ".lock", lambda: order.append("waits")):
        order.append("second")
    thread.join()
    assert order == ["waits", "first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_only_one_at_a_time_even_when_each_removes_the_lock(tmp_path):
    inside, seen = [], []

    def work():
        for _ in range(50):
            with files.one_at_a_time(tmp_path / ".lock", lambda: None):
                inside.append(1)
                seen.append(len(inside))
                inside.pop()

    def fast(seconds):
        sleep(seconds / 100)

    sleep, time.sleep = time.sleep, fast
    try:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
    finally:
        time.sleep = sleep
    assert seen == [1] * 300
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_goes_and_what_living_ones_have_stays(tmp_path):
    code = f"""
from pathlib import Path
from dlkit.data import files
with files.workspace(Path({str(tmp_path)!r})) as work:
    (work / "big").write_bytes(bytes(100_000))
    print("there", flush=True)
    input()
"""
    run = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    living = subprocess.Popen(run, **pipes)
    assert living.stdout.readline() == "there\n"
    killed = [subprocess.Popen(run, **pipes) for _ in range(3)]
    for child in killed:
        assert child.stdout.readline() == "there\n"
    assert len(list(tmp_path.iterdir())) == 4
    for child in killed:
        child.kill()
        child.communicate()
    without_lock = tmp_path / ".unfinished-as-of-old"
    without_lock.mkdir()
    (without_lock / "half").write_bytes(b"half")
    with files.workspace(tmp_path):
        pass
    left = sorted(tmp_path.iterdir())
    assert len(left) == 2 and without_lock in left  # it may be alive
    yesterday = time.time() - 90_000
    for path in (without_lock / "half", without_lock):
        os.utime(path, (yesterday, yesterday))
    (tmp_path / "mine").mkdir()
    with files.workspace(tmp_path):
        pass
    assert len(list(tmp_path.iterdir())) == 2 and not without_lock.exists()
    living.communicate("go\n")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_workspace_that_is_taken_for_left_behind_at_once_is_made_anew(tmp_path, monkeypatch):
    try_lock, removed = files.try_lock, []

    def too_late(path, create=True):
        if create and len(removed) < 3:
            removed.append(path.parent)
            if len(removed) == 1:
                return None  # another process holds the lock
            shutil.rmtree(path.parent)  # or is done already
        return try_lock(path, create)

    monkeypatch.setattr(files, "try_lock", too_late)
    with files.workspace(tmp_path) as work:
        assert work.is_dir() and work not in removed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "a file system without them"])
def test_a_file_that_another_process_put_there_first_is_kept(machine, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *args: (_ for _ in ()).throw(OSError(1, "no links")))
    target = machine / "course/data/downloads/tiny.npz"

    def arrives_meanwhile(handler):
        if handler.command == "GET":
            target.write_bytes(first)
        fs.sends(NPZ)(handler)

    # An equally good file in another packing is kept; a bad one is set aside.
    other = io.BytesIO()
    np.savez(other, **fs.tiny_arrays())
    for first, left in ((other.getvalue(), ["tiny.npz"]), (HTML, ["tiny.npz", "tiny.npz.damaged"])):
        shutil.rmtree(target.parent, ignore_errors=True)
        with fs.serving({"tiny.npz": arrives_meanwhile}) as (url, _):
            arrays, _, _ = load_from(url)
        assert_whole(arrays)
        assert sorted(path.name for path in target.parent.iterdir()) == left
        assert target.read_bytes() == (first if first is not HTML else NPZ)


def namespace(tmp_path):
    """A command prefix under which a process may mount; skips where there is none."""
    for flags in ("-m", "-rm"):
        prefix = ["unshare", flags, "sh", "-c"]
        try:
            test = [*prefix, f"mount -t tmpfs -o size=64k none {tmp_path}"]
            if subprocess.run(test, capture_output=True, timeout=10).returncode == 0:
                return prefix
        except (OSError, subprocess.TimeoutExpired):
            break
    pytest.skip("needs a mount namespace (unshare -m) for a disk that is read-only or full")


def on_disk(machine, mount, code, url, data_dir):
    """(status, stdout, stderr) of a child that runs after `mount`; "after" lists what is left."""
    prefix = namespace(machine / "stick")
    env = {**os.environ, "TEST_MIRRORS": url}
    if data_dir:
        env["DLKIT_DATA_DIR"] = str(machine / "stick")
    script = f'{mount}\n"$0" "$@"\nstatus=$?\nfind {machine}/stick -type f >&2\nexit $status'
    child = fs.start(code, env, *prefix, script)
    out, err = finished(child)
    return child.returncode, out, err


FULL = "mount -t tmpfs -o size=64k none {0}"
READ_ONLY = "mount -t tmpfs none {0} && mount -o remount,ro {0}"
DISKS = {"full": (FULL, "no space left on the disk"), "read-only": (READ_ONLY, "it is read-only")}


@pytest.mark.parametrize(("mount", "reason"), DISKS.values(), ids=DISKS)
def test_a_disk_that_takes_no_file_sends_the_download_to_the_next_place(machine, mount, reason):
    (machine / "stick").mkdir()
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        status, out, err = on_disk(
            machine, mount.format(machine / "stick"), "load()", url, data_dir=True
        )
    lines = [line for line in out.splitlines() if "downloading" not in line]
    assert lines == [
        f"Tiny: cannot write in $DLKIT_DATA_DIR: {reason}",
        "source: Tiny, verified copy in data/",
    ]
    assert (status, err) == (0, "")  # nothing was left on the disk
    assert fs.files_in(machine) == ["course/data/downloads/tiny.npz"]


@pytest.mark.parametrize(("mount", "reason"), DISKS.values(), ids=DISKS)
def test_fetch_to_a_disk_that_takes_no_file_says_so_and_fails(machine, mount, reason):
    (machine / "stick").mkdir()
    code = f"sys.exit(commands.fetch({str(machine / 'stick')!r}, record))"
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        status, _, err = on_disk(
            machine, mount.format(machine / "stick"), code, url, data_dir=False
        )
    assert status == 1
    assert err.splitlines()[-1] == (
        f"dlkit: Tiny was not fetched: cannot write in {machine / 'stick'}: {reason}"
    )
    assert fs.files_in(machine) == []


def test_a_verified_copy_on_a_read_only_share_is_used_from_there(machine):
    (machine / "stick").mkdir()
    (machine / "tiny.npz").write_bytes(NPZ)
    stick = machine / "stick"
    mount = f"mount -t tmpfs none {stick} && cp {machine}/tiny.npz {stick} && " + (
        f"mount -o remount,ro {stick}"
    )
    status, out, err = on_disk(machine, mount, "load()", "", data_dir=True)
    assert (status, out) == (0, "source: Tiny, verified copy in $DLKIT_DATA_DIR\n")


def test_an_interrupted_download_leaves_nothing(machine, monkeypatch):
    monkeypatch.setattr(download, "wait", interrupt_when_downloading(download.wait))
    with fs.serving({"tiny.npz": fs.trickles}) as (url, _), pytest.raises(KeyboardInterrupt):
        fetch(fs.tiny_record(url), machine / "course/data", lambda line: None)
    assert fs.files_in(machine) == []


def interrupt_when_downloading(wait):
    """A `wait` that raises KeyboardInterrupt in the third wait for a transfer."""
    calls = []

    def interrupting(futures, timeout):
        calls.append(timeout)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return wait(futures, timeout=timeout)

    return interrupting


def test_without_even_the_sample_the_error_says_what_to_do(machine):
    (machine / "course/data/tiny_sample.npz").unlink()
    with pytest.raises(DataError, match=r"connection refused\), and the bundled sample is missing"):
        load_from(f"http://127.0.0.1:{free_port()}")


def test_a_damaged_sample_is_not_used(machine):
    np.savez(machine / "course/data/tiny_sample.npz", x_train=np.ones(3, np.uint8))
    with pytest.raises(DataError, match="not the bundled sample: the contents of x_train differ"):
        load_from(f"http://127.0.0.1:{free_port()}")


def test_nothing_reaches_stderr_in_a_notebook_even_without_widgets(machine):
    # tqdm, imported by pooch, warns in a notebook whose environment has no ipywidgets.
    code = """
import types, warnings
shell = types.ModuleType("IPython")
shell.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["IPython"] = sys.modules["ipykernel.zmqshell"] = shell
sys.modules["ipywidgets"] = None
load()
"""
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, _):
        child = fs.start(code, {**os.environ, "TEST_MIRRORS": url})
        out, err = finished(child)
    assert err == ""
    assert out.splitlines() == [
        "Tiny: downloading from 127.0.0.1",
        "source: Tiny, verified copy in data/",
    ]


def test_fetch_command_is_idempotent_and_copies_what_is_on_the_machine(machine, capsys):
    with fs.serving({"tiny.npz": fs.sends(NPZ)}) as (url, requests):
        record = fs.tiny_record(url)
        assert commands.fetch(record=record) == 0
        asked = len(requests)
        assert commands.fetch(record=record) == 0
        assert commands.fetch(str(machine / "stick"), record) == 0
        assert commands.fetch(str(machine / "stick"), record) == 0
        assert len(requests) == asked
    lines = capsys.readouterr().out.splitlines()
    home, stick = machine / "course/data/downloads", machine / "stick/downloads"
    assert lines == [
        "Tiny: downloading from 127.0.0.1",
        f"Tiny is there, verified: {home}",
        f"Tiny is already there, verified: {home / 'tiny.npz'}",
        f"Copying from {home / 'tiny.npz'}",
        f"Tiny is there, verified: {stick}",
        f"Tiny is already there, verified: {stick / 'tiny.npz'}",
    ]
    assert fs.files_in(machine) == [
        "course/data/downloads/tiny.npz",
        "stick/downloads/tiny.npz",
    ]


def test_fetch_and_verify_commands_fail_with_a_sentence(machine, capsys):
    record = fs.tiny_record(f"http://127.0.0.1:{free_port()}")
    assert commands.fetch(record=record) == 1
    assert commands.verify(record) == 1  # the sample alone is no data set
    (machine / "course/data/tiny.npz").write_bytes(NPZ[:5000])
    assert commands.verify(record) == 1
    assert commands.where(record) == 0
    out, err = capsys.readouterr()
    assert "dlkit: Tiny was not fetched: 127.0.0.1: connection refused" in err
    assert "dlkit: Tiny is not on this machine." in err
    assert f"DAMAGED   {machine / 'course/data/tiny.npz'}: tiny.npz is truncated" in out
    assert "tiny.npz: not used: tiny.npz is truncated or damaged" in out
    (machine / "course/data/tiny.npz").write_bytes(NPZ)
    assert commands.verify(record) == 0
    (machine / "course/data/other").mkdir()
    (machine / "course/data/other/tiny.npz").write_bytes(flipped(NPZ))  # another data set
    assert commands.verify(record) == 0
