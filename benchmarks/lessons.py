"""Wall seconds and peak memory of each lesson, and of the whole course.

    .venv/bin/python benchmarks/lessons.py [07_mnist_mlp ...]

Each lesson runs once, from the start of its kernel to its end, as a learner runs it; the files in
notebooks/ stay as they are. Peak memory is the kernel's largest resident set, as the operating
system accounts for it (not on Windows).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import course  # noqa: E402
from run import run as run_notebook  # noqa: E402

from dlkit.machine import print_anything

ASK = """import json, resource
found = [value for value in globals().values() if hasattr(type(value), "is_sample")]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([peak, any(value.is_sample for value in found)]))"""
UNIT = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes


def run(path):
    """Seconds, peak memory in MB, and where the data came from."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    start = time.perf_counter()
    run_notebook(notebook)
    seconds = time.perf_counter() - start
    peak, is_sample = json.loads(notebook.cells[-1].outputs[0].text)
    return seconds, peak * UNIT / 1e6, "the offline sample" if is_sample else "real data"


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
    print_anything()
    main()
