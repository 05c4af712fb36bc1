"""Exercises of lesson 19: a divergence, a gradient, a code that falls silent, and a copier."""

import functools
from collections.abc import Mapping

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import is_a_number
from dlkit.scratch.autoencoders import gaussian_kl, reparametrize_backward

# ---- kl --------------------------------------------------------------------------------------


def kl_of_codes(
    mean: np.ndarray,
    log_variance: np.ndarray,
    other_mean: np.ndarray,
    other_log_variance: np.ndarray,
) -> np.ndarray:
    """KL divergence, in nats, of each code's Gaussian from another one; see `gaussian_kl`.

    Args:
        mean: of each code, ``(n, numbers)``.
        log_variance: the logarithms of its variances, ``(n, numbers)``.
        other_mean: of the other Gaussian, ``(n, numbers)``.
        other_log_variance: the logarithms of its variances, ``(n, numbers)``.

    Returns:
        Array ``(n,)`` of 0 or more.

    Example:
        >>> kl_of_codes(np.ones((1, 3)), np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((1, 3)))
        array([1.5])
    """
    return gaussian_kl(mean, log_variance, other_mean, other_log_variance).sum(axis=-1)


def _kl(mean, log_variance, other_mean, other_log_variance, *, factor=0.5, one=1.0, scaled=True):
    """The divergence, or one that leaves something out."""
    variance, other = np.exp(log_variance), np.exp(other_log_variance)
    squares = (mean - other_mean) ** 2 / (other if scaled else 1.0)
    terms = other_log_variance - log_variance + variance / other + squares - one
    return factor * terms.sum(axis=-1)


def _codes(n, numbers, seed, other=True):
    """Means and logarithms of variances of two Gaussians for each of n codes."""
    rng = np.random.default_rng(seed)
    four = rng.normal(size=(4, n, numbers))
    if not other:
        four[2:] = 0.0
    return four


kl = Exercise(
    "kl",
    reference=kl_of_codes,
    cases=[
        Case("one code of one number", *_codes(1, 1, 0)),
        Case("four codes of three numbers", *_codes(4, 3, 1)),
        Case(
            "narrow against wide",
            np.zeros((2, 2)),
            np.full((2, 2), -6.0),
            *_codes(2, 4, 2)[:2, :, :2],
        ),
        Case("the standard normal distribution", *_codes(3, 2, 3, other=False)),
        Case("a Gaussian and itself", *(2 * [*_codes(2, 5, 4)[:2]])),
    ],
    mistakes=[
        Mistake(
            "You measure the other way round. A KL divergence is not symmetric: the average of "
            "log(q / p) is taken over q, the first of the two.",
            lambda m, v, n, w: kl_of_codes(n, w, m, v),
        ),
        Mistake("The half in front is missing.", lambda *four: _kl(*four, factor=1.0)),
        Mistake(
            "A Gaussian against itself must give 0. A 1 for each number is missing.",
            lambda *four: _kl(*four, one=0.0),
        ),
        Mistake(
            "You average over the numbers of a code. Independent nats add up.",
            lambda *four: gaussian_kl(*four).mean(axis=-1),
        ),
        Mistake(
            "The last two arguments are not used: you assume a standard normal distribution.",
            lambda m, v, n, w: kl_of_codes(m, v, np.zeros_like(n), np.zeros_like(w)),
        ),
        Mistake(
            "How far the means lie apart counts in units of the *other* Gaussian's width.",
            lambda *four: _kl(*four, scaled=False),
        ),
        Mistake(
            "You take the logarithm of the variance for that of the standard deviation.",
            lambda m, v, n, w: kl_of_codes(m, 2 * v, n, 2 * w),
        ),
        Mistake(
            "One number for each code is asked for. You give one for each number of each code.",
            gaussian_kl,
        ),
    ],
    hints=[
        "Write down log q(z) - log p(z) for one number, both with means and variances.",
        "Average it over z from q: z has the mean mu, and (z - nu) squared has the mean "
        "s squared + (mu - nu) squared.",
        "For each number: half of log(t^2 / s^2) + (s^2 + (mu - nu)^2) / t^2 - 1. Add them up.",
    ],
    solution="""
def my_kl(mean, log_variance, other_mean, other_log_variance):
    squares = np.exp(log_variance) + (mean - other_mean) ** 2
    logarithm = other_log_variance - log_variance
    nats = 0.5 * (logarithm + squares / np.exp(other_log_variance) - 1)
    return nats.sum(axis=-1)
""",
)

