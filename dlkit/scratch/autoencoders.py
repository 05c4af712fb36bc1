"""What autoencoders are made of: principal components, Gaussian codes and bounds on log p(x)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import as_float, check_axis, check_same_shape, check_shape, check_whole
from dlkit.scratch.activations import softplus

__all__ = [
    "PCA",
    "bernoulli_log_likelihood",
    "cosines_between",
    "gaussian_kl",
    "gaussian_log_density",
    "importance_weighted_bound",
    "reparametrize",
    "reparametrize_backward",
]


class PCA:
    """Principal components: the directions in which the examples vary most.

    With the mean m of the examples, and the eigenvectors of their covariance with the largest
    eigenvalues as the rows of V:

        code = (x - m) V^T,  restored = m + code V

    No other k numbers that are linear in x let a linear map restore it with a smaller squared
    error. (Names and signs as in scikit-learn, but that the sign of a direction is free.)

    Args:
        n_components: k, how many directions are kept; 1 or more.

    Attributes, after ``fit``:
        mean_: array ``(features,)``.
        components_: array ``(k, features)``, rows of length 1 at right angles to one another.
        explained_variance_: array ``(k,)``, the variance of each number of the code, largest first.

    Raises:
        ValueError: n_components is no whole number of 1 or more.

    Source: Hotelling (1933), doi:10.1037/h0071325.

    Example:
        >>> x = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
        >>> pca = PCA(1).fit(x)
        >>> pca.transform(x).shape, pca.explained_variance_
        ((3, 1), array([8.]))
        >>> pca.inverse_transform(pca.transform(x)).round(6)[1]
        array([2., 2.])
    """

    def __init__(self, n_components: int) -> None:
        self.n_components = check_whole("n_components", n_components)

    def fit(self, x: ArrayLike) -> "PCA":
        """Find mean and directions.

        Args:
            x: examples, float array ``(n, features)``, n of 2 or more, features of k or more.

        Returns:
            The object itself.

        Raises:
            ValueError: x has another shape, or fewer features or examples than that.
        """
        x = as_float(x)
        check_shape("x", x, (None, None))
        if len(x) < 2 or x.shape[1] < self.n_components:
            raise ValueError(
                f"x has shape {x.shape}; expected two examples or more, of {self.n_components} "
                "features or more: keep fewer components, or pass more data"
            )
        self.mean_ = x.mean(axis=0)
        centered = x - self.mean_
        variances, directions = np.linalg.eigh(centered.T @ centered / (len(x) - 1))
        self.explained_variance_ = variances[::-1][: self.n_components]  # eigh's come ascending
        self.components_ = directions.T[::-1][: self.n_components]
        return self

    def transform(self, x: ArrayLike) -> np.ndarray:
        """The code, ``(n, k)``, of examples ``(n, features)``."""
        x = as_float(x)
        check_shape("x", x, (None, len(self.mean_)))
        return (x - self.mean_) @ self.components_.T

    def inverse_transform(self, code: ArrayLike) -> np.ndarray:
        """The examples, ``(n, features)``, that codes ``(n, k)`` restore."""
        code = as_float(code)
        check_shape("code", code, (None, self.n_components))
        return self.mean_ + code @ self.components_


def cosines_between(rows: ArrayLike, other_rows: ArrayLike) -> np.ndarray:
    """Cosines of the angles between what two sets of rows span; all 1 if they span the same.

    The singular values of Q P^T, where the rows of Q and of P are at right angles, of length 1, and
    span the same as the rows given.

    Args:
        rows: float array ``(k, features)``, whose rows are independent.
        other_rows: float array ``(m, features)``.

    Returns:
        Array ``(min(k, m),)``, largest first, in [0, 1] but for rounding.

    Raises:
        ValueError: the arrays are no matrices, or have different numbers of features.

    Source: Björck and Golub (1973), doi:10.1090/S0025-5718-1973-0348991-3.

    Example:
        >>> cosines_between([[1.0, 0.0, 0.0]], [[3.0, 3.0, 0.0]]).round(4)  # 45 degrees
        array([0.7071])
    """
    rows, other_rows = as_float(rows), as_float(other_rows)
    check_shape("rows", rows, (None, None))
    check_shape("other_rows", other_rows, (None, rows.shape[1]))
    q, p = np.linalg.qr(rows.T)[0], np.linalg.qr(other_rows.T)[0]
    return np.linalg.svd(q.T @ p, compute_uv=False)


def gaussian_log_density(x: ArrayLike, mean: ArrayLike, log_variance: ArrayLike) -> np.ndarray:
    """Logarithm of the density of a Gaussian whose numbers are independent, in nats.

        -1/2 sum_j (log(2 pi) + log_variance_j + (x_j - mean_j)^2 / exp(log_variance_j))

    Args:
        x: float array ``(..., numbers)``.
        mean: float array that fits x's shape; so does log_variance.
        log_variance: logarithms of the variances.

    Returns:
        Array ``(...)``.

    Example:
        >>> gaussian_log_density([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])  # -log(2 pi)
        np.float64(-1.8378770664093453)
    """
    x, mean, log_variance = as_float(x), as_float(mean), as_float(log_variance)
    squares = (x - mean) ** 2 * np.exp(-log_variance)
    return -0.5 * (math.log(2 * math.pi) + log_variance + squares).sum(axis=-1)


def gaussian_kl(
    mean: ArrayLike,
    log_variance: ArrayLike,
    other_mean: ArrayLike = 0.0,
    other_log_variance: ArrayLike = 0.0,
) -> np.ndarray:
    """KL divergence of one Gaussian from another, for each of their independent numbers, in nats.

        1/2 (m - l + (s^2 + (mu - nu)^2) / t^2 - 1),

    with means mu and nu, variances s^2 and t^2, and their logarithms l and m. Against the standard
    normal distribution, which is assumed if no other is given, this is

        1/2 (mu^2 + s^2 - l - 1).

    Args:
        mean: mu, float array ``(...)``.
        log_variance: l, float array of the same shape.
        other_mean: nu, an array that fits, or a number.
        other_log_variance: m, the same.

    Returns:
        Array ``(...)`` of 0 or more; sum it over the numbers of a code.

    Raises:
        ValueError: mean and log_variance have different shapes.

    Source: Kingma and Welling (2014), arXiv:1312.6114, appendix B.

    Example:
        >>> gaussian_kl([0.0, 2.0], [0.0, 0.0])
        array([0., 2.])
    """
    check_same_shape("mean", mean, "log_variance", log_variance)
    mean, log_variance = as_float(mean), as_float(log_variance)
    other_mean, other_log_variance = as_float(other_mean), as_float(other_log_variance)
    squares = np.exp(log_variance) + (mean - other_mean) ** 2
    return 0.5 * (other_log_variance - log_variance + squares / np.exp(other_log_variance) - 1)


def reparametrize(mean: ArrayLike, log_variance: ArrayLike, noise: ArrayLike) -> np.ndarray:
    """A draw from a Gaussian as a function of its parameters: mean + exp(log_variance / 2) noise.

    Args:
        mean: float array ``(..., numbers)``.
        log_variance: float array of the same shape.
        noise: drawn from a standard normal distribution, of that shape, or with axes before it for
            several draws.

    Returns:
        Array of noise's shape.

    Raises:
        ValueError: mean and log_variance have different shapes.

    Source: Kingma and Welling (2014), arXiv:1312.6114, section 2.4.

    Example:
        >>> reparametrize([1.0], [np.log(4.0)], [0.5])
        array([2.])
    """
    check_same_shape("mean", mean, "log_variance", log_variance)
    return as_float(mean) + np.exp(as_float(log_variance) / 2) * as_float(noise)


def reparametrize_backward(
    upstream: ArrayLike, log_variance: ArrayLike, noise: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients for mean and log_variance: g and g noise exp(log_variance / 2) / 2.

    Args:
        upstream: g, the gradient of a loss with respect to the draw, float array.
        log_variance: as for `reparametrize`, of the same shape.
        noise: the noise of that draw, of the same shape.

    Returns:
        Two arrays of that shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> reparametrize_backward([2.0], [np.log(4.0)], [0.5])
        (array([2.]), array([1.]))
    """
    check_same_shape("upstream", upstream, "log_variance", log_variance)
    check_same_shape("upstream", upstream, "noise", noise)
    upstream, noise = as_float(upstream), as_float(noise)
    return upstream, upstream * noise * np.exp(as_float(log_variance) / 2) / 2


