"""Which cells of a notebook ask an exercise, and which others they need: read, never run."""

import ast
import re
import symtable
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

# exercises.softmax.check(my_softmax, …), in a text that is no Python
CHECK = re.compile(r"\b(\w+)\.check\(")
# Calls that change an object and hand back another: history = my_model.fit(…)
CHANGING = {"fit", "train_on_batch", "pop"}
# Cell magics whose cell is no Python of this notebook; the cell of any other is read as Python.
OTHER_CELLS = {
    *("bash", "cmd", "file", "html", "javascript", "js", "latex", "markdown", "perl", "pypy"),
    *("python", "python2", "python3", "R", "ruby", "script", "sh", "svg", "sx", "system"),
    *("!", "writefile", "HTML", "SVG"),
}
# Line magics whose line is a Python statement: %time f(x)
STATEMENTS = {"time", "timeit", "prun", "memit", "lprun", "mprun"}

OPTIONS = re.compile(r"^\s*(?:-\w\s+\d+\s+|-\S+\s+)*")  # of a magic: -n 10 -r3 -q


@dataclass
class Code:
    """A code cell: what it reads from other cells, and what it defines or changes for them.

    ``tree`` is None, and ``problem`` says why, where the text is no Python. ``checks`` are calls of
    exercises' checks as (name of the exercise, call), in order.
    """

    index: int
    source: str
    tree: ast.Module | None
    problem: str = ""
    checks: list[tuple[str, ast.Call]] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)  # names of the exercises, each once
    reads: frozenset = frozenset()
    binds: frozenset = frozenset()
    changes: frozenset = frozenset()
    imports: frozenset = frozenset()
    is_dynamic: bool = False  # it may define names that cannot be read off its text


class Finder:
    """Finds the checks in the cells of one notebook, whatever it calls the exercises.

    ``exercises.softmax.check(f)`` is a check, and so is ``ex.softmax.check(f)``. Names that stand
    for an exercise or for its check are learnt from imports and assignments, in order.

    Args:
        known: names of the exercises of the lesson; None for any name.
    """

    def __init__(self, known: Collection[str] | None = None) -> None:
        self.known = known
        self.meant: dict[str, str] = {}  # name in the notebook -> exercise, as an object
        self.calls: dict[str, str] = {}  # name in the notebook -> exercise, as its check

    def _is_known(self, name):
        return self.known is None or name in self.known

    def exercise(self, node: ast.AST) -> str:
        """The name of the exercise that an expression is, or ""."""
        if isinstance(node, ast.Attribute) and self._is_known(node.attr):
            return node.attr
        return self.meant.get(node.id, "") if isinstance(node, ast.Name) else ""

    def check(self, node: ast.AST) -> str:
        """The name of the exercise whose check an expression is, or ""."""
        if isinstance(node, ast.Attribute) and node.attr == "check":
            return self.exercise(node.value)
        return self.calls.get(node.id, "") if isinstance(node, ast.Name) else ""

    def learn(self, tree: ast.AST) -> None:
        """Take the names that a cell gives to exercises and checks."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "dlkit.exercises."
            ):
                for alias in node.names:
                    if alias.name == "*":
                        self.meant |= {name: name for name in self.known or ()}
                    elif self._is_known(alias.name):
                        self.meant[alias.asname or alias.name] = alias.name
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if found := self.check(node.value):
                    self.calls[name] = found
                elif found := self.exercise(node.value):
                    self.meant[name] = found

    def checks(self, tree: ast.AST) -> list[tuple[str, ast.Call]]:
        """The calls of checks in a tree, each with its exercise, in the order of the text."""
        found = [
            (name, node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and (name := self.check(node.func))
        ]
        return sorted(found, key=lambda pair: (pair[1].lineno, pair[1].col_offset))

    def in_text(self, text: str) -> list[str]:
        """Names of the exercises whose checks a text that is no Python seems to call."""
        names = (self.meant.get(name, name) for name in CHECK.findall(text))
        return list(dict.fromkeys(name for name in names if self._is_known(name)))


def read(
    index: int,
    source: str,
    finder: Finder | None = None,
    transform: Callable[[str], str] = str,
) -> Code:
    """A `Code` of a cell's text.

    Args:
        index: the cell's place in the notebook.
        source: its text, as it stands in the notebook.
        finder: the notebook's `Finder`.
        transform: IPython's translation of a cell with magics to Python.

    Example:
        >>> code = read(0, "def f(x):\\n    return x + offset\\n\\nexercises.g.check(f)")
        >>> code.asks, sorted(code.reads), sorted(code.binds)
        (['g'], ['exercises', 'offset'], ['f'])
    """
    finder = finder or Finder()
    try:
        tree = _parse(source, transform)
        reads, binds = _names_of_block(tree.body)
        changes: set[str] = set()
        imports: set[str] = set()
        for statement in tree.body:
            changes |= _changed(statement)
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports |= _names(statement)[1]
        finder.learn(tree)
        checks = finder.checks(tree)
        dynamic = any(map(_is_dynamic, ast.walk(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        lineno = getattr(error, "lineno", None)
        line = f", line {lineno} of the cell" if lineno else ""
        problem = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}{line}"
        return unread(index, source, problem, finder)
    return Code(
        index,
        source,
        tree,
        checks=checks,
        asks=list(dict.fromkeys(name for name, _ in checks)),
        reads=frozenset(reads),
        binds=frozenset(binds),
        changes=frozenset(changes),
        imports=frozenset(imports),
        is_dynamic=dynamic,
    )


def unread(index: int, source: str, problem: str, finder: Finder) -> Code:
    """A `Code` of a cell that cannot be read; which exercises it asks is guessed from its text."""
    return Code(index, source, None, problem, asks=finder.in_text(source))


def _parse(source, transform):
    """The tree of a cell; Python under a magic (%%time, %time) stands there without the magic."""
    tree = ast.parse(transform(source))
    magic = _magic(tree.body[0].value, "run_cell_magic") if _is_one_expression(tree) else None
    if magic and magic[0] not in OTHER_CELLS:
        name, line, cell = magic
        try:
            body = _parse(cell, transform).body
        except SyntaxError:
            if name in {"time", "timeit", "capture", "prun"}:
                raise
            return tree  # another language
        before = ""
        if name == "timeit":
            before = _without_options(line)
        elif name == "capture":
            names = [word for word in line.split() if word.isidentifier()]
            made = "__import__('IPython.utils.capture', fromlist=['*']).CapturedIO(None, None)"
            before = f"{names[0]} = {made}" if names else ""
        tree.body = [*_parse(before, transform).body, *body]
    return ast.fix_missing_locations(_LineMagics(transform).visit(tree))


def _is_one_expression(tree):
    return len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)


def _magic(node, method):
    """The constants in ``get_ipython().run_cell_magic("time", "", "…")``, or None."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    owner = node.func.value
    is_shell = isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "get_ipython"
    values = [one.value for one in node.args if isinstance(one, ast.Constant)]
    is_whole = 1 < len(node.args) == sum(isinstance(value, str) for value in values)
    return values if is_shell and node.func.attr == method and is_whole else None


