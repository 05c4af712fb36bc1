"""The dense layer as a function."""

from dlkit.scratch._checks import as_float, check_shape


def _check(x, kernel):
    check_shape("kernel", kernel, (x.shape[-1] if x.ndim else "features", None))


def dense(x, kernel, bias):
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
    _check(x, kernel)
    check_shape("bias", bias, kernel.shape[1:])
    return x @ kernel + bias


def dense_backward(upstream, x, kernel):
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
    _check(x, kernel)
    check_shape("upstream", upstream, (*x.shape[:-1], kernel.shape[1]))
    rows = x.reshape(-1, x.shape[-1])
    upstream_rows = upstream.reshape(-1, kernel.shape[1])
    return upstream @ kernel.T, rows.T @ upstream_rows, upstream_rows.sum(axis=0)
