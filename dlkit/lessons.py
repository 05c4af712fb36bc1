"""The learner's own copies of the lessons: `python -m dlkit lab` makes and opens them.

They lie in ``my_lessons/``, which git ignores: each lesson once, without its outputs. A copy is
never overwritten. Its metadata say which state of the course's lesson it was made from, so that
`lab` can tell when the course's has changed since; `python -m dlkit fresh 07` starts one afresh.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from dlkit.machine import ROOT, dlkit_command

COURSE = ROOT / "notebooks"
MINE = ROOT / "my_lessons"
TOLD = ".dlkit.json"  # in my_lessons: the changes of the course that were spoken of, by file
LESSON = re.compile(r"\d\d_\w+\.ipynb")


@dataclasses.dataclass
class News:
    """What ``prepare`` did and found: names of files, and of problems the sentences."""

    new: list[str] = dataclasses.field(default_factory=list)
    renamed: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # (before, after)
    changed: list[str] = dataclasses.field(default_factory=list)  # by the course, since the copy
    foreign: list[str] = dataclasses.field(default_factory=list)  # not a copy, or not readable
    problems: list[str] = dataclasses.field(default_factory=list)


# ---- The copies ------------------------------------------------------------------------------


def prepare(course: Path, mine: Path) -> News:
    """Give the learner a copy of each lesson that has none; change no copy that is there.

    A lesson to which the course has given another number is not copied a second time: the
    learner's copy takes the new number. What the course has changed is told once for each change.
    A text to which lessons link (``notation.md``) is copied too, where it is not there yet.

    Args:
        course: the folder of the course's notebooks.
        mine: the learner's folder; made if it is not there.

    Returns:
        `News`. Nothing is raised for a folder that cannot be written to or a notebook that cannot
        be read: the first problem with writing ends the copying, and is told.
    """
    news = News()
    lessons = _lessons(course)
    told = _read_told(mine)
    spoken_of = dict(told)
    for name in lessons:
        try:
            text, digest = own_copy(course / name)
        except (OSError, ValueError) as error:
            news.problems.append(
                f"{_shown(course / name)} cannot be read ({_reason(error)}): "
                "get the course's file anew"
            )
            continue
        try:
            mine.mkdir(exist_ok=True)
            before = _number_before(name, lessons, mine)
            if before:
                os.rename(mine / before, mine / name)
                news.renamed.append((before, name))
            elif _put(text, mine / name):
                news.new.append(name)
                continue
        except OSError as error:
            news.problems.append(
                f"{_shown(mine / name)} cannot be written ({_reason(error)}): "
                "free some space, or copy the course's folder to a place where you may write"
            )
            break
        made_from = _made_from(mine / name)
        if made_from != digest and told.get(name) != digest:
            (news.changed if made_from else news.foreign).append(name)
            spoken_of[name] = digest
    for page in course.glob("*.md"):  # to which lessons link
        with contextlib.suppress(OSError):  # if nothing could be written, that is told already
            _put(page.read_bytes(), mine / page.name)
    if spoken_of != told:
        with contextlib.suppress(OSError):  # then it is told again
            part = mine / f"{TOLD}.{os.getpid()}.part"
            part.write_text(json.dumps({"told": spoken_of}, indent=1), encoding="utf-8")
            os.replace(part, mine / TOLD)
    return news


def fresh(lesson: str, course: Path, mine: Path) -> tuple[Path, Path | None]:
    """Put a lesson as the course has it into the learner's folder; what was there is kept.

    Args:
        lesson: its number (``"07"`` or ``"7"``), topic (``"mnist_mlp"``) or file name.
        course: the folder of the course's notebooks.
        mine: the learner's folder.

    Returns:
        The fresh copy, and what its predecessor is called now: None if there was none, the copy
        itself if it is just as the course's lesson already.

    Raises:
        ValueError: there is no such lesson, or the course's file is no notebook.
        OSError: the folder cannot be written to; what was there is still there.
    """
    name = _find(lesson, course)
    text, _ = own_copy(course / name)
    path = mine / name
    mine.mkdir(exist_ok=True)
    if _put(text, path):
        return path, None
    with contextlib.suppress(OSError):
        if path.read_bytes() == text:
            return path, path
    part = path.with_name(f".{path.stem}.{os.getpid()}.fresh")
    try:
        part.write_bytes(text)  # first, so that a full disk leaves all as it is
        kept = _name_to_keep(path)
        os.rename(path, kept)
        os.rename(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return path, kept


def own_copy(path: Path) -> tuple[bytes, str]:
    """A lesson as the learner gets it, and the digest of the lesson's cells.

    Args:
        path: one of the course's notebooks.

    Returns:
        (the bytes of a notebook without outputs and execution counts, SHA-256 in hexadecimal).

    Raises:
        OSError: it cannot be read.
        ValueError: it is no notebook in format 4.
    """
    notebook = _read_notebook(path)
    digest = _digest(notebook)
    for cell in notebook["cells"]:
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
    notebook.setdefault("metadata", {})["dlkit"] = {"made_from": digest}
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8"), digest


def _read_notebook(path):
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("it is no notebook: it has no list of cells")
    return notebook


def _digest(notebook):
    """Of what is written in the cells, not of outputs, ids and metadata."""
    cells = [(c.get("cell_type"), "".join(c.get("source", ""))) for c in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode("utf-8")).hexdigest()


def _made_from(path):
    """The digest in a learner's copy; None if there is none, or the file cannot be read."""
    try:
        return str(_read_notebook(path)["metadata"]["dlkit"]["made_from"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_told(mine):
    try:
        told = json.loads((mine / TOLD).read_bytes().decode("utf-8"))["told"]
        return {str(name): str(digest) for name, digest in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _lessons(folder):
    return sorted(path.name for path in folder.glob("*.ipynb") if LESSON.fullmatch(path.name))


def _number_before(name, lessons, mine):
    """The copy of a lesson that had another number; "" if the lesson has its copy, or none."""
    if os.path.lexists(mine / name):
        return ""
    others = [other for other in _lessons(mine) if other not in lessons]
    return next((other for other in others if other[3:] == name[3:]), "")


def _find(lesson, course):
    lessons = _lessons(course)
    wanted = Path(lesson).name
    for name in lessons:
        stem = Path(name).stem
        is_number = wanted.isdecimal() and int(wanted) == int(stem[:2])
        if is_number or wanted in (name, stem, stem[3:]):
            return name
    there = ", ".join(Path(name).stem for name in lessons)
    raise ValueError(f"no lesson is called {lesson!r}: choose one of {there}")


def _put(text, path):
    """Write a new file, whole or not at all; False if something of that name is there."""
    if os.path.lexists(path):
        return False
    part = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        part.write_bytes(text)
        try:
            os.link(part, path)  # unlike a rename, a link never overwrites
        except FileExistsError:
            return False
        except (OSError, NotImplementedError):  # no hard links here: FAT, some network shares
            if os.path.lexists(path):
                return False
            os.rename(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return True


def _name_to_keep(path):
    when = time.strftime("%Y-%m-%d %H.%M")
    number = 1
    while True:
        again = f", {number}" if number > 1 else ""
        kept = path.with_name(f"{path.stem} (kept {when}{again}){path.suffix}")
        if not os.path.lexists(kept):
            return kept
        number += 1


def _shown(path):
    """A path below the course's folder, or all of it."""
    with contextlib.suppress(ValueError):
        return path.relative_to(ROOT).as_posix()
    return str(path)


def _reason(error):
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON ({error.msg}, line {error.lineno})"
    return getattr(error, "strerror", None) or str(error)


# ---- The commands ----------------------------------------------------------------------------


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add lab and fresh to the subparsers of the command line."""
    commands.add_parser(
        "lab",
        help="open your own copies of the lessons in JupyterLab",
        description="Makes your own copy of each lesson in my_lessons/, once, and opens the first "
        "in JupyterLab. All other options are JupyterLab's, such as --no-browser or --port=8890.",
    )
    one = commands.add_parser("fresh", help="start a lesson afresh; your own copy is kept")
    one.add_argument("lessons", nargs="+", metavar="07", help="number or name of a lesson")


def lab(options: Iterable[str] = ()) -> int:
    """Make the learner's copies, then become JupyterLab, with the first lesson open.

    Args:
        options: JupyterLab's own.

    Returns:
        1 if there is no lesson to open; JupyterLab's exit status on Windows, where one process
        cannot become another.

    Raises:
        ModuleNotFoundError: this Python has no JupyterLab.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ModuleNotFoundError("No module named 'jupyterlab'", name="jupyterlab")
    options = list(options)
    for line in sentences(prepare(COURSE, MINE), MINE):
        print(line)
    first = next(iter(_lessons(MINE)), None)
    if first is None:
        return 1
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and not any("allow-root" in o or "allow_root" in o for o in options):
        print(
            f"You are root: JupyterLab starts only with {dlkit_command('lab', '--allow-root')} "
            "(make lab ARGS=--allow-root). An account of your own is safer."
        )
    sys.stdout.flush()
    # So that `!python` and `!pip` in a cell are those of the course too.
    folder = os.path.dirname(os.path.abspath(sys.executable))
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
    command = [sys.executable, "-m", "jupyterlab", str(MINE / first), *options]
    if os.name == "nt":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is JupyterLab's to answer
        return subprocess.call(command)
    os.execv(sys.executable, command)


def sentences(news: News, mine: Path) -> list[str]:
    """What a learner should hear of it, calmly; usually nothing."""
    folder, lines = _shown(mine), []
    if news.new and len(news.new) == len(_lessons(mine)):
        lines.append(f"Your own copies of the lessons are in {folder}/: nothing overwrites them.")
    elif news.new:
        lines.append(f"New in {folder}/: {', '.join(news.new)}")
    if news.renamed:
        pairs = ", ".join(f"{before} is now {after}" for before, after in news.renamed)
        lines.append(f"The course has new numbers, and so have your copies: {pairs}")
    if news.changed:
        numbers = [name[:2] for name in news.changed]
        lines.append(
            f"The course has changed since your copies of {', '.join(numbers)} were made. Yours "
            "stay as they are. To start one afresh, and keep yours beside it: "
            f"{dlkit_command('fresh', numbers[0])}"
        )
    for name in news.foreign:
        lines.append(
            f"{folder}/{name} is no copy of the course's lesson, or cannot be read. It stays as it "
            f"is. To have the lesson, and keep yours beside it: {dlkit_command('fresh', name[:2])}"
        )
    return lines + news.problems


def run_fresh(lessons: Iterable[str]) -> int:
    """Start lessons afresh, and say where the learner's are kept; 0, or 2 if one could not be."""
    for lesson in lessons:
        try:
            path, kept = fresh(lesson, COURSE, MINE)
        except (ValueError, OSError) as error:
            print(f"dlkit fresh: {_reason(error)}", file=sys.stderr)
            return 2
        if kept is None:
            print(f"{_shown(path)} is there, as the course has it.")
        elif kept == path:
            print(f"{_shown(path)} is as the course has it already: nothing was done.")
        else:
            print(f"{_shown(path)} is as the course has it. Yours is kept: {_shown(kept)}")
            print("If it is open in JupyterLab: close it without saving, and open it again.")
    return 0
