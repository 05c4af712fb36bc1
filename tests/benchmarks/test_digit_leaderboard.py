"""The leaderboard: one change an arm, rates chosen on validation, the test set read last."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured

SCRIPT = ROOT / "benchmarks" / "digit_leaderboard.py"


@pytest.fixture(scope="module")
def board():
    spec = importlib.util.spec_from_file_location("digit_leaderboard", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 10
    images = [np.eye(10)[y] @ rng.random((10, 20)) + rng.normal(0, 0.1, (60, 20)) for _ in range(3)]
    return [(x.astype("float32"), y) for x in images]


def test_each_arm_differs_from_the_recipe_in_one_thing(board):
    for name, change in board.CHANGES.items():
        assert len(change) == (name != "the recipe"), name
        assert all(board.RECIPE[key] != value for key, value in change.items()), name


def test_what_goes_at_once_also_went_alone_and_one_part_more_each_time(board):
    (_, first), (_, second) = board.LEANER.items()
    for key, value in second.items():
        assert {key: value} in board.CHANGES.values()
    assert len(second) == len(first) + 1 and first.items() < second.items()


def test_the_grids_of_rates_are_alike(board):
    for rates in board.RATES.values():
        steps = np.divide(rates[1:], rates[:-1])
        np.testing.assert_allclose(steps, 3, atol=0.4)
    assert {len(rates) for rates in board.RATES.values()} == {3}


def test_the_nearest_mean_is_the_nearest(board, parts):
    (x, y), (x_val, _), _ = parts
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    distances = np.linalg.norm(x_val[:, None] - means, axis=2)
    logits = board.nearest_mean(x, y)(x_val)
    np.testing.assert_array_equal(logits.argmax(axis=1), distances.argmin(axis=1))


@pytest.mark.parametrize("name", ["the recipe", "one hidden layer: 512", "SGD with momentum"])
def test_an_arm_of_keras_trains(board, parts, name):
    predict = board.by_keras(board.CHANGES[name], 0.003, 0, *parts[0])
    assert predict(parts[1][0]).shape == (60, 10)


def test_the_schedules_end_at_zero_and_reach_their_peak(board):
    for schedule in ("warm-up and cosine", "cosine"):
        rate = board.rate_over_time(schedule, 0.1, 100)
        over_time = [float(rate(step)) for step in range(101)]
        assert max(over_time) == pytest.approx(0.1) and over_time[-1] == pytest.approx(0, abs=1e-6)
    assert board.rate_over_time("constant", 0.1, 100) == 0.1


class Truth:
    """An arm whose accuracy on validation is set by its rate."""

    def __init__(self, part):
        self.part, self.calls = part, []

    def __call__(self, rate, seed, x, y):
        self.calls.append((rate, seed))
        labels = np.where(np.arange(60) < 60 * rate, self.part[1], (self.part[1] + 1) % 10)
        return lambda images: np.eye(10)[labels]


def test_the_rate_is_chosen_with_the_first_seed_and_kept_for_the_others(board, parts):
    train = Truth(parts[1])
    arm = board.tuned("any", train, (0.1, 0.9, 0.5), 3, *parts[:2])
    assert train.calls == [(0.1, 0), (0.9, 0), (0.5, 0), (0.9, 1), (0.9, 2)]
    assert arm["rate"] == 0.9 and arm["val"] == [0.9] * 3


def test_the_test_set_is_read_after_all_training(board, parts, monkeypatch):
    read, trained = [], []

    def train(rate, seed, x, y):
        trained.append(len(read))
        return lambda images: read.append(images is parts[2][0]) or np.eye(10)[parts[0][1]]

    arms = {"nearest mean": (train, None), "the recipe": (train, (1, 2)), "b": (train, (1, 2))}
    monkeypatch.setattr(board, "arms", lambda: arms)
    rows = board.measure(2, parts)
    first = read.index(True)
    assert all(read[first:]) and max(trained) <= first and sum(read) == 1 + 2 + 2
    assert [row["name"] for row in rows] == list(arms)


def test_a_row_compares_on_the_same_images(board):
    of_recipe = np.array([[True] * 9 + [False]] * 2)
    right = np.array([[False] * 6 + [True] * 4, [True] * 10])
    entry = board.row("any", {"rate": None, "val": [0.5]}, right, of_recipe)
    assert entry["only_recipe"] == [6, 0] and entry["only_this"] == [1, 1]
    assert entry["p"] == [0.12, 1.0]  # 2 (1 + 7) / 128, and one coin alone
    assert entry["difference"] == pytest.approx(-20) and entry["test"] == [40.0, 100.0]


def test_some_rows_are_renewed_and_the_others_stay(board, parts, tmp_path, monkeypatch):
    def train(rate, seed, x, y):
        return lambda images: np.eye(10)[parts[0][1]]

    arms = {"nearest mean": (train, None), "the recipe": (train, (1,)), "b": (train, (1,))}
    monkeypatch.setattr(board, "arms", lambda: arms)
    file = tmp_path / "board.json"
    board.keep([{"name": "b", "test": [1]}, {"name": "nearest mean", "test": [2]}], file)
    board.keep(board.measure(3, parts, ["b"]), file)
    rows = json.loads(file.read_text())["rows"]
    assert [row["name"] for row in rows] == ["nearest mean", "the recipe", "b"]
    assert rows[0]["test"] == [2] and rows[1]["test"] == rows[2]["test"] == [100, 100, 100]


def test_the_kept_table_is_whole(board):
    table = json.loads(measured.DIGIT_LEADERBOARD.read_text())
    assert [row["name"] for row in table["rows"]] == list(board.arms())
    assert {**table["recipe"], "units": tuple(table["recipe"]["units"])} == board.RECIPE
    for row in table["rows"][1:]:
        assert len(row["test"]) == len(row["val"]) == 3 and row["rate"] in map(float, row["rates"])


def test_a_single_seed_is_not_kept(board, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["digit_leaderboard.py", "--seeds", "1", "--keep"])
    with pytest.raises(SystemExit):
        board.main()
    assert "three seeds or more" in capsys.readouterr().err


def test_the_sample_is_refused(board, monkeypatch):
    monkeypatch.setattr(board.data, "load_mnist", lambda: type("Sample", (), {"is_sample": True}))
    with pytest.raises(SystemExit, match="needs MNIST itself"):
        board.load()
