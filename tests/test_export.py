"""One model in four file formats: each must give the predictions that Keras gives."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
from keras import layers

from dlkit import models
from dlkit.serving.commands import INSTALL

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)


def needs(*names):
    missing = [name for name in names if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{missing} not installed: {INSTALL}")


def reader(kind):
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
    return reader(request.param)


def assert_same(model, predictions):
    expected = model.predict(IMAGES, verbose=0)
    assert predictions.shape == expected.shape
    np.testing.assert_allclose(predictions, expected, atol=1e-5)


def test_keras_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    assert_same(model, keras.models.load_model(tmp_path / "model.keras").predict(IMAGES, verbose=0))


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_what_the_service_loads(model, kind, tmp_path):
    from dlkit.serving import loading

    path = tmp_path / ("model.keras" if kind == "keras" else "model")
    model.save(path) if kind == "keras" else model.export(path, verbose=False)
    predict, signature = loading.load(path)
    assert signature.input_dtype == "uint8" and signature.input_shape == (None, 28, 28)
    assert signature.output_dtype == "float32" and signature.output_shape == (None, 10)
    assert_same(model, predict(IMAGES))
    assert_same(model, np.concatenate([predict(IMAGES[:1]), predict(IMAGES[1:])]))


def test_what_the_service_does_not_load(tmp_path):
    from dlkit.serving import loading

    inputs = [keras.Input((2,)), keras.Input((3,))]
    two = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    two.save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match="2 inputs; expected one"):
        loading.load(tmp_path / "two.keras")
    two.export(tmp_path / "two", verbose=False)
    with pytest.raises(ValueError, match="inputs; expected one"):
        loading.load(tmp_path / "two")
    words = keras.Sequential([keras.Input((), dtype="string"), layers.TextVectorization(10)])
    words.layers[0].adapt(["a", "b"])
    words.save(tmp_path / "words.keras")
    with pytest.raises(ValueError, match="of string; expected one of"):
        loading.load(tmp_path / "words.keras")


@needs("onnx", "tf2onnx", "onnxruntime")
def test_onnx(model, tmp_path):
    import onnxruntime

    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (given,) = session.get_inputs()
    assert given.type == "tensor(uint8)"
    assert_same(model, session.run(None, {given.name: IMAGES})[0])


def run_litert(path_or_content, images):
    from ai_edge_litert.interpreter import Interpreter

    options = (
        {"model_content": path_or_content}
        if isinstance(path_or_content, bytes)
        else {"model_path": str(path_or_content)}
    )
    interpreter = Interpreter(**options)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(made["index"])


@needs("ai_edge_litert")
def test_litert(model, tmp_path):
    model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    assert_same(model, run_litert(tmp_path / "model.tflite", IMAGES))
