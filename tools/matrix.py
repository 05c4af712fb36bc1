"""Runs the lessons on other versions and backends than those of .venv, and says which passed.

python tools/matrix.py [--only floor newest jax torch] [--real] [--allow-missing] [mnist_mlp …]

An environment is a virtual environment in build/matrix/, made once for its list of packages, and
made anew when the list changes or after `make clean`. dlkit comes from a zip of this folder, by
the very command that the lessons' set-up cell runs on Colab. A lesson runs in a folder of its
own that holds nothing else, and passes if no cell fails or writes on stderr, every figure of the
committed run is there, and every claim holds. Without --real it has the offline samples alone.
A run of everything that passes writes the table of tested versions into README.md.
"""

import argparse
import concurrent.futures
import dataclasses
import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import course
import nbformat
from run import failure, read_claims

from dlkit.machine import print_anything

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "matrix"
BEGIN, END = "<!-- tested versions: tools/matrix.py -->", "<!-- end of tested versions -->"
CELL_TIMEOUT = 600  # seconds


# Colab's runtime of August 2026, and what dlkit needs of Colab's other packages. SciPy 1.18 took
# out an option that this scikit-learn still sets, with a warning.
COLAB = """tensorflow==2.20.0 keras==3.13.2 numpy==2.1.3 matplotlib==3.10.0 scikit-learn==1.6.1
ipython==7.34.0 ipywidgets==7.7.1 ipykernel==6.17.1 anywidget==0.9.21
scipy<1.18 pillow pooch tqdm"""
# The versions of the backends that were tried. TensorFlow comes before them, alone: it must get
# the versions that a learner gets.
BACKENDS = "jax==0.10.2 jaxlib==0.10.2 torch==2.13.0"
# Virtual environments: the Python ("" for the one that made .venv), and what pip installs, in turn.
VENVS = {
    "floor": ("3.13", [COLAB.split()]),
    "newest": ("", [["-r", str(ROOT / "requirements.txt")], BACKENDS.split()]),
}


@dataclasses.dataclass(frozen=True)
class Environment:
    """One column of the table: a virtual environment, a backend, and what runs there."""

    name: str
    title: str
    venv: str
    backend: str = "tensorflow"
    lessons: tuple = ()  # their topics; () stands for all
    tests: tuple = ()  # arguments for pytest: what is tested there beside the lessons


BEYOND = ("09", *map(str, range(11, 22)))  # after 08: they run on JAX and PyTorch too
PLAIN = ("mnist_mlp", "mnist_cnn")  # the lessons whose exercises ask for a network
# What they need of a backend: tests that .venv's TensorFlow passes too.
BACKEND_TESTS = [f"tests/test_{topic}.py" for topic in ("models", "training", "interpret")]
BACKEND_TESTS += ["tests/exercises/test_exercises.py", "-k"]
BACKEND_TESTS += [f"not test_exercises or {' or '.join(PLAIN)}"]


def on_backend(name: str, title: str) -> Environment:
    """The newest versions on another backend, with the lessons that run on any."""
    lessons = course.read(ROOT).lessons
    chosen = tuple(one.name[3:] for one in lessons if one.number <= "08" or one.number in BEYOND)
    return Environment(name, title, "newest", name, chosen, tuple(BACKEND_TESTS))


ENVIRONMENTS = [
    Environment("floor", "Colab, Aug. 2026", "floor"),
    Environment("newest", "newest", "newest"),
    on_backend("jax", "with JAX"),
    on_backend("torch", "with PyTorch"),
]
BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}
# What is looked at, as it is imported, and its name in the table.
MODULES = {
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "torch": "PyTorch",
    "numpy": "NumPy",
    "matplotlib": "Matplotlib",
    "sklearn": "scikit-learn",
    "IPython": "IPython",
    "ipykernel": "ipykernel",
    "ipywidgets": "ipywidgets",
    "anywidget": "anywidget",
}


class Problem(Exception):
    """Why an environment cannot run its lessons."""


class MissingPython(Problem):
    """This machine has no Python of the version that an environment needs."""


# --- environments -----------------------------------------------------------------------------


