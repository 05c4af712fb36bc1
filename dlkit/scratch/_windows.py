"""Windows that slide over images: the margin they need, and the pixels they see."""

import numpy as np


def pair(name, value):
    """(height, width) from one whole number or two."""
    numbers = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(numbers) != 2 or any(n != int(n) or n < 1 for n in numbers):
        raise ValueError(f"{name} is {value!r}; expected a whole number of 1 or more, or two")
    return int(numbers[0]), int(numbers[1])


def pad(x, window, strides, padding, value=0):
    """x with the margin that the padding asks for.

    "same" gives ceil(size / stride) positions: the margin is as even as can be, an odd row or
    column goes below or to the right.

    Returns:
        The padded images, and the slices that cut x out of them.
    """
    if padding not in ("valid", "same"):
        raise ValueError(f'padding is {padding!r}; expected "valid" or "same"')
    height_and_width = x.shape[1:3]
    totals = (0, 0)
    if padding == "same":
        sides = zip(height_and_width, window, strides, strict=True)
        totals = [
            max((-(-size // stride) - 1) * stride + length - size, 0)
            for size, length, stride in sides
        ]
    elif any(size < length for size, length in zip(height_and_width, window, strict=True)):
        raise ValueError(
            f"a window of {window} does not fit into images of {height_and_width}: pass larger "
            'images, a smaller window, or padding="same"'
        )
    margins = [(total // 2, total - total // 2) for total in totals]
    padded = np.pad(x, [(0, 0), *margins, (0, 0)], constant_values=value)
    inside = [slice(m[0], m[0] + s) for m, s in zip(margins, height_and_width, strict=True)]
    return padded, (slice(None), *inside)


def views(padded, window, strides):
    """For each place in the window, row by row, the pixels seen there: (n, out_h, out_w, c).

    They are views: adding to one adds to ``padded``.
    """
    height = (padded.shape[1] - window[0]) // strides[0] + 1
    width = (padded.shape[2] - window[1]) // strides[1] + 1
    for row in range(window[0]):
        for column in range(window[1]):
            rows = slice(row, row + height * strides[0], strides[0])
            columns = slice(column, column + width * strides[1], strides[1])
            yield padded[:, rows, columns]
