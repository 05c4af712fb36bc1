"""Pieces of a text to train on."""

import numpy as np
from numpy.typing import ArrayLike

from dlkit.text._checks import as_ids


def sequences(ids: ArrayLike, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets: the text in pieces that do not overlap, and each piece one step on.

    y[i, t] = x[i, t + 1], across the end of a piece as well. A rest that fills no piece is dropped.

    Args:
        ids: the text as whole numbers ``(characters,)``.
        length: characters in a piece, 1 or more.

    Returns:
        x, y: each ``(n, length)`` with n = (characters - 1) // length; of the type of ``ids``.

    Raises:
        ValueError: ``length`` is below 1, or the text has no ``length + 1`` characters.

    Example:
        >>> x, y = sequences(np.arange(6), 2)
        >>> x.tolist(), y.tolist()
        ([[0, 1], [2, 3]], [[1, 2], [3, 4]])
    """
    ids = as_ids(ids)
    if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1:
        raise ValueError(f"length is {length!r}; expected a whole number of characters, 1 or more")
    if len(ids) < length + 1:
        raise ValueError(
            f"the text has {len(ids)} characters, and a piece of {length} with its targets takes "
            f"{length + 1}: choose a smaller length, or a longer text"
        )
    n = (len(ids) - 1) // length
    return ids[: n * length].reshape(n, length), ids[1 : n * length + 1].reshape(n, length)
