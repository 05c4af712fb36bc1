"""A web server on 127.0.0.1 that fails on request, and a small data set for it to serve."""

import gzip
import io
import os
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from dlkit.data import store
from dlkit.data.readers import ArraySpec, digest, read_idx, read_npz
from dlkit.data.registry import Format, Mirror, Record, Sample
from helpers import ROOT

NPZ = Format(("tiny.npz",), read_npz)
IDX = Format(("tiny-images.gz", "tiny-labels.gz"), read_idx)


def tiny_arrays(seed=0):
    """Noise in the form of MNIST: 157 kB, which does not compress."""
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (200, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, (200,), dtype=np.uint8),
    }


def as_npz(arrays):
    """The bytes of an .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def as_idx(array):
    """The bytes of an IDX file of uint8."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def as_files(arrays):
    """File name -> bytes, in both formats of the small data set."""
    names = zip(IDX.files, arrays.values(), strict=True)
    return {"tiny.npz": as_npz(arrays)} | {
        name: gzip.compress(as_idx(array), mtime=0) for name, array in names
    }


def tiny_record(*urls, format=NPZ):
    """The small data set, served at these addresses; its sample is as small as can be."""
    arrays = tiny_arrays()
    return Record(
        name="Tiny",
        arrays={name: ArraySpec(array.shape, digest(array)) for name, array in arrays.items()},
        formats=(NPZ, IDX),
        mirrors=tuple(Mirror(url, format) for url in urls),
        class_names=tuple("0123456789"),
        license="none",
        citation="none",
        max_bytes=1_000_000,
        sample=Sample(
            "tiny_sample.npz",
            "Tiny sample",
            "three zeros",
            "none",
            {"x_train": ArraySpec((3,), digest(np.zeros(3, np.uint8)))},
        ),
    )


def sends(body, status=200, kind="application/octet-stream", length=None):
    """Answers with these bytes; `length` is what the server announces, None: the truth."""

    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)

    return answer


def never_answers(handler):
    """Accepts the connection, reads the request, and says nothing.

    After a minute it hangs up: who has not given up by then sees a closed connection, and does not
    say that it timed out.
    """
    handler.server.closing.wait(60)


def answers_head_only(handler):
    """Says at once that the file is there, and then never sends it."""
    if handler.command == "GET":
        never_answers(handler)
    sends(b"")(handler)


def trickles(handler):
    """Sends a byte every tenth of a second, so that no read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while handler.command == "GET" and not handler.server.closing.wait(0.1):
        handler.wfile.write(b"P")
        handler.wfile.flush()


def never_ends(handler):
    """Sends zeros until the other side has had enough."""
    handler.send_response(200)
    handler.end_headers()
    while handler.command == "GET" and not handler.server.closing.is_set():
        handler.wfile.write(bytes(65536))


def waits_for(others, answer):
    """Answers a GET only when so many are waiting: all of them are then under way at once."""
    barrier = threading.Barrier(others)

    def wait_then_answer(handler):
        if handler.command == "GET":
            barrier.wait(timeout=60)
        answer(handler)

    return wait_then_answer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(f"{self.command} {self.path}")
        answer = self.server.answers.get(self.path, sends(b"not here", 404, "text/plain"))
        try:
            answer(self)
        except ConnectionError:
            self.close_connection = True  # the other side has left, as it should

    do_HEAD = do_GET

    def log_message(self, *args):
        """No lines on stderr."""


@contextmanager
def serving(answers):
    """Yields (address, list of requests) of a server that answers each path as told."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answers = {f"/{path}": answer for path, answer in answers.items()}
    server.requests, server.closing = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.requests
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


VARIABLES = (
    "DLKIT_DATA_DIR",
    "DLKIT_MIRROR",
    "DLKIT_OFFLINE",
    "DLKIT_REAL_DATA",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)


def lone_machine(folder):
    """The environment of a machine that has nothing yet: every place lies below `folder`.

    `folder/course` stands for the checkout, with the sample in its `data`.
    """
    sample = folder / "course" / "data" / "tiny_sample.npz"
    sample.parent.mkdir(parents=True)
    np.savez_compressed(sample, x_train=np.zeros(3, np.uint8))
    env = {k: v for k, v in os.environ.items() if k.upper() not in {*VARIABLES, "ALL_PROXY"}}
    return env | {
        "HOME": str(folder / "home"),
        "KERAS_HOME": str(folder / "keras"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "TEST_COURSE": str(folder / "course"),
    }


def move_in(monkeypatch, folder):
    """Makes this process see the machine of `lone_machine`."""
    import pooch

    env = lone_machine(folder)
    for name in set(os.environ) - set(env):
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store, "checkout", lambda: folder / "course")
    monkeypatch.setattr(pooch, "os_cache", lambda name: folder / "cache" / name)


CHILD = """
import os, pathlib, sys
from helpers import fault_server as fs
from dlkit.data import commands, download, store
store.checkout = lambda: pathlib.Path(os.environ["TEST_COURSE"])
record = fs.tiny_record(*os.environ.get("TEST_MIRRORS", "").split())
def load():
    print("source:", store.load(record).source)
"""


def start(code, env, *prefix, stderr=subprocess.PIPE):
    """A child process that runs CHILD and then the code, as on the machine of `env`."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", CHILD + code],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def files_in(folder):
    """The files below a folder, by relative name, without the sample."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if not name.endswith("_sample.npz"))
