"""What this machine reaches: operations per second, bytes per second. On a GPU if there is one."""

import tensorflow as tf

from dlkit.speed.timing import best_seconds


def waiting(function, *inputs, jit_compile=False):
    """A compiled call that returns only when its result is there, on a GPU too.

    Args:
        function: of tensors, to compile.
        inputs: the tensors to call it with.
        jit_compile: whether XLA compiles it.

    Returns:
        A function without arguments.

    Example:
        >>> float(waiting(tf.square, tf.constant(3.0))())
        9.0
    """
    compiled = tf.function(function, autograph=False, jit_compile=jit_compile)

    def call():
        result = compiled(*inputs)
        tf.test.experimental.sync_devices()
        return result

    return call


def product_rate(seconds=0.5, size=2048, dtype="float32"):
    """Operations per second of a matrix product of size by size, a multiply-add counted as two.

    Args:
        seconds: how long to try; the quickest product counts.
        size: rows and columns.
        dtype: of the matrices.

    Returns:
        float.

    Example:
        >>> product_rate(0.01, 64) > 1e6
        True
    """
    a = tf.cast(tf.random.normal((size, size)), dtype)
    return 2 * size**3 / best_seconds(waiting(tf.matmul, a, a), seconds=seconds)


def copy_rate(seconds=0.2, megabytes=(4, 16, 64)):
    """Bytes per second, read and written, of the simplest work there is: adding 1 to each number.

    Args:
        seconds: how long to try each size; the quickest pass over the best size counts.
        megabytes: sizes of the array.

    Returns:
        float.

    Example:
        >>> copy_rate(0.01, (1,)) > 1e6
        True
    """
    rates = []
    for size in megabytes:
        a = tf.zeros((size * 2**18,))
        best = best_seconds(waiting(lambda a: a + 1.0, a), seconds=seconds)
        rates.append(2 * size * 2**20 / best)
    return max(rates)
