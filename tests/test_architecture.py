"""Who may import whom: read from the source, and tried in a fresh process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dlkit"
HEAVY = {"tensorflow", "keras", "jax", "torch"}
# What each part may import beside the standard library and its own modules; another part of the
# package by its full name. Whatever else the package gains must be entered here first.
ALLOWED = {
    "__init__": set(),
    "__main__": {"dlkit"},
    "audit": {"numpy"},
    "claims": set(),
    "data": {"PIL", "dlkit.machine", "dlkit.sound", "numpy", "pooch", "requests", "tqdm"},
    "distributed": {"dlkit.data", "dlkit.models", "keras", "numpy", "ray", "tensorflow"},
    "doctor": {"dlkit.machine"},
    "exercises": {"IPython", "dlkit.audit", "dlkit.scratch", "numpy"},
    "export": {"ai_edge_litert", "dlkit.machine", "keras", "numpy", "onnxruntime", "tensorflow"},
    "interactive": {
        "IPython",
        "PIL",
        "anywidget",
        "matplotlib",
        "numpy",
        "traitlets",
    },
    "interpret": {"keras", "numpy"},
    "judging": {"numpy"},
    "lessons": {"dlkit.machine"},
    "local_ray": {"psutil", "ray"},
    "machine": set(),
    "measured": {"numpy"},
    "models": {"keras", "numpy"},
    "plotting": {"matplotlib", "numpy"},
    "scratch": {"numpy"},
    "serving": {
        "dlkit.local_ray",
        "dlkit.machine",
        "keras",
        "numpy",
        "prometheus_client",
        "psutil",
        "ray",
        "tensorflow",
        "uvicorn",
    },
    "sound": {"numpy"},
    "speed": {
        "dlkit.machine",
        "dlkit.measured",
        "dlkit.models",
        "keras",
        "numpy",
        "psutil",
        "tensorflow",
    },
    "teaching": {"IPython", "dlkit.exercises", "dlkit.machine", "numpy", "traitlets"},
    "text": {"numpy"},
    "training": {"keras"},
}


def imports_of(path):
    """Top-level names that a file imports, wherever in it; dlkit's own parts by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively; write the full name"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_its_part_may(path):
    part = part_of(path)
    assert part in ALLOWED, f"dlkit/{part} is new: say in ALLOWED what it may import"
    for name in imports_of(path):
        top, *rest = name.split(".")
        if top == "dlkit":
            allowed = ALLOWED[part] | {"dlkit", f"dlkit.{part}"}
            whole_package = "dlkit" in ALLOWED[part]
            assert whole_package or ".".join([top, *rest[:1]]) in allowed, f"{path} imports {name}"
        elif top not in sys.stdlib_module_names:
            assert top in ALLOWED[part], f"{path} imports {name}"


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sorted(m for m in sys.modules if '.' not in m))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return set(run.stdout.split())


def test_import_dlkit_loads_nothing_heavy():
    assert not loaded_after("import dlkit") & (HEAVY | {"matplotlib", "numpy", "pooch", "requests"})


@pytest.mark.parametrize(
    "part",
    [
        "audit",
        "claims",
        "data",
        "distributed",
        "machine",
        "exercises",
        "judging",
        "plotting",
        "scratch",
        "sound",
        "text",
    ],
)
def test_these_parts_load_without_keras(part):
    assert not loaded_after(f"import dlkit.{part}") & HEAVY


@pytest.mark.parametrize("part", ["exercises", "judging", "scratch", "sound"])
def test_these_parts_load_numpy_alone(part):
    numpy_alone = loaded_after("import numpy")
    more = loaded_after(f"import dlkit.{part}") - numpy_alone - {"dlkit"}
    assert not {name for name in more if name not in sys.stdlib_module_names}


def test_data_loads_without_matplotlib_and_without_network_code():
    assert not loaded_after("import dlkit.data") & {"matplotlib", "pooch", "requests"}


def test_the_command_line_loads_nothing_of_the_service():
    heavy = HEAVY | {"numpy", "prometheus_client", "ray", "uvicorn"}
    assert not loaded_after("import dlkit.__main__") & heavy


def test_only_engine_and_replica_know_ray():
    knowing = {
        path.name for path in (PACKAGE / "serving").glob("*.py") if "ray" in imports_of(path)
    }
    assert knowing == {"engine.py", "replica.py"}
