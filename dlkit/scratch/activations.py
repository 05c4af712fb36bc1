"""Activation functions and their derivatives, stable for any logits that a network may give."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import as_float, check_axis, check_flag, check_number, pick

__all__ = [
    "elu",
    "elu_derivative",
    "gelu",
    "gelu_derivative",
    "get",
    "leaky_relu",
    "leaky_relu_derivative",
    "log_softmax",
    "log_softmax_derivative",
    "relu",
    "relu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "silu",
    "silu_derivative",
    "softmax",
    "softmax_derivative",
    "softplus",
    "softplus_derivative",
    "tanh",
    "tanh_derivative",
]
NAMES = tuple(name for name in __all__ if name != "get" and not name.endswith("_derivative"))


def get(name: str) -> Callable:
    """Activation function of that name.

    Args:
        name: one of ``NAMES``, e.g. ``"relu"``.

    Returns:
        The function.

    Raises:
        ValueError: no such name; the message lists those there are.

    Example:
        >>> get("relu")([-1.0, 2.0])
        array([0., 2.])
    """
    return pick("activation", name, NAMES, globals())


def sigmoid(x: ArrayLike) -> np.ndarray:
    """Squash to (0, 1): 1 / (1 + exp(-x)), without overflow.

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape. Only exp(-|x|), at most 1, is ever computed.

    Example:
        >>> sigmoid([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ])
    """
    x = as_float(x)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def sigmoid_derivative(x: ArrayLike) -> np.ndarray:
    """Slope of the sigmoid: sigmoid(x) (1 - sigmoid(x)) = exp(-x) / (1 + exp(-x))^2.

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape, at most 0.25.

    Example:
        >>> sigmoid_derivative([-1000.0, 0.0])
        array([0.  , 0.25])
    """
    small = np.exp(-np.abs(as_float(x)))  # the slope is the same on both sides of 0
    return small / (1 + small) ** 2


def tanh(x: ArrayLike) -> np.ndarray:
    """Squash to (-1, 1): (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape.

    Example:
        >>> tanh([-1000.0, 0.0, 1000.0])
        array([-1.,  0.,  1.])
    """
    return np.tanh(as_float(x))


def tanh_derivative(x: ArrayLike) -> np.ndarray:
    """Slope of tanh: 1 - tanh(x)^2.

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape, at most 1.

    Example:
        >>> tanh_derivative([0.0, 1000.0])
        array([1., 0.])
    """
    return 1 - tanh(x) ** 2


def softmax(x: ArrayLike, axis: int = -1) -> np.ndarray:
    """Turn logits into probabilities: exp(x_i) / sum_j exp(x_j).

    The largest logit is subtracted first: the result is the same, and exp cannot overflow.

    Args:
        x: logits, float array, e.g. ``(batch, classes)``.
        axis: axis of the classes, along which the result sums to 1.

    Returns:
        Array of x's shape, in [0, 1].

    Raises:
        ValueError: x has no values along the axis.

    Example:
        >>> softmax([[0.0, 0.0], [1000.0, -1000.0]])
        array([[0.5, 0.5],
               [1. , 0. ]])
    """
    x = as_float(x)
    check_axis(x, axis)
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return exps / exps.sum(axis=axis, keepdims=True)


def softmax_derivative(x: ArrayLike) -> np.ndarray:
    """Jacobian of softmax over the last axis: J_ij = dy_i / dx_j = y_i ((i = j) - y_j).

    Args:
        x: logits, float array ``(..., classes)``.

    Returns:
        Array ``(..., classes, classes)``; each row and each column sums to 0.

    Raises:
        ValueError: x has no values along the last axis.

    Example:
        >>> softmax_derivative([0.0, 0.0])
        array([[ 0.25, -0.25],
               [-0.25,  0.25]])
    """
    y = softmax(x)
    identity = np.eye(y.shape[-1], dtype=y.dtype)
    return y[..., :, None] * (identity - y[..., None, :])


def log_softmax(x: ArrayLike, axis: int = -1) -> np.ndarray:
    """Logarithm of softmax: x_i - log(sum_j exp(x_j)), finite where the softmax rounds to 0.

    Args:
        x: logits, float array, e.g. ``(batch, classes)``.
        axis: axis of the classes.

    Returns:
        Array of x's shape, at most 0.

    Raises:
        ValueError: x has no values along the axis.

    Example:
        >>> log_softmax([1000.0, -1000.0])
        array([    0., -2000.])
    """
    x = as_float(x)
    check_axis(x, axis)
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def log_softmax_derivative(x: ArrayLike) -> np.ndarray:
    """Jacobian of log_softmax over the last axis: J_ij = (i = j) - softmax(x)_j.

    Args:
        x: logits, float array ``(..., classes)``.

    Returns:
        Array ``(..., classes, classes)``; each row sums to 0.

    Raises:
        ValueError: x has no values along the last axis.

    Example:
        >>> log_softmax_derivative([0.0, 0.0])
        array([[ 0.5, -0.5],
               [-0.5,  0.5]])
    """
    y = softmax(x)
    return np.eye(y.shape[-1], dtype=y.dtype) - y[..., None, :]


def relu(x: ArrayLike) -> np.ndarray:
    """Rectified linear unit: max(x, 0).

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape.

    Source: Nair and Hinton (2010), "Rectified linear units improve restricted Boltzmann
    machines", ICML.

    Example:
        >>> relu([-2.0, 0.0, 3.0])
        array([0., 0., 3.])
    """
    return np.maximum(as_float(x), 0)


def relu_derivative(x: ArrayLike) -> np.ndarray:
    """Slope of relu: 1 where x > 0, else 0; at 0, where there is no slope, 0.

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape, of zeros and ones.

    Example:
        >>> relu_derivative([-2.0, 0.0, 3.0])
        array([0., 0., 1.])
    """
    x = as_float(x)
    return (x > 0).astype(x.dtype)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> np.ndarray:
    """Relu that leaks: x where x > 0, else negative_slope * x.

    Args:
        x: float array of any shape.
        negative_slope: slope left of 0.

    Returns:
        Array of x's shape.

    Source: Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network
    acoustic models", ICML.

    Example:
        >>> leaky_relu([-2.0, 3.0], negative_slope=0.5)
        array([-1.,  3.])
    """
    x = as_float(x)
    check_number("negative_slope", negative_slope)
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_derivative(x: ArrayLike, negative_slope: float = 0.2) -> np.ndarray:
    """Slope of leaky_relu: 1 where x > 0, else negative_slope.

    Args:
        x: float array of any shape.
        negative_slope: slope left of 0, and at 0.

    Returns:
        Array of x's shape.

    Example:
        >>> leaky_relu_derivative([-2.0, 3.0], negative_slope=0.5)
        array([0.5, 1. ])
    """
    x = as_float(x)
    check_number("negative_slope", negative_slope)
    return np.where(x > 0, 1, negative_slope).astype(x.dtype)


def elu(x: ArrayLike, alpha: float = 1.0) -> np.ndarray:
    """Exponential linear unit: x where x > 0, else alpha (exp(x) - 1).

    Args:
        x: float array of any shape.
        alpha: the function approaches -alpha far to the left.

    Returns:
        Array of x's shape.

    Source: Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289.

    Example:
        >>> elu([-1000.0, 0.0, 1000.0])
        array([  -1.,    0., 1000.])
    """
    x = as_float(x)
    check_number("alpha", alpha)
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_derivative(x: ArrayLike, alpha: float = 1.0) -> np.ndarray:
    """Slope of elu: 1 where x > 0, else alpha exp(x).

    Args:
        x: float array of any shape.
        alpha: as for ``elu``.

    Returns:
        Array of x's shape.

    Example:
        >>> elu_derivative([-1000.0, 0.0, 1000.0])
        array([0., 1., 1.])
    """
    x = as_float(x)
    check_number("alpha", alpha)
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


# P(Z <= x) of a standard normal Z. NumPy has no erf: exact, but one Python call per value.
normal_cdf = np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), otypes=[np.float64])


def _gelu_tanh(x):
    """What stands for 2 P(Z <= x) - 1 in the approximate gelu."""
    return np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def gelu(x: ArrayLike, approximate: bool = False) -> np.ndarray:
    """Gaussian error linear unit: x P(Z <= x), Z standard normal.

    Args:
        x: float array of any shape.
        approximate: use 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which is much faster
            here: NumPy has no erf, so the exact form makes a Python call per value.

    Returns:
        Array of x's shape.

    Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.

    Example:
        >>> gelu([-1000.0, 0.0, 1.0]).round(4)
        array([-0.    ,  0.    ,  0.8413])
    """
    x = as_float(x)
    check_flag("approximate", approximate)
    if approximate:
        return 0.5 * x * (1 + _gelu_tanh(x))
    return x * normal_cdf(x).astype(x.dtype)


def gelu_derivative(x: ArrayLike, approximate: bool = False) -> np.ndarray:
    """Slope of gelu: P(Z <= x) + x p(x), with the normal density p(x) = exp(-x^2 / 2) / sqrt(2 pi).

    Args:
        x: float array of any shape.
        approximate: as for ``gelu``: the slope of the tanh form.

    Returns:
        Array of x's shape.

    Example:
        >>> gelu_derivative([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ])
    """
    x = as_float(x)
    check_flag("approximate", approximate)
    if approximate:
        y = _gelu_tanh(x)
        inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return 0.5 * (1 + y) + 0.5 * x * (1 - y**2) * inner_slope
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return normal_cdf(x).astype(x.dtype) + x * density


def silu(x: ArrayLike) -> np.ndarray:
    """Sigmoid linear unit, also called swish: x sigmoid(x).

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape.

    Source: Elfwing, Uchibe and Doya (2018), arXiv:1702.03118.

    Example:
        >>> silu([0.0, 1000.0])
        array([   0., 1000.])
    """
    x = as_float(x)
    return x * sigmoid(x)


def silu_derivative(x: ArrayLike) -> np.ndarray:
    """Slope of silu, by the product rule: sigmoid(x) + x sigmoid'(x).

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape.

    Example:
        >>> silu_derivative([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ])
    """
    x = as_float(x)
    return sigmoid(x) + x * sigmoid_derivative(x)


def softplus(x: ArrayLike) -> np.ndarray:
    """Smooth relu: log(1 + exp(x)), computed so that exp cannot overflow.

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape, at least 0.

    Source: Dugas, Bengio, Belisle, Nadeau and Garcia (2001), NIPS 13.

    Example:
        >>> softplus([-1000.0, 0.0, 2.0]).round(4)
        array([0.    , 0.6931, 2.1269])
    """
    x = as_float(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_derivative(x: ArrayLike) -> np.ndarray:
    """Slope of softplus: sigmoid(x).

    Args:
        x: float array of any shape.

    Returns:
        Array of x's shape, in [0, 1].

    Example:
        >>> softplus_derivative([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ])
    """
    return sigmoid(x)
