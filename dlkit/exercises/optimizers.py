"""Exercises of lesson 11: Nesterov, Adam, warm-up with cosine decay, clipping, tuning."""

import math

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.optimizers import SGD


def one_nesterov_step(
    w: np.ndarray, gradient: np.ndarray, velocity: np.ndarray, learning_rate: float, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """One step of SGD with Nesterov's momentum: the new weights and the new velocity.

    Example:
        >>> w, velocity = one_nesterov_step(np.ones(1), np.ones(1), np.zeros(1), 0.5, 0.5)
        >>> w, velocity
        (array([0.25]), array([-0.5]))
    """
    velocity = momentum * velocity - learning_rate * gradient
    return w + momentum * velocity - learning_rate * gradient, velocity


def one_adam_step(
    w: np.ndarray, gradient: np.ndarray, m: np.ndarray, s: np.ndarray, t: int, learning_rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step t = 1, 2, … of Adam with Keras's defaults: the new weights, m and s.

    Example:
        >>> w, m, s = one_adam_step(np.ones(1), np.full(1, 8.0), np.zeros(1), np.zeros(1), 1, 0.25)
        >>> w.round(3), m.round(3), s.round(3)
        (array([0.75]), array([0.8]), array([0.064]))
    """
    m = 0.9 * m + 0.1 * gradient
    s = 0.999 * s + 0.001 * gradient**2
    correction = np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - learning_rate * correction * m / (np.sqrt(s) + 1e-7), m, s


def clipped(gradients: list[np.ndarray], limit: float) -> list[np.ndarray]:
    """The gradients, all scaled by one factor so that their common norm is the limit at most.

    Example:
        >>> clipped([np.array([3.0]), np.array([4.0])], 2.5)
        [array([1.5]), array([2.])]
    """
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    factor = limit / norm if norm > limit else 1.0
    return [factor * gradient for gradient in gradients]


# ---- nesterov_step ---------------------------------------------------------------------------


def _no_look_ahead(w, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity - learning_rate * gradient
    return w + velocity, velocity


def _other_sign(w, gradient, velocity, learning_rate, momentum):
    return one_nesterov_step(w, -gradient, velocity, learning_rate, momentum)


def _old_velocity(w, gradient, velocity, learning_rate, momentum):
    return one_nesterov_step(w, gradient, velocity, learning_rate, momentum)[0], velocity


def _rate_twice(w, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity - gradient
    return w + learning_rate * (momentum * velocity - gradient), velocity


_W, _G = np.array([[1.0, -2.0], [0.5, 0.0]]), np.array([[0.3, 4.0], [-1.0, 2.0]])
_V = np.array([[-0.2, 0.1], [0.7, -0.4]])

nesterov_step = Exercise(
    "nesterov_step",
    reference=one_nesterov_step,
    cases=[
        Case("the first step", _W, _G, np.zeros((2, 2)), 0.1, 0.9),
        Case("a velocity from before", _W, _G, _V, 0.05, 0.8),
        Case("no momentum", _W, _G, _V, 0.1, 0.0),
    ],
    mistakes=[
        Mistake("That is momentum without Nesterov's look ahead.", _no_look_ahead),
        Mistake("You walk uphill: look at the sign of the gradient.", _other_sign),
        Mistake("You return the old velocity, so nothing would be remembered.", _old_velocity),
        Mistake("The learning rate is missing from your velocity.", _rate_twice),
    ],
    hints=[
        "The velocity first: it is the one of plain momentum.",
        "Then pretend that one more step of momentum follows, with the same gradient.",
        "To w, add momentum times the *new* velocity, and the step against the gradient.",
    ],
)

# ---- adam_step -------------------------------------------------------------------------------


def _adam(corrected=True, power=2, step=None):
    """Adam's step with something else about it."""

    def mistaken(w, gradient, m, s, t, learning_rate):
        m, s = 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * np.abs(gradient) ** power
        first, second = (1 - 0.9**t, 1 - 0.999**t) if corrected else (1, 1)
        if step is not None:
            return w - learning_rate * step(m / first, s / second), m, s
        return w - learning_rate * np.sqrt(second) / first * m / (np.sqrt(s) + 1e-7), m, s

    return mistaken


def _from_t_zero(w, gradient, m, s, t, learning_rate):
    return one_adam_step(w, gradient, m, s, t + 1, learning_rate)


_TINY = np.array([1e-4, -3e-4])

adam_step = Exercise(
    "adam_step",
    reference=one_adam_step,
    cases=[
        Case("the first step", np.ones(3), np.array([1.0, -20.0, 0.03]), *np.zeros((2, 3)), 1, 0.1),
        Case("step 7", _W, _G, _V, _V**2, 7, 0.01),
        Case("tiny gradients", np.ones(2), _TINY, *np.zeros((2, 2)), 1, 0.1),
        Case("no gradient yet", np.ones(2), *np.zeros((3, 2)), 1, 0.1),
    ],
    mistakes=[
        Mistake("The correction for the start at 0 is missing.", _adam(corrected=False)),
        Mistake("Is s the mean of the gradients' sizes, or of their squares?", _adam(power=1)),
        Mistake(
            "Your epsilon is inside the root. It belongs outside.",
            _adam(step=lambda m, s: m / np.sqrt(s + 1e-7)),
        ),
        Mistake(
            "Your epsilon is added to the corrected root, as in the paper. In this lesson, as in "
            "Keras, it is added to the root of s itself.",
            _adam(step=lambda m, s: m / (np.sqrt(s) + 1e-7)),
        ),
        Mistake("You divide by s and not by its root.", _adam(step=lambda m, s: m / (s + 1e-7))),
        Mistake("You raise t by one. The first step comes with t = 1 already.", _from_t_zero),
    ],
    hints=[
        "Three lines: the mean of the gradients, the mean of their squares, the step.",
        "m keeps 0.9 of itself and takes 0.1 of the gradient; s keeps 0.999 and takes 0.001.",
        "The rate of step t is learning_rate times the root of 1 - 0.999**t, over 1 - 0.9**t.",
    ],
)

# ---- schedule --------------------------------------------------------------------------------


def warmup_cosine(step: int, total: int, peak: float, warmup: int) -> float:
    """Learning rate of a step: from 0 straight up to the peak, then down half a cosine to 0.

    Example:
        >>> [round(warmup_cosine(step, 10, 0.4, 2), 3) for step in (0, 1, 2, 6, 10, 99)]
        [0.0, 0.2, 0.4, 0.2, 0.0, 0.0]
    """
    if step < warmup:
        return peak * step / warmup
    done = min((step - warmup) / (total - warmup), 1)
    return peak * (1 + math.cos(math.pi * done)) / 2


def _late_cosine(step, total, peak, warmup):
    """The cosine as if it had begun with the warm-up."""
    return peak * step / warmup if step < warmup else warmup_cosine(step, total, peak, 0)


def _past_the_end(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def _straight(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 - min((step - warmup) / (total - warmup), 1))


schedule = Exercise(
    "schedule",
    reference=warmup_cosine,
    cases=[
        Case("the first step", 0, 100, 0.3, 10),
        Case("half of the warm-up", 5, 100, 0.3, 10),
        Case("the peak", 10, 100, 0.3, 10),
        Case("a third of the way down", 40, 100, 0.3, 10),
        Case("the end", 100, 100, 0.3, 10),
        Case("after the end", 130, 100, 0.3, 10),
        Case("no warm-up", 0, 50, 1.0, 0),
    ],
    mistakes=[
        Mistake("Your cosine begins at step 0. It begins where the warm-up ends.", _late_cosine),
        Mistake("After the end your rate rises again: a cosine is periodic.", _past_the_end),
        Mistake("You go down along a straight line.", _straight),
        Mistake(
            "The warm-up is missing.",
            lambda step, total, peak, warmup: warmup_cosine(max(step, warmup), total, peak, warmup),
        ),
        Mistake(
            "You add 1 to the step in the warm-up. Here step 0 has rate 0.",
            lambda step, total, peak, warmup: (
                peak * (step + 1) / warmup
                if step < warmup
                else warmup_cosine(step, total, peak, warmup)
            ),
        ),
    ],
    hints=[
        "Three stretches: before warmup, between warmup and total, and after total.",
        "Between: which share of the way from warmup to total is done, from 0 to 1?",
        "The cosine of pi times that share runs from 1 to -1. Bring it to between peak and 0.",
    ],
)

# ---- clip ------------------------------------------------------------------------------------

_BIG, _SMALL = [np.array([[3.0, 0.0], [0.0, -12.0]]), np.array([4.0])], [np.array([0.3, -0.4])]
_UNEQUAL = [np.array([30.0, 40.0]), np.array([0.1]), np.zeros((1, 2))]


def _always(gradients, limit):
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    with np.errstate(invalid="ignore"):
        return [limit / norm * gradient for gradient in gradients]


clip = Exercise(
    "clip",
    reference=clipped,
    cases=[
        Case("two arrays of norm 13", _BIG, 1.0),
        Case("one large array, one small", _UNEQUAL, 5.0),
        Case("below the limit already", _SMALL, 1.0),
        Case("all zero", [np.zeros(3), np.zeros((2, 1))], 1.0),
    ],
    mistakes=[
        Mistake(
            "Each of your arrays is clipped on its own, which bends the direction.",
            lambda gradients, limit: [clipped([gradient], limit)[0] for gradient in gradients],
        ),
        Mistake(
            "You clip each number. Scale them all by one factor.",
            lambda gradients, limit: [np.clip(gradient, -limit, limit) for gradient in gradients],
        ),
        Mistake("You scale small gradients up. Leave what is below the limit.", _always),
        Mistake(
            "You divide by the norm and forget the limit.",
            lambda gradients, limit: [g / 1.0 for g in _always(gradients, 1.0)],
        ),
        Mistake(
            "Your norm adds up sizes. The norm is the root of the sum of squares.",
            lambda gradients, limit: [
                g * min(1, limit / max(sum(np.abs(a).sum() for a in gradients), 1e-12))
                for g in gradients
            ],
        ),
    ],
    hints=[
        "One norm for all arrays together: as if they were one long vector.",
        "Its square is the sum of the squares of all entries of all arrays.",
        "If it is above the limit, multiply every array by the limit over the norm.",
    ],
)

# ---- tune ------------------------------------------------------------------------------------

_START, _STEPS, _TARGET = (-1.0, 1.0), 150, 1e-4


def banana(w: np.ndarray) -> np.ndarray:
    """A curved valley, (1 - w_1)^2 / 2 + 10 (w_2 - w_1^2)^2 / 2, its bottom at (1, 1).

    Example:
        >>> float(banana(np.array([1.0, 1.0])))
        0.0
    """
    return ((1 - w[..., 0]) ** 2 + 10 * (w[..., 1] - w[..., 0] ** 2) ** 2) / 2


def banana_gradient(w: np.ndarray) -> np.ndarray:
    """The gradient of the curved valley, of the shape of w.

    Example:
        >>> banana_gradient(np.array([0.0, 1.0])).tolist()
        [-1.0, 10.0]
    """
    across = 10 * (w[..., 1] - w[..., 0] ** 2)
    return np.stack([w[..., 0] - 1 - 2 * w[..., 0] * across, across], axis=-1)


def loss_after(learning_rate: float) -> float:
    """Loss of momentum 0.9 on the curved valley, from (-1, 1), after 150 steps; inf if it diverges.

    Example:
        >>> bool(loss_after(0.001) > 0.1)
        True
    """
    w, optimizer = np.array(_START), SGD(learning_rate, momentum=0.9)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(_STEPS):
            optimizer.apply([banana_gradient(w)], [w])
        loss = float(banana(w))
    return loss if np.isfinite(loss) else float("inf")


def _reaches(rate):
    if isinstance(rate, str) or np.ndim(rate) or not np.isreal(rate):
        return "give one number, the learning rate."
    if not rate > 0:
        return "a learning rate is above 0."
    loss = loss_after(float(rate))
    if not loss < 1e3:
        return f"with {rate:g} it diverges: the rate is too large."
    if loss > _TARGET:
        smaller = loss_after(float(rate) / 1.5)
        way = "larger" if loss < smaller < 1e3 else "another"
        return f"with {rate:g} the loss is {loss:.2g} after {_STEPS} steps. Try a {way} rate."


tune = Exercise(
    "tune",
    properties=[Property("momentum 0.9 takes the loss below 0.0001", _reaches)],
    hints=[
        "Try one rate, then one ten times larger. Which of the two is too small, which too large?",
        "Write a loop over rates that grow by a factor of 2, and print the last loss of each.",
        "Take exercises.loss_after of each of the 50 rates, and keep those below 0.0001.",
    ],
    solution="""
rates = np.geomspace(0.001, 0.1, 50)
losses_at_the_end = np.array([exercises.loss_after(rate) for rate in rates])
my_rate = rates[losses_at_the_end.argmin()]
good = rates[losses_at_the_end < 0.0001]
factor = good.max() / good.min()  # about 8; near the upper end some rates between diverge
""",
)
