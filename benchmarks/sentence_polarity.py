"""Sentence polarity over ten folds: word counts, embeddings, CNN and GRU, and one step beyond.

    .venv/bin/python benchmarks/sentence_polarity.py [--networks none|seeds|folds] [--keep]

Every arm has one setting with a grid of its own in SETTINGS. The best on the validation set of the
fixed split, with seed 0, is used everywhere. A network's is the number of epochs, its rate is
given. The steps beyond are two linear arms and their mix, in STEPS; the one that is best on the
validation set is *the step*. They are what was left of a dozen that were tried on that set by hand
(also ratios of 3-grams and of characters, ratios times TF-IDF); mixes with networks were not tried.

Then each linear arm is trained anew for each of ten folds, so that every one of the 10,662
sentences is judged once, by a model that never saw it. A network is trained with three seeds on the
fixed split and, with --networks folds, over the folds as well. The fixed test set is read last, for
the linear model and the step, once each.

Arms are compared with RIVAL on the same sentences: the mean difference over the folds, its standard
error as Nadeau and Bengio (2003), doi:10.1023/A:1024068626366, correct it for the training
sentences that folds share, the p of Student's t with it, and McNemar's exact test over all
sentences. The validation sentences are also in the folds, for all arms alike; so the step is
compared once more without them ("never_chosen_on").

Seconds are processor seconds of training, in one thread, so that they mean something on a busy
machine too; words and characters are counted before. What was trained lies in
build/sentence_polarity, and a later run goes on from there, or starts with --again. On a quiet core
the linear arms and three seeds of the networks take minutes, folds of the networks many more.
"""

import argparse
import datetime
import json
import os
import time
from functools import cache
from importlib.metadata import version

