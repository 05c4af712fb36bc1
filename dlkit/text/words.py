"""Words as numbers and back."""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from dlkit.text._checks import as_ids_below, short

_WORD_OR_SIGN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]|_")


def split_words(text: str) -> list[str]:
    """The words and signs of a text, in small letters.

    A word is a run of letters and digits, with single apostrophes and hyphens inside it; every
    other sign that is no blank is a token of its own.

    Args:
        text: a `str`.

    Returns:
        List of `str`, none of them empty.

    Raises:
        ValueError: ``text`` is no `str`.

    Example:
        >>> split_words("It's a well-made film, isn't it?")
        ["it's", 'a', 'well-made', 'film', ',', "isn't", 'it', '?']
    """
    if not isinstance(text, str):
        raise ValueError(f"split_words takes a str; got {short(text)}: call it for each sentence")
    return _WORD_OR_SIGN.findall(text.lower())


class WordVocabulary:
    """The words of some sentences and their numbers, the most frequent first.

    Number 0 is `PAD`, which fills a short sentence up, and 1 is `UNKNOWN`, which stands for every
    word that is not in the vocabulary.

    Args:
        sentences: lists of words, as `split_words` makes them.
        min_count: words that come less often are left out, 1 or more.

    Raises:
        ValueError: there is no word, or ``min_count`` is below 1.

    Example:
        >>> vocabulary = WordVocabulary([["a", "good", "film"], ["a", "bad", "film"]])
        >>> vocabulary.words
        ('[pad]', '[unknown]', 'a', 'film', 'good', 'bad')
        >>> vocabulary.encode([["a", "film"], ["a", "dull", "film"]])
        array([[2, 3, 0],
               [2, 1, 3]], dtype=int32)
    """

    PAD, UNKNOWN = 0, 1

    def __init__(self, sentences: Iterable[list[str]], *, min_count: int = 1) -> None:
        if isinstance(min_count, bool) or not min_count >= 1:
            raise ValueError(f"min_count is {min_count!r}; expected a whole number, 1 or more")
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(_as_words(sentence))
        kept = [word for word, count in counts.most_common() if count >= min_count]
        if not kept:
            raise ValueError(
                f"{len(counts)} different words, none of them {min_count} times; expected one at "
                "least: lower min_count, or give more sentences"
            )
        self.words = ("[pad]", "[unknown]", *kept)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"WordVocabulary of {len(self):,} words"

    def __contains__(self, word: str) -> bool:
        return self._numbers.get(word, 0) > self.UNKNOWN

    def number(self, word: str) -> int:
        """The number of a word; 1 if it is not in the vocabulary.

        Example:
            >>> WordVocabulary([["film"]]).number("film")
            2
        """
        return self._numbers.get(word, self.UNKNOWN)

    def encode(self, sentences: Iterable[list[str]], length: int | None = None) -> np.ndarray:
        """The numbers of the words, a row for each sentence, filled up with 0 at the end.

        Args:
            sentences: lists of words; one may be empty.
            length: columns; longer sentences are cut there. None takes the longest sentence.

        Returns:
            int32 array ``(n, length)``, values from 0 to ``len(vocabulary) - 1``.

        Raises:
            ValueError: ``length`` is below 1, or a sentence is a `str`.
        """
        rows = [[self.number(word) for word in _as_words(words)] for words in sentences]
        if length is None:
            length = max([1, *map(len, rows)])
        if isinstance(length, bool) or not length >= 1:
            raise ValueError(f"length is {length!r}; expected a whole number of words, 1 or more")
        ids = np.full((len(rows), length), self.PAD, dtype=np.int32)
        for row, numbers in zip(ids, rows, strict=True):
            row[: len(numbers)] = numbers[:length]
        return ids

    def decode(self, ids: ArrayLike) -> list[str]:
        """The words of one sentence, without what fills it up.

        Args:
            ids: whole numbers ``(length,)``, from 0 to ``len(vocabulary) - 1``.

        Returns:
            List of `str`.

        Raises:
            ValueError: the numbers are not whole, out of range, or not in one row.

        Example:
            >>> WordVocabulary([["good", "film"]]).decode([3, 1, 2, 0])
            ['film', '[unknown]', 'good']
        """
        ids = as_ids_below(len(self), ids, "another vocabulary")
        return [self.words[number] for number in ids if number != self.PAD]


def _as_words(sentence):
    if isinstance(sentence, str):
        raise ValueError(
            f"a sentence is the str {sentence[:20]!r}; expected a list of words: split_words makes "
            "one"
        )
    return sentence
