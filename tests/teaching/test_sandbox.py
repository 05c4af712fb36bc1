"""What the sandbox stops, at each level of protection that this machine has.

The programs here are harmless if the sandbox fails: bombs end by themselves after a second or at a
bound, and what they attack is a file or a server of the test.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from helpers.waiting import wait_until

from dlkit.teaching import sandbox, supervisor
from dlkit.teaching.sandbox import FULL, LIMITS, NAMESPACES, Limits, Sandbox

pytestmark = pytest.mark.alone

SMALL = Limits(seconds=60, memory=400_000_000, output=100_000, disk=20_000_000, processes=20)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has limits on time and output only")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(scope="module", params=[FULL, NAMESPACES, LIMITS])
def box(request):
    try:
        with Sandbox(request.param) as found:
            yield found
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture
def marked():
    """A word for a command line, to find what was left running: a function that counts it."""
    word = f"dlkit-test-{os.getpid()}-{time.monotonic_ns()}"

    def running():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")) if sys.platform == "linux" else ():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    found += [pid] if word.encode() in file.read() else []
            except OSError:
                continue
        return found

    running.word = word
    return running


def run(box, code, **limits):
    return box.run(code, limits=replace(SMALL, **limits))


def test_what_it_runs_gets_its_input_and_answers(box):
    outcome = box.run("import sys; print(sys.stdin.read()); sys.stderr.write('b')", "a", SMALL)
    assert (outcome.results, outcome.output, outcome.returncode) == ("a\n", "b", 0)
    assert (outcome.stopped, outcome.orphans) == ("", 0)


def test_it_sees_no_variables_of_ours_and_an_empty_home(box, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "secret")
    code = "import os; print(sorted(os.environ), os.listdir('.'), os.environ['HOME'], os.getcwd())"
    outcome = run(box, code)
    assert "MY_TOKEN" not in outcome.results and "HTTP_PROXY" not in outcome.results.upper()
    assert os.path.expanduser("~") + "'" not in outcome.results


def test_it_imports_a_copy_of_dlkit(box):
    outcome = run(box, "import dlkit; print(dlkit.__file__)")
    assert str(sandbox.PACKAGE) not in outcome.results and "dlkit" in outcome.results


def test_an_endless_loop_is_stopped(box):
    outcome = run(box, "while True: pass", seconds=1)
    assert outcome.stopped == "longer than 1 s"


def test_whoever_ignores_signals_is_stopped(box):
    code = "import signal, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
    assert run(box, code + "time.sleep(20)", seconds=1).stopped == "longer than 1 s"


def test_endless_output_is_stopped_and_cut(box):
    code = "import sys\nfor _ in range(10**6): sys.stderr.write(100 * 'x' + '\\n')"
    outcome = run(box, code)
    assert outcome.stopped == "printed more than 0.1 MB" and len(outcome.output) <= 4000


def test_endless_results_are_stopped_and_cut(box):
    outcome = run(box, "import sys\nfor _ in range(10**6): sys.stdout.write(100 * 'x')")
    assert outcome.stopped == "printed more than 0.1 MB" and len(outcome.results) <= 10**6


@POSIX
def test_one_large_claim_of_memory_fails(box):
    """More than the machine has would fail without a limit; 3 GB do not."""
    if sys.platform == "darwin":
        pytest.skip("macOS knows no limit on data: only what is in use counts")
    outcome = run(box, "x = bytearray(3 * 10**9); print('got it')")
    assert "got it" not in outcome.results
    assert outcome.stopped or "MemoryError" in outcome.output


@POSIX
def test_a_memory_hog_of_several_processes_is_stopped(box):
    code = (
        "import os, time\n"
        "for _ in range(4): os.fork()\n"
        "x = b'x' * 100_000_000\ntime.sleep(50)\nprint('all there')"
    )
    outcome = run(box, code)
    assert outcome.stopped == "more than 400 MB of memory" and "all there" not in outcome.results


@LINUX
def test_a_fork_bomb_is_stopped_and_nothing_is_left(box, marked):
    """Without a limit it would have 500 processes, and end after 20 s."""
    bomb = (
        "import os, sys, time\nend = time.time() + 20\n"
        "for n in range(500):\n"
        "    if time.time() < end and os.fork() == 0:\n"
        "        os.setsid() if n % 2 else None\n"
        "        time.sleep(max(0, end - time.time())); os._exit(0)\n"
        "time.sleep(20)"
    )
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {bomb!r}, {{!r}}])"
    outcome = run(box, start.format(marked.word))
    assert outcome.stopped == "more than 20 processes"
    assert marked() == []


@LINUX
def test_a_bomb_that_doubles_is_stopped(box):
    """At most 2**9 processes, for at most 10 s."""
    code = "import os, time\nfor _ in range(9): os.fork()\ntime.sleep(10)"
    outcome = run(box, code)
    assert outcome.stopped.startswith("more than")


@LINUX
def test_who_leaves_the_group_and_loses_his_parents_is_still_ended(box, marked):
    code = (
        "import os, subprocess, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        end = 'import time; time.sleep(20)'\n"
        f"        os.execve(sys.executable, [sys.executable, '-c', end, '{marked.word}'], {{}})\n"
        "    os._exit(0)\n"
        "import time; time.sleep(0.5); print('over')"
    )
    assert run(box, code).results == "over\n"
    assert marked() == []


@LINUX
def test_all_is_ended_if_the_supervisor_is_killed(marked, box):
    """The teacher's Ctrl-C, or a crash: nobody is left who could wait for the end."""
    if box.level == LIMITS:
        code = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)\n"
        outcome = run(box, code + "import time; time.sleep(20)")
        assert outcome.stopped.startswith("the supervising process was ended")
    else:
        outcome = run(box, "import os, signal; os.kill(os.getppid(), signal.SIGKILL); print(1)")
        assert "supervising" not in outcome.stopped  # there is nobody of ours to be seen


