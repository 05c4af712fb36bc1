"""The real service: `python -m dlkit serve` on Ray Serve, over HTTP, under load and killed."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers.waiting import wait_until

from dlkit.__main__ import main
from dlkit.machine import missing_packages
from dlkit.serving import commands
from dlkit.serving.keeper import has_ended
from dlkit.serving.local import HEADING, LoadTest, Service

pytestmark = pytest.mark.alone

MISSING = missing_packages(*commands.REQUIRED_PACKAGES)
needs_ray = pytest.mark.skipif(bool(MISSING), reason=MISSING)
START_S = 500  # seconds; it takes 20, and many on a busy machine
TIMEOUT_S = 10  # of the service under test, for a request to arrive


# ---- Before anything starts -------------------------------------------------------------------


def test_without_ray_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(commands, "missing_packages", lambda *names: f"no {', '.join(names)}")
    assert main(["serve", "model.keras"]) == 2
    assert capsys.readouterr().err == "dlkit serve: no ray, uvicorn, prometheus_client\n"


def refusal(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(commands, "missing_packages", lambda *names: "")
    assert main(["serve", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_what_cannot_be_served_is_refused_at_once(monkeypatch, capsys, tmp_path):
    assert "none.keras does not exist" in refusal(monkeypatch, capsys, tmp_path / "none.keras")
    (tmp_path / "empty.keras").touch()
    assert "an empty file; copy" in refusal(monkeypatch, capsys, tmp_path / "empty.keras")
    model = tmp_path / "a model.keras"
    with zipfile.ZipFile(model, "w") as file:
        file.writestr("config.json", "")
        file.writestr("metadata.json", "")
    assert "other characters than A-Z" in refusal(monkeypatch, capsys, model)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(monkeypatch, capsys, model, "--name", "digits", "--port", port)
    assert f"port {port}: " in said and "choose another --port" in said


@pytest.mark.parametrize("option", ["--port=x", "--port=65536", "--replicas=0", "--timeout=nan"])
def test_options_out_of_range_are_refused(option, capsys):
    with pytest.raises(SystemExit):
        main(["serve", "model.keras", option])
    assert "no whole number from" in (said := capsys.readouterr().err) or "no number from" in said


def test_it_takes_as_many_connections_as_the_system_lets_it():
    """In a process of its own, whose limit is 256 to begin with."""
    pytest.importorskip("resource", reason="no such limits here")
    code = """if True:
        import resource
        from dlkit.serving import commands
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        commands._raise_file_limit()
        print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], hard)
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    soft, hard = map(int, done.stdout.split())
    assert soft == (10_240 if hard < 0 else min(hard, 10_240))


# ---- Models and services ----------------------------------------------------------------------


def digit_classifier(version):
    """Raw pixels -> probabilities; an image without ink is read as the number of the version."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(version)
    model = keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    kernel, _ = model.get_weights()
    model.set_weights([kernel, 9 * np.eye(10, dtype=np.float32)[version]])
    return model


@pytest.fixture(scope="module")
def models():
    return {version: digit_classifier(version) for version in (1, 2)}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (64, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def base(models, tmp_path_factory):
    """A folder with version 1, as TensorFlow Serving wants it."""
    folder = tmp_path_factory.mktemp("models") / "digits"
    models[1].export(folder / "1", verbose=False)
    models[2].export(folder.with_name("made") / "2", verbose=False)
    (folder.with_name("broken") / "3").mkdir(parents=True)
    (folder.with_name("broken") / "3" / "saved_model.pb").write_bytes(b"no model")
    return folder


@pytest.fixture(scope="module")
def service(base):
    options = ("--timeout", str(TIMEOUT_S), "--max-body", "1")
    with Service(base, *options, start_timeout=START_S) as service:
        yield service


def wait_for_progress(running, requests=50):
    """Wait until so many more requests have got their response."""
    enough = running.completed + requests
    wait_until(lambda: running.completed >= enough or running.failures, 300, "clients are served")


def processes(service):
    """Every process of a service, itself included."""
    top = psutil.Process(service.process.pid)
    return [top, *top.children(recursive=True)]


def bodies_of(images):
    return [json.dumps({"instances": [image.tolist()]}).encode() for image in images]


def is_healthy(service):
    """Whether it predicts, and rightly: an image without ink is the live version's number."""
    status, text = service.request("GET", "/healthz")
    predictions = service.predict(np.zeros((1, 28, 28), int).tolist())
    return status == 200 and str(np.argmax(predictions)) == json.loads(text)["version"]


