"""Sliders for a picture where someone can move them; the same as small multiples where nobody can.

A figure that answers while you move a slider teaches more than one that stands still. But a page
on GitHub, a printed lesson and a test have nobody to move it. So a lesson says once what to draw
and at which values; here is decided which of the two the reader gets, and both show the same.

The picture is an ``<img>``: no output area that would swallow errors or flicker.
"""

import base64
import io
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from dlkit.interactive._live import live_widgets

LIVE_HEIGHT, LIVE_WIDTH = 3.6, 7.5  # inches: the height of the live picture, its greatest width


def explore(
    draw: Callable[..., None],
    controls: Mapping[str, Iterable],
    *,
    stills: Sequence[Mapping[str, Any]],
    columns: int = 4,
    figsize: tuple[float, float] | None = None,
) -> None:
    """Draw a picture with sliders, or small multiples of it where nobody can move a slider.

    Args:
        draw: ``draw(ax, **values)`` draws one picture on the Axes, with limits, labels and a title
            that says which values it shows. It must draw on ``ax`` alone, not through pyplot.
        controls: dict of name -> values at which its slider stops (numbers or strings). The names
            are keywords of ``draw``; the slider's label shows their underscores as blanks.
        stills: list of dicts of name -> value, one for each of the small multiples, which share
            their axes. The sliders start at the first.
        columns: small multiples in a row.
        figsize: width and height of all small multiples together, in inches. The live picture has
            the proportions of one of them.

    Raises:
        ValueError: no controls or no stills, a control without stops, or a still that does not
            give each control one of its stops.

    Example:
        >>> def draw_power(ax, exponent):
        ...     lines = ax.plot([0, 1, 2], [0, 1, 2**exponent])
        ...     text = ax.set_title(f"exponent {exponent}")
        >>> explore(draw_power, {"exponent": range(5)}, stills=[{"exponent": 1}, {"exponent": 2}])
        >>> [ax.get_title() for ax in plt.gcf().axes]
        ['exponent 1', 'exponent 2']
    """
    stops = {name: [*values] for name, values in controls.items()}
    _check(stops, stills)
    columns = min(columns, len(stills))
    rows = -(-len(stills) // columns)
    width, height = figsize or (LIVE_WIDTH, 2.4 * rows)
    if widgets := live_widgets("sliders"):
        everything = Figure(figsize=(width, height))  # for readers of the saved notebook
        _draw_stills(everything, draw, stills, rows, columns)
        panel_width = LIVE_HEIGHT * (width / columns) / (height / rows)
        size = min(panel_width, LIVE_WIDTH), LIVE_HEIGHT
        sliders = widgets.Sliders(stops, stills[0], lambda values: _picture(draw, values, size))
        text = f"sliders for {', '.join(stops)}"
        widgets.show(sliders, {"image/png": _in_base64(_png(everything)), "text/plain": text})
        return
    _draw_stills(plt.figure(figsize=(width, height)), draw, stills, rows, columns)


def _check(controls, stills):
    if not controls or not stills:
        raise ValueError(
            f"explore got controls {controls} and stills {stills}; it needs at least one of each."
        )
    for name, stops in controls.items():
        if not stops:
            raise ValueError(f"The control {name!r} has no stops; give it a list of values.")
    for still in stills:
        if set(still) != set(controls):
            raise ValueError(
                f"A still names {sorted(still)}, the controls are {sorted(controls)}; "
                "give each still a value for every control, and for nothing else."
            )
        for name, value in still.items():
            if value not in controls[name]:
                raise ValueError(
                    f"A still has {name} = {value!r}, where the slider does not stop; "
                    f"its stops are {controls[name]}."
                )


def _draw_stills(figure, draw, stills, rows, columns):
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    for ax, still in itertools.zip_longest(axes, stills):
        if still is None:  # the last row is not full
            ax.remove()
        else:
            draw(ax, **still)
            ax.label_outer()


def _picture(draw, values, size):
    """What the page shows of these values: a picture with its words, or what went wrong."""
    figure = Figure(figsize=size)
    ax = figure.subplots()
    try:
        draw(ax, **values)
        # Twice as fine as the page, sharp on any screen; without empty bands around it.
        png = _png(figure, dpi=2 * figure.dpi, bbox_inches="tight", pad_inches=0.05)
    except Exception as error:  # of the lesson's code: a slider's errors are shown nowhere else
        return {"error": f"At {values} the picture failed: {type(error).__name__}: {error}"}
    width = int.from_bytes(png[16:20], "big") // 2  # PNG says its width there
    return {
        "picture": f"data:image/png;base64,{_in_base64(png)}",
        "alt": _in_words(ax),
        "width": width,
    }


def _png(figure, **options):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", **options)
    return buffer.getvalue()


def _in_base64(png):
    return base64.b64encode(png).decode()


def _in_words(ax):
    """The title and the names of the axes, without the signs of formulas."""
    title = " ".join(filter(None, map(ax.get_title, ("left", "center", "right"))))
    labels = {"horizontal": ax.get_xlabel(), "vertical": ax.get_ylabel()}
    parts = [title, *(f"{name} axis: {label}" for name, label in labels.items() if label)]
    return re.sub(r"[$\\{}_]", "", ". ".join(filter(None, parts))).replace("\n", " ")
