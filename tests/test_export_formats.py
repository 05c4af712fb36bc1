"""dlkit.export: the four formats, read and measured."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
from keras import layers

from dlkit import export
from dlkit.serving.commands import missing

IMAGES = np.random.default_rng(0).integers(0, 256, (150, 4, 4), dtype=np.uint8)
KINDS = {
    "model.keras": (),
    "1": (),
    "model.onnx": ("tf2onnx", "onnx", "onnxruntime"),
    "model.tflite": ("ai_edge_litert",),
}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    pixels = keras.Input((4, 4), dtype="uint8")
    return keras.Sequential(
        [pixels, layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )


@pytest.mark.parametrize("name", KINDS)
def test_every_format_is_read_and_measured(model, name, tmp_path, capfd):
    if lacking := missing(*KINDS[name]):
        pytest.skip(lacking)
    path = tmp_path / name
    kind = {".onnx": "onnx", ".tflite": "litert"}.get(path.suffix, "tf_saved_model")
    if path.suffix == ".keras":
        model.save(path)
    else:
        model.export(path, format=kind, verbose=False)
    expected = model.predict(IMAGES, verbose=0)
    capfd.readouterr()
    found = export.measure(path, IMAGES, expected)
    assert capfd.readouterr().err == ""
    assert found.predictions.shape == (150, 3) and found.difference < 1e-6
    assert found.difference == np.abs(found.predictions - expected).max()
    assert min(found.load_ms, found.one_ms, found.many_ms, found.kilobytes) > 0
    assert len(str(found)) == len(export.HEADING)
    off = export.measure(path, IMAGES, expected + np.eye(150, 3, -149))  # the last one differs
    assert off.difference == pytest.approx(1, abs=1e-5)


def test_kilobytes_counts_all_files_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1500))
    (tmp_path / "c").write_bytes(bytes(500))
    assert export.kilobytes(tmp_path) == 2
    assert export.kilobytes(tmp_path / "c") == 0.5


def test_milliseconds_is_a_median_without_the_first_call(monkeypatch):
    ticks = iter([0.0, 0.001, 1.0, 1.002, 2.0, 2.009])
    monkeypatch.setattr(export.time, "perf_counter", lambda: next(ticks))
    calls = []
    assert export.milliseconds(calls.append, 7, repeats=3) == pytest.approx(2)
    assert calls == 4 * [7]


def test_missing_names_what_is_not_there_and_how_to_get_it():
    assert missing("numpy", "keras") == ""
    assert missing("numpy", "no_such_package").startswith("no_such_package not installed;")
    assert find_spec("no_such_package") is None
