"""A learning rate that rises and falls, and how it goes wrong."""

import math

from dlkit.exercises.engine import Mistake


def warmup_cosine(step, total, peak, warmup):
    """Learning rate of a step: from 0 straight up to the peak, then down half a cosine to 0.

    Example:
        >>> [round(warmup_cosine(step, 10, 0.4, 2), 3) for step in (0, 1, 2, 6, 10, 99)]
        [0.0, 0.2, 0.4, 0.2, 0.0, 0.0]
    """
    if step < warmup:
        return peak * step / warmup
    done = min((step - warmup) / (total - warmup), 1)
    return peak * (1 + math.cos(math.pi * done)) / 2


def _late_cosine(step, total, peak, warmup):
    """The cosine as if it had begun with the warm-up."""
    return peak * step / warmup if step < warmup else warmup_cosine(step, total, peak, 0)


def _past_the_end(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def _straight(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 - min((step - warmup) / (total - warmup), 1))


MISTAKES = [
    Mistake("Your cosine begins at step 0. It begins where the warm-up ends.", _late_cosine),
    Mistake("After the end your rate rises again: a cosine is periodic.", _past_the_end),
    Mistake("You go down along a straight line.", _straight),
    Mistake(
        "The warm-up is missing.",
        lambda step, total, peak, warmup: warmup_cosine(max(step, warmup), total, peak, warmup),
    ),
    Mistake(
        "You add 1 to the step in the warm-up. Here step 0 has rate 0.",
        lambda step, total, peak, warmup: (
            peak * (step + 1) / warmup
            if step < warmup
            else warmup_cosine(step, total, peak, warmup)
        ),
    ),
]
