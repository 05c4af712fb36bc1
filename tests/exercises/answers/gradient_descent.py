"""Answers to the exercises of lesson 04: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np

# ---- descend_until ---------------------------------------------------------------------------


def until(sign=-1.0, length=np.linalg.norm, look_first=True, most=None):
    def walk(gradient, start, learning_rate, tolerance, limit):
        w = start.copy()
        for step in range(most or limit):
            g = gradient(w)
            if look_first and length(g) <= tolerance:
                return w, step
            w = w + sign * learning_rate * g
            if not look_first and length(g) <= tolerance:
                return w, step + 1
        return w, most or limit

    return walk


def only_the_point(*given):
    return until()(*given)[0]


def in_place(gradient, start, learning_rate, tolerance, limit):
    for step in range(limit):
        if np.linalg.norm(gradient(start)) <= tolerance:
            return start, step
        start -= learning_rate * gradient(start)
    return start, limit


def without_limit(gradient, start, learning_rate, tolerance, limit):
    w, steps = start, 0
    while np.linalg.norm(gradient(w)) > tolerance:
        w, steps = w - learning_rate * gradient(w), steps + 1
    return w, steps


def by_recursion(gradient, start, learning_rate, tolerance, limit):
    g = gradient(start)
    if limit == 0 or np.sqrt(np.sum(g**2)) <= tolerance:
        return start, 0
    end, steps = by_recursion(
        gradient, start - learning_rate * g, learning_rate, tolerance, limit - 1
    )
    return end, steps + 1


def by_keras(gradient, start, learning_rate, tolerance, limit):
    w, steps = keras.Variable(start, dtype="float64"), 0
    optimizer = keras.optimizers.SGD(learning_rate)
    while steps < limit:
        now = gradient(keras.ops.convert_to_numpy(w))
        if np.linalg.norm(now) <= tolerance:
            break
        optimizer.apply([keras.ops.convert_to_tensor(now)], [w])
        steps += 1
    return keras.ops.convert_to_numpy(w), steps


def as_a_list(*given):
    w, steps = until()(*given)
    return [w.tolist(), float(steps)]


# ---- numerical_gradient ----------------------------------------------------------------------


def moved(x, index, by):
    x = np.array(x, dtype=float)
    x[index] += by
    return x


def differences(x, difference):
    """The given difference at every index, as an array of x's shape."""
    return np.array([difference(index) for index in np.ndindex(x.shape)]).reshape(x.shape)


def forward(function, x, step=1e-5):
    return differences(x, lambda i: (function(moved(x, i, step)) - function(x)) / step)


def backward(function, x, step=1e-5):
    return differences(x, lambda i: (function(x) - function(moved(x, i, -step))) / step)


def central(function, x, step=1e-5):
    def ends(i):
        return function(moved(x, i, step)) - function(moved(x, i, -step))

    return differences(x, lambda i: ends(i) / (2 * step))


def not_halved(function, x, step=1e-5):
    return 2 * central(function, x, step)


def own_step(function, x, step=1e-5):
    return central(function, x, 1e-6)


def all_at_once(function, x, step=1e-5):
    return (function(x + step) - function(x - step)) / (2 * step)


def flattened(function, x, step=1e-5):
    return central(function, x, step).ravel()


def leaves_traces(function, x, step=1e-5):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += step
        ahead = function(x)
        x[index] -= 2 * step
        gradient[index] = (ahead - function(x)) / (2 * step)
        x[index] += step  # not quite the old number
    return gradient


