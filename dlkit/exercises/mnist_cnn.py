"""Exercises of lesson 08: shapes and sight of convolutions, a small network, a flawed control."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import few_parameters, reads_digits

side = Exercise(
    "side",
    reference=5,
    mistakes=[
        Mistake('That is the side with padding "same": here each convolution loses pixels.', 8),
        Mistake("You left out the pooling.", 24),
        Mistake("You pooled only once.", 10),
        Mistake("That is after the first convolution and pooling. Two more layers follow.", 14),
        Mistake("That is the number of pixels. What is the side?", 25),
    ],
    hints=[
        "A kernel of 5 pixels has 28 places along 32 pixels.",
        "Pooling halves that. Then the same two steps again.",
        "32, then 28, then 14, then … two steps are left.",
    ],
    solution="my_side = ((32 - 5 + 1) // 2 - 5 + 1) // 2",
)


def receptive_field_of(layers: list[tuple[int, int]]) -> int:
    """Side of the input square that one output pixel sees: 1 + sum of (k - 1) times the strides.

    A layer widens the view by k - 1 of its input pixels, each as far from the next as the product
    of the strides before it.

    Args:
        layers: list of pairs (kernel_size, strides), from the input on.

    Returns:
        A whole number of pixels.

    Source: V. Dumoulin, F. Visin (2016), arXiv:1603.07285.

    Example:
        >>> receptive_field_of([(3, 1), (3, 1)])
        5
    """
    field, step = 1, 1
    for kernel_size, strides in layers:
        field += (kernel_size - 1) * step
        step *= strides
    return field


def _sight(layers, grow):
    """The receptive field with another rule for the step: ``grow(step, strides)``."""
    field, step = 1, 1
    for kernel_size, strides in layers:
        field += (kernel_size - 1) * step
        step = grow(step, strides)
    return field


def _own_stride_too_early(layers):
    steps = np.cumprod([strides for _, strides in layers])
    return 1 + sum((k - 1) * step for (k, _), step in zip(layers, steps, strict=True))


receptive_field = Exercise(
    "receptive_field",
    reference=receptive_field_of,
    cases=[
        Case("one layer", [(5, 1)]),
        Case("two layers", [(3, 1), (3, 1)]),
        Case("stride first", [(5, 2), (3, 1)]),
        Case("strides later", [(3, 1), (3, 2), (3, 2), (3, 1)]),
        Case("convolution and pooling", [(5, 2), (3, 1), (2, 2), (3, 1), (2, 2)]),
    ],
    mistakes=[
        Mistake(
            "You left out the strides: after a stride of 2, one step of the next kernel is two "
            "pixels of the image.",
            lambda layers: _sight(layers, lambda step, strides: 1),
        ),
        Mistake(
            "You added up the kernel sizes. Neighbouring views overlap.",
            lambda layers: sum(kernel_size for kernel_size, _ in layers),
        ),
        Mistake(
            "Only the stride just before is in your result. Strides multiply along the stack.",
            lambda layers: _sight(layers, lambda step, strides: strides),
        ),
        Mistake(
            "A layer's own stride came too early: it spreads the view of the layers after it.",
            _own_stride_too_early,
        ),
        Mistake(
            "Strides multiply: two strides of 2 make steps of 4 pixels.",
            lambda layers: _sight(layers, lambda step, strides: step + strides - 1),
        ),
    ],
    hints=[
        "Draw two 3 by 3 convolutions in one dimension: one output pixel, then what it sees.",
        "Each layer widens the view by kernel_size - 1 of its own input pixels.",
        "How far apart in the image are two neighbours of its input? Multiply the strides so far.",
    ],
)


def convolve_channels(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What a convolutional layer computes: no padding, stride 1, no bias, every filter.

    Y[i, j, f] = sum over a, b, c of kernel[a, b, c, f] image[i + a, j + b, c]

    Args:
        image: shape ``(height, width, channels)``.
        kernel: shape ``(kernel_height, kernel_width, channels, filters)``.

    Returns:
        Array of shape ``(height - kernel_height + 1, width - kernel_width + 1, filters)``.

    Example:
        >>> convolve_channels(np.ones((4, 4, 2)), np.ones((3, 3, 2, 1))).shape
        (2, 2, 1)
    """
    size = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(image, size, axis=(0, 1))
    return np.einsum("ijcab,abcf->ijf", windows, kernel)


def whole_numbers(*shape: int) -> np.ndarray:
    """Small whole numbers in a pattern that no turn or swap leaves as it is."""
    return (np.arange(np.prod(shape)) ** 2 % 7 - 2.0).reshape(shape)


