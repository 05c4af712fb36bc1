"""Activations that let positive values pass: relu and its smooth or leaking relatives."""

import math

import numpy as np

from dlkit.scratch._checks import as_float
from dlkit.scratch._squashing import sigmoid, sigmoid_derivative


def relu(x):
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


def relu_derivative(x):
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


def leaky_relu(x, negative_slope=0.2):
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
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_derivative(x, negative_slope=0.2):
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
    return np.where(x > 0, 1, negative_slope).astype(x.dtype)


def elu(x, alpha=1.0):
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
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_derivative(x, alpha=1.0):
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
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


# P(Z <= x) of a standard normal Z. NumPy has no erf: exact, but one Python call per value.
normal_cdf = np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), otypes=[np.float64])


def _gelu_tanh(x):
    """What stands for 2 P(Z <= x) - 1 in the approximate gelu."""
    return np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def gelu(x, approximate=False):
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
    if approximate:
        return 0.5 * x * (1 + _gelu_tanh(x))
    return x * normal_cdf(x).astype(x.dtype)


def gelu_derivative(x, approximate=False):
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
    if approximate:
        y = _gelu_tanh(x)
        inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return 0.5 * (1 + y) + 0.5 * x * (1 - y**2) * inner_slope
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return normal_cdf(x).astype(x.dtype) + x * density


def silu(x):
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


def silu_derivative(x):
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


def softplus(x):
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


def softplus_derivative(x):
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