def restores(function, x, step=1e-5):
    """Changes x and puts the very number back."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + step
        ahead = function(x)
        x[index] = kept - step
        gradient[index] = (ahead - function(x)) / (2 * step)
        x[index] = kept
    return gradient


def by_unit_vectors(function, x, step=1e-5):
    moves = step * np.eye(x.size).reshape(-1, *x.shape)
    return np.reshape([(function(x + m) - function(x - m)) / (2 * step) for m in moves], x.shape)


# ---- minibatches -----------------------------------------------------------------------------


def drops_the_last(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for batch in order[: len(x) // batch_size * batch_size].reshape(-1, batch_size):
        yield x[batch], y[batch]


def with_replacement(x, y, batch_size, rng):
    for first in range(0, len(x), batch_size):
        batch = rng.integers(len(x), size=min(batch_size, len(x) - first))
        yield x[batch], y[batch]


def two_orders(x, y, batch_size, rng):
    x, y = rng.permutation(x), rng.permutation(y)
    for first in range(0, len(x), batch_size):
        yield x[first : first + batch_size], y[first : first + batch_size]


def not_shuffled(x, y, batch_size, rng):
    for first in range(0, len(x), batch_size):
        yield x[first : first + batch_size], y[first : first + batch_size]


def own_chance(x, y, batch_size, rng):
    yield from from_permutation(x, y, batch_size, np.random.default_rng())


def always_the_same(x, y, batch_size, rng):
    yield from from_permutation(x, y, batch_size, np.random.default_rng(7))


def rolled(x, y, batch_size, rng):
    by = rng.integers(1, len(x))
    yield from not_shuffled(np.roll(x, by, axis=0), np.roll(y, by), batch_size, rng)


def in_their_place(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    x[:], y[:] = x[order], y[order]
    yield from not_shuffled(x, y, batch_size, rng)


def without_end(x, y, batch_size, rng):
    while True:
        yield from from_permutation(x, y, batch_size, rng)


def only_x(x, y, batch_size, rng):
    for x_batch, _ in from_permutation(x, y, batch_size, rng):
        yield x_batch[:, 0]


def by_one(x, y, batch_size, rng):
    for i in rng.permutation(len(x)):
        yield x[i], y[i]


def one_return(x, y, batch_size, rng):
    return len(x) // batch_size


def from_permutation(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for first in range(0, len(x), batch_size):
        yield x[order[first : first + batch_size]], y[order[first : first + batch_size]]


def as_lists(x, y, batch_size, rng):
    pairs = list(zip(x.tolist(), y.tolist(), strict=True))
    rng.shuffle(pairs)
    batches = [pairs[first : first + batch_size] for first in range(0, len(pairs), batch_size)]
    return [[list(part) for part in zip(*batch, strict=True)] for batch in batches]


def by_sorting(x, y, batch_size, rng):
    order = np.argsort(rng.random(len(x)))
    for batch in np.split(order, range(batch_size, len(x), batch_size)):
        yield x[batch], keras.ops.convert_to_tensor(y[batch])


# ---- critical_rate ---------------------------------------------------------------------------


def curvatures(gradient, size):
    return np.linalg.eigvalsh(np.array([gradient(unit) for unit in np.eye(size)]))


def bisect(gradient, start):
    works, breaks = 0.0, 100.0
    while breaks - works > 1e-3 * breaks:
        rate, w = (works + breaks) / 2, start
        for _ in range(2000):
            w = w - rate * gradient(w)
            if np.abs(w).max() > 1e3:
                breaks = rate
                break
        else:
            works = rate
    return works


def from_the_first_axis(gradient, size):
    return bisect(gradient, np.eye(size)[0])


def by_bisection(gradient, size):
    return bisect(gradient, np.random.default_rng(0).normal(size=size))


def by_power_iteration(gradient, size):
    w = np.random.default_rng(0).normal(size=size)
    for _ in range(1000):
        w = gradient(w) / np.linalg.norm(gradient(w))
    return 2 / np.linalg.norm(gradient(w))


WRONG = {
    "descend_until": [
        (until(sign=1.0), "uphill"),
        (until(look_first=False), "look first"),
        (without_limit, "beyond `limit`"),
        (until(length=lambda g: np.max(np.abs(g))), "largest entry"),
        (until(length=lambda g: np.vdot(g, g)), "root"),
        (only_the_point, "1 parts"),
        (in_place, "on start itself"),
    ],
    "numerical_gradient": [
        (forward, "forward difference"),
        (backward, "backward difference"),
        (not_halved, "how far apart"),
        (lambda function, x, step=1e-5: -central(function, x, step), "ahead minus"),
        (own_step, "do not use `step`"),
        (all_at_once, "one at a time"),
        (flattened, "“a matrix”"),
        (leaves_traces, "x comes back changed"),
    ],
    "minibatches": [
        (drops_the_last, "came as [16, 16, 16];"),
        (with_replacement, "come more than once"),
        (two_orders, "label of another"),
        (not_shuffled, "in which they are stored"),
        (own_chance, "same seed"),
        (always_the_same, "same order as the first"),
        (rolled, "neighbours stay together"),
        (in_their_place, "shuffles the arrays"),
        (without_end, "ever end"),
        (only_x, "not every item is a pair"),
        (by_one, "y_batch of shape ()"),
        (one_return, "cannot be looped over"),
    ],
    "critical_rate": [
        (lambda gradient, size: 1 / curvatures(gradient, size).max(), "Half of it"),
        (from_the_first_axis, "flattest"),
        (lambda gradient, size: 2 / curvatures(gradient, size)[[0, -1]].sum(), "is fastest"),
        (lambda gradient, size: 2 / curvatures(gradient, size).sum(), "the sum of"),
        (lambda gradient, size: curvatures(gradient, size).max(), "other way round"),
        (lambda gradient, size: 2 / curvatures(gradient, size), "shape"),
    ],
    "fair_race": [
        ((653, 124), "her own two numbers"),
        ((124, 7), "plain first"),
        ((63, 124), "is it its best"),
        ((7, 131), "other way round"),
        ((7,), "shape"),
    ],
}

RIGHT = {
    "descend_until": [until(), by_recursion, by_keras, as_a_list],
    "numerical_gradient": [central, restores, by_unit_vectors],
    "minibatches": [from_permutation, as_lists, by_sorting],
    "critical_rate": [by_bisection, by_power_iteration],
    "fair_race": [np.array([7, 124]), [7.0, 124.0]],
}
