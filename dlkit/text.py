"""Text as numbers and back: a vocabulary, training sequences, sampling, and what was copied.

Nothing here knows Keras: a model is any function from the numbers of characters to logits.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


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
            raise ValueError(f"expected a str with at least one character; got {_short(text)}")
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
            raise ValueError(f"encode takes a str; got {_short(text)}: read the file as text")
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
        ids = _as_ids("ids", ids)
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(
                f"ids run from {ids.min()} to {ids.max()}; expected 0 to {len(self) - 1}: were "
                "they made by another vocabulary?"
            )
        return "".join(map(chr, self._codes[ids]))


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
    ids = _as_ids("ids", ids)
    if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1:
        raise ValueError(f"length is {length!r}; expected a whole number of characters, 1 or more")
    if len(ids) < length + 1:
        raise ValueError(
            f"the text has {len(ids)} characters, and a piece of {length} with its targets takes "
            f"{length + 1}: choose a smaller length, or a longer text"
        )
    n = (len(ids) - 1) // length
    return ids[: n * length].reshape(n, length), ids[1 : n * length + 1].reshape(n, length)


def sample(logits: ArrayLike, temperature: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a class from softmax(logits / temperature), one for each row.

    Below 1 the temperature favours the likely classes, above 1 it evens them out. The draw is the
    largest of logits / temperature + Gumbel noise, which gives each class its probability exactly.

    Args:
        logits: ``(classes,)`` or ``(batch, classes)``; minus infinity forbids a class.
        temperature: above 0 and finite.
        rng: a ``np.random.Generator``; the only source of chance.

    Returns:
        A whole number for ``(classes,)``, an int array ``(batch,)`` for ``(batch, classes)``.

    Raises:
        ValueError: the temperature is not above 0, or the logits are not as described.

    Source: Maddison, Tarlow, Minka (2014), A* sampling, arXiv:1411.0030, for the Gumbel draw.

    Example:
        >>> int(sample([0.0, 50.0, 0.0], 1.0, np.random.default_rng(0)))
        1
    """
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(
            f"temperature is {temperature}; expected a finite number above 0. For the likeliest "
            "class each time, which is the limit at 0, take logits.argmax(axis=-1)"
        )
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim not in (1, 2) or logits.shape[-1] == 0:
        raise ValueError(
            f"logits have shape {logits.shape}; expected (classes,) or (batch, classes): of a "
            "model's (batch, time, classes) take the last step, logits[:, -1]"
        )
    largest = logits.max(axis=-1, keepdims=True)
    if not np.isfinite(largest).all():  # NaN wins a maximum
        raise ValueError(
            "logits hold NaN, plus infinity, or a row of minus infinity alone; expected finite "
            "numbers: did the training diverge?"
        )
    with np.errstate(over="ignore"):  # minus infinity is right where the division overflows
        scaled = (logits - largest) / temperature
    return np.argmax(scaled + rng.gumbel(size=scaled.shape), axis=-1)


def generate(
    step: Callable[[np.ndarray], ArrayLike],
    prompt: ArrayLike,
    length: int,
    temperature: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Go on writing after a prompt: one step of a model for each character.

    The model reads the prompt, then its own characters, each once, and must remember them.

    Args:
        step: function from current characters, int ``(batch,)``, to the logits of the next ones,
            ``(batch, classes)``. It starts with an empty memory.
        prompt: whole numbers, ``(time,)`` or for several texts ``(batch, time)``; at least one.
        length: characters to write, 0 or more.
        temperature: as for `sample`.
        rng: a ``np.random.Generator``.

    Returns:
        The new characters without the prompt: int array ``(length,)`` or ``(batch, length)``.

    Raises:
        ValueError: the prompt is empty, ``length`` is below 0, or ``step`` gives another shape.

    Example:
        >>> def after(ids):  # 0, 1, 2, 0, 1, 2, …
        ...     return 99.0 * np.eye(3)[(ids + 1) % 3]
        >>> generate(after, [0], 5, 1.0, np.random.default_rng(0))
        array([1, 2, 0, 1, 2])
    """
    prompt = np.asarray(prompt)
    if prompt.ndim not in (1, 2) or 0 in prompt.shape or prompt.dtype.kind not in "iu":
        raise ValueError(
            f"the prompt has shape {prompt.shape} and type {prompt.dtype}; expected whole numbers "
            "(time,) or (batch, time), at least one: encode a text such as a line break"
        )
    if length < 0:
        raise ValueError(f"length is {length}; expected 0 or more characters")
    rows = np.atleast_2d(prompt)
    for ids in rows.T:
        logits = _checked(step(ids), len(rows))
    made = np.empty((len(rows), length), dtype=np.int64)
    for t in range(length):
        made[:, t] = sample(logits, temperature, rng)
        if t + 1 < length:
            logits = _checked(step(made[:, t]), len(rows))
    return made if prompt.ndim == 2 else made[0]


def longest_copied_run(made: str, source: str) -> tuple[int, str]:
    """The longest stretch of ``made`` that stands in ``source`` character for character.

    Judge a control of the same length as well, such as text that the model has not seen.

    Args:
        made: the text to judge, a `str`; thousands of characters take seconds.
        source: the text that it may be copied from, a `str`.

    Returns:
        (length, run): characters in it, and the first such run; (0, "") if there is none.

    Raises:
        ValueError: one of them is no `str`.

    Example:
        >>> longest_copied_run("the cat sat", "a cat saw the dog")
        (7, ' cat sa')
    """
    for name, text in (("made", made), ("source", source)):
        if not isinstance(text, str):
            raise ValueError(f"{name} must be a str; got {_short(text)}: decode it first")
    longest, start = 0, 0
    for place in range(len(made)):  # a run counts only if it beats the longest so far
        while place + longest < len(made) and made[place : place + longest + 1] in source:
            longest, start = longest + 1, place
    return longest, made[start : start + longest]


def _code_points(text):
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _as_ids(name: str, ids: ArrayLike) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} have shape {ids.shape} and type {ids.dtype}; expected whole numbers in one "
            "row, (characters,): a vocabulary's encode makes them"
        )
    return ids.astype(np.int64) if ids.size == 0 else ids


def _checked(logits, batch):
    if np.ndim(logits) != 2 or len(logits) != batch:
        raise ValueError(
            f"step gave logits of shape {np.shape(logits)} for {batch} characters; expected "
            f"({batch}, classes): one row for each"
        )
    return logits


def _short(value):
    return "an empty str" if value == "" else type(value).__name__
