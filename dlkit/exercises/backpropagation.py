"""Exercises of lesson 05: gradients on paper, an operation, a tape, a network, two hidden bugs."""

from collections.abc import Sequence

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch import activations


def tape_backward(
    parents: Sequence[Sequence[int]], slopes: Sequence[Sequence[float]]
) -> np.ndarray:
    """Gradients of a tape's last entry with respect to all its entries, backwards.

    g_last = 1 and g_p = sum over the uses of p of (slope of the use) * g_user.

    Args:
        parents: for each entry, the places of those it was made from, all before it; none for an
            input.
        slopes: for each entry, its local slope for each of its parents.

    Returns:
        float64 array, shape ``(entries,)``.

    Raises:
        ValueError: an entry has not as many slopes as parents.

    Source:
        S. Linnainmaa (1976), doi:10.1007/BF01931367.

    Example:
        >>> tape_backward([(), (), (0, 1)], [(), (), (3.0, 2.0)])  # 2 * 3
        array([3., 2., 1.])
    """
    gradients = np.zeros(len(parents))
    gradients[-1] = 1.0
    for entry in reversed(range(len(parents))):
        for parent, slope in zip(parents[entry], slopes[entry], strict=True):
            gradients[parent] += gradients[entry] * slope
    return gradients


def two_layer_backward(
    x: np.ndarray, y: np.ndarray, W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, ...]:
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


