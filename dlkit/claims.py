"""Claims: what the prose of a lesson says, held against a band by the notebook itself."""

import json
import math
import os
import time
from typing import Protocol, SupportsFloat

Band = tuple[float, float]  # low, high: both belong to it


class Source(Protocol):
    """What a claim asks a data set."""

    @property
    def source(self) -> str:
        """Which copy it is and where it lay, in words."""

    @property
    def is_sample(self) -> bool:
        """Whether a sample stands in for the data set."""


class Claims:
    """Holds the numbers of one lesson against their bands, prints and logs them.

    A measured number is not the same on every machine, so a claim is a band: the prose says
    "about 98 %", the claim says 0.980 to 0.988. The offline sample is another data set and has
    its own bands. Outside its band a claim says so in one line and the lesson goes on: the learner
    may have changed something above, as exercises ask. Where the environment variable
    ``DLKIT_STRICT`` is ``1``, as in the course's own tests and tools, it raises instead.

    Args:
        lesson: name of the notebook, e.g. ``"07_mnist_mlp"``.
        dataset: the ``dlkit.data.Dataset`` that the lesson trains on; None for a lesson of pure
            mathematics, in which ``real`` is the only band.

    If the environment variable ``DLKIT_CLAIMS`` names a file, each claim appends one JSON line
    to it: lesson, name, value, low, high, data, is_sample, seconds (since this object was made),
    held.

    Example:
        >>> claims = Claims("01_neurons")
        >>> claims("largest difference to Keras", 3e-7, real=(0, 1e-6))
        largest difference to Keras = 3e-07: within what this course promises
    """

    def __init__(self, lesson: str, dataset: Source | None = None) -> None:
        self.lesson = lesson
        self.data = dataset.source if dataset is not None else "no data"
        self._is_sample = dataset is not None and dataset.is_sample
        self._started = time.perf_counter()

    def __call__(
        self, name: str, value: SupportsFloat, *, real: Band, sample: Band | None = None
    ) -> None:
        """Print the value, and whether ``low <= value <= high``, in one line; log it.

        Args:
            name: what is claimed, in a few words.
            value: the measured number.
            real: ``(low, high)`` for the real data set.
            sample: ``(low, high)`` for the offline sample; None where ``real`` serves both.

        Raises:
            AssertionError: the claim does not hold, or the number is not finite; only where
                ``DLKIT_STRICT`` is ``1``.
            ValueError: the band is not a pair of numbers with low <= high.
        """
        band = sample if self._is_sample and sample is not None else real
        try:
            low, high = (float(bound) for bound in band)
        except (TypeError, ValueError):
            raise ValueError(f"a band is a pair (low, high), not {band!r}") from None
        if not low <= high:
            raise ValueError(f"a band runs from low to high, not from {low} to {high}")
        value = float(value)
        on_bound = any(math.isclose(value, bound, rel_tol=1e-6) for bound in (low, high))
        # 0.99 in 32 bits is a little more than 0.99
        held = math.isfinite(value) and (low <= value <= high or on_bound)
        self._log(name, value, low, high, held)
        if held:
            print(f"{name} = {value:.4g}: within what this course promises")
        elif os.environ.get("DLKIT_STRICT") == "1":
            raise AssertionError(
                f"claim does not hold: {name} = {value:.4g}, not between {low:g} and {high:g} "
                f"(data: {self.data})"
            )
        else:
            own = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            print(
                f"your result: {name} = {value:.4g}; this course's own run gave {own}. "
                "If you changed something above, that is the difference."
            )

    def _log(self, name: str, value: float, low: float, high: float, held: bool) -> None:
        path = os.environ.get("DLKIT_CLAIMS")
        if not path:
            return
        record = {
            "lesson": self.lesson,
            "name": name,
            "value": value,
            "low": low,
            "high": high,
            "data": self.data,
            "is_sample": self._is_sample,
            "seconds": round(time.perf_counter() - self._started, 2),
            "held": held,
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
