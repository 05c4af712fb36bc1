"""Seconds to load the data: the first time, from what is kept, and with Keras's own loaders.

    DLKIT_DATA_DIR=/path/to/data .venv/bin/python benchmarks/loading.py [--rounds 5]

Each figure is one call in a fresh process, its imports not counted; medians over the rounds, in
which the calls take turns. MNIST and CIFAR-10 must be there: nothing is downloaded. Keras's loader
of CIFAR-10 accepts the official archive alone; without it, what is timed is its reader of
batches, without a check of the bytes, on batches written here in the same form.
"""

import argparse
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from dlkit import data
from dlkit.data import store
from dlkit.data.registry import MNIST, NPZ
from dlkit.machine import print_anything

ROOT = Path(__file__).resolve().parents[1]
TIMED = """
import sys, time
sys.path.insert(0, {root!r})
{imports}
start = time.perf_counter()
{call}
print(time.perf_counter() - start)
"""
KERAS = "from dlkit import machine; machine.start_keras(); import keras"
# An honest copy may be packed otherwise than the one that Keras knows: its digest is handed in.
KERAS_MNIST = f"""
{KERAS}
import hashlib, keras.src.datasets.mnist as module
digest = hashlib.sha256(open({{path!r}}, "rb").read()).hexdigest()
get_file = module.get_file
module.get_file = lambda **arguments: get_file(**arguments | {{{{"file_hash": digest}}}})
"""
KERAS_CIFAR10 = f"{KERAS}; from keras.src.datasets.cifar import load_batch"
KERAS_BATCHES = """[load_batch(f"{folder}/{{name}}") for name in
    ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")]
"""


def seconds(imports, call, **environment):
    """Seconds of one call in a fresh process."""
    code = TIMED.format(root=str(ROOT), imports=imports, call=call)
    environment = os.environ | {"DLKIT_OFFLINE": "1"} | environment
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[-1])


def write_batches(folder):
    """CIFAR-10 as pickles in the form of the official archive."""
    cifar10 = data.load_cifar10()
    x = np.concatenate([cifar10.train.x, cifar10.val.x])
    y = np.concatenate([cifar10.train.y, cifar10.val.y])
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    parts = [*np.array_split(x, 5), cifar10.test.x]
    labels = [*np.array_split(y, 5), cifar10.test.y]
    for name, images, classes in zip(names, parts, labels, strict=True):
        rows = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), 3072)
        batch = {b"data": rows, b"labels": classes.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch))


def calls(folder):
    """By data set and way: imports, call, environment. What Keras reads is put into the folder."""
    _, mnist = store.find(MNIST, store.places(), read=False)
    ours = "from dlkit import data"
    # Without a place to keep it, every load is a first one.
    alone = f"{ours}; from dlkit.data import store; store.cache_folders = list"
    found = {
        ("MNIST", "first load"): (alone, "data.load_mnist()", {}),
        ("MNIST", "kept from an earlier load"): (ours, "data.load_mnist()", {}),
        ("CIFAR-10", "first load"): (alone, "data.load_cifar10()", {}),
        ("CIFAR-10", "kept from an earlier load"): (ours, "data.load_cifar10()", {}),
    }
    write_batches(folder)
    call = KERAS_BATCHES.format(folder=folder)
    found["CIFAR-10", "Keras's reader of batches, no check"] = (KERAS_CIFAR10, call, {})
    if mnist.format is NPZ:  # the form that Keras reads
        (folder / "datasets").mkdir()
        shutil.copy(mnist.paths[0], folder / "datasets")
        setup = KERAS_MNIST.format(path=str(mnist.paths[0]))
        environment = {"KERAS_HOME": str(folder)}
        found["MNIST", "Keras's loader"] = (setup, "keras.datasets.mnist.load_data()", environment)
    return found


def main():
    """Time all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    mnist, cifar10 = data.load_mnist(), data.load_cifar10()
    if mnist.is_sample or cifar10.is_sample:
        sys.exit("MNIST and CIFAR-10 are needed: name a folder that holds them in DLKIT_DATA_DIR.")
    with tempfile.TemporaryDirectory() as folder:
        chosen = calls(Path(folder))
        found = {key: [] for key in chosen}
        for _ in range(rounds):
            for key, (imports, call, environment) in chosen.items():
                found[key].append(seconds(imports, call, **environment))
    print(f"{mnist.source}; {cifar10.source}; medians of {rounds}\n")
    print("| data set | load | s |")
    print("|---|---|--:|")
    for (name, what), times in found.items():
        print(f"| {name} | {what} | {np.median(times):.3f} |")


if __name__ == "__main__":
    print_anything()
    main()
