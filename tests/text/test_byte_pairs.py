"""Byte pairs, against counting afresh and another implementation."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlkit.text import BytePairs, byte_pairs, generate, sample

POEM = (
    "low lower lowest, slow slower slowest; aaaa aaaaa ababab 你好 你好 ----- --- \n\n\n  low\n" * 3
)


FEW = BytePairs.train(POEM, 280)


def recounted(text, size):
    """The merges, each found by counting every pair of the whole text afresh."""
    words, merges = [list(piece) for piece in byte_pairs._pieces(text)], []
    while 256 + len(merges) < size:
        pairs = [pair for word in words for pair in zip(word, word[1:], strict=False)]
        best = min(set(pairs), key=lambda pair: (-pairs.count(pair), pair))
        merges.append(best)
        words = [replaced(word, best, 255 + len(merges)) for word in words]
    return merges


def replaced(word, pair, new):
    for place in range(len(word) - 1):
        if tuple(word[place : place + 2]) == pair:
            return [*word[:place], new, *replaced(word[place + 2 :], pair, new)]
    return word


@given(st.text() | st.text("low er\n你🙂"))
@example("a face \U0001f600, 你好, a lone surrogate \ud800\udcff and a \x00")
def test_tokens_give_back_any_text(text):
    for tokens in (BytePairs(), FEW):
        ids = tokens.encode(text)
        assert ids.dtype == np.int32
        assert tokens.decode(ids) == text
        assert tokens.decode_bytes(ids) == text.encode("utf-8", "surrogatepass")


@given(st.binary() | st.text().map(str.encode))
def test_tokens_give_back_any_bytes(found):
    assert FEW.decode_bytes(FEW.encode(found)) == found


@given(st.text())
def test_a_text_and_its_bytes_have_the_same_tokens(text):
    try:
        found = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return
    np.testing.assert_array_equal(FEW.encode(text), FEW.encode(found))


def test_half_a_character_is_shown_as_such():
    first, *_ = BytePairs().encode("🙂")
    assert BytePairs().decode([first]) == "�"


def test_merges_are_those_of_counting_everything_afresh():
    assert list(FEW.merges) == recounted(POEM, 280)


@settings(max_examples=50, deadline=None)
@given(st.text("ab \n", min_size=8, max_size=60))
def test_merges_of_repetitive_texts_are_those_of_counting_afresh(text):
    try:
        found = BytePairs.train(text, 259)
    except ValueError:
        return
    assert list(found.merges) == recounted(text, 259)


def by_the_tokenizers_package(text, size):
    """Its trainer, fed with the same pieces, a Chinese sign for each byte: these sort as bytes."""
    tokenizers = pytest.importorskip("tokenizers", reason="in tools/requirements.txt")
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=[chr(0x4E00 + byte) for byte in range(256)],
    )
    theirs.train_from_iterator(as_signs(text), trainer)
    return theirs


def as_signs(text):
    return ["".join(chr(0x4E00 + byte) for byte in piece) for piece in byte_pairs._pieces(text)]


@pytest.mark.parametrize(
    ("text", "size"),
    [(POEM, 290), (BytePairs.__doc__ + sample.__doc__, 400)],
)
def test_tokens_are_those_of_another_implementation(text, size):
    theirs, ours = by_the_tokenizers_package(text, size), BytePairs.train(text, size)
    for number, token in enumerate(ours.tokens):
        assert theirs.id_to_token(number) == "".join(chr(0x4E00 + byte) for byte in token)
    other = generate.__doc__ + "unseen: 🙂 你好"
    encoded = [i for found in theirs.encode_batch(as_signs(other)) for i in found.ids]
    assert ours.encode(other).tolist() == encoded


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BytePairs.train("", 300), "an empty str"),
        (lambda: BytePairs.train(["a"], 300), "text is list"),
        (lambda: BytePairs.train("aa aa", 255), "size is 255; expected a whole number, 256"),
        (lambda: BytePairs.train("aa aa", True), "size is True"),
        (lambda: BytePairs.train("aa aa", 300), "after 1 merges no pair comes twice.*257 at most"),
        (
            lambda: BytePairs([(0, 256)]),
            r"merge 0 is \(0, 256\); expected two numbers from 0 to 255",
        ),
        (lambda: FEW.encode(3), "encode takes a str or bytes; got int"),
        (lambda: FEW.decode([280]), "run from 280 to 280; expected 0 to 279"),
        (lambda: FEW.decode([0.5]), "expected whole numbers"),
    ],
)
def test_tokens_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tokens_say_what_they_are():
    assert repr(FEW) == "BytePairs of 280 tokens"
    assert len(BytePairs()) == 256
