"""Reads the Free Spoken Digit Dataset, packed or unpacked, and splits it as its makers say.

A recording is called `{digit}_{speaker}_{index}.wav`. The data are known by the SHA-256 over these
names, in order, each with a zero byte and the bytes of its samples after it: whatever else is in a
file, and whoever packed it, does not matter.
"""

import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dlkit.data.readers import Arrays, DataError, Specs, as_data_errors, check_start
from dlkit.data.wav import decode_wav

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE = 8_000  # Hz
TEST, VAL = range(5), range(5, 10)  # indices of each digit and speaker; the others are for training
FOLDER = "recordings"
MAX_FILE = 200_000  # bytes of one recording; the longest has 36,500
MAX_TOTAL = 60_000_000  # bytes of all; the published ones have 20.9 million
NAME = re.compile(r"([0-9])_([a-z]{1,20})_([0-9]{1,4})\.wav")


class SpokenFiles:
    """The recordings as WAV files, in a zip or in a folder, known by the digest of them all.

    Args:
        sha256: over the names and samples of all recordings.
        speakers: in the order of their numbers.
    """

    def __init__(self, sha256: str, speakers: Sequence[str] = SPEAKERS):
        self.sha256 = sha256
        self.speakers = tuple(speakers)

    def read_zip(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """From the archive of the repository, as GitHub packs it. Raises DataError."""
        (path,) = paths
        with as_data_errors(path):
            check_start(path, magic=(b"PK\x03\x04",))
            with zipfile.ZipFile(path) as archive:
                return self._arrays(_members(archive), specs, path.name)

    def read_folder(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """From the folder `recordings`. Raises DataError."""
        (path,) = paths
        with as_data_errors(path):
            return self._arrays(_files(path), specs, f"the folder {path.name}")

    def _arrays(self, bodies: Iterable[tuple[str, bytes]], specs: Specs, where: str) -> Arrays:
        """The recordings, verified, in the order of their names."""
        expected = specs["y"].shape[0]
        found: dict[str, np.ndarray] = {}
        total = 0
        for name, body in bodies:
            total += len(body)
            if len(body) > MAX_FILE or total > MAX_TOTAL or len(found) >= expected:
                raise DataError(f"{where} holds more than the data can have")
            if name in found:
                raise DataError(f"{where} holds {name} twice")
            found[name] = self._samples(name, body)
        if len(found) != expected:
            raise DataError(f"{where} holds {len(found):,} recordings, expected {expected:,}")
        if fingerprint(found) != self.sha256:
            raise DataError(f"the recordings in {where} differ from the published ones")
        return as_arrays(found, self.speakers)

    def _samples(self, name: str, body: bytes) -> np.ndarray:
        sound = decode_wav(body, name, MAX_FILE)
        if sound.missing:
            raise DataError(f"{name} is truncated or damaged")
        if (sound.rate, sound.width, sound.samples.shape[1]) != (RATE, 2, 1):
            raise DataError(
                f"{name} has {sound.samples.shape[1]} channels of {8 * sound.width} bits at "
                f"{sound.rate:,} Hz, expected 1 of 16 bits at {RATE:,} Hz"
            )
        return sound.samples[:, 0]


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for member in archive.infolist():
        name = member.filename.rpartition("/")[2]
        if NAME.fullmatch(name):
            with archive.open(member) as file:
                yield name, file.read(MAX_FILE + 1)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in sorted(os.listdir(folder)):
        if NAME.fullmatch(name):
            with open(folder / name, "rb") as file:
                yield name, file.read(MAX_FILE + 1)


def is_recordings_folder(path: str | os.PathLike[str]) -> bool:
    """Whether it is a folder that holds a file with the name of a recording."""
    try:
        with os.scandir(path) as entries:
            return any(NAME.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def fingerprint(recordings: dict[str, np.ndarray]) -> str:
    """SHA-256 over the sorted names, a zero byte after each, and the bytes of its int16 samples.

    >>> wave = np.array([1, -1], np.int16)
    >>> fingerprint({"0_ann_0.wav": wave}) == hashlib.sha256(
    ...     b"0_ann_0.wav" + bytes([0]) + bytes([1, 0, 255, 255])
    ... ).hexdigest()
    True
    """
    whole = hashlib.sha256()
    for name in sorted(recordings):
        whole.update(name.encode("ascii") + b"\0")
        whole.update(recordings[name].astype("<i2").tobytes())
    return whole.hexdigest()


def as_arrays(recordings: dict[str, np.ndarray], speakers: Sequence[str]) -> Arrays:
    """Recordings by name as arrays, in the order of digit, speaker and index.

    Returns:
        x of int16 arrays, y the digit, speaker its number in `speakers`, index.

    Raises:
        DataError: a speaker is not among those.
    """
    numbers = {name: number for number, name in enumerate(speakers)}
    rows = []
    for name, wave in recordings.items():
        parts = NAME.fullmatch(name)
        if parts is None or parts[2] not in numbers:
            raise DataError(f"{name} is by nobody of {', '.join(speakers)}")
        rows.append((int(parts[1]), numbers[parts[2]], int(parts[3]), wave))
    rows.sort(key=lambda row: row[:3])
    x = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):
        x[place] = row[3]
    digit, speaker, index = np.array([row[:3] for row in rows], dtype=np.int64).T
    return {
        "x": x,
        "y": digit.astype(np.uint8),
        "speaker": speaker.astype(np.uint8),
        "index": index.astype(np.uint8),
    }


def parts_of(index: np.ndarray) -> dict[str, np.ndarray]:
    """Which recordings are in which part, by their index: bool arrays for train, val and test.

    >>> {part: is_in.tolist() for part, is_in in parts_of(np.array([0, 7, 49])).items()}
    {'train': [False, False, True], 'val': [False, True, False], 'test': [True, False, False]}
    """
    test, val = np.isin(index, TEST), np.isin(index, VAL)
    return {"train": ~test & ~val, "val": val, "test": test}
