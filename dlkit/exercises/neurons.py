"""Exercises of lesson 01: logic, distances, two forms of the rule, a referee's report."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property


def signed_distance(x: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """Signed distance of points from the boundary of a neuron: (w · x + b) / ||w||.

    Args:
        x: points, shape ``(n, d)``.
        w, b: weights, shape ``(d,)``, not all zero, and the bias, a number.

    Returns:
        Distances, shape ``(n,)``, positive where the neuron's score is.

    Example:
        >>> signed_distance(np.array([[3.0, 4.0]]), np.array([3.0, 4.0]), -20.0)
        array([1.])
    """
    return (x @ w + b) / np.linalg.norm(w)


def perceptron_update(w: np.ndarray, b: float, x: np.ndarray, y: int) -> tuple[np.ndarray, float]:
    """One step of the perceptron rule for labels -1 and +1.

    If y (w · x + b) <= 0, the answer is wrong: w becomes w + y x, and b becomes b + y.

    Args:
        w, b: weights, shape ``(d,)``, and the bias, a number.
        x, y: one example, shape ``(d,)``, and its label, -1 or 1.

    Returns:
        The new weights and the new bias.

    Source:
        F. Rosenblatt (1962), Principles of neurodynamics, Spartan Books.

    Example:
        >>> perceptron_update(np.zeros(2), 0.0, np.array([1.0, 2.0]), -1)
        (array([-1., -2.]), -1.0)
    """
    if y * (x @ w + b) <= 0:
        return w + y * x, b + y
    return w, b


def averaged_perceptron(x: np.ndarray, y: np.ndarray, epochs: int) -> tuple[np.ndarray, float]:
    """The weights and the bias of a perceptron, averaged over all its steps.

    It starts from zeros and takes the examples in the given order. Each example of each epoch is
    a step and counts once, after its correction if there is one.

    Args:
        x, y: examples, shape ``(n, d)``, and labels 0 or 1; a score of exactly zero means 0.
        epochs: passes through all examples, 1 or more.

    Returns:
        The mean weights, shape ``(d,)``, and the mean bias.

    Source:
        Y. Freund, R. E. Schapire (1999), Large margin classification using the perceptron
        algorithm, doi:10.1023/A:1007662407062.

    Example:
        >>> w, b = averaged_perceptron(np.array([[2.0], [1.0]]), np.array([1, 0]), epochs=1)
        >>> print(w, b)
        [1.5] 0.5
    """
    w, b = np.zeros(x.shape[1]), 0.0
    sum_of_w, sum_of_b = np.zeros(x.shape[1]), 0.0
    for i in [*range(len(x))] * epochs:
        error = y[i] - (x[i] @ w + b > 0)
        w, b = w + error * x[i], b + error
        sum_of_w, sum_of_b = sum_of_w + w, sum_of_b + b
    return sum_of_w / (epochs * len(x)), sum_of_b / (epochs * len(x))


CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
_GATES = {0: "always 0", 1: "AND", 6: "XOR", 7: "OR", 9: "equal", 14: "NAND", 15: "always 1"}


def _arrays(answer, **shapes):
    """The parts of an answer as arrays; raises a ValueError that says what is wrong with it."""
    parts = tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
    if len(parts) != len(shapes):
        wanted = ", ".join(shapes)
        raise ValueError(f"it has {len(parts)} parts; give {len(shapes)}: ({wanted})")
    try:
        arrays = [np.asarray(part, dtype=float) for part in parts]
    except (TypeError, ValueError):
        raise ValueError("one of its parts does not hold numbers in even rows") from None
    for array, (name, shape) in zip(arrays, shapes.items(), strict=True):
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{name} is {array.tolist()}; expected numbers of shape {shape}")
    return arrays


def _answers(wanted, scores_of):
    """A test for a `Property`: the scores at the four corners must give the wanted answers."""

    def test(answer):
        try:
            scores = scores_of(answer)
        except ValueError as error:
            return str(error)
        answers = (scores > 0).astype(int)
        if (answers == wanted).all():
            return None
        first = (answers != wanted).argmax()
        edge = ", just on the boundary, where the step says 0" if scores[first] == 0 else ""
        known = _GATES.get(int(answers @ [8, 4, 2, 1]))
        also = f" Your answers are those of {known}." if known else ""
        return f"at {CORNERS[first].tolist()} the score is {scores[first]:g}{edge}.{also}"

    return test


def _neuron_scores(answer):
    w, b = _arrays(answer, weights=(2,), bias=())
    return CORNERS @ w + b


def _network_scores(answer):
    units = np.size(answer[1]) if isinstance(answer, (tuple, list)) and len(answer) > 1 else 1
    shapes = {"W1": (2, units), "b1": (units,), "w2": (units,), "b2": ()}
    W1, b1, w2, b2 = _arrays(answer, **shapes)
    hidden = (CORNERS @ W1 + b1 > 0).astype(int)
    for one, other in ((0, 1), (0, 2), (3, 1), (3, 2)):
        if (hidden[one] == hidden[other]).all():
            same = f"{CORNERS[one].tolist()} and {CORNERS[other].tolist()}"
            raise ValueError(f"the hidden layer gives {same} one answer, but they must differ")
    return hidden @ w2 + b2


nor = Exercise(
    "nor",
    properties=[
        Property("it says 1 only where both inputs are 0", _answers((1, 0, 0, 0), _neuron_scores))
    ],
    hints=[
        "Draw the square. Which corner must the line cut off, and on which side is the 1?",
        "Each input that is 1 must pull the score down. Which sign do the weights have?",
        "At (0, 0) the score is the bias alone. It must be positive, and one pull at most.",
    ],
    solution="my_nor = ([-1.0, -1.0], 0.5)",
)

equal = Exercise(
    "equal",
    properties=[
        Property("it says 1 where the inputs are equal", _answers((1, 0, 0, 1), _network_scores))
    ],
    hints=[
        "Equal means: both are 1, or neither is. Which gates are these two?",
        "One hidden neuron can be AND, the other NOR (exercise 1).",
        "The last neuron must say 1 if at least one hidden neuron does. Which gate is that?",
    ],
    solution="my_network = ([[1, -1], [1, -1]], [-1.5, 0.5], [1, 1], -0.5)  # AND, NOR; then OR",
)

distance = Exercise(
    "distance",
    reference=signed_distance,
    cases=[
        Case("weights of length 1", np.array([[2.0, 5.0], [-1.0, 0.0]]), np.array([1.0, 0.0]), 0.5),
        Case("weights 3 and 4", np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([3.0, 4.0]), -5.0),
        Case("four inputs", np.arange(12.0).reshape(3, 4) - 5, np.array([1.0, -2.0, 0.5, 3.0]), 1),
    ],
    mistakes=[
        Mistake("This is the score: longer weights enlarge it.", lambda x, w, b: x @ w + b),
        Mistake("The sign is lost.", lambda x, w, b: np.abs(signed_distance(x, w, b))),
        Mistake("Divide by the length, not its square.", lambda x, w, b: (x @ w + b) / (w @ w)),
        Mistake("Where is the bias?", lambda x, w, b: signed_distance(x, w, 0.0)),
        Mistake("Leave b out of the length.", lambda x, w, b: (x @ w + b) / np.sqrt(w @ w + b**2)),
    ],
    hints=[
        "The score is zero on the boundary and grows evenly away from it.",
        "Walk one unit along the weights: by how much does the score grow?",
        "It grows by the length of the weights, so divide by that: np.linalg.norm(w).",
    ],
)


def _wrong_way(w, b, x, y):
    new_w, new_b = perceptron_update(w, b, x, y)
    return 2 * w - new_w, 2 * b - new_b


def _doubled(w, b, x, y):
    error = y - np.where(x @ w + b > 0, 1, -1)
    return w + error * x, b + error


def _until_right(w, b, x, y):
    while y * (x @ w + b) <= 0:
        w, b = perceptron_update(w, b, x, y)
    return w, b


update = Exercise(
    "update",
    reference=perceptron_update,
    cases=[
        Case("a missed +1", np.array([1.0, -1.0]), -0.5, np.array([0.5, 2.0]), 1),
        Case("a missed -1", np.array([1.0, 1.0]), 0.5, np.array([2.0, 1.0]), -1),
        Case("a +1 that is right", np.array([1.0, 1.0]), 0.5, np.array([2.0, 1.0]), 1),
        Case("a -1 that is right", np.array([-1.0, 0.0, 2.0]), 0.0, np.array([3.0, 1.0, 1.0]), -1),
        Case("zeros at the start", np.zeros(2), 0.0, np.array([1.0, 2.0]), -1),
        Case("wrong even after it", np.array([4.0, 0.0]), 0.0, np.array([1.0, 1.0]), -1),
    ],
    mistakes=[
        Mistake("The step goes the wrong way: a missed score gets worse.", _wrong_way),
        Mistake("One step only, even if the answer stays wrong.", _until_right),
        Mistake("A right answer changes nothing.", lambda w, b, x, y: (w + y * x, b + y)),
        Mistake("The bias learns too.", lambda w, b, x, y: (perceptron_update(w, b, x, y)[0], b)),
        Mistake("Your step is twice as long: here y minus the answer is 2 or -2.", _doubled),
        Mistake(
            "A score of exactly zero is a mistake too.",
            lambda w, b, x, y: perceptron_update(w, b, x, y) if x @ w + b else (w, b),
        ),
    ],
    hints=[
        "First find out whether the answer is right: look at the sign of y times the score.",
        "If it is wrong, a missed +1 must gain score, a missed -1 must lose some.",
        "Both at once: add y times the example to the weights. And the bias?",
    ],
)


def _of(choose):
    """A mistaken average: ``choose(steps, n)`` of the weights with the bias, one row a step."""

    def mistaken(x, y, epochs):
        n, x = len(x), np.column_stack([x, np.ones(len(x))])
        steps = [np.zeros(x.shape[1])]
        for i in [*range(n)] * epochs:
            steps.append(steps[-1] + (y[i] - (x[i] @ steps[-1] > 0)) * x[i])
        chosen = np.array(choose(np.array(steps[1:]), n))
        return chosen[:-1], chosen[-1]

    return mistaken


def _after_mistakes(steps, n):
    return steps[np.diff(steps, axis=0, prepend=0.0).any(axis=1)].mean(axis=0)


def _with_start(steps, n):
    return steps.sum(axis=0) / (len(steps) + 1)


def _all_the_last(steps, n):  # the weights; numbers such as the bias cannot be changed in place
    return [*steps[-1, :-1], steps[:, -1].mean()]


_POINTS = np.array([[0.5, 1.0], [1.0, 3.0], [2.0, 0.5], [3.0, 2.5], [1.5, 1.5], [2.5, 3.0]])

average = Exercise(
    "average",
    reference=averaged_perceptron,
    cases=[
        Case("four examples", np.array([[2.0], [1.0], [0.5], [3.0]]), np.array([1, 0, 0, 1]), 1),
        Case("a gap, four epochs", _POINTS, np.array([0, 1, 0, 1, 0, 1]), 4),
        Case("no line parts them", CORNERS, np.array([0, 1, 1, 0]), 5),
    ],
    mistakes=[
        Mistake("These are the last weights.", _of(lambda steps, n: steps[-1])),
        Mistake("Right answers count too.", _of(_after_mistakes)),
        Mistake("The zeros at the start are no step.", _of(_with_start)),
        Mistake("A new array each step: += changes those you stored.", _of(_all_the_last)),
        Mistake("Count every example.", _of(lambda steps, n: steps[n - 1 :: n].mean(axis=0))),
        Mistake("Count corrected steps.", _of(lambda steps, n: steps[:-1].sum(0) / len(steps))),
        Mistake("This is the sum, not the mean.", _of(lambda steps, n: steps.sum(axis=0))),
        Mistake("Average b too.", _of(lambda steps, n: [*steps.mean(0)[:-1], steps[-1, -1]])),
    ],
    hints=[
        "Keep two more values beside w and b: the sum of all w so far, and that of all b.",
        "Add to both sums after every example, whether it was a mistake or not.",
        "At the end divide both by epochs * len(x). Beware of += on an array that you also store.",
    ],
)


def _leaves(n=80, seed=1):
    """Length, width, a column of ones and thickness of n leaves, and the tree of each."""
    rng = np.random.default_rng(seed)
    length, width, thickness = rng.uniform((0.3, 0.2, 0.1), (1.7, 1.2, 0.9), (400, 3)).T
    x = np.column_stack([length, width, np.ones(400), thickness]).round(2)
    size = length + width - 1.7
    keep = np.flatnonzero(np.abs(size) > 0.15)[:n]
    return x[keep], (size[keep] > 0).astype(int)


LEAVES_X, LEAVES_Y = _leaves()


def _names_the_column(answer):
    column, *_ = _no_bias_parts(answer)
    if column == 2:
        return None
    if column not in (0, 1, 3):
        return f"there is no column {column:g}: they are numbered 0 to 3."
    low, high = LEAVES_X[:, int(column)].min(), LEAVES_X[:, int(column)].max()
    return f"column {column:g} runs from {low:g} to {high:g}. Which one could stand in for a bias?"


def _is_the_control(answer):
    _, with_bias, without = _no_bias_parts(answer)
    if not 0 <= min(with_bias, without) <= max(with_bias, without) <= len(LEAVES_X):
        return f"you have {with_bias:g} and {without:g} mistakes; there are 80 leaves."
    if with_bias == without == 0:
        return "no mistakes in either, as in her experiment. Is the column still there?"
    if with_bias and not without:
        return "the two numbers are swapped: with a bias first."
    if with_bias:
        return (
            "with a bias there is a cut without mistakes, and 50 epochs find it. Start from zeros."
        )
    return None


def _no_bias_parts(answer):
    answer = answer.tolist() if isinstance(answer, np.ndarray) else answer
    return [float(part) for part in _arrays(answer, column=(), with_bias=(), without=())]


no_bias = Exercise(
    "no_bias",
    properties=[
        Property("the column is the one that hides the bias", _names_the_column),
        Property("the control tells a bias from none", _is_the_control),
    ],
    hints=[
        "Print the smallest and the largest value of each column. What is odd?",
        "A weight times a column that never changes is a constant. What else is one?",
        "Take it out, np.delete(x_leaves, column, axis=1), and train both again from zeros.",
    ],
    solution="""
control, my_mistakes = np.delete(x_leaves, 2, axis=1), []
for learn_bias in (True, False):
    w, b = np.zeros(3), 0.0
    for _ in range(50):
        order = rng.permutation(80)
        w, b, mistakes = perceptron_epoch(control, y_leaves, w, b, order, learn_bias)
    my_mistakes.append(mistakes)
my_no_bias = (2, *my_mistakes)
""",
)
