"""What test_distributed.py runs in worker processes; the light ones without TensorFlow."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from dlkit.distributed import Checkpoint, load_latest, meet, read_tf_config


def write_pid(folder, index):
    path = Path(folder) / f"pid-{index}"
    path.with_suffix(".new").write_text(str(os.getpid()))
    os.replace(path.with_suffix(".new"), path)


def wait(config):
    """Say who it is, then hang."""
    write_pid(config["folder"], read_tf_config()[1])
    time.sleep(600)


def hello(config):
    print("working")
    return [config["word"], read_tf_config()[1]]


def fail(config):
    if read_tf_config()[1] == config["worker"]:
        raise ValueError("this worker had enough")
    time.sleep(600)


def leave(config):
    if read_tf_config()[1] == config["worker"]:
        os._exit(3)
    time.sleep(600)


def die_once(config):
    """The number of this attempt; in the first one worker 1 is killed and worker 0 hangs."""
    index = read_tf_config()[1]
    file = Path(config["folder"]) / f"attempt-{index}"
    if file.exists():
        return 2
    file.touch()
    if index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def cannot_be_told(config):
    return np.zeros(3)


def meet_only(config):
    """Meet the others; worker 1 has what the config says of it alone."""
    index = read_tf_config()[1]
    mine = {**config["facts"], **(config["only_1"] if index == 1 else {})}
    if mine.pop("stay_away", False):
        time.sleep(600)
    if "seed_of_x" in mine:
        mine["x"] = np.random.default_rng(mine.pop("seed_of_x")).random((100, 3))
    return meet(mine, timeout=config["timeout"])


def save_for_ever(config):
    """Write one checkpoint after the other, until it is killed."""
    state = load_latest(config["folder"]) or Checkpoint()
    while True:
        state.total_steps += 1
        state.arrays = [np.full((300, 1000), state.total_steps, "float32")]
        state.save(config["folder"])


def train_blobs(config):
    """Train a small network on made-up data; config says what goes wrong, and when."""
    import keras

    from dlkit.distributed.training import join, train

    index = read_tf_config()[1]
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, size=config["examples"])
    x = (rng.normal(size=(len(y), 8)) + y[:, None]).astype("float32")
    strategy = join(batch_size=config["batch_size"], x=x, y=y)
    units = config.get("units_of_worker_1", 16) if index == 1 else 16

    def build():
        layers = [keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(3)]
        if config.get("more_layers"):
            layers[1:1] = [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((8,)), *layers])
        return model, keras.optimizers.Adam(0.01)

    steps = []

    def on_step(number):
        steps.append(number)
        killed = Path(config.get("folder", ".")) / "killed"
        if number == config.get("kill_at") and index == 1 and not killed.exists():
            killed.write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)

    _, history = train(
        strategy,
        build,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None),
        x,
        y,
        batch_size=config["batch_size"],
        epochs=config["epochs"],
        seed=3,
        checkpoints=config["checkpoints"],
        steps_per_checkpoint=config.get("steps_per_checkpoint"),
        on_step=on_step,
    )
    return {"loss": history["loss"], "steps": steps}
