"""Whatever of an answer's a check touches runs under guard, and what it changes is put back."""

import builtins
import os
import random
import signal
import sys
import time
import warnings

import nbclient
import nbformat
import numpy as np
import pytest

from dlkit.exercises.engine import Case, Exercise, Mistake, Property, state
from dlkit.exercises.engine.guards import call
from dlkit.exercises.engine.verdicts import CORRECT, NOT_YET

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGALRM")


def square(**options):
    cases = [Case("three", np.array([1.0, 2.0, -3.0])), Case("one", np.array([2.0]))]
    hints = ["What is x times x?", "Multiply."]
    mistakes = [Mistake("That is the double.", lambda x: 2 * x)]
    return Exercise(
        "square", reference=lambda x: x * x, cases=cases, hints=hints, mistakes=mistakes, **options
    )


def endless(*_):
    while True:
        pass


class LoopsIn:
    """An object that gives the right result, and loops in one of its special methods."""

    def __init__(self, x):
        self.x = x


def looping(name, value=endless):
    return type("Odd", (LoopsIn,), {name: value})


@POSIX
@pytest.mark.parametrize(
    "name",
    ["__array__", "__len__", "__iter__", "__eq__", "__repr__", "__str__", "__float__", "__bool__",
     "__getitem__", "__index__", "__array_interface__", "__class__", "detach", "shape"],
)  # fmt: skip
def test_a_result_that_loops_wherever_it_is_touched_ends_in_a_verdict(name):
    wanted = looping(name, property(endless) if name in ("__class__", "shape") else endless)
    verdict = square(time_limit=0.1).check(lambda x: wanted(x))
    assert verdict.status == NOT_YET


@POSIX
@pytest.mark.parametrize("name", ["__str__", "__repr__"])
@pytest.mark.parametrize("what", [endless, lambda self: sys.exit(1), lambda self: 1 / 0])
def test_an_error_whose_text_loops_or_exits_is_reported_without_it(name, what):
    kind = type("Odd", (ValueError,), {name: what})

    def raises(x):
        raise kind("x")

    verdict = square(time_limit=0.1).check(raises)
    assert verdict.status == NOT_YET and "It raised Odd" in verdict.text


@POSIX
def test_a_signature_that_loops_ends_in_a_verdict():
    class Odd:
        __signature__ = property(endless)

        def __call__(self, x):
            return 2 * x

    assert square(time_limit=0.1).check(Odd()).status == NOT_YET


@POSIX
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, BaseException])
def test_no_exception_of_an_answer_escapes(kind):
    def raises(x):
        raise kind

    verdict = square().check(raises)
    assert verdict.status == NOT_YET and f"It raised {kind.__name__}" in verdict.text


def ignoring_the_signal(x):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    endless()


