"""The benchmark of attention: arms differ in one thing, no run is done twice."""

import importlib.util
import json
import sys

import keras
import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured
from dlkit.data import draw_dates
from dlkit.scratch import attention

SCRIPT = ROOT / "benchmarks" / "attention.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("attention_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lines():
    return draw_dates(20, dates=(1, 3), seed=3)


@pytest.fixture(scope="module")
def table(bench, lines):
    return bench.Table(lines)


def test_what_was_written_before_is_the_target_one_step_late(bench, table, lines):
    read, before, target = table.arrays(lines)
    assert read.shape == (20, max(map(len, lines.written)))
    assert (before[:, 0] == bench.START).all()
    for row, late, digits in zip(target, before, lines.digits, strict=True):
        n = len(digits)
        assert row[n] == bench.END and not row[n + 1 :].any()
        np.testing.assert_array_equal(late[1 : n + 1], row[:n])
        assert bench.END not in late and (row[:n] > bench.END).all()


def test_a_token_that_no_line_of_training_has_gets_a_number_of_its_own(table):
    (row,) = table.encode([["never seen"]])
    assert row[0] == table.size - 1 and row[0] not in table.numbers.values()


def test_the_arms_differ_in_the_look_alone(bench, table):
    without, nothing = bench.translator("last state", table.size)
    with_it, looks = bench.translator("attention", table.size)
    units = bench.RECIPE["units"]
    assert nothing is None and looks is not None
    assert with_it.count_params() - without.count_params() == units**2 + units  # the queries'


def test_attention_sees_no_padding_and_its_weights_sum_to_one(bench, table, lines):
    _, looks = bench.translator("attention", table.size)
    read, before, _ = table.arrays(lines)
    weights = keras.ops.convert_to_numpy(looks([read, before]))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert not weights.transpose(0, 2, 1)[read == bench.PAD].any()


def test_padding_changes_no_prediction(bench, table):
    short, long = ["3", "May", "20", "24"], ["3"] * 12
    for arm in bench.ARMS:
        model, _ = bench.translator(arm, table.size)
        before = np.full((1, 3), bench.START)
        alone = model([table.encode([short]), before])
        beside = model([table.encode([short, long]), np.repeat(before, 2, axis=0)])
        np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


class Writer:
    """Predicts the target, but for the tokens of some lines."""

    def __init__(self, target, size, wrong):
        self.answer = np.eye(size)[target]
        for line, place in wrong:
            self.answer[line, place] = np.eye(size)[0]

    def predict(self, inputs, **_):
        return self.answer


def test_a_line_is_right_if_all_of_it_is_and_padding_does_not_count(bench, table, lines):
    arrays = table.arrays(lines)
    ends = np.argmax(arrays[2] == bench.END, axis=1)
    writer = Writer(arrays[2], table.size, wrong=[(0, 0), (1, ends[1])])
    right = bench.right_lines(writer, arrays)
    assert not right[:2].any() and right[2:].all()
    padded = [line for line in range(2, 20) if ends[line] + 1 < arrays[2].shape[1]]
    writer.answer[padded, -1] = np.eye(table.size)[7]
    assert bench.right_lines(writer, arrays)[2:].all()


def test_looks_at_the_right_tokens_are_counted(bench, table):
    lines = draw_dates(30, dates=2, seed=5)
    read, before, _ = table.arrays(lines)
    weights = np.zeros((30, before.shape[1], read.shape[1]))
    for row, written, digits in zip(weights, lines.written_parts, lines.digit_parts, strict=True):
        for place, part in enumerate(digits):
            row[place, np.flatnonzero(written == part)[-1]] = 1

    class Looks:
        def predict(self, *_, **__):
            return weights

    assert bench.aligned(Looks(), table, lines) == 1
    weights[:] = weights[:, :, ::-1]
    assert bench.aligned(Looks(), table, lines) < 0.7


def test_the_rate_is_chosen_on_validation_lines_of_trained_lengths(bench):
    def run(rate, seed, val):
        return {"arm": "attention", "rate": rate, "seed": seed, "val": val}

    runs = [
        run(0.1, 0, [0.9, 0.5, 0.5, 1, 1]),
        run(0.2, 0, [0.9, 0.6, 0.5, 0, 0]),
        run(0.3, 1, [1, 1, 1, 1, 1]),
    ]
    assert bench.best_rate(runs, "attention") == 0.2


