"""Is this machine ready for the course? For a screen, or as a report for a forum.

Any Python from 3.8 can run this, with nothing installed: it leaves the checks to the Python of the
course's ``.venv``, or says how to make that. A test tries it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dlkit import machine
from dlkit.machine import ROOT, dlkit_command, facts, impersonal, python_command, short_path

# What doctor asks for; the lower bounds repeat requirements.txt, and a test keeps them in step.
PACKAGES = {
    "tensorflow": "2.20",
    "keras": "3.13",
    "numpy": "2.0",
    "matplotlib": "3.9",
    "ipywidgets": "7.7",
    "anywidget": "0.9",
    "scikit-learn": "1.5",
    "pooch": "1.8",
    "tqdm": "4.66",
}
JUPYTER_PACKAGES = {"jupyterlab": "4.2", "nbval": "0.11", "pytest": "8.2"}
IN_COURSE = "import sys; from dlkit import doctor; sys.exit(doctor.examine(report={report}))"

# Each check returns (mark, what was found, what to do). The marks: "ok", "note" (the course runs,
# something could be better), "fail" (the course does not run).


def _check_python():
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < machine.OLDEST_PYTHON:
        return "fail", found, f"The course needs {_versions()}: {_set_up()}"
    if sys.version_info[:2] > machine.NEWEST_PYTHON:
        return "note", found, f"The course is tested on {_versions()} only."
    return "ok", found, ""


def _versions():
    oldest, newest = (".".join(map(str, v)) for v in (machine.OLDEST_PYTHON, machine.NEWEST_PYTHON))
    return f"Python {oldest} to {newest}"


def _make(target):
    """The command for a target of the Makefile, as it works here; "" if there is no make."""
    if os.name == "nt" or not (ROOT / "Makefile").exists() or not shutil.which("make"):
        return ""
    where = "" if Path.cwd() == ROOT else f"-C {shlex.quote(short_path(ROOT))} "
    return f"make {where}{target}"


def _set_up(wanted=()):
    """The command that makes or mends the course's own Python, or what to do before it."""
    script = ROOT / "tools" / "install.py"
    if not script.exists():  # dlkit alone is installed, as on Colab
        return python_command("-m", "pip", "install", *(f"{n}>={v}" for n, v in wanted))
    if command := _make("install"):
        return command
    if python := _suitable_python():
        return python_command(short_path(script), python=python)
    return f"install one from python.org, and run {short_path(script)} with it"


def _suitable_python():
    """A Python that the course can be installed with, not that of .venv itself; None if none."""
    candidates = [getattr(sys, "_base_executable", None), sys.executable]
    oldest, newest = machine.OLDEST_PYTHON, machine.NEWEST_PYTHON
    for minor in range(newest[1], oldest[1] - 1, -1):
        candidates.append(shutil.which(f"python{oldest[0]}.{minor}"))
    test = (
        f"import ensurepip, sys, venv; sys.exit(not {oldest} <= sys.version_info[:2] <= {newest})"
    )
    for python in filter(None, candidates):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", test], capture_output=True).returncode == 0:
                return python
    return None


def _version_tuple(text):
    parts = text.split(".")[:3]
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in parts)


def _check_packages(wanted, label):
    found, missing, wrong = [], [], []
    for name, oldest in wanted.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        found.append(f"{name} {version}")
        if _version_tuple(version) < _version_tuple(oldest):
            wrong.append(f"{name} {version} is older than {oldest}")
    if missing or wrong:
        problems = [*([f"missing: {', '.join(missing)}"] if missing else []), *wrong]
        return "fail", f"{label}: {'; '.join(problems)}", f"Set them up: {_set_up(wanted.items())}"
    return "ok", ", ".join(found), ""


def _check_keras(timeout=120):
    """Start Keras in a process of its own: a crash or a hang there becomes a message here."""
    code = "from dlkit import machine; print(machine.start_keras())"
    started = time.perf_counter()
    try:
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        )
    except subprocess.TimeoutExpired:
        return "fail", f"Keras did not start within {timeout} s", "Close other programs, try again."
    seconds = time.perf_counter() - started
    if run.returncode == 0:
        return "ok", f"{run.stdout.strip()} (starts in {seconds:.0f} s)", ""
    last = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
    cure = f"Set up the packages again: {_set_up(PACKAGES.items())}"
    if run.returncode < 0:
        cure = "TensorFlow crashed: its builds need a CPU with AVX. Use Colab, or KERAS_BACKEND=jax"
    return "fail", f"Keras does not start: {last[:160]}", cure


def _check_memory():
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return "ok", f"{machine.cpu_cores()} CPU cores", ""
    found = f"{machine.cpu_cores()} CPU cores, {total:.0f} GiB of memory"
    if total < 3.5:
        return "note", found, "4 GiB or more is better: close other programs while a lesson runs."
    return "ok", found, ""


