"""A worker function: it trains a network on digits, on one worker or many."""

import keras
import numpy as np

from dlkit import data, models
from dlkit.distributed.training import join, train


def train_digits(config):
    """Train an MLP on the first digits of MNIST, as one worker among those of TF_CONFIG.

    Args:
        config: dict with "examples", "units" (of each hidden layer), "learning_rate",
            "batch_size", "epochs", "seed", "checkpoints" (a folder, or None).

    Returns:
        dict: "loss" and "seconds", each a list with a number per epoch.

    Raises:
        ValueError, RuntimeError: as `dlkit.distributed.training.join` and ``train``.
    """
    images, y_train = (part[: config["examples"]] for part in data.load_mnist().train)
    x_train = images / np.float32(255)
    strategy = join(**config, x_train=x_train, y_train=y_train)

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