for _name in ("OPENBLAS_NUM", "OMP_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
    os.environ.setdefault(f"{_name}_THREADS", "1")

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from scipy import stats  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from dlkit import audit, data, machine, measured  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.text import WordVocabulary, split_words  # noqa: E402

FOLDS, SEEDS = 10, 3
LENGTH, BATCH, WIDTH = 40, 128, 64  # words of a sentence, sentences of a step, numbers of a word
RIVAL = "TF-IDF 1- and 2-grams, logistic regression"
CHARACTERS = "TF-IDF words and characters, logistic regression"
RATIOS = "naive-Bayes ratios 1- and 2-grams, logistic regression"
C = (1, 4, 16, 64)
# name: C of the logistic regression, or numbers of epochs
SETTINGS = {
    "counts, logistic regression": (0.1, 0.3, 1, 3),
    "TF-IDF 1-grams, logistic regression": C,
    RIVAL: C,
    "the same, scikit-learn's own words, C = 4": (4,),
    RATIOS: (0.1, 0.3, 1, 3),
    CHARACTERS: C,
    "averaged embeddings": (2, 3, 4, 5, 6, 7, 8),
    "CNN": (1, 2, 3, 4),
    "GRU": (1, 2, 3, 4),
}
NETWORKS = {"averaged embeddings": 5e-3, "CNN": 2e-3, "GRU": 3e-3}  # name: rate of Adam
# name: arms whose log-odds, each divided by its spread, are added
STEPS = {
    "ratios": (RATIOS,),
    "words and characters": (CHARACTERS,),
    "words, characters and ratios": (CHARACTERS, RATIOS),
}
PUBLISHED = [
    {"name": "CNN-rand, Kim 2014", "accuracy": 76.1},
    {"name": "NBSVM-bi, Wang and Manning 2012", "accuracy": 79.4},
    {"name": "CNN-non-static (vectors from Google News), Kim 2014", "accuracy": 81.5},
]
GOOD = (
    "good",
    "great",
    "funny",
    "moving",
    "fresh",
    "clever",
    "charming",
    "warm",
    "witty",
    "touching",
    "smart",
    "engaging",
)
BAD = (
    "bad",
    "dull",
    "flat",
    "boring",
    "silly",
    "tired",
    "slow",
    "empty",
    "clumsy",
    "weak",
    "stale",
    "tedious",
)
SUBJECTS = ("the film is", "this movie is", "the plot is", "the acting is")
NEGATIONS = ("not", "never", "not very", "hardly", "far from")


def negation_set():
    """Pairs of a plain sentence and a negated one, and their labels.

    Returns:
        plain, negated, y_plain, y_negated: lists of `str` and arrays, one entry for each subject,
        negation and adjective; a plain sentence stands there once for each of its negations.
    """
    rows = [
        (f"{subject} {word} .", f"{subject} {how} {word} .", label)
        for label, words in enumerate((BAD, GOOD))
        for word in words
        for subject in SUBJECTS
        for how in NEGATIONS
    ]
    plain, negated, labels = zip(*rows, strict=True)
    return list(plain), list(negated), np.array(labels), 1 - np.array(labels)


def load():
    """The three parts of the fixed split."""
    polarity = data.load_sentence_polarity()
    if polarity.is_sample:
        raise SystemExit("This table needs the real sentences; the sample would say nothing of it.")
    return polarity.train, polarity.val, polarity.test


def folds(y):
    """The fold of each sentence, 0 to 9: within a class they are dealt out in turn."""
    fold = np.empty(len(y), int)
    for label in (0, 1):
        fold[y == label] = np.arange((y == label).sum()) % FOLDS
    return fold


# --- linear models ----------------------------------------------------------------------------


def ratios(counts, y):
    """Log of how much more often a feature comes in positive sentences, add-one smoothed."""
    positive, negative = 1 + counts[y == 1].sum(axis=0), 1 + counts[y == 0].sum(axis=0)
    return sp.diags(
        np.asarray(np.log(positive / positive.sum() * negative.sum() / negative)).ravel()
    )


COUNTERS = {
    "words": lambda: CountVectorizer(tokenizer=words_of, token_pattern=None),
    "pairs": lambda: CountVectorizer(ngram_range=(1, 2), tokenizer=words_of, token_pattern=None),
    "its own pairs": lambda: CountVectorizer(ngram_range=(1, 2)),
    "characters": lambda: CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
}


@cache
def words_of(sentence):
    """`split_words`, once for each sentence."""
    return split_words(sentence)


class Counts:
    """Counts of every word or run of characters in all sentences, made once.

    What a training part does not hold is left out in `features`, so that a model knows no more
    than if it had counted its own sentences alone.
    """

    def __init__(self, sentences):
        self.sentences = list(dict.fromkeys(sentences))
        self.row = {sentence: number for number, sentence in enumerate(self.sentences)}
        self.made = {}

    def of(self, kind, sentences):
        """Counts of these sentences, a sparse matrix."""
        if kind not in self.made:
            self.made[kind] = COUNTERS[kind]().fit_transform(self.sentences).tocsr()
        return self.made[kind][[self.row[sentence] for sentence in sentences]]


def kinds(name):
    """What a linear arm counts."""
    if "1-grams" in name or name.startswith("counts"):
        return ["words"]
    if name.startswith("the same"):
        return ["its own pairs"]
    return ["pairs", "characters"] if name == CHARACTERS else ["pairs"]


def features(name, counts, x, y):
    """(the features of the training sentences, what makes those of others)."""
    makers = []
    for kind in kinds(name):
        found = counts.of(kind, x)
        columns = np.flatnonzero(found.getnnz(axis=0))
        found = found[:, columns]
        if name == RATIOS:
            found.data[:] = 1
            weigh = ratios(found, y)
        elif name.startswith("counts"):
            weigh = None
        else:
            weigh = TfidfTransformer(sublinear_tf=kind == "characters").fit(found)
        makers.append((kind, columns, weigh))

    def make(sentences):
        parts = []
        for kind, columns, weigh in makers:
            part = counts.of(kind, sentences)[:, columns]
            if name == RATIOS:
                part.data[:] = 1
                part = part @ weigh
            elif weigh is not None:
                part = weigh.transform(part)
            parts.append(part)
        return sp.hstack(parts).tocsr()

    return make(x), make


def logistic(setting, found, y):
    """A logistic regression on these features."""
    return LogisticRegression(C=setting, solver="liblinear").fit(found, y)


def linear(name, setting, counts, x, y):
    """Train a linear arm: (log-odds of sentences, its numbers)."""
    found, make = features(name, counts, x, y)
    model = logistic(setting, found, y)
    return lambda sentences: model.decision_function(make(sentences)), model.coef_.size + 1


# --- networks ---------------------------------------------------------------------------------


def network(name, words):
    """An untrained network from the numbers of words to one logit."""
    import keras

    layers = keras.layers
    ids = keras.Input((LENGTH,), dtype="int32")
    h = layers.Embedding(words, WIDTH, mask_zero=name != "CNN")(ids)
    if name == "averaged embeddings":
        h = layers.GlobalAveragePooling1D()(h)
    elif name == "CNN":
        branches = [
            layers.Conv1D(64, size, padding="same", activation="relu")(h) for size in (3, 4, 5)
        ]
        h = layers.Concatenate()([layers.GlobalMaxPooling1D()(branch) for branch in branches])
    else:
        h = layers.Bidirectional(layers.GRU(32))(h)
    return keras.Model(ids, layers.Dense(1)(layers.Dropout(0.5)(h)))


def train_network(name, epochs, seed, x, y, watch=None):
    """Train a network: (log-odds of sentences, its numbers).

    Args:
        watch: called after each epoch with the log-odds so far.
    """
    machine.start_keras()
    import keras

    keras.utils.set_random_seed(seed)
    keras.backend.clear_session()
    vocabulary = WordVocabulary([words_of(sentence) for sentence in x], min_count=2)

    def encode(sentences):
        return vocabulary.encode([words_of(sentence) for sentence in sentences], LENGTH)

    model = network(name, len(vocabulary))

    def log_odds(sentences):
        return model.predict(encode(sentences), batch_size=256, verbose=0)[:, 0]

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(NETWORKS[name]), loss)
    after = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: watch(log_odds) if watch else None
    )
    model.fit(encode(x), y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[after])
    return log_odds, model.count_params()