def _check_disk(folder):
    free = shutil.disk_usage(folder).free / 2**30
    found = f"{free:.0f} GiB free on the disk of the course"
    if free < 1:
        return "note", found, "Free 1 GiB if you want to download data sets."
    return "ok", found, ""


def _check_kernel():
    """A notebook must run on the interpreter that has dlkit, not on another Python."""
    install = python_command("-m", "pip", "install", "ipykernel")
    try:
        kernelspec = importlib.import_module("jupyter_client.kernelspec")
        spec = kernelspec.KernelSpecManager().get_kernel_spec("python3")
    except ImportError:
        return "fail", "no Jupyter here", install
    except Exception as error:  # NoSuchKernel lives in the module that may be missing
        return "fail", f"no Python kernel for Jupyter ({error})", install
    program = spec.argv[0]  # Jupyter itself replaces a bare "python" by the Python that runs it
    if os.path.dirname(program) and Path(program).parent != Path(sys.executable).parent:
        return (
            "note",
            f"Jupyter's python3 kernel runs {program}, not {sys.executable}",
            f"Start JupyterLab with {_lab()}",
        )
    return "ok", "Jupyter's python3 kernel runs this Python", ""


def _check_data():
    """Where MNIST would come from, without downloading it."""
    data = importlib.import_module("dlkit.data")
    before = os.environ.get("DLKIT_OFFLINE")
    os.environ["DLKIT_OFFLINE"] = "1"
    try:
        with contextlib.redirect_stdout(None):
            mnist = data.load_mnist()
    except (OSError, ValueError) as error:
        return "fail", f"no data: {error}", "Get a fresh copy of the course."
    finally:
        if before is None:
            del os.environ["DLKIT_OFFLINE"]
        else:
            os.environ["DLKIT_OFFLINE"] = before
    if not mnist.is_sample:
        return "ok", mnist.source, ""
    return (
        "note",
        "MNIST is not on this machine; the lessons fetch it, or use the offline sample",
        f"{dlkit_command('data', 'fetch')}   (11 MB, once; with a network)",
    )


def _lab():
    return _make("lab") or dlkit_command("lab")


def _checks():
    """In order (title, check, whether the checks after it make no sense where it fails)."""
    yield "Python", _check_python, True
    yield "Packages", lambda: _check_packages(PACKAGES, "packages"), True
    if (ROOT / "notebooks").is_dir():  # else JupyterLab is somebody else's, as on Colab
        title = "for notebooks and tests"
        yield "Jupyter", lambda: _check_packages(JUPYTER_PACKAGES, title), False
        yield "Kernel", _check_kernel, False
    yield "Keras", _check_keras, False
    yield "Machine", _check_memory, False
    yield "Disk", lambda: _check_disk(ROOT / "dlkit"), False
    yield "Data", _check_data, False


def examine(*, report: bool = False) -> int:
    """Print whether this Python, on this machine, is ready for the course; as ``doctor`` does."""
    show = impersonal if report else str
    if report:
        print("```text")
        for line in facts():
            print(show(line), flush=True)
    failed = False
    for title, check, is_needed in _checks():
        mark, found, advice = check()
        print(show(f"[{mark:^4}] {title:<9} {found}"), flush=True)
        if advice:
            print(show(f"{'':17} -> {advice}"), flush=True)
        failed |= mark == "fail"
        if mark == "fail" and is_needed:
            break
    if report:
        print("```")
    elif failed:
        print("\nNot ready yet: do what the lines marked [fail] say, then run doctor again.")
        print(
            f"No help? Paste where you ask what this prints: {dlkit_command('doctor', '--report')}"
        )
    elif (ROOT / "notebooks").is_dir():
        print(f"\nReady: {_lab()} opens the first lesson.")
    else:
        print("\nReady.")
    return 1 if failed else 0


def doctor(*, report: bool = False) -> int:
    """Print, in a screenful, whether this machine is ready for the course, and what to do.

    Where there is a ``.venv`` and another Python runs this, the former is examined.

    Args:
        report: print a Markdown block to paste into a forum instead. It tells more of the machine
            and nothing of its owner: no names, no full paths, no values of variables that may hold
            a password.

    Returns:
        0 if the course runs here (with or without notes), 1 if something must be done.
    """
    python = machine.course_python()
    if python is None or machine.is_course_python():
        return examine(report=report)
    if not report:
        print(
            f"This is {sys.executable} ({platform.python_version()}), not the course's own Python."
        )
        print(
            f"What follows is about that one: {dlkit_command('doctor', python=python)}\n",
            flush=True,
        )
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONUTF8="1")
    try:
        with subprocess.Popen(
            [str(python), "-c", IN_COURSE.format(report=report)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():  # not handed on: a notebook shows what we print
                print(line, end="", flush=True)
    except OSError as error:
        problem = f"does not start: {error}"
    else:
        if process.returncode in (0, 1):
            return process.returncode
        problem = f"ended with status {process.returncode}"
    print(f"[fail] Python    {short_path(python)} {problem}")
    print(f"{'':17} -> Make it again: {_set_up()}")
    return 1
