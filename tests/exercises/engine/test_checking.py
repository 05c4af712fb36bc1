"""The exercise engine: right answers however written, wrong ones whatever they do."""

import fractions
import gc
import html.parser
import re
import subprocess
import sys
import threading
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.waiting import wait_until
from jupyter_client.manager import start_new_kernel

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.judging import judge
from dlkit.exercises.engine.values import show, to_array
from dlkit.exercises.engine.verdicts import MARKS, Panel, clean

ROWS = np.array([[1.0, 2.0, 3.0], [0.0, 0.5, -4.0]])


def softmax(x, axis=-1):
    """Logits to probabilities.

    A second paragraph that a solution does not repeat.
    """
    exps = np.exp(x - x.max(axis=axis, keepdims=True))  # the largest first
    return exps / exps.sum(axis=axis, keepdims=True)


def naive(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def sums_to_one(answer):
    sums = np.asarray(answer(np.ones((2, 5)))).sum(axis=-1)
    return None if np.allclose(sums, 1) else f"the sums are {sums}"


def make(**changes):
    arguments = {
        "reference": softmax,
        "cases": [Case("two rows", ROWS), Case("logits of 1000", np.array([[1000.0, 0.0]]))],
        "mistakes": [Mistake("Subtract the largest logit first.", naive)],
        "properties": [Property("rows sum to one", sums_to_one)],
        "hints": ["First hint.", "Second hint.", "Third hint."],
        "time_limit": 60.0,
    }
    return Exercise("softmax", **(arguments | changes))


def number(**changes):
    """An exercise whose answer is a function of one array to one number."""
    arguments = {
        "reference": np.mean,
        "cases": [Case("three", np.array([1.0, 2.0, 6.0]))],
        "mistakes": [Mistake("You forgot to divide.", np.sum)],
        "properties": [],
    }
    return make(**(arguments | changes))


def value(reference, **changes):
    arguments = {"reference": reference, "cases": [], "mistakes": [], "properties": []}
    return make(**(arguments | changes))


# ---- Right answers ---------------------------------------------------------------------------


def in_place(x):
    x -= x.max(axis=-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


class Callable:
    def __call__(self, x):
        return softmax(x)


RIGHT = {
    "the reference": softmax,
    "lists": lambda x: softmax(x).tolist(),
    "a tuple of rows": lambda x: tuple(softmax(x)),
    "rows in a list": lambda x: [softmax(row) for row in x],
    "float32": lambda x: softmax(x.astype(np.float32)),
    "float16": lambda x: softmax(x).astype(np.float16),
    "keras.ops": lambda x: keras.ops.softmax(x),
    "a Keras variable": lambda x: keras.Variable(softmax(x)),
    "a TensorFlow tensor": lambda x: tf.nn.softmax(tf.constant(x)),
    "a TensorFlow variable": lambda x: tf.Variable(tf.nn.softmax(x)),
    "bfloat16": lambda x: tf.cast(tf.nn.softmax(x), "bfloat16"),
    "a list of tensors": lambda x: [tf.nn.softmax(row) for row in tf.constant(x)],
    "in place": in_place,
    "Fortran order": lambda x: np.asfortranarray(softmax(x)),
    "an object with __call__": Callable(),
    "other parameter names": lambda logits, axis=-1, epsilon=0.0: softmax(logits, axis),
    "any parameters": lambda *args, **kwargs: softmax(*args, **kwargs),
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_right_answers_are_correct_however_written(answer):
    verdict = make().check(answer)
    assert verdict.status == "correct", verdict


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: float(np.mean(x)),
        lambda x: np.array(np.mean(x)),
        lambda x: tf.reduce_mean(x),
        lambda x: fractions.Fraction(int(x.sum()), len(x)),
        lambda x: int(np.mean(x)),
        lambda x: np.float32(3),
        lambda x: 3 + 0j,
    ],
)
def test_scalars_may_be_of_any_type(answer):
    assert number().check(answer).status == "correct"


class Torch:
    """Quacks like a PyTorch tensor that needs a gradient."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return types.SimpleNamespace(cpu=lambda: self.array)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_a_pytorch_tensor_is_detached():
    assert make(properties=[]).check(lambda x: Torch(softmax(x))).status == "correct"


def test_a_correct_verdict_counts_and_says_the_largest_difference():
    assert "Both cases give exactly the right values, and it has the property asked for." in (
        make().check(softmax).text
    )
    verdict = make().check(lambda x: softmax(x) + 1e-9)
    assert "has the property asked for; the largest difference is 1.0e-09." in verdict.text


def test_working_in_place_is_right_and_told():
    exercise = make()
    before = [case.args[0].copy() for case in exercise.cases]
    assert "It changes its argument x, which a caller" in exercise.check(in_place).text
    assert "changes" not in exercise.check(softmax).text
    for case, array in zip(exercise.cases, before, strict=True):
        np.testing.assert_array_equal(case.args[0], array)


def test_every_call_gets_fresh_arguments():
    exercise = number(cases=[Case("list", [1.0, 5.0]), Case("list again", [2.0, 4.0])])

    def emptying(numbers):
        return sum(numbers.pop() for _ in range(2)) / 2

    for _ in range(2):
        verdict = exercise.check(emptying)
        assert verdict.status == "correct"
        assert "It changes its argument numbers" in verdict.text


def test_tuples_of_arrays_are_compared_part_by_part():
    exercise = make(reference=lambda x: (x, x.sum(axis=0)), properties=[], mistakes=[])
    assert exercise.check(lambda x: [x.tolist(), tf.reduce_sum(x, axis=0)]).status == "correct"
    text = exercise.check(lambda x: (x, x.sum(axis=0) + 1)).text
    assert "part 2: The numbers are wrong." in text and "at part 2, index [0]" in text
    assert "part 2: The shape is (2,)" in exercise.check(lambda x: (x, x.sum(axis=1))).text
    assert "has 1 parts; expected 2" in exercise.check(lambda x: (x,)).text
    assert "expected a tuple of 2 parts" in exercise.check(lambda x: 1.0).text


def test_two_equal_parts_may_come_as_one_array():
    exercise = make(reference=lambda x: (x, 2 * x), properties=[], mistakes=[])
    assert exercise.check(lambda x: np.stack([x, 2 * x])).status == "correct"


def test_dictionaries_are_compared_by_key():
    exercise = make(reference=lambda x: {"mean": x.mean(), "max": x.max()}, properties=[])
    assert exercise.check(lambda x: {"max": x.max(), "mean": x.mean()}).status == "correct"
    assert "'mean'" in exercise.check(lambda x: {"max": x.max(), "mean": 9.0}).text
    assert "The keys are ['max']" in exercise.check(lambda x: {"max": x.max()}).text
    assert "expected a dictionary" in exercise.check(lambda x: x).text


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        (0.5, [0.5, np.float32(0.5), tf.constant(0.5), fractions.Fraction(1, 2)], [0.4, "0.5"]),
        (7, [7, 7.0, np.array(7)], [8, [7], np.array([7])]),
        ((26, 26, 3), [(26, 26, 3), [26, 26, 3], np.array([26, 26, 3])], [(26, 26), (3, 26, 26)]),
        ("relu", ["relu"], ["tanh", 3, ["relu"]]),
        (True, [True, np.bool_(True), 1], [False]),
        (np.nan, [float("nan")], [0.0]),
        (-np.inf, [-np.inf], [np.inf, -1e300]),
        ([[1, 2], [3, 4]], [np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))], [[1, 2, 3, 4]]),
    ],
)
def test_values(reference, right, wrong):
    exercise = value(reference)
    assert {exercise.check(answer).status for answer in right} == {"correct"}
    assert {exercise.check(answer).status for answer in wrong} == {"not yet"}


def test_a_wrong_value_is_not_told_how_far_off_it_is():
    exercise = value(0.25, mistakes=[Mistake("That is the variance.", 0.0625)])
    assert "That is the variance." in exercise.check(0.0625).text
    for answer in (0.0625, 0.3):
        assert not re.search(r"0\.25|0\.1875|0\.05", exercise.check(answer).text)


# ---- Wrong answers: numbers ------------------------------------------------------------------


def test_not_yet_names_case_input_expected_got_and_difference():
    verdict = make().check(lambda x: softmax(x) if x.max() < 100 else softmax(x) + 0.25)
    assert verdict.status == "not yet"
    for part in (
        "The case “logits of 1000” fails. The numbers are wrong.",
        "  x: [[1000.,    0.]]  shape (1, 2)",
        "expected: [[1., 0.]]",
        "got: [[1.25, 0.25]]",
        "largest difference: 0.25 at index [0, 0]",
    ):
        assert part in verdict.text


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda x: softmax(x)[0], "The shape is (3,); expected (2, 3)."),
        (lambda x: softmax(x).ravel(), "The numbers are right, but their shape is (6,)"),
        (lambda x: softmax(x)[..., None], "but their shape is (2, 3, 1); expected (2, 3)"),
        (lambda x: softmax(x) * np.nan, "6 of 6 numbers are NaN"),
        (lambda x: np.where(x == 1, np.inf, softmax(x)), "1 of 6 numbers is infinite."),
        (lambda x: softmax(x) * 1.001, "come close, but not within the tolerance"),
        (lambda x: np.where(x == 1, 9, softmax(x)), "1 of 6 numbers is wrong."),
        (lambda x: None, "It returned nothing (None). Is a `return` missing?"),
        (lambda x: [[1.0], [2.0, 3.0]], "a list whose rows differ in length"),
        (lambda x: "probabilities", "The result is a string; expected numbers."),
        (lambda x: {"p": softmax(x)}, "The result is a dictionary"),
        (lambda x: set(), "The result is a set"),
        (lambda x: softmax, "The result is a function, softmax"),
        (lambda x: np, "an object of type module"),
        (lambda x: (row for row in softmax(x)), "an object of type generator"),
        (lambda x: [None, 1.0], "a list that holds None"),
        (lambda x: ["a", "b"], "a list that holds a string"),
        (lambda x: np.array([{}, {}]), "holds a dictionary"),
        (lambda x: softmax(x) + 1j, "The numbers are wrong."),
        (lambda x: [], "The shape is (0,)"),
    ],
)
def test_wrong_results_are_named(answer, fragment):
    verdict = make().check(answer)
    assert verdict.status == "not yet"
    assert fragment in verdict.text, verdict


def test_a_column_is_no_row_of_numbers():
    exercise = make(reference=lambda x: x.sum(axis=1), properties=[], mistakes=[])
    text = exercise.check(lambda x: x.sum(axis=1, keepdims=True)).text
    assert "The numbers are right, but their shape is (2, 1); expected (2,)." in text


def test_one_number_in_an_array_is_no_single_number():
    text = number().check(lambda x: [np.mean(x)]).text
    assert "their shape is (1,); expected () (a single number)" in text
    assert "The result is NaN" in number().check(lambda x: np.nan).text


def test_nan_and_infinity_are_right_where_the_reference_has_them():
    cases = [Case("a zero", np.array([0.0, 1.0, -1.0]))]
    exercise = make(reference=lambda x: np.log(x), cases=cases, properties=[], mistakes=[])
    assert exercise.check(lambda x: [-np.inf, 0.0, np.nan]).status == "correct"
    assert exercise.check(lambda x: [np.inf, 0.0, np.nan]).status == "not yet"
    assert exercise.check(lambda x: [-1e308, 0.0, np.nan]).status == "not yet"
    assert exercise.check(lambda x: [-np.inf, 0.0, 0.0]).status == "not yet"


def test_float32_is_tolerated_only_as_far_as_it_must():
    assert judge(np.float32([1.00001, 100]), np.array([1.0, 100]), 1e-5, 1e-6).holds
    assert not judge(np.array([1.001, 100]), np.array([1.0, 100]), 1e-5, 1e-6).holds
    assert not judge(np.float32([1.01, 100]), np.array([1.0, 100]), 1e-5, 1e-6).holds
    tiny = np.array([1e-6, 2e-6])
    assert not judge(np.float32(2 * tiny), tiny, 1e-5, 0.0).holds


def test_unsigned_integers_do_not_wrap_around():
    found = judge(np.array([1], np.uint8), np.array([2], np.uint8), 1e-5, 1e-6)
    assert found.difference == 1


# ---- Usual mistakes --------------------------------------------------------------------------


def test_a_usual_mistake_is_named():
    text = make().check(lambda x: naive(x)).text
    assert "“logits of 1000” fails" in text
    assert "Subtract the largest logit first." in text
    assert "NumPy or Python warned: RuntimeWarning: overflow encountered in exp" in text


def test_a_mistake_that_raises_or_hangs_is_left_out():
    def hang(x):
        while True:
            pass

    mistakes = [Mistake("It raises.", lambda x: 1 / 0), Mistake("It hangs.", hang)]
    usual = [*mistakes, Mistake("You gave zeros.", np.zeros_like)]
    exercise = make(mistakes=usual, time_limit=0.25)
    text = exercise.check(lambda x: 0 * x).text
    assert "You gave zeros." in text and "raises" not in text and "hangs" not in text


def test_of_two_mistakes_with_one_result_the_one_is_named_that_fits_all_cases():
    cases = [Case("one column", np.array([[2.0], [4.0]])), Case("two", np.array([[1.0, 5.0]]))]
    mistakes = [
        Mistake("the sum", lambda x: x.sum()),
        Mistake("the column", lambda x: x[:, 0].sum()),
    ]
    exercise = make(reference=np.mean, cases=cases, mistakes=mistakes, properties=[])
    assert "the column" in exercise.check(lambda x: x[:, 0].sum()).text
    assert "the sum" in exercise.check(lambda x: x.sum()).text


def test_one_number_that_agrees_by_chance_names_no_mistake():
    cases = [Case("one", np.array([4.0])), Case("two", np.array([2.0, 6.0]))]
    mistakes = [Mistake("You took the square root.", lambda x: np.sqrt(x.sum()))]
    exercise = number(cases=cases, mistakes=mistakes)
    assert "square root" in exercise.check(lambda x: np.sqrt(np.sum(x))).text
    text = exercise.check(lambda x: 2.0).text
    assert "“one” fails" in text and "square root" not in text


def test_agreement_on_a_case_that_is_right_names_no_mistake():
    cases = [Case("one", 1.0), Case("two", 2.0), Case("three", 3.0)]
    mistakes = [Mistake("You added two.", lambda x: x + 2)]
    exercise = number(reference=lambda x: 2 * x, cases=cases, mistakes=mistakes)
    assert "added two" in exercise.check(lambda x: x + 2).text
    text = exercise.check(lambda x: {1.0: 3.0, 2.0: 4.0, 3.0: 7.0}[x]).text  # wrong, right, wrong
    assert "“one” fails" in text and "added two" not in text


def test_a_count_that_is_nearly_right_is_wrong():
    exercise = number(reference=lambda x: 10_000, cases=[Case("one", 1.0)], mistakes=[])
    assert "The number is wrong" in exercise.check(lambda x: 10_001).text
    exercise = number(reference=lambda x: 10_000.0, cases=[Case("one", 1.0)], mistakes=[])
    assert "come close" in exercise.check(lambda x: 10_001).text


def test_a_rounded_value_is_right_but_not_exactly():
    exercise = value(6.907755, rtol=1e-3)
    assert exercise.check(6.907755).text.endswith("That is exactly right.")
    assert exercise.check(6.91).text.endswith("That is right; the largest difference is 2.2e-03.")


def test_none_is_told_apart_from_no_answer():
    assert "forget a `return`" in value(3).check(None).text
    assert "forget a `return`" not in value(3).check(...).text


def test_a_result_of_another_shape_is_no_mistake_by_name():
    text = number().check(lambda x: np.array([np.sum(x)])).text
    assert "divide" not in text and "shape" in text


# ---- Properties ------------------------------------------------------------------------------


def test_a_property_that_fails_is_told_in_its_words():
    exercise = make(cases=[], reference=None, mistakes=[], solution="my_softmax = softmax")
    assert "It has the property asked for." in exercise.check(softmax).text
    verdict = exercise.check(lambda x: 0 * x)
    assert verdict.status == "not yet"
    assert "Expected: rows sum to one. But the sums are [0. 0.]" in verdict.text
    assert "While testing “rows sum to one”: It raised KeyError" in exercise.check({}.pop).text


def test_properties_get_the_given_data():
    prop = Property(
        "as many", lambda answer, x_val: None if answer == len(x_val) else "not so many"
    )
    exercise = value(None, properties=[prop], solution="n = 3")
    assert exercise.check(3, [1, 2, 3]).status == "correct"
    assert exercise.check(4, [1, 2, 3]).status == "not yet"
    verdict = exercise.check(3)
    assert verdict.status == "not yet"
    assert "exercises.softmax.check(your_answer, x_val)" in verdict.text


def test_a_property_must_return_none_or_a_sentence():
    exercise = value(None, properties=[Property("true", lambda x: True)], solution="n = 3")
    with pytest.raises(ValueError, match="expected None or a sentence"):
        exercise.check(3)


# ---- Not attempted ---------------------------------------------------------------------------


def stub(x):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("answer", [stub, ..., None, (..., 3), [1, ...], lambda x: ...])
def test_a_stub_is_not_attempted(answer):
    assert make().check(answer).status == "not attempted"
    assert make().check().status == "not attempted"


def test_values_are_not_attempted_either():
    assert value(3).check(...).status == value(3).check(None).status == "not attempted"
    assert value((1, 2)).check((..., ...)).status == "not attempted"


def test_not_implemented_inside_a_library_is_an_exception():
    verdict = make().check(lambda x: keras.layers.Layer().compute_output_shape((2, 3)))
    assert verdict.status == "not yet" and "NotImplementedError" in verdict.text


# ---- Wrong answers: exceptions ---------------------------------------------------------------


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def raising(error):
    def answer(x):
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "fragment"),
    [
        (ValueError("bad\x1b[31m\ud800 value"), "It raised ValueError: bad�[31m� value"),
        (SystemExit(1), "It raised SystemExit: 1"),
        (KeyboardInterrupt(), "It raised KeyboardInterrupt"),
        (GeneratorExit(), "It raised GeneratorExit"),
        (MemoryError(), "It raised MemoryError"),
        (Unprintable(), "It raised Unprintable: (its message cannot be printed)"),
        (RuntimeError("long" * 10_000), "(40,000 characters)"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_exceptions_become_verdicts(error, fragment):
    verdict = make().check(raising(error))
    assert verdict.status == "not yet"
    assert fragment in verdict.text
    assert "line" in verdict.text and "of answer: raise error" in verdict.text
    verdict.text.encode("utf-8")
    assert len(verdict.text) < 2000


def test_the_line_is_the_learners_own_not_the_librarys():
    text = make().check(lambda x: np.concatenate(x, axis=7)).text
    assert "AxisError" in text
    assert "of <lambda>: text = make().check(lambda x: np.concatenate(x, axis=7)).text" in text
    assert "site-packages" not in text and ".py" not in text


def test_endless_recursion_is_told():
    def answer(x):
        return answer(x)

    assert "Does the function call itself without an end?" in make().check(answer).text


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda: 1, "Your function takes (), but it is called with (x)"),
        (lambda x, y: x, "Your function takes (x, y), but it is called with (x)"),
        (lambda x, *, y: x, "Your function takes (x, *, y)"),
    ],
)
def test_a_wrong_number_of_parameters_is_told(answer, fragment):
    assert fragment in make().check(answer).text


def test_keyword_arguments_of_a_case_are_passed_by_position():
    exercise = make(cases=[Case("columns", ROWS, axis=0)], properties=[])
    assert exercise.check(lambda logits, over: softmax(logits, over)).status == "correct"
    assert "called with (x, axis)" in exercise.check(lambda x: softmax(x)).text


@pytest.mark.parametrize("answer", [softmax(ROWS), 3, "softmax", [softmax], object()])
def test_no_function_where_one_is_expected(answer):
    verdict = make().check(answer)
    assert verdict.status == "not yet"
    assert "expected a function" in verdict.text and "without calling it" in verdict.text


def test_a_function_where_a_value_is_expected():
    assert "The answer is a function, softmax; expected a value." in value(3).check(softmax).text


class Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = None

    def __bool__(self):
        raise RuntimeError("bool")

    def __array__(self, dtype=None, copy=None):
        raise SystemExit


@pytest.mark.parametrize("exercise", [make(), number(), value(3), value("relu"), value({"a": 1})])
def test_a_hostile_object_is_survived(exercise):
    for answer in (Hostile(), lambda x: Hostile(), lambda x: [Hostile()], [Hostile()], Hostile):
        assert exercise.check(answer).status == "not yet"


def test_a_coroutine_is_no_result():
    async def answer(x):
        return softmax(x)

    gc.collect()  # what earlier tests left behind may warn as well
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert "coroutine" in make().check(answer).text
        gc.collect()
    assert not [w for w in caught if "never awaited" in str(w.message)]


# ---- Floods ----------------------------------------------------------------------------------


class Talkative:
    def __repr__(self):
        return 10_000_000 * "x"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: np.zeros(10_000_000),
        lambda x: [0.0] * 3_000_000,
        lambda x: Talkative(),
        lambda x: 10_000_000 * "x",
        lambda x: {n: n for n in range(100_000)},
        lambda x: [[[[]]]] * 100_000,
        lambda x: 10**100_000,
        lambda x: raising(ValueError(10_000_000 * "x"))(x),
        lambda x: print(10_000_000 * "x"),
        lambda x: [warnings.warn(f"warning {n}", stacklevel=1) for n in range(10_000)],
    ],
)
def test_huge_results_do_not_flood(answer, capfd):
    verdict = make().check(answer)
    assert verdict.status == "not yet"
    assert len(verdict.text) < 4000 and len(verdict._repr_html_()) < 8000
    assert capfd.readouterr() == (verdict.text + "\n", "")


def test_prints_and_warnings_are_kept_off_the_streams_and_told(capfd):
    def answer(x):
        print("shape", x.shape)
        print("to stderr", file=sys.stderr)
        return softmax(x) + 0 * np.log(np.zeros(2)).sum()

    verdict = make().check(answer)
    assert capfd.readouterr() == (verdict.text + "\n", "")
    assert "It printed: shape (2, 3)\nto stderr" in verdict.text
    assert "NumPy or Python warned: RuntimeWarning: divide by zero" in verdict.text
    quiet = make().check(lambda x: print("just looking") or softmax(x))
    assert quiet.status == "correct" and "It printed: just looking" in quiet.text


def test_the_learners_settings_change_no_verdict():
    plain = make().check(naive).text
    with np.errstate(all="raise"), np.printoptions(precision=1, formatter={"all": lambda x: "?"}):
        assert make().check(naive).text == plain


def test_numpys_error_state_and_warning_filters_are_restored():
    def answer(x):
        np.seterr(over="raise")
        warnings.simplefilter("error")
        return softmax(x)

    state, filters = np.geterr(), warnings.filters[:]
    assert make().check(answer).status == "correct"
    assert np.geterr() == state and warnings.filters == filters


@pytest.mark.parametrize("shape", [(3, 4, 1), (5, 5, 5, 5), (100, 1), (20, 30), (2, 2, 2, 2, 2, 2)])
def test_an_array_takes_few_lines(shape):
    text = show(np.arange(np.prod(shape)).reshape(shape) / 7)
    assert len(text.splitlines()) <= 12 and f"shape {shape}" in text
    assert "..." in text or "…" in text or np.prod(shape) < 30


def test_large_inputs_are_shortened():
    exercise = number(cases=[Case("many", np.arange(1e6))])
    text = exercise.check(np.sum).text
    assert "shape (1000000,)" in text and len(text) < 1000


# ---- What is shown ---------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """Collects tags and text, and sees whether the tags are closed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.styles = [], set(), "", ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style"}
        self.styles += dict(attrs).get("style", "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read_html(panel):
    reader = Reader()
    reader.feed(panel._repr_html_())
    assert not reader.open
    return reader


PANELS = {
    "correct": lambda: make().check(in_place),
    "wrong": lambda: make().check(naive),
    "raises": lambda: make().check(raising(ValueError("<b>&</b>"))),
    "not attempted": lambda: make().check(),
    "hint": lambda: make().hint(),
    "solution": lambda: make().solution(),
    "exercise": lambda: make()._panel(),
}


@pytest.mark.parametrize("build", PANELS.values(), ids=PANELS)
def test_both_forms_of_a_panel_say_the_same(build):
    panel = build()
    shown = read_html(panel)
    assert shown.text.split() == [
        w for w in re.sub(r":$|: ", " ", panel.text, flags=re.M).split()
    ] or (set(re.findall(r"\w+", shown.text)) == set(re.findall(r"\w+", panel.text)))
    assert shown.tags <= {"div", "p", "pre", "span", "strong"}


@pytest.mark.parametrize("build", PANELS.values(), ids=PANELS)
def test_a_panel_is_legible_on_any_background(build):
    """Text keeps the page's colour; backgrounds are transparent; a symbol and a word lead."""
    shown = read_html(build())
    colors = re.findall(r"(?<![-\w])color:([^;]+);", shown.styles)
    assert set(colors) <= {"inherit"}
    assert all(c.startswith("rgba(") for c in re.findall(r"background:([^;]+);", shown.styles))
    assert any(shown.text.strip().startswith(f"{mark} {kind}") for kind, (mark, _) in MARKS.items())


def test_symbols_and_colours_differ_by_kind():
    verdicts = [MARKS[kind] for kind in ("correct", "not yet", "not attempted", "hint", "solution")]
    assert len({symbol for symbol, _ in verdicts}) == len({color for _, color in verdicts}) == 5


def test_what_a_learner_wrote_is_escaped():
    for answer in (raising(ValueError("<script>x</script>")), lambda x: "<img src=x onerror=y>"):
        html_text = make().check(answer)._repr_html_()
        assert "<script" not in html_text and "<img" not in html_text
        assert "&lt;" in html_text


def test_the_text_leads_with_the_verdict():
    verdict = make().check(softmax)
    assert verdict.text.startswith("✓ correct · softmax\n")


def test_a_panel_ends_with_what_to_run_next_on_a_line_of_its_own():
    exercise = make()
    for panel in (exercise.check(naive), exercise.check(), exercise.check(raising(ValueError()))):
        assert panel.text.split("\n")[-2:] == ["A hint:", "exercises.softmax.hint()"]
        assert read_html(panel).text.endswith("exercises.softmax.hint()\n")
    for label in ("Another hint", "Another hint"):
        assert exercise.hint().text.split("\n")[-2:] == [f"{label}:", "exercises.softmax.hint()"]
    solution = ["The solution:", "exercises.softmax.solution()"]
    assert exercise.hint().text.split("\n")[-2:] == solution
    assert exercise.check(naive).text.split("\n")[-2:] == solution
    assert "exercises." not in exercise.check(softmax).text


def test_arguments_are_shown_under_the_learners_own_names():
    assert "\n  z:\n" in make().check(lambda z: 0 * z).text
    assert "\n  x:\n" in make().check(lambda *parts: 0 * parts[0]).text
    exercise = make(cases=[Case("columns", ROWS, axis=0)], properties=[], mistakes=[])
    text = exercise.check(lambda logits, over: logits).text
    assert "\n  logits:\n" in text and "\n  over: 0\n" in text
    text = exercise.check(lambda logits, *rest: logits).text
    assert "\n  logits:\n" in text and "\n  axis: 0\n" in text


def test_no_number_is_broken():
    """In a panel of any width: code scrolls, and in a sentence a number stays in one piece."""
    verdict = make().check(lambda x: softmax(x) + 1e-9)
    for number in ("1.0e-09",):
        assert f'<span style="white-space:nowrap;">{number}</span>' in verdict._repr_html_()
    panel = Panel("hint", "x", "The shape is (2, 3); expected (2,). Is -4.5e+07 at [0, 12]?")
    pieces = re.findall(r"nowrap;\">([^<]*)<", panel._repr_html_())
    assert pieces == ["(2, 3)", "(2,)", "-4.5e+07", "[0, 12]"]
    shown = read_html(make().check(naive))
    assert "white-space:pre;overflow-x:auto" in shown.styles
    assert "pre-wrap" not in shown.styles and "anywhere" not in shown.styles


def test_a_verdict_is_printed_once_outside_a_notebook(capsys):
    verdict = make().check(softmax)
    assert capsys.readouterr().out == verdict.text + "\n"
    assert repr(verdict) == "<correct · softmax>"


def test_an_exercise_says_how_to_use_it():
    assert "exercises.softmax.check(your_answer)" in repr(make())
    assert "exercises.softmax.hint()" in make()._repr_html_()


def test_hints_come_one_by_one_and_end():
    exercise = make()
    texts = [exercise.hint().text for _ in range(5)]
    assert [text.split(" · ")[0] for text in texts[:3]] == [f"? hint {n} of 3" for n in (1, 2, 3)]
    for text, hint in zip(texts, exercise.hints, strict=False):
        assert hint in text
    assert texts[3] == texts[4]
    assert "no more hints" in texts[3] and "exercises.softmax.solution()" in texts[3]


def test_the_solution_is_the_references_own_source_without_the_long_docstring():
    code = make().solution_code
    assert code in make().solution().text.replace("\n    ", "\n")
    assert '"""Logits to probabilities."""' in code and "second paragraph" not in code
    assert "# the largest first" in code, "comments stay"
    found = {"np": np}
    exec(code, found)
    np.testing.assert_array_equal(found["my_softmax"](ROWS), softmax(ROWS))


def test_a_solution_may_be_a_text_or_a_value():
    assert value(0.5).solution_code == "my_softmax = 0.5"
    assert value(0.5, solution="my_rate = 1 / 2\n").solution_code == "my_rate = 1 / 2"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (3, "3"),
        (np.float64(0.5), "0.5"),
        (np.array(0.25, np.float32), "0.25"),
        ([1, 2], "[1, 2]"),
        (np.zeros((2, 2), np.float32), "[[0., 0.],\n [0., 0.]]  shape (2, 2)  float32"),
        ((np.array([1.0, 2.0]), 3), "part 1:\n[1., 2.]\npart 2:\n3"),
        (None, "None"),
        ("a", "'a'"),
        (np.sum, "a function, sum"),
    ],
)
def test_values_are_shown_shortly(shown, expected):
    assert show(shown) == expected


