"""Runs a tier of the tests: on two processes what may, then alone what must.

python tools/tiers.py check [pytest's arguments]   # no lesson, no server, no browser
python tools/tiers.py test [pytest's arguments]    # all but the browser; each lesson once, solved

The second stage follows also when something failed in the first; the status tells of both.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from dlkit.machine import print_anything

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "build" / "lessons.json"
# A file is run whole by one of the two; they take files in the order in which pytest found them.
BESIDE = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
STAGES = {  # of each tier: the marks to run, and how
    "check": [("not (lesson or slow or alone or browser)", BESIDE)],
    "test": [("not (alone or browser)", BESIDE), ("alone and not browser", [])],
}
# Two that run side by side share the cores: TensorFlow's threads of one would wait for the other's.
HALF = {"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // 2))}
NOTHING_CHOSEN = 5  # pytest's status where no test was left


def run(tier: str, arguments: list[str]) -> int:
    """Run the tier's stages; returns pytest's status, the worst of them."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-m", dest="marks", default="")
    chosen, others = parser.parse_known_args(arguments)
    TABLE.unlink(missing_ok=True)
    started, statuses = time.monotonic(), []
    for marks, how in STAGES[tier]:
        if chosen.marks:
            marks = f"({marks}) and ({chosen.marks})"
        command = [sys.executable, "-m", "pytest", *how, "-m", marks, "--lesson-table", TABLE]
        env = (HALF if how is BESIDE else {}) | os.environ  # what is set already stays
        done = subprocess.run([*map(str, command), *others], cwd=ROOT, env=env)
        statuses.append(done.returncode)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    status = max((s for s in statuses if s != NOTHING_CHOSEN), default=NOTHING_CHOSEN)
    print(f"{tier}: {'FAILED' if status else 'passed'} in {minutes} min {seconds} s", flush=True)
    return status


if __name__ == "__main__":
    print_anything()
    if len(sys.argv) < 2 or sys.argv[1] not in STAGES:
        sys.exit(__doc__)
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
