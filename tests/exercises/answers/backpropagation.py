"""Answers to the exercises of lesson 05: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np
import tensorflow as tf

# ---- divide ----------------------------------------------------------------------------------


class Value:
    """As the lesson builds it."""

    def __init__(self, data, operation="", parents=(), slopes=(), label=""):
        self.data, self.operation, self.label = data, operation, label
        self.parents, self.slopes, self.gradient = parents, slopes, 0.0


def divided(slopes):
    return lambda a, b: Value(a.data / b.data, "/", (a, b), slopes(a.data, b.data))


def divided_by_numpy(a, b):
    quotient = np.float32(a.data) / np.float32(b.data)
    return Value(quotient, "/", [a, b], np.array([1, -quotient]) / b.data)


# ---- backward_on_tape ------------------------------------------------------------------------


def tape_by_recursion(parents, slopes):
    """Every entry asks those that use it; the last use is asked last."""

    def gradient(entry):
        if entry == len(parents) - 1:
            return 1.0
        return sum(
            slope * gradient(user)
            for user in range(len(parents))
            for parent, slope in zip(parents[user], slopes[user], strict=True)
            if parent == entry
        )

    return [gradient(entry) for entry in range(len(parents))]


def tape_by_matrix(parents, slopes):
    local = np.zeros((len(parents), len(parents)))
    for user, (places, numbers) in enumerate(zip(parents, slopes, strict=True)):
        np.add.at(local[user], list(places), list(numbers))
    return np.linalg.inv(np.eye(len(parents)) - local)[-1]  # the sum over all ways


def tape(start=1.0, entries=reversed, join=np.add, local=False):
    def backward(parents, slopes):
        gradients = [0.0] * len(parents)
        gradients[-1] = start
        for entry in entries(range(len(parents))):
            for parent, slope in zip(parents[entry], slopes[entry], strict=True):
                part = slope if local else slope * gradients[entry]
                gradients[parent] = join(gradients[parent], part)
        return gradients

    return backward


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


GIVEN = {"divide": (Value,)}

WRONG = {
    "expression_gradient": [
        ((2, 2, -4), "through the maximum"),
        ([4, 2, -4], "through the sum"),
        (np.array([6, 2, 4]), "sign of c"),
        ((6, 4, -2), "swaps"),
        ((6, 2), "shape"),
        ((2, 2, 0), "shut the gate"),
    ],
    "divide": [
        (divided(lambda a, b: (1 / b, a / b**2)), "mind the sign"),
        (divided(lambda a, b: (b, a)), "slopes of a product"),
        (divided(lambda a, b: (1 / b, -a / b)), "One b is missing"),
        (divided(lambda a, b: (1 / b, -1 / b**2)), "a multiplies it"),
        (divided(lambda a, b: (-a / b**2, 1 / b)), "order of the parents"),
        (divided(lambda a, b: (1 / b,)), "one for each parent"),
        (divided(lambda a, b: (1.0, 1.0)), "Nudge a, then b"),
        (lambda a, b: a.data / b.data, "Return a new Value"),
        (lambda a, b: Value(a.data * b.data, "/", (a, b), (1.0, 1.0)), "its data is"),
        (lambda a, b: Value(a.data / b.data, "/", (b, a), (1.0, 1.0)), "not the pair (a, b)"),
    ],
    "backward_on_tape": [
        (tape(join=lambda old, new: new), "must not replace"),
        (tape(entries=iter), "from the first entry to the last"),
        (tape(start=0.0), "All zero"),
        (tape(local=True), "local slopes"),
        (lambda parents, slopes: tape()(parents, slopes)[:-1], "shape"),
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
    "colleagues_conclusion": [
        ((1, ["W1", "b1"]), "open gates"),
        ((0, []), "Right about the gates"),
        ((0, ["W1"]), "all four"),
        ((0, ["b1", "W1"]), "order of NAMES"),
        ((0.0, ("W1", "b1", "W2", "b2")), "second layer agree"),
        ((0.5, ["W1", "b1"]), "part 1"),
    ],
}

RIGHT = {
    "expression_gradient": [
        [6, 2, -4],
        np.array([6.0, 2.0, -4.0], dtype="float32"),
        tf.constant([6.0, 2.0, -4.0]),
    ],
    "divide": [divided(lambda a, b: (1 / b, -a / b**2)), divided_by_numpy],
    "backward_on_tape": [tape(), tape_by_recursion, tape_by_matrix],
    "two_layer_gradients": [
        two_layers,
        two_layers_by_tape,
        two_layers_example_by_example,
        two_layers_in_float32,
    ],
    "find_the_bug": ["W2", np.array(["W1", "W2"])[1].item()],
    "colleagues_conclusion": [(0, ["W1", "b1"]), [np.float64(0), ("W1", "b1")]],
}
