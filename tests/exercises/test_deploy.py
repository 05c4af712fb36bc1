"""The references of dlkit.exercises.deploy, against TensorFlow, SciPy and scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import kl_div
from scipy.stats import ks_2samp
from sklearn.metrics import roc_curve

from dlkit.exercises import deploy as exercises

SEEDS = range(3)


@pytest.mark.parametrize("zero_point", [-100, 0, 40])
@pytest.mark.parametrize("seed", SEEDS)
def test_quantised_is_tensorflows_fake_quantisation(seed, zero_point):
    x = np.random.default_rng(seed).normal(0, 3, (20, 30)).astype(np.float32)
    scale = 1 / 16  # exact in float32: no rounding of its own
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    expected = tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=8)
    found = exercises.quantised(x, scale, zero_point)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stability_index_is_the_relative_entropy_both_ways(seed):
    expected, actual = np.random.default_rng(seed).integers(1, 100, (2, 8))
    p, q = expected / expected.sum(), actual / actual.sum()
    wanted = kl_div(p, q).sum() + kl_div(q, p).sum()
    assert exercises.stability_index(expected, actual) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_advantage_is_that_of_the_roc_curve_and_of_kolmogorov_and_smirnov(seed):
    rng = np.random.default_rng(seed)
    members, others = rng.exponential(1, 50), rng.exponential(2, 80)
    found = exercises.advantage(members, others)
    assert found == pytest.approx(ks_2samp(members, others, alternative="greater").statistic)
    is_member = np.repeat([1, 0], [50, 80])
    false, true, _ = roc_curve(is_member, -np.concatenate([members, others]))
    assert found == pytest.approx((true - false).max())
