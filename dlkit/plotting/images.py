"""Grids of images, each drawn as one mosaic: small files, sharp pixels."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from numpy.typing import ArrayLike

from dlkit.plotting._axes import axes_or_new, without_frame

GAP = 2  # pixels between the tiles of a mosaic


def mosaic(images: ArrayLike, *, columns: int, fill: float = np.nan) -> np.ndarray:
    """Tile images into one array, row by row, with a gap between them.

    Args:
        images: shape ``(n, height, width)`` or ``(n, height, width, channels)``.
        columns: tiles per row.
        fill: value of the gaps and of the empty tiles.

    Returns:
        float array of shape ``(rows * (height + 2) - 2, columns * (width + 2) - 2)``, with the
        channels behind if there are any.

    Raises:
        ValueError: no images, or another number of dimensions.
    """
    images = np.asarray(images, dtype=float)
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(
            f"images has shape {images.shape}; expected (n, height, width) or "
            "(n, height, width, channels), with n of 1 or more"
        )
    count, height, width = images.shape[:3]
    rows = math.ceil(count / columns)
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, *images.shape[3:])
    canvas = np.full(shape, fill, dtype=float)
    for index, image in enumerate(images):
        top, left = _corner(index, columns, height, width)
        canvas[top : top + height, left : left + width] = image
    return canvas


def _corner(index, columns, height, width):
    row, column = divmod(index, columns)
    return row * (height + GAP), column * (width + GAP)


def _grid(images, titles, columns, ax, figure_width, **imshow):
    """Draw the mosaic and, above each tile, its title."""
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images; pass one each")
    columns = min(columns, len(images))
    canvas = mosaic(images, columns=columns)
    height, width = images.shape[1:3]
    lines = (
        max((str(title).count("\n") + 1 for title in titles), default=0)
        if titles is not None
        else 0
    )
    if titles is not None:  # room for the titles: empty rows above each row of tiles
        room = round(lines * 0.17 * columns * (width + GAP) / figure_width) + 1
        padded = np.full((len(images), height + room, *images.shape[2:]), np.nan)
        padded[:, room:] = images
        canvas, height = mosaic(padded, columns=columns), height + room
    ax = axes_or_new(ax, (figure_width, figure_width * canvas.shape[0] / canvas.shape[1] + 0.35))
    ax.imshow(canvas, **imshow)
    for index, title in enumerate(titles if titles is not None else []):
        top, left = _corner(index, columns, height, width)
        ax.text(
            left + width / 2 - 0.5, top + room - 1, str(title), ha="center", va="bottom", size=8
        )
    return without_frame(ax)


def plot_images(
    images: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    cmap: str | Colormap = "gray_r",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A grid of images as one mosaic, each with its title above it.

    Args:
        images: shape ``(n, height, width)``, ``(n, height, width, 1)`` or, in colour,
            ``(n, height, width, 3)`` with values in [0, 1].
        titles: one short text per image; None for none.
        columns: images per row.
        cmap: matplotlib colour map for images of one channel.
        limits: values of the first and the last colour; None takes the extremes of all images.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: no images, a shape that is no image, or titles that do not fit.
    """
    images, (low, high) = np.asarray(images), limits or (None, None)
    width = min(7.5, 0.75 * min(columns, len(images)) + 0.2)
    return _grid(images, titles, columns, ax, width, cmap=cmap, vmin=low, vmax=high)


def plot_mistakes(
    images: ArrayLike,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    confidence: ArrayLike,
    *,
    columns: int = 6,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Misclassified images, the most confident first, as "true -> predicted, confidence".

    Args:
        images: shape ``(n, height, width)`` or ``(n, height, width, channels)``.
        y_true, y_pred: int classes, shape ``(n,)``. Right answers among them are left out.
        confidence: probability that the model gave to ``y_pred``, in [0, 1], shape ``(n,)``.
        columns: images per row; two rows are drawn at most.
        class_names: one name per class; None shows the class numbers.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the lengths differ, or there is no mistake to show.
    """
    images, y_true, y_pred = np.asarray(images), np.asarray(y_true), np.asarray(y_pred)
    confidence = np.asarray(confidence)
    if not len(images) == len(y_true) == len(y_pred) == len(confidence):
        raise ValueError(
            f"{len(images)} images, {len(y_true)} y_true, {len(y_pred)} y_pred and "
            f"{len(confidence)} confidences; expected as many of each"
        )
    wrong = np.flatnonzero(y_true != y_pred)
    if not len(wrong):
        raise ValueError("there is no mistake to show: y_pred equals y_true everywhere")
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][: 2 * columns]
    name = str if class_names is None else (lambda label: class_names[label])
    titles = [f"{name(y_true[at])} → {name(y_pred[at])}\n{_sure(confidence[at])}" for at in worst]
    return _grid(images[worst], titles, columns, ax, min(7.5, 1.2 * min(columns, len(worst))))


def _sure(confidence):
    return "> 99% sure" if confidence > 0.99 else f"{confidence:.0%} sure"


def plot_weights(
    weights: ArrayLike,
    *,
    columns: int = 8,
    titles: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Weights as images: blue below zero, white at zero, red above, one scale for all.

    Args:
        weights: shape ``(n, height, width)``: the first-layer weights of n units folded to
            images, or n kernels.
        columns: images per row.
        titles: one short text per image; None for none.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes, with a colour bar beside it.

    Raises:
        ValueError: the shape is not that of images.
    """
    weights = np.asarray(weights)
    limit = float(np.abs(weights).max()) or 1.0
    width = min(7.5, 0.8 * min(columns, len(weights)) + 0.8)
    ax = _grid(weights, titles, columns, ax, width, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.figure.colorbar(ax.images[-1], ax=ax, label="weight", shrink=0.8)
    return ax


def plot_overlay(
    image: ArrayLike,
    heat: ArrayLike,
    *,
    label: str | None = "importance",
    highest: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """An image in grey under a map of what matters in it, with a colour bar.

    Args:
        image: shape ``(height, width)``.
        heat: shape ``(height, width)``; zero is transparent, the largest is strongest.
        label: what the heat is, with its unit; None for no colour bar.
        highest: the heat of the strongest colour, to give several maps one scale; None takes the
            largest of this one.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the two shapes differ.
    """
    image, heat = np.asarray(image), np.asarray(heat, dtype=float)
    if image.shape != heat.shape or image.ndim != 2:
        raise ValueError(f"image has shape {image.shape}, heat {heat.shape}; expected the same")
    ax = axes_or_new(ax, (3.2, 2.8))
    ax.imshow(image, cmap="gray_r", alpha=0.6)
    strongest = (float(np.abs(heat).max()) if highest is None else highest) or 1.0
    opacity = 0.75 * np.clip(heat / strongest, 0, 1)
    shown = ax.imshow(heat, cmap="inferno_r", vmin=0, vmax=strongest, alpha=opacity)
    if label is not None:
        ax.figure.colorbar(shown, ax=ax, label=label, shrink=0.8)
    return without_frame(ax)
