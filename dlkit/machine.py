"""What machine this is, how to start Keras on it quietly, and what a helper must know.

Importing this is quick: TensorFlow's import takes seconds, and only ``start_keras`` and
``gpu_names`` need it. The set-up cell of every lesson calls ``sharpen_figures`` and prints
``report()``.
Python 3.8 must be able to read this file, because ``doctor`` runs on any Python; a test tries it.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
# Variables that change what the course does: some are shown, of the others only that they are set.
SHOWN = ("DLKIT_OFFLINE", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "OPENBLAS_NUM_THREADS")
HIDDEN = ("DLKIT_DATA_DIR", "KERAS_HOME", "PYTHONPATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
GPU_LESSONS = "08, 12, 14, 17 and 22"  # written by tools/course.py


def print_anything() -> None:
    """Let this process print every character: one that the terminal's encoding lacks as ``\\u…``.

    A name in other letters than the terminal's (on Windows, often those of cp1252) must not end a
    command. Every command of the course calls this first. Source: Python's codecs, error handlers.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a notebook or a test took its place
            stream.reconfigure(errors="backslashreplace")


def nvidia_gpus(*, timeout: float = 10) -> list[str]:
    """Names of the NVIDIA GPUs, as their driver's ``nvidia-smi`` lists them.

    Args:
        timeout: seconds to wait for the driver.

    Returns:
        A list of str: empty without a GPU or a working driver, and where
        ``CUDA_VISIBLE_DEVICES`` hides all GPUs.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return run.stdout.strip().splitlines() if run.returncode == 0 else []


def report() -> str:
    """CPU cores and GPUs in one line; on Colab and Kaggle also where to switch a GPU on.

    Returns:
        str, e.g. ``"2 CPU cores, no GPU"``.
    """
    cores, gpus = cpu_cores(), nvidia_gpus()
    line = f"{cores} CPU core{'s' if cores > 1 else ''}, {', '.join(gpus) or 'no GPU'}"
    if "google.colab" in sys.modules:
        menu = "Runtime > Change runtime type"
    elif "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        menu = "Settings > Accelerator"
    else:
        menu = ""
    if gpus or not menu:
        return line
    return f"{line} (lessons {GPU_LESSONS} are faster with one: {menu})"


def sharpen_figures() -> None:
    """Let a notebook draw its figures with twice the page's dots per inch, at the same size.

    They have 200 dots per inch then, sharp on any screen and in print. Outside of a notebook
    nothing happens. Source: matplotlib-inline's ``InlineBackend.figure_formats``.
    """
    ipython = sys.modules.get("IPython")  # in a notebook it is loaded already
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        config = importlib.import_module("matplotlib_inline.config")  # it comes with IPython
        config.InlineBackend.instance(parent=shell).figure_formats = {"retina"}


@contextlib.contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what a block writes on stderr, from Python or from C++; show it if the block raises.

    TensorFlow's C++ code writes its log lines straight to file descriptor 2, which no Python
    setting can reach: only a redirected descriptor keeps them out of a notebook cell. Python's
    warnings go to ``sys.stderr``, which in a notebook is something else.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            with open(2, "w", encoding="utf-8", closefd=False) as hidden, redirect_stderr(hidden):
                yield
        except BaseException:
            os.dup2(kept, 2)
            caught.seek(0)
            sys.stderr.write(caught.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def start_keras() -> str:
    """Import Keras and its backend without a line of C++ log, and say what it runs on.

    Call it before the first ``import keras`` or ``import tensorflow`` of a notebook: whoever
    imports first prints. It imports, silences TensorFlow's logs below errors, and switches
    oneDNN's kernels on where TensorFlow leaves them off: it does so on processors without AVX-512,
    where they halve the time of a small CNN or GRU. ``TF_ENABLE_ONEDNN_OPTS=0`` leaves them off.

    Returns:
        One line, e.g. ``"Keras 3.15.1 on TensorFlow 2.21.0, 2 CPU cores, no GPU"``.

    Raises:
        ImportError: Keras or its backend is not installed or cannot be loaded; what the
            import wrote to stderr is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with hidden_stderr():
        keras = importlib.import_module("keras")
        backend = keras.backend.backend()
        module = importlib.import_module(backend)
        gpus = gpu_names()
        # On the other backends keras.utils.set_random_seed imports TensorFlow where there is one.
        with contextlib.suppress(ImportError):
            tf = importlib.import_module("tensorflow")
            tf.get_logger().setLevel("ERROR")  # it warns of retracing whenever you compare models
    label = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}.get(backend, backend)
    device = ", ".join(gpus) if gpus else "no GPU"
    return (
        f"Keras {keras.__version__} on {label} {module.__version__}, {cpu_cores()} CPU cores, "
        f"{device}"
    )


