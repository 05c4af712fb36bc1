"""Who looks where: a map to click through where someone can; small multiples where nobody can.

All weights are sent to the page at once, so a click asks nothing of Python.
"""

import base64
import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from dlkit.interactive._live import live_widgets

MOST_HEADS, MOST_TOKENS = 16, 120  # more could neither be told apart nor be read
SIGNS = str.maketrans({" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5"})  # to be seen as tokens


def explore_attention(
    weights: ArrayLike,
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    head_names: Sequence[str] | None = None,
    truth: ArrayLike | None = None,
    stills: Sequence[int] | None = None,
) -> None:
    """Choose a token, and see at which others each head looks.

    The mouse, a finger or the arrow keys choose; a sentence says where each head looks most.
    Where nobody can choose (``interactive.is_live`` says so), a panel for each of ``stills`` shows
    what would be seen: a row for each head, dark where it looks.

    Args:
        weights: attention weights of one example, shape ``(heads, queries, keys)``, 0 to 1; of a
            single head also ``(queries, keys)``.
        queries: who looks, a word or a character each; a text is taken by its characters.
        keys: what is looked at, likewise.
        head_names: a name for each head; None numbers them from 1.
        truth: where each query should look, True and False, shape ``(queries, keys)``; None: not
            known.
        stills: numbers of the queries that the small multiples show, the first of which is chosen
            at the start; None: four, evenly spread.

    Raises:
        ValueError: weights out of range, of another shape, or too many of them to be read; names,
            truth or stills that do not fit.

    Example:
        >>> weights = [[[1.0, 0.0], [0.5, 0.5]]]
        >>> explore_attention(weights, ["the", "cat"], ["the", "cat"], stills=[1])
        >>> [ax.get_title() for ax in plt.gcf().axes]
        ['“cat” looks at']
    """
    shown = np.asarray(weights, dtype=float)
    shown = shown[None] if shown.ndim == 2 else shown
    _check_weights(shown, queries, keys)
    names = [f"head {number + 1}" for number in range(len(shown))]
    names = names if head_names is None else [str(name) for name in head_names]
    if len(names) != len(shown):
        raise ValueError(f"{len(names)} head_names for {len(shown)} heads; expected one for each")
    framed = np.zeros(shown.shape[1:], bool) if truth is None else np.asarray(truth)
    if framed.shape != shown.shape[1:] or framed.dtype != np.bool_:
        raise ValueError(
            f"truth has shape {framed.shape} and type {framed.dtype.name}; expected True and False "
            f"in shape {shown.shape[1:]}"
        )
    if stills is None:
        stills = sorted({round(place) for place in np.linspace(0, len(queries) - 1, 4)})
    if not len(stills) or not all(0 <= number < len(queries) for number in stills):
        raise ValueError(
            f"stills is {list(stills)}; expected numbers of queries, from 0 to {len(queries) - 1}"
        )
    rows, columns = [_signs(queries), _signs(keys)]
    size = (7.5, len(stills) * (0.55 + 0.2 * len(names)) + 0.5)
    if widgets := live_widgets("a map to click through"):
        figure = Figure(figsize=size)  # for readers of the saved notebook
        _draw_stills(figure, shown, rows, columns, names, framed, stills)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        picture = base64.b64encode(buffer.getvalue()).decode()
        widget = widgets.Attention(shown, rows, columns, names, framed, stills[0])
        text = f"attention of {len(queries)} tokens to {len(keys)}, {len(names)} heads"
        widgets.show(widget, {"image/png": picture, "text/plain": text})
        return
    _draw_stills(plt.figure(figsize=size), shown, rows, columns, names, framed, stills)


def _check_weights(weights, queries, keys):
    if weights.ndim != 3 or not weights.size:
        raise ValueError(
            f"weights has shape {weights.shape}; expected (heads, queries, keys): choose one "
            "example, e.g. weights[0]"
        )
    if not ((weights >= 0) & (weights <= 1 + 1e-6)).all():
        raise ValueError(
            f"weights runs from {weights.min():.3g} to {weights.max():.3g}; expected 0 to 1: of "
            "scores, take the softmax first"
        )
    if (len(queries), len(keys)) != weights.shape[1:]:
        raise ValueError(
            f"{len(queries)} queries and {len(keys)} keys for weights of shape {weights.shape}; "
            "expected a token for each row and each column: cut off the padding of both"
        )
    if len(weights) > MOST_HEADS or max(weights.shape[1:]) > MOST_TOKENS:
        raise ValueError(
            f"weights has shape {weights.shape}; expected {MOST_HEADS} heads and {MOST_TOKENS} "
            "tokens at most: show a part of them"
        )


def _signs(tokens):
    return [str(token).translate(SIGNS) for token in tokens]


def _draw_stills(figure, weights, queries, keys, names, truth, stills):
    axes = figure.subplots(len(stills), 1, sharex=True, squeeze=False)[:, 0]
    for ax, number in zip(axes, stills, strict=True):
        ax.imshow(weights[:, number], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for column in np.flatnonzero(truth[number]):
            corner, height = (column - 0.46, -0.46), len(names) - 0.08
            ax.add_patch(Rectangle(corner, 0.92, height, fill=False, edgecolor="C1", lw=1.6))
        title = f"“{queries[number]}” looks at"
        ax.set_title(title + (" (framed: truth)" if truth[number].any() else ""), fontsize=9)
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0, labelsize=8)
        ax.grid(False)
    small = 8 if len(keys) <= 45 else 6
    rotation = 90 if max(map(len, keys)) > 2 else 0
    axes[-1].set_xticks(range(len(keys)), keys, fontsize=small, rotation=rotation)
    axes[-1].set_xlabel("looked at (darkest: 1)", fontsize=9)
