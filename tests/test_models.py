"""Models: shapes, exact parameter counts, saving, learning a batch by heart, bad input."""

import keras
import numpy as np
import pytest

from dlkit import models
from dlkit.scratch.autoencoders import gaussian_kl

BUILDERS = {
    "mlp": lambda: models.mlp((28, 28), 10, units=(64, 32), dropout_rate=0.1),
    "convnet": lambda: models.convnet((28, 28, 1), 10),
    "lenet": lambda: models.lenet((28, 28, 1), 10),
    "resnet": lambda: models.resnet((28, 28, 1), 10, filters=(8, 16)),
    "plain": lambda: models.resnet((28, 28, 1), 10, filters=(8, 16), shortcuts=False),
}
GPTS = {
    "as it is": {},
    "no positions": {"positions": "none"},
    "no mask": {"causal": False},
    "no scale": {"scaled": False},
    "dropout": {"dropout_rate": 0.1},
}
DIGITS = np.random.default_rng(0).random((16, 28, 28), dtype="float32")


def batch_for(model):
    return DIGITS.reshape(16, *model.input_shape[1:])


def logits_of(model):
    """What the model says of the batch, as an array on every backend."""
    return keras.ops.convert_to_numpy(model(batch_for(model), training=False))


def train(model, steps):
    """So many steps on the same batch, in one epoch: each epoch would take longer than its step."""
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = np.concatenate(steps * [batch_for(model)]), np.tile(np.arange(16) % 10, steps)
    model.fit(x, y, batch_size=16, epochs=1, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("units", "count"),
    [((), 7850), ((128,), 101770), ((256, 128), 784 * 256 + 256 + 256 * 128 + 128 + 1290)],
)
def test_mlp_has_exactly_the_parameters_of_the_formula(units, count):
    assert models.mlp((28, 28), 10, units=units).count_params() == count


@pytest.mark.parametrize("filters", [(16, 32, 64), (8,), (4, 6)])
def test_convnet_has_exactly_the_parameters_of_the_formula(filters):
    side, channels, count = 32, 3, 0
    for index, f in enumerate(filters):
        kernel = 5 if index == 0 else 3
        count += kernel * kernel * channels * f + 4 * f
        side, channels = side // 2, f
    count += side * side * channels * 10 + 10
    assert models.convnet((32, 32, 3), 10, filters=filters).count_params() == count


def test_lenet_has_exactly_the_parameters_of_the_paper_s_layers():
    layers = [(25 * 3 + 1) * 6, (25 * 6 + 1) * 16, (400 + 1) * 120, (120 + 1) * 84, (84 + 1) * 10]
    assert models.lenet((32, 32, 3), 10).count_params() == sum(layers)


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize("filters", [(24, 48, 96), (8,), (4, 6)])
def test_resnet_has_exactly_the_parameters_of_the_formula(filters, shortcuts):
    channels, count = 3, 0
    for stage, f in enumerate(filters):
        count += 9 * channels * f + 4 * f  # the pooled convolution and its normalisation
        count += 2 * (9 * f * f + 4 * f) if stage else 0  # the block
        channels = f
    count += channels * 10 + 10
    model = models.resnet((32, 32, 3), 10, filters=filters, shortcuts=shortcuts)
    assert model.count_params() == count


