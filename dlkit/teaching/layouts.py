"""Whose a notebook is, from its path alone: folders of students, of lessons, and of platforms.

Every pattern here reads one name of at most 255 characters.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dlkit import machine

LONGEST = 255  # characters of a name that are looked at
# How learning platforms name what teachers download. Each has the student's name and, but for
# Blackboard, a number; a file's own name stands behind (Canvas, Blackboard) or in the folder.
PLATFORMS = {
    # Ada Lovelace_12345_assignsubmission_file_/x.ipynb
    "Moodle": r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<rest>.*)",
    # lovelaceada_12345_67890_x.ipynb, lovelaceada_LATE_12345_67890_x-1.ipynb
    "Canvas": r"(?P<name>[^_]+)(?:_LATE)?_(?P<id>\d{3,})_\d{3,}_(?P<rest>.+)",
    # Week 3_alovelace_attempt_2026-11-29-12-00-00_x.ipynb
    "Blackboard": r".+_(?P<name>[^_]+)_attempt_\d{4}(?:-\d\d){5}(?:_(?P<rest>.*))?",
    # 12345-67890 - Ada Lovelace - 29 November, 2026 1200 PM/x.ipynb
    "Brightspace": r"(?P<id>\d+-\d+) - (?P<name>.+?) - (?P<rest>.+)",
}
# A folder that collects something, whoever it is of: week 3, hw2, submitted.
COLLECTION = re.compile(
    r"(assignments|exercises|homeworks?|lessons|notebooks|students|submissions|submitted)"
    r"|(assignment|chapter|class|day|exercise|homework|hw|lab|lesson|module|notebook|part|ps|"
    r"session|sheet|submissions?|task|topic|unit|week)?[\W_]*\d{1,2}",
    flags=re.IGNORECASE,
)
# A version of somebody's own file, not a person.
VERSION = re.compile(
    r"(answers?|backup|copy|draft|final|fixed|mine|my|new|old|solved|solutions?|test|tmp|untitled|"
    r"v|version)?[\W_]*\d{0,2}",
    flags=re.IGNORECASE,
)
COPY = re.compile(
    r"^(copy( \(\d+\))? of|kopie von|copie de) +"
    r"|[\s_-]*(\(\d+\)|\(copy( \d+)?\)|\(kept [^)]*\)|- ?copy ?\d*|[ _]copy ?\d*)$",
    flags=re.IGNORECASE,
)
NBGRADER = {"source", "release", "autograded", "feedback"}  # beside its folder submitted


@dataclass
class Item:
    """One notebook: its folders, its name without ending, its lesson ("" if unknown).

    `assign` adds the ``student``, and a ``problem`` if it is nobody's.
    """

    folders: Sequence[str]
    stem: str
    topic: str = ""
    student: str = ""
    problem: str = ""
    number: str = ""  # a platform's number of the student
    by_file: bool = False  # whether the file's name says whose it is
    is_settled: bool = False  # whether the outermost name is known to be the student
    names: list[str] = field(default_factory=list)  # what may be the student, from outside in


def key(name: str) -> str:
    """What two spellings of one name have in common.

    Example:
        >>> key("Ada_LOVELACE"), key("Ada  Lovelace")
        ('ada lovelace', 'ada lovelace')
    """
    text = unicodedata.normalize("NFKC", name[:LONGEST]).casefold()
    return " ".join(re.split(r"[\s_.-]+", text)).strip()


def original(name: str) -> str:
    """A name without what copying adds to it.

    Example:
        >>> original("Copy of ada (2)"), original("ada-Copy1"), original("ada - Copy (3)")
        ('ada', 'ada', 'ada')
    """
    name, before = name[:LONGEST].strip(), ""
    while name != before:
        before, name = name, COPY.sub("", name, count=1).strip()
    return name or before


def topic_in(name: str, topics: Mapping[str, str]) -> str:
    """The lesson whose name is part of a name; the longest of several, "" if none."""
    lower = name[:LONGEST].casefold()
    return max((topic for topic in topics if topic in lower), key=len, default="")


def without_lesson(name: str, topics: Mapping[str, str]) -> str:
    """A name without that of the lesson and its number, and without what copying adds.

    Example:
        >>> without_lesson("07_mnist_mlp_ada (1)", {"mnist_mlp": "07_mnist_mlp"})
        'ada'
    """
    name = original(name)
    if topic := topic_in(name, topics):
        name = re.sub(rf"(\d+[ _-])?{topic}", " ", name, count=1, flags=re.IGNORECASE)
    return original(name.strip(" _-.")).strip(" _-.")


def platform(name: str) -> re.Match | None:
    """The match of a platform's pattern with a name, with its groups name, id and rest."""
    for pattern in PLATFORMS.values():
        if match := re.fullmatch(pattern, name[:LONGEST], flags=re.IGNORECASE):
            return match
    return None


