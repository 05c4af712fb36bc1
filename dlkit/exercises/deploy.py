"""Exercises of lesson 24: eight bits, how many replicas, how much drift, what a loss betrays."""

import numpy as np

from dlkit.audit import membership_advantage, population_stability_index
from dlkit.exercises.engine import Case, Exercise, Mistake


def quantized(x: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """What is left of x after a trip through 8 bits: q = clip(round(x / s) + z), x' = s (q - z).

    Args:
        x: float array.
        scale: s, the step between two numbers that 8 bits can tell apart; above 0.
        zero_point: z, the whole number from -128 to 127 that stands for 0.

    Returns:
        Float array of the shape of x.

    Source: B. Jacob and others (2018), arXiv:1712.05877, section 2.1.

    Example:
        >>> quantized(np.array([0.26, 100.0]), scale=0.5, zero_point=0).tolist()
        [0.5, 63.5]
    """
    q = np.clip(np.round(x / scale) + zero_point, -128, 127)
    return scale * (q - zero_point)


_WEIGHTS = np.linspace(-1.9, 2.3, 43).reshape(1, 43)

quantize = Exercise(
    "quantize",
    reference=quantized,
    cases=[
        Case("within range", np.array([-0.9, -0.26, 0.0, 0.4, 0.6]), 0.5, 0),
        Case("zero stands at 40", _WEIGHTS, 0.02, 40),
        Case("beyond both ends", np.array([-50.0, 0.3, 50.0]), 0.1, -10),
        Case("a matrix", _WEIGHTS.reshape(43, 1) * [[1.0, 0.3]], 0.03, 5),
    ],
    mistakes=[
        Mistake(
            "Numbers beyond the ends must become the ends: q is from -128 to 127.",
            lambda x, scale, zero_point: scale * np.round(x / scale),
        ),
        Mistake(
            "You cut off the digits. Round to the nearest whole number.",
            lambda x, scale, zero_point: (
                scale * (np.clip(np.trunc(x / scale) + zero_point, -128, 127) - zero_point)
            ),
        ),
        Mistake(
            "You rounded down. Round to the nearest whole number.",
            lambda x, scale, zero_point: (
                scale * (np.clip(np.floor(x / scale) + zero_point, -128, 127) - zero_point)
            ),
        ),
        Mistake(
            "That is q, the whole numbers. Turn them back into what they stand for.",
            lambda x, scale, zero_point: np.clip(np.round(x / scale) + zero_point, -128, 127),
        ),
        Mistake(
            "The zero point is added and never taken away again.",
            lambda x, scale, zero_point: (
                scale * np.clip(np.round(x / scale) + zero_point, -128, 127)
            ),
        ),
        Mistake(
            "The ends are those of q: add the zero point before you clip.",
            lambda x, scale, zero_point: scale * np.clip(np.round(x / scale), -128, 127),
        ),
    ],
    hints=[
        "Two steps: to a whole number q, and back from q.",
        "There: divide by the scale, np.round, add the zero point, np.clip to -128 … 127.",
        "Back: take the zero point away, multiply by the scale.",
    ],
)

replicas = Exercise(
    "replicas",
    reference=8,
    mistakes=[
        Mistake("That many would be busy all the time, and the queue would grow.", 5),
        Mistake("You rounded down: then they are more than 60 % busy.", 7),
        Mistake("That is how much work arrives, in replicas. How busy may they be?", 4.5),
        Mistake("Replicas are whole.", 7.5),
        Mistake("A replica is busy for 25 ms, a fortieth of a second, with each request.", 180),
    ],
    hints=[
        "In one second 180 requests arrive. For how many seconds of work is that?",
        "180 × 0.025 s = 4.5 s of work in each second: 4.5 replicas without a break.",
        "With a break: each may work 0.6 s of each second.",
    ],
    solution="import math\n\nmy_replicas = math.ceil(180 * 0.025 / 0.6)",
)

drift = Exercise(
    "drift",
    reference=population_stability_index,
    cases=[
        Case("two bins", np.array([50, 50]), np.array([30, 70])),
        Case("other totals", np.array([10, 20, 70]), np.array([300, 500, 200])),
        Case("equal shares", np.array([1, 2, 3]), np.array([10, 20, 30])),
        Case("a rare bin", np.array([1, 999, 1000]), np.array([100, 900, 1000])),
    ],
    mistakes=[
        Mistake(
            "You took the counts. Divide each histogram by its sum first.",
            lambda expected, actual: np.sum((expected - actual) * np.log(expected / actual)),
        ),
        Mistake(
            "That is the relative entropy, one half of it: the factor is p - q, not p.",
            lambda expected, actual: np.sum(_share(expected) * _log_ratio(expected, actual)),
        ),
        Mistake(
            "That is the relative entropy the other way round: the factor is p - q.",
            lambda expected, actual: np.sum(-_share(actual) * _log_ratio(expected, actual)),
        ),
        Mistake(
            "The sign is wrong: p - q goes with log(p / q).",
            lambda expected, actual: -population_stability_index(expected, actual),
        ),
        Mistake(
            "Use the natural logarithm.",
            lambda expected, actual: population_stability_index(expected, actual) / np.log(10),
        ),
        Mistake(
            "Add up over the bins; you took the mean.",
            lambda expected, actual: population_stability_index(expected, actual) / len(expected),
        ),
    ],
    hints=[
        "First shares: counts divided by their sum, for each histogram.",
        "For each bin the difference of the shares times the logarithm of their ratio.",
        "np.sum((p - q) * np.log(p / q))",
    ],
)


def _share(counts):
    return counts / np.sum(counts)


def _log_ratio(expected, actual):
    return np.log(_share(expected) / _share(actual))


def _balanced_accuracy(member_losses, other_losses):
    return (1 + membership_advantage(member_losses, other_losses)) / 2


def _at_the_mean(member_losses, other_losses):
    t = np.mean(member_losses)
    return np.mean(member_losses <= t) - np.mean(other_losses <= t)


_RNG = np.random.default_rng(0)
_LOW, _HIGH = _RNG.exponential(0.3, 40), _RNG.exponential(0.9, 60)

membership = Exercise(
    "membership",
    reference=membership_advantage,
    cases=[
        Case("three and three", np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.8, 1.0])),
        Case("a network that learned by heart", _LOW, _HIGH),
        Case("the same losses", _LOW[:10], _LOW[:10]),
        Case("told apart at once", np.array([0.1, 0.2]), np.array([0.5, 0.4, 0.9])),
        Case("the others are lower", _HIGH, _LOW),
    ],
    mistakes=[
        Mistake(
            "That is the accuracy of the best guess. Its advantage is asked.", _balanced_accuracy
        ),
        Mistake(
            "You tried one threshold, the mean loss of the members. Try every loss.", _at_the_mean
        ),
        Mistake(
            "A member has the lower loss: you asked for the higher, or exchanged the two lists.",
            lambda member_losses, other_losses: membership_advantage(other_losses, member_losses),
        ),
        Mistake(
            "That is the gap between the mean losses.",
            lambda member_losses, other_losses: np.mean(other_losses) - np.mean(member_losses),
        ),
    ],
    hints=[
        "One threshold t: which share of the members lies at or below it, which of the others?",
        "The advantage at t is the first share minus the second.",
        "Try each loss of both lists as t, and take the largest; 0 if none is above 0.",
    ],
)
