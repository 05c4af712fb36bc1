"""The references that dlkit.exercises.neurons defines itself, against scikit-learn and Keras."""

import keras
import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import Perceptron, SGDClassifier

from dlkit.exercises import neurons as exercises
from dlkit.exercises.neurons import averaged_perceptron, perceptron_update, signed_distance

SEEDS = range(5)
CORNERS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


def examples(seed, n=60, d=3):
    """Points with labels 0 and 1, a few of them wrong; the first is a 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    y = ((x.sum(axis=1) > 0.3) ^ (rng.random(n) < 0.1)).astype(int)
    first = y.argmax()
    return np.roll(x, -first, axis=0), np.roll(y, -first)


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_distance_is_the_length_of_the_shortest_way_to_the_boundary(seed, d):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(20, d)), rng.normal(size=d), rng.normal()
    ways = [np.linalg.lstsq(w[None], [-(p @ w + b)], rcond=None)[0] for p in x]  # least norm
    found = signed_distance(x, w, b)
    np.testing.assert_allclose(np.abs(found), np.linalg.norm(ways, axis=1), rtol=1e-9, atol=1e-12)
    neuron = keras.Sequential([keras.Input((d,)), keras.layers.Dense(1)])
    neuron.set_weights([w[:, None], np.array([b])])
    assert (np.sign(found) == np.sign(neuron.predict(x, verbose=0)[:, 0])).all()


@pytest.mark.parametrize("start", ["zeros", "random"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_rule_for_minus_one_and_one_is_that_of_sklearn(seed, start):
    x, y = examples(seed)
    y = 2 * y - 1
    rng = np.random.default_rng(seed)
    w, b = (np.zeros(3), 0.0) if start == "zeros" else (rng.normal(size=3), rng.normal())
    oracle = Perceptron(shuffle=False, max_iter=3, tol=None)
    oracle.fit(x, y, coef_init=w[None].copy(), intercept_init=[b])
    for example, label in zip(np.tile(x, (3, 1)), np.tile(y, 3), strict=True):
        w, b = perceptron_update(w, b, example, label)
    np.testing.assert_allclose(w, oracle.coef_[0], rtol=1e-12)
    assert b == pytest.approx(oracle.intercept_[0], rel=1e-12)


@pytest.mark.parametrize("epochs", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_average_is_that_of_sklearn(seed, epochs):
    x, y = examples(seed)
    oracle = SGDClassifier(
        loss="perceptron",
        penalty=None,
        learning_rate="constant",
        eta0=1.0,
        average=True,
        shuffle=False,
        max_iter=epochs,
        tol=None,
    ).fit(x, y)
    w, b = averaged_perceptron(x, y, epochs)
    np.testing.assert_allclose(w, oracle.coef_[0], rtol=1e-9)
    assert b == pytest.approx(oracle.intercept_[0], rel=1e-9)


def keras_answers(layers):
    """The answers at the four corners of dense layers with a step, given as (kernel, bias)."""
    x = np.array(CORNERS)
    for kernel, bias in layers:
        kernel = np.array(kernel, "float32")
        dense = keras.layers.Dense(kernel.shape[1])
        dense.build((None, kernel.shape[0]))
        dense.set_weights([kernel, np.array(bias, "float32")])
        x = keras.ops.convert_to_numpy(dense(x)) > 0
    return x[:, 0].tolist()


@pytest.mark.parametrize("b", [1, -1])
@pytest.mark.parametrize("w", [(1, 1), (1, -2), (-2, 1), (-2, -2)])
def test_nor_is_judged_as_keras_and_python_say(w, b):
    answers = keras_answers([(np.array(w)[:, None], [b])])
    is_nor = answers == [not (first or second) for first, second in CORNERS]
    assert (exercises.nor.check((w, b)).status == "correct") == is_nor


@pytest.mark.parametrize("out", [([1, 1], -0.5), ([1, 1], -1.5), ([-1, -1], 0.5), ([1, -1], 0.5)])
@pytest.mark.parametrize("biases", [(-1.5, 0.5), (-0.5, 1.5)])
def test_equal_is_judged_as_keras_and_python_say(biases, out):
    weights = [[1, -1], [1, -1]]
    v, c = out
    answers = keras_answers([(weights, biases), (np.array(v)[:, None], [c])])
    is_equal = answers == [first == second for first, second in CORNERS]
    verdict = exercises.equal.check((weights, biases, v, c))
    assert (verdict.status == "correct") == is_equal


def can_be_parted(x, y):
    """Whether some cut through the origin sorts all examples: a linear programme decides."""
    signed = (2 * y - 1)[:, None] * x
    found = linprog(
        np.zeros(x.shape[1]), A_ub=-signed, b_ub=-np.ones(len(x)), bounds=[(None, None)]
    )
    return found.status == 0


def test_only_one_column_of_the_leaves_hides_the_bias():
    x, y = exercises.LEAVES_X, exercises.LEAVES_Y
    assert can_be_parted(x, y), "her experiment ends without a mistake"
    for column in range(4):
        control = np.delete(x, column, axis=1)
        assert can_be_parted(control, y) == (column == 3)
        if column == 2:
            with_bias = np.column_stack([control, np.ones(len(x))])
            assert can_be_parted(with_bias, y)
