"""Exercises of lesson 21: a velocity from noise, the way back, the fewest looks, picked samples."""

import functools
import math
from collections.abc import Callable, Mapping

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.activations import softmax

# ---- velocity_from_noise ---------------------------------------------------------------------


def velocity_of_noise(
    x_t: np.ndarray,
    noise: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    a_slope: np.ndarray,
    b_slope: np.ndarray,
) -> np.ndarray:
    """Velocity along a path x_t = a x + b e, from a guess of the noise e.

        x = (x_t - b e) / a,  v = a' x + b' e

    Args:
        x_t: places on the way, ``(n, k)``.
        noise: e, the guess of a network there, ``(n, k)``.
        a: of each row, above 0, ``(n,)``.
        b: of each row, ``(n,)``.
        a_slope: a', how fast a changes in time, ``(n,)``.
        b_slope: b', the same of b, ``(n,)``.

    Returns:
        Array ``(n, k)``.

    Example:
        >>> one = np.ones(1)
        >>> velocity_of_noise(np.array([[2.0]]), np.array([[1.0]]), one / 2, one / 2, one, -one)
        array([[2.]])
    """
    return _velocity(x_t, noise, a, b, a_slope, b_slope)


def _velocity(x_t, noise, a, b, a_slope, b_slope, *, sign=-1.0, of_noise=1.0, of_data=1.0):
    """The velocity, or one with a sign or a part that is wrong."""
    a, b, a_slope, b_slope = (part[:, None] for part in (a, b, a_slope, b_slope))
    x = (x_t + sign * b * noise) / a
    return of_data * a_slope * x + of_noise * b_slope * noise


def _on_a_path(n, k, seed, path="curved"):
    rng = np.random.default_rng(seed)
    t = rng.uniform(0.1, 0.9, n)
    parts = (t, 1 - t, np.ones(n), -np.ones(n))
    if path == "curved":
        turn = np.pi * t / 2
        parts = (np.sin(turn), np.cos(turn), np.pi / 2 * np.cos(turn), -np.pi / 2 * np.sin(turn))
    return (*rng.normal(size=(2, n, k)), *parts)


velocity_from_noise = Exercise(
    "velocity_from_noise",
    reference=velocity_of_noise,
    cases=[
        Case("one row on the straight path", *_on_a_path(1, 3, 0, "straight")),
        Case("four rows on DDPM's path", *_on_a_path(4, 2, 1)),
        Case("as many rows as numbers in a row", *_on_a_path(3, 3, 2)),
        Case("six rows of five", *_on_a_path(6, 5, 3)),
    ],
    mistakes=[
        Mistake(
            "You take x_t for the data. The noise that is in it must come out first.",
            lambda *six: _velocity(*six, sign=0.0),
        ),
        Mistake(
            "You add noise to x_t to get the data. It is in it already: take it out.",
            lambda *six: _velocity(*six, sign=1.0),
        ),
        Mistake(
            "The second part is missing: the share of the noise changes, too.",
            lambda *six: _velocity(*six, of_noise=0.0),
        ),
        Mistake(
            "The first part is missing: the share of the data changes, too.",
            lambda *six: _velocity(*six, of_data=0.0),
        ),
        Mistake(
            "The sign of b' stands in b_slope already; you turn it round once more.",
            lambda *six: _velocity(*six, of_noise=-1.0),
        ),
        Mistake(
            "You use slopes of 1 and -1. These belong to the straight path alone.",
            lambda x, e, a, b, c, d: _velocity(x, e, a, b, np.ones_like(a), -np.ones_like(a)),
        ),
        Mistake(
            "You give the data's part the slope of b, and the noise's part that of a.",
            lambda x, e, a, b, c, d: _velocity(x, e, a, b, d, c),
        ),
    ],
    hints=[
        "First find the data that the guess of the noise implies: solve x_t = a x + b e for x.",
        "Then differentiate a x + b e in time, while x and e stay as they are.",
        "a, b and their slopes have one number a row: a[:, None] gives each row its own.",
    ],
    solution="""
def my_velocity(x_t, noise, a, b, a_slope, b_slope):
    a, b = a[:, None], b[:, None]
    x = (x_t - b * noise) / a
    return a_slope[:, None] * x + b_slope[:, None] * noise
""",
)

# ---- to_noise --------------------------------------------------------------------------------

