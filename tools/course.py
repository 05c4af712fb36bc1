"""The list of lessons, course.toml, and everything that is written from it.

python tools/course.py stamp [07_mnist_mlp …]
python tools/course.py move [--dry-run] [--force] OLD=NEW …     # 41_cats=42_lions

`stamp` brings up to date what lessons carry beside their text and outputs: number and title, the
titles in links to other lessons, the minutes, badges, the set-up cell, metadata, and a text
alternative for each figure from the words below it. If no lesson is named, it does all of
them, the README's table and the other lists of lessons. It runs nothing.

`move` gives lessons other numbers or names, all at once, in every file of the repository: see
`move`. A lesson's number stands in its file name and in what this tool writes.
"""

import argparse
import collections
import copy
import dataclasses
import itertools
import math
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

import nbformat

from dlkit.machine import print_anything

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[0-9]{2}_[a-z0-9]+(?:_[a-z0-9]+)*")  # of a lesson: its number and its topic
ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]

# --- the list ---------------------------------------------------------------------------------


@dataclasses.dataclass
class Lesson:
    """An entry of course.toml."""

    file: str  # notebooks/07_mnist_mlp.ipynb
    title: str = ""
    part: str = ""
    summary: str = ""
    minutes: int = 1
    gpu: bool = False  # it gains from one
    measures: bool = False  # it measures seconds, or starts servers: tested alone
    data: list[str] = dataclasses.field(default_factory=list)
    prerequisites: list[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name without its suffix: ``"07_mnist_mlp"``."""
        return Path(self.file).stem

    @property
    def number(self) -> str:
        """Two digits: ``"06"``."""
        return self.name[:2]

    @property
    def topic(self) -> str:
        """The name without the number, as the exercises' module has it: ``"mnist_mlp"``."""
        return self.name[3:]

    @property
    def heading(self) -> str:
        """Number and title: ``"06 · Reading digits"``."""
        return f"{self.number} · {self.title}"


@dataclasses.dataclass
class Course:
    """What course.toml says, and the folder in which it lies."""

    root: Path
    lessons: list[Lesson]
    parts: list[str] = dataclasses.field(default_factory=list)
    repository: str = ""
    ref: str = "main"

    def choose(self, names: Iterable[str] = ()) -> list[Lesson]:
        """The lessons with these numbers, topics, names or files, in order; all if none is given.

        Raises:
            ValueError: there is no such lesson.
        """
        wanted = {Path(name).stem for name in names}
        known = {key for one in self.lessons for key in (one.name, one.number, one.topic)}
        if unknown := sorted(wanted - known):
            raise ValueError(
                f"not in course.toml: {', '.join(unknown)}; expected a number such as "
                f"{self.lessons[0].number} or a name such as {self.lessons[0].name}"
            )
        return [
            one for one in self.lessons if not wanted or wanted & {one.name, one.number, one.topic}
        ]

    def path(self, lesson: Lesson) -> Path:
        """Where a lesson's notebook lies."""
        return self.root / lesson.file


def read(root: Path = ROOT) -> Course:
    """The course in this folder."""
    return parse((root / "course.toml").read_text(encoding="utf-8"), root)


def parse(text: str, root: Path = ROOT) -> Course:
    """The course that this text of course.toml describes.

    Raises:
        ValueError: a lesson has a key that no lesson has.
    """
    found = tomllib.loads(text)
    known = [field.name for field in dataclasses.fields(Lesson)]
    for entry in found["lesson"]:
        if unknown := entry.keys() - set(known):
            raise ValueError(
                f"course.toml: the keys of a lesson are {sorted(unknown)}; expected some of "
                f"{', '.join(known)}"
            )
    lessons = [Lesson(**entry) for entry in found["lesson"]]
    return Course(root, lessons, found.get("parts", []), **found.get("publish", {}))


def in_order(text: str) -> str:
    """course.toml with its lessons in the order of their numbers."""
    head, *entries = re.split(r"^(?=\[\[lesson\]\])", text.rstrip() + "\n", flags=re.MULTILINE)
    entries.sort(key=lambda entry: parse(entry).lessons[0].number)
    return head + "\n".join(entry.rstrip() + "\n" for entry in entries)


def count_figures(cell: dict) -> int:
    """The number of images among a cell's outputs."""
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


# --- what a lesson carries --------------------------------------------------------------------

BADGES = "[![Open in Colab]("  # a block of text that begins so was stamped
ALT_SENTENCES = 3
SENTENCE_END = r"(?:(?<=[.!?])|(?<=[.!?]\))) +(?=[A-ZΑ-Ω(])"
SIGNS = {"times": "×", "cdot": "·", "le": "≤", "ge": "≥", "approx": "≈", "pm": "±"}
SIGNS |= {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eta": "η", "lambda": "λ"}
SIGNS |= {"mu": "μ", "sigma": "σ", "varepsilon": "ε", "varphi": "φ", "Phi": "Φ"}


def setup_cell(root: Path = ROOT) -> str:
    """The text of the set-up cell that all lessons share."""
    return (root / "tools" / "setup_cell.py").read_text(encoding="utf-8").strip()


def stamp(notebook: nbformat.NotebookNode, lesson: Lesson, course: Course) -> None:
    """Bring up to date, in place, what a lesson carries beside its text and outputs.

    Args:
        notebook: an nbformat notebook. Its outputs stay, but for their images' ``alt``.
        lesson: its entry.
        course: the course that it is in.
    """
    first_code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first_code.source = setup_cell(course.root)
    first_code.metadata.setdefault("jupyter", nbformat.NotebookNode())["source_hidden"] = True
    head = notebook.cells[0]
    if head.cell_type == "markdown":
        row = badges(lesson.file, course.repository, course.ref)
        text = re.sub(r"\A# .*", lambda _: f"# {lesson.heading}", head.source)
        time = time_needed(notebook, lesson)
        text = re.sub(r"(?<=^- \*\*Time:\*\* ).*", lambda _: time, text, flags=re.MULTILINE)
        head.source = with_row(text, row, after="# ")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_titles(cell.source, course)
    notebook.metadata = nbformat.from_dict(metadata(lesson))
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        text = after.source if after is not None and after.cell_type == "markdown" else ""
        images = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        for output, alt in zip(images, alt_texts(text, len(images)), strict=True):
            output.metadata.setdefault("image/png", nbformat.NotebookNode())["alt"] = alt


def stamp_in_place(lesson: Lesson, course: Course) -> bool:
    """Stamp the file of one lesson; whether that changed it."""
    before = nbformat.read(course.path(lesson), as_version=4)
    notebook = copy.deepcopy(before)
    stamp(notebook, lesson, course)
    if notebook != before:
        nbformat.write(notebook, course.path(lesson))
    return notebook != before


def counted(number: int, noun: str) -> str:
    """A number of things: ``"1 minute"``, ``"2 minutes"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def time_needed(notebook: nbformat.NotebookNode, lesson: Lesson) -> str:
    """How long a lesson takes: to run, from its entry, and to read, counted.

    Somebody who studies is taken to read 120 words a minute, half of what adults read of an easy
    text (M. Brysbaert, 2019, doi:10.1016/j.jml.2019.104047), and a line of code in 5 seconds.
    Folded words and cells do not count, nor do exercises.
    """
    words = lines = 0
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            before, *exercises = re.split(r"^## Exercises$", cell.source, flags=re.MULTILINE)
            words += len(re.sub(r"<details>.*?</details>", "", before, flags=re.DOTALL).split())
            if exercises:
                break
        elif not cell.metadata.get("jupyter", {}).get("source_hidden"):
            lines += sum(1 for line in cell.source.splitlines() if line.strip())
    minutes = 5 * math.ceil((words / 120 + lines / 12) / 5)
    return f"{counted(lesson.minutes, 'minute')} on two CPU cores, about {minutes} to read"


def with_titles(text: str, course: Course) -> str:
    """Markdown whose links to lessons, where they give number and title, give those of today."""
    headings = {one.name: one.heading for one in course.lessons}

    def renewed(link: re.Match) -> str:
        name = link["name"]
        return f"[{headings[name]}]({name}.ipynb)" if name in headings else link[0]

    return re.sub(rf"\[\d\d · [^\]]*\]\((?P<name>{NAME.pattern})\.ipynb\)", renewed, text)


def metadata(lesson: Lesson) -> dict:
    """A lesson's metadata: kernel and language; for Colab an outline, and a GPU where it gains."""
    colab: dict = {"provenance": [], "toc_visible": True}
    found: dict = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {
            "codemirror_mode": {"name": "ipython", "version": 3},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
        },
        "colab": colab,
    }
    if lesson.gpu:
        found |= {"accelerator": "GPU", "colab": colab | {"gpuType": "T4"}}
    return found


def links(file: str, repository: str, ref: str) -> dict[str, str]:
    """Where a lesson opens with a click: the address of each service, by its name."""
    on_github = f"{repository}/blob/{ref}/{file}"
    binder = f"{repository}/{quote(ref, safe='')}?urlpath=lab/tree/{file}"
    return {
        "Colab": f"https://colab.research.google.com/github/{on_github}",
        "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{on_github}",
        "Binder": f"https://mybinder.org/v2/gh/{binder}",
    }


def badges(file: str, repository: str, ref: str) -> str:
    """One line of Markdown with a badge for each service; empty while no repository is named."""
    pictures = {
        "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
        "Kaggle": "https://kaggle.com/static/images/open-in-kaggle.svg",
        "Binder": "https://mybinder.org/badge_logo.svg",
    }
    there = links(file, repository, ref) if repository else {}
    return " ".join(f"[![Open in {name}]({pictures[name]})]({url})" for name, url in there.items())


def with_row(text: str, row: str, *, after: str) -> str:
    """Markdown with the row of badges below the first block that begins with ``after``.

    A row that is there already is replaced, or taken out if ``row`` is empty.

    Raises:
        ValueError: there is no such block.
    """
    blocks = [block for block in text.split("\n\n") if not block.startswith(BADGES)]
    if row:
        places = [number for number, block in enumerate(blocks) if block.startswith(after)]
        if not places:
            raise ValueError(f"no block of text begins with {after!r}: nowhere to put the badges")
        blocks.insert(places[0] + 1, row)
    return "\n\n".join(blocks)


def alt_texts(text: str, count: int) -> list[str]:
    """Text alternatives for ``count`` figures, from the Markdown cell below them.

    The first sentences "In words" as plain text, numbered if there are several figures; empty
    strings if the cell does not say it in words. They stand in a fold
    (``<details><summary>In words</summary>``), or in the open after **In words:**.
    """
    found = re.search(
        r"(?:\*\*In words:\*\*|<summary>In words</summary>)\s*(.+?)\s*(?:\n\s*\n|</details>|$)",
        text,
        flags=re.DOTALL,
    )
    alt = plain(found[1]) if found else ""
    alt = " ".join(re.split(SENTENCE_END, alt)[:ALT_SENTENCES])
    alt = alt[:1].upper() + alt[1:]
    if count < 2 or not alt:
        return [alt] * count
    return [f"Figure {number} of {count}. {alt}" for number in range(1, count + 1)]


def plain(markdown: str) -> str:
    r"""Markdown with a little LaTeX as plain text on one line.

    Example:
        >>> plain(r"*Both* rise by $10^{62}\,\mathbf{w}_1$; see [this](05.ipynb) or `-b`.")
        'Both rise by 10^62 w1; see this or -b.'
    """
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", markdown)  # [text](target)
    text = re.sub(r"\$+(.+?)\$+", lambda found: _plain_formula(found[1]), text, flags=re.DOTALL)
    text = re.sub(r"(\*{1,2})(\S(?:.*?\S)??)\1", r"\2", text, flags=re.DOTALL)
    return " ".join(text.replace("`", "").split())


def _plain_formula(latex: str) -> str:
    text = re.sub(r"\\[,;:! ]", " ", latex)
    text = re.sub(r"\\(?:mathbf|mathrm|text|operatorname|bigl?|bigr?)\b", "", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda name: SIGNS.get(name[1], name[1]), text)
    return re.sub(r"[{}_\\]", "", text).replace("-", "−")


# --- what other files carry -------------------------------------------------------------------

BEGIN, END = "<!-- lessons: tools/course.py -->", "<!-- end of lessons -->"
WHAT_BADGES_DO = "\nopen the first lesson in your browser, with nothing to install."
USES = "Which lesson uses what: "
DATA_SETS = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "shakespeare": "Tiny Shakespeare",
    "polarity": "Sentence polarity",
    "spoken": "Spoken digits",
}


