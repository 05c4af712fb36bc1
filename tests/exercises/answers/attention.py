"""Answers to exercises of lesson 16: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import scipy.special

from dlkit.exercises import attention as exercises

# ---- attention_backward ----------------------------------------------------------------------


def by_jacobian(upstream, query, key, value):
    """Row by row, with the whole matrix of slopes of each softmax."""
    root = math.sqrt(query.shape[1])
    weights = scipy.special.softmax(query @ key.T / root, axis=1)
    of_scores = np.empty_like(weights)
    for i, row in enumerate(weights):
        jacobian = np.diag(row) - np.outer(row, row)
        of_scores[i] = jacobian @ (value @ upstream[i])
    return of_scores @ key / root, of_scores.T @ query / root, weights.T @ upstream


def by_einsum(upstream, query, key, value, *, root=True, order=(0, 1, 2), inner=True):
    scale = len(query[0]) ** -0.5
    weights = scipy.special.softmax(np.einsum("id,jd->ij", query, key) * scale, axis=-1)
    back = np.einsum("if,jf->ij", upstream, value)
    if inner:
        back = back - np.einsum("ij,ij->i", back, weights)[:, None]
    back = weights * back * (scale if root else 1)
    found = (
        np.einsum("ij,jd->id", back, key),
        np.einsum("ij,id->jd", back, query),
        np.einsum("ij,if->jf", weights, upstream),
    )
    return tuple(found[i] for i in order)


def by_differences(upstream, query, key, value):
    def total():
        scores = query @ key.T / math.sqrt(query.shape[1])
        return np.sum(scipy.special.softmax(scores, axis=1) @ value * upstream)

    gradients = []
    for array in (query, key, value):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            middle = array[place]
            array[place] = middle + 1e-5
            high = total()
            array[place] = middle - 1e-5
            gradient[place] = (high - total()) / 2e-5
            array[place] = middle
        gradients.append(gradient)
    return gradients


def each_by_itself(upstream, query, key, value):
    root = math.sqrt(query.shape[1])
    weights = scipy.special.softmax(query @ key.T / root, axis=1)
    back = weights * (1 - weights) * (upstream @ value.T) / root
    return back @ key, back.T @ query, weights.T @ upstream


# ---- mask ------------------------------------------------------------------------------------


def by_loop(lengths, steps):
    return [
        [[j <= i and j < length for j in range(steps)] for i in range(steps)] for length in lengths
    ]


def by_keras(lengths, steps):
    lengths = keras.ops.convert_to_tensor(lengths, dtype="int32")
    real = keras.ops.arange(steps, dtype="int32") < lengths[:, None]
    return keras.ops.tril(keras.ops.tile(real[:, None], (1, steps, 1)))


def as_loop(rule):
    def answer(lengths, steps):
        mask = np.zeros((len(lengths), steps, steps), bool)
        for place in np.ndindex(mask.shape):
            mask[place] = rule(place[1], place[2], lengths[place[0]])
        return mask

    return answer


# ---- look_back -------------------------------------------------------------------------------


def turned(back, sharpness):
    """The matrix that turns each pair (sine, cosine) back by so many places, by its angle."""
    matrix = np.zeros((32, 32))
    for pair in range(16):
        angle = back / 10000 ** (2 * pair / 32)
        c, s = math.cos(angle), math.sin(angle)
        matrix[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = [[c, s], [-s, c]]
    return sharpness * matrix


def changes(**changed):
    return {"A": 0.44, "B": 0.04} | changed


WRONG = {
    "attention_backward": [
        (lambda *four: by_einsum(*four, root=False), "so must be what goes back"),
        (lambda *four: by_einsum(*four, order=(2, 1, 0)), "in another order"),
        (lambda *four: by_einsum(*four, inner=False), "the mean that you take off is missing"),
        (each_by_itself, "treats each by itself"),
        (lambda u, q, k, v: by_einsum(u, q, k, v)[:2], "2"),
        (lambda u, q, k, v: (q, k, v), "The numbers are wrong"),
    ],
    "mask": [
        (as_loop(lambda i, j, n: j < i and j < n), "A token may look at itself"),
        (as_loop(lambda i, j, n: j < n), "still looks ahead"),
        (as_loop(lambda i, j, n: j <= i), "still looks at padding"),
        (as_loop(lambda i, j, n: j <= i and i < n), "hide the rows of padding"),
        (as_loop(lambda i, j, n: j >= i and j < n), "looks ahead only"),
        (as_loop(lambda i, j, n: not (j <= i and j < n)), "True where looking is forbidden"),
        (as_loop(lambda i, j, n: j <= i or j < n), "either"),
        (lambda lengths, steps: np.tri(steps, dtype=bool), "shape"),
    ],
    "look_back": [
        (np.eye(16), "expected (32, 32)"),
        (np.full((32, 32), np.nan), "finite numbers"),
        (np.zeros((32, 32)), "expected 0.9"),
        (turned(3, 1), "sharper"),
        (turned(2, 10), "most places look 2 back"),
        (turned(-3, 10), "which the mask forbids"),
        (10 * np.eye(32), "not turned at all"),
    ],
    "referee": [
        (0.4, "give a dict"),
        ({"A": 0.4}, "network B needs a number"),
        (changes(A="large"), "network A needs a number"),
        (changes(A=46.0), "is 0 to 1"),
        (changes(A=0.001), "Shuffle the weights within each review"),
        (changes(A=0.9), "for A that is too much"),
        (changes(B=0.44), "hardly move"),
    ],
}


def refereed(seed):
    found = {}
    for network in "AB":
        p, weights = exercises.read_reviews(network)
        others = np.random.default_rng(seed).permuted(weights, axis=1)
        found[network] = float(np.abs(exercises.read_reviews(network, others)[0] - p).mean())
    return found


def with_even_weights():
    found = {}
    for network in "AB":
        p, weights = exercises.read_reviews(network)
        others = np.full_like(weights, 1 / 12)
        found[network] = np.abs(exercises.read_reviews(network, others)[0] - p).mean()
    return found


RIGHT = {
    "attention_backward": [by_jacobian, by_einsum, by_differences],
    "mask": [by_loop, by_keras, as_loop(lambda i, j, n: j <= min(i, n - 1))],
    "look_back": [turned(3, 6), turned(3, 30)],
    "referee": [refereed(1), refereed(2), with_even_weights()],
}
