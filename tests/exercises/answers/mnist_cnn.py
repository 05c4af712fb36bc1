"""Answers to the exercises of lesson 08: wrong ones with what they must hear, and right ones."""

import types

import keras
import numpy as np
import tensorflow as tf
from helpers.digit_stand_ins import ONE_HOT, Y_VAL, Reader, with_errors

RNG = np.random.default_rng(0)
X_VAL = RNG.random((50, 28, 28, 1), dtype=np.float32)
GIVEN = {"small_cnn": (X_VAL, Y_VAL)}


def untrained(filters, outputs=10, channels=1):
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(filters, 5, strides=2)
    end = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(outputs)]
    return keras.Sequential([keras.Input((28, 28, channels)), convolution, *end])


def lookup():
    """A true Keras model, without training: a linear one that fits 50 random images exactly."""
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    model.set_weights([np.linalg.pinv(X_VAL.reshape(50, 784)) @ ONE_HOT, np.zeros(10)])
    return model


def side_by_keras():
    shape = (1, 32, 32, 1)
    for _ in range(2):
        shape = keras.layers.Conv2D(1, 5).compute_output_shape(shape)
        shape = keras.layers.MaxPooling2D(2).compute_output_shape(shape)
    return shape[1]


def field_by_gradient(layers):
    """Which input pixels does the middle output pixel depend on? Ask the tape."""
    x = tf.Variable(tf.ones((1, 101, 1)))
    with tf.GradientTape() as tape:
        y = x
        for kernel_size, strides in layers:
            y = tf.nn.conv1d(y, tf.ones((kernel_size, 1, 1)), strides, "VALID")
        middle = y[0, y.shape[1] // 2, 0]
    return int(tf.math.count_nonzero(tape.gradient(middle, x)))


def field_backwards(layers):
    field = 1
    for kernel_size, strides in reversed(layers):
        field = (field - 1) * strides + kernel_size
    return float(field)


def stride_before_kernel(layers):
    field, step = 1, 1
    for kernel_size, strides in layers:
        step = step * strides
        field = field + step * (kernel_size - 1)
    return field


def loops(image, kernel, *, flip=False, channels=None):
    rows, columns, depth, filters = kernel.shape
    height, width = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    result = np.zeros((height, width, filters))
    if flip:
        kernel = kernel[::-1, ::-1]
    for i in range(height):
        for j in range(width):
            patch = image[i : i + rows, j : j + columns]
            for f in range(filters):
                result[i, j, f] = (patch * kernel[..., f])[..., :channels].sum()
    return result


def by_tensorflow(image, kernel):
    return tf.nn.conv2d(image[None], kernel, strides=1, padding="VALID")[0]


def transposed(image, kernel):
    return loops(image, kernel.transpose(1, 0, 2, 3))


def same(image, kernel):
    return tf.nn.conv2d(image[None], kernel, 1, "SAME")[0]


RNG = np.random.default_rng(1)


def the_colleagues(images, seed):
    order = RNG.permutation(784)
    return images.reshape(-1, 784)[:, order].reshape(images.shape)


def order_of_each(images, seed):
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(image.reshape(784)) for image in images]
    return np.reshape(rows, images.shape)


def always_the_same(images, seed):
    return solution_of_shuffle(images, 7)


def solution_of_shuffle(images, seed):
    order = np.random.default_rng(seed).permutation(784)
    return np.stack([image.reshape(784)[order].reshape(28, 28) for image in images])


