"""What this machine reaches: operations per second, bytes per second. On a GPU if there is one."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from dlkit.speed.timing import best_seconds


def synchronized_call(
    function: Callable, *inputs: tf.Tensor, jit_compile: bool = False
) -> Callable[[], object]:
    """A compiled call that returns only when its result is there, on a GPU too.

    Args:
        function: of tensors, to compile.
        inputs: the tensors to call it with.
        jit_compile: whether XLA compiles it.

    Returns:
        A function without arguments.

    Example:
        >>> float(synchronized_call(tf.square, tf.constant(3.0))())
        9.0
    """
    compiled = tf.function(function, autograph=False, jit_compile=jit_compile)

    def call():
        result = compiled(*inputs)
        tf.test.experimental.sync_devices()
        return result

    return call


def matmul_rate(seconds: float = 0.5, size: int = 2048, dtype: str = "float32") -> float:
    """Operations per second of a matrix product of size by size, a multiply-add counted as two.

    Args:
        seconds: how long to try; the quickest product counts.
        size: rows and columns.
        dtype: of the matrices.

    Returns:
        float.

    Example:
        >>> matmul_rate(0.01, 64) > 1e6
        True
    """
    a = tf.cast(tf.random.normal((size, size)), dtype)
    return 2 * size**3 / best_seconds(synchronized_call(tf.matmul, a, a), seconds=seconds)


def memory_bandwidth(seconds: float = 0.2, megabytes: Sequence[int] = (4, 16, 64)) -> float:
    """Bytes per second, read and written, of the simplest work there is: adding 1 to each number.

    Args:
        seconds: how long to try each size; the quickest pass over the best size counts.
        megabytes: sizes of the array.

    Returns:
        float.

    Example:
        >>> memory_bandwidth(0.01, (1,)) > 1e6
        True
    """
    rates = []
    for size in megabytes:
        a = tf.zeros((size * 2**18,))
        best = best_seconds(synchronized_call(lambda a: a + 1.0, a), seconds=seconds)
        rates.append(2 * size * 2**20 / best)
    return max(rates)
