"""Interpretation: against Keras's own layers, and against a model whose answer is known."""

import keras
import numpy as np
import pytest

from dlkit import interpret, models

IMAGES = np.random.default_rng(0).random((3, 28, 28, 1), dtype="float32")


def test_feature_maps_are_what_the_layers_compute():
    model = models.convnet((28, 28, 1), 10)
    x = IMAGES
    for layer in model.layers[:3]:
        x = layer(x, training=False)
    found = interpret.feature_maps(model, IMAGES, model.layers[2].name)
    assert found.shape == (3, 14, 14, 16)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(x), atol=1e-5)


def test_feature_maps_names_the_layers_there_are():
    with pytest.raises(ValueError, match="no layer 'relu_99'.*logits"):
        interpret.feature_maps(models.convnet((28, 28, 1), 10), IMAGES, "relu_99")


def test_occlusion_finds_the_one_pixel_that_matters():
    model = keras.Sequential(
        [keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    weights = np.zeros((144, 2), dtype="float32")
    weights[5 * 12 + 7, 1] = 4.0  # class 1 looks at row 5, column 7, and nowhere else
    model.layers[-1].set_weights([weights, np.zeros(2, dtype="float32")])
    image = np.ones((12, 12, 1), dtype="float32")
    heat = interpret.occlusion(model, image, 1, patch_size=3)
    assert heat.shape == (12, 12)
    assert np.unravel_index(heat.argmax(), heat.shape) == (5, 7)
    # p(1) = sigmoid(4) with the pixel and sigmoid(0) without it
    assert heat[5, 7] == pytest.approx(1 / (1 + np.exp(-4)) - 0.5, abs=1e-5)
    rows, columns = np.nonzero(heat > 1e-6)
    assert set(rows) <= set(range(3, 8)) and set(columns) <= set(range(5, 10))


@pytest.mark.parametrize(
    ("shape", "patch_size"), [((28, 28), 6), ((28, 28, 1), 0), ((9, 9, 1), 10)]
)
def test_occlusion_refuses_what_is_no_image_or_no_patch(shape, patch_size):
    with pytest.raises(ValueError, match="expected"):
        interpret.occlusion(None, np.zeros(shape), 0, patch_size=patch_size)
