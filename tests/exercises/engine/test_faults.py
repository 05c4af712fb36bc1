"""What usually lies behind an error is said in a sentence."""

import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises.engine import Case, Exercise
from dlkit.exercises.engine.faults import describe

ROWS = np.array([[1.0, 2.0, 3.0], [0.5, 0.1, 4.0]])


def sentence_on(answer, *args):
    with pytest.raises(Exception) as caught:
        answer(*args)
    return describe(caught.value)[0]


# A bracket after a number is a call, in Python's eyes: these are the mistakes under test.
MISSING_STAR = [
    (lambda s: s(1 - s), np.array([0.1, 0.5]), "Is a * missing, after s?"),
    (lambda s: s(1 - s), 0.25, "Is a * missing, after s?"),
    (lambda s: np.exp(s) + s(1 - s), np.float64(0.25), "Is a * missing, after s?"),  # noqa: E211
    (lambda s: s(1 - s), tf.constant([0.5]), "Is a * missing, after s?"),
    (lambda s: (1 - s)(s), 0.5, "Is a * missing before a bracket?"),
]


@pytest.mark.parametrize(("answer", "s", "advice"), MISSING_STAR)
def test_a_missing_star_is_named(answer, s, advice):
    text = sentence_on(answer, s)
    assert "object is not callable. " + advice in text, text


def test_a_call_of_something_else_is_no_missing_star():
    def answer(x):
        mean, nothing = x.mean(), None
        return mean + x.mean() + [nothing][0]()

    assert "Is a * missing" not in sentence_on(answer, ROWS)


def softmax_without_keepdims(x):
    powers = np.exp(x - x.max(axis=1))
    return powers / powers.sum(axis=1)


def mean_by_position(x):
    return x - np.mean(x, 1) + x.mean(1)


def with_tensorflow(x):
    x = tf.constant(x)
    return x - tf.reduce_max(x, axis=1)


@pytest.mark.parametrize("answer", [softmax_without_keepdims, mean_by_position, with_tensorflow])
def test_a_lost_axis_is_named(answer):
    assert "with keepdims=True it stays, with length 1" in sentence_on(answer, ROWS)


def test_other_shapes_that_do_not_fit_get_no_such_advice():
    def other(x):
        return x.sum(axis=1) + np.ones(5)

    def no_axis(x):
        return x + np.ones(2)

    for answer in (other, no_axis):
        text = sentence_on(answer, ROWS)
        assert "could not be broadcast" in text and "keepdims" not in text


def test_the_advice_is_part_of_the_verdict():
    exercise = Exercise(
        "slope",
        reference=lambda s: s * (1 - s),
        cases=[Case("two", np.array([0.1, 0.5]))],
        hints=["What is the slope?", "It is s times something."],
    )
    text = exercise.check(lambda s: s(1 - s)).text
    assert "Is a * missing, after s? Python reads s(…) as a call of s." in text
    text = exercise.check(lambda s: s[None].T + s[None].max(axis=0)[:1] * np.ones((3, 1))).text
    assert "keepdims" not in text
