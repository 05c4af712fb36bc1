"""Exercises of lesson 08: F1, folds, early stopping, a temperature, and a few digits."""

import numpy as np

from dlkit.exercises import _folds, _temperature
from dlkit.exercises._digit_readers import reads_digits
from dlkit.exercises.engine import Case, Exercise, Mistake


def f1_of(y_true, y_pred):
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


def stopped_early(val_losses, patience):
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


best_temperature = _temperature.best_temperature

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

folds = Exercise(
    "folds",
    reference=_folds.shuffled_folds,
    properties=_folds.PROPERTIES,
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

temperature = Exercise(
    "temperature",
    reference=best_temperature,
    cases=_temperature.CASES,
    mistakes=_temperature.MISTAKES,
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
        "models.convnet, behind the augmenting layers, trained for longer, does it.",
    ],
    solution="""
keras.utils.set_random_seed(0)
reader = models.convnet((28, 28, 1), 10)
my_model = keras.Sequential([keras.Input((28, 28, 1)), *augmenting(), *reader.layers])
fit_few(my_model, epochs=12)
""",
    time_limit=60.0,
)