def readme(text: str, course: Course) -> str:
    """README.md with the table of the lessons, and the first lesson's badges under "Start"."""
    row = badges(course.lessons[0].file, course.repository, course.ref)
    text = with_row(text, row and row + WHAT_BADGES_DO, after="## Start")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md has no place for the lessons: expected {BEGIN} … {END}")
    return f"{before}{begin}\n{table(course)}\n{end}{after}"


def table(course: Course) -> str:
    """The lessons as a table in Markdown, part by part."""
    columns = ["", "lesson", "on two cores", "what you do"] + ["run it"] * bool(course.repository)
    rows = [columns]
    for part, lessons in itertools.groupby(course.lessons, key=lambda lesson: lesson.part):
        if part:
            number = ROMAN[course.parts.index(part)]
            rows.append([f"**{number}**", f"**{part}**", *[""] * (len(columns) - 2)])
        for one in lessons:
            row = [one.number, f"[{one.title}]({one.file})", f"{one.minutes} min", one.summary]
            if course.repository:
                row.append(f"[Colab]({links(one.file, course.repository, course.ref)['Colab']})")
            rows.append(row)
    lines = ["".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in rows]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:]])


def data_readme(text: str, course: Course) -> str:
    """data/README.md with the sentence on which lesson uses which data."""
    keys = dict.fromkeys(key for one in course.lessons for key in one.data)
    said = [
        f"{DATA_SETS.get(key, key)} in " + numbers(one for one in course.lessons if key in one.data)
        for key in keys
    ]
    return replace_line(text, USES, f"{USES}{'; '.join(said)}.")


