"""What dlkit.exercises.backpropagation defines itself, against TensorFlow's tape."""

import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import backpropagation as exercises

SEEDS = range(5)


def gradients_of(loss, arrays):
    """What the tape says: the gradient of ``loss(*variables)`` for each array."""
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return [np.asarray(gradient) for gradient in tape.gradient(value, variables)]


def test_the_expression_on_paper():
    found = gradients_of(lambda a, b, c: (a + b) * tf.maximum(0.0, a - c), [3.0, 1.0, 1.0])
    assert tuple(map(float, found)) == exercises.expression_gradient.reference


@pytest.mark.parametrize("seed", SEEDS)
def test_relu_gradient_is_that_of_the_tape(seed):
    upstream, x = np.random.default_rng(seed).normal(size=(2, 4, 7))
    x[0, 0] = 0
    (expected,) = gradients_of(lambda v: tf.reduce_sum(upstream * tf.nn.relu(v)), [x])
    np.testing.assert_array_equal(exercises.relu_gradient(upstream, x), expected)


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_layer_backward_is_that_of_the_tape(seed, n):
    rng = np.random.default_rng(seed)
    x, y, *parameters = (
        rng.normal(size=shape) for shape in [(n, 3), (n, 1), (3, 5), (5,), (5, 1), (1,)]
    )

    def loss(W1, b1, W2, b2):
        return tf.reduce_mean((tf.nn.relu(x @ W1 + b1) @ W2 + b2 - y) ** 2)

    found = exercises.two_layer_backward(x, y, *parameters)
    for ours, expected in zip(found, gradients_of(loss, parameters), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bug_is_where_the_answer_says(seed):
    rng = np.random.default_rng(seed)
    parameters = [rng.normal(size=shape) for shape in [(5, 7), (7,), (7, 3), (3,)]]
    x, y = rng.normal(size=(6, 5)), rng.integers(0, 3, size=6)

    def loss(W1, b1, W2, b2):
        logits = tf.nn.relu(x @ W1 + b1) @ W2 + b2
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

    found = exercises.buggy_gradients(parameters, x, y)
    wrong = [
        name
        for name, ours, expected in zip(
            ["W1", "b1", "W2", "b2"], found, gradients_of(loss, parameters), strict=True
        )
        if np.abs(ours - expected).max() > 1e-9
    ]
    assert wrong == [exercises.find_the_bug.reference]
