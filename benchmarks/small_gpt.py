"""A small GPT beside nanoGPT's published recipe and beside the GRU of lesson 14, on Shakespeare.

    .venv/bin/python benchmarks/small_gpt.py [--steps 750] [--seeds 0 1] [--only NAME ...] [--keep]

Every arm trains on windows drawn at random from the training text, with a schedule of its own that
ends where it ends, and is judged on the validation text; nothing reads the test text. Bits per
character are given twice: in windows of 64 without overlap, as nanoGPT judges, and with more to go
by: the GPT in windows of 64 that move by 32, of which only the later half counts, the GRU 1,000
characters at a time. Seconds are processor seconds of training, with the first step's compilation
and without the looks at the validation text: another program on the machine lengthens them little.
On two quiet cores divide them by about 1.9. With --keep each run goes into the table that lesson
17 shows as soon as it is done, in place of the same run before. About four minutes a seed
on two quiet cores, and six with --steps 1500.

The rates were not searched: the GPT's is that of one trial, and larger in proportion where it is
narrower (Yang and others, 2022, arXiv:2203.03466); the GRU's is lesson 14's, nanoGPT's is as
published. (nanoGPT shares the embedding with the last layer; ours, and so this arm, does not.)
"""

import argparse
import datetime
import json
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dlkit import data, measured, models  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import activations  # noqa: E402
from dlkit.text import Vocabulary, bits_per_character, sequences  # noqa: E402

CONTEXT = 64
GPT = {"kind": "gpt", "depth": 2, "width": 128, "length": CONTEXT, "batch": 32}
GRU = {"kind": "gru", "units": 128, "length": 100, "batch": 64}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def arms(steps):
    """Dict from a name to what it is; ``steps`` are the GPT's, and the others follow from them.

    As many characters as in a GPT's steps of 32 windows of 64 are in 0.32 times as many of the
    GRU's, of 64 pieces of 100. In about 0.85 times as many it takes about as many seconds. At a
    width of 52 the GPT has about as many parameters as the GRU. nanoGPT's recipe is as published.
    """
    return {
        "GRU, equal characters": GRU | {"steps": round(0.32 * steps)},
        "GPT, 52 wide": GPT | {"width": 52, "steps": steps},
        "GPT, 24 wide": GPT | {"width": 24, "steps": steps},
        "GPT, 128 wide": GPT | {"steps": steps},
        "nanoGPT's recipe": GPT | {"kind": "nanogpt", "depth": 4, "batch": 12, "steps": 2000},
        "GRU, equal seconds": GRU | {"steps": round(0.85 * steps)},
    }


def load():
    """Vocabulary, training text and validation text in numbers."""
    plays = data.load_shakespeare()
    if plays.is_sample:
        raise SystemExit("The race needs Shakespeare; the sample would say nothing of it.")
    vocabulary = Vocabulary(plays.train)
    return vocabulary, vocabulary.encode(plays.train), vocabulary.encode(plays.val)


def schedule(peak, steps, warmup, last=0.0):
    """Warm-up, and a cosine that ends at ``last`` times the peak."""
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, alpha=last, warmup_target=peak, warmup_steps=warmup
    )


def start_like_nanogpt(model, depth, seed):
    """Normal weights of 0.02; those that end a part, smaller by the root of how many are added."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.path.endswith("gamma"):
            continue
        ends_a_part = "mix" in weight.path or "down" in weight.path
        size = 0.02 / np.sqrt(2 * depth) if ends_a_part else 0.02
        weight.assign(rng.normal(0, size, weight.shape))


def build(arm, classes, seed):
    """The compiled model of an arm."""
    keras.utils.set_random_seed(seed)
    steps = arm["steps"]
    if arm["kind"] == "gru":
        parts = [
            keras.layers.Embedding(classes, 32),
            keras.layers.GRU(arm["units"], return_sequences=True),
            keras.layers.Dense(classes),
        ]
        model = keras.Sequential([keras.Input((None,), dtype="int32"), *parts])
        optimizer = keras.optimizers.Adam(schedule(1e-2, steps, steps // 10), global_clipnorm=1.0)
    else:
        shape = {"depth": arm["depth"], "width": arm["width"], "heads": 4}
        model = models.small_gpt(classes, CONTEXT, **shape)
        if arm["kind"] == "nanogpt":
            start_like_nanogpt(model, arm["depth"], seed)
            rate = schedule(1e-3, steps, min(100, steps // 2), 0.1)
        else:
            rate = schedule(3e-3 * 128 / arm["width"], steps, steps // 20)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=["gamma"])
    model.compile(optimizer, LOSS, steps_per_execution=20)
    return model


def multiply_adds(arm, classes):
    """Multiply-adds of one character's forward pass in a window of the arm's length."""
    if arm["kind"] == "gru":
        return 3 * arm["units"] * (32 + arm["units"]) + arm["units"] * classes
    width = arm["width"]
    return arm["depth"] * (12 * width**2 + 2 * arm["length"] * width) + width * classes


def bits(model, x, y, counted=slice(None)):
    """Mean bits per character of y after x, of these steps of each window."""
    found = []
    for first in range(0, len(x), 256):
        part = slice(first, first + 256)
        logits = model.predict_on_batch(x[part])[:, counted].astype(np.float64)
        true = y[part, counted, None]
        found.append(np.take_along_axis(activations.log_softmax(logits), true, axis=-1))
    return bits_per_character(np.concatenate(found), y[:, counted].size)


def bits_with_more_context(arm, model, ids):
    """Bits per character where each has something to go by, as this kind of model is used."""
    if arm["kind"] == "gru":
        return bits(model, *sequences(ids, min(1000, len(ids) - 1)))
    starts = np.arange(0, len(ids) - CONTEXT, CONTEXT // 2)
    windows = ids[starts[:, None] + np.arange(CONTEXT + 1)]
    return bits(model, windows[:, :-1], windows[:, 1:], slice(CONTEXT // 2, None))


def windows(ids, arm, seed):
    """All that an arm reads, in order: inputs and targets, ``(steps * batch, length)``."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, len(ids) - arm["length"], arm["steps"] * arm["batch"])
    drawn = starts[:, None] + np.arange(arm["length"])
    return ids[drawn], ids[drawn + 1]