class _LineMagics(ast.NodeTransformer):
    """``%time f(x)`` as ``f(x)``, and ``y = %time f(x)`` as ``y = f(x)``."""

    def __init__(self, transform):
        self.transform = transform

    def _body(self, node):
        magic = _magic(node, "run_line_magic")
        if not magic or magic[0] not in STATEMENTS:
            return None
        return _parse(_without_options(magic[1]), self.transform)

    def visit_Expr(self, node):
        tree = self._body(node.value)
        return self.generic_visit(node) if tree is None else tree.body or ast.Pass()

    def visit_Call(self, node):
        tree = self._body(node)
        if tree is not None and _is_one_expression(tree):
            return tree.body[0].value
        return self.generic_visit(node)


def _without_options(line):
    """The statement in the line of a magic: ``-n 10 -r3 f(x)`` is ``f(x)``."""
    return OPTIONS.sub("", line, count=1)


def _is_dynamic(node):
    """Whether a node is ``from … import *``, ``exec(…)``, ``globals()`` or an IPython magic."""
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    return isinstance(node, ast.Name) and node.id in ("exec", "globals", "get_ipython")


def _names_of_block(statements):
    """(names that statements read from before them, names that they bind), as they follow on."""
    reads: set[str] = set()
    binds: set[str] = set()
    for statement in statements:
        used, bound = _names(statement)
        reads |= used - binds
        binds |= bound
    return reads, binds


def _names(statement):
    """(names that a statement reads, names that it binds) in the notebook's own namespace."""
    if isinstance(statement, ast.For | ast.AsyncFor):  # what its body binds first is its own
        steps = ast.Assign([statement.target], statement.iter), *statement.body, *statement.orelse
        return _names_of_block(map(ast.fix_missing_locations, steps))
    if isinstance(statement, ast.If | ast.While):
        test = ast.Expr(statement.test)
        (used, bound), (other, rest) = (
            _names_of_block([test, *block]) for block in (statement.body, statement.orelse)
        )
        return used | other, bound | rest
    text = ast.unparse(statement)
    try:
        table = symtable.symtable(text, "cell", "exec")
    except SyntaxError:  # IPython lets a cell await: the names are those without it
        text = ast.unparse(_WithoutAwait().visit(ast.parse(text)))
        table = symtable.symtable(text, "cell", "exec")
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    scopes = list(table.get_children())
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
        bound |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global()}
    return used, bound


class _WithoutAwait(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Await(self, node):
        return self.visit(node.value)

    def visit_AsyncFor(self, node):
        return ast.For(**vars(self.generic_visit(node)))

    def visit_AsyncWith(self, node):
        return ast.With(**vars(self.generic_visit(node)))

    def visit_comprehension(self, node):
        node.is_async = 0
        return self.generic_visit(node)


def _changed(statement):
    """Names of objects that a statement changes without binding them: ``x[0] = 1``, ``m.fit()``."""
    value = getattr(statement, "value", None)
    is_plain = isinstance(statement, ast.Expr)
    found: list[ast.expr] = []
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


def needed(codes: list[Code], asking: Collection[int] | None = None) -> set[int]:
    """Indices of the cells that the exercises need: those that ask, and whatever gives them names.

    A cell is taken if it stands before a cell that reads what it defines or changes. Nothing is
    left out because a later cell defines the name anew, so the values are those of a whole run.
    A cell that may define names by other means is always taken.

    Args:
        codes: the `Code` of each code cell, in the notebook's order.
        asking: indices of cells, for what these alone need; None for all that ask.
    """
    taken = set(asking or ())
    if asking is None:
        taken = {code.index for code in codes if code.asks or code.is_dynamic}
    modules = {name for code in codes for name in code.imports}  # plt.show() changes no answer
    wanted: dict[str, int] = {}  # name -> index of the last cell taken that reads it
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
