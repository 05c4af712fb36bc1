"""A guess: asked for, kept, and shown beside the result."""

import sys

import nbclient
import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from dlkit import interactive
from dlkit.interactive import _predict

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET = "Question"
QUESTION = "How many of 100 will it read?"


@pytest.fixture(autouse=True)
def nothing_guessed(static, monkeypatch):
    """Nothing was guessed before."""
    monkeypatch.setattr(_predict, "_kept", {})


def said(capsys):
    return capsys.readouterr().out.splitlines()


# ---- Text to write on ------------------------------------------------------------------------


def test_without_a_reader_the_question_is_printed_with_a_line_to_write_on(capsys):
    interactive.predict(QUESTION)
    question, line = said(capsys)
    assert question == QUESTION and line.startswith("Your guess: ____")


def test_choices_are_printed_as_a_list(capsys):
    interactive.predict("Which is larger?", ["the first", 2])
    assert said(capsys)[1:3] == ["( ) the first", "( ) 2"]


def test_a_missing_anywidget_is_said_and_replaced_by_text(monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setitem(sys.modules, "dlkit.interactive._widget", None)  # its import fails
    interactive.predict(QUESTION)
    first, second, _ = said(capsys)
    assert "install anywidget" in first and second == QUESTION


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("  ",), "expected a sentence"),
        ((QUESTION, []), "two or more"),
        ((QUESTION, ["one"]), "two or more"),
        ((QUESTION, ["1", 1]), "different"),
        ((QUESTION, "yes"), "in a list"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        interactive.predict(*arguments)


@pytest.mark.parametrize(
    ("result", "text"), [("85.5 %", "85.5 %"), (8 / 9, "0.8889"), (np.float32(0.1), "0.1"), (7, 7)]
)
def test_a_result_without_a_guess_is_shown_alone(capsys, result, text):
    guess = interactive.predict(QUESTION)
    guess.reveal(result)
    assert said(capsys)[-1] == f"It came out as {text}."


# ---- The field -------------------------------------------------------------------------------


def type_in(widget, text):
    """As the page says it."""
    widget.set_state({"answer": text})


def test_a_guess_is_shown_beside_the_result(shown, made, capsys):
    guess = interactive.predict(QUESTION)
    type_in(made[0], " 90 ")
    guess.reveal("85.5 %")
    assert said(capsys) == ["You said 90; it came out as 85.5 %."]


def test_a_guess_may_be_changed_and_taken_back(shown, made, capsys):
    guess = interactive.predict(QUESTION)
    for text in ("90", "80", ""):
        type_in(made[0], text)
        guess.reveal("85.5 %")
    both, other, alone = said(capsys)
    assert "said 90" in both and "said 80" in other and alone == "It came out as 85.5 %."


def test_a_second_run_of_the_cell_shows_the_same_guess(shown, made, capsys):
    first = interactive.predict(QUESTION)
    type_in(made[0], "90")
    second = interactive.predict(QUESTION)
    assert made[1].answer == "90"
    type_in(made[1], "95")
    for guess in (first, second):
        guess.reveal(97)
    assert said(capsys) == 2 * ["You said 95; it came out as 97."]


def test_two_questions_have_two_guesses(shown, made, capsys):
    guesses = [interactive.predict(QUESTION, choices) for choices in (None, ["90", "97"])]
    type_in(made[1], "97")
    assert [guess.answer for guess in guesses] == ["", "97"]
    assert [widget.choices for widget in made] == [[], ["90", "97"]]


def test_a_saved_live_notebook_carries_the_text(shown, made):
    interactive.predict(QUESTION, ["90", "97"])
    ((bundle, _),) = shown
    assert bundle[WIDGET_VIEW]["model_id"] == made[0].model_id
    assert bundle["text/plain"].splitlines()[:3] == [QUESTION, "( ) 90", "( ) 97"]


# ---- In a kernel -----------------------------------------------------------------------------

CELL = "from dlkit import interactive\nguess = interactive.predict('How many?')"


def test_in_a_kernel_whose_client_answers_there_is_a_field(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    found = []
    manager, client = start_new_kernel()
    try:
        client.execute_interactive(CELL, allow_stdin=True, timeout=60, output_hook=found.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    (bundle,) = [m["content"]["data"] for m in found if m["msg_type"] == "display_data"]
    assert set(bundle) == {WIDGET_VIEW, "text/plain"}
    assert not [m for m in found if m["msg_type"] in ("stream", "error")]


def test_under_nbclient_there_is_text_and_a_result():
    cells = [CELL, "guess.reveal('85.5 %')"]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    nbclient.execute(notebook, timeout=60)
    (asked,), (told,) = (cell.outputs for cell in notebook.cells)
    assert asked.name == told.name == "stdout"
    assert asked.text.startswith("How many?\nYour guess: ___")
    assert told.text == "It came out as 85.5 %.\n"
