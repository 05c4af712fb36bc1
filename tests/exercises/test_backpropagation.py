"""What dlkit.exercises.backpropagation defines itself, against TensorFlow's tape."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.exercise_cells import answers_of

from dlkit.exercises import backpropagation as exercises

SEEDS = range(5)
Value = answers_of("backpropagation").Value


def gradients_of(loss, arrays):
    """What the tape says: the gradient of ``loss(*variables)`` for each array."""
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    none = tf.UnconnectedGradients.ZERO
    found = tape.gradient(value, variables, unconnected_gradients=none)
    return [np.asarray(gradient) for gradient in found]


def test_the_expression_on_paper():
    found = gradients_of(lambda a, b, c: (a + b) * tf.maximum(0.0, a - c), [3.0, 1.0, 1.0])
    assert tuple(map(float, found)) == exercises.expression_gradient.reference


@pytest.mark.parametrize("seed", SEEDS)
def test_tape_backward_is_that_of_the_tape(seed):
    """A random graph of sums and products of three inputs, each entry from any before it."""
    rng = np.random.default_rng(seed)
    pairs = [rng.integers(0, 3 + number, size=2) for number in range(9)]
    start = rng.normal(size=3)

    def entries(*inputs):
        made, slopes = list(inputs), [(), (), ()]
        for number, (first, second) in enumerate(pairs):
            a, b = made[first], made[second]
            made.append(a + b if number % 3 == 0 else a * b)
            slopes.append((1.0, 1.0) if number % 3 == 0 else (float(b), float(a)))
        return made, slopes

    slopes = entries(*start)[1]
    found = exercises.tape_backward([(), (), (), *map(tuple, pairs)], slopes)
    expected = gradients_of(lambda *inputs: entries(*inputs)[0][-1], list(start))
    np.testing.assert_allclose(found[:3], expected, rtol=1e-10, atol=1e-12)


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


def wrong_arrays(backward, parameters, x, y):
    """The names of the arrays in which a backward pass of the lesson's network is wrong."""

    def loss(W1, b1, W2, b2):
        logits = tf.nn.relu(x @ W1 + b1) @ W2 + b2
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

    pairs = zip(backward(parameters, x, y), gradients_of(loss, parameters), strict=True)
    names = ["W1", "b1", "W2", "b2"]
    gaps = [np.abs(ours - expected).max() for ours, expected in pairs]
    return [name for name, gap in zip(names, gaps, strict=True) if gap > 1e-9]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bugs_are_where_the_answers_say(seed):
    rng = np.random.default_rng(seed)
    parameters = [rng.normal(size=shape) for shape in [(5, 7), (7,), (7, 3), (3,)]]
    x, y = rng.normal(size=(6, 5)), rng.integers(0, 3, size=6)
    found = wrong_arrays(exercises.buggy_gradients, parameters, x, y)
    assert found == [exercises.find_the_bug.reference]
    _, wrong = exercises.colleagues_conclusion.reference
    assert wrong_arrays(exercises.colleagues_backward, parameters, x, y) == wrong


def test_the_colleagues_own_check_sees_nothing_for_all_gates_are_open():
    parameters, x, y = exercises.colleagues_check()
    assert wrong_arrays(exercises.colleagues_backward, parameters, x, y) == []
    closed = np.mean(np.maximum(x @ parameters[0] + parameters[1], 0) == 0)
    assert closed == exercises.colleagues_conclusion.reference[0]
    assert wrong_arrays(exercises.colleagues_backward, parameters, x - x.mean(), y) == ["W1", "b1"]


def test_the_solution_of_divide_is_accepted():
    names = {"Value": Value}
    exec(exercises.divide.solution_code, names)
    assert exercises.divide.check(names["my_divide"], Value).status == "correct"
