"""Training in several processes: real ones on 127.0.0.1 that die, hang, disagree, stay away."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import numpy as np
import psutil
import pytest
from helpers import ROOT, distributed_workers
from helpers.waiting import wait_until
from hypothesis import given
from hypothesis import strategies as st

from dlkit.distributed import (
    Checkpoint,
    RayCheckpoints,
    WorkerError,
    launch,
    load_latest,
    read_tf_config,
    ring_all_reduce_seconds,
    step_seconds,
    worker_batches,
)
from dlkit.local_ray import start_ray
from dlkit.machine import missing_packages

pytestmark = pytest.mark.alone

TESTS = ROOT / "tests"
SOON = 60.0  # seconds in which all processes must be gone; it takes a fraction of one
TIMEOUT = 400  # seconds for a launch; it takes a few, and many on a busy machine
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}  # of float32, after some twenty steps
BLOBS = {"examples": 90, "batch_size": 16, "epochs": 3}  # 6 steps an epoch, the last one of 10 rows


def alive(pids):
    """Those of the processes that still run."""
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            pass
    return found


def our_workers():
    """Worker processes on this machine that this checkout's launcher started."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if "dlkit.distributed.worker" in line and sys.executable == line[0]:
            found.append(process.pid)
    return alive(found)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path_factory, monkeypatch):
    before, temporary = set(our_workers()), tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert set(our_workers()) <= before
    assert not list(temporary.glob("dlkit-workers-*"))


# ---- Whose rows are they? --------------------------------------------------------------------


@given(
    examples=st.integers(1, 200),
    share=st.integers(1, 20),
    num_workers=st.integers(1, 6),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
def test_shares_are_disjoint_and_together_the_batches_of_one_worker(
    examples, share, num_workers, seed, epoch
):
    plan = {"batch_size": share * num_workers, "seed": seed, "epoch": epoch}
    alone = list(worker_batches(examples, **plan))
    together = [
        list(worker_batches(examples, num_workers=num_workers, worker=worker, **plan))
        for worker in range(num_workers)
    ]
    seen = []
    for number, (rows, weights, count) in enumerate(alone):
        parts = [batches[number] for batches in together]
        assert all(part[0].shape == part[1].shape == (share,) for part in parts)
        assert all(part[2] == count for part in parts)
        real = np.concatenate([part[0][part[1] == 1] for part in parts])
        assert real.tolist() == rows[weights == 1].tolist()
        assert len(real) == count
        seen += real.tolist()
    assert sorted(seen) == list(range(examples))
    assert all(len(batches) == len(alone) for batches in together)


def test_another_epoch_has_another_order():
    first, second, again = (
        [rows.tolist() for rows, _, _ in worker_batches(50, batch_size=10, epoch=epoch)]
        for epoch in (0, 1, 0)
    )
    assert first == again != second


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch_size": 15, "num_workers": 2}, "a multiple of 2"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 4, "worker": 1}, "worker is 1; expected 0 to 0"),
        ({"batch_size": 4.0}, "batch_size is 4.0"),
        ({"batch_size": 4, "seed": -1}, "seed is -1"),
    ],
)
def test_impossible_shares_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        worker_batches(10, **wrong)


