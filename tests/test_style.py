"""One style, in the package, the tests and the notebooks: what ruff says."""

import subprocess
import sys

import pytest
from helpers import ROOT


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff(command):
    run = [sys.executable, "-m", "ruff", *command.split(), "."]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nTo mend it: ruff {command.split()[0]}"
    )
