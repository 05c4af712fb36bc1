"""Exercises of lesson 04: when to stop, a numerical gradient, batches, a rate, an unfair race."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.gradients import numerical_gradient as central_differences


class Formula:
    """A function that prints as its formula, so that a verdict can show it.

    Example:
        >>> Formula("w -> 2 w", lambda w: 2 * w)
        w -> 2 w
    """

    def __init__(self, text: str, function: Callable) -> None:
        self.text, self.function = text, function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.function(x)

    def __repr__(self):
        return self.text


def descended_until(
    gradient: Callable, start: np.ndarray, learning_rate: float, tolerance: float, limit: int
) -> tuple[np.ndarray, int]:
    """Gradient descent, w <- w - learning_rate * gradient(w), until it is flat.

    It ends as soon as ||gradient(w)|| <= tolerance, or after ``limit`` steps.

    Args:
        gradient: function of w that returns an array of its shape.
        start: where to begin, of any shape; it is not changed.
        learning_rate: above 0.
        tolerance: length of the gradient that counts as flat.
        limit: the most steps.

    Returns:
        The last w, and the number of steps.

    Example:
        >>> descended_until(lambda w: 2 * w, np.array([1.0, 0.0]), 0.25, 0.6, 100)
        (array([0.25, 0.  ]), 2)
    """
    w, steps = np.array(start, dtype=float), 0
    while steps < limit and np.linalg.norm(gradient(w)) > tolerance:
        w = w - learning_rate * gradient(w)
        steps = steps + 1
    return w, steps


def shuffled_batches(
    x: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (x_batch, y_batch) in an order drawn from rng, each example once.

    Example:
        >>> x, rng = np.arange(5), np.random.default_rng(0)
        >>> [len(x_batch) for x_batch, y_batch in shuffled_batches(x, x, 2, rng)]
        [2, 2, 1]
    """
    order = rng.permutation(len(x))
    for first in range(0, len(x), batch_size):
        batch = order[first : first + batch_size]
        yield x[batch], y[batch]


def steps_to_a_millionth(learning_rate: float, momentum: float) -> float:
    """Steps until the loss stays at a millionth of its start or below, on one bowl of two weights.

    The bowl has the curvatures 1 and 2, and at the start both directions have half of the loss.

    Args:
        learning_rate: above 0.
        momentum: from 0 to below 1.

    Returns:
        The number of steps, a whole number; infinity if the walk has not arrived after 10,000.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> steps_to_a_millionth(0.5, 0.0)
        10
    """
    if not (learning_rate > 0 and 0 <= momentum < 1):
        raise ValueError(
            f"learning_rate is {learning_rate} and momentum {momentum}; expected a rate above 0 "
            "and a momentum from 0 to below 1"
        )
    curvatures = np.array([1.0, 2.0])
    w, velocity, last_above = 1 / np.sqrt(curvatures), np.zeros(2), 0
    for step in range(1, 10_001):
        velocity = momentum * velocity - learning_rate * curvatures * w
        w = w + velocity
        loss = (curvatures * w**2).sum() / 2  # 1 at the start
        if loss > 1e-6:
            last_above = step
        if loss > 1e6 or (loss < 1e-6 and np.abs(velocity).max() < 1e-9):
            break
    return last_above + 1 if loss < 1e-6 else np.inf


def rate_that_breaks(gradient: Callable, size: int) -> float:
    """Learning rate above which descent diverges: 2 / largest eigenvalue of A, for gradient A w.

    Example:
        >>> float(rate_that_breaks(lambda w: np.array([1.0, 10.0]) * w, 2))
        0.2
    """
    matrix = np.stack([gradient(unit) for unit in np.eye(size)])  # A, column by column
    return 2 / np.linalg.eigvalsh(matrix).max()


# ---- gradient_descent ------------------------------------------------------------------------

_BOWL = Formula("w -> 2 (w - 1)", lambda w: 2 * (w - 1))
_RAVINE = Formula("w -> (1, 10) * w", lambda w: np.array([1.0, 10.0]) * w)
_QUARTIC = Formula("w -> w**3 - w", lambda w: w**3 - w)