def gpu_lessons(text: str, course: Course) -> str:
    """dlkit/machine.py with the lessons that gain from a GPU."""
    said = numbers(one for one in course.lessons if one.gpu)
    return replace_line(
        text, "GPU_LESSONS = ", f'GPU_LESSONS = "{said}"  # written by tools/course.py'
    )


def numbers(lessons: Iterable[Lesson]) -> str:
    """The numbers of lessons as a sentence has them; three or more in a row are a range.

    Example:
        >>> numbers(Lesson(f"{number:02}_a.ipynb") for number in (0, 3, 4, 5, 7))
        '00, 03 to 05 and 07'
    """
    found = [int(one.number) for one in lessons]
    said = []
    for _, run in itertools.groupby(enumerate(found), key=lambda pair: pair[1] - pair[0]):
        row = [f"{number:02}" for _, number in run]
        said += [f"{row[0]} to {row[-1]}"] if len(row) > 2 else row
    return " and ".join([", ".join(said[:-1]), said[-1]]) if said[1:] else "".join(said)


def replace_line(text: str, start: str, line: str) -> str:
    """A text with another line for the one that begins with ``start``.

    Raises:
        ValueError: no line begins so, or several do.
    """
    text, found = re.subn(f"^{re.escape(start)}.*$", lambda _: line, text, flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"expected one line that begins with {start!r}; found {found}")
    return text


