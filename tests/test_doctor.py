"""What doctor says of machines that are well and that are not, on any Python from 3.8."""

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

from dlkit import doctor, machine


def test_doctor_on_this_machine(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert doctor.doctor() == 0
    out = capsys.readouterr().out
    assert re.search(r"^Ready: .+ lab opens the first lesson", out, re.MULTILINE)
    assert "[fail]" not in out
    assert len(out.splitlines()) <= 20, "more than a screenful"
    assert "DLKIT_OFFLINE" not in os.environ


@pytest.fixture
def quick(monkeypatch):
    """Doctor without the seconds of starting Keras."""
    monkeypatch.setattr(doctor, "_check_keras", lambda: ("ok", "Keras on TensorFlow", ""))
    return monkeypatch


def test_the_report_can_be_pasted_and_tells_what_a_helper_asks_first(quick, capsys):
    quick.setenv("DLKIT_OFFLINE", "1")
    assert doctor.examine(report=True) == 0
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("```text", "```")
    text = "\n".join(lines)
    for fact in (
        "dlkit 0.",
        "commit",
        "GPU: ",
        "ipywidgets ",
        "anywidget ",
        "CPU cores",
        "GiB free",
    ):
        assert fact in text, fact
    assert platform.release() in text and platform.python_version() in text
    assert "DLKIT_OFFLINE=1" in text and "[ ok ] Keras" in text


def test_the_report_ends_as_doctor_does(quick, capsys):
    quick.setattr(doctor, "_check_keras", lambda: ("fail", "Keras does not start", "Do."))
    assert doctor.examine(report=True) == 1
    assert "[fail] Keras     Keras does not start" in capsys.readouterr().out


def test_the_report_holds_nothing_personal(quick, capsys, tmp_path):
    home = tmp_path / "ada.lovelace"
    quick.setenv("HOME", str(home))
    quick.setenv("USERPROFILE", str(home))
    for name in machine.HIDDEN:
        quick.delenv(name, raising=False)
    quick.setenv("HTTPS_PROXY", "http://ada:hunter2@proxy.firm.example:3128")
    quick.setenv("DLKIT_DATA_DIR", str(home / "private"))
    quick.setenv("MY_TOKEN", "hunter3")
    quick.setattr(machine.getpass, "getuser", lambda: "adalove")
    quick.setattr(machine.platform, "node", lambda: "adas-laptop")
    said = f"kernel at {home}/envs/x/bin/python on adas-laptop by adalove, C:\\Users\\Ada L\\py.exe"
    quick.setattr(doctor, "_check_kernel", lambda: ("note", said, f"See {home}/log"))
    doctor.examine(report=True)
    text = capsys.readouterr().out
    for secret in ("hunter", "ada.lovelace", "adalove", "adas-laptop", "firm", "private", "Ada L"):
        assert secret not in text, secret
    assert str(ROOT) not in text and str(tmp_path) not in text and sys.prefix not in text
    assert "set, values left out: DLKIT_DATA_DIR, HTTPS_PROXY" in text
    assert "~/…/python on <host> by <user>, …\\py.exe" in text


def failures(capsys):
    """The titles that doctor marks as failed, and all that it prints."""
    assert doctor.examine() == 1
    out = capsys.readouterr().out
    assert "Not ready yet" in out
    failed = re.findall(r"^\[fail\] (\w+)", out, re.MULTILINE)
    assert len(re.findall(r"^\[fail\].*\n +-> .", out, re.MULTILINE)) == len(failed)
    return failed, out


def test_an_old_python_is_the_only_thing_to_mend_first(capsys, monkeypatch):
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (4, 0))
    failed, out = failures(capsys)
    assert failed == ["Python"] and "needs Python 4.0 to 3.13: " in out


def test_packages_that_are_missing_or_old_are_named_with_one_cure(capsys, monkeypatch):
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "1.0")
    monkeypatch.setitem(doctor.PACKAGES, "numpy", "99.0")
    failed, out = failures(capsys)
    assert failed == ["Packages"] and "missing: no-such-package" in out
    assert re.search(r"numpy [\d.]+ is older than 99.0", out)


def test_what_does_not_hinder_the_rest_is_reported_with_it(capsys, monkeypatch):
    monkeypatch.setitem(doctor.JUPYTER_PACKAGES, "no-such-package", "1.0")
    monkeypatch.setattr(doctor, "_check_keras", lambda: ("fail", "Keras does not start", "Do."))
    failed, out = failures(capsys)
    assert failed == ["Jupyter", "Keras"] and "] Data " in out


# ---- Any Python, and the course's own --------------------------------------------------------

READ_BY_ANY = ["__init__.py", "__main__.py", "doctor.py", "machine.py"]


