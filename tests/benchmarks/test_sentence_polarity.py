"""Lesson 15's table: settings chosen on validation, each sentence judged once, test read last."""

import importlib.util
import json

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import ROOT
from scipy import stats
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

from dlkit import measured
from dlkit.data import Split

SCRIPT = ROOT / "benchmarks" / "sentence_polarity.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("sentence_polarity_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def part(n, seed):
    """Sentences whose words tell the label, but for the noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    words = [("dull", "flat", "bad"), ("fine", "warm", "good")]
    x = [f"the film {i} is {rng.choice(words[label])} ." for i, label in enumerate(y)]
    return Split(np.array(x, object), y.astype("uint8"))


@pytest.fixture
def parts():
    return part(120, 0), part(40, 1), part(40, 2)


class Fake:
    """Every arm: an honest judge of a share of the sentences, which notes what it was shown."""

    def __init__(self):
        self.calls = []

    def judge(self, name, setting, seed, counts, x, y, **others):
        self.calls.append((name, setting, seed, len(x), tuple(others)))
        good = ("fine", "warm", "good")
        signs = {
            key: [1.5 if any(word in s.split() for word in good) else -0.5 for s in sentences]
            for key, sentences in others.items()
        }
        return {"parameters": 7, "seconds": 1.0, **signs}

    def choose(self, name, counts, train_part, val):
        self.calls.append((name, "settings", 0, len(train_part.x), ()))
        return {2: 70.0, 3: 80.0, 4: 80.0}


@pytest.fixture
def fake(bench, monkeypatch):
    fake = Fake()
    monkeypatch.setattr(bench, "judge", fake.judge)
    monkeypatch.setattr(bench, "choose", fake.choose)
    return fake


def test_the_folds_hold_each_sentence_once_and_as_many_of_each_class(bench):
    y = np.random.default_rng(0).permutation(np.arange(1066) % 2)
    fold = bench.folds(y)
    assert set(fold) == set(range(10))
    for label in (0, 1):
        counts = np.bincount(fold[y == label])
        assert counts.max() - counts.min() <= 1 and counts.sum() == 533


def test_each_negated_sentence_differs_from_its_plain_one_by_the_negation_alone(bench):
    plain, negated, y_plain, y_negated = bench.negation_set()
    assert len(plain) == len(negated) == 2 * 12 * 4 * 5 and y_plain.mean() == 0.5
    np.testing.assert_array_equal(y_plain + y_negated, 1)
    for first, second in zip(plain, negated, strict=True):
        *subject, word, stop = first.split()
        assert second.startswith(" ".join(subject)) and second.endswith(f" {word} {stop}")
        assert any(f" {how} " in second for how in bench.NEGATIONS)
    assert len(set(negated)) == len(negated)
    assert not set(bench.GOOD) & set(bench.BAD)


def test_the_ratios_are_those_of_scikit_learns_naive_bayes(bench, parts):
    (x, y), *_ = parts
    counts = CountVectorizer().fit_transform(x)
    model = MultinomialNB(alpha=1).fit(counts, y)
    expected = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    np.testing.assert_allclose(bench.ratios(counts, y).diagonal(), expected, atol=1e-12)


def test_every_linear_arm_learns(bench, parts):
    train, val, _ = parts
    counts = bench.Counts([*train.x, *val.x])
    for name, settings in bench.SETTINGS.items():
        if name not in bench.NETWORKS:
            log_odds, numbers = bench.linear(name, settings[-1], counts, *train)
            assert bench.accuracy(log_odds(val.x), val.y) == 100, name
            assert numbers > 10
            chosen = bench.choose(name, counts, train, val)
            assert list(chosen) == list(settings) and chosen[settings[-1]] == 100


@pytest.mark.parametrize("name", ["TF-IDF 1-grams", "the same", "RIVAL", "CHARACTERS"])
def test_the_features_are_those_of_a_vectorizer_that_saw_the_training_part_alone(
    bench, parts, name
):
    name = getattr(bench, name, name)
    train, val, _ = parts
    counts = bench.Counts([*train.x, *val.x])
    x, make = bench.features(name, counts, *train)
    own = {"tokenizer": bench.split_words, "token_pattern": None}
    makers = [TfidfVectorizer(ngram_range=(1, 1 if "1-grams" in name else 2), **own)]
    if name == "the same":
        makers = [TfidfVectorizer(ngram_range=(1, 2))]
    if name == bench.CHARACTERS:
        more = {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True}
        makers.append(TfidfVectorizer(**more))
    for found, sentences in ((x, train.x), (make(val.x), val.x)):
        expected = sp.hstack([maker.fit(train.x).transform(sentences) for maker in makers])
        assert found.shape == expected.shape
        np.testing.assert_allclose(
            (found @ found.T).toarray(), (expected @ expected.T).toarray(), atol=1e-12
        )


def test_the_ratios_weigh_what_is_there_or_not(bench, parts):
    train, val, _ = parts
    _, make = bench.features(bench.RATIOS, bench.Counts([*train.x, *val.x, "good good"]), *train)
    assert make(["good good"]).nnz == 1  # a pair that training does not hold has no ratio
    assert make(["good good"]).data[0] > 0.5


@pytest.mark.parametrize("name", ["averaged embeddings", "CNN", "GRU"])
def test_a_network_trains_and_is_watched_after_each_epoch(bench, parts, name):
    train, val, _ = parts
    seen = []
    log_odds, numbers = bench.train_network(
        name, 2, 0, *train, watch=lambda now: seen.append(now(val.x))
    )
    assert len(seen) == 2 and numbers > 64
    np.testing.assert_allclose(seen[-1], log_odds(val.x), atol=1e-6)
    assert log_odds(val.x).shape == (40,)


def test_what_a_network_reads_does_not_depend_on_the_padding(bench):
    import keras

    ids = np.zeros((1, bench.LENGTH), "int32")
    ids[0, :3] = [2, 3, 4]
    for name in ("averaged embeddings", "GRU"):  # the CNN's largest value may be that of padding
        model = bench.network(name, 9)
        changed = model.layers[1].get_weights()[0]
        first = model.predict(ids, verbose=0)
        changed[0] += 1
        model.layers[1].set_weights([changed])
        np.testing.assert_allclose(model.predict(ids, verbose=0), first, atol=1e-6)
    assert keras.backend.backend()


def test_an_arm_judges_each_sentence_by_a_model_that_never_saw_it(bench, fake, parts, tmp_path):
    x, y = part(100, 3)
    arm = bench.over_folds("CNN", 2, None, x, y, bench.Kept(tmp_path))
    assert [call[2:4] for call in fake.calls] == [(fold, 90) for fold in range(10)]
    np.testing.assert_array_equal(arm["log_odds"] > 0, y)
    assert arm["plain"].shape == arm["negated"].shape == (10, 480)


@pytest.mark.parametrize("networks", ["none", "seeds", "folds"])
def test_the_first_best_setting_is_used_and_the_test_set_is_read_last(
    bench, fake, parts, tmp_path, networks
):
    table = bench.measure(parts, bench.Kept(tmp_path), networks)
    by_name = {entry["name"]: entry for entry in table["rows"]}
    names = [name for name in bench.SETTINGS if networks != "none" or name not in bench.NETWORKS]
    assert list(by_name)[: len(names)] == names
    assert {call[1] for call in fake.calls} == {"settings", 3}
    with_test = [i for i, call in enumerate(fake.calls) if "test" in call[4]]
    assert with_test == list(range(len(fake.calls)))[-len(with_test) :]
    read = [fake.calls[i][0] for i in with_test]
    assert read[0] == bench.RIVAL and len(set(read)) == len(read)
    assert table["step"]["test"] == table["step"]["linear_test"] == 100
    assert len(by_name[bench.RIVAL]["val"]) == 1 and by_name[bench.RIVAL]["difference"] == 0
    if networks != "none":
        assert len(by_name["GRU"]["val"]) == 3
        assert ("accuracy" in by_name["GRU"]) is (networks == "folds")
    bench.show(table)
    fewer = bench.measure(parts, bench.Kept(tmp_path), networks, without=["GRU"])
    assert fewer["rows"] == [entry for entry in table["rows"] if entry["name"] != "GRU"]


def test_what_was_measured_is_not_measured_again_unless_asked(bench, fake, parts, tmp_path):
    first = bench.measure(parts, bench.Kept(tmp_path))
    before = len(fake.calls)
    assert bench.measure(parts, bench.Kept(tmp_path)) == first
    assert len(fake.calls) == before
    bench.measure(parts, bench.Kept(tmp_path, again=True))
    assert len(fake.calls) == 2 * before


def test_a_mix_adds_what_it_has_made_alike(bench):
    a, b = np.array([1.0, -1, 3, -3]), np.array([100.0, 200, -300, -400])
    np.testing.assert_allclose(bench.mix([a, b]), a / a.std() + b / b.std())
    fold = np.repeat(np.arange(10), 4)
    arms = [
        {
            "log_odds": np.tile(each, 10) * (1 + fold),
            "fold": fold,
            "plain": np.tile(each, (10, 1)),
            "negated": np.tile(each, (10, 1)),
            "seconds": 1.0,
            "parameters": 3,
        }
        for each in (a, b)
    ]
    mixed = bench.mixed(arms)
    np.testing.assert_allclose(mixed["log_odds"], np.tile(bench.mix([a, b]), 10))
    assert mixed["plain"].shape == (10, 4) and mixed["seconds"] == 2 and mixed["parameters"] == 6


def test_a_comparison_over_folds_widens_the_usual_error(bench):
    y = np.tile([0, 1], 500)
    rng = np.random.default_rng(0)
    rival = np.where(rng.random(1000) < 0.75, 2 * y - 1, 1 - 2 * y)
    better = np.where(rng.random(1000) < 0.2, 2 * y - 1, rival)
    found = bench.compare(better, rival, y)
    difference = bench.by_fold(better, y) - bench.by_fold(rival, y)
    usual = stats.sem(difference)
    assert found["difference"] == pytest.approx(difference.mean(), abs=0.01)
    assert found["standard_error"] == pytest.approx(usual * np.sqrt(1 + 10 / 9), abs=0.01)
    assert found["only_rival"] == 0 and found["only_this"] == round(difference.mean() * 10)
    assert found["p"] > stats.ttest_1samp(difference, 0).pvalue
    first_half = np.arange(1000) < 500
    half = bench.compare(better, np.where(first_half, rival, better), y, first_half)
    assert half["only_this"] == ((better != rival) & first_half).sum()
    assert bench.compare(better, rival, y, first_half) == half
    same = bench.compare(rival, rival, y)
    assert (same["difference"], same["p"], same["p_mcnemar"]) == (0, 1, 1)


def test_the_kept_table_is_whole(bench):
    table = json.loads(measured.SENTENCE_POLARITY.read_text(encoding="utf-8"))
    names = [row["name"] for row in table["rows"]]
    mixes = [f"mix: {step}" for step, members in bench.STEPS.items() if len(members) > 1]
    missing = [name for name in bench.SETTINGS if name not in names]  # networks may come later
    assert set(missing) <= set(bench.NETWORKS)
    assert names == [*(name for name in bench.SETTINGS if name not in missing), *mixes]
    assert table["rival"] == bench.RIVAL and table["published"] == bench.PUBLISHED
    for row in table["rows"]:
        assert len(row.get("accuracy", range(10))) == table["folds"] == 10
        assert all(65 < accuracy < 90 for accuracy in [*row.get("accuracy", []), *row["val"]])
        assert "accuracy" in row or row["name"] in bench.NETWORKS
        assert len(row["val"]) == row["seeds"] == (3 if row["name"] in bench.NETWORKS else 1)
        assert row["seconds"] > 0 and row["parameters"] > 1000
    step = table["step"]
    assert step["name"] == max(step["val"], key=step["val"].__getitem__)
    assert list(step["val"]) == list(bench.STEPS)
    assert {"date", "hardware", "versions", "busy"} <= set(table)


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_sentence_polarity", lambda: sample)
    with pytest.raises(SystemExit, match="needs the real sentences"):
        bench.load()
