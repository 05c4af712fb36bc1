"""Answers to the exercises of lesson 24: wrong ones with what they must hear, and right ones."""

import math

import numpy as np
import tensorflow as tf
from scipy.special import kl_div
from scipy.stats import ks_2samp
from sklearn.metrics import roc_curve


def by_tensorflow(x, scale, zero_point):
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    clipped = tf.clip_by_value(tf.constant(x), low, high)
    return scale * np.rint(clipped / scale)


def number_by_number(x, scale, zero_point):
    result = np.empty(x.shape)
    for index, value in np.ndenumerate(x):
        q = min(127, max(-128, round(value / scale) + zero_point))
        result[index] = (q - zero_point) * scale
    return result.tolist()


def psi_by_scipy(expected, actual):
    p, q = expected / expected.sum(), actual / actual.sum()
    return kl_div(p, q).sum() + kl_div(q, p).sum()


def psi_by_loop(expected, actual):
    total = 0.0
    for a, b in zip(expected, actual, strict=True):
        p, q = a / sum(expected), b / sum(actual)
        total += (p - q) * math.log(p / q)
    return total


def by_kolmogorov_smirnov(member_losses, other_losses):
    """Its one-sided statistic is the same maximum."""
    return ks_2samp(member_losses, other_losses, alternative="greater").statistic


def by_roc(member_losses, other_losses):
    is_member = np.r_[np.ones(len(member_losses)), np.zeros(len(other_losses))]
    scores = -np.r_[member_losses, other_losses]
    false, true, _ = roc_curve(is_member, scores, drop_intermediate=False)
    return (true - false).max()


def shares(counts):
    return counts / counts.sum()


WRONG = {
    "quantize": [
        (lambda x, s, z: s * np.rint(x / s), "Numbers beyond the ends"),
        (lambda x, s, z: s * (np.clip(np.fix(x / s) + z, -128, 127) - z), "You cut off the digits"),
        (lambda x, s, z: s * (np.clip(x // s + z, -128, 127) - z), "You rounded down"),
        (lambda x, s, z: np.clip(np.rint(x / s) + z, -128, 127), "That is q"),
        (lambda x, s, z: s * np.clip(np.rint(x / s) + z, -128, 127), "never taken away again"),
        (lambda x, s, z: x, "“within range” fails"),
        (lambda x, s, z: by_tensorflow(x, s, z)[..., None], "shape"),
    ],
    "replicas": [
        (5, "busy all the time"),
        (7, "You rounded down"),
        (4.5, "How busy may they be?"),
        (7.5, "Replicas are whole"),
        ("8", "The result is a string"),
    ],
    "drift": [
        (lambda e, a: np.sum((e - a) * np.log(e / a)), "You took the counts"),
        (lambda e, a: kl_div(shares(e), shares(a)).sum(), "one half of it"),
        (lambda e, a: kl_div(shares(a), shares(e)).sum(), "the other way round"),
        (lambda e, a: -psi_by_loop(e, a), "The sign is wrong"),
        (lambda e, a: psi_by_loop(e, a) / math.log(10), "natural logarithm"),
        (lambda e, a: psi_by_loop(e, a) / len(e), "you took the mean"),
        (lambda e, a: abs(shares(e) - shares(a)).sum(), "“two bins” fails"),
    ],
    "membership": [
        (lambda m, o: (1 + by_roc(m, o)) / 2, "the accuracy of the best guess"),
        (lambda m, o: (m <= m.mean()).mean() - (o <= m.mean()).mean(), "You tried one threshold"),
        (lambda m, o: max(0, by_roc(-m, -o)), "you asked for the higher"),
        (lambda m, o: o.mean() - m.mean(), "the gap between the mean losses"),
        (lambda m, o: ks_2samp(m, o).statistic, "“the others are lower” fails"),
    ],
}

RIGHT = {
    "quantize": [by_tensorflow, number_by_number],
    "replicas": [8, 8.0, np.int64(8), tf.constant(8)],
    "drift": [psi_by_scipy, psi_by_loop],
    "membership": [by_kolmogorov_smirnov, by_roc],
}
