"""The references that dlkit.exercises.gradient_descent defines itself, against other oracles."""

import keras
import numpy as np
import pytest
from sklearn.utils import gen_batches

from dlkit.exercises import gradient_descent as exercises

SEEDS = range(5)


def bowl(seed, size):
    """A symmetric matrix of positive eigenvalues."""
    points = np.random.default_rng(seed).normal(size=(size, 3 * size))
    return points @ points.T / size


@pytest.mark.parametrize("limit", [0, 1, 20])
@pytest.mark.parametrize("seed", SEEDS)
def test_descended_until_is_keras_where_only_the_limit_ends_it(seed, limit):
    matrix, start = bowl(seed, 4), np.random.default_rng(seed).normal(size=4)
    w = keras.Variable(start, dtype="float64")
    optimizer = keras.optimizers.SGD(0.25)
    for _ in range(limit):
        now = keras.ops.convert_to_numpy(w)
        optimizer.apply([keras.ops.convert_to_tensor(matrix @ now)], [w])
    found, steps = exercises.descended_until(lambda w: matrix @ w, start, 0.25, 0.0, limit)
    assert steps == limit
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(w), rtol=1e-9)


@pytest.mark.parametrize("tolerance", [0.3, 1e-3])
def test_descended_until_stops_where_the_closed_form_is_flat_for_the_first_time(tolerance):
    matrix, start = bowl(0, 5), np.ones(5)
    found, steps = exercises.descended_until(lambda w: matrix @ w, start, 0.3, tolerance, 500)
    walk = [np.linalg.matrix_power(np.eye(5) - 0.3 * matrix, n) @ start for n in range(500)]
    flat = [np.linalg.norm(matrix @ w) <= tolerance for w in walk]
    assert 0 < steps == flat.index(True)
    np.testing.assert_allclose(found, walk[steps], rtol=1e-12)


@pytest.mark.parametrize(("rate", "momentum"), [(0.3, 0.0), (2 / 3, 0.0), (0.01, 0.9), (0.5, 0.9)])
def test_steps_to_a_millionth_are_those_of_the_two_step_recurrence(rate, momentum):
    """w_{t+1} = (1 + beta - rate * curvature) w_t - beta w_{t-1}, without a velocity."""
    curvatures, steps = np.array([1.0, 2.0]), 3000
    path = [curvatures**-0.5, (1 - rate * curvatures) * curvatures**-0.5]
    for _ in range(steps):
        path.append((1 + momentum - rate * curvatures) * path[-1] - momentum * path[-2])
    above = np.flatnonzero((curvatures * np.square(path)).sum(axis=1) / 2 > 1e-6)
    assert exercises.steps_to_a_millionth(rate, momentum) == above.max() + 1


@pytest.mark.parametrize(("rate", "momentum"), [(1.01, 0.0), (1.95, 0.9)])
def test_a_walk_that_diverges_never_arrives(rate, momentum):
    assert exercises.steps_to_a_millionth(rate, momentum) == np.inf


def test_the_fair_race_is_won_by_plain_descent():
    plain, rolling = exercises.fair_race.reference
    assert plain < rolling


@pytest.mark.parametrize(("count", "size"), [(10, 3), (12, 4), (5, 8), (1, 1)])
def test_batches_have_the_sizes_of_sklearn_and_hold_each_example_once(count, size):
    x, y = np.arange(2 * count).reshape(count, 2), np.arange(count)
    batches = [*exercises.shuffled_batches(x, y, size, np.random.default_rng(0))]
    expected = [len(range(count)[part]) for part in gen_batches(count, size)]
    assert [len(x_batch) for x_batch, _ in batches] == expected
    assert sorted(np.concatenate([y_batch for _, y_batch in batches])) == [*range(count)]
    assert all(np.array_equal(x[y_batch], x_batch) for x_batch, y_batch in batches)


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("seed", SEEDS)
def test_descent_works_below_the_rate_that_breaks_and_diverges_above(seed, size):
    matrix = bowl(seed, size)
    rate = exercises.rate_that_breaks(lambda w: matrix @ w, size)
    once = np.eye(size)
    below = np.linalg.matrix_power(once - 0.99 * rate * matrix, 3000)
    above = np.linalg.matrix_power(once - 1.01 * rate * matrix, 3000)
    assert np.abs(below).max() < 1
    assert np.abs(above).max() > 1e6