def test_clean_removes_control_characters_and_lone_surrogates():
    assert clean("a\x00b\r\nc\ud800") == "a�b�\nc�"


def test_arrays_are_copied():
    array = np.zeros(3)
    assert not np.shares_memory(to_array(array), array)


def test_a_panel_without_a_message_has_no_blank_line():
    assert Panel("solution", "x", rows=[("a", "b")]).text == "≡ solution x\n  a: b"


# ---- In a notebook's kernel -------------------------------------------------------------------

CELL = """import math, time
from dlkit.exercises import mnist_mlp as exercises

def my_mcnemar(only_first, only_second):
    return {}

exercises.mcnemar.check(my_mcnemar)
"""
SOLUTION = (
    "min(1, 2 * sum(math.comb(only_first + only_second, k) for k in "
    "range(min(only_first, only_second) + 1)) / 2 ** (only_first + only_second))"
)


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(extra_arguments=["--HistoryManager.hist_file=:memory:"])
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_cell(client, source):
    """The messages that a cell sends, in order, and its reply."""
    messages = []
    reply = client.execute_interactive(
        source, output_hook=messages.append, timeout=120, store_history=True
    )
    return messages, reply["content"]


def execute(client, body, before=""):
    """The last message of each type that a check of an answer sends, and its reply."""
    head, tail = CELL.split("def my_mcnemar")
    messages, reply = run_cell(client, f"{head}{before}def my_mcnemar{tail.replace('{}', body)}")
    return {message["msg_type"]: message["content"] for message in messages}, reply


