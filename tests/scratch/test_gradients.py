"""Numerical gradients against TensorFlow's tape; comparisons against NumPy's."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import normal, quick, seeds, shapes, tape_gradients
from hypothesis import given
from hypothesis import strategies as st

from dlkit.scratch.gradients import Comparison, compare, numerical_gradient

FUNCTIONS = {
    "cubes": (lambda x: (x**3).sum(), lambda x: tf.reduce_sum(x**3)),
    "sine of the sum": (lambda x: np.sin(x.sum()), lambda x: tf.sin(tf.reduce_sum(x))),
    "log of sum of exp": (lambda x: np.log(np.exp(x).sum()), tf.reduce_logsumexp),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@quick
@given(seeds, shapes(min_dims=0))
def test_as_the_tape(name, dtype, seed, shape):
    x = np.asarray(normal(seed, shape), dtype=dtype)
    before = x.copy()
    function, oracle = FUNCTIONS[name]
    numerical = numerical_gradient(function, x)
    (expected,) = tape_gradients(oracle, None, x.astype("float64"))
    np.testing.assert_array_equal(x, before)
    assert numerical.shape == shape
    np.testing.assert_allclose(numerical, expected, rtol=1e-6, atol=1e-8)


def test_a_function_that_changes_its_argument_does_no_harm():
    def halved(x):
        x /= 2
        return x.sum()

    np.testing.assert_allclose(numerical_gradient(halved, np.ones((2, 2))), 0.5, rtol=1e-9)


def test_lists_numbers_and_nothing():
    assert numerical_gradient(lambda x: x**2, 3).item() == pytest.approx(6)
    assert numerical_gradient(lambda x: [x.sum()], [1, 2]).tolist() == pytest.approx([1, 1])
    assert numerical_gradient(lambda x: x.sum(), np.zeros((0, 2))).shape == (0, 2)


def test_errors():
    with pytest.raises(ValueError, match=r"returned shape \(3,\).*\.mean\(\) or \.sum"):
        numerical_gradient(lambda x: x, np.ones(3))
    with pytest.raises(ValueError, match="step is 0"):
        numerical_gradient(np.sum, np.ones(3), step=0)
    with pytest.raises(ValueError, match=r"actual has shape \(3,\) and expected \(3, 1\)"):
        compare(np.ones(3), np.ones((3, 1)))


@quick
@given(seeds, shapes(), st.sampled_from([0.0, 1e-9, 1e-6, 1e-4, 1.0]))
def test_the_verdict_is_numpys(seed, shape, noise):
    expected, wobble = normal(seed, shape, shape)
    actual = expected + noise * wobble
    comparison = compare(actual, expected)
    assert (comparison.verdict == "exact") == np.array_equal(actual, expected)
    assert bool(comparison) == np.allclose(actual, expected, rtol=1e-5, atol=1e-7)
    assert comparison.largest_difference == np.max(np.abs(actual - expected))
    assert str(comparison).startswith(f"{comparison.verdict}: largest difference ")


@pytest.mark.parametrize(
    ("actual", "expected", "verdict", "difference"),
    [
        ([np.nan], [1.0], "different", np.nan),
        ([np.nan], [np.nan], "different", np.nan),
        ([np.inf], [np.inf], "exact", 0.0),
        ([np.inf], [-np.inf], "different", np.inf),
        ([], [], "exact", 0.0),
        (np.float32([0.1]), [0.1], "approximate", float(np.float32(0.1)) - 0.1),
        (1, 1.0, "exact", 0.0),
    ],
)
def test_unusual_numbers(actual, expected, verdict, difference):
    comparison = compare(actual, expected)
    assert comparison.verdict == verdict
    assert bool(comparison) == (verdict != "different")
    np.testing.assert_equal(comparison.largest_difference, abs(difference))


def test_a_comparison_is_frozen():
    with pytest.raises(AttributeError):
        Comparison("exact", 0.0).verdict = "different"
