"""Losses, one value per example, and the gradients of their batch mean.

``losses.mean_squared_error(y_true, y_pred).mean()`` is the loss of a batch; the function of the
same name with ``_gradient`` is the gradient of that mean with respect to ``y_pred``.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import (
    as_float,
    check_axis,
    check_flag,
    check_positive,
    check_same_shape,
    pick,
)
from dlkit.scratch.activations import log_softmax, sigmoid, softmax, softplus

__all__ = [
    "binary_crossentropy",
    "binary_crossentropy_gradient",
    "categorical_crossentropy",
    "categorical_crossentropy_gradient",
    "get",
    "huber",
    "huber_gradient",
    "mean_absolute_error",
    "mean_absolute_error_gradient",
    "mean_squared_error",
    "mean_squared_error_gradient",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_gradient",
]
NAMES = tuple(name for name in __all__ if name != "get" and not name.endswith("_gradient"))


def get(name: str) -> tuple[Callable, Callable]:
    """Loss and its gradient, by name.

    Args:
        name: one of ``NAMES``, e.g. ``"mean_squared_error"``.

    Returns:
        Two functions: the loss and its gradient.

    Raises:
        ValueError: no such name; the message lists those there are.

    Example:
        >>> loss, loss_gradient = get("mean_squared_error")
        >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
        array([2.])
    """
    return pick("loss", name, NAMES, globals()), globals()[name + "_gradient"]


EPSILON = 1e-7  # probabilities are kept this far from 0 and 1, as in Keras


def _as_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as floats of y_pred's type, of equal shapes, with values along the last axis."""
    y_pred = as_float(y_pred)
    y_true = as_float(y_true).astype(y_pred.dtype)
    check_same_shape("y_true", y_true, "y_pred", y_pred)
    if y_pred.ndim == 0:
        raise ValueError("y_true and y_pred are single numbers; expected arrays: pass [[y]]")
    check_axis(y_pred, -1)
    return y_true, y_pred


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
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