@pytest.mark.parametrize("shortcuts", [True, False])
def test_only_a_shortcut_carries_the_image_past_a_block_that_is_silent(shortcuts):
    model = models.resnet((28, 28, 1), 10, filters=(8, 16), shortcuts=shortcuts)
    norms = [w for w in model.layers if isinstance(w, keras.layers.BatchNormalization)]
    norms[-1].gamma.assign(np.zeros(16))  # F(h) = 0 for every h
    logits = logits_of(model)
    to_pooled = keras.Model(model.inputs[0], norms[1].output)  # of stage two
    pooled = keras.ops.convert_to_numpy(to_pooled(batch_for(model), training=False))
    expected = np.maximum(pooled, 0).mean(axis=(1, 2)) if shortcuts else np.zeros((16, 16))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(logits, expected @ kernel + bias, atol=1e-5)
    assert model.get_layer("maps").output.shape[1:] == (7, 7, 16)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_gives_finite_logits_not_probabilities(name):
    model = BUILDERS[name]()
    logits = logits_of(model)
    assert logits.shape == (16, 10)
    assert np.isfinite(logits).all()
    assert logits.min() < 0, "probabilities would not be negative"
    assert not model.compiled


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_survives_saving(name, tmp_path):
    model = BUILDERS[name]()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(logits_of(model), logits_of(again), atol=1e-6)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_learns_one_batch_by_heart(name):
    keras.utils.set_random_seed(0)
    model = BUILDERS[name]()
    train(model, steps=200)
    y_pred = model.predict(batch_for(model), verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(y_pred, np.arange(16) % 10)


def test_the_same_seed_gives_the_same_training_and_another_seed_another():
    found = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = models.mlp((28, 28, 1), 10, units=(8,), dropout_rate=0.2)
        train(model, steps=2)
        found.append(logits_of(model))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert np.abs(found[0] - found[2]).max() > 1e-2


def test_builders_do_not_print(capfd):
    for build in BUILDERS.values():
        build()
    assert capfd.readouterr().out == ""


# ---- the small GPT -----------------------------------------------------------------------------


def gpt(**options):
    return models.small_gpt(11, 8, **{"depth": 2, "width": 12, "heads": 3} | options)


def tokens(batch=2, time=8, classes=11):
    return np.random.default_rng(0).integers(0, classes, (batch, time)).astype("int32")


def answers(model, ids):
    return keras.ops.convert_to_numpy(model(ids, training=False))


@pytest.mark.parametrize(("v", "c", "depth", "w"), [(65, 64, 2, 128), (11, 8, 3, 12)])
def test_small_gpt_has_exactly_the_parameters_of_the_formula(v, c, depth, w):
    count = v * w + c * w + depth * (12 * w * w + 2 * w) + w + w * v
    assert models.small_gpt(v, c, depth=depth, width=w, heads=2).count_params() == count
    without = models.small_gpt(v, c, depth=depth, width=w, heads=2, positions="none")
    assert without.count_params() == count - c * w


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow counts here")
def test_small_gpt_s_multiply_adds_are_those_that_tensorflow_counts():
    import tensorflow as tf
    from tensorflow.python.framework import ops

    batch, n, w, depth, v = 3, 7, 12, 2, 11
    model = gpt()
    run = tf.function(lambda ids: model(ids, training=False))
    graph = run.get_concrete_function(tf.TensorSpec((batch, n), "int32")).graph
    products = [op for op in graph.get_operations() if "MatMul" in op.type]
    counts = [ops.get_stats_for_node_def(graph, op.node_def, "flops").value for op in products]
    assert len(products) == 6 * depth + 1 and all(counts)
    expected = batch * n * (depth * (12 * w * w + 2 * n * w) + w * v)
    assert sum(counts) == 2 * expected


@pytest.mark.parametrize("name", GPTS)
def test_a_small_gpt_gives_finite_logits_for_any_length_and_survives_saving(name, tmp_path):
    model = gpt(**GPTS[name])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for time in (1, 5, 8):
        logits = answers(model, tokens(time=time))
        assert logits.shape == (2, time, 11) and np.isfinite(logits).all()
        np.testing.assert_allclose(answers(again, tokens(time=time)), logits, atol=1e-6)
    assert not model.compiled


@pytest.mark.parametrize("name", GPTS)
def test_only_without_a_mask_does_a_step_see_later_ones(name):
    model, ids = gpt(**GPTS[name]), tokens()
    changed = ids.copy()
    changed[:, 5] = (changed[:, 5] + 1) % 11
    difference = np.abs(answers(model, ids) - answers(model, changed)).max(axis=(0, 2))
    assert (difference[5:] > 1e-6).all()
    assert (difference[:5] > 1e-9).all() if name == "no mask" else (difference[:5] == 0).all()


@pytest.mark.parametrize("positions", ["learned", "none"])
def test_only_positions_tell_the_order_of_what_came_before(positions):
    model = gpt(depth=1, positions=positions)
    ids = np.array([[1, 2, 3, 4], [3, 1, 2, 4]], "int32")
    first, second = answers(model, ids)[:, -1]
    assert np.allclose(first, second, atol=1e-6) == (positions == "none")


def test_attention_is_that_of_keras_with_the_same_weights():
    width, heads = 12, 3
    size, rng = width // heads, np.random.default_rng(0)
    x = rng.normal(size=(2, 5, width)).astype("float32")
    qkv, mix = (rng.normal(size=(width, n)).astype("float32") for n in (3 * width, width))
    layer = keras.layers.MultiHeadAttention(heads, size, use_bias=False)
    layer.build(x.shape, x.shape)
    parts = [part.reshape(width, heads, size) for part in np.split(qkv, 3, axis=1)]
    layer.set_weights([*parts, mix.reshape(heads, size, width)])  # query, key, value, output
    expected = layer(x, x, use_causal_mask=True)
    ours = keras.ops.convert_to_numpy(models.FusedAttention(heads)(x @ qkv)) @ mix
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(expected), atol=1e-4)


