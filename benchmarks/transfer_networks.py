"""The two networks that lesson 13 starts from: trained on eight classes of CIFAR-10.

    .venv/bin/python benchmarks/transfer_networks.py [--only photographs rotations] [--epochs 6]

Deer and horses are left out, so that the lesson has two classes to meet that the networks have
never seen. What remains are 36,018 training images. Both networks are lesson 12's residual network
with 16, 32 and 64 filters, trained with SGD, momentum 0.9 and batches of 100, at a rate that warms
up to 0.1 in a quarter of the steps and falls to 0 along a cosine, each image mirrored half the time
and moved by up to four pixels. One seed. The rates were lesson 12's; nothing was searched.

photographs   learns which of the eight classes an image shows.
rotations     sees no label: each image is turned by 0, 90, 180 or 270 degrees, and it learns by
              how much (Gidaris, Singh and Komodakis, 2018, arXiv:1803.07728).

Weights go to dlkit/measured/transfer_NAME.npz as float16, with digest, recipe, hardware and date in
dlkit/measured/transfer_networks.json. `val` is the accuracy of the weights as they are kept. The
test images are not read. About four minutes a network on two quiet cores.
"""

import argparse
import datetime
import hashlib
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

LEFT_OUT = ("deer", "horse")
FILTERS, BATCH_SIZE, PEAK, SHIFT = (16, 32, 64), 100, 0.1, 4


def load():
    """x_train, y_train, x_val, y_val of the eight classes, labels 0 to 7; and their names."""
    cifar = data.load_cifar10()
    if cifar.is_sample:
        raise SystemExit("The networks need CIFAR-10; the sample would say nothing of it.")
    names = [name for name in cifar.class_names if name not in LEFT_OUT]
    numbers = np.array([names.index(n) if n in names else -1 for n in cifar.class_names])
    parts = []
    for part in (cifar.train, cifar.val):
        labels = numbers[part.y]
        parts += [part.x[labels >= 0], labels[labels >= 0]]
    return parts, names


def augmented(images, rng):
    """Each image mirrored half the time, and moved by up to SHIFT pixels; edges are mirrored in."""
    flips = rng.random(len(images)) < 0.5
    images = np.where(flips[:, None, None, None], images[:, :, ::-1], images)
    width = images.shape[1]
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    moves = rng.integers(0, 2 * SHIFT + 1, (len(images), 2))
    moved = np.empty_like(images)
    for down in range(2 * SHIFT + 1):
        for across in range(2 * SHIFT + 1):
            these = np.flatnonzero((moves[:, 0] == down) & (moves[:, 1] == across))
            moved[these] = padded[these, down : down + width, across : across + width]
    return moved


def turned(images, quarters):
    """Each image turned to the left by its number of quarters of a circle."""
    result = images.copy()
    for quarter in (1, 2, 3):
        result[quarters == quarter] = np.rot90(images[quarters == quarter], quarter, axes=(1, 2))
    return result


def scaled(images):
    """0 to 255 becomes -1 to 1."""
    return images / np.float32(127.5) - 1


def train(name, epochs, seed=0):
    """One network: its weights as float16, and the accuracy on validation images with them."""
    (x_train, y_train, x_val, y_val), names = load()
    rng = np.random.default_rng(seed)
    turns = name == "rotations"
    if turns:
        y_val = rng.integers(0, 4, len(x_val))
        x_val = turned(x_val, y_val)
    keras.utils.set_random_seed(seed)
    network = models.resnet((32, 32, 3), 4 if turns else len(names), filters=FILTERS)
    steps = epochs * -(-len(x_train) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 4, warmup_target=PEAK, warmup_steps=steps // 4
    )
    network.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.process_time()
    for epoch in range(epochs):
        x, y = augmented(x_train, rng), y_train
        if turns:
            y = rng.integers(0, 4, len(x))
            x = turned(x, y)
        history = network.fit(scaled(x), y, batch_size=BATCH_SIZE, verbose=0).history
        print(f"  {name}, epoch {epoch + 1}: {history['accuracy'][0]:.3f}", flush=True)
    seconds = time.process_time() - start
    weights = [np.asarray(w, np.float16) for w in network.get_weights()]
    if not all(np.isfinite(w).all() for w in weights):
        raise SystemExit("a weight does not fit into float16")
    network.set_weights([w.astype(np.float32) for w in weights])
    accuracy = network.evaluate(scaled(x_val), y_val, batch_size=500, verbose=0)[1]
    entry = {
        "classes": [0, 90, 180, 270] if turns else names,
        "left_out": list(LEFT_OUT),
        "images": len(x_train),
        "epochs": epochs,
        "seed": seed,
        "filters": list(FILTERS),
        "parameters": int(sum(w.size for w in weights)),
        "val": round(float(accuracy), 4),
        "processor_seconds": round(seconds),
        "recipe": "benchmarks/transfer_networks.py",
        "date": f"{datetime.date.today()}",
        "hardware": f"{machine.cpu_cores()} CPU cores, no GPU",
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
    }
    return weights, entry


def main():
    """Train what is asked for, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ["photographs", "rotations"]
    parser.add_argument("--only", nargs="+", choices=known, default=known)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    kept = measured.TRANSFER_NETWORKS
    for name in options.only:
        weights, entry = train(name, options.epochs)
        path = kept.with_name(f"transfer_{name}.npz")
        np.savez_compressed(path, *weights)
        entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        table = json.loads(kept.read_text()) if kept.exists() else {}
        kept.write_text(json.dumps(table | {name: entry}, indent=1) + "\n")
        print(f"{name}: {entry['val']:.1%} of validation images, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    print_anything()
    main()
