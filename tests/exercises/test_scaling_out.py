"""The references that dlkit.exercises.scaling_out defines itself, against NumPy and dlkit."""

import numpy as np
import pytest

from dlkit.distributed import ring_all_reduce_seconds, step_seconds
from dlkit.exercises import scaling_out as exercises
from dlkit.scratch import losses


@pytest.mark.parametrize("num_workers", [1, 2, 3, 7])
@pytest.mark.parametrize("examples", [0, 1, 6, 20])
def test_shares_are_those_of_numpy(examples, num_workers):
    batch = np.random.default_rng(0).permutation(examples)
    shares = [exercises.share_of_batch(batch, worker, num_workers) for worker in range(num_workers)]
    for found, expected in zip(shares, np.array_split(batch, num_workers), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("num_workers", [1, 2, 3, 7])
def test_combined_gradient_is_that_of_the_whole_batch(num_workers):
    rng = np.random.default_rng(num_workers)
    x, w, y = rng.normal(size=(20, 4)), rng.normal(size=(4, 3)), rng.integers(0, 3, size=20)

    def gradient(rows):  # of the mean loss of a linear classifier
        slopes = losses.sparse_categorical_crossentropy_gradient(
            y[rows], x[rows] @ w, from_logits=True
        )
        return x[rows].T @ slopes

    shares = [exercises.share_of_batch(np.arange(20), k, num_workers) for k in range(num_workers)]
    found = exercises.combined_gradient([gradient(rows) for rows in shares], list(map(len, shares)))
    np.testing.assert_allclose(found, gradient(np.arange(20)), atol=1e-12)


@pytest.mark.parametrize("num_workers", [1, 2, 5, 1024])
def test_ring_time_and_efficiency_are_those_of_dlkit(num_workers):
    link = {"bandwidth": exercises.BANDWIDTH, "latency": exercises.LATENCY}
    link["num_bytes"] = exercises.NUM_BYTES
    found = exercises.ring_time(num_workers, **link)
    assert found == pytest.approx(ring_all_reduce_seconds(num_workers, **link))
    share = exercises.COMPUTE_S / num_workers
    seconds = step_seconds(num_workers, compute_seconds=share, **link)
    efficiency = exercises.COMPUTE_S / (num_workers * seconds)
    assert exercises.efficiency(num_workers) == pytest.approx(efficiency)


def test_the_solution_of_the_investigation_says_what_is_true():
    found = {"exercises": exercises}
    exec(exercises.largest.solution_code, found)
    assert found["my_largest"] == 25
    speed_up = [n * exercises.efficiency(n) for n in range(1, 1001)]
    peak = 1 + int(np.argmax(speed_up))
    assert f"peaks at {peak} workers" in exercises.largest.solution_code
    assert speed_up[-1] < 0.9 * max(speed_up)
    assert f"{max(speed_up):.0f} times" in exercises.largest.solution_code
