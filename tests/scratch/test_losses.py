"""Losses and their gradients against Keras and TensorFlow's tape; their extremes, their errors."""

from functools import partial

import keras
import numpy as np
import pytest
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

from dlkit.scratch import activations, gradients, losses

REGRESSION = [
    ("mean_squared_error", {}),
    ("mean_absolute_error", {}),
    ("huber", {}),
    ("huber", {"delta": 0.3}),
]
CROSSENTROPIES = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
]
TOLERANCE = {
    "float64": {"rtol": 1e-9, "atol": 1e-12},
    "float32": {"rtol": 3e-5, "atol": 1e-6},
}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
each_crossentropy = pytest.mark.parametrize("name", CROSSENTROPIES)


def check(name, y_true, y_pred, tolerance, **arguments):
    """Loss and gradient as Keras and the tape say."""
    loss, loss_gradient = losses.get(name)
    oracle = partial(getattr(keras.losses, name), **arguments)
    with np.errstate(**LOUD):
        values = loss(y_true, y_pred, **arguments)
        gradient = loss_gradient(y_true, y_pred, **arguments)
    assert_close(values, oracle(tf.constant(y_true), tf.constant(y_pred)), **tolerance)

    def mean_loss(p):
        return tf.reduce_mean(oracle(tf.constant(y_true), p))

    assert_close(gradient, tape_gradients(mean_loss, None, y_pred)[0], **tolerance)


def targets(name, rng, shape, dtype):
    """Labels as that loss wants them."""
    if name == "sparse_categorical_crossentropy":
        return rng.integers(0, shape[-1], shape[:-1])
    if name == "binary_crossentropy":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(dtype)


def probabilities(name, rng, shape, dtype):
    """Some of them exactly 0 or 1."""
    p = (
        rng.random(shape)
        if name == "binary_crossentropy"
        else rng.dirichlet(np.full(shape[-1], 0.3), shape[:-1])
    )
    return np.where(rng.random(shape[:-1] + (1,)) < 0.3, p.round(), p).astype(dtype)


@each_dtype
@pytest.mark.parametrize(("name", "arguments"), REGRESSION)
@quick
@given(seeds, shapes(), scales)
def test_regression_as_keras_and_its_tape(name, arguments, dtype, seed, shape, scale):
    y_true, y_pred = normal(seed, shape, shape, scale=scale, dtype=dtype)
    y_pred.flat[0] = y_true.flat[0]
    check(name, y_true, y_pred, TOLERANCE[dtype], **arguments)


@each_dtype
@each_crossentropy
@quick
@given(seeds, shapes(), scales)
def test_crossentropy_on_logits_as_keras_and_its_tape(name, dtype, seed, shape, scale):
    shape = (*shape[:-1], shape[-1] + 1)
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(size=shape)).astype(dtype)
    y_true = targets(name, rng, shape, dtype)
    check(name, y_true, logits, TOLERANCE[dtype], from_logits=True)


@each_dtype
@each_crossentropy
@quick
@given(seeds, shapes())
def test_crossentropy_on_probabilities_as_keras_and_its_tape(name, dtype, seed, shape):
    shape = (*shape[:-1], shape[-1] + 1)
    rng = np.random.default_rng(seed)
    p = probabilities(name, rng, shape, dtype)
    if name != "binary_crossentropy":
        p[..., 0] += p.sum(axis=-1) == 0  # rounding left nothing
    check(name, targets(name, rng, shape, dtype), p, TOLERANCE[dtype])


@quick
@given(seeds, shapes(), st.floats(0.1, 3))
def test_probabilities_that_do_not_sum_to_one_are_divided_by_their_sum(seed, shape, factor):
    shape = (*shape[:-1], shape[-1] + 1)
    rng = np.random.default_rng(seed)
    p = factor * rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    for name in CROSSENTROPIES[1:]:
        check(name, targets(name, rng, shape, "float64"), p, TOLERANCE["float64"])


@each_dtype
@each_crossentropy
def test_logits_of_a_thousand(name, dtype):
    logits = np.array([[1000, -1000], [-1000, 1000], [1000, 1000], [0, 1000]], dtype=dtype)
    y_true = np.array([[1, 0]] * 4, dtype=dtype)
    if name.startswith("sparse"):
        y_true = y_true.argmax(axis=-1)
    check(name, y_true, logits, TOLERANCE[dtype], from_logits=True)


