"""Two questions to a model in service: did its inputs change, are its mistakes unequal by luck?"""

import numpy as np
from numpy.typing import ArrayLike


def binned(before: ArrayLike, after: ArrayLike, bins: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Counts of two samples of one number, over bins that each hold an equal share of the first.

    Each bin gets 1 more than it holds, so that none is empty and logarithms of shares exist.

    Args:
        before: the numbers at first, shape (n,).
        after: the numbers now, shape (m,).
        bins: how many; fewer come back where many numbers are equal.

    Returns:
        Two arrays of counts, shape (bins,).

    Example:
        >>> binned(np.arange(100), np.arange(50, 100), bins=2)
        (array([51, 51]), array([ 1, 51]))
    """
    limits = np.unique(np.quantile(np.asarray(before), np.linspace(0, 1, bins + 1)[1:-1]))

    def count(values: ArrayLike) -> np.ndarray:
        places = np.searchsorted(limits, values, side="right")
        return 1 + np.bincount(places, minlength=len(limits) + 1)

    return count(before), count(after)


def unequal_by_luck(
    is_wrong: ArrayLike, group: ArrayLike, rounds: int = 1000, seed: int = 0
) -> float:
    """How often luck spreads mistakes over groups as unequally as they are, or more.

    A permutation test: the mistakes are dealt out anew to all examples, whatever their group. The
    spread is the variance of the groups' error rates, each group weighted by its size.

    Args:
        is_wrong: bool, shape (n,).
        group: the group of each example, whole numbers from 0, shape (n,); none may be empty.
        rounds: how often they are dealt out.
        seed: of the dealing.

    Returns:
        A float from 1 / (rounds + 1) (luck hardly ever does that) to 1.

    Example:
        >>> round(unequal_by_luck(np.arange(100) < 20, np.arange(100) // 50), 3)  # all in one half
        0.001
    """
    rng = np.random.default_rng(seed)
    is_wrong, group = np.asarray(is_wrong), np.asarray(group)
    sizes, mean = np.bincount(group), np.mean(is_wrong)

    def spread(wrong: np.ndarray) -> float:
        rates = np.bincount(group, weights=wrong, minlength=len(sizes)) / sizes
        return float(np.sum(sizes * (rates - mean) ** 2))

    real = spread(is_wrong) * (1 - 1e-12)  # equal ones count, whatever the order of the sums
    as_bad = sum(spread(rng.permutation(is_wrong)) >= real for _ in range(rounds))
    return float((1 + as_bad) / (1 + rounds))
