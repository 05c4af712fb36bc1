"""dlkit.audit against known answers, SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.special import kl_div
from scipy.stats import binomtest, chi2_contingency, ks_2samp, ttest_rel
from sklearn.metrics import roc_curve

from dlkit import audit


@pytest.mark.parametrize("seed", range(3))
def test_bins_hold_equal_shares_of_the_first_sample_and_count_the_second(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=1000), rng.normal(1, 2, size=300)
    first, second = audit.binned(before, after)
    assert (first == 101).all()
    edges = np.quantile(before, np.linspace(0, 1, 11))
    edges[[0, -1]] = -np.inf, np.inf
    np.testing.assert_array_equal(second - 1, np.histogram(after, edges)[0])


def test_equal_numbers_make_fewer_bins_and_none_is_empty():
    first, second = audit.binned(np.repeat([0.0, 1.0], 50), np.full(7, 1.0))
    assert len(first) == len(second) >= 2
    assert first.min() == second.min() == 1
    assert (first.sum() - len(first), second.sum() - len(second)) == (100, 7)


@pytest.mark.parametrize("seed", range(3))
def test_luck_is_the_p_value_of_the_chi_squared_test_on_large_groups(seed):
    rng = np.random.default_rng(seed)
    group = rng.integers(4, size=4000)
    is_wrong = rng.random(4000) < 0.1 + 0.01 * group
    table = [np.bincount(group[is_wrong], minlength=4), np.bincount(group[~is_wrong], minlength=4)]
    found = audit.unequal_by_luck(is_wrong, group, rounds=2000, seed=seed)
    assert found == pytest.approx(chi2_contingency(table).pvalue, abs=0.04)


def test_luck_is_certain_where_all_groups_are_equal():
    is_wrong = np.tile([True, False], 20)
    assert audit.unequal_by_luck(is_wrong, np.arange(40) // 2) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_stability_index_is_the_relative_entropy_both_ways(seed):
    expected, actual = np.random.default_rng(seed).integers(1, 100, (2, 8))
    p, q = expected / expected.sum(), actual / actual.sum()
    wanted = kl_div(p, q).sum() + kl_div(q, p).sum()
    assert audit.population_stability_index(expected, actual) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_advantage_is_that_of_the_roc_curve_and_of_kolmogorov_and_smirnov(seed):
    rng = np.random.default_rng(seed)
    members, others = rng.exponential(1, 50), rng.exponential(2, 80)
    found = audit.membership_advantage(members, others)
    assert found == pytest.approx(ks_2samp(members, others, alternative="greater").statistic)
    is_member = np.repeat([1, 0], [50, 80])
    false, true, _ = roc_curve(is_member, -np.concatenate([members, others]))
    assert found == pytest.approx((true - false).max())


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (5, 5), (8, 2), (2, 8), (86, 150), (0, 1500)])
def test_mcnemar_is_the_exact_binomial_test(counts):
    expected = binomtest(counts[0], sum(counts)).pvalue if sum(counts) else 1.0
    assert audit.mcnemar(*counts) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_on_published_counts():
    # A. Agresti (2002), Categorical Data Analysis, section 10.1: 86 changed their mind one way and
    # 150 the other; z^2 = 17.36, which has p = 3.1e-5 with one degree of freedom.
    assert audit.mcnemar(86, 150) == pytest.approx(3.1e-5, rel=0.25)
    assert audit.mcnemar(np.int64(86), np.int64(150)) == audit.mcnemar(150, 86)


@pytest.mark.parametrize("count", [-1, 2.5])
def test_mcnemar_wants_counts(count):
    with pytest.raises(ValueError, match=r"only_second is .*; expected 0, 1, 2"):
        audit.mcnemar(3, count)


def test_the_paired_difference_has_the_error_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, other = rng.random((3, 500)) < 0.9, rng.random((3, 500)) < 0.88
    difference, error = audit.paired_difference(first, other)
    expected = ttest_rel(first.mean(axis=0), other.mean(axis=0))
    assert difference / error == pytest.approx(expected.statistic)
    assert difference == pytest.approx(first.mean() - other.mean())


@pytest.mark.parametrize("shape", [(3, 4), (4,), (3, 1)])
def test_the_paired_difference_wants_the_same_examples(shape):
    with pytest.raises(ValueError, match="a row for each seed"):
        audit.paired_difference(np.ones((3, 5)), np.ones(shape))
    with pytest.raises(ValueError, match="expected"):
        audit.paired_difference(np.ones(shape)[..., :1], np.ones(shape)[..., :1])
