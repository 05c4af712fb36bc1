"""Feeds bad notebooks to the project's conftest.py, and sees each of them fail for its reason."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple
from xml.etree import ElementTree

import nbformat
import nbformat.v4 as nb
import pytest
from helpers import ROOT
from helpers.exercise_cells import TOPICS, exercises_of
from PIL import Image

pytestmark = pytest.mark.slow
TIMEOUT_S = 4
ENDLESS = ("hangs", "ignores")


def png(*grays):
    """A PNG image, as notebooks hold it, of one pixel for each level of grey."""
    image = Image.new("L", (len(grays), 1))
    image.putdata(grays)
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def figure(image):
    return nb.new_output("display_data", data={"image/png": image, "text/plain": "figure"})


def show(image):
    """The source of a cell that shows this image."""
    return (
        "from base64 import b64decode\nfrom IPython.display import Image, display\n"
        f"display(Image(b64decode('{image}')))"
    )


def printed(text):
    return nb.new_output("stream", name="stdout", text=text)


def result(text, count=1):
    return nb.new_output("execute_result", data={"text/plain": text}, execution_count=count)


class Cell(NamedTuple):
    """A code cell, and what pytest must say of it: a verdict, and `message` somewhere in it."""

    source: str
    outputs: tuple = ()
    message: str = ""
    verdict: str = "failed"
    tags: tuple = ()
    run: bool = True


NAME = next(iter(exercises_of(TOPICS["activations"])))
STUB = f"def answer(x):\n    raise NotImplementedError\n\n\nexercises.{NAME}.check(answer)"
DIGIT, BLANK = png(0, 255, 128), png(255, 254, 255)
CHECK = "# NBVAL_CHECK_OUTPUT\n"

# Cells of one notebook do not depend on each other, so that each has a verdict of its own.
NOTEBOOKS = {
    "good": {
        "result": Cell(CHECK + "6 * 7", (result("42"),), verdict="passed"),
        "semicolon": Cell(CHECK + "6 * 7;", verdict="passed"),
        "image": Cell(show(DIGIT), (figure(DIGIT),), verdict="passed"),
        "raises": Cell("1 / 0", tags=("raises-exception",), verdict="passed"),
        "silent bar": Cell("from tqdm import tqdm\nlist(tqdm([1]))", verdict="passed"),
        "inline": Cell(
            "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
            (figure(DIGIT),),
            verdict="passed",
        ),
    },
    "bad": {
        "stripped": Cell("6 * 7", run=False, message="no committed run"),
        "missing figure": Cell(
            "pass", (figure(DIGIT),), message="Images: 1 in the committed run, 0 in the fresh one"
        ),
        "new figure": Cell(
            show(DIGIT), message="Images: 0 in the committed run, 1 in the fresh one"
        ),
        "blank figure": Cell(
            show(BLANK), (figure(DIGIT),), message="An image of the fresh run is blank"
        ),
        "committed blank": Cell(
            show(DIGIT), (figure(BLANK),), message="An image of the committed run is blank"
        ),
        "changed number": Cell(
            CHECK + "print(0.98)", (printed("0.97\n"),), message="Cell outputs differ"
        ),
        "failing claim": Cell(
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from dlkit.claims import Claims\nClaims('00')('accuracy', 0.96, real=(0.97, 1))",
            message="claim does not hold: accuracy",
        ),
        "calm claim": Cell(
            "import json, os\n"
            "claim = dict(name='accuracy', value=0.5, low=0.96, high=0.97, held=False)\n"
            "with open(os.environ['DLKIT_CLAIMS'], 'a') as file:\n"
            "    print(json.dumps(claim), file=file)",
            message="Claim: accuracy = 0.5, not from 0.96 to 0.97",
        ),
        "after the claim": Cell("pass", verdict="passed"),
        "stderr": Cell(
            "import sys\nprint('a warning', file=sys.stderr)",
            message="The cell wrote on stderr:\na warning",
        ),
        "after stderr": Cell("pass", verdict="passed"),
        "does not raise": Cell("pass", tags=("raises-exception",), message="it raised nothing"),
    },
    "77_activations": {
        "lesson's module": Cell(
            "import numpy as np\nfrom dlkit.exercises import activations as exercises",
            verdict="passed",
        ),
        "solved": Cell(STUB, verdict="passed"),
        "an exercise that refuses": Cell(
            f"class exercises:\n    class {NAME}:\n        reference, check = 0, print",
            verdict="passed",
        ),
        "refused": Cell(STUB, message=f"The solution of {NAME} is not correct"),
    },
    "descriptor": {
        "C++ log": Cell(
            "import os, time\nos.write(2, b'I0000 a line of C++\\n')\ntime.sleep(0.5)",
            message="I0000 a line of C++",
        ),
    },
    "dies": {
        "dead kernel": Cell("import os\nos._exit(1)", message="The kernel died"),
        "after death": Cell("pass", verdict="skipped", message="its kernel died"),
    },
    "hangs": {
        "hung cell": Cell(
            "import time\ntime.sleep(600)",
            message=f"Timeout of {TIMEOUT_S} seconds exceeded executing cell",
        ),
        "after hanging": Cell("time.sleep(600)", verdict="skipped", message="hung"),
    },
    "ignores": {
        "ignores interrupts": Cell(
            "import time\nwhile True:\n    try:\n        print('.')\n        time.sleep(0.2)\n"
            "    except KeyboardInterrupt:\n        pass",
            message=f"Not finished after {TIMEOUT_S} s",
        ),
        "after ignoring": Cell("pass", verdict="skipped", message="hung"),
    },
}
CELLS = {
    name: (book, number, cell)
    for book, cells in NOTEBOOKS.items()
    for number, (name, cell) in enumerate(cells.items())
}


def write_notebook(path, cells):
    notebook = nb.new_notebook()
    for count, cell in enumerate(cells, start=1):
        code = nb.new_code_cell(cell.source, outputs=list(cell.outputs))
        code.execution_count = count if cell.run else None
        code.metadata.tags = list(cell.tags)
        notebook.cells.append(code)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Runs pytest on the notebooks above, in a copy of the project's set-up.

    Only the cells that never end are given little time: any other may be slow on a busy machine.
    """
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "tests" / "helpers", project / "tests" / "helpers")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    (project / "notebooks").mkdir()
    for book, cells in NOTEBOOKS.items():
        write_notebook(project / "notebooks" / f"{book}.ipynb", cells.values())
    found = run_pytest(project, [book for book in NOTEBOOKS if book not in ENDLESS])
    return found | run_pytest(project, ENDLESS, f"--nbval-cell-timeout={TIMEOUT_S}")


