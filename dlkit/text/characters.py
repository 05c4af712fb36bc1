"""Characters as numbers and back."""

import numpy as np
from numpy.typing import ArrayLike

from dlkit.text._checks import as_ids_below, short


class Vocabulary:
    """The characters of a text and their numbers, in both directions.

    Args:
        text: a `str` with at least one character. ``characters`` are its distinct ones, sorted.

    Raises:
        ValueError: ``text`` is empty or no `str`.

    Example:
        >>> vocabulary = Vocabulary("hello")
        >>> vocabulary.characters, len(vocabulary)
        ('ehlo', 4)
        >>> vocabulary.encode("hole")
        array([1, 3, 2, 0], dtype=int32)
        >>> vocabulary.decode([1, 0])
        'he'
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text:
            raise ValueError(f"expected a str with at least one character; got {short(text)}")
        self._codes = np.unique(_code_points(text))  # sorted
        self.characters = "".join(map(chr, self._codes))

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self)} characters: {self.characters!r}"

    def encode(self, text: str) -> np.ndarray:
        """The number of each character: its place in ``characters``.

        Args:
            text: a `str` of n characters.

        Returns:
            int32 array ``(n,)``, values from 0 to ``len(vocabulary) - 1``.

        Raises:
            ValueError: a character is not in the vocabulary, or ``text`` is no `str`.
        """
        if not isinstance(text, str):
            raise ValueError(f"encode takes a str; got {short(text)}: read the file as text")
        codes = _code_points(text)
        ids = np.searchsorted(self._codes, codes).clip(max=len(self) - 1)
        unseen = codes[self._codes[ids] != codes]
        if unseen.size:
            names = "".join(map(chr, np.unique(unseen)[:10]))
            raise ValueError(
                f"{unseen.size} characters are not in the vocabulary, among them {names!r}: make "
                "the vocabulary from a text that holds them, or remove them from this one"
            )
        return ids.astype(np.int32)

    def decode(self, ids: ArrayLike) -> str:
        """The text with these numbers.

        Args:
            ids: whole numbers ``(n,)``, from 0 to ``len(vocabulary) - 1``.

        Returns:
            A `str` of n characters.

        Raises:
            ValueError: the numbers are not whole, out of range, or not in one row.
        """
        ids = as_ids_below(len(self), ids, "another vocabulary")
        return "".join(map(chr, self._codes[ids]))


def _code_points(text):
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
