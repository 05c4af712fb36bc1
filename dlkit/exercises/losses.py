"""Exercises of lesson 03: a guess, two losses and a gradient by hand, a bakery, two forecasters."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake
from dlkit.scratch import losses
from dlkit.scratch.activations import sigmoid, softmax

# Loaves that customers asked for on fifteen days.
DEMAND = np.array([52, 61, 48, 75, 58, 66, 50, 92, 63, 55, 71, 59, 47, 84, 68])
UNSOLD, MISSING = 1.0, 3.0  # what one loaf too many and one too few cost


def pinball(y_true: np.ndarray, y_pred: np.ndarray, quantile: float) -> float:
    """Mean quantile loss (pinball loss) of a batch.

    An example costs quantile for each unit that the answer is too low, and 1 - quantile for each
    unit that it is too high.

    Args:
        y_true: numbers, shape ``(n,)``.
        y_pred: predictions, shape ``(n,)``.
        quantile: share of the answers that should lie below the prediction, between 0 and 1.

    Returns:
        One number: the mean over the examples.

    Source:
        R. Koenker, G. Bassett (1978), Regression quantiles, doi:10.2307/1913643.

    Example:
        >>> float(pinball(np.array([2.0, 0.0]), np.array([1.0, 1.0]), 0.75))
        0.5
    """
    shortfall = y_true - y_pred
    return np.maximum(quantile * shortfall, (quantile - 1) * shortfall).mean()


def crossentropy_of_logits(y_true: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Binary cross-entropy of each example, from logits of any size.

    -[y log p + (1 - y) log(1 - p)] with p = sigmoid(z) is softplus(z) - y z, and
    softplus(z) = log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), in which no exponent is positive.

    Args:
        y_true: labels 0 or 1, shape ``(n,)``.
        logits: any finite numbers z, shape ``(n,)``.

    Returns:
        Losses, shape ``(n,)``.

    Example:
        >>> crossentropy_of_logits(np.array([1, 1]), np.array([1000.0, -1000.0]))
        array([   0., 1000.])
    """
    return np.maximum(logits, 0) - y_true * logits + np.log1p(np.exp(-np.abs(logits)))


