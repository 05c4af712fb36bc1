"""Answers to the exercises of lesson 12: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.preprocessing import StandardScaler

from dlkit.scratch import operations


def saved_by_keras():
    def count(*sizes):
        stack = [keras.layers.Conv2D(64, k, padding="same", use_bias=False) for k in sizes]
        return keras.Sequential([keras.Input((32, 32, 64)), *stack]).count_params()

    return count(7) - count(3, 3, 3)


def by_scikit_learn(x_train, x_val):
    def columns(x):
        return x.reshape(-1, x.shape[-1])

    scaler = StandardScaler().fit(columns(x_train))
    return tuple(scaler.transform(columns(x)).reshape(x.shape) for x in (x_train, x_val))


def by_normalization(x_train, x_val):
    layer = keras.layers.Normalization(axis=-1)
    layer.adapt(x_train.astype("float32"))
    return layer(x_train), layer(x_val)


def channel_by_channel(x_train, x_val):
    results = [np.empty_like(x_train, dtype=float), np.empty_like(x_val, dtype=float)]
    for c in range(x_train.shape[-1]):
        values = x_train[..., c].ravel()
        mean = values.sum() / len(values)
        scale = (((values - mean) ** 2).sum() / len(values)) ** 0.5
        for result, x in zip(results, (x_train, x_val), strict=True):
            result[..., c] = (x[..., c] - mean) / scale
    return results


def own_numbers(x_train, x_val):
    return tuple((x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) for x in (x_train, x_val))


def by_pillow(images, flips, shifts):
    """Every channel as a picture of Pillow's, which mirrors and moves it."""
    result = np.empty(images.shape)
    for n, c in np.ndindex(images.shape[0], images.shape[-1]):
        picture = Image.fromarray(images[n, :, :, c].astype("float32"))
        if flips[n]:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        down, right = (float(shift) for shift in shifts[n])
        moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -right, 0, 1, -down))
        result[n, :, :, c] = np.asarray(moved)
    return result


def padded(images, flips, shifts):
    far = max(images.shape)
    results = []
    for image, flip, (down, right) in zip(images, flips, shifts, strict=True):
        image = image[:, ::-1] if flip else image
        wide = np.pad(image, ((far, far), (far, far), (0, 0)))
        top, left = far - down, far - right
        results.append(wide[top : top + image.shape[0], left : left + image.shape[1]])
    return np.array(results)


def pixel_by_pixel(images, flips, shifts):
    result = np.zeros_like(images)
    count, height, width, _ = images.shape
    for n in range(count):
        for i in range(height):
            for j in range(width):
                k = width - 1 - j if flips[n] else j
                row, column = i + shifts[n][0], k + shifts[n][1]
                if 0 <= row < height and 0 <= column < width:
                    result[n, row, column] = images[n, i, j]
    return result.tolist()


def rolling(images, flips, shifts):
    return np.array(
        [
            np.roll(image[:, ::-1] if flip else image, tuple(shift), axis=(0, 1))
            for image, flip, shift in zip(images, flips, shifts, strict=True)
        ]
    )


def upside_down(images, flips, shifts):
    turned = np.array([i[::-1] if flip else i for i, flip in zip(images, flips, strict=True)])
    return padded(turned, np.zeros(len(images), bool), shifts)


def flip_last(images, flips, shifts):
    moved = padded(images, np.zeros(len(images), bool), shifts)
    return np.array([i[:, ::-1] if flip else i for i, flip in zip(moved, flips, strict=True)])


def block_by_tensorflow(x, kernel_1, kernel_2):
    inner = tf.nn.relu(tf.nn.conv2d(x, kernel_1, 1, "SAME"))
    return tf.nn.relu(x + tf.nn.conv2d(inner, kernel_2, 1, "SAME"))


def block_by_layers(x, kernel_1, kernel_2):
    layers, channels = keras.layers, x.shape[-1]
    entrance = keras.Input(x.shape[1:])
    y = layers.Conv2D(channels, 3, padding="same", activation="relu", use_bias=False)(entrance)
    y = layers.Conv2D(channels, 3, padding="same", use_bias=False)(y)
    model = keras.Model(entrance, layers.ReLU()(layers.Add()([entrance, y])))
    model.set_weights([kernel_1, kernel_2])
    return model(x.astype("float32"))


def block_in_place(x, kernel_1, kernel_2):
    y = operations.conv2d(x, kernel_1, padding="same")
    y[y < 0] = 0
    y = operations.conv2d(y, kernel_2, padding="same")
    y += x
    y[y < 0] = 0
    return y


def conv(x, kernel):
    return np.asarray(tf.nn.conv2d(x, kernel, 1, "SAME"))


def relu(x):
    return np.maximum(x, 0)


