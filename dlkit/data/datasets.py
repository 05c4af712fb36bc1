"""What the loaders return: images, sentences or recordings in three parts, or a text in two."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np


class Origin(StrEnum):
    """Which copy of a data set this is: what code asks, instead of reading `source`."""

    OFFICIAL = "official"  # as its makers published it, in whatever packing
    JPEG_COPY = "JPEG copy"  # CIFAR-10 with a JPEG per image: slightly other pixels
    SAMPLE = "offline sample"  # other data, which stand in on a machine without the data set
    IMAGE_FOLDER = "image folder"  # the user's own pictures


class Split(NamedTuple):
    """Inputs and their labels, in the same order: `x, y = mnist.train` or `mnist.train.x`."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set in three parts, and where it came from.

    Train on `train`, choose with `val`, and touch `test` once, at the end.

    Args:
        name: of the data, which for a sample is not that of the data set it stands in for.
        train: inputs and labels, as the loader that made them says (dtype, shape, range).
        val: the same, held out of the training data.
        test: the same.
        class_names: what each label means; label `k` is `class_names[k]`.
        origin: which copy was used, for code.
        source: which copy was used and where it lay, for people: a few words.
        license: what its makers allow, in a few words.

    >>> part = Split(np.zeros((2, 28, 28), "uint8"), np.array([0, 1], "uint8"))
    >>> Dataset("Toy", part, part, part, ("0", "1"), Origin.OFFICIAL, "made here", "none")
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
    origin: Origin
    source: str
    license: str

    @property
    def is_sample(self) -> bool:
        """Whether this is the small sample that stands in for the data set on this machine."""
        return self.origin is Origin.SAMPLE

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(self.class_names)} classes"]
        for part in ("train", "val", "test"):
            x, y = getattr(self, part)
            lines.append(f"  {part:<5}  x {x.shape} {x.dtype}, y {y.shape} {y.dtype}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Sentences(Dataset):
    """Sentences with labels, in three parts, and where they came from.

    Train on `train`, choose with `val`, and touch `test` once, at the end.

    Args:
        name: of the data, which for a sample is not that of the data set it stands in for.
        train: x of shape (n,) and dtype object, a `str` each; y of shape (n,), uint8. An array
            and not a list, so that `x[y == 1]` and `x[is_wrong]` are the sentences they seem to be.
        val: the same, other sentences.
        test: the same.
        class_names: what each label means; label `k` is `class_names[k]`.
        origin: which copy was used, for code.
        source: which copy was used and where it lay, for people: a few words.
        license: what its makers allow, in a few words.

    >>> part = Split(np.array(["so so .", "a gem !"], object), np.array([0, 1], "uint8"))
    >>> names = ("negative", "positive")
    >>> Sentences("Toy", part, part, part, names, Origin.OFFICIAL, "made here", "none")
    made here; 2 classes
      train  2 sentences: 1 negative, 1 positive
      val    2 sentences: 1 negative, 1 positive
      test   2 sentences: 1 negative, 1 positive
    """

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(self.class_names)} classes"]
        for part in ("train", "val", "test"):
            x, y = getattr(self, part)
            counts = (f"{(y == k).sum():,} {name}" for k, name in enumerate(self.class_names))
            lines.append(f"  {part:<5}  {len(x):,} sentences: {', '.join(counts)}")
        return "\n".join(lines)


class SpokenSplit(NamedTuple):
    """Recordings, what was said and by whom, in the same order: `x, y, speaker = spoken.train`."""

    x: np.ndarray
    y: np.ndarray
    speaker: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Recordings:
    """Recordings with labels and speakers, in three parts, and where they came from.

    Train on `train`, choose with `val`, and touch `test` once, at the end. **All three parts have
    the same speakers.** Whoever wants to know how a stranger is understood leaves speakers out.

    Args:
        name: of the data, which for a sample is not that of the data set it stands in for.
        train: x of shape (n,) and dtype object, an int16 array of samples each, of its own length;
            y of shape (n,), uint8; speaker of shape (n,), uint8, an index into speaker_names.
        val: the same, other recordings of the same speakers.
        test: the same.
        class_names: what each label means; label `k` is `class_names[k]`.
        speaker_names: who speaks.
        rate: sampling rate in Hz.
        origin: which copy was used, for code.
        source: which copy was used and where it lay, for people: a few words.
        license: what its makers allow, in a few words.

    >>> x = np.empty(2, object)
    >>> x[:] = [np.zeros(4000, "int16"), np.zeros(2000, "int16")]
    >>> part = SpokenSplit(x, np.array([0, 1], "uint8"), np.array([0, 0], "uint8"))
    >>> digits, speakers = ("0", "1"), ("ann",)
    >>> Recordings(
    ...     "Toy", part, part, part, digits, speakers, 8000, Origin.OFFICIAL, "made here", "none"
    ... )
    made here; 2 classes, 1 speaker, 8,000 Hz
      train  2 recordings of 0.25 to 0.50 s
      val    2 recordings of 0.25 to 0.50 s
      test   2 recordings of 0.25 to 0.50 s
    """

    name: str
    train: SpokenSplit
    val: SpokenSplit
    test: SpokenSplit
    class_names: tuple[str, ...]
    speaker_names: tuple[str, ...]
    rate: int
    origin: Origin
    source: str
    license: str

    @property
    def is_sample(self) -> bool:
        """Whether other sounds stand in for these on this machine."""
        return self.origin is Origin.SAMPLE

    def __repr__(self) -> str:
        people = f"{len(self.speaker_names)} speaker{'s' * (len(self.speaker_names) > 1)}"
        classes = f"{len(self.class_names)} classes"
        lines = [f"{self.source}; {classes}, {people}, {self.rate:,} Hz"]
        for part in ("train", "val", "test"):
            x = getattr(self, part).x
            seconds = [len(wave) / self.rate for wave in x]
            between = f" of {min(seconds):.2f} to {max(seconds):.2f} s" if seconds else ""
            lines.append(f"  {part:<5}  {len(x):,} recordings{between}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """A text in two parts, each a `str`, and where it came from.

    Args:
        name: of the text, which for a sample is not that of the text it stands in for.
        train: the first part.
        val: the rest.
        origin: which copy was used, for code.
        source: which copy was used and where it lay, for people: a few words.
        license: what its makers allow, in a few words.

    >>> Text("Toy", "to be or not to ", "be", Origin.OFFICIAL, "made here", "none")
    made here; 7 different characters
      train  16 characters
      val    2 characters
    """

    name: str
    train: str
    val: str
    origin: Origin
    source: str
    license: str

    @property
    def is_sample(self) -> bool:
        """Whether another text stands in for this one on this machine."""
        return self.origin is Origin.SAMPLE

    def __repr__(self) -> str:
        lines = [f"{self.source}; {len(set(self.train + self.val))} different characters"]
        for part in ("train", "val"):
            lines.append(f"  {part:<5}  {len(getattr(self, part)):,} characters")
        return "\n".join(lines)
