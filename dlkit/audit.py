"""Questions to a model in service: did its inputs change, are its mistakes unequal by luck, and
what do its losses betray of the examples it was trained on?
"""

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
