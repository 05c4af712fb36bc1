"""Exercises of lesson 09: F1, folds, early stopping, a temperature, and a few digits."""

import itertools
from collections.abc import Iterator

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import reads_digits
from dlkit.scratch.losses import sparse_categorical_crossentropy


def f1_of(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1 = 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; 0 without TP.

    Args:
        y_true: labels 0 and 1, shape (n,).
        y_pred: predicted labels 0 and 1, shape (n,).

    Returns:
        A float from 0 to 1.

    Source: C. J. van Rijsbergen (1979), Information Retrieval, chapter 7.

    Example:
        >>> f1_of(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))  # precision 1, recall 1/2
        0.6666666666666666
    """
    found = np.sum(y_true * y_pred)
    return float(2 * found / (np.sum(y_true) + np.sum(y_pred))) if found else 0.0


def stopped_early(val_losses: list[float], patience: int) -> tuple[int, int]:
    """The epoch that early stopping keeps, and how many it trains, both counted from 1.

    Training ends once ``patience`` epochs in a row were not lower than the lowest before them,
    or with the list. The first epoch with the lowest loss so far is kept.

    Args:
        val_losses: validation loss after each epoch, as far as training could go.
        patience: 1 or more.

    Returns:
        ``(kept, trained)``, two whole numbers.

    Source: L. Prechelt (1998), doi:10.1007/3-540-49430-8_3.

    Example:
        >>> stopped_early([0.5, 0.4, 0.45, 0.41, 0.3], patience=2)
        (2, 4)
    """
    kept = 1
    for epoch, loss in enumerate(val_losses, start=1):
        if loss < val_losses[kept - 1]:
            kept = epoch
        if epoch - kept == patience:
            return kept, epoch
    return kept, len(val_losses)


# ---- f1 --------------------------------------------------------------------------------------


def _counts(y_true, y_pred):
    """Of the class 1: found, falsely predicted, missed, and rightly left alone."""
    pairs = ((1, 1), (0, 1), (1, 0), (0, 0))
    return [np.sum((y_true == true) & (y_pred == pred)) for true, pred in pairs]


def _plain_mean(y_true, y_pred):
    found, false, missed, _ = _counts(y_true, y_pred)
    return (found / max(found + false, 1) + found / max(found + missed, 1)) / 2


def _precision(y_true, y_pred):
    found, false, _, _ = _counts(y_true, y_pred)
    return found / max(found + false, 1)


def _recall(y_true, y_pred):
    found, _, missed, _ = _counts(y_true, y_pred)
    return found / max(found + missed, 1)


_RARE = np.arange(50) % 25 == 3  # 2 of 50

f1 = Exercise(
    "f1",
    reference=f1_of,
    cases=[
        Case("six labels", np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, 1, 0, 0])),
        Case("more missed", np.array([1, 1, 1, 1, 0, 0, 0]), np.array([1, 0, 0, 0, 0, 0, 1])),
        Case("a rare class", _RARE.astype(int), (np.arange(50) % 10 == 3).astype(int)),
        Case("all right", np.array([0, 1, 1]), np.array([0, 1, 1])),
        Case("nothing found", np.array([0, 1, 0, 1]), np.array([1, 0, 0, 0])),
        Case("nothing predicted", np.array([0, 1, 0, 1]), np.zeros(4, int)),
        Case("no positives at all", np.zeros(4, int), np.zeros(4, int)),
    ],
    mistakes=[
        Mistake("That is the plain mean. F1 takes the harmonic one.", _plain_mean),
        Mistake("That is precision: the missed ones do not count in it.", _precision),
        Mistake("That is recall: false alarms do not count in it.", _recall),
        Mistake("That is accuracy.", lambda y_true, y_pred: np.mean(y_true == y_pred)),
        Mistake(
            "That is the F1 of class 0. Class 1 is asked for.",
            lambda y_true, y_pred: f1_of(1 - y_true, 1 - y_pred),
        ),
    ],
    hints=[
        "Count: how many ones are found, how many were predicted, how many are there?",
        "Precision divides the found by the predicted, recall by those that are there.",
        "The harmonic mean of the two is twice the found, over predicted and there together. "
        "What if nothing was found?",
    ],
)

# ---- folds -----------------------------------------------------------------------------------

_N, _K = 23, 5  # folds of 5, 5, 5, 4 and 4


def shuffled_folds(
    n: int, k: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield k pairs (train, val) of shuffled indices; each of n examples is in one val.

    Args:
        n: number of examples.
        k: number of folds, from 2 to n.
        rng: ``np.random.Generator`` that draws the order.

    Yields:
        ``(train, val)``, two arrays of int: together 0 to n - 1.

    Example:
        >>> [len(val) for train, val in shuffled_folds(7, 3, np.random.default_rng(0))]
        [3, 2, 2]
    """
    parts = np.array_split(rng.permutation(n), k)
    for fold in range(k):
        train = np.concatenate([part for other, part in enumerate(parts) if other != fold])
        yield train, parts[fold]


