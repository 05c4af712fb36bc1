"""Answers to the exercises of lesson 02: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import scipy.special
import tensorflow as tf


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# ---- sigmoid_derivative ----------------------------------------------------------------------


def slope_by_loop(s):
    if np.ndim(s) == 0:
        return s - s * s
    return [slope_by_loop(part) for part in s]


# ---- softmax ---------------------------------------------------------------------------------


def softmax_by_loop(z):
    if np.ndim(z) > 1:
        return [softmax_by_loop(part) for part in z]
    powers = [math.exp(value - max(z)) for value in z]
    return [power / sum(powers) for power in powers]


def softmax_in_place(z):
    z -= z.max(axis=-1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=-1, keepdims=True)
    return z


def softmax_in_float32(z):
    z = np.float32(z)
    return np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))


def powers_over_sum(z, axis):
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


# ---- hat -------------------------------------------------------------------------------------


def hat_by_loop(x, left, center, right):
    if np.ndim(x):
        return [hat_by_loop(part, left, center, right) for part in x]
    if x <= left or x >= right:
        return 0.0
    return (x - left) / (center - left) if x < center else (right - x) / (right - center)


def hat_in_keras(x, left, center, right):
    relu, x = keras.ops.relu, keras.ops.convert_to_tensor(x, "float64")
    up, down = 1 / (center - left), 1 / (right - center)
    return up * relu(x - left) - (up + down) * relu(x - center) + down * relu(x - right)


# ---- he_normal -------------------------------------------------------------------------------


def he_by_keras(shape, rng):
    """Keras's own: cut off at two standard deviations."""
    return keras.initializers.HeNormal(seed=int(rng.integers(2**31)))(shape)


def he_by_loop(shape, rng):
    fan_in, fan_out = shape
    std = math.sqrt(2 / fan_in)
    return [[rng.normal(0, std) for _ in range(fan_out)] for _ in range(fan_in)]


WRONG = {
    "sigmoid_derivative": [
        (lambda s: s * (1 + s), "sign inside"),
        (lambda s: sigmoid(s) * (1 - sigmoid(s)), "through the sigmoid again"),
        (lambda s: 1 - s**2, "tanh"),
        (lambda s: 1 - s, "Half of the product"),
        (lambda s: (s * (1 - s)).sum(), "shape"),
        (lambda s: np.log(s / (1 - s)), "three outputs"),
    ],
    "softmax": [
        (lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), "shift invar"),
        (lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(-1, keepdims=True), "of its own"),
        (lambda z: scipy.special.softmax(z - z.mean(-1, keepdims=True), axis=-1) * 2, "are wrong"),
        (
            lambda z: (
                np.exp(z - z.mean(-1, keepdims=True))
                / np.exp(z - z.mean(-1, keepdims=True)).sum(-1, keepdims=True)
            ),
            "subtract the mean",
        ),
        (lambda z: powers_over_sum(z, axis=0), "over the examples"),
        (lambda z: powers_over_sum(z, axis=None), "a sum of its own"),
        (lambda z: np.exp(z), "Those are the powers"),
        (lambda z: scipy.special.log_softmax(z, axis=-1), "logarithm of the softmax"),
        (lambda z: np.argmax(z, axis=-1), "The shape is (2,)"),
        (lambda z: powers_over_sum(z, axis=1), "a single example"),
    ],
    "hat": [
        (
            lambda x, a, b, c: (
                np.maximum(0, x - a) / (b - a) - (1 / (b - a) + 1 / (c - b)) * np.maximum(0, x - b)
            ),
            "goes on falling",
        ),
        (
            lambda x, a, b, c: np.maximum(0, x - a) - 2 * np.maximum(0, x - b) + (x > c) * (x - c),
            "slopes are 1 and -1",
        ),
        (lambda x, a, b, c: np.clip((x - a) / (b - a), 0, 1), "flat roof"),
        (
            lambda x, a, b, c: (
                (np.maximum(0, x - a) - 2 * np.maximum(0, x - b) + np.maximum(0, x - c)) / (b - a)
            ),
            "slope of the left one",
        ),
        (lambda x, a, b, c: np.minimum((x - a) / (b - a), (c - x) / (c - b)), "below 0"),
        (lambda x, a, b, c: np.exp(-((x - b) ** 2)), "as wide on both sides"),
        (lambda x: np.maximum(0, 1 - abs(x)), "these parameters"),
    ],
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
}

RIGHT = {
    "sigmoid_derivative": [
        slope_by_loop,
        lambda s: 0.25 - (s - 0.5) ** 2,
        lambda s: np.float32(s) * (1 - np.float32(s)),
        lambda s: tf.convert_to_tensor(s) * (1 - s),
    ],
    "softmax": [
        softmax_by_loop,
        softmax_in_place,
        softmax_in_float32,
        lambda z: keras.ops.softmax(z, axis=-1),
        lambda z: tf.nn.softmax(z),
        lambda z: scipy.special.softmax(z, axis=-1),
    ],
    "hat": [
        hat_by_loop,
        hat_in_keras,
        lambda x, left, center, right: np.interp(x, [left, center, right], [0, 1, 0]),
        lambda x, a, b, c: np.maximum(0, np.minimum((x - a) / (b - a), (c - x) / (c - b))),
    ],
    "he_normal": [
        he_by_keras,
        he_by_loop,
        lambda shape, rng: rng.standard_normal(shape, dtype="float32") * (2 / shape[0]) ** 0.5,
        lambda shape, rng: tf.convert_to_tensor(rng.normal(0, (2 / shape[0]) ** 0.5, shape)),
    ],
}
