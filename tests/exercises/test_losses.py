"""The references that dlkit.exercises.losses defines itself, against Keras, TensorFlow, sklearn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, mean_pinball_loss

from dlkit.exercises import losses as exercises

SEEDS = range(5)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_quantile_loss_is_that_of_sklearn(seed, quantile):
    y_true, y_pred = np.random.default_rng(seed).normal(size=(2, 50))
    expected = mean_pinball_loss(y_true, y_pred, alpha=quantile)
    assert exercises.pinball(y_true, y_pred, quantile) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_binary_crossentropy_is_that_of_tensorflow(seed, scale):
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=50)
    y_true = rng.integers(0, 2, size=50).astype(float)
    expected = tf.nn.sigmoid_cross_entropy_with_logits(y_true, logits).numpy()
    found = exercises.crossentropy_of_logits(y_true, logits)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_that_of_the_tape(seed, scale):
    rng = np.random.default_rng(seed)
    variable = tf.Variable(scale * rng.normal(size=(20, 7)))
    y_true = rng.integers(0, 7, size=20)
    with tf.GradientTape() as tape:
        each = keras.losses.sparse_categorical_crossentropy(y_true, variable, from_logits=True)
        loss = tf.reduce_mean(each)
    expected = tape.gradient(loss, variable).numpy()
    found = exercises.gradient_of_mean(y_true, variable.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_the_gradient_leaves_the_logits_alone():
    logits = np.zeros((2, 3))
    exercises.gradient_of_mean(np.array([0, 2]), logits)
    assert not logits.any()


def test_the_guess_costs_what_keras_says():
    expected = keras.losses.sparse_categorical_crossentropy(
        np.array([7]), np.zeros((1, 1000)), from_logits=True
    )
    assert exercises.guess_loss.reference == pytest.approx(float(expected[0]), rel=1e-6)


def test_the_number_of_loaves_is_the_only_best_one():
    demand = exercises.DEMAND
    costs = [mean_pinball_loss(demand, np.full(len(demand), n), alpha=0.75) for n in range(101)]
    assert [n for n in range(101) if costs[n] == min(costs)] == [exercises.loaves.reference]
    mean_costs = [exercises.mean_cost(n) for n in range(101)]
    np.testing.assert_allclose(mean_costs, 4 * np.array(costs))


def test_a_forecast_saves_what_sklearn_says():
    for rained, forecast in exercises.FORECASTS.values():
        nothing_known = np.full(len(rained), rained.mean())
        expected = log_loss(rained, nothing_known) - log_loss(rained, forecast)
        assert exercises.nats_saved(rained, forecast) == pytest.approx(expected, abs=1e-6)


def test_the_forecaster_with_the_smaller_loss_is_the_worse_one():
    costs = [log_loss(*exercises.FORECASTS[name]) for name in "AB"]
    saved = [exercises.nats_saved(*exercises.FORECASTS[name]) for name in "AB"]
    assert costs[0] < costs[1]
    assert saved[0] < 0 < saved[1]


def test_the_third_hint_for_the_bakery_counts_the_days():
    demand = np.sort(exercises.DEMAND)
    assert exercises.loaves.reference == demand[12 - 1]
    assert 11 / 15 < 3 / 4 < 12 / 15
