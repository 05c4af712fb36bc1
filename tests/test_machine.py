"""What machine this is, the quiet start of Keras, and commands that work where they are read."""

import os
import platform
import re
import shlex
import subprocess
import sys
import types

import pytest
from helpers import ROOT

from dlkit import machine


@pytest.fixture
def plain_machine(monkeypatch):
    """No GPU that could be there, no platform, two cores."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.setattr(machine, "cpu_cores", lambda: 2)
    pretend(monkeypatch, FileNotFoundError("nvidia-smi"))


def pretend(monkeypatch, outcome):
    """Let nvidia-smi end in an error, or print a text."""

    def run(command, **options):
        assert command[0] == "nvidia-smi"
        if isinstance(outcome, Exception):
            raise outcome
        return subprocess.CompletedProcess(command, *outcome)

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.usefixtures("plain_machine")
def test_a_machine_without_a_gpu(monkeypatch):
    assert machine.report() == "2 CPU cores, no GPU"
    monkeypatch.setattr(machine, "cpu_cores", lambda: 1)
    assert machine.report() == "1 CPU core, no GPU"


@pytest.mark.usefixtures("plain_machine")
def test_gpus_are_named(monkeypatch):
    pretend(monkeypatch, (0, "Tesla T4\nTesla T4\n"))
    assert machine.report() == "2 CPU cores, Tesla T4, Tesla T4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert machine.report() == "2 CPU cores, no GPU"


@pytest.mark.usefixtures("plain_machine")
@pytest.mark.parametrize(
    "outcome",
    [
        (9, "NVIDIA-SMI has failed because it couldn't communicate with the driver.\n"),
        (0, ""),
        PermissionError("no"),
        subprocess.TimeoutExpired("nvidia-smi", 10),
    ],
)
def test_a_driver_that_does_not_answer_is_no_gpu(monkeypatch, outcome):
    pretend(monkeypatch, outcome)
    assert machine.nvidia_gpus() == []


@pytest.mark.usefixtures("plain_machine")
def test_colab_and_kaggle_hear_where_to_switch_one_on(monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert machine.report().endswith("are faster with one: Settings > Accelerator)")
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert machine.report().endswith("are faster with one: Runtime > Change runtime type)")
    pretend(monkeypatch, (0, "Tesla T4\n"))
    assert machine.report() == "2 CPU cores, Tesla T4"


def run_python(code, **variables):
    """A fresh process with the environment of a learner, stderr at the level of the descriptor."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "KERAS_BACKEND")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env | variables, cwd=ROOT
    )


def test_keras_starts_without_a_line_of_log():
    run = run_python(
        "from dlkit import machine; print(machine.start_keras());"
        "import keras, numpy as np; m = keras.Sequential([keras.layers.Dense(1)]);"
        "m.compile('sgd', 'mse'); m.fit(np.ones((8, 2)), np.ones(8), verbose=0)"
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"Keras \S+ on TensorFlow \S+, \d+ CPU cores, .+\n", run.stdout)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="elsewhere TensorFlow decides")
@pytest.mark.parametrize("variables, on", [({}, True), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, False)])
def test_onednn_is_on_unless_somebody_says_otherwise(variables, on):
    code = "from dlkit import machine; machine.start_keras();"
    code += "from tensorflow.python.util import _pywrap_util_port as port;"
    code += "print(port.IsMklEnabled())"
    assert run_python(code, **variables).stdout == f"{on}\n"