def _keeps_start(answer):
    start = np.array([3.0, -2.0])
    answer(_BOWL, start, 0.1, 1e-9, 3)
    if start.tolist() != [3.0, -2.0]:
        return "your loop works on start itself. Work on a copy."


def _until(step=1.0, late=0, measure=np.linalg.norm, obeys_limit=True):
    """`descended_until` with a mistake in it."""

    def mistaken(gradient, start, learning_rate, tolerance, limit):
        w, steps = np.array(start, dtype=float), 0
        while steps < (limit if obeys_limit else 10_000) and measure(gradient(w)) > tolerance:
            w, steps = w - step * learning_rate * gradient(w), steps + 1
        for _ in range(late):
            w, steps = w - learning_rate * gradient(w), steps + 1
        return w, steps

    return mistaken


descend_until = Exercise(
    "descend_until",
    reference=descended_until,
    cases=[
        Case("a bowl, until it is flat", _BOWL, np.array([3.0]), 0.3, 1e-3, 100),
        Case("a limit of 4 steps", _RAVINE, np.array([-4.0, 1.0]), 0.15, 1e-3, 4),
        Case("a ravine, until it is flat", _RAVINE, np.array([-4.0, 1.0]), 0.15, 0.5, 100),
        Case("a start that is flat already", _BOWL, np.array([1.0]), 0.3, 1e-3, 10),
        Case("a matrix of weights", _QUARTIC, np.array([[0.5, 2.0], [-0.1, 0]]), 0.05, 0.8, 90),
    ],
    mistakes=[
        Mistake("You walk uphill: look at the sign of the step.", _until(step=-1.0)),
        Mistake("You walk one step on where it is flat already: look first.", _until(late=1)),
        Mistake("You go on beyond `limit` steps.", _until(obeys_limit=False)),
        Mistake(
            "You compare the largest entry of the gradient. Its length takes all of them.",
            _until(measure=lambda g: np.abs(g).max()),
        ),
        Mistake(
            "You compare the sum of squares. The length is its root.",
            _until(measure=lambda g: np.sum(np.square(g))),
        ),
    ],
    properties=[Property("start is left as it was", _keeps_start)],
    hints=[
        "Two things end the walk. Which kind of loop goes on while neither has happened?",
        "np.linalg.norm is the length of an array of any shape.",
        "Ask for the gradient anew after every step, and count the steps.",
    ],
)

# ---- numerical_gradient ----------------------------------------------------------------------

_CUBES = Formula("x -> sum of x**3", lambda x: np.sum(np.asarray(x) ** 3))
_WAVES = Formula("x -> sum of sin(x) * x[0]", lambda x: np.sum(np.sin(x) * np.asarray(x)[0]))


def _forward(function, x, step=1e-5):
    moves = step * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(function(x + m) - function(x)) / step for m in moves]).reshape(x.shape)


def _keeps_x(answer):
    x, seen = np.array([0.1, -2.3, 0.7]), []

    def sum_of_squares(values):
        seen.append(values)
        return float(np.sum(values**2))

    answer(sum_of_squares, x)
    if not seen:
        return "your function never calls the function that it is given."
    if x.tolist() != [0.1, -2.3, 0.7]:
        return "x comes back changed, if only by a rounding error. Move a copy."


numerical_gradient = Exercise(
    "numerical_gradient",
    reference=central_differences,
    cases=[
        Case("a large step of 0.1", _CUBES, np.array([1.0, -2.0, 0.5]), 0.1),
        Case("a matrix", _WAVES, np.array([[0.3, -1.0], [2.0, 0.7]]), 0.01),
        Case("the usual step", _CUBES, np.array([0.4, 3.0])),
    ],
    mistakes=[
        Mistake("That is the forward difference: go to both sides.", _forward),
        Mistake(
            "That is the backward difference: go to both sides.",
            lambda function, x, step=1e-5: _forward(function, x, -step),
        ),
        Mistake(
            "Twice too large: how far apart are the two points?",
            lambda function, x, step=1e-5: 2 * central_differences(function, x, step),
        ),
        Mistake(
            "The sign: it is the value ahead minus the value behind.",
            lambda function, x, step=1e-5: -central_differences(function, x, step),
        ),
        Mistake(
            "You do not use `step`.",
            lambda function, x, step=1e-5: central_differences(function, x),
        ),
        Mistake(
            "You moved all entries at once: move one at a time.",
            lambda function, x, step=1e-5: (function(x + step) - function(x - step)) / (2 * step),
        ),
    ],
    properties=[Property("x is left as it was", _keeps_x)],
    hints=[
        "Only one entry moves at a time. Start from an array of zeros of the shape of x.",
        "np.ndindex(x.shape) gives every index of an array of any shape.",
        "Copy x, add step at the index, evaluate; subtract at the same index of another copy.",
    ],
    solution="""
# as in dlkit.scratch.gradients, which checks its input as well
def my_numerical_gradient(function, x, step=1e-5):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (function(ahead) - function(behind)) / (2 * step)
    return gradient
""",
)