def test_in_a_kernel_the_line_of_the_cell_is_shown(kernel):
    messages, reply = execute(kernel[1], "only_first / 0")
    assert reply["status"] == "ok"
    data = messages["display_data"]["data"]
    assert "It raised ZeroDivisionError: division by zero" in data["text/plain"]
    assert "line 5 of my_mcnemar: return only_first / 0" in data["text/plain"]
    assert "return only_first / 0</pre>" in data["text/html"]
    assert "stream" not in messages


def test_in_a_kernel_the_stop_button_ends_a_check(kernel, tmp_path):
    """The interrupt comes once the answer says that it runs: as late as a busy machine likes."""
    manager, client = kernel
    running = tmp_path / "running"

    def interrupt():
        wait_until(running.exists, 60)
        manager.interrupt_kernel()

    threading.Thread(target=interrupt).start()
    patient = "exercises.mcnemar.time_limit = 600\n"
    _, reply = execute(client, f"open({str(running)!r}, 'w').close() or time.sleep(600)", patient)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    messages, _ = execute(client, SOLUTION)
    assert messages["display_data"]["data"]["text/plain"].startswith("✓ correct · mcnemar")


def test_in_a_kernel_every_check_shows_its_verdict_once_wherever_it_stands(kernel):
    right = f"\ndef right(only_first, only_second):\n    return {SOLUTION}"
    check, hint = "exercises.mcnemar.check(right)", "exercises.mcnemar.hint()"
    for end, heads in (
        (check, ["✓ correct"]),
        (f"{check};", ["✓ correct"]),
        (f"{check}\nprint('and then')", ["✓ correct"]),
        (f"{check}\n{hint}", ["✓ correct", "? hint"]),
        (f"exercises.mcnemar.check(my_mcnemar)\n{check}", ["✗ not yet", "✓ correct"]),
        (f"verdict = {check}\nverdict", ["✓ correct"]),
        (f"{hint};\nexercises.mcnemar.solution()", ["? hint", "≡ solution"]),
    ):
        shown, reply = run_cell(kernel[1], CELL.rsplit("\n", 2)[0].format(0) + right + "\n" + end)
        assert reply["status"] == "ok"
        texts = [m["content"]["data"]["text/plain"] for m in shown if "data" in m["content"]]
        assert [text[: len(head)] for text, head in zip(texts, heads, strict=True)] == heads, end
    shown, _ = run_cell(kernel[1], "verdict")
    (later,) = [m["content"]["data"]["text/plain"] for m in shown if "data" in m["content"]]
    assert later.startswith("✓ correct"), "a verdict that was kept can be seen again"


