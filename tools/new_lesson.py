"""Makes a new lesson that passes the tests at once, to be filled with your own.

python tools/new_lesson.py 15_words "Words" [--part PART] [--minutes N] [--no-run]

It writes the notebook, a module of exercises with one exercise in it, its answers and its tests,
an entry in course.toml and what is written from that; then it runs the notebook once. The number
says where the lesson stands; the one before it is its prerequisite, and lends it its part.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import course
from course import ROOT, Course, Lesson

from dlkit.machine import print_anything, python_command

SUMMARY = "One sentence on what you do in this lesson."
TEXT, CODE, CLAIM = "markdown", "code", "claim"
OF_CLAIMS = {"jupyter": {"source_hidden": True}, "tags": ["claims"]}


def new_lesson(
    name: str, title: str, *, part: str | None = None, minutes: int = 1, root: Path = ROOT
) -> list[Path]:
    """Write a lesson that can be run. Nothing is written unless everything can be.

    Args:
        name: of the notebook, two digits and words: ``"15_words"``.
        title: as the README shows it.
        part: of the course; that of the lesson before if None.
        minutes: of a run on two cores.
        root: the course's folder.

    Returns:
        Paths of the new files, the notebook first.

    Raises:
        ValueError: the name, the title or the number is taken or not of the right form, there is
            no such part, or a file is there already; the message says what to do.
    """
    of = course.read(root)
    _check(name, title, minutes, of)
    before = max((one for one in of.lessons if one.name < name), key=lambda one: one.name)
    if part is None:
        part = before.part
    if part not in of.parts:
        raise ValueError(f"the part is {part!r}; expected one of {', '.join(of.parts)}")
    lesson = Lesson(
        f"notebooks/{name}.ipynb", title, part, SUMMARY, minutes, prerequisites=[before.file]
    )
    fields = {"number": lesson.number, "topic": lesson.topic}
    texts = {root / lesson.file: _notebook(lesson, before, root)}
    for place, text in zip(course.TOPICAL, (EXERCISES, TESTS, ANSWERS), strict=True):
        texts[root / place.format(lesson.topic)] = text.format(**fields)
    if there := [path.relative_to(root).as_posix() for path in texts if path.exists()]:
        raise ValueError(f"{', '.join(there)} is there already; nothing was changed")
    for path, text in texts.items():
        with open(path, "x", encoding="utf-8", newline="\n") as file:  # "x": never over a file
            file.write(text)
    toml = root / "course.toml"
    text = toml.read_text(encoding="utf-8") + _entry(lesson)
    toml.write_text(course.in_order(text), encoding="utf-8", newline="\n")
    course.stamp_all(course.read(root))
    return list(texts)


def _check(name: str, title: str, minutes: int, of: Course) -> None:
    if not course.NAME.fullmatch(name):
        raise ValueError(
            f"the name is {name!r}; expected two digits and words in small letters, joined by _, "
            "such as 15_words"
        )
    if not title.strip() or re.search(r"[|\n\r\[\]`\\]", title) or title != title.strip():
        raise ValueError(f"the title is {title!r}; expected a line without | [ ] ` and backslashes")
    if not 1 <= minutes <= 60:
        raise ValueError(f"minutes are {minutes}; expected 1 to 60")
    for one in of.lessons:
        if one.title == title:
            raise ValueError(f"there is a lesson with the title {title!r} already")
        if one.number == name[:2] or one.topic == name[3:]:
            raise ValueError(f"{name}: there is {one.name} already; take another number and name")
    if name < of.lessons[0].name:
        raise ValueError(f"the name is {name}; expected one after {of.lessons[0].name}")


def _entry(lesson: Lesson) -> str:
    """The lesson as course.toml holds it."""
    keys = ("file", "title", "part", "summary", "minutes", "data", "prerequisites")
    lines = [f"{key} = {json.dumps(getattr(lesson, key), ensure_ascii=False)}" for key in keys]
    return "\n[[lesson]]\n" + "\n".join(lines) + "\n"


def _notebook(lesson: Lesson, before: Lesson, root: Path) -> str:
    """The text of the notebook's file."""
    cells = []
    for count, (kind, text) in enumerate(cells_of(lesson, before, root)):
        cell: dict[str, object] = {
            "cell_type": TEXT,
            "id": f"{lesson.topic[:50]}-{count:02}",
            "metadata": {},
        }
        if kind != TEXT:
            cell |= {"cell_type": CODE, "execution_count": None, "outputs": []}
        if kind == CLAIM:
            cell["metadata"] = OF_CLAIMS
        cells.append(cell | {"source": text.splitlines(keepends=True)})
    notebook = {"cells": cells, "metadata": course.metadata(lesson), "nbformat": 4}
    return json.dumps(notebook | {"nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line and run it; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tools/new_lesson.py", description=__doc__.splitlines()[0]
    )
    parser.add_argument("name", help="two digits and words: 15_words")
    parser.add_argument("title", help="as the README shows it")
    parser.add_argument("--part", help="of the course (that of the lesson before)")
    parser.add_argument("--minutes", type=int, default=1, help="on two cores (%(default)s)")
    parser.add_argument("--no-run", action="store_true", help="leave the notebook without outputs")
    options = parser.parse_args(arguments)
    try:
        paths = new_lesson(
            options.name, options.title, part=options.part, minutes=options.minutes, root=root
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    files = [path.relative_to(root).as_posix() for path in paths]
    print("\n".join(f"{file}: written" for file in [*files, "course.toml"]))
    if not options.no_run:
        import run  # with nbclient: seconds that a wrong name need not wait

        run.main(["execute", options.name], root=root)
    print("Write the lesson, its summary in course.toml, and its exercises. Then:")
    print(f"  {python_command('tools/run.py', 'execute', options.name)}    makes the outputs")
    print(f'  make check; make test ARGS="{files[0]}"')
    return 0


# --- what is written --------------------------------------------------------------------------


def cells_of(lesson: Lesson, before: Lesson, root: Path) -> Iterator[tuple[str, str]]:
    """(kind, text) of each cell: it says what belongs there, beside a small example that runs."""
    facts = {
        "Time": f"{course.counted(lesson.minutes, 'minute')} on two CPU cores",
        "Data": "points drawn from a seed",
        "Before this": f"[{before.heading}]({before.name}.ipynb)",
        "Afterwards you can": "do three or four things, each of them a verb and its object",
    }
    head = f"# {lesson.heading}\n\nOne sentence promises what you can do at the end.\n\n"
    yield TEXT, head + "\n".join(f"- **{label}:** {fact}" for label, fact in facts.items())
    yield CODE, course.setup_cell(root)
    yield CODE, IMPORTS.format(name=lesson.name, topic=lesson.topic)
    yield from BODY


IMPORTS = """import matplotlib.pyplot as plt
import numpy as np

from dlkit import interactive, plotting
from dlkit.claims import Claims
from dlkit.exercises import {topic} as exercises

plt.style.use("dlkit.plotting.course")
rng = np.random.default_rng(0)
claims = Claims("{name}")"""

BODY = [
    (
        TEXT,
        "## Predict first\n\n"
        "Put a question here that a learner can answer by a guess, and that the "
        "lesson settles by measuring. For example: how many more readings halve the error of a "
        "mean?",
    ),
    (CODE, 'guess = interactive.predict("How many times as many readings halve the error?")'),
    (
        TEXT,
        "## The idea in a picture\n\nShow the idea before you name it, in the smallest example in "
        "which it can be seen.",
    ),
    (
        CODE,
        "true_value = 3.0\n"
        "readings = true_value + rng.normal(size=(500, 64))  # 500 series of 64 readings",
    ),
    (TEXT, "Say what the cell above made, and what the next one will show."),
    (
        CODE,
        "counts = np.arange(1, 65)\n"
        "means = readings.cumsum(axis=1) / counts\n"
        "spread = means.std(axis=0)",
    ),
    (
        CODE,
        'ax = plotting.plot_lines(counts, {"spread of the mean": spread})\n'
        'ax.set(xlabel="number of readings", ylabel="standard deviation")\n'
        'ax.set_title("Say in the title what is to be seen");',
    ),
    (
        TEXT,
        "Say what to notice: four times as many readings halve the spread.\n\n"
        "<details><summary>In words</summary>\n\nA curve falls steeply at first, and ever more "
        "slowly later.\n\n</details>\n\nThe fold tells the figure to those who cannot see it.",
    ),
    (
        TEXT,
        "## From scratch in NumPy\n\n"
        "Give the formula, name its letters, and write it as directly as "
        "NumPy allows. The mean of $n$ readings with standard deviation $\\sigma$ has the standard "
        "deviation $\\sigma / \\sqrt{n}$.",
    ),
    (CODE, "predicted = 1 / np.sqrt(counts)\nlargest_gap = np.abs(spread - predicted).max()"),
    (
        TEXT,
        "A number in the text needs a claim: a cell that measures it, and fails outside its band. "
        "Try three seeds before you choose a band.",
    ),
    (CLAIM, 'claims("largest gap between formula and experiment", largest_gap, real=(0, 0.1))'),
    (TEXT, "Does it answer the question at the top? Show the guess beside what you measured."),
    (
        CODE,
        "enough = counts[spread <= spread[3] / 2][0]  # readings, where 4 were not enough\n"
        'guess.reveal(f"{enough / 4:.1f} times as many")',
    ),
    (TEXT, "The formula says it too: four times as many readings halve the error."),
    (CLAIM, 'claims("error of 4 against 16", spread[3] / spread[15], real=(1.8, 2.2))'),
    (
        TEXT,
        "## The same in Keras\n\n"
        "Start Keras here and not before, and show that it agrees with what "
        "was written by hand.",
    ),
    (
        CODE,
        "from dlkit import machine\n\nmachine.start_keras()\nimport keras",
    ),
    (TEXT, "Keep Keras visible: no function of the course stands between it and the learner."),
    (CODE, "keras_means = keras.ops.convert_to_numpy(keras.ops.mean(readings, axis=1))"),
    (TEXT, "Compare by the largest difference, and say how large a difference would be a fault."),
    (CODE, "difference = np.abs(keras_means - readings.mean(axis=1)).max()"),
    (CLAIM, 'claims("largest difference to Keras", difference, real=(0, 1e-5))'),
    (
        TEXT,
        "## Break it on purpose\n\n"
        "Take away one assumption, and show the failure before you explain "
        "it. Here all readings of a series share one error.",
    ),
    (
        CODE,
        "shared = readings + rng.normal(size=(500, 1))\n"
        "shared_means = shared.cumsum(axis=1) / counts",
    ),
    (TEXT, "Predict the picture before you run the next cell: where will the new curve end?"),
    (
        CODE,
        'curves = {"independent": spread, "with a shared error": shared_means.std(axis=0)}\n'
        "ax = plotting.plot_lines(counts, curves)\n"
        'ax.set(xlabel="number of readings", ylabel="standard deviation")\n'
        'ax.set_title("A shared error does not average out");',
    ),
    (
        TEXT,
        "<details><summary>In words</summary>\n\nThe lower curve falls towards 0 as before. The "
        "upper one, with a shared error, levels off near 1.\n\n</details>\n\n"
        "Explain why, and how one would notice it in practice.",
    ),
    (CLAIM, 'claims("what remains", shared_means.std(axis=0)[-1], real=(0.9, 1.1))'),
    (
        TEXT,
        "## Exercises\n\n"
        "From easy to open, each in a cell with a stub and its check. "
        "[CONTRIBUTING.md](../CONTRIBUTING.md) says how they are written and tested.\n\n"
        "1. **standard_error.** Say in one or two sentences what to write, with shapes and units. "
        "For example: from the readings of one series, shape $(n,)$, estimate how far their mean "
        "typically lies from the true value. The function gets the array and returns a number.",
    ),
    (
        CODE,
        "def my_standard_error(readings):\n"
        '    raise NotImplementedError("your turn")\n'
        "\n"
        "\n"
        "exercises.standard_error.check(my_standard_error)",
    ),
    (TEXT, "## What to remember\n\n- Three to five lines that a learner should know in a month."),
    (
        TEXT,
        "## Sources\n\n- Author (year). *Title.* With its DOI, and a word on why to read it.",
    ),
    (
        TEXT,
        "## Next\n\nWhat is still unanswered, and [which lesson](../README.md) takes it up.",
    ),
]

EXERCISES = '''\
"""Exercises of lesson {number}: one example, to be replaced."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake


def error_of_the_mean(readings):
    """Standard error of the mean of some readings: s / sqrt(n), s from n - 1 degrees of freedom.

    Args:
        readings: float array, shape ``(n,)``, n of 2 or more.

    Returns:
        A float, 0 or more.

    Example:
        >>> float(error_of_the_mean(np.array([1.0, 3.0])))
        1.0
    """
    return np.std(readings, ddof=1) / np.sqrt(len(readings))


standard_error = Exercise(
    "standard_error",
    reference=error_of_the_mean,
    cases=[
        Case("two readings", np.array([1.0, 3.0])),
        Case("five readings", np.array([2.0, -1.0, 0.5, 4.0, 7.5])),
        Case("readings that agree", np.array([3.0, 3.0, 3.0, 3.0])),
    ],
    mistakes=[
        Mistake(
            "This is how far one reading lies from the mean. The mean of many lies closer.",
            lambda readings: np.std(readings, ddof=1),
        ),
        Mistake(
            "You averaged over n. The mean was fitted to the same readings: one less is free.",
            lambda readings: np.std(readings) / np.sqrt(len(readings)),
        ),
        Mistake(
            "Four times as many readings halve the error; with you they divide it by four.",
            lambda readings: np.std(readings, ddof=1) / len(readings),
        ),
        Mistake(
            "You divided the variance. Its unit is the square of the readings' unit.",
            lambda readings: np.var(readings, ddof=1) / np.sqrt(len(readings)),
        ),
    ],
    hints=[
        "How far does a single reading typically lie from the mean? Begin with that.",
        "np.std has an argument ddof: how many degrees of freedom are taken away.",
        "Divide by the square root of the number of readings.",
    ],
)
'''

ANSWERS = '''\
"""Answers to exercises of lesson {number}: wrong ones with what they must hear, and right ones."""

import math
import statistics

import numpy as np


def by_statistics(readings):
    return statistics.stdev(readings) / math.sqrt(len(readings))


def by_variance(readings):
    return math.sqrt(np.var(readings, ddof=1) / len(readings))


WRONG = {{
    "standard_error": [
        (statistics.stdev, "how far one reading lies"),
        (lambda x: statistics.pstdev(x) / math.sqrt(len(x)), "You averaged over n"),
        (lambda x: statistics.stdev(x) / len(x), "Four times as many readings"),
        (lambda x: statistics.variance(x) / math.sqrt(len(x)), "You divided the variance"),
    ],
}}

RIGHT = {{
    "standard_error": [by_statistics, by_variance],
}}
'''

TESTS = '''\
"""The references that dlkit.exercises.{topic} defines itself, against SciPy."""

import numpy as np
import pytest
from scipy import stats

from dlkit.exercises import {topic} as exercises


@pytest.mark.parametrize("seed", range(5))
def test_the_standard_error_is_that_of_scipy(seed):
    readings = np.random.default_rng(seed).normal(size=20)
    found = exercises.error_of_the_mean(readings)
    assert found == pytest.approx(stats.sem(readings), rel=1e-12)
'''


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
