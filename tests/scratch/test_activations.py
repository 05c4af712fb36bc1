"""Activations and their derivatives against Keras and TensorFlow's tape; their extremes."""

from functools import partial

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from helpers.scratch_tools import (
    LOUD,
    assert_close,
    normal,
    quick,
    scales,
    seeds,
    shapes,
    tape_gradients,
)
from hypothesis import given
from hypothesis import strategies as st

from dlkit.scratch import activations
from dlkit.scratch.gradients import numerical_gradient

CASES = [
    ("sigmoid", {}),
    ("tanh", {}),
    ("relu", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.0625}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("silu", {}),
    ("softplus", {}),
]
OVER_AXIS = ["softmax", "log_softmax"]
pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
TOLERANCE = {
    "float64": {"rtol": 1e-9, "atol": 1e-12},
    "float32": {"rtol": 3e-5, "atol": 1e-6},
}
each_case = pytest.mark.parametrize(
    ("name", "arguments"), CASES, ids=lambda c: c if isinstance(c, str) else str(c or "")
)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
# TensorFlow rounds their constants to float32, even in float64.
ROUNDED_BY_TENSORFLOW = {"gelu", "leaky_relu"}
EXTREMES = [-1000.0, -100.0, -20.0, -1e-30, 0.0, 1e-30, 20.0, 100.0, 1000.0]


def tolerance(name, dtype):
    if name in ROUNDED_BY_TENSORFLOW and dtype == "float64":
        return {"rtol": 3e-7, "atol": 1e-7}
    if name == "gelu":  # tanh cancels 1 to the left
        return {"rtol": 3e-5, "atol": 5e-6}
    return TOLERANCE[dtype]


def derivative_of(name):
    return getattr(activations, f"{name}_derivative")


@each_dtype
@each_case
@quick
@given(seeds, shapes(min_dims=0), scales)
def test_pointwise_as_keras_and_its_tape(name, arguments, dtype, seed, shape, scale):
    x = np.asarray(normal(seed, shape, scale=scale), dtype=dtype)
    oracle = partial(getattr(keras.activations, name), **arguments)
    y = activations.get(name)(x, **arguments)
    assert_close(y, oracle(tf.constant(x)), **tolerance(name, dtype))
    slope = derivative_of(name)(x, **arguments)
    assert_close(slope, tape_gradients(oracle, None, x)[0], **tolerance(name, dtype))


@each_case
@quick
@given(seeds, st.sampled_from([0.1, 1.0, 5.0]))
def test_derivatives_by_finite_differences(name, arguments, seed, scale):
    x = normal(seed, (2, 3), scale=scale)
    x[np.abs(x) < 1e-4] = 1  # clear of the kink
    function = partial(activations.get(name), **arguments)
    expected = numerical_gradient(lambda x: function(x).sum(), x)
    assert_close(derivative_of(name)(x, **arguments), expected, rtol=1e-7, atol=1e-9)


@quick
@given(seeds, scales)
def test_exact_gelu_as_scipy(seed, scale):
    x = normal(seed, (20,), scale=scale)
    assert_close(activations.gelu(x), x * scipy.special.ndtr(x), rtol=1e-10, atol=0)


@each_dtype
@pytest.mark.parametrize("name", OVER_AXIS)
@quick
@given(seeds, shapes(), scales, st.data())
def test_over_an_axis_as_keras(name, dtype, seed, shape, scale, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = normal(seed, shape, scale=scale, dtype=dtype)
    expected = getattr(keras.activations, name)(tf.constant(x), axis=axis)
    assert_close(activations.get(name)(x, axis=axis), expected, **TOLERANCE[dtype])


@each_dtype
@pytest.mark.parametrize("name", OVER_AXIS)
@quick
@given(seeds, shapes(max_dims=2), scales)
def test_jacobians_as_the_tape(name, dtype, seed, shape, scale):
    x = normal(seed, shape, scale=scale, dtype=dtype)
    rows = tf.constant(x.reshape(-1, shape[-1]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        y = getattr(keras.activations, name)(rows)
    expected = (
        tape.batch_jacobian(y, rows, experimental_use_pfor=False).numpy().reshape(*shape, shape[-1])
    )
    assert_close(derivative_of(name)(x), expected, **TOLERANCE[dtype])


@each_dtype
@each_case
def test_pointwise_at_the_extremes(name, arguments, dtype):
    x = np.array(EXTREMES, dtype=dtype)
    oracle = partial(getattr(keras.activations, name), **arguments)
    with np.errstate(**LOUD):
        y, slope = activations.get(name)(x, **arguments), derivative_of(name)(x, **arguments)
    assert_close(y, oracle(tf.constant(x)), **tolerance(name, dtype))
    assert_close(slope, tape_gradients(oracle, None, x)[0], **tolerance(name, dtype))


@each_dtype
@pytest.mark.parametrize("name", OVER_AXIS)
def test_over_an_axis_at_the_extremes(name, dtype):
    x = np.array([[1000, -1000, 0], [1000, 1000, -1000], [-1000, -1000, -1000]], dtype=dtype)
    with np.errstate(**LOUD):
        y, jacobian = activations.get(name)(x), derivative_of(name)(x)
    assert_close(y, getattr(keras.activations, name)(tf.constant(x)), **TOLERANCE[dtype])
    assert np.isfinite(jacobian).all()


def test_small_probabilities_keep_their_digits():
    assert activations.sigmoid(-50.0) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert activations.sigmoid_derivative(50.0) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert activations.softplus(-50.0) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert activations.gelu(-9.0) == pytest.approx(-9 * 1.1285884059538405e-19, rel=1e-9)


@pytest.mark.parametrize("name", activations.NAMES)
def test_every_input_a_learner_may_pass(name):
    function, derivative = activations.get(name), derivative_of(name)
    for given_as in ([-1, 0, 2], (-1, 0, 2), np.array([-1, 0, 2], dtype=np.int8)):
        assert_close(function(given_as), function(np.array([-1.0, 0.0, 2.0])))
    x = np.array([[1.0, -2.0]])
    before = x.copy()
    function(x), derivative(x)
    np.testing.assert_array_equal(x, before)
    assert function(np.zeros((0, 3), dtype="float32")).shape == (0, 3)
    assert derivative(np.zeros((0, 3), dtype="float32")).shape[:2] == (0, 3)
    assert function(x.astype("float32")).dtype == derivative(x.astype("float32")).dtype == "float32"


@pytest.mark.parametrize("name", OVER_AXIS)
@pytest.mark.parametrize(("x", "axis"), [(1.0, -1), (np.zeros((2, 0)), -1), (np.zeros(3), 1)])
def test_no_values_along_the_axis(name, x, axis):
    with pytest.raises(ValueError, match="pass an array such as"):
        activations.get(name)(x, axis=axis)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no activation 'rely'; choose one of elu, gelu, .*tanh"):
        activations.get("rely")
    assert len(activations.NAMES) == 10
