"""The references of dlkit.exercises.deploy, against TensorFlow; those of audit in test_audit.py."""

import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import deploy as exercises

SEEDS = range(3)


@pytest.mark.parametrize("zero_point", [-100, 0, 40])
@pytest.mark.parametrize("seed", SEEDS)
def test_quantized_is_tensorflows_fake_quantisation(seed, zero_point):
    x = np.random.default_rng(seed).normal(0, 3, (20, 30)).astype(np.float32)
    scale = 1 / 16  # exact in float32: no rounding of its own
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    expected = tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=8)
    found = exercises.quantized(x, scale, zero_point)
    np.testing.assert_allclose(found, expected, atol=1e-5)
