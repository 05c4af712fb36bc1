"""What a result is: the numbers in it, its name in words, and how to show it in a few lines."""

import inspect
import numbers
import re
import reprlib
from typing import Any

import numpy as np

from dlkit.exercises.engine.verdicts import clean

NAMES = {
    str: "a string",
    dict: "a dictionary",
    set: "a set",
    list: "a list",
    tuple: "a tuple",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    np.ndarray: "an array",
}
MOST_LINES = 12  # of an array that is shown
PRINT: Any = {  # NumPy's own, but for the precision: a learner's options change no verdict
    "precision": 6,
    "linewidth": 75,
    "suppress": False,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "floatmode": "maxprec",
    "formatter": None,
    "legacy": False,
}
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 200


class NotNumbers(ValueError):
    """A result that is no array of numbers; the message says what it is."""


def to_array(value: Any) -> np.ndarray:
    """The numbers of a Python value, NumPy array or tensor of any library, as a fresh array.

    Raises:
        NotNumbers: it is something else; the message completes "Your result is …".

    Example:
        >>> to_array([True, 2, 0.5])
        array([1. , 2. , 0.5])
    """
    if isinstance(value, (str, bytes, dict, set, frozenset)) or callable(value):
        raise NotNumbers(name_of(value))
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
    try:
        array = np.array(value)
    except ValueError as error:
        if isinstance(value, (list, tuple)):
            raise NotNumbers(f"a {type(value).__name__} whose rows differ in length") from error
        raise NotNumbers(name_of(value)) from error
    if array.dtype.kind == "V" and array.dtype.names is None:  # bfloat16 and its like
        return array.astype(np.float16)
    if array.dtype.kind == "O" and array.ndim and _are_numbers(array):
        return array.astype(np.float64)
    if array.dtype.kind == "O" and isinstance(value, numbers.Real):  # a Fraction, a huge int
        return np.array(float(value))
    if array.dtype.kind not in "biufc":
        raise NotNumbers(_strange(value, array))
    return array


def _are_numbers(array):
    return all(isinstance(x, numbers.Real) for x in array.flat)


def _strange(value, array):
    if isinstance(value, (list, tuple, np.ndarray)) and array.ndim:
        first = next((x for x in array.flat if not isinstance(x, numbers.Number)), array.flat[0])
        return f"a {type(value).__name__} that holds {name_of(first)}"
    return name_of(value)


def name_of(value: object) -> str:
    """What a value is, in words: "a string", "a function", "None", …"""
    if value is None:
        return "None"
    if type(value) in NAMES:
        return NAMES[type(value)]
    if isinstance(value, str):
        return "a string"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return f"a function, {value.__name__}" if inspect.isroutine(value) else "a callable object"
    return f"an object of type {type(value).__name__}"


def has_parts(value: object) -> bool:
    """Whether a value is a tuple or list of arrays, rather than one array written as a list."""
    if not isinstance(value, (tuple, list)):
        return False
    if any(hasattr(type(part), "__array__") and np.ndim(part) for part in value):
        return True
    try:
        return np.array(value).dtype.kind not in "biufc"
    except ValueError:
        return True


def show(value: Any) -> str:
    """A value in a few lines: arrays and tensors as numbers with their shape, the rest by repr.

    Example:
        >>> print(show(np.zeros((100, 2))))
        [[0., 0.],
         [0., 0.],
         ...,
         [0., 0.],
         [0., 0.]]  shape (100, 2)
    """
    if has_parts(value) and any(np.ndim(part) for part in value) and len(value) <= 6:
        return "\n".join(f"part {n}:\n{show(part)}" for n, part in enumerate(value, start=1))
    if type(value) in (int, float, str, bool) or value is None:
        return clean(SHORT.repr(value))
    if inspect.isroutine(value) or isinstance(value, type):
        return name_of(value)
    try:
        array = to_array(value)
    except NotNumbers:
        return clean(re.sub(r" at 0x\w+", "", SHORT.repr(value)))
    if not array.ndim:
        return clean(repr(array.item()))
    text = _few_lines(array)
    dtype = "" if array.dtype in (np.float64, np.int64) else f"  {array.dtype}"
    shape = f"  shape {array.shape}" if array.ndim > 1 or array.size > 6 else ""
    return clean(text, 1200) + shape + dtype


def _few_lines(array):
    """An array as text, with fewer and fewer numbers until it fits; at last it is cut off."""
    for threshold, edge in ((30, 3), (0, 2), (0, 1)):
        with np.printoptions(**PRINT, threshold=threshold, edgeitems=edge):
            text = np.array2string(array, separator=", ")
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) <= MOST_LINES:
            return "\n".join(lines)
    return "\n".join([*lines[: MOST_LINES - 1], " …"])
