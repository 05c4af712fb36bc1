"""The progress line: one line on a screen, one stable line when it is done."""

import re

import keras
import numpy as np

from dlkit.training import OneLineProgress


def fit(**arguments):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mean_squared_error", metrics=["mean_absolute_error"])
    x = np.random.default_rng(0).random((64, 4), dtype="float32")
    return model.fit(x, x[:, :1], batch_size=8, epochs=3, verbose=0, **arguments)


def test_what_stays_is_one_line_with_the_last_epochs_numbers(capsys):
    history = fit(callbacks=[OneLineProgress("MLP", interval=0)], validation_split=0.25).history
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.endswith("\n")
    last = out.rstrip("\n").rsplit("\r", 1)[-1].rstrip()
    assert re.fullmatch(r"MLP: 3 epochs in \d+\.\d s(, \w+ \d+\.\d{4}){4}", last), last
    assert f"val_loss {history['val_loss'][-1]:.4f}" in last


def test_a_shorter_line_leaves_no_rest_of_a_longer_one(capsys):
    fit(callbacks=[OneLineProgress(interval=0)])
    screen = ""
    for piece in capsys.readouterr().out.rstrip("\n").split("\r"):
        screen = piece + screen[len(piece) :]
    assert screen.rstrip().startswith("3 epochs in") and "epoch 3/3" not in screen


def test_early_stopping_is_told_as_it_was(capsys):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    fit(callbacks=[Stop(), OneLineProgress()])
    assert "1 epoch in " in capsys.readouterr().out
