"""Matrices: what was confused with what, numbers in cells, who looks where."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from dlkit.plotting._axes import axes_or_new, without_frame

FEW = 9  # rows or columns: up to here there is room for a number in each cell
SIGNS = str.maketrans({" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5"})  # to be seen as labels


def plot_attention(
    weights: ArrayLike,
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    truth: ArrayLike | None = None,
    limits: tuple[float, float] = (0, 1),
    cmap: str | Colormap = "Blues",
    ax: Axes | None = None,
) -> Axes:
    """Attention map: row = who looks (query), column = what is looked at (key), dark = much.

    A map of nine rows and columns at most has the weights in percent in its cells. Blanks and ends
    of lines are drawn as signs. What is darkest is said below the map.

    Args:
        weights: weights of one head, shape ``(queries, keys)``, 0 or more.
        queries: a word or a character for each row; a text is taken by its characters.
        keys: the same for each column.
        truth: where each query should look: True and False, of the shape of weights; those cells
            are framed. None: not known.
        limits: weights of the first and the last colour, the same for maps to be compared.
        cmap: matplotlib colour map.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: weights that are no matrix of such numbers; labels or truth that do not fit;
            limits that do not rise.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or not weights.size or not (weights >= 0).all():
        raise ValueError(
            f"weights has shape {weights.shape}; expected (queries, keys) and numbers of 0 or "
            "more: choose one example and one head"
        )
    if (len(queries), len(keys)) != weights.shape:
        raise ValueError(
            f"{len(queries)} queries and {len(keys)} keys for weights of shape {weights.shape}; "
            "expected a label for each row and each column: cut off the padding of both"
        )
    framed = np.zeros(weights.shape, bool) if truth is None else np.asarray(truth)
    if framed.shape != weights.shape or framed.dtype != np.bool_:
        raise ValueError(
            f"truth has shape {framed.shape} and type {framed.dtype.name}; expected True and False "
            f"in shape {weights.shape}"
        )
    low, high = limits
    if not low < high:
        raise ValueError(f"limits is {limits}; expected two numbers that rise, e.g. (0, 1)")
    rows, columns = weights.shape
    ax = axes_or_new(ax, (1.1 + max(2.2, 0.21 * columns), 1.0 + max(1.0, 0.21 * rows)))
    image = ax.imshow(weights, cmap=cmap, vmin=low, vmax=high, aspect="auto")
    if max(rows, columns) <= FEW:
        _write(ax, np.char.mod("%.0f", 100 * weights), image, skip="0")
    for row, column in np.argwhere(framed):
        corner = (column - 0.46, row - 0.46)
        ax.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="C1", linewidth=1.6))
    _label(ax.xaxis, keys)
    _label(ax.yaxis, queries)
    if max(map(len, keys)) > 2:
        ax.tick_params(axis="x", labelrotation=90)
    few = max(rows, columns) <= FEW
    legend = "numbers: %" if few else f"darkest: {high:.3g}"
    if framed.any():
        legend += ", framed: truth"
    space = "\n" if few else " "
    ax.set(xlabel=f"looked at{space}({legend})", ylabel="who looks")
    ax.grid(False)
    return ax


def _label(axis, labels):
    """A tick for each label, without a line, small enough for its place."""
    size = 9 if len(labels) <= 30 else 7
    axis.set_ticks(range(len(labels)), [str(label).translate(SIGNS) for label in labels])
    axis.set_tick_params(length=0, labelsize=size, pad=2)


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
