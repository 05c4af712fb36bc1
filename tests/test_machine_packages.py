"""Which package is missing, and the command that installs it: read, and tried."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

from dlkit import machine

ABSENT = "no_such_package"


def command(line):
    """The words of the command at the end of the line."""
    problem, command = line.split(" not installed; to install: ")
    assert problem == ABSENT
    return shlex.split(command)


def test_nothing_is_said_where_nothing_is_missing():
    assert importlib.util.find_spec(ABSENT) is None
    assert machine.missing_packages() == machine.missing_packages("numpy", "keras") == ""


def test_only_what_is_missing_is_named():
    line = machine.missing_packages("numpy", ABSENT, "another_one")
    assert line.startswith(f"{ABSENT}, another_one not installed; ")


@pytest.mark.parametrize("place", ["course", "elsewhere"])
def test_the_command_names_this_python_and_files_that_are_there(place, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT if place == "course" else tmp_path)
    python, *pip, requirements, c, constraints = command(machine.missing_packages(ABSENT))
    assert (pip, c) == (["-m", "pip", "install", "-r"], "-c")
    assert os.path.abspath(python) == sys.executable
    assert Path(requirements).samefile(ROOT / "requirements-cloud.txt")
    assert Path(constraints).samefile(ROOT / "constraints.txt")


def test_the_command_is_short_in_the_course_s_folder(monkeypatch):
    monkeypatch.chdir(ROOT)
    python = ROOT / ".venv" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    expected = ".venv/bin/python -m pip install -r requirements-cloud.txt -c constraints.txt"
    assert shlex.join(command(machine.missing_packages(ABSENT))) == expected


@pytest.mark.skipif(os.name == "nt", reason="a script of POSIX")
def test_a_shell_understands_the_command(monkeypatch, tmp_path):
    folder = tmp_path / "my course"
    folder.mkdir()
    (folder / "requirements-cloud.txt").touch()
    python = folder / "python"
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(machine, "ROOT", folder)
    line = machine.missing_packages(ABSENT).split(" to install: ")[1]
    run = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    files = [str(folder / name) for name in ("requirements-cloud.txt", "constraints.txt")]
    assert run.stdout.splitlines() == ["-m", "pip", "install", "-r", files[0], "-c", files[1]]


def test_without_the_course_s_folder_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = machine.missing_packages("ray", "onnxruntime")
    wanted = machine.python_command("-m", "pip", "install", "ray[serve,train,tune]")
    assert line.endswith(f"to install: {wanted} onnxruntime")
