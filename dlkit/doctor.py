"""Is this machine ready for the course? For a screen, or as a report for a forum."""

import contextlib
import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dlkit import machine
from dlkit.machine import facts, impersonal

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
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
ROOT = Path(__file__).resolve().parents[1]

# Each check returns (mark, what was found, what to do). The marks: "ok", "note" (the course runs,
# something could be better), "fail" (the course does not run).


def _check_python():
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    oldest, newest = (".".join(map(str, v)) for v in (OLDEST_PYTHON, NEWEST_PYTHON))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return "fail", found, f"Install Python {oldest} to {newest}, then run the set-up again."
    if sys.version_info[:2] > NEWEST_PYTHON:
        return "note", found, f"The course is tested on {oldest} to {newest} only."
    return "ok", found, ""


def _version_tuple(text):
    parts = text.split(".")[:3]
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in parts)


def _check_packages(wanted, label, cure):
    found, wrong = [], []
    for name, oldest in wanted.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if _version_tuple(version) < _version_tuple(oldest):
            wrong.append(f"{name} {version} is older than {oldest}")
    if wrong:
        return "fail", f"{label}: {'; '.join(wrong)}", cure
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
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
    except subprocess.TimeoutExpired:
        return "fail", f"Keras did not start within {timeout} s", "Close other programs, try again."
    seconds = time.perf_counter() - started
    if run.returncode == 0:
        return "ok", f"{run.stdout.strip()} (starts in {seconds:.0f} s)", ""
    last = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
    cure = "Set up the packages again (make install)."
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
    try:
        kernelspec = importlib.import_module("jupyter_client.kernelspec")
        spec = kernelspec.KernelSpecManager().get_kernel_spec("python3")
    except ImportError:
        return "fail", "no Jupyter here", "Set up the packages again (make install)."
    except Exception as error:  # NoSuchKernel lives in the module that may be missing
        return "fail", f"no Python kernel for Jupyter ({error})", "pip install ipykernel"
    program = spec.argv[0]  # Jupyter itself replaces a bare "python" by the Python that runs it
    if os.path.dirname(program) and Path(program).parent != Path(sys.executable).parent:
        return (
            "note",
            f"Jupyter's python3 kernel runs {program}, not {sys.executable}",
            "Start JupyterLab with make lab, or from the activated .venv.",
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
        "python -m dlkit data fetch   (11 MB, once; with a network)",
    )


def _checks():
    cure = "Set up the packages again: make install, or pip install -r requirements.txt"
    return [
        ("Python", _check_python),
        ("Packages", lambda: _check_packages(PACKAGES, "packages", cure)),
        ("Jupyter", lambda: _check_packages(JUPYTER_PACKAGES, "for notebooks and tests", cure)),
        ("Kernel", _check_kernel),
        ("Keras", _check_keras),
        ("Machine", _check_memory),
        ("Disk", lambda: _check_disk(ROOT / "dlkit")),
        ("Data", _check_data),
    ]


def doctor(*, report=False):
    """Print, in a screenful, whether this machine is ready for the course, and what to do.

    Args:
        report: print a Markdown block to paste into a forum instead. It tells more of the machine
            and nothing of its owner: no names, no full paths, no values of variables that may hold
            a password.

    Returns:
        int: 0 if the course runs here (with or without notes), 1 if something must be done.
    """
    show = impersonal if report else str
    if report:
        print("```text")
        for line in facts():
            print(show(line), flush=True)
    marks = []
    for title, check in _checks():
        mark, found, advice = check()
        marks.append(mark)
        print(show(f"[{mark:^4}] {title:<9} {found}"), flush=True)
        if advice:
            print(show(f"{'':17} -> {advice}"), flush=True)
    failed = "fail" in marks
    if report:
        print("```")
    elif failed:
        print("\nNot ready yet: do what the lines marked [fail] say, then run doctor again.")
        print("No help? Paste what `doctor --report` prints where you ask.")
    else:
        print("\nReady: open notebooks/00_start_here.ipynb (make lab does it for you).")
    return 1 if failed else 0
