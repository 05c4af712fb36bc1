"""Every way in which an installation can fail: one sentence, and no half-made .venv that passes.

The installation itself is not repeated here: `make test` has just been through it.
"""

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from helpers import ROOT

pytestmark = pytest.mark.slow

FILES = ("requirements.txt", "constraints.txt", "pyproject.toml", "Makefile", "tools/install.py")
OFFLINE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_RETRIES": "1",
}
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


@pytest.fixture
def project(tmp_path):
    """A folder with what install.py reads, and nothing else."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def install(project, monkeypatch):
    """That folder's install.py as a module; its steps are noted, and make nothing but a Python."""
    spec = importlib.util.spec_from_file_location("install", project / "tools" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.steps = []

    def step(title, command):
        module.steps.append(next(word for word in ALL_STEPS if word in title))
        if "venv" in command:
            make_fake_venv(module)

    monkeypatch.setattr(module, "step", step)
    monkeypatch.setattr(module, "is_usable", lambda: Path(module.PYTHON).exists())
    return module


PIP_STEPS = ["packages", "dlkit", "TensorFlow"]
ALL_STEPS = ["venv", *PIP_STEPS]


def make_fake_venv(module):
    Path(module.PYTHON).parent.mkdir(parents=True, exist_ok=True)
    Path(module.PYTHON).touch()
    version = ".".join(map(str, sys.version_info[:3]))
    Path(module.VENV, "pyvenv.cfg").write_text(f"home = x\nversion = {version}\n")


def run(project, *command, env=None, **options):
    """Runs a command in the project, as if this were not a `make test`."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"}
    env = {name: value for name, value in os.environ.items() if name not in outer} | (env or {})
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, **options)
    assert "Traceback" not in done.stderr
    return done


def old_pythons():
    """Interpreters of this machine that the course does not support."""
    names = ["python2.7", *(f"python3.{minor}" for minor in (*range(6, 11), 14))]
    found = [*filter(None, map(shutil.which, names))]
    found += map(str, Path.home().glob(".pyenv/versions/*/bin/python"))
    probe = "import sys; sys.exit((3, 11) <= sys.version_info[:2] <= (3, 13))"
    probes = [subprocess.run([path, "-c", probe], capture_output=True) for path in found]
    return [path for path, probe in zip(found, probes, strict=True) if probe.returncode == 0]


# ---- An unsuitable Python --------------------------------------------------------------------


def test_old_pythons_can_read_the_file():
    source = (ROOT / "tools" / "install.py").read_text()
    ast.parse(source, feature_version=(3, 4))
    source.encode("ascii")


def test_real_unsuitable_python(project):
    for python in (pythons := old_pythons()):
        done = run(project, python, "tools/install.py")
        assert done.returncode == 1
        assert "and the course needs 3.11 to 3.13: install one of those" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (project / ".venv").exists()
    if not pythons:
        pytest.skip("every Python on this machine is suitable")


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)])
def test_unsuitable_version(install, monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert install.main() == 1
    message = f"This is Python {version[0]}.{version[1]}, and the course needs 3.11 to 3.13"
    assert message in capsys.readouterr().err
    assert install.steps == []


# ---- What the machine lacks ------------------------------------------------------------------


def test_venv_module_missing(project, tmp_path):
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "ensurepip.py").write_text("raise ImportError('No module ensurepip')\n")
    env = {"PYTHONPATH": str(tmp_path / "stub")}
    done = run(project, sys.executable, "tools/install.py", env=env)
    assert done.returncode == 1
    assert "sudo apt install python3." in done.stderr
    assert not (project / ".venv").exists()


def test_too_little_disk_space(install, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9e9, 8e9, 1.2e9))
    assert install.main() == 1
    assert "Too little disk space: 1.2 GB are free in" in capsys.readouterr().err
    assert not Path(install.VENV).exists()


def test_folder_that_cannot_be_written(install, monkeypatch, capsys):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", refuse)
    assert install.main() == 1
    assert "make sure that the folder is yours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "No space left"),
        ("OSError: [WinError 112] There is not enough space on the disk", "No space left"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))", "PIP_CERT"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for tensorflow",
            "cannot reach a package index",
        ),
        ("ERROR: No matching distribution found for tensorflow>=2.20", "no build of a package"),
        (
            "ERROR: Cannot install tensorflow>=2.20 because these package versions have "
            "conflicting dependencies.",
            "Cannot install tensorflow>=2.20",
        ),
        ("HINT: … does not have Windows Long Path support enabled", "C:\\dlkit"),
        ("ImportError: DLL load failed while importing _pywrap_tensorflow", "Redistributable"),
        ("ERROR: [Errno 13] Permission denied: 'x.py'", "the folder is yours"),
        ("ERROR: something that nobody has seen before", "something that nobody has seen before"),
    ],
)
def test_what_pip_says_becomes_a_sentence(install, log, sentence):
    assert sentence in install.explain("Collecting numpy\n" + log)


# ---- A real .venv whose packages cannot be had ---------------------------------------------------


def test_no_network_and_then_again(project):
    """The half-made .venv of the first call never passes, and is made anew by the second."""
    for _attempt in range(2):
        done = run(project, sys.executable, "tools/install.py", env=OFFLINE)
        assert done.returncode == 1
        assert done.stderr.startswith("pip cannot reach a package index")
        assert done.stderr.count("\n") == 1
        assert not (project / ".venv" / "install-stamp").exists()
        assert not (project / ".venv" / "left-over").exists()
        (project / ".venv" / "left-over").touch()


@needs_posix
def test_interrupted(project):
    command = [sys.executable, "tools/install.py"]
    process = subprocess.Popen(
        command, cwd=project, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (project / ".venv" / "pyvenv.cfg").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error.count("\n")) == (130, 1)
    assert error.startswith("Interrupted: .venv is not complete.")
    assert not (project / ".venv" / "install-stamp").exists()


# ---- Which .venv is kept, completed or made anew ---------------------------------------------


def test_second_call_runs_nothing(install, capsys):
    assert install.main() == 0
    assert install.steps == ALL_STEPS
    assert install.main() == 0
    assert install.steps == ALL_STEPS
    assert capsys.readouterr().out.endswith(".venv is up to date.\n")


def test_another_python_is_told_which_one_is_there(install, monkeypatch, capsys):
    install.main()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr(sys, "version_info", (3, 12 if here != "3.12" else 13, 0))
    assert install.main() == 0
    assert f"It has Python {here}: to change that, delete it" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt", "pyproject.toml"])
def test_a_change_is_installed_into_the_same_venv(install, project, name):
    install.main()
    with open(project / name, "a") as file:
        file.write("# changed\n")
    install.steps.clear()
    assert install.main() == 0
    assert install.steps == PIP_STEPS
    assert install.is_current()


def test_a_venv_without_its_python_is_made_anew(install):
    install.main()
    os.remove(install.PYTHON)
    install.steps.clear()
    assert install.main() == 0
    assert install.steps == ALL_STEPS


@pytest.mark.parametrize("failing", ALL_STEPS)
def test_a_failed_step_leaves_no_stamp(install, monkeypatch, capsys, failing):
    step = install.step

    def fail(title, command):
        step(title, command)
        if install.steps[-1] == failing:
            raise install.Fault("It failed.")

    with monkeypatch.context() as patch:
        patch.setattr(install, "step", fail)
        assert install.main() == 1
    assert capsys.readouterr().err == "It failed.\n"
    assert not install.is_current()
    install.steps.clear()
    assert install.main() == 0
    assert install.steps == ALL_STEPS


def test_somebody_elses_working_venv_is_used(install, project):
    make_fake_venv(install)
    (project / ".venv" / "theirs").touch()
    assert install.main() == 0
    assert install.steps == PIP_STEPS
    assert (project / ".venv" / "theirs").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "without pip"])
def test_somebody_elses_unusable_venv_is_kept(project, kind):
    venv = project / ".venv"
    if kind == "file":
        venv.write_text("theirs")
    elif kind == "folder":
        venv.mkdir()
        (venv / "theirs").touch()
    else:
        run(project, sys.executable, "-m", "venv", "--without-pip", ".venv")
    before = sorted(venv.rglob("*"))
    done = run(project, sys.executable, "tools/install.py")
    assert done.returncode == 1
    assert "was not made by this script" in done.stderr
    assert "rename or delete it" in done.stderr
    assert sorted(venv.rglob("*")) == before


@needs_posix
def test_two_installations_at_once(install, capsys):
    import fcntl

    with open(Path(install.ROOT, "tools", "install.py")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert install.main() == 1
    assert "Another installation is running" in capsys.readouterr().err


# ---- make ------------------------------------------------------------------------------------


@needs_make
@pytest.mark.parametrize("choice", [[], ["PYTHON=no-such-python"]])
def test_make_without_any_python(project, tmp_path, choice):
    (tmp_path / "empty").mkdir()
    env = {"PATH": str(tmp_path / "empty")}
    done = run(project, shutil.which("make"), "install", *choice, env=env)
    assert done.returncode != 0
    assert done.stderr.startswith("No Python found (looked for: ")
    assert "install Python 3.11 to 3.13" in done.stderr


@needs_make
@needs_posix
@pytest.mark.parametrize(
    ("suitable", "chosen"),
    [(["python3.12", "python3"], "python3.12"), (["python3"], "python3"), ([], "python3.13")],
)
def test_make_takes_the_first_suitable_python(project, tmp_path, suitable, chosen):
    """If none is suitable, the first one there says why."""
    (tmp_path / "bin").mkdir()
    for name in ("python3.13", "python3.12", "python3"):
        probe = 0 if name in suitable else 1
        script = tmp_path / "bin" / name
        script.write_text(
            f'#!/bin/sh\ncase "$1$2" in -c) exit 0;; -c*) exit {probe};; esac\necho "{name} $@"\n'
        )
        script.chmod(0o755)
    env = {"PATH": str(tmp_path / "bin")}
    done = run(project, shutil.which("make"), "install", env=env)
    assert done.stdout == f"{chosen} tools/install.py\n"


@needs_make
def test_make_lists_its_targets(project):
    done = run(project, "make")
    for target in ("help", "install", "lab", "test", "course", "clean"):
        assert f"make {target} " in done.stdout