def gradient_of_mean(y_true: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Gradient of the mean cross-entropy with respect to the logits: (softmax - one-hot) / n.

    Args:
        y_true: class numbers, shape ``(n,)``.
        logits: shape ``(n, classes)``.

    Returns:
        Gradient, shape ``(n, classes)``.

    Example:
        >>> gradient_of_mean(np.array([0, 1]), np.zeros((2, 2)))
        array([[-0.25,  0.25],
               [ 0.25, -0.25]])
    """
    gradient = softmax(logits)
    gradient[np.arange(len(logits)), y_true] -= 1
    return gradient / len(logits)


def mean_cost(loaves: float) -> float:
    """Mean cost a day of baking that many loaves on each day of ``DEMAND``.

    Example:
        >>> float(mean_cost(92)), float(mean_cost(47))
        (28.733333333333334, 48.8)
    """
    return np.where(loaves > DEMAND, UNSOLD * (loaves - DEMAND), MISSING * (DEMAND - loaves)).mean()


guess_loss = Exercise(
    "guess_loss",
    reference=float(np.log(1000)),
    mistakes=[
        Mistake(
            "That is in bits. The lesson, and Keras, use the natural logarithm.", np.log2(1000)
        ),
        Mistake("That is the logarithm to base 10. Use the natural one.", np.log10(1000)),
        Mistake("The sign: a probability below 1 has a negative logarithm.", -np.log(1000)),
        Mistake("That is the probability of the true class. What does it cost?", 1 / 1000),
    ],
    hints=[
        "Which probability does such a network give to each class?",
        "It gives each class the same, and the probabilities sum to one.",
        "The loss is minus the natural logarithm of one in a thousand.",
    ],
    solution="my_guess_loss = -np.log(1 / 1000)",
    rtol=1e-3,
)

_Y = np.array([3.0, 0.0, -1.0, 2.0])
_P = np.array([1.0, 1.0, 1.0, 1.0])

quantile_loss = Exercise(
    "quantile_loss",
    reference=pinball,
    cases=[
        Case("too low by 2, quantile 0.75", _Y[:1], _P[:1], 0.75),
        Case("too high by 1, quantile 0.75", _Y[1:2], _P[1:2], 0.75),
        Case("four examples, quantile 0.25", _Y, _P, 0.25),
        Case("a perfect answer", _Y, _Y, 0.3),
    ],
    mistakes=[
        Mistake(
            "The two sides are swapped: an answer that is too low costs `quantile` per unit.",
            lambda y_true, y_pred, quantile: pinball(y_true, y_pred, 1 - quantile),
        ),
        Mistake(
            "That is the absolute error: both sides cost the same. Where is `quantile`?",
            lambda y_true, y_pred, quantile: np.abs(y_true - y_pred).mean(),
        ),
        Mistake(
            "That is the sum over the examples: take the mean.",
            lambda y_true, y_pred, quantile: pinball(y_true, y_pred, quantile) * len(y_true),
        ),
        Mistake(
            "An answer that is too high costs nothing in yours: charge 1 - quantile per unit.",
            lambda y_true, y_pred, quantile: quantile * np.maximum(y_true - y_pred, 0).mean(),
        ),
    ],
    hints=[
        "Call truth minus answer the shortfall s. What is its sign where the answer is too low?",
        "Where s > 0 an example costs quantile * s. Where s < 0 it costs (quantile - 1) * s.",
        "The larger of the two products is always the right one: np.maximum, then the mean.",
    ],
)


binary_crossentropy = Exercise(
    "binary_crossentropy",
    reference=crossentropy_of_logits,
    cases=[
        Case("undecided", np.array([1.0, 0.0]), np.array([0.0, 0.0])),
        Case("logits of ordinary size", np.array([1.0, 0.0, 1.0]), np.array([2.0, -1.0, -3.0])),
        Case("logits of 1000", np.array([1.0, 0.0, 1.0]), np.array([1000.0, 1000.0, -1000.0])),
        Case("a float32 logit of -100", np.array([1.0]), np.array([-100.0], dtype="float32")),
    ],
    mistakes=[
        Mistake(
            "The sign: a loss is minus the logarithm.",
            lambda y_true, logits: -crossentropy_of_logits(y_true, logits),
        ),
        Mistake(
            "The labels are swapped: you charge log p where the label is 0.",
            lambda y_true, logits: crossentropy_of_logits(1 - y_true, logits),
        ),
        Mistake(
            "Examples with label 0 cost nothing in yours: they pay -log(1 - p).",
            lambda y_true, logits: y_true * crossentropy_of_logits(np.ones(len(logits)), logits),
        ),
        Mistake(
            "You clip the probability, so no mistake costs more than about 16: use the logit.",
            lambda y_true, logits: losses.binary_crossentropy(
                y_true[:, None], sigmoid(logits.astype(float))[:, None]
            ),
        ),
    ],
    hints=[
        "The loss is -log sigmoid(z) where y is 1. Write the sigmoid out, and simplify.",
        "Both labels at once: log(1 + e^z) - y z. But e^1000 is too large for a float.",
        "log(1 + e^z) = max(z, 0) + log(1 + e^-|z|). NumPy has np.log1p for log(1 + small).",
    ],
)


_LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 3.0, 1.0], [0.5, 0.0, -0.5]])


def _through_axis_0(y_true, logits):
    one_hot = np.eye(logits.shape[1])[y_true]
    return (softmax(logits, axis=0) - one_hot) / len(logits)


crossentropy_gradient = Exercise(
    "crossentropy_gradient",
    reference=gradient_of_mean,
    cases=[
        Case("one example, three classes", np.array([0]), _LOGITS[:1]),
        Case("four examples, three classes", np.array([0, 2, 1, 2]), _LOGITS),
        Case("logits of 1000", np.array([0, 1]), np.array([[1000.0, 0.0], [1000.0, 0.0]])),
    ],
    mistakes=[
        Mistake(
            "That is the gradient of the sum: divide by the number of examples.",
            lambda y_true, logits: gradient_of_mean(y_true, logits) * len(logits),
        ),
        Mistake(
            "The sign: it is the probabilities minus the one-hot labels.",
            lambda y_true, logits: -gradient_of_mean(y_true, logits),
        ),
        Mistake(
            "You did not subtract 1 at the true class.",
            lambda y_true, logits: softmax(logits) / len(logits),
        ),
        Mistake(
            "Your softmax runs over the examples (axis 0): it must run over the classes.",
            _through_axis_0,
        ),
        Mistake(
            "You divided by the number of entries: divide by the number of examples only.",
            lambda y_true, logits: gradient_of_mean(y_true, logits) / len(logits[0]),
        ),
    ],
    hints=[
        "For two classes the slope was prediction minus label. With K classes it is the same.",
        "The predictions are softmax(logits); the labels as one-hot are np.eye(classes)[y_true].",
        "The loss is a mean over the n rows, so divide the difference by n.",
    ],
)


loaves = Exercise(
    "loaves",
    reference=min(range(101), key=mean_cost),
    mistakes=[
        Mistake("That is the mean: what the squared error asks for.", DEMAND.mean()),
        Mistake("That is the mean, rounded: what the squared error asks for.", 63),
        Mistake("That is the median. It is best if both mistakes cost the same.", 61),
        Mistake("The two costs are swapped: running out is the dearer mistake.", 52),
        Mistake("That never runs out, and throws away too many loaves.", 92),
        Mistake(
            "Very near: np.quantile interpolates between two days. Try all whole numbers.",
            np.quantile(DEMAND, 0.75),
        ),
    ],
    hints=[
        "Write the mean cost as a function of the number of loaves, and try every number.",
        "A missing loaf costs three times as much as an unsold one: which quantile is that?",
        "Three quarters of 15 days are 11.25, so the bread must last on 12: sort the demands.",
    ],
    solution=(
        "demand = exercises.DEMAND\n"
        "costs = [\n"
        "    np.where(n > demand, n - demand, 3 * (demand - n)).mean() for n in range(101)\n"
        "]\n"
        "my_loaves = int(np.argmin(costs))"
    ),
    rtol=0,
    atol=1e-6,
)


def _forecasts(days=200, seed=0):
    """Two cities: whether it rained on each day, and the probability that was forecast."""
    rng = np.random.default_rng(seed)
    rained_a = np.arange(days) % 10 == 0  # rain on one day in ten
    forecast_a = np.where(rained_a, 0.15, 0.12) + rng.uniform(0, 0.3, days)
    rained_b = np.arange(days) % 2 == 0  # on every other day
    forecast_b = np.where(rained_b, 0.45, 0.2) + rng.uniform(0, 0.35, days)
    return {
        "A": (rained_a.astype(float), forecast_a.round(2)),
        "B": (rained_b.astype(float), forecast_b.round(2)),
    }


FORECASTS = _forecasts()


def _cost(rained, forecast):
    return float(losses.binary_crossentropy(rained[:, None], forecast[:, None]).mean())


def nats_saved(rained: np.ndarray, forecast: np.ndarray) -> float:
    """What a forecast saves against the share of rainy days, said every day, in nats a day.

    The mean binary cross-entropy of the constant forecast is the entropy of that share; from it
    the forecast's own is subtracted.

    Args:
        rained: 0 or 1 for each day, shape ``(days,)``, some of each.
        forecast: probabilities of rain, shape ``(days,)``, between 0 and 1.

    Returns:
        Nats a day, negative where the forecast costs more.

    Source:
        C. E. Shannon (1948), A mathematical theory of communication,
        doi:10.1002/j.1538-7305.1948.tb01338.x.

    Example:
        >>> round(nats_saved(np.array([1.0, 0.0]), np.array([0.8, 0.2])), 4)
        0.47
    """
    share = np.full(len(rained), rained.mean())
    return _cost(rained, share) - _cost(rained, forecast)


def _of_both(cost):
    return tuple(float(cost(*FORECASTS[name])) for name in "AB")


_SAVED = _of_both(nats_saved)


forecasters = Exercise(
    "forecasters",
    reference=_SAVED,
    mistakes=[
        Mistake(
            "Those are the costs. Subtract each from what knowing nothing costs.", _of_both(_cost)
        ),
        Mistake(
            "The sign: saved is the cost of knowing nothing minus the forecaster's.",
            tuple(-saved for saved in _SAVED),
        ),
        Mistake(
            "That is in bits. Use the natural logarithm.",
            tuple(saved / np.log(2) for saved in _SAVED),
        ),
        Mistake(
            "You compare with a forecast of one half in both cities. How often does it rain in A?",
            _of_both(lambda rained, forecast: np.log(2) - _cost(rained, forecast)),
        ),
        Mistake("The two are swapped: A first.", _SAVED[::-1]),
    ],
    hints=[
        "In which of the two cities is rain harder to foretell? Look at the shares of rainy days.",
        "What does it cost in each city to say that share every day? It is the city's entropy.",
        "Subtract the forecaster's cross-entropy from the entropy of the city.",
    ],
    solution="""
saved = []
for rained, forecast in exercises.FORECASTS.values():
    share = rained.mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    cost = -(rained * np.log(forecast) + (1 - rained) * np.log(1 - forecast)).mean()
    saved.append(entropy - cost)
my_forecasters = tuple(saved)
""",
    rtol=0,
    atol=2e-3,
)
