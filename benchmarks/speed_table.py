"""Add this machine's row to the table of lesson 22: on a GPU if there is one.

    .venv/bin/python benchmarks/speed_table.py [--out FILE]

It runs the code cells of the lesson, as they are, in a fresh kernel, and keeps what they measured:
the hardware's name, the day, the versions, and the numbers. A row of the same hardware is replaced.
FILE is, if none is given, the table that the lesson shows. Three minutes on two cores; nothing else
should run on the machine meanwhile.
"""

import argparse
import os
import sys
from pathlib import Path

import nbformat

from dlkit import measured
from dlkit.speed import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import course  # noqa: E402
from run import run  # noqa: E402

from dlkit.machine import print_anything

LESSON = course.ROOT / course.read().choose(["speed_and_gpus"])[0].file
UNTIL = "table.add_row("  # the cell that keeps the row is the last one needed


def needed(notebook):
    """The notebook up to the cell that keeps the row."""
    last = next(n for n, cell in enumerate(notebook.cells) if UNTIL in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    return notebook


def main():
    """Run, keep, show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=measured.SPEED_TABLE)
    out = parser.parse_args().out.resolve()
    notebook = needed(nbformat.read(LESSON, as_version=4))
    run(notebook, env=os.environ | {table.TABLE_VARIABLE: str(out)})
    for row in table.load_rows(out):
        print(f"{row['hardware']} ({row['kind']}), {row['date']}, {row['versions']}")


if __name__ == "__main__":
    print_anything()
    main()
