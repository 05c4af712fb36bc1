"""Runs Python code that nobody has read: the levels of protection, and which one this machine has.

Whatever the level, the code runs in a process of its own with limits on time, memory, output, disk
and processes, in an empty temporary folder, without this process's environment, on a copy of
dlkit. The levels differ in what else is out of its reach.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from dlkit.teaching.supervisor import OWN_MEMORY

SUPERVISOR = Path(__file__).with_name("supervisor.py")
PACKAGE = Path(__file__).resolve().parents[1]
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"]
SYSTEM += ["/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache"]
PASSED_ON = ("KERAS_BACKEND", "LD_LIBRARY_PATH", "SYSTEMROOT", "PATHEXT")  # no secrets in these
LOCKDOWN = "from dlkit.teaching import lockdown; locked = lockdown.close()\n"
WARM_UP = "import IPython, numpy, matplotlib.pyplot; print('ready', locked)"

FULL, NAMESPACES, LIMITS = "full", "namespaces", "limits"
MEANING = {
    FULL: "full: no network, other processes unseen, other files unseen or read-only (bubblewrap)",
    NAMESPACES: "namespaces: no network, other processes unseen; files are NOT protected (unshare)",
    LIMITS: "limits only: network and files are NOT protected",
}
WITHOUT_FILTER = "not closed: memory files, new namespaces and other ways around limits ({})"
WITHOUT_GROUP = (
    "no control group (systemd-run --user does not work here): memory and disk are looked at a few "
    "times a second, so that a burst between two looks passes; what is held in pipes and sockets, "
    "or in a removed file of which a part is mapped, is not counted"
)


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

    def __init__(self, level: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dlkit-progress-"))
        self.reasons: list[str] = []  # why a better level does not work
        self.gaps: list[str] = []  # what remains possible at this one
        self.has_group = _has_groups()
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
                if outcome.results.startswith("ready"):
                    reason = outcome.results.removeprefix("ready").strip()
                    self.gaps += [WITHOUT_FILTER.format(reason)] if reason else []
                    self.gaps += [] if self.has_group else [WITHOUT_GROUP]
                    return candidate
                text = outcome.stopped or (outcome.output.strip().splitlines() or ["?"])[-1]
                problem = f"{candidate}: does not work here ({text[:200]})"
            self.reasons.append(problem)
        raise ValueError(f"no sandbox: {'; '.join(self.reasons)}")

    def run(
        self, code: str, text: str = "", limits: Limits | None = None, keep_home: bool = False
    ) -> Outcome:
        """Run Python code, with text as its standard input; an `Outcome`, never an exception.

        Args:
            code: the program. It is trusted to hand over to code that is not.
            limits: `Limits`.
            keep_home: whether what it writes at home stays for later runs (caches).
        """
        limits = limits or Limits()
        place = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        try:
            shutil.copytree(self.folder / "course", place / "course")
            shutil.copytree(self.folder / "home", place / "home")
            outcome = self._supervise(code, text, place, limits)
            if keep_home:
                shutil.rmtree(self.folder / "home")
                shutil.copytree(place / "home", self.folder / "home")
        finally:
            remove(place)
        return outcome

    def _supervise(self, code, text, place, limits):
        course, home = place / "course", place / "home"
        seen = (Path("/course"), Path("/home/student")) if self.level == FULL else (course, home)
        env = _environment(*seen)
        program = LOCKDOWN + code
        command = [*PREFIX[self.level](course, home), sys.executable, "-P", "-c", program]
        task = {"command": command, "env": env, "cwd": str(home), "text": text}
        try:
            group = _group(limits) if self.has_group else []
            run = subprocess.run(
                [*group, sys.executable, "-I", str(SUPERVISOR)],
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

    def close(self) -> None:
        """Remove the temporary folder."""
        remove(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _group(limits):
    """What starts a command in a control group of its own, with the user's own systemd."""
    properties = {"MemoryMax": limits.memory + OWN_MEMORY, "MemorySwapMax": 0}
    properties["TasksMax"] = 64 * limits.processes  # threads count as well
    options = [part for name, value in properties.items() for part in ("-p", f"{name}={value}")]
    return ["systemd-run", "--user", "--scope", "--quiet", "--collect", *options, "--"]


def _has_groups():
    """Whether a control group can be made here, and has the limit that it was given."""
    if sys.platform != "linux" or not shutil.which("systemd-run"):
        return False
    program = f"import supervisor; print(bool(supervisor.own_group({Limits().memory})))"
    look = [sys.executable, "-c", program]
    try:
        run = subprocess.run(
            [*_group(Limits()), *look], capture_output=True, timeout=20, cwd=SUPERVISOR.parent
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.stdout.strip() == b"True"


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
        "PIP_NO_INDEX": "1",  # !pip install gives up at once, where there is no network
        "CONDA_OFFLINE": "1",
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


def remove(folder: Path) -> None:
    """Remove a folder, whatever code has made in it: folders that may not be read, or very deep.

    What lies deeper comes up first, so that no path grows long. No link is followed.
    """
    waiting = 1
    while waiting:
        waiting = 0
        for top in _entries(folder):
            if not top.is_dir(follow_symlinks=False):
                _try(os.unlink, top.path)
                continue
            _try(os.chmod, top.path, 0o700)
            for entry in _entries(top.path):
                if entry.is_dir(follow_symlinks=False):
                    _try(os.chmod, entry.path, 0o700)
                    waiting += _try(os.rename, entry.path, folder / secrets.token_hex(16))
                else:
                    _try(os.unlink, entry.path)
            _try(os.rmdir, top.path)
    _try(os.rmdir, folder)


def _entries(folder):
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _try(function, *arguments):
    """Whether it worked."""
    with contextlib.suppress(OSError):
        function(*arguments)
        return True
    return False
