"""What the modules of this package ask of their input."""

import numpy as np
from numpy.typing import ArrayLike


def as_ids(ids: ArrayLike) -> np.ndarray:
    """Whole numbers in one row, or ValueError."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(
            f"ids have shape {ids.shape} and type {ids.dtype}; expected whole numbers in one "
            "row: a vocabulary's encode makes them"
        )
    return ids.astype(np.int64) if ids.size == 0 else ids


def as_ids_below(size: int, ids: ArrayLike, made_by: str) -> np.ndarray:
    """Numbers of a vocabulary of this size, or ValueError that asks who made them."""
    ids = as_ids(ids)
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(
            f"ids run from {ids.min()} to {ids.max()}; expected 0 to {size - 1}: were they made by "
            f"{made_by}?"
        )
    return ids


def short(value: object) -> str:
    """What an error shows of a value: its type, and whether it is an empty text."""
    return "an empty str" if value == "" else type(value).__name__
