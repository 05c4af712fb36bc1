"""The references that dlkit.exercises.words defines itself, against Keras and scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import BernoulliNB

from dlkit.exercises import words as exercises


@pytest.mark.parametrize("word", ["where", "charming", "a", "on", "it's"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_subwords_are_the_character_runs_of_sklearn(word, n):
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(n, n))
    if n <= len(word) + 2:
        assert exercises.subwords_of(word, n) == vectorizer.build_analyzer()(f"<{word}>")


@pytest.mark.parametrize("seed", range(3))
def test_max_over_words_is_keras_pooling_of_each_sentence_without_its_padding(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(4, 6, 3)).astype("float32")
    lengths = rng.integers(1, 7, 4)
    ids = (np.arange(6) < lengths[:, None]).astype(int)
    found = exercises.max_over_words(vectors, ids)
    for row, sentence, length in zip(found, vectors, lengths, strict=True):
        pooled = keras.layers.GlobalMaxPooling1D()(sentence[None, :length])
        np.testing.assert_allclose(row, keras.ops.convert_to_numpy(pooled)[0])


@pytest.mark.parametrize("seed", range(3))
def test_held_out_accuracy_is_that_of_bernoulli_naive_bayes(seed):
    x, y = exercises.noise_sentences(seed, words=60)
    judge = BernoulliNB(alpha=1.0, fit_prior=False).fit(x[:300], y[:300])
    found = exercises.held_out_accuracy(x[:300], y[:300], x[300:], y[300:])
    assert found == pytest.approx(judge.score(x[300:], y[300:]), abs=1e-9)


def test_the_referees_numbers_are_those_of_the_experiment():
    leaky = np.mean([exercises.colleague(seed) for seed in range(10)])
    clean = []
    for seed in range(10):
        x, y = exercises.noise_sentences(seed)
        x = x[:, exercises.choose_words(x[:300], y[:300])]
        clean.append(exercises.held_out_accuracy(x[:300], y[:300], x[300:], y[300:]))
    assert leaky == pytest.approx(exercises.LEAKY, abs=0.01)
    assert np.mean(clean) == pytest.approx(exercises.CLEAN, abs=0.01)


def test_chosen_words_differ_most_between_the_labels():
    x = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]], dtype=float)
    assert exercises.choose_words(x, np.array([1, 1, 0, 0]), count=1).tolist() == [0]