def _pairs(answer, rng):
    """The pairs of index arrays that an answer gives, and a sentence on their form, or None."""
    pairs = answer(_N, _K, rng)
    if not hasattr(pairs, "__iter__"):
        return [], f"it gave {type(pairs).__name__}, which cannot be looped over."
    pairs = list(itertools.islice(pairs, _N + 1))
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            return [], "not every item is a pair: give (train, val)."
    pairs = [(np.asarray(train), np.asarray(val)) for train, val in pairs]
    for part in itertools.chain(*pairs):
        if part.ndim != 1 or part.dtype.kind not in "iu":
            return [], f"give indices, whole numbers in one row; one part is {part.dtype}."
        if part.size and (part.min() < 0 or part.max() >= _N):
            return [], f"for {_N} examples the indices run from 0 to {_N - 1}; there is another."
    return pairs, None


def _form(answer):
    pairs, problem = _pairs(answer, np.random.default_rng(0))
    if not problem and len(pairs) != _K:
        problem = f"for k = {_K} there are {len(pairs)} pairs."
    return problem


def _apart(answer):
    for train, val in _pairs(answer, np.random.default_rng(0))[0]:
        if shared := len(np.intersect1d(train, val)):
            return f"in one pair {shared} examples are in both: the score would flatter."


def _each_once(answer):
    vals = np.concatenate([val for _, val in _pairs(answer, np.random.default_rng(0))[0]])
    counts = np.bincount(vals.astype(int), minlength=_N)
    if (counts != 1).any():
        return (
            f"of {_N} examples {(counts == 0).sum()} are never in a val, and "
            f"{(counts > 1).sum()} are in more than one."
        )


def _rest(answer):
    for train, val in _pairs(answer, np.random.default_rng(0))[0]:
        if len(train) + len(val) != _N:
            return f"in one pair there are {len(train)} and {len(val)} examples of {_N}."


def _equal(answer):
    sizes = [len(val) for _, val in _pairs(answer, np.random.default_rng(0))[0]]
    if max(sizes) - min(sizes) > 1:
        return f"{_N} examples came as folds of {sizes}."


def _random(answer):
    rng = np.random.default_rng(0)
    first, second = (np.sort(_pairs(answer, rng)[0][0][1]) for _ in range(2))
    again = np.sort(_pairs(answer, np.random.default_rng(0))[0][0][1])
    if (np.diff(first) == 1).all():
        return "the first fold is a block of neighbours. If the data are sorted, it is one class."
    if np.array_equal(first, second):
        return "two calls with one generator give the same folds."
    if not np.array_equal(first, again):
        return "two generators with the same seed give different folds: draw from rng alone."


folds = Exercise(
    "folds",
    reference=shuffled_folds,
    properties=[
        Property("there are k pairs of indices", _form),
        Property("train and val share no example", _apart),
        Property("each example is in val once", _each_once),
        Property("train is all the rest", _rest),
        Property("the folds are equal but for one", _equal),
        Property("the folds are drawn from rng", _random),
    ],
    hints=[
        "Shuffle once: rng.permutation(n) holds each index once.",
        "Cut it into k parts whose sizes differ by one at most: np.array_split does.",
        "Each part is val once; the other parts, put together, are train. Use yield.",
    ],
)

# ---- best_epoch ------------------------------------------------------------------------------


def _stopped(val_losses, patience, better=lambda new, old: new < old, in_a_row=True):
    kept, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        if better(loss, val_losses[kept]):
            kept, waited = epoch, waited * (not in_a_row)
        elif epoch:
            waited += 1
        if waited == patience:
            return kept + 1, epoch + 1
    return kept + 1, len(val_losses)


def _against_the_last(val_losses, patience):
    kept, waited = 0, 0
    for epoch in range(1, len(val_losses)):
        kept = epoch if val_losses[epoch] < val_losses[kept] else kept
        waited = waited + 1 if val_losses[epoch] >= val_losses[epoch - 1] else 0
        if waited == patience:
            return kept + 1, epoch + 1
    return kept + 1, len(val_losses)


def _keeps_last(val_losses, patience):
    return (stopped_early(val_losses, patience)[1],) * 2


