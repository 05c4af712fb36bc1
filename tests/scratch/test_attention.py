"""Attention against Keras, the tape, finite differences, and what must hold of any of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.scratch_tools import LOUD, assert_close, normal, quick, seeds, tape_gradients
from hypothesis import given
from hypothesis import strategies as st

from dlkit.scratch import Sequential, attention, layers, optimizers
from dlkit.scratch.activations import softmax, softmax_derivative
from dlkit.scratch.gradients import compare, numerical_gradient

RNG = np.random.default_rng(0)
CLOSE = {
    "float32": {"rtol": 2e-5, "atol": 5e-6},
    "float64": {"rtol": 1e-9, "atol": 1e-11},
}
# Keras rounds 1 / sqrt(d) to float32, whatever the layer's type
CLOSE_TO_KERAS = CLOSE | {"float64": {"rtol": 1e-6, "atol": 1e-6}}


def some_mask(seed, *shape):
    """Half of it True, and something in each row."""
    mask = np.random.default_rng(seed).random(shape) < 0.5
    mask[..., 0] |= ~mask.any(axis=-1)
    return mask


# ---- The softmax -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_a_masked_softmax_as_keras(dtype, scale):
    scores = normal(0, (3, 5, 7), scale=scale, dtype=dtype)
    mask = some_mask(1, 5, 7)
    oracle = keras.layers.Softmax(dtype=dtype)
    for ours, theirs in [
        (attention.masked_softmax(scores), oracle(scores)),
        (attention.masked_softmax(scores, mask), oracle(scores, mask=np.stack([mask] * 3))),
    ]:
        assert_close(ours, theirs, **CLOSE[dtype])
        np.testing.assert_allclose(ours.sum(axis=-1), 1, rtol=1e-6)
    assert not attention.masked_softmax(scores, mask)[:, ~mask].any(), "exactly 0, not nearly"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scores_overflow_nowhere(dtype):
    scores = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [-1e4, 1e4, 1e4]], dtype=dtype)
    with np.errstate(**LOUD):
        weights = attention.masked_softmax(scores, np.array([[True, True, False]] * 3))
        back = attention.masked_softmax_backward(np.ones_like(weights), weights)
    np.testing.assert_array_equal(weights, [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0]])
    np.testing.assert_array_equal(back, np.zeros((3, 3)))
    assert weights.dtype == back.dtype == dtype


def test_what_is_masked_may_be_infinite_or_larger_than_all_else():
    scores = [[np.inf, 1.0, 1.0], [1e300, -1e300, -1e300], [-np.inf, 0.0, 0.0]]
    with np.errstate(**LOUD):
        weights = attention.masked_softmax(scores, [False, True, True])
    np.testing.assert_array_equal(weights, [[0, 0.5, 0.5]] * 3)


def test_a_row_without_anything_let_through_is_zero_forward_and_back():
    """As Keras's softmax; a large negative number in the scores would spread it over all."""
    query, key, value, upstream = normal(0, (2, 3), (4, 3), (4, 5), (2, 5))
    mask = np.array([[False] * 4, [True, True, False, False]])
    with np.errstate(**LOUD):
        output, weights = attention.scaled_dot_product_attention(query, key, value, mask)
        dquery, dkey, dvalue = attention.scaled_dot_product_attention_backward(
            upstream, query, key, value, weights
        )
    assert not output[0].any() and not weights[0].any() and not dquery[0].any()
    one = attention.scaled_dot_product_attention(query[1:], key[:2], value[:2])
    assert_close(output[1:], one[0])
    assert dkey[:2].any() and not dkey[2:].any() and not dvalue[2:].any()
    theirs = keras.layers.Softmax(dtype="float64")(np.zeros((1, 4)), mask=mask[:1])
    np.testing.assert_array_equal(theirs, weights[:1])
    np.testing.assert_array_equal(softmax(normal(0, (1, 4)) - 1e300), np.full((1, 4), 0.25))


def test_the_way_back_is_upstream_times_the_jacobian():
    scores, upstream = normal(0, (4, 6), (4, 6))
    weights = attention.masked_softmax(scores)
    expected = (upstream[:, None] @ softmax_derivative(scores))[:, 0]
    back = attention.masked_softmax_backward(upstream, weights)
    assert_close(back, expected)
    np.testing.assert_allclose(back.sum(axis=-1), 0, atol=1e-15)
    assert_close(weights, softmax(scores))


