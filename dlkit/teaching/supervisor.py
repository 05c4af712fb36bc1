"""Runs one command within limits, and ends everything that it started.

It is a program of its own (``python -I supervisor.py``: a task as JSON on stdin, the outcome as
JSON on stdout), so that on Linux it can adopt the orphans of what it runs. A process that leaves
its group, or whose parent ends, is still found and ended. It imports the standard library alone.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

LINUX, WINDOWS = sys.platform == "linux", os.name == "nt"
POLL_S = 0.05
KEPT = 4000  # bytes of the printed text that are reported
RESULTS = 1_000_000  # bytes of results that are read
FILES = 20_000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Pipe(threading.Thread):
    """Reads a pipe to its end: keeps the first bytes, counts all."""

    def __init__(self, stream, kept):
        super().__init__(daemon=True)
        self.stream, self.room, self.kept, self.count = stream, kept, b"", 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self.stream.fileno(), 65536):
                self.count += len(chunk)
                self.kept += chunk[: max(0, self.room - len(self.kept))]


def supervise(command, env, cwd, text, limits):
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
    results, output = Pipe(child.stdout, RESULTS), Pipe(child.stderr, KEPT)
    threading.Thread(target=_feed, args=(child.stdin, text), daemon=True).start()
    stopped, disk_at = "", 0.0
    try:
        while not stopped and child.poll() is None:
            time.sleep(POLL_S)
            seconds = time.monotonic() - started
            stopped = _over(seconds, output.count + results.count, limits)
            if not stopped and seconds > disk_at:
                stopped, disk_at = _over_disk(cwd, limits["disk"]), seconds + 0.5
            if os.getppid() != parent:
                stopped = "the command that asked for it has ended"
    finally:
        orphans = end_everything(child)
    for pipe in (results, output):
        pipe.join(1)
    if not stopped:  # a short process may be over its limit between two looks
        stopped = _over(0, output.count + results.count, limits)
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


def _over_disk(folder, most):
    total = number = 0
    for root, _, files in os.walk(folder):
        for name in files:
            number += 1
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size
            if total > most or number > FILES:
                return f"wrote more than {_size(most)} or {FILES} files"
    return ""


def _size(number):
    return f"{number / 1e9:g} GB" if number >= 1e9 else f"{number / 1e6:g} MB"


def processes():
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


def descendants():
    """{pid: resident bytes} of the living processes that descend from this one."""
    table, family = processes(), {os.getpid()}
    while more := {pid for pid, (parent, _) in table.items() if parent in family} - family:
        family |= more
    return {pid: table[pid][1] for pid in family - {os.getpid()} if pid in table}


def end_everything(child, patience=10.0):
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
        kind = getattr(resource, name, None)
        with contextlib.suppress(OSError, ValueError, TypeError):
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


def main():
    """Read the task, run it, print the outcome."""
    task = json.loads(sys.stdin.buffer.read())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    sys.stdout.write(json.dumps(supervise(**task)))


if __name__ == "__main__":
    main()
