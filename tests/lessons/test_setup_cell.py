"""The set-up cell of every lesson, in the places where it may find itself."""

import base64
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
from helpers import ROOT

CELL = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
TELL = "\nprint('path:', sys.path[0])\n"
UNPUBLISHED = re.sub(r"REPOSITORY, REF = .*", 'REPOSITORY, REF = "", "main"', CELL)
PUBLISHED = UNPUBLISHED.replace('= "", "main"', '= "owner/name", "v1"')
MACHINE = r"\d+ CPU cores?, .+"
# A pip that writes down what it was asked for, and installs as the cell's folder is asked to.
PIP = """
import pathlib, sys
pathlib.Path("asked.txt").write_text(" ".join(sys.argv[1:]))
{then}
"""
INSTALLS = """
package = pathlib.Path("dlkit")
package.mkdir()
package.joinpath("__init__.py").write_text("")
package.joinpath("machine.py").write_text(
    "def sharpen_figures(): pass\\ndef report(): return 'a machine'\\n"
)
"""
FAILS = "sys.exit('ERROR: no network')"


def run_cell(folder, *options, cell=CELL):
    """Run the cell in a fresh process; `-S` leaves out site-packages, and so dlkit."""
    return subprocess.run(
        [sys.executable, *options, "-c", cell + TELL], capture_output=True, text=True, cwd=folder
    )


def test_it_installs_nothing_where_dlkit_imports(tmp_path):
    (tmp_path / "pip.py").write_text(PIP.format(then=""))
    run = run_cell(tmp_path, cell=PUBLISHED)
    assert re.fullmatch(rf"{MACHINE}\npath: \n", run.stdout) and run.stderr == ""
    assert not (tmp_path / "asked.txt").exists()


def test_it_finds_the_checkout_above_the_notebooks():
    run = run_cell(ROOT / "notebooks", "-S", cell=PUBLISHED)
    assert re.fullmatch(rf"{MACHINE}\npath: {re.escape(str(ROOT))}\n", run.stdout)
    assert run.stderr == ""


def test_elsewhere_it_says_what_to_do_and_no_more(tmp_path):
    (tmp_path / "pip.py").write_text(PIP.format(then=""))
    run = run_cell(tmp_path, "-S", cell=UNPUBLISHED)
    assert run.returncode == 1
    assert "open this notebook in the course's folder" in run.stderr
    assert len(run.stderr.splitlines()) == 3, "one level of traceback"
    assert not (tmp_path / "asked.txt").exists(), "there is nothing to install from"


def test_where_a_repository_is_named_it_installs_dlkit_alone(tmp_path):
    (tmp_path / "pip.py").write_text(PIP.format(then=INSTALLS))
    for name in ("anywidget", "psygnal"):  # as on Colab; pooch is missing
        (tmp_path / f"{name}.py").write_text("")
    run = run_cell(tmp_path, "-S", cell=PUBLISHED)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("a machine\n"), "imported without a restart"
    asked = (tmp_path / "asked.txt").read_text().split()
    assert asked[0] == "install" and "--no-deps" in asked and "-qq" in asked
    assert asked[-2:] == ["https://github.com/owner/name/archive/v1.zip", "pooch"]


def test_a_folder_that_only_has_the_name_is_not_taken_for_dlkit(tmp_path):
    """On Colab, next to a clone of a repository called dlkit."""
    (tmp_path / "dlkit" / "data").mkdir(parents=True)
    (tmp_path / "pip.py").write_text(PIP.format(then="sys.exit(1)"))
    run_cell(tmp_path, "-S", cell=PUBLISHED)
    assert "install" in (tmp_path / "asked.txt").read_text()


def test_a_failing_download_ends_in_a_sentence(tmp_path):
    (tmp_path / "pip.py").write_text(PIP.format(then=FAILS))
    run = run_cell(tmp_path, "-S", cell=PUBLISHED)
    first, *rest = run.stderr.splitlines()
    assert first == "ERROR: no network", "what pip said is not hidden"
    assert "turn the internet on (Kaggle: Settings > Internet)" in rest[-1]
    assert len(rest) == 3, "one level of traceback"


PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


@pytest.mark.parametrize("first", ["", "%matplotlib inline"], ids=["plain", "after a magic"])
def test_figures_have_twice_the_pixels_of_their_place_on_the_page(first, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses, as a learner's does
    cells = [first, CELL, PLOT, f"%matplotlib inline\n{PLOT}"]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    nbclient.execute(notebook, cwd=str(ROOT), timeout=60)
    for cell in notebook.cells[2:]:
        (figure,) = cell.outputs
        width, height = (
            int.from_bytes(base64.b64decode(figure.data["image/png"])[at : at + 4], "big")
            for at in (16, 20)
        )
        assert figure.metadata["image/png"] == {"width": width // 2, "height": height // 2}
        assert 1000 < width < 1400, "6.4 inches of 200 dots, empty margins cut off"
