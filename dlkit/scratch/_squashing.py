"""Activations that squash: sigmoid and tanh, and over classes softmax and its logarithm."""

import numpy as np

from dlkit.scratch._checks import as_float, check_axis


def sigmoid(x):
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


def sigmoid_derivative(x):
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


def tanh(x):
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


def tanh_derivative(x):
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


def softmax(x, axis=-1):
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


def softmax_derivative(x):
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


def log_softmax(x, axis=-1):
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


def log_softmax_derivative(x):
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
