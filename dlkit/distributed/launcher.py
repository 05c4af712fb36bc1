"""Start workers on this machine, watch them, and end them all: none outlives its launcher."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

POLL_INTERVAL = 0.05  # seconds between two looks at the workers
REPORT_GRACE = 0.3  # seconds in which others may say what they saw when one has died
EXIT_TIMEOUT = 10.0  # seconds in which workers that are done may end by themselves
ROOT = Path(__file__).resolve().parents[2]  # where dlkit lies
NOT_FOR_WORKERS = {"PYTEST_CURRENT_TEST", "MPLBACKEND", "TF_CONFIG"}


class WorkerError(RuntimeError):
    """A worker died, raised an error, or did not finish in time; all have been ended.

    Attributes:
        worker: its number; None if time ran out for all.
        reason: "died" (without a word: killed, crashed), "raised" or "timeout".
        log: the end of what the worker wrote.
    """

    def __init__(self, message: str, *, worker: int | None, reason: str, log: str = "") -> None:
        super().__init__(f"{message}\n{log}".rstrip())
        self.worker, self.reason, self.log = worker, reason, log


def launch(
    function: Callable[[Any], Any] | str,
    config: Any = None,
    *,
    num_workers: int = 2,
    timeout: float = 600.0,
    restarts: int = 0,
    ports: Sequence[int] | None = None,
    threads: int = 1,
) -> list:
    """Run one function in several new processes that TensorFlow can join to a cluster.

    Each gets a TF_CONFIG with addresses on 127.0.0.1 and computes on the CPU. When one dies or
    raises an error, when time is up, or when this process ends, however it ends, all are ended.

    The workers' own rendezvous listens on 127.0.0.1. TensorFlow's server, which follows it, listens
    on all of the machine's addresses and asks for no password, whatever TF_CONFIG says: while
    workers run, let a firewall keep strangers from this machine.

    Args:
        function: called as ``function(config)``: a function of a module that can be imported
            (not of a notebook), or its name: ``"package.module:name"`` or ``"file.py:name"``.
        config: what JSON can hold, the same for all workers; as a rule a dict.
        num_workers: how many, 1 or more.
        timeout: seconds for everything, restarts included.
        restarts: how often to start all workers again after one has died. A worker function that
            resumes from its last checkpoint then goes on from there.
        ports: one free port for each worker; None finds some.
        threads: CPU threads with which a worker computes.

    Returns:
        list: what the function returned in each worker, in JSON's types.

    Raises:
        ValueError: a function that workers cannot import, a config that JSON cannot hold, an
            impossible number.
        WorkerError: see there. An error that a worker raised is quoted.

    Example:
        >>> launch("os.path:basename", "notebooks/23_scaling_out.ipynb", num_workers=1)
        ['23_scaling_out.ipynb']
    """
    name = function if isinstance(function, str) else _name_of(function)
    if ":" not in name:
        raise ValueError(f"function is {name!r}; expected 'package.module:name' or 'file.py:name'")
    for label, value, minimum in (
        ("num_workers", num_workers, 1),
        ("threads", threads, 1),
        ("restarts", restarts, 0),
    ):
        if not isinstance(value, int) or value < minimum:
            raise ValueError(f"{label} is {value!r}; expected a whole number of {minimum} or more")
    if ports is not None and len(set(ports)) != num_workers:
        raise ValueError(f"ports is {ports!r}; expected {num_workers} different ones")
    try:
        work = json.dumps({"function": name, "config": config, "path": sys.path})
    except (TypeError, ValueError) as error:
        raise ValueError(f"config is {config!r}; expected what JSON can hold ({error})") from error
    deadline = time.monotonic() + timeout
    restart = 0
    while True:
        try:
            return _run(work, ports or _free_ports(num_workers), threads, deadline, timeout)
        except WorkerError as error:
            if error.reason != "died" or restart == restarts:
                raise
            restart += 1
            what = str(error).splitlines()[0]
            print(f"{what}; all are started again ({restart} of {restarts})", flush=True)


def _name_of(function):
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or not name.isidentifier():
        raise ValueError(
            f"{function!r} cannot be imported by another process; expected a function of a module, "
            "or 'file.py:name': write it into a file of its own"
        )
    return f"{module}:{name}"


def _free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on; held together, so that all are different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def _run(work, ports, threads, deadline, timeout):
    """One attempt: start all, wait for all, end all."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    workers = []
    with tempfile.TemporaryDirectory(prefix="dlkit-workers-") as folder:
        try:
            for index in range(len(addresses)):
                workers.append(_Worker(index, Path(folder)))
                workers[-1].start(addresses, work, threads)
            return _wait(workers, deadline, timeout)
        finally:
            _end(workers)


