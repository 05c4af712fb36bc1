"""The references that dlkit.exercises.optimizers defines itself, against Keras and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import optimizers as exercises
from dlkit.scratch.gradients import compare, numerical_gradient

SEEDS = range(3)
SHAPE = (3, 4)


def keras_weights(optimizer, start, gradients):
    """The weights after each step of an optimizer of Keras, in float64."""
    w, path = keras.Variable(start, dtype="float64"), []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [w])
        path.append(keras.ops.convert_to_numpy(w).copy())
    return np.array(path)


def problem(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=SHAPE), rng.normal(size=(12, *SHAPE)) * 10.0 ** rng.integers(
        -4, 3, SHAPE
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", SEEDS)
def test_nesterov_steps_are_those_of_keras(seed, momentum):
    w, gradients = problem(seed)
    optimizer = keras.optimizers.SGD(0.05, momentum=momentum, nesterov=momentum > 0)
    expected, velocity = keras_weights(optimizer, w, gradients), np.zeros(SHAPE)
    for gradient, weights in zip(gradients, expected, strict=True):
        w, velocity = exercises.one_nesterov_step(w, gradient, velocity, 0.05, momentum)
        np.testing.assert_allclose(w, weights, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_adam_steps_are_those_of_keras(seed):
    w, gradients = problem(seed)
    expected = keras_weights(keras.optimizers.Adam(0.05), w, gradients)
    m, s = np.zeros(SHAPE), np.zeros(SHAPE)
    for t, (gradient, weights) in enumerate(zip(gradients, expected, strict=True), start=1):
        w, m, s = exercises.one_adam_step(w, gradient, m, s, t, 0.05)
        np.testing.assert_allclose(w, weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("total", "warmup"), [(100, 10), (7, 3), (50, 1)])
def test_schedule_is_that_of_keras(total, warmup):
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, total - warmup, warmup_target=0.3, warmup_steps=warmup
    )
    steps = range(total + 5)
    expected = [float(schedule(step)) for step in steps]
    found = [exercises.warmup_cosine(step, total, 0.3, warmup) for step in steps]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_schedule_without_warmup_is_that_of_keras():
    schedule = keras.optimizers.schedules.CosineDecay(0.3, 40)
    found = [exercises.warmup_cosine(step, 40, 0.3, 0) for step in range(50)]
    np.testing.assert_allclose(found, [float(schedule(step)) for step in range(50)], atol=1e-6)


@pytest.mark.parametrize("limit", [0.1, 3.0, 1e3])
@pytest.mark.parametrize("seed", SEEDS)
def test_clipped_is_clip_by_global_norm(seed, limit):
    rng = np.random.default_rng(seed)
    gradients = [rng.normal(size=shape) for shape in ((4, 3), (3,), (2, 1, 5))]
    expected, _ = tf.clip_by_global_norm(gradients, limit)
    for found, gradient in zip(exercises.clipped(gradients, limit), expected, strict=True):
        np.testing.assert_allclose(found, gradient.numpy(), rtol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_banana_gradient_is_the_slope_of_banana(seed):
    w = np.random.default_rng(seed).normal(size=2)
    assert compare(exercises.banana_gradient(w), numerical_gradient(exercises.banana, w))


@pytest.mark.parametrize("rate", [0.002, 0.02])
def test_loss_after_is_that_of_keras(rate):
    w, optimizer = keras.Variable([-1.0, 1.0], dtype="float64"), keras.optimizers.SGD(rate, 0.9)
    for _ in range(150):
        now = exercises.banana_gradient(keras.ops.convert_to_numpy(w))
        optimizer.apply([keras.ops.convert_to_tensor(now)], [w])
    expected = exercises.banana(keras.ops.convert_to_numpy(w))
    assert exercises.loss_after(rate) == pytest.approx(float(expected), rel=1e-3, abs=1e-8)


def test_loss_after_says_infinity_where_momentum_diverges():
    assert exercises.loss_after(1.0) == float("inf")


def test_the_good_rates_differ_by_the_factor_that_the_solution_states():
    found = {"np": np, "exercises": exercises}
    exec(exercises.tune.solution_code, found)
    assert found["factor"] == pytest.approx(8, abs=0.5)
    assert "about 8" in exercises.tune.solution_code
    between = [r for r in np.geomspace(0.001, 0.1, 50) if 0.05 < r < found["good"].max()]
    assert any(exercises.loss_after(rate) == float("inf") for rate in between)
