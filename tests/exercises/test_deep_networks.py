"""The references that dlkit.exercises.deep_networks defines itself, against Keras and the tape."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import deep_networks as exercises

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_norm_gradients_are_those_of_keras(seed):
    rng = np.random.default_rng(seed)
    upstream, x = rng.normal(size=(2, 4, 6))
    gamma = rng.normal(size=6)
    layer = keras.layers.LayerNormalization(epsilon=0.001, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([gamma, np.zeros(6)])
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(layer(inputs) * upstream)
    expected = tape.gradient(total, [inputs, *[v.value for v in layer.trainable_variables]])
    for found, theirs in zip(
        exercises.layer_norm_gradients(upstream, x, gamma), expected, strict=True
    ):
        np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("seed", range(20))
def test_he_normal_accepts_keras_with_any_seed(seed):
    def by_keras(shape, rng):
        return keras.initializers.HeNormal(seed=int(rng.integers(2**31)) + seed)(shape)

    assert exercises.he_normal.check(by_keras).status == "correct"


@pytest.mark.parametrize("skip", range(20))
def test_he_normal_accepts_numpy_from_any_place_of_the_stream(skip):
    def further_on(shape, rng):
        rng.normal(size=skip)
        return rng.normal(0, (2 / shape[0]) ** 0.5, shape)

    assert exercises.he_normal.check(further_on).status == "correct"


def test_each_chart_shows_its_illness():
    """What the hints and the solution say of the five charts holds."""
    charts = {patient: exercises.readings(patient) for patient in "ABCDE"}
    sizes, flat, dead, gradients = np.moveaxis([charts[p] for p in "ABCDE"], -1, 0)
    a, b, c, d, e = range(5)
    assert (flat[a] > 0.6).all() and (gradients[a][:-1] > 1.2 * gradients[a][1:]).all()
    assert np.ptp(sizes[b]) < 0.3 and (abs(flat[b] - 0.5) < 0.1).all() and (dead[b] < 0.1).all()
    assert flat[c][0] > 0.9 and (flat[c][1:] < 0.2).all()
    assert dead[d].argmax() == 2 and dead[d][2] > 0.5
    assert (abs(sizes[e] - 0.5) < 0.1).all() and (gradients[e][:-1] < 0.3 * gradients[e][1:]).all()
    assert (dead[[a, b, c, e]] < 0.1).all()


def test_a_chart_is_of_a_patient():
    with pytest.raises(ValueError, match="patient is 'F'; expected one of A, B"):
        exercises.readings("F")


def test_the_referees_gaps_are_as_measured():
    """At the colleague's rate four layers lose; each at its own best rate, they win."""

    def mean(depth, rate):
        return np.mean([exercises.accuracy_after(depth, rate, seed) for seed in range(3)])

    unfair = mean(4, 1) - mean(1, 1)  # how much depends on how a processor rounds
    assert exercises.LOWEST_UNFAIR_GAP < unfair < exercises.HIGHEST_UNFAIR_GAP
    assert mean(4, 0.3) - mean(1, 1) == pytest.approx(exercises.FAIR_GAP, abs=0.03)
    assert mean(1, 0.3) < mean(1, 1) and mean(4, 0.1) < mean(4, 0.3)
