"""Answers to the exercises of lesson 07: wrong ones with what they must hear, and right ones."""

import math
import types

import keras
import numpy as np
from helpers.digit_stand_ins import ONE_HOT, Y_VAL, Reader, with_errors
from scipy.stats import binomtest, chi2

from dlkit.exercises import mnist_mlp as exercises

RNG = np.random.default_rng(0)
X_VAL = RNG.random((50, 28, 28), dtype=np.float32)
LABELS = np.arange(1000) % 10  # for the hunt for wrong labels
NOISY = exercises.with_wrong_labels(LABELS)
PLANTED = np.flatnonzero(NOISY != LABELS)
INNOCENT = np.flatnonzero(NOISY == LABELS)
RUN = exercises.colleagues_run(X_VAL, Y_VAL, X_VAL, Y_VAL)
UPRIGHT = float(np.mean(RUN.predict(X_VAL.reshape(50, 784)).argmax(axis=1) == Y_VAL))
GIVEN = {
    "ingredient": (X_VAL, Y_VAL),
    "small_model": (X_VAL, Y_VAL),
    "suspects": (LABELS,),
    "referee": (RUN, X_VAL, Y_VAL),
}


def network(*units, activation=None):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(width, activation=activation) for width in units]
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)]
    return keras.Sequential(layers)


def that_reads(*units, activation=None):
    """Without training: its last layer is fitted to the fifty images."""
    model = network(*units, activation=activation)
    before = keras.Sequential(model.layers[:-1])
    hidden = np.asarray(before.predict(X_VAL, verbose=0), dtype=float)
    hidden = np.hstack([hidden, np.ones((50, 1))])
    kernel = np.linalg.lstsq(hidden, ONE_HOT, rcond=None)[0]
    model.layers[-1].set_weights([kernel[:-1], kernel[-1]])
    return model


def for_flat_images():
    return keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])


def by_loop(first, second):
    total = 0
    for heads in range(first + second + 1):
        if abs(2 * heads - first - second) >= abs(first - second):
            total += math.comb(first + second, heads)
    return total / 2 ** (first + second)


def by_scipy(first, second):
    return binomtest(first, first + second).pvalue if first + second else 1.0


def one_sided(first, second):
    return binomtest(min(first, second), first + second, alternative="less").pvalue


def by_statistic(first, second, correction=0):
    return chi2.sf((abs(first - second) - correction) ** 2 / (first + second), 1)


def said(flaw, accuracy=UPRIGHT):
    return {"flaw": exercises.FLAWS[flaw], "val_accuracy": accuracy}


WRONG = {
    "mcnemar": [
        (one_sided, "You counted one side alone"),
        (
            lambda a, b: 2 * sum(math.comb(a + b, k) for k in range(min(a, b) + 1)) / 2 ** (a + b),
            "A probability is 1 at most",
        ),
        (lambda a, b: math.comb(a + b, a) / 2 ** (a + b), "exactly this split"),
        (
            lambda a, b: min(1.0, 2 * math.comb(a + b, a) / 2 ** (a + b)),
            "twice the probability of exactly this split",
        ),
        (
            lambda a, b: min(1, 2 * binomtest(max(a, b), a + b, alternative="less").pvalue),
            "wrong end",
        ),
        (by_statistic, "the normal approximation"),
        (lambda a, b: by_statistic(a, b, 1), "continuity correction"),
        (
            lambda a, b: min(1, 2 * binomtest(a, a + b, alternative="less").pvalue),
            "“eight against two” fails",
        ),
        (lambda a, b: (a - b) / (a + b), "The number is wrong"),
        (lambda a, b: binomtest(a, a + b).pvalue, "“no difference at all” fails"),
        (lambda a, b: None, "It returned nothing"),
    ],
    "suspects": [
        (NOISY != LABELS, "True and False"),
        (PLANTED / 1.0, "Give places, whole numbers"),
        (np.array([], dtype=int), "it names no place"),
        (PLANTED + 1000, "places run from 0 to 999"),
        (np.append(PLANTED, PLANTED[0]), "named twice"),
        (INNOCENT[:30], "Where does the network disagree with noisy_labels"),
        (PLANTED[:12], "of 20 wrong labels it names 12"),
        (np.concatenate([PLANTED, INNOCENT[:15]]), "how sure is it there?"),
        (np.arange(1000), "it accuses 1000 labels, and 20 of them are wrong"),
    ],
    "ingredient": [
        (network(), "it has 7,850. Leave the layers"),
        (keras.Sequential, "this is no Keras model, but of type type"),
        (network(512, 256), "hardly more than by guessing"),
        (that_reads(512, 256, activation="relu"), "it still bends"),
        (that_reads(512, 256, activation="tanh"), "Which part of the recipe lets it?"),
        (Reader(ONE_HOT), "it has 9,000."),
    ],
    "small_model": [
        (network(32), "at most 10,000 parameters. But it has 25,450."),
        (network(), "hardly more than by guessing. Is it trained?"),
        (for_flat_images(), "It raised ValueError"),
        (types.SimpleNamespace(history={"loss": [0.1]}, epoch=[0]), "the history that fit returns"),
        (keras.Sequential, "this is no Keras model, but of type type"),
        (Reader(with_errors(5)), "it reads only 90.00%."),
        (Reader(Y_VAL), "its output has shape (50,). Expected (50, 10)"),
        (Reader(np.full((50, 10), np.nan)), "the training diverged"),
        (ONE_HOT, "but of type ndarray"),
    ],
    "referee": [
        ("it overfits", "one of exercises.FLAWS"),
        ({"flaw": "images on their side", "val_accuracy": UPRIGHT}, "word for word"),
        (said(0), "read its own training images well"),
        (said(1), "nothing would go together"),
        (said(2), "right by chance alone"),
        (said(3), "the smallest and the largest number"),
        (said(4, RUN.val_accuracy), "the colleague's own number"),
        (said(4, 100 * UPRIGHT), "Give a share from 0 to 1"),
        (said(4, "high"), "the accuracy is 'high'"),
        (said(4, UPRIGHT / 2 + RUN.val_accuracy / 2), "put upright again"),
    ],
}

RIGHT = {
    "mcnemar": [by_scipy, by_loop, lambda a, b: np.float64(by_loop(b, a))],
    "suspects": [PLANTED, PLANTED[:18].tolist(), np.append(PLANTED, INNOCENT[:10])],
    "ingredient": [that_reads(512, 256), that_reads(700)],
    "small_model": [that_reads(), Reader(ONE_HOT), Reader(10 * ONE_HOT - 3, parameters=10_000)],
    "referee": [said(4), said(4, np.float32(UPRIGHT))],
}
