"""Lines over one axis: training histories, functions, a band over seeds, histograms in rows."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from dlkit.plotting._axes import axes_or_new

LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class History(Protocol):
    """What Keras's ``fit`` returns."""

    history: dict[str, list[float]]


def plot_lines(
    x: ArrayLike, lines: Mapping[str, ArrayLike], *, marker: bool = False, ax: Axes | None = None
) -> Axes:
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
    values = {name: np.asarray(y) for name, y in lines.items()}
    if not values:
        raise ValueError("lines is empty; expected a dict from a name to its values")
    for name, y in values.items():
        if x.ndim != 1 or y.shape != x.shape:
            raise ValueError(f"x has shape {x.shape} and {name!r} {y.shape}; expected (points,)")
    ax = axes_or_new(ax)
    looks = zip(itertools.cycle(LINE_STYLES), itertools.cycle(MARKERS), strict=False)
    for (name, y), (style, mark) in zip(values.items(), looks, strict=False):
        ax.plot(x, y, linestyle=style, marker=mark if marker else None, label=name)
    ax.legend()
    return ax


def plot_ridges(
    arrays: Mapping[str, ArrayLike],
    *,
    below: Mapping[str, ArrayLike] | None = None,
    bins: int = 60,
    xlim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """One histogram per row, all over the same axis: how a distribution changes by row.

    Each row is scaled to its own highest bin, so the rows compare by shape, not by height.

    Args:
        arrays: dict from the row's name to its values, of any shape; drawn from top to bottom.
        below: other values for the same rows, whose histograms hang below the line.
        bins: number of bins between the limits.
        xlim: ``(low, high)``; None takes the extremes of all values. Values outside count in
            no bin.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no row, one holds no finite value, or ``below`` has other rows.

    Example:
        >>> ax = plot_ridges({"layer 1": [0.0, 0.1, 0.3], "layer 2": [0.0, 0.0, 0.1]})
    """
    rows = _finite(arrays)
    hanging = {} if below is None else _finite(below)
    if below is not None and hanging.keys() != rows.keys():
        raise ValueError(f"below has the rows {list(hanging)}; expected {list(rows)}")
    if xlim is None:
        everything = np.concatenate([*rows.values(), *hanging.values()])
        xlim = everything.min(), everything.max()
    ax = axes_or_new(ax, (6.4, 0.8 + 0.5 * len(rows)))
    edges = np.linspace(*xlim, bins + 1)
    bottoms = np.arange(len(rows))[::-1]
    height = 0.42 if hanging else 0.85
    for sign, color, values_of in ((1, "C0", rows), (-1, "C1", hanging)):
        for bottom, values in zip(bottoms, values_of.values(), strict=False):
            counts = np.histogram(values, edges)[0]
            ends = bottom + sign * height * counts / max(counts.max(), 1)
            ax.stairs(ends, edges, baseline=bottom, fill=True, color=color, alpha=0.6)
    for bottom in bottoms:
        ax.axhline(bottom, color="black", linewidth=0.6)
    ax.set_yticks(bottoms, list(rows))
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    lowest, highest = (-0.5, len(rows) - 0.5) if hanging else (-0.1, len(rows))
    ax.set(xlim=xlim, ylim=(lowest, highest))
    return ax


def _finite(arrays):
    """The finite values of each row, flat."""
    rows = {name: np.ravel(values) for name, values in arrays.items()}
    if not rows:
        raise ValueError("arrays is empty; expected a dict from a name to its values")
    for name, values in rows.items():
        if not np.isfinite(values).any():
            raise ValueError(f"{name!r} holds no finite value; expected some to draw")
        rows[name] = values[np.isfinite(values)]
    return rows


def plot_history(
    history: History | Mapping[str, Sequence[float]],
    *,
    metric: str = "loss",
    ax: Axes | None = None,
) -> Axes:
    """Training and validation curve of one metric, one point per epoch.

    Args:
        history: the ``History`` that ``fit`` returned, or its ``history`` dict from names to
            one number per epoch.
        metric: which one, e.g. ``"loss"`` or ``"accuracy"``; ``"val_" + metric`` is drawn too
            if it is there.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the history does not hold the metric, or is empty.
    """
    records = history if isinstance(history, Mapping) else history.history
    if metric not in records or not len(records[metric]):
        raise ValueError(f"history has no {metric!r}; it has {sorted(records)}")
    ax = axes_or_new(ax)
    epochs = np.arange(1, len(records[metric]) + 1)
    ax.plot(epochs, records[metric], "o-", label="training")
    if "val_" + metric in records:
        ax.plot(epochs, records["val_" + metric], "s--", label="validation")
        ax.legend()
    ax.set(xlabel="epoch", ylabel=metric, xticks=epochs[:: max(1, len(epochs) // 10)])
    return ax


def plot_bands(
    x: ArrayLike,
    runs: ArrayLike,
    *,
    label: str | None = None,
    marker: str = "o",
    ax: Axes | None = None,
) -> Axes:
    """Mean over seeds as a line, and the range from the lowest to the highest as a band.

    Args:
        x: positions, shape ``(points,)``.
        runs: measurements, shape ``(seeds, points)``: one row per seed.
        label: name in the legend.
        marker: matplotlib marker of the mean, so that lines differ by more than colour.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> ax = plot_bands([32, 64], [[0.95, 0.97], [0.94, 0.98]], label="accuracy")
    """
    x, runs = np.asarray(x), np.asarray(runs, dtype=float)
    if runs.ndim != 2 or x.shape != runs.shape[1:]:
        raise ValueError(
            f"x has shape {x.shape} and runs {runs.shape}; expected (points,) and (seeds, points)"
        )
    ax = axes_or_new(ax)
    (line,) = ax.plot(x, runs.mean(axis=0), marker=marker, label=label)
    ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
    return ax
