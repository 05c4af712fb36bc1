"""The tables of a class: CSV for a spreadsheet, HTML for reading."""

import contextlib
import csv
import html
import io
import os
import tempfile
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlkit.exercises.engine.verdicts import CORRECT, NOT_ATTEMPTED, NOT_YET
from dlkit.teaching.submissions import open_plain

# A symbol before the word, and a colour besides: none of the three carries the meaning alone.
LOOK = {CORRECT: ("✓", "#00694c"), NOT_YET: ("✗", "#a33d00"), NOT_ATTEMPTED: ("○", "#555555")}
OTHER = ("!", "#7a0063")
LOOK_YOURSELF = "Look at it yourself."
HONEST = (
    "A check runs in the same process as the student's code, as it does in the notebook. Whoever "
    "sets out to forge a verdict can. Read the code of an answer that decides about a mark."
)
UNPROTECTED = (
    "This run had limits only: a notebook could have read and changed your files, and used the "
    "network."
)
SIGNS = "=@\uff1d\uff20+-\uff0b\uff0d"  # begin a formula; the wide forms do in some languages
SHOWN = 200  # files left out, on the page
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  background: #fff; color: #222; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { border: 1px solid #bbb; padding: .3rem .6rem; text-align: left; vertical-align: top; }
th, td { white-space: nowrap; }
td.text { white-space: normal; min-width: 20rem; }
thead th { background: #eee; }
.scroll { overflow-x: auto; }
"""


def plain(text: object) -> str:
    """Text on one line, without control characters: safe to print to a terminal.

    Example:
        >>> plain("a\\x1b[31m\\nb")
        'a�[31m�b'
    """
    bad = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join("�" if unicodedata.category(c) in bad else c for c in str(text))


def cell(text: object) -> str:
    """Text for a cell of a CSV: never a formula, whatever opens it and whatever separates there.

    A sign that could begin a formula gets a ' before it at the start, and behind a separator. A
    comma separates only outside of quotes, which stand around every cell, so that the -1 in a
    sentence stays as it is.

    Example:
        >>> cell("=cmd|'/c calc'!A0"), cell("Ada"), cell("x;=1+1"), cell("(2, -1)")
        ("'=cmd|'/c calc'!A0", 'Ada', "x;'=1+1", '(2, -1)')
    """
    made, dangerous = [], SIGNS
    for character in plain(text):
        if dangerous and character in dangerous:
            made.append("'")
        made.append(character)
        if character in ';|"':
            dangerous = SIGNS
        elif character == ",":
            dangerous = SIGNS[:4]
        elif character != " ":
            dangerous = ""
    return "".join(made)


@dataclass
class Rest:
    """What the tables do not hold: lines on the ``protection``, ``notes`` on how the folder was
    read, and (file, reason) of each file ``left_out``.
    """

    protection: Sequence[str] = ()
    notes: Sequence[str] = ()
    left_out: Sequence[tuple[str, str]] = ()


def prepare(out: Path) -> None:
    """Make the folder for the tables, before the long run.

    Raises:
        ValueError: it, or a part of it below the working folder, is a link: somebody may have put
            it there. A folder that is given from the root on may lie behind links.
        OSError: it cannot be made.
    """
    for place in [out] if out.is_absolute() else [out, *out.parents]:
        if place.is_symlink():
            raise ValueError(f"{place} is a link: name the folder that it leads to")
    out.mkdir(parents=True, exist_ok=True)


def write(
    results: list, order: Mapping[str, list[str]], out: Path, rest: Rest | None = None
) -> list[Path]:
    """Write progress.csv, details.csv and progress.html.

    A file from an earlier run is kept under a name with its date, unless it is the same. So is
    whatever else has the name of a table: a link or a pipe is renamed, never followed or opened.

    Args:
        results: `progress.Result` objects.
        order: names of the exercises by lesson.
        out: the folder; made if it is not there.
        rest: what else to say.

    Returns:
        The paths, those of the tables first.

    Raises:
        ValueError: as `prepare`.
    """
    prepare(out)
    rest = rest or Rest()
    texts = {
        "progress.csv": _csv(_wide(results, order)),
        "details.csv": _csv(_long(results, rest.left_out)),
        "progress.html": _page(results, order, rest),
    }
    return [_put(out / name, text) for name, text in texts.items()]


def _put(path, text):
    data = text.encode("utf-8", errors="replace")
    if os.path.lexists(path):
        with contextlib.suppress(OSError, ValueError), open_plain(path) as file:
            if file.read() == data:
                return path
        when = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(path.lstat().st_mtime))
        os.replace(path, path.with_name(f"{path.stem}.{when}{path.suffix}"))
    # A new file under a name that nobody could foresee, then renamed: no link is followed.
    descriptor, part = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    with open(descriptor, "wb") as file:
        file.write(data)
    if os.name != "nt":
        os.chmod(part, 0o666 & ~_umask())
    os.replace(part, path)
    return path


def _umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _csv(rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([map(cell, row) for row in rows])
    return "\ufeff" + text.getvalue()  # Excel takes a file without this mark for Latin-1


def _wide(results, order):
    """One row for each student, one column for each exercise."""
    there = {r.lesson for r in results if r.verdicts}
    columns = [(lesson, name) for lesson in order if lesson in there for name in order[lesson]]
    yield ["student", "correct", *(f"{lesson[:2]} {name}" for lesson, name in columns)]
    by_student: dict[str, dict] = {}
    for result in results:
        mine = by_student.setdefault(result.student, {})
        for name, verdict in result.verdicts.items():
            doubt = " (look at it yourself)" if verdict.remark else ""
            mine[result.lesson, name] = verdict.status + doubt
    for student, mine in sorted(by_student.items()):
        correct = sum(status == CORRECT for status in mine.values())
        yield [student, correct, *(mine.get(column, "no notebook") for column in columns)]


def _long(results, left_out):
    """One row for each exercise of each notebook, and one for each notebook that was not run."""
    yield ["student", "lesson", "exercise", "status", "verdict", "remark", "file", "ran", "seconds"]
    for r in results:
        end = [r.file, r.mode, f"{r.seconds:.1f}"]
        for name, verdict in r.verdicts.items():
            remark = f"{verdict.remark} {LOOK_YOURSELF}" if verdict.remark else ""
            yield [r.student, r.lesson, name, verdict.status, verdict.line, remark, *end]
        if not r.verdicts:
            yield [r.student, r.lesson, "", "not read", r.problem, "", *end]
    for file, reason in left_out:
        yield ["", "", "", "not read", reason, "", file, "", ""]


def _page(results, order, rest):
    notes = [f"read: {note}" for note in rest.notes]
    parts = [f"<p>{_text(line)}</p>" for line in [*rest.protection, *notes, HONEST]]
    for lesson, names in order.items():
        mine = [r for r in results if r.lesson == lesson and r.verdicts]
        if mine:
            rows = [
                [r.student, f"{r.correct} of {len(r.verdicts)}", *(r.verdicts[n] for n in names)]
                for r in mine
            ]
            parts.append(_table(lesson, ["student", "correct", *names], rows))
    left_out = [[r.student, r.file, r.problem] for r in results if not r.verdicts]
    if left_out:
        parts.append(_table("Notebooks that were not run", ["student", "file", "reason"], left_out))
    if rest.left_out:
        rows = [list(pair) for pair in rest.left_out[:SHOWN]]
        hidden = len(rest.left_out) - SHOWN
        rows += [[f"and {hidden} more", "details.csv has each of them"]] if hidden > 0 else []
        parts.append(_table("Files that are no notebooks of a student", ["file", "reason"], rows))
    details = [
        [r.student, r.lesson, name, v, _with_remark(v), r.file]
        for r in results
        for name, v in r.verdicts.items()
        if v.status not in (CORRECT, NOT_ATTEMPTED) or v.remark
    ]
    if details:
        columns = ["student", "lesson", "exercise", "status", "first line of the verdict", "file"]
        parts.append(_table("What is not yet right", columns, details))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>Progress of the class</title>\n<style>{STYLE}</style></head>\n"
        "<body><h1>Progress of the class</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _with_remark(verdict):
    parts = [verdict.line, verdict.remark, LOOK_YOURSELF if verdict.remark else ""]
    return " ".join(filter(None, parts))


def _table(caption, columns, rows):
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in columns)
    body = "\n".join(
        f'<tr><th scope="row">{_text(first)}</th>{"".join(map(_td, rest))}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll"><table><caption>{_text(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _td(value):
    if not hasattr(value, "status"):  # a sentence may break between words, all else not at all
        return (
            f'<td class="text">{_text(value)}</td>'
            if len(value) > 40
            else f"<td>{_text(value)}</td>"
        )
    mark, color = LOOK.get(value.status, OTHER)
    star = " (see below)" if value.remark else ""
    return f'<td style="color:{color}">{mark} {_text(value.status)}{star}</td>'


def _text(value):
    return html.escape(plain(value))
