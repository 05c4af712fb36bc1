"""scratch.autoencoders against scikit-learn, SciPy, Keras, finite differences and closed forms."""

import keras
import numpy as np
import pytest
from helpers.scratch_tools import normal, tape_gradients
from scipy import stats
from scipy.linalg import subspace_angles
from scipy.special import logsumexp
from sklearn.decomposition import PCA as TheirPCA

from dlkit.scratch import autoencoders
from dlkit.scratch.gradients import numerical_gradient

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("k", [1, 3, 6])
def test_pca_is_that_of_sklearn_but_for_signs(seed, k):
    x = normal(seed, (40, 6)) @ normal(seed + 1, (6, 6)) + 3.0
    ours, theirs = autoencoders.PCA(k).fit(x), TheirPCA(k, svd_solver="full").fit(x)
    np.testing.assert_allclose(ours.mean_, theirs.mean_)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_)
    signs = np.sign((ours.components_ * theirs.components_).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(ours.components_, signs * theirs.components_, atol=1e-8)
    np.testing.assert_allclose(ours.transform(x), theirs.transform(x) * signs.T, atol=1e-8)
    restored = theirs.inverse_transform(theirs.transform(x))
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(x)), restored, atol=1e-8)


def test_the_error_that_remains_is_the_variance_that_was_left_out():
    x = normal(0, (30, 5))
    variances = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    for k in range(1, 6):
        pca = autoencoders.PCA(k).fit(x)
        error = ((x - pca.inverse_transform(pca.transform(x))) ** 2).sum()
        assert error / 29 == pytest.approx(variances[k:].sum(), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_cosines_are_those_of_scipy_s_angles(seed):
    rows, others = normal(seed, (3, 8)), normal(seed + 7, (2, 8))
    expected = np.cos(subspace_angles(rows.T, others.T))[::-1]
    np.testing.assert_allclose(autoencoders.cosines_between(rows, others), expected)
    mixed = normal(seed + 8, (3, 3)) @ rows  # other rows, the same span
    np.testing.assert_allclose(autoencoders.cosines_between(rows, mixed), 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_log_densities_are_those_of_scipy(seed):
    x, mean, log_variance = normal(seed, (4, 3), (4, 3), (4, 3))
    expected = stats.norm(mean, np.exp(log_variance / 2)).logpdf(x).sum(axis=1)
    found = autoencoders.gaussian_log_density(x, mean, log_variance)
    np.testing.assert_allclose(found, expected)
    p = 1 / (1 + np.exp(-mean))
    black = (x > 0).astype(float)
    expected = stats.bernoulli(p).logpmf(black.astype(int)).sum(axis=1)
    np.testing.assert_allclose(autoencoders.bernoulli_log_likelihood(black, mean), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bernoulli_likelihood_is_keras_s_crossentropy_and_survives_large_logits(seed):
    black, logits = (normal(seed, (4, 9)) > 0).astype("float64"), 300 * normal(seed + 1, (4, 9))
    loss = keras.ops.binary_crossentropy(black, logits, from_logits=True)
    expected = -keras.ops.convert_to_numpy(loss).sum(axis=1)
    found = autoencoders.bernoulli_log_likelihood(black, logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_kl_is_the_integral_of_its_definition(seed):
    """On a fine grid, for one number."""
    mean, log_variance, other_mean, other_log_variance = normal(seed, (4, 1))
    q = stats.norm(mean, np.exp(log_variance / 2))
    p = stats.norm(other_mean, np.exp(other_log_variance / 2))
    z = np.linspace(mean[0] - 40, mean[0] + 40, 400_001)
    expected = np.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
    found = autoencoders.gaussian_kl(mean, log_variance, other_mean, other_log_variance)
    assert found == pytest.approx(expected, rel=1e-6)


def test_kl_from_the_standard_normal_distribution_is_the_default():
    mean, log_variance = normal(0, (5, 4), (5, 4))
    found = autoencoders.gaussian_kl(mean, log_variance)
    expected = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_array_equal(autoencoders.gaussian_kl(np.zeros(3), np.zeros(3)), 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_way_back_is_that_of_differences_and_of_the_tape(seed):
    upstream, mean, log_variance, noise = normal(seed, *(4 * [(3, 2)]))
    found = autoencoders.reparametrize_backward(upstream, log_variance, noise)

    def by_mean(m):
        return np.sum(upstream * autoencoders.reparametrize(m, log_variance, noise))

    def by_log_variance(v):
        return np.sum(upstream * autoencoders.reparametrize(mean, v, noise))

    np.testing.assert_allclose(found[0], numerical_gradient(by_mean, mean), atol=1e-8)
    np.testing.assert_allclose(
        found[1], numerical_gradient(by_log_variance, log_variance), atol=1e-8
    )
    tape = tape_gradients(
        lambda m, v: m + keras.ops.exp(v / 2) * noise, upstream, mean, log_variance
    )
    np.testing.assert_allclose(found[0], tape[0])
    np.testing.assert_allclose(found[1], tape[1])


def test_draws_have_the_mean_and_the_variance_that_they_are_drawn_with():
    mean, log_variance = np.array([1.0, -2.0]), np.log([4.0, 0.25])
    z = autoencoders.reparametrize(mean, log_variance, normal(0, (200_000, 2)))
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(z.var(axis=0), np.exp(log_variance), rtol=0.02)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_bound_is_scipy_s_log_sum_minus_log_k(axis):
    log_weights = 300 * normal(0, (5, 7)) - 900
    expected = logsumexp(log_weights, axis=axis) - np.log(log_weights.shape[axis])
    found = autoencoders.importance_weighted_bound(log_weights, axis=axis)
    np.testing.assert_allclose(found, expected)


def test_the_bound_reaches_the_likelihood_of_a_linear_gaussian_model():
    """x = 2 z + noise of variance 1: p(x) is Gaussian with variance 5; q is a little off."""
    rng = np.random.default_rng(0)
    x, mean, log_variance = 1.7, 0.5, np.log(0.3)
    z = mean + np.exp(log_variance / 2) * rng.normal(size=(200_000, 1))
    weights = autoencoders.gaussian_log_density(np.array([[x]]), 2 * z, 0.0)
    weights = weights + autoencoders.gaussian_log_density(z, 0.0, 0.0)
    weights = weights - autoencoders.gaussian_log_density(z, mean, log_variance)
    truth = stats.norm(0, np.sqrt(5)).logpdf(x)
    assert autoencoders.importance_weighted_bound(weights) == pytest.approx(truth, abs=0.01)
    assert weights.mean() < truth - 0.01  # the ELBO
    ten = autoencoders.importance_weighted_bound(weights.reshape(10, -1)).mean()
    assert weights.mean() < ten < truth


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: autoencoders.PCA(0), "n_components is 0"),
        (lambda: autoencoders.PCA(3).fit(np.ones((5, 2))), "x has shape"),
        (lambda: autoencoders.PCA(1).fit(np.ones((1, 2))), "x has shape"),
        (lambda: autoencoders.PCA(1).fit(np.ones(4)), "x has shape"),
        (lambda: autoencoders.PCA(1).fit(np.eye(3)).transform(np.ones((2, 2))), "x has shape"),
        (lambda: autoencoders.PCA(1).fit(np.eye(3)).inverse_transform(np.ones((2, 2))), "code has"),
        (lambda: autoencoders.cosines_between(np.ones((1, 2)), np.ones((1, 3))), "other_rows has"),
        (lambda: autoencoders.gaussian_kl(np.ones(2), np.ones(3)), "mean has shape"),
        (lambda: autoencoders.reparametrize(np.ones(2), np.ones(3), np.ones(2)), "mean has shape"),
        (lambda: autoencoders.importance_weighted_bound(np.ones((0, 3))), "at least one value"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
