"""A button to record a word with where somebody can speak; a line of text where nobody can."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.interactive._live import live_widgets

NOBODY = "(Here is a button to record with, where somebody sits at the notebook.)"


def microphone(
    predict: Callable[[np.ndarray], ArrayLike],
    *,
    class_names: Sequence[str] = tuple("0123456789"),
    rate: int = 8_000,
    seconds: float = 2.0,
) -> None:
    """Show a button that records a word by the browser's microphone, and what a network hears.

    The browser asks for permission, records, and brings the sound to one channel and to ``rate``.
    It goes to the kernel and nowhere else, and is not kept. Browsers allow this only on pages
    whose address begins with https or localhost. In a notebook that runs unattended
    (``interactive.is_live`` says which), there is a line of text instead.

    Args:
        predict: a function that takes a wave, float32 of shape ``(samples,)`` from -1 to 1, and
            returns an array of probabilities of shape ``(1, classes)``. What it raises is shown
            beside the button.
        class_names: one name per class.
        rate: samples a second that ``predict`` is given, 3,000 to 192,000.
        seconds: how long it records, 0.2 to 30.

    Raises:
        ValueError: ``rate`` or ``seconds`` is out of range.
    """
    if not 3_000 <= rate <= 192_000:
        raise ValueError(f"rate is {rate}; expected 3,000 to 192,000 samples a second")
    if not 0.2 <= seconds <= 30:
        raise ValueError(f"seconds is {seconds}; expected 0.2 to 30")
    if widgets := live_widgets("a button to record with"):
        from IPython.display import display

        names = [str(name) for name in class_names]
        display(widgets.Microphone(predict, names, int(rate), float(seconds)))
        return
    print(NOBODY)
