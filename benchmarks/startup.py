"""Seconds until things are there: the package, a first figure, Keras, `doctor`, JupyterLab.

    .venv/bin/python benchmarks/startup.py [--rounds 5]

Each figure is a fresh process from its start to its end, Python's own start included (its line
comes first); JupyterLab is timed until its page answers. Medians over the rounds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from dlkit.machine import print_anything

ROOT = Path(__file__).resolve().parents[1]
FIRST_PLOT = """
import matplotlib; matplotlib.use("Agg")
import numpy as np
from dlkit import plotting
ax = plotting.plot_images(np.zeros((4, 28, 28)))
getattr(ax, "figure", ax).savefig("first.png")
"""
PROGRAMS = {
    "python": ["-c", ""],
    "`import dlkit`": ["-c", "import dlkit"],
    "the parts of lessons 01 to 05": [
        "-c",
        "from dlkit import data, exercises, plotting; from dlkit.scratch import layers",
    ],
    "first figure, saved": ["-c", FIRST_PLOT],
    "Keras on TensorFlow": ["-c", "from dlkit import machine; machine.start_keras()"],
    "`python -m dlkit doctor`": ["-m", "dlkit", "doctor"],
}


def run(arguments, folder):
    """Seconds of one process."""
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def jupyterlab_ready(folder, port=8899):
    """Seconds from the start of JupyterLab until its page answers."""
    settings = {f"JUPYTER_{part}_DIR": str(folder / part) for part in ("CONFIG", "DATA", "RUNTIME")}
    command = ["-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=benchmark", "--allow-root"]
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - start < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/lab?token=benchmark") as page:
                    page.read()
                return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None:
                    raise RuntimeError(
                        f"JupyterLab ended with status {server.returncode}"
                    ) from None
                time.sleep(0.05)
        raise TimeoutError("JupyterLab did not answer within two minutes")
    finally:
        server.terminate()
        server.wait()


def main():
    """Time all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found = {name: [] for name in [*PROGRAMS, "JupyterLab answers"]}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, arguments in PROGRAMS.items():
                found[name].append(run(arguments, folder))
            found["JupyterLab answers"].append(jupyterlab_ready(Path(folder)))
    print(f"Medians of {rounds}\n")
    print("| program | s |")
    print("|---|--:|")
    for name, seconds in found.items():
        print(f"| {name} | {np.median(seconds):.2f} |")


if __name__ == "__main__":
    print_anything()
    main()
