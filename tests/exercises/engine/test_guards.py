"""Endless answers are stopped, whatever they swallow, on a machine of any speed."""

import asyncio
import builtins
import contextlib
import signal
import sys
import threading
import time

import numpy as np
import pytest
from helpers.waiting import wait_until

from dlkit.exercises.engine import Case, Exercise, guards, state

IN_TIME = 60.0  # s; a right answer has this long, so that a busy machine judges as a quiet one does


def square(x):
    return x * x


def make(time_limit=IN_TIME):
    return Exercise(
        "square",
        reference=square,
        cases=[Case("three", np.array([1.0, 2.0, -3.0]))],
        hints=["What is x times x?", "x * x"],
        time_limit=time_limit,
    )


def stopped(answer):
    """The verdict of an exercise that has no patience."""
    return make(time_limit=0.05).check(answer)


# ---- Answers without an end ------------------------------------------------------------------


def endless(x):
    while True:
        pass


def endless_and_deaf(x):
    while True:
        try:  # noqa: SIM105
            sum(range(10))
        except:  # noqa: E722
            pass


def asleep(x):
    time.sleep(600)


def asleep_and_deaf(x):
    while True:
        try:
            time.sleep(0.005)
        except:  # noqa: E722
            continue


def long_asleep_and_deaf(x):
    while True:
        try:
            time.sleep(600)
        except:  # noqa: E722
            continue


def deaf_twice(x):
    while True:
        try:
            while True:
                try:  # noqa: SIM105
                    time.sleep(0.001)
                except:  # noqa: E722
                    pass
        except BaseException:
            pass


def deaf_three_times_and_keeping_what_it_caught(x):
    kept = []
    while True:
        try:
            while True:
                try:
                    while True:
                        try:
                            time.sleep(0.001)
                        except BaseException as error:
                            kept.append(error)
                except BaseException as error:
                    kept.append(error)
        except BaseException as error:
            kept.append(error)


def deaf_in_finally(x):
    while True:
        try:
            x = x + 1
        finally:
            continue  # noqa: B012


def deaf_inside_its_except(x):
    while True:
        try:
            sum(range(10))
        except:  # noqa: E722
            try:  # noqa: SIM105
                time.sleep(0.001)
            except:  # noqa: E722
                pass


def suppressing(x):
    while True:
        with contextlib.suppress(BaseException):
            while True:
                pass


class Swallow:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True


def swallowing_in_a_context(x):
    while True:
        with Swallow():
            while True:
                with Swallow():
                    time.sleep(0.001)


def deaf_generator(x):
    def numbers():
        while True:
            try:
                yield 1
            except:  # noqa: E722
                return

    while True:
        try:
            sum(numbers())
        except:  # noqa: E722
            continue


def deaf_in_a_comprehension(x):
    def one(n):
        try:
            while True:
                pass
        except BaseException:
            return n

    while True:
        try:
            [one(n) for n in range(10**9)]
        except BaseException:
            continue


def deaf_in_a_library(x):
    while True:
        try:
            np.vectorize(endless_and_deaf)(x)
        except BaseException:
            continue


def deaf_and_recursive(x, depth=0):
    while True:
        try:
            if depth < 200:
                deaf_and_recursive(x, depth + 1)
        except BaseException:
            deaf_and_recursive(x, depth)


def deaf_coroutine(x):
    async def wait():
        while True:
            try:
                await asyncio.sleep(0.001)
            except GeneratorExit:  # when it is thrown away, perhaps long after the check
                raise
            except BaseException:
                continue

    asyncio.run(wait())


def printing(x):
    while True:
        print("more")


ENDLESS = [
    endless,
    endless_and_deaf,
    asleep,
    asleep_and_deaf,
    long_asleep_and_deaf,
    deaf_twice,
    deaf_three_times_and_keeping_what_it_caught,
    deaf_in_finally,
    deaf_inside_its_except,
    suppressing,
    swallowing_in_a_context,
    deaf_generator,
    deaf_in_a_comprehension,
    deaf_in_a_library,
    deaf_and_recursive,
    deaf_coroutine,
    printing,
]


def assert_stopped(verdict):
    assert verdict.status == "not yet"
    assert "It was stopped after 0.05 s. Look for a loop that never ends" in verdict.text


@pytest.mark.parametrize("answer", ENDLESS)
def test_endless_answers_are_stopped_by_a_signal(answer):
    handlers = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    streams, trace = (sys.stdout, sys.stderr), sys.gettrace()
    verdict = stopped(answer)
    assert_stopped(verdict)
    assert shows_its_line(verdict, answer), "the line that was running"
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == handlers
    assert (sys.stdout, sys.stderr) == streams
    assert sys.gettrace() is trace
    assert sys.exc_info() == (None, None, None)
    with pytest.raises(ZeroDivisionError) as later:
        1 / 0  # noqa: B018
    assert later.value.__context__ is None, "a later error has nothing to do with it"


def shows_its_line(verdict, answer):
    """Whether the verdict shows a line of the answer, or of a function inside it."""
    inner = {getattr(constant, "co_name", "") for constant in answer.__code__.co_consts}
    names = {answer.__name__, "endless_and_deaf", *inner} - {""}
    return any(f"of {name}: " in verdict.text for name in names)


