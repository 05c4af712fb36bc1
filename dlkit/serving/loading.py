"""A saved model as a function from arrays to arrays, with its signature."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from dlkit.serving.protocol import DEFAULT_SIGNATURE, TF_TYPES, Signature


def load_model(path: Path) -> tuple[Callable[[np.ndarray], np.ndarray], Signature]:
    """Load a ``.keras`` file or a SavedModel, and run it once.

    Load only models that you trust: a SavedModel is a program.

    Args:
        path: of the file or folder.

    Returns:
        ``(predict, signature)``: a function from an array in the signature's input dtype and shape
        (batch first) to the array of outputs; a ``Signature``.

    Raises:
        ValueError: it has not one input and one output of numbers, or no signature
            ``serving_default``; or what TensorFlow and Keras raise.
    """
    function, inputs, outputs = _from_keras(path) if path.is_file() else _from_saved_model(path)
    for kind, specs in (("inputs", inputs), ("outputs", outputs)):
        if len(specs) != 1:
            raise ValueError(f"it has {len(specs)} {kind}; expected one input and one output")
    ((input_name, input_spec),), ((output_name, output_spec),) = inputs.items(), outputs.items()
    input_dtype, input_shape = _dtype_and_shape(input_spec)
    output_dtype, output_shape = _dtype_and_shape(output_spec)
    signature = Signature(
        input_name, input_dtype, input_shape, output_name, output_dtype, output_shape
    )

    def predict(array):
        return function(tf.constant(array))[output_name].numpy()

    _warm_up(predict, signature)
    return predict, signature


def _from_keras(path):
    model = keras.models.load_model(path, compile=False)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None, dict(enumerate(model.inputs)), dict(enumerate(model.outputs))
    (x_in,), (y_out,) = model.inputs, model.outputs
    spec = tf.TensorSpec(x_in.shape, x_in.dtype)

    @tf.function(input_signature=[spec])
    def function(x):
        return {"output_0": model(x, training=False)}

    return function, {x_in.name: spec}, {"output_0": tf.TensorSpec(y_out.shape, y_out.dtype)}


def _from_saved_model(path):
    loaded = tf.saved_model.load(str(path))
    if DEFAULT_SIGNATURE not in loaded.signatures:
        raise ValueError(
            f"it has no signature {DEFAULT_SIGNATURE}, only {list(loaded.signatures)}; export it "
            "with model.export(folder)"
        )
    signature = loaded.signatures[DEFAULT_SIGNATURE]
    _, inputs = signature.structured_input_signature

    def function(x, _model=loaded):  # a signature does not keep its model's variables alive
        return signature(**{next(iter(inputs)): x})

    return function, inputs, signature.structured_outputs


def _dtype_and_shape(spec):
    dtype = tf.as_dtype(spec.dtype).name
    if dtype not in TF_TYPES:
        raise ValueError(f"it has an input or output of {dtype}; expected one of {list(TF_TYPES)}")
    shape = tuple(spec.shape)
    if not shape or shape[0] is not None:
        raise ValueError(f"it has an input or output of shape {shape}; expected (None, …): batches")
    return dtype, shape


def _warm_up(predict, signature):
    """The first call compiles; it is not to fall to a client."""
    sizes = signature.input_shape[1:]
    if None not in sizes:
        predict(np.zeros((1, *sizes), signature.input_dtype))
