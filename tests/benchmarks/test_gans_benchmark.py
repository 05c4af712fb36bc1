"""The games of benchmarks/gans.py: what each player's step moves, the penalty, the table kept."""

import importlib.util
import json

import keras
import numpy as np
import pytest
from helpers import ROOT

from dlkit import measured
from dlkit.scratch import layers as by_hand
from dlkit.scratch.gradients import numerical_gradient
from dlkit.scratch.sequential import Sequential

SCRIPT = ROOT / "benchmarks" / "gans.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("gans_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorder:
    """An optimizer that moves nothing."""

    def apply(self, gradients, variables):
        self.gradients = [gradient.copy() for gradient in gradients]


def test_real_points_reach_all_heaps_and_one_heap_is_one(bench):
    rng = np.random.default_rng(0)
    assert bench.count_heaps(bench.draw_ring(2000, rng)) == (8, 1.0)
    assert bench.count_heaps(np.tile(bench.CENTERS[3], (100, 1))) == (1, 1.0)
    assert bench.count_heaps(np.zeros((100, 2))) == (0, 0.0)


@pytest.mark.parametrize("penalty", [0.0, 0.7])
def test_the_step_of_the_judge_follows_the_slope_of_its_loss(bench, penalty):
    """By differences of the loss as it is defined, with the same random directions."""
    judge = Sequential([by_hand.Dense(5, "tanh"), by_hand.Dense(1)], seed=1, dtype="float64")
    real, fake = np.random.default_rng(2).normal(size=(2, 6, 2))
    judge(real)
    recorder = Recorder()
    bench.judge_step(judge, recorder, real, fake, penalty, np.random.default_rng(3))
    both = np.concatenate([real, fake])
    moved = both + bench.NUDGE * np.random.default_rng(3).normal(size=both.shape)

    def loss(kernel):
        judge.layers[0].variables[0][...] = kernel
        logits = judge(both)
        cross = np.logaddexp(0, -logits[:6]).mean() + np.logaddexp(0, logits[6:]).mean()
        if not penalty:
            return cross
        steep = ((judge(moved) - logits) / bench.NUDGE) ** 2
        return cross + penalty / 2 * (steep[:6].mean() + steep[6:].mean())

    expected = numerical_gradient(loss, judge.layers[0].variables[0].copy())
    np.testing.assert_allclose(recorder.gradients[0], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("settings", [{}, {"penalty": 0.0}, {"in_pairs": False}])
def test_each_step_moves_one_player_and_not_a_bit_of_the_other(bench, settings):
    generator, judge = bench.build_players(0, code=6, units=8)
    trainers = bench.build_trainers(generator, judge, 10, **settings)
    batch = [np.ones((4, 6)), np.ones((4, bench.NOISE)), np.eye(10)[:4]]
    for trainer, learns, waits in (
        (trainers[0], judge, generator),
        (trainers[1], generator, judge),
    ):
        for _ in range(2):
            learns.trainable, waits.trainable = True, False
            before = learns.get_weights(), waits.get_weights()
            trainer.train_on_batch(batch, np.zeros((4, 1)))
            assert any(np.any(a != b) for a, b in zip(before[0], learns.get_weights(), strict=True))
            for a, b in zip(before[1], waits.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_the_penalty_in_keras_is_the_squared_slope(bench):
    """Of a judge that is linear in the digit, with the same slope everywhere."""
    code = 4
    digit, kind = keras.Input((code,)), keras.Input((10,))
    h = keras.layers.Dense(1, name="slope")(digit) + keras.layers.Dense(1)(kind)
    judge = keras.Model([digit, kind], h)
    slopes = np.array([[1.0], [-2.0], [0.5], [0.0]])
    judge.get_layer("slope").kernel.assign(slopes)
    generator, _ = bench.build_players(0, code=code, units=8)
    with_penalty, _ = bench.build_trainers(generator, judge, 10, penalty=2.0)
    without, _ = bench.build_trainers(generator, judge, 10, penalty=0.0)
    rng = np.random.default_rng(0)
    batch = [
        rng.normal(size=(5000, code)),
        rng.normal(size=(5000, bench.NOISE)),
        np.eye(10)[np.zeros(5000, int)],
    ]
    more = with_penalty(batch, training=True) - without(batch, training=True)
    found = float(np.mean(keras.ops.convert_to_numpy(more)))
    assert found == pytest.approx(2 * np.sum(slopes**2), rel=0.1)  # penalty / 2, twice


def test_kept_runs_replace_the_same_run(bench, tmp_path):
    path = tmp_path / "table.json"
    for heaps, seed in ((3, 1), (8, 0), (5, 1)):
        bench.keep("ring", {"name": "5 steps", "seed": seed, "heaps": heaps}, path)
    bench.keep("digits", {"name": "pairs, penalties", "seed": 0}, path)
    table = json.loads(path.read_text(encoding="utf-8"))
    assert [(row["seed"], row["heaps"]) for row in table["ring"]] == [(0, 8), (1, 5)]
    assert len(table["digits"]) == 1


def test_the_table_kept_is_of_these_games(bench):
    table = json.loads(measured.GANS.read_text(encoding="utf-8"))
    assert {row["name"] for row in table["ring"]} <= set(bench.RING)
    assert {row["name"] for row in table["digits"]} <= set(bench.DIGITS)
    for row in table["ring"]:
        assert 0 <= row["heaps"] <= 8 and 0 <= row["near"] <= 1
