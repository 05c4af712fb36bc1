"""The references that dlkit.exercises.char_rnn defines itself, against Keras, SciPy, TensorFlow."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from dlkit.exercises import char_rnn as exercises

SEEDS = range(3)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_tempered_softmax_is_scipys(seed, temperature):
    logits = np.random.default_rng(seed).normal(size=(4, 9)) * 50
    expected = scipy.special.softmax(logits / temperature, axis=-1)
    found = exercises.tempered_softmax(logits, temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("seed", SEEDS)
def test_bits_are_the_cross_entropy_of_keras_over_log_2(seed):
    rng = np.random.default_rng(seed)
    logits, y = rng.normal(size=(50, 7)), rng.integers(7, size=50)
    loss = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    p = scipy.special.softmax(logits, axis=1)[np.arange(50), y]
    assert exercises.bits_per_character(p) == pytest.approx(
        float(np.mean(loss)) / np.log(2), rel=1e-6
    )


@pytest.mark.parametrize(("features", "units"), [(1, 1), (3, 5), (32, 192), (65, 16)])
def test_count_gru_counts_as_keras(features, units):
    layer = keras.layers.GRU(units)
    layer.build((None, None, features))
    assert exercises.count_gru(features, units) == layer.count_params()


@pytest.mark.parametrize("seed", SEEDS)
def test_lstm_steps_are_those_of_keras(seed):
    rng, units, features, time = np.random.default_rng(seed), 5, 3, 8
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=True, dtype="float64")
    layer.build((None, time, features))
    weights = [rng.normal(size=weight.shape) for weight in layer.get_weights()]
    layer.set_weights(weights)
    x = rng.normal(size=(2, time, features))
    states, last_h, last_c = layer(x)
    h, c = np.zeros((2, units)), np.zeros((2, units))
    for t in range(time):
        h, c = exercises.one_lstm_step(x[:, t], h, c, *weights)
        np.testing.assert_allclose(h, states[:, t], rtol=1e-9)
    np.testing.assert_allclose(h, last_h, rtol=1e-9)
    np.testing.assert_allclose(c, last_c, rtol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_pair_and_trigram_bits_are_cross_entropies(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, size=200)
    pairs, triples = rng.dirichlet(np.ones(4), size=4), rng.dirichlet(np.ones(4), size=(4, 4))
    for rows, y, found in (
        (pairs[ids[:-1]], ids[1:], exercises.pair_bits(pairs, ids)),
        (triples[ids[:-2], ids[1:-1]], ids[2:], exercises.trigram_bits(triples, ids)),
    ):
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, np.log(rows))
        assert found == pytest.approx(float(np.mean(loss)) / np.log(2), rel=1e-9)
    assert exercises.pair_bits(np.eye(4), np.array([0, 0, 1])) == np.inf
