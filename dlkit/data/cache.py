"""Keeps decoded arrays as one plain file, and believes it only if it is intact.

The file holds bytes in NumPy's format `.npy`: the SHA-256 of each array, one after the other, then
the arrays. It is read into memory, not mapped: what was verified is then what the program uses,
whoever writes over the file or cuts it off meanwhile.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from dlkit.data import files
from dlkit.data.readers import Arrays, DataError, Specs, as_data_errors, digest, read_npy_header

DIGEST_BYTES = hashlib.sha256().digest_size


def read_or_make(
    sources: Sequence[Path], specs: Specs, folders: Iterable[Path], make: Callable[[], Arrays]
) -> Arrays:
    """The arrays of `sources`, from the cache or else from `make`, which are then kept.

    Args:
        sources: the files that are slow to decode. A copy is kept for their very bytes alone.
        specs: the arrays' names and shapes.
        folders: where copies may be, and the order in which to try to keep one.
        make: decodes and verifies the files.

    Raises:
        DataError: from `make`.
    """
    try:
        key = _key(sources)
    except OSError:
        return make()  # which will say why it cannot be read
    targets = [folder / f"{sources[0].stem}-{key[:16]}.npy" for folder in folders]
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


def _key(sources: Sequence[Path]) -> str:
    """A digest of the files' bytes. Raises OSError."""
    digests = []
    for source in sources:
        with open(source, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def _read(path: Path, specs: Specs) -> Arrays:
    """The arrays, when their digests are those that were kept with them. Raises DataError."""
    sizes = [math.prod(spec.shape) * np.dtype(spec.dtype).itemsize for spec in specs.values()]
    start = DIGEST_BYTES * len(specs)
    with as_data_errors(path), open(path, "rb") as file:
        dtype, shape = read_npy_header(file)
        if dtype != np.dtype(np.uint8) or shape != (start + sum(sizes),):
            raise DataError("it is damaged")
        digests = file.read(start)
        arrays = {}
        for number, ((name, spec), size) in enumerate(zip(specs.items(), sizes, strict=True)):
            content = np.empty(size, np.uint8)
            expected = digests[number * DIGEST_BYTES :][:DIGEST_BYTES].hex()
            if file.readinto(content.data) != size or digest(content) != expected:
                raise DataError("it is damaged")
            arrays[name] = content.view(spec.dtype).reshape(spec.shape)
    return arrays


def _write(target: Path, arrays: Arrays) -> None:
    """Keeps the arrays, whole or not at all. Raises OSError."""
    contents = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays.values()]
    digests = [bytes.fromhex(digest(content)) for content in contents]
    size = sum(map(len, digests)) + sum(content.size for content in contents)
    header = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
    with files.workspace(target.parent) as work:
        with open(work / target.name, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(b"".join(digests))
            for content in contents:
                file.write(content.data)
        os.replace(work / target.name, target)
