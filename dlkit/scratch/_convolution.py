"""Convolution of images as a function: matrix products over all patches at once."""

import numpy as np

from dlkit.scratch import _windows
from dlkit.scratch._checks import as_float, check_shape


def _prepare(x, kernel, strides, padding):
    """Padded images, the slices that cut x out of them, strides as a pair."""
    check_shape("x", x, (None, None, None, None))
    check_shape("kernel", kernel, (None, None, x.shape[3], None))
    strides = _windows.pair("strides", strides)
    return *_windows.pad(x, kernel.shape[:2], strides, padding), strides


def conv2d(x, kernel, bias=None, strides=1, padding="valid"):
    """Slide a small kernel over images: every output is patch . kernel + bias.

    y[n, i, j, f] = sum_{a, b, c} x[n, i s + a, j s + b, c] kernel[a, b, c, f] + bias[f]

    Args:
        x: images, float array ``(n, height, width, channels)``.
        kernel: ``(kernel_height, kernel_width, channels, filters)``.
        bias: ``(filters,)``, or None.
        strides: step s from one position to the next: a whole number, or one per direction.
        padding: "valid": only whole patches; "same": a margin of zeros, so that there are
            ceil(size / strides) positions.

    Returns:
        Array ``(n, out_height, out_width, filters)``.

    Raises:
        ValueError: the shapes do not fit; an unknown padding; strides below 1.

    Source: LeCun, Bottou, Bengio and Haffner (1998), doi:10.1109/5.726791.

    Example:
        >>> edges = conv2d(np.array([0.0, 0, 1, 1]).reshape(1, 1, 4, 1), [[[[-1.0]], [[1.0]]]])
        >>> edges.squeeze()
        array([0., 1., 0.])
    """
    x, kernel = as_float(x), as_float(kernel)
    padded, _, strides = _prepare(x, kernel, strides, padding)
    patches = np.concatenate(list(_windows.views(padded, kernel.shape[:2], strides)), axis=-1)
    rows, filters = patches.reshape(-1, patches.shape[3]), kernel.shape[3]
    y = (rows @ kernel.reshape(-1, filters)).reshape(*patches.shape[:3], filters)
    if bias is None:
        return y
    check_shape("bias", bias, (filters,))
    return y + as_float(bias)


def conv2d_backward(upstream, x, kernel, strides=1, padding="valid"):
    """Gradients of conv2d: those of a dense layer, for each place in the kernel, added up.

    Args:
        upstream: gradient of the loss with respect to the output, of the output's shape.
        x: as given to ``conv2d``.
        kernel: as given to ``conv2d``.
        strides: as given to ``conv2d``.
        padding: as given to ``conv2d``.

    Returns:
        dx, dkernel, dbias: arrays of the shapes of x, kernel and bias.

    Raises:
        ValueError: the shapes do not fit; an unknown padding; strides below 1.

    Example:
        >>> x, kernel = np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1))
        >>> dx, dkernel, dbias = conv2d_backward(np.ones((1, 2, 2, 1)), x, kernel)
        >>> dx.squeeze()  # the middle pixel is in all four patches
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]])
    """
    upstream, x, kernel = as_float(upstream), as_float(x), as_float(kernel)
    padded, inside, strides = _prepare(x, kernel, strides, padding)
    window, channels, filters = kernel.shape[:2], *kernel.shape[2:]
    views = list(_windows.views(padded, window, strides))
    check_shape("upstream", upstream, (*views[0].shape[:3], filters))
    upstream = upstream.reshape(-1, filters)
    dpadded, dkernel = np.zeros_like(padded), np.empty_like(kernel)
    dviews = _windows.views(dpadded, window, strides)
    for place, view, dview in zip(np.ndindex(window), views, dviews, strict=True):
        dkernel[place] = view.reshape(-1, channels).T @ upstream
        dview += (upstream @ kernel[place].T).reshape(view.shape)
    return dpadded[inside], dkernel, upstream.sum(axis=0)