# ---- minibatches -----------------------------------------------------------------------------

_N, _SIZE = 50, 16  # three full batches, and one of two


def _data():
    return np.arange(2.0 * _N).reshape(_N, 2), 100 + np.arange(_N)


def _epoch(answer, rng):
    """The pairs that an answer yields, and a sentence on what is wrong with their form."""
    pairs = answer(*_data(), _SIZE, rng)
    if not hasattr(pairs, "__iter__"):
        return [], f"it gave {type(pairs).__name__}, which cannot be looped over. Use `yield`."
    pairs = list(itertools.islice(pairs, _N + 1))
    if len(pairs) > _N:
        return [], f"there are {_N} examples, and more than {_N} batches. Does it ever end?"
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            return [], "not every item is a pair: yield x_batch, y_batch."
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in pairs]
    for x, y in pairs:
        if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
            return [], (
                f"for x of shape {_data()[0].shape} and y of shape ({_N},) there is a batch with "
                f"x_batch of shape {x.shape} and y_batch of shape {y.shape}."
            )
    return pairs, None


def _order(answer, rng):
    return np.concatenate([y for _, y in _epoch(answer, rng)[0]]) - 100


def _right_sizes(answer):
    pairs, problem = _epoch(answer, np.random.default_rng(0))
    sizes = [len(y) for _, y in pairs]
    if not problem and sizes != [16, 16, 16, 2]:
        problem = f"{_N} examples in batches of {_SIZE} came as {sizes}; expected [16, 16, 16, 2]."
    return problem


def _each_once(answer):
    counts = np.bincount(_order(answer, np.random.default_rng(0)), minlength=_N)
    if (counts != 1).any():
        return (
            f"{(counts == 0).sum()} of {_N} examples never come, and "
            f"{(counts > 1).sum()} come more than once."
        )


def _together(answer):
    for x, y in _epoch(answer, np.random.default_rng(0))[0]:
        if not np.array_equal(x, _data()[0][y - 100]):
            return "an image comes with the label of another: one order must serve both."


def _random(answer):
    rng = np.random.default_rng(0)
    first, second = _order(answer, rng), _order(answer, rng)
    if np.array_equal(first, np.arange(_N)):
        return "the examples come in the order in which they are stored."
    if np.array_equal(first, second):
        return "a second epoch comes in the same order as the first."
    if not np.array_equal(first, _order(answer, np.random.default_rng(0))):
        return "two generators with the same seed give different orders: draw from rng alone."
    if (np.diff(first) == 1).mean() > 0.5:
        return "most neighbours stay together: shuffle the examples, not only the batches."


def _keeps_data(answer):
    x, y = _data()
    list(itertools.islice(answer(x, y, _SIZE, np.random.default_rng(0)), _N))
    if not (np.array_equal(x, _data()[0]) and np.array_equal(y, _data()[1])):
        return "it shuffles the arrays that it is given. Shuffle indices instead."


minibatches = Exercise(
    "minibatches",
    reference=shuffled_batches,
    properties=[
        Property("only the last batch is smaller", _right_sizes),
        Property("each example comes once", _each_once),
        Property("x and y belong together", _together),
        Property("the order is drawn from rng", _random),
        Property("x and y are left as they were", _keeps_data),
    ],
    hints=[
        "Shuffle the indices 0 to n - 1, not the data.",
        "rng.permutation(len(x)) is an order; x[order[a:b]] and y[order[a:b]] are a batch.",
        "range(0, len(x), batch_size) gives where the batches begin; a slice may run over the end.",
    ],
)