def rows_then_columns(images, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(28), rng.permutation(28)
    return images[:, rows][:, :, columns]


WRONG = {
    "side": [
        (8, 'the side with padding "same"'),
        (24, "You left out the pooling."),
        (10, "You pooled only once."),
        (14, "Two more layers follow."),
        (25, "the number of pixels"),
        (6, "The number is wrong."),
        ((5, 5), "The shape is (2,); expected () (a single number)"),
        ("5", "The result is a string"),
        (lambda: 5, "expected a value"),
    ],
    "receptive_field": [
        (lambda layers: 1 + sum(k - 1 for k, _ in layers), "You left out the strides"),
        (lambda layers: sum(k for k, _ in layers), "You added up the kernel sizes"),
        (
            lambda layers: (
                1
                + sum(
                    (k - 1) * s
                    for (k, _), (_, s) in zip(layers, [(1, 1), *layers[:-1]], strict=True)
                )
            ),
            "Only the stride just before",
        ),
        (
            stride_before_kernel,
            "A layer's own stride came too early",
        ),
        (lambda layers: field_backwards(layers[::-1]), "“stride first” fails. The number is wrong"),
        (lambda layers: field_backwards(layers) ** 2, "“one layer” fails. The number is wrong"),
        (lambda layers: sum(layers), "It raised TypeError"),
        (lambda layers: len([layers.pop() for _ in layers]), "It changes its argument layers"),
    ],
    "convolution": [
        (lambda image, kernel: loops(image, kernel, flip=True), "You turned the kernel around"),
        (lambda image, kernel: loops(image, kernel, channels=1), "Only the first channel"),
        (lambda image, kernel: loops(image, kernel) / kernel.shape[2], "the mean of them"),
        (transposed, "Rows and columns are swapped"),
        (same, "You padded the image."),
        (
            lambda image, kernel: loops(image, kernel)[:-1],
            "The shape is (1, 3, 1); expected (2, 3, 1)",
        ),
        (
            lambda image, kernel: loops(image, kernel)[None],
            "The numbers are right, but their shape is (1, 2, 3, 1)",
        ),
        (
            lambda image, kernel: loops(image, kernel).sum(axis=-1),
            "but their shape is (2, 3); expected (2, 3, 1)",
        ),
        (lambda image, kernel: np.convolve(image, kernel), "It raised ValueError"),
        (
            lambda image, kernel: loops(image, kernel[..., :1]) + np.zeros(kernel.shape[-1]),
            "24 of 36 numbers are wrong",
        ),
    ],
    "small_cnn": [
        (untrained(400), "at most 10,000 parameters. But it has 14,410."),
        (untrained(8), "hardly more than by guessing. Is it trained?"),
        (untrained(8, channels=3), "It raised ValueError"),
        (untrained(8, outputs=1), "its output has shape (50, 1). Expected (50, 10)"),
        (types.SimpleNamespace(history={"loss": [0.1]}, epoch=[0]), "the history that fit returns"),
        (Reader(with_errors(4)), "it reads only 92.00%."),
        (Reader(np.full((50, 10), np.inf)), "the training diverged"),
        (0.99, "this is no Keras model, but of type float"),
    ],
    "shuffle": [
        (the_colleagues, "a second call with the same seed takes another order"),
        (order_of_each, "two images of one call are shuffled in different orders"),
        (
            lambda images, seed: np.random.default_rng(seed).permutation(images),
            "the pixels of an image are not those that it had",
        ),
        (lambda images, seed: images, "nothing moves"),
        (always_the_same, "the seeds 0 and 1 give the same order"),
        (
            lambda images, seed: solution_of_shuffle(images, seed).reshape(len(images), 784),
            "it makes the shape (3, 784)",
        ),
        (lambda images, seed: None, "it makes the shape ()"),
    ],
}

RIGHT = {
    "side": [side_by_keras(), 5.0, np.int64(5), np.array(5), tf.constant(5)],
    "receptive_field": [field_by_gradient, field_backwards],
    "convolution": [
        loops,
        by_tensorflow,
        lambda image, kernel: keras.ops.conv(image[None], kernel, padding="valid")[0],
        lambda image, kernel: loops(image, kernel).tolist(),
        lambda image, kernel: loops(image, kernel).astype("float32"),
    ],
    "small_cnn": [lookup(), Reader(ONE_HOT), Reader(10 * ONE_HOT - 3, parameters=10_000)],
    "shuffle": [
        solution_of_shuffle,
        rows_then_columns,
        lambda images, seed: solution_of_shuffle(images.astype("float32"), seed),
    ],
}
