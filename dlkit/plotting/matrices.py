"""Matrices with their numbers written in the cells."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from numpy.typing import ArrayLike

from dlkit.plotting._axes import axes_or_new, without_frame


def plot_confusion_matrix(
    matrix: ArrayLike, *, class_names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Confusion matrix: row = true class, column = predicted class, colour = share of the row.

    Mistakes are rare beside right answers, so the diagonal is left without colour and the
    colours run over the mistakes alone.

    Args:
        matrix: counts, shape ``(classes, classes)``, as ``sklearn.metrics.confusion_matrix``
            gives them.
        class_names: one name per class; None numbers them.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the matrix is not square, or the names do not fit.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix has shape {matrix.shape}; expected (classes, classes)")
    names = [str(name) for name in (range(len(matrix)) if class_names is None else class_names)]
    if len(names) != len(matrix):
        raise ValueError(f"{len(names)} class_names for {len(matrix)} classes")
    side = 1.5 + 0.42 * len(names)
    ax = axes_or_new(ax, (side, side * 0.94))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0.0, share)
    image = ax.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes.max() * 1.3, 1e-9))
    _write(ax, matrix.astype(int).astype(str), image, weight=np.eye(len(matrix)), skip="0")
    ax.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="predicted", ylabel="true")
    rotation = 45 if max(map(len, names)) > 3 else 0
    ax.set_xticklabels(names, rotation=rotation, ha="right" if rotation else "center")
    ax.set_yticklabels(names)
    ax.grid(False)
    return ax


def plot_numbers(
    values: ArrayLike,
    *,
    decimals: int = 0,
    cmap: str | Colormap = "gray_r",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A small matrix as an image with each number written in its cell.

    Args:
        values: shape ``(rows, columns)``, at most 32 by 32 so that the numbers stay readable.
        decimals: digits after the decimal point.
        cmap: matplotlib colour map.
        limits: values of the first and the last colour; None takes the extremes of ``values``.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: not a matrix, or too large to read.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or max(values.shape) > 32:
        raise ValueError(f"values has shape {values.shape}; expected (rows, columns), 32 at most")
    rows, columns = values.shape
    ax = axes_or_new(ax, (max(2.0, 0.32 * columns), max(2.0, 0.32 * rows)))
    low, high = limits or (values.min(), values.max())
    image = ax.imshow(values, cmap=cmap, vmin=low, vmax=high)
    texts = [[f"{value:.{decimals}f}" for value in row] for row in values]
    _write(ax, np.array(texts), image, size=7)
    return without_frame(ax)


def _write(ax, texts, image, *, weight=None, skip=None, size=8):
    """Write each text in its cell of the image, in white where the cell is dark."""
    dark = image.cmap(image.norm(image.get_array()))[..., :3].mean(axis=-1) < 0.5
    for (row, column), text in np.ndenumerate(texts):
        if text == skip:
            continue
        ax.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark[row, column] else "black",
            fontweight="bold" if weight is not None and weight[row, column] else "normal",
        )
