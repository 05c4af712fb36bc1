"""Exercises of lesson 02: a slope, a softmax, an initialisation, and a tent built from ReLUs."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch import activations, initializers
from dlkit.scratch.activations import relu, sigmoid


def slope_from_output(s):
    """Slope of the sigmoid at z, from its output s = sigmoid(z): s (1 - s).

    Args:
        s: outputs of a sigmoid, in [0, 1], any shape.

    Returns:
        Array of the shape of s, at most 0.25.

    Example:
        >>> float(slope_from_output(0.5))
        0.25
    """
    s = np.asarray(s)
    return s * (1 - s)


def tent(x, left, center, right):
    """0 up to left, in a straight line to 1 at center and to 0 at right, 0 after it.

    Args:
        x: any shape.
        left, center, right: where it begins to climb, is 1, and is 0 again, in rising order.

    Returns:
        Array of x's shape: a sum of three ReLUs.

    Example:
        >>> tent(np.array([0.0, 0.5, 1.0, 3.0, 9.0]), 0, 1, 5)
        array([0. , 0.5, 1. , 0.5, 0. ])
    """
    x = np.asarray(x, dtype=float)
    up, down = 1 / (center - left), 1 / (right - center)
    changes = {left: up, center: -up - down, right: down}  # of the slope, at the corners
    return sum(change * np.maximum(0, x - corner) for corner, change in changes.items())


def _shares(powers, axis):
    return powers / powers.sum(axis=axis, keepdims=True)


sigmoid_derivative = Exercise(
    "sigmoid_derivative",
    reference=slope_from_output,
    cases=[
        Case("three outputs", np.array([0.1, 0.5, 0.8])),
        Case("a batch", np.array([[0.2, 0.9, 0.4], [0.3, 0.6, 0.99]])),
        Case("saturated outputs", np.array([0.0, 1e-9, 1.0])),
        Case("a single number", 0.25),
    ],
    mistakes=[
        Mistake("The sign inside the bracket is the other one.", lambda s: s * (1 + s)),
        Mistake(
            "You put s through the sigmoid again: s already is what came out of it.",
            lambda s: slope_from_output(sigmoid(s)),
        ),
        Mistake("That is the rule for tanh.", lambda s: 1 - np.asarray(s) ** 2),
        Mistake("Half of the product is missing.", lambda s: 1 - np.asarray(s)),
    ],
    hints=[
        "Look at the row of the sigmoid in the table of slopes. Where does z occur in it?",
        "z occurs only inside of sigmoid(z), and sigmoid(z) is s.",
    ],
)


softmax = Exercise(
    "softmax",
    reference=activations.softmax,
    cases=[
        Case("a batch of two", np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0]])),
        Case("logits of 1000", np.array([[1000.0, 0.0], [999.0, 1000.0]])),
        Case("logits of -1000", np.array([[-1000.0, -1001.0]])),
        Case("1000 and -1000 in one row", np.array([[1000.0, -1000.0]])),
        Case("two rows far apart", np.array([[0.0, 1.0], [2000.0, 2001.0]])),
        Case("a single example", np.array([0.5, -1.5, 3.0])),
        Case("three axes", np.arange(12.0).reshape(2, 2, 3) ** 1.5),
    ],
    mistakes=[
        Mistake(
            "Some power is too large for the computer, or all are too small: use the shift "
            "invariance before you take the powers.",
            lambda z: _shares(np.exp(z), axis=-1),
        ),
        Mistake(
            "You subtract the largest logit of the whole batch: where a row lies far below it, all "
            "its powers are rounded to 0. Every example needs a largest logit of its own.",
            lambda z: _shares(np.exp(z - np.max(z)), axis=-1),
        ),
        Mistake(
            "Your sum runs over the examples (axis 0): it must run over the classes.",
            lambda z: _shares(np.exp(z - np.max(z, axis=-1, keepdims=True)), axis=0),
        ),
        Mistake(
            "Your sum runs over the whole batch: every example needs a sum of its own.",
            lambda z: _shares(np.exp(z - np.max(z, axis=-1, keepdims=True)), axis=None),
        ),
        Mistake(
            "You subtract the mean of a row. That is allowed, but its largest power may still be "
            "too large for the computer.",
            lambda z: _shares(np.exp(z - np.mean(z, axis=-1, keepdims=True)), axis=-1),
        ),
        Mistake("Those are the powers: divide them by their sum.", np.exp),
        Mistake("That is the logarithm of the softmax.", activations.log_softmax),
    ],
    hints=[
        "Only differences between logits count, so you may shift each row as you like.",
        "Subtract from each row the number that makes its largest logit 0. No power exceeds 1.",
        "max and sum need axis=-1, and keepdims=True so that the shapes fit.",
    ],
    solution="""
# as in dlkit.scratch.activations, which checks its input as well
def my_softmax(z):
    powers = np.exp(z - z.max(axis=-1, keepdims=True))  # the largest power of each row is 1
    return powers / powers.sum(axis=-1, keepdims=True)
