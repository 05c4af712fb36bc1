"""The benchmark of scratch still runs, and no function is further from Keras than rounding."""

import os
import subprocess
import sys
from pathlib import Path

from dlkit.scratch import activations, losses

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scratch.py"


def test_every_function_is_in_the_table_and_close_to_keras():
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--tiny", "--repeats", "1"],
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert run.returncode == 0, run.stderr
    lines = [line.strip("| ").split(" | ") for line in run.stdout.splitlines() if " | " in line]
    rows = {line[0]: float(line[-1]) for line in lines[1:]}
    for name in (*activations.NAMES, *losses.NAMES, "dense", "max_pool2d", "simple_rnn"):
        assert {name, f"{name}, backward"} <= rows.keys()
    assert {name: difference for name, difference in rows.items() if not difference < 2e-5} == {}
