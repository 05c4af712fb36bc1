"""What the plot functions share."""

import matplotlib.pyplot as plt


def axes_or_new(ax, figsize=None):
    """The Axes given, or the Axes of a new figure of ``figsize`` inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=figsize)[1]


def without_frame(ax):
    """Hide what an image does not need: ticks, spines and grid."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax
