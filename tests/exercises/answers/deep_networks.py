"""Answers to the exercises of lesson 06: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import tensorflow as tf

# ---- he_normal -------------------------------------------------------------------------------


def he_by_keras(shape, rng):
    """Keras's own: cut off at two standard deviations."""
    return keras.initializers.HeNormal(seed=int(rng.integers(2**31)))(shape)


def he_by_loop(shape, rng):
    fan_in, fan_out = shape
    std = math.sqrt(2 / fan_in)
    return [[rng.normal(0, std) for _ in range(fan_out)] for _ in range(fan_in)]


# ---- layer_norm_backward ---------------------------------------------------------------------


def by_tape(upstream, x, gamma):
    x, gamma, beta = tf.constant(x), tf.constant(gamma), tf.zeros(len(gamma), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch([x, gamma, beta])
        mean, variance = tf.nn.moments(x, axes=[1], keepdims=True)
        y = gamma * (x - mean) / tf.sqrt(variance + 0.001) + beta
        total = tf.reduce_sum(upstream * y)
    return tape.gradient(total, [x, gamma, beta])


def by_loop(upstream, x, gamma):
    dx = np.zeros_like(x)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for i, row in enumerate(x):
        s = math.sqrt(row.var() + 0.001)
        row_hat = (row - row.mean()) / s
        g = upstream[i] * gamma
        for r in range(len(row)):
            dx[i, r] = (g[r] - g.mean() - row_hat[r] * (g * row_hat).mean()) / s
        dgamma += upstream[i] * row_hat
        dbeta += upstream[i]
    return dx, dgamma, dbeta


def layer_norm(upstream, x, gamma, axis=1, constants=False, gradient=None):
    """Layer normalisation's way back with one thing else about it."""
    s = np.sqrt(x.var(axis=axis, keepdims=True) + 0.001)
    x_hat = (x - x.mean(axis=axis, keepdims=True)) / s
    g = upstream * gamma if gradient is None else gradient
    dx = g / s
    if not constants:
        mean = g.mean(axis=axis, keepdims=True)
        dx = (g - mean - x_hat * (g * x_hat).mean(axis=axis, keepdims=True)) / s
    return dx, (upstream * x_hat).sum(axis=0), upstream.sum(axis=0)


RIGHT_DIAGNOSES = {
    "A": "weights too large",
    "B": "healthy",
    "C": "inputs not scaled",
    "D": "dead units",
    "E": "sigmoid",
}

WRONG = {
    "he_normal": [
        (lambda shape, rng: rng.normal(0, np.sqrt(2 / shape[1]), shape), "fan_out for fan_in"),
        (lambda shape, rng: rng.normal(0, 2 / shape[0], shape), "That is the variance"),
        (lambda shape, rng: rng.normal(0, np.sqrt(1 / shape[0]), shape), "factor 2 is missing"),
        (lambda shape, rng: rng.normal(0, np.sqrt(2 / sum(shape)), shape), "Glorot"),
        (lambda shape, rng: rng.normal(0, 1, shape), "it is 1"),
        (lambda shape, rng: rng.uniform(-1, 1, shape) * np.sqrt(2 / shape[0]), "uniform numbers"),
        (lambda shape, rng: rng.uniform(-1, 1, shape) * np.sqrt(6 / shape[0]), "look uniform"),
        (lambda shape, rng: abs(rng.normal(0, np.sqrt(2 / shape[0]), shape)), "the mean is"),
        (lambda shape, rng: rng.normal(0, np.sqrt(2 / shape[0]), shape[::-1]), "the shape is"),
        (
            lambda shape, rng: np.random.default_rng(7).normal(0, np.sqrt(2 / shape[0]), shape),
            "different seeds give the same",
        ),
        (
            lambda shape, rng: np.random.normal(0, np.sqrt(2 / shape[0]), shape),
            "one seed give different",
        ),
        (lambda shape: np.zeros(shape), "It raised TypeError"),
    ],
    "layer_norm_backward": [
        (lambda u, x, gamma: layer_norm(u, x, gamma, axis=0), "run over the batch"),
        (lambda u, x, gamma: layer_norm(u, x, gamma, constants=True), "as constants"),
        (lambda u, x, gamma: layer_norm(u, x, gamma, gradient=u), "belongs to y"),
        (
            lambda u, x, gamma: (
                layer_norm(u, x, gamma)[0],
                *(part / len(x) for part in layer_norm(u, x, gamma)[1:]),
            ),
            "sums over the rows",
        ),
        (lambda u, x, gamma: layer_norm(u, x, gamma)[0], "four rows"),
        (lambda u, x, gamma: (u * gamma, u, u), "shape"),
    ],
    "diagnose": [
        (["healthy"] * 5, "give a dict"),
        ({"A": "healthy"}, "patient B has no diagnosis"),
        (RIGHT_DIAGNOSES | {"D": "vanishing gradient"}, "'vanishing gradient' is no diagnosis"),
        (RIGHT_DIAGNOSES | {"A": "weights too small"}, "come from large sums"),
        (RIGHT_DIAGNOSES | {"A": "dead units"}, "hardly a unit is flat on every"),
        (RIGHT_DIAGNOSES | {"B": "dead units"}, "that is how it works"),
        (RIGHT_DIAGNOSES | {"C": "weights too large"}, "Here only the first is"),
        (RIGHT_DIAGNOSES | {"D": "weights too small"}, "drop at one layer alone"),
        (RIGHT_DIAGNOSES | {"E": "healthy"}, "by which factor does it shrink"),
        (RIGHT_DIAGNOSES | {"E": "weights too small"}, "Only the gradient does"),
        (RIGHT_DIAGNOSES | {"C": "equal weights"}, "which column is out of the ordinary"),
    ],
    "referee": [
        (-0.23, "the colleague's own gap"),
        (-0.078, "Take four layers minus one"),
        (7.8, "not in per cent"),
        (-0.4, "still run at a rate that is wrong for them"),
        (0.36, "a rate that is wrong for it"),
        (0.0, "each depth at its best rate"),
        ("they are equal", "give one number"),
        (230, "lies between -1 and 1"),
    ],
}

RIGHT = {
    "he_normal": [
        he_by_keras,
        he_by_loop,
        lambda shape, rng: rng.standard_normal(shape, dtype="float32") * (2 / shape[0]) ** 0.5,
        lambda shape, rng: tf.convert_to_tensor(rng.normal(0, (2 / shape[0]) ** 0.5, shape)),
    ],
    "layer_norm_backward": [by_tape, by_loop, layer_norm],
    "diagnose": [RIGHT_DIAGNOSES, dict(reversed(RIGHT_DIAGNOSES.items()))],
    "referee": [0.077, np.float64(0.06), 0.1],
}
