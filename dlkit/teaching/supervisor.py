"""Runs one command within limits, and ends everything that it started.

It is a program of its own (``python -I supervisor.py``: a task as JSON on stdin, the outcome as
JSON on stdout), so that on Linux it can adopt the orphans of what it runs. A process that leaves
its group, or whose parent ends, is still found and ended. It imports the standard library alone.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from typing import IO

LINUX, WINDOWS = sys.platform == "linux", os.name == "nt"
POLL_S, LOOK_S = 0.05, 0.25  # between two looks at what is quick to see, and at all
KEPT = 4000  # bytes of the printed text that are reported
RESULTS = 1_000_000  # bytes of results that are read
FILES = 20_000
DEEPEST = 64  # folders in folders
FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
GROUPS = "/sys/fs/cgroup"
OWN_MEMORY = 2**26  # bytes: what the supervisor itself may use of a control group
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Pipe(threading.Thread):
    """Reads a pipe to its end: keeps the first bytes, counts all."""

    def __init__(self, stream: IO[bytes], kept: int) -> None:
        super().__init__(daemon=True)
        self.stream, self.room, self.kept, self.count = stream, kept, b"", 0
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self.stream.fileno(), 65536):
                self.count += len(chunk)
                self.kept += chunk[: max(0, self.room - len(self.kept))]


def supervise(command: list[str], env: dict[str, str], cwd: str, text: str, limits: dict) -> dict:
    """Run a command; text is its standard input.

    Args:
        limits: seconds of wall clock; memory, output and disk in bytes; number of processes.

    Returns:
        dict: ``results`` (its stdout), ``output`` (the start of its stderr), ``returncode``,
        ``stopped`` (which limit ended it, or ""), ``seconds``, ``orphans`` (how many processes it
        left behind; they were ended).
    """
    started, parent = time.monotonic(), os.getppid()
    child = subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=None if WINDOWS else lambda: _set_limits(limits),
    )
    assert child.stdin and child.stdout and child.stderr  # they are pipes
    results, output = Pipe(child.stdout, RESULTS), Pipe(child.stderr, KEPT)
    threading.Thread(target=_feed, args=(child.stdin, text), daemon=True).start()
    stopped, looked_at = "", 0.0
    try:
        while not stopped and child.poll() is None:
            time.sleep(POLL_S)
            seconds = time.monotonic() - started
            stopped = _over(seconds, output.count + results.count, limits)
            if not stopped and seconds > looked_at:
                stopped, looked_at = _over_held(cwd, limits), seconds + LOOK_S
            if os.getppid() != parent:
                stopped = "the command that asked for it has ended"
    finally:
        orphans = end_everything(child)
    for pipe in (results, output):
        pipe.join(1)
    if not stopped:  # a short process may be over its limit between two looks
        stopped = _over(0, output.count + results.count, limits)
    if not stopped and _ended_by_group(limits["memory"]):
        stopped = f"more than {_size(limits['memory'])} of memory"
    return {
        "results": results.kept.decode(errors="replace"),
        "output": output.kept.decode(errors="replace"),
        "returncode": child.returncode,
        "stopped": stopped,
        "seconds": time.monotonic() - started,
        "orphans": 0 if stopped else orphans,
    }


def _feed(stream, text):
    with contextlib.suppress(OSError), stream:
        stream.write(text.encode())


def _over(seconds, printed, limits):
    """Which limit is exceeded, in words; "" if none."""
    if seconds > limits["seconds"]:
        return f"longer than {limits['seconds']:g} s"
    if printed > limits["output"]:
        return f"printed more than {_size(limits['output'])}"
    family = descendants()
    if len(family) > limits["processes"]:
        return f"more than {limits['processes']} processes"
    if sum(family.values()) > limits["memory"]:
        return f"more than {_size(limits['memory'])} of memory"
    return ""


def _over_held(folder, limits):
    """As `_over`, for what is slow to see: the folder, and what has no name and no mapping."""
    memory, files = held(descendants())
    if memory > limits["memory"]:
        return f"more than {_size(limits['memory'])} of memory"
    number, size, problem = _count(folder)
    if problem:
        return problem
    if size + files > limits["disk"] or number > FILES:
        return f"wrote more than {_size(limits['disk'])} or {FILES} files"
    return ""


def held(family: dict[int, int]) -> tuple[int, int]:
    """(bytes of memory, bytes of files without a name) that processes hold.

    Memory is what each has mapped and in use, and besides, on Linux, memory that need not be mapped
    (memfd) and shared mappings whose pages were put aside, not given back. A file that was removed
    counts while it is open or mapped; if it is mapped alone, as far as the mapping reaches.

    Args:
        family: {pid: resident bytes}, as `descendants` gives it.
    """
    sizes: dict[tuple[bool, int], int] = {}  # (is memory, inode) -> bytes
    in_use: dict[tuple[bool, int], int] = {}
    for pid in family if LINUX else ():
        for key, (reach, resident) in _mapped(pid).items():
            sizes[key] = max(reach, sizes.get(key, 0))
            in_use[key] = resident + in_use.get(key, 0)  # was counted for each process
    for pid in family if LINUX else ():
        sizes |= _open_without_name(pid)  # exact, in the place of the reach
    unseen = {key: max(0, size - in_use.get(key, 0)) for key, size in sizes.items()}
    memory = sum(size for (is_memory, _), size in unseen.items() if is_memory)
    files = sum(size for (is_memory, _), size in sizes.items() if not is_memory)
    return sum(family.values()) + memory, files


MAPPING = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ [-r][-w][-x][ps] ", flags=re.MULTILINE)
IN_MEMORY = ("/memfd:", "/dev/zero", "/dev/shm/", "/SYSV")


def _mapped(pid):
    """{(is memory, inode): (how far it is mapped, bytes in use)} of what has no name any more."""
    found: dict[tuple[bool, int], tuple[int, int]] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/maps", "rb") as file:
            if not re.search(rb" [-r][-w][-x]s .*(\(deleted\)|/SYSV)", file.read()):
                return found
        with open(f"/proc/{pid}/smaps", "rb") as file:
            key = None
            for line in file:
                if MAPPING.match(line):
                    place, flags, offset, _, inode, *path = line.decode(errors="replace").split()
                    name, is_removed = path[0] if path else "", path[-1:] == ["(deleted)"]
                    is_shared = flags.endswith("s") and (is_removed or name.startswith("/SYSV"))
                    key = (name.startswith(IN_MEMORY), int(inode)) if is_shared else None
                    start, end = (int(part, 16) for part in place.split("-"))
                    reach = int(offset, 16) + end - start
                elif key and line.startswith(b"Rss:"):
                    before = found.get(key, (0, 0))
                    resident = int(line.split()[1]) * 1024
                    found[key] = max(reach, before[0]), resident + before[1]
    return found


def _open_without_name(pid):
    """{(is memory, inode): bytes} of the open files of a process that have no name any more."""
    found = {}
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):
                status = os.stat(f"{folder}/{number}")
                if status.st_nlink == 0 and stat.S_ISREG(status.st_mode):
                    is_memory = os.readlink(f"{folder}/{number}").startswith(IN_MEMORY)
                    found[is_memory, status.st_ino] = status.st_blocks * 512
    return found


def _count(folder):
    """(files and folders, their bytes, what is wrong or "") below a folder; no link is followed."""
    if WINDOWS:
        paths = [os.path.join(root, n) for root, _, names in os.walk(folder) for n in names]
        return len(paths), sum(map(os.path.getsize, filter(os.path.isfile, paths))), ""
    place = os.open(folder, FOLDER)
    try:
        return _count_below(place, 0, 0)
    finally:
        os.close(place)


def _count_below(place, depth, number):
    """It goes from open folder to open folder, so that no path is too long to be looked at."""
    size, problem = 0, ""
    with os.scandir(place) as entries:
        for entry in entries:
            number += 1
            if number > FILES or problem:
                break
            try:
                if not entry.is_dir(follow_symlinks=False):
                    size += entry.stat(follow_symlinks=False).st_size
                    continue
                if depth == DEEPEST:
                    return number, size, f"made folders more than {DEEPEST} deep"
                inside = os.open(entry.name, FOLDER, dir_fd=place)
                try:
                    number, more, problem = _count_below(inside, depth + 1, number)
                finally:
                    os.close(inside)
                size += more
            except PermissionError:
                problem = f"made a folder that may not be looked into: {entry.name[:100]}"
            except OSError:
                continue  # it went away, or became something else
    return number, size, problem


def _size(number):
    return f"{number / 1e9:g} GB" if number >= 1e9 else f"{number / 1e6:g} MB"


def _ended_by_group(memory):
    """Whether the control group of the sandbox, if there is one, ended a process for its memory."""
    group = own_group(memory)
    if not group:
        return False
    try:
        with open(os.path.join(group, "memory.events"), encoding="ascii") as file:
            return bool(re.search(r"^oom_kill [1-9]", file.read(), flags=re.M))
    except OSError:
        return False


def own_group(memory: int) -> str:
    """The folder of this process's control group, if it is one with this limit; else ""."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        with open("/proc/self/cgroup", encoding="ascii") as file:
            (place,) = re.findall(r"^0::/(.*)$", file.read(), flags=re.M)
        folder = os.path.join(GROUPS, place)
        with open(os.path.join(folder, "memory.max"), encoding="ascii") as file:
            if int(file.read()) // 4096 == (memory + OWN_MEMORY) // 4096:  # the kernel rounds
                return folder
    return ""


