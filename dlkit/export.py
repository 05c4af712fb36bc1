"""One saved model in several file formats: run it, and measure size, time and difference."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlkit.machine import hidden_stderr, missing_packages

Predictor = Callable[[np.ndarray], np.ndarray]
HEADING = "format              size     load   1 digit  64 digits  largest difference"


def load_predictor(path: str | os.PathLike) -> Predictor:
    """A saved model as a function from a batch of inputs to a batch of outputs.

    Args:
        path: a ``.keras`` file, a SavedModel's folder, an ``.onnx`` file or a ``.tflite`` file.

    Returns:
        A function from an array in the model's own dtype, batch first, to an array.

    Raises:
        ImportError: the package that runs this format is not installed; with the command that
            installs it.
    """
    path = Path(path)
    loaders = {".keras": _load_keras, ".onnx": _load_onnx, ".tflite": _load_litert}
    return loaders.get(path.suffix, _load_saved_model)(path)


def _require(package):
    if problem := missing_packages(package):
        raise ImportError(problem)


def _load_keras(path):
    import keras

    model = keras.models.load_model(path, compile=False)
    return lambda x: np.asarray(model(x, training=False))


def _load_saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda x: model.serve(tf.constant(x)).numpy()


def _load_onnx(path):
    _require("onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    (model_input,) = session.get_inputs()
    return lambda x: session.run(None, {model_input.name: x})[0]


def _load_litert(path):
    _require("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    with hidden_stderr():
        interpreter = Interpreter(str(path))
    (x_in,), (y_out,) = interpreter.get_input_details(), interpreter.get_output_details()
    batch_size = None

    def predict(x):
        nonlocal batch_size
        if batch_size != len(x):
            interpreter.resize_tensor_input(x_in["index"], x.shape)
            with hidden_stderr():  # it says which of its own kernels it takes
                interpreter.allocate_tensors()
            batch_size = len(x)
        interpreter.set_tensor(x_in["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(y_out["index"])

    return predict


def median_ms(predict: Predictor, x: np.ndarray, repeats: int = 40) -> float:
    """Median milliseconds of a call of ``predict(x)``, after a first call that may compile."""
    predict(x)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        predict(x)
        seconds.append(time.perf_counter() - begun)
    return 1000 * float(np.median(seconds))


def size_kb(path: str | os.PathLike) -> float:
    """Size of a file, or of all files in a folder, in units of 1000 bytes."""
    path = Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1000


@dataclass(frozen=True)
class Measurement:
    """What ``measure`` found; as text, a row below ``HEADING``."""

    name: str
    size_kb: float
    load_ms: float
    one_ms: float  # for one input
    batch_ms: float  # for 64 inputs
    predictions: np.ndarray
    max_difference: float

    def __str__(self) -> str:
        return (
            f"{self.name:15}{self.size_kb:6.0f} kB{self.load_ms:6.0f} ms{self.one_ms:7.2f} ms"
            f"{self.batch_ms:8.2f} ms{self.max_difference:20.0e}"
        )


def measure(path: str | os.PathLike, x: np.ndarray, expected: np.ndarray) -> Measurement:
    """Load a saved model, time it on 1 and on 64 inputs, and compare it on all of them.

    Args:
        path: as ``load_predictor`` takes it.
        x: inputs in the model's own dtype, (n, …), 64 or more.
        expected: the predictions of Keras for them, (n, …).

    Returns:
        A ``Measurement``. ``max_difference`` is the largest over all inputs.
    """
    begun = time.perf_counter()
    predict = load_predictor(path)
    load_ms = 1000 * (time.perf_counter() - begun)
    one, batch = median_ms(predict, x[:1]), median_ms(predict, x[:64])
    parts = np.split(x, range(100, len(x), 100))
    y_pred = np.concatenate([predict(part) for part in parts])
    difference = float(np.abs(y_pred - expected).max())
    return Measurement(Path(path).name, size_kb(path), load_ms, one, batch, y_pred, difference)
