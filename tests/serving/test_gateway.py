"""The HTTP side of the service, called as a web server calls it; the engine is a stand-in."""

import asyncio
import json
from dataclasses import replace

import pytest
from helpers.serving_stand_ins import ONE, Engine, save

pytest.importorskip("prometheus_client", reason="it comes with JupyterLab")

from dlkit.serving.gateway import Gateway, Limits
from dlkit.serving.metrics import Metrics
from dlkit.serving.version_manager import VersionManager

LIMITS = Limits(max_body_bytes=1000, max_instances=8, timeout=60, max_in_flight=4)
PREDICT = "/v1/models/digits:predict"


@pytest.fixture
def gateway(tmp_path):
    save(tmp_path / "1")
    save(tmp_path / "2")
    manager = VersionManager(tmp_path, Engine(), lambda line: None)
    asyncio.run(manager.start())
    return Gateway("digits", manager, Metrics(), LIMITS)


@pytest.fixture
def impatient(gateway):
    """The same, but time runs out at once for what does not come."""
    gateway.limits = replace(LIMITS, timeout=0.01)
    return gateway


async def called(gateway, method, path, parts=(b"",), headers=(), pause=0.0):
    """``(status, headers, content)`` of a response; the body comes in parts."""
    waiting, sent = list(parts), []

    async def receive():
        if pause:
            await asyncio.sleep(pause)
        if not waiting:
            await asyncio.sleep(60)
        part = waiting.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    await gateway(scope, receive, send)
    start, end = sent
    return start["status"], dict(start["headers"]), end["body"]


def call(gateway, method, path, *parts, **options):
    """``(status, document)`` of a response."""
    status, headers, content = asyncio.run(
        called(gateway, method, path, parts or (b"",), **options)
    )
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(content)
    return status, json.loads(content)


def instances(*examples):
    return json.dumps({"instances": examples}).encode()


def test_a_prediction(gateway):
    status, document = call(gateway, "POST", PREDICT, instances(ONE, ONE))
    assert (status, document) == (200, {"predictions": 2 * [[2.0] * 3]})
    content = json.dumps({"inputs": [ONE]}).encode()
    status, document = call(gateway, "POST", PREDICT, content[:9], content[9:])
    assert (status, document) == (200, {"outputs": [[2.0] * 3]})


def test_the_status_shows_no_path_of_this_machine(gateway, tmp_path):
    save(tmp_path / "3", "half a model")
    for _ in range(2):
        asyncio.run(gateway.manager.refresh())
    status, document = call(gateway, "GET", "/v1/models/digits")
    failed, *_ = document["model_version_status"]
    assert failed["version"] == "3" and "log says why" in failed["status"]["error_message"]
    assert str(tmp_path) not in json.dumps(document)


def test_status_and_metadata(gateway):
    status, document = call(gateway, "GET", "/v1/models/digits")
    assert status == 200
    assert document["model_version_status"][0]["state"] == "AVAILABLE"
    assert call(gateway, "GET", "/v1/models/digits/versions/2")[1] == document
    status, document = call(gateway, "GET", "/v1/models/digits/metadata")
    assert status == 200 and document["model_spec"]["version"] == "2"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "words"),
    [
        ("POST", "/v1/models/cats:predict", instances(ONE), 404, "expected 'digits'"),
        ("GET", "/v1/models/cats", b"", 404, "no model 'cats'"),
        ("POST", "/v1/models/digits/versions/7:predict", instances(ONE), 404, "no version 7"),
        ("GET", "/v1/models/digits/versions/7", b"", 404, "no version 7"),
        ("GET", "/nothing", b"", 404, "nothing at"),
        ("GET", "/page.js/../../engine.py", b"", 404, "nothing at"),
        ("GET", PREDICT, b"", 405, "takes POST"),
        ("PUT", PREDICT, instances(ONE), 405, "takes POST"),
        ("POST", "/metrics", b"", 405, "takes GET"),
        ("POST", "/", b"", 405, "takes GET"),
        ("POST", PREDICT, b"{", 400, "no JSON"),
        ("POST", PREDICT, instances(*9 * [ONE]), 400, "8 at most"),
        ("POST", PREDICT, 1001 * b" ", 413, "1000 bytes"),
    ],
)
def test_bad_requests(gateway, method, path, content, status, words):
    found, document = call(gateway, method, path, content)
    assert found == status
    assert set(document) == {"error"} and words in document["error"]
    assert call(gateway, "POST", PREDICT, instances(ONE))[0] == 200


def test_a_405_names_what_is_allowed(gateway):
    _, headers, _ = asyncio.run(called(gateway, "GET", PREDICT))
    assert headers[b"allow"] == b"POST"