def find_python(version: str) -> str:
    """Path of a Python of this version that really starts and can make environments.

    A launcher of pyenv's may bear the name and start nothing, so each candidate is tried.

    Raises:
        MissingPython: there is none.
    """
    own = [getattr(sys, "_base_executable", sys.executable)]
    if not version:
        return own[0]
    on_path = [str(Path(folder) / f"python{version}") for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    in_pyenv = [str(p) for p in sorted(pyenv.glob(f"{version}*/bin/python{version}"))]
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for candidate in own + on_path + in_pyenv:
        try:
            run = subprocess.run([candidate, "-c", code], capture_output=True, text=True)
        except OSError:
            continue
        if run.returncode == 0 and run.stdout.strip() == version:
            return candidate
    raise MissingPython(f"no Python {version} that starts, on PATH or in {pyenv}")


def python_of(venv: str) -> Path:
    """Path of the environment's own interpreter."""
    return BUILD / venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environ(**more: str) -> dict[str, str]:
    """This process's environment without what would leak into another Python."""
    leaks = ("DLKIT_", "KERAS_", "PYTHON", "PYTEST_", "MPLBACKEND", "VIRTUAL_ENV", "IPYTHON")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(leaks)}
    return kept | {"PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | more


def call(command: list, log: Path, *, cwd: Path | None = None, **variables: str) -> str:
    """Run a command, its output into the log; returns what it printed.

    Raises:
        Problem: it failed; the message ends with the last lines of its output.
    """
    empty = BUILD / "empty"
    empty.mkdir(exist_ok=True)
    run = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environ(**variables),
        cwd=cwd or empty,  # a folder named jax beside the command would be imported as jax
    )
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(str(part) for part in command)}\n{run.stdout}\n")
    if run.returncode:
        tail = "\n".join(run.stdout.strip().splitlines()[-12:])
        raise Problem(f"{Path(str(command[0])).name} ended with {run.returncode}:\n{tail}")
    return run.stdout


def prepare(venv: str, archive: Path) -> float:
    """Make the environment if its list has changed, and install dlkit in it as Colab would.

    Returns:
        Seconds that it took.

    Raises:
        Problem: no such Python, or an installation that failed or changed other packages.
    """
    started = time.perf_counter()
    version, installs = VENVS[venv]
    base, folder, log = find_python(version), BUILD / venv, BUILD / f"{venv}.log"
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    digest = hashlib.sha256(repr([base, installs, requirements]).encode()).hexdigest()
    stamp = folder / "matrix-stamp"
    log.unlink(missing_ok=True)
    if not (stamp.exists() and stamp.read_text() == digest):
        shutil.rmtree(folder, ignore_errors=True)
        call([base, "-m", "venv", folder], log)
        # Bytecode is left to the first import: compiling all of TensorFlow takes longer.
        pip = [python_of(venv), "-m", "pip", "install", "--quiet", "--no-compile"]
        for packages in installs:
            call([*pip, *packages], log)
        stamp.write_text(digest)
    install_dlkit(python_of(venv), archive, log)
    return time.perf_counter() - started


# Runs the set-up cell where dlkit is missing; GitHub's archive is the one made here.
AS_ON_COLAB = """
import subprocess, sys
url, archive, cell = sys.argv[1:]
class Redirected(subprocess.Popen):
    def __init__(self, command, *args, **kwargs):
        super().__init__([archive if x == url else x for x in command], *args, **kwargs)
subprocess.Popen = Redirected
exec(cell)
import dlkit
assert dlkit.__file__.startswith(sys.prefix), dlkit.__file__
"""


def install_dlkit(python: Path, archive: Path, log: Path) -> None:
    """Install dlkit by the set-up cell's own command, and see that nothing else changed.

    Raises:
        Problem: the cell failed, or the installation changed another package.
    """
    pip = [python, "-m", "pip"]
    call([*pip, "uninstall", "--yes", "dlkit"], log)
    before = call([*pip, "freeze"], log)
    cell = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
    named = 'REPOSITORY, REF = "owner/dlkit", "main"'
    cell, found = re.subn(r"^REPOSITORY, REF = .*$", named, cell, flags=re.MULTILINE)
    if found != 1:
        raise Problem("the set-up cell has no line REPOSITORY, REF = …")
    url = "https://github.com/owner/dlkit/archive/main.zip"
    with tempfile.TemporaryDirectory(prefix="dlkit-") as folder:
        script = Path(folder) / "as_on_colab.py"
        script.write_text(AS_ON_COLAB, encoding="utf-8")
        call([python, script, url, archive.as_uri(), cell], log, cwd=Path(folder))
    after = [line for line in call([*pip, "freeze"], log).splitlines() if "dlkit" not in line]
    if changed := set(before.splitlines()) ^ set(after):
        raise Problem(f"installing dlkit changed other packages: {', '.join(sorted(changed))}")


