"""Finds the notebooks of a class in a folder, and reads them without trusting them."""

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_BYTES = 20_000_000
TOPIC = re.compile(r"^\s*from dlkit\.exercises import (\w+) as exercises\b", flags=re.MULTILINE)


@dataclass
class Submission:
    """One notebook of a student.

    ``topic`` is the module of its exercises, "" if it has none; ``problem`` says why it cannot be
    read; ``sources`` has the text of each code cell by its index.
    """

    student: str
    file: str  # below the folder of the class
    topic: str = ""
    problem: str = ""
    sources: dict = field(default_factory=dict)
    changed: float = 0.0  # time of the last change, s


def find(folder: str | Path, lessons: Mapping[str, str]) -> list[Submission]:
    """The notebooks below a folder, sorted by student and file.

    The student is the name of the sub-folder, or of the file without the lesson's name:
    ``ada/07_mnist_mlp.ipynb``, ``07_mnist_mlp_ada.ipynb`` and ``ada-07_mnist_mlp.ipynb`` are ada's.
    Where the file's name says nobody's, it is the folder's (``my_lessons/07_mnist_mlp.ipynb``).
    The lesson is the one whose exercises the notebook imports, else the one that its name holds.
    Links are not followed, and hidden folders (``.ipynb_checkpoints``) are left out.

    Args:
        folder: the folder of a class.
        lessons: names of lessons by topic, e.g. ``{"mnist_mlp": "07_mnist_mlp"}``.

    Returns:
        list of `Submission`
    """
    found = []
    for root, folders, files in os.walk(folder):
        odd = [name for name in folders if name.endswith(".ipynb")]
        folders[:] = [n for n in folders if not n.startswith(".") and n not in odd]
        for name in [*odd, *files]:
            if name.endswith(".ipynb") and not name.startswith("."):
                found.append(_open(Path(root) / name, Path(folder), lessons))
    return sorted(found, key=lambda s: (s.student, s.file))


def _open(path, folder, lessons):
    relative = path.relative_to(folder)
    by_name = max((topic for topic in lessons if topic in path.stem), key=len, default="")
    if len(relative.parts) > 1:
        student = relative.parts[0]
    else:
        rest = re.sub(rf"(\d+[_-])?{by_name}", " ", path.stem) if by_name else path.stem
        # What a browser adds to a second download, and `fresh` to a copy that it kept.
        rest = re.sub(r"\s*\((\d+|kept .*)\)$", "", rest)
        student = rest.strip(" _-.") or folder.resolve().name or path.stem
    submission = Submission(_readable(student), _readable(relative.as_posix()))
    try:
        text, submission.changed = _read(path)
        submission.sources = _sources(text)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        submission.topic = by_name
        submission.problem = _in_words(error)
        return submission
    imported = TOPIC.findall("\n".join(submission.sources.values()))
    known = [topic for topic in imported if topic in lessons]
    submission.topic = known[-1] if known else by_name
    return submission


def _read(path):
    """(bytes, time of change) of a plain file. Raises OSError, ValueError."""
    if path.is_symlink():
        raise ValueError("is a link: links are not followed")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _NO_WAIT)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"has {status.st_size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f}")
        return file.read(MAX_BYTES + 1), status.st_mtime


_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _sources(text):
    """{index: text} of the code cells of a notebook in format 4. Raises ValueError."""
    if not text.strip():
        raise ValueError("is empty")
    notebook = json.loads(text)
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise ValueError("is in the old notebook format 3: open and save it in JupyterLab")
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("is no notebook: it has no list of cells")
    found = {}
    for index, cell in enumerate(cells):
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise ValueError(f"is no notebook: cell {index} has no text")
        if cell.get("cell_type") == "code":
            found[index] = _readable(source)
    return found


def _readable(text):
    """Text that can be written as UTF-8."""
    return text.encode("utf-8", errors="replace").decode()


def _in_words(error):
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON ({error.msg}, line {error.lineno}): not a notebook, or cut off"
    if isinstance(error, RecursionError | MemoryError):
        return "is nested too deeply to read"
    if isinstance(error, OSError):
        return error.strerror or "cannot be opened"
    return str(error)
