"""What a person sees of the lessons while they run, and the table at the end."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest


@dataclass
class Run:
    """One lesson: what it has still to do, and what came out."""

    name: str
    cells: int = 0  # that have not been run
    seconds: float = 0.0
    held: int = 0
    claims: int = 0
    correct: int = 0
    exercises: int = 0
    failed: int = 0  # cells
    number: int = 0  # in the order in which they start

    def __str__(self):
        said = f"{self.name}: {self.seconds:.0f} s, claims {self.held} of {self.claims}"
        if self.exercises:
            said += f", exercises {self.correct} of {self.exercises}"
        return said + (f", FAILED in {self.failed} cells" if self.failed else "")


class LessonProgress:
    """A line when a lesson starts, one when it ends, and a table of all.

    With pytest-xdist, this is in the process that collects what the others report.
    """

    def __init__(self, config):
        self.config = config
        self.runs = {}  # by file
        self.began = time.monotonic()

    def pytest_collection_finish(self, session):
        self.expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        if not self.runs:  # every process collects the same
            self.expect(ids)

    def expect(self, ids):
        for file in map(lesson_of, ids):
            if file:
                self.runs.setdefault(file, Run(Path(file).stem)).cells += 1

    def pytest_runtest_logstart(self, nodeid):
        run = self.runs.get(lesson_of(nodeid))
        if run and not run.number:
            run.number = 1 + sum(other.number > 0 for other in self.runs.values())
            self.say(f"{run.number} of {len(self.runs)} starts: {run.name}")

    def pytest_runtest_logreport(self, report):
        run = self.runs.get(lesson_of(report.nodeid))
        if not run:
            return
        run.seconds += report.duration
        run.failed += report.failed
        if report.when == "call":
            found = dict(report.user_properties)
            run.held, run.claims = add(found, "claims", run.held, run.claims)
            run.correct, run.exercises = add(found, "exercises", run.correct, run.exercises)
        elif report.when == "teardown":
            run.cells -= 1
            if not run.cells:
                to_go = sum(other.cells > 0 for other in self.runs.values())
                self.say(f"{run}; {to_go} to go")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        """No dot for each cell of a lesson: it has its lines."""
        if report.when == "call" and report.passed and lesson_of(report.nodeid):
            return "passed", "", "PASSED"

    def say(self, text):
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(f"[{(time.monotonic() - self.began) / 60:4.1f} min] {text}")
        terminal.flush()

    def pytest_terminal_summary(self, terminalreporter):
        rows = [asdict(run) for run in self.runs.values() if run.number]
        if path := self.config.option.lesson_table:
            path = Path(path)
            rows = (json.loads(path.read_text(encoding="utf-8")) if path.exists() else []) + rows
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        if rows:
            terminalreporter.section("lessons")
            terminalreporter.write_line("\n".join(table(rows)))


def lesson_of(nodeid):
    """The notebook that a test belongs to, or ""."""
    file = nodeid.partition("::")[0]
    return file if file.endswith(".ipynb") else ""


def add(found, name, good, count):
    more_good, more = found.get(name, (0, 0))
    return good + more_good, count + more


def table(rows):
    """Lines of text: lesson, seconds, claims held, exercises solved.

    Args:
        rows: dicts with the fields of `Run`.
    """
    layout = "{:<22} {:>8}  {:<12} {:<12} {}"
    yield layout.format("lesson", "seconds", "claims held", "solved", "").rstrip()
    rows = sorted(rows, key=lambda row: row["name"])
    fields = ("seconds", "held", "claims", "correct", "exercises", "failed")
    total = {field: sum(row[field] for row in rows) for field in fields}
    for row in [*rows, total | {"name": "all", "cells": 0}]:
        held, solved = (
            f"{row[good]} of {row[count]}" if row[count] else ""
            for good, count in (("held", "claims"), ("correct", "exercises"))
        )
        failed = f"FAILED in {row['failed']} cells" if row["failed"] else ""
        failed += f" {row['cells']} cells not run" if row["cells"] else ""
        seconds = format(row["seconds"], ".0f")
        yield layout.format(row["name"], seconds, held, solved, failed.strip()).rstrip()
