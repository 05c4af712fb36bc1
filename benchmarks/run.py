"""Run the benchmarks one after the other; write build/bench.md and build/bench.json.

    .venv/bin/python benchmarks/run.py [--only startup loading] [--quick] [--keep]

--quick takes one round or seed of each. --only renews these sections of an earlier run on the same
machine and versions. --keep copies the report, once it is whole, into benchmarks/README.md. Nothing
else should run on the machine meanwhile.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from dlkit.machine import print_anything, processor

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "benchmarks" / "README.md"
MARKS = "<!-- last full run -->", "<!-- end -->"
# name: (title, script and its arguments, arguments for --quick)
SECTIONS = {
    "startup": ("Start-up", ["startup.py"], ["--rounds", "1"]),
    "loading": ("Data", ["loading.py"], ["--rounds", "1"]),
    "mlp": ("Time to accuracy, MLP", ["time_to_accuracy.py", "--only", "MLP"], ["--seeds", "1"]),
    "cnn": ("Time to accuracy, CNN", ["time_to_accuracy.py", "--only", "CNN"], ["--seeds", "1"]),
    "leaderboard": ("Digits, lesson by lesson", ["digit_leaderboard.py"], ["--seeds", "1"]),
    "limit": ("How far from the limit", ["limit.py"], ["--rounds", "1"]),
    "scratch": ("dlkit.scratch beside Keras", ["scratch.py"], ["--repeats", "3"]),
    "train": ("Training in NumPy and in Keras", ["scratch.py", "--train"], ["--repeats", "1"]),
    "lessons": ("Lessons", ["lessons.py"], []),
}
PACKAGES = ["tensorflow", "keras", "numpy", "matplotlib", "jupyterlab"]


def machine():
    """What the figures were measured on, in one line."""
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = f", {total / 2**30:.0f} GiB"
    return f"{processor()}, {os.cpu_count()} cores{memory}, {platform.system()}"


def versions():
    """Python and the packages that matter for speed."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *found])


def run_section(script, extra):
    """Run one script, show its lines as they come; (its lines, seconds, exit status)."""
    start, lines = time.perf_counter(), []
    command = [sys.executable, str(ROOT / "benchmarks" / script[0]), *script[1:], *extra]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip("\n"))
    return lines, time.perf_counter() - start, process.wait()


def tables(lines):
    """The Markdown tables among the lines, each as a list of rows: dicts by column."""
    found, header = [], None
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            header = None
        elif header is None:
            header = cells
            found.append([])
        elif not set(line) <= set("|-: "):
            found[-1].append(dict(zip(header, cells, strict=True)))
    return found


def report(lines):
    """What of a script's lines belongs into the report: all but the line of each run."""
    return "\n".join(line for line in lines if not line.startswith("  ")).strip()


def keep(text):
    """Put the report between the marks of benchmarks/README.md."""
    before, _, rest = README.read_text(encoding="utf-8").partition(MARKS[0])
    _, found, after = rest.partition(MARKS[1])
    if not found:
        sys.exit(f"{README.name} lacks the lines {MARKS[0]} and {MARKS[1]}: nothing was written.")
    README.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", encoding="utf-8")


def earlier(path, head, quick):
    """The sections of an earlier report on the same machine and versions; {} if there is none."""
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    same = all(found.get(name) == value for name, value in head.items())
    return found["sections"] if same and found.get("quick") == quick else {}


def markdown(head, sections):
    """The whole report, its sections in order, each with the day of its run."""
    parts = [f"{head['machine']}. {head['versions']}."]
    for name, (title, *_) in SECTIONS.items():
        if name in sections:
            done = sections[name]
            note = f"\n\nFAILED with status {done['status']}." if done["status"] else ""
            took = f"{done['date']}, {done['seconds']:.0f} s."
            parts.append(f"## {title}\n\n{took} {done['text']}{note}")
    return "\n\n".join(parts)


def main():
    """Run what was asked for, write the report; 1 if a script failed or the report is not whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="one round or seed of each")
    parser.add_argument("--keep", action="store_true", help="copy the report to the README there")
    options = parser.parse_args()
    if options.keep and options.quick:
        parser.error("--keep is for a full run: leave out --quick")
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    head = {"machine": machine(), "versions": versions()}
    sections = earlier(build / "bench.json", head, options.quick)
    for name in options.only:
        title, script, quick = SECTIONS[name]
        print(f"\n== {title}", flush=True)
        lines, seconds, status = run_section(script, quick if options.quick else [])
        print(f"== {title}: {seconds:.0f} s", flush=True)
        sections[name] = {
            "date": datetime.date.today().isoformat(),
            "seconds": round(seconds, 1),
            "status": status,
            "text": report(lines),
            "tables": tables(lines),
        }
        whole = head | {"quick": options.quick, "sections": sections}
        (build / "bench.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
        (build / "bench.md").write_text(markdown(head, sections) + "\n", encoding="utf-8")
    failed = [name for name in SECTIONS if name in sections and sections[name]["status"]]
    missing = [name for name in SECTIONS if name not in sections]
    print(f"\nbuild/bench.md and build/bench.json; failed: {failed or 'none'}")
    if options.keep and (failed or missing):
        print(f"{README.name} stays as it is; failed or never run: {failed + missing}")
        return 1
    if options.keep:
        keep(markdown(head, sections).replace("\n## ", "\n### "))
    return 1 if failed else 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
