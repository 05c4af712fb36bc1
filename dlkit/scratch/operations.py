"""Layers as pure functions, channels last as in Keras, each with its backward pass.

``NAME_backward(upstream, ...)`` takes the gradient of the loss with respect to the output and
returns that with respect to each input: one step of the chain rule.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import as_float, check_axis, check_shape, pair

__all__ = [
    "conv2d",
    "conv2d_backward",
    "dense",
    "dense_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "simple_rnn",
    "simple_rnn_backward",
]
Padding = Literal["valid", "same"]
Size = int | Sequence[int]  # a whole number, or one per direction


def _check_dense(x: np.ndarray, kernel: np.ndarray) -> None:
    check_shape("kernel", kernel, (x.shape[-1] if x.ndim else "features", None))


def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike) -> np.ndarray:
    """Every output looks at every input: x W + b.

    Args:
        x: inputs, float array ``(..., features)``.
        kernel: W, ``(features, units)``.
        bias: b, ``(units,)``.

    Returns:
        Array ``(..., units)``.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> dense([[1.0, 2.0]], [[1.0], [10.0]], [0.5])
        array([[21.5]])
    """
    x, kernel, bias = as_float(x), as_float(kernel), as_float(bias)
    _check_dense(x, kernel)
    check_shape("bias", bias, kernel.shape[1:])
    return x @ kernel + bias


def dense_backward(
    upstream: ArrayLike, x: ArrayLike, kernel: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of dense: dx = upstream W^T, dW = x^T upstream, db = sum of upstream.

    Args:
        upstream: gradient of the loss with respect to the output, ``(..., units)``.
        x: as given to ``dense``.
        kernel: as given to ``dense``.

    Returns:
        dx, dkernel, dbias: arrays of the shapes of x, kernel and bias.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> dx, dkernel, dbias = dense_backward([[1.0]], [[1.0, 2.0]], [[1.0], [10.0]])
        >>> dx, dkernel.T, dbias
        (array([[ 1., 10.]]), array([[1., 2.]]), array([1.]))
    """
    upstream, x, kernel = as_float(upstream), as_float(x), as_float(kernel)
    _check_dense(x, kernel)
    check_shape("upstream", upstream, (*x.shape[:-1], kernel.shape[1]))
    rows = x.reshape(-1, x.shape[-1])
    upstream_rows = upstream.reshape(-1, kernel.shape[1])
    return upstream @ kernel.T, rows.T @ upstream_rows, upstream_rows.sum(axis=0)