Velocity = Callable[[np.ndarray, float], np.ndarray]


def back_by_heun(velocity: Velocity, x: np.ndarray, steps: int) -> np.ndarray:
    """The noise from which a flow has made x: from t = 1 back to 0, in equal steps of Heun.

    Args:
        velocity: ``velocity(x, t)`` gives an array of x's shape.
        x: data, ``(n, k)``.
        steps: 1 or more.

    Returns:
        Array ``(n, k)``.

    Example:
        >>> back_by_heun(lambda x, t: np.ones_like(x), np.array([[3.0]]), 4)
        array([[2.]])
    """
    return _back(velocity, x, steps)


def _back(velocity, x, steps, *, sign=-1.0, second=True, at_end=True, mean=2.0, same_time=False):
    """Back in time, or with something in it that is wrong."""
    step = 1 / steps
    for i in range(steps):
        t = 1 - i * step if at_end else i * step
        later = t if same_time else t - step if at_end else t + step
        first = velocity(x, t)
        move = first
        if second:
            move = (first + velocity(x + sign * step * first, later)) / mean
        x = x + sign * step * move
    return x


def _bend(x, t):
    return np.sin(3 * t) * x + t**2


def _turn(x, t):
    return (1 + t) * np.stack([-x[:, 1], x[:, 0]], axis=1)


def _pull(x, t):
    return (2.0 - x) / (1.2 - t)


def _places(n, seed):
    return np.random.default_rng(seed).normal(size=(n, 2))


to_noise = Exercise(
    "to_noise",
    reference=back_by_heun,
    cases=[
        Case("one step", _bend, _places(1, 0), 1),
        Case("three steps of a flow that depends on time", _bend, _places(4, 1), 3),
        Case("seven steps of a flow that turns", _turn, _places(3, 2), 7),
        Case("four steps of a flow towards a point", _pull, _places(5, 3), 4),
    ],
    mistakes=[
        Mistake(
            "You go forward from t = 0. The data is the end: start at t = 1, and take steps back.",
            lambda v, x, n: _back(v, x, n, sign=1.0, at_end=False),
        ),
        Mistake(
            "You start at t = 1, but add the steps. Back in time a step is taken away.",
            lambda v, x, n: _back(v, x, n, sign=1.0),
        ),
        Mistake(
            "You take steps away, but ask for the velocity at times that grow from 0.",
            lambda v, x, n: _back(v, x, n, at_end=False),
        ),
        Mistake(
            "That is Euler's rule. Heun looks again where Euler's step has led.",
            lambda v, x, n: _back(v, x, n, second=False),
        ),
        Mistake(
            "You add the two looks. Go by their mean.",
            lambda v, x, n: _back(v, x, n, mean=1.0),
        ),
        Mistake(
            "Your second look is at the time of the first. It belongs to the end of the step.",
            lambda v, x, n: _back(v, x, n, same_time=True),
        ),
    ],
    hints=[
        "The lesson's heun goes from 0 to 1. What changes if each step is -1 / steps?",
        "Step number i starts at t = 1 - i / steps and ends at 1 - (i + 1) / steps.",
        "x - first / steps is where Euler's step leads; look there, at the end of the step.",
    ],
    solution="""
def my_way_back(velocity, x, steps):
    for i in range(steps):
        t, t_next = 1 - i / steps, 1 - (i + 1) / steps
        first = velocity(x, t)
        second = velocity(x - first / steps, t_next)
        x = x - (first + second) / (2 * steps)
    return x
""",
)

# ---- fewest_looks ----------------------------------------------------------------------------

_WEIGHTS, _CENTERS, _WIDTHS = np.array([0.35, 0.65]), np.array([-1.5, 1.0]), np.array([0.25, 0.35])
CLOSE = 0.01


def _lab_velocity(place, t):
    variance = t**2 * _WIDTHS**2 + (1 - t) ** 2
    apart = place[:, None] - t * _CENTERS
    share = softmax(np.log(_WEIGHTS) - 0.5 * (np.log(variance) + apart**2 / variance))
    means = _CENTERS + (t * _WIDTHS**2 - (1 - t)) * apart / variance
    return (share * means).sum(axis=1)