def make_archive() -> Path:
    """A zip of this folder as GitHub makes it: what git knows or would add, in a top folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        names = sorted({name for name in listed.stdout.split("\0") if name})
    else:  # no checkout, but a copy of one
        skipped = {".venv", "build", "downloads", "__pycache__"}
        parts = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = sorted(str(path) for path in parts if not skipped & set(path.parts))
    archive = BUILD / "dlkit-main.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            if (ROOT / name).is_file():
                file.write(ROOT / name, f"dlkit-main/{name}")
    return archive


PROBE = """
import importlib, json, platform, sys
modules = [importlib.import_module(name) for name in sys.argv[1:]]
import keras, matplotlib.pyplot
versions = {name: sys.modules[name].__version__ for name in sys.argv[1:]}
versions |= {"backend": keras.backend.backend(), "python": platform.python_version()}
print(json.dumps(versions))
"""


def versions_in(environment: Environment) -> dict:
    """Versions as they are imported there; this first import also compiles and fills caches.

    Raises:
        Problem: one cannot be imported, is not the one asked for, or Keras runs elsewhere.
    """
    others = {"tensorflow", "jax", "torch"} - {environment.backend}
    names = [name for name in MODULES if name not in others]
    command = [python_of(environment.venv), "-c", PROBE, *names]
    log = BUILD / f"{environment.venv}.log"
    printed = call(command, log, KERAS_BACKEND=environment.backend, TF_CPP_MIN_LOG_LEVEL="3")
    found = json.loads(printed.strip().splitlines()[-1])
    if found["backend"] != environment.backend:
        raise Problem(f"Keras runs on {found['backend']}, not on {environment.backend}")
    pins = [
        pin.split("==")
        for packages in VENVS[environment.venv][1]
        for pin in packages
        if "==" in pin
    ]
    for name, version in pins:
        module = {"scikit-learn": "sklearn", "ipython": "IPython"}.get(name, name)
        if found.get(module, version).partition("+")[0] != version:
            raise Problem(f"{name} is {found[module]} there, not {version}")
    return found


# --- lessons ----------------------------------------------------------------------------------


def write_kernels() -> None:
    """A kernel for each environment, where only this process looks for kernels."""
    for environment in ENVIRONMENTS:
        folder = BUILD / "jupyter" / "kernels" / f"matrix-{environment.name}"
        folder.mkdir(parents=True, exist_ok=True)
        argv = [str(python_of(environment.venv)), "-m", "ipykernel_launcher"]
        spec = {"argv": [*argv, "-f", "{connection_file}"], "display_name": environment.title}
        (folder / "kernel.json").write_text(json.dumps(spec | {"language": "python"}))
    os.environ["JUPYTER_PATH"] = str(BUILD / "jupyter")


def lesson_environ(environment: Environment, folder: Path, *, real: bool) -> dict[str, str]:
    """The environment of a kernel: a learner's, with no data and an empty home."""
    data = {"DLKIT_OFFLINE": "1"}
    if real:
        data = {"DLKIT_DATA_DIR": os.environ["DLKIT_DATA_DIR"], "DLKIT_REAL_DATA": "1"}
    return clean_environ(
        KERAS_BACKEND=environment.backend,
        KERAS_HOME=str(folder / "home"),
        IPYTHONDIR=str(folder / "home"),
        DLKIT_CLAIMS=str(folder / "claims.jsonl"),
        DLKIT_STRICT="1",  # a claim outside its band fails
        OMP_NUM_THREADS="1",  # PyTorch's threads wait for one another as soon as another job runs
        TQDM_DISABLE="1",
        # JAX compiles a network once, not once a seed: half the time, and the same numbers.
        JAX_COMPILATION_CACHE_DIR=str(folder / "home"),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
        PYDEVD_DISABLE_FILE_VALIDATION="1",  # a debugger's note on Python 3.13
        **data,
    )


