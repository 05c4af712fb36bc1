"""A service beside this process, and a load test of it: for lessons, tests and measurements."""

import contextlib
import http.client
import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

HEADING = "clients  sent  completed  requests/s  p50 ms  p95 ms  p99 ms"
PERCENTILES = (50, 95, 99)


class Service:
    """``python -m dlkit serve`` in a process of its own, on a free port of 127.0.0.1.

    Use it in a ``with`` statement: at the end of the block nothing of it is left.

    Args:
        model: a model's file or folder.
        options: more of the command's options, as texts: ``"--replicas", "1"``.
        start_timeout: seconds after which a service that is not up counts as failed.

    Raises:
        ValueError: it did not start; says why, in the service's own words.
    """

    def __init__(self, model: str | Path, *options: str, start_timeout: float = 120) -> None:
        command = [sys.executable, "-m", "dlkit", "serve", str(Path(model).resolve())]
        command += ["--port", "0", "--stop-with-stdin", *options]  # it never outlives this process
        self.lines: list[str] = []  # what it has printed
        self._new_lines: queue.Queue[str] = queue.Queue()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the service)
        self.process = subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        threading.Thread(target=self._read_lines, daemon=True).start()
        try:
            self.url = self._wait_for_url(
                start_timeout
            )  # of the model: http://127.0.0.1:…/v1/models/NAME
        except BaseException:  # also Ctrl+C
            self.stop()
            raise
        self.address = urlsplit(self.url).netloc

    def _read_lines(self):
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            self._new_lines.put(line)
        self._new_lines.put("")  # it has ended

    def _wait_for_url(self, start_timeout: float) -> str:
        deadline = time.monotonic() + start_timeout
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                line = self._new_lines.get(timeout=left)
                if " listening on " in line:
                    return line.split(" listening on ")[1].split()[0]
                if not line:
                    break
        self.stop()
        raise ValueError(f"the service did not start within {start_timeout} s:\n{self.log()}")

    def log(self) -> str:
        """What it wrote on stderr."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> int:
        """Stop it as Ctrl+C would, and wait -> its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_):
        self.stop()
        self._log.close()

    def request(
        self,
        method: str,
        path: str,
        content: bytes | str | Iterable[bytes] | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> tuple[int, str]:
        """One request on a connection of its own -> ``(status, text)``."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, content, dict(headers))
            response = connection.getresponse()
            return response.status, response.read().decode()

    def predict(self, instances: list, version: int | None = None) -> list:
        """Predictions for a list of examples, as nested lists.

        Raises:
            ValueError: the service refused; its own sentence.
        """
        path = urlsplit(self.url).path + ("" if version is None else f"/versions/{version}")
        status, text = self.request("POST", f"{path}:predict", json.dumps({"instances": instances}))
        document = json.loads(text)
        if status != 200:
            raise ValueError(f"status {status}: {document['error']}")
        return document["predictions"]

    def metrics(self) -> dict[str, float]:
        """What /metrics counts: a dict from a line's name and labels to its number."""
        lines = self.request("GET", "/metrics")[1].splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def live_version(self) -> int:
        """The number of the version that requests go to."""
        return int(json.loads(self.request("GET", "/healthz")[1])["version"])

    def wait_until_live(self, version: int, timeout: float = 60) -> float:
        """Wait until requests go to this version -> seconds it took.

        Raises:
            TimeoutError: it is not live after so many seconds.
        """
        begun = time.monotonic()
        while self.live_version() != version:
            if time.monotonic() - begun > timeout:
                raise TimeoutError(f"version {version} is not live after {timeout} s")
            time.sleep(0.1)
        return time.monotonic() - begun

    def replicas(self) -> list[psutil.Process]:
        """The processes that hold the model, in the order they started."""
        replicas = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # gone meanwhile
                if "ServeReplica" in " ".join(process.cmdline()):
                    replicas.append(process)
        return sorted(replicas, key=psutil.Process.create_time)


def latency_ms(seconds: Sequence[float], percentile: float) -> float:
    """The time in milliseconds below which so many per cent of the requests stayed.

    Example:
        >>> latency_ms([0.001, 0.002, 0.003, 0.004, 0.100], 50)
        3.0
    """
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(percentile / 100 * len(ordered)))]


@dataclass
class LoadTest:
    """Clients that send one request after another, each on a connection that stays open.

    Args:
        service: a ``Service``.
        bodies: the bodies of :predict requests, bytes; they are sent in turn.
        clients: how many send at the same time.
        requests: how many are sent in all; the clients stop after that, or when ``stop`` is called.
        check: takes ``(number of the body, predictions)``; False counts the response
            as a failure.
    """

    service: Service
    bodies: Sequence[bytes]
    clients: int
    requests: int
    check: Callable[[int, list], bool] | None = None
    latencies: list[float] = field(default_factory=list)  # seconds of each completed request
    failures: list[str] = field(default_factory=list)  # what went wrong, for each other one
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def run(self) -> float:
        """Send them all -> seconds from the first request to the last response."""
        with self:
            for thread in self._threads:
                thread.join()
        return self.duration

    def __enter__(self) -> "LoadTest":
        self._begun = time.perf_counter()
        self._threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped = True
        for thread in self._threads:
            thread.join()
        self.duration = time.perf_counter() - self._begun

    @property
    def completed(self) -> int:
        """How many requests got a right response."""
        return len(self.latencies)

    @property
    def throughput(self) -> float:
        """Completed requests per second, once it is over."""
        return self.completed / self.duration

    def __str__(self) -> str:
        """A row below ``HEADING``."""
        times = "".join(f"{latency_ms(self.latencies, p):8.1f}" for p in PERCENTILES)
        return f"{self.clients:7}{self.sent:6}{self.completed:11}{self.throughput:12.0f}{times}"

    def _next_number(self) -> int | None:
        with self._lock:
            if self._stopped or self.sent >= self.requests:
                return None
            self.sent += 1
            return self.sent - 1

    def _client(self):
        path = urlsplit(self.service.url).path + ":predict"
        connection = http.client.HTTPConnection(self.service.address, timeout=60)
        with contextlib.closing(connection):
            while (number := self._next_number()) is not None:
                self._send(connection, path, number % len(self.bodies))

    def _send(self, connection, path, number):
        begun = time.perf_counter()
        try:
            connection.request("POST", path, self.bodies[number])
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            connection.close()
            return
        took = time.perf_counter() - begun
        if response.status != 200:
            self.failures.append(f"status {response.status}: {text[:200]!r}")
        elif self.check and not self.check(number, json.loads(text)["predictions"]):
            self.failures.append(f"a wrong response to body {number}")
        else:
            self.latencies.append(took)
