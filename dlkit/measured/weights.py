"""Weights of networks that benchmarks/ trained once and lessons start from, checked by digest."""

import hashlib
import io
import json
import zipfile

import numpy as np

from dlkit import measured


def known() -> dict[str, dict]:
    """Name of each network -> how it was made: recipe, classes, accuracy, digest, hardware, date.

    Example:
        >>> sorted(known())
        ['photographs', 'rotations']
    """
    return json.loads(measured.TRANSFER_NETWORKS.read_text(encoding="utf-8"))


def load(name: str) -> list[np.ndarray]:
    """The weights of a network, in the order in which ``model.set_weights`` takes them.

    They are kept as float16, a file for each network, known by the SHA-256 of the whole file.

    Args:
        name: one of `known`.

    Returns:
        List of float32 arrays.

    Raises:
        ValueError: there is no such network, or its file is missing or not the one that was kept.

    Example:
        >>> len(load("photographs")), load("photographs")[0].shape
        (37, (3, 3, 3, 16))
    """
    table = known()
    if name not in table:
        raise ValueError(f"name is {name!r}; expected one of {', '.join(sorted(table))}")
    path = measured.TRANSFER_NETWORKS.with_name(f"transfer_{name}.npz")
    again = "get the course's folder afresh, or run benchmarks/transfer_networks.py"
    try:
        body = path.read_bytes()
    except OSError:
        raise ValueError(f"the weights {path.name} are missing: {again}") from None
    found = hashlib.sha256(body).hexdigest()
    if found != table[name]["sha256"]:
        raise ValueError(
            f"the weights {path.name} have the SHA-256 {found[:12]}…; expected "
            f"{table[name]['sha256'][:12]}…, so the file is damaged or another one: {again}"
        )
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            return [arrays[f"arr_{i}"].astype(np.float32) for i in range(len(arrays.files))]
    except (KeyError, OSError, ValueError, zipfile.BadZipFile):
        raise ValueError(f"the weights {path.name} are no list of arrays: {again}") from None
