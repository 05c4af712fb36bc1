"""Everything with a browser's half: sliders under a figure, and a pad to draw a digit on.

``explore`` draws a picture with sliders, or as small multiples where nobody can move one. ``pad``
is a pad on which the learner draws a digit and watches what a network makes of it. MNIST's digits
were not scanned as they are: its authors scaled each to one size and centred it by its mass.
``as_mnist`` does the same to a drawing; ``pad`` does it while you draw.
"""

from dlkit.interactive._examples import EXAMPLES
from dlkit.interactive._mnist_form import as_mnist, render
from dlkit.interactive._pad import pad
from dlkit.interactive._sliders import explore, is_live

__all__ = ["EXAMPLES", "as_mnist", "explore", "is_live", "pad", "render"]