def missing_packages(*names: str) -> str:
    """Say which packages are not installed, and which command installs them.

    Args:
        names: of packages, as one imports them; those of ``requirements-cloud.txt``.

    Returns:
        One line with a command that works in this folder, for this Python; "" if all are there.

    Example:
        >>> missing_packages("json", "numpy")
        ''
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    what = ["ray[serve,train,tune]" if name == "ray" else name for name in missing]
    if (ROOT / "requirements-cloud.txt").exists():  # not so on Colab, with dlkit alone
        lists = short_path(ROOT / "requirements-cloud.txt"), short_path(ROOT / "constraints.txt")
        what = ["-r", lists[0], "-c", lists[1]]
    command = python_command("-m", "pip", "install", *what)
    return f"{', '.join(missing)} not installed; to install: {command}"


def cpu_cores() -> int:
    """Number of CPU cores that this process may use (a container's limit counts)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name as its maker gives it, as far as the system tells."""
    facts = Path("/proc/cpuinfo")  # Linux: platform.processor() is empty there, or just "x86_64"
    text = facts.read_text(encoding="utf-8") if facts.exists() else ""
    named = re.search(r"model name\s*: (.+)", text)
    return named[1] if named else platform.processor() or platform.machine()


def gpu_names() -> list[str]:
    """Names of the GPUs that Keras's backend can use.

    Returns:
        A list of str, empty without a GPU.
    """
    backend = importlib.import_module("keras").backend.backend()
    if backend == "tensorflow":
        tf = importlib.import_module("tensorflow")
        devices = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(device) for device in devices]
        return [detail.get("device_name", "GPU") for detail in details]
    if backend == "jax":
        jax = importlib.import_module("jax")
        return [d.device_kind for d in jax.devices() if d.platform in ("gpu", "cuda", "rocm")]
    if backend == "torch":
        torch = importlib.import_module("torch")
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return []


def course_python() -> Path | None:
    """The Python of the course's ``.venv``; None if there is none that could start."""
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return python if python.exists() else None


def is_course_python() -> bool:
    """Whether the Python that runs this is that of the course's ``.venv``."""
    return os.path.realpath(sys.prefix) == os.path.realpath(ROOT / ".venv")


def python_command(*arguments: str, python: Path | str | None = None) -> str:
    """A command that works in a shell in the current folder, as one would type it.

    Whatever advises a command takes it from here, or from ``dlkit_command``: a bare ``python`` is
    another Python than this one on most machines.

    Args:
        arguments: the words after the Python.
        python: another Python than the one that runs this.

    Returns:
        str, e.g. ``".venv/bin/python -m pip install ipykernel"``.

    Example:
        >>> python_command("-m", "pip", "install", "keras>=3.13", python="/opt/my own/python")
        "'/opt/my own/python' -m pip install 'keras>=3.13'"
    """
    return _line([_program(python), *arguments])


def dlkit_command(*arguments: str, python: Path | str | None = None) -> str:
    """``python_command`` for ``python -m dlkit``, e.g. ``".venv/bin/python -m dlkit doctor"``.

    Where that Python would not find dlkit from the current folder, the command goes to the
    course's folder first.
    """
    words = ["-m", "dlkit", *arguments]
    if Path.cwd() == ROOT or (python is None and _finds_dlkit_anywhere()):
        return python_command(*words, python=python)
    return f"{_line(['cd', short_path(ROOT)])} && {_line([_program(python, ROOT), *words])}"


def _program(python, start=None):
    """A short path that a shell takes for a program: without a slash it would search PATH."""
    path = short_path(python or sys.executable or "python3", start)
    return path if os.sep in path else os.path.join(".", path)


def _finds_dlkit_anywhere():
    on_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return str(ROOT) in on_path or bool(_version("dlkit"))


def short_path(path: Path | str, start: Path | None = None) -> str:
    """A path, seen from ``start`` or else the current folder, if it is near; else all of it."""
    path = os.path.abspath(path)
    try:
        near = os.path.relpath(path, start)
    except ValueError:  # on another drive
        return path
    if near.startswith(os.path.join("..", "..")) or len(near) >= len(path):
        return path
    return near


def _line(words):
    """One line for the shell of this system."""
    words = [str(word) for word in words]
    return subprocess.list2cmdline(words) if os.name == "nt" else " ".join(map(shlex.quote, words))


def facts() -> Iterator[str]:
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


def impersonal(text: str) -> str:
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