def run_lesson(
    environment: Environment, path: Path, *, real: bool = False, timeout: float = CELL_TIMEOUT
) -> dict:
    """Execute one lesson in a folder that holds nothing else.

    Returns:
        dict: lesson, seconds, error ("" if it passed), claims (how many), held, data.
    """
    committed = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    copies = BUILD / "lessons" / environment.name
    copies.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lesson-") as name:
        folder, log = Path(name), copies / f"{path.stem}.log"
        for part in ("home", "lesson"):
            (folder / part).mkdir()
        shutil.copy(path, folder / "lesson")
        started = time.perf_counter()
        with open(log, "w", encoding="utf-8") as stderr:  # what escapes the kernel's own capture
            env = lesson_environ(environment, folder, real=real)
            error = failure(
                notebook,
                folder=folder / "lesson",
                timeout=timeout,
                kernel_name=f"matrix-{environment.name}",
                env=env,
                stderr=stderr,
            )
        seconds = time.perf_counter() - started
        claims = read_claims(folder / "claims.jsonl")
    nbformat.write(notebook, copies / path.name)
    held = sum(claim["held"] for claim in claims)
    return {
        "lesson": path.stem,
        "seconds": round(seconds, 1),
        "error": error or "; ".join(shortcomings(committed, notebook)),
        "claims": len(claims),
        "held": held,
        "data": ", ".join(sorted({claim["data"] for claim in claims})),
        "is_sample": any(claim["is_sample"] for claim in claims),
    }


def shortcomings(committed: Any, fresh: Any) -> Iterator[str]:
    """Yields what a run without errors may still lack: silence on stderr, and its figures."""
    for number, (before, after) in enumerate(zip(committed.cells, fresh.cells, strict=True)):
        if after.cell_type != "code":
            continue
        said = [o.text for o in after.outputs if o.output_type == "stream" and o.name == "stderr"]
        if said:
            yield f"cell {number} wrote on stderr: {' '.join(said[0].split())[:160]}"
        expected, figures = course.count_figures(before), course.count_figures(after)
        if figures != expected:
            yield f"cell {number} shows {figures} figures, not {expected}"


# --- the whole --------------------------------------------------------------------------------


def run(
    environments: list[Environment], paths: list[Path], *, real: bool = False, jobs: int = 2
) -> list[dict]:
    """Prepare the environments and run the lessons, some at a time.

    Returns:
        A list of dicts, one for each environment: name, title, problem, seconds (to make it),
        versions, lessons.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    archive = make_archive()
    write_kernels()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # First in, first out: an environment is on its way before anything waits for it.
        venvs = dict.fromkeys(one.venv for one in environments)
        ready = {venv: pool.submit(prepare, venv, archive) for venv in venvs}
        results = []
        for one in environments:
            row = pool.submit(look_at, one, ready[one.venv])
            chosen = [path for path in paths if takes(one, path)]
            done = [pool.submit(attempt, one, path, row, real=real) for path in chosen]
            results.append((row, done, pool.submit(run_tests, one, row)))
        return [
            row.result()
            | {"lessons": [one.result() for one in done if one.result()], "tests": tests.result()}
            for row, done, tests in results
        ]


def takes(environment: Environment, path: Path) -> bool:
    return not environment.lessons or path.stem[3:] in environment.lessons


def look_at(environment: Environment, ready: Future) -> dict:
    """Wait for the environment, and say what is in it or why it cannot be used."""
    found: dict = {"name": environment.name, "title": environment.title, "problem": ""}
    found |= {"versions": {}, "missing": False}
    try:
        found["seconds"] = round(ready.result(), 1)
        found["versions"] = versions_in(environment)
    except Problem as problem:
        found["problem"], found["missing"] = str(problem), isinstance(problem, MissingPython)
    say(environment, f"not run: {found['problem']}" if found["problem"] else "ready")
    return found


def attempt(environment: Environment, path: Path, row: Future, *, real: bool) -> dict | None:
    """Run a lesson and say how it went; None where its environment cannot run any."""
    if row.result()["problem"]:
        return None
    done = run_lesson(environment, path, real=real)
    outcome = f"FAILED: {done['error']}" if done["error"] else "passed"
    say(environment, f"{path.stem}: {outcome}, {done['seconds']:.0f} s, claims {claims_in([done])}")
    return done


def run_tests(environment: Environment, row: Future) -> str:
    """Run the environment's tests; returns what went wrong, or ""."""
    if row.result()["problem"] or not environment.tests:
        return ""
    options = ["-q", "-p", "no:cacheprovider"]
    command = [python_of(environment.venv), "-m", "pytest", *options, *environment.tests]
    log, error = BUILD / f"{environment.name}-tests.log", ""
    try:
        variables = {"KERAS_BACKEND": environment.backend, "OMP_NUM_THREADS": "1"}
        printed = call(command, log, cwd=ROOT, **variables)
        outcome = printed.strip().splitlines()[-1]
    except Problem as problem:
        outcome = error = str(problem)
    say(environment, f"tests: {outcome}")
    return error


def say(environment: Environment, text: str) -> None:
    print(f"[{environment.name}] {text}", flush=True)


