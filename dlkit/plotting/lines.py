"""Lines and distributions: several functions over one axis, several histograms in rows."""

import itertools

import numpy as np

from dlkit.plotting._axes import axes_or_new

LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def plot_lines(x, lines, *, marker=False, ax=None):
    """Several named lines over the same positions, told apart by colour and by style.

    Args:
        x: positions, shape ``(points,)``.
        lines: dict from a name to the values there, shape ``(points,)`` each.
        marker: whether to mark the points, each line with a marker of its own; for
            measurements at a few positions.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no line, or one does not have as many points as ``x``.

    Example:
        >>> x = np.linspace(-1, 1, 50)
        >>> ax = plot_lines(x, {"x": x, "x squared": x**2})
    """
    x = np.asarray(x)
    lines = {name: np.asarray(y) for name, y in lines.items()}
    if not lines:
        raise ValueError("lines is empty; expected a dict from a name to its values")
    for name, y in lines.items():
        if x.ndim != 1 or y.shape != x.shape:
            raise ValueError(f"x has shape {x.shape} and {name!r} {y.shape}; expected (points,)")
    ax = axes_or_new(ax)
    looks = zip(itertools.cycle(LINE_STYLES), itertools.cycle(MARKERS), strict=False)
    for (name, y), (style, mark) in zip(lines.items(), looks, strict=False):
        ax.plot(x, y, linestyle=style, marker=mark if marker else None, label=name)
    ax.legend()
    return ax


def plot_ridges(arrays, *, bins=60, xlim=None, ax=None):
    """One histogram per row, all over the same axis: how a distribution changes by row.

    Each row is scaled to its own highest bin, so the rows compare by shape, not by height.

    Args:
        arrays: dict from the row's name to its values, of any shape; drawn from top to bottom.
        bins: number of bins between the limits.
        xlim: ``(low, high)``; None takes the extremes of all values. Values outside count in
            no bin.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no row, or one holds no finite value.

    Example:
        >>> ax = plot_ridges({"layer 1": [0.0, 0.1, 0.3], "layer 2": [0.0, 0.0, 0.1]})
    """
    arrays = {name: np.ravel(values) for name, values in arrays.items()}
    if not arrays:
        raise ValueError("arrays is empty; expected a dict from a name to its values")
    for name, values in arrays.items():
        if not np.isfinite(values).any():
            raise ValueError(f"{name!r} holds no finite value; expected some to draw")
        arrays[name] = values[np.isfinite(values)]
    if xlim is None:
        everything = np.concatenate(list(arrays.values()))
        xlim = everything.min(), everything.max()
    ax = axes_or_new(ax, (6.4, 0.8 + 0.5 * len(arrays)))
    edges = np.linspace(*xlim, bins + 1)
    bottoms = np.arange(len(arrays))[::-1]
    for bottom, values in zip(bottoms, arrays.values(), strict=True):
        counts = np.histogram(values, edges)[0]
        heights = 0.85 * counts / max(counts.max(), 1)
        ax.stairs(bottom + heights, edges, baseline=bottom, fill=True, color="C0", alpha=0.6)
        ax.axhline(bottom, color="black", linewidth=0.6)
    ax.set_yticks(bottoms, list(arrays))
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.set(xlim=xlim, ylim=(-0.1, len(arrays)))
    return ax
