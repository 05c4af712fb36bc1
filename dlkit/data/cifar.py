"""Reads the published forms of CIFAR-10: the official archive, and one with a JPEG per image."""

import hashlib
import io
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.data.readers import Arrays, DataError, Specs, as_data_errors, check_start

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
MAX_BATCH = 40_000_000  # bytes; the official batches have 31 million
MAX_JPEG = 100_000  # bytes; the images of 32 by 32 pixels have about a thousand
MAX_JPEGS = 60_000  # in number
MAX_TOTAL = 100_000_000  # bytes of all JPEGs; the published ones have 56 million


class Archive:
    """`cifar-10-python.tar.gz`: pickled batches, known by the SHA-256 of the whole file."""

    def __init__(self, sha256: str):
        self.sha256 = sha256

    def check(self, paths: Sequence[Path]) -> None:
        """Raises DataError unless the file is the published one, byte by byte."""
        (path,) = paths
        with as_data_errors(path):
            check_start(path, magic=(b"\x1f\x8b",))
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise DataError(f"{path.name} is damaged, or not the official archive")

    def read(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """The arrays, images as (n, 32, 32, 3). Raises DataError."""
        self.check(paths)
        found = {}
        with as_data_errors(paths[0]), tarfile.open(paths[0], "r:gz") as archive:
            for member in archive:  # in one pass: going back would decompress it all again
                name = member.name.rpartition("/")[2]
                if member.isfile() and name in sum(BATCHES.values(), []):
                    if member.size > MAX_BATCH:
                        raise DataError(f"{name} is larger than a batch can be")
                    file = archive.extractfile(member)
                    found[name] = read_batch(file.read() if file else b"")
        missing = [name for names in BATCHES.values() for name in names if name not in found]
        if missing:
            raise DataError(f"{paths[0].name} holds no {missing[0]}")
        arrays = {}
        for part, names in BATCHES.items():
            pixels, labels = zip(*(found[name] for name in names), strict=True)
            planes = np.concatenate(pixels).reshape(-1, 3, 32, 32)
            arrays[f"x_{part}"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
            arrays[f"y_{part}"] = np.concatenate(labels)
        return {name: arrays[name] for name in specs}


class _Array:
    """Takes the place of NumPy's array in a pickle: keeps its bytes, and runs nothing."""

    def __init__(self, *_: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.bytes = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, dtype, column_major, self.bytes = state
        if not isinstance(dtype, _Type) or dtype.code not in (b"u1", "u1") or column_major:
            raise DataError("a batch holds an array that is not uint8 in C order")


class _Type:
    """Takes the place of NumPy's dtype in a pickle."""

    def __init__(self, code: object, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Byte order and the like: uint8 has none."""


class _Unpickler(pickle.Unpickler):
    """Knows three names, all stand-ins of ours. Any other is refused before it is imported."""

    KNOWN: dict[tuple[str, str], type] = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Type,
    }

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in self.KNOWN:
            raise DataError(f"a batch asks for {module}.{name}, which is refused")
        return self.KNOWN[module, name]


def read_batch(body: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(pixels, labels) of one pickled batch: uint8 of shape (n, 3072) and (n,).

    Raises:
        DataError: it is not a dictionary of such pixels and labels, or asks for anything else.
    """
    try:
        batch = _Unpickler(io.BytesIO(body), encoding="bytes").load()
        pixels = np.frombuffer(batch[b"data"].bytes, np.uint8).reshape(batch[b"data"].shape)
        labels = np.array(batch[b"labels"], np.uint8)
    except DataError:
        raise
    except Exception as error:  # a pickle that makes no sense can raise anything
        raise DataError("a batch is damaged") from error
    if pixels.ndim != 2 or pixels.shape != (len(labels), 3072) or labels.ndim != 1:
        raise DataError(f"a batch has {labels.shape} labels for pixels of shape {pixels.shape}")
    return pixels, labels


class JpegZip:
    """A zip with the images as `train/CLASS/NUMBER.jpg` and `test/CLASS/NUMBER.jpg`.

    Its packing may differ from copy to copy. It is known by the SHA-256 over the sorted names
    (from train or test on), a zero byte after each, and the bytes of each image.
    """

    def __init__(self, sha256: str):
        self.sha256 = sha256

    def check(self, paths: Sequence[Path]) -> None:
        """Raises DataError unless the zip holds exactly the published images."""
        self._bodies(paths[0])

    def read(self, paths: Sequence[Path], specs: Specs) -> Arrays:
        """The arrays, in the order of the SHA-256 of the images' names: that mixes the classes.

        Raises:
            DataError: not these images.
        """
        from PIL import Image
        from tqdm import tqdm

        bodies = self._bodies(paths[0])
        hidden = bool(environ.get("TQDM_DISABLE")) or not (sys.stderr and sys.stderr.isatty())
        if hidden:
            print(f"Decoding {len(bodies):,} JPEGs, the first time only")
        images: dict[str, list[np.ndarray]] = {"train": [], "test": []}
        labels: dict[str, list[int]] = {"train": [], "test": []}
        order = sorted(bodies, key=lambda name: hashlib.sha256(name.encode()).digest())
        for name in tqdm(order, desc="decoding JPEGs", unit="image", disable=hidden):
            part, label, _ = name.split("/")
            with as_data_errors(paths[0]), Image.open(io.BytesIO(bodies[name])) as image:
                images[part].append(np.asarray(image.convert("RGB")))
            labels[part].append(CLASSES.index(label))
        arrays = {}
        for part in images:
            arrays[f"x_{part}"] = np.stack(images[part])
            arrays[f"y_{part}"] = np.array(labels[part], np.uint8)
        return {name: arrays[name] for name in specs}

    def _bodies(self, path: Path) -> dict[str, bytes]:
        """Name -> bytes of each JPEG, verified."""
        bodies = {}
        total = hashlib.sha256()
        with as_data_errors(path):
            check_start(path, magic=(b"PK\x03\x04",))
            with zipfile.ZipFile(path) as archive:
                members = {
                    "/".join(member.filename.split("/")[-3:]): member
                    for member in archive.infolist()
                    if member.filename.endswith(".jpg")
                }
                sizes = {name: member.file_size for name, member in members.items()}
                for name, size in sizes.items():
                    if size > MAX_JPEG:
                        raise DataError(f"{name} in {path.name} is larger than it can be")
                if len(sizes) > MAX_JPEGS or sum(sizes.values()) > MAX_TOTAL:
                    raise DataError(
                        f"{path.name} says that it holds {len(sizes):,} JPEGs of "
                        f"{sum(sizes.values()) / 1e6:,.0f} MB, more than CIFAR-10 has"
                    )
                for name in sorted(members):
                    with archive.open(members[name]) as file:
                        bodies[name] = file.read(sizes[name])  # whatever more there may be
                    total.update(name.encode() + b"\0" + bodies[name])
        if total.hexdigest() != self.sha256:
            raise DataError(f"{path.name} does not hold CIFAR-10's images, or not all of them")
        return bodies