def run_pytest(project, books, *options):
    """The verdicts on these notebooks, by (notebook, number of the cell)."""
    files = [f"notebooks/{book}.ipynb" for book in books]
    command = [sys.executable, "-m", "pytest", *files, "--color=no", "--junitxml=report.xml"]
    env = {name: value for name, value in os.environ.items() if name != "DLKIT_STRICT"}
    env["PYTHONPATH"] = str(ROOT)
    run = subprocess.run([*command, *options], cwd=project, capture_output=True, text=True, env=env)
    assert run.returncode == 1, run.stdout + run.stderr
    report = ElementTree.parse(project / "report.xml")
    return dict(map(read_case, report.iter("testcase")))


def read_case(case):
    """From one <testcase>: (notebook, number of the cell), (verdict, message, seconds)."""
    book = case.get("classname").removeprefix("notebooks.").removesuffix(".ipynb")
    number = int(re.search(r"\d+", case.get("name")).group())
    verdict, message = "passed", ""
    for tag, word in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        if (outcome := case.find(tag)) is not None:
            verdict, message = word, f"{outcome.get('message')}\n{outcome.text}"
    return (book, number), (verdict, message, float(case.get("time")))


@pytest.mark.parametrize("name", CELLS)
def test_verdict(verdicts, name):
    book, number, cell = CELLS[name]
    if book == "descriptor" and sys.platform == "win32":
        pytest.skip("ipykernel does not catch file descriptors on Windows")
    verdict, text, _ = verdicts[book, number]
    assert (verdict, cell.message in text) == (cell.verdict, True), text


def test_nothing_is_left_out(verdicts):
    assert len(verdicts) == len(CELLS)


def test_dead_kernel_is_noticed_before_the_timeout(verdicts):
    assert verdicts["dies", 0][2] < 60, "seconds, of the 600 that a cell may take"
