"""Activation functions and their derivatives, stable for any logits that a network may give."""

from dlkit.scratch._checks import pick
from dlkit.scratch._rectifiers import (
    elu,
    elu_derivative,
    gelu,
    gelu_derivative,
    leaky_relu,
    leaky_relu_derivative,
    relu,
    relu_derivative,
    silu,
    silu_derivative,
    softplus,
    softplus_derivative,
)
from dlkit.scratch._squashing import (
    log_softmax,
    log_softmax_derivative,
    sigmoid,
    sigmoid_derivative,
    softmax,
    softmax_derivative,
    tanh,
    tanh_derivative,
)

__all__ = [
    "elu",
    "elu_derivative",
    "gelu",
    "gelu_derivative",
    "get",
    "leaky_relu",
    "leaky_relu_derivative",
    "log_softmax",
    "log_softmax_derivative",
    "relu",
    "relu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "silu",
    "silu_derivative",
    "softmax",
    "softmax_derivative",
    "softplus",
    "softplus_derivative",
    "tanh",
    "tanh_derivative",
]
NAMES = tuple(name for name in __all__ if name != "get" and not name.endswith("_derivative"))


def get(name):
    """Activation function of that name.

    Args:
        name: one of ``NAMES``, e.g. ``"relu"``.

    Returns:
        The function.

    Raises:
        ValueError: no such name; the message lists those there are.

    Example:
        >>> get("relu")([-1.0, 2.0])
        array([0., 2.])
    """
    return pick("activation", name, NAMES, globals())