@each_dtype
@each_crossentropy
def test_probabilities_of_zero_and_one(name, dtype):
    p = np.array([[0, 1], [1, 0], [0.5, 0.5], [1e-7, 1 - 1e-7], [1e-9, 1]], dtype=dtype)
    y_true = np.array([[1, 0]] * 5, dtype=dtype)
    if name.startswith("sparse"):
        y_true = y_true.argmax(axis=-1)
    check(name, y_true, p, TOLERANCE[dtype])


@each_crossentropy
@quick
@given(seeds, st.booleans())
def test_gradients_by_finite_differences(name, seed, from_logits):
    rng = np.random.default_rng(seed)
    y_true = targets(name, rng, (3, 4), "float64")
    y_pred = normal(seed, (3, 4))
    if not from_logits:
        y_pred = 0.1 + activations.softmax(y_pred)
        y_pred /= 2
    loss, loss_gradient = losses.get(name)
    numerical = gradients.numerical_gradient(
        lambda p: loss(y_true, p, from_logits=from_logits).mean(), y_pred
    )
    actual = loss_gradient(y_true, y_pred, from_logits=from_logits)
    assert gradients.compare(actual, numerical, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", losses.NAMES)
def test_an_empty_batch_and_what_is_left_alone(name):
    loss, loss_gradient = losses.get(name)
    y_true = np.zeros((0,) if name.startswith("sparse") else (0, 3), dtype=int)
    assert loss(y_true, np.zeros((0, 3))).shape == (0,)
    assert loss_gradient(y_true, np.zeros((0, 3))).shape == (0, 3)
    y_true = [2] if name.startswith("sparse") else [[0, 0, 1]]
    y_pred = np.array([[0.2, 0.3, 0.5]], dtype="float32")
    before = y_pred.copy()
    assert loss(y_true, y_pred).dtype == loss_gradient(y_true, y_pred).dtype == "float32"
    np.testing.assert_array_equal(y_pred, before)


@pytest.mark.parametrize("name", sorted(set(losses.NAMES) - {"sparse_categorical_crossentropy"}))
@pytest.mark.parametrize("shape", [(4, 1), (4, 3), (1, 2)])
def test_shapes_that_numpy_would_broadcast(name, shape):
    y_true = np.full(shape, 1 / shape[-1])
    for function in losses.get(name):
        with pytest.raises(ValueError, match=r"y_true has shape .* y_pred \(4, 2\).*reshape"):
            function(y_true, np.full((4, 2), 0.5))


SPARSE_ERRORS = {
    "one-hot": (np.eye(3), np.eye(3), "use categorical_crossentropy for one-hot labels"),
    "too large": ([0, 3], np.ones((2, 3)), "runs from 0 to 3; expected whole numbers from 0 to 2"),
    "negative": ([0, -1], np.ones((2, 3)), "number the classes from 0"),
    "fraction": ([0, 0.5], np.ones((2, 3)), "expected whole numbers"),
    "column": ([[0], [1]], np.ones((2, 3)), "reshape"),
    "too few": ([0], np.ones((2, 3)), r"y_true has shape \(1,\)"),
    "no classes": (0, 1.0, "pass an array such as"),
}


@pytest.mark.parametrize("case", SPARSE_ERRORS)
def test_labels_that_do_not_fit(case):
    y_true, y_pred, message = SPARSE_ERRORS[case]
    for function in losses.get("sparse_categorical_crossentropy"):
        with pytest.raises(ValueError, match=message):
            function(y_true, y_pred)


def test_other_errors():
    with pytest.raises(ValueError, match="use sparse_categorical_crossentropy"):
        losses.categorical_crossentropy([0, 1], np.ones((2, 3)))
    with pytest.raises(ValueError, match="does not sum to 1.*use binary_crossentropy"):
        losses.categorical_crossentropy_gradient([[1, 1, 0]], np.ones((1, 3)))
    with pytest.raises(ValueError, match="delta is 0; expected a number above 0"):
        losses.huber_gradient([[1.0]], [[2.0]], delta=0)
    with pytest.raises(ValueError, match="single numbers"):
        losses.mean_squared_error(1.0, 2.0)
    with pytest.raises(ValueError, match="no loss 'mse'; choose one of binary_crossentropy"):
        losses.get("mse")
