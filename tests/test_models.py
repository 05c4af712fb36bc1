"""Models: shapes, exact parameter counts, saving, learning a batch by heart, bad input."""

import keras
import numpy as np
import pytest

from dlkit import models

BUILDERS = {
    "mlp": lambda: models.mlp((28, 28), 10, units=(64, 32), dropout_rate=0.1),
    "convnet": lambda: models.convnet((28, 28, 1), 10),
    "lenet": lambda: models.lenet((28, 28, 1), 10),
    "resnet": lambda: models.resnet((28, 28, 1), 10, filters=(8, 16)),
    "plain": lambda: models.resnet((28, 28, 1), 10, filters=(8, 16), shortcuts=False),
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


@pytest.mark.parametrize(
    ("build", "message"),
    [
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
