"""Losses for classes: cross-entropies, on logits or on probabilities."""

import math

import numpy as np

from dlkit.scratch._checks import as_float, as_pair, check_axis, check_same_shape
from dlkit.scratch._rectifiers import softplus
from dlkit.scratch._squashing import log_softmax, sigmoid, softmax

EPSILON = 1e-7  # probabilities are kept this far from 0 and 1, as in Keras


def _clip(probabilities):
    return np.clip(probabilities, EPSILON, 1 - EPSILON)


def _is_inside(probabilities):
    """True where clipping changes nothing; elsewhere the loss is flat."""
    return probabilities == _clip(probabilities)


def _as_pair(y_true, y_pred):
    """As ``as_pair``, with values along the last axis."""
    y_true, y_pred = as_pair(y_true, y_pred)
    check_axis(y_pred, -1)
    return y_true, y_pred


def _as_distributions(y_true, y_pred):
    """As ``_as_pair``, for rows of y_true that sum to 1."""
    if np.ndim(y_true) == np.ndim(y_pred) - 1:
        raise ValueError(
            f"y_true has shape {np.shape(y_true)}, one label per example; expected one row of "
            "probabilities per example: use sparse_categorical_crossentropy"
        )
    y_true, y_pred = _as_pair(y_true, y_pred)
    if np.any(np.abs(y_true.sum(axis=-1) - 1) > 1e-3):
        raise ValueError(
            "a row of y_true does not sum to 1; expected one-hot labels or probabilities: for "
            "labels that exclude nothing use binary_crossentropy"
        )
    return y_true, y_pred


def _as_labels(y_true, y_pred):
    """y_true as integers, one per row of y_pred and each the number of a class."""
    y_true, y_pred = np.asarray(y_true), as_float(y_pred)
    check_axis(y_pred, -1)
    classes = y_pred.shape[-1]
    if y_true.shape == y_pred.shape:
        raise ValueError(
            f"y_true has y_pred's shape {y_true.shape}; expected one whole number per example: "
            "use categorical_crossentropy for one-hot labels, or pass y_true.argmax(axis=-1)"
        )
    check_same_shape("y_true", y_true, "y_pred, without its last axis,", y_pred[..., 0])
    labels = y_true.astype(np.int64)
    if np.any((labels != y_true) | (labels < 0) | (labels >= classes)):
        raise ValueError(
            f"y_true runs from {y_true.min()} to {y_true.max()}; expected whole numbers from 0 to "
            f"{classes - 1}, since y_pred has {classes} classes: number the classes from 0"
        )
    return labels, y_pred


