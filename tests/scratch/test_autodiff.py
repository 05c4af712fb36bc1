"""Value against TensorFlow's tape on random programs; deep graphs; what it refuses."""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import quick
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.scratch.autodiff import Value

numbers = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3)
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / (b * b + 1),  # clear of 0
}
UNARY = {
    "exp": (lambda v: (v * 0.1).exp(), lambda t: tf.exp(t * 0.1)),
    "log": (lambda v: (v**2 + 1).log(), lambda t: tf.math.log(t**2 + 1)),
    "tanh": (Value.tanh, tf.tanh),
    "relu": (Value.relu, tf.nn.relu),
    "sigmoid": (Value.sigmoid, tf.sigmoid),
    "neg": (lambda v: -v, lambda t: -t),
    "cube": (lambda v: v.tanh() ** 3, lambda t: tf.tanh(t) ** 3),
    "3 ** v": (lambda v: 3 ** v.tanh(), lambda t: 3.0 ** tf.tanh(t)),
    "1 - v": (lambda v: 1 - v, lambda t: 1 - t),
    "1 / v": (lambda v: 2 / (v * v + 1), lambda t: 2 / (t * t + 1)),
    "v ** w": (
        lambda v: (v.sigmoid() + 1) ** v.tanh(),
        lambda t: (tf.sigmoid(t) + 1) ** tf.tanh(t),
    ),
}
programs = st.lists(
    st.tuples(st.sampled_from([*BINARY, *UNARY]), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=12,
)


def run(program, pool, is_ours):
    """Each step takes earlier results, so that values are used more than once."""
    pool = list(pool)
    for name, i, j in program:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        if name in BINARY:
            pool.append(BINARY[name](a, b))
        else:
            pool.append(UNARY[name][0 if is_ours else 1](a))
    return pool[-1]


@settings(quick, max_examples=60)
@given(programs, st.lists(numbers, min_size=1, max_size=4))
def test_random_programs_as_the_tape(program, inputs):
    values = [Value(x) for x in inputs]
    result = run(program, values, is_ours=True)
    result.backward()
    tensors = [tf.constant(x, dtype=tf.float64) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        expected = run(program, tensors, is_ours=False)
    expected_gradients = tape.gradient(expected, tensors, unconnected_gradients="zero")
    close = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(result.data, expected, **close)
    for value, gradient in zip(values, expected_gradients, strict=True):
        np.testing.assert_allclose(value.gradient, gradient, **close)


def test_the_graph_can_be_read():
    x, weight = Value(2.0, "x"), Value(-3.0, "w")
    product = x * weight
    result = product.tanh()
    assert (x.operation, x.parents, x.label) == ("", (), "x")
    assert (product.operation, product.parents) == ("*", (x, weight))
    assert (result.operation, result.parents) == ("tanh", (product,))
    made = [x + 1, x - 1, x * 1, x / 1, x**2, -x, x.exp(), x.log(), x.tanh(), x.relu(), x.sigmoid()]
    operations = ["+", "-", "*", "/", "**2", "neg", "exp", "log", "tanh", "relu", "sigmoid"]
    assert [value.operation for value in made] == operations
    assert repr(x) == "Value(data=2, gradient=0, label='x')"


def test_backward_again_starts_afresh():
    x = Value(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.gradient == 6
    (x + 1).backward()
    assert x.gradient == 1
    assert y.gradient == 1, "not part of the new graph"


def test_a_value_used_often():
    x = Value(1.5)
    y = x + x * x + x * x * x + x / x
    y.backward()
    assert x.gradient == pytest.approx(1 + 2 * 1.5 + 3 * 1.5**2)


def test_graphs_deeper_than_the_recursion_limit():
    x = y = Value(1.0)
    for _ in range(50_000):
        y = y + 0.001
    y.backward()
    assert x.gradient == 1


def test_sums_and_numbers_of_numpy_on_either_side():
    x = Value(2.0)
    assert sum([x, x, x]).data == 6
    for number in (3, np.float64(3), np.float32(3), np.int64(3), True + 2):
        assert (number * x).data == (x * number).data == 6
        assert ((number - x).data, (x - number).data) == (1, -1)
        assert ((number / x).data, (x / number).data) == (1.5, pytest.approx(2 / 3))
        assert ((number**x).data, (x**number).data) == (9, 8)
        assert isinstance(number + x, Value)


def test_extremes():
    for x, expected in [(1000.0, 1.0), (-1000.0, 0.0)]:
        value = Value(x)
        y = value.sigmoid()
        y.backward()
        assert (y.data, value.gradient) == (expected, 0)
        assert value.tanh().data == math.copysign(1, x)
    zero = Value(0.0)
    zero.relu().backward()
    assert zero.gradient == 0


POWERS = [(base, n) for base in (-2.0, 0.5, 3.0) for n in (0, 1, 2, 3, -1, -2, 2.0)]


@pytest.mark.parametrize(("base", "exponent"), [*POWERS, (0.0, 1), (0.0, 2), (3.0, 0.5)])
def test_powers_as_the_tape(base, exponent):
    ours = Value(base)
    (ours**exponent).backward()
    theirs = tf.constant(base, dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(theirs)
        power = theirs**exponent
    assert ours.gradient == pytest.approx(float(tape.gradient(power, theirs)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Value("x"), "data is 'x'; expected one number"),
        (lambda: Value(np.ones(2)), "expected one number"),
        (lambda: Value(1.0) + [1, 2], "expected one number"),
        (lambda: Value(0.0).log(), "log of 0; expected a number above 0"),
        (lambda: Value(-8.0) ** 0.5, r"-8 \*\* 0.5 is not a real number"),
        (lambda: Value(0.0) ** 0.5, "no slope"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Value(1.0) / 0, ZeroDivisionError),
        (lambda: Value(0.0) ** -1, ZeroDivisionError),
        (lambda: Value(1000.0).exp(), OverflowError),
        (lambda: Value(1e200) ** 2, OverflowError),
    ],
)
def test_arithmetic_fails_as_pythons_does(call, error):
    with pytest.raises(error):
        call()