# ---- code_backward ---------------------------------------------------------------------------


def code_gradients(
    upstream: np.ndarray,
    mean: np.ndarray,
    log_variance: np.ndarray,
    noise: np.ndarray,
    beta: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of L + beta KL for the parameters of a code z = mean + exp(log_variance / 2) noise.

        dmean = g + beta mean
        dlog_variance = g noise sigma / 2 + beta (sigma^2 - 1) / 2,  sigma = exp(log_variance / 2)

    Args:
        upstream: g, the gradient of L with respect to z, ``(n, numbers)``.
        mean: ``(n, numbers)``.
        log_variance: ``(n, numbers)``.
        noise: that z was drawn with, ``(n, numbers)``.
        beta: weight of the KL divergence from the standard normal distribution.

    Returns:
        Two arrays ``(n, numbers)``: for mean and for log_variance.

    Example:
        >>> zero, one = np.zeros((1, 1)), np.ones((1, 1))
        >>> code_gradients(one, one, zero, one, 2.0)
        (array([[3.]]), array([[0.5]]))
    """
    of_mean, of_log_variance = reparametrize_backward(upstream, log_variance, noise)
    return of_mean + beta * mean, of_log_variance + beta * (np.exp(log_variance) - 1) / 2


def _backward(upstream, mean, log_variance, noise, beta, *, half=0.5, scale=True, drawn=True):
    sigma = np.exp(log_variance / 2) if scale else 1.0
    through = upstream * (noise if drawn else 1.0) * sigma * half
    return upstream + beta * mean, through + beta * (np.exp(log_variance) - 1) / 2


def _draws(n, numbers, seed, beta):
    return (*np.random.default_rng(seed).normal(size=(4, n, numbers)), beta)


code_backward = Exercise(
    "code_backward",
    reference=code_gradients,
    cases=[
        Case("one code", *_draws(1, 2, 0, 1.0)),
        Case("three codes and a small beta", *_draws(3, 4, 1, 0.1)),
        Case("beta 0", *_draws(2, 3, 2, 0.0)),
        Case("beta 4", *_draws(5, 2, 3, 4.0)),
    ],
    mistakes=[
        Mistake(
            "The KL divergence depends on mean and log_variance as well: its slopes are missing.",
            lambda g, m, v, e, b: code_gradients(g, m, v, e, 0.0),
        ),
        Mistake("beta is not used.", lambda g, m, v, e, b: code_gradients(g, m, v, e, 1.0)),
        Mistake(
            "The slope of exp(log_variance / 2) has a factor of one half.",
            lambda *five: _backward(*five, half=1.0),
        ),
        Mistake(
            "The slope of exp(log_variance / 2) is that number again, and it is missing.",
            lambda *five: _backward(*five, scale=False),
        ),
        Mistake(
            "The noise is missing: where it is 0, the width does not move the draw at all.",
            lambda *five: _backward(*five, drawn=False),
        ),
        Mistake(
            "That is the gradient for sigma. The second parameter is the logarithm of its square.",
            lambda g, m, v, e, b: (
                g + b * m,
                g * e + b * (np.exp(v / 2) - np.exp(-v / 2)),
            ),
        ),
        Mistake(
            "You return the two in another order. Expected: for mean, then for log_variance.",
            lambda *five: code_gradients(*five)[::-1],
        ),
    ],
    hints=[
        "Two paths lead to each parameter: through z into L, and straight into the KL divergence.",
        "z = mean + sigma noise: its slope in mean is 1, in sigma it is the noise. And the slope "
        "of sigma in log_variance is sigma / 2.",
        "KL = (mean^2 + exp(log_variance) - log_variance - 1) / 2: its two slopes, times beta.",
    ],
    solution="""
def my_code_backward(upstream, mean, log_variance, noise, beta):
    sigma = np.exp(log_variance / 2)
    of_mean = upstream + beta * mean
    of_log_variance = upstream * noise * sigma / 2 + beta * (sigma**2 - 1) / 2
    return of_mean, of_log_variance
""",
)

# ---- collapse --------------------------------------------------------------------------------

SENSORS, UNITS, PIXEL_VARIANCE, SILENT = 12, 4, 0.05, 0.01
_VARIANCES = np.array([7.4, 3.1, 1.6, 0.7, *np.full(SENSORS - UNITS, 0.04)])


@functools.cache
def _covariance():
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(SENSORS, SENSORS)))[0]
    return turned @ np.diag(_VARIANCES) @ turned.T


def train_linear_vae(beta: float, steps: int = 600) -> np.ndarray:
    """Nats that each unit of the code of a small linear VAE carries, once it is trained.

    Its data come from 12 sensors. Encoder z ~ N(V x, D), decoder x ~ N(W z, s^2) with s^2 = 0.05;
    a step sets first V and D, then W, to what minimises the mean of

        -log p(x | z) + beta KL(q(z | x), N(0, 1)).

    Args:
        beta: weight of the KL divergence, above 0.
        steps: how often that is done.

    Returns:
        Array ``(4,)``, largest first: the mean KL divergence of each unit, in nats.

    Raises:
        ValueError: beta is not above 0.

    Source: Lucas and others (2019), arXiv:1911.02469, for the linear VAE.

    Example:
        >>> train_linear_vae(1.0).shape
        (4,)
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta!r}; expected a number above 0, such as 1")
    covariance, noise = _covariance(), beta * PIXEL_VARIANCE
    decoder = np.random.default_rng(1).normal(size=(SENSORS, UNITS))
    for _ in range(steps):
        gram = decoder.T @ decoder
        encoder = np.linalg.solve(gram + noise * np.eye(UNITS), decoder.T)
        widths = noise / (np.diag(gram) + noise)
        codes = encoder @ covariance @ encoder.T
        decoder = np.linalg.solve(codes + np.diag(widths), encoder @ covariance).T
    nats = 0.5 * (widths + np.diag(codes) - 1 - np.log(widths))
    return np.sort(nats)[::-1]