# ---- As a client of TensorFlow Serving sees it ------------------------------------------------


@needs_ray
def test_a_client_of_tensorflow_serving(service, models, images):
    """Asks as TensorFlow Serving's own tutorial does, and understands every response."""
    import requests

    status = requests.get(service.url).json()["model_version_status"]
    assert status == [
        {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
    metadata = requests.get(f"{service.url}/metadata").json()
    assert metadata["model_spec"] == {"name": "digits", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    (given,), (made,) = signature["inputs"].values(), signature["outputs"].values()
    assert (given["dtype"], made["dtype"]) == ("DT_UINT8", "DT_FLOAT")
    assert [dim["size"] for dim in given["tensor_shape"]["dim"]] == ["-1", "28", "28"]

    data = json.dumps({"signature_name": "serving_default", "instances": images[:3].tolist()})
    headers = {"content-type": "application/json"}
    expected = models[1].predict(images[:3], verbose=0)
    for url in (f"{service.url}:predict", f"{service.url}/versions/1:predict"):
        response = requests.post(url, data=data, headers=headers)
        predictions = json.loads(response.text)["predictions"]
        np.testing.assert_allclose(predictions, expected, atol=1e-6)
    columns = {"inputs": {next(iter(signature["inputs"])): images[:3].tolist()}}
    outputs = requests.post(f"{service.url}:predict", json=columns).json()["outputs"]
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@needs_ray
def test_every_prediction_is_that_of_keras(service, models, images):
    expected = models[1].predict(images, verbose=0)
    np.testing.assert_allclose(service.predict(images.tolist()), expected, atol=1e-6)


# ---- Bad requests -----------------------------------------------------------------------------

PREDICT = "/v1/models/digits:predict"
GOOD = json.dumps({"instances": np.zeros((1, 28, 28), int).tolist()}).encode()
BAD_REQUESTS = {
    "no JSON": ("POST", PREDICT, b"digits", 400),
    "no body": ("POST", PREDICT, b"", 400),
    "nested deeply": ("POST", PREDICT, 100_000 * b"[", 400),
    "no key": ("POST", PREDICT, b"{}", 400),
    "no examples": ("POST", PREDICT, b'{"instances": []}', 400),
    "wrong shape": ("POST", PREDICT, b'{"instances": [[1, 2]]}', 400),
    "NaN": ("POST", PREDICT, GOOD.replace(b"[0,", b"[NaN,", 1), 400),
    "strings": ("POST", PREDICT, GOOD.replace(b"0", b'"0"'), 400),
    "too bright": ("POST", PREDICT, GOOD.replace(b"[0,", b"[256,", 1), 400),
    "too many": ("POST", PREDICT, b'{"instances": [' + 1024 * b"0," + b"0]}", 400),
    "huge body": ("POST", PREDICT, (2 * 2**20) * b" ", 413),
    "very huge body": ("POST", PREDICT, (20 * 2**20) * b" ", 413),
    "another model": ("POST", "/v1/models/cats:predict", GOOD, 404),
    "another version": ("POST", "/v1/models/digits/versions/9:predict", GOOD, 404),
    "another path": ("GET", "/v1/digits", None, 404),
    "wrong method": ("GET", PREDICT, None, 405),
    "another wrong method": ("PATCH", PREDICT, GOOD, 405),
}


@needs_ray
@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_hears_why_and_harms_nobody(service, name):
    method, path, content, wanted = BAD_REQUESTS[name]
    try:
        status, text = service.request(method, path, content)
    except ConnectionError:
        assert name == "very huge body", "only beyond eight times the limit may it just be cut off"
    else:
        assert status == wanted
        document = json.loads(text)
        assert set(document) == {"error"} and document["error"].endswith(".")
    assert is_healthy(service)


@needs_ray
def test_a_body_without_end_is_cut_off(service):
    """Chunks, whose number nobody announced."""
    connection = http.client.HTTPConnection(service.address, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", PREDICT, iter(40 * [bytes(50_000)]), encode_chunked=True)
        assert connection.getresponse().status == 413
    assert is_healthy(service)


def raw(service, content, seconds):
    """What comes back for these bytes until the connection closes, or so many seconds are over."""
    host, port = service.address.split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(content)
        found = b""
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65536):
                found += part
        return found


@needs_ray
def test_no_http_and_half_a_request(service):
    assert b" 400 " in raw(service, b"\x00\x01 what?\r\n\r\n", 60)
    headers = "Host: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
    head = f"POST {PREDICT} HTTP/1.1\r\n{headers}".encode()
    response = raw(service, head + b"{", 60)
    assert response.startswith(b"HTTP/1.1 408 ") and b"did not arrive" in response
    assert is_healthy(service)


# ---- Load -------------------------------------------------------------------------------------


@pytest.fixture
def load(service, models, images):
    """Makes a ``LoadTest`` whose every response must be a version's, for its own image."""
    expected = {v: model.predict(images, verbose=0) for v, model in models.items()}
    seen = set()

    def check(number, predictions):
        close = [
            version
            for version, wanted in expected.items()
            if np.allclose(predictions, wanted[number : number + 1], atol=1e-6)
        ]
        seen.update(close)
        return bool(close)

    def make(clients, requests):
        return LoadTest(service, bodies_of(images), clients, requests, check)

    make.seen = seen
    return make


@needs_ray
@pytest.mark.parametrize("clients", [1, 8, 32])
def test_every_client_gets_every_response(load, clients):
    found = load(clients, requests=192)
    found.run()
    assert found.failures == []
    assert (found.sent, found.completed, load.seen) == (192, 192, {1})


@needs_ray
def test_metrics_count_what_was_asked(service, images, load):
    load(clients=32, requests=96).run()
    before = service.metrics()
    service.predict(images[:5].tolist())
    service.request("POST", PREDICT, b"{")
    after = service.metrics()

    def grown(name):
        return after[name] - before.get(name, 0)

    assert grown('dlkit_requests_total{kind="predict",status="200"}') == 1
    assert grown('dlkit_requests_total{kind="predict",status="400"}') == 1
    assert grown('dlkit_errors_total{kind="predict"}') == 1
    assert grown("dlkit_batch_examples_sum") == 5
    assert grown("dlkit_predict_seconds_count") == 2
    examples, batches = (before[f"dlkit_batch_examples_{n}"] for n in ("sum", "count"))
    assert examples > batches, "32 clients at once, and no two of their requests were joined"


@needs_ray
def test_a_new_version_goes_live_and_is_rolled_back_without_a_lost_request(service, base, load):
    with load(clients=8, requests=100_000) as running:
        wait_for_progress(running)
        made = base.with_name("made") / "2"
        shutil.copytree(made, base / "copying")
        (base / "copying").rename(base / "2")
        service.wait_until_live(2, timeout=300)
        states = json.loads(service.request("GET", "/v1/models/digits")[1])["model_version_status"]
        assert [(s["version"], s["state"]) for s in states] == [
            ("2", "AVAILABLE"),
            ("1", "AVAILABLE"),
        ]
        black = np.zeros((1, 28, 28), int).tolist()
        assert np.argmax(service.predict(black)) == 2
        assert np.argmax(service.predict(black, version=1)) == 1
        (base / "2").rename(base / "bad")
        service.wait_until_live(1, timeout=300)
        wait_until(lambda: len(service.replicas()) == 2, 300, "version 2's replicas are gone")
        wait_for_progress(running)
    print(f"switch and rollback: {running.sent} sent, {running.completed} completed")
    assert running.failures == []
    assert running.completed == running.sent >= 100
    assert load.seen == {1, 2}


@needs_ray
def test_a_broken_version_does_not_go_live(service, base):
    shutil.copytree(base.with_name("broken") / "3", base / "3")

    def state():
        found = json.loads(service.request("GET", "/v1/models/digits/versions/3")[1])
        return found.get("model_version_status", [{}])[0]

    try:
        wait_until(lambda: state().get("state") == "END", 300, "version 3 has failed")
        assert state()["status"]["error_message"]
        assert (
            is_healthy(service) and np.argmax(service.predict(np.zeros((1, 28, 28)).tolist())) == 1
        )
    finally:
        shutil.rmtree(base / "3")


@needs_ray
def test_no_request_is_lost_when_a_replica_is_killed(service, load):
    def is_replaced(victim):
        pids = [replica.pid for replica in service.replicas()]
        return victim.pid not in pids and len(pids) == 2

    with load(clients=8, requests=100_000) as running:
        wait_for_progress(running)
        victim = service.replicas()[0]
        victim.send_signal(signal.SIGKILL)
        wait_until(lambda: is_replaced(victim), 300, "there are two replicas again")
        wait_for_progress(running)
    print(f"a replica killed: {running.sent} sent, {running.completed} completed")
    assert running.failures == []
    assert running.completed == running.sent >= 100


# ---- The machine around it --------------------------------------------------------------------


@needs_ray
def test_it_listens_on_this_machine_only(service):
    listening = set()
    for process in processes(service):
        with contextlib.suppress(psutil.Error):
            connections = process.net_connections(kind="inet")
            listening |= {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening and listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def family_of(process):
    """A service's processes, and the folders that their commands name."""
    top = psutil.Process(process.pid)
    family = [top, *top.children(recursive=True)]
    words = " ".join(part for process in family for part in process.cmdline())
    folders = set(re.findall(r"/tmp/dlkit-serve-\w+", words))
    assert len(folders) == 1 and os.path.exists(*folders)
    return family, folders


def wait_until_gone(family, folders, seconds=60):
    wait_until(
        lambda: all(map(has_ended, family)) and not any(map(os.path.exists, folders)),
        seconds,
        "none of its processes and folders is left",
    )


@needs_ray
def test_nothing_outlives_a_service_that_is_killed(service):
    """The last test that uses this service."""
    others = [line for line in service.lines if not line.startswith("dlkit serve: ")]
    assert all("A worker died or was killed" in line for line in others), "Ray's word on a replica"
    assert service.log() == "", "whatever was asked, killed and refused in the tests above"
    family, folders = family_of(service.process)
    service.process.kill()
    wait_until_gone(family, folders)


@needs_ray
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_service_without_rays_own_processes_says_so_and_ends(base, name):
    """Whoever supervises it can start it again; on its own it would be up, and dead for ever."""
    with Service(base, "--replicas", "1", start_timeout=START_S) as service:
        family, folders = family_of(service.process)
        (victim,) = (process for process in family if process.name() == name)
        victim.kill()
        assert service.process.wait(60) == 1
        assert all(map(has_ended, family)) and not any(map(os.path.exists, folders))
        said = f"dlkit serve: Ray's process {name} has ended, and with it the replicas"
        assert said in service.log()


@needs_ray
def test_a_keras_file_without_batching_and_a_stop_that_leaves_nothing(models, images, tmp_path):
    models[2].save(tmp_path / "digits.keras")
    options = ("--name", "d", "--replicas", "1", "--max-batch", "1")
    with Service(tmp_path / "digits.keras", *options, start_timeout=START_S) as service:
        assert service.lines[0].startswith("dlkit serve: starting 1 replica of d;")
        expected = models[2].predict(images, verbose=0)
        np.testing.assert_allclose(service.predict(images.tolist()), expected, atol=1e-6)
        first = service.metrics()
        running = LoadTest(service, bodies_of(images), clients=8, requests=64)
        running.run()
        assert running.failures == [] and len(str(running)) == len(HEADING)
        grown = {name: number - first.get(name, 0) for name, number in service.metrics().items()}
        assert grown["dlkit_batch_examples_sum"] == grown["dlkit_batch_examples_count"] == 64
        family, folders = family_of(service.process)
        assert len(service.replicas()) == 1
        assert service.stop() == 0
        assert service.lines[-1] == "dlkit serve: stopped" and service.log() == ""
        assert all(map(has_ended, family)) and not any(map(os.path.exists, folders))


def command(model):
    """The command, in a group of its own, as a terminal starts it."""
    words = [sys.executable, "-m", "dlkit", "serve", str(model), "--port", "0", "--replicas", "1"]
    return subprocess.Popen(
        words,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@needs_ray
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here")
def test_ctrl_c_in_a_terminal_says_one_word_and_leaves_nothing(base):
    """It reaches every process of the group, Ray's too."""
    with command(base) as process:
        said = []
        while not said or "listening" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], said
        family, folders = family_of(process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 0
        assert process.stdout.read() == "dlkit serve: stopped\n"
    assert all(line.startswith("dlkit serve: ") for line in said)
    assert all(map(has_ended, family)) and not any(map(os.path.exists, folders))


@needs_ray
def test_a_model_that_only_its_replica_can_refuse_is_told_in_one_sentence(tmp_path):
    import keras
    from keras import layers

    inputs = [keras.Input((2,)), keras.Input((3,))]
    two = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    two.save(tmp_path / "two.keras")
    with command(tmp_path / "two.keras") as process:
        starting, refused, ended = process.stdout.read().splitlines()
        assert process.wait(120) == 2
    assert starting == "dlkit serve: starting 1 replica of two; this takes some seconds"
    assert "it has 2 inputs (" in refused and ended.endswith(refused.split("loaded: ")[1])