def train(name, setting, seed, counts, x, y):
    """Train an arm: (log-odds of sentences, its numbers)."""
    if name in NETWORKS:
        return train_network(name, setting, seed, x, y)
    return linear(name, setting, counts, x, y)


# --- choosing ---------------------------------------------------------------------------------


def accuracy(log_odds, y):
    """Share of the sentences on the right side, in percent."""
    return 100 * float(np.mean((np.asarray(log_odds) > 0) == y))


def choose(name, counts, train_part, val):
    """Validation accuracy of each setting of an arm, with seed 0."""
    (x, y), settings = train_part, SETTINGS[name]
    if name not in NETWORKS:
        found, make = features(name, counts, x, y)
        of_val = make(val.x)
        models = [logistic(setting, found, y) for setting in settings]
        scores = [accuracy(model.decision_function(of_val), val.y) for model in models]
        return dict(zip(settings, scores, strict=True))
    scores = []
    train_network(
        name,
        max(settings),
        0,
        x,
        y,
        watch=lambda log_odds: scores.append(accuracy(log_odds(val.x), val.y)),
    )
    return {setting: scores[setting - 1] for setting in settings}


def mix(parts):
    """Log-odds of several arms, shape (arms, n), each divided by its spread, added."""
    return sum(part / np.std(part) for part in np.asarray(parts))


# --- measuring --------------------------------------------------------------------------------


