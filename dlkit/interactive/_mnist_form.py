"""From strokes or any grey image to an image like MNIST's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

FIELD, BOX = 28, 20  # sides of MNIST's image and of the box that holds the ink, in pixels
CENTER = FIELD // 2  # MNIST's centres of mass lie within half a pixel of row 14, column 14
PEN = 0.08  # diameter, as a share of the pad's side: about as thick as MNIST's strokes


def as_mnist(image: ArrayLike) -> np.ndarray:
    """Bring a drawing into MNIST's form: a box of 20 by 20, centred by mass in 28 by 28.

    The ink's bounding box is cut out and scaled to fit 20 by 20 pixels, keeping its proportions,
    each new pixel the mean of what it covers. It is then placed, by whole pixels, so that its
    centre of mass falls on row 14 and column 14 of the 28 by 28 field. A shape so lopsided that
    this would push ink over the rim stops at the rim.

    Args:
        image: white ink on black, shape ``(height, width)`` of any size: integers from 0 to 255,
            or floats from 0 to 1. Every pixel above 0 counts as ink.

    Returns:
        uint8 array of shape (28, 28).

    Raises:
        ValueError: no ink, another number of dimensions, or values out of range.

    Source:
        Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), section III-A,
        doi:10.1109/5.726791.

    Example:
        >>> import numpy as np
        >>> drawing = np.zeros((100, 100), np.uint8)
        >>> drawing[10:70, 5:20] = 255  # a stroke of 60 by 15 pixels, in a corner
        >>> rows, columns = np.nonzero(as_mnist(drawing))
        >>> int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
        (4, 23, 12, 16)
    """
    ink = _cut_out(_as_uint8(image))
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = [max(1, round(scale * side)) for side in (width, height)]
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    ink = np.asarray(Image.fromarray(ink).resize(size, method))
    field = np.zeros((FIELD, FIELD), np.uint8)
    top, left = (_corner(ink.sum(axis=1 - axis)) for axis in (0, 1))
    field[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return field


def _as_uint8(image):
    image = np.asarray(image)
    if image.ndim != 2:
        raise ValueError(
            f"image has shape {image.shape}; expected (height, width), one grey value per pixel"
        )
    if image.dtype.kind not in "buif":
        raise ValueError(f"image holds {image.dtype}; expected integers or floats")
    highest = 255 if image.dtype.kind in "ui" else 1
    if not ((image >= 0) & (image <= highest)).all():  # NaN fails both
        raise ValueError(
            f"image goes from {image.min()} to {image.max()}; expected integers from 0 to 255, or "
            "floats from 0 (paper) to 1 (ink)"
        )
    return np.round(image * (255.0 / highest)).astype(np.uint8)


def _cut_out(image):
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    if not len(rows):
        raise ValueError("image holds no ink: every pixel is 0; draw something, white on black")
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _corner(mass):
    """Where a profile of ink must start for its centre of mass to fall on pixel 14."""
    start = round(CENTER - np.average(np.arange(len(mass)), weights=mass))
    return int(np.clip(start, 0, FIELD - len(mass)))


def render(
    strokes: Sequence[Sequence[Sequence[float]]], *, size: int = 280, pen: float = PEN
) -> np.ndarray:
    """Draw strokes with a round pen, white on black.

    Args:
        strokes: a list of strokes, each a list of points ``(x, y)`` from 0 to 1: x to the right,
            y downwards. A stroke of one point is a dot.
        size: side of the image in pixels.
        pen: diameter of the pen as a share of ``size``.

    Returns:
        uint8 array of shape ``(size, size)``.

    Raises:
        ValueError: a stroke is empty, or a point is no pair of numbers from 0 to 1.

    Example:
        >>> int(render([[(0.5, 0.2), (0.5, 0.8)]], size=100)[:, 50].sum() / 255)
        67
    """
    image = Image.new("L", (size, size))
    paint = ImageDraw.Draw(image)
    radius = (pen * size - 1) / 2  # Pillow counts the pixel in the middle, too
    for stroke in strokes:
        points = np.asarray(stroke, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2 or not ((points >= 0) & (points <= 1)).all():
            raise ValueError(
                f"a stroke of shape {points.shape} is no list of points (x, y) from 0 to 1"
            )
        places = [tuple(point) for point in points * (size - 1)]
        paint.line(places, fill=255, width=round(pen * size))
        for x, y in places:  # round ends and joints
            paint.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image)
