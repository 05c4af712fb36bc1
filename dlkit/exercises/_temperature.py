"""The temperature that fits a model's logits, and how it goes wrong."""

import numpy as np

from dlkit.exercises.engine import Case, Mistake
from dlkit.scratch.losses import sparse_categorical_crossentropy

GRID = np.geomspace(0.01, 100, 2001)


def best_temperature(logits, y_true):
    """The temperature T with the lowest mean loss of softmax(logits / T), to half a per cent.

    loss(T) = -mean log softmax(logits / T)[y_true]

    Args:
        logits: shape (n, classes).
        y_true: labels, whole numbers, shape (n,).

    Returns:
        A float from 0.01 to 100.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017), arXiv:1706.04599.

    Example:
        >>> T = best_temperature(np.array([[4.0, 0.0]] * 4), np.array([0, 0, 0, 1]))
        >>> round(float(T), 1)  # 4 / log(3)
        3.6
    """
    temperatures = np.geomspace(0.01, 100, 2001)
    losses = [
        sparse_categorical_crossentropy(y_true, logits / temperature, from_logits=True).mean()
        for temperature in temperatures
    ]
    return temperatures[np.argmin(losses)]


def _digits(scale, seed, n=200, classes=5):
    """Labels drawn from softmax(z), and the logits ``scale`` times z, so that T is near scale."""
    rng = np.random.default_rng(seed)
    z = 2 * rng.normal(size=(n, classes))
    y_true = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    return scale * z, y_true


CASES = [
    Case("too sure of itself", *_digits(2.5, 0)),
    Case("too modest", *_digits(0.3, 1)),
    Case("logits of hundreds", *_digits(40.0, 2)),
    Case("two classes", *_digits(1.5, 3, classes=2)),
    Case("far from zero", _digits(3.0, 4)[0] + 50.0, _digits(3.0, 4)[1]),
]


def _by(score, grid=GRID):
    """The best temperature by another score, ``score(logits / T, y_true)``; lowest wins."""

    def mistaken(logits, y_true):
        return grid[np.argmin([score(logits / temperature, y_true) for temperature in grid])]

    return mistaken


def _loss(logits, y_true):
    return sparse_categorical_crossentropy(y_true, logits, from_logits=True).mean()


def _gap(logits, y_true):
    """Mean confidence minus accuracy, without its sign."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = shifted.max(axis=1) / shifted.sum(axis=1)
    return abs(confidence.mean() - np.mean(logits.argmax(axis=1) == y_true))


MISTAKES = [
    Mistake(
        "You multiply the logits by T. Divide.",
        lambda logits, y_true: 1 / best_temperature(logits, y_true),
    ),
    Mistake("You search above 1 alone. A modest model needs less.", _by(_loss, GRID[1000:])),
    Mistake("Your search ends at 10. Some models need more.", _by(_loss, GRID[:1501])),
    Mistake(
        "You match the mean confidence to the accuracy. Minimise the loss instead.",
        _by(_gap),
    ),
    Mistake(
        "You take the T with the best accuracy. No T changes the accuracy.",
        _by(lambda logits, y_true: -np.mean(logits.argmax(axis=1) == y_true)),
    ),
]