class Kept:
    """Results by key, as JSON and arrays in a folder, so that a stopped run goes on."""

    def __init__(self, folder, again=False):
        self.folder, self.again = folder, again

    def get(self, key, make):
        """What `make()` gave, a dict of numbers and lists, from the folder if it is there."""
        path = self.folder / f"{key}.json".replace(" ", "_").replace("/", "_")
        if path.exists() and not self.again:
            return json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(make())
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return json.loads(text)


def judge(name, setting, seed, counts, x, y, **others):
    """Train an arm and judge other sentences: their log-odds, its numbers, processor seconds."""
    for kind in [] if name in NETWORKS else kinds(name):
        counts.of(kind, [])  # counted now, not within the seconds
    start = time.process_time()
    log_odds, numbers = train(name, setting, seed, counts, x, y)
    seconds = time.process_time() - start
    judged = {key: np.round(log_odds(sentences), 5).tolist() for key, sentences in others.items()}
    return {"parameters": int(numbers), "seconds": round(seconds, 2), **judged}


def over_folds(name, setting, counts, x, y, kept):
    """An arm over ten folds: log-odds of all sentences, of the negation set, seconds, numbers."""
    fold = folds(y)
    plain, negated, *_ = negation_set()
    log_odds, rows = np.empty(len(y)), []
    for number in range(FOLDS):
        mine = fold == number
        row = kept.get(
            f"{name} {setting} fold {number}",
            lambda mine=mine, seed=number: judge(
                name,
                setting,
                seed,
                counts,
                x[~mine],
                y[~mine],
                fold=x[mine],
                plain=plain,
                negated=negated,
            ),
        )
        log_odds[mine] = row["fold"]
        rows.append(row)
        print(f"  {name}, fold {number}: {accuracy(log_odds[mine], y[mine]):.2f} %", flush=True)
    return {
        "log_odds": log_odds,
        "plain": np.array([row["plain"] for row in rows]),
        "negated": np.array([row["negated"] for row in rows]),
        "seconds": float(np.mean([row["seconds"] for row in rows])),
        "parameters": round(np.mean([row["parameters"] for row in rows])),
    }


def by_fold(log_odds, y, use=True):
    """Accuracy in each fold, in percent; of the sentences in `use` alone, a bool for each."""
    fold = np.where(use, folds(y), -1)
    return np.array([accuracy(log_odds[fold == n], y[fold == n]) for n in range(FOLDS)])


def compare(log_odds, rival, y, use=True):
    """Two arms over the same folds and sentences."""
    difference = by_fold(log_odds, y, use) - by_fold(rival, y, use)
    mean = difference.mean()
    error = np.sqrt(difference.var(ddof=1) * (1 / FOLDS + 1 / (FOLDS - 1)))
    right, rivals = (log_odds > 0) == y, (rival > 0) == y
    only_this, only_rival = int((right & ~rivals & use).sum()), int((rivals & ~right & use).sum())
    p = 2 * stats.t.sf(abs(mean / error), FOLDS - 1) if error else 1.0
    return {
        "difference": round(float(mean), 2),
        "standard_error": round(float(error), 2),
        "folds_won": int((difference > 0).sum()),
        "p": float(f"{p:.2g}"),
        "only_this": only_this,
        "only_rival": only_rival,
        "p_mcnemar": float(f"{audit.mcnemar(only_this, only_rival):.2g}"),
    }


def row(name, arm, rival, y):
    """One line of the table."""
    *_, y_plain, y_negated = negation_set()
    accuracies = by_fold(arm["log_odds"], y)
    entry = {
        "name": name,
        "accuracy": accuracies.round(2).tolist(),
        "seconds": round(arm["seconds"], 2),
        "parameters": arm["parameters"],
        "plain": round(accuracy(arm["plain"], y_plain), 1),
        "negation": round(accuracy(arm["negated"], y_negated), 1),
    }
    if name == RIVAL:
        return entry | {"difference": 0.0, "standard_error": 0.0}
    return entry | compare(arm["log_odds"], rival["log_odds"], y)


