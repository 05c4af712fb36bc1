"""Answers to exercises of lesson 19: wrong ones with what they must hear, and right ones."""

import math

import numpy as np
from scipy.spatial import cKDTree

from dlkit.exercises import autoencoders as exercises

# ---- kl --------------------------------------------------------------------------------------


def kl_by_loop(mean, log_variance, other_mean, other_log_variance):
    found = []
    for four in zip(mean, log_variance, other_mean, other_log_variance, strict=True):
        nats = 0.0
        for m, v, n, w in zip(*four, strict=True):
            nats += math.log(math.exp(w / 2) / math.exp(v / 2)) - 0.5
            nats += (math.exp(v) + (m - n) ** 2) / (2 * math.exp(w))
        found.append(nats)
    return found


def kl_by_matrices(mean, log_variance, other_mean, other_log_variance):
    """The formula for any two Gaussians, with matrices that happen to be diagonal."""
    found = np.zeros(len(mean))
    for i in range(len(mean)):
        first, second = np.diag(np.exp(log_variance[i])), np.diag(np.exp(other_log_variance[i]))
        inverse, apart = np.linalg.inv(second), other_mean[i] - mean[i]
        found[i] = np.trace(inverse @ first) + apart @ inverse @ apart - len(apart)
        found[i] += np.linalg.slogdet(second)[1] - np.linalg.slogdet(first)[1]
    return found / 2


def kl_with(*, half=2.0, one=1.0, mean_of=np.sum, swap=False, standard=False):
    def answer(mean, log_variance, other_mean, other_log_variance):
        pair = (mean, log_variance), (other_mean, other_log_variance)
        (m, v), (n, w) = pair[::-1] if swap else pair
        n, w = (0 * n, 0 * w) if standard else (n, w)
        terms = w - v + np.exp(v - w) + (m - n) ** 2 * np.exp(-w) - one
        return mean_of(terms / half, axis=1)

    return answer


# ---- code_backward ---------------------------------------------------------------------------


def backward_by_differences(upstream, mean, log_variance, noise, beta):
    def total(m, v):
        z = m + np.exp(v / 2) * noise
        return np.sum(upstream * z) + beta / 2 * np.sum(m**2 + np.exp(v) - v - 1)

    of_mean, of_log_variance = np.zeros_like(mean), np.zeros_like(mean)
    for place in np.ndindex(mean.shape):
        step = np.zeros_like(mean)
        step[place] = 1e-5
        up, down = total(mean + step, log_variance), total(mean - step, log_variance)
        of_mean[place] = (up - down) / 2e-5
        up, down = total(mean, log_variance + step), total(mean, log_variance - step)
        of_log_variance[place] = (up - down) / 2e-5
    return of_mean, of_log_variance


def backward_by_chain(upstream, mean, log_variance, noise, beta, *, half=2.0, kl=True, order=1):
    moved = np.exp(log_variance / 2) * noise / half
    first, second = np.array(upstream), upstream * moved
    if kl:
        first = first + beta * mean
        second = second + beta * np.expm1(log_variance) / 2
    return (first, second)[::order]


def backward_for_sigma(upstream, mean, log_variance, noise, beta):
    sigma = np.sqrt(np.exp(log_variance))
    return upstream + beta * mean, upstream * noise + beta * (sigma - 1 / sigma)


def backward_without_noise(upstream, mean, log_variance, noise, beta):
    sigma = np.exp(log_variance / 2)
    return upstream + beta * mean, upstream * sigma / 2 + beta * (sigma**2 - 1) / 2


# ---- referee ---------------------------------------------------------------------------------


def shares(**changed):
    return {"A": 1.0, "B": 0.5} | changed


def shares_by_tree(seed):
    seen, held_out = (cKDTree(part) for part in exercises.examples(seed))
    found = {}
    for generator in "AB":
        samples = exercises.samples_of(generator, seed)
        found[generator] = float(np.mean(seen.query(samples)[0] < held_out.query(samples)[0]))
    return found


def distances():
    seen, _ = exercises.examples()
    tree = cKDTree(seen)
    return {name: tree.query(exercises.samples_of(name))[0].mean() for name in "AB"}


WRONG = {
    "kl": [
        (kl_with(swap=True), "the other way round"),
        (kl_with(half=1.0), "The half in front"),
        (kl_with(one=0.0), "A 1 for each number"),
        (kl_with(mean_of=np.mean), "You average over"),
        (kl_with(standard=True), "The last two arguments"),
        (lambda m, v, n, w: kl_with()(m, 2 * v, n, 2 * w), "standard deviation"),
        (lambda *four: kl_with()(*four).sum(), "shape"),
    ],
    "code_backward": [
        (lambda *five: backward_by_chain(*five, kl=False), "its slopes are missing"),
        (lambda g, m, v, e, b: backward_by_chain(g, m, v, e, 1.0), "beta is not used"),
        (lambda *five: backward_by_chain(*five, half=1.0), "a factor of one half"),
        (backward_for_sigma, "the gradient for sigma"),
        (backward_without_noise, "The noise is missing"),
        (lambda *five: backward_by_chain(*five, order=-1), "in another order"),
        (lambda *five: backward_by_chain(*five)[0], "shape"),
    ],
    "collapse": [
        ("148", "give one number"),
        (-3.0, "must be above 0"),
        (1.0, "all 4 units speak"),
        (20.0, "3 units still speak"),
        (80.0, "one unit still speaks"),
        (200.0, "is silent already"),
    ],
    "referee": [
        (0.5, "give a dict"),
        ({"A": 1.0}, "generator B needs a number"),
        (shares(A="all"), "generator A needs a number"),
        (shares(A=99.8), "between 0 and 1"),
        (shares(A=0.002), "the share nearer to a *held-out* example"),
        (distances(), "the colleague's distances"),
        (shares(B=1.0), "Compare B's samples"),
        (shares(A=0.6), "for A you give 0.60"),
        (shares(B=0.2), "for B you give 0.20"),
    ],
}

RIGHT = {
    "kl": [kl_by_loop, kl_by_matrices, kl_with()],
    "code_backward": [backward_by_differences, backward_by_chain],
    "collapse": [145.0, 7.4 / 0.05 * math.exp(-0.02), np.float32(143.0)],
    "referee": [shares_by_tree(0), shares_by_tree(1), shares_by_tree(2)],
}
