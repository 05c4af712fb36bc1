"""Every exercise of every lesson: right answers pass, wrong ones hear what is wrong with them.

The answers are in answers/TOPIC.py: ``WRONG`` and ``RIGHT``, each a dict from the name of an
exercise to its answers, and ``GIVEN`` with the data that a check needs, where it needs any.
"""

import ast
import builtins
import re

import numpy as np
import pytest
from helpers.exercise_cells import (
    ROOT,
    TOPICS,
    answers_of,
    asked_in,
    exercises_of,
    notebook_of,
    read_cells,
    read_exercise,
    solved,
)

from dlkit.exercises.engine import Case, Exercise

EXERCISES = {(topic, name): e for topic, m in TOPICS.items() for name, e in exercises_of(m).items()}
ANSWERS = {topic: answers_of(topic) for topic in TOPICS}
every_topic = pytest.mark.parametrize("topic", TOPICS)
every_exercise = pytest.mark.parametrize(
    ("topic", "name"), EXERCISES, ids=[f"{topic}-{name}" for topic, name in EXERCISES]
)


def given(topic, name):
    found = getattr(ANSWERS[topic], "GIVEN", {}).get(name, ())
    return found() if callable(found) else found


def check(topic, name, answer):
    return EXERCISES[topic, name].check(answer, *given(topic, name))


def each(what):
    """Parameters (topic, name, answer, …), one for each entry of WRONG or RIGHT."""
    return [
        pytest.param(topic, name, *entry, id=f"{topic}-{name}-{number}")
        for topic, name in EXERCISES
        for number, entry in enumerate(entries(what, topic, name))
    ]


def entries(what, topic, name):
    found = getattr(ANSWERS[topic], what).get(name, [])
    return found if what == "WRONG" else [(answer,) for answer in found]


# ---- Answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "name"), [key for key, found in EXERCISES.items() if found.reference is not None]
)
def test_the_reference_is_correct(topic, name):
    """Without a reference there is a solution, which the run of the lesson tries."""
    verdict = check(topic, name, EXERCISES[topic, name].reference)
    assert verdict.status == "correct", verdict


@every_exercise
def test_a_stub_is_not_attempted(topic, name):
    def stub(*args, **kwargs):
        raise NotImplementedError("your turn")

    assert check(topic, name, ...).status == "not attempted"
    if callable(EXERCISES[topic, name].reference):
        assert check(topic, name, stub).status == "not attempted"


@pytest.mark.parametrize(("topic", "name", "answer", "fragment"), each("WRONG"))
def test_a_wrong_answer_hears_what_is_wrong(topic, name, answer, fragment):
    verdict = check(topic, name, answer)
    assert verdict.status == "not yet", verdict
    assert fragment in verdict.text, verdict


@pytest.mark.parametrize(("topic", "name", "answer"), each("RIGHT"))
def test_a_right_answer_is_correct_however_written(topic, name, answer):
    verdict = check(topic, name, answer)
    assert verdict.status == "correct", verdict


@every_exercise
def test_every_usual_mistake_is_named(topic, name):
    exercise = EXERCISES[topic, name]
    for mistake in exercise.mistakes:
        verdict = check(topic, name, mistake.function)
        assert verdict.status == "not yet", f"{mistake.message}\n{verdict}"
        assert mistake.message in verdict.text, f"{mistake.message}\n{verdict}"


@every_exercise
def test_there_are_four_wrong_answers_with_messages_of_their_own(topic, name):
    fragments = [fragment for _, fragment in ANSWERS[topic].WRONG.get(name, [])]
    assert len(fragments) >= 4
    assert len(set(fragments)) == len(fragments)
    assert ANSWERS[topic].RIGHT.get(name), "give at least one more right answer"


@every_topic
def test_answers_are_for_exercises_that_exist(topic):
    names = exercises_of(TOPICS[topic]).keys()
    assert ANSWERS[topic].WRONG.keys() == names == ANSWERS[topic].RIGHT.keys()


# ---- Hints and solutions ---------------------------------------------------------------------


@every_topic
def test_a_module_has_its_exercises_under_their_own_names(topic):
    found = exercises_of(TOPICS[topic])
    assert [exercise.name for exercise in found.values()] == list(found)


@every_exercise
def test_hints_lead_on_and_the_first_does_not_give_the_solution(topic, name):
    exercise = EXERCISES[topic, name]
    assert 2 <= len(exercise.hints) <= 4
    assert gives_away(exercise.hints[0], exercise.solution_code) == []


def gives_away(hint, code):
    """The longer lines of code, but for spaces and assigned names, that a hint contains."""
    lines = (re.sub(r"^(return|\w+ =)\s+", "", line.strip()) for line in code.splitlines())
    squeezed = re.sub(r"\s", "", hint)
    return [line for line in lines if len(line) > 14 and re.sub(r"\s", "", line) in squeezed]


