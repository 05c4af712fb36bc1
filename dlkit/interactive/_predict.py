"""A guess before the result: asked for, kept, and shown beside what came out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dlkit.interactive._live import live_widgets

LINE = "Your guess: " + 24 * "_"  # to write on


@dataclasses.dataclass
class Guess:
    """What a learner guesses; ``predict`` makes it.

    Args:
        question: as it is asked.
        choices: the answers to choose from; empty where anything may be said.
        answer: the guess, ``""`` while there is none.
    """

    question: str
    choices: tuple[str, ...] = ()
    answer: str = ""

    def reveal(self, result: object) -> None:
        """Print what came out, and before it what was guessed, if something was.

        Args:
            result: a text with its unit, or a number, which is shown with four digits.
        """
        came_out = f"{result:.4g}" if isinstance(result, float | np.floating) else str(result)
        if self.answer:
            print(f"You said {self.answer}; it came out as {came_out}.")
        else:
            print(f"It came out as {came_out}.")


_kept: dict[tuple[str, tuple[str, ...]], Guess] = {}  # as long as the kernel lives


def predict(question: str, choices: Sequence[object] | None = None) -> Guess:
    """Ask for a guess, and keep it until the result is there.

    In a notebook at which somebody sits (``interactive.is_live``) there is a field, or a list to
    choose from; elsewhere the question is printed, with a line to write on. A second run of the
    cell shows the guess that was made before.

    Args:
        question: one sentence.
        choices: two or more different answers to choose from; None for a field.

    Returns:
        The guess; its ``reveal(result)`` prints both.

    Raises:
        ValueError: no question, or fewer than two different choices.

    Example:
        >>> guess = predict("How many of 100 digits will it read?")
        How many of 100 digits will it read?
        Your guess: ________________________
        >>> guess.answer = "90"  # as the field on the page does
        >>> guess.reveal(f"{97.5} of 100")
        You said 90; it came out as 97.5 of 100.
    """
    if not question.strip():
        raise ValueError(f"question is {question!r}; expected a sentence: say what to guess.")
    names = () if choices is None else tuple(map(str, choices))
    if choices is not None and (isinstance(choices, str) or not 1 < len(names) == len({*names})):
        raise ValueError(
            f"choices is {choices!r}; expected two or more different answers in a list: "
            "leave it out for a field."
        )
    guess = _kept.setdefault((question, names), Guess(question, names))
    text = "\n".join([question, *(f"( ) {name}" for name in names), LINE])
    if widgets := live_widgets("a field to type in"):

        def keep(answer: str) -> None:
            guess.answer = answer

        widget = widgets.Question(question, names, guess.answer, keep)
        widgets.show(widget, {"text/plain": text})
    else:
        print(text)
    return guess
