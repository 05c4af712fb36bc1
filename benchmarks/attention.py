"""The tables of lesson 16: accuracy by length, how far a gradient reaches, what attention costs.

    .venv/bin/python benchmarks/attention.py [--parts accuracy reach cost] [--seeds 3] [--keep]

- accuracy: two networks rewrite lines of one to three dates; both are asked for up to five. They
  differ in one thing: at each step of writing, one gets the last state of the encoder, the other
  looks at all its states (Luong and others, 2015, arXiv:1508.04025). Each has the rates of RATES
  with seed 0; the one that is best on validation lines is its own for all seeds.
- reach: the gradient of the last output at each input, of fresh layers, as in lesson 14.
- cost: NumPy's attention beside a simple recurrent layer, over lengths: processor seconds, median
  of rounds in which the two take turns, and the most memory held at once.

With --keep, what is measured goes into the lesson's table at once, and a run that is there already
is not done again. About eight minutes of processor time.
"""

import argparse
import datetime
import json
import os
import re
import statistics
import time
import tracemalloc

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dlkit import interpret, measured  # noqa: E402
from dlkit.data import draw_dates  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import attention, operations  # noqa: E402

PARTS = ("accuracy", "reach", "cost")
ARMS = ("last state", "attention")
RATES = (5e-3, 1e-2)
RECIPE = {
    "units": 64,
    "width": 32,  # of an embedding
    # of its first numbers. Keras's own lie within 0.05 of 0, which tells tokens hardly apart: with
    # seed 0 the loss of attention was 2.0 after 376 steps on single dates, and 0.14 at stddev 0.5.
    "stddev": 1.0,
    "batch_size": 64,
    # least and most dates in a line, lines, passes: one after the other
    "stages": [[1, 1, 12_000, 1], [1, 2, 12_000, 1], [1, 3, 12_000, 1]],
}
LENGTHS = (1, 2, 3, 4, 5)  # dates in a line; the last two are more than any line of training has
LINES = {"val": 200, "test": 400}
NEW = ("new combination", "new order")  # forms that no line of training has, one date in a line
PAD, START, END = 0, 1, 2

DISTANCES, UNITS, FEATURES = 100, 64, 16
SIZES = (128, 256, 512, 1024, 2048)
WIDTH = 64  # of what is attended to


class Table:
    """The tokens of all lines of training, numbered; the others get the number after them."""

    def __init__(self, lines):
        tokens = {token for row in (*lines.written, *lines.digits) for token in row}
        self.numbers = {token: 3 + place for place, token in enumerate(sorted(tokens))}
        self.size = len(self.numbers) + 4

    def encode(self, rows):
        """Int array, short rows filled up with PAD behind."""
        ids = np.full((len(rows), max(map(len, rows))), PAD, "int32")
        for line, row in zip(ids, rows, strict=True):
            line[: len(row)] = [self.numbers.get(token, self.size - 1) for token in row]
        return ids

    def arrays(self, lines):
        """What is read, what was written before each token, and what is to be written."""
        digits = self.encode(lines.digits)
        written = (digits != PAD).sum(axis=1)
        target = np.pad(digits, ((0, 0), (0, 1)))
        target[np.arange(len(target)), written] = END
        before = np.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=START)
        return self.encode(lines.written), np.where(before == END, PAD, before), target


