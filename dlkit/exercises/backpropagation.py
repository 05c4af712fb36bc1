"""Exercises of lesson 05: gradients on paper, a gate, a dense layer, a network, a hidden bug."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake
from dlkit.scratch import activations, operations


def relu_gradient(upstream, x):
    """Gradient with respect to the input of ReLU: the upstream one where x > 0, else 0.

    Args:
        upstream: gradient of the loss with respect to ReLU's output, of any shape.
        x: ReLU's input, of the same shape.

    Returns:
        Gradient with respect to x, of the same shape.

    Example:
        >>> relu_gradient(np.array([3.0, -3.0, 3.0]), np.array([2.0, 2.0, -2.0]))
        array([ 3., -3.,  0.])
    """
    return upstream * (x > 0)


def two_layer_backward(x, y, W1, b1, W2, b2):
    """Gradients of the mean squared error of a network with one hidden ReLU layer.

    L = 1/n sum_i (p_i - y_i)^2 with P = max(0, X W1 + b1) W2 + b2.

    Args:
        x: inputs, shape ``(n, inputs)``.
        y: targets, shape ``(n, 1)``.
        W1: shape ``(inputs, hidden)``.
        b1: shape ``(hidden,)``.
        W2: shape ``(hidden, 1)``.
        b2: shape ``(1,)``.

    Returns:
        dW1, db1, dW2, db2: arrays of the shapes of W1, b1, W2 and b2.

    Source:
        D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986), doi:10.1038/323533a0.

    Example:
        >>> one = np.ones((1, 1))
        >>> two_layer_backward(one, 0 * one, one, np.zeros(1), 3 * one, np.zeros(1))
        (array([[18.]]), array([18.]), array([[6.]]), array([6.]))
    """
    z1 = x @ W1 + b1
    h = np.maximum(z1, 0)
    p = h @ W2 + b2
    delta2 = 2 * (p - y) / len(x)
    delta1 = (delta2 @ W2.T) * (z1 > 0)
    return x.T @ delta1, delta1.sum(axis=0), h.T @ delta2, delta2.sum(axis=0)


def buggy_gradients(parameters, x, y):
    """The lesson's backward pass with one bug in it; do not read it, find it by its numbers.

    Args:
        parameters: list of W1 ``(inputs, hidden)``, b1 ``(hidden,)``, W2 ``(hidden, classes)``
            and b2 ``(classes,)``.
        x: inputs, shape ``(n, inputs)``.
        y: class numbers, shape ``(n,)``.

    Returns:
        A list of four arrays of the shapes of the parameters.

    Example:
        >>> parameters = [np.ones((2, 3)), np.zeros(3), np.ones((3, 4)), np.zeros(4)]
        >>> found = buggy_gradients(parameters, np.ones((5, 2)), np.zeros(5, int))
        >>> [array.shape for array in found]
        [(2, 3), (3,), (3, 4), (4,)]
    """
    W1, b1, W2, b2 = parameters
    z1 = x @ W1 + b1
    h = np.maximum(z1, 0)
    delta2 = (activations.softmax(h @ W2 + b2) - np.eye(len(b2))[y]) / len(x)
    delta1 = (delta2 @ W2.T) * (z1 > 0)
    return [x.T @ delta1, delta1.sum(axis=0), z1.T @ delta2, delta2.sum(axis=0)]


expression_gradient = Exercise(
    "expression_gradient",
    reference=(6.0, 2.0, -4.0),
    mistakes=[
        Mistake(
            "The way of a through the maximum is missing: two uses, two gradients, added.",
            (2.0, 2.0, -4.0),
        ),
        Mistake(
            "The way of a through the sum is missing: two uses, two gradients, added.",
            (4.0, 2.0, -4.0),
        ),
        Mistake("The sign of c: when c grows, a - c falls.", (6.0, 2.0, 4.0)),
        Mistake("A product swaps: each factor gets the value of the other one.", (6.0, 4.0, -2.0)),
        Mistake("You shut the gate: a - c is positive, so it is open.", (2.0, 2.0, 0.0)),
        Mistake("Those are values. How far does f move for a tiny nudge of each?", (3.0, 1.0, 1.0)),
    ],
    hints=[
        "Name the steps: u = a + b, v = max(0, a - c), f = u v. What are their values?",
        "The product swaps: the gradient of u is v = 2, that of v is u = 4.",
        "a gets the 2 of u and, through the open gate, the 4 of v. Fan-outs add.",
    ],
    solution="my_expression_gradient = (2 + 4, 2, -4)",
)

_GATES = np.array([[1.5, -2.0, 0.0], [-0.5, 3.0, 2.0]])
_UPSTREAM = np.array([[2.0, -1.0, 4.0], [-3.0, -5.0, 0.5]])

relu_backward = Exercise(
    "relu_backward",
    reference=relu_gradient,
    cases=[
        Case("upstream gradients of both signs", _UPSTREAM, _GATES),
        Case("an input of exactly 0", np.array([1.0, 1.0]), np.array([0.0, 1.0])),
        Case("every gate shut", np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, -3.0])),
    ],
    mistakes=[
        Mistake(
            "You multiplied by the output of ReLU. Its slope where it is open is 1.",
            lambda upstream, x: upstream * np.maximum(x, 0),
        ),
        Mistake("You multiplied by x itself. The local slope is 1 or 0.", np.multiply),
        Mistake(
            "You put ReLU on the upstream gradient. The sign of x opens the gate, and a negative "
            "gradient may pass.",
            lambda upstream, x: np.maximum(upstream, 0),
        ),
        Mistake(
            "That is the local slope alone. Multiply it by the upstream gradient.",
            lambda upstream, x: (np.asarray(x) > 0).astype(float),
        ),
        Mistake(
            "Your gate is open at exactly 0. As in TensorFlow it is shut there.",
            lambda upstream, x: upstream * (np.asarray(x) >= 0),
        ),
    ],
    hints=[
        "The local slope of ReLU is 1 where x > 0 and 0 elsewhere. What is done with upstream?",
        "In NumPy, x > 0 is an array of True and False, which count as 1 and 0 in a product.",
    ],
)

_RNG = np.random.default_rng(5)
_X, _KERNEL, _DENSE_UPSTREAM = (_RNG.normal(size=shape) for shape in [(3, 2), (2, 4), (3, 4)])
_SQUARE = np.array([[[1.0, 2], [3, 5]], [[0.5, -1], [2, 4]], [[1.0, -2], [4, 3]]])

dense_backward = Exercise(
    "dense_backward",
    reference=operations.dense_backward,
    cases=[
        Case("2 examples, 2 features, 2 units", *_SQUARE),
        Case("3 examples, 2 features, 4 units", _DENSE_UPSTREAM, _X, _KERNEL),
        Case("a single example", _DENSE_UPSTREAM[:1], _X[:1], _KERNEL),
    ],
    mistakes=[
        Mistake(
            "dx: the kernel must be transposed. Here its shape is square and hides the mistake.",
            lambda upstream, x, kernel: (upstream @ kernel, x.T @ upstream, upstream.sum(axis=0)),
        ),
        Mistake(
            "dkernel: x must be transposed, so that the sum runs over the examples.",
            lambda upstream, x, kernel: (upstream @ kernel.T, x @ upstream, upstream.sum(axis=0)),
        ),
        Mistake(
            "dkernel is transposed: its shape must be the kernel's, (features, units).",
            lambda upstream, x, kernel: (upstream @ kernel.T, upstream.T @ x, upstream.sum(axis=0)),
        ),
        Mistake(
            "dbias is a mean over the batch. The bias is used by every example: fan-outs add.",
            lambda upstream, x, kernel: (
                upstream @ kernel.T,
                x.T @ upstream,
                upstream.mean(axis=0),
            ),
        ),
        Mistake(
            "The order is dx, dkernel, dbias.",
            lambda upstream, x, kernel: (x.T @ upstream, upstream.sum(axis=0), upstream @ kernel.T),
        ),
        Mistake(
            "dbias is summed over the units. Sum over the examples.",
            lambda upstream, x, kernel: (upstream @ kernel.T, x.T @ upstream, upstream.sum(axis=1)),
        ),
    ],
    hints=[
        "Each gradient has the shape of its own array: (n, features), (features, units), (units,).",
        "upstream is (n, units). Which transpose makes (n, units) @ ? come out as (n, features)?",
        "dx = upstream @ kernel.T, dkernel = x.T @ upstream. Each example uses the bias once.",
    ],
    solution="""
