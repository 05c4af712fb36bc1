"""Decodes data files into arrays, and refuses whatever is not exactly what was expected."""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np


class DataError(ValueError):
    """What is wrong with some data, in one sentence for the person at the keyboard."""


class Unreadable(DataError):
    """The disk would not give the file: nothing is known about its contents."""


@dataclass(frozen=True)
class ArraySpec:
    """What an array must be: its shape, the SHA-256 of its bytes in C order, and its dtype.

    Without a digest here it is the reader that verifies the file.
    """

    shape: tuple[int, ...]
    sha256: str = ""
    dtype: str = "uint8"


Arrays = dict[str, np.ndarray]
Specs = Mapping[str, ArraySpec]


def digest(array: np.ndarray) -> str:
    """SHA-256 of the array's bytes in C order, as 64 hexadecimal digits.

    >>> digest(np.zeros(3, "uint8"))[:8]
    '709e80c8'
    """
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def verify(title: str, arrays: Arrays, specs: Specs) -> None:
    """Checks every array's dtype, shape and digest.

    Raises:
        DataError: names the first array that differs from its specification, and how.
    """
    for name, spec in specs.items():
        array = arrays[name]
        check_form(f"not {title}: {name}", array.dtype, array.shape, spec)
        if spec.sha256 and digest(array) != spec.sha256:
            raise DataError(f"not {title}: the contents of {name} differ")


def check_form(what: str, dtype: np.dtype, shape: tuple[int, ...], spec: ArraySpec) -> None:
    """Raises DataError unless dtype and shape are the specified ones."""
    if dtype != np.dtype(spec.dtype):
        raise DataError(f"{what} is {dtype}, expected {spec.dtype}")
    if shape != spec.shape:
        raise DataError(f"{what} has shape {shape}, expected {spec.shape}")


def read_npz(paths: Sequence[Path], specs: Specs) -> Arrays:
    """The named arrays of one `.npz` file. Pickled objects are refused, never run.

    Each array's header is read first: one of another dtype or shape is never decompressed, so a
    small file cannot fill the memory.

    Raises:
        DataError: the file cannot be decoded, or an array is missing or of another form.
    """
    (path,) = paths
    with as_data_errors(path):
        check_start(path, magic=(b"PK\x03\x04",))
        with zipfile.ZipFile(path) as archive:
            members = {file.removesuffix(".npy"): file for file in archive.namelist()}
            missing = [name for name in specs if name not in members]
            if missing:
                found = ", ".join(sorted(members)[:6]) or "nothing"
                raise DataError(f"{path.name} holds no {missing[0]} (it holds {found})")
            for name, spec in specs.items():
                with archive.open(members[name]) as file:
                    check_form(f"{name} in {path.name}", *read_npy_header(file), spec)
            arrays = {}
            for name in specs:
                with archive.open(members[name]) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays


def read_npy_header(file: IO[bytes]) -> tuple[np.dtype, tuple[int, ...]]:
    """dtype and shape that the start of a `.npy` file announces, and nothing more of it.

    Raises:
        DataError: it announces objects, or is longer than 64 kB.
        ValueError: it makes no sense.
    """
    if np.lib.format.read_magic(file) != (1, 0):  # only a form with fields needs another version
        raise DataError("an array has a header of an unknown version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("allow_pickle")
    return dtype, shape


def read_idx(paths: Sequence[Path], specs: Specs) -> Arrays:
    """One array from each IDX file, gzipped or plain; `paths` in the order of `specs`.

    IDX: two zero bytes, a type (8: uint8), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the values.

    Raises:
        DataError: a file cannot be decoded, or is longer or shorter than it says.
    """
    return {
        name: _read_idx_file(path, spec)
        for path, (name, spec) in zip(paths, specs.items(), strict=True)
    }


def _read_idx_file(path: Path, spec: ArraySpec) -> np.ndarray:
    with as_data_errors(path):
        start = check_start(path, magic=(b"\x1f\x8b", b"\x00\x00\x08"))
        opener = gzip.open if start.startswith(b"\x1f\x8b") else open
        with opener(path, "rb") as file:
            header = file.read(4)
            dimensions = header[3] if len(header) == 4 else 0
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 * dimensions), ">u4"))
            if shape != spec.shape:
                raise DataError(f"{path.name} has shape {shape}, expected {spec.shape}")
            size = int(np.prod(shape))
            values = np.frombuffer(file.read(size + 1), np.uint8)
    if values.size != size:
        raise DataError(f"{path.name} is {'truncated' if values.size < size else 'too long'}")
    return values.reshape(shape).copy()  # a copy, because frombuffer's array is read-only


def read_text(paths: Sequence[Path], specs: Specs) -> Arrays:
    """The bytes of one file, as one array of uint8.

    Raises:
        DataError: it cannot be read, or is longer than it should be.
    """
    (path,) = paths
    ((name, spec),) = specs.items()
    with as_data_errors(path):
        check_start(path, magic=(b"",))
        with open(path, "rb") as file:
            return {name: np.frombuffer(file.read(spec.shape[0] + 1), np.uint8)}


def check_start(path: Path, magic: tuple[bytes, ...]) -> bytes:
    """The first bytes of the file. Raises DataError unless they begin as the format does."""
    with open(path, "rb") as file:
        start = file.read(256)
    if not start:
        raise DataError(f"{path.name} is empty")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise DataError(f"{path.name} is a web page, not the data")
    if not start.startswith(magic):
        raise DataError(f"{path.name} is not a file of this format, or is damaged")
    return start


@contextmanager
def as_data_errors(path: Path) -> Iterator[None]:
    """Turns what the decoders raise for a bad file into a DataError of one sentence."""
    try:
        yield
    except DataError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataError(f"{path.name} holds a pickled object, which is refused") from error
        raise DataError(f"{path.name} is damaged") from error
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name} is truncated or damaged") from error
    except (NotImplementedError, RuntimeError, KeyError, SyntaxError, MemoryError) as error:
        # An unknown compression, a password, a header that makes no sense.
        raise DataError(f"{path.name} is damaged") from error
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror or error}") from error
