"""Answers to the exercises of lesson 09: wrong ones with what they must hear, and right ones."""

import types

import keras
import numpy as np
from helpers.digit_stand_ins import ONE_HOT, Y_VAL, Reader, with_errors
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold

# ---- f1 --------------------------------------------------------------------------------------


def precision_of(y_true, y_pred):
    return (y_true & y_pred).sum() / max(y_pred.sum(), 1)


def recall_of(y_true, y_pred):
    return (y_true & y_pred).sum() / max(y_true.sum(), 1)


def plain_mean(y_true, y_pred):
    return (precision_of(y_true, y_pred) + recall_of(y_true, y_pred)) / 2


def divides_by_nothing(y_true, y_pred):
    hits = sum(t and p for t, p in zip(y_true.tolist(), y_pred.tolist(), strict=True))
    precision, recall = hits / sum(y_pred.tolist()), hits / sum(y_true.tolist())
    return 2 * precision * recall / (precision + recall)


def f1_by_loop(y_true, y_pred):
    hits = wrong = 0
    for true, pred in zip(y_true, y_pred, strict=True):
        hits += true == pred == 1
        wrong += true != pred
    return 0 if hits == 0 else hits / (hits + wrong / 2)


def f1_by_sklearn(y_true, y_pred):
    return f1_score(y_true, y_pred, zero_division=0)


# ---- folds -----------------------------------------------------------------------------------


def folds_by_sklearn(n, k, rng):
    cut = KFold(k, shuffle=True, random_state=int(rng.integers(2**31)))
    return list(cut.split(np.zeros(n)))


def folds_by_stride(n, k, rng):
    order = rng.permutation(n)
    for fold in range(k):
        mask = np.arange(n) % k == fold
        yield order[~mask], order[mask]


def folds_by_sets(n, k, rng):
    order = rng.permutation(n).tolist()
    parts = [order[fold::k] for fold in range(k)]
    return [(sorted(set(order) - set(part)), part) for part in parts]


def neighbors(n, k, rng):
    for part in np.array_split(np.arange(n), k):
        yield np.setdiff1d(np.arange(n), part), part


def train_is_all(n, k, rng):
    for _, val in folds_by_stride(n, k, rng):
        yield np.arange(n), val


def drawn_each_time(n, k, rng):
    for _ in range(k):
        order = rng.permutation(n)
        yield order[n // k :], order[: n // k]


def rest_in_the_last(n, k, rng):
    order, size = rng.permutation(n), n // k
    for fold in range(k):
        end = n if fold == k - 1 else (fold + 1) * size
        yield np.delete(order, slice(fold * size, end)), order[fold * size : end]


def forgets_the_rest(n, k, rng):
    order, size = rng.permutation(n), n // k
    for fold in range(k):
        part = slice(fold * size, (fold + 1) * size)
        yield np.delete(order, part), order[part]


def one_pair(n, k, rng):
    return [next(folds_by_stride(n, k, rng))]


def a_part_for_training(n, k, rng):
    for train, val in folds_by_stride(n, k, rng):
        yield train[: len(val)], val


def masks(n, k, rng):
    for _, val in folds_by_stride(n, k, rng):
        chosen = np.isin(np.arange(n), val)
        yield ~chosen, chosen


def own_generator(n, k, rng):
    return folds_by_stride(n, k, np.random.default_rng(0))


def from_one(n, k, rng):
    return [(train + 1, val + 1) for train, val in folds_by_stride(n, k, rng)]


# ---- best_epoch ------------------------------------------------------------------------------


def best_by_history(val_losses, patience):
    for trained in range(1, len(val_losses) + 1):
        kept = int(np.argmin(val_losses[:trained])) + 1
        if trained - kept >= patience:
            return kept, trained
    return kept, trained


def best_by_keras(val_losses, patience):
    """What keras.callbacks.EarlyStopping does, fed with the losses."""
    early = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    early.set_model(model)
    early.on_train_begin()
    for epoch, loss in enumerate(val_losses):
        early.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    return early.best_epoch + 1, epoch + 1


def lowest_of_all(val_losses, patience):
    return int(np.argmin(val_losses)) + 1, best_by_history(val_losses, patience)[1]


def from_zero(val_losses, patience):
    kept, trained = best_by_history(val_losses, patience)
    return kept - 1, trained - 1


def the_last(val_losses, patience):
    trained = best_by_history(val_losses, patience)[1]
    return trained, trained


def too_patient(val_losses, patience):
    return best_by_history(val_losses, patience + 1)


def never_forgives(val_losses, patience):
    kept, bad = 0, 0
    for epoch in range(1, len(val_losses)):
        if val_losses[epoch] < val_losses[kept]:
            kept = epoch
        else:
            bad += 1
        if bad == patience:
            return kept + 1, epoch + 1
    return kept + 1, len(val_losses)


def rises_in_a_row(val_losses, patience):
    rises = 0
    for epoch in range(1, len(val_losses)):
        rises = rises + 1 if val_losses[epoch] >= val_losses[epoch - 1] else 0
        if rises == patience:
            return int(np.argmin(val_losses[: epoch + 1])) + 1, epoch + 1
    return int(np.argmin(val_losses)) + 1, len(val_losses)


def a_tie_is_better(val_losses, patience):
    for trained in range(1, len(val_losses) + 1):
        kept = trained - int(np.argmin(val_losses[:trained][::-1]))
        if trained - kept == patience:
            return kept, trained
    return kept, trained


# ---- temperature -----------------------------------------------------------------------------


def probabilities(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def nll(temperature, logits, y_true):
    shifted = (logits - logits.max(axis=1, keepdims=True)) / temperature
    chosen = shifted[np.arange(len(y_true)), y_true]
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - chosen)


def t_by_scipy(logits, y_true):
    found = minimize_scalar(
        lambda log_t: nll(np.exp(log_t), logits, y_true), bounds=(-4.6, 4.6), method="bounded"
    )
    return float(np.exp(found.x))


def t_by_halving(logits, y_true):
    """By the sign of the slope of the loss in 1/T, which is convex."""
    low, high = 0.01, 100.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        p = probabilities(logits / middle)
        slope = np.mean((p * logits).sum(axis=1) - logits[np.arange(len(y_true)), y_true])
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low


def t_by_keras(logits, y_true):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    low, high = 0.01, 100
    for _ in range(3):  # each grid lies between the neighbours of the last one's best
        tried = np.geomspace(low, high, 30)
        best = np.argmin([float(loss(y_true, logits.astype("float64") / t)) for t in tried])
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, 29)]
    return tried[best]


