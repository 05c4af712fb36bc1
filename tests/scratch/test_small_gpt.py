"""The GPT in NumPy: equal to Keras's from the same weights, with and without a cache."""

import keras
import numpy as np
import pytest

from dlkit import models, text
from dlkit.scratch.small_gpt import SmallGPT

CLASSES, CONTEXT, HEADS = 11, 8, 3
KINDS = [{}, {"positions": "none"}, {"activation": "relu", "depth": 3}]


def pair(**options):
    """A model of Keras with weights far from their start, and the same in NumPy."""
    model = models.small_gpt(CLASSES, CONTEXT, **{"width": 24, "heads": HEADS, **options})
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0.1, 0.3, weight.shape) for weight in model.get_weights()])
    return model, SmallGPT(model.get_weights(), HEADS, options.get("activation", "gelu"))


def tokens(batch=2, time=CONTEXT):
    return np.random.default_rng(1).integers(0, CLASSES, (batch, time))


@pytest.fixture
def ours():
    return pair()[1]


@pytest.mark.parametrize("options", KINDS)
def test_the_logits_are_those_of_keras(options):
    theirs, ours = pair(**options)
    for time in (1, 5, CONTEXT):
        ids = tokens(time=time)
        expected = keras.ops.convert_to_numpy(theirs(ids.astype("int32"), training=False))
        np.testing.assert_allclose(ours.forward(ids), expected, atol=1e-5)
    assert ours.depth == options.get("depth", 2)
    assert ours.context == (None if options.get("positions") else CONTEXT)


def test_the_logits_of_a_model_saved_and_loaded_are_the_same(tmp_path):
    theirs, ours = pair()
    theirs.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    loaded = SmallGPT(again.get_weights(), HEADS)
    np.testing.assert_allclose(loaded.forward(tokens()), ours.forward(tokens()), atol=1e-6)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("pieces", [(1,) * 8, (3, 5), (7, 1), (2, 1, 4, 1)])
def test_with_a_cache_the_logits_are_those_without(options, pieces):
    _, ours = pair(**options)
    ids, cache = tokens(), []
    parts = np.split(ids, np.cumsum(pieces)[:-1], axis=1)
    cached = np.concatenate([ours.forward(part, cache) for part in parts], axis=1)
    np.testing.assert_allclose(cached, ours.forward(ids), atol=1e-5)
    assert len(cache) == ours.depth
    assert all(kept.shape == (2, HEADS, 8, 8) for pair in cache for kept in pair)


def test_a_reader_forgets_the_older_half_when_the_context_is_full(ours):
    ids, step = tokens(time=2 * CONTEXT), ours.reader()
    for t in range(ids.shape[1]):
        start = 0 if t < CONTEXT else 4 * ((t - CONTEXT) // 4 + 1)  # 8 is full, 4 are kept
        expected = ours.forward(ids[:, start : t + 1])[:, -1]
        np.testing.assert_allclose(step(ids[:, t]), expected, atol=1e-5)


def test_a_context_of_one_token_can_be_read_on():
    model = models.small_gpt(CLASSES, 1, width=24, heads=HEADS)
    ours = SmallGPT(model.get_weights(), HEADS)
    step, ids = ours.reader(), tokens(time=3)
    for t in range(3):
        np.testing.assert_allclose(step(ids[:, t]), ours.forward(ids[:, t : t + 1])[:, -1])


def test_it_writes_past_its_context_and_readers_share_nothing(ours):
    def write():
        return text.generate(ours.reader(), [[1, 2], [3, 4]], 30, 1.0, np.random.default_rng(0))

    first, second = write(), write()
    assert first.shape == (2, 30)
    np.testing.assert_array_equal(first, second)


def test_float64_weights_are_computed_in_float64():
    theirs, _ = pair()
    ours = SmallGPT([weight.astype("float64") for weight in theirs.get_weights()], HEADS)
    assert ours.forward(tokens()).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.forward(tokens(time=9)), "9 tokens, 0 of them in the cache; expected at most"),
        (lambda m: m.forward([1, 2]), "whole numbers \\(batch"),
        (lambda m: m.forward([[1.0, 2.0]]), "type float64"),
        (lambda m: m.forward(np.zeros((1, 0), int)), "at least one"),
        (lambda m: m.forward([[0, 11]]), "from 0 to 11; expected 0 to 10"),
        (lambda m: m.forward([[-1]]), "from -1"),
    ],
)
def test_bad_ids_are_refused(ours, call, message):
    with pytest.raises(ValueError, match=message):
        call(ours)


def test_a_cache_of_another_batch_and_one_too_full_are_refused_and_stay_as_they_are(ours):
    cache = []
    ours.forward(tokens(time=6), cache)
    with pytest.raises(ValueError, match="batch of 1 and the cache one of 2"):
        ours.forward([[1]], cache)
    with pytest.raises(ValueError, match="9 tokens, 6 of them in the cache"):
        ours.forward(tokens(time=3), cache)
    assert cache[0][0].shape[2] == 6


def test_weights_of_something_else_are_refused():
    weights = pair()[0].get_weights()
    with pytest.raises(ValueError, match="there are 2 weights"):
        SmallGPT(weights[:2], HEADS)
    with pytest.raises(ValueError, match="there are 17 weights"):
        SmallGPT([*weights, weights[0]], HEADS)
    with pytest.raises(ValueError, match="weight 3 has shape"):
        SmallGPT([*weights[:3], *weights[4:], weights[3]], HEADS)
    with pytest.raises(ValueError, match="width is 24 and heads 5"):
        SmallGPT(weights, 5)
    with pytest.raises(ValueError, match="no activation 'swish'"):
        SmallGPT(weights, HEADS, "swish")
