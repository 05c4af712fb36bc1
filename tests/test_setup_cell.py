"""The set-up cell of every lesson, in the four places where it may find itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CELL = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
TELL = "\nprint('path:', sys.path[0])\n"


def run_cell(folder, *options, cell=CELL):
    """Run the cell in a fresh process; `-S` leaves out site-packages, and so dlkit."""
    return subprocess.run(
        [sys.executable, *options, "-c", cell + TELL], capture_output=True, text=True, cwd=folder
    )


def test_it_does_nothing_where_dlkit_imports(tmp_path):
    (tmp_path / "dlkit.py").write_text("")
    run = run_cell(tmp_path)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "path:", "")


def test_it_finds_the_checkout_above_the_notebooks():
    run = run_cell(ROOT / "notebooks", "-S")
    assert run.stdout.strip() == f"path: {ROOT}" and run.stderr == ""


def test_elsewhere_it_says_what_to_do(tmp_path):
    run = run_cell(tmp_path, "-S")
    assert run.returncode == 1
    assert "open this notebook inside the course's folder" in run.stderr


def test_where_a_repository_is_named_it_installs_dlkit_alone(tmp_path):
    cell = CELL.replace('REPOSITORY, REF = "", "main"', 'REPOSITORY, REF = "owner/name", "v1"')
    cell = cell.replace("subprocess.run(", "print(").replace(", check=True", "")
    run = run_cell(tmp_path, "-S", cell=cell)
    assert "'install', '--no-deps', 'https://github.com/owner/name/archive/v1.zip'" in run.stdout
