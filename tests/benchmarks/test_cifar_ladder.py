"""The ladder's script: every rung trains, one change at a time, and no run is done twice."""

import importlib.util
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cifar_ladder.py"


@pytest.fixture(scope="module")
def ladder():
    spec = importlib.util.spec_from_file_location("cifar_ladder", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 32, 32, 3)).astype("float32")
    return [(x, np.arange(200, dtype="uint8") % 10)] * 3


def test_a_rung_is_measured_on_all_three_parts(ladder, parts):
    result = ladder.run({"network": "lenet", "epochs": 2}, 0, parts)
    assert result["parameters"] == 62_006 and result["seed"] == 0
    assert len(result["train"]) == len(result["val"]) == result["epochs"] == 2
    assert result["test"] == result["val"][-1], "here the three parts are the same images"


def test_one_rung_differs_from_the_next_in_one_thing(ladder):
    rungs = [ladder.RUNGS[name] for name in list(ladder.RUNGS)[:-1]]
    for below, above in zip(rungs, rungs[1:], strict=False):
        keys = (below.keys() | above.keys()) - {"what"}
        assert sum(below.get(key) != above.get(key) for key in keys) == 1


def test_only_training_augments(ladder):
    model = ladder.compiled(ladder.RUNGS["augmented"], 10)
    flip, shift, network = model.layers
    x = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 3)).astype("float32")
    as_used = keras.ops.convert_to_numpy(model(x, training=False))
    np.testing.assert_allclose(as_used, network(x, training=False), atol=1e-6)
    assert np.abs(shift(flip(x, training=True), training=True) - x).max() > 0.1


def test_a_run_in_the_file_is_not_repeated(ladder, parts, tmp_path, monkeypatch, capsys):
    done = []

    def run(rung, seed, _):
        done.append((rung["what"], seed))
        return {"seed": seed, "parameters": 7, "epochs": 10, "test": 50.0 + seed}

    file = tmp_path / "ladder.json"
    monkeypatch.setattr(ladder, "run", run)
    monkeypatch.setattr(ladder, "load", lambda: parts)
    for seeds in "2", "3":
        arguments = ["--rungs", "lenet", "--seeds", seeds, "--out", str(file)]
        monkeypatch.setattr(sys, "argv", ["cifar_ladder.py", *arguments])
        ladder.main()
    assert [seed for _, seed in done] == [0, 1, 2]
    assert len(json.loads(file.read_text())["lenet"]["runs"]) == 3
    assert "51.0 (50.0 to 52.0; 3)" in capsys.readouterr().out


def test_the_sample_is_refused(ladder, monkeypatch):
    monkeypatch.setattr(ladder.data, "load_cifar10", lambda: Sample())
    with pytest.raises(SystemExit, match="needs CIFAR-10 itself"):
        ladder.load()


class Sample:
    """Of CIFAR-10's loader, what the script asks first."""

    is_sample = True
