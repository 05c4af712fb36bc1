"""The race of the small GPT: arms alike in what they say, bits as by hand, runs kept one by one."""

import importlib.util
import json
import sys

import keras
import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured
from dlkit.text import Vocabulary

SCRIPT = ROOT / "benchmarks" / "small_gpt.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("small_gpt_race", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts():
    text = "to be or not to be, that is the question: " * 60
    vocabulary = Vocabulary(text)
    return vocabulary, vocabulary.encode(text), vocabulary.encode(text[:500])


def characters(arm):
    return arm["steps"] * arm["batch"] * arm["length"]


def test_the_arms_are_as_equal_as_their_names_say(bench):
    for steps in (750, 1500):
        arms = bench.arms(steps)
        gpt = characters(arms["GPT, 128 wide"])
        assert characters(arms["GRU, equal characters"]) == gpt
        assert {characters(arms[f"GPT, {width} wide"]) for width in (24, 52)} == {gpt}
    small, gru = (
        bench.build(bench.arms(5)[name], 65, 0).count_params()
        for name in ("GPT, 52 wide", "GRU, equal characters")
    )
    assert gru == 72_673  # lesson 14's
    assert small == pytest.approx(gru, rel=0.04)


def test_nanogpt_s_recipe_is_the_published_one(bench):
    arm = bench.arms(750)["nanoGPT's recipe"]
    assert (arm["depth"], arm["width"], arm["batch"], arm["steps"]) == (4, 128, 12, 2000)
    model = bench.build(arm, 65, 0)
    optimizer = model.optimizer
    assert (optimizer.beta_2, optimizer.weight_decay) == (0.99, 0.1)
    rates = [float(optimizer._learning_rate(step)) for step in (50, 100, 2000)]
    np.testing.assert_allclose(rates, [5e-4, 1e-3, 1e-4], rtol=1e-4)
    spread = {w.path.split("/")[0]: float(np.std(w.numpy())) for w in model.weights}
    assert spread["block_0_up"] == pytest.approx(0.02, rel=0.05)
    assert spread["block_3_down"] == pytest.approx(0.02 / 8**0.5, rel=0.05)
    assert spread["norm"] == 0  # all ones


def test_a_narrower_gpt_learns_at_a_rate_as_much_larger(bench):
    for width in (24, 52, 128):
        optimizer = bench.build(bench.arms(100)[f"GPT, {width} wide"], 65, 0).optimizer
        assert float(optimizer._learning_rate(5)) == pytest.approx(3e-3 * 128 / width, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["GRU, equal characters", "GPT, 24 wide", "nanoGPT's recipe"])
def test_an_arm_is_raced_and_its_row_is_whole(bench, texts, name):
    arm = bench.arms(12)[name] | {"steps": 4, "batch": 2, "depth": 1}
    row = bench.race(name, arm, 0, *texts, looks=2)
    assert [point[0] for point in row["curve"]] == [2, 4]
    assert row["bits"] == row["curve"][-1][2] and 0 < row["bits_with_more_context"] < 8
    assert row["characters"] == characters(arm) and row["processor_seconds"] > 0


def test_bits_are_the_mean_of_the_logarithms(bench):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (2, 300, 4))
    table = rng.normal(size=(5, 5))
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(5, 5)])
    model.set_weights([table])
    p = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
    assert bench.bits(model, x, y) == pytest.approx(-np.log2(p[x, y]).mean(), rel=1e-5)
    later = -np.log2(p[x, y])[:, 2:].mean()
    assert bench.bits(model, x, y, slice(2, None)) == pytest.approx(later, rel=1e-5)


def test_windows_are_drawn_and_their_targets_stand_one_further(bench):
    ids, arm = np.arange(100), {"length": 7, "steps": 3, "batch": 4}
    x, y = bench.windows(ids, arm, 0)
    assert x.shape == (12, 7)
    np.testing.assert_array_equal(y, x + 1)
    np.testing.assert_array_equal(x, x[:, :1] + np.arange(7))


def test_seconds_to_a_level_go_straight_between_points(bench):
    row = {"curve": [[1, 10.0, 3.0], [2, 20.0, 2.0]]}
    assert bench.seconds_to(row, 2.5) == 15
    assert bench.seconds_to(row, 2.0) == 20
    assert bench.seconds_to(row, 3.5) == 10
    assert bench.seconds_to(row, 1.9) is None


def test_runs_are_kept_one_by_one_in_order_and_those_of_other_steps_leave(bench, tmp_path):
    path = tmp_path / "race.json"

    def run(name, seed, steps, bits):
        own = bench.arms(steps)[name]["steps"]
        bench.keep({"name": name, "seed": seed, "steps": own, "bits": bits}, steps, path)

    run("GPT, 52 wide", 1, 750, 1)
    run("nanoGPT's recipe", 0, 750, 2)
    run("GPT, 52 wide", 0, 750, 3)
    run("GPT, 52 wide", 1, 750, 4)
    assert [row["bits"] for row in json.loads(path.read_text())["rows"]] == [3, 4, 2]
    run("GPT, 52 wide", 0, 1500, 5)
    table = json.loads(path.read_text())
    assert [row["bits"] for row in table["rows"]] == [5, 2] and table["steps"] == 1500


def test_the_kept_table_fits_the_script(bench):
    table = json.loads(measured.SMALL_GPT.read_text())
    known = bench.arms(table["steps"])
    assert table["rows"]
    for row in table["rows"]:
        assert row["steps"] == known[row["name"]]["steps"]
        assert row["characters"] == characters(known[row["name"]])
        assert row["bits"] == row["curve"][-1][2]


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_shakespeare", lambda: sample)
    with pytest.raises(SystemExit, match="needs Shakespeare"):
        bench.load()


def test_the_command_races_what_is_asked_and_says_how_much_faster(bench, monkeypatch, capsys):
    def race(name, arm, seed, *texts):
        curve = [[1, 10.0, 3.0], [2, 20.0, 2.0 if "128" in name else 2.5]]
        zeros = dict.fromkeys(["parameters", "characters"], 0)
        more = {"bits": curve[-1][2], "bits_with_more_context": 2.0, "processor_seconds": 20.0}
        return {"name": name, "seed": seed, "curve": curve, **zeros, **more}

    monkeypatch.setattr(bench, "load", lambda: ())
    monkeypatch.setattr(bench, "race", race)
    asked = ["--seeds", "3", "--only", "GPT, 128 wide", "nanoGPT's recipe"]
    monkeypatch.setattr(sys, "argv", ["small_gpt.py", *asked])
    bench.main()
    out = capsys.readouterr().out
    assert "seed 3: at nanoGPT's 2.500 bits 1.3 times faster" in out
    assert out.count("| 3 |") == 2
