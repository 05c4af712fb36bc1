"""What lesson 10's exercises ask for, what usual mistakes give, and numbers to try them on."""

import numpy as np

from dlkit.scratch.operations import conv2d


def pattern(*shape):
    """Small whole numbers in an order that no turn, swap or mirror leaves as it is.

    Example:
        >>> pattern(2, 3)
        array([[-2., -1.,  2.],
               [-3.,  5.,  4.]])
    """
    return ((np.arange(np.prod(shape)) ** 2 + 1) * 8 // 7 % 11 - 3.0).reshape(shape)


# ---- What is asked for -----------------------------------------------------------------------


def standardised(x_train, x_val):
    """Both parts with the mean and the deviation of each channel over the training images.

    x' = (x - mean) / deviation, both numbers of `x_train`, one pair for each channel

    Args:
        x_train, x_val: shape ``(n, height, width, channels)``, n may differ.

    Returns:
        The two arrays, standardised.

    Example:
        >>> x = np.array([1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> [part.ravel() for part in standardised(x, x + 1)]
        [array([-1.,  1.]), array([0., 2.])]
    """
    mean, deviation = x_train.mean(axis=(0, 1, 2)), x_train.std(axis=(0, 1, 2))
    return (x_train - mean) / deviation, (x_val - mean) / deviation


def augmented(images, flips, shifts):
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


def residual_output(x, kernel_1, kernel_2):
    """A residual block without normalisation: y = relu(x + F(x)), two convolutions in F.

    F(x) = kernel_2 * relu(kernel_1 * x), where * is a convolution with padding "same"

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


def heat_map(maps, slopes):
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


# ---- standardise -----------------------------------------------------------------------------


def deviation(x, axes=(0, 1, 2)):
    return x.std(axis=axes)


def by(x, source, axes=(0, 1, 2)):
    """x, standardised with the numbers of another array."""
    return (x - source.mean(axis=axes)) / source.std(axis=axes)


def both(x_train, x_val, axes):
    with np.errstate(invalid="ignore", divide="ignore"):
        return by(x_train, x_train, axes), by(x_val, x_train, axes)


def from_both_parts(x_train, x_val):
    together = np.concatenate([x_train, x_val])
    return by(x_train, together), by(x_val, together)


def by_variance(x_train, x_val):
    scale = deviation(x_train)
    return by(x_train, x_train) / scale, by(x_val, x_train) / scale


# ---- augment ---------------------------------------------------------------------------------


def rolled(images, flips, shifts):
    mirrored = np.where(flips[:, None, None, None], images[:, :, ::-1], images)
    pairs = zip(mirrored, shifts, strict=True)
    return np.stack([np.roll(image, shift, axis=(0, 1)) for image, shift in pairs])


def mirror_sign(flips):
    """To be multiplied with shifts: mirrored after the move, right is left."""
    return np.stack([np.ones(len(flips), int), np.where(flips, -1, 1)], axis=1)


# ---- residual_block --------------------------------------------------------------------------


def relu(x):
    return np.maximum(x, 0)


def same(x, kernel):
    return conv2d(x, kernel, padding="same")


def no_shortcut(x, kernel_1, kernel_2):
    return relu(same(relu(same(x, kernel_1)), kernel_2))


def relu_too_early(x, kernel_1, kernel_2):
    return x + no_shortcut(x, kernel_1, kernel_2)


def no_inner_relu(x, kernel_1, kernel_2):
    return relu(x + same(same(x, kernel_1), kernel_2))


def no_last_relu(x, kernel_1, kernel_2):
    return x + same(relu(same(x, kernel_1)), kernel_2)


def added_twice(x, kernel_1, kernel_2):
    return relu(x + same(relu(x + same(x, kernel_1)), kernel_2))


# ---- grad_cam --------------------------------------------------------------------------------


def no_relu(maps, slopes):
    return (maps * slopes.mean(axis=(0, 1))).sum(axis=-1)