def _padded(image, kernel):
    """The convolution with padding "same"."""
    height, width = kernel.shape[:2]
    border = [((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2), (0, 0)]
    return convolve_channels(np.pad(image, border), kernel)


convolution = Exercise(
    "convolution",
    reference=convolve_channels,
    cases=[
        Case("one channel, one filter", whole_numbers(3, 4, 1), whole_numbers(2, 2, 1, 1)),
        Case("two channels", whole_numbers(3, 4, 2), whole_numbers(2, 3, 2, 1)),
        Case("three filters", whole_numbers(5, 6, 2), whole_numbers(3, 3, 2, 3)),
        Case("as large as the image", whole_numbers(3, 3, 4), whole_numbers(3, 3, 4, 1)),
    ],
    mistakes=[
        Mistake(
            "You turned the kernel around, as mathematicians do. A layer does not.",
            lambda image, kernel: convolve_channels(image, kernel[::-1, ::-1]),
        ),
        Mistake(
            "Rows and columns are swapped somewhere.",
            lambda image, kernel: convolve_channels(image, kernel.transpose(1, 0, 2, 3)),
        ),
        Mistake(
            "Add up over the channels as well: that is the mean of them.",
            lambda image, kernel: convolve_channels(image, kernel) / image.shape[-1],
        ),
        Mistake(
            "Only the first channel is in your result. A filter adds up over all of them.",
            lambda image, kernel: convolve_channels(image[:, :, :1], kernel[:, :, :1]),
        ),
        Mistake("You padded the image. Without padding, the kernel stays inside.", _padded),
    ],
    hints=[
        "For one place (i, j) and one filter: which part of the image lies under the kernel?",
        "Multiply image[i : i + kernel_height, j : j + kernel_width] by kernel[:, :, :, f], and "
        "add up everything, the channels too.",
        "Loop over i, j and f. There are height - kernel_height + 1 places from top to bottom.",
    ],
)


small_cnn = Exercise(
    "small_cnn",
    properties=[few_parameters(10_000), reads_digits(0.98, 0.95)],
    hints=[
        "Which layers of the lesson's network hold most of its parameters? Use fewer filters.",
        "Halving all filters divides the weights between two convolutions by four.",
        "Filters 8, 16 and 32 are enough. Keep the normalisation, and train for three epochs.",
    ],
    solution="""
keras.utils.set_random_seed(0)
my_cnn = models.convnet((28, 28, 1), 10, filters=(8, 16, 32))
train(my_cnn, x_train, y_train, epochs=3, peak=1e-2)
""",
    time_limit=60.0,
)


def _numbered(count):
    """Images in which each pixel has a value of its own: its image's number and its place."""
    return np.arange(784.0 * count).reshape(count, 28, 28)


def _orders(shuffle, count, seed):
    """Which pixel stands at each place of each image, shape ``(count, 784)``; or what is wrong."""
    images = _numbered(count)
    shuffled = np.asarray(shuffle(images.copy(), seed))
    if shuffled.shape != images.shape:
        return f"from images of shape {images.shape} it makes the shape {shuffled.shape}."
    rows = shuffled.reshape(count, 784) - 784.0 * np.arange(count)[:, None]
    if np.any(np.sort(rows, axis=1) != np.arange(784)):
        return "the pixels of an image are not those that it had: some come from other images."
    return rows


def _keeps_pixels(shuffle):
    found = _orders(shuffle, 3, seed=0)
    return found if isinstance(found, str) else None


def _same_in_a_call(shuffle):
    rows = _orders(shuffle, 3, seed=0)
    if np.any(rows != rows[0]):
        return "two images of one call are shuffled in different orders."
    if np.all(rows[0] == np.arange(784)):
        return "nothing moves."
    return None


def _same_in_two_calls(shuffle):
    if np.any(_orders(shuffle, 3, seed=0)[0] != _orders(shuffle, 2, seed=0)[0]):
        return (
            "a second call with the same seed takes another order. What was learned on the "
            "training digits then says nothing about the validation digits."
        )
    return None


def _follows_the_seed(shuffle):
    if np.all(_orders(shuffle, 2, seed=0)[0] == _orders(shuffle, 2, seed=1)[0]):
        return "the seeds 0 and 1 give the same order."
    return None


shuffle = Exercise(
    "shuffle",
    properties=[
        Property("every image keeps its pixels", _keeps_pixels),
        Property("all images of a call are shuffled in one order", _same_in_a_call),
        Property("two calls with one seed use the same order", _same_in_two_calls),
        Property("another seed gives another order", _follows_the_seed),
    ],
    hints=[
        "How often is shuffle_pixels called in the experiment, and what does rng do each time?",
        "The network is trained on one order and judged on another. An MLP fails just as badly, "
        "and it has no neighbours to lose.",
        "Make the generator inside the function, from the seed, so that each call draws one order.",
    ],
    solution="""
def my_shuffle(images, seed):
    order = np.random.default_rng(seed).permutation(28 * 28)
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)
""",
)