PLACES: dict[str, Callable[[str, Course], str]] = {
    "README.md": readme,
    "data/README.md": data_readme,
    "dlkit/machine.py": gpu_lessons,
}


WRITTEN = rf"\| \d\d \||GPU_LESSONS = |{USES}"  # lines that hold numbers and are written here


def stamp_all(course: Course, names: Iterable[str] = ()) -> list[str]:
    """Stamp these lessons; if none is named, all of them and the other files; those that changed.

    Raises:
        ValueError: a lesson is not in course.toml, or a file has no place for what it carries.
    """
    names = list(names)
    changed = [one.file for one in course.choose(names) if stamp_in_place(one, course)]
    for place, change in PLACES.items() if not names else ():
        path = course.root / place
        text = path.read_text(encoding="utf-8")
        if (new := change(text, course)) != text:
            path.write_text(new, encoding="utf-8", newline="\n")
            changed.append(place)
    return changed


# --- other numbers and names ------------------------------------------------------------------

SPACE = r"(?:[\s#]|_)+"  # within a sentence, a comment of several lines, or a test's name
JOINED = rf"(?:,{SPACE}(?:(?:and|or){SPACE})?|{SPACE}(?:and|to|or){SPACE}|[–-])"
SAID = rf"(?<![A-Za-z])[Ll]esson(?:{SPACE}\d\d|s{SPACE}\d\d(?!\d)(?:{JOINED}\d\d(?!\d))*)(?!\d)"
ALONE = r"""(?P<quote>["'`])0\d(?P=quote)|\bfresh \d\d\b"""  # "07"; python -m dlkit fresh 07
LINK = r"\[(?P<link>\d\d)(?=(?: · [^\]]*)?\]\((?:[^)\s]*/)?(?P=link)_)"
FILE = rf"(?<![A-Za-z0-9]){NAME.pattern}"
# Files that belong to a lesson; {} is its name or its topic.
NAMED = ["notebooks/{}.ipynb"]
TOPICAL = ["dlkit/exercises/{}.py", "tests/exercises/test_{}.py", "tests/exercises/answers/{}.py"]


