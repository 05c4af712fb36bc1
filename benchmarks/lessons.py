"""Wall seconds and peak memory of each lesson, and of the whole course.

    .venv/bin/python benchmarks/lessons.py [06_mnist_mlp ...]

Each lesson runs once, from the start of its kernel to its end, as a learner runs it; the files in
notebooks/ stay as they are. Peak memory is the kernel's largest resident set, as the operating
system accounts for it (not on Windows).
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import course  # noqa: E402
from run import run as run_notebook  # noqa: E402

ASK = "import resource, sys\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
UNIT = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes


def run(path):
    """Seconds, peak memory in MB, and where the data came from."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    start = time.perf_counter()
    run_notebook(notebook)
    seconds = time.perf_counter() - start
    printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    peak = int(notebook.cells[-1].outputs[0].text) * UNIT / 1e6
    return seconds, peak, "the offline sample" if "offline sample" in printed else "real data"


def main():
    """Run the lessons, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="all of course.toml if none is named")
    chosen = course.read().choose(parser.parse_args().lessons)
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")  # no personal start-up files
    print("| lesson | s | peak memory, MB | data |")
    print("|---|--:|--:|---|")
    total = largest = 0
    for lesson in chosen:
        seconds, peak, source = run(course.ROOT / lesson.file)
        total, largest = total + seconds, max(largest, peak)
        print(f"| {lesson.name} | {seconds:.0f} | {peak:.0f} | {source} |", flush=True)
    print(f"| all | {total:.0f} | {largest:.0f} | |")


if __name__ == "__main__":
    main()