def processes() -> dict[int, tuple[int, int]]:
    """Every process: {pid: (parent's pid, resident bytes)}; of Linux and macOS, else {}."""
    found = {}
    if LINUX:
        page = os.sysconf("SC_PAGE_SIZE")
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                if fields[0] != b"Z":
                    found[int(name)] = int(fields[1]), int(fields[21]) * page
    elif not WINDOWS:
        listing = subprocess.run(["ps", "-Ao", "pid=,ppid=,rss="], capture_output=True, text=True)
        for line in listing.stdout.splitlines():
            pid, parent, kilobytes = map(int, line.split())
            found[pid] = parent, kilobytes * 1024
    return found


def descendants() -> dict[int, int]:
    """{pid: resident bytes} of the living processes that descend from this one."""
    table, family = processes(), {os.getpid()}
    while more := {pid for pid, (parent, _) in table.items() if parent in family} - family:
        family |= more
    return {pid: table[pid][1] for pid in family - {os.getpid()} if pid in table}


def end_everything(child: subprocess.Popen, patience: float = 10.0) -> int:
    """End the child, its group and all other descendants; how many there were beside the child."""
    orphans = 0
    if WINDOWS:
        if child.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True)
        child.wait()
        return orphans
    family = set(descendants()) - {child.pid}
    orphans = len(family)
    with contextlib.suppress(OSError):  # the group may live on without the child
        os.killpg(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        _signal_all(family, signal.SIGSTOP)  # a fork bomb must not grow while it is ended
        _signal_all(family, signal.SIGKILL)
        family = set(descendants())
        if not family:
            break
        time.sleep(0.01)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(patience)
    return orphans


def _signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _set_limits(limits):
    """Limits of the operating system, inherited by whatever the command starts."""
    import resource

    cores = os.cpu_count() or 1
    seconds = int(limits["seconds"]) * cores + 5
    wanted = {
        "RLIMIT_CPU": seconds,
        # The supervisor holds the sum of all processes to the limit. This one is for what a process
        # may claim between two looks; each core may have threads, and each thread 8 MiB of stack.
        "RLIMIT_DATA": limits["memory"] + 2**29 + cores * 2**26,
        "RLIMIT_FSIZE": limits["disk"],
        "RLIMIT_NOFILE": 1024,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": _threads_of_this_user() + 512,  # root is exempt
    }
    for name, most in wanted.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a system lacks some
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))
    os.nice(5)
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _threads_of_this_user():
    count = 0
    if LINUX:
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{name}/task"))
    return max(count, 512)


def main() -> None:
    """Read the task, run it, print the outcome."""
    task = json.loads(sys.stdin.buffer.read())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    sys.stdout.write(json.dumps(supervise(**task)))


if __name__ == "__main__":
    main()
