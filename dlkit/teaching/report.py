"""The tables of a class: CSV for a spreadsheet, HTML for reading."""

import contextlib
import csv
import html
import io
import os
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from dlkit.exercises.engine.verdicts import CORRECT, NOT_ATTEMPTED, NOT_YET

# A symbol before the word, and a colour besides: none of the three carries the meaning alone.
LOOK = {CORRECT: ("✓", "#00694c"), NOT_YET: ("✗", "#a33d00"), NOT_ATTEMPTED: ("○", "#555555")}
OTHER = ("!", "#7a0063")
CHANGED = "The notebook changed code of the checker before: look at it yourself."
HONEST = (
    "A check runs in the same process as the student's code, as it does in the notebook. Whoever "
    "sets out to forge a verdict can. Read the code of an answer that decides about a mark."
)
UNPROTECTED = (
    "This run had limits only: a notebook could have read and changed your files, and used the "
    "network."
)
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
    """Text for a cell of a CSV: never a formula, whatever program opens it.

    Example:
        >>> cell("=cmd|'/c calc'!A0"), cell("Ada")
        ("'=cmd|'/c calc'!A0", 'Ada')
    """
    text = plain(text)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def write(
    results: list, order: Mapping[str, list[str]], out: Path, protection: str, is_unprotected: bool
) -> list[Path]:
    """Write progress.csv, details.csv and progress.html.

    A file from an earlier run is kept under a name with its date, unless it is the same.

    Args:
        results: `progress.Result` objects.
        order: names of the exercises by lesson.
        out: the folder; made if it is not there.
        protection: the level of protection, in words.
        is_unprotected: whether to warn of it.

    Returns:
        The paths, those of the tables first.
    """
    out.mkdir(parents=True, exist_ok=True)
    head = [protection, *([UNPROTECTED] if is_unprotected else []), HONEST]
    texts = {
        "progress.csv": _csv(_wide(results, order)),
        "details.csv": _csv(_long(results)),
        "progress.html": _page(results, order, head),
    }
    return [_put(out / name, text) for name, text in texts.items()]


def _put(path, text):
    data = text.encode("utf-8", errors="replace")
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() != data:
            when = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(path.stat().st_mtime))
            os.replace(path, path.with_name(f"{path.stem}.{when}{path.suffix}"))
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
    return path


def _csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([map(cell, row) for row in rows])
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
            changed = " (checker changed)" if verdict.changed else ""
            mine[result.lesson, name] = verdict.status + changed
    for student, mine in sorted(by_student.items()):
        correct = sum(status == CORRECT for status in mine.values())
        yield [student, correct, *(mine.get(column, "no notebook") for column in columns)]


def _long(results):
    """One row for each exercise of each notebook, and one for each notebook that was not run."""
    yield ["student", "lesson", "exercise", "status", "verdict", "remark", "file", "ran", "seconds"]
    for r in results:
        end = [r.file, r.mode, f"{r.seconds:.1f}"]
        for name, verdict in r.verdicts.items():
            remark = CHANGED if verdict.changed else ""
            yield [r.student, r.lesson, name, verdict.status, verdict.line, remark, *end]
        if not r.verdicts:
            yield [r.student, r.lesson, "", "not read", r.problem, "", *end]


def _page(results, order, head):
    parts = [f"<p>{_text(line)}</p>" for line in head]
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
    details = [
        [r.student, r.lesson, name, v, f"{v.line} {CHANGED if v.changed else ''}".strip(), r.file]
        for r in results
        for name, v in r.verdicts.items()
        if v.status not in (CORRECT, NOT_ATTEMPTED) or v.changed
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
    mark, colour = LOOK.get(value.status, OTHER)
    star = " (see below)" if value.changed else ""
    return f'<td style="color:{colour}">{mark} {_text(value.status)}{star}</td>'


def _text(value):
    return html.escape(plain(value))
