"""dlkit.text against brute force, SciPy's and NumPy's answers, and exact frequencies."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from dlkit import text as texts
from dlkit.text import Vocabulary, generate, longest_copied_run, sample, sequences

# ---- Vocabulary ------------------------------------------------------------------------------


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


# ---- sequences -------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 99), min_size=2, max_size=60), st.integers(1, 20))
def test_sequences_are_every_nth_window_or_too_long(ids, length):
    if len(ids) <= length:
        with pytest.raises(ValueError, match=f"has {len(ids)} characters.* takes {length + 1}"):
            sequences(ids, length)
        return
    x, y = sequences(ids, length)
    every = np.lib.stride_tricks.sliding_window_view(np.array(ids[:-1]), length)
    np.testing.assert_array_equal(x, every[::length])
    np.testing.assert_array_equal(y[:, :-1], x[:, 1:])
    assert np.append(x.ravel()[1:], y[-1, -1]).tolist() == y.ravel().tolist()
    assert y.ravel().tolist() == ids[1 : 1 + y.size]
    assert len(ids) - 1 - y.size < length


def test_sequences_keep_the_type_and_take_a_numpy_length():
    x, y = sequences(np.arange(9, dtype=np.int32), np.int64(4))
    assert (x.dtype, y.dtype, x.shape) == (np.int32, np.int32, (2, 4))


@pytest.mark.parametrize("length", [0, -3, 2.0, "4", True])
def test_sequences_refuse_a_length(length):
    with pytest.raises(ValueError, match="expected a whole number of characters, 1 or more"):
        sequences(np.arange(9), length)


@pytest.mark.parametrize("ids", [np.zeros((3, 4), int), [0.5, 1.5, 2.5], "text"])
def test_sequences_refuse_what_is_no_row_of_numbers(ids):
    with pytest.raises(ValueError, match="ids have shape"):
        sequences(ids, 2)


# ---- sample ----------------------------------------------------------------------------------

LOGITS = np.array([2.0, 0.0, -1.0, 1.0, -np.inf])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_frequencies_are_the_softmax_of_scaled_logits(temperature, shift):
    rng = np.random.default_rng(0)
    drawn = sample(np.tile(LOGITS + shift, (20_000, 1)), temperature, rng)
    assert drawn.shape == (20_000,)
    counts, p = np.bincount(drawn, minlength=5), special.softmax(LOGITS / temperature)
    assert counts[4] == 0
    assert stats.chisquare(counts[:4], 20_000 * p[:4]).pvalue > 1e-3


def test_one_row_is_drawn_as_a_batch_of_one():
    rows = [sample(LOGITS, 1.0, np.random.default_rng(seed)) for seed in range(50)]
    batches = [sample(LOGITS[None], 1.0, np.random.default_rng(seed)) for seed in range(50)]
    assert all(
        np.ndim(one) == 0 and batch.shape == (1,) for one, batch in zip(rows, batches, strict=True)
    )
    assert [int(one) for one in rows] == [int(batch[0]) for batch in batches]
    assert len(set(map(int, rows))) > 1


def test_the_rows_of_a_batch_are_drawn_independently():
    drawn = sample(np.zeros((2000, 2)), 1.0, np.random.default_rng(0)).reshape(1000, 2)
    assert stats.chisquare(np.bincount(drawn @ [1, 2], minlength=4)).pvalue > 1e-3


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=9, unique=True))
def test_a_tiny_temperature_takes_the_likeliest(logits):
    gaps = np.diff(np.sort(logits)[-2:])
    if gaps.size and gaps[0] < 1e-3:
        return
    assert sample(logits, 1e-200, np.random.default_rng(0)) == np.argmax(logits)


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, np.nan, np.inf])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature is .*expected a finite number above 0"):
        sample(LOGITS, temperature, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\).*take the last step"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        (1.0, r"shape \(\)"),
        ([0.0, np.nan], "did the training diverge"),
        ([0.0, np.inf], "did the training diverge"),
        ([[0.0, 1.0], [-np.inf, -np.inf]], "did the training diverge"),
    ],
)
def test_logits_that_cannot_be_drawn_from_are_refused(logits, message):
    with pytest.raises(ValueError, match=message):
        sample(logits, 1.0, np.random.default_rng(0))


# ---- generate --------------------------------------------------------------------------------


class Remembering:
    """A step that keeps what it has read; its logits name the sum of it, modulo 7."""

    def __init__(self):
        self.read = []

    def __call__(self, ids):
        self.read.append(np.array(ids))
        return 1e3 * np.eye(7)[np.sum(self.read, axis=0) % 7]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(0, 12))
def test_generate_feeds_the_prompt_and_then_its_own_characters_once_each(prompt, length):
    step, expected = Remembering(), list(prompt)
    for _ in range(length):
        expected.append(sum(expected) % 7)
    made = generate(step, prompt, length, 1.0, np.random.default_rng(0))
    assert made.tolist() == expected[len(prompt) :]
    fed = expected[: len(prompt) + max(length - 1, 0)]
    assert [ids.tolist() for ids in step.read] == [[character] for character in fed]


def test_generate_writes_several_texts_at_once():
    prompts = np.array([[1, 2], [3, 0], [6, 6]])
    together = generate(Remembering(), prompts, 9, 1.0, np.random.default_rng(0))
    alone = [generate(Remembering(), p, 9, 1.0, np.random.default_rng(0)) for p in prompts]
    np.testing.assert_array_equal(together, alone)


def test_generate_follows_the_probabilities_and_the_seed():
    table = np.log(np.array([[0.1, 0.9, 0.0], [0.5, 0.0, 0.5], [1 / 3, 1 / 3, 1 / 3]]) + 1e-300)
    made = generate(lambda ids: table[ids], [0], 20_000, 1.0, np.random.default_rng(1))
    again = generate(lambda ids: table[ids], [0], 20_000, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(made, again)
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (made[:-1], made[1:]), 1)
    np.testing.assert_allclose(pairs / pairs.sum(axis=1, keepdims=True), np.exp(table), atol=0.02)


@pytest.mark.parametrize("prompt", [[], np.zeros((0, 3), int), np.zeros((2, 0), int), [0.5], 3])
def test_generate_refuses_a_prompt(prompt):
    with pytest.raises(ValueError, match="the prompt has shape"):
        generate(Remembering(), prompt, 3, 1.0, np.random.default_rng(0))


def test_generate_refuses_a_negative_length_and_other_logits():
    with pytest.raises(ValueError, match="length is -1"):
        generate(Remembering(), [1], -1, 1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"shape \(7,\) for 1 characters; expected \(1, classes\)"):
        generate(lambda ids: np.zeros(7), [1], 3, 1.0, np.random.default_rng(0))


# ---- longest_copied_run ----------------------------------------------------------------------


def by_brute_force(made, source):
    pairs = [(i, j) for i in range(len(made) + 1) for j in range(i, len(made) + 1)]
    there = [(j - i, -i) for i, j in pairs if made[i:j] in source]
    length, start = max(there)
    return length, made[-start : length - start]


@settings(max_examples=300)
@given(st.text("ab", max_size=14), st.text("ab", max_size=30))
@example("", "")
@example("abc", "")
@example("aab", "aab")
def test_the_longest_run_is_that_of_brute_force(made, source):
    length, run = longest_copied_run(made, source)
    assert (length, run) == by_brute_force(made, source)


def test_a_planted_run_is_found_in_a_million_characters_in_little_time():
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    source = "".join(rng.choice(letters, 1_000_000))
    made = "".join(rng.choice(letters, 1500))
    planted = source[700_000:700_060]
    began = time.process_time()  # of this process alone, however busy the machine
    length, run = longest_copied_run(made[:900] + planted + made[900:], source)
    assert time.process_time() - began < 30
    assert planted in run
    assert 60 <= length <= 70


@pytest.mark.parametrize(("made", "source"), [([1, 2], "ab"), ("ab", b"ab")])
def test_runs_of_what_is_no_text_are_refused(made, source):
    with pytest.raises(ValueError, match="must be a str; got"):
        longest_copied_run(made, source)


def test_everything_public_says_how_it_is_used():
    for name in ("Vocabulary", "sequences", "sample", "generate", "longest_copied_run"):
        assert ">>>" in getattr(texts, name).__doc__, name
