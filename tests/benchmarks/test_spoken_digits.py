"""The table of spoken digits: who is left out is not learned from, and every arm is alike."""

import importlib.util
import json

import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured
from dlkit.data import spoken

SCRIPT = ROOT / "benchmarks" / "spoken_digits.py"
NAMES = ("ann", "bob", "cy")


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("spoken_digits", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(bench, monkeypatch, tmp_path):
    """Three people, ten digits, ten times each, in noise."""
    rng = np.random.default_rng(0)
    y, speaker, index = (part.ravel() for part in np.mgrid[:10, :3, :10])
    waves = [rng.normal(0, 0.1, 3000).astype(np.float32) for _ in y]
    which = np.select([index < 2, index < 4], [2, 1], 0)
    monkeypatch.setattr(bench, "load", lambda: (waves, y, speaker, which, NAMES))
    monkeypatch.setattr(bench, "BUILD", tmp_path)
    monkeypatch.setattr(bench, "FEW", 20)
    monkeypatch.setattr(bench, "VOICES", (1, 2))
    return bench


@pytest.fixture
def trained(small, monkeypatch):
    """Instead of a training: what was chosen, and logits that are right of whom it knows."""
    calls = []

    def train(name, chosen, seed, epochs=None):
        _, y, speaker, _, _ = small.load()
        chosen = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else chosen
        calls.append((name, chosen, seed, epochs))
        known = np.isin(speaker, speaker[chosen])
        return np.eye(10)[np.where(known, y, (y + 1) % 10)], 1.0

    monkeypatch.setattr(small, "train", train)
    return calls


def test_who_is_left_out_is_not_learned_from(small, trained):
    _, y, speaker, which, _ = small.load()
    found = small.without("same level", 1, seed=0)
    ((_, chosen, _, _),) = trained
    assert set(speaker[chosen]) == {0, 2} and len(chosen) == 200
    assert found["right"] == 0 and np.sum(found["confusion"]) == 100
    found = small.official("same level", seed=0)
    assert set(which[trained[-1][1]]) == {0} and found["test"] == found["val"] == 1


@pytest.mark.parametrize("voices", [1, 2])
def test_few_recordings_are_equally_many_whatever_the_number_of_voices(small, trained, voices):
    _, y, speaker, _, _ = small.load()
    found = small.of_few(voices, 2, seed=0)
    chosen = trained[0][1]
    assert len(chosen) == len(set(chosen)) == found["recordings"] == 20
    assert len(set(speaker[chosen])) == voices and 2 not in speaker[chosen]
    assert np.bincount(y[chosen]).tolist() == [2] * 10


def test_a_table_has_every_arm_speaker_and_seed_and_trains_each_once(small, trained):
    arms = ["as recorded", "same level"]
    rows = small.measure(2, arms)
    assert [row["name"] for row in rows] == arms
    assert all(row["new_voice"] == {who: [0.0, 0.0] for who in NAMES} for row in rows)
    assert all(row["test"] == [100.0, 100.0] for row in rows)
    assert len(trained) == 2 * 2 * 4
    small.measure(2, arms)
    assert len(trained) == 16
    voices = small.measure_voices(1)
    assert list(voices) == ["1", "2"] and set(voices["1"]) == set(NAMES)


def test_the_copies_of_an_arm_differ_and_its_plain_inputs_do_not(small):
    small.prepared.cache_clear()
    wave = small.load()[0][0]
    level, speeds = small.ARMS["same level"], small.ARMS["same level, speeds"]
    np.testing.assert_array_equal(
        small.copy_of(wave, level, None), small.copy_of(wave, level, None)
    )
    rng = np.random.default_rng(0)
    assert (small.copy_of(wave, speeds, rng) != small.copy_of(wave, speeds, rng)).any()
    plain, copies = small.prepared("same level")
    assert len(copies) == 1 and copies[0] is plain and plain.shape == (300, 39, 32, 1)
    plain, copies = small.prepared("same level, all three")
    assert len(copies) == small.COPIES
    np.testing.assert_array_equal(plain, small.prepared("same level")[0])
    small.prepared.cache_clear()


@pytest.mark.slow
def test_a_training_starts_anew_from_its_seed(small):
    small.prepared.cache_clear()
    _, _, speaker, _, _ = small.load()
    first, _ = small.train("same level", speaker != 2, 0, epochs=1)
    other, _ = small.train("same level", speaker != 2, 1, epochs=1)
    again, _ = small.train("same level", speaker != 2, 0, epochs=1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    small.prepared.cache_clear()


def test_the_comparison_is_over_speakers(bench):
    row = {"new_voice": {"ann": [80.0, 82.0], "bob": [70.0, 70.0], "cy": [61.0, 63.0]}}
    base = {"new_voice": {"ann": [78.0, 78.0], "bob": [69.0, 69.0], "cy": [62.0, 62.0]}}
    difference, error = bench.compared(row, base)
    assert difference == pytest.approx(4 / 3)
    assert error == pytest.approx(np.std([3, 1, 0], ddof=1) / np.sqrt(3))
    assert bench.means(row).tolist() == pytest.approx([211 / 3, 215 / 3])


def test_the_kept_table_is_whole(bench):
    table = json.loads(measured.SPOKEN_DIGITS.read_text(encoding="utf-8"))
    assert [row["name"] for row in table["rows"]] == list(bench.ARMS)
    for row in table["rows"]:
        assert list(row["new_voice"]) == list(spoken.SPEAKERS)
        runs = [row["val"], row["test"], *row["new_voice"].values()]
        seeds = len(bench.seeds_of(row["name"], table["seeds"]))
        assert {len(shares) for shares in runs} == {seeds}
        assert all(10 < share <= 100 for shares in runs for share in shares)
        assert np.sum(row["confusion"]) == 3000 * seeds
        read = np.trace(row["confusion"]) / np.sum(row["confusion"])
        assert bench.means(row).mean() == pytest.approx(100 * read, abs=0.02)
    assert list(table["voices"]) == [str(number) for number in bench.VOICES]
    assert {"date", "hardware", "versions", "recipe"} <= set(table)


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_spoken_digits", lambda: sample)
    bench.load.cache_clear()
    with pytest.raises(SystemExit, match="needs the real recordings"):
        bench.load()
