"""`python -m dlkit new-lesson`, in a copy of the course: what it makes passes the rules."""

import os
import shutil
import subprocess
import sys

import pytest
from helpers.exercise_cells import ROOT

from dlkit.__main__ import main
from dlkit.teaching import commands
from dlkit.teaching.skeleton import new_lesson

pytestmark = pytest.mark.slow

COPIED = "README.md CONTRIBUTING.md LICENSE CITATION.cff course.toml conftest.py pyproject.toml"
COPIED += " data/README.md benchmarks/README.md dlkit tests tools notebooks"
NAME, TITLE = "77_speed_and_sizes", "Speed & sizes"


@pytest.fixture
def course(tmp_path):
    """A copy of the course without its larger parts."""
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in COPIED.split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python(course, *arguments):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "MPLBACKEND")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=course,
        env=env | {"PYTHONPATH": str(course), "DLKIT_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_new_lesson_once_executed_passes_every_rule(course):
    made = python(course, "-m", "dlkit", "new-lesson", NAME, "--title", TITLE, "--minutes", "3")
    assert (made.returncode, made.stderr) == (0, "")
    command = made.stdout.split("python tools/")[1].split("  ")[0].split()
    run = python(course, "tools/notebooks.py", *command[1:])
    assert run.returncode == 0, run.stdout + run.stderr
    tests = ["-q", "-p", "no:cacheprovider", "tests/test_notebooks.py"]
    chosen = f"{NAME} or {TITLE[:5]} or readme or course_lists or two_lessons"
    run = python(course, "-m", "pytest", *tests, "-k", chosen)
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("passed") == 1 and " failed" not in run.stdout
    style = python(course, "-m", "ruff", "format", "--check", f"notebooks/{NAME}.ipynb")
    assert style.returncode == 0, style.stdout + style.stderr
    style = python(course, "-m", "ruff", "check", f"notebooks/{NAME}.ipynb")
    assert style.returncode == 0, style.stdout + style.stderr


def test_it_comes_after_the_lesson_that_is_named(course):
    new_lesson(course, NAME, title=TITLE, after="06_mnist_mlp")
    rows = [
        r for r in (course / "README.md").read_text(encoding="utf-8").splitlines() if "| [" in r
    ]
    numbers = [row.split("|")[1].strip() for row in rows]
    assert numbers[numbers.index("77") - 1] == "06" and numbers[numbers.index("77") + 1] == "07"
    entries = (course / "course.toml").read_text(encoding="utf-8").split("[[lesson]]")
    place = next(n for n, entry in enumerate(entries) if NAME in entry)
    assert "06_mnist_mlp.ipynb" in entries[place - 1]
    assert 'prerequisites = ["notebooks/06_mnist_mlp.ipynb"]' in entries[place]


def test_all_other_entries_and_rows_stay_as_they_are(course):
    before = {p: (course / p).read_text(encoding="utf-8") for p in ("README.md", "course.toml")}
    new_lesson(course, NAME, title=TITLE)
    for name, text in before.items():
        after = (course / name).read_text(encoding="utf-8").splitlines()
        left = [line for line in text.splitlines() if line not in after]
        assert left == [] and len(after) > len(text.splitlines())


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("speed", {}, "expected two digits and words"),
        ("77_Speed", {}, "expected two digits and words"),
        ("../77_speed", {}, "expected two digits and words"),
        ("77_speed\n", {}, "expected two digits and words"),
        ("06_mnist_mlp", {}, "there is a lesson 06_mnist_mlp already"),
        ("06_other", {}, "the number 06 is taken"),
        (NAME, {"after": "98_none"}, "no lesson 98_none to come after"),
        (NAME, {"title": "a | b"}, "expected a line without"),
        (NAME, {"title": "Neurons"}, "there is a lesson with the title 'Neurons'"),
        (NAME, {"title": " "}, "expected a line without"),
        (NAME, {"minutes": 0}, "expected 1 to 60"),
    ],
)
def test_a_wrong_argument_changes_nothing(course, name, options, said):
    before = {p: p.read_bytes() for p in course.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match=said):
        new_lesson(course, name, **{"title": TITLE} | options)
    assert {p: p.read_bytes() for p in course.rglob("*") if p.is_file()} == before


def test_a_file_that_is_there_is_never_overwritten(course):
    mine = course / "notebooks" / f"{NAME}.ipynb"
    mine.write_text("mine")
    with pytest.raises(ValueError, match="nothing was changed"):
        new_lesson(course, NAME, title=TITLE)
    assert mine.read_text() == "mine"
    assert NAME not in (course / "course.toml").read_text(encoding="utf-8")


def test_without_a_checkout_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "__file__", str(tmp_path / "dlkit" / "teaching" / "commands.py"))
    assert main(["new-lesson", NAME, "--title", TITLE]) == 2
    assert "checkout of the course" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
