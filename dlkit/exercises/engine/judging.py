"""Compares what an answer gave with what was expected, and says how they differ."""

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlkit.exercises.engine.values import SHORT, NotNumbers, has_parts, name_of, to_array

# What a type of float can promise after some sums: relative to a number, and to the largest one.
COARSE = {"float32": (1e-4, 1e-5), "float16": (2e-2, 1e-2)}


@dataclass(frozen=True)
class Judgement:
    """Whether a result is right: ``kind`` is "exact", "approximate" or "wrong".

    ``difference`` is the largest one, None where none could be taken; ``problem`` and ``where``
    say what is wrong and at which index.
    """

    kind: str
    difference: float | None = None
    problem: str = ""
    where: str = ""

    @property
    def holds(self) -> bool:
        return self.kind != "wrong" and not self.problem


def judge(got: Any, expected: Any, rtol: float, atol: float) -> Judgement:
    """Compare a result with the expected one: arrays, numbers, tuples of them, dicts, strings.

    Args:
        got: the answer's result, of any type.
        expected: the reference's result.
        rtol: tolerated difference, relative to the expected number.
        atol: tolerated absolute difference. Coarser floats than float64 are tolerated more.

    Returns:
        A `Judgement`.

    Example:
        >>> judge([0.5, 0.1], np.array([0.5, 0.2]), 1e-5, 1e-6).kind
        'wrong'
    """
    if got is None and expected is not None:
        return Judgement("wrong", problem="It returned nothing (None). Is a `return` missing?")
    if isinstance(expected, str) or expected is None:
        same = got is expected or (isinstance(got, str) and got == expected)
        return (
            Judgement("exact", 0.0)
            if same
            else Judgement("wrong", problem="That is a wrong value.")
        )
    if isinstance(expected, dict):
        return _judge_dict(got, expected, rtol, atol)
    if has_parts(expected):
        return _judge_parts(got, expected, rtol, atol)
    try:
        array = to_array(got)
    except NotNumbers as error:
        wanted = "numbers" if np.ndim(expected) else "a number"
        return Judgement("wrong", problem=f"The result is {error}; expected {wanted}.")
    return _judge_arrays(array, to_array(expected), rtol, atol)


def _judge_parts(got, expected, rtol, atol):
    if hasattr(type(got), "__array__") and np.ndim(got):
        got = list(got)  # it can be unpacked like a tuple
    if not isinstance(got, (tuple, list)):
        found = "one number" if isinstance(got, numbers.Number) else name_of(got)
        problem = f"The result is {found}; expected a tuple of {len(expected)} parts."
        return Judgement("wrong", problem=problem)
    if len(got) != len(expected):
        problem = f"The result has {len(got)} parts; expected {len(expected)}."
        return Judgement("wrong", problem=problem)
    pairs = zip(got, expected, strict=True)
    return _worst({f"part {n}": judge(*pair, rtol, atol) for n, pair in enumerate(pairs, start=1)})


def _judge_dict(got, expected, rtol, atol):
    if not isinstance(got, dict):
        return Judgement("wrong", problem=f"The result is {name_of(got)}; expected a dictionary.")
    if set(got) != set(expected):
        problem = f"The keys are {SHORT.repr(list(got))}; expected {list(expected)}."
        return Judgement("wrong", problem=problem)
    return _worst({f"[{key!r}]": judge(got[key], expected[key], rtol, atol) for key in expected})


def _worst(judgements):
    for name, found in judgements.items():
        if not found.holds:
            where = f"{name}, {found.where}" if found.where else name
            return Judgement("wrong", found.difference, f"{name}: {found.problem}", where)
    exact = all(found.kind == "exact" for found in judgements.values())
    largest = max((found.difference or 0.0 for found in judgements.values()), default=0.0)
    return Judgement("exact" if exact else "approximate", largest)


def _judge_arrays(got, expected, rtol, atol):
    if got.shape != expected.shape:
        if got.size == expected.size and _close(got.reshape(expected.shape), expected, rtol, atol):
            problem = f"The numbers are right, but their shape is {got.shape}"
        else:
            problem = f"The shape is {got.shape}"
        hint = " (a single number)" if expected.shape == () else ""
        return Judgement("wrong", problem=f"{problem}; expected {expected.shape}{hint}.")
    if not got.size:
        return Judgement("exact", 0.0)
    difference = _differences(got, expected)
    index = np.unravel_index(np.argmax(difference), difference.shape)
    largest = float(difference[index])
    if _close(got, expected, rtol, atol):
        return Judgement("exact" if largest == 0 else "approximate", largest)
    where = f"index {[int(i) for i in index]}" if got.ndim else ""
    return Judgement("wrong", largest, _numeric_problem(got, expected, rtol), where)


def _numeric_problem(got, expected, rtol):
    for name, test in (("NaN (not a number)", np.isnan), ("infinite", np.isinf)):
        count = int((test(got) & ~test(expected)).sum())
        if count and not got.ndim:
            return f"The result is {name}."
        if count:
            return f"{count} of {got.size} numbers {'is' if count == 1 else 'are'} {name}."
    counts = expected.dtype.kind in "iub"  # a count is right or wrong
    if not counts and _close(got, expected, 1e-2, 1e-3 * _scale(expected)):
        return f"The numbers come close, but not within the tolerance (relative {rtol:g})."
    wrong = int((~_are_close(got, expected, rtol, 0.0)).sum())
    if not got.ndim or wrong == got.size:
        return "The number is wrong." if not got.ndim else "The numbers are wrong."
    return f"{wrong} of {got.size} numbers {'is' if wrong == 1 else 'are'} wrong."


def _scale(expected):
    finite = np.abs(expected[np.isfinite(expected)])
    return float(finite.max()) if finite.size else 0.0


def _differences(got, expected):
    """Absolute differences as float64; 0 where both are the same infinity or NaN."""
    got, expected = (np.asarray(x, np.result_type(x, np.float64)) for x in (got, expected))
    with np.errstate(all="ignore"):
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        difference = np.where(same, 0.0, np.abs(got - expected))
    return np.where(np.isnan(difference), np.inf, difference)


def _are_close(got, expected, rtol, atol):
    for name in {got.dtype.name, expected.dtype.name} & set(COARSE):
        rtol = max(rtol, COARSE[name][0])
        atol = max(atol, COARSE[name][1] * _scale(expected))
    size = np.where(np.isfinite(expected), np.abs(expected), 0.0)
    return _differences(got, expected) <= atol + rtol * size


def _close(got, expected, rtol, atol):
    return bool(_are_close(got, expected, rtol, atol).all())