def cam_by_tape(maps, slopes):
    """The definition: the slopes come from a tape, over a score with just these slopes."""
    values = tf.Variable(maps)
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(values * slopes)
    weights = tf.reduce_mean(tape.gradient(score, values), axis=(0, 1))
    return tf.nn.relu(tf.linalg.matvec(values, weights))


def cam_by_loops(maps, slopes):
    rows, columns, count = maps.shape
    cam = np.zeros((rows, columns))
    for k in range(count):
        cam += slopes[:, :, k].sum() / (rows * columns) * maps[:, :, k]
    return [[max(0.0, value) for value in row] for row in cam]


WRONG = {
    "weights_saved": [
        (126976, "You compare with two convolutions"),
        (1408, "a kernel for each of the 64 channels"),
        (22, "a single pair of channels"),
        (110592, "the weights of the three small ones"),
        (200704, "the weights of the large one"),
        (163840, "one small convolution against the large one"),
        (89984, "You counted biases"),
        (49 / 27, "The number is wrong."),
        ("90112", "The result is a string"),
    ],
    "standardize": [
        (own_numbers, "a mean and a deviation of their own"),
        (lambda a, b: by_scikit_learn(np.concatenate([a, b]), b)[:1] * 2, "The shape"),
        (
            lambda a, b: tuple(
                np.split(by_scikit_learn(np.concatenate([a, b]), b)[0], [len(a)], axis=0)
            ),
            "leak into the training",
        ),
        (lambda a, b: ((a - a.mean()) / a.std(), (b - a.mean()) / a.std()), "one pair of numbers"),
        (lambda a, b: ((a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0)), "for each pixel"),
        (
            lambda a, b: tuple((x - a.mean((0, 1, 2))) / a.var((0, 1, 2)) for x in (a, b)),
            "divided by the variance",
        ),
        (lambda a, b: tuple(x / a.std((0, 1, 2)) for x in (a, b)), "The mean is not taken away"),
        (lambda a, b: by_scikit_learn(a, b)[1], "“three channels of different size” fails"),
        (lambda a: a, "is called with"),
    ],
    "augment": [
        (upside_down, "You turned the image upside down"),
        (rolling, "What leaves at one side comes in at the other"),
        (lambda i, f, s: padded(i, f, -s), "The image moves the other way"),
        (lambda i, f, s: padded(i, f, s[:, ::-1]), "Down and right are swapped"),
        (flip_last, "You moved first and mirrored then"),
        (lambda i, f, s: padded(i, ~f | True, s), "You mirrored every image"),
        (lambda i, f, s: padded(i, f & False, s), "“flip” fails"),
        (lambda i, f, s: padded(i, f, s)[..., 0], "The shape is (1, 3, 4)"),
        (lambda i, f, s: padded(i, f, s)[None], "The numbers are right, but their shape"),
    ],
    "residual_block": [
        (lambda x, a, b: relu(conv(relu(conv(x, a)), b)), "The shortcut is missing"),
        (lambda x, a, b: x + relu(conv(relu(conv(x, a)), b)), "Add x before the last relu"),
        (lambda x, a, b: relu(x + conv(conv(x, a), b)), "The relu between"),
        (lambda x, a, b: x + conv(relu(conv(x, a)), b), "The last relu is missing"),
        (lambda x, a, b: relu(x + conv(relu(x + conv(x, a)), b)), "x is added twice"),
        (lambda x, a, b: block_by_tensorflow(x, b, a), "in the wrong order"),
        (lambda x, a, b: relu(x + operations.conv2d(x, a)), "It raised ValueError"),
        (lambda x, a, b: relu(x) + 1, "“kernels of zeros” fails"),
    ],
    "grad_cam": [
        (lambda m, s: (m * s.mean((0, 1))).sum(-1), "negative places become 0"),
        (lambda m, s: relu((m * s).sum(-1)), "You multiplied place by place"),
        (lambda m, s: relu((m * s.sum((0, 1))).sum(-1)), "You added up the slopes"),
        (lambda m, s: relu((m * abs(s.mean((0, 1)))).sum(-1)), "keep the signs"),
        (lambda m, s: relu(m * s.mean((0, 1))).sum(-1), "You cut off each map below zero"),
        (lambda m, s: relu((m * s.mean((0, 1))).mean(-1)), "You averaged over the maps"),
        (lambda m, s: relu(m * s.mean((0, 1))), "(2, 3, 1)"),
        (lambda m, s: (relu(m @ s.mean((0, 1))) > 0) * 1.0, "“one map” fails"),
    ],
}

RIGHT = {
    "weights_saved": [saved_by_keras(), 90112.0, np.int64(90112), tf.constant(90112)],
    "standardize": [by_scikit_learn, by_normalization, channel_by_channel],
    "augment": [by_pillow, padded, pixel_by_pixel],
    "residual_block": [block_by_tensorflow, block_by_layers, block_in_place],
    "grad_cam": [cam_by_tape, cam_by_loops, lambda m, s: np.maximum(m @ s.mean((0, 1)), 0)],
}