def test_a_long_body_is_cut_off_whether_its_length_is_announced_or_not(gateway):
    parts = 5 * [500 * b"x"]
    assert call(gateway, "POST", PREDICT, *parts)[0] == 413
    length = [(b"content-length", b"2500")]
    assert call(gateway, "POST", PREDICT, *parts, headers=length)[0] == 413
    expecting = [*length, (b"expect", b"100-continue")]
    assert call(gateway, "POST", PREDICT, None, headers=expecting)[0] == 413, "nothing was read"
    endless = 1000 * [500 * b"x"]
    assert call(gateway, "POST", PREDICT, *endless)[0] == 413, "and not all of it was read"


def test_a_body_that_does_not_arrive(impatient):
    assert call(impatient, "POST", PREDICT, b"{", b"}", pause=60) == (
        408,
        {"error": "The body did not arrive within 0.01 s."},
    )


def test_a_body_that_breaks_off(gateway):
    assert call(gateway, "POST", PREDICT, b"{", None)[0] == 400


def test_a_prediction_that_takes_too_long_and_one_that_fails(impatient, capsys):
    status, document = call(impatient, "POST", PREDICT, instances([[98, 0], [0, 0]]))
    assert (status, document) == (504, {"error": "There was no prediction within 0.01 s."})
    status, document = call(impatient, "POST", PREDICT, instances([[99, 0], [0, 0]]))
    assert (status, document) == (500, {"error": "The service failed; its log says why."})
    assert "a replica has a bug" in capsys.readouterr().err
    assert impatient.manager.get().in_flight == 0


def test_an_output_that_is_no_number_is_said_and_never_sent(gateway, capsys):
    status, document = call(gateway, "POST", PREDICT, instances([[97, 0], [0, 0]]))
    assert status == 500 and document["error"].startswith("The model's output 'y' is nan at [0][2]")
    assert capsys.readouterr().err == "", "the service itself has not failed"


def test_more_requests_than_it_takes_are_sent_away(impatient):
    slow = instances([[98, 0], [0, 0]])

    async def crowd():
        calls = [called(impatient, "POST", PREDICT, [slow]) for _ in range(6)]
        return [(status, headers) for status, headers, _ in await asyncio.gather(*calls)]

    responses = asyncio.run(crowd())
    assert sorted(status for status, _ in responses) == 2 * [503] + 4 * [504]
    assert all(headers[b"retry-after"] == b"1" for status, headers in responses if status == 503)
    assert call(impatient, "POST", PREDICT, instances(ONE))[0] == 200


def test_health(gateway, monkeypatch):
    assert call(gateway, "GET", "/healthz") == (
        200,
        {"status": "ok", "model": "digits", "version": "2"},
    )
    monkeypatch.setattr("dlkit.serving.gateway.HEALTH_TIMEOUT", 0.01)
    gateway.manager.engine.alive = False
    assert call(gateway, "GET", "/healthz")[0] == 503


def test_metrics(gateway):
    for content in (instances(ONE), instances(ONE, ONE), b"{"):
        call(gateway, "POST", PREDICT, content)
    status, headers, content = asyncio.run(called(gateway, "GET", "/metrics"))
    assert status == 200 and headers[b"content-type"].startswith(b"text/plain")
    found = dict(
        line.rsplit(" ", 1) for line in content.decode().splitlines() if not line.startswith("#")
    )
    assert float(found['dlkit_requests_total{kind="predict",status="200"}']) == 2
    assert float(found['dlkit_errors_total{kind="predict"}']) == 1
    assert float(found["dlkit_batch_examples_sum"]) == 3
    assert float(found["dlkit_batch_examples_count"]) == 2
    assert float(found["dlkit_predict_seconds_count"]) == 3
    assert float(found["dlkit_live_version"]) == 2


def test_the_page_and_all_that_it_loads(gateway):
    status, headers, content = asyncio.run(called(gateway, "GET", "/"))
    assert status == 200 and headers[b"content-type"].startswith(b"text/html")
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert b'data-name="digits"' in content and b"MODEL_NAME" not in content
    for path in ("/page.js", "/mnist_form.js", "/pad.js", "/pad.css"):
        assert path[1:].encode() in content + asyncio.run(called(gateway, "GET", "/page.js"))[2]
        assert asyncio.run(called(gateway, "GET", path))[0] == 200
    status, headers, content = asyncio.run(called(gateway, "HEAD", "/"))
    assert status == 200 and content == b"" and int(headers[b"content-length"]) > 500


def test_long_bodies_are_read_in_a_thread(gateway, monkeypatch):
    monkeypatch.setattr("dlkit.serving.gateway.LONG_BODY", 10)
    assert call(gateway, "POST", PREDICT, instances(ONE))[0] == 200
    assert call(gateway, "POST", PREDICT, instances([[1]]))[0] == 400
