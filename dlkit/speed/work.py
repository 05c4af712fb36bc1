"""Operations and bytes of training, by formula, and the roofline over both."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras  # whose import takes seconds


def training_flops(model: "keras.Model") -> int:
    """Floating-point operations of one training step per example, a multiply-add counted as two.

    Forward, gradient of the weights, and gradient of the input but for the first layer, of dense
    and convolution layers: 2 * places * weights for each. What the others do is small beside it.

    Args:
        model: a built ``keras.Model`` whose layers stand in a row.

    Returns:
        int, operations per example.

    Example:
        >>> import keras
        >>> layers = [keras.Input((784,)), keras.layers.Dense(256), keras.layers.Dense(10)]
        >>> training_flops(keras.Sequential(layers))  # 2 (2 * 784 * 256 + 3 * 256 * 10)
        818176
    """
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    total = 0
    for index, layer in enumerate(layers):
        places = int(np.prod(layer.output.shape[1:-1]))  # 1 for a dense layer
        total += 2 * places * int(np.prod(layer.kernel.shape)) * (3 if index else 2)
    return total


def training_bytes(
    model: "keras.Model", batch_size: int, *, slots: int = 2, bytes_per_number: int = 4
) -> dict[str, int]:
    """Memory that a training step needs, by kind, if every layer's output is kept once.

    parameters P, their gradients P, the optimizer's state slots * P, and batch_size * outputs of
    all layers, which the backward pass wants; each number takes bytes_per_number.

    Args:
        model: a built ``keras.Model`` whose layers stand in a row.
        batch_size: examples per step, 1 or more.
        slots: numbers that the optimizer keeps per parameter: 0 for SGD, 1 with momentum, 2 for
            Adam.
        bytes_per_number: 4 for float32, 2 for float16 and bfloat16.

    Returns:
        dict of int: ``"parameters"``, ``"gradients"``, ``"optimizer"``, ``"activations"``.

    Raises:
        ValueError: a batch below 1, or negative slots.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> training_bytes(model, 10)
        {'parameters': 32, 'gradients': 32, 'optimizer': 64, 'activations': 80}
    """
    if batch_size < 1 or slots < 0:
        raise ValueError(f"batch_size is {batch_size}, slots {slots}; expected 1, 0 or more")
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    outputs = sum(int(np.prod(layer.output.shape[1:])) for layer in model.layers)
    return {
        "parameters": model.count_params() * bytes_per_number,
        "gradients": trained * bytes_per_number,
        "optimizer": slots * trained * bytes_per_number,
        "activations": batch_size * outputs * bytes_per_number,
    }


def show_memory(model: "keras.Model") -> None:
    """Print, for each layer, its parameters and the numbers that it puts out for each example.

    Example:
        >>> import keras
        >>> show_memory(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="last")]))
        last                           8 parameters         2 outputs for each image
    """
    for layer in model.layers:
        outputs = int(np.prod(layer.output.shape[1:]))
        print(f"{layer.name:22}{layer.count_params():10,} parameters", end=" ")
        print(f"{outputs:9,} outputs for each image")


def dense_bytes(batch_size: int, inputs: int, units: int, *, bytes_per_number: int = 4) -> int:
    """Bytes that a dense layer's forward pass must read and write at least, its bias left out.

    (batch_size * inputs + inputs * units + batch_size * units) * bytes_per_number

    Args:
        batch_size, inputs, units: the sizes of ``x @ W``.
        bytes_per_number: 4 for float32.

    Returns:
        int.

    Example:
        >>> dense_bytes(1, 784, 256)
        806976
    """
    return (batch_size * inputs + inputs * units + batch_size * units) * bytes_per_number


def roofline(intensity: ArrayLike, peak: float, bandwidth: float) -> float | np.ndarray:
    """The most operations per second that a piece of work can reach: the roofline model.

    min(peak, bandwidth * intensity)

    Args:
        intensity: operations per byte moved, a number or an array.
        peak: operations per second of the arithmetic units.
        bandwidth: bytes per second to and from memory.

    Returns:
        Operations per second, of intensity's shape.

    Source: Williams, Waterman and Patterson (2009), doi:10.1145/1498765.1498785.

    Example:
        >>> roofline(np.array([0.5, 8.0, 100.0]), peak=200.0, bandwidth=20.0)
        array([ 10., 160., 200.])
    """
    return np.minimum(peak, bandwidth * np.asarray(intensity))
