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


# ---- Saliency and Grad-CAM -------------------------------------------------------------------

PHOTOS = np.random.default_rng(1).normal(size=(4, 12, 10, 3)).astype("float32")
TARGETS = np.array([2, 0, 1, 2])


def smooth(kind):
    """A small network without corners, so that finite differences are exact enough."""
    keras.utils.set_random_seed(3)
    entrance = keras.Input((12, 10, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", activation="tanh", name="first")(entrance)
    y = keras.layers.Conv2D(5, 3, padding="same", activation="tanh", name="maps")(x)
    x = keras.layers.Add(name="sum")([x, y]) if kind == "functional" else y
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(entrance, x)
    if kind == "sequential":
        return keras.Sequential([entrance, *model.layers[1:]])
    return model


def logits_of(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_saliency_is_the_slope_that_finite_differences_find(kind):
    model = smooth(kind)
    found = interpret.saliency(model, PHOTOS, TARGETS)
    assert found.shape == (4, 12, 10)
    step = 1e-2
    for n, row, column in [(0, 0, 0), (1, 5, 9), (2, 11, 4), (3, 6, 6)]:
        slopes = []
        for channel in range(3):
            up, down = PHOTOS[n : n + 1].copy(), PHOTOS[n : n + 1].copy()
            up[0, row, column, channel] += step
            down[0, row, column, channel] -= step
            change = logits_of(model, up) - logits_of(model, down)
            slopes.append(change[0, TARGETS[n]] / (2 * step))
        assert found[n, row, column] == pytest.approx(np.abs(slopes).max(), rel=5e-3, abs=1e-4)


def test_saliency_uses_the_normalisation_of_prediction():
    keras.utils.set_random_seed(0)
    model = models.convnet((12, 12, 3), 3, filters=(4,))
    images = np.random.default_rng(0).random((5, 12, 12, 3))
    one_by_one = [interpret.saliency(model, image[None], [1])[0] for image in images]
    together = interpret.saliency(model, images, np.ones(5, int))
    np.testing.assert_allclose(together, one_by_one, rtol=1e-4, atol=1e-6)


def averaging(size, classes=3, pool=1):
    """Feature maps, their global average, a dense layer: Grad-CAM is known in closed form."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    parts = [layers.Conv2D(6, 3, padding="same", activation="relu", name="maps")]
    parts += [layers.AveragePooling2D(pool, name="small")] if pool > 1 else []
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(classes, name="logits")]
    return keras.Sequential([keras.Input((size, size, 3)), *parts])


def class_activation_maps(model, images, targets, layer_name):
    """CAM (Zhou and others, 2016), with the ReLU and the scale that Grad-CAM adds."""
    maps = interpret.feature_maps(model, images, layer_name)
    kernel, _ = model.get_layer("logits").get_weights()  # (K, classes)
    places = maps.shape[1] * maps.shape[2]
    cam = np.einsum("nijk,kn->nij", maps, kernel[:, targets]) / places
    return np.maximum(cam, 0)


def test_grad_cam_is_cam_where_an_average_and_a_dense_layer_follow():
    model, images = averaging(9), np.random.default_rng(2).normal(size=(4, 9, 9, 3))
    found = interpret.grad_cam(model, images, TARGETS, "maps")
    expected = class_activation_maps(model, images, TARGETS, "maps")
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_grad_cam_is_enlarged_to_the_image():
    model, images = averaging(8, pool=4), np.random.default_rng(2).normal(size=(4, 8, 8, 3))
    found = interpret.grad_cam(model, images, TARGETS, "small")
    small = class_activation_maps(model, images, TARGETS, "small")  # 2 by 2
    place = np.clip((np.arange(8) + 0.5) / 4 - 0.5, 0, 1)  # of the middle of each pixel
    weight = np.stack([1 - place, place])
    expected = np.einsum("nij,ir,jc->nrc", small, weight, weight)
    assert found.shape == (4, 8, 8)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["first", "maps", "sum"])
def test_grad_cam_follows_its_formula_by_finite_differences(name):
    """The part behind the layer, built by hand, gives the slopes."""
    model = smooth("functional")
    maps = interpret.feature_maps(model, PHOTOS, name).astype("float64")

    def behind(values):
        y = values
        if name == "first":
            y = keras.ops.add(model.get_layer("maps")(values), values)
        if name == "maps":
            y = keras.ops.add(values, model.get_layer("first")(PHOTOS))
        for layer in model.layers[model.layers.index(model.get_layer("sum")) + 1 :]:
            y = layer(y)
        return keras.ops.convert_to_numpy(y)[np.arange(4), TARGETS].astype("float64")

    weights = np.empty((4, 5))
    for k in range(5):  # the sum of the slopes of a map is the slope along a map of ones
        ones = np.zeros_like(maps)
        ones[..., k] = 1e-2
        change = behind((maps + ones).astype("float32")) - behind((maps - ones).astype("float32"))
        weights[:, k] = change / 2e-2 / (12 * 10)
    expected = np.maximum(np.einsum("nk,nijk->nij", weights, maps), 0)
    found = interpret.grad_cam(model, PHOTOS, TARGETS, name)
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-3 * expected.max())


@pytest.mark.parametrize("function", ["saliency", "grad_cam"])
def test_many_images_give_what_each_gives_alone(function, monkeypatch):
    model, more = averaging(9), ["maps"] if function == "grad_cam" else []
    images = np.random.default_rng(2).normal(size=(7, 9, 9, 3))
    targets = np.arange(7) % 3
    explain = getattr(interpret, function)
    alone = [explain(model, images[n : n + 1], targets[n : n + 1], *more)[0] for n in range(7)]
    monkeypatch.setattr(interpret, "BATCH", 3)
    np.testing.assert_allclose(explain(model, images, targets, *more), alone, rtol=1e-4, atol=1e-7)


def test_grad_cam_does_not_mind_layers_that_were_called_before():
    """Sequential.add calls the layers anew each time; so do models that share layers."""
    keras.utils.set_random_seed(0)
    grown = models.convnet((12, 12, 3), 3, filters=(4, 6))
    whole = keras.Sequential([keras.Input((12, 12, 3)), *map(fresh, grown.layers)])
    whole.set_weights(grown.get_weights())
    shared = keras.Model(whole.inputs, whole.layers[-1](whole.layers[-1].input))
    images = np.random.default_rng(0).normal(size=(4, 12, 12, 3))
    for name in [layer.name for layer in grown.layers[:6]]:
        expected = interpret.grad_cam(whole, images, TARGETS, name)
        assert expected.max() > 0
        for model in (grown, shared):
            found = interpret.grad_cam(model, images, TARGETS, name)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def fresh(layer):
    return type(layer).from_config(layer.get_config())


def test_grad_cam_leaves_the_layer_as_it_was():
    model = averaging(9)
    layer, image = model.get_layer("maps"), np.zeros((1, 9, 9, 3))
    interpret.grad_cam(model, image, [0], "maps")
    assert "call" not in vars(layer)
    with pytest.raises(Exception, match="incompatible|shape"):
        interpret.grad_cam(model, np.zeros((1, 9, 9, 2)), [0], "maps")
    assert "call" not in vars(layer)


@pytest.mark.parametrize("function", ["saliency", "grad_cam"])
def test_frozen_weights_do_not_matter(function):
    model, more = averaging(9), ["maps"] if function == "grad_cam" else []
    images, explain = np.ones((1, 9, 9, 3)), getattr(interpret, function)
    before = explain(model, images, [0], *more)
    model.trainable = False
    np.testing.assert_allclose(explain(model, images, [0], *more), before)


@pytest.mark.parametrize("function", ["saliency", "grad_cam"])
def test_targets_may_be_of_any_whole_type(function):
    model, more = averaging(9), ["maps"] if function == "grad_cam" else []
    images, explain = np.ones((2, 9, 9, 3)), getattr(interpret, function)
    expected = explain(model, images, [2, 1], *more)
    for dtype in ("uint8", "int32", "uint64"):
        found = explain(model, images, np.array([2, 1], dtype), *more)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("function", ["saliency", "grad_cam"])
@pytest.mark.parametrize(
    ("images", "targets", "message"),
    [
        (np.zeros((9, 9, 3)), [0], r"shape \(9, 9, 3\).*image\[None\]"),
        (np.zeros((0, 9, 9, 3)), [], r"shape \(0, 9, 9, 3\)"),
        (np.zeros((2, 9, 9, 3)), [0], r"targets has shape \(1,\).*each of the 2 images"),
        (np.zeros((2, 9, 9, 3)), 0, r"targets has shape \(\)"),
        (np.zeros((2, 9, 9, 3)), [0.0, 1.0], "type float64"),
        (np.zeros((2, 9, 9, 3)), [0, 3], "from 0 to 3; expected 0 to 2"),
        (np.zeros((2, 9, 9, 3)), [-1, 2], "from -1 to 2; expected 0 to 2"),
    ],
)
def test_explanations_refuse_what_does_not_fit(function, images, targets, message):
    more = ["maps"] if function == "grad_cam" else []
    with pytest.raises(ValueError, match=message):
        getattr(interpret, function)(averaging(9), images, targets, *more)


def test_explanations_need_logits():
    model = keras.Sequential([keras.Input((9, 9, 3)), keras.layers.Conv2D(2, 3, name="maps")])
    with pytest.raises(ValueError, match="expected logits"):
        interpret.saliency(model, np.zeros((1, 9, 9, 3)), [0])
    with pytest.raises(ValueError, match="expected logits"):
        interpret.grad_cam(model, np.zeros((1, 9, 9, 3)), [0], "maps")


def test_grad_cam_refuses_a_layer_that_cannot_serve():
    image = np.zeros((1, 9, 9, 3))
    with pytest.raises(ValueError, match="no layer 'conv_99'.*maps"):
        interpret.grad_cam(averaging(9), image, [0], "conv_99")
    with pytest.raises(ValueError, match="'logits' puts out the shape .* name a convolution"):
        interpret.grad_cam(averaging(9), image, [0], "logits")
    inner = averaging(9)
    aside = keras.layers.Conv2D(2, 3, name="aside")(inner.inputs[0])
    both = keras.Model(inner.inputs[0], [inner.outputs[0], aside])

    class Forgetful:  # gives its logits, and has layers that they do not need
        inputs, outputs = both.inputs, inner.outputs
        get_layer, layers = both.get_layer, [*both.layers, keras.layers.ReLU(name="unused")]

        def __call__(self, x, training):
            return both(x, training=training)[0]

    if keras.backend.backend() == "jax":  # which cannot tell this from slopes of 0
        assert not interpret.grad_cam(Forgetful(), image, [0], "aside").any()
        return
    with pytest.raises(ValueError, match="do not depend on the layer 'aside'"):
        interpret.grad_cam(Forgetful(), image, [0], "aside")


# ---- input_gradient --------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU])
def test_an_input_gradient_is_what_finite_differences_find(cell):
    keras.utils.set_random_seed(1)
    rng, layer = np.random.default_rng(2), cell(4)
    x = rng.normal(size=(2, 5, 3)).astype("float32")
    layer.build(x.shape)
    weights, step = rng.normal(size=(2, 4)), 1e-2
    found = interpret.input_gradient(layer, x, weights)
    assert found.shape == x.shape and found.dtype == "float32"
    for place in [(0, 0, 0), (0, 4, 2), (1, 2, 1)]:
        sums = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            sums.append((weights * keras.ops.convert_to_numpy(layer(moved))).sum())
        slope = (sums[0] - sums[1]) / (2 * step)
        assert found[place] == pytest.approx(slope, rel=1e-2, abs=1e-4)


def test_an_input_gradient_of_a_dense_layer_is_its_kernel_turned():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    weights = np.array([[1.0, -2.0]])  # one row for all: it broadcasts
    found = interpret.input_gradient(layer, np.ones((4, 3)), weights)
    np.testing.assert_allclose(found, np.tile(weights @ layer.get_weights()[0].T, (4, 1)), 1e-6)


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 2), (5, 2)])
def test_an_input_gradient_refuses_weights_that_do_not_fit(shape):
    layer = keras.layers.Dense(2)
    with pytest.raises(ValueError, match=r"weights have the shape .*; expected \(4, 2\)"):
        interpret.input_gradient(layer, np.ones((4, 3)), np.ones(shape))
