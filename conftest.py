"""Runs the lessons solved, as a learner would leave them, and closes the holes of nbval.

Each exercise's stub is replaced by the answer, and its verdict must be "correct"; with
`--unsolved` the lessons run as they are committed. Which tier a test is in, its markers say:
pyproject.toml explains them, and `tools/tiers.py` chooses by them.

nbval makes one test of each code cell. What it lets through, and what is done about it here:

- A stripped notebook passes. A code cell without a committed run fails.
- Images are never compared. The fresh run must show as many images as the committed one, and
  none of them, fresh or committed, may be blank.
- A dead kernel is noticed only at the cell's timeout. It is looked for every second.
- A cell that hangs makes its successors wait and hang as well. It is interrupted, or stopped if it
  will not listen, and the rest of its notebook is skipped: one failure, one wait.
- A `raises-exception` cell that raises nothing passes. It fails.
- stderr is ignored, and TensorFlow's C++ log is not even caught, because ipykernel leaves file
  descriptor 2 alone when it sees PYTEST_CURRENT_TEST. Kernels start without that variable, and a
  cell that writes a line on stderr fails.
- A claim outside its band fails its cell, whatever the lesson says of it.
- A trailing `;` is ignored, so that the cell's value turns up in the outputs. Cells are stored in
  the kernel's history (in memory, not in the learner's own), where IPython looks for the `;`.

`tests/lessons/test_nbval_guard.py` feeds each of these a bad notebook and sees it fail.
"""

import base64
import importlib.util
import io
import json
import os
import re
import subprocess
import tempfile
import time
import tomllib
import uuid
from pathlib import Path
from queue import Empty

import nbval.plugin
import pytest
from helpers.lesson_progress import LessonProgress
from nbval.kernel import RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell, NbCellError
from PIL import Image

os.environ.setdefault("MPLBACKEND", "Agg")  # the tests draw without a screen
os.environ.setdefault("DLKIT_STRICT", "1")  # a claim outside its band fails, in kernels too

ROOT = Path(__file__).parent
HAS_RAY = importlib.util.find_spec("ray") is not None


def cannot_be_imported(path):
    """Whether a module needs Ray (uvicorn comes with it), and lacks it or any example to run."""
    text = path.read_text(encoding="utf-8")
    needs_ray = re.search(r"^(import|from) (ray|uvicorn)\b", text, re.M)
    return needs_ray and not (HAS_RAY and ">>>" in text)


collect_ignore = [str(path) for path in ROOT.glob("dlkit/*/*.py") if cannot_be_imported(path)]

NOT_FOR_KERNELS = {"PYTEST_CURRENT_TEST", "MPLBACKEND"}
POLL_S = 1.0
CLAIMS = tempfile.TemporaryDirectory(prefix="claims-")
GRACE_S = 15.0  # between the interrupt of a hung cell and the end of its kernel


class KernelStopped(Exception):
    """The kernel died, or had to be ended, while a cell was running."""