@dataclasses.dataclass
class Change:
    """A line that changes: where it stands, and how it reads before and after."""

    place: str
    before: str
    after: str


def move(
    moves: dict[str, str], root: Path = ROOT, *, dry_run: bool = False, force: bool = False
) -> list[Change]:
    """Give lessons other numbers or names, all at once, in every file that git knows.

    It changes names of lessons (``07_mnist_mlp``), numbers after the word lesson or lessons, at the
    beginning of a link to a lesson, and alone in quotes where they begin with 0; and where a topic
    changes, the name of its module of exercises. Then it moves the files, puts course.toml in
    order, and stamps.

    Args:
        moves: new names by old ones; a chain or a swap is no trouble.
        root: the repository's folder.
        dry_run: change nothing, only find out.
        force: change files that have changes which are not committed, too.

    Returns:
        Every line that changes.

    Raises:
        ValueError: a name is wrong or taken, this is no repository of git, or a file that would
            change has changes that are not committed.
    """
    course = read(root)
    check_moves(moves, course)
    texts, changes = {}, []
    for file in tracked(root):
        path = root / file
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):  # pictures, archives, links that lead nowhere
            continue
        if path.suffix == ".ipynb":
            notebook = nbformat.reads(text, as_version=4)
            found = list(_move_notebook(notebook, moves, file))
            new = nbformat.writes(notebook) + "\n" if found else text
        else:
            new = moved(text, moves)
            found = list(_changes(text, new, file))
        changes += found
        if file == "course.toml":
            new = in_order(new)
        if new != text:
            texts[path] = new
    renamed = renames(moves, root)
    touched = sorted({path.relative_to(root).as_posix() for path in [*texts, *renamed]})
    if not force and not dry_run and (dirty := git(root, "status", "--porcelain", "--", *touched)):
        raise ValueError(f"not committed: do that first, or add --force\n{dirty}")
    if not dry_run:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8", newline="\n")
        for old, new in renamed.items():  # in two steps, so that names can be swapped
            git(root, "mv", str(old), f"{new}.moving")
        for new in renamed.values():
            git(root, "mv", f"{new}.moving", str(new))
        stamp_all(read(root))
    return changes


def check_moves(moves: dict[str, str], course: Course) -> None:
    """See that each old name is a lesson's, and that the new ones are free and well formed.

    Raises:
        ValueError: they are not.
    """
    names = [one.name for one in course.lessons]
    if unknown := [old for old in moves if old not in names]:
        raise ValueError(f"no lesson {', '.join(unknown)}; there are {', '.join(names)}")
    if wrong := [new for new in moves.values() if not NAME.fullmatch(new)]:
        raise ValueError(
            f"the name is {wrong[0]!r}; expected two digits and words in small letters, joined by _"
        )
    after = [moves.get(name, name) for name in names]
    for key, what in ((slice(0, 2), "number"), (slice(3, None), "topic")):
        counts = collections.Counter(name[key] for name in after)
        if taken := [found for found, count in counts.items() if count > 1]:
            raise ValueError(f"two lessons would have the {what} {', '.join(taken)}: move one")


def moved(text: str, moves: dict[str, str]) -> str:
    """A text with other numbers and names of lessons, all in one pass."""
    numbers = {old[:2]: new[:2] for old, new in moves.items()}
    topics = {old[3:]: new[3:] for old, new in moves.items() if old[3:] != new[3:]}

    def renewed(found: re.Match) -> str:
        if found["file"]:
            for old, new in moves.items():
                if re.match(rf"{old}(?![a-z0-9])", found[0]):
                    return new + found[0].removeprefix(old)
            return found[0]
        if found["topic"]:
            return found["before"] + topics[found["topic"]]
        return re.sub(r"\d\d", lambda number: numbers.get(number[0], number[0]), found[0])

    module = r"(?P<before>exercises[./]|exercises import |answers[./]|\btest_|answers_of\([\"'])"
    some = "|".join(map(re.escape, topics)) or r"(?!)"  # (?!) is found nowhere
    patterns = [f"(?P<file>{FILE})", SAID, ALONE, LINK, rf"{module}(?P<topic>{some})(?![a-z0-9_])"]
    return re.sub("|".join(patterns), renewed, text)


