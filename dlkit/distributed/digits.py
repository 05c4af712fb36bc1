"""Worker functions: train a network on digits, or time its steps, on one worker or many."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit import data, models
from dlkit.distributed.agreement import agree
from dlkit.distributed.training import join, train, training_step


def train_digits(config: dict[str, Any]) -> dict[str, list[float]]:
    """Train an MLP on the first digits of MNIST, as one worker among those of TF_CONFIG.

    Args:
        config: dict with "examples", "units" (of each hidden layer), "learning_rate",
            "batch_size", "epochs", "seed", "checkpoints" (a folder or another store, or None).

    Returns:
        dict: "loss" and "seconds", each a list with a number per epoch.

    Raises:
        ValueError, RuntimeError: as `dlkit.distributed.training.join` and ``train``.
    """
    images, y_train = (part[: config["examples"]] for part in data.load_mnist().train)
    x_train = images / np.float32(255)
    strategy = join()

    def build():
        model = models.mlp(x_train.shape[1:], 10, units=config["units"])
        return model, keras.optimizers.SGD(config["learning_rate"], momentum=0.9)

    _, history = train(
        strategy,
        build,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None),
        x_train,
        y_train,
        batch_size=config["batch_size"],
        epochs=config["epochs"],
        seed=config["seed"],
        checkpoints=config["checkpoints"],
    )
    return history


def time_steps(config: dict[str, Any]) -> list[float]:
    """Time training steps of an MLP with one hidden layer, whose input is noise of MNIST's shape.

    The step is that of `dlkit.distributed.training.training_step`. How many examples a worker has
    does not depend on the number of workers, so what two of them need beyond the time of one is
    the price of adding up their gradients. The cases take turns, so that a moment in which the
    machine is busy with something else does not hit one case alone.

    Args:
        config: dict with "cases", a list of pairs: units of the hidden layer, examples of each
            worker; "steps", how many are timed of each case, after "warm_up" others.

    Returns:
        list: of each case the seconds of a step: the first quartile, a time that a quarter of the
        steps keep below, because other programs of the machine can only make a step slower.

    Raises:
        ValueError, RuntimeError: as `dlkit.distributed.training.join`; workers have another config.
    """
    strategy = join()
    agree(strategy, config)
    steps = [_make_step(strategy, *case) for case in config["cases"]]
    seconds = [[_time(step) for step in steps] for _ in range(config["warm_up"] + config["steps"])]
    return np.quantile(seconds[config["warm_up"] :], 0.25, axis=0).tolist()


def _make_step(strategy, units, share) -> Callable[[], float]:
    with strategy.scope():
        model = models.mlp((28, 28), 10, units=(units,))
        optimizer = keras.optimizers.SGD(0.01)
        optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    step = training_step(strategy, model, optimizer, loss)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((share, 28, 28), dtype="float32"))
    y, weights = tf.constant(rng.integers(0, 10, share)), tf.ones(share)
    count = tf.constant(float(share * strategy.num_replicas_in_sync))
    return lambda: float(step(x, y, weights, count))  # who wants the number waits for the end


def _time(step):
    started = time.perf_counter()
    step()
    return time.perf_counter() - started
