"""Wall seconds and peak memory of each lesson, and of the whole course.

    .venv/bin/python benchmarks/lessons.py [notebooks/06_mnist_mlp.ipynb ...]

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
import notebooks  # noqa: E402

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
    notebooks.execute(notebook)
    seconds = time.perf_counter() - start
    peak, is_sample = json.loads(notebook.cells[-1].outputs[0].text)
    return seconds, peak * UNIT / 1e6, "the offline sample" if is_sample else "real data"


def main():
    """Run the lessons, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="lessons; all of course.toml if none is named")
    chosen = {Path(file).stem for file in parser.parse_args().files}
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")  # no personal start-up files
    print("| lesson | s | peak memory, MB | data |")
    print("|---|--:|--:|---|")
    total = largest = 0
    for lesson in notebooks.course_toml()["lesson"]:
        path = notebooks.ROOT / lesson["file"]
        if not chosen or path.stem in chosen:
            seconds, peak, source = run(path)
            total, largest = total + seconds, max(largest, peak)
            print(f"| {path.stem} | {seconds:.0f} | {peak:.0f} | {source} |", flush=True)
    print(f"| all | {total:.0f} | {largest:.0f} | |")


if __name__ == "__main__":
    main()
