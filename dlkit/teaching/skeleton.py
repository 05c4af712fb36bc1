"""Starts a new lesson: a notebook that runs, its entry in course.toml and its row in the README."""

import json
import re
import tomllib
from pathlib import Path

from dlkit.teaching.skeleton_cells import cells_of

NAME = re.compile(r"[0-9]{2}_[a-z0-9]+(_[a-z0-9]+)*")
SUMMARY = "One sentence on what you do in this lesson."


def new_lesson(root, name, *, title, minutes=1, after=None):
    """Write the skeleton of a lesson. Nothing is written unless everything can be.

    Args:
        root: the course's folder.
        name: of the notebook, two digits and words: ``"12_speed_and_gpus"``.
        title: as the README shows it.
        minutes: of a run on two cores.
        after: name of the lesson before it; the last one if None.

    Returns:
        Path of the notebook.

    Raises:
        ValueError: the name is not of this form or taken, there is no such lesson before it, or
            this is no checkout of the course; the message says what to do.
    """
    root, after = Path(root), after and Path(after).stem
    course, readme = root / "course.toml", root / "README.md"
    setup = root / "tools" / "setup_cell.py"
    if not all(path.is_file() for path in (course, readme, setup)):
        raise ValueError(
            "lessons are written in a checkout of the course, and here is none (only the package "
            "dlkit is installed): get the whole repository, and run this in its folder"
        )
    _check(name, title, minutes)
    texts = {path: path.read_text(encoding="utf-8") for path in (course, readme)}
    lessons = tomllib.loads(texts[course])["lesson"]
    names = [Path(lesson["file"]).stem for lesson in lessons]
    notebook = root / "notebooks" / f"{name}.ipynb"
    if notebook.exists() or name in names:
        raise ValueError(f"there is a lesson {name} already; nothing was changed")
    if name[:2] in [other[:2] for other in names]:
        raise ValueError(f"the number {name[:2]} is taken; the next is {len(names):02}")
    if title in [lesson["title"] for lesson in lessons]:
        raise ValueError(f"there is a lesson with the title {title!r} already")
    if after is not None and after not in names:
        raise ValueError(f"no lesson {after} to come after; there are {', '.join(names)}")
    before = lessons[names.index(after) if after else -1]
    entry = {
        "file": f"notebooks/{name}.ipynb",
        "title": title,
        "summary": SUMMARY,
        "minutes": minutes,
        "data": [],
        "prerequisites": [before["file"]],
    }
    texts[course] = _with_entry(texts[course], entry, before)
    texts[readme] = _with_row(texts[readme], entry, before)
    texts[notebook] = _notebook(entry, before, setup.read_text(encoding="utf-8").strip())
    with open(notebook, "x", encoding="utf-8") as file:  # "x": never over another file
        file.write(texts.pop(notebook))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return notebook


def _check(name, title, minutes):
    if not NAME.fullmatch(name):
        raise ValueError(
            f"the name is {name!r}; expected two digits and words in small letters, joined by _, "
            "such as 12_speed_and_gpus"
        )
    if not title.strip() or re.search(r"[|\n\r\[\]`\\]", title) or title != title.strip():
        raise ValueError(f"the title is {title!r}; expected a line without | [ ] ` and backslashes")
    if not 1 <= minutes <= 60:
        raise ValueError(f"minutes are {minutes}; expected 1 to 60")


def _with_entry(text, entry, before):
    """course.toml with an entry after that of another lesson."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    block = "[[lesson]]\n" + "\n".join(lines) + "\n"
    head, *entries = re.split(r"^(?=\[\[lesson\]\])", text.rstrip() + "\n", flags=re.MULTILINE)
    place = next(n for n, e in enumerate(entries) if f'"{before["file"]}"' in e.split("\n")[1])
    entries.insert(place + 1, block)
    return head + "\n".join(found.rstrip() + "\n" for found in entries)


def _with_row(text, entry, before):
    """The README with a row after that of another lesson."""
    lines = text.split("\n")
    row = f"| {Path(entry['file']).name[:2]} | [{entry['title']}]({entry['file']}) "
    row += f"| {entry['minutes']} min | {entry['summary']} |"
    places = [
        n for n, line in enumerate(lines) if line.startswith("|") and f"({before['file']})" in line
    ]
    if len(places) != 1:
        raise ValueError(f"README.md has no single row of a table with ({before['file']})")
    return "\n".join([*lines[: places[0] + 1], row, *lines[places[0] + 1 :]])


def _notebook(entry, before, setup):
    """The text of the notebook file."""
    number = Path(entry["file"]).name[:2]
    cells = []
    for count, (kind, text) in enumerate(cells_of(entry, before, setup)):
        cell = {"cell_type": kind, "id": f"{number}-{count:02}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell | {"source": text.splitlines(keepends=True)})
    metadata = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
