"""What Keras lacks for a notebook: progress in one line that leaves one stable line behind."""

import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import keras

Logs = Mapping[str, float]  # what Keras hands a callback: name of a loss or metric -> its value


class OneLineProgress(keras.callbacks.Callback):
    """Progress of ``fit`` in a single line that is rewritten, and one line when it is done.

    Keras's own bar leaves hundreds of backspaces in a saved notebook. Pass ``verbose=0`` to
    ``fit`` and this callback instead::

        model.fit(x, y, epochs=6, verbose=0, callbacks=[OneLineProgress()])

    The notebook's stop button (Ctrl + C) ends the training after the current batch, not with an
    error: ``fit`` returns the history so far, and what follows can run. Pressed again, it
    interrupts as usual.

    Args:
        label: a few words in front of the line, e.g. ``"seed 3"``.
        interval: seconds between two updates of the line.
    """

    def __init__(self, label: str = "", *, interval: float = 0.5) -> None:
        super().__init__()
        self.label = f"{label}: " if label else ""
        self.interval = interval

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._started = self._updated = time.perf_counter()
        self._epoch, self._epochs = 0, self.params.get("epochs") or 1
        self._width = 0
        self._stopped = False
        self._usual = signal.getsignal(signal.SIGINT)
        self._on_stop_button(self._stop)

    def _stop(self, *_: object) -> None:
        self._stopped = self.model.stop_training = True
        self._on_stop_button(self._usual)

    def _on_stop_button(self, handler: Any) -> None:
        if threading.current_thread() is threading.main_thread():  # no other may take signals
            signal.signal(signal.SIGINT, handler)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        now = time.perf_counter()
        if now - self._updated < self.interval:
            return
        self._updated = now
        steps = self.params.get("steps")
        done = f" {100 * (batch + 1) // steps:3d} %" if steps else ""
        self._write(f"epoch {self._epoch + 1}/{self._epochs}{done}{self._numbers(logs)}")

    def on_train_end(self, logs: Logs | None = None) -> None:
        seconds = time.perf_counter() - self._started
        done = f"{self._epoch + 1} epoch{'s' if self._epoch else ''} in"
        if self._stopped:
            done = f"stopped in epoch {self._epoch + 1} of {self._epochs}, after"
        self._write(f"{done} {seconds:.1f} s{self._numbers(logs)}")
        sys.stdout.write("\n")
        sys.stdout.flush()
        self._on_stop_button(self._usual)

    def _numbers(self, logs: Logs | None) -> str:
        numbers = {k: float(v) for k, v in (logs or {}).items() if k != "learning_rate"}
        return "".join(f", {name} {number:.4f}" for name, number in numbers.items())

    def _write(self, text: str) -> None:
        line = self.label + text
        sys.stdout.write("\r" + line.ljust(self._width))
        sys.stdout.flush()
        self._width = len(line)