best_epoch = Exercise(
    "best_epoch",
    reference=stopped_early,
    cases=[
        Case("a dip, then a rise", [0.9, 0.5, 0.4, 0.45, 0.6, 0.7, 0.8], 2),
        Case("a lower one comes too late", [0.6, 0.4, 0.5, 0.5, 0.2], 2),
        Case("two humps", [0.9, 0.6, 0.7, 0.5, 0.55, 0.4, 0.41, 0.42, 0.43], 3),
        Case("slow, but not below the best", [0.5, 0.3, 0.6, 0.5, 0.4, 0.35, 0.2], 3),
        Case("a tie", [0.5, 0.3, 0.3, 0.3, 0.25], 2),
        Case("it falls to the end", [0.5, 0.4, 0.3], 2),
        Case("the first is the best", [0.2, 0.3, 0.4, 0.5], 1),
    ],
    mistakes=[
        Mistake(
            "You count from 0. Here the first epoch is 1.",
            lambda losses, patience: tuple(n - 1 for n in stopped_early(losses, patience)),
        ),
        Mistake("You keep the last epoch. Which one was the best?", _keeps_last),
        Mistake(
            "You look at all epochs. After the stop nobody sees the later ones.",
            lambda losses, patience: (
                int(np.argmin(losses)) + 1,
                stopped_early(losses, patience)[1],
            ),
        ),
        Mistake(
            "You wait one epoch too long.",
            lambda losses, patience: stopped_early(losses, patience + 1),
        ),
        Mistake(
            "You count all epochs without a new best. Start again from 0 after each new best.",
            lambda losses, patience: _stopped(losses, patience, in_a_row=False),
        ),
        Mistake(
            "You compare with the epoch before. Compare with the best so far.", _against_the_last
        ),
        Mistake(
            "A tie is not lower: it is no new best.",
            lambda losses, patience: _stopped(losses, patience, lambda new, old: new <= old),
        ),
    ],
    hints=[
        "Walk through the list, and remember the epoch with the lowest loss so far.",
        "How many epochs ago was it? Stop as soon as that equals the patience.",
        "A loop over enumerate(val_losses, start=1); return the kept epoch and the present one.",
    ],
)

# ---- temperature -----------------------------------------------------------------------------

_GRID = np.geomspace(0.01, 100, 2001)


def best_temperature(logits: np.ndarray, y_true: np.ndarray) -> float:
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


def _by(score, grid=_GRID):
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


temperature = Exercise(
    "temperature",
    reference=best_temperature,
    cases=[
        Case("too sure of itself", *_digits(2.5, 0)),
        Case("too modest", *_digits(0.3, 1)),
        Case("logits of hundreds", *_digits(40.0, 2)),
        Case("two classes", *_digits(1.5, 3, classes=2)),
        Case("far from zero", _digits(3.0, 4)[0] + 50.0, _digits(3.0, 4)[1]),
    ],
    mistakes=[
        Mistake(
            "You multiply the logits by T. Divide.",
            lambda logits, y_true: 1 / best_temperature(logits, y_true),
        ),
        Mistake("You search above 1 alone. A modest model needs less.", _by(_loss, _GRID[1000:])),
        Mistake("Your search ends at 10. Some models need more.", _by(_loss, _GRID[:1501])),
        Mistake(
            "You match the mean confidence to the accuracy. Minimise the loss instead.",
            _by(_gap),
        ),
        Mistake(
            "You take the T with the best accuracy. No T changes the accuracy.",
            _by(lambda logits, y_true: -np.mean(logits.argmax(axis=1) == y_true)),
        ),
    ],
    hints=[
        "Write the mean loss of softmax(logits / T) for one T first.",
        "Then try many T, and keep the one with the lowest loss. T may lie far from 1, either way.",
        "np.geomspace(0.01, 100, 2000) has steps of less than half a per cent.",
    ],
    rtol=0.01,
    time_limit=20,  # some try thousands of temperatures with Keras
)

# ---- few_digits ------------------------------------------------------------------------------

few_digits = Exercise(
    "few_digits",
    properties=[reads_digits(0.94, 0.94)],
    hints=[
        "Which cure of the lesson moved accuracy most? Start with that one.",
        "Which network needs fewer examples, because it knows that pixels have neighbours?",
        "models.convnet, behind the augmenting layers, trained for longer, does it. Its last epoch "
        "need not be its best: early stopping can give the best one back.",
    ],
    solution="""
keras.utils.set_random_seed(0)
reader = models.convnet((28, 28, 1), 10)
my_model = keras.Sequential([keras.Input((28, 28, 1)), *augmenting(), *reader.layers])
early = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
fit_few(my_model, epochs=14, callbacks=[early])
""",
    time_limit=60.0,
)
