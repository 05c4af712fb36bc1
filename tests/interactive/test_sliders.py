"""Sliders where someone can move them, small multiples elsewhere."""

import base64
import io
import os
import subprocess
import sys

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from dlkit import interactive
from dlkit.interactive import _widget

pytestmark = pytest.mark.usefixtures("static")
WIDGET = "Sliders"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = {"learning_rate": [0.1, 0.25, 0.5], "steps": range(1, 4)}
STILLS = [{"learning_rate": 0.25, "steps": 1}, {"learning_rate": 0.5, "steps": 3}]


def draw(ax, learning_rate, steps):
    if steps == 2:
        raise RuntimeError("no <two> steps")
    ax.plot([0, steps], [0, learning_rate])
    ax.set(title=f"$w_1$ at {learning_rate}\nand {steps}", xlabel="step", ylabel="w")


# ---- Small multiples -------------------------------------------------------------------------


def test_without_a_reader_one_figure_holds_a_panel_for_each_still():
    assert interactive.explore(draw, CONTROLS, stills=STILLS) is None
    assert len(plt.get_fignums()) == 1
    titles = [ax.get_title() for ax in plt.gcf().axes]
    assert titles == ["$w_1$ at 0.25\nand 1", "$w_1$ at 0.5\nand 3"]


def test_panels_fill_rows_share_their_axes_and_name_them_once():
    stills = [{"exponent": e} for e in range(5)]

    def draw_power(ax, exponent):
        ax.plot([0, 2], [0, 2**exponent])
        ax.set(xlabel="x", ylabel="y")

    interactive.explore(draw_power, {"exponent": range(5)}, stills=stills, columns=3)
    axes = plt.gcf().axes
    assert [ax.get_subplotspec().rowspan.start for ax in axes] == [0, 0, 0, 1, 1]
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert [ax.get_ylabel() for ax in axes] == ["y", "", "", "y", ""]


def test_figsize_is_that_of_all_panels():
    interactive.explore(draw, CONTROLS, stills=STILLS, figsize=(5, 2))
    assert [*plt.gcf().get_size_inches()] == [5, 2]


