"""Drawing and writing, against SciPy's softmax, loops and exact frequencies."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from dlkit.text import generate, likeliest, sample, stateful_step

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


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=9),
    st.integers(1, 12),
    st.floats(0.01, 0.999),
)
def test_the_likeliest_are_those_of_a_loop(logits, top_k, top_p):
    logits = np.array(logits, dtype=float)
    order = sorted(range(len(logits)), key=lambda k: (-logits[k], k))
    by_count = set(np.flatnonzero(np.isfinite(likeliest(logits, top_k=top_k))))
    assert by_count == set(order[:top_k])
    p, total, nucleus = special.softmax(logits), 0.0, set()
    for k in order:
        assume(abs(total - top_p) > 1e-9)  # rounding would decide
        if total < top_p:
            nucleus.add(k)
        total += p[k]
    kept = likeliest(logits, top_p=top_p)
    assert set(np.flatnonzero(np.isfinite(kept))) == nucleus
    np.testing.assert_array_equal(kept[np.isfinite(kept)], logits[np.isfinite(kept)])


def test_limits_that_forbid_nothing_and_rows_of_their_own():
    np.testing.assert_array_equal(likeliest(LOGITS, top_k=99, top_p=1.0), LOGITS)
    np.testing.assert_array_equal(likeliest(LOGITS), LOGITS)
    rows = np.array([[0.0, 9.0, 1.0], [5.0, 0.0, 4.9]])
    assert np.isfinite(likeliest(rows, top_p=0.9)).tolist() == [[0, 1, 0], [1, 0, 1]]
    assert np.isfinite(likeliest(rows, top_k=2)).tolist() == [[0, 1, 1], [1, 0, 1]]


def test_limits_hold_in_what_is_drawn():
    rng, many = np.random.default_rng(0), np.tile(LOGITS, (5000, 1))
    counts = np.bincount(sample(many, 1.0, rng, top_k=2), minlength=5)
    p = special.softmax([2.0, 1.0])
    assert counts[[1, 2, 4]].sum() == 0
    assert stats.chisquare(counts[[0, 3]], 5000 * p).pvalue > 1e-3
    assert set(sample(many, 1.0, rng, top_p=0.5)) == {0}
    assert set(sample(many, 9.0, rng, top_k=1)) == {0}
    hot = set(sample(many, 100.0, rng, top_p=0.7))  # the nucleus is that of the heated classes
    assert hot == {0, 1, 3}


def test_generate_passes_its_limits_on():
    table = np.log([[0.6, 0.4], [0.4, 0.6]])
    made = generate(lambda ids: table[ids], [0], 50, 5.0, np.random.default_rng(0), top_k=1)
    assert not made.any()
    made = generate(lambda ids: table[ids], [0], 50, 1.0, np.random.default_rng(0), top_p=0.5)
    assert not made.any()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"top_k": 0}, "top_k is 0; expected a whole number of classes, 1 or more"),
        ({"top_k": 1.5}, "top_k is 1.5"),
        ({"top_k": True}, "top_k is True"),
        ({"top_p": 0.0}, "top_p is 0.0; expected a probability above 0 and at most 1"),
        ({"top_p": 1.01}, "top_p is 1.01"),
        ({"top_p": np.nan}, "top_p is nan"),
    ],
)
def test_limits_that_are_none_are_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        sample(LOGITS, 1.0, np.random.default_rng(0), **limits)


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


# ---- stateful_step ---------------------------------------------------------------------------


def test_a_stateful_step_gives_what_the_whole_layer_gives():
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    embedding, gru, readout = (
        keras.layers.Embedding(5, 3),
        keras.layers.GRU(4, return_sequences=True),
        keras.layers.Dense(5),
    )
    whole = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, gru, readout])
    ids, state = keras.Input((), dtype="int32"), keras.Input((4,))
    after, _ = gru.cell(embedding(ids), [state])
    read = np.random.default_rng(0).integers(0, 5, (2, 9))
    step = stateful_step(keras.Model([ids, state], [readout(after), after]), np.zeros((2, 4)))
    one_by_one = np.stack([step(row) for row in read.T], axis=1)
    np.testing.assert_allclose(one_by_one, whole.predict_on_batch(read), rtol=1e-5, atol=1e-6)


def test_a_new_step_starts_with_the_first_state_again():
    class Summing:
        def predict_on_batch(self, inputs):
            total = inputs[1] + inputs[0][:, None]
            return np.eye(9)[total[:, 0]], total

    first, second = (stateful_step(Summing(), np.zeros((1, 1), int)) for _ in range(2))
    assert [first(np.array([2])).argmax() for _ in range(3)] == [2, 4, 6]
    assert second(np.array([5])).argmax() == 5


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.zeros((1, 3)), "gave a ndarray; expected the pair logits and state"),
        ([np.zeros((1, 3))], "gave a list; expected the pair"),
        ([np.zeros((1, 2)), np.zeros((1, 3))], r"has the shape \(1, 3\); expected \(1, 2\)"),
    ],
)
def test_a_stateful_step_refuses_what_gives_no_state(output, message):
    class Wrong:
        def predict_on_batch(self, inputs):
            return output

    with pytest.raises(ValueError, match=message):
        stateful_step(Wrong(), np.zeros((1, 2)))(np.array([0]))
    with pytest.raises(ValueError, match="model is a function; expected a Keras model"):
        stateful_step(lambda ids: ids, np.zeros((1, 2)))
