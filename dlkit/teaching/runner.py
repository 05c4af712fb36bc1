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
import sys
import types

import numpy as np

from dlkit.exercises.engine import Exercise
from dlkit.exercises.engine.guards import call
from dlkit.exercises.engine.verdicts import Panel, clean
from dlkit.teaching import cells

NOT_RUN = "could not be run"
CHECK_S = 300.0  # for a check that calls an answer often; the supervisor's limit is the lower one


class Runner:
    """One notebook in one IPython shell.

    Args:
        task: dict with ``topic`` (module of dlkit.exercises), ``sources`` ({index: text}, in
            order), ``skip`` (indices to leave out), ``whole`` (run every cell), ``cell_seconds``,
            ``word``.
        send: called with each message, a dict.
    """

    def __init__(self, task, send):
        self.task, self.send = task, send
        module = importlib.import_module(f"dlkit.exercises.{task['topic']}")
        self.exercises = {k: v for k, v in vars(module).items() if isinstance(v, Exercise)}
        self.shell = _shell()
        self.before = fingerprint()

    def run(self):
        """Run the cells that the exercises need, or all, and send a verdict for each check."""
        texts = {int(index): text for index, text in self.task["sources"].items()}
        codes = [cells.read(index, self.transformed(text)) for index, text in texts.items()]
        chosen, failed = cells.needed(codes), None
        for code in codes:
            if code.index not in chosen and not self.task["whole"]:
                continue
            asks = [name for name in code.asks if name in self.exercises]
            self.send({"cell": code.index, "asks": asks})
            if code.index in self.task["skip"]:
                continue
            problem = self.run_cell(code)
            for name in asks:
                status, line = (NOT_RUN, problem) if problem else self.judge(code, name)
                if status == NOT_RUN and failed and line.startswith("NameError"):
                    line += f" (before that, cell {failed[0]}: {failed[1]})"
                self.verdict(name, status, line)
            if problem and not failed:
                failed = code.index + 1, problem
        self.send({"end": True})

    def transformed(self, text):
        """A cell's text with IPython's magics as calls; as it is, where IPython gives up."""
        try:
            return self.shell.transform_cell(text)
        except Exception:
            return text

    def run_cell(self, code):
        """Run a cell without its plain check lines; what went wrong, or ""."""
        if code.tree is None:
            return code.problem
        body = [
            statement
            for statement in code.tree.body
            if not (isinstance(statement, ast.Expr) and cells.is_check(statement.value))
        ]
        source = ast.unparse(ast.Module(body, []))
        outcome = call(self.shell.run_cell, source, silent=True, seconds=self.task["cell_seconds"])
        result = outcome.value
        error = outcome.error or result.error_before_exec or result.error_in_exec
        if type(error).__name__ == "TimeUp":
            return f"the cell took longer than {self.task['cell_seconds']:g} s"
        return f"{type(error).__name__}: {error}".strip(": ") if error else ""

    def judge(self, code, name):
        """(status, first line of the verdict) of the last check of an exercise in a cell."""
        nodes = [n for n in ast.walk(code.tree) if cells.is_check(n) and n.func.value.attr == name]
        collect = ast.parse("lambda *args, **kwargs: (args, kwargs)", mode="eval").body
        take = ast.Expression(ast.Call(collect, nodes[-1].args, nodes[-1].keywords))
        program = compile(ast.fix_missing_locations(take), f"<check of {name}>", "eval")
        given = call(eval, program, self.shell.user_ns, seconds=self.task["cell_seconds"])
        if given.error:
            return NOT_RUN, f"{type(given.error).__name__}: {given.error}"
        args, kwargs = given.value
        outcome = call(self.exercises[name].check, *args, seconds=CHECK_S, **kwargs)
        if outcome.error:
            return NOT_RUN, f"{type(outcome.error).__name__}: {outcome.error}"
        return outcome.value.status, outcome.value.message.strip().split("\n")[0]

    def verdict(self, name, status, line):
        """Send a verdict, and whether the checker is still the one that was imported."""
        line = clean(line.strip().split("\n")[0] if line.strip() else "", 300)
        same = fingerprint(self.before) == self.before
        self.send({"name": name, "status": status, "line": line, "changed": not same})


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


def fingerprint(like=None):
    """Identities of what the verdicts rest on: functions and classes of dlkit, functions of NumPy.

    Args:
        like: an earlier fingerprint; only its names are looked at.
    """
    found = {}
    names = [n for n in sys.modules if n.split(".")[0] == "dlkit" and "teaching" not in n]
    for owner in (*(sys.modules[name] for name in names), np, Exercise, Panel):
        for name, value in list(vars(owner).items()):
            inside = vars(value).items() if isinstance(value, type) and owner is not np else ()
            for key, part in ((name, value), *((f"{name}.{k}", v) for k, v in inside)):
                is_code = isinstance(part, types.FunctionType)
                if is_code or callable(part):
                    code = id(part.__code__) if is_code else 0
                    found[f"{owner.__name__}.{key}"] = id(part), code
    return found if like is None else {key: found.get(key) for key in like}


def main():
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
