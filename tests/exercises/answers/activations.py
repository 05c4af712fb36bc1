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
    "joints": [
        (np.linspace(-1, 1, 8)[1:-1], "evenly spaced joints waste"),
        ([-0.95, -0.9, -0.8, 0.8, 0.9, 0.95], "where the curve bends most"),
        ([-0.59, -0.55, -0.5, 0.5, 0.55, 0.59], "move one at a time"),
        ([0.0, 0.1, 0.2], "give six numbers in one list"),
        ([-2, -1, 0, 0.1, 0.2, 0.3], "between -1 and 1"),
        ([0, 0, 0.1, 0.2, 0.3, 0.4], "at the same place"),
        ("in the middle", "give six numbers, for example"),
    ],
    "referee": [
        (0.035, "the colleague's own difference"),
        (0.039, "take ReLU minus tanh"),
        (-3.9, "not in per cent"),
        (0.2, "One or few seeds scatter"),
        ("tanh", "give one number"),
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
    "joints": [
        [-0.67, -0.37, -0.28, 0.0, 0.32, 0.54],
        np.array([-0.51, -0.184, -0.02, 0.02, 0.184, 0.51]),
    ],
    "referee": [-0.039, np.float64(-0.05), -0.03],
}
