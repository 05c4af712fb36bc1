"""Exercises of lesson 20: the best judge, a gradient by pairs, a collapse, a judge of its own."""

from collections.abc import Mapping

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import is_a_number
from dlkit.scratch.activations import sigmoid

# ---- optimum ---------------------------------------------------------------------------------


def best_of_discriminators(real: np.ndarray, fake: np.ndarray, share: float) -> np.ndarray:
    """Probability that a point is real, where real examples are a given share of all.

        D(x) = s p(x) / (s p(x) + (1 - s) q(x)),  and s where both densities are 0

    Args:
        real: density p of real examples at each point, ``(n,)``, 0 or more.
        fake: density q of fakes there, ``(n,)``, 0 or more.
        share: s, of real examples among all, between 0 and 1, both excluded.

    Returns:
        Array ``(n,)`` of probabilities.

    Source: Goodfellow and others (2014), arXiv:1406.2661, proposition 1, for s = 1/2.

    Example:
        >>> best_of_discriminators(np.array([1.0, 1.0, 0.0]), np.array([1.0, 3.0, 0.0]), 0.5)
        array([0.5 , 0.25, 0.5 ])
    """
    top, bottom = share * real, share * real + (1 - share) * fake
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), share)


def _without_care(real, fake, share):
    with np.errstate(invalid="ignore", divide="ignore"):
        return share * real / (share * real + (1 - share) * fake)


def _densities(n, seed):
    return np.random.default_rng(seed).random((2, n))


optimum = Exercise(
    "optimum",
    reference=best_of_discriminators,
    cases=[
        Case("as many fakes as real ones", *_densities(4, 0), 0.5),
        Case("one real example to three fakes", *_densities(5, 1), 0.25),
        Case("nine real examples to one fake", *_densities(3, 2), 0.9),
        Case("no fakes here", np.array([0.2, 1.0]), np.zeros(2), 0.3),
        Case("neither here", np.array([0.0, 0.5]), np.array([0.0, 0.5]), 0.8),
    ],
    mistakes=[
        Mistake(
            "The share is not used: the more real examples there are, the likelier is one.",
            lambda p, q, s: best_of_discriminators(p, q, 0.5),
        ),
        Mistake(
            "That is the probability of a fake.",
            lambda p, q, s: 1 - best_of_discriminators(p, q, s),
        ),
        Mistake(
            "The share belongs to the real examples, and the rest of it to the fakes. With you it "
            "is the other way round.",
            lambda p, q, s: best_of_discriminators(p, q, 1 - s),
        ),
        Mistake(
            "Where both densities are 0 you divide 0 by 0. Nothing is known there but the share.",
            _without_care,
        ),
        Mistake(
            "Fakes are weighted by what is left of the share, 1 - s. You weigh them with 1.",
            lambda p, q, s: s * p / np.where(s * p + q > 0, s * p + q, 1.0) + s * (s * p + q == 0),
        ),
    ],
    hints=[
        "Of many examples, how many real ones lie near this place? And how many fakes?",
        "Real ones: in proportion to share times p. Fakes: to (1 - share) times q.",
        "Divide the first by the sum of both. Where the sum is 0, give the share.",
    ],
    solution="""
def my_optimum(real, fake, share):
    from_real, from_fake = share * real, (1 - share) * fake
    total = from_real + from_fake
    safe = np.where(total > 0, total, 1.0)
    return np.where(total > 0, from_real / safe, share)
""",
)

# ---- pair_backward ---------------------------------------------------------------------------


def relativistic_gradient(
    fake_logits: np.ndarray, real_logits: np.ndarray, slopes: np.ndarray
) -> np.ndarray:
    """Gradient of the relativistic loss of a generator with respect to its fakes.

        L = mean of log(1 + exp(r_i - a_i)),  dL/dx_i = -sigma(r_i - a_i) slope_i / n

    Args:
        fake_logits: a, of the n fakes, ``(n,)``.
        real_logits: r, of the n real examples that they are paired with, ``(n,)``.
        slopes: of a_i in the numbers of fake i, ``(n, d)``.

    Returns:
        Array ``(n, d)``.

    Source: Jolicoeur-Martineau (2018), arXiv:1807.00734.

    Example:
        >>> relativistic_gradient(np.zeros(1), np.zeros(1), np.array([[2.0, -4.0]]))
        array([[-1.,  2.]])
    """
    return -sigmoid(real_logits - fake_logits)[:, np.newaxis] * slopes / len(slopes)


def _by_pairs(a, r, slopes, *, factor=None, n=True):
    factor = -sigmoid(r - a) if factor is None else factor
    return factor[:, np.newaxis] * slopes / (len(slopes) if n else 1)


