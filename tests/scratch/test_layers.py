"""Layers against Keras's layers with the same weights, forward and backward; what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import assert_close, normal

from dlkit.scratch import activations, layers

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
    "SimpleRNN": (lambda m, **k: m.SimpleRNN(5, **k), SEQUENCES),
    "SimpleRNN, all states": (lambda m, **k: m.SimpleRNN(5, return_sequences=True, **k), SEQUENCES),
    **{
        name: (lambda m, name=name, **k: m.Activation(name, **k), ROWS)
        for name in activations.NAMES
    },
}


def oracle_pass(oracle, x, upstream):
    """Output, gradient of the input, gradients of the weights."""
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        y = oracle(inputs)
        total = tf.reduce_sum(y * upstream)
    weights = [v.value for v in oracle.trainable_variables]
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
        variable += normal(2, variable.shape, scale=0.1)  # biases too
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


ERRORS = {
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
