"""Layers against Keras's layers with the same weights, forward and backward; what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import assert_close, normal

from dlkit.scratch import activations, layers
from dlkit.scratch.gradients import compare, numerical_gradient

RNG = np.random.default_rng(0)
IMAGES, ROWS, SEQUENCES = (3, 7, 6, 2), (3, 5), (3, 6, 4)
# ours, Keras's, shape of the input
PAIRS = {
    "Dense": (lambda m, **k: m.Dense(4, **k), ROWS),
    "Dense on sequences": (lambda m, **k: m.Dense(4, activation="softmax", **k), SEQUENCES),
    "Conv2D": (lambda m, **k: m.Conv2D(4, 3, **k), IMAGES),
    "Conv2D, strided": (
        lambda m, **k: m.Conv2D(4, (2, 3), strides=2, padding="same", activation="elu", **k),
        IMAGES,
    ),
    "MaxPooling2D": (lambda m, **k: m.MaxPooling2D(**k), IMAGES),
    "MaxPooling2D, same": (
        lambda m, **k: m.MaxPooling2D((3, 2), strides=2, padding="same", **k),
        IMAGES,
    ),
    "Flatten": (lambda m, **k: m.Flatten(**k), IMAGES),
    "BatchNormalization": (lambda m, **k: m.BatchNormalization(**k), ROWS),
    "LayerNormalization": (lambda m, **k: m.LayerNormalization(**k), ROWS),
    "LayerNormalization of sequences": (
        lambda m, **k: m.LayerNormalization(epsilon=0.1, **k),
        SEQUENCES,
    ),
    "SimpleRNN": (lambda m, **k: m.SimpleRNN(5, **k), SEQUENCES),
    "SimpleRNN, all states": (lambda m, **k: m.SimpleRNN(5, return_sequences=True, **k), SEQUENCES),
    **{
        name: (lambda m, name=name, **k: m.Activation(name, **k), ROWS)
        for name in activations.NAMES
    },
}


def oracle_pass(oracle, x, upstream, weights=None):
    """Output, gradient of the input, gradients of the weights."""
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        y = oracle(inputs)
        total = tf.reduce_sum(y * upstream)
    weights = [v.value for v in (weights or oracle.trainable_variables)]
    dx, *gradients = tape.gradient(total, [inputs, *weights])
    return y, dx, gradients


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_as_keras(name, dtype):
    make, shape = PAIRS[name]
    x = normal(0, shape, dtype=dtype)
    ours, oracle = make(layers, dtype=dtype), make(keras.layers, dtype=dtype)
    oracle.build(shape)
    ours.build(shape, np.random.default_rng(1))
    assert [v.shape for v in ours.variables] == [w.shape for w in oracle.get_weights()]
    for variable in ours.variables:
        variable += np.abs(normal(2, variable.shape, scale=0.1))  # biases too; no variance below 0
    oracle.set_weights(ours.variables)
    y = ours(x)
    upstream = normal(3, y.shape, dtype=dtype)
    their_y, their_dx, their_gradients = oracle_pass(oracle, x, upstream)
    # TensorFlow rounds the constants of gelu and leaky_relu to float32
    loose = dtype == "float32" or name in ("gelu", "leaky_relu")
    close = {"rtol": 1e-5, "atol": 2e-6} if loose else {"rtol": 1e-10, "atol": 1e-12}
    assert_close(y, their_y, **close)
    assert_close(ours.backward(upstream), their_dx, **close)
    assert len(ours.gradients) == len(their_gradients)
    for gradient, expected in zip(ours.gradients, their_gradients, strict=True):
        assert_close(gradient, expected, **close)


def test_first_weights_spread_as_keras_do():
    for make, shape in [
        (lambda m: m.Dense(300), (1, 200)),
        (lambda m: m.Dense(300, kernel_initializer="he_normal"), (1, 200)),
        (lambda m: m.Conv2D(50, 5), (1, 9, 9, 20)),
        (lambda m: m.SimpleRNN(100), (1, 2, 100)),
    ]:
        ours, oracle = make(layers), make(keras.layers)
        ours.build(shape, np.random.default_rng(0))
        oracle.build(shape)
        for variable, weight in zip(ours.variables, oracle.get_weights(), strict=True):
            assert variable.dtype == "float32"
            assert variable.std() == pytest.approx(weight.std(), rel=0.03)


def test_a_layer_is_built_on_its_first_call_and_converts_its_input():
    layer = layers.Dense(2)
    assert not layer.built
    assert layer([[1, 2, 3]]).dtype == "float32"
    assert layer.built
    weights = [v.copy() for v in layer.variables]
    layer(np.ones((5, 3)))
    for before, after in zip(weights, layer.variables, strict=True):
        np.testing.assert_array_equal(before, after)


NORMALIZATIONS = {
    "rows": (8, 5),
    "one example": (1, 5),
    "images": (3, 4, 2, 6),
    "sequences": (3, 7, 4),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_batch_normalization_in_training_as_keras(name, dtype):
    """Outputs, gradients and moving statistics over three batches, and then without training."""
    shape = NORMALIZATIONS[name]
    settings = {"momentum": 0.7, "epsilon": 0.05, "dtype": dtype}
    ours, oracle = (
        layers.BatchNormalization(**settings),
        keras.layers.BatchNormalization(**settings),
    )
    ours.build(shape, RNG)
    oracle.build(shape)
    for expected, variable in zip(oracle.get_weights(), ours.variables, strict=True):
        assert_close(variable, expected, atol=0)  # both start alike
    for variable in ours.trainable_variables:
        variable += normal(2, variable.shape, scale=0.3)
    oracle.set_weights(ours.variables)
    close = {"rtol": 2e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    for step in range(4):
        training = step < 3
        x = 3 + 2 * normal(10 + step, shape, dtype=dtype)
        upstream = normal(20 + step, shape, dtype=dtype)
        y = ours(x, training=training)
        dx, gradients = ours.backward(upstream), ours.gradients
        their_y, their_dx, their_gradients = oracle_pass(
            lambda inputs, training=training: oracle(inputs, training=training),
            x,
            upstream,
            oracle.trainable_variables,
        )
        assert_close(y, their_y, **close)
        assert_close(dx, their_dx, **close)
        for gradient, expected in zip(gradients, their_gradients, strict=True):
            assert_close(gradient, expected, **close)
        for variable, expected in zip(ours.variables, oracle.get_weights(), strict=True):
            assert_close(variable, expected, **close)


@pytest.mark.parametrize("make", [layers.BatchNormalization, layers.LayerNormalization])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 2, 3)])
def test_the_way_back_through_mean_and_variance_by_finite_differences(make, shape):
    layer = make(epsilon=0.01, dtype="float64")
    layer.build(shape, RNG)
    for variable in layer.trainable_variables:
        variable += normal(2, variable.shape, scale=0.3)
    x, upstream = normal(0, shape, shape)

    def total(x):
        return np.vdot(layer(x, training=True), upstream)

    total(x)
    dx = layer.backward(upstream)
    assert compare(dx, numerical_gradient(total, x), 1e-6, 1e-8)
    gradients = layer.gradients
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        kept = variable.copy()

        def total_of(values, variable=variable):
            variable[...] = values
            return total(x)

        assert compare(gradient, numerical_gradient(total_of, kept), 1e-6, 1e-8)
        variable[...] = kept


def test_normalized_numbers_have_mean_0_and_variance_1():
    x = 100 + 30 * normal(0, (50, 6))
    y = layers.BatchNormalization(epsilon=1e-9, dtype="float64")(x, training=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-9)
    y = layers.LayerNormalization(epsilon=1e-9, dtype="float64")(x)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=1), 1, rtol=1e-9)


def test_without_training_nothing_moves_and_examples_do_not_meet():
    layer = layers.BatchNormalization()
    x = normal(0, (20, 3), dtype="float32")
    layer(x, training=True)
    before = [variable.copy() for variable in layer.variables]
    together = layer(x)
    np.testing.assert_array_equal(layer(x[:1]), together[:1])
    for variable, expected in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, expected)
    assert layer(x[:0]).shape == (0, 3)
    assert np.abs(layer(x, training=True) - together).max() > 0.1


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_shortcut_as_keras(dtype, training):
    def inner(module):
        return [
            module.Dense(5, dtype=dtype),
            module.BatchNormalization(momentum=0.7, dtype=dtype),
            module.Activation("tanh", dtype=dtype),
        ]

    shape = (8, 5)
    x, upstream = normal(0, shape, dtype=dtype), normal(1, shape, dtype=dtype)
    ours = layers.Residual(inner(layers), dtype=dtype)
    ours.build(shape, RNG)
    inputs, theirs = keras.Input(shape[1:], dtype=dtype), inner(keras.layers)
    y = inputs
    for layer in theirs:
        y = layer(y)
    oracle = keras.Model(inputs, keras.layers.Add(dtype=dtype)([inputs, y]))
    oracle.set_weights(ours.variables)
    y, dx = ours(x, training=training), ours.backward(upstream)
    their_y, their_dx, their_gradients = oracle_pass(
        lambda inputs: oracle(inputs, training=training), x, upstream, oracle.trainable_variables
    )
    close = {"rtol": 2e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    assert_close(y, their_y, **close)
    assert_close(dx, their_dx, **close)
    for gradient, expected in zip(ours.gradients, their_gradients, strict=True):
        assert_close(gradient, expected, **close)
    for variable, expected in zip(ours.variables, oracle.get_weights(), strict=True):
        assert_close(variable, expected, **close)


ERRORS = {
    "a shortcut of another shape": (
        lambda: layers.Residual([layers.Dense(4)])(np.ones((2, 3))),
        r"the layers make \(4,\) of \(3,\); expected one shape",
    ),
    "a shortcut around no list": (lambda: layers.Residual(layers.Dense(3)), "expected a list"),
    "no batch": (
        lambda: layers.BatchNormalization()(np.ones(3)),
        r"shape \(3,\); expected \(batch",
    ),
    "no example": (
        lambda: layers.BatchNormalization()(np.ones((0, 3)), training=True),
        r"shape \(0, 3\); expected at least one example",
    ),
    "no feature": (lambda: layers.LayerNormalization()(np.ones((3, 0))), r"shape \(3, 0\)"),
    "training": (lambda: layers.Flatten()(np.ones((1, 2)), training="no"), "expected True or"),
    "other features": (
        lambda: [layer(np.ones((2, n))) for layer in [layers.BatchNormalization()] for n in (3, 4)],
        r"x has shape \(2, 4\); expected \(any, 3\)",
    ),
    "upstream of a row": (
        lambda: [
            layer(np.ones((2, 3)), training=True) is layer.backward(np.ones((1, 3)))
            for layer in [layers.BatchNormalization()]
        ],
        "upstream has shape",
    ),
    "activation": (lambda: layers.Dense(2, activation="rely"), "no activation 'rely'"),
    "initializer": (lambda: layers.Dense(2, kernel_initializer="he"), "no initializer 'he'"),
    "units": (lambda: layers.Dense(0), "units is 0; expected a whole number"),
    "filters": (lambda: layers.Conv2D(2.5, 3), "filters is 2.5"),
    "kernel size": (lambda: layers.Conv2D(2, 0), "kernel_size is 0"),
    "strides": (lambda: layers.Conv2D(2, 3, strides=0)(np.ones((1, 5, 5, 1))), "strides is 0"),
    "padding": (lambda: layers.MaxPooling2D(padding="full")(np.ones((1, 4, 4, 1))), "'full'"),
    "order": (lambda: layers.Flatten().backward(np.ones((1, 4))), "call forward first"),
    "another input": (
        lambda: [layer(np.ones((1, n))) for layer in [layers.Dense(2)] for n in (3, 4)],
        r"kernel has shape \(3, 2\); expected \(4, any\)",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    call, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        call()
