"""Checks and conversions that the modules of scratch share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def as_float(x: ArrayLike) -> np.ndarray:
    """Array of floats: float32 and float64 keep their type, anything else becomes float64."""
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def check_axis(x: np.ndarray, axis: int) -> None:
    """Refuse an array without that axis, or with nothing along it."""
    if not -x.ndim <= axis < x.ndim or x.shape[axis] == 0:
        raise ValueError(
            f"x has shape {x.shape}; expected at least one value along axis {axis}: pass an array "
            "such as (batch, classes), or another axis"
        )


def check_same_shape(name: str, array: ArrayLike, other_name: str, other: ArrayLike) -> None:
    """Refuse two arrays of unequal shapes, which NumPy might broadcast in silence."""
    if np.shape(array) != np.shape(other):
        raise ValueError(
            f"{name} has shape {np.shape(array)} and {other_name} {np.shape(other)}; expected "
            "equal shapes: reshape one of them"
        )


def check_positive(name: str, value: float) -> None:
    """Refuse zero, negative numbers and NaN."""
    if not value > 0:
        raise ValueError(f"{name} is {value}; expected a number above 0, e.g. {name}=0.01")


def pick(kind: str, name: str, names: Sequence[str], namespace: Mapping[str, Any]) -> Callable:
    """The function of that name, or an error that lists the names there are."""
    if name not in names:
        raise ValueError(f"there is no {kind} {name!r}; choose one of {', '.join(names)}")
    return namespace[name]


def check_shape(name: str, array: ArrayLike, expected: Sequence[int | str | None]) -> None:
    """Refuse an array of another shape; None in ``expected`` stands for any length."""
    shape = np.shape(array)
    if len(shape) != len(expected) or any(
        wanted not in (None, length) for length, wanted in zip(shape, expected, strict=True)
    ):
        lengths = ", ".join("any" if wanted is None else str(wanted) for wanted in expected)
        raise ValueError(f"{name} has shape {shape}; expected ({lengths}): reshape or rebuild it")


def pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) from one whole number or two."""
    numbers = tuple(value) if isinstance(value, Iterable) else (value, value)
    if len(numbers) != 2 or any(number != int(number) or number < 1 for number in numbers):
        raise ValueError(f"{name} is {value!r}; expected a whole number of 1 or more, or two")
    return int(numbers[0]), int(numbers[1])