def test_a_full_disk_is_stopped(box):
    code = (
        "import time\n"
        "for n in range(100): open(f'f{n}', 'wb').write(bytes(1_000_000))\n"
        "time.sleep(50)"
    )
    assert run(box, code).stopped.startswith("wrote more than 20 MB")


@POSIX
def test_one_large_file_is_stopped(box):
    outcome = run(box, "open('f', 'wb').write(bytes(10**8)); print('written')")
    assert "written" not in outcome.results


# ---- What a process holds, whether it is mapped, has a name, or not ---------------------------

MEGABYTES = "import ctypes, mmap, os, sys, time\npiece = os.urandom(2**20)\n"
HOLDS = {
    "a memory file": "f = os.memfd_create('m')\nfor _ in range(150): os.write(f, piece)\n",
    "a memory file that is mapped, its descriptor closed": (
        "f = os.memfd_create('m')\nfor _ in range(150): os.write(f, piece)\n"
        "m = mmap.mmap(f, 150 * 2**20); os.closerange(3, 99)\n"
    ),
    "shared memory whose pages were put aside": (
        "m = mmap.mmap(-1, 150 * 2**20)\n"
        "for _ in range(150): m.write(piece); m.madvise(mmap.MADV_DONTNEED)\n"
    ),
}


@LINUX
@pytest.mark.parametrize("how", HOLDS)
def test_memory_that_is_not_mapped_counts(box, how, monkeypatch):
    """Without the filter of system calls: so that it is the counting that is tested."""
    monkeypatch.setattr(sandbox, "LOCKDOWN", "locked = ''\n")
    code = MEGABYTES + HOLDS[how] + "time.sleep(50)\nprint('all there')"
    outcome = run(box, code, memory=100_000_000, disk=10**9)
    assert outcome.stopped == "more than 100 MB of memory" and "all there" not in outcome.results