# ---- Scaled dot products ---------------------------------------------------------------------

SHAPES = {  # leading axes, queries, keys, d, features of a value
    "one example": ((), 4, 4, 3, 5),
    "cross-attention": ((2,), 3, 6, 5, 1),
    "heads": ((2, 3), 5, 5, 7, 7),
    "one key": ((2,), 3, 1, 4, 2),
    "heads of one feature": ((2, 2), 4, 3, 1, 1),
}


def drawn(name, dtype="float64", scale=1.0):
    lead, queries, keys, d, features = SHAPES[name]
    return normal(
        3,
        (*lead, queries, d),
        (*lead, keys, d),
        (*lead, keys, features),
        (*lead, queries, features),
        scale=scale,
        dtype=dtype,
    )


def by_tensorflow(query, key, value, mask, scale=None):
    """Written out, with an oracle's softmax."""
    scale = scale or 1 / np.sqrt(query.shape[-1])
    scores = tf.matmul(query, key, transpose_b=True) * tf.cast(scale, query.dtype)
    if mask is not None:
        scores = tf.where(mask, scores, tf.constant(-np.inf, scores.dtype))
    return tf.matmul(tf.nn.softmax(scores), value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_attention_and_its_way_back_as_the_tape(name, masked, dtype):
    query, key, value, upstream = drawn(name, dtype)
    mask = some_mask(1, *query.shape[:-1], key.shape[-2]) if masked else None
    output, weights = attention.scaled_dot_product_attention(query, key, value, mask)
    assert_close(output, by_tensorflow(query, key, value, mask), **CLOSE[dtype])
    back = attention.scaled_dot_product_attention_backward(upstream, query, key, value, weights)
    theirs = tape_gradients(lambda *x: by_tensorflow(*x, mask), upstream, query, key, value)
    for ours, expected in zip(back, theirs, strict=True):
        assert_close(ours, expected, **CLOSE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention_as_keras_ops(dtype):
    """keras.ops wants (batch, time, heads, features)."""
    query, key, value, _ = drawn("heads", dtype)
    mask = some_mask(1, 2, 3, 5, 5)
    theirs = keras.ops.dot_product_attention(
        *(x.swapaxes(1, 2) for x in (query, key, value)), mask=mask
    )
    output, _ = attention.scaled_dot_product_attention(query, key, value, mask)
    assert_close(output, np.swapaxes(theirs, 1, 2), **CLOSE_TO_KERAS[dtype])


@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
def test_the_way_back_by_finite_differences(scale):
    query, key, value, upstream = drawn("cross-attention")
    mask = some_mask(1, 2, 3, 6)
    mask[0, 1] = False  # a query that may look nowhere
    inputs = [query, key, value]
    _, weights = attention.scaled_dot_product_attention(*inputs, mask, scale)
    back = attention.scaled_dot_product_attention_backward(upstream, *inputs, weights, scale)
    for place, gradient in enumerate(back):

        def total(x, place=place):
            moved = [*inputs[:place], x, *inputs[place + 1 :]]
            output, _ = attention.scaled_dot_product_attention(*moved, mask, scale)
            return np.vdot(output, upstream)

        assert compare(gradient, numerical_gradient(total, inputs[place]), 1e-6, 1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_ten_thousand_pick_one_value_and_stop_the_gradient(dtype):
    """A saturated softmax: what it found is exact, and no way leads back through the scores."""
    query = np.array([[1e4, 0.0], [-1e4, 0.0]], dtype=dtype)
    key, value = np.eye(2, dtype=dtype), np.array([[1.0], [5.0]], dtype=dtype)
    with np.errstate(**LOUD):
        output, weights = attention.scaled_dot_product_attention(query, key, value, scale=1.0)
        dquery, dkey, dvalue = attention.scaled_dot_product_attention_backward(
            np.ones((2, 1), dtype), query, key, value, weights, 1.0
        )
    np.testing.assert_array_equal(output, [[1], [5]])
    assert not dquery.any() and not dkey.any() and dvalue.sum() == 2
    assert output.dtype == dquery.dtype == dtype


@given(seeds, st.integers(1, 6), st.integers(1, 6))
@quick
def test_an_output_lies_between_the_values_and_ignores_their_order(seed, queries, keys):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.normal(size=(n, 3)) for n in (queries, keys, keys))
    output, weights = attention.scaled_dot_product_attention(query, key, value)
    assert (output <= value.max(axis=0) + 1e-12).all()
    assert (output >= value.min(axis=0) - 1e-12).all()
    order = rng.permutation(keys)
    shuffled, moved = attention.scaled_dot_product_attention(query, key[order], value[order])
    np.testing.assert_allclose(shuffled, output, atol=1e-12)
    np.testing.assert_allclose(moved, weights[:, order], atol=1e-12)


def test_a_causal_mask_as_numpy_and_for_the_last_of_many():
    np.testing.assert_array_equal(attention.causal_mask(4), np.tril(np.ones((4, 4))) == 1)
    np.testing.assert_array_equal(attention.causal_mask(2, 6), attention.causal_mask(6)[-2:])
    assert attention.causal_mask(1, 9).all() and attention.causal_mask(1).shape == (1, 1)


def test_a_position_of_a_causal_reader_does_not_depend_on_what_comes_later():
    layer = attention.MultiHeadAttention(2, 3, causal=True, dtype="float64")
    x = normal(0, (2, 6, 5))
    changed = x.copy()
    changed[:, 4:] += 1
    np.testing.assert_array_equal(layer(x)[:, :4], layer(changed)[:, :4])
    assert np.abs(layer(x) - layer(changed))[:, 4:].min() > 1e-6
    upstream = np.zeros_like(x)
    upstream[:, 2] = 1
    layer(x)
    back = layer.backward(upstream)
    assert not back[:, 3:].any() and back[:, :3].all()


def test_one_query_with_a_cache_gives_what_all_at_once_give():
    query, key, value = (normal(seed, (2, 3, 8, 5)) for seed in range(3))
    whole, _ = attention.scaled_dot_product_attention(query, key, value, attention.causal_mask(8))
    for start, stop in ((0, 3), (3, 4), (4, 8)):
        mask = attention.causal_mask(stop - start, stop)
        part, _ = attention.scaled_dot_product_attention(
            query[:, :, start:stop], key[:, :, :stop], value[:, :, :stop], mask
        )
        assert_close(part, whole[:, :, start:stop])


# ---- Heads -----------------------------------------------------------------------------------


def test_heads_are_cut_side_by_side_and_put_together_again():
    x = normal(0, (2, 4, 6))
    heads = attention.split_heads(x, 3)
    assert heads.shape == (2, 3, 4, 2)
    for head in range(3):
        np.testing.assert_array_equal(heads[:, head], x[..., 2 * head : 2 * head + 2])
    np.testing.assert_array_equal(attention.merge_heads(heads), x)


HEADS = {  # settings of both; whether there is another source
    "self-attention": ({"num_heads": 2, "key_dim": 4}, False),
    "odd heads": ({"num_heads": 3, "key_dim": 5, "value_dim": 1}, False),
    "one head of one": ({"num_heads": 1, "key_dim": 1}, False),
    "without biases": ({"num_heads": 2, "key_dim": 3, "use_bias": False}, False),
    "cross-attention": ({"num_heads": 3, "key_dim": 2, "value_dim": 7}, True),
    "cross, without biases": ({"num_heads": 2, "key_dim": 3, "use_bias": False}, True),
}


def a_pair(name, dtype, causal=False):
    """Our layer and Keras's with the same weights, x, and the source or None."""
    settings, cross = HEADS[name]
    x, source = normal(0, (2, 5, 6), (2, 4, 3), dtype=dtype)
    source = source if cross else None
    ours = attention.MultiHeadAttention(**settings, causal=causal, dtype=dtype)
    oracle = keras.layers.MultiHeadAttention(**settings, dtype=dtype)
    oracle.build(x.shape, source.shape if cross else x.shape)
    weights = oracle.get_weights()
    shift = iter(normal(9, *[w.shape for w in weights], scale=0.3, dtype=dtype))
    oracle.set_weights([weight + next(shift) for weight in weights])  # biases too
    ours.build(x.shape, np.random.default_rng(0), source.shape if cross else None)
    assert [v.shape for v in ours.variables] == [w.shape for w in weights]
    ours.set_weights(oracle.get_weights())
    return ours, oracle, x, source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mask", ["none", "for each", "for all", "causal", "causal and more"])
@pytest.mark.parametrize("name", HEADS)
def test_several_heads_as_keras(name, mask, dtype):
    if "causal" in mask and HEADS[name][1]:
        return  # what two texts are to one another has no order; refused, see below
    ours, oracle, x, source = a_pair(name, dtype, causal="causal" in mask)
    keys = 5 if source is None else 4
    asked = {"for each": (2, 5, keys), "causal and more": (2, 5, keys), "for all": (5, keys)}
    given_mask = some_mask(1, *asked[mask]) if mask in asked else None
    if mask == "causal and more":
        given_mask |= np.eye(5, dtype=bool)  # all look somewhere
    y = ours(x, value=source, mask=given_mask)
    upstream = normal(5, y.shape, dtype=dtype)
    with tf.GradientTape() as tape:
        inputs = [tf.constant(x)] + ([] if source is None else [tf.constant(source)])
        tape.watch(inputs)
        theirs, scores = oracle(
            inputs[0],
            inputs[-1],
            attention_mask=given_mask,
            use_causal_mask="causal" in mask,
            return_attention_scores=True,
        )
        total = tf.reduce_sum(theirs * upstream)
    values = [v.value for v in oracle.trainable_variables]
    of_inputs, of_weights = tape.gradient(total, [inputs, values])
    close = CLOSE_TO_KERAS[dtype]
    assert_close(y, theirs, **close)
    assert_close(ours.attention_weights, scores, **close)
    assert_close(ours.backward(upstream), of_inputs[0], **close)
    if source is None:
        assert ours.value_gradient is None
    else:
        assert_close(ours.value_gradient, of_inputs[1], **close)
    for gradient, expected in zip(ours.gradients, of_weights, strict=True):
        assert_close(gradient, expected, **close)


def test_a_layer_is_built_for_the_source_it_first_gets():
    layer = attention.MultiHeadAttention(2, 3)
    layer(np.ones((1, 4, 6)), value=np.ones((1, 5, 7)))
    assert [v.shape[0] for v in layer.variables[:6:2]] == [6, 7, 7]


def test_first_weights_spread_as_keras_do():
    ours = attention.MultiHeadAttention(8, 32)
    oracle = keras.layers.MultiHeadAttention(8, 32)
    ours.build((1, 5, 256), RNG)
    oracle.build((1, 5, 256), (1, 5, 256))
    for variable, weight in zip(ours.variables, oracle.get_weights(), strict=True):
        assert variable.dtype == "float32"
        assert variable.std() == pytest.approx(weight.std(), rel=0.03)


def test_a_model_with_attention_learns_what_needs_a_look_back():
    """The class is that of the element to which the last one points."""
    rng = np.random.default_rng(0)
    ids, pointer, rows = rng.integers(0, 3, (256, 4)), rng.integers(0, 4, 256), np.arange(256)
    x = np.zeros((256, 5, 7), "float32")
    x[rows[:, None], np.arange(4), ids] = 1
    x[:, :4, 3:] = np.eye(4)  # positions
    x[rows, 4, 3 + pointer] = 1
    y = ids[rows, pointer]
    model = Sequential([attention.MultiHeadAttention(2, 8), layers.Flatten(), layers.Dense(3)])
    model.fit(x, y, optimizer=optimizers.Adam(0.02), epochs=20, batch_size=32)
    assert (model.predict(x).argmax(axis=1) == y).mean() > 0.95


def test_a_whole_reader_of_text_as_keras():
    """Embedding, positions, a causal block with shortcuts, and a dense layer: as lesson 17's."""
    time, width, classes = 6, 8, 11
    ids = RNG.integers(0, classes, (3, time))
    parts = {
        "tokens": layers.Embedding(classes, width),
        "places": layers.Embedding(time, width),
        "norm": layers.LayerNormalization(),
        "heads": attention.MultiHeadAttention(2, 4, causal=True),
        "out": layers.Dense(classes),
    }
    oracle = {
        "tokens": keras.layers.Embedding(classes, width),
        "places": keras.layers.Embedding(time, width),
        "norm": keras.layers.LayerNormalization(),
        "heads": keras.layers.MultiHeadAttention(2, 4),
        "out": keras.layers.Dense(classes),
    }
    x = oracle["tokens"](ids) + oracle["places"](np.arange(time))
    normed = oracle["norm"](x)
    theirs = oracle["out"](x + oracle["heads"](normed, normed, use_causal_mask=True))
    shapes = {"tokens": ids.shape, "places": (time,)}
    for name, part in parts.items():
        part.build(shapes.get(name, (3, time, width)), RNG)
        part.set_weights(oracle[name].get_weights())
    x = parts["tokens"](ids) + parts["places"](np.arange(time))
    assert_close(parts["out"](x + parts["heads"](parts["norm"](x))), theirs, 1e-5, 1e-6)


# ---- Positions -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 4, 7])
def test_waves_by_their_formula(width):
    ours = attention.sinusoidal_positions(9, width, dtype="float64")
    expected = np.zeros((9, width))
    for t in range(9):
        for feature in range(width):
            angle = t / 10000 ** ((feature - feature % 2) / width)
            expected[t, feature] = np.cos(angle) if feature % 2 else np.sin(angle)
    assert_close(ours, expected)
    assert_close(attention.sinusoidal_positions(9, width), expected.astype("float32"), atol=1e-7)


def test_products_of_waves_depend_on_the_distance_alone():
    waves = attention.sinusoidal_positions(40, 16, dtype="float64")
    products = waves @ waves.T
    for distance in range(40):
        assert np.ptp(np.diagonal(products, distance)) < 1e-12
    assert (np.diagonal(products)[1:] > products[0, 1:]).all(), "nearest to itself"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_turning_is_a_product_of_complex_numbers(dtype):
    x = normal(0, (2, 3, 5, 6), dtype=dtype)
    pairs = x[..., ::2] + 1j * x[..., 1::2]
    angles = np.arange(5)[:, None] / 10000 ** (np.arange(0, 6, 2) / 6)
    turned = pairs * np.exp(1j * angles)
    ours = attention.rotate(x)
    np.testing.assert_allclose(ours[..., ::2], turned.real, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours[..., 1::2], turned.imag, rtol=1e-5, atol=1e-6)
    assert ours.dtype == dtype
    np.testing.assert_allclose(np.linalg.norm(ours, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)


def test_scores_of_turned_queries_and_keys_know_the_distance_alone():
    query, key = normal(0, (4, 6), (4, 6))
    query[:], key[:] = query[0], key[0]
    here, there = np.arange(4.0), np.arange(4.0) + 1000
    products = [
        attention.rotate(query, positions) @ attention.rotate(key, positions).T
        for positions in (here, there)
    ]
    np.testing.assert_allclose(*products, atol=1e-9)
    for distance in range(-3, 4):
        assert np.ptp(np.diagonal(products[0], distance)) < 1e-12
    assert np.ptp(products[0]) > 0.1


def test_turning_back_is_the_way_back_of_turning():
    x, upstream = normal(0, (2, 5, 4), (2, 5, 4))
    positions = np.arange(5.0)
    expected = numerical_gradient(lambda x: np.vdot(attention.rotate(x, positions), upstream), x)
    assert compare(attention.rotate(upstream, -positions), expected, 1e-7, 1e-8)
    assert_close(attention.rotate(attention.rotate(x), -positions), x)


def test_without_positions_attention_knows_no_order_and_with_them_it_does():
    layer = attention.MultiHeadAttention(2, 3, dtype="float64")
    x, order = normal(0, (1, 6, 4)), RNG.permutation(6)
    np.testing.assert_allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-12)
    waves = attention.sinusoidal_positions(6, 4, dtype="float64")
    assert np.abs(layer(x[:, order] + waves) - layer(x + waves)[:, order]).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_embedding_as_keras_and_as_a_dense_layer_on_one_hot_ids(dtype):
    ids = np.array([[3, 0, 3], [1, 3, 1]])
    ours, oracle = (
        layers.Embedding(5, 4, dtype=dtype),
        keras.layers.Embedding(5, 4, dtype=dtype),
    )
    oracle.build(ids.shape)
    ours.build(ids.shape, RNG)
    ours.set_weights(oracle.get_weights())
    y = ours(ids)
    assert_close(y, oracle(ids), atol=0)
    np.testing.assert_array_equal(y, np.eye(5, dtype=dtype)[ids] @ ours.variables[0])
    upstream = normal(0, y.shape, dtype=dtype)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(oracle(ids) * upstream)
    (expected,) = tape.gradient(total, [v.value for v in oracle.trainable_variables])
    assert not ours.backward(upstream).any() and ours.backward(upstream).shape == ids.shape
    assert_close(ours.gradients[0], tf.convert_to_tensor(expected), **CLOSE[dtype])


# ---- What is refused -------------------------------------------------------------------------

X = np.ones((2, 4, 6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attention.masked_softmax(X, np.ones((4, 6))), "float64; expected True where"),
        (lambda: attention.masked_softmax(X, np.ones((2, 4), bool)), r"\(2, 4\) and the scores"),
        (lambda: attention.masked_softmax(np.ones((2, 0))), "at least one value along axis -1"),
        (lambda: attention.masked_softmax_backward(X, X[0]), "expected equal shapes"),
        (lambda: attention.scaled_dot_product_attention(X[0, 0], X, X), r"pass query\[None\]"),
        (lambda: attention.scaled_dot_product_attention(X, X[..., 1:], X), "key has shape"),
        (lambda: attention.scaled_dot_product_attention(X, X[:1], X[:1]), "key has shape"),
        (lambda: attention.scaled_dot_product_attention(X, X, X[:, 1:]), "value has shape"),
        (lambda: attention.scaled_dot_product_attention(X, X[:, :0], X[:, :0]), "along axis -2"),
        (
            lambda: attention.scaled_dot_product_attention_backward(X, X, X, X, X),
            r"weights has shape .* expected \(2, 4, 4\)",
        ),
        (
            lambda: attention.scaled_dot_product_attention_backward(X[0], X, X, X, X[..., :4]),
            r"upstream has shape .* expected \(2, 4, 6\)",
        ),
        (lambda: attention.causal_mask(3, 2), "keys is 2 for 3 queries"),
        (lambda: attention.split_heads(X, 4), "a width that 4 heads can share"),
        (lambda: attention.split_heads(X[0, 0], 2), "expected .*time, width"),
        (lambda: attention.merge_heads(X[0]), "expected .*heads, time, features"),
        (lambda: attention.rotate(X[..., :5]), "even width"),
        (lambda: attention.rotate(X, np.arange(3)), r"positions has shape \(3,\)"),
        (lambda: attention.MultiHeadAttention(2, 3)(X[0]), r"expected \(any, any, any\)"),
        (lambda: attention.MultiHeadAttention(2, 3).build((2, 4), RNG), "batch, time, features"),
        (lambda: attention.MultiHeadAttention(2, 3)(X, value=X[:1]), "value has shape"),
        (
            lambda: attention.MultiHeadAttention(2, 3, causal=True)(X, value=X),
            "a causal layer got value",
        ),
        (
            lambda: attention.MultiHeadAttention(2, 3)(X, mask=np.ones((2, 4), bool)),
            r"for one that marks keys, mask\[..., None, :\]",
        ),
        (lambda: attention.MultiHeadAttention(2, 3).backward(X), "call forward first"),
        (lambda: layers.Embedding(3, 2)([0, 3]), "from 0 to 3; expected whole .* from 0 to 2"),
        (lambda: layers.Embedding(3, 2)([-1]), "whole numbers from 0"),
        (lambda: layers.Embedding(3, 2)([0.5]), "whole numbers from 0"),
        (lambda: layers.Embedding(3, 2)([np.nan]), "whole numbers from 0"),
        (lambda: layers.Dense(2).set_weights([X]), "no weights yet"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_weights_of_another_layer_are_refused_and_nothing_is_changed():
    layer = layers.Dense(2)
    layer.build((1, 3), RNG)
    before = layer.variables[0].copy()
    with pytest.raises(ValueError, match="got 1 arrays; expected 2"):
        layer.set_weights([np.ones((3, 2))])
    with pytest.raises(ValueError, match="weight 1 has shape"):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    np.testing.assert_array_equal(layer.variables[0], before)


def test_a_layer_whose_shapes_changed_refuses_the_way_back():
    layer = attention.MultiHeadAttention(2, 3)
    layer(X)
    with pytest.raises(ValueError, match="upstream has shape .* expected equal shapes"):
        layer.backward(X[:1])
    with pytest.raises(ValueError, match="kernel has shape"):
        layer(X[..., :5])