def clearing_the_timer(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    endless()


def asleep_without_a_timer(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            continue


def blocking_the_signal(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    endless()


@POSIX
@pytest.mark.parametrize(
    "answer",
    [ignoring_the_signal, clearing_the_timer, asleep_without_a_timer, blocking_the_signal],
)
def test_an_answer_that_turns_the_timer_off_is_stopped_all_the_same(answer):
    handlers = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    verdict = square(time_limit=0.1).check(answer)
    assert verdict.status == NOT_YET and "It was stopped after 0.1 s" in verdict.text
    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == handlers
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
    assert square().check(lambda x: x * x).status == CORRECT


def to_another_folder(x):
    os.chdir(os.sep)
    return x * x


def with_a_variable(x):
    os.environ["DLKIT_TEST"] = "1"
    os.environ.pop("HOME", None)
    return x * x


def with_print_options(x):
    np.set_printoptions(precision=1)
    return x * x


def with_error_state(x):
    np.seterr(all="raise")
    return x * x


def with_recursion_limit(x):
    sys.setrecursionlimit(5000)
    return x * x


def with_a_patched_numpy(x):
    np.multiply = np.add
    np.abs = np.isnan = np.array_equal = lambda *_: 1 / 0
    return x * x


def with_patched_builtins(x):
    builtins.len = builtins.isinstance = lambda *_: 1 / 0
    return x * x


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (to_another_folder, "the working directory"),
        (with_a_variable, "environment variables"),
        (with_print_options, "NumPy's print options"),
        (with_error_state, ""),  # the engine's own guard of it comes first
        (with_recursion_limit, "the recursion limit"),
        (with_a_patched_numpy, "numpy.isnan"),
        (with_patched_builtins, "builtins.len"),
    ],
)
def test_what_an_answer_changes_is_put_back_and_said(answer, what):
    def look():
        values = {w: read() for w, read, _ in state.SETTINGS if w not in state.SILENT}
        modules = [vars(sys.modules[n]) for n in state.PATCHED if n in sys.modules]
        return values, [{name: id(value) for name, value in names.items()} for names in modules]

    before = look()
    verdict = square().check(answer)
    after = look()
    assert verdict.status == CORRECT
    assert f"It changed {what}" in verdict.text if what else "It changed" not in verdict.text
    assert after == before


def test_the_learners_random_numbers_go_on_where_they_were():
    np.random.seed(7)
    random.seed(7)
    expected = np.random.rand(), random.random()
    np.random.seed(7)
    random.seed(7)

    def drawing(x):
        np.random.seed(0)
        random.seed(0)
        return x * x + 0 * np.random.rand() * random.random()

    verdict = square().check(drawing)
    assert verdict.status == CORRECT and "It changed" not in verdict.text
    assert (np.random.rand(), random.random()) == expected


def test_a_trace_function_is_put_back():
    def trace(*_):
        return None

    def tracing(x):
        sys.settrace(lambda *_: None)
        return x * x

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        square().check(tracing)
        found = sys.gettrace()
    finally:
        sys.settrace(before)
    assert found is trace


@pytest.mark.parametrize("strict", [True, False])
def test_the_learners_settings_change_no_verdict(strict):
    """``np.seterr(all="raise")`` and warnings as errors, as some set them on their first line."""
    exercise = Exercise(
        "shares",
        reference=lambda x: np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))),
        cases=[Case("large", np.array([800.0, 0.0])), Case("small", np.array([1e-300]))],
        hints=["one", "two"],
        properties=[Property("it underflows", lambda f: None if f(np.array([2e3])) == 0 else "no")],
    )
    options = np.get_printoptions()
    with np.errstate(all="raise" if strict else "ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        np.set_printoptions(precision=1, suppress=True)
        state_before = np.geterr()
        try:
            found = exercise.check(exercise.reference), exercise.check(lambda x: x / 0)
        finally:
            assert np.get_printoptions()["precision"] == 1
            np.set_printoptions(**options)
        assert np.geterr() == state_before
    assert found[0].status == CORRECT and found[1].status == NOT_YET


def test_an_answer_that_waits_for_the_keyboard_hears_so_at_once():
    verdict = square().check(lambda x: float(input("x? ")) * x)
    assert "input() waits for somebody to type" in verdict.text and "loop" not in verdict.text
    assert builtins.input is not state.no_input


def test_the_line_shown_is_the_learners_not_one_of_a_compiled_library():
    """NumPy's generators are Cython: their frames name files such as numpy/random/mtrand.pyx."""

    def raising(x):
        return np.random.default_rng(0).choice(0, size=3)

    verdict = square().check(raising)
    assert "line" in verdict.text and "return np.random.default_rng(0).choice" in verdict.text
    assert ".pyx" not in verdict.text and "its text is not at hand" not in verdict.text


@pytest.mark.slow
@POSIX
def test_the_guard_holds_in_a_notebook():
    """In a kernel the main thread runs an event loop, and input asks the page."""
    code = (
        "import numpy as np, signal\n"
        "from dlkit.exercises import activations as exercises\n"
        "np.seterr(all='raise')\n"
        "def waits(*x):\n    return input('?')\n"
        "def ignores(*x):\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "    while True: pass\n"
        "softmax = next(e for e in vars(exercises).values() if getattr(e, 'cases', None))\n"
        "softmax.time_limit = 0.2\n"
        "print([softmax.check(a).status for a in (waits, ignores, softmax.reference)])\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    text = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert "['not yet', 'not yet', 'correct']" in text


def test_a_call_that_returns_in_time_is_not_interrupted_later():
    """The watching thread ends with the call."""
    outcomes = [call(time.sleep, 0.05, seconds=0.05) for _ in range(20)]
    for outcome in outcomes:
        assert outcome.timed_out == (type(outcome.error).__name__ == "TimeUp")
    time.sleep(0.7)
    total = sum(range(1000))
    assert total == 499500


@pytest.mark.parametrize("policy", [None, "mixed_float16"])
def test_code_that_imports_keras_itself_changes_its_dtype_policy_only_if_it_sets_one(
    monkeypatch, policy
):
    keras = pytest.importorskip("keras")
    monkeypatch.delitem(sys.modules, "keras")

    def answer():
        sys.modules["keras"] = keras  # as `import keras` does, without the seconds
        if policy:
            keras.config.set_dtype_policy(policy)

    outcome = call(answer)
    assert outcome.error is None
    assert outcome.changed == (("Keras's dtype policy",) if policy else ())
    assert keras.config.dtype_policy().name == "float32"
