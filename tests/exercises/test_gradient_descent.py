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


@pytest.mark.parametrize("steps", [0, 1, 20])
@pytest.mark.parametrize("seed", SEEDS)
def test_last_point_is_that_of_keras(seed, steps):
    matrix, start = bowl(seed, 4), np.random.default_rng(seed).normal(size=4)
    w = keras.Variable(start, dtype="float64")
    optimizer = keras.optimizers.SGD(0.25)
    for _ in range(steps):
        now = keras.ops.convert_to_numpy(w)
        optimizer.apply([keras.ops.convert_to_tensor(matrix @ now)], [w])
    found = exercises.last_point(lambda w: matrix @ w, start, 0.25, steps)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(w), rtol=1e-9)


@pytest.mark.parametrize("steps", [1, 7])
def test_last_point_is_the_closed_form_on_a_bowl(steps):
    matrix, start = bowl(0, 5), np.ones(5)
    expected = np.linalg.matrix_power(np.eye(5) - 0.3 * matrix, steps) @ start
    found = exercises.last_point(lambda w: matrix @ w, start, 0.3, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


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
