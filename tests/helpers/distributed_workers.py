"""What test_distributed.py runs in worker processes; the light ones without TensorFlow."""

import importlib.metadata
import json
import os
import signal
import time
from pathlib import Path

import numpy as np

from dlkit.distributed import Checkpoint, load_latest, read_tf_config, rendezvous


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


def rendezvous_only(config):
    """Wait for the others; worker 1 is as the config says."""
    if read_tf_config()[1] == 1:
        if config.get("stay_away"):
            time.sleep(600)
        if config.get("more_workers"):
            task = json.loads(os.environ["TF_CONFIG"])
            task["cluster"]["worker"].append("127.0.0.1:1")
            os.environ["TF_CONFIG"] = json.dumps(task)
        if config.get("tensorflow"):
            importlib.metadata.version = lambda name: config["tensorflow"]
        while config.get("wait_for") and not Path(config["wait_for"]).exists():
            time.sleep(0.01)
    return rendezvous(timeout=config["timeout"])


def save_for_ever(config):
    """Write one checkpoint after the other, until it is killed."""
    state = load_latest(config["folder"]) or Checkpoint()
    while True:
        state.total_steps += 1
        state.arrays = [np.full((300, 1000), state.total_steps, "float32")]
        state.save(config["folder"])


def train_blobs(config):
    """Train a small network on made-up data; config says what goes wrong, and when."""
    from dlkit.distributed.training import join

    return train_after_join(join(), config)


def train_each_differently(config):
    """In turn, let worker 1 train with each of config's differences: what each attempt raised."""
    from dlkit.distributed.training import join

    strategy, index, raised = join(), read_tf_config()[1], []
    for difference in config["differences"]:
        try:
            train_after_join(strategy, config | (difference if index == 1 else {}))
        except ValueError as error:
            raised.append(str(error))
    return raised


def train_after_join(strategy, config):
    import keras

    from dlkit.distributed.training import train

    index = read_tf_config()[1]
    rng = np.random.default_rng(config.get("data_seed", 7))
    y = rng.integers(0, 3, size=config["examples"])
    x = (rng.normal(size=(len(y), 8)) + y[:, None]).astype("float32")

    def build():
        layers = [
            keras.layers.Dense(config.get("units", 16), activation=config.get("activation", "tanh"))
        ]
        if config.get("more_layers"):
            layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(3)])
        return model, keras.optimizers.Adam(config.get("learning_rate", 0.01))

    steps = []

    def on_step(number):
        steps.append(number)
        folder = Path(config["folder"])
        with open(folder / f"steps-{index}", "a") as file:
            file.write(f"{number}\n")
        if number == config.get("kill_at") and index == 1 and not (folder / "killed").exists():
            (folder / "killed").write_text(str(time.time()))
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
