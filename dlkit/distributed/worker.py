"""One worker process: `python -m dlkit.distributed.worker REPORT`, started by the launcher.

Its standard input brings the work, and stays open for as long as the worker is wanted. When the
launcher closes it, or is no more, the worker ends at once, whatever it is doing.
"""

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def import_function(name: str) -> Callable[[Any], Any]:
    """The function that a name stands for.

    Args:
        name: ``"package.module:name"`` or ``"file.py:name"``.

    Raises:
        ValueError: there is no such file, module or function.

    Example:
        >>> import_function("os.path:basename")("a/b")
        'b'
    """
    place, _, attribute = name.rpartition(":")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(place).stem, place)
            if spec is None or spec.loader is None:
                raise FileNotFoundError(place)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        return getattr(module, attribute)
    except (AttributeError, FileNotFoundError, ModuleNotFoundError) as error:
        raise ValueError(f"cannot import {name!r}: {error}") from error


def write_report(path: Path, report: dict) -> None:
    """Write what came out, whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(report), encoding="utf-8")
    os.replace(unfinished, path)


def read_line() -> bytes:
    """The first line of standard input, without taking a byte more or holding a lock."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            os._exit(1)
        line += piece
    return line


def exit_with_launcher() -> None:
    """Wait for the end of standard input, then leave without a farewell."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def be_killed_with_launcher() -> None:
    """Ask Linux for the same, in case TensorFlow holds Python up."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Do the work, report, and wait for the end of standard input."""
    path = Path(sys.argv[1])
    work = json.loads(read_line())
    be_killed_with_launcher()
    threading.Thread(target=exit_with_launcher, daemon=True).start()
    sys.path += [entry for entry in work["path"] if entry not in sys.path]
    try:
        result = import_function(work["function"])(work["config"])
        write_report(path, {"result": result})
    except BaseException as error:
        what = f"{type(error).__name__}: {error}"
        text = traceback.format_exc()
        write_report(path, {"error": what, "traceback": text, "time": time.time()})
        sys.stdout.flush()
        os._exit(1)
    # TensorFlow's cluster breaks when one worker leaves: all stay until all are done.
    threading.Event().wait()


if __name__ == "__main__":
    main()
