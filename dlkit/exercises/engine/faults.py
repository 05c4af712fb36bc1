"""Says in plain words what an answer raised, and on which of its lines."""

import linecache
import os
import sysconfig
import traceback
from pathlib import Path

from dlkit.exercises.engine.verdicts import clean

PATHS = sysconfig.get_paths()
NOT_OWN = (
    *{PATHS[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).parents[2]) + os.sep,  # dlkit itself
    "<frozen",
    "<__array_function__",
)


def describe(error):
    """(sentence, rows) for an exception: its type and message, and the learner's line.

    Example:
        >>> describe(ZeroDivisionError("division by zero"))
        ('It raised ZeroDivisionError: division by zero', [])
    """
    try:
        message = str(error)
    except Exception:  # the learner's own exception class may be broken as well
        message = "(its message cannot be printed)"
    sentence = f"It raised {type(error).__name__}"
    if message:
        sentence += f": {clean(message, 300)}"
    if isinstance(error, RecursionError):
        sentence += ". Does the function call itself without an end?"
    return sentence, where(error)


def where(error):
    """The learner's own line that was running, as a row (label, code); [] if there is none."""
    frames = [frame for frame in traceback.walk_tb(error.__traceback__) if is_own(frame[0])]
    if not frames:
        return []
    return [_row(*frames[-1])]


def running(frame):
    """The learner's own line in a running frame or the nearest one that called it, as `where`."""
    while frame is not None and not is_own(frame):
        frame = frame.f_back
    return [] if frame is None else [_row(frame, frame.f_lineno)]


def _row(frame, number):
    line = linecache.getline(frame.f_code.co_filename, number).strip()
    label = f"line {number} of {frame.f_code.co_name}"
    return label, clean(line, 200) or "(its text is not at hand)"


def is_own(frame):
    """Whether a frame is code of the learner's, not of a library or of dlkit."""
    name = frame.f_code.co_filename
    return not name.startswith(NOT_OWN) and "site-packages" not in name


def is_unanswered(error):
    """Whether the learner's own code says NotImplementedError: the stub is still there."""
    if not isinstance(error, NotImplementedError):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and is_own(frames[-1])