@LINUX
@pytest.mark.parametrize(
    "how",
    [
        "held = []\nfor n in range(10):\n"
        "    held.append(open(f'f{n}', 'wb', 0)); os.remove(f'f{n}')\n"
        "    for _ in range(5): held[-1].write(piece)\n",
        "f = open('f', 'w+b')\nfor _ in range(15): f.write(piece)\n"
        "m = mmap.mmap(f.fileno(), 0)\n"
        "g = open('g', 'w+b')\nfor _ in range(15): g.write(piece)\n"
        "n = mmap.mmap(g.fileno(), 0)\nos.remove('f'); os.remove('g'); os.closerange(3, 99)\n",
    ],
    ids=["open", "mapped"],
)
def test_a_file_that_lost_its_name_counts(box, how):
    outcome = run(box, MEGABYTES + how + "time.sleep(50)\nprint('all there')")
    assert outcome.stopped.startswith("wrote more than 20 MB"), outcome


@LINUX
def test_what_an_honest_program_shares_is_counted_once(box):
    """60 MB that three processes see, with a limit that counting it twice would break."""
    code = (
        "import mmap, os, time\n"
        "m = mmap.mmap(-1, 60 * 2**20)\n"
        "for _ in range(2):\n"
        "    if os.fork() == 0: time.sleep(1.5); os._exit(0)\n"
        "for _ in range(60): m.write(os.urandom(2**20))\n"
        "time.sleep(1); os.wait(); os.wait(); print('all there')"
    )
    outcome = run(box, code, memory=140_000_000)
    assert (outcome.stopped, outcome.results) == ("", "all there\n")


@POSIX
def test_folders_too_deep_to_be_looked_into_are_refused_and_removed(box):
    """1500 folders in one another: more than Python's recursion, and a path can have."""
    deep = "import os, time\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')\n"
    hidden = "open('f', 'wb').write(bytes(15_000_000)); open('g', 'wb').write(bytes(15_000_000))\n"
    outcome = run(box, deep + hidden + "time.sleep(50)")
    assert outcome.stopped == "made folders more than 64 deep"
    assert run(box, deep + "print('over')").stopped in ("", outcome.stopped)
    assert [path.name for path in box.folder.iterdir() if path.name.startswith("run-")] == []


@POSIX
def test_a_folder_that_may_not_be_looked_into_is_refused(box):
    if os.getuid() == 0:
        pytest.skip("root may look into every folder")
    code = "import os, time\nos.mkdir('d'); os.chmod('d', 0); time.sleep(50)"
    assert "may not be looked into: d" in run(box, code).stopped


def test_what_is_removed_is_the_folder_alone(tmp_path):
    """A link in it is removed, not followed."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "a" / "b").mkdir(parents=True)
    outside.mkdir()
    (outside / "precious").write_text("mine")
    for place in (inside, inside / "a", inside / "a" / "b"):
        (place / "file").write_text("")
        (place / "link").symlink_to(outside)
    sandbox.remove(inside)
    assert not inside.exists() and (outside / "precious").read_text() == "mine"


CALLS = """
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
user, mount, network = 0x10000000, 0x20000, 0x40000000
clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
tries = {
    "memfd_create": lambda: libc.memfd_create(b"m", 0),
    "shmget": lambda: libc.shmget(0, 4096, 0o1600),
    "msgget": lambda: libc.msgget(0, 0o1600),
    "unshare user": lambda: libc.unshare(user),
    "unshare mount": lambda: libc.unshare(user | mount),
    "unshare network": lambda: libc.unshare(network),
    "unshare files": lambda: libc.unshare(0x400),
    "clone": lambda: libc.syscall(clone, user | 17, 0, 0, 0, 0),
    "clone3": lambda: libc.syscall(435, 0, 0),
    "io_uring_setup": lambda: libc.syscall(425, 8, ctypes.create_string_buffer(120)),
    "setns": lambda: libc.setns(os.open("/proc/self/ns/net", os.O_RDONLY), 0),
    "mount": lambda: libc.mount(b"none", os.getcwd().encode(), b"tmpfs", 0, None),
    "prctl": lambda: libc.prctl(4, 0, 0, 0, 0),
    "a program": lambda: -subprocess.call(["unshare", "--user", "true"]),
}
for name, attempt in tries.items():
    if attempt() >= 0:
        print("possible:", name)
