"""Finds the notebooks of a class in a folder, and reads them without trusting them.

All that is read here is bounded, and read in time that grows as the size: a file may be made to
harm. What it takes a parser of Python to find out is found out in the sandbox.
"""

import datetime
import io
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dlkit.teaching import layouts

MAX_BYTES = 20_000_000  # of a notebook
MAX_CODE = 2_000_000  # characters of code in it
MAX_ENTRIES = 5000  # of an archive
MAX_DIRECTORY = 4_000_000  # bytes of an archive's list of entries
MAX_UNPACKED = 200_000_000  # bytes of the notebooks in an archive
PIECE = 1_000_000
# Without \s after ^: it runs over line breaks, and n empty lines are then looked at n² times.
TOPIC = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+dlkit\.exercises(?:\.|[ \t]+import[ \t(\n]+)(\w+)",
    flags=re.MULTILINE,
)
# x.ipynb, and what browsers and mail programs make of it: x.ipynb.txt, x.IPYNB, x.ipynb(1)
NOTEBOOK = re.compile(r"\.ipynb(\.(json|txt|download|bak|orig|crdownload)|~|[ _]?\(\d+\))?$", re.I)
ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
OF_SYSTEMS = {"__macosx", "__pycache__", "thumbs.db", "desktop.ini"}
HIDDEN = "is hidden or made by a system"
LINK = "is a link: links are not followed"
NO_NOTEBOOK = "is no notebook (.ipynb)"


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


@dataclass
class Found:
    """All that lies in a class's folder: what is read, and what is not.

    ``left_out`` has (file, reason) of each file that is no notebook, and ``notes`` say how the
    notebooks were given to students.
    """

    submissions: list[Submission] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _File:
    """A file in the folder or in an archive: its path as parts, its bytes or why there are none."""

    parts: tuple[str, ...]
    data: bytes = b""
    problem: str = ""
    changed: float = 0.0
    is_notebook: bool = True

    @property
    def name(self) -> str:
        return _readable("/".join(self.parts))


def find(folder: str | Path, lessons: Mapping[str, str]) -> Found:
    """What lies below a folder: the notebooks, sorted by student and file, and all other files.

    Whose a notebook is, `layouts.assign` finds: ``ada/07_mnist_mlp.ipynb``,
    ``07_mnist_mlp_ada.ipynb``, ``07_mnist_mlp/ada.ipynb`` and ``submitted/ada/hw1/x.ipynb`` are
    ada's, and so is what the learning platforms make of these. Archives (.zip) are read as folders.
    The lesson is the one whose exercises the notebook imports, else the one that its path holds.
    Links are not followed, and hidden folders (``.ipynb_checkpoints``) are left out.

    Args:
        folder: the folder of a class.
        lessons: names of lessons by topic, e.g. ``{"mnist_mlp": "07_mnist_mlp"}``.
    """
    found, items = Found(), []
    for file in _files(Path(folder)):
        if not file.is_notebook:
            found.left_out.append((file.name, file.problem))
            continue
        *folders, name = file.parts
        stem = NOTEBOOK.sub("", name)
        one = Submission("", file.name, problem=file.problem, changed=file.changed)
        imported = _read(one, file.data)
        known = [topic for topic in imported if topic in lessons]
        by_path = [layouts.topic_in(part, lessons) for part in (stem, *reversed(folders))]
        one.topic = known[-1] if known else next(filter(None, by_path), "")
        found.submissions.append(one)
        items.append(layouts.Item(folders, stem, one.topic))
    found.notes = layouts.assign(items, lessons, Path(folder).resolve().name)
    for one, item in zip(found.submissions, items, strict=True):
        one.student = _readable(item.student) or "?"
        one.problem = one.problem or item.problem
    found.submissions.sort(key=lambda s: (s.student, s.file))
    found.left_out.sort()
    return found


def _read(one, data):
    """Fill the sources of a submission; the topics that its text imports."""
    if one.problem:
        return []
    try:
        one.sources = _sources(data)
    except (ValueError, RecursionError, MemoryError) as error:
        one.problem = _in_words(error)
        return []
    return [topic for source in one.sources.values() for topic in TOPIC.findall(source)]


