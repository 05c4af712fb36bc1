"""Runs Python code that nobody has read: the levels of protection, and which one this machine has.

Whatever the level, the code runs in a process of its own with limits on time, memory, output, disk
and processes, in an empty temporary folder, without this process's environment, on a copy of
dlkit. The levels differ in what else is out of its reach.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor.py")
PACKAGE = Path(__file__).resolve().parents[1]
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"]
SYSTEM += ["/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache"]
PASSED_ON = ("KERAS_BACKEND", "LD_LIBRARY_PATH", "SYSTEMROOT", "PATHEXT")  # no secrets in these
WARM_UP = "import IPython, numpy, matplotlib.pyplot; print('ready')"

FULL, NAMESPACES, LIMITS = "full", "namespaces", "limits"
MEANING = {
    FULL: "full: no network, other processes unseen, other files unseen or read-only (bubblewrap)",
    NAMESPACES: "namespaces: no network, other processes unseen; files are NOT protected (unshare)",
    LIMITS: "limits only: network and files are NOT protected",
}


@dataclass(frozen=True)
class Limits:
    """What one run may use: seconds of wall clock, bytes, processes."""

    seconds: float = 60.0
    memory: int = 2 * 10**9
    output: int = 10**7
    disk: int = 10**9
    processes: int = 64


@dataclass(frozen=True)
class Outcome:
    """How a run ended: what it wrote to stdout and stderr, and ``stopped``, the limit it broke."""

    results: str = ""
    output: str = ""
    returncode: int | None = None
    stopped: str = ""
    seconds: float = 0.0
    orphans: int = 0


class Sandbox:
    """A place to run untrusted Python code in; use it in a ``with`` statement.

    Args:
        level: "full", "namespaces" or "limits"; None for the best that works here.

    Raises:
        ValueError: a level that was asked for does not work here.
    """

    def __init__(self, level=None):
        self.folder = Path(tempfile.mkdtemp(prefix="dlkit-progress-"))
        self.reasons = []  # why a better level does not work
        try:
            _copy_course(self.folder / "course")
            _make_home(self.folder / "home")
            self.level = self._choose(level)
        except BaseException:
            self.close()
            raise

    def _choose(self, level):
        for candidate in (FULL, NAMESPACES, LIMITS) if level is None else (level,):
            problem = _missing(candidate)
            if not problem:
                self.level = candidate
                outcome = self.run(WARM_UP, limits=Limits(), keep_home=True)
                if outcome.results.strip() == "ready":
                    return candidate
                text = outcome.stopped or (outcome.output.strip().splitlines() or ["?"])[-1]
                problem = f"{candidate}: does not work here ({text[:200]})"
            self.reasons.append(problem)
        raise ValueError(f"no sandbox: {'; '.join(self.reasons)}")

    def run(self, code, text="", limits=None, keep_home=False):
        """Run Python code, with text as its standard input; an `Outcome`, never an exception.

        Args:
            code: the program. It is trusted to hand over to code that is not.
            limits: `Limits`.
            keep_home: whether what it writes at home stays for later runs (caches).
        """
        limits = limits or Limits()
        with tempfile.TemporaryDirectory(
            prefix="run-", dir=self.folder, ignore_cleanup_errors=True
        ) as name:
            place = Path(name)
            shutil.copytree(self.folder / "course", place / "course")
            shutil.copytree(self.folder / "home", place / "home")
            outcome = self._supervise(code, text, place, limits)
            if keep_home:
                shutil.rmtree(self.folder / "home")
                shutil.copytree(place / "home", self.folder / "home")
            _make_removable(place)
        return outcome

    def _supervise(self, code, text, place, limits):
        course, home = place / "course", place / "home"
        seen = (Path("/course"), Path("/home/student")) if self.level == FULL else (course, home)
        env = _environment(*seen)
        command = [*PREFIX[self.level](course, home), sys.executable, "-P", "-c", code]
        task = {"command": command, "env": env, "cwd": str(home), "text": text}
        try:
            run = subprocess.run(
                [sys.executable, "-I", str(SUPERVISOR)],
                input=json.dumps(task | {"limits": asdict(limits)}).encode(),
                capture_output=True,
                timeout=limits.seconds + 60,
                cwd=place,
            )
            return Outcome(**json.loads(run.stdout))
        except subprocess.TimeoutExpired:
            return Outcome(stopped="the supervising process did not answer")
        except (ValueError, TypeError):
            last = (run.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
            return Outcome(stopped=f"the supervising process was ended {last[:200]}".strip())

    def close(self):
        """Remove the temporary folder."""
        _make_removable(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _missing(level):
    """Why a level cannot even be tried; "" if it can."""
    program = {FULL: "bwrap", NAMESPACES: "unshare"}.get(level)
    if program and (sys.platform != "linux" or not shutil.which(program)):
        cure = " (sudo apt install bubblewrap)" if program == "bwrap" else ""
        return f"{level}: needs Linux and the program {program}{cure}"
    return ""


def _bubblewrap(course, home):
    """Own namespaces; of the file system the system's programs and this Python, read-only."""
    here = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).resolve())}
    folders = [*SYSTEM, *here, *(p for p in sys.path if "-packages" in p)]
    binds = [part for f in dict.fromkeys(folders) for part in ("--ro-bind-try", f, f)]
    return [
        *(shutil.which("bwrap"), "--unshare-all", "--unshare-user", "--cap-drop", "ALL"),
        # /tmp comes before the others: this Python may lie in it.
        *("--die-with-parent", "--new-session", "--bind", str(home / "tmp"), "/tmp"),
        *(*binds, "--proc", "/proc", "--dev", "/dev", "--bind", str(home / "tmp"), "/dev/shm"),
        *("--ro-bind", str(course), "/course", "--bind", str(home), "/home/student"),
        *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/home/student", "--"),
    ]


