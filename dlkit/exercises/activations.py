"""Exercises of lesson 02: a slope, a softmax, a tent of ReLUs, joints, and a referee's report."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch import activations
from dlkit.scratch.activations import relu, sigmoid


def slope_from_output(s: np.ndarray) -> np.ndarray:
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


def tent(x: np.ndarray, left: float, center: float, right: float) -> np.ndarray:
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
    parts = [change * np.maximum(0, x - corner) for corner, change in changes.items()]
    return np.sum(parts, axis=0)


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

# ---- joints ----------------------------------------------------------------------------------

_LIMIT = 0.06


def peak(x: np.ndarray) -> np.ndarray:
    """A curve with a sharp top at 0 and flat sides, 1 / (1 + 25 x^2), for x from -1 to 1.

    Example:
        >>> peak(np.array([-1.0, 0.0, 1.0])).round(3)
        array([0.038, 1.   , 0.038])
    """
    return 1 / (1 + 25 * np.square(x))


def largest_error(joints: np.ndarray) -> float:
    """Largest distance of the peak and the best sum of ReLUs with these joints, from -1 to 1.

    Beside a ReLU for each joint the sum has a constant and a straight line. Their factors are
    found by least squares, on 1,001 points.

    Args:
        joints: places of the joints, any number of them.

    Returns:
        A float.

    Example:
        >>> round(largest_error([-0.5, 0.0, 0.5]), 2)
        0.11
    """
    x = np.linspace(-1, 1, 1001)
    bends = np.maximum(0, x[:, np.newaxis] - np.asarray(joints, dtype=float))
    parts = np.column_stack([np.ones(1001), x, bends])
    factors, *_ = np.linalg.lstsq(parts, peak(x))
    return float(np.abs(parts @ factors - peak(x)).max())


def _are_six_places(answer):
    try:
        places = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return "give six numbers, for example [-0.7, -0.4, -0.1, 0.1, 0.4, 0.7]."
    if places.shape != (6,):
        return f"give six numbers in one list. The shape of yours is {places.shape}."
    if not (np.abs(places) < 1).all():
        return "a joint must lie between -1 and 1, or it bends nothing there."
    if len(set(places.tolist())) < 6:
        return "two of them are at the same place, where one would do."


def _are_close(answer):
    error = largest_error(answer)
    if error > _LIMIT:
        inside = np.sum(np.abs(np.asarray(answer, dtype=float)) < 0.6)
        if np.allclose(np.diff(np.sort(answer)), np.diff(np.sort(answer))[0]):
            advice = "evenly spaced joints waste some where the curve is straight."
        elif inside < 4:
            advice = "put more of them where the curve bends most."
        else:
            advice = "move one at a time, and keep what helps."
        return f"it is {error:.3f}: {advice}"


joints = Exercise(
    "joints",
    properties=[
        Property("they are six places between -1 and 1", _are_six_places),
        Property(f"the largest error is {_LIMIT} at most", _are_close),
    ],
    hints=[
        "Draw the curve. Where would a straight line do, and where does it turn quickly?",
        "Try exercises.largest_error of your six, then of the same with one joint moved.",
        "Let a loop move random joints by a little, and keep each move that lowers the error.",
    ],
    solution="""
rng = np.random.default_rng(0)
my_joints = np.array([-0.8, -0.4, -0.1, 0.1, 0.4, 0.8])
for _ in range(500):
    moved = np.clip(my_joints + rng.normal(0, 0.05, 6), -0.99, 0.99)
    if exercises.largest_error(moved) < exercises.largest_error(my_joints):
        my_joints = moved
""",
)

# ---- referee ---------------------------------------------------------------------------------


def accuracy_with(name: str, seed: int) -> float:
    """Accuracy on 2,000 fresh points of a network whose hidden layer is random.

    Twelve hidden units with this activation, their weights drawn at random; only the last layer
    is fitted, by least squares, on 200 points. The classes lie in opposite corners of a square.

    Args:
        name: an activation, such as "relu" or "tanh".
        seed: of the points and of the weights.

    Returns:
        A float from 0 to 1.

    Example:
        >>> 0.5 < accuracy_with("tanh", 0) < 1
        True
    """
    f = activations.get(name)
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (2200, 2))
    target = np.sign(x[:, 0] * x[:, 1])
    kernel, bias = rng.normal(size=(2, 12)), rng.normal(size=12)
    h = np.column_stack([f(x @ kernel + bias), np.ones(len(x))])
    last, *_ = np.linalg.lstsq(h[:200], target[:200])
    return float(np.mean(np.sign(h[200:] @ last) == target[200:]))


# Measured: ReLU minus tanh with seed 3, as the colleague did, and the mean over seeds 0 to 49.
UNFAIR_GAP, FAIR_GAP = 0.035, -0.039


def _is_a_difference(answer):
    if isinstance(answer, (str, bool)) or np.ndim(answer) or not np.isreal(answer):
        return "give one number: mean accuracy with ReLU minus mean accuracy with tanh."
    if abs(answer) > 1:
        return "give the difference of accuracies from 0 to 1, not in per cent."


def _is_over_many_seeds(answer):
    answer = float(answer)
    if abs(answer - FAIR_GAP) <= 0.02:
        return None
    if abs(answer + FAIR_GAP) <= 0.02:
        if abs(answer - UNFAIR_GAP) <= 0.001:
            return "that is the colleague's own difference. How much of it is the seed's?"
        return "take ReLU minus tanh, not tanh minus ReLU."
    return f"it is {answer:.3f}. One or few seeds scatter that much: take fifty, and their mean."


referee = Exercise(
    "referee",
    properties=[
        Property("it is a difference of accuracies", _is_a_difference),
        Property("it is the mean over many seeds", _is_over_many_seeds),
    ],
    hints=[
        "Run the colleague's experiment again with seed 4, and with seed 5. What do you see?",
        "Collect the difference for seeds 0 to 49. In how many of them is ReLU ahead?",
        "Take their mean, and compare it with its standard error: spread over root of 50.",
    ],
    solution="""
differences = []
for seed in range(50):
    relu, tanh = exercises.accuracy_with("relu", seed), exercises.accuracy_with("tanh", seed)
    differences.append(relu - tanh)
my_referee = np.mean(differences)  # -0.04, and its standard error is below 0.01
""",
)
