"""Keeps what is slow to decode as plain arrays, and believes them only if they are intact."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from dlkit.data import files
from dlkit.data.readers import Arrays, ArraySpec, DataError, Specs, digest, read_npz

DIGESTS = "digests"  # the array that holds the SHA-256 of each of the others


def read_or_make(
    source: Path, specs: Specs, folders: Iterable[Path], make: Callable[[], Arrays]
) -> Arrays:
    """The arrays of `source`, from the cache or else from `make`, which are then kept.

    Args:
        source: the file that is slow to decode. A copy is kept for its very bytes alone.
        specs: the arrays' names and shapes.
        folders: where copies may be, and the order in which to try to keep one.
        make: decodes and verifies the file.

    Raises:
        DataError: from `make`.
    """
    try:
        with open(source, "rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return make()  # which will say why it cannot be read
    targets = [folder / f"{source.stem}-{key[:16]}.npz" for folder in folders]
    for target in targets:
        if target.is_file():
            try:
                return _read(target, specs)
            except DataError as error:
                print(f"{target.name} is not used ({error}): decoding anew")
    arrays = make()
    for target in targets:
        with contextlib.suppress(OSError):  # read-only, or no space left: the next one, or none
            _write(target, arrays)
            break
    return arrays


def _read(path: Path, specs: Specs) -> Arrays:
    """The arrays, when their digests are those that were kept with them. Raises DataError."""
    arrays = read_npz([path], {**specs, DIGESTS: ArraySpec(())})
    kept = arrays.pop(DIGESTS)
    if kept.tolist() != [digest(array) for array in arrays.values()]:
        raise DataError("it is damaged")
    return arrays


def _write(target: Path, arrays: Arrays) -> None:
    """Keeps the arrays, whole or not at all. Raises OSError."""
    with files.workspace(target.parent) as work:
        digests = np.array([digest(array) for array in arrays.values()])
        np.savez(work / target.name, **arrays, **{DIGESTS: digests})  # plain: it loads at once
        os.replace(work / target.name, target)
