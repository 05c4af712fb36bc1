"""Sliders for a picture where someone can move them; the same as small multiples where nobody can.

A figure that answers while you move a slider teaches more than one that stands still. But a page
on GitHub, a printed lesson and a test have nobody to move it. So a lesson says once what to draw
and at which values; here is decided which of the two the reader gets, and both show the same.

The picture is an ``<img>``: no output area that would swallow errors or flicker.
"""

import base64
import io
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

LIVE_HEIGHT, LIVE_WIDTH = 3.6, 7.5  # inches: the height of the live picture, its greatest width


def is_live() -> bool:
    """Whether somebody sits at the notebook and can move a slider.

    A kernel knows whether its client answers questions (``input()``): JupyterLab, the classic
    Notebook and VS Code do; nbconvert, nbclient and nbval, which run a notebook unattended, say
    that they do not. On Colab somebody is always there. The environment variable
    ``DLKIT_WIDGETS`` overrides this: 1 asks for sliders, 0 for small multiples.

    Returns:
        True for sliders, False for small multiples; False outside of a notebook.

    Raises:
        ValueError: ``DLKIT_WIDGETS`` is neither 0 nor 1.
    """
    wish = os.environ.get("DLKIT_WIDGETS", "")
    if wish not in ("", "0", "1"):
        raise ValueError(f"DLKIT_WIDGETS is {wish!r}; set it to 0 or 1, or do not set it.")
    if wish or "google.colab" in sys.modules:
        return wish != "0"
    ipython = sys.modules.get("IPython")  # in a notebook it is loaded already
    shell = ipython.get_ipython() if ipython else None
    # Private, but the only record of what the client said; here in ipykernel 6.17 as in 7.4.
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


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
    if is_live():
        try:
            from IPython.display import display

            from dlkit.interactive._widget import Sliders
        except ImportError:
            print("For sliders, install anywidget and restart the kernel. Without it:")
        else:
            everything = Figure(figsize=(width, height))  # for readers of the saved notebook
            _draw_stills(everything, draw, stills, rows, columns)
            panel_width = LIVE_HEIGHT * (width / columns) / (height / rows)
            size = min(panel_width, LIVE_WIDTH), LIVE_HEIGHT
            sliders = Sliders(stops, stills[0], lambda values: _picture(draw, values, size))
            bundle, metadata = sliders._repr_mimebundle_() or ({}, {})
            bundle["image/png"] = _in_base64(_png(everything))
            bundle["text/plain"] = f"sliders for {', '.join(stops)}"
            display(bundle, metadata=metadata, raw=True)
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