# ---- Checkpoints -----------------------------------------------------------------------------


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    arrays = [np.arange(6, dtype="float32").reshape(2, 3), np.array(7, "int64")]
    for total_steps in (5, 12, 100):
        state = Checkpoint(arrays, {"seed": 1}, epoch=2, step=3, total_steps=total_steps)
        state.history["loss"].append(0.1)
        state.save(tmp_path / "new")
    found = load_latest(tmp_path / "new")
    assert [(a.dtype, a.tolist()) for a in found.arrays] == [(a.dtype, a.tolist()) for a in arrays]
    assert vars(found) | {"arrays": 0} == vars(state) | {"arrays": 0}
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["checkpoint-000000012.npz", "checkpoint-000000100.npz"]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    state = Checkpoint([np.zeros(3)], total_steps=1)
    state.save(tmp_path)

    def half(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    state.total_steps = 2
    with pytest.raises(OSError, match="No space"):
        state.save(tmp_path)
    assert load_latest(tmp_path).total_steps == 1
    assert len(list(tmp_path.iterdir())) == 1


def newest(folder):
    state = load_latest(folder)
    return state.total_steps if state else 0


def test_whoever_is_killed_while_saving_leaves_a_whole_checkpoint(tmp_path):
    config = {"folder": str(tmp_path)}
    code = f"from helpers import distributed_workers; distributed_workers.save_for_ever({config})"
    for wait_s in (0.3, 0.313, 0.329):
        before = newest(tmp_path)
        saver = subprocess.Popen([sys.executable, "-c", code], cwd=TESTS)
        wait_until(lambda before=before: newest(tmp_path) > before, SOON, "saved")
        time.sleep(wait_s)
        saver.kill()
        saver.wait()
        found = load_latest(tmp_path)
        assert (found.arrays[0] == found.total_steps).all()
        assert found.total_steps > before
    assert len(list(tmp_path.glob("checkpoint-*"))) <= 3


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = Checkpoint([np.zeros(1000)], total_steps=1).save(tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"checkpoint-000000001.npz cannot be read .* Delete it"):
        load_latest(tmp_path)


# ---- What it costs ---------------------------------------------------------------------------


def test_ring_all_reduce_against_a_sum_by_hand():
    # 8 workers, 40 MB, 10 GB/s, 50 us: 2 * 7/8 * 4 ms + 14 * 50 us = 7 ms + 0.7 ms
    numbers = {"bandwidth": 10e9, "latency": 50e-6}
    assert ring_all_reduce_seconds(8, 40e6, **numbers) == pytest.approx(7.7e-3)
    by_step = step_seconds(
        np.array([1, 8]), compute_seconds=np.array([0.08, 0.01]), num_bytes=40e6, **numbers
    )
    np.testing.assert_allclose(by_step, [0.08, 0.0177])
    assert ring_all_reduce_seconds(1, 40e6, **numbers) == 0


@pytest.mark.parametrize(
    "wrong", [{"num_workers": 0}, {"num_bytes": -1}, {"bandwidth": 0}, {"latency": float("nan")}]
)
def test_impossible_costs_are_refused(wrong):
    right = {"num_workers": 2, "num_bytes": 8, "bandwidth": 1.0, "latency": 0.0}
    with pytest.raises(ValueError, match="expected"):
        ring_all_reduce_seconds(**(right | wrong))
    with pytest.raises(ValueError, match="compute_seconds is -1"):
        step_seconds(**right, compute_seconds=-1)


# ---- Starting and ending workers, without TensorFlow -----------------------------------------


def test_each_worker_answers_in_its_place():
    found = launch(distributed_workers.hello, {"word": "hi"}, num_workers=3, timeout=TIMEOUT)
    assert found == [["hi", 0], ["hi", 1], ["hi", 2]]
    file = f"{Path(distributed_workers.__file__)}:hello"
    assert launch(file, {"word": "file"}, num_workers=1, timeout=TIMEOUT) == [["file", 0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"function": lambda config: 1}, "cannot be imported by another process"),
        ({"function": "no_colon"}, "expected 'package.module:name'"),
        ({"config": {"x": np.zeros(2)}}, "what JSON can hold"),
        ({"num_workers": 0}, "num_workers is 0"),
        ({"restarts": -1}, "restarts is -1"),
        ({"ports": [4000, 4000]}, "2 different ones"),
    ],
)
def test_what_cannot_be_launched_is_refused_at_once(arguments, words):
    with pytest.raises(ValueError, match=words):
        launch(**({"function": distributed_workers.hello} | arguments))


