"""Byte-pair encoding: tokens between characters and words."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from dlkit.text._checks import as_ids_below, short


class BytePairs:
    """Byte-pair encoding: tokens are bytes, and pairs of tokens that were common enough to merge.

    Tokens 0 to 255 are the bytes of UTF-8, so every text can be written; token 256 + i is the pair
    ``merges[i]``. A text is first cut into pieces (a word with the space before it, a run of signs,
    a run of spaces), and no token reaches across a cut.

    Args:
        merges: pairs of tokens ``(left, right)``, in the order in which they were found; each part
            is a byte or an earlier merge.

    Raises:
        ValueError: a merge is no pair of earlier tokens.

    Sources: Gage (1994), A new algorithm for data compression, C Users Journal 12(2); Sennrich,
    Haddow and Birch (2016), doi:10.18653/v1/P16-1162, for words.

    Example:
        >>> tokens = BytePairs.train("low lower lowest", 258)
        >>> tokens.tokens[256:]
        (b'lo', b'low')
        >>> tokens.encode("lowly")
        array([257, 108, 121], dtype=int32)
        >>> tokens.decode([257, 108, 121])
        'lowly'
    """

    def __init__(self, merges: Iterable[tuple[int, int]] = ()) -> None:
        self.merges = tuple((int(left), int(right)) for left, right in merges)
        known = [bytes([byte]) for byte in range(256)]
        for left, right in self.merges:
            if not (0 <= left < len(known) and 0 <= right < len(known)):
                raise ValueError(
                    f"merge {len(known) - 256} is ({left}, {right}); expected two numbers from 0 "
                    f"to {len(known) - 1}: a merge joins bytes or earlier merges"
                )
            known.append(known[left] + known[right])
        self.tokens = tuple(known)
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._seen: dict[bytes, tuple[int, ...]] = {}

    @classmethod
    def train(cls, text: str | bytes, size: int) -> "BytePairs":
        """Merge the commonest pair of neighbours into a token of its own, again and again.

        Of equally common pairs the one with the smaller numbers comes first.

        Args:
            text: what to learn from, a `str`, or bytes.
            size: how many tokens, 256 or more.

        Returns:
            A `BytePairs` of ``size`` tokens.

        Raises:
            ValueError: the text is empty, ``size`` is below 256, or so large that no pair is left
                which occurs twice.
        """
        if not isinstance(text, (str, bytes)) or not text:
            raise ValueError(f"text is {short(text)}; expected a str with something in it")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 256:
            raise ValueError(f"size is {size!r}; expected a whole number, 256 (the bytes) or more")
        pieces = Counter(_pieces(text))
        words, times = [list(piece) for piece in pieces], list(pieces.values())
        count: Counter[tuple[int, int]] = Counter()
        where = defaultdict(set)  # pair -> the words that hold it
        for number, word in enumerate(words):
            for pair in zip(word, word[1:], strict=False):
                count[pair] += times[number]
                where[pair].add(number)
        merges: list[tuple[int, int]] = []
        while 256 + len(merges) < size:
            best = max(count, key=lambda pair: (count[pair], -pair[0], -pair[1]), default=(0, 0))
            if count[best] < 2:
                raise ValueError(
                    f"size is {size}, but after {len(merges)} merges no pair comes twice in the "
                    f"text; expected {256 + len(merges)} at most: choose fewer or a longer text"
                )
            new = 256 + len(merges)
            merges.append(best)
            for number in where.pop(best):
                word = words[number]
                for pair in zip(word, word[1:], strict=False):
                    count[pair] -= times[number]
                words[number] = word = _merged(word, best, new)
                for pair in zip(word, word[1:], strict=False):
                    count[pair] += times[number]
                    where[pair].add(number)
            del count[best]
        return cls(merges)

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"BytePairs of {len(self)} tokens"

    def encode(self, text: str | bytes) -> np.ndarray:
        """The tokens of a text: its bytes, merged in the order in which the merges were found.

        Args:
            text: any `str`, with any characters; or bytes.

        Returns:
            int32 array ``(tokens,)``, values from 0 to ``len(self) - 1``.

        Raises:
            ValueError: ``text`` is neither.
        """
        if not isinstance(text, (str, bytes)):
            raise ValueError(f"encode takes a str or bytes; got {short(text)}")
        ids: list[int] = []
        for piece in _pieces(text):
            if piece not in self._seen:
                if len(self._seen) > 100_000:
                    self._seen.clear()
                self._seen[piece] = tuple(self._encode_piece(piece))
            ids.extend(self._seen[piece])
        return np.array(ids, dtype=np.int32)

    def _encode_piece(self, piece):
        word, last = list(piece), len(self.merges)
        while len(word) > 1:
            ranks = (self._rank.get(pair, last) for pair in zip(word, word[1:], strict=False))
            first = min(ranks)
            if first == last:
                break
            word = _merged(word, self.merges[first], 256 + first)
        return word

    def decode_bytes(self, ids: ArrayLike) -> bytes:
        """The bytes that these tokens stand for, whether they are a text or not.

        Args:
            ids: whole numbers ``(tokens,)``, from 0 to ``len(self) - 1``.

        Returns:
            Bytes.

        Raises:
            ValueError: the numbers are not whole, out of range, or not in one row.
        """
        ids = as_ids_below(len(self), ids, "other tokens")
        return b"".join([self.tokens[token] for token in ids])

    def decode(self, ids: ArrayLike) -> str:
        """The text with these tokens; bytes that are no character become the sign U+FFFD.

        Args:
            ids: as for `decode_bytes`.

        Returns:
            A `str`: the one that was encoded, if all its tokens are there.

        Raises:
            ValueError: as for `decode_bytes`.
        """
        found = self.decode_bytes(ids)
        try:
            return found.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return found.decode("utf-8", "replace")


# A word with the space before it, other signs likewise, and spaces; as GPT-2 cuts, but simpler.
_PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")


def _pieces(text):
    """The bytes of each piece; bytes that are no UTF-8 stay as they are."""
    broken = "surrogatepass" if isinstance(text, str) else "surrogateescape"
    text = text if isinstance(text, str) else text.decode("utf-8", broken)
    return [piece.encode("utf-8", broken) for piece in _PIECE.findall(text)]


def _merged(word, pair, new):
    """A list of tokens with every occurrence of the pair, from the left, replaced by a new one."""
    left, right = pair
    made, place = [], 0
    while place < len(word):
        if word[place] == left and place + 1 < len(word) and word[place + 1] == right:
            made.append(new)
            place += 2
        else:
            made.append(word[place])
            place += 1
    return made
