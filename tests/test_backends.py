"""Models, training, interpretation and exercises on each Keras backend that is installed.

.venv has TensorFlow alone. `make matrix` runs this file where the others are installed as well.
"""

import functools
import importlib.util
import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT
from helpers.backend_checks import CHECKS

LABELS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


@functools.cache
def results(backend):
    """What the checks found in a fresh process on this backend, and its stderr."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{LABELS[backend]} is not installed here; make matrix has it")
    left_out = ("PYTEST_CURRENT_TEST", "KERAS_BACKEND")
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    run = subprocess.run(
        [sys.executable, ROOT / "tests" / "backend_checks.py"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=env | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1]), run.stderr


@pytest.mark.parametrize("backend", LABELS)
def test_it_starts_quietly_and_stays_quiet(backend):
    found, stderr = results(backend)
    assert f" on {LABELS[backend]} " in found["start"]
    assert stderr == "", "set_random_seed imports TensorFlow too, on every backend"


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
@pytest.mark.parametrize("backend", LABELS)
def test_what_lessons_06_and_07_need(backend, check):
    found, _ = results(backend)
    assert found[check] == "", found[check]