def test_a_hint_that_gives_the_solution_away_is_seen():
    code = "def f(x):\n    return np.exp(x).sum() / 2"
    assert gives_away("Try np.exp(x).sum()/2 first.", code) == ["np.exp(x).sum() / 2"]
    assert gives_away("Halve the exponential.", code) == []


@every_exercise
def test_the_solution_can_be_read(topic, name):
    code = EXERCISES[topic, name].solution_code
    compile(code, name, "exec")
    assert len(code.splitlines()) <= 40
    assert not re.search(r"import _|\._", code), "nothing private is shown"


def needs_its_lesson(code):
    """Whether a solution uses more than NumPy, its exercises, and what it makes itself."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    made |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    return bool({node.id for node in names} - made - {"np", "exercises"} - set(dir(builtins)))


ALONE = [key for key, found in EXERCISES.items() if not needs_its_lesson(found.solution_code)]


def test_most_solutions_run_alone_and_the_rest_in_their_lesson():
    """The rest uses names of the lesson; the lesson's own run, solved, checks them."""
    rest = {name for topic, name in EXERCISES.keys() - set(ALONE)}
    of_lessons = {"find_the_bug", "trigrams", "few_digits", "small_cnn", "small_model"}
    of_lessons |= {"no_bias", "divide", "colleagues_conclusion"}
    of_lessons |= {"ingredient", "suspects", "referee", "fifty_words", "half_size"}
    assert rest <= of_lessons, rest


@pytest.mark.parametrize(("topic", "name"), ALONE)
def test_the_solution_shown_is_correct_as_it_stands(topic, name):
    (asked,) = [a for a in asked_in(read_cells(notebook_of(topic))) if a.name == name]
    found = {"np": np, "exercises": TOPICS[topic]}
    exec(EXERCISES[topic, name].solution_code, found)
    verdict = check(topic, name, found[asked.answer])
    assert verdict.status == "correct", verdict.text


# ---- In the notebook -------------------------------------------------------------------------


def section(cells):
    """(first, last) index of the section Exercises."""
    text = [cell["source"] if cell["cell_type"] == "markdown" else "" for cell in cells]
    first = next(n for n, source in enumerate(text) if re.search(r"^## Exercises", source, re.M))
    last = next(n for n, source in enumerate(text) if re.search(r"^## What to rem", source, re.M))
    return first, last


@every_topic
def test_the_notebook_asks_every_exercise_once_in_its_section(topic):
    cells = read_cells(notebook_of(topic))
    first, last = section(cells)
    asked = asked_in(cells)
    assert sorted(found.name for found in asked) == sorted(exercises_of(TOPICS[topic]))
    assert all(first < found.index < last for found in asked)
    assert any(
        f"from dlkit.exercises import {topic} as exercises" in cell["source"] for cell in cells
    )


@every_topic
def test_no_answer_is_committed_and_nothing_depends_on_a_stub(topic):
    cells = read_cells(notebook_of(topic))
    for found in asked_in(cells):
        shown = [output["data"] for output in cells[found.index]["outputs"]]
        assert len(shown) == 1, f"{found.name}: run the cell, so that its verdict is seen"
        text = "".join(shown[0]["text/plain"])
        assert text.startswith(f"○ not attempted · {found.name}"), text
        assert "not attempted" in "".join(shown[0]["text/html"])
        others = [cell["source"] for n, cell in enumerate(cells) if n != found.index]
        assert not [s for s in others if re.search(rf"\b{found.answer}\b", s)], found.answer


def test_every_lesson_with_exercises_has_a_module():
    asking = [
        path.stem[3:]
        for path in (ROOT / "notebooks").glob("*.ipynb")
        if "dlkit.exercises import" in path.read_text(encoding="utf-8")
    ]
    assert sorted(asking) == sorted(TOPICS)


# ---- The reader of cells ---------------------------------------------------------------------


def test_a_solved_cell_has_the_solution_for_the_stub():
    source = "def f(x):\n    raise NotImplementedError  # x\n\n\nexercises.g.check(f)  # stuck?"
    asked = read_exercise(source, 0)
    exercise = Exercise("g", reference=gives_away, cases=[Case("a", "b", "c")], hints=["a", "b"])
    assert "\ndef my_g(hint, code):\n" in solved(asked, exercise)
    assert solved(asked, exercise).endswith("\n\n\nf = my_g\n\n\nexercises.g.check(f)  # stuck?")
    exercise = Exercise("g", reference=1, solution="f = 1", hints=["a", "b"])
    asked = read_exercise("f = ...\nexercises.g.check(\n    f, x\n)", 0)
    assert solved(asked, exercise) == "f = 1\n\n\nexercises.g.check(\n    f, x\n)"


@pytest.mark.parametrize(
    "source",
    [
        "f = ...\nexercises.g.check(f)\nprint(f)",
        "exercises.g.check(f)",
        "f = ...\nexercises.g.check(other)",
        "f = ...\nh = ...\nexercises.g.check(f)",
    ],
)
def test_a_cell_of_another_form_is_refused(source):
    with pytest.raises(ValueError, match="cell 0"):
        read_exercise(source, 0)
