"""The leaderboard of lesson 07: from the nearest mean to the MLP, and what each ingredient gives.

    .venv/bin/python benchmarks/digit_leaderboard.py [--seeds 3] [--only NAME ...] [--keep]

Every arm that has a learning rate gets three, a factor of three apart: RATES for its optimizer. The
one that is best on the validation set, with seed 0, is its own for all seeds. Only after all arms
are trained is the test set read, once each. An arm of the second part is the recipe with one thing
taken away or put in place of another. It is compared with the recipe on the same test images, seed
by seed by McNemar's exact test, and over all seeds by the mean difference and its standard error.
With --keep the table becomes the one that the lesson shows, and with --only these rows of it. About
ten minutes on two cores.
"""

import argparse
import datetime
import json
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dlkit import audit, data, measured  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import layers, optimizers  # noqa: E402
from dlkit.scratch.sequential import Sequential  # noqa: E402

RATES = {"Adam": (1e-3, 3e-3, 9e-3), "SGD": (0.03, 0.1, 0.3)}
RECIPE = {
    "units": (512, 256),
    "dropout": 0.2,
    "initializer": "he_normal",
    "optimizer": "Adam",
    "schedule": "warm-up and cosine",
    "batch_size": 512,
    "epochs": 8,
}
# name: what differs from RECIPE
CHANGES = {
    "the recipe": {},
    "no dropout": {"dropout": 0.0},
    "half as wide: 256 and 128": {"units": (256, 128)},
    "one hidden layer: 512": {"units": (512,)},
    "half the epochs: 4": {"epochs": 4},
    "Glorot's start": {"initializer": "glorot_uniform"},
    "SGD with momentum": {"optimizer": "SGD"},
    "no warm-up, cosine alone": {"schedule": "cosine"},
    "a constant rate": {"schedule": "constant"},
}
# name: several parts less at once, none of which the validation set missed alone
LEANER = {
    "no dropout, no warm-up": {"dropout": 0.0, "schedule": "cosine"},
    "no dropout, no warm-up, one layer": {"dropout": 0.0, "schedule": "cosine", "units": (512,)},
}
# name: widths of a network of dlkit.scratch, as in lessons 03 and 05
BY_HAND = {"softmax regression, NumPy": (10,), "MLP 128, NumPy": (128, 10)}


def load():
    """MNIST's three parts, images as rows of 784 numbers in [0, 1]."""
    mnist = data.load_mnist()
    if mnist.is_sample:
        raise SystemExit("The leaderboard needs MNIST itself; the sample would say nothing of it.")
    parts = (mnist.train, mnist.val, mnist.test)
    return [(part.x.reshape(-1, 784) / np.float32(255), part.y) for part in parts]


def nearest_mean(x, y):
    """Lesson 07's first model: logits from the images to which class's mean is nearest."""
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    return lambda images: 2 * images @ means.T - (means**2).sum(axis=1)


def by_hand(widths, rate, seed, x, y):
    """Train a network of dlkit.scratch by SGD with momentum: ten epochs, batches of 128."""
    hidden = [layers.Dense(width, activation="relu") for width in widths[:-1]]
    model = Sequential([*hidden, layers.Dense(widths[-1])], seed=seed)
    model.fit(x, y, optimizer=optimizers.SGD(rate, momentum=0.9), epochs=10, batch_size=128)
    return lambda images: model.predict(images, batch_size=1000)


