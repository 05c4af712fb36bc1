"""Claims: hold, fail, choose the right band, and leave a log that can be read."""

import contextlib
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from dlkit.claims import Claims

REAL = SimpleNamespace(source="MNIST, in data/", is_sample=False)
SAMPLE = SimpleNamespace(source="offline sample", is_sample=True)


@pytest.fixture
def strict(monkeypatch):
    """As the course's own tests and tools run lessons."""
    monkeypatch.setenv("DLKIT_STRICT", "1")


@pytest.fixture
def learner(monkeypatch):
    """As a learner runs them."""
    monkeypatch.delenv("DLKIT_STRICT", raising=False)


def test_a_claim_that_holds_prints_the_value_and_not_the_band(capsys):
    Claims("lesson", REAL)("accuracy", 0.98349, real=(0.98, 0.99))
    assert capsys.readouterr().out == "accuracy = 0.9835: within what this course promises\n"


@pytest.mark.parametrize("value", [0.9799, 0.9901, float("nan"), float("inf")])
def test_where_strict_a_claim_outside_its_band_fails_and_says_on_which_data(strict, value):
    with pytest.raises(AssertionError, match=r"accuracy = .* not between 0.98 and 0.99 .*data/"):
        Claims("lesson", REAL)("accuracy", value, real=(0.98, 0.99))


@pytest.mark.parametrize("value", [0.928, float("nan"), float("inf"), -float("inf")])
def test_in_a_learners_hands_it_says_so_in_one_line_and_goes_on(learner, capsys, value):
    Claims("lesson", REAL)("test accuracy", value, real=(0.96, 0.985))
    assert capsys.readouterr().out == (
        f"your result: test accuracy = {value:.4g}; this course's own run gave 0.96 to 0.985. "
        "If you changed something above, that is the difference.\n"
    )


def test_a_band_of_one_number_is_said_as_one(learner, capsys):
    Claims("lesson")("functions", 13, real=(14, 14))
    assert "this course's own run gave 14. " in capsys.readouterr().out


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_only_1_is_strict(monkeypatch, value):
    monkeypatch.setenv("DLKIT_STRICT", value)
    Claims("lesson")("accuracy", 0.5, real=(0.98, 0.99))


def test_these_tests_are_strict():
    assert os.environ["DLKIT_STRICT"] == "1", "conftest.py sets it, for the lessons' kernels too"


def test_the_bounds_belong_to_the_band():
    claims = Claims("lesson", REAL)
    claims("low", 0.98, real=(0.98, 0.99))
    claims("high", 0.99, real=(0.98, 0.99))
    claims("high, in 32 bits 1e-8 more", np.float32(0.99), real=(0.98, 0.99))


def test_beyond_them_by_what_is_printed_it_fails(strict):
    for value in (0.9901, 0.97999, 0.99 + 1e-5):
        with pytest.raises(AssertionError):
            Claims("lesson", REAL)("accuracy", value, real=(0.98, 0.99))
    with pytest.raises(AssertionError):
        Claims("lesson")("difference", 1e-12, real=(0, 0))


def test_the_sample_has_its_own_band(strict):
    bands = {"real": (0.98, 0.99), "sample": (0.8, 0.9)}
    Claims("lesson", SAMPLE)("accuracy", 0.85, **bands)
    with pytest.raises(AssertionError):
        Claims("lesson", REAL)("accuracy", 0.85, **bands)
    with pytest.raises(AssertionError):
        Claims("lesson", SAMPLE)("accuracy", 0.985, **bands)


def test_one_band_serves_both_when_no_other_is_given():
    Claims("lesson", SAMPLE)("difference", 1e-7, real=(0, 1e-6))
    Claims("lesson")("difference", 1e-7, real=(0, 1e-6))


@pytest.mark.parametrize("band", [0.98, (0.98,), (0.99, 0.98), ("a", "b"), (0, float("nan"))])
def test_a_band_that_is_none_is_refused(band):
    with pytest.raises(ValueError, match="band"):
        Claims("lesson")("accuracy", 0.98, real=band)


@pytest.mark.parametrize("strictness", ["1", "0"])
def test_each_claim_is_logged_held_or_not(tmp_path, monkeypatch, strictness):
    log = tmp_path / "claims.jsonl"
    monkeypatch.setenv("DLKIT_CLAIMS", str(log))
    monkeypatch.setenv("DLKIT_STRICT", strictness)
    claims = Claims("07_mnist_mlp", REAL)
    claims("accuracy", 0.985, real=(0.98, 0.99))
    with pytest.raises(AssertionError) if strictness == "1" else contextlib.nullcontext():
        claims("accuracy", 0.5, real=(0.98, 0.99))
    first, second = map(json.loads, log.read_text().splitlines())
    numbers = {"value", "low", "high", "seconds"}
    assert first.keys() == numbers | {"lesson", "name", "data", "is_sample", "held"}
    assert (first["lesson"], first["data"]) == ("07_mnist_mlp", "MNIST, in data/")
    assert first["is_sample"] is False
    assert (first["value"], first["low"], first["high"], first["held"]) == (0.985, 0.98, 0.99, True)
    assert first["seconds"] >= 0
    assert second["held"] is False


def test_the_log_says_that_a_sample_stood_in(tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_CLAIMS", str(tmp_path / "claims.jsonl"))
    Claims("07_mnist_mlp", SAMPLE)("accuracy", 0.85, real=(0.98, 0.99), sample=(0.8, 0.9))
    assert json.loads((tmp_path / "claims.jsonl").read_text())["is_sample"] is True
