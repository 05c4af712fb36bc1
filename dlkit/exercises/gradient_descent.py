"""Exercises of lesson 04: descent, a numerical gradient, mini-batches, the rate that breaks."""

import itertools

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.gradients import numerical_gradient as central_differences


class Formula:
    """A function that prints as its formula, so that a verdict can show it.

    Example:
        >>> Formula("w -> 2 w", lambda w: 2 * w)
        w -> 2 w
    """

    def __init__(self, text, function):
        self.text, self.function = text, function

    def __call__(self, x):
        return self.function(x)

    def __repr__(self):
        return self.text


def last_point(gradient, start, learning_rate, steps):
    """Where gradient descent ends after so many steps w <- w - learning_rate * gradient(w).

    Example:
        >>> last_point(lambda w: 2 * w, np.array([1.0, -4.0]), 0.25, 2)
        array([ 0.25, -1.  ])
    """
    w = np.array(start, dtype=float)
    for _ in range(steps):
        w = w - learning_rate * gradient(w)
    return w


def shuffled_batches(x, y, batch_size, rng):
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


def rate_that_breaks(gradient, size):
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
    answer(_BOWL, start, 0.1, 3)
    if start.tolist() != [3.0, -2.0]:
        return "your loop works on start itself. Work on a copy."


gradient_descent = Exercise(
    "gradient_descent",
    reference=last_point,
    cases=[
        Case("one step in a bowl", _BOWL, np.array([3.0]), 0.3, 1),
        Case("ten steps in a ravine", _RAVINE, np.array([-4.0, 1.0]), 0.15, 10),
        Case("no step at all", _RAVINE, np.array([-4.0, 1.0]), 0.15, 0),
        Case("a gradient that is not linear", _QUARTIC, np.array([[0.5, 2.0], [-0.1, 0]]), 0.05, 7),
    ],
    mistakes=[
        Mistake(
            "You walk uphill: look at the sign of the step.",
            lambda gradient, start, rate, steps: last_point(gradient, start, -rate, steps),
        ),
        Mistake(
            "The gradient of the start serves for every step in yours: compute it anew each time.",
            lambda gradient, start, rate, steps: start - steps * rate * gradient(start),
        ),
        Mistake(
            "That is one step too many.",
            lambda gradient, start, rate, steps: last_point(gradient, start, rate, steps + 1),
        ),
        Mistake(
            "That is one step too few.",
            lambda gradient, start, rate, steps: last_point(gradient, start, rate, steps - 1),
        ),
        Mistake(
            "The learning rate is missing from your step.",
            lambda gradient, start, rate, steps: last_point(gradient, start, 1.0, steps),
        ),
    ],
    properties=[Property("start is left as it was", _keeps_start)],
    hints=[
        "Keep the current point in a variable of its own, and change it in a loop.",
        "Each time round, ask for the gradient at the point where you are now.",
        "w = w - learning_rate * gradient(w) makes a new array; w -= … changes the old one.",
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
    answer(lambda values: seen.append(1) or float(np.sum(values**2)), x)
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