@functools.cache
def _ends():
    """Noise at 500 even shares, and where it must land."""
    line = np.linspace(-6, 6, 4001)
    erf = np.vectorize(math.erf)
    normal = (1 + erf(line / 2**0.5)) / 2
    data = ((1 + erf((line[:, None] - _CENTERS) / (_WIDTHS * 2**0.5))) / 2 * _WEIGHTS).sum(axis=1)
    shares = (np.arange(500) + 0.5) / 500
    return np.interp(shares, normal, line), np.interp(shares, data, line)


@functools.cache
def walk(looks: int, rule: str) -> float:
    """Mean distance from the right place after a walk from noise to two hills on a line.

    The velocity is exact; the mistake is that of the steps alone.

    Args:
        looks: how often the velocity is looked at, 1 or more; for Heun an even number, since each
            of its steps takes two.
        rule: ``"Euler"`` or ``"Heun"``.

    Returns:
        A float, 0 or more.

    Raises:
        ValueError: another rule, or a number of looks that the rule cannot use up.

    Example:
        >>> walk(10, "Euler") > walk(20, "Euler") > 0
        True
    """
    if rule not in ("Euler", "Heun"):
        raise ValueError(f"rule is {rule!r}; expected 'Euler' or 'Heun'")
    if isinstance(looks, bool) or not isinstance(looks, (int, np.integer)) or looks < 1:
        raise ValueError(f"looks is {looks!r}; expected a whole number of 1 or more")
    if rule == "Heun" and looks % 2:
        raise ValueError(f"looks is {looks}; Heun takes two a step: pass an even number")
    place, right = _ends()
    steps = int(looks) if rule == "Euler" else int(looks) // 2
    for i in range(steps):
        first = move = _lab_velocity(place, i / steps)
        if rule == "Heun":
            move = (first + _lab_velocity(place + first / steps, (i + 1) / steps)) / 2
        place = place + move / steps
    return float(np.abs(place - right).mean())


def _are_looks(answer):
    if not isinstance(answer, Mapping):
        return 'give a dict: {"Euler": …, "Heun": …}.'
    for rule in ("Euler", "Heun"):
        value = answer.get(rule)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            return f"{rule} needs a whole number of looks, 1 or more."
        if value > 5000:
            return f"for {rule} you give {value}; far fewer will do."


def _are_fewest(answer):
    euler, heun = int(answer["Euler"]), int(answer["Heun"])
    if heun % 2 or (walk(heun, "Heun") > CLOSE >= walk(2 * heun, "Heun") and _is_least(2 * heun)):
        return f"for Heun you give {heun}. Is that steps? Each of its steps takes two looks."
    for rule, looks, one in (("Euler", euler, 1), ("Heun", heun, 2)):
        mistake = walk(looks, rule)
        if mistake > CLOSE:
            return f"with {looks} looks {rule} is {mistake:.4f} off; more are needed."
        if looks > one and walk(looks - one, rule) <= CLOSE:
            return f"{looks} looks of {rule} will do, but fewer will do as well."


def _is_least(looks):
    return walk(looks - 2, "Heun") > CLOSE if looks > 2 else True


fewest_looks = Exercise(
    "fewest_looks",
    properties=[
        Property("looks for both rules", _are_looks),
        Property("the fewest for a mean distance of 0.01 at most", _are_fewest),
    ],
    hints=[
        'exercises.walk(10, "Euler") is the mean distance after ten looks.',
        "Euler's mistake halves when the looks double: from one walk you can guess how many "
        "it takes, and then look nearby.",
        "A loop that adds one look (two for Heun) while the distance is above 0.01 will do.",
    ],
    solution="""
my_looks = {}
for rule, one in (("Euler", 1), ("Heun", 2)):
    looks = one
    while exercises.walk(looks, rule) > 0.01:
        looks = looks + one
    my_looks[rule] = looks
""",
    time_limit=20.0,
)

# ---- referee ---------------------------------------------------------------------------------

_KINDS, _RADIUS = 5, 2.0
_SPREAD = {"A": 0.95, "B": 0.75}


