"""How good a model of text is, and what it copied."""

import numpy as np
from numpy.typing import ArrayLike

from dlkit.text._checks import short


def bits_per_character(log_p: ArrayLike, characters: int) -> float:
    """Bits per character of a text, whatever the tokens: -sum of log2 p over its characters.

    Args:
        log_p: natural logarithms of the probabilities that the true tokens got, of any shape.
        characters: how many characters these tokens spell.

    Returns:
        A float, 0 or more.

    Raises:
        ValueError: no characters, or a logarithm above 0.

    Example:
        >>> bits_per_character(np.log([0.5, 0.25]), 3)  # two tokens that spell three characters
        1.0
    """
    logs = np.asarray(log_p, dtype=np.float64)
    if characters < 1:
        raise ValueError(f"characters is {characters}; expected 1 or more")
    if not (logs <= 1e-6).all():
        raise ValueError(
            f"log_p runs up to {logs.max()}; expected logarithms of probabilities, 0 or less: "
            "take the logarithm of a softmax"
        )
    return float(-logs.sum() / np.log(2) / characters)


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
            raise ValueError(f"{name} must be a str; got {short(text)}: decode it first")
    longest, start = 0, 0
    for place in range(len(made)):  # a run counts only if it beats the longest so far
        while place + longest < len(made) and made[place : place + longest + 1] in source:
            longest, start = longest + 1, place
    return longest, made[start : start + longest]
