"""The ladder of lesson 12: from an MLP to a residual network on CIFAR-10, one change a rung.

    .venv/bin/python benchmarks/cifar_ladder.py [--seeds 3] [--rungs mlp lenet] [--out FILE]
    .venv/bin/python benchmarks/cifar_ladder.py --speed       # seconds per epoch, measured alone
    .venv/bin/python benchmarks/cifar_ladder.py --table       # only show what FILE holds

Every rung but the last trains for ten epochs with SGD, momentum 0.9 and batches of 100. All that
differs from the rung before is in its line of RUNGS. FILE, if none is given the one that
the lesson shows, gains an entry after each run, and a run that it already holds is not repeated:
the ladder can be stopped and taken up again.
The test set is read once per run, after the last epoch, and nothing is chosen by it. An hour on
two cores, and as much again for the last rung.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

from dlkit import machine

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dlkit import data, measured, models  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402

KEPT = measured.CIFAR_LADDER
SHAPE, CLASSES, BATCH_SIZE = (32, 32, 3), 10, 100
RUNGS = {
    "mlp": {"what": "MLP 512-256", "network": "mlp"},
    "lenet": {"what": "LeNet: two convolutions", "network": "lenet"},
    "blocks": {"what": "3x3 blocks, batch normalisation", "network": "blocks"},
    "augmented": {"what": "+ augmentation", "network": "blocks", "augment": True},
    "scheduled": {
        "what": "+ warm-up and cosine schedule",
        "network": "blocks",
        "augment": True,
        "peak": 0.1,
    },
    "residual": {
        "what": "+ shortcuts: a residual network",
        "network": "resnet",
        "augment": True,
        "peak": 0.1,
    },
    "longer": {
        "what": "wider, 40 epochs, weight decay",
        "network": "wide",
        "augment": True,
        "peak": 0.1,
        "epochs": 40,
        "weight_decay": 5e-4,
    },
}
NETWORKS = {
    "mlp": lambda: models.mlp(SHAPE, CLASSES, units=(512, 256)),
    "lenet": lambda: models.lenet(SHAPE, CLASSES),
    "blocks": lambda: models.resnet(SHAPE, CLASSES, shortcuts=False),
    "resnet": lambda: models.resnet(SHAPE, CLASSES),
    "wide": lambda: models.resnet(SHAPE, CLASSES, filters=(32, 64, 128)),
}


def load():
    """CIFAR-10 with pixels in [-1, 1]."""
    cifar10 = data.load_cifar10()
    if cifar10.is_sample:
        raise SystemExit("The ladder needs CIFAR-10 itself; the sample would say nothing of it.")
    parts = (cifar10.train, cifar10.val, cifar10.test)
    return [(part.x / np.float32(127.5) - 1, part.y) for part in parts]


def compiled(rung, steps):
    """The rung's network, with its augmentation in front, ready for `steps` of training."""
    network = NETWORKS[rung["network"]]()
    if rung.get("augment"):
        flip = keras.layers.RandomFlip("horizontal")
        shift = keras.layers.RandomTranslation(0.125, 0.125, interpolation="nearest")
        network = keras.Sequential([keras.Input(SHAPE), flip, shift, network])
    rate = 0.01
    if "peak" in rung:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - steps // 4, warmup_target=rung["peak"], warmup_steps=steps // 4
        )
    network.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9, weight_decay=rung.get("weight_decay")),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return network


def run(rung, seed, parts):
    """Train one rung: accuracy on the three parts at the end, in per cent."""
    (x_train, y_train), val, test = parts
    epochs = rung.get("epochs", 10)
    keras.utils.set_random_seed(seed)
    model = compiled(rung, epochs * -(-len(x_train) // BATCH_SIZE))
    start = time.perf_counter()
    fitted = model.fit(
        x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs, validation_data=val, verbose=0
    )
    seconds = time.perf_counter() - start
    test_accuracy = model.evaluate(*test, batch_size=500, verbose=0)[1]
    return {
        "seed": seed,
        "parameters": int(sum(np.prod(w.shape) for w in model.trainable_weights)),
        "epochs": epochs,
        "train": [round(100 * a, 2) for a in fitted.history["accuracy"]],
        "val": [round(100 * a, 2) for a in fitted.history["val_accuracy"]],
        "test": round(100 * test_accuracy, 2),
        "seconds": round(seconds),
    }


def speed(names, parts, results, rounds=3, images=9_000):
    """Seconds per epoch: medians of rounds in which the rungs take turns, on a fifth of it."""
    (x_train, y_train), _, _ = parts
    x, y = x_train[:images], y_train[:images]
    trained = {name: compiled(RUNGS[name], 1000) for name in names}
    taken = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name, model in trained.items():
            start = time.perf_counter()
            model.fit(x, y, batch_size=BATCH_SIZE, verbose=0)
            if turn:  # the first traces the graph
                taken[name].append((time.perf_counter() - start) * len(x_train) / images)
    for name in names:
        entry = results.setdefault(name, {"what": RUNGS[name]["what"], "runs": []})
        entry["seconds_per_epoch"] = round(statistics.median(taken[name]), 1)


def show(results):
    """The table, as text."""
    print(f"{'rung':<34}{'parameters':>11}{'epochs':>8}{'s/epoch':>9}  test %, mean (min to max)")
    for name in RUNGS:
        entry = results.get(name, {})
        if not (runs := entry.get("runs")):
            continue
        test = [r["test"] for r in runs]
        spread = f"{statistics.mean(test):.1f} ({min(test):.1f} to {max(test):.1f}; {len(test)})"
        print(
            f"{entry['what']:<34}{runs[0]['parameters']:>11,}{runs[0]['epochs']:>8}"
            f"{entry.get('seconds_per_epoch', float('nan')):>9}  {spread}"
        )


def main():
    """Run what is asked for, keep it, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=[*RUNGS][:-1])
    parser.add_argument("--out", type=Path, default=KEPT)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    results = json.loads(options.out.read_text()) if options.out.exists() else {}

    def keep():
        results["machine"] = f"{machine.cpu_cores()} CPU cores, Keras {keras.__version__}"
        results["python"] = platform.python_version()
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n")

    if options.speed:
        speed(options.rungs, load(), results)
        keep()
    elif not options.table:
        parts = load()
        for seed in range(options.seeds):
            for name in options.rungs:
                entry = results.setdefault(name, {"what": RUNGS[name]["what"], "runs": []})
                if seed in [r["seed"] for r in entry["runs"]]:
                    continue
                entry["runs"].append(run(RUNGS[name], seed, parts))
                print(f"  seed {seed}  {name:<10} test {entry['runs'][-1]['test']} %", flush=True)
                keep()
    show(results)


if __name__ == "__main__":
    print_anything()
    main()
