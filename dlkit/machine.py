"""Facts on this machine for whoever is to help, without its owner's names and secrets."""

import getpass
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Variables that change what the course does: some are shown, of the others only that they are set.
SHOWN = ("DLKIT_OFFLINE", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "OPENBLAS_NUM_THREADS")
HIDDEN = ("DLKIT_DATA_DIR", "KERAS_HOME", "PYTHONPATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def facts():
    """Lines on this machine that help a stranger to help."""
    yield f"dlkit {_version('dlkit')}, {_commit()}"
    yield f"{platform.platform()}, {platform.python_implementation()} {platform.python_version()}"
    kind = "a virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    where = [name for name, sign in _PLACES.items() if sign()]
    yield ", ".join([f"in {kind}", *where])
    others = ("pillow", "ipython", "ipykernel", "notebook", "jax", "torch")
    yield ", ".join(f"{name} {_version(name)}" for name in others if _version(name))
    yield f"GPU: {_driver()}"
    names = {name.upper(): name for name in os.environ}  # proxies are often written small
    for name in SHOWN:
        if name in names:
            yield f"{name}={os.environ[names[name]][:40]}"
    if found := [name for name in HIDDEN if name in names]:
        yield f"set, values left out: {', '.join(found)}"


_PLACES = {
    "on Colab": lambda: "COLAB_RELEASE_TAG" in os.environ,
    "on Kaggle": lambda: "KAGGLE_KERNEL_RUN_TYPE" in os.environ,
    "in a container": lambda: Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
    "in WSL": lambda: "microsoft" in platform.release().lower(),
}


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _output(*command):
    """What a program prints; "" if it is not there, fails, or does not answer."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _commit():
    if not (ROOT / ".git").exists():
        return "no git checkout"
    changed = ", with changes" if _output("git", "status", "--porcelain") else ""
    return f"commit {_output('git', 'rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"


def _driver():
    query = "--query-gpu=name,driver_version,memory.total"
    found = _output("nvidia-smi", query, "--format=csv,noheader")
    return "; ".join(found.splitlines()) or "no NVIDIA driver answers"


def impersonal(text):
    """Text without the names of user and machine, without passwords in addresses, with short paths.

    Example:
        >>> impersonal("in /srv/ada/course/.venv, from http://ada:secret@proxy.example:80/x")
        'in …/.venv, from http://…@proxy.example:80/x'
    """
    text = re.sub(r"(\w+://)[^\s/@]+@", r"\1…@", text).replace(str(Path.home()), "~")
    text = re.sub(r"(?<![\w:/.~…])(?:/[^\s/,;:()'\"]+)+(/[^\s/,;:()'\"]+)", r"…\1", text)
    text = re.sub(r"~(?:/[^/,;:()'\"]+)+(/[^\s/,;:()'\"]+)", r"~/…\1", text)
    text = re.sub(r"\b[A-Za-z]:\\(?:[^\\,;:()'\"]+\\)*", "…\\\\", text)
    for name, sign in ((_user(), "<user>"), (platform.node(), "<host>")):
        if len(name) > 1 and name not in ("root", "localhost"):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", sign, text)
    return text


def _user():
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
