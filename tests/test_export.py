"""One model in four file formats: each must give the predictions that Keras gives, measured so."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

from dlkit import export, models
from dlkit.machine import missing_packages

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (150, 28, 28), dtype=np.uint8)
FORMATS = {  # name of the file or folder: format of model.export, packages beside TensorFlow
    "model.keras": (None, ()),
    "1": ("tf_saved_model", ()),
    "model.onnx": ("onnx", ("tf2onnx", "onnx", "onnxruntime")),
    "model.tflite": ("litert", ("ai_edge_litert",)),
}


def classifier(kind):
    """Raw pixels in, probabilities out; the preprocessing is a part of the model."""
    keras.utils.set_random_seed(0)
    first = [keras.Input((28, 28), dtype="uint8"), layers.Rescaling(1 / 255)]
    if kind == "mlp":
        body = [models.mlp((28, 28), 10)]
    else:
        body = [layers.Reshape((28, 28, 1)), models.convnet((28, 28, 1), 10)]
    return keras.Sequential([*first, *body, layers.Softmax()])


@pytest.fixture(scope="module", params=["mlp", "convnet"])
def model(request):
    return classifier(request.param)


@pytest.fixture(scope="module")
def expected(model):
    return model.predict(IMAGES, verbose=0)


def saved(model, folder, name):
    """The path of the model in one format."""
    export_format, packages = FORMATS[name]
    if problem := missing_packages(*packages):
        pytest.skip(problem)
    path = folder / name
    if export_format is None:
        model.save(path)
    else:
        model.export(path, format=export_format, verbose=False)
    return path


# ---- The formats, each read by its own program ------------------------------------------------


def run_keras(path, images):
    return keras.models.load_model(path).predict(images, verbose=0)


def run_saved_model(path, images):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    return loaded.serve(tf.constant(images)).numpy()


def run_onnx(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    (model_input,) = session.get_inputs()
    assert model_input.type == "tensor(uint8)"
    return session.run(None, {model_input.name: images})[0]


def run_litert(path, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=path.read_bytes())
    (x_in,), (y_out,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(x_in["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(x_in["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(y_out["index"])


RUN = dict(zip(FORMATS, (run_keras, run_saved_model, run_onnx, run_litert), strict=True))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_predicts_what_keras_does(model, expected, name, tmp_path):
    y_pred = RUN[name](saved(model, tmp_path, name), IMAGES)
    assert y_pred.shape == expected.shape
    np.testing.assert_allclose(y_pred, expected, atol=1e-5)


# ---- dlkit.export ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_loaded_and_measured(model, expected, name, tmp_path, capfd):
    path = saved(model, tmp_path, name)
    capfd.readouterr()
    measured = export.measure(path, IMAGES, expected)
    assert capfd.readouterr().err == ""
    assert measured.predictions.shape == (150, 10) and measured.max_difference < 1e-5
    assert measured.max_difference == np.abs(measured.predictions - expected).max()
    assert min(measured.load_ms, measured.one_ms, measured.batch_ms, measured.size_kb) > 0
    assert len(str(measured)) == len(export.HEADING)
    off = export.measure(path, IMAGES, expected + np.eye(150, 10, -149))  # the last one differs
    assert off.max_difference == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "package"), [("m.onnx", "onnxruntime"), ("m.tflite", "ai_edge_litert")]
)
def test_a_package_that_is_missing_is_named(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ImportError, match=f"{package} not installed; to install: .*pip install"):
        export.load_predictor(name)


def test_size_kb_counts_all_files_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1500))
    (tmp_path / "c").write_bytes(bytes(500))
    assert export.size_kb(tmp_path) == 2
    assert export.size_kb(tmp_path / "c") == 0.5


def test_median_ms_is_a_median_without_the_first_call(monkeypatch):
    ticks = iter([0.0, 0.001, 1.0, 1.002, 2.0, 2.009])
    monkeypatch.setattr(export.time, "perf_counter", lambda: next(ticks))
    calls = []
    assert export.median_ms(calls.append, 7, repeats=3) == pytest.approx(2)
    assert calls == 4 * [7]


# ---- What the service loads ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.keras", "1"])
def test_what_the_service_loads(model, expected, name, tmp_path):
    from dlkit.serving import loading

    predict, signature = loading.load_model(saved(model, tmp_path, name))
    assert signature.input_dtype == "uint8" and signature.input_shape == (None, 28, 28)
    assert signature.output_dtype == "float32" and signature.output_shape == (None, 10)
    np.testing.assert_allclose(predict(IMAGES), expected, atol=1e-5)
    parts = [predict(IMAGES[:1]), predict(IMAGES[1:])]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-5)


def test_what_the_service_does_not_load(tmp_path):
    from dlkit.serving import loading

    inputs = [keras.Input((2,)), keras.Input((3,))]
    two = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    two.save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match=r"2 inputs \(.*one input and one output"):
        loading.load_model(tmp_path / "two.keras")
    two.export(tmp_path / "two", verbose=False)
    with pytest.raises(ValueError, match=r"inputs \(.*one input and one output"):
        loading.load_model(tmp_path / "two")
    words = keras.Sequential([keras.Input((), dtype="string"), layers.TextVectorization(10)])
    words.layers[0].adapt(["a", "b"])
    words.save(tmp_path / "words.keras")
    with pytest.raises(ValueError, match="of string, and this service serves numbers"):
        loading.load_model(tmp_path / "words.keras")