def _batch(n, d, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return (*(scale * rng.normal(size=(2, n))), rng.normal(size=(n, d)))


pair_backward = Exercise(
    "pair_backward",
    reference=relativistic_gradient,
    cases=[
        Case("one pair", *_batch(1, 2, 0)),
        Case("four pairs in a plane", *_batch(4, 2, 1)),
        Case("three pairs of ten numbers", *_batch(3, 10, 2)),
        Case("logits of thousands", *_batch(5, 2, 3, scale=2000.0)),
    ],
    mistakes=[
        Mistake(
            "The sign is wrong: along your gradient the fakes lose.",
            lambda a, r, s: -relativistic_gradient(a, r, s),
        ),
        Mistake(
            "That is the loss without pairs: the real example's logit is not used.",
            lambda a, r, s: _by_pairs(a, r, s, factor=-sigmoid(-a)),
        ),
        Mistake(
            "You took the sigmoid of a - r. A fake that is far behind has the most to gain.",
            lambda a, r, s: _by_pairs(a, r, s, factor=-sigmoid(a - r)),
        ),
        Mistake(
            "The loss is a mean over n pairs: each pair has a share of 1 / n in it.",
            lambda a, r, s: _by_pairs(a, r, s, n=False),
        ),
        Mistake(
            "You divide by all n d numbers. The mean is over n pairs.",
            lambda a, r, s: relativistic_gradient(a, r, s) / s.shape[1],
        ),
        Mistake(
            "That is the gradient for the logits. From there the chain rule goes on to the fakes.",
            lambda a, r, s: -sigmoid(r - a) / len(a),
        ),
    ],
    hints=[
        "Two links: the loss in the logit of a fake, and that logit in the numbers of the fake.",
        "The slope of log(1 + exp(t)) is sigma(t), and here t = r - a.",
        "Do not divide exp by exp: the course's sigmoid takes thousands, exp does not.",
    ],
    solution="""
def my_pair_backward(fake_logits, real_logits, slopes):
    behind = real_logits - fake_logits
    of_logits = -0.5 * (1 + np.tanh(behind / 2)) / len(behind)  # sigma without overflow
    return of_logits[:, np.newaxis] * slopes
""",
)

# ---- collapse --------------------------------------------------------------------------------

PLACES, ROUNDS, EXAMPLES, LOST = 8, 500, 64, 0.001


def play_with_places(rate: float, rounds: int = ROUNDS) -> np.ndarray:
    """How a generator spreads its fakes over eight places, after a game with exact averages.

    Real examples lie at each place equally often, p = 1/8. The discriminator has a logit a_j for
    each place, and the generator a score t_j; it draws place j with the probability q_j =
    softmax(t)_j. It begins a little uneven. In each round, with 64 examples of either kind and a
    discriminator's rate of 1/64,

        a_j <- a_j + p (1 - D_j) - q_j D_j,                             D = sigma(a)
        t_j <- t_j + 64 rate q_j (log D_j - sum of q_i log D_i)

    Args:
        rate: the generator's learning rate, above 0.
        rounds: of the game, 1 or more.

    Returns:
        Array ``(8,)``: the shares q at the end.

    Raises:
        ValueError: the rate is not above 0.

    Example:
        >>> play_with_places(1.0).round(3).tolist()
        [0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125]
    """
    if not rate > 0:
        raise ValueError(f"rate is {rate!r}; expected a number above 0, such as 1")
    logits, scores = np.zeros(PLACES), np.linspace(-0.5, 0.5, PLACES)
    for _ in range(rounds):
        share = np.exp(scores - scores.max())
        share = share / share.sum()
        real = sigmoid(logits)
        logits = logits + (1 - real) / PLACES - share * real
        worth = -np.logaddexp(0, -logits)
        scores = scores + EXAMPLES * rate * share * (worth - share @ worth)
    return share


def _is_a_rate(rate):
    if not is_a_number(rate):
        return f"give one number, a rate; it is {type(rate).__name__}."
    if not np.isfinite(rate) or rate <= 0:
        return f"the rate is {rate}; it must be above 0."


def _is_the_first_rate(rate):
    rate = float(rate)
    here = play_with_places(rate)
    if play_with_places(1.03 * rate).min() >= LOST:
        return f"at {rate:.4g}, and at 3 % more, no place is lost. Go further up."
    if play_with_places(0.97 * rate).min() < LOST:
        left = int((here >= LOST).sum())
        places = "one place is" if left == 1 else f"{left} places are"
        return f"at {rate:.4g} {places} left, and at 3 % less some are lost as well. Go down."


collapse = Exercise(
    "collapse",
    properties=[
        Property("a learning rate", _is_a_rate),
        Property("the smallest that loses a place, to 3 %", _is_the_first_rate),
    ],
    hints=[
        "Try 0.1, 1, 10 and 100, and look at all eight shares. Between which two is one lost?",
        "Halve that interval, on a logarithmic scale, again and again: np.sqrt(low * high).",
        "Keep low where the smallest share is 0.001 or more, and high where it is less.",
    ],
    solution="""
low, high = 1.0, 100.0
for _ in range(10):
    middle = np.sqrt(low * high)
    if exercises.play_with_places(middle).min() < 0.001:
        high = middle
    else:
        low = middle
my_collapse = high
""",
    time_limit=20.0,
)

# ---- referee ---------------------------------------------------------------------------------

_POINTS, _KINDS = 400, 8


def _ring(rng, n, kinds=_KINDS, width=0.1):
    angles = 2 * np.pi * rng.integers(0, kinds, n) / _KINDS
    centers = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return centers + width * rng.normal(size=(n, 2))


def fresh_examples(seed: int = 0) -> np.ndarray:
    """Real examples that neither generator, nor a discriminator of theirs, has seen.

    Args:
        seed: of the draw, 0 or more.

    Returns:
        Array ``(400, 2)``.

    Example:
        >>> fresh_examples().shape
        (400, 2)
    """
    return _ring(np.random.default_rng([21, seed]), _POINTS)


def fakes_of(generator: str, seed: int = 0) -> np.ndarray:
    """400 fakes of a generator.

    Args:
        generator: ``"A"`` or ``"B"``.
        seed: of the draw, 0 or more.

    Returns:
        Array ``(400, 2)``.

    Raises:
        ValueError: there is no such generator.

    Example:
        >>> fakes_of("A").shape
        (400, 2)
    """
    if generator not in ("A", "B"):
        raise ValueError(f"generator is {generator!r}; expected 'A' or 'B'")
    rng = np.random.default_rng([22, seed])
    if generator == "A":
        return _ring(rng, _POINTS, kinds=3, width=0.3)
    return _ring(rng, _POINTS, width=0.13)


def passed(judge: str, points: np.ndarray) -> float:
    """Which share of some points a generator's own discriminator takes for real.

    A's has seen little more than its three heaps, and asks how far a point is from the middle. B's
    asks how far it is from the nearest of the eight.

    Args:
        judge: ``"A"`` or ``"B"``, whose discriminator it is.
        points: ``(n, 2)``.

    Returns:
        A float from 0 to 1.

    Raises:
        ValueError: there is no such judge.

    Example:
        >>> passed("A", np.array([[2.0, 0.0], [0.0, 0.0]]))
        0.5
    """
    if judge not in ("A", "B"):
        raise ValueError(f"judge is {judge!r}; expected 'A' or 'B'")
    points = np.asarray(points, dtype=float)
    if judge == "A":
        return float(np.mean(np.abs(np.linalg.norm(points, axis=1) - 2) < 0.3))
    angles = 2 * np.pi * np.arange(_KINDS) / _KINDS
    centers = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    to_nearest = np.linalg.norm(points[:, np.newaxis] - centers, axis=2).min(axis=1)
    return float(np.mean(to_nearest < 0.12))


def _are_two_shares(answer):
    if not isinstance(answer, Mapping):
        return 'give a dict: {"A": …, "B": …}.'
    for generator in "AB":
        if not is_a_number(answer.get(generator)):
            return f"generator {generator} needs a number: a share of its nearest neighbours."
        share = float(answer[generator])
        if not 0 <= share <= 1:
            return f"for {generator} you give {share:.3g}; a share lies between 0 and 1."


def _are_those_of_neighbors(answer):
    a, b = float(answer["A"]), float(answer["B"])
    own = {name: passed(name, fakes_of(name)) for name in "AB"}
    if abs(a - own["A"]) < 0.03 and abs(b - own["B"]) < 0.03:
        return (
            "that is what the colleague did: each generator judged by its own discriminator. Use "
            "no discriminator at all."
        )
    if a > 0.99 and b > 0.99:
        return (
            "the nearest neighbour of a point is not the point itself. Leave it out, or every one "
            "has its own kind for a neighbour."
        )
    if abs(a - b) < 0.02:
        return "both are the same. Compare each generator's own fakes with the fresh examples."
    if a < 0.25 and b < 0.55:
        return "those are shares of neighbours of the *other* kind. Those of its own are asked."
    if not 0.78 < a < 0.98:
        return f"for A you give {a:.2f}. Take all 800 points, and the nearest of the other 799."
    if not 0.46 < b < 0.64:
        return f"for B you give {b:.2f}. Take all 800 points, and the nearest of the other 799."


referee = Exercise(
    "referee",
    properties=[
        Property("a share for each generator", _are_two_shares),
        Property("points whose nearest neighbour is of their own kind", _are_those_of_neighbors),
    ],
    hints=[
        "Both discriminators learned against one generator. Who says that they ask the same?",
        "Put 400 fakes and 400 fresh examples into one heap, and find the nearest neighbour of "
        "each point, but not itself. Where both come from one distribution, it is of the point's "
        "own kind in half of the cases.",
        "distances = np.linalg.norm(points[:, None] - points, axis=2), and then "
        "np.fill_diagonal(distances, np.inf).",
    ],
    solution="""
my_referee = {}
is_real = np.arange(800) < 400
for generator in ("A", "B"):
    points = np.concatenate([exercises.fresh_examples(), exercises.fakes_of(generator)])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    my_referee[generator] = np.mean(is_real[nearest] == is_real)
""",
)
