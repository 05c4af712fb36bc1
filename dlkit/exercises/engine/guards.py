"""Calls a learner's code: whatever it does, an `Outcome` comes back, and in time.

On the main thread of Linux and macOS a timer signal interrupts it, sleeping or not. Elsewhere it
runs in a thread of its own that an exception is thrown into, and that is left behind if it does
not listen. Compiled code that never returns to Python cannot be interrupted by a signal.

A few interruptions are polite: they come one at a time, so that a `finally` can clean up. An answer
that swallows them, with a bare `except` perhaps, then gets one at every line of its own code: also
at the first line of each `except` and `finally`, so that it is out after as many as there are
blocks around it, on a machine of any speed.
"""

import contextlib
import ctypes
import io
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlkit.exercises.engine import state
from dlkit.exercises.engine.faults import is_own, running

REPEAT_S = 0.05  # between two interruptions
POLITE = 3  # interruptions before they come at every line of the answer's own code
ALL_CODE = 20  # interruptions before they come at every line of the libraries it calls as well
PATIENCE_S = 0.5  # for how long no signal comes before a thread steps in
LOOK_S = 0.1  # between two looks of that thread
GRACE_S = 1.0  # for how long a thread is interrupted before it is left behind
KEPT = 2000  # characters of printed text that are kept
ERRORS: Any = {
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}  # as NumPy begins


SET_TRACE = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.py_object)(
    ("PyEval_SetTrace", ctypes.pythonapi)
)
SET_HANDLED = ctypes.PYFUNCTYPE(None, ctypes.py_object)(
    ("PyErr_SetHandledException", ctypes.pythonapi)
)
DEL_ITEM = ctypes.cast(ctypes.pythonapi.PyObject_DelItem, ctypes.c_void_p)


class TimeUp(BaseException):
    """Thrown into an answer that takes too long. No `except Exception` catches it."""


class _Stopper:
    """Raises `TimeUp` at every event (line, call, return) of the thread that it is armed in.

    A function given to `sys.settrace` is dropped as soon as it raises. One that is set from C
    stays, and PyObject_DelItem(stopper, frame), which calls `__delitem__`, has the form that C asks
    for. `sys.settrace` ends it.
    """

    def __init__(self):
        self.all_code = False

    def arm(self):
        SET_TRACE(DEL_ITEM, self)

    def __delitem__(self, frame):
        if is_own(frame) or (self.all_code and frame.f_code.co_filename != __file__):
            raise TimeUp


class _TimeUpAtEveryLine(TimeUp):
    """Thrown into a thread, it arms a `_Stopper` there: Python makes the object in that thread."""

    def __init__(self):
        super().__init__()
        _Stopper().arm()


@dataclass
class Outcome:
    """What a call gave: ``value``, or the ``error`` it raised; what it printed and warned of.

    ``stopped_at`` is the learner's line that was running when its time was up, as `faults.where`.
    """

    value: Any = None
    error: BaseException | None = None
    timed_out: bool = False
    stopped_at: tuple = ()
    printed: str = ""
    warned: tuple = ()
    changed: tuple = ()  # what it changed around it, as `state.Kept` names it; it was put back


class Tape(io.TextIOBase):
    """A text stream that keeps the first characters and counts the rest."""

    def __init__(self) -> None:
        self.kept, self.length = "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.kept += text[: max(0, KEPT - len(self.kept))]
        self.length += len(text)
        return len(text)


_here = threading.local()  # ``depth``: how many calls are under way in this thread


