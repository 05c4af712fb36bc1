"""Everything with a browser's half: guesses, sliders, a map of attention, a pad to draw on.

``predict`` asks before the result is there, keeps the guess, and shows it beside the result.
``explore`` draws a picture with sliders, or as small multiples where nobody can move one.
``explore_attention`` shows where a chosen word looks, head by head, or some words at once. ``pad``
is a pad on which the learner draws a digit and watches what a network makes of it; ``microphone``
is a button that records a word. MNIST's digits
were not scanned as they are: its authors scaled each to one size and centred it by its mass.
``as_mnist`` does the same to a drawing; ``pad`` does it while you draw.
"""

from dlkit.interactive._attention import explore_attention
from dlkit.interactive._examples import EXAMPLES
from dlkit.interactive._live import is_live
from dlkit.interactive._microphone import microphone
from dlkit.interactive._mnist_form import as_mnist, render
from dlkit.interactive._pad import pad
from dlkit.interactive._predict import Guess, predict
from dlkit.interactive._sliders import explore

__all__ = [
    "EXAMPLES",
    "Guess",
    "as_mnist",
    "explore",
    "explore_attention",
    "is_live",
    "microphone",
    "pad",
    "predict",
    "render",
]
