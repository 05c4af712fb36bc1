"""Characters and their numbers, against sorted sets and searches."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlkit.text import Vocabulary


@given(st.text(min_size=1))
@example("\ud800 a lone surrogate, a face \U0001f600 and a \x00")
def test_a_vocabulary_is_the_sorted_characters_and_their_places(text):
    vocabulary = Vocabulary(text)
    assert vocabulary.characters == "".join(sorted(set(text)))
    assert len(vocabulary) == len(set(text))
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == [sorted(set(text)).index(character) for character in text]
    assert vocabulary.decode(ids) == text


def test_nothing_is_encoded_and_decoded_as_nothing():
    vocabulary = Vocabulary("ab")
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.decode([]) == vocabulary.decode(np.zeros(0, int)) == ""
    assert repr(vocabulary) == "Vocabulary of 2 characters: 'ab'"


@given(st.text(min_size=1), st.text())
def test_unseen_characters_are_named(known, text):
    vocabulary, unseen = Vocabulary(known), sorted(set(text) - set(known))
    if not unseen:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        return
    with pytest.raises(ValueError, match="not in the vocabulary") as raised:
        vocabulary.encode(text)
    assert repr("".join(unseen[:10])) in str(raised.value)
    assert f"{sum(c in unseen for c in text)} characters" in str(raised.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vocabulary(""), "an empty str"),
        (lambda: Vocabulary(b"bytes"), "got bytes"),
        (lambda: Vocabulary("ab").encode(["a"]), "got list"),
        (lambda: Vocabulary("ab").decode([0, 2]), "run from 0 to 2; expected 0 to 1"),
        (lambda: Vocabulary("ab").decode([-1]), "run from -1 to -1"),
        (lambda: Vocabulary("ab").decode([0.5]), "type float64; expected whole numbers"),
        (lambda: Vocabulary("ab").decode([[0, 1]]), r"shape \(1, 2\)"),
    ],
)
def test_a_vocabulary_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
