"""Runs a student's cells and the checks of their exercises; only ever inside the sandbox.

It is started in a process of its own and reads one task from stdin. Each verdict goes out at once,
as a line of JSON with the task's secret word, so that what was found stays known if the next cell
ends the process. The student's code runs in the same process: it could find the word.
"""

import ast
import importlib
import json
import logging
import os
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from dlkit.exercises.engine import Exercise
from dlkit.exercises.engine.guards import call
from dlkit.exercises.engine.verdicts import CORRECT, NOT_YET, Panel, clean
from dlkit.teaching import cells

NOT_RUN = "could not be run"
# Words of code that looks behind an exercise rather than answering it. Whoever means to hide can.
REACHING = re.compile(
    r"_getframe|currentframe|inspect\.stack|\bf_back\b|\bf_locals\b|__closure__|get_referrers"
    r"|get_objects|dlkit\.teaching|exercises\.engine|\.reference\b|\.cases\b|_solution\b"
)
CHANGED = "The notebook changed code of the checker before."
HANDED_IN = "The answer is the course's own reference."
READ_S = 10.0  # for reading a cell before any is run
CHECK_S = 300.0  # for a check that calls an answer often; the supervisor's limit is the lower one


class Runner:
    """One notebook in one IPython shell.

    Args:
        task: dict with ``topic`` (module of dlkit.exercises), ``sources`` ({index: text}, in
            order), ``skip`` (indices of cells that ended the process when they were run),
            ``unread`` (when they were read), ``whole`` (run every cell), ``cell_seconds`` and
            ``word``.
        send: called with each message, a dict.
    """

    def __init__(self, task: dict, send: Callable[[dict], None]) -> None:
        self.task, self.send = task, send
        module = importlib.import_module(f"dlkit.exercises.{task['topic']}")
        self.exercises = {k: v for k, v in vars(module).items() if isinstance(v, Exercise)}
        self.shell = _shell()
        self.finder = cells.Finder(self.exercises)
        self.before = fingerprint()
        self.handed_in: set[str] = set()  # exercises whose reference came as the answer
        self.reaching = ""

    def run(self) -> None:
        """Run the cells that the exercises need, or all, and send a verdict for each check."""
        codes = [self.read(int(index), text) for index, text in self.task["sources"].items()]
        chosen = cells.needed(codes)
        self.reaching = _reaching(code.source for code in codes if code.index in chosen)
        failed: dict[int, str] = {}  # index of a cell -> what went wrong
        for code in codes:
            if code.index not in chosen and not self.task["whole"]:
                continue
            asks = [name for name in code.asks if name in self.exercises]
            self.send({"cell": code.index, "asks": asks})
            if code.index in self.task["skip"]:
                failed[code.index] = "it ends the process"
                continue
            if problem := self.run_cell(code):
                failed[code.index] = problem
            for name in asks:
                status, line = (NOT_RUN, "") if problem else self.judge(code, name)
                if status in (NOT_YET, NOT_RUN):
                    because = self.because(code, codes, failed, line)
                    status, line = (NOT_RUN, because) if because else (status, line)
                self.verdict(name, status, line)
        self.send({"end": True})

    def read(self, index: int, text: str) -> cells.Code:
        """A cell as the exercises see it; one that cannot be read in time has a problem."""
        problem = "it ends the process when it is read"
        if index not in self.task["unread"]:
            self.send({"cell": index, "asks": self.finder.in_text(text), "reading": True})
            outcome = call(
                cells.read, index, text, self.finder, self.shell.transform_cell, seconds=READ_S
            )
            if outcome.value:
                return outcome.value
            problem = f"{type(outcome.error).__name__}: {outcome.error}"
        return cells.unread(index, text, problem, self.finder)

    def because(self, code: cells.Code, codes: list[cells.Code], failed: dict, line: str) -> str:
        """Which cell that an answer needs, its own or one before, fails here; "" if none does."""
        needs = cells.needed(codes, {code.index})
        if "NameError" in line:  # the name may be one of those that no text shows
            needs |= {one.index for one in codes if one.is_dynamic}
        for one in codes:
            if one.index in failed and one.index in needs:
                first = (one.source.strip().splitlines() or [""])[0].strip()[:60]
                what = failed[one.index]
                return f"cell {one.index + 1} of the notebook ({first}) fails here: {what}"
        return ""

    def run_cell(self, code: cells.Code) -> str:
        """Run a cell without its plain check lines; what went wrong, or ""."""
        if code.tree is None:
            return code.problem
        checks = [call for _, call in code.checks]
        body = [
            statement
            for statement in code.tree.body
            if not (isinstance(statement, ast.Expr) and statement.value in checks)
        ]
        source = ast.unparse(ast.Module(body, []))
        outcome = call(self.shell.run_cell, source, silent=True, seconds=self.task["cell_seconds"])
        result = outcome.value
        error = outcome.error or result.error_before_exec or result.error_in_exec
        if type(error).__name__ == "TimeUp":
            return f"the cell took longer than {self.task['cell_seconds']:g} s"
        return f"{type(error).__name__}: {error}".strip(": ") if error else ""

    def judge(self, code: cells.Code, name: str) -> tuple[str, str]:
        """(status, first line of the verdict) of the last check of an exercise in a cell."""
        last = [call for asked, call in code.checks if asked == name][-1]
        collect = ast.parse("lambda *args, **kwargs: (args, kwargs)", mode="eval").body
        take = ast.Expression(ast.Call(collect, last.args, last.keywords))
        program = compile(ast.fix_missing_locations(take), f"<check of {name}>", "eval")
        given = call(eval, program, self.shell.user_ns, seconds=self.task["cell_seconds"])
        if given.error:
            return NOT_RUN, f"{type(given.error).__name__}: {given.error}"
        args, kwargs = given.value
        if args and _is_reference(args[0], self.exercises[name].reference):
            self.handed_in.add(name)
        outcome = call(self.exercises[name].check, *args, seconds=CHECK_S, **kwargs)
        if outcome.error:
            return NOT_RUN, f"{type(outcome.error).__name__}: {outcome.error}"
        return outcome.value.status, outcome.value.message.strip().split("\n")[0]

    def verdict(self, name: str, status: str, line: str) -> None:
        """Send a verdict, and what speaks against it."""
        line = clean(line.strip().split("\n")[0] if line.strip() else "", 300)
        remarks = []
        if changed := fingerprint(self.before) != self.before:
            remarks.append(CHANGED)
        if name in self.handed_in:
            remarks.append(HANDED_IN)
        if self.reaching and status == CORRECT:
            remarks.append(f"Code of this notebook looks into the checker ({self.reaching}).")
        self.send(
            {
                "name": name,
                "status": status,
                "line": line,
                "changed": changed or name in self.handed_in,
                "remark": " ".join(remarks),
            }
        )


