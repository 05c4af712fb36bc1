"""What every good generator of mini-batches does: properties for an exercise of lesson 04."""

import itertools

import numpy as np

from dlkit.exercises.engine import Property

N, SIZE = 50, 16  # three full batches, and one of two


def _data():
    return np.arange(2.0 * N).reshape(N, 2), 100 + np.arange(N)


def _epoch(answer, rng):
    """The pairs that an answer yields, and a sentence on what is wrong with their form."""
    pairs = answer(*_data(), SIZE, rng)
    if not hasattr(pairs, "__iter__"):
        return [], f"it gave {type(pairs).__name__}, which cannot be looped over. Use `yield`."
    pairs = list(itertools.islice(pairs, N + 1))
    if len(pairs) > N:
        return [], f"there are {N} examples, and more than {N} batches. Does it ever end?"
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            return [], "not every item is a pair: yield x_batch, y_batch."
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in pairs]
    for x, y in pairs:
        if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
            return [], (
                f"for x of shape {_data()[0].shape} and y of shape ({N},) there is a batch with "
                f"x_batch of shape {x.shape} and y_batch of shape {y.shape}."
            )
    return pairs, None


def _order(answer, rng):
    return np.concatenate([y for _, y in _epoch(answer, rng)[0]]) - 100


def _right_sizes(answer):
    pairs, problem = _epoch(answer, np.random.default_rng(0))
    sizes = [len(y) for _, y in pairs]
    if not problem and sizes != [16, 16, 16, 2]:
        problem = f"{N} examples in batches of {SIZE} came as {sizes}; expected [16, 16, 16, 2]."
    return problem


def _each_once(answer):
    counts = np.bincount(_order(answer, np.random.default_rng(0)), minlength=N)
    if (counts != 1).any():
        return (
            f"{(counts == 0).sum()} of {N} examples never come, and "
            f"{(counts > 1).sum()} come more than once."
        )


def _together(answer):
    for x, y in _epoch(answer, np.random.default_rng(0))[0]:
        if not np.array_equal(x, _data()[0][y - 100]):
            return "an image comes with the label of another: one order must serve both."


def _random(answer):
    rng = np.random.default_rng(0)
    first, second = _order(answer, rng), _order(answer, rng)
    if np.array_equal(first, np.arange(N)):
        return "the examples come in the order in which they are stored."
    if np.array_equal(first, second):
        return "a second epoch comes in the same order as the first."
    if not np.array_equal(first, _order(answer, np.random.default_rng(0))):
        return "two generators with the same seed give different orders: draw from rng alone."
    if (np.diff(first) == 1).mean() > 0.5:
        return "most neighbours stay together: shuffle the examples, not only the batches."


def _keeps_data(answer):
    x, y = _data()
    list(itertools.islice(answer(x, y, SIZE, np.random.default_rng(0)), N))
    if not (np.array_equal(x, _data()[0]) and np.array_equal(y, _data()[1])):
        return "it shuffles the arrays that it is given. Shuffle indices instead."


PROPERTIES = [
    Property("only the last batch is smaller", _right_sizes),
    Property("each example comes once", _each_once),
    Property("x and y belong together", _together),
    Property("the order is drawn from rng", _random),
    Property("x and y are left as they were", _keeps_data),
]
