"""What the tests of exercises share: the modules, their answers, and the cells that ask."""

import ast
import importlib
import importlib.util
import json
import pkgutil
import types
from dataclasses import dataclass

import dlkit.exercises
from dlkit.exercises.engine import Exercise
from helpers import ROOT


def exercises_of(module):
    """The exercises of a module by the names that it gives them."""
    return {name: found for name, found in vars(module).items() if isinstance(found, Exercise)}


def topics():
    """Modules of dlkit.exercises that hold exercises, by their names."""
    found = {}
    for info in pkgutil.iter_modules(dlkit.exercises.__path__):
        module = importlib.import_module(f"dlkit.exercises.{info.name}")
        if exercises_of(module):
            found[info.name] = module
    return found


TOPICS = topics()


def answers_of(topic):
    """The module tests/exercises/answers/TOPIC.py; one without answers if there is none yet."""
    path = ROOT / "tests" / "exercises" / "answers" / f"{topic}.py"
    if not path.exists():
        return types.SimpleNamespace(WRONG={}, RIGHT={})
    spec = importlib.util.spec_from_file_location(f"answers_{topic}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook_of(topic):
    """The path of the lesson with these exercises: 02_activations.ipynb for "activations"."""
    (path,) = (ROOT / "notebooks").glob(f"[0-9][0-9]_{topic}.ipynb")
    return path


@dataclass
class Asked:
    """An exercise as a notebook asks it: a cell with a stub and, as its last line, the check."""

    name: str  # of the exercise
    answer: str  # the name that the stub defines
    index: int  # of the cell
    stub: str
    check: str


def read_cells(path):
    """The cells of a notebook as JSON holds them, each source as one text."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def asked_in(cells):
    """The exercises asked in a notebook's cells, in order.

    Raises:
        ValueError: a cell has a check, but not as its last line after a stub that it names.
    """
    found = []
    for index, cell in enumerate(cells):
        is_code = cell["cell_type"] == "code" and "exercises." in cell["source"]
        if is_code and (asked := read_exercise(cell["source"], index)):
            found.append(asked)
    return found


def read_exercise(source, index):
    *stub, last = ast.parse(source).body
    call = getattr(last, "value", None)
    if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("exercises."):
        if ".check(" in source:
            raise ValueError(f"cell {index}: the check must be its last line")
        return None
    _, name, verb = ast.unparse(call.func).split(".")
    if verb != "check" or len(stub) != 1 or not call.args:
        raise ValueError(f"cell {index}: expected one stub, then exercises.{name}.check(stub)")
    defined = getattr(stub[0], "name", None) or ast.unparse(stub[0]).split(" = ")[0]
    if defined != ast.unparse(call.args[0]):
        raise ValueError(f"cell {index}: the check must name the stub, {defined}")
    lines = source.splitlines()
    check = "\n".join(lines[last.lineno - 1 :])
    return Asked(name, defined, index, "\n".join(lines[: last.lineno - 1]).strip(), check)


def solved(asked, exercise):
    """The source of the cell with what ``solution()`` shows in place of the stub."""
    answer, usual = exercise.solution_code, f"my_{asked.name}"
    if asked.answer != usual and not exercise.has_solution_text:
        answer += f"\n\n\n{asked.answer} = {usual}"
    return f"{answer}\n\n\n{asked.check}"
