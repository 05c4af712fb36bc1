"""Clients that are slow, greedy or from elsewhere: the gateway behind its real web server, on a
socket; the engine is a stand-in."""

import asyncio
import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
import zlib

import psutil
import pytest
from helpers.serving_stand_ins import ONE, Engine, save
from helpers.waiting import wait_until

pytest.importorskip("prometheus_client", reason="it comes with JupyterLab")
pytest.importorskip("uvicorn", reason="requirements-cloud.txt")

from dlkit.serving import commands, connections
from dlkit.serving.access import Access
from dlkit.serving.gateway import Gateway, Limits
from dlkit.serving.metrics import Metrics
from dlkit.serving.version_manager import VersionManager

PREDICT = "/v1/models/digits:predict"
QUESTION = json.dumps({"instances": [ONE]}).encode()
ANSWER = {"predictions": [[1.0, 1.0, 1.0]]}
LIMITS = Limits(max_body_bytes=10_000, timeout=60, max_receiving=40, max_held_bytes=30_000)
SITE = "https://example.org"


class Running:
    """The gateway and its web server in a thread."""

    def __init__(self, gateway, port, server):
        self.gateway, self.port, self.server = gateway, port, server

    def send(self, method, path, content=None, **headers):
        """``(status, headers, document)`` of one request; ``_`` in a header's name is ``-``."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, dict(response.getheaders()), json.loads(text or b"null")

    def connect(self, content=b""):
        """A socket that has sent this."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(content)
        return connection

    def slow_body(self):
        """A socket whose request has begun, and whose body does not come."""
        headers = "Host: localhost\r\nContent-Length: 100\r\n\r\n"
        return self.connect(f"POST {PREDICT} HTTP/1.1\r\n{headers}{{".encode())


@pytest.fixture
def running(tmp_path):
    save(tmp_path / "1")
    manager = VersionManager(tmp_path, Engine(), lambda line: None)
    asyncio.run(manager.start())
    access = Access(hosts=frozenset({"digits.lan"}), origins=frozenset({SITE}))
    gateway = Gateway("digits", manager, Metrics(), LIMITS, access)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        server = commands.web_server(gateway)
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        wait_until(lambda: server.started, 60, "the web server is up")
        yield Running(gateway, listener.getsockname()[1], server)
        server.should_exit = server.force_exit = True
        thread.join(60)


