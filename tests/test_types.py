"""Types: every public function says what it takes and gives, and mypy finds no contradiction."""

import ast
import subprocess
import sys

import pytest
from helpers import ROOT

UNTYPED = ROOT / "tools" / "install.py"  # an old Python must be able to read it
PATHS = [
    path
    for folder in ("dlkit", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != UNTYPED
]


def public_functions(body, *, of_a_class=False):
    """The functions in a module's body and in that of its public classes, whether methods."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, of_a_class=True)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            called_by_others = of_a_class and node.name in ("__init__", "__call__")
            if called_by_others or not node.name.startswith("_"):
                yield node, of_a_class


def without_types(source):
    """`line name: what` for each argument and return value of a public function without a type."""
    found = []
    for function, is_method in public_functions(ast.parse(source).body):
        decorators = {ast.unparse(each) for each in function.decorator_list}
        arguments = [*function.args.posonlyargs, *function.args.args]
        if is_method and "staticmethod" not in decorators:
            arguments = arguments[1:]  # self, cls
        arguments += [*function.args.kwonlyargs, function.args.vararg, function.args.kwarg]
        missing = [each.arg for each in arguments if each and not each.annotation]
        if function.returns is None and function.name != "__init__":
            missing.append("return")
        found += [f"{function.lineno} {function.name}: {name}" for name in missing]
    return found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_public_function_has_types(path):
    assert without_types(path.read_text(encoding="utf-8")) == []


def test_a_missing_type_is_found():
    source = """
def f(a, /, b: int, *args, c, **kwargs): ...
def _private(a): ...
async def g() -> None: ...
class A:
    def __init__(self, a): ...
    def __repr__(self): ...
    @property
    def size(self): ...
    @staticmethod
    def make(a) -> "A": ...
class _B:
    def f(self): ...
"""
    assert without_types(source) == [
        *(f"2 f: {name}" for name in ("a", "c", "args", "kwargs", "return")),
        "6 __init__: a",
        "9 size: return",
        "11 make: a",
    ]


def mypy(*arguments):
    """mypy with the project's settings, as (status, what it printed)."""
    command = [sys.executable, "-m", "mypy", "--no-color-output", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_mypy_finds_no_contradiction():
    status, printed = mypy()
    assert status == 0, printed


def test_mypy_sees_the_types_of_the_package_and_of_numpy(tmp_path):
    (tmp_path / "wrong.py").write_text(
        "import numpy as np\n"
        "from dlkit import data\n"
        "mnist = data.load_mnist()\n"
        "name: int = mnist.name\n"
        "def total(x):\n"
        "    np.zeros('a', shape=1)\n"
    )
    status, printed = mypy(tmp_path / "wrong.py")
    assert status == 1
    assert "wrong.py:4: error: Incompatible types in assignment" in printed
    assert "wrong.py:6: error: " in printed
