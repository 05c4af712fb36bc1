"""Runs the notebooks as a learner would, and closes the holes that nbval leaves open.

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
- A trailing `;` is ignored, so that the cell's value turns up in the outputs. Cells are stored in
  the kernel's history (in memory, not in the learner's own), where IPython looks for the `;`.

`tests/lessons/test_nbval_guard.py` feeds each of these a bad notebook and sees it fail.
"""

import base64
import io
import os
import subprocess
import time
from queue import Empty

import nbval.plugin
import pytest
from nbval.kernel import RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell, NbCellError
from PIL import Image

os.environ.setdefault("MPLBACKEND", "Agg")  # the tests draw without a screen
os.environ.setdefault("DLKIT_STRICT", "1")  # a claim outside its band fails, in kernels too

# They need Ray, which is in requirements-cloud.txt, and hold no examples to test.
collect_ignore = ["dlkit/serving/engine.py", "dlkit/serving/replica.py"]

NOT_FOR_KERNELS = {"PYTEST_CURRENT_TEST", "MPLBACKEND"}
POLL_S = 1.0
GRACE_S = 5.0  # between the interrupt of a hung cell and the end of its kernel


class KernelStopped(Exception):
    """The kernel died, or had to be ended, while a cell was running."""


class Kernel(RunningKernel):
    """nbval's kernel with a learner's environment, a record of stderr and a watch on its life."""

    def __init__(self, kernel_name, cwd=None, startup_timeout=60):
        env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_KERNELS}
        self.stderr = []
        self.km, self.kc = start_new_kernel(
            startup_timeout,
            kernel_name,
            cwd=cwd,
            env=env | {"TQDM_DISABLE": "1"},
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


nbval.plugin.RunningKernel = Kernel


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
    try:
        yield
    except KernelStopped as stopped:
        item.parent.timed_out = True
        raise NbCellError(item.cell_num, str(stopped), item.cell.source) from None
    finally:
        stderr = "".join(kernel.stderr)
        kernel.stderr.clear()
        item.add_report_section("call", "stderr", stderr)
    problems = [*find_problems(item.cell, item.test_outputs, item.options["check_exception"])]
    if stderr.strip():
        problems.append(f"The cell wrote on stderr:\n{stderr}")
    if problems:
        raise NbCellError(item.cell_num, "\n".join(problems), item.cell.source)


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
