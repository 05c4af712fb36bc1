"""Our MLP and CNN beside the usual scripts: seconds to the same accuracy on MNIST, over seeds.

    .venv/bin/python benchmarks/time_to_accuracy.py [--seeds 3] [--only MLP]

All train in turn, seed by seed, so that a machine whose speed drifts slows all of them. Seconds
are those of `fit` alone, from its call on: tracing, validation after each epoch and all. The goal
for ours is the best validation accuracy that a usual script reaches in any epoch, its mean over the
seeds: a single run says little, since 5,000 digits leave 0.15 points to luck. Ours is there at the
first epoch whose mean over the seeds is as good. The test set is read once, after training.

Ours come as in the lesson, which goes on to be better, and shorter, as long as it takes to be as
good as a usual script. Two ratios compare them. One stops the usual script's clock at its best
epoch, which only hindsight knows; the other lets it run to its end, as its user does.
"""

import argparse
import time

from dlkit import machine

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from dlkit import data, models  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402

SHAPE = (28, 28, 1)


class Clock(keras.callbacks.Callback):
    """Seconds since the call of `fit`, at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.start, self.seconds = time.perf_counter(), []

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def warmup_then_cosine(peak, epochs, batch_size, n):
    """Up over a quarter of the steps, then a cosine to zero: that of lessons 07 and 08."""
    steps = epochs * -(-n // batch_size)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 4, warmup_target=peak, warmup_steps=steps // 4
    )


def usual_mlp(*units):
    """The dense network of the usual tutorial."""
    hidden = [layers.Dense(width, activation="relu") for width in units]
    return keras.Sequential([keras.Input(SHAPE), layers.Flatten(), *hidden, layers.Dense(10)])


def usual_cnn(dropout_rate=0.0):
    """Conv32, pool, Conv64, pool, dense: 34,826 parameters."""
    stack = [keras.Input(SHAPE)]
    for filters in (32, 64):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()]
    return keras.Sequential(
        [*stack, layers.Flatten(), layers.Dropout(dropout_rate), layers.Dense(10)]
    )


# name: (builder, epochs, batch size, steps per execution, peak of our schedule or None: Adam as it
# comes). Between executions Keras looks after its callbacks: short runs do so a few times an epoch.
RUNS = {
    "MLP 128, batch 128": (lambda: usual_mlp(128), 5, 128, 1, None),
    "MLP 64-64, batch 32": (lambda: usual_mlp(64, 64), 5, 32, 1, None),
    "MLP 128, batch 32": (lambda: usual_mlp(128), 10, 32, 1, None),
    "MLP ours, short": (lambda: models.mlp(SHAPE, 10, units=(256,)), 3, 384, 36, 8e-3),
    "MLP ours, lesson 07": (lambda: models.mlp(SHAPE, 10, units=(256, 128)), 6, 256, 1, 4e-3),
    "CNN 32-64, batch 32": (usual_cnn, 5, 32, 1, None),
    "CNN 32-64, dropout, batch 128": (lambda: usual_cnn(0.5), 15, 128, 1, None),
    "CNN ours, short": (lambda: models.convnet(SHAPE, 10), 1, 128, 86, 2e-2),
    "CNN ours, less short": (lambda: models.convnet(SHAPE, 10), 3, 256, 43, 2e-2),
    "CNN ours, lesson 08": (lambda: models.convnet(SHAPE, 10), 5, 256, 1, 1e-2),
}


def run(name, seed, mnist):
    """One training run: seconds and validation accuracy after each epoch, and test accuracy."""
    build, epochs, batch_size, steps, peak = RUNS[name]
    (x_train, y_train), (x_val, y_val), (x_test, y_test) = mnist
    keras.utils.set_random_seed(seed)
    model = build()
    rate = warmup_then_cosine(peak, epochs, batch_size, len(x_train)) if peak else 0.001
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps,
    )
    clock = Clock()
    history = model.fit(
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x_val, y_val),
        verbose=0,
        callbacks=[clock],
    ).history
    test = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)[1]
    best = max(history["val_accuracy"])
    print(f"  seed {seed}  {name:<30} {clock.seconds[-1]:6.1f} s  val {best:.2%}  test {test:.2%}")
    return {"seconds": clock.seconds, "val": history["val_accuracy"], "test": test}


def seconds_to(runs, accuracy):
    """Median seconds until the mean validation accuracy is this high; None if it never is."""
    for epoch, mean in enumerate(np.mean([run["val"] for run in runs], axis=0)):
        if mean >= accuracy:
            return np.median([run["seconds"][epoch] for run in runs])
    return None


def spread(values):
    """Mean and range of shares, in per cent."""
    low, mean, high = (f"{100 * f(values):.2f}" for f in (min, np.mean, max))
    return f"{mean} ({low} to {high})"


def main():
    """Run all, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="networks whose names contain this: MLP or CNN")
    options = parser.parse_args()
    raw = data.load_mnist()
    print(f"{raw.source}; seconds of fit\n")
    mnist = [
        (part.x[..., None] / np.float32(255), part.y) for part in (raw.train, raw.val, raw.test)
    ]
    results = {name: [] for name in RUNS if options.only in name}
    for seed in range(options.seeds):
        for name in results:
            results[name].append(run(name, seed, mnist))

    print("\n| network | epochs | s, median | validation %, best | test % |")
    print("|---|--:|--:|---|---|")
    for name, runs in results.items():
        seconds = np.median([r["seconds"][-1] for r in runs])
        best, tests = [max(r["val"]) for r in runs], [r["test"] for r in runs]
        print(f"| {name} | {RUNS[name][1]} | {seconds:.1f} | {spread(best)} | {spread(tests)} |")

    print("\n| usual script | its best, % | s to it | s in all | ours | s to the same | ratios |")
    print("|---|--:|--:|--:|---|--:|---|")
    for name, usual in results.items():
        for own, ours in results.items():
            if "ours" not in name and "ours" in own and name[:3] == own[:3]:
                print(compared(name, usual, own, ours))


def compared(name, usual, own, ours):
    """A row of the table: how many times as long the usual script took, to its best and in all."""
    goal = np.mean([max(run["val"]) for run in usual])
    best = np.median([run["seconds"][np.argmax(run["val"])] for run in usual])
    end = np.median([run["seconds"][-1] for run in usual])
    row = f"| {name} | {100 * goal:.2f} | {best:.1f} | {end:.1f} | {own} "
    mine = seconds_to(ours, goal)
    if mine is None:
        return f"{row}| not reached | |"
    return f"{row}| {mine:.1f} | {best / mine:.1f} and {end / mine:.1f} |"


if __name__ == "__main__":
    print_anything()
    main()
