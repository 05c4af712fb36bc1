"""Each lesson with every stub replaced by the solution: all verdicts are "correct".

The solved copy is run from top to bottom as a learner would, in a fresh kernel, on the offline
sample. No cell fails or writes on stderr, and every figure of the committed run is there: so this
is also the test of the lessons without data.
"""

import os

import nbclient
import nbformat
import pytest
from helpers.exercise_cells import ROOT, TOPICS, asked_in, exercises_of, notebook_of, solved

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


def run(notebook):
    """Execute a notebook as tools/notebooks.py does, on the offline sample."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_KERNELS}
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=40", "--HistoryManager.hist_file=:memory:"],
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    )
    client.execute(env=env | {"DLKIT_OFFLINE": "1", "TQDM_DISABLE": "1"})


def verdict_of(cell):
    """The text of the verdict that a cell shows, once."""
    (output,) = [output for output in cell.outputs if output.output_type == "display_data"]
    return output.data["text/plain"]


def figures(cell):
    """The number of images among a cell's outputs."""
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_solved_lesson_is_all_correct(topic, tmp_path):
    notebook, asked = solved_copy(topic, tmp_path)
    committed = [figures(cell) for cell in notebook.cells]
    run(notebook)
    assert len(asked) == len(exercises_of(TOPICS[topic]))
    for found in asked:
        text = verdict_of(notebook.cells[found.index])
        assert text.startswith(f"✓ correct · {found.name}\n"), text
    for number, (cell, expected) in enumerate(zip(notebook.cells, committed, strict=True)):
        assert figures(cell) >= expected, f"cell {number}: a figure is missing"
        stderr = [out for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        assert not stderr, f"cell {number}: {stderr}"
