"""What dlkit.exercises.small_gpt defines itself, against Keras, SciPy and dlkit.text."""

import keras
import numpy as np
import pytest
import scipy.special

from dlkit.exercises import small_gpt as exercises
from dlkit.text import BytePairs, likeliest

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_merges_are_those_of_replacing_in_a_string(seed):
    ids = np.random.default_rng(seed).integers(97, 100, size=300)
    spelled = "".join(map(chr, ids)).replace("ab", "z").replace("cc", "y")
    found = exercises.merged_tokens(ids, (97, 98), ord("z"))
    found = exercises.merged_tokens(found, (99, 99), ord("y"))
    assert "".join(map(chr, found)) == spelled


@pytest.mark.parametrize("seed", SEEDS)
def test_cached_steps_are_the_rows_of_kerass_causal_attention(seed):
    queries, given, values = np.random.default_rng(seed).normal(size=(3, 7, 4))
    layer = keras.layers.Attention(dtype="float64")
    whole = layer([queries[None] / 2, values[None], given[None]], use_causal_mask=True)
    cache = np.zeros((0, 4)), np.zeros((0, 4))
    for t in range(7):
        y, *cache = exercises.attend_with_cache(queries[t], given[t], values[t], *cache)
        np.testing.assert_allclose(y, keras.ops.convert_to_numpy(whole)[0, t], rtol=1e-9)
    np.testing.assert_array_equal(cache[0], given)
    np.testing.assert_array_equal(cache[1], values)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.99])
def test_the_nucleus_is_the_softmax_of_what_text_keeps(seed, top_p):
    p = np.random.default_rng(seed).dirichlet(np.ones(12))
    expected = scipy.special.softmax(likeliest(np.log(p), top_p=top_p))
    np.testing.assert_allclose(exercises.nucleus_probabilities(p, top_p), expected, rtol=1e-9)


def smallest(learned, text, characters):
    everything = BytePairs.train(learned, 330)
    for size in range(256, 331):
        tokens = BytePairs(everything.merges[: size - 256]).encode(text)
        if len(tokens) <= characters / 2:
            return size
    raise AssertionError("none is enough")


def test_the_sizes_that_the_check_knows_are_those_that_the_loop_finds():
    learn, judge = exercises.two_texts()
    assert smallest(learn, judge, len(judge)) == exercises.HALF
    assert smallest(learn, learn, len(learn)) == exercises.HALF_ON_LEARNED
    assert smallest(learn, judge, len(judge.encode())) == exercises.HALF_OF_BYTES


def test_the_referee_sees_one_text_and_the_better_model_is_the_one_with_tokens():
    found = exercises.two_models()
    assert found["token_characters"].sum() == len(found["character_log_p"])
    assert all((found[name] <= 0).all() for name in ("token_log_p", "character_log_p"))
    assert -found["token_log_p"].mean() > -found["character_log_p"].mean()  # as the colleague says
    assert -0.4 < exercises._fair_difference() < -0.1
