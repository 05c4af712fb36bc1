"""What a class has solved: checks the exercises in each notebook of a folder, in a sandbox."""

import concurrent.futures
import dataclasses
import importlib
import json
import pkgutil
import re
import secrets
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import dlkit.exercises
from dlkit.exercises.engine import Exercise
from dlkit.exercises.engine.verdicts import CORRECT, NOT_ATTEMPTED, NOT_YET
from dlkit.teaching import report, submissions
from dlkit.teaching.runner import NOT_RUN
from dlkit.teaching.sandbox import LIMITS, MEANING, Limits, Sandbox

COURSE = Path(__file__).resolve().parents[2] / "course.toml"
PROGRAM = "from dlkit.teaching import runner; runner.main()"
ATTEMPTS = 3  # of one notebook, each without the cells that ended the one before
LONGEST = 500  # characters of a verdict's line
MODES = ("the cells that the exercises need", "all cells")
KNOWN = (CORRECT, NOT_YET, NOT_ATTEMPTED, NOT_RUN)


@dataclasses.dataclass
class Verdict:
    """On one exercise of one notebook."""

    status: str
    line: str = ""  # the first line of the verdict, or why it could not be run
    changed: bool = False  # it had replaced code of the checker, or handed in the reference
    remark: str = ""  # what speaks against the verdict


@dataclasses.dataclass
class Result:
    """On one notebook: verdicts by exercise; ``mode`` says which cells were run."""

    student: str
    file: str
    lesson: str
    verdicts: dict = dataclasses.field(default_factory=dict)
    problem: str = ""
    mode: str = ""
    seconds: float = 0.0

    @property
    def correct(self) -> int:
        """How many exercises are correct, by a checker that nobody changed."""
        return sum(v.status == CORRECT and not v.changed for v in self.verdicts.values())


def lessons() -> dict[str, str]:
    """Names of the lessons with exercises by topic: ``{"neurons": "01_neurons", …}``."""
    names = {i.name: i.name for i in pkgutil.iter_modules(dlkit.exercises.__path__)}
    if COURSE.is_file():  # an installed package has no list of lessons, and so no numbers
        for lesson in tomllib.loads(COURSE.read_text(encoding="utf-8"))["lesson"]:
            name = Path(lesson["file"]).stem
            names |= {name[3:]: name} if name[3:] in names else {}
    return {t: n for t, n in sorted(names.items(), key=lambda i: i[1]) if exercises_of(t)}


def exercises_of(topic: str) -> list[str]:
    """Names of a lesson's exercises, in order."""
    module = importlib.import_module(f"dlkit.exercises.{topic}")
    return [name for name, value in vars(module).items() if isinstance(value, Exercise)]


def check(
    submission: submissions.Submission,
    lesson: str,
    sandbox: Sandbox,
    limits: Limits,
    whole: bool = False,
) -> Result:
    """Run the checks of one notebook in the sandbox.

    After a cell that ended the process, the rest is tried again without that cell.

    Args:
        submission: a readable `submissions.Submission` with a topic.
        lesson: the lesson's name, for the result.
        sandbox: a `Sandbox`.
        limits: `Limits`; its seconds are for the notebook, all attempts together.
        whole: whether to run every cell, not only those that the exercises need.

    Returns:
        `Result`, with a verdict on each exercise of the lesson.
    """
    result = Result(submission.student, submission.file, lesson, mode=MODES[whole])
    started = time.monotonic()
    verdicts: dict[str, Verdict] = {}
    asked: set[str] = set()
    ended: dict[str, list[int]] = {"skip": [], "unread": []}  # cells that ended the process
    for _ in range(ATTEMPTS):
        left = limits.seconds - (time.monotonic() - started)
        if left < 1:
            break
        task = {
            "topic": submission.topic,
            "sources": submission.sources,
            **ended,
            "whole": whole,
            "cell_seconds": left / 2,
            "word": secrets.token_hex(16),
        }
        outcome = sandbox.run(PROGRAM, json.dumps(task), dataclasses.replace(limits, seconds=left))
        messages = _messages(outcome.results, task["word"])
        found, last = _verdicts(messages)
        asked |= {name for m in messages for name in _asks(m)}
        verdicts |= {
            n: v for n, v in found.items() if n not in verdicts or verdicts[n].status == NOT_RUN
        }
        if any("end" in message for message in messages):
            break
        if last is None:
            result.problem = f"could not be run: {_reason(outcome)}"
            break
        for name in _asks(last):
            verdicts.setdefault(name, Verdict(NOT_RUN, _reason(outcome)))
        ended["unread" if last.get("reading") else "skip"].append(last["cell"])
    for name in exercises_of(submission.topic):
        missing = Verdict(NOT_ATTEMPTED, "No call of its check was found in the notebook.")
        if result.problem or name in asked:
            missing = Verdict(NOT_RUN, result.problem or "There was no time left for it.")
        result.verdicts[name] = verdicts.get(name, missing)
    result.seconds = time.monotonic() - started
    return result


def _messages(text, word):
    """The messages of the runner among the lines of a text; a forged or broken line is left out."""
    found = []
    for line in text.splitlines():
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and message.pop("word", None) == word:
            found.append(message)
    return found


