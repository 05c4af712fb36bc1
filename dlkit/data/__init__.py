"""The course's data sets: found or downloaded, verified, and never silently replaced.

Say `mnist = data.load_mnist()`, then `x_train, y_train = mnist.train`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dlkit.data import store
from dlkit.data.readers import DataError
from dlkit.data.registry import MNIST

__all__ = ["DataError", "Dataset", "Split", "load_mnist"]


class Split(NamedTuple):
    """Inputs and their labels, in the same order: `x, y = mnist.train` or `mnist.train.x`."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set in three parts, and where it came from.

    Train on `train`, choose with `val`, and touch `test` once, at the end.

    >>> part = Split(np.zeros((2, 28, 28), "uint8"), np.array([0, 1], "uint8"))
    >>> Dataset("Toy", part, part, part, ("0", "1"), "made here", "none")
    made here; 2 classes
      train  x (2, 28, 28) uint8, y (2,) uint8
      val    x (2, 28, 28) uint8, y (2,) uint8
      test   x (2, 28, 28) uint8, y (2,) uint8
    """

    name: str
    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    source: str
    licence: str

    @property
    def is_sample(self) -> bool:
        """Whether this is the small sample that stands in for the data set on this machine."""
        return self.source.startswith(store.SAMPLE)

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(self.class_names)} classes"]
        for part in ("train", "val", "test"):
            x, y = getattr(self, part)
            lines.append(f"  {part:<5}  x {x.shape} {x.dtype}, y {y.shape} {y.dtype}")
        return "\n".join(lines)


def load_mnist() -> Dataset:
    """MNIST: 70,000 handwritten digits, grey levels of 0 to 255 in 28 by 28 pixels.

    Looks in $DLKIT_DATA_DIR, in the course's data/, in Keras's cache and in dlkit's own, then
    asks the mirrors ($DLKIT_MIRROR first). Every copy is verified before it is used. Without
    MNIST it says so in one line and returns the offline sample: 1,797 other digits in MNIST's
    form. DLKIT_OFFLINE=1 keeps it off the network.

    Returns:
        Dataset: x is uint8 of shape (n, 28, 28), y is uint8 of shape (n,). train is the first
        55,000 of MNIST's 60,000 training images, val the last 5,000, test the 10,000 test images.
        In the offline sample there are 1,197, 300 and 300.

    Raises:
        DataError: not even the offline sample is there (a ValueError).

    Source: LeCun, Bottou, Bengio, Haffner (1998), doi:10.1109/5.726791. See data/README.md.
    """
    arrays, source = store.load(MNIST)
    x, y = arrays["x_train"], arrays["y_train"]
    test = Split(arrays["x_test"], arrays["y_test"])
    if source.startswith(store.SAMPLE):
        name, licence = MNIST.sample.name, MNIST.sample.licence
        train, val = Split(x, y), Split(arrays["x_val"], arrays["y_val"])
    else:
        name, licence = MNIST.name, MNIST.licence
        train, val = Split(x[:55_000], y[:55_000]), Split(x[55_000:], y[55_000:])
    return Dataset(name, train, val, test, MNIST.class_names, source, licence)