print("tried", len(tries))
"""


@LINUX
def test_ways_around_the_limits_are_refused(box):
    if any("not closed" in gap for gap in box.gaps):
        pytest.skip(str(box.gaps))
    outcome = run(box, CALLS)
    assert outcome.results == "tried 14\n", outcome


def test_what_an_ordinary_program_does_still_works(box):
    code = (
        "import asyncio, concurrent.futures, multiprocessing, subprocess, sys, threading\n"
        "from multiprocessing import shared_memory\n"
        "thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()\n"
        "command = [sys.executable, '-c', 'print(1)']\n"
        "print(subprocess.run(command, capture_output=True).stdout[:1])\n"
        "with concurrent.futures.ProcessPoolExecutor(1) as pool:\n"
        "    print(pool.submit(abs, -2).result())\n"
        "block = shared_memory.SharedMemory(create=True, size=9); block.close(); block.unlink()\n"
        "print(asyncio.run(asyncio.sleep(0, 'async')))\n"
    )
    if os.name == "nt":
        pytest.skip("a pool of processes needs a program with a name there")
    outcome = run(box, code, processes=30)
    assert outcome.results == "thread\nb'1'\n2\nasync\n", outcome


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A systemd-run that notes its words, and a control group with the limit that was asked for."""
    if sys.platform != "linux":
        pytest.skip("control groups are Linux's")
    program = tmp_path / "systemd-run"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"open({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "place = sys.argv.index('--') + 1\nos.execvp(sys.argv[place], sys.argv[place:])\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_a_control_group_is_used_only_if_it_has_the_limit(group):
    """The program starts what it is given and limits nothing, as where no memory is delegated."""
    assert not sandbox._has_groups()
    asked = (group / "asked").read_text()
    assert "--user --scope" in asked and f"MemoryMax={2 * 10**9 + 2**26}" in asked


