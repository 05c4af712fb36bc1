"""The curved valley in which a learning rate is to be found."""

import numpy as np

from dlkit.exercises.engine import Property
from dlkit.scratch.optimizers import SGD

START, STEPS, TARGET = (-1.0, 1.0), 150, 1e-4


def banana(w):
    """A curved valley, (1 - w_1)^2 / 2 + 10 (w_2 - w_1^2)^2 / 2, its bottom at (1, 1).

    Example:
        >>> float(banana(np.array([1.0, 1.0])))
        0.0
    """
    return ((1 - w[..., 0]) ** 2 + 10 * (w[..., 1] - w[..., 0] ** 2) ** 2) / 2


def banana_gradient(w):
    """The gradient of the curved valley, of the shape of w.

    Example:
        >>> banana_gradient(np.array([0.0, 1.0])).tolist()
        [-1.0, 10.0]
    """
    across = 10 * (w[..., 1] - w[..., 0] ** 2)
    return np.stack([w[..., 0] - 1 - 2 * w[..., 0] * across, across], axis=-1)


def loss_after(learning_rate):
    """Loss of momentum 0.9 on the curved valley, from (-1, 1), after 150 steps; inf if it diverges.

    Example:
        >>> bool(loss_after(0.001) > 0.1)
        True
    """
    w, optimizer = np.array(START), SGD(learning_rate, momentum=0.9)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(STEPS):
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
    if loss > TARGET:
        smaller = loss_after(float(rate) / 1.5)
        way = "larger" if loss < smaller < 1e3 else "another"
        return f"with {rate:g} the loss is {loss:.2g} after {STEPS} steps. Try a {way} rate."


PROPERTIES = [Property("momentum 0.9 takes the loss below 0.0001", _reaches)]
