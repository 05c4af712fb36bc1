"""Checks and conversions that the modules of scratch share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

FLOATS = (np.float32, np.float64)  # the types in which scratch computes


def as_float(x: ArrayLike) -> np.ndarray:
    """Array of floats: float32 and float64 keep their type, anything else becomes float64.

    Raises:
        ValueError: x holds no real numbers: text, None, complex numbers, rows of unequal length.
    """
    array = np.asarray(x)
    if array.dtype in FLOATS:
        return array
    if array.dtype.kind in "biuf" or array.dtype.name == "bfloat16":
        return array.astype(np.float64)
    raise ValueError(
        f"an array holds values of type {array.dtype.name}; expected real numbers: convert text to "
        "numbers, and leave out what has no value"
    )


def check_dtype(dtype: str) -> str:
    """The name of a float type in which scratch computes: "float32" or "float64"."""
    name = dtype.__name__ if isinstance(dtype, type) else str(dtype)  # np.float32 will do too
    if name in ("float32", "float64"):
        return name
    raise ValueError(f'dtype is {dtype!r}; expected "float32" or "float64"')


def check_axis(x: np.ndarray, axis: int) -> None:
    """Refuse an array without that axis, or with nothing along it, and what is not one axis."""
    if not _is_whole(axis):
        raise ValueError(
            f"axis is {axis!r}; expected one whole number, e.g. axis=-1: to go over several axes "
            "at once, reshape them into one first"
        )
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


def check_number(name: str, value: float) -> None:
    """Refuse what is not one finite number: None, text, True, arrays, NaN, infinity."""
    if not _is_number(value):
        raise ValueError(f"{name} is {value!r}; expected one finite number, e.g. {name}=0.01")


def check_positive(name: str, value: float) -> None:
    """Refuse zero, negative numbers, and what is not a number."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name} is {value!r}; expected a number above 0, e.g. {name}=0.01")


def check_not_negative(name: str, value: float) -> None:
    """Refuse negative numbers, and what is not a number."""
    if not _is_number(value) or value < 0:
        raise ValueError(f"{name} is {value!r}; expected a number of 0 or more, e.g. {name}=0.01")


def check_fraction(name: str, value: float) -> None:
    """Refuse what is not a number of 0 or more and below 1."""
    if not _is_number(value) or not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}; expected 0 <= {name} < 1, e.g. {name}=0.9")


def check_whole(name: str, value: int, minimum: int = 1) -> int:
    """The whole number; refuse fractions, True, and what lies below the minimum."""
    if not _is_whole(value) or value < minimum:
        raise ValueError(f"{name} is {value!r}; expected a whole number of {minimum} or more")
    return int(value)


def check_flag(name: str, value: bool) -> None:
    """Refuse anything but True and False: the text "False" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {value!r}; expected True or False")


def _is_number(value: object) -> bool:
    number = np.asarray(value)
    return number.ndim == 0 and number.dtype.kind in "iuf" and bool(np.isfinite(number))


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


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
    numbers: tuple[Any, ...] = tuple(value) if isinstance(value, Iterable) else (value, value)
    if len(numbers) != 2 or not all(_is_whole(number) and number >= 1 for number in numbers):
        raise ValueError(f"{name} is {value!r}; expected a whole number of 1 or more, or two")
    return int(numbers[0]), int(numbers[1])
