"""Answers to exercises of lesson 13: wrong ones with what they must hear, and right ones."""

import math

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import log_softmax, softmax

from dlkit.exercises import transfer_learning as exercises

# ---- head_gradients --------------------------------------------------------------------------


def gradients_by_differences(features, W, b, y):
    """Central differences of the loss, number by number."""
    three = [np.array(part, float) for part in (W, b, features)]
    found = []
    for place, part in enumerate(three):
        slopes = np.zeros_like(part)
        for index in np.ndindex(part.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [one.copy() for one in three]
                moved[place][index] += step
                logits = log_softmax(moved[2] @ moved[0] + moved[1], axis=1)
                ends.append(-np.mean([row[k] for row, k in zip(logits, y, strict=True)]))
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        found.append(slopes)
    return tuple(found)


def gradients_by_loop(features, W, b, y):
    dW, db, below = np.zeros_like(W), np.zeros_like(b), []
    for h, k in zip(features, y, strict=True):
        slope = softmax(h @ W + b)
        slope[k] -= 1
        dW += np.outer(h, slope) / len(y)
        db += slope / len(y)
        below.append(W @ slope / len(y))
    return dW, db, np.array(below)


def gradients_with(*, mean=True, one_hot=1.0, sign=1, mean_below=True):
    def answer(features, W, b, y):
        slopes = softmax(features @ W + b, axis=1)
        slopes[np.arange(len(y)), y] -= one_hot
        slopes = sign * slopes / (len(y) if mean else 1)
        below = slopes if mean_below else slopes * len(y)
        return features.T @ slopes, slopes.sum(axis=0), below @ W.T

    return answer


def gradients_in_another_order(features, W, b, y):
    dW, db, below = gradients_by_loop(features, W, b, y)
    return below, db, dW


# ---- normalization ---------------------------------------------------------------------------


def normalized_by_columns(x, moving_mean, moving_variance, frozen):
    columns, means, variances = [], [], []
    for column, mean, variance in zip(x.T, moving_mean, moving_variance, strict=True):
        if frozen:
            columns.append((column - mean) / math.sqrt(variance + 0.001))
        else:
            own = sum(column) / len(column)
            spread = sum((column - own) ** 2) / len(column)
            columns.append((column - own) / math.sqrt(spread + 0.001))
            mean, variance = mean + 0.1 * (own - mean), variance + 0.1 * (spread - variance)
        means.append(mean)
        variances.append(variance)
    return np.array(columns).T, np.array(means), np.array(variances)


def normalized_with(*, batch=None, moves=None, keep=0.9, ddof=0, under=0.001, beside=0.0):
    def answer(x, moving_mean, moving_variance, frozen):
        uses_batch = not frozen if batch is None else batch
        own = x.mean(axis=0), x.var(axis=0, ddof=min(ddof, len(x) - 1))
        used = own if uses_batch else (moving_mean, moving_variance)
        out = (x - used[0]) / (np.sqrt(used[1] + under) + beside)
        if not frozen if moves is None else moves:
            moving_mean = keep * moving_mean + (1 - keep) * own[0]
            moving_variance = keep * moving_variance + (1 - keep) * own[1]
        return out, moving_mean, moving_variance

    return answer


# ---- referee ---------------------------------------------------------------------------------


def fresh_by_tree(seed=0):
    seen, x_test, is_right = exercises.archive(seed)
    nearest, _ = cKDTree(seen).query(x_test)
    return float(np.mean(is_right[nearest > 1]))


def all_and_copies(seed=0):
    seen, x_test, is_right = exercises.archive(seed)
    nearest, _ = cKDTree(seen).query(x_test)
    return is_right.mean(), is_right[nearest < 1].mean()


WRONG = {
    "head_gradients": [
        (gradients_with(mean=False), "all is n times too large"),
        (gradients_with(one_hot=0.0), "The labels are missing"),
        (gradients_with(sign=-1), "The sign is turned round"),
        (gradients_with(mean_below=False), "divide by n there as well"),
        (gradients_in_another_order, "in another order"),
        (lambda *four: gradients_by_loop(*four)[0], "shape"),
    ],
    "normalization": [
        (normalized_with(batch=True), "does not look at the batch"),
        (normalized_with(moves=True), "averages stay where they are"),
        (normalized_with(moves=False), "must move towards"),
        (normalized_with(batch=False), "the batch's own mean"),
        (normalized_with(keep=0.1), "the other way round"),
        (normalized_with(ddof=1), "over n, not n - 1"),
        (normalized_with(under=0.0), "The 0.001 is missing"),
        (normalized_with(under=0.0, beside=0.001), "belongs under the root"),
    ],
    "rate_below": [
        ("0.1", "give one number"),
        (-1.0, "must be 0 or more"),
        (float("nan"), "the rate is nan"),
        (0.0, "nothing moves"),
        (0.01, "Go further up"),
        (20.0, "too much is forgotten"),
    ],
    "referee": [
        ("68 %", "number"),
        (68, "not in per cent"),
        (all_and_copies()[0], "the colleague's own number"),
        (all_and_copies()[1], "on the copies alone"),
        (0.5, "near a coin"),
        (0.77, "no near copy"),
    ],
}

RIGHT = {
    "head_gradients": [gradients_by_loop, gradients_by_differences, gradients_with()],
    "normalization": [normalized_by_columns, normalized_with()],
    "rate_below": [2.6, 3.0, np.float32(2.8)],
    "referee": [fresh_by_tree(0), fresh_by_tree(1), fresh_by_tree(5)],
}
