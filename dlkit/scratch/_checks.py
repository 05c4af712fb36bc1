"""Checks and conversions that the modules of scratch share."""

import numpy as np


def as_float(x):
    """Array of floats: float32 and float64 keep their type, anything else becomes float64."""
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def check_axis(x, axis):
    """Refuse an array without that axis, or with nothing along it."""
    if not -x.ndim <= axis < x.ndim or x.shape[axis] == 0:
        raise ValueError(
            f"x has shape {x.shape}; expected at least one value along axis {axis}: pass an array "
            "such as (batch, classes), or another axis"
        )


def check_same_shape(name, array, other_name, other):
    """Refuse two arrays of unequal shapes, which NumPy might broadcast in silence."""
    if np.shape(array) != np.shape(other):
        raise ValueError(
            f"{name} has shape {np.shape(array)} and {other_name} {np.shape(other)}; expected "
            "equal shapes: reshape one of them"
        )


def as_pair(y_true, y_pred):
    """Both as floats of y_pred's type, of equal shapes."""
    y_pred = as_float(y_pred)
    y_true = np.asarray(y_true).astype(y_pred.dtype)
    check_same_shape("y_true", y_true, "y_pred", y_pred)
    return y_true, y_pred


def check_positive(name, value):
    """Refuse zero, negative numbers and NaN."""
    if not value > 0:
        raise ValueError(f"{name} is {value}; expected a number above 0, e.g. {name}=0.01")


def pick(kind, name, names, namespace):
    """The function of that name, or an error that lists the names there are."""
    if name not in names:
        raise ValueError(f"there is no {kind} {name!r}; choose one of {', '.join(names)}")
    return namespace[name]


def check_shape(name, array, expected):
    """Refuse an array of another shape; None in ``expected`` stands for any length."""
    shape = np.shape(array)
    if len(shape) != len(expected) or any(
        e not in (None, s) for s, e in zip(shape, expected, strict=True)
    ):
        wanted = ", ".join("any" if e is None else str(e) for e in expected)
        raise ValueError(f"{name} has shape {shape}; expected ({wanted}): reshape or rebuild it")
