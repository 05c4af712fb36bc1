"""Our MLP and CNN beside the usual scripts: seconds and test accuracy on MNIST, over seeds.

    .venv/bin/python benchmarks/time_to_accuracy.py [--seeds 3]

All four train in turn, seed by seed, so that a machine whose speed drifts slows all of them.
Seconds are those of `fit` alone, with validation after each epoch. A line per run, then a table:
per model the median seconds, the mean accuracy, and the seconds until validation first reached
the best that the usual script reached on the same seed ("to the same").
"""

import argparse
import time

from dlkit import environment

print(environment.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from dlkit import data, models  # noqa: E402


class Clock(keras.callbacks.Callback):
    """Seconds since the start of training, at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.start, self.seconds = time.perf_counter(), []

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def our_schedule(peak, epochs, batch_size, n):
    """Warm-up over a quarter of the steps, then a cosine to zero: that of lessons 06 and 07."""
    steps = epochs * -(-n // batch_size)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 4, warmup_target=peak, warmup_steps=steps // 4
    )


def usual_mlp():
    """784-128-10."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )


def usual_cnn():
    """Conv32, pool, Conv64, pool, dense."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


# name: (builder, epochs, batch size, peak of our schedule; None: Adam as it comes)
RUNS = {
    "MLP, ours": (
        lambda: models.mlp((28, 28, 1), 10, units=(512, 256), dropout_rate=0.2),
        8,
        512,
        4e-3,
    ),
    "MLP, usual": (usual_mlp, 10, 32, None),
    "CNN, ours": (lambda: models.convnet((28, 28, 1), 10), 5, 256, 1e-2),
    "CNN, usual": (usual_cnn, 5, 32, None),
}


def run(name, seed, mnist):
    """One training run: seconds and validation accuracy after each epoch, and test accuracy."""
    build, epochs, batch_size, peak = RUNS[name]
    (x_train, y_train), (x_val, y_val), (x_test, y_test) = mnist
    keras.utils.set_random_seed(seed)
    model, clock = build(), Clock()
    rate = our_schedule(peak, epochs, batch_size, len(x_train)) if peak else 0.001
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
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
    print(f"  seed {seed}  {name:<10} {clock.seconds[-1]:6.1f} s  test {test:.2%}", flush=True)
    return {"seconds": clock.seconds, "val": history["val_accuracy"], "test": test}


def seconds_to(result, accuracy):
    """Seconds until the validation accuracy first reached this; nan if it never did."""
    reached = [s for s, v in zip(result["seconds"], result["val"], strict=True) if v >= accuracy]
    return reached[0] if reached else float("nan")


def main():
    """Run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    raw = data.load_mnist()
    print(f"{raw.source}; seconds of fit, test accuracy")
    mnist = [
        (part.x[..., None] / np.float32(255), part.y) for part in (raw.train, raw.val, raw.test)
    ]
    results = {name: [] for name in RUNS}
    for seed in seeds:
        for name in RUNS:
            results[name].append(run(name, seed, mnist))
    print(
        "\n| model | median s | test accuracy, mean (lowest to highest) | s to the same, median |"
    )
    print("|---|---|---|---|")
    for name, runs in results.items():
        usual = results[name.split(",")[0] + ", usual"]
        to_same = [seconds_to(r, max(u["val"])) for r, u in zip(runs, usual, strict=True)]
        tests = [r["test"] for r in runs]
        print(
            f"| {name} | {np.median([r['seconds'][-1] for r in runs]):.1f} | {np.mean(tests):.2%} "
            f"({min(tests):.2%} to {max(tests):.2%}) | {np.nanmedian(to_same):.1f} |"
        )


if __name__ == "__main__":
    main()