def _is_a_beta(beta):
    if not is_a_number(beta):
        return f"give one number, a beta; it is {type(beta).__name__}."
    if not np.isfinite(beta) or beta <= 0:
        return f"beta is {beta}; it must be above 0."


def _is_the_last_beta(beta):
    beta = float(beta)
    here = train_linear_vae(beta)
    if train_linear_vae(0.97 * beta).sum() <= SILENT:
        return f"at 3 % less than {beta:.4g} the code is silent already."
    if train_linear_vae(1.03 * beta).sum() > SILENT:
        speaking = int((here > SILENT / UNITS).sum())
        if speaking == UNITS:
            return f"at {beta:.4g} all {UNITS} units speak. Go further up."
        left = "one unit still speaks" if speaking == 1 else f"{speaking} units still speak"
        return f"at {beta:.4g} {left}, {here.sum():.3f} nats in all. Go further up."


collapse = Exercise(
    "collapse",
    properties=[
        Property("a beta", _is_a_beta),
        Property("the largest with more than 0.01 nats, to 3 %", _is_the_last_beta),
    ],
    hints=[
        "Try 1, 10, 100 and 1,000. Between which two does the sum of the nats fall below 0.01?",
        "Halve that interval, on a logarithmic scale, again and again: np.sqrt(low * high).",
        "Ten halvings are enough. Keep low where the code speaks, and high where it is silent.",
    ],
    solution="""
low, high = 1.0, 1000.0
for _ in range(12):
    middle = np.sqrt(low * high)
    if exercises.train_linear_vae(middle).sum() > 0.01:
        low = middle
    else:
        high = middle
my_collapse = low
""",
    time_limit=20.0,
)

