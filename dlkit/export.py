"""One saved model in several file formats: run it, and measure size, time and difference."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlkit.machine import hidden_stderr

HEADING = "format              size     load   1 digit  64 digits  largest difference"


def reader(path):
    """A saved model as a function from a batch of inputs to a batch of outputs.

    Args:
        path: a ``.keras`` file, a SavedModel's folder, an ``.onnx`` file or a ``.tflite`` file.

    Returns:
        A function from an array in the model's own dtype, batch first, to an array.

    Raises:
        ImportError: the program that reads this format is not installed (requirements-cloud.txt).
    """
    path = Path(path)
    makers = {".keras": _keras, ".onnx": _onnx, ".tflite": _litert}
    return makers.get(path.suffix, _saved_model)(path)


def _keras(path):
    import keras

    model = keras.models.load_model(path, compile=False)
    return lambda x: np.asarray(model(x, training=False))


def _saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda x: model.serve(tf.constant(x)).numpy()


def _onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    (given,) = session.get_inputs()
    return lambda x: session.run(None, {given.name: x})[0]


def _litert(path):
    from ai_edge_litert.interpreter import Interpreter

    with hidden_stderr():
        interpreter = Interpreter(str(path))
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    size = None

    def run(x):
        nonlocal size
        if size != len(x):
            interpreter.resize_tensor_input(given["index"], x.shape)
            with hidden_stderr():  # it says which of its own kernels it takes
                interpreter.allocate_tensors()
            size = len(x)
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    return run


def milliseconds(run, x, repeats=40):
    """Median time of a call of ``run(x)``, after a first call that may compile."""
    run(x)
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run(x)
        taken.append(time.perf_counter() - begun)
    return 1000 * float(np.median(taken))


def kilobytes(path):
    """Size of a file, or of all files in a folder, in units of 1000 bytes."""
    path = Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1000


@dataclass(frozen=True)
class Measured:
    """What ``measure`` found; as text, a row below ``HEADING``."""

    name: str
    kilobytes: float
    load_ms: float
    one_ms: float
    many_ms: float
    predictions: np.ndarray
    difference: float

    def __str__(self):
        return (
            f"{self.name:15}{self.kilobytes:6.0f} kB{self.load_ms:6.0f} ms{self.one_ms:7.2f} ms"
            f"{self.many_ms:8.2f} ms{self.difference:20.0e}"
        )


def measure(path, images, expected):
    """Load a saved model, time it on 1 and on 64 inputs, and compare it on all of them.

    Args:
        path: as ``reader`` takes it.
        images: inputs in the model's own dtype, (n, …), 64 or more.
        expected: the predictions of Keras for them, (n, …).

    Returns:
        A ``Measured``. ``difference`` is the largest over all inputs.
    """
    begun = time.perf_counter()
    run = reader(path)
    load_ms = 1000 * (time.perf_counter() - begun)
    one, many = milliseconds(run, images[:1]), milliseconds(run, images[:64])
    parts = np.split(images, range(100, len(images), 100))
    found = np.concatenate([run(part) for part in parts])
    difference = float(np.abs(found - expected).max())
    return Measured(Path(path).name, kilobytes(path), load_ms, one, many, found, difference)