def test_a_missing_anywidget_is_said_and_replaced_by_small_multiples(monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setitem(sys.modules, "dlkit.interactive._widget", None)  # its import fails
    interactive.explore(draw, CONTROLS, stills=STILLS)
    (line,) = capsys.readouterr().out.splitlines()
    assert "install anywidget" in line
    assert len(plt.gcf().axes) == 2


def test_small_multiples_load_neither_keras_nor_widgets():
    code = (
        "import sys; from dlkit import interactive;"
        "interactive.explore(lambda ax, a: ax.set_title(a), {'a': 'xy'}, stills=[{'a': 'x'}]);"
        "print(*{'keras', 'tensorflow', 'anywidget', 'ipywidgets', 'IPython'} & set(sys.modules))"
    )
    env = os.environ | {"MPLBACKEND": "Agg"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert (run.stdout.strip(), run.stderr) == ("", "")


@pytest.mark.parametrize(
    ("controls", "stills", "message"),
    [
        ({}, [{}], "at least one"),
        (CONTROLS, [], "at least one"),
        ({"steps": []}, [{"steps": 1}], "'steps' has no stops"),
        (CONTROLS, [STILLS[0] | {"rate": 1}], "names .*'rate'"),
        (CONTROLS, [{"steps": 1}], "a value for every control"),
        (CONTROLS, [STILLS[0], {"learning_rate": 0.3, "steps": 1}], r"learning_rate = 0\.3"),
    ],
)
def test_bad_arguments_are_refused(controls, stills, message):
    with pytest.raises(ValueError, match=message):
        interactive.explore(draw, controls, stills=stills)


# ---- Sliders ---------------------------------------------------------------------------------


def live(made, **options):
    """The sliders that a live `explore` makes."""
    interactive.explore(draw, CONTROLS, stills=STILLS, **options)
    return made[-1]


def move(sliders, *positions):
    """As the page says it."""
    sliders.set_state({"positions": [*positions]})


def png_of(sliders):
    head, data = sliders.picture.split(",")
    assert head == "data:image/png;base64"
    return base64.b64decode(data)


def size_of(png):
    return tuple(int.from_bytes(png[start : start + 4], "big") for start in (16, 20))


def test_sliders_are_labelled_and_start_at_the_first_still(shown, made):
    sliders = live(made)
    assert sliders.controls == [
        {"label": "learning rate", "stops": ["0.1", "0.25", "0.5"]},
        {"label": "steps", "stops": ["1", "2", "3"]},
    ]
    assert sliders.positions == [1, 0]
    assert png_of(sliders).startswith(b"\x89PNG") and sliders.error == ""
    assert not plt.get_fignums(), "pyplot would show this figure as well"


def test_a_moved_slider_draws_anew_and_says_so_in_the_text_alternative(shown, made):
    sliders = live(made)
    before = sliders.picture
    assert sliders.alt == "w1 at 0.25 and 1. horizontal axis: step. vertical axis: w"
    move(sliders, 2, 0)
    assert sliders.alt.startswith("w1 at 0.5 and 1.")
    assert sliders.picture != before


def test_one_message_to_the_page_for_each_move(shown, made, monkeypatch):
    sliders, sent = live(made), []
    monkeypatch.setattr(sliders, "send_state", lambda keys: sent.append(set(keys)))
    move(sliders, 0, 0)
    (keys,) = sent
    assert {"picture", "alt"} <= keys


def test_an_error_is_shown_in_words_and_the_next_picture_comes(shown, made):
    sliders = live(made)
    move(sliders, 1, 1)
    assert "RuntimeError: no <two> steps" in sliders.error
    assert "'steps': 2" in sliders.error
    move(sliders, 1, 2)
    assert sliders.error == "" and sliders.alt.startswith("w1 at 0.25 and 3.")


def test_an_error_in_a_still_is_raised_at_once(shown):
    with pytest.raises(RuntimeError, match="two"):
        interactive.explore(draw, CONTROLS, stills=[{"learning_rate": 0.5, "steps": 2}])


@pytest.mark.parametrize(("figsize", "proportions"), [((6, 2), 1.5), ((3, 2), 0.75)])
def test_the_live_picture_has_the_proportions_of_a_panel(shown, made, figsize, proportions):
    width, height = size_of(png_of(live(made, figsize=figsize)))
    assert width / height == pytest.approx(proportions, rel=0.15)  # empty margins are cut off


def test_the_live_picture_is_twice_as_fine_as_the_page(shown, made):
    sliders = live(made)
    assert sliders.width == size_of(png_of(sliders))[0] // 2


def test_the_live_picture_has_no_empty_band_around_it(shown, made):
    def draw_square(ax, side):
        ax.imshow([[side]], cmap="gray", vmin=-1, vmax=1)  # square in a tall figure
        ax.axis("off")

    interactive.explore(draw_square, {"side": [0]}, stills=[{"side": 0}], figsize=(2, 6))
    pixels = plt.imread(io.BytesIO(png_of(made[-1])))[..., :3].mean(axis=-1)
    rows, columns = (np.flatnonzero((pixels < 0.9).any(axis=axis)) for axis in (1, 0))
    band = 0.05 * 2 * plt.rcParams["figure.dpi"] + 2  # of the pad around it, in pixels
    for inked, length in zip((rows, columns), pixels.shape, strict=True):
        assert inked[0] <= band and inked[-1] >= length - 1 - band


def test_a_saved_live_notebook_carries_the_small_multiples(shown, made):
    sliders = live(made)
    ((bundle, options),) = shown
    assert options["raw"] is True
    assert bundle[WIDGET_VIEW]["model_id"] == sliders.model_id
    assert bundle["image/png"].startswith("iVBOR")
    assert bundle["text/plain"] == "sliders for learning_rate, steps"


def test_a_screen_reader_hears_the_value_at_the_stop_not_its_number():
    assert 'setAttribute("aria-valuetext", stops[position])' in _widget.Sliders._esm


# ---- Who sits there? -------------------------------------------------------------------------


def test_plain_python_is_not_live_and_colab_is(monkeypatch):
    assert not interactive.is_live()
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert interactive.is_live()
    monkeypatch.setenv("DLKIT_WIDGETS", "0")
    assert not interactive.is_live()


def test_the_variable_overrides_and_must_be_0_or_1(monkeypatch):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    assert interactive.is_live()
    monkeypatch.setenv("DLKIT_WIDGETS", "yes")
    with pytest.raises(ValueError, match="'yes'; set it to 0 or 1"):
        interactive.is_live()


@pytest.fixture
def notebook_backend(monkeypatch):
    """Kernels choose how figures are shown, as a learner's do; conftest.py names a backend."""
    monkeypatch.delenv("MPLBACKEND", raising=False)


CELL = (
    "from dlkit import interactive\n"
    "def draw(ax, a): ax.plot([0, a])\n"
    "interactive.explore(draw, {'a': [1, 2]}, stills=[{'a': 1}])"
)


def test_in_a_kernel_whose_client_answers_there_are_sliders(notebook_backend):
    """As JupyterLab asks for a run, and as nbval does."""
    outputs = []
    manager, client = start_new_kernel()
    try:
        for answers in (True, False):
            found = []
            client.execute_interactive(
                CELL, allow_stdin=answers, timeout=60, output_hook=found.append
            )
            outputs += [m["content"]["data"] for m in found if m["msg_type"] == "display_data"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    for_a_person, for_a_machine = outputs
    assert set(for_a_person) == {WIDGET_VIEW, "image/png", "text/plain"}
    assert set(for_a_machine) == {"image/png", "text/plain"}


def test_under_nbclient_there_are_small_multiples(notebook_backend):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.execute(notebook, timeout=60)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"image/png", "text/plain"}
