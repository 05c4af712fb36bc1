"""Words and their numbers, against Keras's lookup layer."""

import keras
import numpy as np
import pytest

from dlkit.text import (
    WordVocabulary,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t ", []),
        ("Don't!", ["don't", "!"]),
        ("'tis well-made -- no?", ["'", "tis", "well-made", "-", "-", "no", "?"]),
        ("naïve café, ½ 3.5", ["naïve", "café", ",", "½", "3", ".", "5"]),
        ("a_b", ["a", "_", "b"]),
        ("it’s 好 🎬", ["it’s", "好", "🎬"]),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


def test_split_words_loses_nothing_but_blanks():
    text = "The RING, again ... (1998) -- 'so-so' & dull?!"
    assert "".join(split_words(text)) == "".join(text.lower().split())


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["a", "list"]])
def test_split_words_takes_a_str(value):
    with pytest.raises(ValueError, match="takes a str"):
        split_words(value)


def test_word_vocabulary_agrees_with_keras_lookup():
    sentences = [split_words(text) for text in ("a b b c", "b c d", "c b a e")]
    vocabulary = WordVocabulary(sentences, min_count=2)
    lookup = keras.layers.StringLookup(vocabulary=list(vocabulary.words[2:]), mask_token="")
    padded = [["b", "e", "c", ""], ["d", "", "", ""]]
    ours = vocabulary.encode([["b", "e", "c"], ["d"]], 4)
    np.testing.assert_array_equal(ours, np.array(lookup(np.array(padded))))


def test_word_vocabulary_there_and_back():
    vocabulary = WordVocabulary([["so", "so", "film"]])
    ids = vocabulary.encode([["film", "so"], [], ["new", "film", "so"]])
    assert ids.tolist() == [[3, 2, 0], [0, 0, 0], [1, 3, 2]]
    assert [vocabulary.decode(row) for row in ids] == [
        ["film", "so"],
        [],
        ["[unknown]", "film", "so"],
    ]
    assert vocabulary.encode([["film", "so"]], 1).tolist() == [[3]]
    assert vocabulary.encode([]).shape == (0, 1)
    assert "so" in vocabulary and "[pad]" not in vocabulary and "new" not in vocabulary
    assert len(vocabulary) == 4 and "4 words" in repr(vocabulary)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WordVocabulary([]), "0 different words"),
        (lambda: WordVocabulary([["a"]], min_count=2), "lower min_count"),
        (lambda: WordVocabulary([["a"]], min_count=0), "min_count is 0"),
        (lambda: WordVocabulary(["a film"]), "split_words makes one"),
        (lambda: WordVocabulary([["a"]]).encode(["a film"]), "split_words makes one"),
        (lambda: WordVocabulary([["a"]]).encode([["a"]], 0), "length is 0"),
        (lambda: WordVocabulary([["a"]]).decode([3]), "expected 0 to 2"),
        (lambda: WordVocabulary([["a"]]).decode([0.5]), "whole numbers"),
    ],
)
def test_word_vocabulary_says_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()