def rate_over_time(schedule, peak, steps):
    """What the optimizer takes for its learning rate: a number, or a schedule of Keras."""
    decay = keras.optimizers.schedules.CosineDecay
    if schedule == "constant":
        return peak
    if schedule == "cosine":
        return decay(peak, steps)
    return decay(0.0, steps - steps // 4, warmup_target=peak, warmup_steps=steps // 4)


def by_keras(change, rate, seed, x, y):
    """Train the recipe with one change."""
    recipe = RECIPE | change
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(x.shape[1:])])
    for width in recipe["units"]:
        start = recipe["initializer"]
        model.add(keras.layers.Dense(width, activation="relu", kernel_initializer=start))
        if recipe["dropout"]:
            model.add(keras.layers.Dropout(recipe["dropout"]))
    model.add(keras.layers.Dense(10))
    steps = recipe["epochs"] * -(-len(x) // recipe["batch_size"])
    over_time = rate_over_time(recipe["schedule"], rate, steps)
    sgd = recipe["optimizer"] == "SGD"
    model.compile(
        optimizer=keras.optimizers.SGD(over_time, momentum=0.9)
        if sgd
        else keras.optimizers.Adam(over_time),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x, y, batch_size=recipe["batch_size"], epochs=recipe["epochs"], verbose=0)
    return lambda images: model.predict(images, batch_size=1000, verbose=0)


def arms():
    """Dict from a name to (train, rates): train(rate, seed, x, y) gives a function to logits."""
    found = {"nearest mean": (lambda rate, seed, x, y: nearest_mean(x, y), None)}
    for name, widths in BY_HAND.items():
        found[name] = (lambda *args, widths=widths: by_hand(widths, *args), RATES["SGD"])
    for name, change in (CHANGES | LEANER).items():
        rates = RATES[(RECIPE | change)["optimizer"]]
        found[name] = (lambda *args, change=change: by_keras(change, *args), rates)
    return found


def is_right(predict, part):
    """Bool, shape (n,): which images of a part are read correctly."""
    x, y = part
    return np.argmax(predict(x), axis=1) == y


def tuned(name, train, rates, seeds, train_part, val):
    """Trained models of one arm, seed by seed, at the rate that is best on the validation set."""
    if rates is None:
        model = train(None, 0, *train_part)
        return {"rate": None, "models": [model], "val": [is_right(model, val).mean()]}
    first = {}
    for rate in rates:
        first[rate] = train(rate, 0, *train_part)
        print(f"  {name}, rate {rate}: {is_right(first[rate], val).mean():.2%}", flush=True)
    by_rate = {rate: float(is_right(model, val).mean()) for rate, model in first.items()}
    best = max(by_rate, key=by_rate.__getitem__)
    models = [first[best], *(train(best, seed, *train_part) for seed in range(1, seeds))]
    accuracies = [is_right(model, val).mean() for model in models]
    return {"rate": best, "by_rate": by_rate, "models": models, "val": accuracies}


def row(name, arm, right, of_recipe):
    """One line of the table: accuracies, and the comparison with the recipe on the same images."""
    entry = {
        "name": name,
        "rate": arm["rate"],
        "rates": {f"{rate:g}": round(100 * val, 2) for rate, val in arm.get("by_rate", {}).items()},
        "val": [round(100 * float(share), 2) for share in arm["val"]],
        "test": [round(100 * float(share), 2) for share in right.mean(axis=1)],
    }
    if name == "the recipe":
        return entry
    right = np.broadcast_to(right, of_recipe.shape)
    difference, error = audit.paired_difference(right, of_recipe)
    only_recipe = (of_recipe & ~right).sum(axis=1)
    only_this = (right & ~of_recipe).sum(axis=1)
    pairs = zip(only_recipe, only_this, strict=True)
    return entry | {
        "difference": round(100 * difference, 3),
        "standard_error": round(100 * error, 3),
        "only_recipe": only_recipe.tolist(),
        "only_this": only_this.tolist(),
        "p": [float(f"{audit.mcnemar(*counts):.2g}") for counts in pairs],
    }


def measure(seeds, parts, only=()):
    """Rows of the recipe and of these arms, or of all; the test set is read last."""
    train_part, val, test = parts
    trained = {
        name: tuned(name, *arm, seeds, train_part, val)
        for name, arm in arms().items()
        if not only or name in ("the recipe", *only)
    }
    right = {
        name: np.stack([is_right(model, test) for model in arm["models"]])
        for name, arm in trained.items()
    }
    return [row(name, arm, right[name], right["the recipe"]) for name, arm in trained.items()]


def spread(values):
    """Mean of percentages, and their range."""
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def show(rows):
    """Print the table in Markdown."""
    print("\n| model | rate | validation % | test % | to the recipe, points | p, seed by seed |")
    print("|---|--:|---|---|---|---|")
    for entry in rows:
        compared, chances = "", ""
        if "p" in entry:
            compared = f"{entry['difference']:+.2f} ± {2 * entry['standard_error']:.2f}"
            chances = ", ".join(f"{p:.2g}" for p in entry["p"])
        rate = "" if entry["rate"] is None else f"{entry['rate']:g}"
        accuracies = f"{spread(entry['val'])} | {spread(entry['test'])}"
        print(f"| {entry['name']} | {rate} | {accuracies} | {compared} | {chances} |")
    print("\nAfter ± stand two standard errors.")


def keep(rows, path):
    """Put rows into the table, in place of those of the same names, in the order of the arms."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    found = {entry["name"]: entry for entry in [*table["rows"], *rows]}
    made = {
        "date": datetime.date.today().isoformat(),
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "recipe": RECIPE,
        "rows": [found[name] for name in arms() if name in found],
    }
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=arms(), default=[], metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    if options.keep and options.seeds < 3:
        parser.error("--keep is for three seeds or more: leave out --seeds")
    rows = measure(options.seeds, load(), options.only)
    show(rows)
    if options.keep:
        keep(rows, measured.DIGIT_LEADERBOARD)


if __name__ == "__main__":
    print_anything()
    main()