def in_a_thread(function):
    """Calls a function in another thread than the main one."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


SLEEPING = (asleep, long_asleep_and_deaf)


@pytest.mark.parametrize("answer", [answer for answer in ENDLESS if answer not in SLEEPING])
def test_endless_answers_are_stopped_in_a_thread(answer):
    before = set(threading.enumerate())
    assert_stopped(in_a_thread(lambda: stopped(answer)))
    if answer is deaf_coroutine:
        return  # its event loop may be left asleep, as in the next test, with nothing to wake it
    wait_until(lambda: set(threading.enumerate()) <= before, 60, "its thread ends")


def test_an_answer_that_waits_in_a_thread_is_left_behind_and_ends_when_it_wakes(monkeypatch):
    monkeypatch.setattr(guards, "GRACE_S", 0.2)
    wake, before = threading.Event(), set(threading.enumerate())

    def waiting(x):
        while True:
            try:
                wake.wait()
            except BaseException:
                continue

    assert_stopped(in_a_thread(lambda: stopped(waiting)))
    assert set(threading.enumerate()) - before, "it is still there"
    wake.set()
    wait_until(lambda: set(threading.enumerate()) <= before, 60, "its thread ends")
    assert builtins.input is not state.no_input, "a late thread puts nothing back"


class Clingy:
    """Its destructor is where an interruption meets it: Python can only report that."""

    def __del__(self):
        while True:
            time.sleep(0.01)


def test_an_interruption_that_meets_a_destructor_is_no_error_of_the_process(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)

    def answer(x):
        while True:
            Clingy()

    assert_stopped(stopped(answer))
    assert not reported
    hook = sys.unraisablehook
    make().check(square)
    assert sys.unraisablehook is hook


@pytest.mark.parametrize("run", [lambda f: f(), in_a_thread], ids=["main", "thread"])
def test_after_a_time_out_the_next_answer_is_judged(run):
    def broken(x):
        raise ValueError("x")

    for answer in (endless, deaf_twice):
        assert_stopped(run(lambda answer=answer: stopped(answer)))
        assert run(lambda: make().check(square)).status == "correct"
        assert "It raised ValueError: x" in run(lambda: make().check(broken)).text


def test_what_a_finally_does_is_done_before_the_answer_is_stopped():
    done = []

    def tidy(x):
        try:
            while True:
                pass
        finally:
            done.append(True)

    assert_stopped(stopped(tidy))
    assert done == [True]


def test_code_of_a_library_that_swallows_is_stopped_too(monkeypatch):
    monkeypatch.setattr(guards, "is_own", lambda frame: False)
    monkeypatch.setattr(guards, "ALL_CODE", 5)
    assert_stopped(stopped(deaf_twice))


def test_the_learners_own_trace_function_is_put_back_and_goes_on():
    seen = []

    def trace(frame, event, arg):
        if frame.f_code.co_name in ("deaf_twice", "square"):
            seen.append((frame.f_code.co_name, event))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for answer, verdict in ((square, "correct"), (deaf_twice, "not yet"), (square, "correct")):
            patience = 0.05 if answer is deaf_twice else IN_TIME
            assert make(patience).check(answer).status == verdict
            assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
    names = [name for name, event in seen if event == "call"]
    assert names[0] == names[-1] == "square" and "deaf_twice" in names
    assert ("square", "line") in seen[-3:], "lines are traced again"


def test_a_thread_keeps_exceptions_warnings_and_prints():
    def answer(x):
        print("hello")
        np.exp(1000 * np.ones(1))
        return x

    def leaving(x):
        raise SystemExit

    text = in_a_thread(lambda: make().check(answer)).text
    assert "It printed: hello" in text and "overflow" in text
    assert "SystemExit" in in_a_thread(lambda: make().check(leaving)).text


# ---- Timers and interrupts of others ---------------------------------------------------------


def test_a_timer_of_ones_own_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        assert_stopped(stopped(endless))
        wait_until(lambda: rung, 60, "the timer rings")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_timer_of_ones_own_keeps_the_time_that_was_left():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        signal.setitimer(signal.ITIMER_REAL, 600, 7)
        started = time.monotonic()
        assert_stopped(stopped(endless))
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 600 - (time.monotonic() - started) - 0.01 <= left < 600 and interval == 7
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_check_inside_an_answer_is_allowed():
    def answer(x):
        assert make().check(square).status == "correct"
        assert stopped(deaf_twice).status == "not yet"
        return square(x)

    assert make().check(answer).status == "correct"


def test_an_endless_answer_that_checks_is_stopped():
    def answer(x):
        while True:
            try:
                make().check(square)
            except BaseException:
                continue

    assert_stopped(stopped(answer))
    assert not isinstance(sys.gettrace(), guards._Stopper)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_sleeper_without_a_timer_is_woken_whatever_becomes_of_ctrl_c(handler):
    """A shell's job in the background ignores SIGINT, by which a sleeper is woken."""

    def answer(x):
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(600)

    before = signal.signal(signal.SIGINT, handler)
    try:
        assert_stopped(stopped(answer))
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def swallowing(x):
    try:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.1)
    except BaseException:
        pass
    return square(x)


@pytest.mark.parametrize("answer", [lambda x: signal.raise_signal(signal.SIGINT), swallowing])
def test_the_users_own_interrupt_ends_the_check(answer):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        make().check(answer)
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_printed_text_is_not_hoarded():
    tape = guards.Tape()
    for _ in range(100):
        tape.write("x" * guards.KEPT)
    assert len(tape.kept) == guards.KEPT and tape.length == 100 * guards.KEPT