def call(
    function: Callable, *args: Any, seconds: float = 5.0, keep: bool = True, **kwargs: Any
) -> Outcome:
    """Call ``function(*args, **kwargs)`` and come back, whatever it does.

    Printed text, warnings and exceptions (`SystemExit` and `KeyboardInterrupt` raised by the code
    itself included) are kept in the outcome. A Ctrl-C of the user is passed on. What the code
    changes in the process around it is put back (`state.Kept`).

    Args:
        function: anything callable.
        seconds: how long it may take.
        keep: whether to keep the process's state for a call inside another one. A call inside two
            others is made by an answer, and what it changes is put back after that answer.

    Returns:
        An `Outcome`.

    Example:
        >>> call(lambda x: 1 / x, 0).error
        ZeroDivisionError('division by zero')
    """
    outcome, tape = Outcome(), Tape()
    depth, kept = getattr(_here, "depth", 0), state.Kept()
    on_main = threading.current_thread() is threading.main_thread()
    run = _with_signal if on_main and hasattr(signal, "setitimer") else _in_thread
    hook_before = sys.unraisablehook
    try:
        _here.depth = depth + 1
        if depth == 0:
            sys.unraisablehook = _unraisable
        with (
            kept if depth == 0 or (keep and depth == 1) else contextlib.nullcontext(),
            contextlib.redirect_stdout(tape),
            contextlib.redirect_stderr(tape),
            np.errstate(**ERRORS),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("default")
            run(_putting_back(function, kept), args, kwargs, seconds, outcome)
    finally:
        _here.depth = depth
        if depth == 0:
            sys.unraisablehook = hook_before
    if type(outcome.value) is types.CoroutineType:
        outcome.value.close()  # or Python warns later that nobody awaited it
    outcome.changed = tuple(dict.fromkeys(kept.changed))
    outcome.printed = tape.kept + (" …" if tape.length > len(tape.kept) else "")
    outcome.warned = tuple(
        dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in caught[:20])
    )
    return outcome


def _unraisable(info):
    """A `TimeUp` may hit a destructor or a callback, whose errors Python only reports."""
    if not issubclass(info.exc_type, TimeUp):
        sys.__unraisablehook__(info)


def _putting_back(function, kept):
    def called(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        finally:
            kept.put_names_back()

    return called


def _with_signal(function, args, kwargs, seconds, outcome):
    """A call may be made inside of an answer that is itself interrupted, so all is put back."""
    alarm, timer_before, started = _Alarm(seconds), None, time.monotonic()
    outermost, is_overdue = _here.depth == 1, False
    watch = _here.watch = _Watch() if outermost else _here.watch
    handled_before = sys.exc_info()[1]
    trace_before = sys.gettrace()  # a debugger's, or that of a measurement of coverage
    handler_before = signal.getsignal(signal.SIGALRM)
    interrupt_before = signal.getsignal(signal.SIGINT)
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        try:
            signal.signal(signal.SIGALRM, alarm.ring)
            if interrupt_before is not None:  # None is a handler that was not set from Python
                signal.signal(signal.SIGINT, alarm.interrupt(interrupt_before))
            timer_before = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_S)
            alarm.live = True
            watch.alarms.append(alarm)
            if outermost:
                watch.start()
            outcome.value = function(*args, **kwargs)
        finally:
            alarm.live = False  # first of all: from here on a signal does nothing
            watch.let_go(alarm)
            if outermost:
                watch.end()
    except BaseException as error:
        outcome.error = error
    finally:
        _put_back(trace_before)
        if (
            alarm.rings > POLITE
        ):  # an `except` that was left at its first line is not over for Python
            SET_HANDLED(handled_before)
        if timer_before is not None:  # else an outer call was interrupted while this one began
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        signal.signal(signal.SIGALRM, handler_before or signal.SIG_DFL)
        if timer_before is not None:
            (left, interval), gone = timer_before, time.monotonic() - started
            is_overdue = 0 < left <= gone  # it should have rung meanwhile
            left = interval if is_overdue else left and left - gone
            signal.setitimer(signal.ITIMER_REAL, left, interval)
        outcome.timed_out, outcome.stopped_at = alarm.rings > 0, alarm.stopped_at or ()
        try:
            if interrupt_before is not None:
                signal.signal(signal.SIGINT, interrupt_before)
        finally:
            # An outer call may be interrupted here.
            signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
    if alarm.interrupted:
        raise KeyboardInterrupt from None
    if is_overdue:  # or an answer that makes one call after another would put it off for ever
        signal.raise_signal(signal.SIGALRM)