class Kernel(RunningKernel):
    """nbval's kernel with a learner's environment, records of stderr and claims, and a watch."""

    def __init__(self, kernel_name, cwd=None, startup_timeout=60):
        env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_KERNELS}
        self.stderr = []
        self.claims = Path(CLAIMS.name) / f"{uuid.uuid4()}.jsonl"
        env |= {"DLKIT_CLAIMS": str(self.claims), "TQDM_DISABLE": "1"}
        self.km, self.kc = start_new_kernel(
            startup_timeout,
            kernel_name,
            cwd=cwd,
            env=env,
            stderr=subprocess.DEVNULL,
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    def get_message(self, stream, timeout=None):
        """Keeps what arrives on stderr, even when it arrives after its cell has ended."""
        message = super().get_message(stream, timeout)
        if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
            self.stderr.append(message["content"]["text"])
        return message

    def await_reply(self, msg_id, timeout=10.0):
        """Waits in short steps. Raises Empty, as nbval expects, once a hung cell is interrupted."""
        deadline = time.monotonic() + timeout
        interrupted = False
        while True:
            try:
                super().await_reply(msg_id, timeout=POLL_S)
                break
            except Empty:
                if not self.is_alive():
                    raise KernelStopped("The kernel died while it ran this cell.") from None
            if time.monotonic() > deadline + GRACE_S:
                self.stop()
                raise KernelStopped(
                    f"Not finished after {timeout:g} s (--nbval-cell-timeout), and the interrupt "
                    "was ignored: the kernel has been stopped."
                )
            if time.monotonic() > deadline and not interrupted:
                self.interrupt()
                interrupted = True
        if interrupted:
            raise Empty

    def new_claims(self):
        """The claims that the lesson has logged since this was last asked."""
        text = self.claims.read_text(encoding="utf-8") if self.claims.exists() else ""
        self.claims.unlink(missing_ok=True)
        return [json.loads(line) for line in text.splitlines()]


nbval.plugin.RunningKernel = Kernel


# ---- Options and markers ---------------------------------------------------------------------


def pytest_addoption(parser):
    group = parser.getgroup("lessons")
    group.addoption("--unsolved", action="store_true", help="run the lessons as committed")
    group.addoption(
        "--lesson-table", metavar="FILE", help="JSON with the table's rows so far; it gets more"
    )


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the process that prints, not xdist's others
        config.pluginmanager.register(LessonProgress(config), "lesson progress")


def pytest_make_parametrize_id(val, argname):
    """Bytes do not stand in a test's name: packed ones hold the time, and workers must agree."""
    return argname if isinstance(val, bytes) else None


def pytest_itemcollected(item):
    """A cell of a lesson gets the lesson's markers."""
    if isinstance(item, IPyNbCell):
        item.add_marker("lesson")
        if item.path.relative_to(item.config.rootpath).as_posix() in MEASURING:
            item.add_marker("alone")


def measuring():
    """The lessons with `measures = true` in course.toml: their claims are about seconds."""
    path = ROOT / "course.toml"
    course = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {"lesson": []}
    return {lesson["file"] for lesson in course["lesson"] if lesson.get("measures")}


MEASURING = measuring()

# ---- A cell ----------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Skips what follows a cell that hung or killed its kernel: that cell has failed already."""
    if isinstance(item, IPyNbCell) and item.parent.timed_out:
        pytest.skip("not run: an earlier cell of this notebook hung, or its kernel died")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Runs nbval's test of the cell, then looks at what nbval does not."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    kernel = item.parent.kernel
    exercise = None if item.config.option.unsolved else solve(item)
    try:
        yield
    except KernelStopped as stopped:
        item.parent.timed_out = True
        raise NbCellError(item.cell_num, str(stopped), item.cell.source) from None
    finally:
        stderr = "".join(kernel.stderr)
        kernel.stderr.clear()
        item.add_report_section("call", "stderr", stderr)
        claims = kernel.new_claims()
        broken = [claim for claim in claims if not claim["held"]]
        correct = exercise is not None and is_correct(exercise, item.test_outputs)
        item.user_properties += [
            ("claims", (len(claims) - len(broken), len(claims))),
            ("exercises", (int(correct), int(exercise is not None))),
        ]
    problems = [*find_problems(item.cell, item.test_outputs, item.options["check_exception"])]
    if stderr.strip():
        problems.append(f"The cell wrote on stderr:\n{stderr}")
    for claim in broken:
        problems.append("Claim: {name} = {value:.4g}, not from {low:g} to {high:g}".format(**claim))
    if exercise and not correct:
        problems.append(
            f"The solution of {exercise} is not correct:\n{texts_of(item.test_outputs)}"
        )
    if problems:
        raise NbCellError(item.cell_num, "\n".join(problems), item.cell.source)


def solve(item):
    """Puts the answer in place of the stub of an exercise; returns the exercise's name, or None."""
    if "exercises." not in item.cell.source:
        return None
    from helpers import exercise_cells as cells  # it imports every exercise of the course

    topic = cells.TOPICS.get(item.path.stem[3:])
    asked = topic and cells.read_exercise(item.cell.source, item.cell_num)
    if not asked:
        return None
    item.cell.source = cells.solved(asked, cells.exercises_of(topic)[asked.name])
    return asked.name


def is_correct(exercise, outputs):
    return f"✓ correct · {exercise}\n" in texts_of(outputs)


def texts_of(outputs):
    """What a cell displayed, as text."""
    shown = [output.data.get("text/plain", "") for output in outputs or () if "data" in output]
    return "\n".join(shown)


def find_problems(cell, outputs, must_raise):
    """Yields what is wrong with a cell's committed run and with the `outputs` of its fresh one."""
    if cell.execution_count is None and cell.source.strip():
        yield "The cell has no committed run: execute the notebook, then commit its outputs."
    committed, fresh = images_of(cell.outputs), images_of(outputs)
    if len(committed) != len(fresh):
        yield f"Images: {len(committed)} in the committed run, {len(fresh)} in the fresh one."
    for run, images in (("committed", committed), ("fresh", fresh)):
        if any(is_blank(image) for image in images):
            yield f"An image of the {run} run is blank."
    if must_raise and not any(output.output_type == "error" for output in outputs):
        yield "The cell is tagged raises-exception, and it raised nothing."


def images_of(outputs):
    """The PNG images among a cell's outputs, decoded from base64."""
    found = [
        output.data["image/png"] for output in outputs if "image/png" in output.get("data", ())
    ]
    return [base64.b64decode(png) for png in found]


def is_blank(png):
    """Whether every pixel, laid on white paper, has the same grey within 8 levels of 256."""
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    darkest, lightest = paper.convert("L").getextrema()
    return lightest - darkest < 8
