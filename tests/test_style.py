"""One style in package, tests and notebooks: what ruff says, and American identifiers."""

import ast
import re
import subprocess
import sys

import pytest
from helpers import ROOT

# Prose is British, identifiers are American, as in NumPy and Keras: so they can be searched for.
BRITISH = re.compile(
    "behaviour|centre|colour|grey|licence|neighbour|optimis(e|ing|ation)"
    "|(general|initial|normal|quant|regular|serial|standard|vector|visual)is(e|ing|ation)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff(command):
    run = [sys.executable, "-m", "ruff", *command.split(), "."]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nTo mend it: ruff {command.split()[0]}"
    )


def british_identifiers(source):
    """`line name` of each; a test's own name is a sentence, and prose."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = "" if node.name.startswith("test_") else node.name
        elif isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, (ast.arg, ast.keyword)):
            name = node.arg
        elif isinstance(node, ast.alias):
            name = node.asname or node.name
        else:
            continue
        if name and BRITISH.search(name):
            found.add(f"{node.lineno} {name}")
    return sorted(found)


@pytest.mark.parametrize("folder", ["benchmarks", "dlkit", "tests", "tools"])
def test_identifiers_are_american(folder):
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        found[name] = british_identifiers(path.read_text(encoding="utf-8"))
    assert {name: those for name, those in found.items() if those} == {}


def test_a_british_identifier_is_found():
    source = """
import colours
centre = 1  # a comment may say colour
def normalise(grey, *, optimiser="colour"): ...
def test_the_colour_is_kept(): ...
x.initialisation(colour_map=optimistic)
"""
    assert british_identifiers(source) == [
        "2 colours",
        "3 centre",
        "4 grey",
        "4 normalise",
        "4 optimiser",
        "6 colour_map",
        "6 initialisation",
    ]
