"""Each lesson's preparing cells, each run twice in a row: the second run changes nothing.

They are the cells before the first that trains or takes the time. All lessons run in this process,
without a kernel, on the offline samples. The seeds are set before each run, so that only the names
that a cell leaves behind can tell the two apart.
"""

import ast
import contextlib
import io
import itertools
import random
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import threadpoolctl
from helpers.lesson_rules import COURSE, SETUP, read, source

# What trains, takes long, takes the time, or can be done once in a process.
TRAINS = (
    r"\b(fit\w*|train\w*|climb|\w*_by_loss|descend|scores|dead_and_moved|gradient_by_distance"
    r"|perf_counter|timeit|set_logical_\w*)\("
)


def trains(code):
    """Whether a cell does so itself, not only in functions that it defines."""
    definitions = ast.FunctionDef | ast.ClassDef
    itself = [ast.unparse(s) for s in ast.parse(code).body if not isinstance(s, definitions)]
    return re.search(TRAINS, "\n".join(itself)) is not None


def preparing(cells):
    """The sources of the cells before the first that trains, the set-up cell left out."""
    sources = [source(cell) for cell in cells if source(cell).rstrip("\n") != SETUP]
    return [*itertools.takewhile(lambda code: not trains(code), sources)]


def run_twice(sources):
    """Run each source twice in a row; returns (number, name) of what the second run changed."""
    names, changed = {"__name__": "__main__", "os": __import__("os"), "sys": sys, "Path": Path}, []
    for number, code in enumerate(sources):
        generators = [v for v in names.values() if isinstance(v, np.random.Generator)]
        states = [generator.bit_generator.state for generator in generators]
        after = []
        for _ in range(2):
            for generator, state in zip(generators, states, strict=True):
                generator.bit_generator.state = state
            seed_everything(number)
            with contextlib.redirect_stdout(io.StringIO()), plt.rc_context():
                exec(compile(code, f"cell {number}", "exec"), names)  # noqa: S102
            plt.close("all")
            after.append({name: fingerprint(value) for name, value in names.items()})
        changed += [(number, name) for name in after[1] if after[0].get(name) != after[1][name]]
    return changed


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(seed)


def fingerprint(value):
    """What can be compared of a value: arrays, numbers, texts, models' weights; else its type."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        return value
    if isinstance(value, dict):
        return {key: fingerprint(one) for key, one in value.items() if key != "__builtins__"}
    if isinstance(value, list | tuple):
        return [fingerprint(one) for one in value]
    if hasattr(value, "get_weights") and not isinstance(value, type):
        return [fingerprint(array) for array in value.get_weights()]
    return type(value).__name__


@pytest.mark.parametrize(
    "file", [lesson.file for lesson in COURSE.lessons], ids=lambda f: Path(f).stem
)
def test_a_second_run_of_a_cell_changes_nothing(file, tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_OFFLINE", "1")
    monkeypatch.setenv("DLKIT_DATA_DIR", "")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cells = preparing(read(file).code)
    assert len(cells) >= 3, "hardly any cell prepares: is the pattern of the others too wide?"
    with threadpoolctl.threadpool_limits(1):  # several threads wait for one another
        assert run_twice(cells) == []


@pytest.mark.parametrize(
    "code",
    ["x = x / 255", "x /= 255", "x[0] += 1", "steps.append(1)", "sizes['x'] = len(sizes)"],
)
def test_a_cell_that_differs_is_seen(code):
    first = "import numpy as np\nx, steps, sizes = np.ones(3), [], {}"
    assert [number for number, _ in run_twice([first, code])] == [1]


def test_chance_is_no_difference():
    first = "import numpy as np\nrng = np.random.default_rng(0)"
    assert run_twice([first, "x = rng.normal(size=3)", "y = np.random.normal()"]) == []
