"""Calls a learner's code: whatever it does, an `Outcome` comes back, and in time.

On the main thread of Linux and macOS a timer signal interrupts it, sleeping or not. Elsewhere it
runs in a thread of its own that an exception is thrown into, and that is left behind if it does
not listen. An answer that swallows the interruption with a bare `except` gets more of them, at
random moments, until one arrives outside its `try`. Compiled code that never returns to Python
cannot be interrupted by a signal.
"""

import contextlib
import ctypes
import inspect
import io
import random
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass

import numpy as np

REPEAT_S = 0.05  # between two interruptions
GRACE_S = 1.0  # for how long a thread is interrupted before it is left behind
PATIENCE = 3  # interruptions before they come at random, short intervals
KEPT = 2000  # characters of printed text that are kept


class TimeUp(BaseException):
    """Thrown into an answer that takes too long. No `except Exception` catches it."""


@dataclass
class Outcome:
    """What a call gave: ``value``, or the ``error`` it raised; what it printed and warned of."""

    value: object = None
    error: BaseException | None = None
    timed_out: bool = False
    printed: str = ""
    warned: tuple = ()


class Tape(io.TextIOBase):
    """A text stream that keeps the first characters and counts the rest."""

    def __init__(self):
        self.kept, self.length = "", 0

    def writable(self):
        return True

    def write(self, text):
        self.kept += text[: max(0, KEPT - len(self.kept))]
        self.length += len(text)
        return len(text)


def call(function, *args, seconds=5.0, **kwargs):
    """Call ``function(*args, **kwargs)`` and come back, whatever it does.

    Printed text, warnings and exceptions (`SystemExit` and `KeyboardInterrupt` raised by the code
    itself included) are kept in the outcome. A Ctrl-C of the user is passed on.

    Args:
        function: anything callable.
        seconds: how long it may take.

    Returns:
        An `Outcome`.

    Example:
        >>> call(lambda x: 1 / x, 0).error
        ZeroDivisionError('division by zero')
    """
    outcome, tape = Outcome(), Tape()
    on_main = threading.current_thread() is threading.main_thread()
    run = _with_signal if on_main and hasattr(signal, "setitimer") else _in_thread
    with (
        contextlib.redirect_stdout(tape),
        contextlib.redirect_stderr(tape),
        np.errstate(),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        run(function, args, kwargs, seconds, outcome)
    if inspect.iscoroutine(outcome.value):
        outcome.value.close()  # or Python warns later that nobody awaited it
    outcome.printed = tape.kept + (" …" if tape.length > len(tape.kept) else "")
    outcome.warned = tuple(
        dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in caught[:20])
    )
    return outcome


def _with_signal(function, args, kwargs, seconds, outcome):
    alarm = _Alarm()
    handler_before = signal.signal(signal.SIGALRM, alarm.ring)
    interrupt_before = signal.getsignal(signal.SIGINT)
    if callable(interrupt_before):
        signal.signal(signal.SIGINT, alarm.interrupt(interrupt_before))
    started = time.monotonic()
    timer_before = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_S)
    try:
        try:
            outcome.value = function(*args, **kwargs)
        finally:
            alarm.live = False  # first of all: from here on a signal does nothing
    except BaseException as error:
        outcome.error = error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler_before or signal.SIG_DFL)
        if callable(interrupt_before):
            signal.signal(signal.SIGINT, interrupt_before)
        if timer_before[0]:
            left = max(1e-3, timer_before[0] - (time.monotonic() - started))
            signal.setitimer(signal.ITIMER_REAL, left, timer_before[1])
    outcome.timed_out = alarm.rings > 0
    if alarm.interrupted:
        raise KeyboardInterrupt from None


class _Alarm:
    def __init__(self):
        self.live, self.rings, self.interrupted = True, 0, False

    def ring(self, signum, frame):
        if not self.live:
            return
        self.rings += 1
        if self.rings > PATIENCE:
            signal.setitimer(signal.ITIMER_REAL, _moment(), REPEAT_S)
        raise TimeUp

    def interrupt(self, handler):
        def handle(signum, frame):
            self.interrupted = True
            if self.live:
                handler(signum, frame)

        return handle


def _moment():
    """Between 1 and 20 microseconds: about what an `except` block takes to do its work."""
    return 10 ** random.uniform(-6, -4.7)


def _in_thread(function, args, kwargs, seconds, outcome):
    state = _Alarm()

    def work():
        with contextlib.suppress(TimeUp), np.errstate():
            try:
                try:
                    outcome.value = function(*args, **kwargs)
                finally:
                    state.live = False
            except BaseException as error:
                outcome.error = error

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        _join(worker, seconds)
    finally:
        _stop(worker, state)
    outcome.timed_out = state.rings > 0


def _join(worker, seconds):
    """Wait in short steps, so that Ctrl-C is heard on Windows as well."""
    deadline = time.monotonic() + seconds
    while worker.is_alive() and (left := deadline - time.monotonic()) > 0:
        worker.join(min(left, 0.1))


def _stop(worker, state):
    switch_before = sys.getswitchinterval()
    deadline = time.monotonic() + GRACE_S
    try:
        while worker.is_alive() and state.live and time.monotonic() < deadline:
            state.rings += 1
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident), ctypes.py_object(TimeUp)
            )
            if state.rings > PATIENCE:
                sys.setswitchinterval(1e-6)
                time.sleep(0)  # hands over the interpreter, and asks to have it back at once
            else:
                worker.join(REPEAT_S)
    finally:
        sys.setswitchinterval(switch_before)
    worker.join(0.1)
