"""The simple recurrent layer as a function, and backpropagation through time."""

import numpy as np

from dlkit.scratch._checks import as_float, check_shape


def _check(x, kernel, recurrent_kernel):
    check_shape("x", x, (None, None, None))
    check_shape("kernel", kernel, (x.shape[2], None))
    check_shape("recurrent_kernel", recurrent_kernel, (kernel.shape[1], kernel.shape[1]))


def simple_rnn(x, kernel, recurrent_kernel, bias):
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
    _check(x, kernel, recurrent_kernel)
    check_shape("bias", bias, kernel.shape[1:])
    states = x @ kernel + bias
    state = np.zeros((len(x), kernel.shape[1]), dtype=states.dtype)
    for time in range(x.shape[1]):
        state = np.tanh(states[:, time] + state @ recurrent_kernel)
        states[:, time] = state
    return states


def simple_rnn_backward(upstream, x, states, kernel, recurrent_kernel):
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
    _check(x, kernel, recurrent_kernel)
    check_shape("states", states, (*x.shape[:2], kernel.shape[1]))
    check_shape("upstream", upstream, states.shape)
    dz = upstream * (1 - states**2)
    for time in reversed(range(x.shape[1] - 1)):
        dz[:, time] += (dz[:, time + 1] @ recurrent_kernel.T) * (1 - states[:, time] ** 2)
    before_and_after = ((0, 1), (0, 1))
    dkernel = np.tensordot(x, dz, before_and_after)
    drecurrent_kernel = np.tensordot(states[:, :-1], dz[:, 1:], before_and_after)
    return dz @ kernel.T, dkernel, drecurrent_kernel, dz.sum(axis=(0, 1))
