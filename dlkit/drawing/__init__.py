"""A pad on which the learner draws a digit and watches what a network makes of it.

MNIST's digits were not scanned as they are: its authors scaled each to one size and centred it by
its mass. ``as_mnist`` does the same to a drawing; ``pad`` does it while you draw.
"""

from dlkit.drawing._examples import EXAMPLES
from dlkit.drawing._mnist_form import as_mnist, render
from dlkit.drawing._pad import pad

__all__ = ["EXAMPLES", "as_mnist", "pad", "render"]
