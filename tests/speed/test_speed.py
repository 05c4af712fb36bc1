"""dlkit.speed: against TensorFlow's own counts, Keras's own arrays, and clocks that we set."""

import json
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit import machine, measured, models, speed
from dlkit.claims import Claims
from dlkit.exercises import speed_and_gpus as exercises
from dlkit.speed import loops, peak, pieces, profile, rates, table, underflow

pytestmark = pytest.mark.slow

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# ---- Operations and bytes --------------------------------------------------------------------


def counted_flops(model, batch_size):
    """Operations of forward and backward pass, as TensorFlow's profiler counts them."""

    @tf.function
    def gradients(x, y):
        with tf.GradientTape() as tape:
            value = LOSS(y, model(x, training=True))
        return tape.gradient(value, model.trainable_variables)

    x = tf.TensorSpec((batch_size, *model.input_shape[1:]), "float32")
    graph = gradients.get_concrete_function(x, tf.TensorSpec((batch_size,), "int32")).graph
    v1 = tf.compat.v1.profiler
    options = v1.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return v1.profile(graph, options=options).total_float_ops


@pytest.mark.parametrize("units", [(), (64,), (256, 128)])
def test_training_flops_are_those_that_tensorflow_counts(units):
    model = models.mlp((28, 28), 10, units=units)
    assert counted_flops(model, 100) / 100 == pytest.approx(speed.training_flops(model), rel=0.02)


def test_training_flops_of_a_convolution_by_hand():
    shapes = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same")]
    first = 2 * 64 * 3 * 3 * 3 * 4
    assert speed.training_flops(keras.Sequential(shapes)) == 2 * first
    second = keras.layers.Conv2D(5, 3, strides=2, padding="same")
    assert speed.training_flops(keras.Sequential([*shapes, second])) == (
        2 * first + 3 * 2 * 16 * 3 * 3 * 4 * 5
    )


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [("sgd", 0), (keras.optimizers.SGD(0.1, momentum=0.9), 1), ("adam", 2), ("rmsprop", 1)],
)
def test_the_optimizers_bytes_are_those_of_kerass_arrays(optimizer, slots):
    model, optimizer = models.convnet((28, 28, 1), 10), keras.optimizers.get(optimizer)
    optimizer.build(model.trainable_variables)
    kept = sum(variable.numpy().nbytes for variable in optimizer.variables if len(variable.shape))
    assert speed.training_bytes(model, 1, slots=slots)["optimizer"] == kept


def test_activations_are_every_layers_output():
    model = models.convnet((28, 28, 1), 10)
    everything = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    outputs = everything(np.zeros((3, 28, 28, 1), "float32"))
    expected = sum(output.numpy().nbytes for output in outputs)
    assert speed.training_bytes(model, 3)["activations"] == expected
    half = speed.training_bytes(model, 3, bytes_per_number=2)
    assert half["activations"] == expected // 2


@pytest.mark.parametrize(("batch_size", "slots"), [(0, 2), (1, -1)])
def test_training_bytes_of_nothing_are_refused(batch_size, slots):
    with pytest.raises(ValueError, match="expected 1, 0 or more"):
        speed.training_bytes(models.mlp((4,), 2), batch_size, slots=slots)


def test_the_roof_has_its_edge_at_peak_over_bandwidth():
    assert speed.roofline(4.0, 100.0, 25.0) == 100.0
    assert speed.roofline(3.9, 100.0, 25.0) == pytest.approx(97.5)
    assert speed.roofline(1e9, 100.0, 25.0) == 100.0


def test_the_exercise_counts_as_the_package_does():
    model = models.mlp((784,), 10, units=(256, 128))
    assert exercises.flops_per_image([784, 256, 128, 10]) == speed.training_flops(model)


# ---- Clocks ----------------------------------------------------------------------------------


def test_in_turn_takes_turns_and_leaves_the_first_round_out():
    calls = []
    ways = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds, first = speed.time_in_turn(ways, rounds=2)
    assert calls == list("ababab")
    assert {name: len(found) for name, found in seconds.items()} == {"a": 2, "b": 2}
    assert first.keys() == {"a", "b"}


def test_in_turn_measures_seconds(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def takes(seconds):
        def way():
            clock[0] += seconds

        return way

    seconds, first = speed.time_in_turn({"slow": takes(2.0), "quick": takes(0.5)}, rounds=2)
    assert seconds == {"slow": [2.0, 2.0], "quick": [0.5, 0.5]}
    assert first == {"slow": 2.0, "quick": 0.5}


@pytest.mark.parametrize(("ways", "rounds"), [({}, 1), ({"a": int}, 0)])
def test_in_turn_wants_something_to_do(ways, rounds):
    with pytest.raises(ValueError, match="expected one of each"):
        speed.time_in_turn(ways, rounds=rounds)


def test_best_seconds_is_the_quickest_call(monkeypatch):
    clock = iter([0.0, 1.0, 4.0, 4.0, 6.0, 6.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert speed.best_seconds(lambda: None, seconds=1, calls=2) == 2.0


def test_the_ladder_shows_ratios(capsys):
    speed.show_speedups({"slow": 3.0, "quick": 1.5})
    assert "2 times as fast" in capsys.readouterr().out.splitlines()[1]


# ---- Pieces ----------------------------------------------------------------------------------


def test_the_loops_do_keras_s_step():
    model = models.mlp((6,), 4, units=(5, 3))
    model.compile(keras.optimizers.SGD(0.5), LOSS)
    weights = model.get_weights()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 6)).astype("float32"), rng.integers(0, 4, 7)
    layers = [
        (kernel.tolist(), bias.tolist())
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True)
    ]
    loops.train_step(layers, x.tolist(), y.tolist(), 0.5)
    model.train_on_batch(x, y)
    for ours, theirs in zip(
        [part for layer in layers for part in layer], model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_xla_computes_the_same():
    for name, (function, *inputs) in pieces.operations(4).items():
        plain, compiled = (
            tf.nest.flatten(rates.synchronized_call(function, *inputs, jit_compile=jit)())
            for jit in (False, True)
        )
        for ours, theirs in zip(plain, compiled, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3, err_msg=name)


def test_work_under_the_roof_moves_the_bytes_of_its_arrays():
    work = pieces.roofline_workloads((8,), images=4)
    x, w, y = np.empty((8, 784)), np.empty((784, 256)), np.empty((8, 256))
    assert work["dense, batch 8"].bytes_moved == 4 * (x.size + w.size + y.size)
    assert work["dense, batch 8"].operations == 2 * 8 * 784 * 256
    outputs = work["convolution"].call()
    assert work["convolution"].operations == 2 * 9 * 16 * int(np.prod(outputs.shape))


def test_float16_loses_small_gradients_and_scaling_saves_them():
    keras.utils.set_random_seed(0)
    x, y = np.random.default_rng(0).normal(size=(32, 20)), np.arange(32) % 4
    layer = keras.layers.Dense(4, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((20,)), layer])
    every = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert underflow.count_nonzero_gradients(model, LOSS, x, y, 1e-9, 1.0) == 0
    assert underflow.count_nonzero_gradients(model, LOSS, x, y, 1e-9, 2.0**28) == every


