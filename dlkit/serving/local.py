"""A service beside this process, and many clients at once: for lessons, tests and measurements."""

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
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

HEADING = "clients  sent  answered  requests/s  p50 ms  p95 ms  p99 ms"


class Service:
    """``python -m dlkit serve`` in a process of its own, on a free port of 127.0.0.1.

    Use it in a ``with`` statement: at the end of the block nothing of it is left.

    Args:
        model: a model's file or folder.
        options: more of the command's options, as texts: ``"--replicas", "1"``.
        start_s: seconds after which a service that is not up counts as failed.

    Raises:
        ValueError: it did not start; says why, in the service's own words.
    """

    def __init__(self, model, *options, start_s=120):
        command = [sys.executable, "-m", "dlkit", "serve", str(Path(model).resolve())]
        command += ["--port", "0", "--stop-with-stdin", *options]  # it never outlives this process
        self.lines = []  # what it has said
        self._new = queue.Queue()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the service)
        self.process = subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.url = self._wait(start_s)  # of the model: http://127.0.0.1:…/v1/models/NAME
        except BaseException:  # also Ctrl+C
            self.stop()
            raise
        self.address = urlsplit(self.url).netloc

    def _listen(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._new.put(line)
        self._new.put("")  # it has ended

    def _wait(self, start_s):
        deadline = time.monotonic() + start_s
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                line = self._new.get(timeout=left)
                if " listening on " in line:
                    return line.split(" listening on ")[1].split()[0]
                if not line:
                    break
        self.stop()
        raise ValueError(f"the service did not start within {start_s} s:\n{self.log()}")

    def log(self):
        """What it wrote on stderr."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self):
        """Stop it as Ctrl+C would, and wait -> its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._log.close()

    def ask(self, method, path, content=None, headers=()):
        """One request on a connection of its own -> ``(status, text)``."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, content, dict(headers))
            response = connection.getresponse()
            return response.status, response.read().decode()

    def predict(self, instances, version=None):
        """Predictions for a list of examples, as nested lists.

        Raises:
            ValueError: the service refused; its own sentence.
        """
        path = urlsplit(self.url).path + ("" if version is None else f"/versions/{version}")
        status, text = self.ask("POST", f"{path}:predict", json.dumps({"instances": instances}))
        document = json.loads(text)
        if status != 200:
            raise ValueError(f"status {status}: {document['error']}")
        return document["predictions"]

    def metrics(self):
        """What /metrics counts: a dict from a line's name and labels to its number."""
        lines = self.ask("GET", "/metrics")[1].splitlines()
        found = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in found}

    def live_version(self):
        """The number of the version that answers."""
        return int(json.loads(self.ask("GET", "/healthz")[1])["version"])

    def wait_for(self, version, seconds=60):
        """Wait until this version is the one that answers -> seconds it took.

        Raises:
            TimeoutError: it is not live after so many seconds.
        """
        begun = time.monotonic()
        while self.live_version() != version:
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"version {version} is not live after {seconds} s")
            time.sleep(0.1)
        return time.monotonic() - begun

    def replicas(self):
        """The processes that hold the model, as ``psutil.Process``, in the order they started."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # gone meanwhile
                if "ServeReplica" in " ".join(process.cmdline()):
                    found.append(process)
        return sorted(found, key=psutil.Process.create_time)


@dataclass
class Load:
    """Clients that ask one question after another, each on a connection that stays open.

    Args:
        service: a ``Service``.
        bodies: the bodies of :predict requests, bytes; they are sent in turn.
        clients: how many ask at the same time.
        requests: how many are sent in all; the clients stop after that, or when ``stop`` is called.
        check: takes ``(number of the body, predictions)``; False counts the answer as wrong.
    """

    service: Service
    bodies: list
    clients: int
    requests: int
    check: object = None
    seconds: list = field(default_factory=list)  # of each good answer
    bad: list = field(default_factory=list)  # what went wrong, for each other one
    sent: int = 0
    _lock: object = field(default_factory=threading.Lock)
    _stopped: bool = False

    def run(self):
        """Send them all -> seconds from the first to the last answer."""
        with self:
            for thread in self._threads:
                thread.join()
        return self.took

    def __enter__(self):
        self._begun = time.perf_counter()
        self._threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped = True
        for thread in self._threads:
            thread.join()
        self.took = time.perf_counter() - self._begun

    @property
    def answered(self):
        """How many got a right answer."""
        return len(self.seconds)

    @property
    def rate(self):
        """Right answers per second, once it is over."""
        return len(self.seconds) / self.took

    def __str__(self):
        """A row below ``HEADING``."""
        times = "".join(f"{self.milliseconds(percent):8.1f}" for percent in (50, 95, 99))
        return f"{self.clients:7}{self.sent:6}{self.answered:10}{self.rate:12.0f}{times}"

    def milliseconds(self, percent):
        """The time below which so many per cent of the right answers stayed."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))]

    def _next(self):
        with self._lock:
            if self._stopped or self.sent >= self.requests:
                return None
            self.sent += 1
            return self.sent - 1

    def _client(self):
        path = urlsplit(self.service.url).path + ":predict"
        connection = http.client.HTTPConnection(self.service.address, timeout=60)
        with contextlib.closing(connection):
            while (number := self._next()) is not None:
                self._one(connection, path, number % len(self.bodies))

    def _one(self, connection, path, number):
        begun = time.perf_counter()
        try:
            connection.request("POST", path, self.bodies[number])
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.bad.append(f"{type(error).__name__}: {error}")
            connection.close()
            return
        took = time.perf_counter() - begun
        if response.status != 200:
            self.bad.append(f"status {response.status}: {text[:200]!r}")
        elif self.check and not self.check(number, json.loads(text)["predictions"]):
            self.bad.append(f"a wrong answer to body {number}")
        else:
            self.seconds.append(took)
