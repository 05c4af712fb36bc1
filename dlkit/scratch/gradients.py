"""Numerical gradients, and how far two arrays are apart."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import (
    as_float,
    check_not_negative,
    check_positive,
    check_same_shape,
)


def numerical_gradient(
    function: Callable[[np.ndarray], float], x: ArrayLike, step: float = 1e-5
) -> np.ndarray:
    """Gradient by central differences: (f(x + step e_i) - f(x - step e_i)) / (2 step).

    Two calls of the function per value of x: for checking a gradient, not for training.

    Args:
        function: takes an array of x's shape, in float64, and returns one number.
        x: array of any shape, or a number; it is not changed.
        step: how far to go to either side, above 0.

    Returns:
        float64 array of x's shape.

    Raises:
        ValueError: the function returns more than one number, or step is not positive.

    Example:
        >>> numerical_gradient(lambda x: (x**2).sum(), [1.0, -3.0]).round(6)
        array([ 2., -6.])
    """
    check_positive("step", step)
    x = as_float(x).astype(np.float64)

    def nudged(index, by):
        moved = x.copy()
        moved[index] += by
        value = np.asarray(function(moved))
        if value.size != 1:
            raise ValueError(
                f"function returned shape {value.shape}; expected one number: end it with .mean() "
                "or .sum()"
            )
        return value.item()

    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        gradient[index] = (nudged(index, step) - nudged(index, -step)) / (2 * step)
    return gradient


@dataclass(frozen=True)
class Comparison:
    """Result of ``compare``: true unless the verdict is "different".

    Example:
        >>> print(Comparison("approximate", 3e-9))
        approximate: largest difference 3e-09
    """

    verdict: str
    largest_difference: float

    def __bool__(self) -> bool:
        return self.verdict != "different"

    def __str__(self) -> str:
        return f"{self.verdict}: largest difference {self.largest_difference:.3g}"


def compare(
    actual: ArrayLike, expected: ArrayLike, rtol: float = 1e-5, atol: float = 1e-7
) -> Comparison:
    """Say whether two arrays are equal, close or different.

    Close: |actual - expected| <= atol + rtol |expected|, everywhere.

    Args:
        actual: numbers, of any shape.
        expected: the truth, of the same shape.
        rtol: allowed difference, relative to the expected value.
        atol: allowed difference beside it, for values near 0.

    Returns:
        A ``Comparison``: ``verdict`` "exact", "approximate" or "different", and
        ``largest_difference``. NaN is different from everything.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(compare([1.0, 2.0], [1.0, 2.5]))
        different: largest difference 0.5
    """
    check_same_shape("actual", actual, "expected", expected)
    check_not_negative("rtol", rtol)
    check_not_negative("atol", atol)
    actual, expected = as_float(actual), as_float(expected)
    with np.errstate(invalid="ignore"):  # inf - inf
        difference = np.where(actual == expected, 0, np.abs(actual - expected))
    if not difference.any():
        verdict = "exact"
    else:
        close = np.allclose(actual, expected, rtol=rtol, atol=atol)
        verdict = "approximate" if close else "different"
    return Comparison(verdict, float(np.max(difference, initial=0.0)))
