"""Reads the sentence polarity data set, in any packing and encoding, and splits it.

Copies differ in bytes: the published files are in one byte a character with a stray 0x85 for
"…", others are UTF-8, NLTK's has a blank in place of that byte. What they agree in is the *normal
form* of a sentence: its printable ASCII characters, each run of anything else as one blank. So the
data are known by the SHA-256 of their sentences' normal forms, each with a line break after it.
"""

import codecs
import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dlkit.data.readers import Arrays, DataError, Specs, as_data_errors, check_start

FILES = {"pos": "rt-polarity.pos", "neg": "rt-polarity.neg"}
CLASSES = ("negative", "positive")
MAX_FILE = 4_000_000  # bytes of one file; the published ones have 0.6 million
MAX_TOTAL = 20_000_000  # bytes of an archive, unpacked; the published one has 1.3 million
SEED = "dlkit 0"  # what decides, with a sentence, in which part it is

# Where a file was read as Latin-1, the quotes and dashes of Windows have become control characters.
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(128, 160)}


def decode(body: bytes) -> str:
    """The text of a file whose encoding nobody has written down: UTF-8, UTF-16 or Windows-1252.

    >>> decode("naïve …".encode("cp1252")) == decode("naïve …".encode("utf-8")) == "naïve …"
    True
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return text.translate(_WINDOWS)


def normal_form(sentence: str) -> str:
    """Its printable ASCII characters; each run of others is one blank, none at either end.

    >>> normal_form("  a cliché…or two ")
    'a clich or two'
    """
    return " ".join(re.findall(r"[!-~]+", sentence))


def fingerprint(sentences: Sequence[str]) -> str:
    """SHA-256 of the sentences' normal forms, each with a line break after it.

    >>> fingerprint(["so so ."]) == hashlib.sha256(b"so so .\\n").hexdigest()
    True
    """
    lines = "".join(f"{normal_form(sentence)}\n" for sentence in sentences)
    return hashlib.sha256(lines.encode("ascii")).hexdigest()


def lines_of(body: bytes) -> list[str]:
    """The sentences of a file, one a line, without the blanks at their ends."""
    lines = decode(body).split("\n")  # not splitlines(): it also breaks at 0x85
    if not lines[-1].strip():
        lines.pop()
    return [line.strip() for line in lines]


class PolarityFiles:
    """`rt-polarity.pos` and `.neg`, plain or packed, known by the digests of their normal forms.

    Args:
        sha256: of the positive sentences and of the negative ones, by the keys of `FILES`.
    """

    def __init__(self, sha256: dict[str, str]):
        self.sha256 = sha256

    def read_plain(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """From the two files, in the order of `FILES`. Raises DataError."""
        bodies = {}
        for part, path in zip(FILES, paths, strict=True):
            with as_data_errors(path):
                check_start(path, magic=(b"",))
                with open(path, "rb") as file:
                    bodies[part] = file.read(MAX_FILE + 1)
        return self._arrays(bodies, specs)

    def read_tar(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """From the official `rt-polaritydata.tar.gz`. Raises DataError."""
        (path,) = paths
        bodies = {}
        with as_data_errors(path):
            check_start(path, magic=(b"\x1f\x8b",))
            with gzip.open(path, "rb") as packed:
                content = packed.read(MAX_TOTAL + 1)
            if len(content) > MAX_TOTAL:
                raise DataError(f"{path.name} unpacks to more than the data can have")
            try:
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    for member in archive:
                        file = archive.extractfile(member) if member.isfile() else None
                        if file and (part := _part(member.name)):
                            bodies[part] = file.read(MAX_FILE + 1)
            except tarfile.TarError as error:
                raise DataError(f"{path.name} is truncated or damaged") from error
        return self._arrays(bodies, specs, path.name)

    def read_zip(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """From NLTK's `sentence_polarity.zip`. Raises DataError."""
        (path,) = paths
        bodies = {}
        with as_data_errors(path):
            check_start(path, magic=(b"PK\x03\x04",))
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if part := _part(member.filename):
                        with archive.open(member) as file:
                            bodies[part] = file.read(MAX_FILE + 1)
        return self._arrays(bodies, specs, path.name)

    def _arrays(self, bodies: dict[str, bytes], specs: Specs, archive: str = "") -> Arrays:
        """The sentences, verified, as arrays of `str`."""
        arrays = {}
        for part in specs:
            name = FILES[part]
            if part not in bodies:
                raise DataError(f"{archive} holds no {name}")
            if len(bodies[part]) > MAX_FILE:
                raise DataError(f"{name} is larger than it can be")
            try:
                sentences = lines_of(bodies[part])
            except UnicodeDecodeError as error:  # half a character of UTF-16
                raise DataError(f"{name} is truncated or damaged") from error
            expected = specs[part].shape[0]
            if len(sentences) != expected:
                raise DataError(f"{name} has {len(sentences):,} sentences, expected {expected:,}")
            if fingerprint(sentences) != self.sha256[part]:
                raise DataError(f"the sentences of {name} differ from the published ones")
            arrays[part] = np.array(sentences, dtype=object)
        return arrays


def _part(member: str) -> str:
    """ "pos" or "neg" for the name of either file in an archive, "" for any other."""
    name = member.rpartition("/")[2]
    return next((part for part, file in FILES.items() if file == name), "")


def split(negative: Iterable[str], positive: Iterable[str], held_out: int) -> Arrays:
    """Sentences of both classes in three parts, by a rule that is the same on every machine.

    A class is put in the order of the SHA-256 of `SEED`, a blank and a sentence's normal form. That
    order mixes; it is the same for every copy and needs no random numbers. Its last `held_out`
    sentences are `test`, the `held_out` before those are `val`, the others `train`. In each part
    the two classes are mixed in the same way.

    Args:
        negative: sentences of label 0.
        positive: sentences of label 1.
        held_out: sentences of each class in `val`, and as many in `test`.

    Returns:
        x_train, y_train, x_val, y_val, x_test, y_test; x of `str`, y of uint8.

    >>> arrays = split(["bad", "dull", "worse"], ["fine", "good", "great"], held_out=1)
    >>> arrays["x_train"].shape, sorted(arrays["y_test"].tolist())
    ((2,), [0, 1])
    """
    parts: dict[str, list[tuple[bytes, str, int]]] = {"train": [], "val": [], "test": []}
    for label, sentences in enumerate((negative, positive)):
        ranked = sorted((_rank(sentence), sentence, label) for sentence in sentences)
        cut = len(ranked) - 2 * held_out
        parts["train"] += ranked[:cut]
        parts["val"] += ranked[cut : cut + held_out]
        parts["test"] += ranked[cut + held_out :]
    arrays = {}
    for part, ranked in parts.items():
        ranked.sort()
        arrays[f"x_{part}"] = np.array([sentence for _, sentence, _ in ranked], dtype=object)
        arrays[f"y_{part}"] = np.array([label for _, _, label in ranked], dtype=np.uint8)
    return arrays


def _rank(sentence: str) -> bytes:
    return hashlib.sha256(f"{SEED} {normal_form(sentence)}".encode("ascii")).digest()
