"""What the project tells people to type: it names the Python that runs it, or make."""

import ast
import re

import nbformat
import pytest
from helpers import ROOT

# A bare python, or pip without a Python before it: another one than the course's on most machines.
BARE = re.compile(
    r"(?<![\w./\\-])(?:python3? +(?:-m +\w[\w.]*|[\w/\\.]+\.py)|(?<!-m )pip3? install)"
)
# What is meant for any Python: it makes .venv, or finds it.
FOR_ANY = re.compile(r"-m (?:venv|http\.server|dlkit doctor)|tools/install\.py")
TEXTS = ["README.md", "CONTRIBUTING.md", "data/README.md", "benchmarks/README.md"]


def strings(path):
    """The texts in a file that may be printed: not the docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def bare(text):
    """The commands in a text that a learner's shell would give to another Python."""
    lines = (line for line in text.splitlines() if BARE.search(line))
    return [line.strip() for line in lines if not FOR_ANY.search(line)]


@pytest.mark.parametrize(
    ("text", "is_bare"),
    [
        ("type `python -m dlkit serve`", True),
        ("python3 tools/course.py execute", True),
        ("pip install keras", True),
        ("`.venv/bin/python -m dlkit serve`", False),
        (r".venv\Scripts\python -m dlkit lab", False),
        (".venv/bin/python -m pip install keras", False),
        ("`python3 -m dlkit doctor`, with any Python", False),
        ("python tools/install.py", False),
        ("as python -m does, or make lab", True),
        ("written in python: module.py", False),
    ],
)
def test_the_rule(text, is_bare):
    assert bool(bare(text)) == is_bare


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "dlkit").rglob("*.py"), *(ROOT / "tools").glob("*.py")]),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_what_is_printed_names_the_python_that_runs_it(path):
    assert [line for text in strings(path) for line in bare(text)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_what_a_lesson_teaches_names_the_python_that_runs_it(path):
    cells = nbformat.read(path, as_version=4).cells
    assert [line for cell in cells for line in bare(cell.source)] == []


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_documents_say_names_the_python_that_runs_it(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text.replace("conda activate dlkit\npython -m", "conda activate dlkit\n.../python -m")
    assert bare(text) == []
