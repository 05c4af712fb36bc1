"""Plots of the course: arrays in, Axes out.

Every function draws on the Axes that it is given, or on a new figure, and returns the Axes. None
shows, saves, trains, computes a metric or changes matplotlib's settings. The house style is
applied by the notebook: ``plt.style.use("dlkit.plotting.course")``.
"""

from dlkit.plotting.bars import plot_bars, plot_roofline
from dlkit.plotting.graphs import plot_graph
from dlkit.plotting.images import plot_images, plot_mistakes, plot_overlay, plot_weights
from dlkit.plotting.lines import plot_bands, plot_history, plot_lines, plot_ridges
from dlkit.plotting.matrices import plot_attention, plot_confusion_matrix, plot_numbers
from dlkit.plotting.planes import plot_contours, plot_regions

__all__ = [
    "plot_attention",
    "plot_bands",
    "plot_bars",
    "plot_confusion_matrix",
    "plot_contours",
    "plot_graph",
    "plot_history",
    "plot_images",
    "plot_lines",
    "plot_mistakes",
    "plot_numbers",
    "plot_overlay",
    "plot_regions",
    "plot_ridges",
    "plot_roofline",
    "plot_weights",
]
