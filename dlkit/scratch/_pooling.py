"""Max pooling of images as a function."""

from functools import reduce

import numpy as np

from dlkit.scratch import _windows
from dlkit.scratch._checks import as_float, check_shape


def _prepare(x, pool_size, strides, padding):
    """Padded images, the slices that cut x out of them, window and strides."""
    check_shape("x", x, (None, None, None, None))
    window = _windows.pair("pool_size", pool_size)
    strides = window if strides is None else _windows.pair("strides", strides)
    padded, inside = _windows.pad(x, window, strides, padding, value=-np.inf)
    return padded, inside, window, strides


def max_pool2d(x, pool_size=2, strides=None, padding="valid"):
    """Largest value in each window, channel by channel.

    Args:
        x: images, float array ``(n, height, width, channels)``.
        pool_size: size of the window: a whole number, or one per direction.
        strides: step from one window to the next; None: pool_size, so that windows touch.
        padding: "valid": only whole windows; "same": ceil(size / strides) windows.

    Returns:
        Array ``(n, out_height, out_width, channels)``.

    Raises:
        ValueError: x is not images; the window does not fit; an unknown padding.

    Example:
        >>> max_pool2d(np.array([1.0, 2, 3, 4]).reshape(1, 2, 2, 1)).squeeze()
        array(4.)
    """
    padded, _, window, strides = _prepare(as_float(x), pool_size, strides, padding)
    return reduce(np.maximum, _windows.views(padded, window, strides))


def max_pool2d_backward(upstream, x, pool_size=2, strides=None, padding="valid"):
    """Gradient of max_pool2d: all of it to the largest value, the first where several are.

    Args:
        upstream: gradient of the loss with respect to the output, of the output's shape.
        x: as given to ``max_pool2d``.
        pool_size: as given to ``max_pool2d``.
        strides: as given to ``max_pool2d``.
        padding: as given to ``max_pool2d``.

    Returns:
        dx: array of x's shape.

    Raises:
        ValueError: the shapes do not fit; an unknown padding.

    Example:
        >>> x = np.array([1.0, 4, 3, 4]).reshape(1, 2, 2, 1)
        >>> max_pool2d_backward(np.ones((1, 1, 1, 1)), x).squeeze()
        array([[0., 1.],
               [0., 0.]])
    """
    upstream, x = as_float(upstream), as_float(x)
    padded, inside, window, strides = _prepare(x, pool_size, strides, padding)
    largest = reduce(np.maximum, _windows.views(padded, window, strides))
    check_shape("upstream", upstream, largest.shape)
    dpadded = np.zeros_like(padded)
    to_give = np.ones(largest.shape, dtype=bool)
    views = _windows.views(padded, window, strides)
    for view, dview in zip(views, _windows.views(dpadded, window, strides), strict=True):
        is_first = to_give & (view == largest)
        dview += upstream * is_first
        to_give &= ~is_first
    return dpadded[inside]
