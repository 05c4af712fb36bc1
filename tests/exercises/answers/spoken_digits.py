"""Answers to exercises of lesson 18: wrong ones with what they must hear, and right ones."""

import math
import statistics

import numpy as np


def by_statistics(readings):
    return statistics.stdev(readings) / math.sqrt(len(readings))


def by_variance(readings):
    return math.sqrt(np.var(readings, ddof=1) / len(readings))


WRONG = {
    "standard_error": [
        (statistics.stdev, "how far one reading lies"),
        (lambda x: statistics.pstdev(x) / math.sqrt(len(x)), "You averaged over n"),
        (lambda x: statistics.stdev(x) / len(x), "Four times as many readings"),
        (lambda x: statistics.variance(x) / math.sqrt(len(x)), "You divided the variance"),
    ],
}

RIGHT = {
    "standard_error": [by_statistics, by_variance],
}