def ends(connection):
    """Whether the other side closes, within a minute; what it has sent is dropped."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


# ---- Bodies in other dress --------------------------------------------------------------------


def test_an_offer_of_http_2_does_not_cost_the_body(running, capfd):
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAMA"}
    for content in (QUESTION, QUESTION + 9000 * b" "):
        assert running.send("POST", PREDICT, content, **offer)[::2] == (200, ANSWER)
    assert running.send("GET", "/healthz", **offer)[0] == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_a_gzip_body_is_read(running, encoding):
    content = gzip.compress(QUESTION, mtime=0)
    found = running.send("POST", PREDICT, content, Content_Encoding=encoding)
    assert found[::2] == (200, ANSWER)


def test_the_size_limit_is_of_the_unpacked_body(running):
    fits = gzip.compress(QUESTION + (10_000 - len(QUESTION)) * b" ")
    assert running.send("POST", PREDICT, fits, Content_Encoding="gzip")[0] == 200
    bomb = gzip.compress(10_001 * b" ")
    status, _, document = running.send("POST", PREDICT, bomb, Content_Encoding="gzip")
    assert status == 413 and "10000 bytes when unpacked" in document["error"]


@pytest.mark.parametrize(
    ("encoding", "content", "status", "words"),
    [
        ("deflate", zlib.compress(QUESTION), 415, "expected gzip"),
        ("br", QUESTION, 415, "expected gzip"),
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(QUESTION, mtime=0), mtime=0),
            415,
            "expected gzip",
        ),
        ("gzip", QUESTION, 400, "no gzip"),
        ("gzip", gzip.compress(QUESTION, mtime=0)[:-4], 400, "cut off"),
        ("gzip", gzip.compress(QUESTION, mtime=0) + b"more", 400, "goes on"),
        ("gzip", b"", 400, "cut off"),
    ],
)
def test_other_encodings_and_broken_gzip_are_refused(running, encoding, content, status, words):
    found, _, document = running.send("POST", PREDICT, content, Content_Encoding=encoding)
    assert found == status and words in document["error"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/vnd.api+json", 200),
        ("application/x-www-form-urlencoded", 200),  # what `curl -d` says
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/octet-stream", 415),
    ],
)
def test_the_body_must_not_say_that_it_is_no_json(running, kind, status):
    assert running.send("POST", PREDICT, QUESTION, Content_Type=kind)[0] == status


# ---- Clients from elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8501", 200),
        ("127.0.0.1:8501", 200),
        ("[::1]:8501", 200),
        ("digits.lan:80", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:8501", 403),
        ("192.168.0.7:8501", 403),
    ],
)
def test_only_its_own_names_are_served(running, host, status):
    for method, path, content in (("POST", PREDICT, QUESTION), ("GET", "/healthz", None)):
        found, _, document = running.send(method, path, content, Host=host)
        assert found == status
        assert status == 200 or "--allow-host" in document["error"]


def test_any_name_and_any_address_if_told(running):
    running.gateway.access = Access(hosts=frozenset("*"))
    assert running.send("GET", "/healthz", Host="evil.example")[0] == 200
    running.gateway.access = Access(any_address=True)
    assert running.send("GET", "/healthz", Host="192.168.0.7:8501")[0] == 200
    assert running.send("GET", "/healthz", Host="[fe80::1]:8501")[0] == 200
    assert running.send("GET", "/healthz", Host="evil.example")[0] == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://example.org"])
def test_a_page_of_another_site_gets_nothing(running, origin):
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        status, headers, document = running.send(
            "POST", PREDICT, QUESTION, Origin=origin, Content_Type=kind
        )
        assert status == 403 and "--allow-origin" in document["error"]
        assert "access-control-allow-origin" not in headers
    assert running.gateway.manager.get().in_flight == 0


def test_its_own_page_and_one_that_is_allowed_are_served(running):
    own = f"http://127.0.0.1:{running.port}"
    status, headers, _ = running.send("POST", PREDICT, QUESTION, Origin=own)
    assert status == 200 and "access-control-allow-origin" not in headers, "needs none"
    status, headers, _ = running.send("POST", PREDICT, QUESTION, Origin=SITE)
    assert (status, headers["access-control-allow-origin"]) == (200, SITE)
    assert (
        running.send(
            "POST", PREDICT, QUESTION, Origin=SITE, Content_Type="application/x-www-form-urlencoded"
        )[0]
        == 415
    )
    asked = {"Origin": SITE, "Access_Control_Request_Method": "POST"}
    status, headers, _ = running.send("OPTIONS", PREDICT, **asked)
    assert status == 204 and headers["access-control-allow-headers"] == "content-type"
    assert running.send("OPTIONS", PREDICT, **asked | {"Origin": "https://evil.example"})[0] == 403


# ---- Slow and greedy clients ------------------------------------------------------------------


def is_serving(running):
    return running.send("GET", "/healthz")[0] == 200


def test_slow_bodies_do_not_shut_out_the_others(running):
    with contextlib.ExitStack() as open_sockets:
        slow = [open_sockets.enter_context(running.slow_body()) for _ in range(39)]
        wait_until(lambda: running.gateway._receiving == 39, 60, "39 bodies are on their way")
        assert is_serving(running)
        assert running.send("POST", PREDICT, QUESTION)[::2] == (200, ANSWER)
        slow += [open_sockets.enter_context(running.slow_body()) for _ in range(20)]
        wait_until(lambda: running.gateway._receiving == 40, 60, "all places are taken")
        status, headers, document = running.send("POST", PREDICT, QUESTION)
        assert status == 503 and headers["retry-after"] == "1" and "40 bodies" in document["error"]
        for path in ("/healthz", "/metrics", "/page.js", "/v1/models/digits"):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
            with contextlib.closing(connection):
                connection.request("GET", path)
                assert connection.getresponse().status == 200, path
    wait_until(lambda: running.gateway._receiving == 0, 60, "they have gone")
    assert running.send("POST", PREDICT, QUESTION)[0] == 200


def test_the_bytes_of_all_bodies_together_are_limited(running):
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n".encode()
    with contextlib.ExitStack() as open_sockets:
        for _ in range(3):
            open_sockets.enter_context(running.connect(head + 9000 * b" "))
        wait_until(lambda: running.gateway._held_bytes == 27_000, 60, "three long bodies wait")
        status, _, document = running.send("POST", PREDICT, QUESTION + 5000 * b" ")
        assert status == 503 and "requests hold 27000 bytes" in document["error"]
        assert running.send("POST", PREDICT, QUESTION)[0] == 200 and is_serving(running)
    wait_until(lambda: running.gateway._held_bytes == 0, 60, "nothing is held")


@pytest.fixture
def hasty(monkeypatch):
    """Connections in which nothing is asked end after a fifth of a second."""
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.2)


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: local", b"\r\n"])
def test_a_connection_that_asks_nothing_ends(hasty, running, begun):
    with running.connect(begun) as connection:
        assert ends(connection)
    assert is_serving(running)


def test_a_head_that_comes_byte_by_byte_ends(hasty, running):
    def drip(connection):
        with contextlib.suppress(OSError):
            for _ in range(2000):
                connection.sendall(b"a")
                time.sleep(0.02)

    with running.connect(b"GET / HTTP/1.1\r\nx: ") as connection:
        dripping = threading.Thread(target=drip, args=[connection])
        dripping.start()
        assert ends(connection)
    dripping.join(60)


@pytest.mark.parametrize("line", [b"x: " + 97 * b"y" + b"\r\n", 100 * b"y"])
def test_a_head_without_end_is_cut_off(running, line):
    """Many headers, and one long header: neither grows beyond the limit."""
    sent = 0
    with running.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n") as connection:
        with contextlib.suppress(ConnectionError):
            while sent < 100 * 2**20:
                connection.sendall(line)
                sent += len(line)
        assert ends(connection)
    assert sent < 50 * 2**20, "the socket's buffers hold some"
    assert is_serving(running)


def test_a_prediction_may_take_longer_than_a_head(hasty, running):
    """Also the second of two requests that came at once."""
    running.gateway.manager.get().model.seconds = 0.6
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(QUESTION)}\r\n\r\n"
    with running.connect(2 * (head.encode() + QUESTION)) as connection:
        found = b""
        while found.count(b'"predictions"') < 2:
            part = connection.recv(65536)
            assert part, found
            found += part
        assert ends(connection)


def test_a_client_that_does_not_fetch_its_responses_ends(hasty, running):
    def open_connections():
        return len(running.server.server_state.connections)

    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.port))
    with connection:
        connection.setblocking(False)
        request = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with contextlib.suppress(BlockingIOError, ConnectionError):
            for _ in range(5000):
                connection.sendall(request)
        wait_until(lambda: open_connections() == 0, 60, "it has been let go")
    assert is_serving(running)


def test_many_idle_connections_leave_nothing(hasty, running):
    before = psutil.Process().num_fds() if psutil.POSIX else 0
    with contextlib.ExitStack() as open_sockets:
        idle = [open_sockets.enter_context(running.connect()) for _ in range(300)]
        assert is_serving(running)
        assert all(map(ends, idle))
    if psutil.POSIX:
        wait_until(lambda: psutil.Process().num_fds() <= before, 60, "all are closed")
