"""The progress line: one line on a screen, one stable line when it is done."""

import re
import signal
import threading

import keras
import numpy as np
import pytest

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


class Press(keras.callbacks.Callback):
    """Presses the stop button, so many times at once, in the second epoch."""

    def __init__(self, times):
        super().__init__()
        self.times, self.batches = times, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.batches += 1
        if self.batches == 10:  # eight batches are an epoch of 64 examples
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_the_stop_button_ends_the_training_and_not_the_cell(capsys):
    usual, press = signal.getsignal(signal.SIGINT), Press(times=1)
    history = fit(callbacks=[OneLineProgress("MLP"), press]).history
    assert len(history["loss"]) == 2, "of three epochs, the first and what there is of the second"
    assert press.batches == 10, "the batch that ran was the last"
    assert re.search(r"MLP: stopped in epoch 2 of 3, after \d+\.\d s", capsys.readouterr().out)
    assert signal.getsignal(signal.SIGINT) is usual


@pytest.fixture
def as_in_a_terminal():
    """A shell's job in the background ignores Ctrl-C, and so would what runs in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("as_in_a_terminal")
def test_pressed_again_it_interrupts():
    with pytest.raises(KeyboardInterrupt):
        fit(callbacks=[OneLineProgress(), Press(times=2)])


def test_without_it_the_stop_button_is_as_before():
    usual = signal.getsignal(signal.SIGINT)
    fit(callbacks=[OneLineProgress()])
    assert signal.getsignal(signal.SIGINT) is usual


def test_a_thread_can_train_though_it_has_no_stop_button(capsys):
    thread = threading.Thread(target=fit, kwargs={"callbacks": [OneLineProgress()]})
    thread.start()
    thread.join()
    assert "3 epochs in " in capsys.readouterr().out
