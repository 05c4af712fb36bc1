"""A saved model as a function from arrays to arrays, with its signature."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

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
        ValueError: it cannot be served; says what it is, and what to do.
    """
    load = _from_keras if path.is_file() else _from_saved_model
    function, inputs, outputs, definitions = load(path)
    for kind, specs in (("input", inputs), ("output", outputs)):
        if len(specs) != 1:
            names = ", ".join(map(str, specs)) or "none"
            raise ValueError(
                f"it has {len(specs)} {kind}s ({names}), and this service takes models with one "
                f"input and one output: export one that joins or splits its {kind}s inside"
            )
    ((input_name, input_spec),), ((output_name, output_spec),) = inputs.items(), outputs.items()
    input_dtype, input_shape = _dtype_and_shape("input", input_name, input_spec)
    output_dtype, output_shape = _dtype_and_shape("output", output_name, output_spec)
    signature = Signature(
        input_name, input_dtype, input_shape, output_name, output_dtype, output_shape, definitions
    )

    def predict(array):
        return function(tf.constant(array))[output_name].numpy()

    _warm_up(predict, signature)
    return predict, signature


def _from_keras(path):
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # of Keras's many
        raise ValueError(
            f"it is a .keras file that cannot be built here ({_first_line(error)}); if it has "
            "layers or functions of its own, export it where they are: model.export(folder)"
        ) from None
    if not hasattr(model, "inputs"):
        if isinstance(model, keras.Sequential):
            raise ValueError(
                "it is a Sequential that has never seen an input; begin it with keras.Input(shape) "
                "or train it, and save it again"
            )
        raise ValueError(
            "it is a Keras model of a class of its own, whose file does not tell its input; export "
            "it where it was made, model.export(folder), and serve the folder"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None, _by_name(model.inputs), _by_name(model.outputs), {}
    (x_in,), (y_out,) = model.inputs, model.outputs
    # A Sequential without Input remembers the size of the first batch that it saw.
    spec = tf.TensorSpec((None, *x_in.shape[1:]), x_in.dtype)
    y_spec = tf.TensorSpec((None, *y_out.shape[1:]), y_out.dtype)

    @tf.function(input_signature=[spec])
    def function(x):
        return {"output_0": model(x, training=False)}

    return function, {x_in.name: spec}, {"output_0": y_spec}, {}


def _by_name(tensors):
    return {tensor.name: tensor for tensor in tensors}


def _first_line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"


def _from_saved_model(path):
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # of TensorFlow's many
        raise ValueError(
            f"it is a SavedModel that TensorFlow cannot load ({_first_line(error)}); copy the "
            "whole folder again, or export it anew: model.export(folder)"
        ) from None
    if DEFAULT_SIGNATURE not in loaded.signatures:
        names = ", ".join(loaded.signatures) or "none"
        raise ValueError(
            f"it is a SavedModel with these signatures: {names}; expected {DEFAULT_SIGNATURE}: "
            "export it with model.export(folder), or tf.saved_model.save(model, folder, "
            f"signatures={{{DEFAULT_SIGNATURE!r}: function}})"
        )
    signature, in_file = loaded.signatures[DEFAULT_SIGNATURE], _signatures_in(path)
    inputs, outputs = in_file[DEFAULT_SIGNATURE].inputs, in_file[DEFAULT_SIGNATURE].outputs

    def function(x, _model=loaded):  # a signature does not keep its model's variables alive
        return signature(**{next(iter(inputs)): x})

    definitions = {name: _definition(definition) for name, definition in in_file.items()}
    return function, _specs(inputs), _specs(outputs), definitions


def _signatures_in(path):
    """All signatures of a SavedModel as its file has them; loaded, some lose their shapes."""
    content = (path / "saved_model.pb").read_bytes()
    graphs = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    graph = next((graph for graph in graphs if "serve" in graph.meta_info_def.tags), graphs[0])
    own = "__saved_model"  # begins the name of one by which TensorFlow initialises a model
    found = graph.signature_def.items()
    return {name: definition for name, definition in found if not name.startswith(own)}


def _specs(tensors):
    return {
        name: tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype))
        for name, info in tensors.items()
    }


def _definition(definition):
    """A signature in the form in which TensorFlow Serving shows it."""

    def tensor(info):
        shape = info.tensor_shape
        sizes = [{"size": str(dim.size), "name": dim.name} for dim in shape.dim]
        return {
            "dtype": types_pb2.DataType.Name(info.dtype),
            "tensor_shape": {"dim": sizes, "unknown_rank": shape.unknown_rank},
            "name": info.name,
        }

    return {
        "inputs": {name: tensor(info) for name, info in definition.inputs.items()},
        "outputs": {name: tensor(info) for name, info in definition.outputs.items()},
        "method_name": definition.method_name,
        "defaults": {},
    }


def _dtype_and_shape(kind, name, spec):
    dtype = tf.as_dtype(spec.dtype).name
    if dtype not in TF_TYPES:
        raise ValueError(
            f"its {kind} {name!r} is of {dtype}, and this service serves numbers: export one whose "
            f"{kind} is of {', '.join(TF_TYPES)}"
        )
    shape = tf.TensorShape(spec.shape)
    if shape.rank is None:
        raise ValueError(
            f"its {kind} {name!r} has a shape of unknown rank; expected (None, …): export it with "
            "an input_signature that says the shape of an example"
        )
    if not shape.rank or shape[0] is not None:
        raise ValueError(
            f"its {kind} {name!r} has shape {tuple(shape)}; expected (None, …), which takes any "
            "number of examples: export it with an input_signature that begins with None"
        )
    return dtype, tuple(shape)


def _warm_up(predict, signature):
    """The first call compiles; it is not to fall to a client. It tells what the model cannot do."""
    sizes = signature.input_shape[1:]
    if None in sizes:
        return
    try:
        found = predict(np.zeros((2, *sizes), signature.input_dtype))
    except Exception as error:  # of TensorFlow's many
        raise ValueError(
            f"it fails on two examples of zeros of shape {sizes} ({_first_line(error)}); try it "
            "where it was made"
        ) from None
    if found.shape[:1] != (2,):
        raise ValueError(
            f"it gives an output of shape {found.shape} for two examples; expected (2, …): one "
            "prediction for each"
        )