class _Watch(threading.Thread):
    """Interrupts the main thread where no signal does: an answer may ignore it, or clear the timer.

    It speaks only if an alarm has not rung for a while after it should have. A sleeping thread is
    woken by SIGINT, whose handler then raises `TimeUp`. One watches over a call and all inside it.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.alarms, self.over = [], threading.Event()
        self.main, self.lock = threading.get_ident(), threading.Lock()

    def run(self):
        while not self.over.wait(LOOK_S):
            with self.lock:
                for alarm in self.alarms:
                    if alarm.live and time.monotonic() > alarm.due + PATIENCE_S:
                        if alarm.rings == alarm.rings_seen:
                            self.interrupt(alarm)
                        alarm.due, alarm.rings_seen = time.monotonic(), alarm.rings

    def interrupt(self, alarm):
        alarm.rings = max(alarm.rings, POLITE) + 1
        alarm.see(sys._current_frames().get(self.main))
        alarm.woken = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self.main), ctypes.py_object(_TimeUpAtEveryLine)
        )
        signal.pthread_kill(self.main, signal.SIGINT)

    def let_go(self, alarm):
        """No interruption comes after this; one that is under way comes inside of it."""
        with self.lock:
            pass
        if alarm in self.alarms:
            self.alarms.remove(alarm)

    def end(self):
        self.over.set()
        if self.is_alive():
            self.join()


def _put_back(trace):
    if isinstance(trace, _Stopper):  # this call is inside of an answer that is being stopped
        trace.arm()
    elif sys.gettrace() is not trace:
        sys.settrace(trace)


class _Alarm:
    def __init__(self, seconds):
        self.live = self.ringing = self.interrupted = self.woken = False
        self.rings, self.stopper, self.stopped_at = 0, _Stopper(), None
        self.due, self.rings_seen = time.monotonic() + seconds, 0  # for `_Watch`

    def ring(self, signum, frame):
        """Interrupt the answer. A ring that comes while this still works is left out.

        Where the answer has used up the stack, not even this can be called: the next one tries.
        """
        if self.ringing or not self.live:
            return
        self.ringing = True
        try:
            self.rings += 1
            self.see(frame)
            self.stopper.all_code = self.rings > ALL_CODE
            if self.rings > POLITE:
                self.stopper.arm()
            raise TimeUp
        finally:
            self.ringing = False

    def see(self, frame):
        """Remember the first line that was interrupted."""
        if self.stopped_at is None:
            self.stopped_at = tuple(running(frame))

    def interrupt(self, handler):
        """A handler of SIGINT in the place of another, which a job in the background ignores."""

        def handle(signum, frame):
            if self.woken:  # by `_Watch`, not by the user
                self.woken = False
                if self.live:
                    raise TimeUp
                return
            if handler is signal.SIG_IGN:
                return
            if handler is signal.SIG_DFL:  # it ends the process
                signal.signal(signal.SIGINT, handler)
                signal.raise_signal(signal.SIGINT)
            self.interrupted = True
            if self.live:
                handler(signum, frame)

        return handle


def _in_thread(function, args, kwargs, seconds, outcome):
    state = _Alarm(seconds)
    state.live = True
    depth = _here.depth

    def work():
        _here.depth = depth
        with contextlib.suppress(TimeUp), np.errstate(**ERRORS):
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
    outcome.timed_out, outcome.stopped_at = state.rings > 0, state.stopped_at or ()


def _join(worker, seconds):
    """Wait in short steps, so that Ctrl-C is heard on Windows as well."""
    deadline = time.monotonic() + seconds
    while worker.is_alive() and (left := deadline - time.monotonic()) > 0:
        worker.join(min(left, 0.1))


def _stop(worker, state):
    """Throw exceptions into a thread until it is out; the last one waits for it if it sleeps."""
    deadline = time.monotonic() + GRACE_S
    while worker.is_alive() and state.live:
        if state.rings > POLITE and time.monotonic() > deadline:
            return
        state.rings += 1
        state.see(sys._current_frames().get(worker.ident))
        error = TimeUp if state.rings <= POLITE else _TimeUpAtEveryLine
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident), ctypes.py_object(error)
        )
        worker.join(REPEAT_S)
    worker.join(0.1)