def test_the_scale_is_the_root_of_a_head_s_size():
    qkv = np.random.default_rng(0).normal(size=(1, 5, 36)).astype("float32")
    larger = qkv.copy()
    larger[..., :12] *= 2  # queries of heads of size 4
    outputs = [models.FusedAttention(3, scaled=s)(q) for s, q in ((True, larger), (False, qkv))]
    first, second = map(keras.ops.convert_to_numpy, outputs)
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_small_gpt_learns_a_text_by_heart():
    keras.utils.set_random_seed(0)
    model, ids = gpt(width=24), tokens(4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    x, y = np.tile(ids[:, :-1], (150, 1)), np.tile(ids[:, 1:], (150, 1))
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    right = answers(model, ids[:, :-1]).argmax(axis=-1) == ids[:, 1:]
    assert right[:, 1:].all()  # the first token alone need not tell the second


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exported from TensorFlow")
def test_a_small_gpt_is_exported_with_free_batch_and_time(tmp_path):
    import tensorflow as tf

    model = gpt()
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))  # its functions do not keep it alive
    for shape in ((1, 8), (3, 5)):
        ids = tokens(*shape)
        np.testing.assert_allclose(loaded.serve(tf.constant(ids)), answers(model, ids), atol=1e-5)


@pytest.mark.parametrize(
    "call", [lambda model, ids: model(ids), lambda model, ids: model.predict(ids, verbose=0)]
)
def test_a_text_longer_than_the_context_is_refused_with_both_lengths(call):
    with pytest.raises(ValueError, match="the text has 9 steps; expected at most 8"):
        call(gpt(), tokens(time=9))


def test_without_positions_a_text_of_any_length_is_read():
    assert answers(gpt(positions="none"), tokens(time=20)).shape == (2, 20, 11)


# ---- Gaussian codes --------------------------------------------------------------------------


def vae(**options):
    """A tiny variational autoencoder of 12 black and white pixels and a code of 3 numbers."""
    pixels = keras.Input((12,))
    parameters = keras.layers.Dense(6, name="parameters")(pixels)
    code = models.GaussianCode(**{"seed": 0, "name": "code"} | options)(parameters)
    return keras.Model(pixels, keras.layers.Dense(12)(code))


def pixel_nats(y_true, logits):
    losses = keras.ops.binary_crossentropy(y_true, logits, from_logits=True)
    return keras.ops.sum(losses, axis=-1)


BLACK = (np.random.default_rng(0).random((64, 12)) < 0.5).astype("float32")


def divergences(model):
    encoder = keras.Model(model.input, model.get_layer("code").input)
    mean, log_variance = np.split(encoder.predict(BLACK, verbose=0), 2, axis=1)
    return gaussian_kl(mean, log_variance).mean(axis=0)


@pytest.mark.parametrize("options", [{}, {"beta": 4.0}, {"free_nats": 0.3}, {"beta": 0.0}])
def test_a_code_adds_its_divergence_to_the_loss(options):
    model = vae(**options)
    model.compile(loss=pixel_nats)
    model.get_layer("parameters").kernel.assign(0.5 * np.random.default_rng(1).normal(size=(12, 6)))
    model.layers[-1].kernel.assign(np.zeros((3, 12)))  # what it says depends on no noise
    cost = np.maximum(divergences(model), options.get("free_nats", 0.0)).sum()
    expected = 12 * np.log(2) + options.get("beta", 1.0) * cost
    found = model.evaluate(BLACK, BLACK, batch_size=64, verbose=0)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_code_is_a_draw_with_the_mean_and_variance_that_it_is_given():
    x = np.tile(np.array([1.0, -2.0, np.log(4.0), np.log(0.25)], "float32"), (50_000, 1))
    layer = models.GaussianCode(seed=1)
    z, again = (keras.ops.convert_to_numpy(layer(x)) for _ in range(2))
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=0.05)
    np.testing.assert_allclose(z.std(axis=0), [2, 0.5], rtol=0.02)
    assert not np.array_equal(z, again)