def mean_squared_error_gradient(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
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


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
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


def mean_absolute_error_gradient(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
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


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> np.ndarray:
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


def huber_gradient(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> np.ndarray:
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


def _clip(probabilities: np.ndarray) -> np.ndarray:
    return np.clip(probabilities, EPSILON, 1 - EPSILON)


def _is_inside(probabilities: np.ndarray) -> np.ndarray:
    """True where clipping changes nothing; elsewhere the loss is flat."""
    return probabilities == _clip(probabilities)


def _check_probabilities(name: str, values: np.ndarray, advice: str) -> None:
    """Refuse values outside [0, 1], but for rounding. NaN passes: the loss will show it."""
    if np.any((values < -1e-6) | (values > 1 + 1e-6)):
        raise ValueError(
            f"{name} runs from {values.min():g} to {values.max():g}; expected numbers from 0 to 1: "
            + advice
        )


def _check_classes(y_pred: np.ndarray, from_logits: bool) -> None:
    """Refuse negative probabilities, and fewer than two classes.

    The probability of a single class is 1, the loss always 0. Probabilities that are too large
    are divided by their sum, as in Keras.
    """
    check_axis(y_pred, -1)
    if y_pred.shape[-1] == 1:
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, one class, whose probability is always 1; expected "
            "two classes or more: for one output that says yes or no use binary_crossentropy"
        )
    if not from_logits and np.any(y_pred < -1e-6):
        raise ValueError(
            f"y_pred holds {y_pred.min():g}; expected probabilities, 0 or more: for logits pass "
            "from_logits=True"
        )


def _as_binary(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool
) -> tuple[np.ndarray, np.ndarray]:
    """As ``_as_pair``, for labels, and probabilities or logits, of yes or no."""
    check_flag("from_logits", from_logits)
    y_true, y_pred = _as_pair(y_true, y_pred)
    _check_probabilities("y_true", y_true, "for numbers of classes use the sparse cross-entropy")
    if not from_logits:
        _check_probabilities("y_pred", y_pred, "for logits pass from_logits=True")
    return y_true, y_pred


def _as_distributions(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool
) -> tuple[np.ndarray, np.ndarray]:
    """As ``_as_pair``, for rows of y_true that sum to 1."""
    check_flag("from_logits", from_logits)
    if np.ndim(y_true) == np.ndim(y_pred) - 1:
        raise ValueError(
            f"y_true has shape {np.shape(y_true)}, one label per example; expected one row of "
            "probabilities per example: use sparse_categorical_crossentropy"
        )
    y_true, y_pred = _as_pair(y_true, y_pred)
    _check_classes(y_pred, from_logits)
    if np.any(np.abs(y_true.sum(axis=-1) - 1) > 1e-3):
        raise ValueError(
            "a row of y_true does not sum to 1; expected one-hot labels or probabilities: for "
            "labels that exclude nothing use binary_crossentropy"
        )
    _check_probabilities("y_true", y_true, "pass one-hot labels or probabilities")
    return y_true, y_pred


def _as_labels(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool
) -> tuple[np.ndarray, np.ndarray]:
    """y_true as integers, one per row of y_pred and each the number of a class."""
    check_flag("from_logits", from_logits)
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    _check_classes(y_pred, from_logits)
    classes = y_pred.shape[-1]
    if y_true.shape == y_pred.shape:
        raise ValueError(
            f"y_true has y_pred's shape {y_true.shape}; expected one whole number per example: "
            "use categorical_crossentropy for one-hot labels, or pass y_true.argmax(axis=-1)"
        )
    check_same_shape("y_true", y_true, "y_pred, without its last axis,", y_pred[..., 0])
    with np.errstate(invalid="ignore"):  # NaN is no label, as is found at once
        labels = y_true.astype(np.int64)
    if np.any((labels != y_true) | (labels < 0) | (labels >= classes)):
        raise ValueError(
            f"y_true runs from {y_true.min():g} to {y_true.max():g}; expected whole numbers from 0 "
            f"to {classes - 1}, since y_pred has {classes} classes: number the classes from 0"
        )
    return labels, y_pred


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Cross-entropy of yes or no: -mean_i (y_i log(p_i) + (1 - y_i) log(1 - p_i)).

    With logits x, p = sigmoid(x): -log(p) = softplus(-x) and -log(1 - p) = softplus(x).

    Args:
        y_true: labels in [0, 1], array ``(batch, ..., outputs)``.
        y_pred: probabilities, or logits, float array of the same shape.
        from_logits: y_pred holds logits. Probabilities are clipped to [1e-7, 1 - 1e-7].

    Returns:
        Array ``(batch, ...)``: the mean over the last axis.

    Raises:
        ValueError: the shapes differ, or labels or probabilities are outside [0, 1].

    Example:
        >>> binary_crossentropy([[1.0], [1.0]], [[1000.0], [-1000.0]], from_logits=True)
        array([   0., 1000.])
    """
    y_true, y_pred = _as_binary(y_true, y_pred, from_logits)
    if from_logits:
        losses = y_true * softplus(-y_pred) + (1 - y_true) * softplus(y_pred)
    else:
        p = _clip(y_pred)
        losses = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))
    return losses.mean(axis=-1)


def binary_crossentropy_gradient(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Gradient of the batch's binary cross-entropy: p - y on logits, (p - y) / (p (1 - p)) on p.

    Divided by the number of values, since the loss is their mean.

    Args:
        y_true: as for ``binary_crossentropy``.
        y_pred: as for ``binary_crossentropy``.
        from_logits: as for ``binary_crossentropy``.

    Returns:
        Array of y_pred's shape; 0 for probabilities that were clipped.

    Raises:
        ValueError: the shapes differ, or labels or probabilities are outside [0, 1].

    Example:
        >>> binary_crossentropy_gradient([[1.0], [0.0]], [[0.5], [0.5]])
        array([[-1.],
               [ 1.]])
    """
    y_true, y_pred = _as_binary(y_true, y_pred, from_logits)
    if from_logits:
        return (sigmoid(y_pred) - y_true) / y_pred.size
    p = _clip(y_pred)
    return _is_inside(y_pred) * (p - y_true) / (p * (1 - p)) / y_pred.size


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Cross-entropy of one class among several: -sum_i y_i log(p_i).

    Args:
        y_true: one-hot labels or probabilities, array ``(batch, ..., classes)``, rows sum to 1.
        y_pred: probabilities, or logits, float array of the same shape.
        from_logits: y_pred holds logits, p = softmax(y_pred). Probabilities are divided by their
            sum and clipped to [1e-7, 1 - 1e-7].

    Returns:
        Array ``(batch, ...)``.

    Raises:
        ValueError: the shapes differ, a row of y_true does not sum to 1, there is one class, or
            probabilities are negative.

    Example:
        >>> categorical_crossentropy([[0, 1]], [[1000.0, -1000.0]], from_logits=True)
        array([2000.])
    """
    y_true, y_pred = _as_distributions(y_true, y_pred, from_logits)
    if from_logits:
        log_p = log_softmax(y_pred)
    else:
        log_p = np.log(_clip(y_pred / y_pred.sum(axis=-1, keepdims=True)))
    return -(y_true * log_p).sum(axis=-1)


def categorical_crossentropy_gradient(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Gradient of the batch's cross-entropy: p - y on logits, (sum_i y_i) - y / p on p.

    Divided by the number of examples. On p, the first term comes from dividing by the sum.

    Args:
        y_true: as for ``categorical_crossentropy``.
        y_pred: as for ``categorical_crossentropy``.
        from_logits: as for ``categorical_crossentropy``.

    Returns:
        Array of y_pred's shape; probabilities that were clipped count as constant.

    Raises:
        ValueError: the shapes differ, a row of y_true does not sum to 1, there is one class, or
            probabilities are negative.

    Example:
        >>> categorical_crossentropy_gradient([[0, 1]], [[0.0, 0.0]], from_logits=True)
        array([[ 0.5, -0.5]])
    """
    y_true, y_pred = _as_distributions(y_true, y_pred, from_logits)
    examples = math.prod(y_pred.shape[:-1])
    if from_logits:
        return (softmax(y_pred) - y_true) / examples
    total = y_pred.sum(axis=-1, keepdims=True)
    p = y_pred / total
    slope = -y_true / _clip(p) * _is_inside(p)  # of the loss with respect to p
    return (slope - (slope * p).sum(axis=-1, keepdims=True)) / total / examples


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Cross-entropy with the label as a number: -log(p[label]).

    Args:
        y_true: labels, whole numbers in [0, classes), array ``(batch, ...)``.
        y_pred: probabilities, or logits, float array ``(batch, ..., classes)``.
        from_logits: y_pred holds logits, p = softmax(y_pred). Probabilities are clipped to
            [1e-7, 1 - 1e-7] and divided by their sum.

    Returns:
        Array ``(batch, ...)``.

    Raises:
        ValueError: y_true is one-hot, has another shape, or holds a label out of range; there is
            one class, or probabilities are negative.

    Example:
        >>> sparse_categorical_crossentropy([0, 1], [[1000.0, 0.0]] * 2, from_logits=True)
        array([  -0., 1000.])
    """
    y_true, y_pred = _as_labels(y_true, y_pred, from_logits)
    logits = y_pred if from_logits else np.log(_clip(y_pred))
    return -np.take_along_axis(log_softmax(logits), y_true[..., None], axis=-1)[..., 0]


def sparse_categorical_crossentropy_gradient(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> np.ndarray:
    """Gradient of the batch's cross-entropy: p - one_hot(y), on logits, / number of examples.

    On probabilities, by the chain rule through log: that, divided by p.

    Args:
        y_true: as for ``sparse_categorical_crossentropy``.
        y_pred: as for ``sparse_categorical_crossentropy``.
        from_logits: as for ``sparse_categorical_crossentropy``.

    Returns:
        Array of y_pred's shape; 0 for probabilities that were clipped.

    Raises:
        ValueError: y_true is one-hot, has another shape, or holds a label out of range; there is
            one class, or probabilities are negative.

    Example:
        >>> sparse_categorical_crossentropy_gradient([1], [[0.0, 0.0]], from_logits=True)
        array([[ 0.5, -0.5]])
    """
    y_true, y_pred = _as_labels(y_true, y_pred, from_logits)
    logits = y_pred if from_logits else np.log(_clip(y_pred))
    one_hot = np.arange(y_pred.shape[-1]) == y_true[..., None]
    gradient = (softmax(logits) - one_hot) / y_true.size
    return gradient if from_logits else gradient * _is_inside(y_pred) / _clip(y_pred)