@pytest.mark.parametrize(
    ("function", "reason", "words"),
    [
        ("fail", "raised", "worker 1 raised ValueError: this worker had enough"),
        ("leave", "died", r"worker 1 died \(exit code 3\) without a word"),
        ("cannot_be_told", "raised", "not JSON serializable"),
        (
            "not_there",
            "raised",
            "ValueError: cannot import 'helpers.distributed_workers:not_there'",
        ),
    ],
)
def test_when_one_worker_ends_badly_all_end(function, reason, words):
    started = time.monotonic()
    with pytest.raises(WorkerError, match=words) as caught:
        launch(f"helpers.distributed_workers:{function}", {"worker": 1}, timeout=TIMEOUT)
    assert caught.value.reason == reason
    assert time.monotonic() - started < SOON


def test_after_a_death_all_start_again(tmp_path, capsys):
    config = {"folder": str(tmp_path)}
    found = launch(distributed_workers.die_once, config, timeout=TIMEOUT, restarts=2)
    assert found == [2, 2]
    what = "worker 1 died (signal SIGKILL) without a word; all are started again (1 of 2)"
    assert capsys.readouterr().out == f"{what}\n"
    with pytest.raises(WorkerError, match="had enough"):  # it has said why: no second try
        launch(distributed_workers.fail, {"worker": 0}, timeout=TIMEOUT, restarts=2)
    assert capsys.readouterr().out == ""


