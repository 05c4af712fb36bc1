"""Losses for numbers: squared error, absolute error, Huber."""

import numpy as np

from dlkit.scratch._checks import as_pair, check_positive


def _as_pair(y_true, y_pred):
    """As ``as_pair``, with at least one axis."""
    y_true, y_pred = as_pair(y_true, y_pred)
    if y_pred.ndim == 0:
        raise ValueError("y_true and y_pred are single numbers; expected arrays: pass [[y]]")
    return y_true, y_pred


def mean_squared_error(y_true, y_pred):
    """Squared error, per example: mean_i (y_pred_i - y_true_i)^2.

    Args:
        y_true: targets, float array ``(batch, ..., outputs)``.
        y_pred: predictions, float array of the same shape.

    Returns:
        Array ``(batch, ...)``: the mean over the last axis.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> mean_squared_error([[1.0, 2.0], [0.0, 0.0]], [[1.0, 4.0], [0.0, 1.0]])
        array([2. , 0.5])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    return ((y_pred - y_true) ** 2).mean(axis=-1)


def mean_squared_error_gradient(y_true, y_pred):
    """Gradient of the batch's mean squared error: 2 (y_pred - y_true) / number of values.

    Args:
        y_true: as for ``mean_squared_error``.
        y_pred: as for ``mean_squared_error``.

    Returns:
        Array of y_pred's shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> mean_squared_error_gradient([[1.0, 2.0]], [[1.0, 4.0]])
        array([[0., 2.]])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    return 2 * (y_pred - y_true) / y_pred.size


def mean_absolute_error(y_true, y_pred):
    """Absolute error, per example: mean_i |y_pred_i - y_true_i|.

    Args:
        y_true: targets, float array ``(batch, ..., outputs)``.
        y_pred: predictions, float array of the same shape.

    Returns:
        Array ``(batch, ...)``: the mean over the last axis.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> mean_absolute_error([[1.0, 2.0], [0.0, 0.0]], [[1.0, 4.0], [0.0, 1.0]])
        array([1. , 0.5])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    return np.abs(y_pred - y_true).mean(axis=-1)


def mean_absolute_error_gradient(y_true, y_pred):
    """Gradient of the batch's mean absolute error: sign(y_pred - y_true) / number of values.

    Args:
        y_true: as for ``mean_absolute_error``.
        y_pred: as for ``mean_absolute_error``.

    Returns:
        Array of y_pred's shape; 0 where the two are equal.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> mean_absolute_error_gradient([[1.0, 2.0]], [[1.0, 4.0]])
        array([[0. , 0.5]])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    return np.sign(y_pred - y_true) / y_pred.size


def huber(y_true, y_pred, delta=1.0):
    """Huber's loss: 0.5 e^2 for errors |e| <= delta, delta |e| - 0.5 delta^2 beyond.

    Args:
        y_true: targets, float array ``(batch, ..., outputs)``.
        y_pred: predictions, float array of the same shape.
        delta: the error at which the parabola goes over into a line, above 0.

    Returns:
        Array ``(batch, ...)``: the mean over the last axis.

    Raises:
        ValueError: the shapes differ, or delta is not positive.

    Source: Huber (1964), doi:10.1214/aoms/1177703732.

    Example:
        >>> huber([[0.0], [0.0]], [[1.0], [10.0]])
        array([0.5, 9.5])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    check_positive("delta", delta)
    size = np.abs(y_pred - y_true)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean(axis=-1)


def huber_gradient(y_true, y_pred, delta=1.0):
    """Gradient of the batch's Huber loss: the error, clipped to delta, / number of values.

    Args:
        y_true: as for ``huber``.
        y_pred: as for ``huber``.
        delta: as for ``huber``.

    Returns:
        Array of y_pred's shape.

    Raises:
        ValueError: the shapes differ, or delta is not positive.

    Example:
        >>> huber_gradient([[0.0], [0.0]], [[0.5], [10.0]])
        array([[0.25],
               [0.5 ]])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    check_positive("delta", delta)
    return np.clip(y_pred - y_true, -delta, delta) / y_pred.size
