"""Exercises of lesson 18: one example, to be replaced."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake


def error_of_the_mean(readings):
    """Standard error of the mean of some readings: s / sqrt(n), s from n - 1 degrees of freedom.

    Args:
        readings: float array, shape ``(n,)``, n of 2 or more.

    Returns:
        A float, 0 or more.

    Example:
        >>> float(error_of_the_mean(np.array([1.0, 3.0])))
        1.0
    """
    return np.std(readings, ddof=1) / np.sqrt(len(readings))


standard_error = Exercise(
    "standard_error",
    reference=error_of_the_mean,
    cases=[
        Case("two readings", np.array([1.0, 3.0])),
        Case("five readings", np.array([2.0, -1.0, 0.5, 4.0, 7.5])),
        Case("readings that agree", np.array([3.0, 3.0, 3.0, 3.0])),
    ],
    mistakes=[
        Mistake(
            "This is how far one reading lies from the mean. The mean of many lies closer.",
            lambda readings: np.std(readings, ddof=1),
        ),
        Mistake(
            "You averaged over n. The mean was fitted to the same readings: one less is free.",
            lambda readings: np.std(readings) / np.sqrt(len(readings)),
        ),
        Mistake(
            "Four times as many readings halve the error; with you they divide it by four.",
            lambda readings: np.std(readings, ddof=1) / len(readings),
        ),
        Mistake(
            "You divided the variance. Its unit is the square of the readings' unit.",
            lambda readings: np.var(readings, ddof=1) / np.sqrt(len(readings)),
        ),
    ],
    hints=[
        "How far does a single reading typically lie from the mean? Begin with that.",
        "np.std has an argument ddof: how many degrees of freedom are taken away.",
        "Divide by the square root of the number of readings.",
    ],
)