def test_a_run_in_a_control_group_starts_in_it_and_reads_why_it_was_ended(
    group, monkeypatch, tmp_path
):
    monkeypatch.setattr(sandbox, "_has_groups", lambda: True)
    with Sandbox(LIMITS) as box:
        assert not any("control group" in gap for gap in box.gaps)
        assert run(box, "print('ran')").results == "ran\n"
    assert "MemoryMax=467108864 -p MemorySwapMax=0" in (group / "asked").read_text()
    with open("/proc/self/cgroup", encoding="ascii") as file:
        own = [line[4:] for line in file.read().splitlines() if line.startswith("0::/")]
    if not own:
        pytest.skip("this system has no control groups of the second version")
    folder = tmp_path / "groups" / own[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{(467_108_864 // 4096) * 4096}\n")
    (folder / "memory.events").write_text("oom 1\noom_kill 0\n")
    monkeypatch.setattr(supervisor, "GROUPS", str(tmp_path / "groups"))
    assert not supervisor._ended_by_group(400_000_000)
    (folder / "memory.events").write_text("oom 1\noom_kill 1\n")
    assert supervisor._ended_by_group(400_000_000)
    assert not supervisor._ended_by_group(500_000_000)


def test_exit_and_closed_descriptors_are_only_an_end(box):
    assert run(box, "import os; os._exit(3)").returncode == 3
    assert run(box, "import os; os.closerange(0, 200)").stopped == ""


def test_nothing_of_a_run_is_left_for_the_next(box):
    run(box, "import dlkit; open(dlkit.__file__, 'a').write('x = 1'); open('mine', 'w').write('')")
    outcome = run(box, "import dlkit, os; print(hasattr(dlkit, 'x'), os.path.exists('mine'))")
    assert outcome.results == "False False\n"


def test_folders_that_may_not_be_read_are_removed_too(box):
    run(box, "import os; os.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0)")
    assert [path.name for path in box.folder.iterdir() if path.name.startswith("run-")] == []


# ---- What the levels differ in ---------------------------------------------------------------


@pytest.fixture
def server():
    """Address of a server on this machine, and the list of who reached it."""
    reached = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def answer():
            try:
                while True:
                    connection, _ = listener.accept()
                    reached.append(connection.recv(100))
                    connection.close()
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname(), reached


def test_the_network_is_out_of_reach_in_a_namespace(box, server):
    address, reached = server
    code = f"import socket; s = socket.create_connection({address}, 3); s.send(b'hello'); s.recv(1)"
    outcome = run(box, code)
    if box.level == LIMITS:
        assert reached == [b"hello"]  # said plainly: no protection, and the attack works
    else:
        assert reached == [] and "Error" in outcome.output


def test_files_are_out_of_reach_at_the_full_level_only(box, tmp_path):
    precious = tmp_path / "grades.csv"
    precious.write_text("ada,1\n")
    code = f"import os; path = {str(precious)!r}; print(open(path).read()); os.remove(path)"
    outcome = run(box, code)
    if box.level == FULL:
        assert precious.read_text() == "ada,1\n" and "ada" not in outcome.results
    else:
        assert not precious.exists()  # said plainly


def test_the_system_and_the_checker_are_read_only_at_the_full_level(box):
    if box.level != FULL:
        pytest.skip("promised at the full level only")
    code = (
        "import os, sys, dlkit\n"
        "places = ['/', '/usr', '/etc', '/proc/sys/kernel', '/dev', sys.prefix]\n"
        "for place in [*places, os.path.dirname(dlkit.__file__)]:\n"
        "    try: open(place + '/dlkit-was-here', 'w'); print('wrote', place)\n"
        "    except OSError: pass\n"
        "try: open('/proc/sys/kernel/core_pattern', 'r+'); print('opened core_pattern')\n"
        "except OSError: pass\n"
        "print(sorted(os.listdir('/dev')))"
    )
    outcome = run(box, code)
    assert "wrote" not in outcome.results and "opened" not in outcome.results
    devices = ("sd", "vd", "nvme", "mem", "kmsg", "dm-", "loop")
    assert not [d for d in devices if f"'{d}" in outcome.results], outcome.results


def test_other_processes_are_out_of_sight_in_a_namespace(box):
    code = "import os; print(len([n for n in os.listdir('/proc') if n.isdigit()]))"
    if box.level == LIMITS:
        pytest.skip("promised in a namespace only")
    assert int(run(box, code).results) <= 3


# ---- Choosing a level ------------------------------------------------------------------------


def test_a_level_that_does_not_work_is_passed_over_and_the_reason_given(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda program: None)
    with Sandbox() as box:
        assert box.level == LIMITS
        assert len(box.reasons) == 2 and "bubblewrap" in box.reasons[0]


@LINUX
def test_a_program_that_fails_is_as_good_as_none(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda program: "/bin/false")
    with Sandbox() as box:
        assert box.level == LIMITS and "does not work here" in box.reasons[0]


def test_a_level_asked_for_that_does_not_work_is_an_error(monkeypatch):
    monkeypatch.setattr(sandbox, "_missing", lambda level: f"{level}: no")
    with pytest.raises(ValueError, match="no sandbox: full: no"):
        Sandbox(FULL)


@LINUX
def test_nothing_is_left_if_the_teacher_stops_the_command(marked, tmp_path):
    code = (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; "
        f"time.sleep(300)', '{marked.word}'])"
    )
    program = (
        f"from dlkit.teaching.sandbox import *\nwith Sandbox('limits') as box: box.run({code!r})"
    )
    env = os.environ | {"TMPDIR": str(tmp_path)}
    teacher = subprocess.Popen([sys.executable, "-c", program], env=env, cwd=sandbox.PACKAGE.parent)
    wait_until(lambda: len(marked()) >= 2, 60, "it runs")
    teacher.kill()
    teacher.wait()
    wait_until(lambda: not marked(), 60, "all of it is ended")
