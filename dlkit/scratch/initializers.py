"""Initializers: where weights start."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from dlkit.scratch._checks import check_not_negative, check_whole, pick

NAMES = (
    "zeros",
    "random_normal",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "orthogonal",
)


def get(name: str) -> Callable[..., np.ndarray]:
    """Initializer of that name.

    Args:
        name: one of ``NAMES``, e.g. ``"he_normal"``.

    Returns:
        The function.

    Raises:
        ValueError: no such name; the message lists those there are.

    Example:
        >>> get("he_normal")((784, 128), np.random.default_rng(0)).shape
        (784, 128)
    """
    return pick("initializer", name, NAMES, globals())


def _check_generator(rng: np.random.Generator | None) -> None:
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng is {rng!r}; expected a random generator: pass rng=np.random.default_rng(seed)"
        )


def _check_lengths(shape: Sequence[int], minimum: int = 0) -> None:
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise ValueError(f"shape is {shape!r}; expected a tuple of whole numbers, e.g. (784, 128)")
    for length in shape:
        check_whole(f"a length in shape {tuple(shape)}", length, minimum)


def _fans(shape):
    """Numbers that go into and come out of one unit: of (in, out), or (height, width, in, out)."""
    _check_lengths(shape, minimum=1)
    if len(shape) < 2:
        raise ValueError(
            f"shape is {tuple(shape)}; expected (in, out) or (height, width, in, out): start a "
            "bias with zeros"
        )
    positions = math.prod(shape[:-2])
    return positions * shape[-2], positions * shape[-1]


def zeros(shape: Sequence[int], rng: np.random.Generator | None = None) -> np.ndarray:
    """All zeros: for biases.

    Args:
        shape: shape of the result.
        rng: not used; there so that all initializers can be called alike.

    Returns:
        float64 array.

    Example:
        >>> zeros((2,))
        array([0., 0.])
    """
    _check_lengths(shape)
    return np.zeros(shape)


def random_normal(
    shape: Sequence[int], stddev: float = 0.05, *, rng: np.random.Generator
) -> np.ndarray:
    """Normal numbers around 0, whatever the shape.

    Args:
        shape: shape of the result.
        stddev: their standard deviation.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: rng is not a generator.

    Example:
        >>> random_normal((3, 2), stddev=0.1, rng=np.random.default_rng(0)).shape
        (3, 2)
    """
    _check_generator(rng)
    _check_lengths(shape)
    check_not_negative("stddev", stddev)
    return rng.normal(0, stddev, shape)


def glorot_uniform(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Uniform in (-a, a), a = sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).

    Args:
        shape: ``(in, out)`` of a dense kernel or ``(height, width, in, out)`` of a convolution;
            fan_in is height * width * in, fan_out height * width * out.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: fewer than two axes, or rng is not a generator.

    Source: Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS.

    Example:
        >>> bool(np.abs(glorot_uniform((4, 2), np.random.default_rng(0))).max() < 1)
        True
    """
    _check_generator(rng)
    limit = math.sqrt(6 / sum(_fans(shape)))
    return rng.uniform(-limit, limit, shape)


def glorot_normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out); Keras cuts it off at two deviations.

    Args:
        shape: as for ``glorot_uniform``.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: fewer than two axes, or rng is not a generator.

    Source: Glorot and Bengio (2010), as for ``glorot_uniform``.

    Example:
        >>> float(glorot_normal((500, 300), np.random.default_rng(0)).std().round(2))
        0.05
    """
    _check_generator(rng)
    return rng.normal(0, math.sqrt(2 / sum(_fans(shape))), shape)


def he_uniform(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Uniform in (-a, a), a = sqrt(6 / fan_in): variance 2 / fan_in, for relu.

    Args:
        shape: as for ``glorot_uniform``.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: fewer than two axes, or rng is not a generator.

    Source: He, Zhang, Ren and Sun (2015), arXiv:1502.01852.

    Example:
        >>> bool(np.abs(he_uniform((6, 2), np.random.default_rng(0))).max() < 1)
        True
    """
    _check_generator(rng)
    limit = math.sqrt(6 / _fans(shape)[0])
    return rng.uniform(-limit, limit, shape)


def he_normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Normal with variance 2 / fan_in, for relu; Keras cuts it off at two deviations.

    Args:
        shape: as for ``glorot_uniform``.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: fewer than two axes, or rng is not a generator.

    Source: He, Zhang, Ren and Sun (2015), arXiv:1502.01852.

    Example:
        >>> float(he_normal((800, 100), np.random.default_rng(0)).std().round(2))
        0.05
    """
    _check_generator(rng)
    return rng.normal(0, math.sqrt(2 / _fans(shape)[0]), shape)


def orthogonal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Random matrix with orthonormal columns (rows, if it is wide): for recurrent kernels.

    Args:
        shape: ``(in, out)``.
        rng: a ``np.random.Generator``.

    Returns:
        float64 array.

    Raises:
        ValueError: not two axes, or rng is not a generator.

    Source: Saxe, McClelland and Ganguli (2014), arXiv:1312.6120.

    Example:
        >>> q = orthogonal((3, 3), np.random.default_rng(0))
        >>> bool(np.allclose(q.T @ q, np.eye(3)))
        True
    """
    _check_generator(rng)
    _check_lengths(shape, minimum=1)
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}; expected (in, out)")
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q *= np.sign(np.diag(r))  # makes every orthogonal matrix equally likely
    return q if shape[0] >= shape[1] else q.T
