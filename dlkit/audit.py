"""Questions to a model: is it better than another, are its mistakes unequal by luck, did its inputs
change in service, and what do its losses betray of the examples it was trained on?
"""

import math

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


def mcnemar(only_first: int, only_second: int) -> float:
    """How often luck alone parts two equally good models as far as they are parted, or further.

    McNemar's exact test. Both models have answered the same examples, and only those count that
    one of them had right and the other wrong. If the models are equally good, each of these n
    examples is a coin: with m = min(only_first, only_second) and n = only_first + only_second,

        p = min(1, 2 sum_{k=0..m} C(n, k) / 2^n)

    Args:
        only_first: number of examples that only the first model had right, 0 or more.
        only_second: number of examples that only the second model had right, 0 or more.

    Returns:
        A float from 0 to 1, small where luck hardly explains the difference.

    Raises:
        ValueError: a count is negative or no whole number.

    Source: Q. McNemar (1947), doi:10.1007/BF02295996.

    Example:
        >>> round(mcnemar(8, 2), 4), mcnemar(5, 5)
        (0.1094, 1.0)
    """
    for name, count in {"only_first": only_first, "only_second": only_second}.items():
        if count < 0 or count != int(count):
            raise ValueError(f"{name} is {count}; expected 0, 1, 2, ...: pass a count of examples")
    n, fewer = int(only_first + only_second), int(min(only_first, only_second))
    ways = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / 2**n)


def paired_difference(is_right: ArrayLike, is_right_other: ArrayLike) -> tuple[float, float]:
    """By how much two ways to train differ in accuracy on the same examples, over several seeds.

    d_i = mean over the seeds of is_right[:, i] - is_right_other[:, i];  the difference is the
    mean of d over the n examples, and its standard error is std(d) / sqrt(n). It counts the luck
    of which examples there are, not that of the seeds.

    Args:
        is_right: bool, shape (seeds, n).
        is_right_other: the same of the other, on the same examples, shape (seeds, n).

    Returns:
        ``(difference, standard_error)``, two floats, as shares from -1 to 1.

    Raises:
        ValueError: the shapes differ, or are not (seeds, n) with n of 2 or more.

    Example:
        >>> paired_difference([[True, True, False, True]], [[True, False, False, True]])
        (0.25, 0.25)
    """
    first, other = np.asarray(is_right, dtype=float), np.asarray(is_right_other, dtype=float)
    if first.shape != other.shape or first.ndim != 2 or first.shape[1] < 2:
        raise ValueError(
            f"is_right has shape {first.shape} and is_right_other {other.shape}; expected (seeds, "
            "n) twice: a row for each seed, of the same examples"
        )
    d = (first - other).mean(axis=0)
    return float(d.mean()), float(d.std(ddof=1) / np.sqrt(len(d)))


def population_stability_index(expected: np.ndarray, actual: np.ndarray) -> float:
    """Population stability index of two histograms over the same bins.

    PSI = sum (p - q) log(p / q), p and q the shares of the bins

    Args:
        expected: counts at training time, each above 0, shape (bins,).
        actual: counts in service, each above 0, shape (bins,).

    Returns:
        A float, 0 for equal shares.

    Source: B. Yurdakul, J. Naranjo (2020), Journal of Risk Model Validation 14.

    Example:
        >>> round(population_stability_index(np.array([50, 50]), np.array([30, 70])), 3)
        0.169
    """
    p, q = expected / np.sum(expected), actual / np.sum(actual)
    return float(np.sum((p - q) * np.log(p / q)))


def membership_advantage(member_losses: np.ndarray, other_losses: np.ndarray) -> float:
    """The best a threshold on the loss does at telling training examples from others.

    max over t of P(loss <= t | member) - P(loss <= t | other), at least 0

    Args:
        member_losses: losses of examples that were trained on, shape (n,).
        other_losses: losses of examples that were not, shape (m,).

    Returns:
        A float from 0 (it tells nothing) to 1 (it tells all).

    Source: S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha (2018), arXiv:1709.01604.

    Example:
        >>> round(membership_advantage(np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.8, 1.0])), 3)
        0.667
    """
    limits = np.concatenate([member_losses, other_losses])
    gaps = [np.mean(member_losses <= t) - np.mean(other_losses <= t) for t in limits]
    return max(0.0, float(np.max(gaps)))
