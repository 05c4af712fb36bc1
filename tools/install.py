"""Makes .venv, the course's own Python: `python tools/install.py`, on any system.

It installs requirements.txt under constraints.txt, then dlkit itself (editable), and leaves a
stamp in .venv when all of it is done. While the stamp fits those files, a call returns at once.
An old Python must be able to read this file as far as its one sentence about the version: so
nothing here is newer than Python 2.7 in syntax, and nothing outside the standard library is used.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else VENV + "/bin/python"
OURS = os.path.join(VENV, "made-by-install")  # there from the first moment of a .venv of ours
STAMP = os.path.join(VENV, "install-stamp")  # there once everything has succeeded
LOG = os.path.join(VENV, "install.log")
INPUTS = [
    "requirements.txt",
    "constraints.txt",
    "pyproject.toml",
    os.path.join(".venv", "pyvenv.cfg"),
]
FRESH_GB, UPDATE_GB = 4.0, 1.0
# Shows that what was installed runs here; matplotlib makes its list of fonts, which takes a while.
FIRST_START = "import tensorflow, matplotlib.pyplot, dlkit"

# What a failed step wrote -> what is said instead of it. The first that fits wins.
FAULTS = [
    (
        ("No space left on device", "not enough space on the disk", "Disk quota exceeded"),
        "No space left: this needs about {fresh:.0f} GB in {root} and 1 GB in {temp}. Free some "
        "space (or set TMPDIR to a roomier folder), then run the same command again.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "pip does not trust the certificate that this network shows it. Ask for the network's own "
        "certificate, set PIP_CERT to that file, then run the same command again.",
    ),
    (
        (
            "Failed to establish a new connection",
            "NewConnectionError",
            "NameResolutionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ProxyError",
            "SSLError",
            "Connection aborted",
            "Connection broken",
            "connection broken",
            "HTTP error",
            "Max retries exceeded",
        ),
        "pip cannot reach a package index. Connect to the internet, or name another way: a proxy "
        "(HTTPS_PROXY), an index of your own (PIP_INDEX_URL), or a folder of wheels "
        "(PIP_FIND_LINKS, with PIP_NO_INDEX=1); then run the same command again.",
    ),
    (
        ("Windows Long Path",),
        "This folder's path is too long for Windows: move the course to a short one such as "
        "C:\\dlkit, or enable long paths, then run the same command again.",
    ),
    (
        # The second is what older versions of pip say when a pinned version is not to be had.
        ("No matching distribution found", "these package versions have conflicting dependencies"),
        "The package index has no build of a package for this machine (Python {python}, "
        "{platform}): {line}. TensorFlow needs a 64-bit Python {oldest} to {newest} on Linux, "
        "Windows, or a Mac with an Apple chip.",
    ),
    (
        ("DLL load failed",),
        "TensorFlow does not start: on Windows it needs Microsoft's Visual C++ Redistributable "
        "(x64, from https://aka.ms/vs/17/release/vc_redist.x64.exe); install that, then run the "
        "same command again.",
    ),
    (
        ("Permission denied", "Access is denied", "WinError 32", "Read-only file system"),
        "Cannot write everything that is needed in {root}: close JupyterLab and every program that "
        "uses .venv, make sure that the folder is yours, then run the same command again.",
    ),
]


class Fault(Exception):
    """Something that the user can cure, in one sentence."""


def main():
    """Brings .venv up to date and returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a path may hold letters that the terminal lacks
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        check_python()
        if is_current():
            say(".venv is up to date.%s\n" % other_version())
        else:
            install()
    except KeyboardInterrupt:
        fail("Interrupted: .venv is not complete. Run the same command again to complete it.")
        return 130
    except Fault as fault:
        fail(str(fault))
        return 1
    except EnvironmentError as error:
        fail(explain(str(error)))
        return 1
    return 0