def test_no_run_is_done_twice_and_each_is_kept_at_once(bench, monkeypatch):
    done, saved = [], []

    def train(arm, rate, seed):
        done.append((arm, rate, seed))
        right = [rate] * 5
        return dict(arm=arm, rate=rate, seed=seed, val=right, test=right, processor_seconds=1)

    monkeypatch.setattr(bench, "train", train)
    kept = {}
    for seeds in (1, 3):
        bench.accuracy(kept, seeds, lambda: saved.append(len(kept["runs"])))
    tuned = len(bench.ARMS) * len(bench.RATES)
    assert len(done) == len({*done}) == tuned + 2 * len(bench.ARMS)
    assert {rate for _, rate, seed in done if seed} == {max(bench.RATES)}
    assert saved[-1] == len(done) and saved[0] == 1


def test_runs_of_another_recipe_are_not_kept(bench, monkeypatch):
    monkeypatch.setattr(
        bench,
        "train",
        lambda arm, rate, seed: {
            "arm": arm,
            "rate": rate,
            "seed": seed,
            "val": [1] * 5,
            "test": [1] * 5,
            "processor_seconds": 1,
        },
    )
    kept = {"recipe": bench.RECIPE | {"units": 3}, "runs": [{"arm": "attention"}]}
    bench.accuracy(kept, 1, lambda: None)
    assert kept["recipe"] == bench.RECIPE and len(kept["runs"]) == 4


def test_of_attention_time_and_memory_go_with_the_square_by_formula(bench):
    rng = np.random.default_rng(0)
    held = [bench.most_memory(bench.attend(size, rng)) for size in (256, 512)]
    assert held[1] / held[0] == pytest.approx(4, rel=0.15)
    held = [bench.most_memory(bench.recur(size, rng)) for size in (256, 512)]
    assert held[1] / held[0] == pytest.approx(2, rel=0.25)


def test_the_looking_layer_is_that_of_dlkit(bench):
    """Its gradient, by our own way back, is what the tape finds."""
    keras.utils.set_random_seed(0)
    layer = bench.looking_back()
    curve = bench.gradient_by_distance(layer, np.random.default_rng(0), batch=2)
    ours = attention.MultiHeadAttention(1, bench.UNITS)
    ours.build((2, bench.DISTANCES, bench.FEATURES), np.random.default_rng(1))
    ours.set_weights(layer.get_weights())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, bench.DISTANCES, bench.FEATURES)).astype("float32")
    y = ours(x)
    upstream = np.zeros_like(y)
    upstream[:, -1] = rng.normal(size=y[:, -1].shape)
    norms = np.linalg.norm(ours.backward(upstream), axis=-1).mean(axis=0)[::-1]
    np.testing.assert_allclose(curve, norms / norms[0], rtol=1e-3)


def test_a_list_of_numbers_stands_on_one_line(bench):
    table = {"a": [1, -2.5e-7], "b": [[1, 2], [3]], "c": [{"d": []}], "e": "[1,\n 2]"}
    text = bench.in_lines(table)
    assert json.loads(text) == table
    assert '"a": [1, -2.5e-07]' in text and "\n  [1, 2],\n" in text


def test_the_kept_table_holds_what_the_lesson_shows(bench):
    table = json.loads(measured.ATTENTION.read_text())
    assert table["machine"] and table["date"]
    curves = table["reach"]["curves"]
    assert list(curves) == list(bench.FRESH)
    for rows in curves.values():
        assert np.shape(rows) == (3, bench.DISTANCES) and np.all(np.array(rows)[:, 0] == 1)
    assert table["cost"]["sizes"] == list(bench.SIZES)
    assert {*table["cost"]["rows"]} == {"attention", "simple"}


def test_a_single_seed_is_not_kept(bench, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["attention.py", "--seeds", "1", "--keep"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "three seeds or more" in capsys.readouterr().err


def test_the_kept_accuracies_are_of_this_recipe(bench):
    kept = json.loads(measured.ATTENTION.read_text())["accuracy"]
    assert kept["recipe"] == bench.RECIPE and kept["lengths"] == list(bench.LENGTHS)
    which = [(run["arm"], run["rate"], run["seed"]) for run in kept["runs"]]
    assert len({*which}) == len(which)
    assert {arm for arm, _, _ in which} == {*bench.ARMS}
    for run in kept["runs"]:
        assert len(run["val"]) == len(run["test"]) == len(bench.LENGTHS)
        assert ("aligned" in run) == (run["arm"] == "attention")