def race(name, arm, seed, vocabulary, train_ids, val_ids, looks=6):
    """Train one arm; a row of the table, with a curve of (steps, processor seconds, bits)."""
    model = build(arm, len(vocabulary), seed)
    x, y = windows(train_ids, arm, seed)
    judged = sequences(val_ids, CONTEXT)
    curve, seconds = [], 0.0
    for ids in np.array_split(np.arange(arm["steps"]), looks):
        part = slice(ids[0] * arm["batch"], (ids[-1] + 1) * arm["batch"])
        begun = time.process_time()
        model.fit(x[part], y[part], batch_size=arm["batch"], shuffle=False, verbose=0)
        seconds += time.process_time() - begun
        curve.append([int(ids[-1]) + 1, round(seconds, 1), round(bits(model, *judged), 4)])
        print(f"  {name}, seed {seed}: {curve[-1]}", flush=True)
    return {
        "name": name,
        "seed": seed,
        "steps": arm["steps"],
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(arm, len(vocabulary)),
        "characters": arm["steps"] * arm["batch"] * arm["length"],
        "processor_seconds": round(seconds, 1),
        "bits": curve[-1][2],
        "bits_with_more_context": round(bits_with_more_context(arm, model, val_ids), 4),
        "curve": curve,
    }


def seconds_to(row, level):
    """Processor seconds until a row's curve is down to so many bits, straight lines between its
    points; None where it never gets there."""
    points = row["curve"]
    if points[0][2] <= level:
        return points[0][1]
    for (_, t0, b0), (_, t1, b1) in zip(points, points[1:], strict=False):
        if b1 <= level < b0:
            return t0 + (t1 - t0) * (b0 - level) / (b0 - b1)
    return None


def show(rows):
    """Print the table in Markdown."""
    print("\n| arm | seed | parameters | characters | processor s | bits | with more context |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(
            f"| {row['name']} | {row['seed']} | {row['parameters']:,} | {row['characters']:,} | "
            f"{row['processor_seconds']} | {row['bits']:.3f} | "
            f"{row['bits_with_more_context']:.3f} |"
        )
    found = {(row["name"], row["seed"]): row for row in rows}
    for (name, seed), theirs in found.items():
        ours = found.get(("GPT, 128 wide", seed))
        if name != "nanoGPT's recipe" or ours is None:
            continue
        reached = seconds_to(ours, theirs["bits"])
        if reached is not None:
            times = theirs["processor_seconds"] / reached
            print(f"seed {seed}: at nanoGPT's {theirs['bits']:.3f} bits {times:.1f} times faster")


def keep(row, steps, path):
    """Put one run into the table, in place of the same run before, and of runs of other steps."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    known = arms(steps)
    found = {
        (entry["name"], entry["seed"]): entry
        for entry in [*table["rows"], row]
        if entry["steps"] == known[entry["name"]]["steps"]
    }
    order = sorted(found, key=lambda key: (list(known).index(key[0]), key[1]))
    made = {
        "date": datetime.date.today().isoformat(),
        "hardware": machine.report(),
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "measure": "validation text; processor seconds, about 1.9 times those of two quiet cores",
        "steps": steps,
        "rows": [found[key] for key in order],
    }
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def main():
    """Race, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=750, help="of the GPT")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=arms(1), default=list(arms(1)), metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    texts, rows = load(), []
    for seed in options.seeds:
        for name in options.only:
            rows.append(race(name, arms(options.steps)[name], seed, *texts))
            if options.keep:
                keep(rows[-1], options.steps, measured.SMALL_GPT)
    show(rows)


if __name__ == "__main__":
    print_anything()
    main()
