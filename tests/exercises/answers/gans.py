"""Answers to exercises of lesson 20: wrong ones with what they must hear, and right ones."""

import math

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit

from dlkit.exercises import gans as exercises

# ---- optimum ---------------------------------------------------------------------------------


def optimum_by_loop(real, fake, share):
    found = []
    for p, q in zip(real, fake, strict=True):
        if p == 0 and q == 0:
            found.append(share)
        elif p == 0:
            found.append(0.0)
        else:
            found.append(1 / (1 + (1 - share) / share * q / p))
    return found


def optimum_by_log_odds(real, fake, share):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(real) - np.log(fake)
    ratio = np.where((real == 0) & (fake == 0), 0.0, ratio)
    return expit(ratio + math.log(share / (1 - share)))


def optimum_with(*, share_of_real=None, weight_of_fakes=None, of_fake=False):
    def answer(real, fake, share):
        s = share_of_real if share_of_real is not None else share
        rest = weight_of_fakes if weight_of_fakes is not None else 1 - s
        total = s * real + rest * fake
        found = np.full(len(real), s)
        found[total > 0] = (s * real)[total > 0] / total[total > 0]
        return 1 - found if of_fake else found

    return answer


def optimum_with_nothing_at_zero(real, fake, share):
    total = share * real + (1 - share) * fake
    with np.errstate(invalid="ignore"):
        return share * real / total


# ---- pair_backward ---------------------------------------------------------------------------


def pairs_by_loop(fake_logits, real_logits, slopes):
    found = []
    for a, r, slope in zip(fake_logits, real_logits, slopes, strict=True):
        found.append([-expit(r - a) * number / len(slopes) for number in slope])
    return found


def pairs_with(*, sign=-1.0, turn=1.0, real=1.0, per_pair=True, chain=True):
    def answer(fake_logits, real_logits, slopes):
        factor = sign * expit(turn * (real * real_logits - fake_logits))
        factor = factor / len(slopes) if per_pair else factor
        return factor[:, None] * slopes if chain else factor

    return answer


# ---- referee ---------------------------------------------------------------------------------


def neighbors_by_tree(seed, own=True, itself=False):
    found = {}
    for generator in "AB":
        fresh, fakes = exercises.fresh_examples(seed), exercises.fakes_of(generator, seed)
        points, kind = np.concatenate([fresh, fakes]), np.repeat([0, 1], 400)
        nearest = cKDTree(points).query(points, k=2)[1][:, 0 if itself else 1]
        found[generator] = float(np.mean((kind[nearest] == kind) == own))
    return found


def shares(**changed):
    return {"A": 0.84, "B": 0.52} | changed


WRONG = {
    "optimum": [
        (optimum_with(share_of_real=0.5), "The share is not used"),
        (optimum_with(of_fake=True), "the probability of a fake"),
        (lambda p, q, s: optimum_by_loop(p, q, 1 - s), "the other way round"),
        (optimum_with_nothing_at_zero, "you divide 0 by 0"),
        (optimum_with(weight_of_fakes=1.0), "You weigh them with 1"),
    ],
    "pair_backward": [
        (pairs_with(sign=1.0), "The sign is wrong"),
        (pairs_with(real=0.0), "the loss without pairs"),
        (pairs_with(turn=-1.0), "the sigmoid of a - r"),
        (pairs_with(per_pair=False), "a share of 1 / n"),
        (lambda a, r, s: np.array(pairs_by_loop(a, r, s)) / s.shape[1], "The mean is over n"),
        (pairs_with(chain=False), "the gradient for the logits"),
    ],
    "collapse": [
        ("4.8", "give one number"),
        (-1.0, "must be above 0"),
        (1.0, "no place is lost"),
        (20.0, "one place is left"),
    ],
    "referee": [
        (0.84, "give a dict"),
        ({"A": 0.84}, "generator B needs a number"),
        (shares(A=84), "between 0 and 1"),
        ({name: exercises.passed(name, exercises.fakes_of(name)) for name in "AB"}, "colleague"),
        (neighbors_by_tree(0, itself=True), "not the point itself"),
        (shares(B=0.84), "both are the same"),
        (neighbors_by_tree(0, own=False), "of the *other* kind"),
        (shares(A=0.6), "for A you give 0.60"),
        (shares(B=0.3), "for B you give 0.30"),
    ],
}

RIGHT = {
    "optimum": [optimum_by_loop, optimum_by_log_odds, optimum_with()],
    "pair_backward": [pairs_by_loop, pairs_with()],
    "collapse": [4.808, 4.75, np.float32(4.9)],
    "referee": [neighbors_by_tree(0), neighbors_by_tree(1), neighbors_by_tree(2)],
}
