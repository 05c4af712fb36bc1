"""The references that dlkit.exercises.attention defines itself, against Keras and by experiment."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import attention as exercises


@pytest.mark.parametrize("seed", range(3))
def test_attention_gradients_are_those_of_the_tape(seed):
    rng = np.random.default_rng(seed)
    upstream, query = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    key, value = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    three = [tf.constant(array) for array in (query, key, value)]
    with tf.GradientTape() as tape:
        tape.watch(three)
        weights = tf.nn.softmax(three[0] @ tf.transpose(three[1]) / np.sqrt(3.0))
        total = tf.reduce_sum(weights @ three[2] * upstream)
    expected = tape.gradient(total, three)
    found = exercises.attention_gradients(upstream, query, key, value)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_mask_hides_from_keras_what_it_hides():
    """Whatever stands ahead or in the padding, what real tokens find stays the same."""
    rng = np.random.default_rng(0)
    layer = keras.layers.MultiHeadAttention(2, 4)
    x = rng.normal(size=(2, 6, 8)).astype("float32")
    lengths = np.array([6, 4])
    mask = exercises.causal_padding_mask(lengths, 6)
    before = np.array(layer(x, x, attention_mask=mask))
    x[:, 3:] = 100.0
    after = np.array(layer(x, x, attention_mask=mask))
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-5)
    y = rng.normal(size=(2, 6, 8)).astype("float32")
    before = np.array(layer(y, y, attention_mask=mask))
    y[1, 4:] = 100.0
    after = np.array(layer(y, y, attention_mask=mask))
    np.testing.assert_allclose(after[1, :4], before[1, :4], atol=1e-5)


def test_the_two_networks_are_alike_but_for_what_other_weights_change():
    """What the exercise and its hints say of them."""
    is_good, place = exercises.review_facts()
    moved = {}
    for network in "AB":
        p, weights = exercises.read_reviews(network)
        assert np.mean((p > 0.5) == is_good) > 0.98
        assert np.mean(weights.argmax(axis=1) == place) > 0.95
        assert 0.6 < weights[np.arange(600), place].mean() < 0.8
        others = np.random.default_rng(0).permuted(weights, axis=1)
        moved[network] = np.abs(exercises.read_reviews(network, others)[0] - p).mean()
    assert moved["A"] > 0.4 and moved["B"] < 0.06


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("C",), "network is 'C'"),
        (("A", "shuffled"), "weights is 'shuffled'"),
        (("A", np.ones((2, 12))), "weights has shape"),
    ],
)
def test_read_reviews_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        exercises.read_reviews(*arguments)