# ---- critical_rate ---------------------------------------------------------------------------


def _case(label, matrix):
    formula = Formula(f"the gradient of a bowl of {len(matrix)} weights", lambda w: matrix @ w)
    return Case(label, formula, len(matrix))


def _from_curvatures(rule):
    def mistaken(gradient, size):
        matrix = np.stack([gradient(unit) for unit in np.eye(size)])
        return rule(np.linalg.eigvalsh(matrix))

    return mistaken


critical_rate = Exercise(
    "critical_rate",
    reference=rate_that_breaks,
    cases=[
        _case("curvatures 2 and 7, turned", np.array([[6.0, 2.0], [2.0, 3.0]])),
        _case("one weight", np.array([[4.0]])),
        _case("the ravine of the lesson", np.diag([1.0, 10.0])),
        _case("ten weights", np.cov(np.random.default_rng(4).normal(size=(10, 30)))),
    ],
    mistakes=[
        Mistake(
            "Half of it. That rate reaches the bottom of the steepest direction in one step.",
            _from_curvatures(lambda curvatures: 1 / curvatures.max()),
        ),
        Mistake(
            "That is where the flattest direction breaks. Which one breaks first?",
            _from_curvatures(lambda curvatures: 2 / curvatures.min()),
        ),
        Mistake(
            "That is the rate at which this bowl is fastest: it can still go higher.",
            _from_curvatures(lambda curvatures: 2 / (curvatures.max() + curvatures.min())),
        ),
        Mistake(
            "You used the sum of the curvatures: the steepest alone decides.",
            _from_curvatures(lambda curvatures: 2 / curvatures.sum()),
        ),
        Mistake(
            "That is the largest curvature itself: the rate is the other way round.",
            _from_curvatures(lambda curvatures: curvatures.max()),
        ),
    ],
    hints=[
        "Halve an interval, as in the lesson. Start where no direction is missing: at random.",
        "Or walk *up*: w = gradient(w), shortened to length 1 each time, finds the steepest "
        "direction, and its growth per step is the largest curvature.",
        "Or ask for the gradient at the unit vectors: those are the columns of the matrix.",
    ],
    rtol=0.01,
    atol=0,
    time_limit=20.0,
)

# ---- fair_race -------------------------------------------------------------------------------

_GRID = np.arange(1, 101) / 100


def _fewest(momentum):
    return min(steps_to_a_millionth(rate, momentum) for rate in _GRID)


_PLAIN, _ROLLING = _fewest(0.0), _fewest(0.9)

fair_race = Exercise(
    "fair_race",
    reference=(_PLAIN, _ROLLING),
    mistakes=[
        Mistake(
            "Those are her own two numbers, both at the rate 0.01. Let each have its best rate.",
            (steps_to_a_millionth(0.01, 0.0), steps_to_a_millionth(0.01, 0.9)),
        ),
        Mistake("The order is: plain first, then momentum 0.9.", (_ROLLING, _PLAIN)),
        Mistake(
            "Ten times the rate for plain descent is fairer, but is it its best?",
            (steps_to_a_millionth(0.1, 0.0), _ROLLING),
        ),
        Mistake(
            "Both at plain descent's best rate: that is as unfair, the other way round.",
            (
                _PLAIN,
                steps_to_a_millionth(
                    min(_GRID, key=lambda rate: steps_to_a_millionth(rate, 0.0)), 0.9
                ),
            ),
        ),
    ],
    hints=[
        "What does one long push in the same direction come to, if nine tenths of the velocity "
        "survive each step? How many times the learning rate?",
        "A momentum of 0.9 makes steps that agree ten times as long. So her plain descent had in "
        "effect a tenth of the rate. Neither arm was tuned.",
        "Try all 100 rates in a loop, once with momentum 0 and once with 0.9, and keep the "
        "smallest number of steps of each.",
    ],
    solution="""
rates = np.arange(1, 101) / 100
plain = min(exercises.steps_to_a_millionth(rate, 0.0) for rate in rates)
rolling = min(exercises.steps_to_a_millionth(rate, 0.9) for rate in rates)
my_fair_race = (plain, rolling)
# Nearly the same curvature everywhere: there is no ravine, and momentum only overshoots.
""",
)