def test_comparing_many_models_raises_no_warning_of_retracing():
    run = run_python(
        "from dlkit import machine; machine.start_keras();"
        "import keras, numpy as np; x = np.ones((8, 2), 'float32')\n"
        "for _ in range(8): keras.Sequential([keras.layers.Dense(1)]).predict(x, verbose=0)"
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_import_that_fails_is_not_hidden():
    run = run_python(
        "from dlkit import machine; machine.start_keras()", KERAS_BACKEND="no_such_backend"
    )
    assert run.returncode != 0 and "no_such_backend" in run.stderr


def test_what_the_import_wrote_is_shown_when_it_fails(tmp_path):
    (tmp_path / "keras.py").write_text(
        "import os; os.write(2, b'libfoo.so is missing\\n'); raise ImportError('no keras')"
    )
    code = "from dlkit import machine; machine.start_keras()"
    run = run_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}")
    assert "libfoo.so is missing" in run.stderr and "ImportError: no keras" in run.stderr


NOISE = "import os, sys, warnings; from dlkit import machine; "
MADE = "os.write(2, b'from C\\n'); print('from Python', file=sys.stderr); warnings.warn('w')"


def test_hidden_stderr_hides_what_c_and_python_write_and_only_within_its_block():
    run = run_python(f"{NOISE}\nwith machine.hidden_stderr(): {MADE}\nos.write(2, b'after')")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "after")


def test_hidden_stderr_shows_it_when_the_block_raises():
    run = run_python(f"{NOISE}\nwith machine.hidden_stderr(): {MADE}; 1 / 0")
    for text in ("from C", "from Python", "UserWarning: w", "ZeroDivisionError"):
        assert text in run.stderr


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("see /opt/course/data", "see …/data"),
        ("from https://example.org/a/b", "from https://example.org/a/b"),
        ("3.5 m/s and 12/13", "3.5 m/s and 12/13"),
        ("data/mnist.npz", "data/mnist.npz"),
    ],
)
def test_only_paths_are_shortened(text, short):
    assert machine.impersonal(text) == short


def test_the_processor_has_a_name():
    name = machine.processor()
    assert name and "\n" not in name and ":" not in name


def try_line(line, folder, **variables):
    """Run a line in the shell of this system, as somebody who types it in this folder would."""
    return subprocess.run(
        line, shell=True, cwd=folder, capture_output=True, text=True, env=os.environ | variables
    )


@pytest.fixture
def odd_python(tmp_path):
    """A Python in a folder whose name a shell would take apart."""
    if os.name == "nt":
        pytest.skip("it is a script for a POSIX shell")
    python = tmp_path / "it's my $HOME; course" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("level", [0, 1, 2, 5])
def test_a_python_command_works_where_it_is_made(odd_python, monkeypatch, level):
    folder = odd_python.parents[level]
    monkeypatch.chdir(folder)
    line = machine.python_command("-c", "print('1 > 0')", python=odd_python)
    run = try_line(line, folder)
    assert (run.stdout, run.stderr) == ("1 > 0\n", "")


def test_a_python_command_is_short_where_it_can_be(tmp_path, monkeypatch):
    python = tmp_path / ".venv" / "bin" / "python"
    (tmp_path / "my_lessons").mkdir()
    for folder, words in (("", ".venv/bin/python"), ("my_lessons", "../.venv/bin/python")):
        monkeypatch.chdir(tmp_path / folder)
        assert machine.python_command(python=python) == words.replace("/", os.sep)


@pytest.mark.parametrize("where", [".", "notebooks", ".."])
@pytest.mark.parametrize("is_found_by", ["path", "folder"])
def test_a_dlkit_command_finds_dlkit_from_where_it_is_made(monkeypatch, where, is_found_by):
    """With dlkit on PYTHONPATH, as installed; and by no more than the course's folder."""
    monkeypatch.chdir(ROOT / where)
    monkeypatch.setenv("PYTHONPATH", str(ROOT) if is_found_by == "path" else "")
    if is_found_by == "folder":
        monkeypatch.setattr(machine, "_version", lambda name: "")
    line = machine.dlkit_command("data", "--help")
    run = try_line(line, ROOT / where)
    assert (run.returncode, run.stderr) == (0, "") and "fetch" in run.stdout
    assert line.startswith("cd ") == (is_found_by == "folder" and where != ".")
