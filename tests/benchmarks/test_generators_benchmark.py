"""The generators of benchmarks/generators.py: their networks, the judge's rows, the table kept."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured

SCRIPT = ROOT / "benchmarks" / "generators.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("generators_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny(n=200, seed=0):
    """Pictures whose kind is where their light is."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 10
    x = 0.2 * rng.random((n, 28, 28, 1), dtype="float32")
    for i, kind in enumerate(y):
        x[i, 2 * kind + 3 : 2 * kind + 6, 4:24] += 0.8
    return np.clip(x, 0, 1), y


def test_the_network_has_the_parameters_counted_by_hand(bench):
    w = 256
    block = 2 * w + 2 * (w * w + w)
    told = 12 * w + w + 11 * w
    expected = told + 32 * w + w + 3 * block + 2 * w + w * 32 + 32
    assert bench.build_velocity(32).count_params() == expected


def test_following_a_known_velocity_leads_where_it_must(bench, monkeypatch):
    """v = class - 0 for told, 0 for untold: Euler is exact, and guidance multiplies."""

    def fake(network, given):
        place, _, asked = given
        return np.where(asked == bench.NOTHING, 0, asked)[:, None] * np.ones_like(place)

    monkeypatch.setattr(bench, "predict", fake)
    asked = np.array([0, 3, 7])
    start = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    for w in (1, 2):
        found = bench.follow(None, asked, 2, w, np.random.default_rng(0), steps=5)
        np.testing.assert_allclose(found, start + w * asked[:, None], rtol=1e-5)


@pytest.mark.slow
def test_a_small_flow_learns_to_draw_two_points(bench):
    y = np.arange(4000) % 2
    rows = np.where(y[:, None] == 0, -1.0, 1.0).astype("float32") * np.ones((1, 2), "float32")
    network = bench.build_velocity(2, width=32, blocks=1)
    bench.train_velocity(network, rows, y, 30, seed=0)
    asked = np.arange(100) % 2
    found = bench.follow(network, asked, 2, 1, np.random.default_rng(0))
    assert np.mean(np.sign(found[:, 0]) == np.where(asked == 0, -1, 1)) > 0.9


@pytest.mark.slow
def test_each_family_draws_pictures_and_gets_a_whole_row(bench, monkeypatch):
    monkeypatch.setattr(bench, "DRAWN", 60)
    monkeypatch.setattr(bench, "COMPARED", 20)
    monkeypatch.setitem(bench.FAMILIES, "gan", lambda *given: bench.gan(*given, rounds=20))
    x, y = tiny()
    x_test, y_test = tiny(120, seed=1)
    judge = bench.train_judge(x, y, epochs=1)
    for name, family in bench.FAMILIES.items():
        for generator in family(x, y, 0):
            row = bench.measure(generator, 0, judge, x, x_test, y_test)
            assert row["name"] == generator.name and row["frechet"] >= 0, name
            assert (row["as_asked"] is None) == (generator.name == "VAE of lesson 19")
            assert 0 <= row["coverage"] <= 1 and row["nearest"] >= 0
            if generator.name == "(copies of training digits)":
                assert row["nearest"] == 0
            if generator.name == "(test digits)":
                assert row["nearest"] == 1


def test_rows_are_kept_one_by_one(bench, tmp_path):
    path = tmp_path / "table.json"
    for name, seed, value in [("b", 0, 1), ("a", 1, 2), ("a", 0, 3), ("a", 1, 4)]:
        bench.keep({"name": name, "seed": seed, "frechet": value}, path)
    assert [row["frechet"] for row in json.loads(path.read_text())["rows"]] == [3, 4, 1]


def test_the_kept_table_has_its_controls():
    table = json.loads(measured.GENERATORS.read_text())
    rows = {row["name"]: row for row in table["rows"] if row["seed"] == 0}
    assert rows["(test digits)"]["nearest"] == 1
    assert rows["(copies of training digits)"]["nearest"] < 0.01
    assert rows["(test digits)"]["as_asked"] > 0.98


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_mnist", lambda: sample)
    with pytest.raises(SystemExit, match="needs MNIST"):
        bench.load()


def test_the_command_measures_what_is_asked(bench, monkeypatch, capsys):
    def family(x, y, seed):
        return [bench.Generator("one", None, True, 0.0), bench.Generator("two", None, False, 0.0)]

    def row(generator, seed, *_):
        return {"name": generator.name, "seed": seed, "as_asked": None}

    monkeypatch.setattr(bench, "load", lambda: (None,) * 4)
    monkeypatch.setattr(bench, "train_judge", lambda *_: None)
    monkeypatch.setattr(bench, "measure", row)
    monkeypatch.setitem(bench.FAMILIES, "vae", family)
    monkeypatch.setattr(sys, "argv", ["generators.py", "--seeds", "3", "4", "--only", "vae"])
    bench.main()
    out = capsys.readouterr().out
    assert out.count("| one |") == 2 and out.count("| two | 4 | – |") == 1