def _reaching(sources):
    """The words of `REACHING` in these texts, a few of them."""
    found = dict.fromkeys(word for text in sources for word in REACHING.findall(text))
    return ", ".join([*found][:5])


def _is_reference(answer, reference):
    """Whether an answer is the reference's own function, under whatever name."""
    code = getattr(answer, "__code__", None)
    return callable(reference) and (
        answer is reference or (code is not None and code is getattr(reference, "__code__", None))
    )


def _shell():
    """An IPython shell without history, start-up files or terminal."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    shell.ast_node_interactivity = "none"  # nothing is displayed
    shell.showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None
    return shell


def fingerprint(like: dict | None = None) -> dict:
    """What the verdicts rest on: functions and classes of dlkit, functions of NumPy, exercises.

    Args:
        like: an earlier fingerprint; only its names are looked at.
    """
    found = {}
    names = [n for n in sys.modules if n.split(".")[0] == "dlkit" and "teaching" not in n]
    owners: list[Any] = [*(sys.modules[name] for name in names), np, Exercise, Panel]
    for owner in owners:
        for name, value in list(vars(owner).items()):
            if isinstance(value, Exercise):
                found[f"{owner.__name__}.{name}"] = _content(value)
            inside = vars(value).items() if isinstance(value, type) and owner is not np else ()
            for key, part in ((name, value), *((f"{name}.{k}", v) for k, v in inside)):
                is_code = isinstance(part, types.FunctionType)
                if is_code or callable(part):
                    code = id(part.__code__) if is_code else 0
                    found[f"{owner.__name__}.{key}"] = id(part), code
    return found if like is None else {key: found.get(key) for key in like}


def _content(exercise):
    """What an exercise asks and compares with: its parts, and the numbers in its cases."""
    parts = [id(value) for key, value in vars(exercise).items() if key != "_hints_given"]
    arrays = [
        value.tobytes()
        for case in exercise.cases
        for values in vars(case).values()
        for value in (values if isinstance(values, tuple) else (values,))
        if isinstance(value, np.ndarray)
    ]
    return hash((*parts, *arrays)), 0


def main() -> None:
    """Take the task from stdin and the true stdout for results; the notebook gets neither."""
    task = json.loads(sys.stdin.buffer.read())
    results = os.dup(1)
    os.dup2(2, 1)  # what the notebook prints goes where its errors go
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    logging.disable(logging.WARNING)

    def send(message):
        os.write(results, (json.dumps(message | {"word": word}) + "\n").encode())

    word = task.pop("word")
    Runner(task, send).run()
    sys.stdout.flush()
    os._exit(0)  # threads that the notebook started need not be waited for
