"""Which cells of a notebook ask an exercise, and which others they need: read, never run."""

import ast
import re
import symtable
from dataclasses import dataclass

# exercises.softmax.check(my_softmax, …), wherever it stands in a cell
CHECK = re.compile(r"\bexercises\.(\w+)\.check\(")
# Calls that change an object and hand back another: history = my_model.fit(…)
CHANGING = {"fit", "train_on_batch", "pop"}


@dataclass
class Code:
    """A code cell: what it reads from other cells, and what it defines or changes for them.

    ``tree`` is None, and ``problem`` says why, where the text is no Python.
    """

    index: int
    source: str
    tree: ast.Module | None
    problem: str = ""
    reads: frozenset = frozenset()
    binds: frozenset = frozenset()
    changes: frozenset = frozenset()
    imports: frozenset = frozenset()
    is_dynamic: bool = False  # it may define names that cannot be read off its text

    @property
    def asks(self):
        """Names of the exercises whose check the cell calls, in order, each once."""
        if self.tree is None:
            return list(dict.fromkeys(CHECK.findall(self.source)))
        calls = [node for node in ast.walk(self.tree) if is_check(node)]
        calls.sort(key=lambda node: (node.lineno, node.col_offset))
        return list(dict.fromkeys(node.func.value.attr for node in calls))


def is_check(node):
    """Whether a node is a call ``exercises.NAME.check(…)``."""
    return isinstance(node, ast.Call) and bool(
        re.fullmatch(r"exercises\.\w+\.check", ast.unparse(node.func))
    )


def read(index, source):
    """A `Code` of a cell's text.

    Example:
        >>> code = read(0, "def f(x):\\n    return x + offset\\n\\nexercises.g.check(f)")
        >>> code.asks, sorted(code.reads), sorted(code.binds)
        (['g'], ['exercises', 'offset'], ['f'])
    """
    try:
        tree = ast.parse(source)
        reads, binds, changes, imports = set(), set(), set(), set()
        for statement in tree.body:
            used, bound = _names(statement)
            reads |= used - binds
            binds |= bound
            changes |= _changed(statement)
            imports |= bound if isinstance(statement, ast.Import | ast.ImportFrom) else set()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno} of the cell" if getattr(error, "lineno", None) else ""
        problem = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}{line}"
        return Code(index, source, None, problem)
    dynamic = any(map(_is_dynamic, ast.walk(tree)))
    names = map(frozenset, (reads, binds, changes, imports))
    return Code(index, source, tree, "", *names, dynamic)


def _is_dynamic(node):
    """Whether a node is ``from … import *``, ``exec(…)``, ``globals()`` or an IPython magic."""
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    return isinstance(node, ast.Name) and node.id in ("exec", "globals", "get_ipython")


def _names(statement):
    """(names that a statement reads, names that it binds) in the notebook's own namespace."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    scopes = list(table.get_children())
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
        bound |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global()}
    return used, bound


def _changed(statement):
    """Names of objects that a statement changes without binding them: ``x[0] = 1``, ``m.fit()``."""
    value = getattr(statement, "value", None)
    is_plain = isinstance(statement, ast.Expr)
    found = []
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        found += [value.func] if is_plain or value.func.attr in CHANGING else []
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.append(node)
    return {name for node in found if (name := _root(node))}


def _root(node):
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def needed(codes):
    """Indices of the cells that the exercises need: those that ask, and whatever gives them names.

    A cell is taken if it stands before a cell that reads what it defines or changes. Nothing is
    left out because a later cell defines the name anew, so the values are those of a whole run.
    A cell that may define names by other means is always taken.

    Args:
        codes: the `Code` of each code cell, in the notebook's order.
    """
    taken = {code.index for code in codes if code.asks or code.is_dynamic}
    modules = {name for code in codes for name in code.imports}  # plt.show() changes no answer
    wanted = {}  # name -> index of the last cell taken that reads it
    frontier = [code for code in codes if code.index in taken]
    while frontier:
        reader = frontier.pop()
        for name in reader.reads:
            wanted[name] = max(reader.index, wanted.get(name, -1))
        for code in codes:
            if code.index not in taken and any(
                code.index < wanted.get(name, -1) for name in code.binds | code.changes - modules
            ):
                taken.add(code.index)
                frontier.append(code)
    return taken
