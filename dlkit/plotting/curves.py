"""Curves: training histories, and a quantity measured over several seeds."""

import numpy as np

from dlkit.plotting._axes import axes_or_new


def plot_history(history, *, metric="loss", ax=None):
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
    records = getattr(history, "history", history)
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


def plot_bands(x, runs, *, label=None, marker="o", ax=None):
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
