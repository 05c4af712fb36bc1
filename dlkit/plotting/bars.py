"""Bars for named numbers, and layers under the roof of a machine."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from dlkit.plotting._axes import axes_or_new
from dlkit.plotting.lines import LINE_STYLES, MARKERS


def plot_bars(
    values: Mapping[str, float], *, start: float = 0.0, log: bool = False, ax: Axes | None = None
) -> Axes:
    """A horizontal bar for each named number, the first on top.

    Args:
        values: dict from a name to a number.
        start: where the bars begin; those that end left of it get another colour and hatching.
        log: whether the axis is logarithmic; then ``start`` 0 means the axis's left end.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no number, or one that a logarithmic axis cannot show.

    Example:
        >>> ax = plot_bars({"loops": 20.0, "NumPy": 0.1}, log=True)
    """
    names, numbers = list(values), np.asarray(list(values.values()), dtype=float)
    if not names or (log and not (numbers > 0).all()):
        raise ValueError(f"values are {values}; expected numbers, above 0 on a logarithmic axis")
    ax = axes_or_new(ax, (6.2, 0.9 + 0.32 * len(names)))
    left = numbers.min() / 2 if log and not start else start
    bars = ax.barh(names, numbers - left, left=left, height=0.6, color="C0")
    for bar, number in zip(bars, numbers, strict=True):
        if number < start:
            bar.set(facecolor="C1", hatch="//", edgecolor="white")
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter("")
    if start:
        ax.axvline(start, color="black", linewidth=1)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    return ax


def plot_roofline(
    points: Mapping[str, tuple[float, float]],
    roofs: Mapping[str, tuple[float, float]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Pieces of work under one or more roofs: operations per second against intensity.

    Args:
        points: dict from a name to ``(operations per byte, operations per second)``.
        roofs: dict from a name to ``(peak operations per second, bytes per second)``; the first
            is drawn bold.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes, both logarithmic.

    Raises:
        ValueError: there is no roof.

    Source: Williams, Waterman and Patterson (2009), doi:10.1145/1498765.1498785.

    Example:
        >>> ax = plot_roofline({"dense": (0.5, 1e9)}, {"this machine": (1e11, 2e10)})
    """
    if not roofs:
        raise ValueError("roofs is empty; expected a dict from a name to (peak, bandwidth)")
    ax = axes_or_new(ax, (6.8, 3.8))
    x = np.logspace(-1.3, 3, 200)
    for number, (name, (peak, bandwidth)) in enumerate(roofs.items()):
        look = {"color": "0.5", "linewidth": 1.2} if number else {"color": "black"}
        style = LINE_STYLES[number % len(LINE_STYLES)]
        ax.plot(x, np.minimum(peak, bandwidth * x), linestyle=style, label=name, **look)
    for number, (name, point) in enumerate(points.items()):
        mark, color = MARKERS[number % len(MARKERS)], f"C{number % 6}"
        ax.plot(*point, mark, markersize=7, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="operations per byte moved")
    ax.set_ylabel("operations per second")
    ax.legend(fontsize=8.5, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
