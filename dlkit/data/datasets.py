"""What the loaders return: images with labels in three parts, or a text in two."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SAMPLE = "offline sample"  # how the source of a sample begins


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
        return self.source.startswith(SAMPLE)

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(self.class_names)} classes"]
        for part in ("train", "val", "test"):
            x, y = getattr(self, part)
            lines.append(f"  {part:<5}  x {x.shape} {x.dtype}, y {y.shape} {y.dtype}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """A text in two parts, each a `str`, and where it came from.

    >>> Text("Toy", "to be or not to ", "be", "made here", "none")
    made here; 7 different characters
      train  16 characters
      val    2 characters
    """

    name: str
    train: str
    val: str
    source: str
    licence: str

    @property
    def is_sample(self) -> bool:
        """Whether another text stands in for this one on this machine."""
        return self.source.startswith(SAMPLE)

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(set(self.train + self.val))} different characters"]
        for part in ("train", "val"):
            lines.append(f"  {part:<5}  {len(getattr(self, part)):,} characters")
        return "\n".join(lines)
