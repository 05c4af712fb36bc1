"""The work that lesson 22 times piece by piece: what XLA fuses, what lies under the roofline.

Every function here returns a dict from a name to a piece; each makes its random inputs anew.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dlkit.speed.rates import synchronized_call
from dlkit.speed.timing import best_seconds
from dlkit.speed.work import dense_bytes


class Workload(NamedTuple):
    """A call, the operations that it does, and the bytes that it must move at least."""

    call: Callable[[], object]
    operations: int
    bytes_moved: int


def convolution(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 3 by 3 convolution that keeps height and width."""
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def max_pooling(x: tf.Tensor) -> tf.Tensor:
    """The largest of each 2 by 2 block."""
    return tf.nn.max_pool2d(x, 2, 2, "SAME")


def adam_update(w: tf.Tensor, m: tf.Tensor, s: tf.Tensor) -> tf.Tensor:
    """The chain of small operations of Adam's update, with w standing in for the gradient."""
    m, s = 0.9 * m + 0.1 * w, 0.999 * s + 0.001 * w**2
    return w - 0.001 * m / (tf.sqrt(s) + 1e-7)


def gradient_of(function: Callable, *inputs: tf.Tensor) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """A function of the gradient from above: the gradients of all inputs."""

    def pull_back(upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(*inputs)
        return tape.gradient(outputs, inputs, upstream)

    return pull_back


def operations(batch_size: int = 256) -> dict[str, tuple]:
    """Operations of the lesson's networks, as (function, *inputs), to compile in two ways.

    Args:
        batch_size: images per call.

    Returns:
        dict from the name to a tuple: the function, then its tensors.

    Example:
        >>> convolve, x, kernel = operations(2)["convolution"]
        >>> convolve(x, kernel).shape
        TensorShape([2, 14, 14, 32])
    """
    x = tf.random.normal((batch_size, 14, 14, 16))
    kernel, w = tf.random.normal((3, 3, 16, 32)), tf.random.normal((784, 256))
    wide = tf.random.normal((batch_size, 14, 14, 32))
    norm = keras.layers.BatchNormalization()
    norm.build(wide.shape)

    def normalize(x):
        return norm(x, training=True)

    return {
        "convolution": (convolution, x, kernel),
        "its gradients": (gradient_of(convolution, x, kernel), wide),
        "gradient of max pooling": (gradient_of(max_pooling, wide), max_pooling(wide)),
        "gradient of normalisation": (gradient_of(normalize, wide), wide),
        "update of Adam": (adam_update, w, w, w**2),
    }


def roofline_workloads(
    batch_sizes: Sequence[int] = (1, 32, 256, 2048), images: int = 1024
) -> dict[str, Workload]:
    """Forward passes of the lesson's layers, with their operations and bytes, all float32.

    dense, 784 inputs and 256 units: 2 B d m operations; convolution: 2 * places * weights; ReLU
    and normalisation: one and two operations per number. Inputs and weights are read once, outputs
    written once.

    Args:
        batch_sizes: of the dense layer.
        images: of the other layers.

    Returns:
        dict from the name to `Workload`.

    Example:
        >>> work = roofline_workloads((1,), images=2)
        >>> work["dense, batch 1"].operations, work["ReLU"].bytes_moved
        (401408, 50176)
    """
    work, w = {}, tf.random.normal((784, 256))
    for size in batch_sizes:
        call = synchronized_call(tf.matmul, tf.random.normal((size, 784)), w)
        work[f"dense, batch {size}"] = Workload(
            call, 2 * size * 784 * 256, dense_bytes(size, 784, 256)
        )
    x, kernel = tf.random.normal((images, 14, 14, 16)), tf.random.normal((3, 3, 16, 32))
    scale, shift = tf.random.normal((16,)), tf.random.normal((16,))
    numbers, weights = int(np.prod(x.shape)), int(np.prod(kernel.shape))
    moved = 4 * (3 * numbers + weights)  # the outputs are twice the inputs
    convolve, rectify = synchronized_call(convolution, x, kernel), synchronized_call(tf.nn.relu, x)
    normalize = synchronized_call(
        lambda x: x * scale + shift, x, jit_compile=True
    )  # one pass, as a layer
    work["convolution"] = Workload(convolve, 2 * images * 14 * 14 * weights, moved)
    work["ReLU"] = Workload(rectify, numbers, 8 * numbers)
    work["normalisation"] = Workload(normalize, 2 * numbers, 8 * numbers)
    return work


def xla_speedups(batch_size: int = 256, seconds: float = 0.4) -> dict[str, float]:
    """How many times as fast each of `operations` is when XLA compiles it.

    Args:
        batch_size: images per call.
        seconds: how long to try each way; its quickest call counts.

    Returns:
        dict from the name to a ratio of times, above 1 where XLA is faster.

    Example:
        >>> sorted(xla_speedups(2, 0.001))[0]
        'convolution'
    """
    speedups = {}
    for name, (function, *inputs) in operations(batch_size).items():
        ways = [synchronized_call(function, *inputs, jit_compile=jit) for jit in (False, True)]
        plain, compiled = (best_seconds(way, seconds=seconds) for way in ways)
        speedups[name] = plain / compiled
    return speedups
