"""The pad's Python side: strokes come in from the page, probabilities go back."""

from pathlib import Path

import anywidget
from traitlets import Float, Int, List, Unicode, observe

from dlkit.interactive._mnist_form import PEN
from dlkit.interactive._reading import percent, read, verdict

FOLDER = Path(__file__).parent


class Pad(anywidget.AnyWidget):
    """A drawing pad (``pad.js``) that shows what ``predict`` makes of the drawing.

    Args:
        predict, class_names, size: as in ``dlkit.interactive.pad``.
    """

    _esm = (FOLDER / "pad.js").read_text(encoding="utf-8")
    _css = (FOLDER / "pad.css").read_text(encoding="utf-8")
    # To the page, once:
    class_names = List(Unicode()).tag(sync=True)
    size = Int().tag(sync=True)
    pen = Float(PEN).tag(sync=True)
    # From the page: a list of strokes, each a list of points [x, y] from 0 to 1.
    strokes = List().tag(sync=True)
    # To the page, for each drawing; all empty while there is none:
    seen = List().tag(sync=True)  # 784 grey values from 0 to 255, row by row
    probabilities = List().tag(sync=True)
    percents = List().tag(sync=True)  # the probabilities as texts
    verdict = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)

    def __init__(self, predict, class_names, size):
        self._predict = predict
        super().__init__(class_names=class_names, size=size)

    @observe("strokes")
    def _answer(self, _):
        found = {"seen": [], "probabilities": [], "percents": [], "verdict": "", "error": ""}
        if self.strokes:
            try:
                seen, probabilities = read(self._predict, self.strokes, self.class_names)
            except Exception as error:  # the learner's own function: whatever it raises is shown
                found["error"] = f"{type(error).__name__}: {error}"
            else:
                found["seen"] = seen.ravel().tolist()
                found["probabilities"] = probabilities.round(4).tolist()
                found["percents"] = [percent(p) for p in probabilities]
                found["verdict"] = verdict(probabilities, self.class_names)
        with self.hold_sync():  # one message, so that the page never shows half an answer
            for name, value in found.items():
                setattr(self, name, value)