def _unshare(course, home):
    """Own user, network, process and message namespaces; the files as they are."""
    flags = "--user --map-current-user --net --ipc --uts --pid --fork --kill-child --mount-proc"
    return [shutil.which("unshare"), *flags.split()]


PREFIX = {FULL: _bubblewrap, NAMESPACES: _unshare, LIMITS: lambda course, home: []}


def _environment(course, home):
    """The variables that the code sees: no one's secrets, no display, no data, no GPU."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return env | {
        "PATH": os.pathsep.join(["/usr/bin", "/bin"]) if os.name != "nt" else os.environ["PATH"],
        "PYTHONPATH": str(course),
        "HOME": str(home),
        "USERPROFILE": str(home),
        "TMPDIR": str(home / "tmp"),
        "TEMP": str(home / "tmp"),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "KERAS_HOME": str(home / ".keras"),
        "MPLBACKEND": "Agg",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "" if any("-packages" in p for p in _user_sites()) else "1",
        "DLKIT_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }


def _user_sites():
    import site

    return [path for path in sys.path if path == site.getusersitepackages()]


def _copy_course(target):
    """dlkit and its sample of digits: all that a lesson needs."""
    shutil.copytree(PACKAGE, target / "dlkit")
    sample = PACKAGE.parent / "data" / "mnist_sample.npz"
    if sample.is_file():
        (target / "dlkit" / "samples").mkdir(exist_ok=True)  # where an installed package has it
        shutil.copy2(sample, target / "dlkit" / "samples")


def _make_home(home):
    for name in (".ipython", ".matplotlib", ".keras", "tmp"):
        (home / name).mkdir(parents=True)


def _make_removable(folder):
    """Undo what code did to the permissions of its folders, so that they can be removed."""
    for root, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if not os.path.islink(path) and not os.access(path, os.W_OK | os.X_OK):
                os.chmod(path, 0o700)
