"""The references that lesson 12's exercises define themselves, against Keras and others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.exercise_cells import answers_of
from sklearn.preprocessing import StandardScaler

from dlkit import interpret
from dlkit.exercises import cifar10_cnn as exercises

SEEDS = range(3)
ANSWERS = answers_of("cifar10_cnn")


def test_weights_saved_is_what_keras_counts():
    assert exercises.weights_saved.reference == ANSWERS.saved_by_keras()


@pytest.mark.parametrize("seed", SEEDS)
def test_standardized_is_the_scaler_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    x_train, x_val = (rng.normal([3, 0, -9], [1, 5, 0.1], (n, 6, 5, 3)) for n in (40, 7))
    scaler = StandardScaler().fit(x_train.reshape(-1, 3))
    for found, x in zip(exercises.standardized(x_train, x_val), (x_train, x_val), strict=True):
        expected = scaler.transform(x.reshape(-1, 3)).reshape(x.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_augmented_is_what_pillow_makes_of_the_images(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (20, 6, 8, 3)).astype(float)
    flips, shifts = rng.random(20) < 0.5, rng.integers(-4, 5, (20, 2))
    found = exercises.augmented(images, flips, shifts)
    np.testing.assert_array_equal(found, ANSWERS.by_pillow(images, flips, shifts))


def test_images_moved_out_of_sight_are_zero():
    images, flips = np.ones((3, 4, 5, 1)), np.zeros(3, bool)
    shifts = np.array([[4, 0], [0, -5], [9, 9]])
    assert not exercises.augmented(images, flips, shifts).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_residual_output_is_that_of_keras_layers(seed):
    rng = np.random.default_rng(seed)
    x, *kernels = (rng.normal(size=s) for s in ((2, 7, 6, 4), (3, 3, 4, 4), (3, 3, 4, 4)))
    expected = keras.ops.convert_to_numpy(ANSWERS.block_by_layers(x, *kernels))
    np.testing.assert_allclose(exercises.residual_output(x, *kernels), expected, atol=1e-4)


def test_heat_map_is_the_grad_cam_of_a_network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    entrance = keras.Input((8, 8, 3))
    maps = layers.Conv2D(5, 3, padding="same", activation="tanh", name="maps")(entrance)
    behind = [layers.Flatten(), layers.Dense(7, activation="tanh"), layers.Dense(4)]
    logits = maps
    for layer in behind:
        logits = layer(logits)
    model = keras.Model(entrance, logits)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    found = interpret.grad_cam(model, images, np.arange(4), "maps")
    for n, image in enumerate(images):
        values = tf.Variable(model.get_layer("maps")(image[None]))
        with tf.GradientTape() as tape:
            y = values
            for layer in behind:
                y = layer(y)
            score = y[0, n]
        slopes = tape.gradient(score, values)[0].numpy()
        expected = exercises.heat_map(values[0].numpy(), slopes)
        assert expected.max() > 0
        np.testing.assert_allclose(found[n], expected, rtol=1e-4, atol=1e-7)