def binary_crossentropy(y_true, y_pred, from_logits=False):
    """Cross-entropy of yes or no: -mean_i (y_i log(p_i) + (1 - y_i) log(1 - p_i)).

    With logits x, p = sigmoid(x): -log(p) = softplus(-x) and -log(1 - p) = softplus(x).

    Args:
        y_true: labels in [0, 1], array ``(batch, ..., outputs)``.
        y_pred: probabilities, or logits, float array of the same shape.
        from_logits: y_pred holds logits. Probabilities are clipped to [1e-7, 1 - 1e-7].

    Returns:
        Array ``(batch, ...)``: the mean over the last axis.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> binary_crossentropy([[1.0], [1.0]], [[1000.0], [-1000.0]], from_logits=True)
        array([   0., 1000.])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    if from_logits:
        losses = y_true * softplus(-y_pred) + (1 - y_true) * softplus(y_pred)
    else:
        p = _clip(y_pred)
        losses = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))
    return losses.mean(axis=-1)


def binary_crossentropy_gradient(y_true, y_pred, from_logits=False):
    """Gradient of the batch's binary cross-entropy: p - y on logits, (p - y) / (p (1 - p)) on p.

    Divided by the number of values, since the loss is their mean.

    Args:
        y_true: as for ``binary_crossentropy``.
        y_pred: as for ``binary_crossentropy``.
        from_logits: as for ``binary_crossentropy``.

    Returns:
        Array of y_pred's shape; 0 for probabilities that were clipped.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> binary_crossentropy_gradient([[1.0], [0.0]], [[0.5], [0.5]])
        array([[-1.],
               [ 1.]])
    """
    y_true, y_pred = _as_pair(y_true, y_pred)
    if from_logits:
        return (sigmoid(y_pred) - y_true) / y_pred.size
    p = _clip(y_pred)
    return _is_inside(y_pred) * (p - y_true) / (p * (1 - p)) / y_pred.size


def categorical_crossentropy(y_true, y_pred, from_logits=False):
    """Cross-entropy of one class among several: -sum_i y_i log(p_i).

    Args:
        y_true: one-hot labels or probabilities, array ``(batch, ..., classes)``, rows sum to 1.
        y_pred: probabilities, or logits, float array of the same shape.
        from_logits: y_pred holds logits, p = softmax(y_pred). Probabilities are divided by their
            sum and clipped to [1e-7, 1 - 1e-7].

    Returns:
        Array ``(batch, ...)``.

    Raises:
        ValueError: the shapes differ, or a row of y_true does not sum to 1.

    Example:
        >>> categorical_crossentropy([[0, 1]], [[1000.0, -1000.0]], from_logits=True)
        array([2000.])
    """
    y_true, y_pred = _as_distributions(y_true, y_pred)
    if from_logits:
        log_p = log_softmax(y_pred)
    else:
        log_p = np.log(_clip(y_pred / y_pred.sum(axis=-1, keepdims=True)))
    return -(y_true * log_p).sum(axis=-1)


def categorical_crossentropy_gradient(y_true, y_pred, from_logits=False):
    """Gradient of the batch's cross-entropy: p - y on logits, (sum_i y_i) - y / p on p.

    Divided by the number of examples. On p, the first term comes from dividing by the sum.

    Args:
        y_true: as for ``categorical_crossentropy``.
        y_pred: as for ``categorical_crossentropy``.
        from_logits: as for ``categorical_crossentropy``.

    Returns:
        Array of y_pred's shape; probabilities that were clipped count as constant.

    Raises:
        ValueError: the shapes differ, or a row of y_true does not sum to 1.

    Example:
        >>> categorical_crossentropy_gradient([[0, 1]], [[0.0, 0.0]], from_logits=True)
        array([[ 0.5, -0.5]])
    """
    y_true, y_pred = _as_distributions(y_true, y_pred)
    examples = math.prod(y_pred.shape[:-1])
    if from_logits:
        return (softmax(y_pred) - y_true) / examples
    total = y_pred.sum(axis=-1, keepdims=True)
    p = y_pred / total
    slope = -y_true / _clip(p) * _is_inside(p)  # of the loss with respect to p
    return (slope - (slope * p).sum(axis=-1, keepdims=True)) / total / examples


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False):
    """Cross-entropy with the label as a number: -log(p[label]).

    Args:
        y_true: labels, whole numbers in [0, classes), array ``(batch, ...)``.
        y_pred: probabilities, or logits, float array ``(batch, ..., classes)``.
        from_logits: y_pred holds logits, p = softmax(y_pred). Probabilities are clipped to
            [1e-7, 1 - 1e-7] and divided by their sum.

    Returns:
        Array ``(batch, ...)``.

    Raises:
        ValueError: y_true is one-hot, has another shape, or holds a label out of range.

    Example:
        >>> sparse_categorical_crossentropy([0, 1], [[1000.0, 0.0]] * 2, from_logits=True)
        array([  -0., 1000.])
    """
    y_true, y_pred = _as_labels(y_true, y_pred)
    logits = y_pred if from_logits else np.log(_clip(y_pred))
    return -np.take_along_axis(log_softmax(logits), y_true[..., None], axis=-1)[..., 0]


def sparse_categorical_crossentropy_gradient(y_true, y_pred, from_logits=False):
    """Gradient of the batch's cross-entropy: p - one_hot(y), on logits, / number of examples.

    On probabilities, by the chain rule through log: that, divided by p.

    Args:
        y_true: as for ``sparse_categorical_crossentropy``.
        y_pred: as for ``sparse_categorical_crossentropy``.
        from_logits: as for ``sparse_categorical_crossentropy``.

    Returns:
        Array of y_pred's shape; 0 for probabilities that were clipped.

    Raises:
        ValueError: y_true is one-hot, has another shape, or holds a label out of range.

    Example:
        >>> sparse_categorical_crossentropy_gradient([1], [[0.0, 0.0]], from_logits=True)
        array([[ 0.5, -0.5]])
    """
    y_true, y_pred = _as_labels(y_true, y_pred)
    logits = y_pred if from_logits else np.log(_clip(y_pred))
    one_hot = np.arange(y_pred.shape[-1]) == y_true[..., None]
    gradient = (softmax(logits) - one_hot) / y_true.size
    return gradient if from_logits else gradient * _is_inside(y_pred) / _clip(y_pred)