""",
)


SHAPE = (400, 100)  # fan_in and fan_out differ, so that taking one for the other shows


def _drawn(answer, seed=0, shape=SHAPE):
    return np.asarray(answer(shape, np.random.default_rng(seed)), dtype=float)


def _returns_something(answer):
    if answer(SHAPE, np.random.default_rng(0)) is None:
        return "it returned nothing (None). Is a `return` missing?"


def _has_shape(answer):
    for shape in (SHAPE, (3, 7)):
        found = _drawn(answer, shape=shape).shape
        if found != shape:
            return f"for {shape} the shape is {found}."


def _uses_generator(answer):
    first, again, other = _drawn(answer), _drawn(answer), _drawn(answer, seed=1)
    if not np.array_equal(first, again):
        return "two generators of one seed give different weights. Draw from rng, nothing else."
    if np.array_equal(first, other):
        return "two generators of different seeds give the same weights. Draw from the rng given."


def _has_mean_zero(answer):
    weights = _drawn(answer)
    if not abs(weights.mean()) < 0.05 * weights.std():
        return f"of {weights.size} weights the mean is {weights.mean():.3g}."


def _has_spread(answer):
    fan_in, fan_out = SHAPE
    found = _drawn(answer).std()
    if abs(found / np.sqrt(2 / fan_in) - 1) < 0.04:  # about eight standard errors
        return None
    for std, reason in (
        (2 / fan_in, "That is the variance: a normal distribution is drawn by its square root."),
        (np.sqrt(2 / fan_out), "You took fan_out for fan_in."),
        (np.sqrt(2 / (fan_in + fan_out)), "That is Glorot's."),
        (np.sqrt(1 / fan_in), "The factor 2 is missing: a ReLU zeroes one half."),
        (np.sqrt(2 / fan_in / 3), "Did you draw uniform numbers? They spread less than you ask."),
    ):
        if abs(found / std - 1) < 0.04:
            return f"with fan_in = {fan_in} and fan_out = {fan_out} it is {found:.3g}. {reason}"
    return f"with fan_in = {fan_in} and fan_out = {fan_out} it is {found:.3g}."


def _is_normal(answer):
    weights = _drawn(answer)
    kurtosis = ((weights / weights.std()) ** 4).mean()
    if kurtosis < 2.1:  # normal 3, cut off at two standard deviations 2.4, uniform 1.8
        return "they look uniform: the extremes are as common as the middle."


he_normal = Exercise(
    "he_normal",
    reference=initializers.he_normal,
    properties=[
        Property("it returns the weights", _returns_something),
        Property("the weights have the shape asked for", _has_shape),
        Property("the generator decides the weights", _uses_generator),
        Property("their mean is 0", _has_mean_zero),
        Property("their standard deviation is He's", _has_spread),
        Property("they are normally distributed", _is_normal),
    ],
    hints=[
        "fan_in is the number of inputs of a unit: how many weights does one sum run over?",
        "The standard deviation is a square root: sqrt(2 / fan_in), and fan_in is shape[0].",
        "rng.normal(mean, standard deviation, shape) draws the numbers.",
    ],
    solution="""
# as in dlkit.scratch.initializers, which checks its input as well
def my_he_normal(shape, rng):
    fan_in = shape[0]
    return rng.normal(0, np.sqrt(2 / fan_in), shape)
""",
)

hat = Exercise(
    "hat",
    reference=tent,
    cases=[
        Case("as wide on both sides", np.linspace(-1, 5, 13), 0.0, 2.0, 4.0),
        Case("steeper on the left", np.linspace(-2, 6, 9), -1.0, 0.0, 4.0),
        Case("narrow", np.array([0.1, 0.2, 0.25, 0.3, 0.32, 9.0]), 0.2, 0.3, 0.35),
        Case("a single number, far to the right", 100.0, 0.0, 1.0, 3.0),
        Case("a table of numbers", np.arange(6.0).reshape(2, 3), 0.0, 3.0, 4.0),
    ],
    mistakes=[
        Mistake(
            "It goes on falling after `right`: one more corner is missing there.",
            lambda x, left, center, right: (
                tent(x, left, center, right) - relu(x - right) / (right - center)
            ),
        ),
        Mistake(
            "The slopes are 1 and -1 whatever the widths: a climb of 1 over a width w has the "
            "slope 1 / w.",
            lambda x, left, center, right: relu(x - left) - 2 * relu(x - center) + relu(x - right),
        ),
        Mistake(
            "At `center` the slope only drops to 0, so the tent has a flat roof: it must drop "
            "further, to the slope of the way down.",
            lambda x, left, center, right: (relu(x - left) - relu(x - center)) / (center - left),
        ),
        Mistake(
            "Both sides have the slope of the left one.",
            lambda x, left, center, right: (
                (relu(x - left) - 2 * relu(x - center) + relu(x - right)) / (center - left)
            ),
        ),
        Mistake(
            "It falls below 0 outside of the tent: nothing cuts it off there.",
            lambda x, left, center, right: np.minimum(
                (x - left) / (center - left), (right - x) / (right - center)
            ),
        ),
    ],
    hints=[
        "There are three corners, and one ReLU per corner. What is the slope after each?",
        "The slope is 0, then up = 1 / (center - left), then -1 / (right - center), then 0.",
        "The factor of a ReLU is by how much the slope changes at its corner.",
    ],
)