# ---- Authors' mistakes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hints": []}, "2 to 4"),
        ({"hints": ["one"]}, "2 to 4"),
        ({"hints": list("abcde")}, "2 to 4"),
        ({"hints": "abc"}, "2 to 4"),
        ({"hints": ["a", "a"]}, "two hints are the same"),
        ({"hints": ["a", " "]}, "every hint must be a sentence"),
        ({"reference": 3}, "reference that can be called"),
        ({"cases": [], "properties": []}, "needs cases or properties"),
        ({"reference": None, "cases": [], "properties": []}, "needs properties and the text"),
        ({"reference": None, "cases": []}, "the text of a solution"),
        ({"cases": [ROWS]}, "expected Case objects"),
        ({"cases": [Case("a", ROWS), Case("a", ROWS)]}, "two Case objects have one label"),
        ({"properties": [sums_to_one]}, "expected Property objects"),
        ({"mistakes": [naive]}, "expected Mistake objects"),
        ({"mistakes": [Mistake("a", 3)]}, "must be functions"),
        ({"time_limit": 0}, "time_limit"),
        ({"rtol": -1}, "rtol"),
    ],
)
def test_a_badly_made_exercise_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_a_name_must_be_an_identifier():
    with pytest.raises(ValueError, match="identifier"):
        Exercise("my softmax", reference=1, hints=["a", "b"])


def test_a_reference_that_fails_is_the_authors_fault():
    with pytest.raises(ValueError, match="fails on its own case 'words'"):
        make(cases=[Case("words", "abc")]).check(lambda x: x)


def test_the_engine_needs_numpy_alone():
    code = (
        "import sys, numpy; before = set(sys.modules); import dlkit.exercises.engine; "
        "print(*{m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {name for name in run.stdout.split() if not name.startswith("_sysconfigdata")}
    assert found <= {"dlkit", "numpy"}