def bernoulli_log_likelihood(x: ArrayLike, logits: ArrayLike) -> np.ndarray:
    """Logarithm of the probability of black and white pixels that are drawn independently, in nats.

        sum_i (x_i log(p_i) + (1 - x_i) log(1 - p_i)),  p = sigmoid(logits)

    Args:
        x: 0 or 1, float array ``(..., pixels)``.
        logits: float array ``(..., pixels)``, which may have more axes before it.

    Returns:
        Array ``(...)`` of numbers below 0.

    Example:
        >>> bernoulli_log_likelihood([1.0, 0.0], [0.0, 0.0])  # 2 log(1/2)
        np.float64(-1.3862943611198906)
    """
    x, logits = as_float(x), as_float(logits)
    return (x * logits - softplus(logits)).sum(axis=-1)


def importance_weighted_bound(log_weights: ArrayLike, axis: int = 0) -> np.ndarray:
    """Lower bound on log p(x) from several draws of a code: log(1/k sum_i exp(log_weights_i)).

    A weight is p(x, z_i) / q(z_i | x), for draws z_i from q. With one draw this is an estimate of
    the ELBO; with more its expectation rises towards log p(x). The largest weight is taken out of
    the sum first, since exp(-800) is 0 for the machine.

    Args:
        log_weights: logarithms of the weights, float array.
        axis: which axis holds the draws.

    Returns:
        Array without that axis.

    Raises:
        ValueError: there is no such axis, or nothing along it.

    Source: Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519, equation 8.

    Example:
        >>> importance_weighted_bound(np.log([0.1, 0.3])).round(4)  # log(0.2)
        np.float64(-1.6094)
    """
    log_weights = as_float(log_weights)
    check_axis(log_weights, axis)
    largest = log_weights.max(axis=axis, keepdims=True)
    mean = np.exp(log_weights - largest).mean(axis=axis)
    return np.log(mean) + np.squeeze(largest, axis=axis)
