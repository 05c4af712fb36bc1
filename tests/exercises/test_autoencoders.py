"""The references that dlkit.exercises.autoencoders defines itself, and what its lab and its
generators are said to do."""

import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import autoencoders as exercises


@pytest.mark.parametrize("seed", range(3))
def test_the_divergence_is_the_mean_of_log_ratios(seed):
    """By a million draws from q: the definition, not the formula."""
    rng = np.random.default_rng(seed)
    mean, log_variance, other_mean, other_log_variance = 0.5 * rng.normal(size=(4, 1, 3))
    z = mean + np.exp(log_variance / 2) * rng.normal(size=(1_000_000, 3))
    ratios = -0.5 * (log_variance + (z - mean) ** 2 / np.exp(log_variance))
    ratios += 0.5 * (other_log_variance + (z - other_mean) ** 2 / np.exp(other_log_variance))
    found = exercises.kl_of_codes(mean, log_variance, other_mean, other_log_variance)
    error = ratios.sum(axis=1).std() / 1000
    assert found == pytest.approx(ratios.sum(axis=1).mean(), abs=5 * error)


@pytest.mark.parametrize("beta", [0.0, 0.3, 4.0])
def test_the_gradients_are_those_of_the_tape(beta):
    rng = np.random.default_rng(0)
    upstream, mean, log_variance, noise = rng.normal(size=(4, 3, 2))
    two = [tf.constant(mean), tf.constant(log_variance)]
    with tf.GradientTape() as tape:
        tape.watch(two)
        z = two[0] + tf.exp(two[1] / 2) * noise
        divergence = tf.reduce_sum(two[0] ** 2 + tf.exp(two[1]) - two[1] - 1) / 2
        total = tf.reduce_sum(z * upstream) + beta * divergence
    expected = tape.gradient(total, two)
    found = exercises.code_gradients(upstream, mean, log_variance, noise, beta)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("beta", [3.0, 10.0, 40.0, 100.0])
def test_each_unit_of_the_lab_carries_half_the_logarithm_of_its_signal_to_noise(beta):
    """At the optimum, as for probabilistic PCA: nats = log(variance / (beta s^2)) / 2, or none."""
    expected = 0.5 * np.log(np.maximum(np.array([7.4, 3.1, 1.6, 0.7]) / (beta * 0.05), 1))
    np.testing.assert_allclose(exercises.train_linear_vae(beta), expected, atol=0.005)


@pytest.mark.parametrize("beta", [0, -1.0, float("nan")])
def test_the_lab_refuses(beta):
    with pytest.raises(ValueError, match="beta is"):
        exercises.train_linear_vae(beta)


@pytest.mark.parametrize("seed", range(3))
def test_by_the_colleague_s_measure_the_copier_wins_and_by_the_control_it_is_found_out(seed):
    seen, held_out = exercises.examples(seed)
    nearest, share = {}, {}
    for generator in "AB":
        samples = exercises.samples_of(generator, seed)
        to_seen = np.linalg.norm(samples[:, None] - seen, axis=2).min(axis=1)
        to_held_out = np.linalg.norm(samples[:, None] - held_out, axis=2).min(axis=1)
        nearest[generator], share[generator] = to_seen.mean(), np.mean(to_seen < to_held_out)
    assert nearest["A"] < 0.3 * nearest["B"]
    assert share["A"] > 0.98 and 0.42 < share["B"] < 0.58


def test_there_are_two_generators():
    with pytest.raises(ValueError, match="generator is 'C'"):
        exercises.samples_of("C")
