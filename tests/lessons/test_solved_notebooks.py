"""Each lesson with every stub replaced by the solution: all verdicts are "correct".

The solved copy is run from top to bottom as a learner would, in a fresh kernel, on the offline
sample. No cell fails or writes on stderr, and every figure of the committed run is there: so this
is also the test of the lessons without data.
"""

import os

import nbformat
import pytest
from course import count_figures
from helpers.exercise_cells import TOPICS, asked_in, exercises_of, notebook_of, solved
from run import run

NOT_FOR_KERNELS = {"PYTEST_CURRENT_TEST", "MPLBACKEND", "DLKIT_DATA_DIR", "DLKIT_CLAIMS"}


def solved_copy(topic, folder):
    """A notebook with the solutions in place of the stubs, and what it asks."""
    notebook = nbformat.read(notebook_of(topic), as_version=4)
    asked = asked_in(notebook.cells)
    exercises = exercises_of(TOPICS[topic])
    for found in asked:
        notebook.cells[found.index].source = solved(found, exercises[found.name])
    nbformat.write(notebook, folder / f"{topic}.ipynb")
    return notebook, asked


def run_offline(notebook):
    """Run a notebook on the offline sample, in a learner's environment."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_KERNELS}
    run(notebook, timeout=300, env=env | {"DLKIT_OFFLINE": "1", "TQDM_DISABLE": "1"})


def verdict_of(cell):
    """The text of the verdict that a cell ends with."""
    (output,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    return output.data["text/plain"]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_solved_lesson_is_all_correct(topic, tmp_path):
    notebook, asked = solved_copy(topic, tmp_path)
    committed = [count_figures(cell) for cell in notebook.cells]
    run_offline(notebook)
    assert len(asked) == len(exercises_of(TOPICS[topic]))
    for found in asked:
        text = verdict_of(notebook.cells[found.index])
        assert text.startswith(f"✓ correct · {found.name}\n"), text
    for number, (cell, expected) in enumerate(zip(notebook.cells, committed, strict=True)):
        assert count_figures(cell) >= expected, f"cell {number}: a figure is missing"
        stderr = [out for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        assert not stderr, f"cell {number}: {stderr}"