@pytest.mark.parametrize("name", READ_BY_ANY)
def test_python_3_8_can_read_what_doctor_needs(name):
    ast.parse((ROOT / "dlkit" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def old_pythons():
    """Pythons that the course does not run on, oldest first, each as one runs it."""
    found = []
    for minor in (8, 9, 10):
        places = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for program in [shutil.which(f"python3.{minor}"), *map(str, places)]:
            test = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
            if (
                program
                and subprocess.run([program, "-c", test], capture_output=True).returncode == 0
            ):
                found.append(program)
                break
    return found


@pytest.fixture
def course(tmp_path):
    """A folder of the course with no more than what doctor needs."""
    (tmp_path / "dlkit").mkdir()
    for name in READ_BY_ANY:
        shutil.copy(ROOT / "dlkit" / name, tmp_path / "dlkit")
    for folder in ("notebooks", "tools"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "tools" / "install.py", tmp_path / "tools")
    return tmp_path


def ask(course, *words, python=sys.executable, env=None):
    """What `python -m dlkit` says with no package but the standard library."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | (env or {})
    run = subprocess.run(
        [python, "-S", "-m", "dlkit", *words], cwd=course, env=env, capture_output=True, text=True
    )
    assert "Traceback" not in run.stderr, run.stderr
    return run


def test_an_old_python_hears_what_the_course_needs_and_how_to_get_it(course):
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python 3.8, 3.9 or 3.10 here to try")
    for python in pythons:
        run = ask(course, "doctor", python=python)
        assert (run.returncode, run.stderr) == (1, "")
        assert "needs Python 3.11 to 3.13: " in run.stdout and "install" in run.stdout
        other = ask(course, "lab", python=python)
        assert other.returncode == 1 and "the course does not run on Python 3." in other.stderr
        assert f"{python} -m dlkit doctor says what to do" in other.stderr


def test_the_cure_for_missing_packages_can_be_run(course):
    """Without make, it is the script that makes .venv, with a Python that suits it."""
    run = ask(course, "doctor", env={"PATH": str(course)})
    assert run.returncode == 1 and "missing: tensorflow, keras" in run.stdout
    cure = re.search(r"-> Set them up: (.+)", run.stdout)[1]
    script = str(Path("tools", "install.py"))
    assert cure.endswith(script)
    said = subprocess.run(
        cure.replace(script, "-c 'import venv; print(1)'"),
        shell=True,
        capture_output=True,
        cwd=course,
    )
    assert said.stdout.strip() == b"1"


@pytest.fixture
def course_with_python(course):
    """The same with a .venv, in which no package is installed."""
    venv = [sys.executable, "-m", "venv", "--without-pip", str(course / ".venv")]
    subprocess.run(venv, check=True)
    own = Path(".venv", "Scripts" if os.name == "nt" else "bin", "python")
    return course, f"{own}.exe" if os.name == "nt" else str(own)


def test_another_python_leaves_it_to_that_of_the_course(course_with_python):
    course, own = course_with_python
    run = ask(course, "doctor")
    first, second, _, *rest = run.stdout.splitlines()
    assert run.returncode == 1
    assert sys.executable in first and f"{own} -m dlkit doctor" in second
    by_itself = subprocess.run(
        [course / own, "-m", "dlkit", "doctor"], cwd=course, capture_output=True, text=True
    )
    assert by_itself.stdout.splitlines() == rest
    assert f"{own} -m dlkit doctor --report" in rest[-1]


def test_other_commands_name_the_command_that_works(course_with_python):
    course, own = course_with_python
    for name in ("lessons.py", "serving", "teaching", "data"):
        whole, copy = ROOT / "dlkit" / name, course / "dlkit" / name
        (shutil.copytree if whole.is_dir() else shutil.copy)(whole, copy)
    run = ask(course, "lab", "--port=0")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"dlkit: this Python has no jupyterlab. Run {own} -m dlkit lab --port=0\n"
    )
    assert not (course / "my_lessons").exists()


@pytest.mark.parametrize(
    ("program", "said"),
    [("not a program", "does not start"), ("#!/bin/sh\nexit 3\n", "ended with status 3")],
)
def test_a_broken_venv_is_named_with_its_cure(course, program, said):
    if os.name == "nt":
        pytest.skip("it is a script for a POSIX shell")
    python = course / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(program)
    python.chmod(0o755)
    run = ask(course, "doctor")
    assert run.returncode == 1
    assert re.search(rf"\[fail\] Python .*{said}.*\n +-> .*install", run.stdout)


@pytest.mark.parametrize(
    ("program", "found", "cure"),
    [
        ("raise SystemExit('no module named keras')", "no module named keras", "make install"),
        ("import os; os.abort()", "does not start", "AVX"),
        ("import time; time.sleep(60)", "did not start within 1 s", "Close other programs"),
    ],
)
def test_keras_that_fails_crashes_or_hangs_becomes_a_message(
    program, found, cure, tmp_path, monkeypatch
):
    if os.name == "nt" and "abort" in program:
        pytest.skip("Windows reports a crash by another status")
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(program)
    real_run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda a, **kw: real_run([sys.executable, str(stand_in)], **kw)
    )
    mark, said, advice = doctor._check_keras(timeout=1 if "sleep" in program else 60)
    assert mark == "fail" and found in said and cure in advice


def test_the_kernel_of_this_python_is_well_whatever_is_first_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._check_kernel()[0] == "ok"


def test_a_kernel_of_another_python_is_noticed(monkeypatch, tmp_path):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/usr/bin/other-python"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    mark, said, advice = doctor._check_kernel()
    assert mark == "note" and "other-python" in said and advice.endswith(" lab")