def _pad(x, window, strides, padding, value=0):
    """x with the margin that the padding asks for.

    "same" gives ceil(size / stride) positions: the margin is as even as can be, an odd row or
    column goes below or to the right.

    Returns:
        The padded images, and the slices that cut x out of them.
    """
    if padding not in ("valid", "same"):
        raise ValueError(f'padding is {padding!r}; expected "valid" or "same"')
    height_and_width = x.shape[1:3]
    totals = [0, 0]
    if padding == "same":
        sides = zip(height_and_width, window, strides, strict=True)
        totals = [
            max((-(-size // stride) - 1) * stride + length - size, 0)
            for size, length, stride in sides
        ]
    elif any(size < length for size, length in zip(height_and_width, window, strict=True)):
        raise ValueError(
            f"a window of {window} does not fit into images of {height_and_width}: pass larger "
            'images, a smaller window, or padding="same"'
        )
    margins = [(total // 2, total - total // 2) for total in totals]
    padded = np.pad(x, [(0, 0), *margins, (0, 0)], constant_values=value)
    inside = [slice(m[0], m[0] + s) for m, s in zip(margins, height_and_width, strict=True)]
    return padded, (slice(None), *inside)


def _windows(padded, window, strides):
    """For each place in the window, row by row, the pixels seen there: (n, out_h, out_w, c).

    They are views: adding to one adds to ``padded``.
    """
    height = (padded.shape[1] - window[0]) // strides[0] + 1
    width = (padded.shape[2] - window[1]) // strides[1] + 1
    for row in range(window[0]):
        for column in range(window[1]):
            rows = slice(row, row + height * strides[0], strides[0])
            columns = slice(column, column + width * strides[1], strides[1])
            yield padded[:, rows, columns]


def _prepare_conv2d(x, kernel, strides, padding):
    """Padded images, the slices that cut x out of them, strides as a pair."""
    check_shape("x", x, (None, None, None, None))
    check_shape("kernel", kernel, (None, None, x.shape[3], None))
    strides = pair("strides", strides)
    return *_pad(x, kernel.shape[:2], strides, padding), strides


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
) -> np.ndarray:
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
    padded, _, strides = _prepare_conv2d(x, kernel, strides, padding)
    patches = np.concatenate(list(_windows(padded, kernel.shape[:2], strides)), axis=-1)
    rows, filters = patches.reshape(-1, patches.shape[3]), kernel.shape[3]
    y = (rows @ kernel.reshape(-1, filters)).reshape(*patches.shape[:3], filters)
    if bias is None:
        return y
    check_shape("bias", bias, (filters,))
    return y + as_float(bias)


def conv2d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Size = 1,
    padding: Padding = "valid",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    padded, inside, strides = _prepare_conv2d(x, kernel, strides, padding)
    window, channels, filters = kernel.shape[:2], *kernel.shape[2:]
    views = list(_windows(padded, window, strides))
    check_shape("upstream", upstream, (*views[0].shape[:3], filters))
    upstream = upstream.reshape(-1, filters)
    dpadded, dkernel = np.zeros_like(padded), np.empty_like(kernel)
    dviews = _windows(dpadded, window, strides)
    for place, view, dview in zip(np.ndindex(window), views, dviews, strict=True):
        dkernel[place] = view.reshape(-1, channels).T @ upstream
        dview += (upstream @ kernel[place].T).reshape(view.shape)
    return dpadded[inside], dkernel, upstream.sum(axis=0)


def _prepare_max_pool2d(x, pool_size, strides, padding):
    """Padded images, the slices that cut x out of them, window and strides."""
    check_shape("x", x, (None, None, None, None))
    window = pair("pool_size", pool_size)
    strides = window if strides is None else pair("strides", strides)
    padded, inside = _pad(x, window, strides, padding, value=-np.inf)
    return padded, inside, window, strides


def max_pool2d(
    x: ArrayLike, pool_size: Size = 2, strides: Size | None = None, padding: Padding = "valid"
) -> np.ndarray:
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
    padded, _, window, strides = _prepare_max_pool2d(as_float(x), pool_size, strides, padding)
    return reduce(np.maximum, _windows(padded, window, strides))


def max_pool2d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    pool_size: Size = 2,
    strides: Size | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
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
    padded, inside, window, strides = _prepare_max_pool2d(x, pool_size, strides, padding)
    largest = reduce(np.maximum, _windows(padded, window, strides))
    check_shape("upstream", upstream, largest.shape)
    dpadded = np.zeros_like(padded)
    to_give = np.ones(largest.shape, dtype=bool)
    views = _windows(padded, window, strides)
    for view, dview in zip(views, _windows(dpadded, window, strides), strict=True):
        is_first = to_give & (view == largest)
        dview += upstream * is_first
        to_give &= ~is_first
    return dpadded[inside]


def _check_simple_rnn(x, kernel, recurrent_kernel):
    check_shape("x", x, (None, None, None))
    check_axis(x, 1)
    check_shape("kernel", kernel, (x.shape[2], None))
    check_shape("recurrent_kernel", recurrent_kernel, (kernel.shape[1], kernel.shape[1]))


def simple_rnn(
    x: ArrayLike, kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike
) -> np.ndarray:
    """State after state: h_t = tanh(x_t W + h_{t-1} U + b), from h_0 = 0.

    Args:
        x: sequences, float array ``(batch, time, features)``.
        kernel: W, ``(features, units)``.
        recurrent_kernel: U, ``(units, units)``.
        bias: b, ``(units,)``.

    Returns:
        All states, ``(batch, time, units)``.

    Raises:
        ValueError: the shapes do not fit.

    Source: Elman (1990), doi:10.1207/s15516709cog1402_1.

    Example:
        >>> simple_rnn(np.ones((1, 3, 1)), [[0.0]], [[1.0]], [0.5]).round(3).squeeze()
        array([0.462, 0.745, 0.847])
    """
    x, kernel = as_float(x), as_float(kernel)
    recurrent_kernel, bias = as_float(recurrent_kernel), as_float(bias)
    _check_simple_rnn(x, kernel, recurrent_kernel)
    check_shape("bias", bias, kernel.shape[1:])
    states = x @ kernel + bias
    state = np.zeros((len(x), kernel.shape[1]), dtype=states.dtype)
    for time in range(x.shape[1]):
        state = np.tanh(states[:, time] + state @ recurrent_kernel)
        states[:, time] = state
    return states


def simple_rnn_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    states: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of simple_rnn, from the last step back to the first.

    What arrives at a state is its own upstream and what the next state passes back:
    dz_t = (upstream_t + dz_{t+1} U^T) (1 - h_t^2).

    Args:
        upstream: gradient of the loss with respect to all states, ``(batch, time, units)``; zeros
            but for the last step if the loss looks at the last state only.
        x: as given to ``simple_rnn``.
        states: what ``simple_rnn`` returned.
        kernel: as given to ``simple_rnn``.
        recurrent_kernel: as given to ``simple_rnn``.

    Returns:
        dx, dkernel, drecurrent_kernel, dbias: arrays of the shapes of x, kernel,
        recurrent_kernel and bias.

    Raises:
        ValueError: the shapes do not fit.

    Source: Werbos (1990), doi:10.1109/5.58337.

    Example:
        >>> x, kernel, recurrent = np.ones((1, 2, 1)), np.eye(1), np.eye(1)
        >>> states = simple_rnn(x, kernel, recurrent, [0.0])
        >>> dx, *_ = simple_rnn_backward(np.ones((1, 2, 1)), x, states, kernel, recurrent)
        >>> dx.squeeze().round(3)
        array([0.467, 0.111])
    """
    upstream, x, states = as_float(upstream), as_float(x), as_float(states)
    kernel, recurrent_kernel = as_float(kernel), as_float(recurrent_kernel)
    _check_simple_rnn(x, kernel, recurrent_kernel)
    check_shape("states", states, (*x.shape[:2], kernel.shape[1]))
    check_shape("upstream", upstream, states.shape)
    dz = upstream * (1 - states**2)
    for time in reversed(range(x.shape[1] - 1)):
        dz[:, time] += (dz[:, time + 1] @ recurrent_kernel.T) * (1 - states[:, time] ** 2)
    before_and_after = ((0, 1), (0, 1))
    dkernel = np.tensordot(x, dz, before_and_after)
    drecurrent_kernel = np.tensordot(states[:, :-1], dz[:, 1:], before_and_after)
    return dz @ kernel.T, dkernel, drecurrent_kernel, dz.sum(axis=(0, 1))
