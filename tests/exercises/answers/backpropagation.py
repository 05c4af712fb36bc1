"""Answers to the exercises of lesson 05: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np
import tensorflow as tf

# ---- dense_backward --------------------------------------------------------------------------


def dense_backward_by_loop(upstream, x, kernel):
    dx, dkernel, dbias = np.zeros_like(x), np.zeros_like(kernel), np.zeros(kernel.shape[1])
    for i in range(len(x)):
        for j in range(kernel.shape[1]):
            dbias[j] += upstream[i, j]
            for k in range(kernel.shape[0]):
                dkernel[k, j] += x[i, k] * upstream[i, j]
                dx[i, k] += kernel[k, j] * upstream[i, j]
    return dx, dkernel, dbias


def dense_backward_by_tape(upstream, x, kernel):
    x, kernel = tf.Variable(x), tf.Variable(kernel)
    bias = tf.Variable(tf.zeros(kernel.shape[1], x.dtype))
    with tf.GradientTape() as tape:
        result = tf.reduce_sum(upstream * (x @ kernel + bias))
    return tape.gradient(result, [x, kernel, bias])


def dense_backward_in_float32(upstream, x, kernel):
    upstream, x, kernel = (array.astype("float32") for array in (upstream, x, kernel))
    return [
        np.einsum("nu,fu->nf", upstream, kernel),
        np.einsum("nf,nu->fu", x, upstream),
        np.ones(len(x), "float32") @ upstream,
    ]


# ---- two_layer_gradients ---------------------------------------------------------------------


def two_layers(x, y, W1, b1, W2, b2, *, gate=True, mean=True, factor=2, use="h"):
    z1 = x @ W1 + b1
    h = np.maximum(z1, 0)
    delta2 = factor * (h @ W2 + b2 - y)
    if mean:
        delta2 = delta2 / len(x)
    delta1 = delta2 @ W2.T
    if gate:
        delta1 = np.where(h > 0, delta1, 0)
    before = {"h": h, "z1": z1}[use]
    return x.T @ delta1, delta1.sum(axis=0), before.T @ delta2, delta2.sum(axis=0)


def two_layers_by_tape(x, y, *parameters):
    variables = [tf.Variable(array) for array in parameters]
    W1, b1, W2, b2 = variables
    with tf.GradientTape() as tape:
        predicted = keras.ops.relu(x @ W1 + b1) @ W2 + b2
        loss = tf.reduce_mean((predicted - y) ** 2)
    return tape.gradient(loss, variables)


def two_layers_example_by_example(x, y, W1, b1, W2, b2):
    sums = [np.zeros_like(array) for array in (W1, b1, W2, b2)]
    for row, target in zip(x, y, strict=True):
        h = np.maximum(row @ W1 + b1, 0)
        slope = 2 * (h @ W2 + b2 - target) / len(x)
        back = (W2 @ slope) * (h > 0)
        for total, part in zip(
            sums, (np.outer(row, back), back, np.outer(h, slope), slope), strict=True
        ):
            total += part
    return tuple(sums)


def two_layers_in_float32(*given):
    return two_layers(*(array.astype("float32") for array in given))


def scalar_bias(*given):
    dW1, db1, dW2, db2 = two_layers(*given)
    return dW1, db1.sum(), dW2, db2


# ---- relu_backward ---------------------------------------------------------------------------


def relu_by_loop(upstream, x):
    pairs = zip(np.ravel(upstream), np.ravel(x), strict=True)
    return np.reshape([g if value > 0 else 0.0 for g, value in pairs], np.shape(x))


def relu_in_place(upstream, x):
    upstream[x <= 0] = 0
    return upstream


def relu_by_tape(upstream, x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = tf.nn.relu(x)
    return tape.gradient(y, x, output_gradients=tf.constant(upstream))


WRONG = {
    "expression_gradient": [
        ((2, 2, -4), "through the maximum"),
        ([4, 2, -4], "through the sum"),
        (np.array([6, 2, 4]), "sign of c"),
        ((6, 4, -2), "swaps"),
        ((6, 2), "shape"),
        ((2, 2, 0), "shut the gate"),
    ],
    "relu_backward": [
        (lambda g, x: g * np.maximum(x, 0), "output of ReLU"),
        (lambda g, x: g * x, "x itself"),
        (lambda g, x: g * (g > 0), "on the upstream gradient"),
        (lambda g, x: np.where(x > 0, 1.0, 0.0), "local slope alone"),
        (lambda g, x: np.where(x >= 0, g, 0), "exactly 0"),
        (lambda g, x: g[x > 0], "shape"),
    ],
    "dense_backward": [
        (lambda g, x, w: (np.dot(g, w), x.T @ g, g.sum(axis=0)), "hides the mistake"),
        (lambda g, x, w: (g @ w.T, x @ g, g.sum(axis=0)), "runs over the examples"),
        (lambda g, x, w: (g @ w.T, g.T @ x, g.sum(axis=0)), "dkernel is transposed"),
        (lambda g, x, w: (g @ w.T, x.T @ g, g.mean(axis=0)), "mean over the batch"),
        (lambda g, x, w: (g @ w.T, x.T @ g, g.sum(axis=1)), "summed over the units"),
        (lambda g, x, w: (g @ w.T, x.T @ g), "2 parts"),
        (lambda g, x, w: (g @ w.T, x.T @ g, g), "shape"),
    ],
    "two_layer_gradients": [
        (lambda *given: two_layers(*given, mean=False), "forgot 1/n"),
        (lambda *given: two_layers(*given, factor=1), "forgot the 2"),
        (lambda *given: two_layers(*given, factor=-2), "minus target"),
        (lambda *given: two_layers(*given, gate=False), "forgot the gate"),
        (lambda *given: two_layers(*given, use="z1"), "after ReLU"),
        (scalar_bias, "part 2"),
    ],
    "find_the_bug": [
        ("W1", "gradient of W1 agrees"),
        ("b1", "gradient of b1 agrees"),
        ("b2", "gradient of b2 agrees"),
        ("w2", "capital W"),
        (2, "its place in NAMES"),
        ("dW2", "as it stands in NAMES."),
        (np.array([0.0, 0.0, 1.0, 0.0]), "wrong value"),
    ],
}

RIGHT = {
    "expression_gradient": [
        [6, 2, -4],
        np.array([6.0, 2.0, -4.0], dtype="float32"),
        tf.constant([6.0, 2.0, -4.0]),
    ],
    "relu_backward": [relu_by_loop, relu_in_place, relu_by_tape],
    "dense_backward": [
        dense_backward_by_loop,
        dense_backward_by_tape,
        dense_backward_in_float32,
    ],
    "two_layer_gradients": [
        two_layers,
        two_layers_by_tape,
        two_layers_example_by_example,
        two_layers_in_float32,
    ],
    "find_the_bug": ["W2", np.array(["W1", "W2"])[1].item()],
}