def mixed(members):
    """Several arms over ten folds as one, mixed fold by fold."""

    def add(key):
        return np.array(
            [mix(of_fold) for of_fold in zip(*(arm[key] for arm in members), strict=True)]
        )

    fold_of = members[0]["fold"]
    log_odds = np.empty(len(fold_of))
    for number in range(FOLDS):
        mine = fold_of == number
        log_odds[mine] = mix([arm["log_odds"][mine] for arm in members])
    return {
        "log_odds": log_odds,
        "plain": add("plain"),
        "negated": add("negated"),
        "seconds": sum(arm["seconds"] for arm in members),
        "parameters": sum(arm["parameters"] for arm in members),
    }


def seeds_on_the_split(name, setting, counts, train_part, val, kept):
    """Three seeds of a network, or a linear arm's one run, on the fixed split."""
    plain, negated, *_ = negation_set()
    return [
        kept.get(
            f"{name} {setting} seed {seed}",
            lambda seed=seed: judge(
                name,
                setting,
                seed,
                counts,
                *train_part,
                val=val.x,
                plain=plain,
                negated=negated,
            ),
        )
        for seed in range(SEEDS if name in NETWORKS else 1)
    ]


def row_of_split(name, runs, val):
    """What the table says of an arm's runs on the fixed split."""
    *_, y_plain, y_negated = negation_set()
    scores = [accuracy(run["val"], val.y) for run in runs]
    entry = {
        "name": name,
        "seeds": len(runs),
        "val": [round(one, 2) for one in scores],
        "spread_of_seeds": round(float(np.std(scores, ddof=1)), 2) if len(runs) > 1 else None,
        "seconds": round(float(np.mean([run["seconds"] for run in runs])), 2),
        "parameters": runs[0]["parameters"],
    }
    for key, labels in (("plain", y_plain), ("negated", y_negated)):
        score = np.mean([accuracy(run[key], labels) for run in runs])
        entry["negation" if key == "negated" else key] = round(float(score), 1)
    return entry


def measure(parts, kept, networks="seeds", without=()):
    """The table; the fixed test set is read last.

    Args:
        networks: "none" leaves them out, "seeds" trains them on the fixed split, "folds" over the
            folds too.
        without: networks to leave out.
    """
    train_part, val, test = parts
    x = np.concatenate([part.x for part in parts])
    y = np.concatenate([part.y for part in parts])
    of_val = np.repeat([False, True, False], [len(part.y) for part in parts])
    plain, negated, *_ = negation_set()
    counts = Counts([*x, *plain, *negated])
    chosen, arms, runs, rows = {}, {}, {}, []
    for name in SETTINGS:
        if name in NETWORKS and (networks == "none" or name in without):
            continue
        tried = kept.get(
            f"{name} settings",
            lambda name=name: {"tried": list(choose(name, counts, train_part, val).items())},
        )["tried"]
        chosen[name] = max(tried, key=lambda pair: pair[1])[0]
        print(f"{name}: {chosen[name]} of {tried}", flush=True)
        runs[name] = seeds_on_the_split(name, chosen[name], counts, train_part, val, kept)
        entry = row_of_split(name, runs[name], val) | {"setting": chosen[name]}
        if name not in NETWORKS or networks == "folds":
            arms[name] = over_folds(name, chosen[name], counts, x, y, kept) | {"fold": folds(y)}
        rows.append(entry)
    for entry in rows:  # the rival is not the first
        if entry["name"] in arms:
            entry |= row(entry["name"], arms[entry["name"]], arms[RIVAL], y)

    on_val = {name: runs[name][0]["val"] for name in chosen}
    tried = {
        step: accuracy(mix([on_val[name] for name in members]), val.y)
        for step, members in STEPS.items()
    }
    best = max(tried, key=tried.__getitem__)
    print(f"the step: {best} of {tried}", flush=True)
    mixes = {step: mixed([arms[name] for name in members]) for step, members in STEPS.items()}
    for step, members in STEPS.items():
        if len(members) > 1:
            entry = {"members": list(members), "val": [round(tried[step], 2)], "seeds": 1}
            rows.append(row(f"mix: {step}", mixes[step], arms[RIVAL], y) | entry)

    on_test = {
        name: kept.get(
            f"{name} {chosen[name]} test",
            lambda name=name: judge(name, chosen[name], 0, counts, *train_part, test=test.x),
        )["test"]
        for name in dict.fromkeys([RIVAL, *STEPS[best]])
    }
    step_test, rival_test = mix([on_test[name] for name in STEPS[best]]), np.array(on_test[RIVAL])
    right, rivals = (step_test > 0) == test.y, (rival_test > 0) == test.y
    difference, error = audit.paired_difference(right[None], rivals[None])
    only = int((right & ~rivals).sum()), int((rivals & ~right).sum())
    step = {
        "name": best,
        "what": "the log-odds, each divided by its spread and then added, of: "
        + "; ".join(STEPS[best]),
        "members": list(STEPS[best]),
        "chosen_on": "validation",
        "val": {name: round(one, 2) for name, one in tried.items()},
        "linear_val": round(accuracy(on_val[RIVAL], val.y), 2),
        "test": round(100 * float(right.mean()), 2),
        "linear_test": round(100 * float(rivals.mean()), 2),
        "difference": round(100 * difference, 2),
        "standard_error": round(100 * error, 2),
        "p": float(f"{audit.mcnemar(*only):.2g}"),
        "over_folds": compare(mixes[best]["log_odds"], arms[RIVAL]["log_odds"], y),
        "never_chosen_on": compare(mixes[best]["log_odds"], arms[RIVAL]["log_odds"], y, ~of_val),
    }
    return {"rows": rows, "published": PUBLISHED, "step": step}