def _asks(message):
    """The names in a message, which may hold anything: who finds the word can send one."""
    names = message.get("asks")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def _verdicts(messages):
    """({exercise: verdict}, the last message that a cell begins or None)."""
    found, last = {}, None
    for message in messages:
        if isinstance(message.get("cell"), int):
            last = message
        elif message.get("status") in KNOWN:
            line, changed = str(message.get("line", ""))[:LONGEST], bool(message.get("changed"))
            remark = str(message.get("remark", ""))[:LONGEST]
            found[str(message.get("name"))] = Verdict(message["status"], line, changed, remark)
    return found, last


def _reason(outcome):
    if outcome.stopped:
        return f"stopped: {outcome.stopped}"
    last = (outcome.output.strip().splitlines() or [""])[-1][:200]
    code = outcome.returncode or 0
    if code < 0 or code > 128:  # inside a namespace a signal is reported as 128 + its number
        return f"the process crashed (signal {-code if code < 0 else code - 128})"
    return f"the notebook ended the process (exit status {code}) {last}".strip()


def run(
    folder: str | Path,
    *,
    out: str | Path,
    wanted: Sequence[str] = (),
    limits: Limits | None = None,
    whole: bool = False,
    jobs: int = 2,
    say: Callable[[str], object] = print,
) -> list[Result]:
    """Check the notebooks below a folder and write the tables; the list of `Result`.

    Args:
        folder: the folder of a class; see `submissions.find` for how it may be laid out.
        out: the folder for progress.csv, details.csv and progress.html.
        wanted: lessons by number or name; all if empty.
        limits: `Limits` of each notebook.
        whole: whether to run every cell of a notebook.
        jobs: notebooks at a time.
        say: called with each line of the report.

    Raises:
        ValueError: the folder holds no notebook, or a lesson that is wanted does not exist.
    """
    names = lessons()
    chosen = {topic for topic, name in names.items() if not wanted or _is_wanted(name, wanted)}
    unknown = [w for w in wanted if not any(_is_wanted(name, [w]) for name in names.values())]
    if unknown:
        raise ValueError(f"no lesson with exercises: {', '.join(unknown)}; {', '.join(names)}")
    found = submissions.find(folder, names)
    if not found.submissions:
        rest = "".join(f"; {line}" for line in _grouped(found.left_out))
        raise ValueError(f"no notebook (.ipynb) below {folder}{report.plain(rest)}")
    results, to_run = _sort(found.submissions, names, chosen)
    others = sum(bool(one.topic) and one.topic not in chosen for one in found.submissions)
    if others:
        found.notes.append(f"{others} notebooks are of lessons that were not asked for")
    report.prepare(Path(out))
    with Sandbox() as sandbox:
        protection = [f"protection: {MEANING[sandbox.level]}", *sandbox.reasons, *sandbox.gaps]
        for line in [*protection, *(f"read: {note}" for note in found.notes)]:
            say(report.plain(line))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            futures = [
                pool.submit(_check, one, names[one.topic], sandbox, limits or Limits(), whole)
                for one in to_run
            ]
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                results.append(result := future.result())
                total = len(result.verdicts)
                what = result.problem or f"{result.correct} of {total} correct"
                head = f"[{number}/{len(futures)}] {result.student}  {result.lesson}"
                say(f"{report.plain(head)}  {report.plain(what)}  ({result.seconds:.1f} s)")
        warnings = [*protection, *([report.UNPROTECTED] if sandbox.level == LIMITS else [])]
    results.sort(key=lambda r: (r.lesson, r.student, r.file))
    for result in results:
        if not result.verdicts:
            say(report.plain(f"left out: {result.file}: {result.problem}"))
    for line in _grouped(found.left_out):
        say(report.plain(f"left out: {line}"))
    order = {names[topic]: exercises_of(topic) for topic in names if topic in chosen}
    other = report.Rest(warnings, found.notes, found.left_out)
    for path in report.write(results, order, Path(out), other):
        say(report.plain(f"wrote {path}"))
    return results


def _check(submission, lesson, *rest):
    """As `check`; what this machine refuses (a full disk) costs one notebook, not the table."""
    try:
        return check(submission, lesson, *rest)
    except OSError as error:
        problem = f"could not be run: {error}"
        return Result(submission.student, submission.file, lesson, problem=problem)


def _grouped(left_out):
    """A line for each reason, with the number of files and the first of them."""
    by_reason: dict[str, list[str]] = {}
    for file, reason in left_out:
        by_reason.setdefault(reason, []).append(file)
    for reason, files in sorted(by_reason.items()):
        more = f", … ({len(files)} in all; details.csv has each)" if len(files) > 3 else ""
        yield f"{', '.join(files[:3])}{more}: {reason}"


def _is_wanted(name, wanted):
    return any(name == w or re.fullmatch(rf"0*{re.escape(w)}_.*", name) for w in wanted)


def _sort(found, names, chosen):
    """(results that need no run, submissions to run: the newest of each student and lesson)."""
    results: list[Result] = []
    newest: dict[tuple[str, str], submissions.Submission] = {}
    for one in sorted(found, key=lambda s: s.changed):
        lesson = names.get(one.topic, "")
        if one.topic and one.topic not in chosen:
            continue
        if one.problem:
            results.append(Result(one.student, one.file, lesson, problem=one.problem))
        elif not one.topic:
            problem = "has no exercises of this course"
            results.append(Result(one.student, one.file, lesson, problem=problem))
        else:
            if older := newest.get((one.student, one.topic)):
                problem = f"is older than {one.file}, also by {one.student}"
                results.append(Result(older.student, older.file, lesson, problem=problem))
            newest[one.student, one.topic] = one
    return results, [newest[key] for key in sorted(newest)]