def inverse(logits, y_true):
    return 1 / t_by_scipy(logits, y_true)


def on_grid(grid, score):
    return lambda logits, y_true: grid[np.argmin([score(t, logits, y_true) for t in grid])]


def confidence_gap(temperature, logits, y_true):
    p = probabilities(logits / temperature)
    return abs(p.max(axis=1).mean() - (p.argmax(axis=1) == y_true).mean())


def mistaken_share(temperature, logits, y_true):
    return np.mean((logits / temperature).argmax(axis=1) != y_true)


def without_max(logits, y_true):
    def score(temperature, z, y):
        p = np.exp(z / temperature)
        return -np.log((p / p.sum(axis=1, keepdims=True))[np.arange(len(y)), y]).mean()

    with np.errstate(all="ignore"):
        return np.exp(minimize_scalar(lambda t: score(np.exp(t), logits, y_true)).x)


def coarse(logits, y_true):
    return on_grid(np.geomspace(0.01, 100, 41), nll)(logits, y_true)


def softened(logits, y_true):
    return logits / t_by_scipy(logits, y_true)


# ---- few_digits ------------------------------------------------------------------------------


def few_digits_data():
    """Fifty images that are never looked at, for the stand-ins."""
    return np.zeros((50, 28, 28, 1), "float32"), Y_VAL


def untrained():
    keras.utils.set_random_seed(1)
    images = [keras.Input((28, 28, 1)), keras.layers.Flatten()]
    return keras.Sequential([*images, keras.layers.Dense(10, kernel_initializer="zeros")])


def no_network():
    return LogisticRegression()


WRONG = {
    "f1": [
        (plain_mean, "plain mean"),
        (precision_of, "That is precision"),
        (recall_of, "That is recall"),
        (lambda y_true, y_pred: np.mean(y_true == y_pred), "That is accuracy"),
        (lambda y_true, y_pred: f1_by_sklearn(1 - y_true, 1 - y_pred), "F1 of class 0"),
        (divides_by_nothing, "ZeroDivisionError"),
        (lambda y_true, y_pred: f1_score(y_true, y_pred, average=None, zero_division=0), "(2,)"),
    ],
    "folds": [
        (neighbors, "a block of neighbours"),
        (train_is_all, "examples are in both"),
        (drawn_each_time, "in more than one"),
        (rest_in_the_last, "came as folds of [4, 4, 4, 4, 7]"),
        (forgets_the_rest, "3 are never in a val"),
        (one_pair, "there are 1 pairs"),
        (a_part_for_training, "in one pair there are 5 and 5"),
        (masks, "one part is bool"),
        (own_generator, "two calls with one generator"),
        (from_one, "there is another"),
        (lambda n, k, rng: [part for part in np.array_split(rng.permutation(n), k)], "a pair"),
        (lambda n, k, rng: k, "cannot be looped over"),
    ],
    "best_epoch": [
        (from_zero, "count from 0"),
        (the_last, "keep the last epoch"),
        (lowest_of_all, "look at all epochs"),
        (too_patient, "one epoch too long"),
        (never_forgives, "Start again from 0"),
        (rises_in_a_row, "the epoch before"),
        (a_tie_is_better, "A tie"),
        (lambda losses, patience: best_by_history(losses, patience)[0], "expected (2,)"),
    ],
    "temperature": [
        (inverse, "multiply the logits"),
        (on_grid(np.geomspace(1, 100, 1001), nll), "above 1 alone"),
        (on_grid(np.geomspace(0.01, 10, 1501), nll), "ends at 10"),
        (on_grid(np.geomspace(0.01, 100, 2001), confidence_gap), "mean confidence"),
        (on_grid(np.geomspace(0.01, 100, 2001), mistaken_share), "best accuracy"),
        (coarse, "“too sure of itself” fails"),
        (softened, "The shape is (200, 5)"),
    ],
    "few_digits": [
        (untrained(), "hardly more than by guessing"),
        (Reader(with_errors(5)), "it reads only 90.00%."),
        (Reader(np.full((50, 10), np.nan)), "the training diverged"),
        (Reader(np.zeros((50, 1))), "(50, 1)"),
        (types.SimpleNamespace(history={"loss": [0.1]}, epoch=[0]), "AttributeError"),
    ],
}

RIGHT = {
    "f1": [
        f1_by_loop,
        f1_by_sklearn,
        lambda y_true, y_pred: np.float32(f1_by_loop(y_true, y_pred)),
    ],
    "folds": [folds_by_sklearn, folds_by_stride, folds_by_sets],
    "best_epoch": [best_by_history, best_by_keras],
    "temperature": [t_by_scipy, t_by_halving, t_by_keras],
    "few_digits": [Reader(ONE_HOT), Reader(with_errors(2))],
}

GIVEN = {"few_digits": few_digits_data}
