"""Sees to it that nothing of a service outlives it, whichever of its processes is killed.

``Keeper`` starts this file as a process of its own (``python -m dlkit.serving.keeper FOLDER``), and
tells it on its standard input which processes belong to the service, a line of JSON each time. When
that input ends, the service has: then this ends what is left of them, and removes the folder.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

INTERVAL = 0.5  # seconds between two looks at the processes


def identity(process: psutil.Process) -> tuple[int, float]:
    """What tells a process from a later one with the same number."""
    return process.pid, process.create_time()


def has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or a zombie that only waits to be counted."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(identities: list, folder: str) -> None:
    """End those of the processes that still run, what they started, and remove the folder."""
    found = []
    for pid, created in identities:
        with contextlib.suppress(psutil.Error):  # gone already
            process = psutil.Process(pid)
            if process.create_time() == created:
                found += [process, *process.children(recursive=True)]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not all(map(has_ended, found)):
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


class Keeper:
    """Watches over this process's children, and has them ended when it ends.

    Args:
        folder: removed at the end.
        on_loss: is called, in a thread, with the name of a process without which nothing works,
            when that has ended.
    """

    def __init__(self, folder: str, on_loss: Callable[[str], None]) -> None:
        self._folder, self._on_loss = folder, on_loss
        self._vital: dict[str, psutil.Process] = {}
        self._family: set[psutil.Process] = set()
        self._process = self._start()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._thread.start()

    def need(self, *names: str) -> None:
        """From now on the children with these names must live."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if (name := process.name().removesuffix(".exe")) in names:
                    self._vital[name] = process

    def forget(self) -> None:
        """From now on they may end: the service is being stopped."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def finish(self) -> None:
        """End all that is left, and return when it is gone."""
        self.forget()
        self._tell()
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            status = self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            status = None
        if status != 0:  # it was killed itself
            end([identity(p) for p in self._family if not has_ended(p)], self._folder)

    def _start(self):
        options: dict[str, Any] = {"start_new_session": True}  # Ctrl+C in a terminal is not for it
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(
            [sys.executable, "-m", "dlkit.serving.keeper", self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            **options,
        )
        self._input: Any = process.stdin
        return process

    def _watch(self):
        while not self._stopped.wait(INTERVAL):
            if self._process.poll() is not None:
                self._process = self._start()
            self._tell()
            for name, process in self._vital.items():
                if has_ended(process) and not self._stopped.is_set():
                    self._on_loss(name)
                    return

    def _tell(self):
        """The children there are, and those there were: a dead parent's go to another one."""
        children = psutil.Process().children(recursive=True)
        self._family = {p for p in self._family if not has_ended(p)}
        self._family |= {p for p in children if p.pid != self._process.pid}
        identities = []
        for process in self._family:
            with contextlib.suppress(psutil.Error):
                identities.append(identity(process))
        with contextlib.suppress(OSError, ValueError):  # the keeper was killed
            self._input.write(json.dumps(identities) + "\n")
            self._input.flush()


def main() -> None:
    """Listen until the service ends, then clean up."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # meant for the service, which stops by itself
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    identities: list = []
    for line in sys.stdin:
        with contextlib.suppress(ValueError):  # a line that broke off
            identities = json.loads(line)
    end(identities, sys.argv[1])


if __name__ == "__main__":
    main()