def translator(arm, size):
    """The network, and one that puts out its attention weights (None without)."""
    layers, units = keras.layers, RECIPE["units"]
    read = keras.Input((None,), dtype="int32")
    before = keras.Input((None,), dtype="int32")
    encoder = layers.GRU(units // 2, return_sequences=True, return_state=True)
    start = {"embeddings_initializer": keras.initializers.RandomNormal(stddev=RECIPE["stddev"])}
    embedded = layers.Embedding(size, RECIPE["width"], mask_zero=True, **start)(read)
    states, forth, back = layers.Bidirectional(encoder)(embedded)
    last = layers.Concatenate()([forth, back])
    decoder = layers.GRU(units, return_sequences=True)
    written = layers.Embedding(size, RECIPE["width"], **start)(before)
    writing = decoder(written, initial_state=last)
    weights = None
    if arm == "attention":
        found, weights = layers.Attention()(
            [layers.Dense(units)(writing), states],
            mask=[None, keras.ops.not_equal(read, PAD)],
            return_attention_scores=True,
        )
    else:
        found = keras.ops.zeros_like(writing) + keras.ops.expand_dims(last, 1)
    both = layers.Dense(units, activation="tanh")(layers.Concatenate()([writing, found]))
    model = keras.Model([read, before], layers.Dense(size)(both))
    return model, weights if weights is None else keras.Model([read, before], weights)


def right_lines(model, arrays):
    """Bool array: which lines are written without a mistake.

    Each token is predicted from the true ones before it. A line of which all tokens are right is
    also what the network writes alone, taking the likeliest token each time: nothing else came
    before any of them.
    """
    read, before, target = arrays
    said = model.predict([read, before], batch_size=200, verbose=0).argmax(axis=-1)
    return ((said == target) | (target == PAD)).all(axis=1)


def aligned(looks, table, lines):
    """Share of the written parts whose largest weight lies on a token that says this part."""
    weights = looks.predict(table.arrays(lines)[:2], batch_size=200, verbose=0)
    hits = []
    for row, written, digits in zip(weights, lines.written_parts, lines.digit_parts, strict=True):
        places = row[: len(digits), : len(written)].argmax(axis=1)
        hits += [*(written[places] == digits)]
    return float(np.mean(hits))


def drawn(part, dates=1, kind="seen"):
    """The lines of validation or of the test, which no training draws."""
    return draw_dates(LINES[part], dates=dates, kind=kind, seed=10_000 + 1000 * (part == "test"))


def train(arm, rate, seed):
    """One run: validation, and the test beside it, which ``best_rate`` does not look at."""
    first, most, n, _ = RECIPE["stages"][-1]
    table = Table(draw_dates(n, dates=(first, most), seed=0))
    keras.utils.set_random_seed(seed)
    model, looks = translator(arm, table.size)
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=PAD),
    )
    start, losses = time.process_time(), []
    for number, (least, most, n, passes) in enumerate(RECIPE["stages"]):
        lines = draw_dates(n, dates=(least, most), seed=100 * seed + number)
        read, before, target = table.arrays(lines)
        fitted = model.fit([read, before], target, RECIPE["batch_size"], epochs=passes, verbose=0)
        losses += fitted.history["loss"]
    seconds = time.process_time() - start

    def share(part, **which):
        return round(float(right_lines(model, table.arrays(drawn(part, **which))).mean()), 4)

    found = {
        "arm": arm,
        "rate": rate,
        "seed": seed,
        "parameters": model.count_params(),
        "processor_seconds": round(seconds, 1),
        "losses": [round(loss, 4) for loss in losses],
        "val": [share("val", dates=length) for length in LENGTHS],
        "test": [share("test", dates=length) for length in LENGTHS],
        "new": {kind: share("test", kind=kind) for kind in NEW},
    }
    if looks:
        found["aligned"] = [
            round(aligned(looks, table, drawn("test", length)), 4) for length in LENGTHS
        ]
    return found


def best_rate(runs, arm):
    """The rate of this arm whose run with seed 0 is best on validation lines of trained lengths."""
    most = RECIPE["stages"][-1][1]
    first = [run for run in runs if run["arm"] == arm and run["seed"] == 0]
    return max(first, key=lambda run: sum(run["val"][:most]))["rate"]


