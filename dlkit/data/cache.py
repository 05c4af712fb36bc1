"""Keeps decoded arrays as one plain file, and believes it only if it is intact.

The file holds bytes in NumPy's format `.npy`: the SHA-256 of each array, one after the other, then
the arrays. It is mapped into memory instead of read: the loader touches each byte once, for its
digest, and pages that nobody changes are shared by all programs that use the data.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from dlkit.data import files
from dlkit.data.readers import Arrays, DataError, Specs, as_data_errors, check_start, digest

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
    """The arrays, when their digests are those that were kept with them. Raises DataError.

    They are mapped "copy on write": they may be changed in memory, and the file never is.
    """
    with as_data_errors(path):
        check_start(path, magic=(b"\x93NUMPY",))
        kept = np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
    sizes = [math.prod(spec.shape) * np.dtype(spec.dtype).itemsize for spec in specs.values()]
    start = DIGEST_BYTES * len(specs)
    if kept.dtype != np.uint8 or kept.shape != (start + sum(sizes),):
        raise DataError("it is damaged")
    arrays = {}
    for number, ((name, spec), size) in enumerate(zip(specs.items(), sizes, strict=True)):
        array = kept[start : start + size].view(spec.dtype).reshape(spec.shape)
        if digest(array) != kept[DIGEST_BYTES * number :][:DIGEST_BYTES].tobytes().hex():
            raise DataError("it is damaged")
        arrays[name] = array
        start += size
    return arrays


def _write(target: Path, arrays: Arrays) -> None:
    """Keeps the arrays, whole or not at all. Raises OSError."""
    digests = [np.frombuffer(bytes.fromhex(digest(array)), np.uint8) for array in arrays.values()]
    contents = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays.values()]
    with files.workspace(target.parent) as work:
        np.save(work / target.name, np.concatenate([*digests, *contents]))
        os.replace(work / target.name, target)
