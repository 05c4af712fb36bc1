"""What Keras lacks for a notebook: progress in one line that leaves one stable line behind."""

import sys
import time

import keras


class OneLineProgress(keras.callbacks.Callback):
    """Progress of ``fit`` in a single line that is rewritten, and one line when it is done.

    Keras's own bar leaves hundreds of backspaces in a saved notebook. Pass ``verbose=0`` to
    ``fit`` and this callback instead::

        model.fit(x, y, epochs=6, verbose=0, callbacks=[OneLineProgress()])

    Args:
        label: a few words in front of the line, e.g. ``"seed 3"``.
        interval: seconds between two updates of the line.
    """

    def __init__(self, label: str = "", *, interval: float = 0.5) -> None:
        super().__init__()
        self.label = f"{label}: " if label else ""
        self.interval = interval

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._started = self._updated = time.perf_counter()
        self._epoch, self._epochs = 0, self.params.get("epochs") or 1
        self._width = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        if now - self._updated < self.interval:
            return
        self._updated = now
        steps = self.params.get("steps")
        done = f" {100 * (batch + 1) // steps:3d} %" if steps else ""
        self._write(f"epoch {self._epoch + 1}/{self._epochs}{done}{self._numbers(logs)}")

    def on_train_end(self, logs: dict | None = None) -> None:
        seconds = time.perf_counter() - self._started
        epochs = f"{self._epoch + 1} epoch{'s' if self._epoch else ''}"
        self._write(f"{epochs} in {seconds:.1f} s{self._numbers(logs)}")
        sys.stdout.write("\n")
        sys.stdout.flush()

    def _numbers(self, logs):
        numbers = {k: float(v) for k, v in (logs or {}).items() if k != "learning_rate"}
        return "".join(f", {name} {number:.4f}" for name, number in numbers.items())

    def _write(self, text):
        line = self.label + text
        sys.stdout.write("\r" + line.ljust(self._width))
        sys.stdout.flush()
        self._width = len(line)
