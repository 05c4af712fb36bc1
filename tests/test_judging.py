"""dlkit.judging against SciPy, closed forms, and loops that follow the definitions."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial import cKDTree

from dlkit import judging


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def covariance(seed, numbers):
    rows = normal(seed, 3 * numbers, numbers)
    return rows.T @ rows / len(rows)


# ---- share as asked --------------------------------------------------------------------------


def test_the_share_as_asked_counts_highest_scores():
    logits = normal(0, 50, 4)
    asked = np.arange(50) % 4
    expected = sum(int(np.argmax(row)) == k for row, k in zip(logits, asked, strict=True)) / 50
    assert judging.share_as_asked(logits, asked) == expected
    assert judging.share_as_asked(np.eye(4), [0, 1, 2, 3]) == 1


# ---- Fréchet distance ------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [1, 2, 5, 20])
def test_the_distance_of_gaussians_is_that_of_scipy_s_root(numbers):
    m, n = normal(1, numbers), normal(2, numbers)
    s, t = covariance(3, numbers), covariance(4, numbers)
    root = np.atleast_2d(np.real(sqrtm(s @ t)))
    expected = ((m - n) ** 2).sum() + np.trace(s + t - 2 * root)
    assert judging.gaussian_distance(m, s, n, t) == pytest.approx(expected, rel=1e-8)
    assert judging.gaussian_distance(n, t, m, s) == pytest.approx(expected, rel=1e-8)


def test_covariances_that_commute_have_a_closed_form():
    """With the same eigenvectors only the widths count: the sum of (a - b)^2."""
    turned = np.linalg.qr(normal(0, 6, 6))[0]
    a, b = np.abs(normal(1, 6)), np.abs(normal(2, 6))
    s, t = turned @ np.diag(a**2) @ turned.T, turned @ np.diag(b**2) @ turned.T
    found = judging.gaussian_distance(np.zeros(6), s, np.zeros(6), t)
    assert found == pytest.approx(((a - b) ** 2).sum(), rel=1e-10)


def test_a_covariance_without_full_rank_is_no_difficulty():
    s = np.diag([1.0, 0.0, 0.0])
    assert judging.gaussian_distance(np.zeros(3), s, np.ones(3), s) == pytest.approx(3)


def test_the_distance_of_a_set_to_itself_is_0_and_shifted_it_is_the_shift():
    x = normal(0, 40, 5)
    shift = np.arange(5.0)
    assert judging.frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert judging.frechet_distance(x, x + shift) == pytest.approx(30, rel=1e-10)


def test_features_in_single_precision_are_worked_out_in_double():
    x, y = normal(0, 300, 8) + 100, normal(1, 300, 8) + 100
    single = judging.frechet_distance(x.astype("float32"), y.astype("float32"))
    assert single == pytest.approx(judging.frechet_distance(x, y), rel=1e-3)


def test_small_sets_from_one_source_lie_apart_and_less_the_larger_they_are():
    """The bias: of order numbers / n."""
    found = []
    for n in (50, 200, 800):
        pairs = [normal([seed, n], 2, n, 10) for seed in range(10)]
        found.append(np.mean([judging.frechet_distance(*pair) for pair in pairs]))
    assert found[0] > 3 * found[1] > 9 * found[2] > 0


# ---- nearest examples ------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 7, 1203])
def test_the_nearest_are_those_of_a_tree(n):
    samples, examples = normal(n, n, 6), normal(1, 400, 6)
    expected, at = cKDTree(examples).query(samples)
    found = judging.nearest_examples(samples, examples)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-10)
    np.testing.assert_array_equal(found.indices, at)


def test_a_copy_lies_at_0_also_far_from_the_origin_and_in_single_precision():
    examples = (normal(0, 100, 50) + 30).astype("float32")
    found = judging.nearest_examples(examples[::7], examples)
    np.testing.assert_array_equal(found.distances, 0)
    np.testing.assert_array_equal(found.indices, np.arange(100)[::7])


# ---- precision, recall, density, coverage ----------------------------------------------------


def by_loops(real, made, k):
    """The definitions, one pair at a time."""

    def radius(rows, i):
        others = [np.linalg.norm(rows[i] - rows[j]) for j in range(len(rows)) if j != i]
        return sorted(others)[k - 1]

    r = [radius(real, i) for i in range(len(real))]
    s = [radius(made, j) for j in range(len(made))]
    apart = np.array([[np.linalg.norm(x - y) for y in made] for x in real])
    inside = apart <= np.array(r)[:, None]
    return (
        inside.any(axis=0).mean(),
        (apart <= np.array(s)).any(axis=1).mean(),
        inside.sum() / (k * len(made)),
        inside.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_four_follow_their_definitions(k, shift):
    real, made = normal(0, 60, 3), normal(1, 45, 3) + shift
    np.testing.assert_allclose(judging.support(real, made, k), by_loops(real, made, k))


def test_more_rows_than_a_chunk(monkeypatch):
    real, made = normal(0, 130, 4), normal(1, 90, 4)
    whole = judging.support(real, made, 3)
    monkeypatch.setattr(judging, "CHUNK", 17)
    assert judging.support(real, made, 3) == whole
    assert judging.nearest_examples(made, real).indices.shape == (90,)


def test_two_sets_from_one_source_cover_one_another_as_expected():
    """Naeem and others (2020): density has the mean 1, coverage 1 - 2^-k for equal large sets."""
    found = judging.support(normal(0, 2000, 8), normal(1, 2000, 8), k=5)
    assert found.density == pytest.approx(1, abs=0.1)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_what_each_of_the_four_sees():
    real = np.concatenate([normal(0, 300, 2), normal(1, 300, 2) + 20])
    half = normal(2, 600, 2)  # one of two kinds only
    found = judging.support(real, half)
    assert found.precision > 0.95 and found.coverage < 0.52 and found.recall < 0.52
    strange = np.concatenate([real + 0.01, normal(3, 600, 2) + 200])
    found = judging.support(real, strange)
    assert found.precision == pytest.approx(0.5, abs=0.02) and found.coverage > 0.95


# ---- what is refused -------------------------------------------------------------------------

ONES = np.ones((4, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: judging.share_as_asked(ONES, [0, 1]), "asked has shape"),
        (lambda: judging.share_as_asked([0.0, 1.0], [0, 1]), "probabilities has shape"),
        (lambda: judging.gaussian_distance([0.0], [[1.0]], [0.0, 1.0], np.eye(2)), "means have"),
        (lambda: judging.gaussian_distance([0.0], [1.0], [0.0], [1.0]), "covariances"),
        (lambda: judging.frechet_distance(ONES, np.ones((4, 3))), "as many"),
        (lambda: judging.frechet_distance(ONES, ONES[:1]), "n of 2 or more"),
        (lambda: judging.frechet_distance(ONES, np.nan * ONES), "NaN or infinity"),
        (lambda: judging.nearest_examples(np.ones((2, 28, 28)), ONES), "samples has shape"),
        (lambda: judging.nearest_examples(ONES, np.ones((0, 2))), "examples has shape"),
        (lambda: judging.support(ONES, ONES, 4), "k is 4"),
        (lambda: judging.support(ONES, ONES, 0), "k is 0"),
        (lambda: judging.support(ONES, ONES, 1.5), "k is 1.5"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
