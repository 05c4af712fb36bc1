"""Answers to the exercises of lesson 03: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import mean_pinball_loss


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


# ---- binary ----------------------------------------------------------------------------------


def naive_binary(y_true, logits):
    p = sigmoid(logits)
    return -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def clipped_binary(y_true, logits):
    p = np.clip(sigmoid(logits.astype(float)), 1e-7, 1 - 1e-7)
    return -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def binary_by_loop(y_true, logits):
    """-log sigmoid of the logit, its sign turned where the label is 0."""
    found = []
    for y, z in zip(y_true, logits, strict=True):
        z = float(z) if y == 1 else -float(z)
        found.append(math.log1p(math.exp(-z)) if z > 0 else -z + math.log1p(math.exp(z)))
    return found


def binary_in_keras(y_true, logits):
    logits = keras.ops.convert_to_tensor(logits, "float64")
    return keras.ops.softplus(logits) - keras.ops.convert_to_tensor(y_true, "float64") * logits


# ---- gradient --------------------------------------------------------------------------------


def naive_gradient(y_true, logits):
    return (softmax(logits) - np.eye(logits.shape[1])[y_true]) / len(logits)


def gradient_at_one_row(y_true, logits):
    """Takes away a 1 at the true class of the first row only."""
    p = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).copy()
    p[0, y_true[0]] -= 1
    return p / len(logits)


def gradient_by_tape(y_true, logits):
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y_true, variable))
    return tape.gradient(loss, variable)


def gradient_by_loop(y_true, logits):
    rows = []
    for label, row in zip(y_true, logits, strict=True):
        powers = [math.exp(z - max(row)) for z in row]
        shares = [power / sum(powers) for power in powers]
        shares[label] -= 1
        rows.append([share / len(logits) for share in shares])
    return rows


def gradient_in_float32(y_true, logits):
    logits = logits.astype("float32")
    logits -= logits.max(axis=1, keepdims=True)
    p = softmax(logits)
    p[range(len(p)), y_true] -= 1
    p /= len(p)
    return p


# ---- quantile --------------------------------------------------------------------------------


def quantile_by_loop(y_true, y_pred, quantile):
    total = 0.0
    for y, p in zip(y_true, y_pred, strict=True):
        total += quantile * (y - p) if y > p else (1 - quantile) * (p - y)
    return total / len(y_true)


WRONG = {
    "guess_loss": [
        (np.log2(1000), "in bits"),
        (3.0, "base 10"),
        (-6.9078, "The sign"),
        (0.001, "What does it cost"),
        (2.3, "2.3"),
    ],
    "quantile_loss": [
        (lambda y, p, q: np.maximum((1 - q) * (y - p), q * (p - y)).mean(), "swapped"),
        (lambda y, p, q: np.abs(y - p).mean(), "absolute error"),
        (lambda y, p, q: np.maximum(q * (y - p), (q - 1) * (y - p)).sum(), "sum over the examples"),
        (lambda y, p, q: (q * (y - p).clip(0)).mean(), "costs nothing"),
        (lambda y, p, q: np.maximum(q * (y - p), (q - 1) * (y - p)), "shape"),
        (lambda y, p, q: q * (y - p).mean(), "too high by 1"),
    ],
    "binary_crossentropy": [
        (naive_binary, "logits of 1000"),
        (clipped_binary, "You clip"),
        (lambda y, z: y * np.log(sigmoid(z)) + (1 - y) * np.log(1 - sigmoid(z)), "minus the log"),
        (lambda y, z: np.logaddexp(0, z) - (1 - y) * z, "labels are swapped"),
        (lambda y, z: y * np.logaddexp(0, -z), "cost nothing"),
        (lambda y, z: (np.logaddexp(0, z) - y * z).mean(), "shape"),
    ],
    "crossentropy_gradient": [
        (lambda y, z: softmax(z) - np.eye(z.shape[1])[y], "gradient of the sum"),
        (lambda y, z: (np.eye(z.shape[1])[y] - softmax(z)) / len(z), "probabilities minus"),
        (lambda y, z: softmax(z) / len(z), "subtract 1 at the true class"),
        (naive_gradient, "logits of 1000"),
        (gradient_at_one_row, "four examples"),
        (lambda y, z: (softmax(z) - np.eye(z.shape[1])[y]).mean(axis=0), "shape"),
    ],
    "loaves": [
        (61, "median"),
        (63.27, "63.27"),
        (63, "rounded"),
        (52, "swapped"),
        (92, "never runs out"),
        (69.5, "Very near"),
    ],
    "forecasters": [
        ((0.427, 0.469), "Those are the costs"),
        ((0.1017, -0.2241), "The sign"),
        ((-0.1467, 0.3233), "in bits"),
        ((0.2664, 0.2241), "one half in both cities"),
        ((0.2241, -0.1017), "A first"),
        (0.2241, "shape"),
    ],
}

RIGHT = {
    "guess_loss": [6.9078, math.log(1000), np.float32(6.907755), tf.constant(6.907755), 6.91],
    "quantile_loss": [
        quantile_by_loop,
        lambda y, p, q: mean_pinball_loss(y, p, alpha=q),
        lambda y, p, q: np.where(y > p, q * (y - p), (1 - q) * (p - y)).mean(dtype="float32"),
        lambda y, p, q: keras.ops.mean(keras.ops.maximum(q * (y - p), (q - 1) * (y - p))),
    ],
    "binary_crossentropy": [
        binary_by_loop,
        binary_in_keras,
        lambda y, z: np.logaddexp(0, z) - y * z,
        lambda y, z: tf.nn.sigmoid_cross_entropy_with_logits(y.astype(z.dtype), z),
    ],
    "crossentropy_gradient": [gradient_by_tape, gradient_by_loop, gradient_in_float32],
    "loaves": [71, 71.0, np.int64(71), np.array(71)],
    "forecasters": [(-0.1017, 0.2241), np.array([-0.102, 0.224]), [-0.1017, np.float32(0.2241)]],
}