def claims_in(lessons: list[dict]) -> str:
    return f"{sum(one['held'] for one in lessons)} of {sum(one['claims'] for one in lessons)}"


def passed(row: dict) -> bool:
    """Whether the environment was there, and its lessons and tests passed."""
    errors = [row["problem"], row["tests"], *(lesson["error"] for lesson in row["lessons"])]
    return not any(errors)


def table(rows: list[dict]) -> str:
    """The results as a Markdown table: a column for each environment."""
    names = {"python": "Python", **MODULES, "lessons": "lessons passed", "claims": "claims held"}
    lines = [
        "| | " + " | ".join(row["title"] for row in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for name, label in names.items():
        cells = []
        for row in rows:
            good = sum(not one["error"] for one in row["lessons"])
            counts = {
                "lessons": f"{good} of {len(row['lessons'])}",
                "claims": claims_in(row["lessons"]),
            }
            text = {**row["versions"], **({} if row["problem"] else counts)}.get(name, "")
            cells.append(text or ("not run" if row["problem"] and name == "lessons" else ""))
        if any(cells):
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def into_readme(text: str, rows: list[dict], *, date: str) -> str:
    """README.md with the table of these results between its markers.

    Raises:
        Problem: the markers are not there, once each and in order.
    """
    begin, end = text.find(BEGIN), text.find(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or end < begin:
        raise Problem(f"README.md has no place for the table: {BEGIN} … {END}")
    has_samples = any(lesson["is_sample"] for row in rows for lesson in row["lessons"])
    data = "offline samples" if has_samples else "real data"
    note = f"Run by `make matrix` on {date}, {platform.system()}, {data}."
    return f"{text[: begin + len(BEGIN)]}\n{table(rows)}\n\n{note}\n{text[end:]}"


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/matrix.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "lessons", nargs="*", help="numbers or topics, such as mnist_mlp; all if none is named"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=", ".join(BY_NAME))
    parser.add_argument(
        "--real", action="store_true", help="the data in $DLKIT_DATA_DIR, no samples"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="a missing Python is no failure"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    options = parser.parse_args(arguments)
    if options.real and not os.environ.get("DLKIT_DATA_DIR"):
        parser.error("--real needs DLKIT_DATA_DIR, the folder with the real data")
    # Lessons may follow the names of --only.
    lessons = options.lessons + [name for name in options.only if name not in BY_NAME]
    only = [name for name in options.only if name in BY_NAME]
    environments = [BY_NAME[name] for name in only] or ENVIRONMENTS
    everything = not only and not lessons
    if everything:
        try:  # now, not when the run is over
            into_readme((ROOT / "README.md").read_text(encoding="utf-8"), [], date="")
        except Problem as problem:
            parser.error(str(problem))
    return report(
        run(environments, choose(lessons, parser), real=options.real, jobs=options.jobs),
        everything=everything,
        allow_missing=options.allow_missing,
    )


def choose(wanted: list[str], parser: argparse.ArgumentParser) -> list[Path]:
    """Paths of the lessons with these numbers or names; all of course.toml if none is given."""
    try:
        return [ROOT / lesson.file for lesson in course.read(ROOT).choose(wanted)]
    except ValueError as error:
        parser.error(str(error))


def report(rows: list[dict], *, everything: bool, allow_missing: bool = False) -> int:
    """Print the table, keep the results, and after a full run that passed write the README.

    Returns:
        The exit status: 0 if every environment was there and every lesson passed.
    """
    now = datetime.datetime.now(datetime.UTC)
    result = {"date": now.isoformat(timespec="seconds"), "system": platform.platform()}
    (BUILD.parent / "matrix.json").write_text(json.dumps(result | {"environments": rows}, indent=1))
    print(f"\n{table(rows)}\n")
    for row in rows:
        if row["problem"]:
            print(f"{row['title']}: not run: {row['problem']}")
        if row["tests"]:
            print(f"{row['title']}, tests: {row['tests']}")
        for lesson in row["lessons"]:
            if lesson["error"]:
                print(f"{row['title']}, {lesson['lesson']}: {lesson['error']}")
    if everything and all(map(passed, rows)):
        readme = ROOT / "README.md"
        text = into_readme(readme.read_text(encoding="utf-8"), rows, date=str(now.date()))
        readme.write_text(text, encoding="utf-8")
        print("README.md has the table.")
    elif everything:
        print("README.md keeps its table: not everything was run and passed.")
    return 0 if all(passed(row) or (row["missing"] and allow_missing) for row in rows) else 1


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
