"""What code can change in the process around it, kept and put back after each call of an answer."""

import builtins
import contextlib
import os
import random
import sys
from collections.abc import Callable
from typing import Any, Self

import numpy as np

# Modules whose names an answer may replace, as far as they are there.
PATCHED = ("builtins", "math", "numpy", "numpy.linalg", "numpy.random")
NOBODY_TYPES = (
    "input() waits for somebody to type, and during a check nobody can. Take what you need as a "
    "parameter."
)


def no_input(*_: object) -> str:
    """In the place of ``input`` while an answer runs: it would wait until the time is up."""
    raise EOFError(NOBODY_TYPES)


class Kept:
    """Puts back what the code inside changes; ``changed`` then has the names of what it was.

    Working directory, environment variables, the random states of Python and NumPy, NumPy's print
    options and error state, recursion limit, profiler, Keras's dtype policy, and the names in
    `PATCHED`. It is used in a ``with`` statement.

    Example:
        >>> before = np.sum
        >>> with Kept() as kept:
        ...     np.sum = max
        >>> np.sum is before, kept.changed
        (True, ['numpy.sum'])
    """

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.names: list[tuple[str, dict, dict]] = []

    def __enter__(self) -> Self:
        modules = [sys.modules[name] for name in PATCHED if name in sys.modules]
        self.names = [(module.__name__, vars(module), dict(vars(module))) for module in modules]
        self.values = [(what, read, write, read()) for what, read, write in SETTINGS]
        builtins.input = no_input  # type: ignore[assignment]
        return self

    def put_names_back(self) -> None:
        """The names alone, first of all: nothing of the engine works with another ``len``.

        So no name is used here that an answer may have replaced.
        """
        for module, now, before in self.names:
            for name, value in before.items():
                if name not in now or now[name] is not value:
                    if now.get(name) is not no_input:
                        self.changed.append(f"{module}.{name}")
                    now[name] = value

    def __exit__(self, *_: object) -> None:
        self.put_names_back()
        self.names = []  # a thread that was left behind may come here later
        for what, read, write, setting in self.values:
            if not _same(setting, read()):
                self.changed += [] if what in SILENT else [what]
                write(setting)


def _directory():
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _to_directory(path):
    with contextlib.suppress(OSError):
        os.chdir(path)


def _to_environment(before):
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def _policy():
    """Keras's dtype policy; before Keras is there, the one that it starts with, as None.

    Nothing is imported to find out. Code that imports Keras itself changes nothing by it.
    """
    config: Any = getattr(sys.modules.get("keras"), "config", None)
    if not hasattr(config, "dtype_policy"):
        return None
    policy = config.dtype_policy()
    return None if policy.name == config.floatx() else policy


def _random_state():
    return np.random.get_state(legacy=False) if "numpy.random" in sys.modules else None


def _to_random_state(before):
    if before is not None:
        np.random.set_state(before)


def _to_policy(policy):
    config = sys.modules["keras"].config
    config.set_dtype_policy(policy or config.floatx())


# What, how it is read, how it is written.
SETTINGS: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("the working directory", _directory, _to_directory),
    ("environment variables", lambda: dict(os.environ), _to_environment),
    ("Python's random state", random.getstate, random.setstate),
    ("NumPy's random state", _random_state, _to_random_state),
    ("NumPy's print options", np.get_printoptions, lambda o: np.set_printoptions(**o)),
    ("NumPy's error state", np.geterr, lambda state: np.seterr(**state)),
    ("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    ("the profiler", sys.getprofile, sys.setprofile),
    ("Keras's dtype policy", _policy, _to_policy),
)
# An answer may draw random numbers: that is put back, and not worth a word.
SILENT = {"Python's random state", "NumPy's random state"}


def _same(before, after):
    if isinstance(before, dict) and isinstance(before.get("state"), dict):  # NumPy's generator
        one, other = dict(before["state"]), dict(after["state"])
        key, later = one.pop("key"), other.pop("key")
        return one == other and before["gauss"] == after["gauss"] and bool((key == later).all())
    return before is after or before == after