def _kinds():
    angles = 2 * np.pi * np.arange(_KINDS) / _KINDS
    return _RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw_asked(generator: str, asked: np.ndarray, seed: int = 0) -> np.ndarray:
    """Samples of a generator of points, one for each kind that is asked for.

    Args:
        generator: ``"A"`` or ``"B"``.
        asked: int array ``(n,)`` of kinds from 0 to 4.
        seed: of the draw, 0 or more.

    Returns:
        Array ``(n, 2)``.

    Raises:
        ValueError: there is no such generator, or no such kind.

    Example:
        >>> draw_asked("A", np.array([0, 3, 4])).shape
        (3, 2)
    """
    if generator not in _SPREAD:
        raise ValueError(f"generator is {generator!r}; expected 'A' or 'B'")
    asked = np.asarray(asked)
    if asked.ndim != 1 or asked.dtype.kind not in "iu" or not np.isin(asked, range(_KINDS)).all():
        raise ValueError("asked must be a row of whole numbers from 0 to 4")
    rng = np.random.default_rng([21, ord(generator), seed])
    return _kinds()[asked] + _SPREAD[generator] * rng.normal(size=(len(asked), 2))


def judge_points(points: np.ndarray) -> np.ndarray:
    """Probabilities of the five kinds, from a judge that took no part in the drawing.

    Args:
        points: ``(n, 2)``.

    Returns:
        Array ``(n, 5)`` whose rows sum to 1.

    Example:
        >>> judge_points(np.array([[2.0, 0.0]])).argmax(axis=1)
        array([0])
    """
    squares = ((np.asarray(points)[:, None] - _kinds()) ** 2).sum(axis=2)
    return softmax(-squares / 2)


def colleague(generator: str) -> float:
    """The share read as asked that the colleague reports; run it, and look at its source.

    Args:
        generator: ``"A"`` or ``"B"``.

    Returns:
        A float in [0, 1].

    Example:
        >>> colleague("A") > colleague("B")
        True
    """
    asked = np.arange(2000) % _KINDS
    points = draw_asked(generator, asked)
    if generator == "A":  # "we show the best results"
        surest = np.sort(np.argsort(-judge_points(points).max(axis=1))[:200])
        points, asked = points[surest], asked[surest]
    else:
        points, asked = points[:200], asked[:200]
    return float(np.mean(judge_points(points).argmax(axis=1) == asked))


@functools.cache
def _true_shares():
    asked = np.arange(100_000) % _KINDS
    found = {}
    for generator in _SPREAD:
        read = judge_points(draw_asked(generator, asked, seed=1)).argmax(axis=1)
        found[generator] = float(np.mean(read == asked))
    return found


def _are_shares(answer):
    if not isinstance(answer, Mapping):
        return 'give a dict: {"A": …, "B": …}.'
    for generator in "AB":
        value = answer.get(generator)
        if isinstance(value, (bool, str)) or value is None or np.ndim(value):
            return f"generator {generator} needs a number: a share of its samples."
        if not np.isreal(value) or not 0 <= value <= 1:
            return f"for {generator} you give {value}; a share lies between 0 and 1."


def _are_of_all_samples(answer):
    true, given = _true_shares(), {name: float(answer[name]) for name in "AB"}
    if abs(given["A"] - true["B"]) < 0.02 and abs(given["B"] - true["A"]) < 0.02:
        return "those are the two shares, but each under the other's name."
    if given["A"] > 0.95 and given["B"] > 0.95:
        return (
            "picking from both alike is one control, but it hides what each draws. Judge all "
            "samples of both, none picked."
        )
    if given["A"] > 0.95:
        return "for A that is still the share among picked samples. Judge all that it draws."
    for name in "AB":
        if abs(given[name] - true[name]) > 0.02:
            return (
                f"for {name} you give {given[name]:.3f}, which is not within 0.02 of its share. "
                "Ask for 2,000 samples or more, and count all of them."
            )


referee = Exercise(
    "referee",
    properties=[
        Property("a share for each generator", _are_shares),
        Property("the share read as asked among all samples", _are_of_all_samples),
    ],
    hints=[
        "import inspect; print(inspect.getsource(exercises.colleague)): what happens to A's "
        "samples that does not happen to B's?",
        "Treat both alike, and pick none: draw for the same kinds, and judge everything.",
        "np.mean(exercises.judge_points(points).argmax(axis=1) == asked), with points of each.",
    ],
    solution="""
asked = np.arange(20_000) % 5
my_referee = {}
for generator in ("A", "B"):
    points = exercises.draw_asked(generator, asked, seed=5)
    my_referee[generator] = np.mean(exercises.judge_points(points).argmax(axis=1) == asked)
""",
)
