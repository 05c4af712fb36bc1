"""Answers to exercises of lesson 18: wrong ones with what they must hear, and right ones."""

import numpy as np

# ---- alias -----------------------------------------------------------------------------------


def by_remainder(hz, rate):
    rest = hz % rate
    return min(rest, rate - rest)


def by_walking(hz, rate):
    while hz > rate:
        hz -= rate
    return hz if hz <= rate / 2 else rate - hz


def by_angle(hz, rate):
    """The angle between two samples, as the cosine cannot tell it from its mirror image."""
    return np.arccos(np.cos(2 * np.pi * hz / rate)) * rate / (2 * np.pi)


# ---- the answers -----------------------------------------------------------------------------

WRONG = {
    "alias": [
        (lambda hz, rate: hz % rate, "You take the remainder"),
        (lambda hz, rate: hz % (rate / 2), "The axis is a mirror there, not a ring"),
        (lambda hz, rate: hz if hz < rate / 2 else rate / 2, "It does not wait there"),
        (lambda hz, rate: hz if hz <= rate / 2 else rate - hz, "You mirror once. That is right"),
        (lambda hz, rate: hz if hz <= rate / 2 else abs(hz - rate), "and drop the sign"),
        (lambda hz, rate: (hz + rate / 2) % rate - rate / 2, "can be negative"),
        (lambda hz, rate: 1.0 * hz, "You leave the tone where it is"),
    ],
    "piece": [
        (160, "one turn of the difference"),
        (256, "half-way between the tones there is"),
        (300, "below 50 % is asked for"),
        (512, "shorter pieces do it, too"),
        (0.04, "give samples, a whole number"),
        (3, "give samples, 8 to"),
        ("many", "give one whole number"),
    ],
    "referee": [
        (0.98, "the colleague's own number"),
        (0.75, "still too good for lots"),
        (0.3, "nor can one be wrong on most of them"),
        (50, "not in per cent"),
        ("none", "give one number"),
        (-0.5, "lies between 0 and 1"),
    ],
}

RIGHT = {
    "alias": [by_remainder, by_walking, by_angle],
    "piece": [321, 330, np.int64(325), 322.0],
    "referee": [0.5, np.float64(0.485), 0.54],
}
