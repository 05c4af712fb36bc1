"""Dense, convolution, pooling and recurrence against TensorFlow and its tape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import assert_close, normal, quick, seeds, shapes, tape_gradients
from hypothesis import given
from hypothesis import strategies as st

from dlkit.scratch import operations

TOLERANCE = {
    "float64": {"rtol": 1e-9, "atol": 1e-11},
    "float32": {"rtol": 1e-4, "atol": 1e-4},
}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
sides = st.tuples(st.integers(1, 4), st.integers(1, 4))
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))
margins = st.sampled_from(["valid", "same"])


def images(draw, window, padding):
    """A shape of images that the window fits into."""
    least = window if padding == "valid" else (1, 1)
    height, width = (draw(st.integers(side, 9)) for side in least)
    return draw(st.integers(1, 3)), height, width, draw(st.integers(1, 3))


@each_dtype
@quick
@given(seeds, shapes(max_dims=4), st.integers(1, 5))
def test_dense_as_the_tape(dtype, seed, shape, units):
    x, kernel, bias = normal(seed, shape, (shape[-1], units), units, dtype=dtype)

    def oracle(x, kernel, bias):
        return tf.tensordot(x, kernel, 1) + bias

    y = operations.dense(x, kernel, bias)
    assert_close(y, oracle(x, kernel, bias), **TOLERANCE[dtype])
    upstream = normal(seed + 1, y.shape, dtype=dtype)
    expected = tape_gradients(oracle, upstream, x, kernel, bias)
    for ours, theirs in zip(operations.dense_backward(upstream, x, kernel), expected, strict=True):
        assert_close(ours, theirs, **TOLERANCE[dtype])


@each_dtype
@quick
@given(seeds, sides, steps, margins, st.integers(1, 4), st.data())
def test_conv2d_as_the_tape(dtype, seed, window, strides, padding, filters, data):
    shape = images(data.draw, window, padding)
    x, kernel, bias = normal(seed, shape, (*window, shape[3], filters), filters, dtype=dtype)

    def oracle(x, kernel, bias):
        return tf.nn.conv2d(x, kernel, strides, padding.upper()) + bias

    y = operations.conv2d(x, kernel, bias, strides, padding)
    assert_close(y, oracle(x, kernel, bias), **TOLERANCE[dtype])
    upstream = normal(seed + 1, y.shape, dtype=dtype)
    expected = tape_gradients(oracle, upstream, x, kernel, bias)
    actual = operations.conv2d_backward(upstream, x, kernel, strides, padding)
    for ours, theirs in zip(actual, expected, strict=True):
        assert_close(ours, theirs, **TOLERANCE[dtype])


@each_dtype
@quick
@given(seeds, sides, steps, margins, st.booleans(), st.data())
def test_max_pool2d_as_the_tape(dtype, seed, window, strides, padding, ties, data):
    x = normal(seed, images(data.draw, window, padding), dtype=dtype)
    x = x.round() if ties else x

    def oracle(x):
        return tf.nn.max_pool2d(x, window, strides, padding.upper())

    y = operations.max_pool2d(x, window, strides, padding)
    assert_close(y, oracle(tf.constant(x)), rtol=0, atol=0)
    upstream = normal(seed + 1, y.shape, dtype=dtype)
    dx = operations.max_pool2d_backward(upstream, x, window, strides, padding)
    assert_close(dx, tape_gradients(oracle, upstream, x)[0], **TOLERANCE[dtype])


@each_dtype
@quick
@given(seeds, st.integers(1, 3), st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
def test_simple_rnn_as_keras(dtype, seed, batch, time, features, units):
    x, *weights = normal(
        seed, (batch, time, features), (features, units), (units, units), units, dtype=dtype
    )
    layer = keras.layers.SimpleRNN(units, return_sequences=True, dtype=dtype)
    layer.build(x.shape)
    layer.set_weights(weights)
    states = operations.simple_rnn(x, *weights)
    upstream = normal(seed + 1, states.shape, dtype=dtype)
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        theirs = layer(inputs)
        total = tf.reduce_sum(theirs * upstream)
    expected = tape.gradient(total, [inputs, *(v.value for v in layer.trainable_variables)])
    assert_close(states, theirs, **TOLERANCE[dtype])
    actual = operations.simple_rnn_backward(upstream, x, states, *weights[:2])
    for ours, gradient in zip(actual, expected, strict=True):
        assert_close(ours, gradient, **TOLERANCE[dtype])


def test_simple_rnn_with_huge_weights_stays_finite():
    x, *weights = (1000 * w for w in normal(0, (2, 20, 3), (3, 4), (4, 4), 4))
    with np.errstate(all="raise", under="ignore"):
        states = operations.simple_rnn(x, *weights)
        gradients = operations.simple_rnn_backward(np.ones_like(states), x, states, *weights[:2])
    assert all(np.isfinite(g).all() for g in (states, *gradients))


def test_defaults_and_single_numbers():
    x, kernel = normal(0, (2, 6, 6, 1), (3, 3, 1, 2))
    assert_close(
        operations.conv2d(x, kernel, strides=2), operations.conv2d(x, kernel, None, (2, 2))
    )
    assert operations.conv2d(x, kernel, padding="same").shape == (2, 6, 6, 2)
    assert_close(operations.max_pool2d(x), operations.max_pool2d(x, (2, 2), (2, 2)))
    assert operations.max_pool2d(x, 3, 1).shape == (2, 4, 4, 1)


def test_an_empty_batch():
    kernel = np.ones((3, 3, 1, 2))
    x = np.zeros((0, 5, 5, 1))
    y = operations.conv2d(x, kernel)
    assert y.shape == (0, 3, 3, 2)
    dx, dkernel, dbias = operations.conv2d_backward(y, x, kernel)
    assert (dx.shape, dkernel.any(), dbias.any()) == (x.shape, False, False)
    assert operations.max_pool2d_backward(operations.max_pool2d(x), x).shape == x.shape
    assert operations.dense(np.zeros((0, 3)), np.ones((3, 2)), np.ones(2)).shape == (0, 2)
    states = operations.simple_rnn(np.zeros((0, 4, 3)), np.ones((3, 2)), np.ones((2, 2)), [0, 0])
    assert states.shape == (0, 4, 2)


def test_inputs_are_left_alone():
    x, kernel, bias = normal(0, (2, 5, 5, 3), (3, 3, 3, 4), 4)
    copies = x.copy(), kernel.copy(), bias.copy()
    y = operations.conv2d(x, kernel, bias)
    operations.conv2d_backward(y, x, kernel)
    pooled = operations.max_pool2d(x)
    operations.max_pool2d_backward(pooled, x)
    operations.max_pool2d(x, 1)[:] = 0
    for array, copy in zip((x, kernel, bias), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


X, KERNEL = np.ones((2, 5, 5, 3)), np.ones((3, 3, 3, 4))
SEQUENCES = np.ones((2, 4, 3))
ERRORS = {
    "channels": (
        lambda: operations.conv2d(X, np.ones((3, 3, 1, 4))),
        r"kernel has shape \(3, 3, 1, 4\); expected \(any, any, 3, any\)",
    ),
    "no channels": (lambda: operations.conv2d(X[..., 0], KERNEL), r"x has shape \(2, 5, 5\)"),
    "bias": (lambda: operations.conv2d(X, KERNEL, np.ones(3)), r"bias has shape \(3,\).*\(4\)"),
    "upstream": (lambda: operations.conv2d_backward(X, X, KERNEL), r"expected \(2, 3, 3, 4\)"),
    "too small": (
        lambda: operations.conv2d(X[:, :2], KERNEL),
        'a smaller window, or padding="same',
    ),
    "padding": (lambda: operations.conv2d(X, KERNEL, padding="full"), "padding is 'full'"),
    "strides": (lambda: operations.conv2d(X, KERNEL, strides=0), "strides is 0; expected a whole"),
    "three strides": (lambda: operations.conv2d(X, KERNEL, strides=(1, 1, 1)), "or two"),
    "pool size": (lambda: operations.max_pool2d(X, 1.5), "pool_size is 1.5; expected a whole"),
    "pool": (lambda: operations.max_pool2d(X, 6), "a window of .* does not fit"),
    "pool upstream": (lambda: operations.max_pool2d_backward(X, X), r"expected \(2, 2, 2, 3\)"),
    "dense": (lambda: operations.dense(X, np.ones((2, 4)), np.ones(4)), r"expected \(3, any\)"),
    "dense bias": (lambda: operations.dense(X, np.ones((3, 4)), 0.0), r"bias has shape \(\)"),
    "dense upstream": (
        lambda: operations.dense_backward(X, X, np.ones((3, 4))),
        r"upstream has shape \(2, 5, 5, 3\); expected \(2, 5, 5, 4\)",
    ),
    "one number": (lambda: operations.dense(1.0, np.ones((1, 1)), [0]), "kernel has shape"),
    "recurrent kernel": (
        lambda: operations.simple_rnn(SEQUENCES, np.ones((3, 2)), np.ones((3, 2)), np.ones(2)),
        r"recurrent_kernel has shape \(3, 2\); expected \(2, 2\)",
    ),
    "sequences": (
        lambda: operations.simple_rnn(SEQUENCES[0], np.ones((3, 2)), np.eye(2), np.ones(2)),
        r"x has shape \(4, 3\); expected \(any, any, any\)",
    ),
    "states": (
        lambda: operations.simple_rnn_backward(
            SEQUENCES[..., :2], SEQUENCES, SEQUENCES, np.ones((3, 2)), np.eye(2)
        ),
        r"states has shape \(2, 4, 3\); expected \(2, 4, 2\)",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_shapes_that_do_not_fit(case):
    call, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        call()
