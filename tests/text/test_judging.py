"""Bits and copied runs, against closed forms and brute force."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlkit.text import (
    bits_per_character,
    longest_copied_run,
)


def test_bits_do_not_depend_on_how_a_text_is_cut():
    p = np.array([0.5, 0.25, 0.125])
    assert bits_per_character(np.log(p), 3) == pytest.approx(2)
    assert bits_per_character(np.log([p.prod()]), 3) == pytest.approx(2)


@pytest.mark.parametrize(
    ("log_p", "characters", "message"),
    [([-1.0], 0, "characters is 0"), ([0.3], 1, "0 or less"), ([np.nan], 1, "0 or less")],
)
def test_bits_refuse(log_p, characters, message):
    with pytest.raises(ValueError, match=message):
        bits_per_character(log_p, characters)


# ---- longest_copied_run ----------------------------------------------------------------------


def by_brute_force(made, source):
    pairs = [(i, j) for i in range(len(made) + 1) for j in range(i, len(made) + 1)]
    there = [(j - i, -i) for i, j in pairs if made[i:j] in source]
    length, start = max(there)
    return length, made[-start : length - start]


@settings(max_examples=300)
@given(st.text("ab", max_size=14), st.text("ab", max_size=30))
@example("", "")
@example("abc", "")
@example("aab", "aab")
def test_the_longest_run_is_that_of_brute_force(made, source):
    length, run = longest_copied_run(made, source)
    assert (length, run) == by_brute_force(made, source)


def test_a_planted_run_is_found_in_a_million_characters_in_little_time():
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    source = "".join(rng.choice(letters, 1_000_000))
    made = "".join(rng.choice(letters, 1500))
    planted = source[700_000:700_060]
    began = time.process_time()  # of this process alone, however busy the machine
    length, run = longest_copied_run(made[:900] + planted + made[900:], source)
    assert time.process_time() - began < 30
    assert planted in run
    assert 60 <= length <= 70


@pytest.mark.parametrize(("made", "source"), [([1, 2], "ab"), ("ab", b"ab")])
def test_runs_of_what_is_no_text_are_refused(made, source):
    with pytest.raises(ValueError, match="must be a str; got"):
        longest_copied_run(made, source)