def test_beta_can_be_raised_between_epochs_and_is_not_trained():
    model = vae(beta=0.0)
    code = model.get_layer("code")
    model.compile("adam", pixel_nats)
    model.fit(BLACK, BLACK, verbose=0)
    assert float(code.beta) == 0
    assert "beta" not in [weight.name for weight in model.trainable_weights]
    before = model.evaluate(BLACK, BLACK, batch_size=64, verbose=0)
    code.beta.assign(1000.0)
    assert model.evaluate(BLACK, BLACK, batch_size=64, verbose=0) > before + 1


def test_a_large_beta_silences_the_code():
    model = vae(beta=100.0)
    model.compile(keras.optimizers.Adam(0.05), pixel_nats)
    model.fit(np.tile(BLACK, (80, 1)), np.tile(BLACK, (80, 1)), 64, verbose=0)
    assert divergences(model).sum() < 0.05


def test_a_model_with_a_code_survives_saving(tmp_path):
    model = vae(beta=0.5, free_nats=0.1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(divergences(again), divergences(model), rtol=1e-5)
    code = again.get_layer("code")
    assert float(code.beta) == 0.5 and code.free_nats == 0.1 and code.seed == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: models.GaussianCode(beta=-1), "beta is -1"),
        (lambda: models.GaussianCode(free_nats=float("nan")), "free_nats is nan"),
        (lambda: models.GaussianCode()(np.zeros((1, 3), "float32")), "an even last axis"),
        (lambda: gpt(heads=5), "width is 12 and heads 5"),
        (lambda: gpt(depth=0), "depth is 0"),
        (lambda: gpt(width=12.0), "width is 12.0"),
        (lambda: gpt(heads=True), "heads is True"),
        (lambda: gpt(dropout_rate=1), "dropout_rate is 1"),
        (lambda: gpt(positions="rotary"), "positions is 'rotary'"),
        (lambda: models.small_gpt(1, 8), "vocabulary_size is 1"),
        (lambda: models.small_gpt(11, 0), "context is 0"),
        (lambda: models.PositionEmbedding(0), "context is 0"),
        (lambda: models.FusedAttention(0), "heads is 0"),
        (lambda: models.FusedAttention(3)(np.zeros((1, 2, 10), "float32")), "3 heads divide"),
        (lambda: models.mlp((28, 28), 1), "num_classes is 1"),
        (lambda: models.mlp((28, 28), 10, units=128), r"\(128,\)"),
        (lambda: models.mlp((28, 28), 10, units=(0,)), r"units is \(0,\)"),
        (lambda: models.mlp((28, 28), 10, dropout_rate=1.0), "dropout_rate is 1.0"),
        (lambda: models.convnet((28, 28), 10), "height, width, channels"),
        (lambda: models.convnet((4, 4, 1), 10), "at least 8 by 8"),
        (lambda: models.convnet((28, 28, 1), 10, filters=()), "filters is"),
        (lambda: models.convnet((28, 28, 1), "10"), "num_classes is '10'"),
        (lambda: models.lenet((12, 12, 3), 10), "at least 16 by 16"),
        (lambda: models.lenet((32, 32), 10), "height, width, channels"),
        (lambda: models.resnet((6, 32, 3), 10), "at least 8 by 8"),
        (lambda: models.resnet((32, 32, 3), 10, filters=(0,)), r"filters is \(0,\)"),
        (lambda: models.resnet((32, 32, 3), 1), "num_classes is 1"),
    ],
)
def test_bad_input_is_a_value_error_that_says_what_to_pass(build, message):
    with pytest.raises(ValueError, match=message):
        build()
