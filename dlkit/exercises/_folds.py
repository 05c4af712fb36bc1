"""What every good splitter into folds does: properties for an exercise of lesson 08."""

import itertools

import numpy as np

from dlkit.exercises.engine import Property

N, K = 23, 5  # folds of 5, 5, 5, 4 and 4


def shuffled_folds(n, k, rng):
    """Yield k pairs (train, val) of shuffled indices; each of n examples is in one val.

    Args:
        n: number of examples.
        k: number of folds, from 2 to n.
        rng: ``np.random.Generator`` that draws the order.

    Yields:
        ``(train, val)``, two arrays of int: together 0 to n - 1.

    Example:
        >>> [len(val) for train, val in shuffled_folds(7, 3, np.random.default_rng(0))]
        [3, 2, 2]
    """
    parts = np.array_split(rng.permutation(n), k)
    for fold in range(k):
        train = np.concatenate([part for other, part in enumerate(parts) if other != fold])
        yield train, parts[fold]


def _pairs(answer, rng):
    """The pairs of index arrays that an answer gives, and a sentence on their form, or None."""
    pairs = answer(N, K, rng)
    if not hasattr(pairs, "__iter__"):
        return [], f"it gave {type(pairs).__name__}, which cannot be looped over."
    pairs = list(itertools.islice(pairs, N + 1))
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            return [], "not every item is a pair: give (train, val)."
    pairs = [(np.asarray(train), np.asarray(val)) for train, val in pairs]
    for part in itertools.chain(*pairs):
        if part.ndim != 1 or part.dtype.kind not in "iu":
            return [], f"give indices, whole numbers in one row; one part is {part.dtype}."
        if part.size and (part.min() < 0 or part.max() >= N):
            return [], f"for {N} examples the indices run from 0 to {N - 1}; there is another."
    return pairs, None


def _form(answer):
    pairs, problem = _pairs(answer, np.random.default_rng(0))
    if not problem and len(pairs) != K:
        problem = f"for k = {K} there are {len(pairs)} pairs."
    return problem


def _apart(answer):
    for train, val in _pairs(answer, np.random.default_rng(0))[0]:
        if shared := len(np.intersect1d(train, val)):
            return f"in one pair {shared} examples are in both: the score would flatter."


def _each_once(answer):
    vals = np.concatenate([val for _, val in _pairs(answer, np.random.default_rng(0))[0]])
    counts = np.bincount(vals.astype(int), minlength=N)
    if (counts != 1).any():
        return (
            f"of {N} examples {(counts == 0).sum()} are never in a val, and "
            f"{(counts > 1).sum()} are in more than one."
        )


def _rest(answer):
    for train, val in _pairs(answer, np.random.default_rng(0))[0]:
        if len(train) + len(val) != N:
            return f"in one pair there are {len(train)} and {len(val)} examples of {N}."


def _equal(answer):
    sizes = [len(val) for _, val in _pairs(answer, np.random.default_rng(0))[0]]
    if max(sizes) - min(sizes) > 1:
        return f"{N} examples came as folds of {sizes}."


def _random(answer):
    rng = np.random.default_rng(0)
    first, second = (np.sort(_pairs(answer, rng)[0][0][1]) for _ in range(2))
    again = np.sort(_pairs(answer, np.random.default_rng(0))[0][0][1])
    if (np.diff(first) == 1).all():
        return "the first fold is a block of neighbours. If the data are sorted, it is one class."
    if np.array_equal(first, second):
        return "two calls with one generator give the same folds."
    if not np.array_equal(first, again):
        return "two generators with the same seed give different folds: draw from rng alone."


PROPERTIES = [
    Property("there are k pairs of indices", _form),
    Property("train and val share no example", _apart),
    Property("each example is in val once", _each_once),
    Property("train is all the rest", _rest),
    Property("the folds are equal but for one", _equal),
    Property("the folds are drawn from rng", _random),
]