def _move_notebook(
    notebook: nbformat.NotebookNode, moves: dict[str, str], file: str
) -> Iterable[Change]:
    """Rewrite sources and printed outputs in place; yields the lines that change."""
    for number, cell in enumerate(notebook.cells):
        holders = [(cell, "source")]
        for output in cell.get("outputs", []):
            holders += [(output, "text")] if "text" in output else []
            data = output.get("data", {})
            holders += [(data, kind) for kind in data if kind.startswith("text/")]
        for holder, key in holders:
            before, holder[key] = holder[key], moved(holder[key], moves)
            yield from _changes(before, holder[key], f"{file}, cell {number}")


def _changes(before: str, after: str, place: str) -> Iterable[Change]:
    pairs = zip(before.split("\n"), after.split("\n"), strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        if old != new:
            yield Change(f"{place}:{number}", old, new)


def renames(moves: dict[str, str], root: Path) -> dict[Path, Path]:
    """The files that get other names, each with its new path."""
    found = {}
    for old, new in moves.items():
        pairs = [(place, old, new) for place in NAMED]
        pairs += [(place, old[3:], new[3:]) for place in TOPICAL]
        for place, before, after in pairs:
            if before != after and (root / place.format(before)).exists():
                found[root / place.format(before)] = root / place.format(after)
    return found


def numbers_left(moves: dict[str, str], root: Path = ROOT) -> list[str]:
    """Lines that may name a lesson in a way that `move` does not know: for a person to look at.

    Numbers that begin with 0 or are alone in quotes.
    """
    some = "|".join(sorted({old[:2] for old in moves}))
    alone = re.compile(
        rf"""(?<![\w.,:/+-])(?:(?=0)(?:{some})|(?P<quote>["'])(?:{some})(?P=quote))(?![\w.:%/-])"""
    )
    found = []
    for file in tracked(root):
        path = root / file
        if path.suffix in (".py", ".md", ".yml", ".toml", "") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            blanked = re.sub(f"{SAID}|{ALONE}", lambda hit: re.sub(r"\d", "_", hit[0]), text)
            pairs = zip(text.split("\n"), blanked.split("\n"), strict=True)
            for number, (line, rest) in enumerate(pairs, start=1):
                if alone.search(rest) and not (file in PLACES and re.match(WRITTEN, line)):
                    found.append(f"{file}:{number}: {line.strip()}")
    return found


def tracked(root: Path) -> list[str]:
    """The files that git knows."""
    return git(root, "ls-files", "-z").split("\0")[:-1]


def git(root: Path, *arguments: str) -> str:
    """What git prints.

    Raises:
        ValueError: it fails, or there is none.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise ValueError(f"git does not start: {error}") from None
    except subprocess.CalledProcessError as error:
        raise ValueError(f"git {arguments[0]}: {error.stderr.strip()}") from None


# --- the command ------------------------------------------------------------------------------


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/course.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    stamping = commands.add_parser(
        "stamp", help="bring up to date what is written from course.toml"
    )
    stamping.add_argument("lessons", nargs="*", help="all, and the other files, if none is named")
    moving = commands.add_parser("move", help="give lessons other numbers or names, everywhere")
    moving.add_argument("moves", nargs="+", metavar="OLD=NEW", help="e.g. 41_cats=42_lions")
    moving.add_argument("--dry-run", action="store_true", help="change nothing, only print")
    moving.add_argument("--force", action="store_true", help="also files that are not committed")
    options = parser.parse_args(arguments)
    try:
        if options.command == "stamp":
            changed = stamp_all(read(root), options.lessons)
            print("\n".join(f"{file}: stamped" for file in changed) or "everything is up to date")
        else:
            if wrong := [pair for pair in options.moves if pair.count("=") != 1]:
                raise ValueError(f"{wrong[0]!r} is no OLD=NEW, such as 41_cats=42_lions")
            moves = dict(pair.split("=") for pair in options.moves)
            left = numbers_left(moves, root)  # as long as its line numbers and names hold
            changes = move(moves, root, dry_run=options.dry_run, force=options.force)
            for one in changes:
                print(f"{one.place}\n- {one.before.strip()}\n+ {one.after.strip()}")
            print(f"\n{counted(len(changes), 'line')}{' would change' * options.dry_run}.")
            print("\n".join(["Look at these, as they were:", *left]))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
