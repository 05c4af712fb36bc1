"""The code of a solution: a function's source with the imports that it needs, and no more."""

import ast
import builtins
import dis
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable


def solution_of(function: Callable, name: str) -> str:
    """The source of a function under another name, so that it runs in a notebook that has ``np``.

    Above it stand the imports that it needs. Of its docstring the first line is kept, and its types
    are left out, as in the lessons.

    Args:
        function: a function of this course.
        name: the name to give it.

    Example:
        >>> print(solution_of(_as_in_a_lesson, "mine").split("\\n")[0])
        import ast
    """
    source = _as_in_a_lesson(textwrap.dedent(inspect.getsource(function)).strip("\n"))
    source = re.sub(rf"\b{function.__name__}\b(?=\()", name, source)
    module = sys.modules[function.__module__]
    imports = [_import_of(found, module) for found in sorted(_globals_of(function.__code__))]
    lines = sorted({line for line in imports if line and line != "import numpy as np"})
    return "\n".join([*lines, *(["", ""] if lines else []), source])


def _globals_of(code):
    """Names that code takes from its module, the functions inside it included."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return names.union(*map(_globals_of, inner)) - set(vars(builtins))


def _import_of(name, module):
    """The line that imports a name as the module does, or imports it from the module."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    node.names = [alias]
                    return ast.unparse(node)
    return f"from {module.__name__} import {name}"


def _as_in_a_lesson(source):
    """A function's source without types, and with the first line of its docstring."""
    function = ast.parse(source).body[0]
    if not isinstance(function, ast.FunctionDef):
        return source
    lines, body = source.split("\n"), function.body[0]
    kept = lines[body.lineno - 1 :]
    if docstring := ast.get_docstring(function):
        first = docstring.split("\n")[0]
        kept = [f'{" " * body.col_offset}"""{first}"""', *lines[body.end_lineno :]]
    function.body, function.returns = [ast.Pass()], None
    for node in ast.walk(function.args):
        if isinstance(node, ast.arg):
            node.annotation = None
    header, _ = ast.unparse(function).rsplit("\n", 1)
    return "\n".join([header, *kept])
