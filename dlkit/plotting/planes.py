"""Functions of two variables: decision regions, and contours with the paths of an optimiser."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, to_rgba
from numpy.typing import ArrayLike

from dlkit.plotting._axes import axes_or_new
from dlkit.plotting.lines import MARKERS

POINTS_PER_SIDE = 200
NEGATIVE, POSITIVE = "C0", "C1"  # the house style's blue and vermilion


def plot_regions(
    score: Callable[[np.ndarray], ArrayLike],
    x: ArrayLike,
    y: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Points of two classes, over the regions in which a score is negative or positive.

    The boundary, where the score is 0, is a black line. Class 0 belongs to the negative side;
    it has circles, class 1 has squares.

    Args:
        score: function from points, shape ``(n, 2)``, to scores, shape ``(n,)``.
        x: points, shape ``(m, 2)``.
        y: their classes, shape ``(m,)``, each 0 or 1.
        class_names: the two names for the legend; None writes no legend.
        xlim: ``(low, high)`` of the first coordinate; None leaves a margin around the points.
        ylim: the same of the second.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the shapes do not fit, or a class is not 0 or 1.

    Example:
        >>> ax = plot_regions(lambda x: x.sum(axis=1) - 1.5, [[0, 0], [1, 1]], [0, 1])
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"x has shape {x.shape} and y {y.shape}; expected (m, 2) and (m,)")
    if not np.isin(y, (0, 1)).all():
        raise ValueError(f"y holds {np.unique(y)}; expected the classes 0 and 1")
    if class_names is not None and len(class_names) != 2:
        raise ValueError(f"{len(class_names)} class_names; expected two")
    xlim, ylim = (
        limits or _with_margin(values) for limits, values in zip((xlim, ylim), x.T, strict=True)
    )
    first, second, values = _on_grid(score, xlim, ylim)
    ax = axes_or_new(ax, (4.2, 3.8))
    colors = ListedColormap([to_rgba(NEGATIVE), to_rgba(POSITIVE)])
    positive = (values > 0).astype(float)
    extent = (*xlim, *ylim)
    ax.imshow(
        positive,
        cmap=colors,
        vmin=0,
        vmax=1,
        alpha=0.18,
        extent=extent,
        origin="lower",
        aspect="auto",
    )
    if 0 < positive.mean() < 1:
        ax.contour(first, second, values, levels=[0], colors="black", linewidths=1.5)
    for label, (marker, color) in enumerate(zip("os", (NEGATIVE, POSITIVE), strict=True)):
        name = None if class_names is None else class_names[label]
        of_class = x[y == label].T
        ax.plot(*of_class, marker, color=color, markeredgecolor="white", label=name, zorder=3)
    if class_names is not None:
        ax.legend(frameon=True, framealpha=0.8, edgecolor="none")
    ax.grid(False)
    ax.set(xlim=xlim, ylim=ylim)
    return ax


def plot_contours(
    function: Callable[[np.ndarray], ArrayLike],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    paths: Mapping[str, ArrayLike] | None = None,
    levels: int = 12,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Contour lines of a function of two variables, and paths over them.

    Args:
        function: from points, shape ``(n, 2)``, to values, shape ``(n,)``.
        xlim: ``(low, high)`` of the first variable.
        ylim: the same of the second.
        paths: dict from a name to its points in order, shape ``(steps, 2)``; the start is a
            black ring. A path may leave the picture.
        levels: how many contour lines.
        log: space the levels evenly in the logarithm of the value minus the smallest value
            seen, for functions that rise steeply around their minimum.
        ax: Axes to draw on; None makes a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the function or a path has the wrong shape.

    Example:
        >>> ax = plot_contours(lambda w: (w**2).sum(axis=1), (-2, 2), (-1, 1))
    """
    points = {name: np.asarray(path, dtype=float) for name, path in (paths or {}).items()}
    for name, path in points.items():
        if path.ndim != 2 or path.shape[1] != 2 or not len(path):
            raise ValueError(f"path {name!r} has shape {path.shape}; expected (steps, 2)")
    first, second, values = _on_grid(function, xlim, ylim)
    ax = axes_or_new(ax, (5.2, 3.6))
    if log:
        values = values - values.min()
        at = np.geomspace(values.max() * 1e-4, values.max(), levels) if values.any() else levels
        values = np.maximum(values, values.max() * 1e-6)  # LogNorm refuses the zero itself
        lines = ax.contour(first, second, values, levels=at, cmap="Greys_r", norm=LogNorm())
    else:
        lines = ax.contour(first, second, values, levels=levels, cmap="Greys_r")
    lines.set(linewidth=0.9)
    low, high = lines.get_clim()
    lines.set_clim(vmax=high * (high / low) if log else high + 0.6 * (high - low))  # none too pale
    for (name, path), marker in zip(points.items(), itertools.cycle(MARKERS), strict=False):
        ax.plot(*path.T, marker=marker, markersize=4, linewidth=1.4, label=name, zorder=3)
        ax.plot(*path[0], "o", markersize=9, markerfacecolor="none", color="black", zorder=4)
    if points:
        ax.legend(frameon=True, framealpha=0.9, edgecolor="none")
    ax.grid(False)
    ax.set(xlim=xlim, ylim=ylim)
    return ax


def _with_margin(values):
    """The limits of the values, and a quarter of their span (1 at least) on either side."""
    low, high = values.min(), values.max()
    margin = 0.25 * ((high - low) or 4.0)
    return low - margin, high + margin


def _on_grid(function, xlim, ylim):
    """The coordinates of a grid over the limits, and the function there, one row per y."""
    first = np.linspace(xlim[0], xlim[1], POINTS_PER_SIDE)
    second = np.linspace(ylim[0], ylim[1], POINTS_PER_SIDE)
    points = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    values = np.asarray(function(points), dtype=float)
    if values.shape != points.shape[:1]:
        raise ValueError(
            f"the function gave shape {values.shape} for points of shape {points.shape}; "
            f"expected {points.shape[:1]}, one value per point"
        )
    return first, second, values.reshape(POINTS_PER_SIDE, POINTS_PER_SIDE)