# ---- Profile and memory ----------------------------------------------------------------------


def test_the_profile_finds_the_slow_stage_and_the_wait():
    def sleeps(x):
        time.sleep(0.02)
        return x

    def slow(x):
        x = tf.ensure_shape(tf.numpy_function(sleeps, [x], tf.float32), (None, 3))
        return x, x[:, :1]

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = tf.data.Dataset.from_tensor_slices(np.zeros((100, 3), "float32")).batch(10).map(slow)
    model.fit(x, verbose=0, shuffle=False)
    found = profile.profile(lambda: model.fit(x, verbose=0, shuffle=False))
    assert 0.1 < found["waiting"] < found["wall"]
    assert max(found["stages"], key=found["stages"].get) == "Map"
    assert found["stages"]["Map"] >= 0.2
    assert found["stages"]["BatchV2"] < found["stages"]["Map"] / 2


def test_larger_batches_need_more_memory():
    small, large = peak.peak_bytes("convnet", [64, 2048])
    formula = speed.training_bytes(models.convnet((28, 28, 1), 10), 2048 - 64)["activations"]
    assert 0.4 < (large - small) / formula < 3


@pytest.mark.parametrize("sizes", [[], [4, 4], [8, 4]])
def test_batches_must_grow(sizes):
    with pytest.raises(ValueError, match="expected them to increase"):
        peak.peak_bytes("mlp", sizes)


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="no attribute 'nonsense'"):
        peak.peak_bytes("nonsense", [1])


# ---- The table -------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "table.json"
    monkeypatch.setenv(table.TABLE_VARIABLE, str(path))
    return path


def test_a_row_names_its_hardware_and_replaces_its_older_self(file, monkeypatch):
    table.add_row({"speed": {32: 1234.56}}, "Keras 0")
    table.add_row({"speed": {32: 2345.67}, "peak": np.float32(1e9)}, "Keras 1")
    (row,) = table.load_rows(file)
    assert row["hardware"] == table.hardware() and row["versions"] == "Keras 1"
    assert row["speed"] == {"32": 2350.0} and row["peak"] == 1e9
    monkeypatch.setattr(machine, "gpu_names", lambda: ["NVIDIA Something"])
    table.add_row({"speed": {32: 1.0}}, "Keras 1")
    assert [found["kind"] for found in table.load_rows(file)] == ["CPU", "GPU"]
    assert table.load_rows(file)[1]["hardware"] == "NVIDIA Something"


def test_a_learners_run_writes_nothing(monkeypatch):
    monkeypatch.delenv(table.TABLE_VARIABLE, raising=False)
    before = measured.SPEED_TABLE.read_bytes()
    assert table.add_row({"speed": {32: 1.0}}, "Keras 1")["speed"] == {"32": 1.0}
    assert measured.SPEED_TABLE.read_bytes() == before


def test_the_committed_rows_are_whole():
    rows = table.load_rows()
    assert rows, "benchmarks/speed_table.py makes it"
    for row in rows:
        assert {"hardware", "kind", "date", "versions", "MLP, images per second"} <= row.keys()
        assert row["kind"] in ("CPU", "GPU")
    json.dumps(rows, allow_nan=False)


def test_the_table_says_that_a_gpu_is_missing_only_where_one_is(capsys):
    row = {"hardware": "a", "kind": "CPU", "date": "2026-11-27", "versions": "none", "x": 1.0}
    table.show_rows([row])
    assert "No GPU has been measured yet" in capsys.readouterr().out
    table.show_rows([row, row | {"kind": "GPU"}])
    assert "No GPU" not in capsys.readouterr().out


def test_claims_on_times_fail_on_a_cpu_and_only_speak_on_a_gpu(monkeypatch, capsys):
    monkeypatch.setattr(machine, "gpu_names", lambda: [])
    with pytest.raises(AssertionError, match="does not hold"):
        table.timing_claims(Claims("22_speed_and_gpus"))("ratio", 5.0, (1, 2))
    monkeypatch.setattr(machine, "gpu_names", lambda: ["NVIDIA Something"])
    table.timing_claims(Claims("22_speed_and_gpus"))("ratio", 5.0, (1, 2))
    assert "no band with a GPU" in capsys.readouterr().out
