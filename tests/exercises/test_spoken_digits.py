"""The references that dlkit.exercises.spoken_digits defines itself, against SciPy."""

import numpy as np
import pytest
from scipy import stats

from dlkit.exercises import spoken_digits as exercises


@pytest.mark.parametrize("seed", range(5))
def test_the_standard_error_is_that_of_scipy(seed):
    readings = np.random.default_rng(seed).normal(size=20)
    found = exercises.error_of_the_mean(readings)
    assert found == pytest.approx(stats.sem(readings), rel=1e-12)
