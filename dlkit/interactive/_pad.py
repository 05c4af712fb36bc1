"""The pad where someone can draw; a figure of drawings made before where nobody can."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

from dlkit.interactive._examples import EXAMPLES
from dlkit.interactive._live import live_widgets
from dlkit.interactive._mnist_form import render
from dlkit.interactive._reading import read, verdict

SHOWN = (2, 3, 5, 7)  # of the examples: large and small, in several corners of the pad


def pad(
    predict: Callable[[np.ndarray], ArrayLike],
    *,
    class_names: Sequence[str] = tuple("0123456789"),
    size: int = 280,
) -> None:
    """Show a pad to draw on, what the network sees of the drawing, and what it makes of it.

    One draws with the mouse, a finger, a pen or the keyboard. Ten times a second at most, the
    drawing is brought into MNIST's form and shown to the network. In a notebook that runs
    unattended (``interactive.is_live`` says which), there is a figure of four drawings that came
    with the course instead.

    Args:
        predict: a function that takes float32 images of shape ``(1, 28, 28, 1)`` in [0, 1] (ink is
            1, paper 0) and returns an array of probabilities of shape ``(1, classes)``.
        class_names: one name per class.
        size: side of the pad on the page, in CSS pixels (1/96 inch).

    Raises:
        ValueError: in the figure, ``predict`` returns no probabilities. The pad itself shows this
            and every other error beside the drawing.
    """
    class_names = [str(name) for name in class_names]
    if widgets := live_widgets("a pad to draw on"):
        from IPython.display import display

        display(widgets.Pad(predict, class_names, size))
        return
    _draw_examples(plt.figure(figsize=(7.5, 4.6)), predict, class_names)


def _draw_examples(figure, predict, class_names):
    """A column for each drawing: as drawn, in MNIST's form, and the probabilities."""
    axes = figure.subplots(3, len(SHOWN), height_ratios=(1, 1, 1.5))
    for column, digit in zip(axes.T, SHOWN, strict=True):
        seen, probabilities = read(predict, EXAMPLES[digit], class_names)
        for ax, image in zip(column, (render(EXAMPLES[digit]), seen), strict=False):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)  # the rim of the pad, and of MNIST's field
        column[0].set_title(verdict(probabilities, class_names), size=9)
        _draw_bars(column[2], probabilities, class_names)
    for ax, label in zip(axes[:, 0], ("as drawn", "in MNIST's form", "class"), strict=True):
        ax.set_ylabel(label)


def _draw_bars(ax, probabilities, class_names):
    """Horizontal bars; the highest is darker, and its name is bold."""
    best = int(np.argmax(probabilities))
    bars = ax.barh(class_names, probabilities, color="C0", alpha=0.45)
    bars[best].set_alpha(1)
    ax.set(xlim=(0, 1), xticks=(0, 1), xlabel="probability")
    ax.invert_yaxis()
    ax.tick_params(axis="y", labelsize=7)
    ax.get_yticklabels()[best].set_fontweight("bold")
