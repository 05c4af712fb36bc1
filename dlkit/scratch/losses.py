"""Losses, one value per example, and the gradients of their batch mean.

``losses.mean_squared_error(y_true, y_pred).mean()`` is the loss of a batch; the function of the
same name with ``_gradient`` is the gradient of that mean with respect to ``y_pred``.
"""

from dlkit.scratch._checks import pick
from dlkit.scratch._classification import (
    binary_crossentropy,
    binary_crossentropy_gradient,
    categorical_crossentropy,
    categorical_crossentropy_gradient,
    sparse_categorical_crossentropy,
    sparse_categorical_crossentropy_gradient,
)
from dlkit.scratch._regression import (
    huber,
    huber_gradient,
    mean_absolute_error,
    mean_absolute_error_gradient,
    mean_squared_error,
    mean_squared_error_gradient,
)

__all__ = [
    "binary_crossentropy",
    "binary_crossentropy_gradient",
    "categorical_crossentropy",
    "categorical_crossentropy_gradient",
    "get",
    "huber",
    "huber_gradient",
    "mean_absolute_error",
    "mean_absolute_error_gradient",
    "mean_squared_error",
    "mean_squared_error_gradient",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_gradient",
]
NAMES = tuple(name for name in __all__ if name != "get" and not name.endswith("_gradient"))


def get(name):
    """Loss and its gradient, by name.

    Args:
        name: one of ``NAMES``, e.g. ``"mean_squared_error"``.

    Returns:
        Two functions: the loss and its gradient.

    Raises:
        ValueError: no such name; the message lists those there are.

    Example:
        >>> loss, loss_gradient = get("mean_squared_error")
        >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
        array([2.])
    """
    return pick("loss", name, NAMES, globals()), globals()[name + "_gradient"]
