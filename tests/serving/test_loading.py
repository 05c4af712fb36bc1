"""Models that others made: what is loaded, and what hears what it is and what to do."""

import json
import os
import zipfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dlkit.serving import body, loading, protocol, versions

pytestmark = pytest.mark.slow

ZEROS = np.zeros((32, 4, 4), np.float32)


# ---- TensorFlow Serving's own example --------------------------------------------------------


@pytest.fixture(scope="module")
def half_plus_two(tmp_path_factory):
    """y = 0.5 x + 2 in TensorFlow 1, with signatures to predict, regress and classify: as
    TensorFlow Serving makes its saved_model_half_plus_two."""
    v1 = tf.compat.v1
    folder = tmp_path_factory.mktemp("models") / "00000123"
    with tf.Graph().as_default(), v1.Session() as session:
        a = v1.get_variable("a", initializer=0.5)
        b = v1.get_variable("b", initializer=2.0)
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        features = {"x": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
        x = tf.identity(tf.io.parse_example(examples, features)["x"], name="x")
        y = tf.add(tf.multiply(a, x), b, name="y")
        utils = v1.saved_model
        info = utils.build_tensor_info
        signatures = {
            "serving_default": utils.build_signature_def(
                {"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"
            ),
            "regress_x_to_y": utils.build_signature_def(
                {"inputs": info(examples)}, {"outputs": info(y)}, "tensorflow/serving/regress"
            ),
            "classify_x_to_y": utils.build_signature_def(
                {"inputs": info(examples)}, {"scores": info(y)}, "tensorflow/serving/classify"
            ),
        }
        session.run(v1.global_variables_initializer())
        builder = utils.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    return folder


def answer(path, document):
    """The document with which the service answers this one."""
    predict, signature = loading.load_model(path)
    content = json.dumps(document).encode()
    array, key, bare = body.read_request(content, signature, max_instances=100)
    return protocol.predict_response(
        predict(array), key, output_name=signature.output_name, bare=bare
    )


def test_half_plus_two_answers_as_tensorflow_servings_tutorial_says(half_plus_two):
    """https://www.tensorflow.org/tfx/serving/docker"""
    found = answer(half_plus_two, {"instances": [1.0, 2.0, 5.0]})
    assert found == {"predictions": [2.5, 3.0, 4.5]}
    assert answer(half_plus_two, {"inputs": {"x": [[1.0], [2.0]]}}) == {"outputs": [[2.5], [3.0]]}
    assert answer(half_plus_two, {"instances": [{"x": [5.0]}]}) == {"predictions": [[4.5]]}


def test_its_metadata_have_the_files_names_and_all_signatures(half_plus_two):
    """The form is that of https://www.tensorflow.org/tfx/serving/api_rest, half_plus_three."""
    _, signature = loading.load_model(half_plus_two)
    document = protocol.metadata_response("half_plus_two", 123, signature)
    found = document["metadata"]["signature_def"]["signature_def"]
    assert set(found) == {"serving_default", "regress_x_to_y", "classify_x_to_y"}
    dims = [{"size": "-1", "name": ""}, {"size": "1", "name": ""}]
    shape = {"dim": dims, "unknown_rank": False}
    assert found["serving_default"] == {
        "inputs": {"x": {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "x:0"}},
        "outputs": {"y": {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "y:0"}},
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }
    assert found["regress_x_to_y"]["inputs"]["inputs"]["dtype"] == "DT_STRING"
    assert found["regress_x_to_y"]["method_name"] == "tensorflow/serving/regress"
    assert found["classify_x_to_y"]["outputs"]["scores"]["name"] == "y:0"
    with pytest.raises(protocol.RequestError, match="in the model, but not served"):
        answer(half_plus_two, {"signature_name": "regress_x_to_y", "instances": [1.0]})


# ---- Any batch --------------------------------------------------------------------------------


def without_input():
    """A Sequential without Input, built from 32 examples."""
    model = keras.Sequential([layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(ZEROS, np.zeros((32, 3)), batch_size=32, verbose=0)
    return model


@pytest.mark.parametrize("name", ["m.keras", "1"])
def test_a_sequential_without_input_takes_any_batch(name, tmp_path):
    model, path = without_input(), tmp_path / name
    assert model.inputs[0].shape[0] == 32, "Keras remembers the first batch"
    model.save(path) if path.suffix else model.export(path, verbose=False)
    predict, signature = loading.load_model(path)
    assert signature.input_shape == (None, 4, 4) and signature.output_shape == (None, 3)
    examples = np.random.default_rng(0).normal(size=(40, 4, 4)).astype(np.float32)
    for count in (1, 2, 31, 32, 40):
        wanted = model.predict(examples[:count], verbose=0)
        np.testing.assert_allclose(predict(examples[:count]), wanted, atol=1e-5)


# ---- What is no model, or another one ---------------------------------------------------------


def small():
    return keras.Sequential([keras.Input((2,)), layers.Dense(1)])


def refusal(path):
    """The sentence that whoever starts the service with this path reads, without TensorFlow's part
    if it can be told from outside."""
    with pytest.raises(ValueError) as caught:
        for model in versions.find_versions(path).values():
            versions.check_model(model)
            loading.load_model(model)
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 600
    return sentence


def test_files_that_are_something_else(tmp_path):
    small().save(tmp_path / "m.keras")
    content = (tmp_path / "m.keras").read_bytes()
    small().save(tmp_path / "old.h5")
    hdf5 = (tmp_path / "old.h5").read_bytes()
    small().save_weights(tmp_path / "only.weights.h5")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as file:
        file.writestr("notes.txt", "no model")
    for name, start in {
        "cut.keras": content[: len(content) // 2],
        "cut_at_the_end.keras": content[:-30],
        "empty.keras": b"",
        "hdf5.keras": hdf5,
        "text.keras": b"<!doctype html>",
        "pointer.keras": b"version https://git-lfs.github.com/spec/v1\n",
        "m.tflite": b"TFL3",
        "m.onnx": b"onnx",
        "m.pt": b"PK",
        "saved_model.pb": b"graph",
        "m": b"?",
    }.items():
        (tmp_path / name).write_bytes(start)
    for name, words in {
        "cut.keras": "cut off; copy or save it again",
        "cut_at_the_end.keras": "cut off; copy or save it again",
        "empty.keras": "an empty file",
        "hdf5.keras": "an HDF5 file, Keras's older format; rename it to hdf5.h5, load it with",
        "text.keras": "no .keras file, in spite of its name",
        "pointer.keras": "git lfs pull",
        "other.keras": "it lacks config.json, metadata.json",
        "old.h5": "an HDF5 file, Keras's older format; load it with keras.models.load_model, and",
        "only.weights.h5": "weights without a model",
        "m.tflite": "LiteRT",
        "m.onnx": "ONNX",
        "m.pt": "PyTorch",
        "saved_model.pb": "serve the whole folder",
        "m": r"expected a .keras file",
    }.items():
        assert words in refusal(tmp_path / name), name


def test_the_advice_about_hdf5_works(tmp_path):
    small().save(tmp_path / "old.h5")
    keras.models.load_model(tmp_path / "old.h5").save(tmp_path / "new.keras")
    assert loading.load_model(tmp_path / "new.keras")[1].input_shape == (None, 2)


def test_folders_that_lack_something(tmp_path):
    small().export(tmp_path / "m", verbose=False)
    (tmp_path / "m" / "variables" / "variables.index").unlink()
    assert "variables lacks a file" in refusal(tmp_path / "m")
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    assert "saved_model.pb is empty" in refusal(tmp_path / "m")
    small().export(tmp_path / "n", verbose=False)
    whole = (tmp_path / "n" / "saved_model.pb").read_bytes()
    (tmp_path / "n" / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
    assert "a SavedModel that TensorFlow cannot load" in refusal(tmp_path / "n")
    small().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        file.extractall(tmp_path / "unpacked")
    assert "a .keras file that was unpacked" in refusal(tmp_path / "unpacked")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "saved_model.pbtxt").write_text("")
    assert "a SavedModel in text" in refusal(tmp_path / "text")


class Other(keras.Model):
    """A class that the service does not know."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(1)

    def call(self, x):
        """One number for each example."""
        return self.dense(x)


@keras.saving.register_keras_serializable("tests")
class Known(Other):
    """A class that happens to be known."""


def test_keras_models_of_a_class_of_their_own(tmp_path):
    for kind, words in ((Other, "cannot be built here"), (Known, "class of its own")):
        model = kind()
        model(np.zeros((2, 3), np.float32))
        model.save(tmp_path / "m.keras")
        assert words in (said := refusal(tmp_path / "m.keras")) and "model.export(folder)" in said
        model.export(tmp_path / kind.__name__, verbose=False)
        assert loading.load_model(tmp_path / kind.__name__)[1].input_shape == (None, 3), "so it is"
    never = keras.Sequential([layers.Dense(1)])
    never.save(tmp_path / "m.keras")
    assert "never seen an input" in refusal(tmp_path / "m.keras")


def function_of(signature, result):
    class Module(tf.Module):
        @tf.function(input_signature=signature)
        def __call__(self, *arguments):
            return result(*arguments)

    return Module()


SPEC = tf.TensorSpec
SIGNATURES = {  # the input signature, the function, and the sentence
    "two inputs": ([SPEC((None, 2)), SPEC((None, 2))], lambda x, y: x + y, "2 inputs ("),
    "two outputs": ([SPEC((None, 2))], lambda x: {"a": x, "b": x}, "2 outputs ("),
    "no input": ([], lambda: tf.zeros((1, 2)), "0 inputs (none)"),
    "strings": ([SPEC((None,), tf.string)], tf.strings.length, "of string, and this service"),
    "booleans": ([SPEC((None, 2), tf.bool)], lambda x: tf.cast(x, tf.float32), "of bool"),
    "complex": ([SPEC((None, 2))], lambda x: tf.complex(x, x), "of complex64"),
    "a number": ([SPEC(())], lambda x: x, "has shape (); expected (None, …)"),
    "a fixed batch": ([SPEC((1, 2))], lambda x: x, "has shape (1, 2); expected (None, …)"),
    "unknown rank": ([SPEC(None)], lambda x: x, "unknown rank"),
    "no batch out": ([SPEC((None, 2))], lambda x: tf.reduce_sum(x), "has shape ()"),
    "one out for all": (
        [SPEC((None, 2))],
        lambda x: tf.boolean_mask(x, tf.range(tf.shape(x)[0]) < 1),
        "output of shape (1, 2) for two examples",
    ),
    "it fails": (
        [SPEC((None, 2))],
        lambda x: tf.debugging.check_numerics(x / x, "no number"),
        "fails on two examples of zeros",
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_of_every_shape(name, tmp_path):
    signature, result, words = SIGNATURES[name]
    module = function_of(signature, result)
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.__call__})
    assert words in refusal(tmp_path)


def test_a_saved_model_without_the_signature(tmp_path):
    module = function_of([SPEC((None, 2))], lambda x: x)
    tf.saved_model.save(module, tmp_path / "m", signatures={"predict": module.__call__})
    said = refusal(tmp_path / "m")
    assert "these signatures: predict; expected serving_default" in said
    tf.saved_model.save(tf.Module(), tmp_path / "n")
    assert "these signatures: none;" in refusal(tmp_path / "n")