def check_python():
    """The versions that the pins were tested on, and no other."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Fault(
            "This is Python %d.%d, and the course needs %s to %s: install one of those from "
            "python.org (or your system's packages), then run the same command with it."
            % (sys.version_info[0], sys.version_info[1], dotted(OLDEST), dotted(NEWEST))
        )


def is_current():
    """Whether .venv has its Python, and the stamp of exactly these files in exactly this place."""
    return os.path.exists(PYTHON) and read(STAMP).decode("ascii", "replace") == stamp()


def other_version():
    """What to add if .venv holds another Python than the one that runs this."""
    config = read(os.path.join(VENV, "pyvenv.cfg")).decode("utf-8", "replace")
    found = re.search(r"^version\w* *= *(\d+\.\d+)", config, re.MULTILINE)
    if not found or found.group(1) == dotted(sys.version_info[:2]):
        return ""
    return " It has Python %s: to change that, delete it and run this again." % found.group(1)


def stamp():
    """A digest of what .venv was made from: the lists, its Python, and where it lies."""
    digest = hashlib.sha256(ROOT.encode("utf-8"))
    for name in INPUTS:
        digest.update(hashlib.sha256(read(os.path.join(ROOT, name))).digest())
    return digest.hexdigest()


def install():
    """Every step, from the checks to the stamp."""
    _lock = take_lock()
    finished_once = os.path.exists(STAMP)
    ours = os.path.exists(OURS)
    keep = os.path.lexists(VENV) and is_usable() and (finished_once or not ours)
    if os.path.lexists(VENV) and not keep and not ours:
        raise Fault(
            "%s is there, was not made by this script, and holds no working Python %s to %s with "
            "pip: rename or delete it, then run the same command again."
            % (VENV, dotted(OLDEST), dotted(NEWEST))
        )
    check_venv_module()
    check_space(UPDATE_GB if keep else FRESH_GB)
    start = time.time()
    if not keep:
        make_venv()
    write(LOG, "")
    pip = [PYTHON, "-m", "pip", "install"]
    step(
        "Installing the packages (at first, about 0.8 GB to download)",
        pip + ["-r", "requirements.txt", "-c", "constraints.txt"],
    )
    step("Installing dlkit, the course's own package", pip + ["--no-deps", "-e", "."])
    step("Starting TensorFlow and matplotlib once", [PYTHON, "-I", "-c", FIRST_START])
    write(STAMP, stamp())
    say(
        "Ready after %.0f s. Next: %s -m dlkit lab\n"
        % (time.time() - start, os.path.relpath(PYTHON) if os.getcwd() == ROOT else PYTHON)
    )


def take_lock():
    """Keeps a second installation out until this process ends (where the system has flock)."""
    try:
        import fcntl
    except ImportError:
        return None
    lock = open(os.path.abspath(__file__))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Fault("Another installation is running in this folder: wait until it is done.")
    except EnvironmentError:
        pass  # a file system without locks
    return lock


def is_usable():
    """Whether .venv holds a suitable Python that starts, and its pip."""
    code = "import sys, pip; sys.exit(not %r <= sys.version_info[:2] <= %r)" % (OLDEST, NEWEST)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.call([PYTHON, "-c", code], **quiet) == 0
    except EnvironmentError:
        return False


def check_venv_module():
    """Debian and Ubuntu keep these two modules in a package of their own."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise Fault(
            "%s cannot make virtual environments (%s): on Debian and Ubuntu run `sudo apt install "
            "python%d.%d-venv`, elsewhere install Python from python.org; then run the same "
            "command again." % ((sys.executable, error) + sys.version_info[:2])
        )


def check_space(need_gb):
    """Before anything is written, not when the disk is full."""
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < need_gb:
        raise Fault(
            "Too little disk space: %.1f GB are free in %s, and about %.0f GB are needed. Free "
            "some, then run the same command again." % (free_gb, ROOT, need_gb)
        )


def make_venv():
    """A new .venv with Python and pip, marked as ours before anything else is in it."""
    if os.path.lexists(VENV):
        shutil.rmtree(VENV)
    os.mkdir(VENV)
    write(OURS, "tools/install.py made this folder, and may delete it to make it anew.\n")
    write(LOG, "")
    python = getattr(sys, "_base_executable", None) or sys.executable
    step("Making .venv with Python %s" % dotted(sys.version_info[:3]), [python, "-m", "venv", VENV])


def step(title, command):
    """Runs one command, all of its output into the log, and says how long it took."""
    options = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}
    environment = dict(os.environ, PYTHONUTF8="1", **options)
    start = time.time()
    with open(LOG, "ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while process.poll() is None:
                if sys.stdout.isatty():
                    say("\r%s ... %.0f s" % (title, time.time() - start))
                time.sleep(0.2)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            say("\n")
            raise
    say("%s%s ... %.0f s\n" % ("\r" if sys.stdout.isatty() else "", title, time.time() - start))
    if process.returncode != 0:
        raise Fault(explain(read(LOG).decode("utf-8", "replace")))


def explain(log):
    """One sentence about why a command failed, out of all that it wrote."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for signs, sentence in FAULTS:
        matching = [line for line in lines if any(sign in line for sign in signs)]
        if matching:
            return sentence.format(
                root=ROOT,
                temp=tempfile.gettempdir(),
                fresh=FRESH_GB,
                python=dotted(sys.version_info[:3]),
                platform=sys.platform,
                line=matching[-1].rstrip("."),
                oldest=dotted(OLDEST),
                newest=dotted(NEWEST),
            )
    tail = "\n".join(lines[-15:])
    return tail + "\n\nThe installation failed, for the reason above. The whole log: " + LOG


def read(path):
    """The bytes of a file, none if it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except EnvironmentError:
        return b""


def write(path, text):
    """Puts `text` in place whole or not at all."""
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def dotted(version):
    return ".".join(str(part) for part in version)


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def fail(sentence):
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    sys.exit(main())
