"""What the tests of scratch share: settings, random arrays, gradients by TensorFlow's tape."""

import numpy as np
import tensorflow as tf
from hypothesis import settings
from hypothesis import strategies as st

quick = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([0.1, 1.0, 10.0, 100.0])
LOUD = {"over": "raise", "invalid": "raise", "divide": "raise"}  # for np.errstate


def shapes(min_dims=1, max_dims=3, max_side=5):
    """Shapes without empty axes."""
    return st.lists(st.integers(1, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


def normal(seed, *sizes, scale=1.0, dtype="float64"):
    """Normal numbers, an array for each shape."""
    rng = np.random.default_rng(seed)
    arrays = [(scale * rng.normal(size=size)).astype(dtype) for size in sizes]
    return arrays if len(arrays) > 1 else arrays[0]


def tape_gradients(function, upstream, *inputs):
    """Gradients of sum(upstream * function(*inputs)) by TensorFlow's tape; None: of the sum."""
    inputs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
        total = tf.reduce_sum(result if upstream is None else upstream * result)
    gradients = tape.gradient(total, inputs, unconnected_gradients="zero")
    return [gradient.numpy() for gradient in gradients]


def assert_close(actual, expected, rtol=1e-10, atol=1e-12):
    """Equal in shape and type, close in value."""
    expected = np.asarray(expected)
    assert np.shape(actual) == expected.shape
    assert np.asarray(actual).dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)