def test_time_runs_out(tmp_path):
    with pytest.raises(WorkerError, match="not finished after 2 s: worker 0, 1") as caught:
        launch(distributed_workers.wait, {"folder": str(tmp_path)}, timeout=2)
    assert caught.value.reason == "timeout"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_workers_end_with_their_launcher(name, tmp_path):
    code = (
        "import signal\n"
        "from dlkit.distributed import launch\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # if it was ignored
        f"launch('helpers.distributed_workers:wait', {{'folder': {str(tmp_path)!r}}})"
    )
    run = [sys.executable, "-c", code]
    # A killed launcher cannot tidy up: what it leaves goes with this test's own folder.
    launcher = subprocess.Popen(
        run,
        cwd=TESTS,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        files = [tmp_path / "pid-0", tmp_path / "pid-1"]
        wait_until(lambda: all(file.exists() for file in files), SOON, "two workers at work")
        pids = [int(file.read_text()) for file in files]
        assert alive(pids) == pids
        launcher.send_signal(getattr(signal, name))
        _, stderr = launcher.communicate(timeout=SOON)
        assert launcher.returncode == -getattr(signal, name)
        assert (b"KeyboardInterrupt" in stderr) == (name == "SIGINT")
        wait_until(lambda: not alive(pids), SOON, "both workers gone")
    finally:
        launcher.kill()
        launcher.communicate()


# ---- The rendezvous --------------------------------------------------------------------------


def launch_rendezvous(worker_1=(), *, timeout=TIMEOUT, **arguments):
    config = {"timeout": timeout, **dict(worker_1)}
    return launch(distributed_workers.rendezvous_only, config, timeout=TIMEOUT, **arguments)


def test_workers_meet():
    assert launch_rendezvous(num_workers=3) == [[3, 0], [3, 1], [3, 2]]
    assert launch_rendezvous(num_workers=1) == [[1, 0]]


@pytest.mark.parametrize(
    ("worker_1", "words"),
    [
        ({"more_workers": True}, r"another cluster than worker 0: .*, 127\.0\.0\.1:1; expected"),
        ({"tensorflow": "1.0"}, r"another TensorFlow than worker 0: 1\.0; expected \d+\.\d+"),
    ],
)
def test_workers_that_could_not_work_together_do_not_start(worker_1, words):
    with pytest.raises(WorkerError, match=f"raised ValueError: worker 1 has {words}") as caught:
        launch_rendezvous(worker_1)
    assert caught.value.reason == "raised"


def test_a_missing_worker_is_named():
    words = r"RuntimeError: worker 1 \(127\.0\.0\.1:\d+\) did not come within 2 s, so nobody starts"
    with pytest.raises(WorkerError, match=words):
        launch_rendezvous({"stay_away": True}, timeout=2)


@pytest.mark.parametrize("taken_by", [0, 1])
def test_a_port_in_use_is_named(taken_by):
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = [free.getsockname()[1]]
        ports.insert(taken_by, taken.getsockname()[1])
        free.close()
        words = f"worker {taken_by} cannot listen on 127.0.0.1:{ports[taken_by]} .*another program"
        with pytest.raises(WorkerError, match=words):
            launch_rendezvous(ports=ports)


STRANGERS = {
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "a worker's number": b'{"worker": 1}\n',
    "a list": b"[1, 2, 3]\n",
    "a number": b"1\n",
    "a number that is no number": b'{"worker": true, "cluster": "a", "TensorFlow": "b"}\n',
    "other types": b'{"worker": 1, "cluster": ["a"], "TensorFlow": {}}\n',
    "worker 0": b'{"worker": 0, "cluster": "a", "TensorFlow": "b"}\n',
    "deep": b"[" * 100_000 + b"\n",
    "not UTF-8": b'{"worker": "\xff"}\n',
}


@pytest.mark.parametrize("message", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_who_connects_changes_nothing(tmp_path, message):
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        ports = [first.getsockname()[1], second.getsockname()[1]]
    been_there, deadline = tmp_path / "been there", time.monotonic() + TIMEOUT

    def connect_to_worker_0():
        while not been_there.exists() and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", ports[0]), timeout=1) as connection:
                    connection.sendall(message)
                    been_there.touch()  # worker 1 has waited for this
            except OSError:
                time.sleep(0.01)

    stranger = Thread(target=connect_to_worker_0)
    stranger.start()
    found = launch_rendezvous({"wait_for": str(been_there)}, ports=ports)
    stranger.join()
    assert been_there.exists() and found == [[2, 0], [2, 1]]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "{}",
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_a_tf_config_without_sense_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG is .*; expected"):
        read_tf_config()


# ---- Training, with TensorFlow ---------------------------------------------------------------


def blobs(folder, **more):
    return BLOBS | {"checkpoints": str(folder / "checkpoints"), "folder": str(folder)} | more


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Two workers that nothing happens to: what they return, and where their checkpoints are."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return launch(distributed_workers.train_blobs, blobs(folder), timeout=TIMEOUT), folder


def last(folder):
    return load_latest(folder / "checkpoints")


def test_two_workers_do_what_one_does(undisturbed, tmp_path):
    (first, second), folder = undisturbed
    alone = distributed_workers.train_blobs(blobs(tmp_path))
    assert first == second
    assert first["steps"] == alone["steps"] == list(range(1, 19))
    np.testing.assert_allclose(first["loss"], alone["loss"], rtol=1e-5)
    assert alone["loss"][-1] < 0.8 * alone["loss"][0]
    ours, theirs = last(folder).arrays, last(tmp_path).arrays
    assert len(ours) == len(theirs) == 4 + 2 + 2 * 4  # weights; iterations, rate; Adam's moments
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **ROUNDING)


def test_steps_are_timed_on_one_worker_and_on_two():
    config = {"cases": [[8, 16], [8, 8192]], "steps": 5, "warm_up": 2}
    for num_workers in (1, 2):
        found = launch(
            "dlkit.distributed.digits:time_steps", config, num_workers=num_workers, timeout=TIMEOUT
        )
        assert len(found) == num_workers
        for small, large in found:
            assert 0 < small < large


def test_a_killed_worker_is_noticed_and_training_goes_on(undisturbed, tmp_path):
    config = blobs(tmp_path, kill_at=9, steps_per_checkpoint=4)
    with pytest.raises(WorkerError, match=r"worker 1 died \(signal SIGKILL\)") as caught:
        launch(distributed_workers.train_blobs, config, timeout=TIMEOUT)
    noticed = time.time() - float((tmp_path / "killed").read_text())
    assert caught.value.reason == "died"
    assert noticed < SOON
    assert last(tmp_path).total_steps == 8

    first, second = launch(distributed_workers.train_blobs, config, timeout=TIMEOUT)
    assert first == second
    assert first["steps"] == list(range(9, 19))  # from the checkpoint of step 8 on
    (calm, _), folder = undisturbed
    assert first["loss"] == calm["loss"]
    for one, other in zip(last(tmp_path).arrays, last(folder).arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    print(f"the killed worker was noticed after {noticed:.2f} s")


DIFFERENCES = {  # what worker 1 has: what all are told
    "batch_size": ({"batch_size": 32}, "batch_size: 16 for worker 0, 32 for worker 1"),
    "epochs": ({"epochs": 4}, "epochs: 3 for worker 0, 4 for worker 1"),
    "data": ({"data_seed": 8}, "x: float32 array of shape (90, 8), SHA-256 "),
    "units": ({"units": 17}, 'the model\'s variables: [[[8, 16], "float32", true], '),
    "optimizer": ({"learning_rate": 0.02}, 'the optimizer: {"'),
    "checkpoint": (
        {"checkpoints": "other"},
        'the checkpoint to go on from: "0 steps" for worker 0',
    ),
}


def test_workers_that_disagree_are_all_told_about_what(tmp_path):
    other = Checkpoint([np.zeros(1)], total_steps=5).save(tmp_path / "other").parent
    differences = [difference for difference, _ in DIFFERENCES.values()]
    differences[-1] = {"checkpoints": str(other)}
    config = blobs(tmp_path, differences=differences)
    first, second = launch(distributed_workers.train_each_differently, config, timeout=TIMEOUT)
    assert first == second and len(first) == len(DIFFERENCES)
    for message, (_, words) in zip(first, DIFFERENCES.values(), strict=True):
        assert message.startswith(f"workers disagree about {words}"), message
        assert message.endswith("start all with the same configuration, data and code")
    assert '"5 steps" for worker 1' in first[-1]


def test_a_fact_that_one_worker_lacks_is_a_disagreement():
    from dlkit.distributed.agreement import find_disagreement

    same = {"batch_size": "32"}
    assert find_disagreement([same, same, dict(same)]) == ""
    more = find_disagreement([same, same, same | {"more": "1"}])
    assert more.startswith("workers disagree about more: nothing for worker 0, 1 for worker 2")


def test_more_facts_than_can_be_exchanged_are_refused(monkeypatch):
    import tensorflow as tf

    from dlkit.distributed.agreement import agree

    cluster = {"worker": ["a:1", "b:1"]}
    task = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    with pytest.raises(ValueError, match="expected 8192 at most"):
        agree(tf.distribute.get_strategy(), {str(n): "text" for n in range(1000)})


def test_layers_with_a_state_of_their_own_train(tmp_path):
    first, second = launch(
        distributed_workers.train_blobs, blobs(tmp_path, more_layers=True), timeout=TIMEOUT
    )
    assert first == second
    assert first["loss"][-1] < first["loss"][0]


def test_a_checkpoint_of_another_run_is_refused(undisturbed):
    _, folder = undisturbed
    for difference, words in (
        ({"batch_size": 32}, "'batch_size': 16}, this one has {'batch_size': 32}"),
        ({"more_layers": True}, "'the model': "),
        ({"activation": "relu"}, "'the model': "),  # of the same shapes
        ({"learning_rate": 0.02}, "{\"the optimizer's learning_rate\": '0.0"),
        ({"data_seed": 8}, "'x': 'float32 array of shape (90, 8), SHA-256 "),
    ):
        with pytest.raises(ValueError, match="belongs to a run with ") as caught:
            distributed_workers.train_blobs(blobs(folder, **difference))
        assert words in str(caught.value)


def test_a_run_goes_on_though_keras_numbers_its_layers_anew(undisturbed):
    """In a process in which other models were made before, names are dense_7 and so on."""
    import keras

    keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    (first, _), folder = undisturbed
    again = distributed_workers.train_blobs(blobs(folder))
    assert again["loss"] == first["loss"]


def test_losses_and_optimizers_that_would_go_wrong_are_refused():
    import keras
    import tensorflow as tf

    from dlkit.distributed.training import training_step

    strategy = tf.distribute.get_strategy()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    loss = keras.losses.MeanSquaredError(reduction=None)
    with pytest.raises(ValueError, match="global_clipnorm"):
        training_step(strategy, model, keras.optimizers.SGD(global_clipnorm=1.0), loss)
    with pytest.raises(ValueError, match="reduction='sum_over_batch_size'"):
        training_step(strategy, model, keras.optimizers.SGD(), keras.losses.MeanSquaredError())
    with pytest.raises(ValueError, match="expected a Keras loss"):
        training_step(strategy, model, keras.optimizers.SGD(), "mse")


# ---- On Ray ----------------------------------------------------------------------------------

NO_RAY = missing_packages("ray")
needs_ray = pytest.mark.skipif(bool(NO_RAY), reason=NO_RAY)


@pytest.fixture
def ray_machine(tmp_path, monkeypatch):
    """Ray on two cores of this machine, gone when the test is over."""
    import ray

    monkeypatch.setenv("DLKIT_OFFLINE", "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")  # not 2: quicker reports
    monkeypatch.setenv("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", str(TIMEOUT))  # not 60
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(TESTS)]))
    options = {"num_cpus": 2, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    options |= {"configure_logging": False, "log_to_driver": False}
    start_ray(**options)
    processes = psutil.Process().children(recursive=True)
    yield tmp_path
    ray.shutdown()
    _, still = psutil.wait_procs(processes, timeout=SOON)
    assert not alive(process.pid for process in still)


def fit_on_ray(function, config, folder, **run_options):
    """The state in the last checkpoint of two workers under Ray Train."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    trainer = TensorflowTrainer(
        function,
        train_loop_config=config | {"checkpoints": RayCheckpoints()},
        scaling_config=ScalingConfig(num_workers=2),
        run_config=RunConfig(storage_path=str(folder / "results"), **run_options),
    )
    with trainer.fit().checkpoint.as_directory() as kept:
        return load_latest(kept)


@needs_ray
def test_ray_train_runs_the_same_function(ray_machine):
    from dlkit.distributed.digits import train_digits

    config = {
        "examples": 500,
        "units": [16],
        "learning_rate": 0.1,
        "batch_size": 64,
        "epochs": 2,
        "seed": 0,
    }
    ray_state = fit_on_ray(train_digits, config, ray_machine)
    alone = train_digits(config | {"checkpoints": str(ray_machine / "alone" / "checkpoints")})
    our_state = last(ray_machine / "alone")
    assert ray_state.total_steps == our_state.total_steps == 16
    np.testing.assert_allclose(ray_state.history["loss"], alone["loss"], rtol=1e-5)
    for one, other in zip(ray_state.arrays, our_state.arrays, strict=True):
        np.testing.assert_allclose(one, other, **ROUNDING)


@needs_ray
def test_ray_train_resumes_from_the_checkpoint_when_a_worker_is_killed(undisturbed, ray_machine):
    from ray.train import FailureConfig

    config = blobs(ray_machine, kill_at=9, steps_per_checkpoint=4)
    failures = FailureConfig(max_failures=1)
    state = fit_on_ray(
        distributed_workers.train_blobs, config, ray_machine, failure_config=failures
    )
    assert (ray_machine / "killed").exists()
    steps = [int(line) for line in (ray_machine / "steps-1").read_text().split()]
    # Ray Train takes in a checkpoint when the next one comes: that of step 6 for sure, 8 perhaps.
    assert steps in ([*range(1, 10), *range(first, 19)] for first in (7, 9))
    (calm, _), folder = undisturbed
    np.testing.assert_allclose(state.history["loss"], calm["loss"], rtol=1e-5)
    for one, other in zip(state.arrays, last(folder).arrays, strict=True):
        np.testing.assert_allclose(one, other, **ROUNDING)
