"""The VAEs of benchmarks/autoencoders.py: their shapes, their bound, and the table kept."""

import importlib.util
import json
import sys

import keras
import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured

SCRIPT = ROOT / "benchmarks" / "autoencoders.py"
TINY = {"numbers": 2, "hidden": [5], "activation": "tanh", "epochs": 2}


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("autoencoders_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gray_pixels(n=300, pixels=12):
    return np.random.default_rng(0).random((n, pixels), dtype="float32")


def test_the_published_shape_is_that_of_the_paper(bench):
    """784-200-200-50 and back, with means and variances: weights and biases counted by hand."""
    arm = bench.ARMS["two layers of 200, 24 epochs"]
    assert (arm["numbers"], arm["hidden"], arm["activation"]) == (50, [200, 200], "tanh")
    encoder = 785 * 200 + 201 * 200 + 201 * 100
    decoder = 51 * 200 + 201 * 200 + 201 * 784
    assert bench.build(arm, 0)[0].count_params() == encoder + decoder + 1  # and beta


def test_arms_differ_in_shape_or_in_epochs_alone(bench):
    for shape in (bench.LESSON, bench.PAPER):
        epochs = [arm["epochs"] for arm in bench.ARMS.values() if arm | shape == arm]
        assert epochs == [6, 24]


def test_the_bound_of_a_decoder_that_ignores_its_code_is_exact(bench):
    """Whatever q says: with p(x | z) the same for all z, many draws give log p(x)."""
    _, encoder, decoder = bench.build(TINY, 0, 12)
    decoder.layers[-1].kernel.assign(np.zeros((5, 12)))
    black = bench.binarize(gray_pixels(20), np.random.default_rng(1))
    rng = np.random.default_rng(2)
    one, many = (bench.bound(encoder, decoder, black, draws, rng) for draws in (1, 300))
    assert many == pytest.approx(12 * np.log(2), abs=0.05)
    assert many < one + 0.5


@pytest.mark.slow
def test_a_row_is_whole(bench):
    x = gray_pixels()
    judge = bench.train_judge(x, np.arange(len(x)) % 10, epochs=1)
    row = bench.measure("tiny", TINY, 0, x, x[:50], judge)
    assert row["parameters"] == 13 * 5 + 6 * 4 + 3 * 5 + 6 * 12
    assert row["epochs"] == 2 and row["processor_seconds"] > 0
    assert 0 < row["bound"] < 12 and row["bound"] < row["minus_elbo"] + 1
    assert 0 <= row["taken_for_digits"] <= 1 and 0 <= row["numbers_in_use"] <= 2


def test_the_share_taken_counts_sure_answers(bench):
    judge = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    pictures = np.array([[0.9, 0.1], [0.6, 0.7], [0.0, 0.2], [0.8, 0.4]])
    assert bench.share_taken(judge, pictures) == 0  # a softmax of 0 and 1 is 0.73 at most
    sharp = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(9.0), *judge.layers])
    assert bench.share_taken(sharp, pictures) == 0.5


def test_runs_are_kept_one_by_one_in_order(bench, tmp_path):
    path, names = tmp_path / "table.json", list(bench.ARMS)
    for name, seed, nats in [
        (names[1], 1, 1),
        (names[2], 0, 2),
        (names[1], 0, 3),
        (names[1], 1, 4),
    ]:
        bench.keep({"name": name, "seed": seed, "bound": nats}, path)
    assert [row["bound"] for row in json.loads(path.read_text())["rows"]] == [3, 4, 2]


def test_the_kept_table_fits_the_script(bench):
    rows = json.loads(measured.AUTOENCODERS.read_text())["rows"]
    assert rows
    for row in rows:
        assert row["epochs"] == bench.ARMS[row["name"]]["epochs"]
        assert 60 < row["bound"] < row["minus_elbo"] < 140


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_mnist", lambda: sample)
    with pytest.raises(SystemExit, match="needs MNIST"):
        bench.load()


def test_the_command_measures_what_is_asked(bench, monkeypatch, capsys):
    def fake_measure(name, arm, seed, *_):
        zeros = dict.fromkeys(
            ["parameters", "processor_seconds", "minus_elbo", "bound", "code_nats"], 0
        )
        return {"name": name, "seed": seed, "numbers_in_use": 1, "taken_for_digits": 0.5} | zeros

    monkeypatch.setattr(bench, "load", lambda: (None, None, None))
    monkeypatch.setattr(bench, "train_judge", lambda *_: None)
    monkeypatch.setattr(bench, "measure", fake_measure)
    asked = ["--seeds", "3", "4", "--only", "lesson 19, 6 epochs"]
    monkeypatch.setattr(sys, "argv", ["autoencoders.py", *asked])
    bench.main()
    out = capsys.readouterr().out
    assert out.count("| lesson 19, 6 epochs |") == 2 and "two layers" not in out
