"""The references that dlkit.exercises.activations defines itself, against Keras and NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.interpolate import make_lsq_spline

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


@pytest.mark.parametrize("seed", SEEDS)
def test_the_largest_error_is_that_of_the_best_chain_of_pieces(seed):
    """A chain that is fitted at its corners instead of by ReLUs: SciPy's B-splines of degree 1."""
    corners = np.sort(np.random.default_rng(seed).uniform(-0.9, 0.9, 4))
    x = np.linspace(-1, 1, 1001)
    chain = make_lsq_spline(x, exercises.peak(x), [-1, -1, *corners, 1, 1], k=1)
    expected = np.abs(chain(x) - exercises.peak(x)).max()
    assert exercises.largest_error(corners) == pytest.approx(expected, rel=1e-6)


def test_even_joints_are_not_enough_and_there_is_room_to_find_better():
    assert exercises.largest_error(np.linspace(-1, 1, 8)[1:-1]) > 0.2
    assert exercises.largest_error([-0.67, -0.37, -0.28, 0.0, 0.32, 0.54]) < 0.045


def test_the_referees_differences_are_as_measured():
    """With the colleague's seed ReLU is ahead; over fifty seeds tanh is."""
    both = [[exercises.accuracy_with(name, s) for s in range(50)] for name in ("relu", "tanh")]
    differences = np.subtract(*both)
    assert differences[3] == pytest.approx(exercises.UNFAIR_GAP, abs=0.004)
    assert differences.mean() == pytest.approx(exercises.FAIR_GAP, abs=0.005)
    assert differences.std() / 50**0.5 < 0.01
    assert (differences > 0).mean() < 0.3
