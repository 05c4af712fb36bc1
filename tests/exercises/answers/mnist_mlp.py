"""Answers to the exercises of lesson 07: wrong ones with what they must hear, and right ones."""

import math
import types
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from helpers.digit_stand_ins import ONE_HOT, Y_VAL, Reader, with_errors
from sklearn.metrics import accuracy_score

RNG = np.random.default_rng(0)
X_VAL = RNG.random((50, 28, 28), dtype=np.float32)
GIVEN = {"small_model": (X_VAL, Y_VAL)}


def untrained(*units):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(width) for width in units]
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)]
    return keras.Sequential(layers)


def for_flat_images():
    return keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])


def lookup():
    """A true Keras model, without training: a linear one that fits 50 random images exactly."""
    model = untrained()
    kernel = np.linalg.pinv(X_VAL.reshape(50, 784)) @ ONE_HOT
    model.set_weights([kernel, np.zeros(10)])
    return model


def parameters_by_keras(widths):
    layers = [keras.layers.Dense(width) for width in widths[1:]]
    return keras.Sequential([keras.Input(widths[:1]), *layers]).count_params()


def parameters_by_loop(widths):
    total = 0
    for index in range(1, len(widths)):
        total += (widths[index - 1] + 1) * widths[index]
    return np.float32(total)


def percent(y_true, logits):
    return 100 * np.mean(np.argmax(logits, axis=1) == y_true)


def accuracy_by_loop(y_true, logits):
    right = 0
    for label, row in zip(y_true, logits, strict=True):
        right += max(range(len(row)), key=lambda k: row[k]) == label
    return right / len(y_true)


def loss_by_keras(classes):
    """Of a network whose scores are all equal."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(np.array([0]), np.ones((1, classes)))


WRONG = {
    "parameters": [
        (lambda w: sum(m * n for m, n in pairwise(w)), "left out the biases"),
        (lambda w: (w[0] + 1) * w[1] + (w[-2] + 1) * w[-1], "“no hidden layer” fails"),
        (lambda w: sum(m * n + m for m, n in pairwise(w)), "a bias to each input"),
        (sum, "You counted the units"),
        (
            lambda w: sum(m * n for m, n in pairwise(w)) + sum(w),
            "“one hidden layer” fails. The number is wrong",
        ),
        (lambda w: sum(m * n + 1 for m, n in pairwise(w)), "one bias to each layer"),
        (lambda w: (w[-2] + 1) * w[-1], "the last layer alone"),
        (lambda w: [(m + 1) * n for m, n in pairwise(w)], "The shape is (2,); expected ()"),
        (lambda w: print(sum((m + 1) * n for m, n in pairwise(w))), "It returned nothing"),
        (lambda w: sum((w[i] + 1) * w[i + 1] for i in range(len(w))), "IndexError"),
    ],
    "steps": [
        (lambda n, b, e: e * (n // b), "left out the last, incomplete batch"),
        (lambda n, b, e: e * (n // b + 1), "although nothing was left over"),
        (lambda n, b, e: math.ceil(e * n / b), "joined the epochs into one long list"),
        (lambda n, b, e: e * n / b, "A step is a whole number"),
        (lambda n, b, e: math.ceil(n / b), "“several epochs” fails"),
        (
            lambda n, b: math.ceil(n / b),
            "takes (n, b), but it is called with (examples, batch_size",
        ),
        (lambda n, b, e: e * max(n // b, 1), "“a batch left over” fails"),
    ],
    "accuracy": [
        (lambda y, z: np.mean(z.argmax(axis=0) == y), "along the wrong axis"),
        (percent, "That is a percentage"),
        (lambda y, z: np.sum(z.argmax(axis=1) == y), "the number of right answers"),
        (lambda y, z: np.mean(z.argmax(axis=1) != y), "the share of wrong answers"),
        (lambda y, z: np.mean(z.max(axis=1) == y), "compared the logits themselves"),
        (lambda y, z: z.argmax(axis=1) == y, "The shape is (3,); expected ()"),
        (
            lambda y, z: np.mean(z.argmax() == y),
            "argmax without an axis",
        ),
        (lambda y, z: accuracy_score(y, z), "ValueError"),
        (lambda y, z: np.mean(np.abs(z).argmax(axis=1) == y), "“negative logits” fails"),
    ],
    "untrained_loss": [
        (lambda classes: math.log10(classes), "not the one to base 10"),
        (lambda classes: math.log2(classes), "not the one to base 2"),
        (lambda classes: math.log(1 / classes), "A loss is never negative"),
        (lambda classes: 1 / classes, "That is the probability."),
        (lambda classes: 1 - 1 / classes, "That is the error rate of guessing"),
        (lambda classes: 2.3, "come close, but not within the tolerance"),
        (lambda classes: math.log(10), "“two classes” fails"),
        (
            lambda classes: np.log(np.arange(classes)).max(),
            "“ten digits” fails. The number is wrong",
        ),
    ],
    "small_model": [
        (untrained(32), "at most 10,000 parameters. But it has 25,450."),
        (untrained(), "hardly more than by guessing. Is it trained?"),
        (for_flat_images(), "It raised ValueError"),
        (types.SimpleNamespace(history={"loss": [0.1]}, epoch=[0]), "the history that fit returns"),
        (keras.Sequential, "this is no Keras model, but of type type"),
        (Reader(with_errors(5)), "it reads only 90.0%."),
        (Reader(Y_VAL), "its output has shape (50,). Expected (50, 10)"),
        (Reader(np.full((50, 10), np.nan)), "the training diverged"),
        (ONE_HOT, "but of type ndarray"),
    ],
}

RIGHT = {
    "parameters": [parameters_by_keras, parameters_by_loop],
    "steps": [
        lambda n, b, e: e * tf.data.Dataset.range(n).batch(b).cardinality(),
        lambda n, b, e: e * -(-n // b),
        lambda n, b, e: np.ceil(n / b) * e,
        lambda examples, batch_size, epochs: len(range(0, examples, batch_size)) * epochs,
    ],
    "accuracy": [
        accuracy_by_loop,
        lambda y, z: accuracy_score(y, np.argsort(z)[:, -1]),
        lambda y, z: keras.ops.mean(keras.metrics.sparse_categorical_accuracy(y, z)),
    ],
    "untrained_loss": [
        math.log,
        lambda k: keras.ops.log(keras.ops.cast(k, "float32")),
        loss_by_keras,
    ],
    "small_model": [lookup(), Reader(ONE_HOT), Reader(10 * ONE_HOT - 3, parameters=10_000)],
}