# ---- referee ---------------------------------------------------------------------------------

_NUMBERS, _KINDS, _SAMPLES = 6, 10, 600


def _examples(rng, n):
    """Points around ten centres in six dimensions."""
    centers = 2.0 * np.random.default_rng(7).normal(size=(_KINDS, _NUMBERS))
    return centers[rng.integers(0, _KINDS, n)] + 0.6 * rng.normal(size=(n, _NUMBERS))


def examples(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What two generators learned from, and as many examples that neither has seen.

    Args:
        seed: of the draw, 0 or more.

    Returns:
        seen, held_out: arrays ``(600, 6)``.

    Example:
        >>> seen, held_out = examples()
        >>> seen.shape, held_out.shape
        ((600, 6), (600, 6))
    """
    rng = np.random.default_rng([11, seed])
    return _examples(rng, _SAMPLES), _examples(rng, _SAMPLES)


def samples_of(generator: str, seed: int = 0) -> np.ndarray:
    """600 samples of a generator that has learned from the examples ``seen``.

    Args:
        generator: ``"A"`` or ``"B"``.
        seed: as for `examples`.

    Returns:
        Array ``(600, 6)``.

    Raises:
        ValueError: there is no such generator.

    Example:
        >>> samples_of("A").shape
        (600, 6)
    """
    if generator not in ("A", "B"):
        raise ValueError(f"generator is {generator!r}; expected 'A' or 'B'")
    rng = np.random.default_rng([12, seed])
    if generator == "B":
        return _examples(rng, _SAMPLES)
    seen, _ = examples(seed)
    return seen[rng.integers(0, len(seen), _SAMPLES)] + 0.1 * rng.normal(size=seen.shape)


def _are_two_shares(answer):
    if not isinstance(answer, Mapping):
        return 'give a dict: {"A": …, "B": …}.'
    for generator in "AB":
        value = answer.get(generator)
        if (
            isinstance(value, (bool, str))
            or value is None
            or np.ndim(value)
            or not np.isreal(value)
        ):
            return f"generator {generator} needs a number: a share of its samples."
        if not 0 <= value <= 1:
            return f"for {generator} you give {value:.3g}; a share lies between 0 and 1."


def _are_the_shares(answer):
    a, b = float(answer["A"]), float(answer["B"])
    if a < 0.1 and 0.4 < b < 0.6:
        return (
            "for A that is the share nearer to a *held-out* example. Nearer to a seen one is asked."
        )
    if a < 0.3 < b < 0.9:
        return (
            "those look like the colleague's distances. Compare each sample's distance to the "
            "seen examples with its distance to the held-out ones, and count."
        )
    if a > 0.9 and b > 0.9:
        return (
            "nearly all of B's samples, too? Compare B's samples, not A's, with both sets of "
            "examples."
        )
    if not a > 0.9:
        return f"for A you give {a:.2f}. Find the nearest of all 600 examples, for each sample."
    if not 0.4 < b < 0.6:
        return f"for B you give {b:.2f}. Find the nearest of all 600 examples, for each sample."


referee = Exercise(
    "referee",
    properties=[
        Property("a share for each generator", _are_two_shares),
        Property("samples nearer to a seen example than to any held-out one", _are_the_shares),
    ],
    hints=[
        "What would the best score be that the colleague's measure can give, and who reaches it?",
        "Fresh examples would lie nearer to a seen one as often as to a held-out one. So compare "
        "the two distances, sample by sample.",
        "np.linalg.norm(samples[:, None] - seen[None], axis=2).min(axis=1) is the first of them.",
    ],
    solution="""
seen, held_out = exercises.examples()
my_referee = {}
for generator in ("A", "B"):
    samples = exercises.samples_of(generator)
    to_seen = np.linalg.norm(samples[:, None] - seen, axis=2).min(axis=1)
    to_held_out = np.linalg.norm(samples[:, None] - held_out, axis=2).min(axis=1)
    my_referee[generator] = np.mean(to_seen < to_held_out)
""",
)
