"""The commands for teachers, as `python -m dlkit` has them: their options, and what they print."""

import argparse
import re
import sys
from pathlib import Path

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def size(text: str) -> int:
    """A number of bytes from "2GB", "500 MB" or "1000000"."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMG]?)B?\s*", text, flags=re.IGNORECASE)
    try:
        number = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    except ValueError:
        number = 0
    if number < 10**8:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of 100 MB or more, such as 2GB")
    return number


def duration(text: str) -> float:
    """Seconds, 5 or more."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 5 <= number <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 5 to 86400")
    return number


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add progress to the subparsers of the command line."""
    progress = commands.add_parser(
        "progress",
        help="check the exercises in a class's notebooks",
        description="Checks the exercises in all notebooks below a folder, each in a sandbox, and "
        "writes progress.csv, details.csv and progress.html. The student is the first sub-folder's "
        "name (ada/07_mnist_mlp.ipynb) or what the file's name has beside the lesson's "
        "(07_mnist_mlp_ada.ipynb, 07_mnist_mlp/ada.ipynb). Folders around a class or a lesson, "
        "nbgrader's submitted, what Moodle, Canvas, Blackboard and Brightspace make, and zips of "
        "all these are read too. It says whom it found, and names every file that it left out.",
    )
    progress.add_argument("folder", metavar="FOLDER", help="the notebooks of a class")
    progress.add_argument("--out", metavar="DIR", default="build/progress", help="%(default)s")
    progress.add_argument(
        "--lesson", metavar="06", action="append", default=[], help="only this lesson (repeatable)"
    )
    progress.add_argument(
        "--seconds", type=duration, default=60.0, help="for each notebook (default: 60)"
    )
    progress.add_argument(
        "--memory", type=size, default=2 * 10**9, help="for each notebook (default: 2GB)"
    )
    progress.add_argument("--jobs", type=int, default=2, help="notebooks at a time (default: 2)")
    progress.add_argument(
        "--all-cells",
        action="store_true",
        help="run every cell, not only those that the exercises need (takes as long as the lesson)",
    )


def run(options: argparse.Namespace) -> int:
    """Run progress; the exit status: 2 if the arguments cannot be used."""
    try:
        return _progress(options)
    except (ValueError, OSError) as error:
        print(f"dlkit {options.command}: {error}", file=sys.stderr)
        return 2


def _progress(options):
    from dlkit.teaching import progress
    from dlkit.teaching.sandbox import Limits

    if not Path(options.folder).is_dir():
        raise ValueError(f"{options.folder} is no folder")
    if options.jobs < 1:
        raise ValueError("--jobs must be 1 or more")
    progress.run(
        options.folder,
        out=options.out,
        wanted=options.lesson,
        limits=Limits(seconds=options.seconds, memory=options.memory),
        whole=options.all_cells,
        jobs=options.jobs,
        say=lambda line: print(line, flush=True),
    )
    return 0
