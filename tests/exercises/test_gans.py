"""The references that dlkit.exercises.gans defines itself, and what its labs are said to do."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from dlkit.exercises import gans as exercises


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_best_discriminator_says_how_many_of_the_points_near_a_place_are_real(share):
    """By a million draws: the share of real ones in narrow bins."""
    rng = np.random.default_rng(0)
    is_real = rng.random(1_000_000) < share
    points = np.where(is_real, rng.normal(1, 0.5, len(is_real)), rng.normal(-0.5, 1, len(is_real)))
    for place in (-0.5, 0.3, 1.0):
        near = np.abs(points - place) < 0.01
        two = [np.array([stats.norm(*of).pdf(place)]) for of in ((1, 0.5), (-0.5, 1))]
        found = exercises.best_of_discriminators(*two, share)[0]
        assert found == pytest.approx(is_real[near].mean(), abs=5 * 0.5 / near.sum() ** 0.5)


def test_no_other_discriminator_has_a_smaller_loss():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(20), 2)
    best = exercises.best_of_discriminators(p, q, 0.3)

    def loss(d):
        return -np.sum(0.3 * p * np.log(d) + 0.7 * q * np.log(1 - d))

    for _ in range(50):
        other = np.clip(best + 0.05 * rng.normal(size=20), 1e-3, 1 - 1e-3)
        assert loss(other) > loss(best)


def test_the_gradient_is_that_of_the_tape():
    rng = np.random.default_rng(0)
    fakes, real_logits, weights = rng.normal(size=(6, 3)), rng.normal(size=6), rng.normal(size=3)
    x = tf.constant(fakes)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = tf.reduce_sum(tf.tanh(x) * weights, axis=1)
        loss = tf.reduce_mean(tf.nn.softplus(real_logits - logits))
    slopes = weights / np.cosh(fakes) ** 2
    found = exercises.relativistic_gradient(logits.numpy(), real_logits, slopes)
    np.testing.assert_allclose(found, tape.gradient(loss, x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rate", [0.3, 1.0, 4.0])
def test_below_the_threshold_the_places_even_out(rate):
    np.testing.assert_allclose(exercises.play_with_places(rate), 1 / 8, atol=0.002)


@pytest.mark.parametrize("rate", [5.2, 8.0, 50.0])
def test_above_it_places_are_lost_and_never_come_back(rate):
    early = exercises.play_with_places(rate, 500) >= exercises.LOST
    late = exercises.play_with_places(rate, 3000) >= exercises.LOST
    assert early.sum() < 8
    assert not np.any(late & ~early)


@pytest.mark.parametrize("rate", [0, -1.0, float("nan")])
def test_the_lab_refuses(rate):
    with pytest.raises(ValueError, match="rate is"):
        exercises.play_with_places(rate)


@pytest.mark.parametrize("seed", range(3))
def test_by_its_own_judge_the_collapsed_generator_wins_and_by_neighbors_it_is_found_out(seed):
    own, neighbors = {}, {}
    is_real = np.arange(800) < 400
    for generator in "AB":
        fakes = exercises.fakes_of(generator, seed)
        own[generator] = exercises.passed(generator, fakes)
        points = np.concatenate([exercises.fresh_examples(seed), fakes])
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        np.fill_diagonal(distances, np.inf)
        neighbors[generator] = np.mean(is_real[distances.argmin(axis=1)] == is_real)
    assert own["A"] > own["B"] + 0.2
    assert neighbors["A"] > 0.78 and 0.46 < neighbors["B"] < 0.64


def test_there_are_two_generators_and_two_judges():
    with pytest.raises(ValueError, match="generator is 'C'"):
        exercises.fakes_of("C")
    with pytest.raises(ValueError, match="judge is 'C'"):
        exercises.passed("C", np.zeros((1, 2)))


def test_the_colleague_s_shares_are_those_of_the_text():
    own = [exercises.passed(name, exercises.fakes_of(name)) for name in "AB"]
    assert [round(100 * share) for share in own] == [68, 36]
