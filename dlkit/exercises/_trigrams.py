"""What a table of three characters must be, to count as a model and to beat pairs."""

import numpy as np

from dlkit.exercises.engine import Property


def pair_bits(table, ids):
    """Bits per character of a table of pairs, as `trigram_bits` of one that ignores the first.

    Args:
        table: ``(classes, classes)``, table[a, b] the probability that b follows a.
        ids: a text as whole numbers ``(characters,)``.

    Returns:
        One number; infinity if the text holds a pair of probability 0.

    Example:
        >>> float(pair_bits(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1, 0])))
        0.5
    """
    with np.errstate(divide="ignore"):
        return -np.log2(table[ids[:-1], ids[1:]]).mean()


def trigram_bits(table, ids):
    """Bits per character of a table of three: minus the mean of log2 table[a, b, c].

    Args:
        table: ``(classes, classes, classes)``, table[a, b, c] the probability that c follows a, b.
        ids: a text as whole numbers ``(characters,)``.

    Returns:
        One number; infinity if the text holds three characters of probability 0.

    Example:
        >>> float(trigram_bits(np.full((2, 2, 2), 0.5), np.array([0, 1, 1, 0])))
        1.0
    """
    with np.errstate(divide="ignore"):
        return -np.log2(table[ids[:-2], ids[1:-1], ids[2:]]).mean()


def _is_a_cube(table, val_ids, table_of_pairs):
    shape, n = np.shape(table), len(table_of_pairs)
    if shape != (n, n, n):
        return f"it has shape {shape}; expected {(n, n, n)}: two characters before, one after."
    table = np.asarray(table)
    if table.dtype.kind not in "fiu":
        return f"it holds {table.dtype}; expected numbers."
    if not np.isfinite(table).all():
        return "it holds NaN or infinity: what becomes of two characters that never came together?"
    if (table < 0).any():
        return "it holds negative numbers. A probability is 0 at least."


def _sums_to_one(table, val_ids, table_of_pairs):
    table = np.asarray(table, dtype=float)
    for axis in (2, 1, 0):
        if np.allclose(table.sum(axis=axis), 1, atol=1e-3):
            break
    else:
        largest = table.sum(axis=2).max()
        return f"table[a, b] must sum to 1 for each a, b. One of yours sums to {largest:.4g}."
    if axis != 2:
        return f"it sums to 1 along axis {axis}. The next character is on the last axis."


def _beats_pairs(table, val_ids, table_of_pairs):
    bits = trigram_bits(np.asarray(table, dtype=float), val_ids)
    target = pair_bits(table_of_pairs, val_ids) - 0.5
    if np.isinf(bits):
        return "it gives 0 to something that the validation text holds: infinitely many bits."
    if bits > target:
        return (
            f"it needs {bits:.2f} bits per character on the validation text; {target:.2f} at most "
            "would do. Is it counted on the whole training text, and smoothed a little?"
        )


PROPERTIES = [
    Property("two characters before, one after", _is_a_cube),
    Property("each row is a probability distribution", _sums_to_one),
    Property("half a bit per character better than pairs", _beats_pairs),
]
