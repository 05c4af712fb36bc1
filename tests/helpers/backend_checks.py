"""What lessons 06 and 07 need of a Keras backend; tests/test_backends.py runs it once for each.

Run as a script it prints one JSON object: the name of each check, and "" or the traceback. Imports
of dlkit's parts that need Keras stand in the checks: start_keras must come first.
"""

import contextlib
import io
import json
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

from dlkit import machine

RNG = np.random.default_rng(0)
DIGITS = RNG.random((50, 28, 28, 1), dtype="float32")
LABELS = np.arange(50) % 10


def trained(keras, model, x, y, epochs, **arguments):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    return model.fit(x, y, batch_size=50, epochs=epochs, verbose=0, **arguments)


def logits_of(keras, model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def check_models(keras):
    """Each builder: it trains, gives logits, and the same ones after saving."""
    from dlkit import models

    builders = {
        "mlp": lambda: models.mlp((28, 28, 1), 10, units=(64,)),
        "convnet": lambda: models.convnet((28, 28, 1), 10, filters=(8, 16)),
        "lenet": lambda: models.lenet((28, 28, 1), 10),
        "resnet": lambda: models.resnet((28, 28, 1), 10, filters=(8, 16)),
    }
    for name, build in builders.items():
        keras.utils.set_random_seed(0)
        model = build()
        losses = trained(keras, model, DIGITS, LABELS, epochs=20).history["loss"]
        assert losses[-1] < losses[0], f"{name}: the loss went from {losses[0]} to {losses[-1]}"
        logits = logits_of(keras, model, DIGITS)
        assert logits.shape == (50, 10) and np.isfinite(logits).all(), name
        np.testing.assert_allclose(model.predict(DIGITS, verbose=0), logits, atol=1e-4)
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.keras")
            again = keras.models.load_model(Path(folder) / "model.keras")
        np.testing.assert_allclose(logits_of(keras, again, DIGITS), logits, atol=1e-5)


def check_seeds(keras):
    """The same seed gives the same network and the same training, another seed another."""
    from dlkit import models

    found = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = models.mlp((28, 28, 1), 10, units=(8,), dropout_rate=0.2)
        trained(keras, model, DIGITS, LABELS, epochs=2)
        found.append(logits_of(keras, model, DIGITS))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert np.abs(found[0] - found[2]).max() > 1e-2


def check_training(keras):
    """The progress line shows numbers, not tensors, and stands alone at the end."""
    from dlkit import models
    from dlkit.training import OneLineProgress

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        callback = OneLineProgress("MLP", interval=0)
        model = models.mlp((28, 28, 1), 10, units=(8,))
        data = (DIGITS, LABELS)
        history = trained(
            keras, model, *data, epochs=2, validation_data=data, callbacks=[callback]
        ).history
    last = printed.getvalue().rstrip("\n").rsplit("\r", 1)[-1]
    assert last.startswith("MLP: 2 epochs in "), last
    assert f"val_loss {history['val_loss'][-1]:.4f}" in last, last
    assert printed.getvalue().count("\n") == 1


def check_interpretation(keras):
    """Feature maps as the layers compute them; occlusion finds the one pixel that matters."""
    from dlkit import interpret, models

    model = models.convnet((28, 28, 1), 10)
    maps = interpret.feature_maps(model, DIGITS[:3], model.layers[0].name)
    expected = keras.ops.convert_to_numpy(model.layers[0](DIGITS[:3]))
    np.testing.assert_allclose(maps, expected, atol=1e-5)

    layers = [keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    one_pixel = keras.Sequential(layers)
    weights = np.zeros((144, 2), dtype="float32")
    weights[5 * 12 + 7, 1] = 4.0
    one_pixel.set_weights([weights, np.zeros(2, dtype="float32")])
    heat = interpret.occlusion(one_pixel, np.ones((12, 12, 1)), 1, patch_size=3)
    assert np.unravel_index(heat.argmax(), heat.shape) == (5, 7)
    np.testing.assert_allclose(heat[5, 7], 1 / (1 + np.exp(-4)) - 0.5, atol=1e-5)

    if keras.backend.backend() != "tensorflow":
        try:
            interpret.saliency(model, DIGITS[:1], [0])
        except NotImplementedError as error:
            assert "occlusion" in str(error)
        else:
            raise AssertionError("saliency found gradients without TensorFlow")


def check_exercises(keras):
    """Lessons 06 and 07: models of this backend and results of its tensors get their verdicts."""
    from dlkit import models
    from dlkit.exercises import mnist_cnn, mnist_mlp

    def lookup(shape):
        """A linear model that fits fifty random images exactly, without training."""
        layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(10)]
        model = keras.Sequential(layers)
        weights = np.linalg.pinv(DIGITS.reshape(50, 784)) @ np.eye(10)[LABELS]
        model.set_weights([weights, np.zeros(10)])
        return model

    expect("correct", mnist_mlp.small_model, lookup((28, 28)), DIGITS[..., 0], LABELS)
    expect("correct", mnist_cnn.small_cnn, lookup((28, 28, 1)), DIGITS, LABELS)
    large = models.mlp((28, 28), 10, units=(64,))
    expect("not yet", mnist_mlp.small_model, large, DIGITS[..., 0], LABELS)
    untrained = models.convnet((28, 28, 1), 10, filters=(4, 4))
    expect("not yet", mnist_cnn.small_cnn, untrained, DIGITS, LABELS)

    ops = keras.ops

    def accuracy(y_true, logits):
        right = ops.equal(ops.argmax(logits, axis=1), ops.cast(y_true, "int64"))
        return ops.mean(ops.cast(right, "float32"))

    def convolution(image, kernel):
        layer = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False)
        layer.build((None, *image.shape))
        layer.set_weights([kernel])
        return layer(image[None])[0]  # on torch a tensor that requires gradients

    expect("correct", mnist_mlp.accuracy, accuracy)
    expect("correct", mnist_cnn.convolution, convolution)
    expect("not yet", mnist_cnn.convolution, lambda image, kernel: -convolution(image, kernel))


def expect(verdict, exercise, *answer):
    text = str(exercise.check(*answer))
    assert verdict in text.splitlines()[0], text


CHECKS = [check_models, check_seeds, check_training, check_interpretation, check_exercises]


def main():
    """Run every check; what start_keras said comes first."""
    found = {"start": machine.start_keras()}
    keras = sys.modules["keras"]
    for check in CHECKS:
        try:
            check(keras)
            found[check.__name__] = ""
        except Exception:
            found[check.__name__] = traceback.format_exc()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