def accuracy(kept, seeds, save):
    """All runs, those in ``kept`` not again; ``save`` is called after each."""
    if kept.get("recipe", RECIPE) != RECIPE:
        kept.clear()  # runs of another recipe
    runs = kept.setdefault("runs", [])
    kept |= {"recipe": RECIPE, "lengths": list(LENGTHS), "rates": list(RATES)}

    def run(arm, rate, seed):
        if not any((r["arm"], r["rate"], r["seed"]) == (arm, rate, seed) for r in runs):
            runs.append(train(arm, rate, seed))
            print(arm, rate, seed, runs[-1]["test"], runs[-1]["processor_seconds"], flush=True)
            save()

    for rate in RATES:
        for arm in ARMS:
            run(arm, rate, 0)
    kept["best"] = {arm: best_rate(runs, arm) for arm in ARMS}
    save()
    for seed in range(1, seeds):
        for arm in ARMS:
            run(arm, kept["best"][arm], seed)


def gradient_by_distance(layer, rng, batch=16):
    """Size of the gradient of the last output, as a share of that at the last input; last first."""
    x = rng.normal(size=(batch, DISTANCES, FEATURES)).astype("float32")
    weights = rng.normal(size=layer(x).shape).astype("float32")
    norms = np.linalg.norm(interpret.input_gradient(layer, x, weights), axis=-1).mean(axis=0)
    return norms[::-1] / norms[-1]


def looking_back():
    """Self-attention of one head, of which the last position is read."""
    x = keras.Input((DISTANCES, FEATURES))
    found = keras.layers.MultiHeadAttention(1, UNITS)(x, x)
    return keras.Model(x, found[:, -1])


def held_open():
    """A GRU whose update gate starts at the sigmoid of 4, as in lesson 14."""
    cell = keras.layers.GRU(UNITS)
    cell.build((None, None, FEATURES))
    kernel, recurrent, bias = cell.get_weights()
    bias[:, :UNITS] = [[4.0], [0.0]]
    cell.set_weights([kernel, recurrent, bias])
    return cell


FRESH = {
    "simple": lambda: keras.layers.SimpleRNN(UNITS),
    "LSTM": lambda: keras.layers.LSTM(UNITS),
    "GRU": lambda: keras.layers.GRU(UNITS),
    "GRU, held open": held_open,
    "attention": looking_back,
}


def reach(seeds):
    """For each kind of layer its curves, a row for each seed."""
    curves = {}
    for name, make in FRESH.items():
        curves[name] = []
        for seed in range(seeds):
            keras.utils.set_random_seed(seed)
            curve = gradient_by_distance(make(), np.random.default_rng(seed))
            curves[name].append([float(f"{share:.3g}") for share in curve])
    return {"units": UNITS, "features": FEATURES, "curves": curves}


def attend(size, rng):
    """A call of one head's attention on as many positions."""
    query, key, value = (rng.normal(size=(size, WIDTH)).astype("float32") for _ in range(3))
    return lambda: attention.scaled_dot_product_attention(query, key, value)


def recur(size, rng):
    """A call of a simple recurrent layer on as many steps."""
    x = rng.normal(size=(1, size, WIDTH)).astype("float32")
    kernel, recurrent = (0.1 * rng.normal(size=(2, WIDTH, WIDTH))).astype("float32")
    bias = np.zeros(WIDTH, "float32")
    return lambda: operations.simple_rnn(x, kernel, recurrent, bias)


def processor_seconds(call, least=0.02):
    """Of one call, from as many as take the least time that the clock can tell."""
    start, calls = time.process_time(), 0
    while (spent := time.process_time() - start) < least:
        call()
        calls += 1
    return spent / calls