# as in dlkit.scratch.operations, which checks its input as well
def my_dense_backward(upstream, x, kernel):
    return upstream @ kernel.T, x.T @ upstream, upstream.sum(axis=0)
""",
)


def _network(n, inputs, hidden):
    shapes = [(n, inputs), (n, 1), (inputs, hidden), (hidden,), (hidden, 1), (1,)]
    return [_RNG.normal(size=shape) for shape in shapes]


def _without_gate(x, y, W1, b1, W2, b2):
    _, _, dW2, db2 = two_layer_backward(x, y, W1, b1, W2, b2)
    delta1 = 2 * (np.maximum(x @ W1 + b1, 0) @ W2 + b2 - y) / len(x) @ W2.T
    return x.T @ delta1, delta1.sum(axis=0), dW2, db2


def _from_before_relu(x, y, W1, b1, W2, b2):
    dW1, db1, _, db2 = two_layer_backward(x, y, W1, b1, W2, b2)
    z1 = x @ W1 + b1
    return dW1, db1, z1.T @ (2 * (np.maximum(z1, 0) @ W2 + b2 - y) / len(x)), db2


def _scaled(factor_of):
    return lambda *given: tuple(factor_of(given[0]) * g for g in two_layer_backward(*given))


two_layer_gradients = Exercise(
    "two_layer_gradients",
    reference=two_layer_backward,
    cases=[
        Case("a single example", *_network(1, 2, 3)),
        Case("4 examples, 3 inputs, 5 hidden units", *_network(4, 3, 5)),
        Case("50 examples, 8 inputs, 6 hidden units", *_network(50, 8, 6)),
    ],
    mistakes=[
        Mistake("You forgot 1/n: the loss is a mean over the examples.", _scaled(len)),
        Mistake("You forgot the 2: the slope of a square is twice it.", _scaled(lambda x: 0.5)),
        Mistake("The sign: it is prediction minus target.", _scaled(lambda x: -1)),
        Mistake("You forgot the gate: nothing passes where X W1 + b1 is negative.", _without_gate),
        Mistake("dW2 needs the hidden values after ReLU, not before it.", _from_before_relu),
    ],
    hints=[
        "Only the end is new. What is the slope of (p - y)^2 in p? And the mean over n of them?",
        "delta2 = 2 (p - y) / n, shape (n, 1). From there it is the lesson's backward pass.",
        "dW2 = h.T @ delta2, delta1 = (delta2 @ W2.T) * (z1 > 0), and so on as in the lesson.",
    ],
)

find_the_bug = Exercise(
    "find_the_bug",
    reference="W2",
    mistakes=[
        Mistake("The gradient of W1 agrees with the nudges. Print all four numbers.", "W1"),
        Mistake("The gradient of b1 agrees with the nudges. Print all four numbers.", "b1"),
        Mistake("The gradient of b2 agrees with the nudges. Print all four numbers.", "b2"),
        Mistake("Right array, but give its name as it stands in NAMES.", "dW2"),
        Mistake("Right array, but give its name as it stands in NAMES: with a capital W.", "w2"),
        Mistake("That is its place in NAMES. Give the name itself.", 2),
    ],
    hints=[
        "The lesson's gradient_check takes any backward pass. Give it exercises.buggy_gradients.",
        "gradient_check(exercises.buggy_gradients, toy, toy_x, toy_y) gives four relative "
        "differences, in the order of NAMES. Which is far above 1e-6?",
    ],
    solution=(
        "found = gradient_check(exercises.buggy_gradients, toy, toy_x, toy_y)\n"
        "my_find_the_bug = NAMES[found.argmax()]\n"
        "# The line is dW2 = h.T @ delta2: the bug takes z1, from before ReLU, in place of h."
    ),
)
