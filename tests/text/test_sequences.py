"""Pieces of a text, against a sliding window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlkit.text import sequences


@given(st.lists(st.integers(0, 99), min_size=2, max_size=60), st.integers(1, 20))
def test_sequences_are_every_nth_window_or_too_long(ids, length):
    if len(ids) <= length:
        with pytest.raises(ValueError, match=f"has {len(ids)} characters.* takes {length + 1}"):
            sequences(ids, length)
        return
    x, y = sequences(ids, length)
    every = np.lib.stride_tricks.sliding_window_view(np.array(ids[:-1]), length)
    np.testing.assert_array_equal(x, every[::length])
    np.testing.assert_array_equal(y[:, :-1], x[:, 1:])
    assert np.append(x.ravel()[1:], y[-1, -1]).tolist() == y.ravel().tolist()
    assert y.ravel().tolist() == ids[1 : 1 + y.size]
    assert len(ids) - 1 - y.size < length


def test_sequences_keep_the_type_and_take_a_numpy_length():
    x, y = sequences(np.arange(9, dtype=np.int32), np.int64(4))
    assert (x.dtype, y.dtype, x.shape) == (np.int32, np.int32, (2, 4))


@pytest.mark.parametrize("length", [0, -3, 2.0, "4", True])
def test_sequences_refuse_a_length(length):
    with pytest.raises(ValueError, match="expected a whole number of characters, 1 or more"):
        sequences(np.arange(9), length)


@pytest.mark.parametrize("ids", [np.zeros((3, 4), int), [0.5, 1.5, 2.5], "text"])
def test_sequences_refuse_what_is_no_row_of_numbers(ids):
    with pytest.raises(ValueError, match="ids have shape"):
        sequences(ids, 2)