def _files(folder: Path) -> Iterator[_File]:
    """Every file below a folder, and in its archives."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(folder.joinpath(*place)) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _File((*place, ""), problem=_in_words(error), is_notebook=False)
            continue
        for entry in inside:
            parts = (*place, entry.name)
            kind, reason = _kind(entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.is_symlink() and reason != HIDDEN and kind != "notebook":
                yield _File(parts, problem=LINK, is_notebook=False)
            elif reason == HIDDEN or (kind == "other" and not is_folder):
                yield _File(parts, problem=reason, is_notebook=False)
            elif is_folder and kind != "notebook":
                waiting.append(parts)
            elif is_folder:
                yield _File(parts, problem="is a folder with the name of a notebook")
            else:
                yield from _open(Path(entry.path), parts, kind)


def _kind(name):
    """("notebook", ""), ("archive", "") or ("other", why it is not read)."""
    lower = name.lower()
    if lower.startswith(".") or lower in OF_SYSTEMS:
        return "other", HIDDEN
    if NOTEBOOK.search(name):
        return "notebook", ""
    if lower.endswith(".zip"):
        return "archive", ""
    if lower.endswith(ARCHIVES):
        return "other", "is an archive of a kind that is not read: unpack it"
    return "other", NO_NOTEBOOK


def _open(path, parts, kind):
    """The file, or what an archive holds."""
    try:
        with open_plain(path) as file:
            status = os.fstat(file.fileno())
            if kind == "archive":
                yield from _unpacked(file, parts, status.st_mtime)
                return
            if status.st_size > MAX_BYTES:
                raise ValueError(_too_large(status.st_size))
            yield _File(parts, file.read(MAX_BYTES + 1), changed=status.st_mtime)
    except (OSError, ValueError) as error:
        yield _File(parts, problem=_in_words(error), is_notebook=kind == "notebook")


def open_plain(path: Path) -> io.BufferedReader:
    """A file, open to be read.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is a link, a pipe or a folder.
    """
    if path.is_symlink():
        raise ValueError(LINK)
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("is not a file")
    return open(descriptor, "rb")


class _Sparing(io.BufferedReader):
    """A file of which no more than a bounded piece is read at once, whatever it says of itself."""

    def read(self, size=-1, /):
        most = MAX_DIRECTORY + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        if len(data) > MAX_DIRECTORY:
            raise ValueError(f"lists its entries on more than {_megabytes(MAX_DIRECTORY)}")
        return data


BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OverflowError, RuntimeError)


def _unpacked(file, parts, changed):
    """The files in an archive. Raises ValueError, OSError."""
    *folders, name = parts
    inside, left = (*folders, re.sub(r"\.zip$", "", name, flags=re.IGNORECASE)), MAX_UNPACKED
    try:
        with zipfile.ZipFile(_Sparing(file)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise ValueError(f"has {len(entries)} entries; at most {MAX_ENTRIES} are read")
            for entry in entries:
                path = PurePosixPath(entry.filename.replace("\\", "/"))
                steps = [p[: layouts.LONGEST] for p in path.parts if p not in ("/", "..", ".")]
                if entry.is_dir() or not steps:
                    continue
                kind, reason = _kind(steps[-1])
                if any(_kind(step)[1] == HIDDEN for step in steps):
                    kind, reason = "other", HIDDEN
                elif kind == "archive":
                    kind, reason = "other", "is an archive in an archive: unpack it"
                one = _File((*inside, *steps), problem=reason, is_notebook=kind == "notebook")
                if one.is_notebook:
                    one.changed = _time_of(entry, changed)
                    try:
                        one.data = _unpack(archive, entry, left)
                    except (*BROKEN, ValueError) as error:
                        one.problem = _in_words(error)
                    left -= len(one.data)
                yield one
    except BROKEN as error:
        raise ValueError(_in_words(error)) from error


def _unpack(archive, entry, left):
    """The bytes of one entry. Raises ValueError and what zipfile raises."""
    if entry.flag_bits & 1:
        raise ValueError("is protected by a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("is compressed in a way that is not read: unpack it")
    pieces, size = [], 0
    with archive.open(entry) as file:
        while piece := file.read(PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise ValueError(_too_large(max(size, entry.file_size)))
            if size > left:
                raise ValueError(f"is past the {_megabytes(MAX_UNPACKED)} that are read of one")
    return b"".join(pieces)


def _time_of(entry, otherwise):
    try:
        return datetime.datetime(*entry.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return otherwise


def _too_large(size):
    return f"has {_megabytes(size)}; at most {_megabytes(MAX_BYTES)}"


def _megabytes(size):
    return f"{size / 1e6:.0f} MB"


def _sources(text):
    """{index: text} of the code cells of a notebook in format 4. Raises ValueError."""
    if not text.strip():
        raise ValueError("is empty")
    # Numbers are not needed, and a long one takes long to read.
    notebook = json.loads(text, parse_int=len, parse_float=len, parse_constant=len)
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
    size = sum(map(len, found.values()))
    if size > MAX_CODE:
        raise ValueError(f"has {size / 1e6:.1f} million characters of code; at most 2 million")
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
    if isinstance(error, BROKEN):
        return "is damaged, or no archive"
    return str(error)