def buggy_gradients(parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
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


def colleagues_backward(
    parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> list[np.ndarray]:
    """A colleague's backward pass for the lesson's network; do not read it, check it.

    Args:
        parameters: list of W1 ``(inputs, hidden)``, b1 ``(hidden,)``, W2 ``(hidden, classes)``
            and b2 ``(classes,)``.
        x: inputs, shape ``(n, inputs)``.
        y: class numbers, shape ``(n,)``.

    Returns:
        A list of four arrays of the shapes of the parameters.

    Example:
        >>> found = colleagues_backward(*colleagues_check())
        >>> [array.shape for array in found]
        [(5, 7), (7,), (7, 3), (3,)]
    """
    W1, b1, W2, b2 = parameters
    h = np.maximum(x @ W1 + b1, 0)
    delta2 = (activations.softmax(h @ W2 + b2) - np.eye(len(b2))[y]) / len(x)
    delta1 = delta2 @ W2.T
    return [x.T @ delta1, delta1.sum(axis=0), h.T @ delta2, delta2.sum(axis=0)]


def colleagues_check() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """What the colleague checked her backward pass with.

    Returns:
        parameters, x, y: as ``colleagues_backward`` takes them, with 5 inputs, 7 hidden units,
        3 classes and 6 examples.

    Example:
        >>> parameters, x, y = colleagues_check()
        >>> x.shape, y.shape
        ((6, 5), (6,))
    """
    rng = np.random.default_rng(3)
    W1, W2 = rng.uniform(0.1, 1, (5, 7)), rng.normal(size=(7, 3))
    return [W1, np.zeros(7), W2, np.zeros(3)], rng.uniform(0.1, 1, (6, 5)), np.arange(6) % 3


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

# ---- divide ----------------------------------------------------------------------------------

_DIVISIONS = ((6.0, 3.0), (-1.0, 4.0), (2.0, -0.5))
_SLOPE_MISTAKES = (
    ("a / b falls when b grows: mind the sign.", lambda a, b: (1 / b, a / b**2)),
    ("Those are the slopes of a product.", lambda a, b: (b, a)),
    (
        "The slope for b: what is the slope of 1 / b? One b is missing.",
        lambda a, b: (1 / b, -a / b),
    ),
    ("The slope for b is that of 1 / b alone: a multiplies it.", lambda a, b: (1 / b, -1 / b**2)),
    ("The slopes are in the order of the parents.", lambda a, b: (-a / b**2, 1 / b)),
)


def _divides(my_divide, value_class):
    for a, b in _DIVISIONS:
        parents = value_class(a), value_class(b)
        made = my_divide(*parents)
        if not all(hasattr(made, name) for name in ("data", "parents", "slopes")):
            return f"it returned {type(made).__name__}. Return a new Value."
        if not np.allclose(made.data, a / b):
            return f"for a = {a:g} and b = {b:g} its data is {made.data:g}; expected {a / b:.4g}."
        if len(made.parents) != 2 or any(
            one is not other for one, other in zip(made.parents, parents, strict=True)
        ):
            return "its parents are not the pair (a, b): give the Values themselves."
        if np.shape(made.slopes) != (2,):
            return f"its slopes have shape {np.shape(made.slopes)}; expected one for each parent."
        if not np.allclose(made.slopes, (1 / b, -a / b**2)):
            for message, mistaken in _SLOPE_MISTAKES:
                if np.allclose(made.slopes, mistaken(a, b)):
                    return message
            return f"for a = {a:g} and b = {b:g} its slopes are wrong. Nudge a, then b."
    return None


divide = Exercise(
    "divide",
    properties=[Property("it makes a Value with the right data, parents and slopes", _divides)],
    hints=[
        "As add and multiply do, it returns Value(data, operation, parents, slopes).",
        "Hold b fixed: by how much does a / b grow for a nudge of a? Then hold a fixed. The slope "
        "of 1 / b is -1 / b squared.",
    ],
    solution="""
def my_divide(a, b):
    return Value(a.data / b.data, "/", (a, b), (1 / b.data, -a.data / b.data**2))
""",
)

# ---- backward_on_tape ------------------------------------------------------------------------


def _tape_mistake(start=1.0, backwards=True, adds=True, upstream=True):
    def mistaken(parents, slopes):
        gradients = np.zeros(len(parents))
        gradients[-1] = start
        for entry in sorted(range(len(parents)), reverse=backwards):
            for parent, slope in zip(parents[entry], slopes[entry], strict=True):
                part = slope * gradients[entry] if upstream else slope
                gradients[parent] = part + (gradients[parent] if adds else 0)
        return gradients

    return mistaken


backward_on_tape = Exercise(
    "backward_on_tape",
    reference=tape_backward,
    cases=[
        Case("a chain", [(), (0,), (1,), (2,)], [(), (3.0,), (-2.0,), (5.0,)]),
        Case("an entry that is used twice", [(), (0,), (0, 1)], [(), (4.0,), (8.0, 2.0)]),
        Case(
            "(w x + b) w x",
            [(), (), (), (0, 1), (3, 2), (4, 3)],
            [(), (), (), (3.0, 2.0), (1.0, 1.0), (6.0, 2.0)],
        ),
        Case("a square, s * s", [(), (0, 0)], [(), (1.5, 1.5)]),
        Case("an entry that nothing uses", [(), (), (0,)], [(), (), (7.0,)]),
    ],
    mistakes=[
        Mistake(
            "A fan-out adds: a second use must not replace the first.", _tape_mistake(adds=False)
        ),
        Mistake(
            "You walk from the first entry to the last. Gradients come from the last.",
            _tape_mistake(backwards=False),
        ),
        Mistake(
            "All zero: where does the first gradient come from? How far does the last entry move "
            "for a nudge of itself?",
            _tape_mistake(start=0.0),
        ),
        Mistake(
            "That sums local slopes. Multiply each by upstream.", _tape_mistake(upstream=False)
        ),
    ],
    hints=[
        "What is the gradient of the last entry? Which entry may send back first, and which next?",
        "Parents stand before their children, so from the last to the first each entry has all of "
        "its gradient when its turn comes.",
        "Every entry adds its own gradient times the slope to the gradient of each parent.",
    ],
)

# ---- two_layer_gradients ---------------------------------------------------------------------

_RNG = np.random.default_rng(5)


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

colleagues_conclusion = Exercise(
    "colleagues_conclusion",
    reference=(0.0, ["W1", "b1"]),
    mistakes=[
        Mistake("Those are the open gates. Which share of h is 0?", (1.0, ["W1", "b1"])),
        Mistake(
            "Right about the gates. With them all open, her check could not see a wrong gate: "
            "change her numbers so that some are shut, and check again.",
            (0.0, []),
        ),
        Mistake("W1 is wrong, but look at all four of the control's numbers.", (0.0, ["W1"])),
        Mistake("Give the names in the order of NAMES.", (0.0, ["b1", "W1"])),
        Mistake(
            "The gradients of the second layer agree in the control too.",
            (0.0, ["W1", "b1", "W2", "b2"]),
        ),
    ],
    hints=[
        "A check can only find what makes a difference on the numbers it is given. What do hers "
        "have in common? Run forward_pass on them and look at z1.",
        "No gate is shut: whether the pass has gates makes no difference. Which one change shuts "
        "some? Negative weights, for example, or inputs of both signs.",
        "gradient_check(exercises.colleagues_backward, parameters, x - 0.5, y) gives the control.",
    ],
    solution=(
        "parameters, x, y = exercises.colleagues_check()\n"
        "share = np.mean(forward_pass(parameters, x)[1] == 0)\n"
        "control = gradient_check(exercises.colleagues_backward, parameters, x - x.mean(), y)\n"
        "wrong = [name for name, gap in zip(NAMES, control) if gap > 1e-3]\n"
        "my_colleagues_conclusion = (share, wrong)\n"
        "# All of her gates are open, so a pass without gates agrees too."
    ),
)
