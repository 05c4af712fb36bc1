"""Optimizers step by step against Keras's; what they refuse; initializers against Keras's."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import quick, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.scratch import initializers, optimizers

SHAPES = [(3, 4), (4,), (), (2, 1, 3)]
STEPS = 25
NAMES = ["SGD", "Adagrad", "RMSprop", "Adam", "AdamW"]
CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"momentum": 0.5, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.5, "momentum": 0.9, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.5, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adam", {"weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.2, "beta_1": 0.8}),
]


def arguments_of(optimizer):
    """Keras rounds floats to float32, whatever the type of the variables: so must we."""
    return {
        name: float(np.float32(value)) if isinstance(value, float) else value
        for name, value in vars(optimizer).items()
        if name != "iterations" and not name.startswith("_")
    }


def check_steps(name, arguments, seed, dtype, tolerance, rates=()):
    """25 steps on several arrays, ours and Keras's compared after each."""
    rng = np.random.default_rng(seed)
    variables = [np.asarray(rng.normal(size=shape), dtype=dtype) for shape in SHAPES]
    theirs = [keras.Variable(v, dtype=dtype) for v in variables]
    ours = getattr(optimizers, name)(**arguments)
    vars(ours).update(arguments_of(ours))
    oracle = getattr(keras.optimizers, name)(**arguments_of(ours))
    oracle.build(theirs)
    oracle_step = tf.function(lambda *gradients: oracle.apply(gradients, theirs))
    for step in range(STEPS):
        if rates:
            ours.learning_rate = float(np.float32(rates[step % len(rates)]))
            oracle.learning_rate = ours.learning_rate
        gradients = [np.asarray(rng.normal(size=shape), dtype=dtype) for shape in SHAPES]
        gradients[0][rng.random(SHAPES[0]) < 0.3] = 0
        assert ours.apply(gradients, variables) is None
        oracle_step(*map(tf.constant, gradients))
        for variable, expected in zip(variables, theirs, strict=True):
            assert variable.dtype == dtype
            np.testing.assert_allclose(variable, expected.numpy(), **tolerance)
    assert ours.iterations == STEPS


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_each_step_as_keras(name, arguments):
    check_steps(name, arguments, 0, "float64", {"rtol": 1e-10, "atol": 1e-12})


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_each_step_as_keras_in_float32(name, arguments):
    check_steps(name, arguments, 1, "float32", {"rtol": 1e-5, "atol": 2e-6})


@pytest.mark.parametrize("name", NAMES)
@settings(quick, max_examples=3)
@given(seeds, st.lists(st.floats(0.001, 1), min_size=2, max_size=3))
def test_each_step_as_keras_while_the_rate_changes(name, seed, rates):
    check_steps(name, {}, seed, "float64", {"rtol": 1e-9, "atol": 1e-12}, rates)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_defaults_are_keras_own(name):
    ours = inspect.signature(getattr(optimizers, name)).parameters
    theirs = inspect.signature(getattr(keras.optimizers, name)).parameters
    assert {n: p.default for n, p in ours.items()} == {n: theirs[n].default for n in ours}


@pytest.mark.parametrize("name", NAMES)
def test_arrays_are_changed_in_place_and_gradients_left_alone(name):
    variable, gradient = np.ones(3), np.array([1.0, -1.0, 0.5])
    view, before = variable[:], gradient.copy()
    getattr(optimizers, name)(learning_rate=0.1).apply([gradient], [variable])
    assert (view != 1).all()
    np.testing.assert_array_equal(gradient, before)


ERRORS = {
    "too few gradients": ([np.ones(2)], [np.ones(2)] * 2, "1 gradients and 2 variables"),
    "another shape": ([np.ones((2, 1))], [np.ones(2)], r"gradient 0 has shape \(2, 1\)"),
    "whole numbers": ([np.ones(2)], [np.ones(2, dtype=int)], r"np.array\(\.\.\., dtype=float\)"),
    "a list": ([[1.0]], [[1.0]], "expected a NumPy array of floats"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_gradients_and_variables_that_do_not_fit(case):
    gradients, variables, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        optimizers.Adam().apply(gradients, variables)


def test_one_optimizer_serves_one_model():
    optimizer = optimizers.SGD(momentum=0.9)
    optimizer.apply([np.ones(2)], [np.ones(2)])
    with pytest.raises(ValueError, match="make a new optimizer for each model"):
        optimizer.apply([np.ones(3)], [np.ones(3)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("learning_rate", [0, -0.1, float("nan")])
def test_a_rate_must_be_positive(name, learning_rate):
    with pytest.raises(ValueError, match="learning_rate is .* expected a number above 0"):
        getattr(optimizers, name)(learning_rate=learning_rate)


@pytest.mark.parametrize(
    ("name", "argument"),
    [("SGD", "momentum"), ("RMSprop", "rho"), ("RMSprop", "momentum"), ("Adam", "beta_2")],
)
@pytest.mark.parametrize("value", [1.0, -0.1])
def test_fractions_lie_below_one(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} is .* expected 0 <= {argument} < 1"):
        getattr(optimizers, name)(**{argument: value})


KERAS_INITIALIZERS = {
    "zeros": keras.initializers.Zeros,
    "random_normal": keras.initializers.RandomNormal,
    "glorot_uniform": keras.initializers.GlorotUniform,
    "glorot_normal": keras.initializers.GlorotNormal,
    "he_uniform": keras.initializers.HeUniform,
    "he_normal": keras.initializers.HeNormal,
    "orthogonal": keras.initializers.Orthogonal,
}


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (5, 5, 20, 100)])
@pytest.mark.parametrize("name", initializers.NAMES)
def test_initializers_spread_as_keras_do(name, shape):
    if name == "orthogonal" and len(shape) > 2:
        return
    ours = initializers.get(name)(shape, rng=np.random.default_rng(0))
    keras.utils.set_random_seed(0)
    theirs = keras.ops.convert_to_numpy(KERAS_INITIALIZERS[name]()(shape))
    assert ours.shape == shape
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert ours.mean() == pytest.approx(0, abs=0.001)
    if name.endswith("uniform"):
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.01)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal(shape):
    q = initializers.orthogonal(shape, np.random.default_rng(0))
    product = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_initializers_repeat_with_a_seed_and_need_one():
    for name in initializers.NAMES:
        make = initializers.get(name)
        first, again = (make((3, 2), rng=np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        if name != "zeros":
            with pytest.raises(ValueError, match=r"rng=np.random.default_rng\(seed\)"):
                make((3, 2), rng=5)
    with pytest.raises(ValueError, match="start a bias with zeros"):
        initializers.he_normal((3,), np.random.default_rng(0))
    with pytest.raises(ValueError, match="no initializer 'he'; choose one of zeros"):
        initializers.get("he")
