"""The widgets' Python sides: what the page sends comes in, what it shows goes back."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
from numpy.typing import ArrayLike
from traitlets import Bytes, Dict, Float, Int, List, Unicode, observe

from dlkit.interactive._mnist_form import PEN
from dlkit.interactive._reading import checked, percent, read, verdict

FOLDER = Path(__file__).parent


def _with_element(name: str) -> str:
    """A widget's JavaScript with ``element.js`` before it; a page gets both as one text.

    The pad draws SVG, and the service shows it too, so its file stands alone.
    """
    return "\n".join((FOLDER / part).read_text(encoding="utf-8") for part in ("element.js", name))


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
    # From the page: strokes, each a list of points [x, y] from 0 to 1.
    strokes: List = List().tag(sync=True)
    # To the page, for each drawing; all empty while there is none:
    seen: List = List().tag(sync=True)  # 784 grey values from 0 to 255, row by row
    probabilities: List = List().tag(sync=True)
    percents: List = List().tag(sync=True)  # the probabilities as texts
    verdict = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)

    def __init__(
        self,
        predict: Callable[[np.ndarray], ArrayLike],
        class_names: Sequence[str],
        size: int,
    ) -> None:
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
                found["percents"] = [percent(probability) for probability in probabilities]
                found["verdict"] = verdict(probabilities, self.class_names)
        with self.hold_sync():  # one message, so that the page never shows half an answer
            for name, value in found.items():
                setattr(self, name, value)


class Sliders(anywidget.AnyWidget):
    """Sliders over a picture (``sliders.js``), which follows them.

    Args:
        controls: dict of name -> values at which its slider stops.
        start: dict of name -> the first value, one of the stops.
        show: function from a dict of name -> value to a dict with what the page shows of it:
            "picture", "alt" and "width", or "error".
    """

    _esm = _with_element("sliders.js")
    _css = (FOLDER / "sliders.css").read_text(encoding="utf-8")
    # To the page, once: for each slider its label, and its stops as texts.
    controls = List(Dict()).tag(sync=True)
    # From the page: for each slider the number of the stop where it stands.
    positions = List(Int()).tag(sync=True)
    # To the page, for all positions together:
    picture = Unicode().tag(sync=True)  # a PNG as data URL
    alt = Unicode().tag(sync=True)  # its words
    width = Int().tag(sync=True)  # in CSS pixels
    error = Unicode().tag(sync=True)  # instead of a picture

    def __init__(
        self,
        controls: Mapping[str, Sequence],
        start: Mapping[str, Any],
        show: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._stops, self._show = dict(controls), show
        super().__init__(
            controls=[
                {"label": name.replace("_", " "), "stops": [_in_short(stop) for stop in stops]}
                for name, stops in controls.items()
            ],
            positions=[[*stops].index(start[name]) for name, stops in controls.items()],
        )

    # While Python draws, the page keeps only the last positions: nothing queues up.
    @observe("positions")
    def _redraw(self, _):
        places = zip(self._stops.items(), self.positions, strict=True)
        found = self._show({name: stops[position] for (name, stops), position in places})
        with self.hold_sync():  # one message, so that picture and words fit each other
            for name, value in ({"error": ""} | found).items():
                setattr(self, name, value)


class Question(anywidget.AnyWidget):
    """A question with a field for a guess, or with choices (``question.js``).

    Args:
        question, choices: as in ``dlkit.interactive.predict``; no choices make a field.
        answer: what was guessed before.
        keep: is called with each guess; with ``""`` where it is taken back.
    """

    _esm = _with_element("question.js")
    _css = (FOLDER / "question.css").read_text(encoding="utf-8")
    # To the page, once:
    question = Unicode().tag(sync=True)
    choices = List(Unicode()).tag(sync=True)
    # From the page, with each key:
    answer = Unicode().tag(sync=True)

    def __init__(
        self, question: str, choices: Sequence[str], answer: str, keep: Callable[[str], None]
    ) -> None:
        super().__init__(question=question, choices=[*choices], answer=answer)
        self.observe(lambda change: keep(change["new"].strip()), "answer")


class Attention(anywidget.AnyWidget):
    """A map of attention to click through (``attention.js``).

    Args:
        weights: array ``(heads, queries, keys)``.
        queries, keys, head_names: as texts.
        truth: bool array ``(queries, keys)``.
        chosen: number of the query that is chosen first.
    """

    _esm = _with_element("attention.js")
    _css = (FOLDER / "attention.css").read_text(encoding="utf-8")
    # To the page, once:
    weights: List = List().tag(sync=True)
    queries = List(Unicode()).tag(sync=True)
    looked_at = List(Unicode()).tag(sync=True)  # the keys; every widget has "keys" of its own
    head_names = List(Unicode()).tag(sync=True)
    truth: List = List().tag(sync=True)  # for each query the numbers of the right keys
    # From the page: the number of the query.
    chosen = Int().tag(sync=True)

    def __init__(
        self,
        weights: np.ndarray,
        queries: Sequence[str],
        keys: Sequence[str],
        head_names: Sequence[str],
        truth: np.ndarray,
        chosen: int,
    ) -> None:
        super().__init__(
            weights=weights.round(4).tolist(),
            queries=[*queries],
            looked_at=[*keys],
            head_names=[*head_names],
            truth=[np.flatnonzero(row).tolist() for row in truth],
            chosen=int(chosen),
        )


class Microphone(anywidget.AnyWidget):
    """A button that records (``microphone.js``), and what ``predict`` makes of the sound.

    Args:
        predict, class_names, rate, seconds: as in ``dlkit.interactive.microphone``.
    """

    _esm = _with_element("microphone.js")
    _css = (FOLDER / "microphone.css").read_text(encoding="utf-8")
    # To the page, once:
    class_names = List(Unicode()).tag(sync=True)
    rate = Int().tag(sync=True)
    seconds = Float().tag(sync=True)
    # From the page: float32 samples, the lowest byte first.
    samples = Bytes().tag(sync=True)
    # To the page, for each recording:
    probabilities: List = List().tag(sync=True)
    percents: List = List().tag(sync=True)
    verdict = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)
    heard = Int().tag(sync=True)  # how many recordings; the page waits for its change

    def __init__(
        self,
        predict: Callable[[np.ndarray], ArrayLike],
        class_names: Sequence[str],
        rate: int,
        seconds: float,
    ) -> None:
        self._predict = predict
        super().__init__(class_names=class_names, rate=rate, seconds=seconds)

    @observe("samples")
    def _answer(self, _):
        found = {"probabilities": [], "percents": [], "verdict": "", "error": ""}
        whole = len(self.samples) // 4
        try:
            wave = np.frombuffer(self.samples, "<f4", whole).astype(np.float32)
            probabilities = checked(self._predict(wave), self.class_names)[0]
        except Exception as error:  # the learner's own function: whatever it raises is shown
            found["error"] = f"{type(error).__name__}: {error}"
        else:
            found["probabilities"] = probabilities.round(4).tolist()
            found["percents"] = [percent(probability) for probability in probabilities]
            found["verdict"] = verdict(probabilities, self.class_names, "hears")
        with self.hold_sync():  # one message, so that the page never shows half an answer
            for name, value in found.items():
                setattr(self, name, value)
            self.heard += 1


def show(widget: anywidget.AnyWidget, others: Mapping[str, str]) -> None:
    """Display a widget, and beside it what readers of the saved notebook get.

    Args:
        widget: it.
        others: text or a picture in base64, by MIME type.
    """
    from IPython.display import display

    bundle, metadata = widget._repr_mimebundle_() or (dict[str, str](), {})
    display({**bundle, **others}, metadata=metadata, raw=True)


def _in_short(stop):
    return f"{stop:g}" if isinstance(stop, float) else str(stop)