def assign(items: list[Item], topics: Mapping[str, str], root: str) -> list[str]:
    """Say of each item whose it is; the notes on how they were read.

    A student is the outermost folder that is no collection (a lesson's, week 3, submitted), or the
    file's name without the lesson's. A folder around several students is seen by what is in it:
    two folders or files of different names with the same lesson.

    Args:
        items: all notebooks of a class.
        topics: names of lessons by topic.
        root: the name of the folder itself, for a notebook whose path says nobody's name.
    """
    _leave_out_nbgrader(items)
    mine = [item for item in items if not item.problem]
    for item in mine:
        item.is_settled = "submitted" in item.folders[:2]  # nbgrader's submitted/ada/hw1/
        first = item.folders.index("submitted") + 1 if item.is_settled else 0
        item.names = [*item.folders[first:], _stem(item, topics)]
        _drop_collections(item, topics)
    around: dict[int, str] = {}  # the last folder around students that was taken off
    for _ in range(10):
        inside = [item for item in mine if len(item.names) > 1]
        groups: dict[str, list[Item]] = {}
        for item in inside:
            groups.setdefault(item.names[0], []).append(item)
        is_settled = any(item.is_settled for item in inside)
        if is_settled or not groups or not all(map(_is_class, groups, groups.values())):
            break
        for item in inside:
            around[id(item)] = item.names.pop(0)
            _drop_collections(item, topics)
    for item in mine:
        name = item.names[0]
        item.by_file = len(item.names) == 1
        if match := platform(name):
            item.number = match.groupdict().get("id") or ""
            name = match["name"]
        item.student = original(name) or around.get(id(item), root)
    notes = [*_namesakes(mine), *_spellings(mine), *_reversed(mine), *_doubts(mine)]
    return [*_summary(mine), *notes]


def _leave_out_nbgrader(items):
    """Beside nbgrader's folder submitted lie the teacher's own copies."""
    if any("submitted" in item.folders[:2] for item in items):
        for item in items:
            if NBGRADER & set(item.folders[:2]) and "submitted" not in item.folders[:2]:
                item.problem = "lies beside nbgrader's folder submitted, which alone is read"


def _stem(item, topics):
    return item.stem if platform(item.stem) else without_lesson(item.stem, topics)


def _drop_collections(item, topics):
    while len(item.names) > 1 and not platform(item.names[0]):
        name = original(item.names[0])
        plain = name.casefold().replace(" ", "_")
        topic = topic_in(plain, topics)
        is_of_lesson = topic and re.search(rf"(^|[\W_]){topic}($|[\W_])", plain)
        if is_of_lesson:  # of 03_losses-ada, as GitHub Classroom names a folder, ada is left
            name = without_lesson(name.replace(" ", "_"), topics)
        if not COLLECTION.fullmatch(name) and not (is_of_lesson and VERSION.fullmatch(name)):
            item.names[0] = name
            return
        item.names.pop(0)


def _is_version(name):
    return bool(VERSION.fullmatch(name) or COLLECTION.fullmatch(name))


def _is_class(name, group):
    """Whether the items in a folder are of several people."""
    if platform(name):
        return False
    depth = 1  # past folders that all of them share
    while len({tuple(item.names[depth : depth + 1]) for item in group}) == 1:
        if any(len(item.names) <= depth + 1 for item in group):
            break
        depth += 1
    next_names = [item.names[depth] for item in group]
    if all(next_names) and all(map(platform, next_names)):
        return True
    by_topic: dict[str, set[str]] = {}
    for item, inner in zip(group, next_names, strict=True):
        if item.topic and not _is_version(inner):
            by_topic.setdefault(item.topic, set()).add(key(original(inner)))
    return any(len(names) > 1 for names in by_topic.values())


def _summary(items):
    students = {key(item.student) for item in items}
    by_file = len({key(item.student) for item in items if item.by_file})
    if not items:
        return []
    how = f"{len(students) - by_file} named by a folder, {by_file} by a file's name or none"
    names = ", ".join(sorted({item.student for item in items}))
    many = f"{len(items)} notebook{'s' * (len(items) != 1)}"
    people = f"{len(students)} student{'s' * (len(students) != 1)}"
    return [f"{many} of {people} ({how}): {names}"]


def _namesakes(items):
    """Two numbers of a platform in one lesson are two people, whatever their names."""
    numbers: dict[tuple[str, str], set[str]] = {}
    for item in items:
        if item.number:
            numbers.setdefault((key(item.student), item.topic), set()).add(item.number)
    names = {name for (name, _), found in numbers.items() if len(found) > 1}
    for item in items:
        if key(item.student) in names and item.number:
            item.student = f"{item.student} ({item.number})"
    return [f"several students are called {name}: kept apart by number" for name in sorted(names)]


def _spellings(items):
    """One spelling for each person, the most frequent."""
    spelled: dict[str, Counter] = {}
    for item in items:
        spelled.setdefault(key(item.student), Counter())[item.student] += 1
    notes = []
    for found in spelled.values():
        if len(found) > 1:
            names = ", ".join(repr(name) for name in sorted(found))
            notes.append(f"read as one student: {names}")
    for item in items:
        found = spelled[key(item.student)]
        item.student = max(sorted(found), key=found.__getitem__)
    return notes


def _reversed(items):
    """Bo Li and Li, Bo: perhaps one person, and left as they are."""
    by_words: dict[tuple, set[str]] = {}
    for item in items:
        words = tuple(sorted(key(item.student).replace(",", " ").split()))
        by_words.setdefault(words, set()).add(item.student)
    return [
        f"perhaps one student, kept apart: {'; '.join(sorted(names))}"
        for names in by_words.values()
        if len(names) > 1
    ]


def _doubts(items):
    """Students with notebooks of one lesson in several folders: perhaps they are several people."""
    places: dict[tuple[str, str], set[tuple]] = {}
    for item in items:
        if item.topic:
            places.setdefault((item.student, item.topic), set()).add(tuple(item.folders))
    doubtful = sorted({student for (student, _), found in places.items() if len(found) > 1})
    if not doubtful:
        return []
    names = f"{', '.join(doubtful[:3])}{', …' if len(doubtful) > 3 else ''}"
    return [
        f"{names}: one lesson in several folders, read as one student's, and the newest counts; if "
        "these are several people, give each a folder of their own "
        f"({machine.dlkit_command('progress', '--help')})"
    ]
