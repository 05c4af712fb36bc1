"""Says in plain words what an answer raised, and on which of its lines."""

import inspect
import linecache
import os
import re
import sysconfig
import traceback
import types
from pathlib import Path
from typing import Any

from dlkit.exercises.engine.verdicts import clean

PATHS = sysconfig.get_paths()
NOT_OWN = (
    *{PATHS[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).parents[2]) + os.sep,  # dlkit itself
    "<frozen",
    "<__array_function__",
    "<attrs generated",
    "<decorator-gen",
)
OF_LIBRARIES = ("site-packages", "dist-packages", "__autograph_generated_file")
# NumPy's, then TensorFlow's way to say that shapes do not fit
BROADCAST = re.compile(
    r"(?:could not be broadcast together with shapes|Incompatible shapes:)\s*"
    r"([(\[][\d, ]*[)\]])(?:\s|vs\.)*([(\[][\d, ]*[)\]])"
)


def describe(error: BaseException) -> tuple[str, list]:
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
    return sentence + _advice(error, message), where(error)


def _advice(error, message):
    """What usually lies behind an error, as another sentence; "" if nothing is known."""
    frames = _own_frames(error)
    if isinstance(error, RecursionError):
        return ". Does the function call itself without an end?"
    if isinstance(error, TypeError) and message.endswith("object is not callable") and frames:
        return _missing_star(*frames[-1])
    if frames and (shapes := BROADCAST.search(message)):
        return _missing_keepdims(frames[-1][0], *(_shape(text) for text in shapes.groups()))
    return ""


def _missing_star(frame, number):
    """Python reads ``s(1 - s)`` as a call of s. Where s holds numbers, a product was meant."""
    line = linecache.getline(frame.f_code.co_filename, number)
    for name in re.findall(r"(?<![.\w])([A-Za-z_]\w*)\s*\(", line):
        value = {**frame.f_globals, **frame.f_locals}.get(name, len)
        if not callable(value):
            return f". Is a * missing, after {name}? Python reads {name}(…) as a call of {name}."
    if re.search(r"\)\s*\(|\b\d[\d.]*\s*\(", line):
        return ". Is a * missing before a bracket? Python reads it as a call."
    return ""


def _missing_keepdims(frame, one, other):
    """Shapes such as (2, 3) and (2,), from code that sums or maximises along an axis."""
    longer, shorter = sorted((one, other), key=len, reverse=True)
    lost = [longer[:axis] + longer[axis + 1 :] for axis in range(len(longer))]
    try:
        source = inspect.getsource(frame.f_code)
    except (OSError, TypeError):  # its text is not at hand
        return ""
    if shorter in lost and re.search(r"\baxis\b|\.(max|min|sum|mean)\(\s*-?\d", source):
        return (
            ". A sum, mean or maximum along an axis loses that axis; with keepdims=True it stays, "
            "with length 1, and the shapes fit."
        )
    return ""


def _shape(text):
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _own_frames(error):
    return [frame for frame in traceback.walk_tb(error.__traceback__) if is_own(frame[0])]


def where(error: BaseException) -> list:
    """The learner's own line that was running, as a row (label, code); [] if there is none."""
    return [_row(*frame) for frame in _own_frames(error)[-1:]]


def running(frame: types.FrameType | None) -> list:
    """The learner's own line in a running frame or the nearest one that called it, as `where`."""
    while frame is not None and not is_own(frame):
        frame = frame.f_back
    return [] if frame is None else [_row(frame, frame.f_lineno)]


def _row(frame, number):
    line = linecache.getline(frame.f_code.co_filename, number).strip()
    label = f"line {number} of {frame.f_code.co_name}"
    return label, clean(line, 200) or "(its text is not at hand)"


def is_own(frame: Any) -> bool:
    """Whether a frame is code of the learner's, not of a library or of dlkit."""
    name = frame.f_code.co_filename
    if name.startswith(NOT_OWN) or any(part in name for part in OF_LIBRARIES):
        return False
    # Compiled libraries (Cython) name their sources by a path of the machine that built them.
    return name.startswith("<") or (os.path.isabs(name) and name.endswith(".py"))


def is_unanswered(error: BaseException) -> bool:
    """Whether the learner's own code says NotImplementedError: the stub is still there."""
    if not isinstance(error, NotImplementedError):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and is_own(frames[-1])