class _Worker:
    """A process, the pipe that keeps it alive, its log, and its report."""

    def __init__(self, index, folder):
        self.index, self.process = index, None
        self.log_file = folder / f"worker-{index}.log"
        self.report_file = folder / f"worker-{index}.json"

    def start(self, addresses, work, threads):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": self.index}}
        env = {k: v for k, v in os.environ.items() if k not in NOT_FOR_WORKERS}
        env |= {
            "TF_CONFIG": json.dumps(task),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": env.get("TF_CPP_MIN_LOG_LEVEL", "2"),
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])]),
        }
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dlkit.distributed.worker", str(self.report_file)],
                stdin=subprocess.PIPE,  # its end is the sign to end: see worker.py
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,  # Ctrl-C is for the launcher, which ends the workers
            )
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died already: that will be seen
                self.process.stdin.write(work.encode() + b"\n")
                self.process.stdin.flush()

    def report(self) -> dict | None:
        """What the worker reported at its end, a dict; None before."""
        try:
            return json.loads(self.report_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def log(self, lines=15):
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(f"  worker {self.index}: {t}" for t in text.splitlines()[-lines:])


def _wait(workers, deadline, timeout):
    """The results of all, or a WorkerError."""
    while True:
        reports = [worker.report() or {} for worker in workers]
        ended = any(worker.process.poll() is not None for worker in workers)
        if ended or any("error" in report for report in reports):
            time.sleep(REPORT_GRACE)
            raise _worker_error(workers)
        if all("result" in report for report in reports):
            return [report["result"] for report in reports]
        if time.monotonic() > deadline:
            working = [w for w, report in zip(workers, reports, strict=True) if not report]
            raise WorkerError(
                f"not finished after {timeout:g} s: worker "
                f"{', '.join(str(worker.index) for worker in working)}; all were ended",
                worker=None,
                reason="timeout",
                log="\n".join(worker.log(5) for worker in workers),
            )
        time.sleep(POLL_INTERVAL)


def _worker_error(workers) -> WorkerError:
    """The error to raise when a worker has ended: how it died, or the first one's own words.

    When a worker is killed, TensorFlow raises errors in the others, or aborts them.
    """
    reports = [worker.report() or {} for worker in workers]
    silent = [
        worker
        for worker, report in zip(workers, reports, strict=True)
        if worker.process.poll() is not None and "error" not in report
    ]
    killed = [worker for worker in silent if worker.process.returncode != -signal.SIGABRT]
    raised = [(r["time"], w, r) for w, r in zip(workers, reports, strict=True) if "error" in r]
    if raised and not killed:
        _, worker, report = min(raised, key=lambda entry: entry[0])
        return WorkerError(
            f"worker {worker.index} raised {report['error']}",
            worker=worker.index,
            reason="raised",
            log=report["traceback"],
        )
    worker = (killed or silent)[0]
    how = f"exit code {worker.process.returncode}"
    with contextlib.suppress(ValueError):
        how = f"signal {signal.Signals(-worker.process.returncode).name}"
    return WorkerError(
        f"worker {worker.index} died ({how}) without a word",
        worker=worker.index,
        reason="died",
        log=worker.log(),
    )


def _end(workers):
    """End every process that was started, and wait until it is gone."""
    workers = [worker for worker in workers if worker.process is not None]
    for worker in workers:
        with contextlib.suppress(BrokenPipeError):
            worker.process.stdin.close()
    finished = all(worker.report_file.exists() for worker in workers)
    deadline = time.monotonic() + (EXIT_TIMEOUT if finished else 0)
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(max(deadline - time.monotonic(), 0))
        worker.process.kill()
        worker.process.wait()
