"""The references that dlkit.exercises.activations defines itself, against Keras and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import activations as exercises

SEEDS = range(5)


def test_slope_from_output_is_that_of_the_tape():
    z = tf.Variable(np.linspace(-20, 20, 401))
    with tf.GradientTape() as tape:
        s = tf.sigmoid(z)
    np.testing.assert_allclose(
        exercises.slope_from_output(s.numpy()), tape.gradient(s, z).numpy(), rtol=1e-12
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_tent_is_linear_interpolation(seed):
    rng = np.random.default_rng(seed)
    corners = np.cumsum(rng.uniform(0.1, 3, 3)) - 4
    x = rng.uniform(-10, 10, (20, 30))
    found = exercises.tent(x, *corners)
    np.testing.assert_allclose(found, np.interp(x, corners, [0, 1, 0]), atol=1e-12)


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
