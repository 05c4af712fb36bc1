"""Exercises of lesson 12: small kernels, colour channels, moved images, a shortcut, a heat map."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake
from dlkit.scratch.operations import conv2d


def _pattern(*shape):
    """Small whole numbers in an order that no turn, swap or mirror leaves as it is.

    Example:
        >>> _pattern(2, 3)
        array([[-2., -1.,  2.],
               [-3.,  5.,  4.]])
    """
    return ((np.arange(np.prod(shape)) ** 2 + 1) * 8 // 7 % 11 - 3.0).reshape(shape)


def standardized(x_train: np.ndarray, x_val: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both parts with the mean and the deviation of each channel over the training images.

    x' = (x - mean) / deviation, both numbers of `x_train`, one pair for each channel

    Args:
        x_train, x_val: shape ``(n, height, width, channels)``, n may differ.

    Returns:
        The two arrays, standardised.

    Example:
        >>> x = np.array([1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> [part.ravel() for part in standardized(x, x + 1)]
        [array([-1.,  1.]), array([0., 2.])]
    """
    mean, deviation = x_train.mean(axis=(0, 1, 2)), x_train.std(axis=(0, 1, 2))
    return (x_train - mean) / deviation, (x_val - mean) / deviation


def augmented(images: np.ndarray, flips: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Images mirrored where `flips` says so, then moved; what comes in from outside is zero.

    Args:
        images: shape ``(n, height, width, channels)``.
        flips: bool, shape ``(n,)``: left and right change places.
        shifts: int, shape ``(n, 2)``: pixels down and pixels to the right; below zero means up
            and left.

    Returns:
        Array of the images' shape.

    Example:
        >>> row = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
        >>> augmented(row, np.array([True]), np.array([[0, 1]])).ravel()
        array([0., 3., 2.])
    """
    height, width = images.shape[1:3]
    result = np.zeros_like(images)
    for n, (down, right) in enumerate(shifts):
        image = images[n, :, ::-1] if flips[n] else images[n]
        rows, columns = np.arange(height) - down, np.arange(width) - right  # where from?
        inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
        result[n][inside] = image[rows % height][:, columns % width][inside]
    return result


def residual_output(x: np.ndarray, kernel_1: np.ndarray, kernel_2: np.ndarray) -> np.ndarray:
    """A residual block without normalisation: y = _relu(x + F(x)), two convolutions in F.

    F(x) = kernel_2 * _relu(kernel_1 * x), where * is a convolution with padding "same"

    Args:
        x: shape ``(n, height, width, c)``.
        kernel_1, kernel_2: shape ``(3, 3, c, c)``.

    Returns:
        Array of x's shape.

    Example:
        >>> zeros = np.zeros((3, 3, 1, 1))
        >>> residual_output(np.array([[[[2.0], [-1.0]]]]), zeros, zeros).ravel()
        array([2., 0.])
    """
    inner = np.maximum(conv2d(x, kernel_1, padding="same"), 0)
    return np.maximum(x + conv2d(inner, kernel_2, padding="same"), 0)


def heat_map(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Grad-CAM of one image: feature maps weighted by their mean slopes, and what is above zero.

    Args:
        maps: shape ``(rows, columns, K)``, the K feature maps.
        slopes: the same shape, the slope of the class's logit along each number of `maps`.

    Returns:
        Array of shape ``(rows, columns)``, 0 or more.

    Source: Selvaraju and others (2017), arXiv:1610.02391.

    Example:
        >>> heat_map(np.array([[[2.0, 1.0], [0.0, 3.0]]]), np.array([[[1.0, -1.0], [1.0, 0.0]]]))
        array([[1.5, 0. ]])
    """
    weights = slopes.mean(axis=(0, 1))
    return np.maximum((maps * weights).sum(axis=-1), 0)


weights_saved = Exercise(
    "weights_saved",
    reference=22 * 64 * 64,
    mistakes=[
        Mistake(
            "You compare with two convolutions. Two see 5 by 5 pixels; this asks for 7.", 126976
        ),
        Mistake("Every filter has a kernel for each of the 64 channels it reads.", 22 * 64),
        Mistake("That counts a single pair of channels. How many pairs are there?", 22),
        Mistake("These are the weights of the three small ones. How many are saved?", 110592),
        Mistake("These are the weights of the large one. How many are saved?", 200704),
        Mistake("You counted one small convolution against the large one.", 163840),
        Mistake("You counted biases. Here there are none.", 22 * 64 * 64 - 128),
    ],
    hints=[
        "A convolution has k k weights for every pair of an input channel and a filter.",
        "Count the pairs: 64 channels and 64 filters. Then count k k for both ways.",
        "One 7 by 7 has 49 for each pair, three 3 by 3 have 27.",
    ],
    solution="my_weights_saved = (7 * 7 - 3 * 3 * 3) * 64 * 64",
)


_TRAIN, _VAL = _pattern(3, 4, 5, 3), _pattern(2, 4, 5, 3) * 2 + 1


def _deviation(x, axes=(0, 1, 2)):
    return x.std(axis=axes)


def _by(x, source, axes=(0, 1, 2)):
    """x, standardised with the numbers of another array."""
    return (x - source.mean(axis=axes)) / source.std(axis=axes)


def _both(x_train, x_val, axes):
    with np.errstate(invalid="ignore", divide="ignore"):
        return _by(x_train, x_train, axes), _by(x_val, x_train, axes)


def _from_both_parts(x_train, x_val):
    together = np.concatenate([x_train, x_val])
    return _by(x_train, together), _by(x_val, together)


def _by_variance(x_train, x_val):
    scale = _deviation(x_train)
    return _by(x_train, x_train) / scale, _by(x_val, x_train) / scale


standardize = Exercise(
    "standardize",
    reference=standardized,
    cases=[
        Case("three channels of different size", _TRAIN * [1.0, 5.0, 0.2] + [0, 9, -2], _VAL),
        Case("one channel", _pattern(4, 2, 3, 1), _pattern(1, 2, 3, 1) + 3),
    ],
    mistakes=[
        Mistake(
            "The validation images got a mean and a deviation of their own. Then the same colour "
            "means two things to the network: use the numbers of x_train for both.",
            lambda x_train, x_val: (_by(x_train, x_train), _by(x_val, x_val)),
        ),
        Mistake(
            "Your numbers come from both parts together, so the validation images leak into the "
            "training. Use x_train alone.",
            _from_both_parts,
        ),
        Mistake(
            "You took one pair of numbers for all channels. Each channel has its own.",
            lambda x_train, x_val: _both(x_train, x_val, (0, 1, 2, 3)),
        ),
        Mistake(
            "You took a mean for each pixel. Let all pixels of a channel share one.",
            lambda x_train, x_val: _both(x_train, x_val, 0),
        ),
        Mistake("You divided by the variance, the square of the deviation.", _by_variance),
        Mistake(
            "The mean is not taken away.",
            lambda x_train, x_val: (
                x_train / _deviation(x_train),
                x_val / _deviation(x_train),
            ),
        ),
    ],
    hints=[
        "How many means are there? One for each channel, over all images, rows and columns.",
        "np.mean takes several axes at once: the first three.",
        "Compute mean and std of x_train, then apply the very same numbers to x_val.",
    ],
)


_YES, _NO = np.array([True]), np.array([False])


def _rolled(images, flips, shifts):
    mirrored = np.where(flips[:, None, None, None], images[:, :, ::-1], images)
    pairs = zip(mirrored, shifts, strict=True)
    return np.stack([np.roll(image, shift, axis=(0, 1)) for image, shift in pairs])


def _mirror_sign(flips):
    """To be multiplied with shifts: mirrored after the move, right is left."""
    return np.stack([np.ones(len(flips), int), np.where(flips, -1, 1)], axis=1)


augment = Exercise(
    "augment",
    reference=augmented,
    cases=[
        Case("flip", _pattern(1, 3, 4, 2), _YES, np.array([[0, 0]])),
        Case("one down", _pattern(1, 3, 4, 2), _NO, np.array([[1, 0]])),
        Case("two to the left", _pattern(1, 3, 4, 2), _NO, np.array([[0, -2]])),
        Case("flip, then up and right", _pattern(1, 4, 4, 1), _YES, np.array([[-1, 1]])),
        Case(
            "three images",
            _pattern(3, 4, 5, 3),
            np.array([False, True, True]),
            np.array([[0, 0], [2, -1], [-1, -3]]),
        ),
    ],
    mistakes=[
        Mistake(
            "You turned the image upside down. Mirror left and right: nobody photographs cars "
            "from below.",
            lambda images, flips, shifts: augmented(
                np.where(flips[:, None, None, None], images[:, ::-1, ::-1], images), flips, shifts
            ),
        ),
        Mistake(
            "What leaves at one side comes in at the other, as np.roll does it. Fill with zeros.",
            _rolled,
        ),
        Mistake(
            "The image moves the other way: positive means down and to the right.",
            lambda images, flips, shifts: augmented(images, flips, -shifts),
        ),
        Mistake(
            "Down and right are swapped: the first number of a shift is for the rows.",
            lambda images, flips, shifts: augmented(images, flips, shifts[:, ::-1]),
        ),
        Mistake(
            "You moved first and mirrored then, so right became left.",
            lambda images, flips, shifts: augmented(images, flips, shifts * _mirror_sign(flips)),
        ),
        Mistake(
            "You mirrored every image. Only those with True in flips.",
            lambda images, flips, shifts: augmented(images, np.ones(len(images), bool), shifts),
        ),
    ],
    hints=[
        "Take one image at a time. Reversed columns: image[:, ::-1].",
        "Start a moved image with np.zeros_like, and copy the part that stays inside.",
        "Moved down by 2, the first height - 2 rows are found two rows lower.",
        "For shifts of either sign: pad the image with zeros on all sides, then cut out a window.",
    ],
)


_ZEROS = np.zeros((3, 3, 2, 2))


def _relu(x):
    return np.maximum(x, 0)


def _same(x, kernel):
    return conv2d(x, kernel, padding="same")


def _no_shortcut(x, kernel_1, kernel_2):
    return _relu(_same(_relu(_same(x, kernel_1)), kernel_2))


def _relu_too_early(x, kernel_1, kernel_2):
    return x + _no_shortcut(x, kernel_1, kernel_2)


def _no_inner_relu(x, kernel_1, kernel_2):
    return _relu(x + _same(_same(x, kernel_1), kernel_2))


def _no_last_relu(x, kernel_1, kernel_2):
    return x + _same(_relu(_same(x, kernel_1)), kernel_2)


def _added_twice(x, kernel_1, kernel_2):
    return _relu(x + _same(_relu(x + _same(x, kernel_1)), kernel_2))


residual_block = Exercise(
    "residual_block",
    reference=residual_output,
    cases=[
        Case("kernels of zeros", _pattern(1, 3, 4, 2), _ZEROS, _ZEROS),
        Case(
            "one image",
            *(_pattern(*s) for s in ((1, 4, 5, 2), (3, 3, 2, 2), (3, 3, 2, 2))),
        ),
        Case(
            "two images, three channels",
            _pattern(2, 4, 4, 3) - 1,
            _pattern(3, 3, 3, 3) - 1,
            _pattern(3, 3, 3, 3)[::-1] - 1.5,
        ),
    ],
    mistakes=[
        Mistake("The shortcut is missing: x itself is added to what F gives.", _no_shortcut),
        Mistake("Add x before the last relu, not after it.", _relu_too_early),
        Mistake("The relu between the two convolutions is missing.", _no_inner_relu),
        Mistake("The last relu is missing.", _no_last_relu),
        Mistake("x is added twice: before the second convolution too.", _added_twice),
        Mistake(
            "The two kernels are in the wrong order.",
            lambda x, a, b: residual_output(x, b, a),
        ),
    ],
    hints=[
        "From the inside out: convolution, relu, convolution, plus x, relu.",
        'operations.conv2d(x, kernel, padding="same") keeps rows and columns, so x can be added.',
        "relu is np.maximum with 0. With kernels of zeros, relu(x) must come out.",
    ],
)


def _no_relu(maps, slopes):
    return (maps * slopes.mean(axis=(0, 1))).sum(axis=-1)


grad_cam = Exercise(
    "grad_cam",
    reference=heat_map,
    cases=[
        Case("one map", _pattern(2, 3, 1), _pattern(2, 3, 1) + 1),
        Case("four maps", _pattern(3, 4, 4), _pattern(3, 4, 4)[::-1] - 0.5),
        Case("nothing speaks for the class", np.ones((2, 2, 3)), -np.ones((2, 2, 3))),
    ],
    mistakes=[
        Mistake("Keep only what speaks for the class: negative places become 0.", _no_relu),
        Mistake(
            "You multiplied place by place. Grad-CAM first gives each map one weight, the mean of "
            "its slopes.",
            lambda maps, slopes: np.maximum((maps * slopes).sum(axis=-1), 0),
        ),
        Mistake(
            "You added up the slopes of a map. Its weight is their mean.",
            lambda maps, slopes: heat_map(maps, slopes * slopes[..., 0].size),
        ),
        Mistake(
            "A map may speak against the class: keep the signs of the weights.",
            lambda maps, slopes: np.maximum(
                (maps * np.abs(slopes.mean(axis=(0, 1)))).sum(axis=-1), 0
            ),
        ),
        Mistake(
            "You cut off each map below zero before you added them up. Add first.",
            lambda maps, slopes: np.maximum(maps * slopes.mean(axis=(0, 1)), 0).sum(axis=-1),
        ),
        Mistake(
            "You averaged over the maps. They are added up.",
            lambda maps, slopes: heat_map(maps, slopes) / maps.shape[-1],
        ),
    ],
    hints=[
        "First one weight for each of the K maps, then the weighted sum of the maps.",
        "The weight of a map is the mean of its slopes over all rows and columns.",
        "Add up maps times weights over the last axis, and keep what is above zero.",
    ],
)
