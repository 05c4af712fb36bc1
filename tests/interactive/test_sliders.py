"""Sliders where someone can move them, small multiples elsewhere."""

import os
import re
import subprocess
import sys

import IPython.display
import ipywidgets
import matplotlib.pyplot as plt
import nbclient
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from dlkit import interactive
from dlkit.interactive import _sliders

CONTROLS = {"learning_rate": [0.1, 0.25, 0.5], "steps": range(1, 4)}
STILLS = [{"learning_rate": 0.25, "steps": 1}, {"learning_rate": 0.5, "steps": 3}]


def draw(ax, learning_rate, steps):
    if steps == 2:
        raise RuntimeError("no <two> steps")
    ax.plot([0, steps], [0, learning_rate])
    ax.set(title=f"$w_1$ at {learning_rate}\nand {steps}", xlabel="step", ylabel="w")


@pytest.fixture(autouse=True)
def static(monkeypatch):
    """No live client, whatever the machine's environment says; no figure left behind."""
    monkeypatch.delenv("DLKIT_WIDGETS", raising=False)
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """Makes the notebook live; the list of what was displayed: (data, options)."""
    found = []
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setattr(IPython.display, "display", lambda data, **kw: found.append((data, kw)))
    return found


@pytest.fixture
def boxes(monkeypatch):
    """Every ipywidgets box that is made."""
    found = []

    def box(children):
        found.append(ipywidgets.Box(children))
        return found[-1]

    monkeypatch.setattr(ipywidgets, "VBox", box)
    return found


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


def test_a_missing_ipywidgets_is_said_and_replaced_by_small_multiples(monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    interactive.explore(draw, CONTROLS, stills=STILLS)
    (line,) = capsys.readouterr().out.splitlines()
    assert "install ipywidgets" in line
    assert len(plt.gcf().axes) == 2


def test_small_multiples_load_neither_keras_nor_widgets():
    code = (
        "import sys; from dlkit import interactive;"
        "interactive.explore(lambda ax, a: ax.set_title(a), {'a': 'xy'}, stills=[{'a': 'x'}]);"
        "print(*{'keras', 'tensorflow', 'ipywidgets', 'IPython'} & set(sys.modules))"
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


def live(boxes, **options):
    """The sliders and the picture that a live `explore` makes."""
    interactive.explore(draw, CONTROLS, stills=STILLS, **options)
    *sliders, picture = boxes[-1].children
    return sliders, picture


def alt(picture):
    return re.search('alt="(.*?)"', picture.value).group(1)


def test_sliders_are_labelled_and_start_at_the_first_still(shown, boxes):
    sliders, picture = live(boxes)
    assert [slider.description for slider in sliders] == ["learning rate", "steps"]
    assert [slider.value for slider in sliders] == [0.25, 1]
    assert [label for label, _ in sliders[0].options] == ["0.1", "0.25", "0.5"]
    assert picture.value.startswith('<img src="data:image/png;base64,iVBOR')
    assert not plt.get_fignums(), "pyplot would show this figure as well"


def test_a_moved_slider_draws_anew_and_says_so_in_the_text_alternative(shown, boxes):
    sliders, picture = live(boxes)
    before = picture.value
    assert alt(picture) == "w1 at 0.25 and 1. horizontal axis: step. vertical axis: w"
    sliders[0].value = 0.5
    assert alt(picture).startswith("w1 at 0.5 and 1.")
    assert re.search('src="(.*?)"', before).group(1) not in picture.value


def test_an_error_is_shown_in_words_and_the_next_picture_comes(shown, boxes):
    sliders, picture = live(boxes)
    sliders[1].value = 2
    assert "RuntimeError: no &lt;two&gt; steps" in picture.value
    assert "'steps': 2" in picture.value.replace("&#x27;", "'")
    sliders[1].value = 3
    assert picture.value.startswith("<img")


def test_an_error_in_a_still_is_raised_at_once(shown):
    with pytest.raises(RuntimeError, match="two"):
        interactive.explore(draw, CONTROLS, stills=[{"learning_rate": 0.5, "steps": 2}])


def test_the_live_picture_has_the_proportions_of_a_panel(shown, boxes):
    _, picture = live(boxes, figsize=(6, 2))
    width, height = map(int, re.findall(r'(?:width|height)="(\d+)"', picture.value))
    assert width / height == pytest.approx(3 / 2, abs=0.01)


def test_a_saved_live_notebook_carries_the_small_multiples(shown, boxes):
    live(boxes)
    ((bundle, options),) = shown
    assert options == {"raw": True}
    assert bundle[_sliders.WIDGET_VIEW]["model_id"] == boxes[0].model_id
    assert bundle["image/png"].startswith("iVBOR")
    assert bundle["text/plain"] == "sliders for learning_rate, steps"


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
    assert set(for_a_person) == {_sliders.WIDGET_VIEW, "image/png", "text/plain"}
    assert set(for_a_machine) == {"image/png", "text/plain"}


def test_under_nbclient_there_are_small_multiples(notebook_backend):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.execute(notebook, timeout=60)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"image/png", "text/plain"}