def show(table):
    """Print the table in Markdown."""
    titles = "ten folds % | to the rival, points | p | validation % | CPU s | plain % | negated %"
    print(f"\n| model | {titles} |\n|---|---|---|---|---|--:|--:|--:|")
    for entry in table["rows"]:
        scores, compared = "", ""
        if "accuracy" in entry:
            scores = spread(entry["accuracy"])
            compared = f"{entry['difference']:+.2f} ± {2 * entry['standard_error']:.2f}"
        print(
            f"| {entry['name']} | {scores} | {compared} | {entry.get('p', '')} | "
            f"{spread(entry['val'])} | {entry['seconds']:.1f} | {entry['plain']} | "
            f"{entry['negation']} |"
        )
    print(f"\nAfter ± stand two standard errors. The step: {json.dumps(table['step'], indent=1)}")


def spread(values):
    """Mean of percentages, and their range."""
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def is_busy():
    """Whether other programs take the processors, or None where the system does not say."""
    if not hasattr(os, "getloadavg"):
        return None
    return os.getloadavg()[1] > 1.5


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    parser.add_argument("--again", action="store_true", help="train what is there already anew")
    parser.add_argument("--networks", choices=("none", "seeds", "folds"), default="seeds")
    parser.add_argument("--without", nargs="+", choices=NETWORKS, default=[], metavar="NETWORK")
    options = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    names = ("scikit-learn", *(() if options.networks == "none" else ("keras", backend)))
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(versions)
    folder = measured.SENTENCE_POLARITY.parents[2] / "build" / "sentence_polarity"
    table = measure(load(), Kept(folder, options.again), options.networks, options.without)
    show(table)
    if options.keep:
        made = {
            "date": datetime.date.today().isoformat(),
            "hardware": f"{machine.processor()}, one thread of {machine.cpu_cores()} cores",
            "versions": versions,
            "busy": is_busy(),
            "folds": FOLDS,
            "rival": RIVAL,
        }
        text = json.dumps(made | table, indent=1) + "\n"
        measured.SENTENCE_POLARITY.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    print_anything()
    main()