def most_memory(call):
    """Bytes that a call holds at once at most, beside what it is given."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def exponent(values):
    """p of size^p, through the last two sizes."""
    return float(np.log(values[-1] / values[-2]) / np.log(SIZES[-1] / SIZES[-2]))


def cost(rounds=7):
    """Milliseconds of a processor, megabytes and multiply-adds over the sizes; the exponents."""
    rng = np.random.default_rng(0)
    kinds = {"attention": attend, "simple": recur}
    calls = {(name, size): make(size, rng) for name, make in kinds.items() for size in SIZES}
    taken = {which: [] for which in calls}
    for _ in range(rounds):
        for which, call in calls.items():
            taken[which].append(processor_seconds(call))
    rows = {}
    for name in kinds:
        milliseconds = [1000 * statistics.median(taken[name, size]) for size in SIZES]
        megabytes = [most_memory(calls[name, size]) / 1e6 for size in SIZES]
        rows[name] = {
            "milliseconds": [round(value, 4) for value in milliseconds],
            "megabytes": [round(value, 4) for value in megabytes],
            "exponent_of_time": round(exponent(milliseconds), 2),
            "exponent_of_memory": round(exponent(megabytes), 2),
        }
    rows["attention"]["multiply_adds"] = [2 * size**2 * WIDTH for size in SIZES]
    rows["simple"]["multiply_adds"] = [2 * size * WIDTH**2 for size in SIZES]
    return {"sizes": list(SIZES), "width": WIDTH, "rounds": rounds, "rows": rows}


def show(table):
    """What the table says, in Markdown."""
    if runs := table.get("accuracy", {}).get("runs"):
        print(f"\n| lines right, % | rate | seeds | {' | '.join(map(str, LENGTHS))} dates |")
        print("|---|--:|--:|" + len(LENGTHS) * "---|")
        for arm, rate in sorted({(run["arm"], run["rate"]) for run in runs}):
            test = np.array([r["test"] for r in runs if (r["arm"], r["rate"]) == (arm, rate)])
            cells = [
                f"{100 * row.mean():.1f} ({100 * row.min():.1f} to {100 * row.max():.1f})"
                for row in test.T
            ]
            print(f"| {arm} | {rate:g} | {len(test)} | {' | '.join(cells)} |")
    if "reach" in table:
        print("\n| gradient at distance | 1 | 10 | 50 | 99 |\n|---|--:|--:|--:|--:|")
        for name, curves in table["reach"]["curves"].items():
            mean = np.mean(curves, axis=0)
            print(f"| {name} | {' | '.join(f'{mean[at]:.1g}' for at in (1, 10, 50, 99))} |")
    if "cost" in table:
        print(f"\n| of a processor | {' | '.join(map(str, SIZES))} | exponent |")
        print("|---|" + len(SIZES) * "--:|" + "--:|")
        for name, row in table["cost"]["rows"].items():
            for what, power in (("milliseconds", "time"), ("megabytes", "memory")):
                cells = " | ".join(f"{value:.3g}" for value in row[what])
                print(f"| {name}, {what} | {cells} | {row[f'exponent_of_{power}']} |")


def in_lines(table):
    """The table as JSON, a list of numbers on one line."""
    text = json.dumps(table, indent=1)
    rows = re.sub(r"\[[-+\d.e,\s]+\]", lambda found: " ".join(found[0].split()), text)
    return rows.replace("[ ", "[").replace(" ]", "]") + "\n"


def main():
    """Measure what is asked for, keep it if asked to, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    if options.keep and options.seeds < 3:
        parser.error("--keep is for three seeds or more: leave out --seeds")
    path, table = measured.ATTENTION, {}
    if options.keep and path.exists():
        table = json.loads(path.read_text(encoding="utf-8"))

    def save():
        table["date"] = datetime.date.today().isoformat()
        table["machine"] = (
            f"{machine.cpu_cores()} CPU cores, Keras {keras.__version__} on "
            f"{keras.backend.backend()}, NumPy {np.__version__}"
        )
        if options.keep:
            path.write_text(in_lines(table), encoding="utf-8")

    if "cost" in options.parts:
        table["cost"] = cost()
        save()
    if "reach" in options.parts:
        table["reach"] = reach(options.seeds)
        save()
    if "accuracy" in options.parts:
        accuracy(table.setdefault("accuracy", {}), options.seeds, save)
    show(table)


if __name__ == "__main__":
    print_anything()
    main()
