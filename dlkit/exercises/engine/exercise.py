"""The parts that an exercise is written with: `Exercise`, `Case`, `Mistake`, `Property`."""

from collections.abc import Callable, Sequence

from dlkit.exercises.engine.checking import MISSING, check
from dlkit.exercises.engine.solutions import solution_of
from dlkit.exercises.engine.verdicts import Panel, Verdict


class Case:
    """One input on which an answer must give what the reference gives.

    Args:
        label: what is special about it, in a few words: "logits of 1000".
        *args: passed to the reference and to the answer, each time as fresh copies.
        **kwargs: passed by position where the reference's signature allows it.

    Example:
        >>> Case("two rows", [[1.0, 2.0], [0.0, 0.0]]).label
        'two rows'
    """

    def __init__(self, label: str, *args: object, **kwargs: object) -> None:
        self.label, self.args, self.kwargs = label, args, kwargs


class Mistake:
    """A usual mistake: what it would give, and what to say to whoever makes it.

    Args:
        message: a sentence or two for the learner, which does not give the answer away.
        function: gives what the mistake gives, called as the reference is; a plain value where
            the exercise asks for a value.

    Example:
        >>> Mistake("You forgot the mean.", sum).message
        'You forgot the mean.'
    """

    def __init__(self, message: str, function: object) -> None:
        self.message, self.function = message, function


class Property:
    """Something that every right answer has, whatever its numbers.

    Args:
        label: the property as a short statement: "rows sum to one".
        test: called as ``test(answer, *given)`` with what the learner gave to `check`; returns
            None if the property holds, else a sentence that says what is wrong.

    Example:
        >>> Property("is positive", lambda x: None if x > 0 else f"{x} is not positive").test(-1)
        '-1 is not positive'
    """

    def __init__(self, label: str, test: Callable) -> None:
        self.label, self.test = label, test


class Exercise:
    """A question that can be checked, with hints and a solution.

    Args:
        name: the name under which the lesson's module offers it.
        reference: the true function or value; None if only the properties decide.
        cases: `Case` objects, for a function. The expected result is the reference's.
        mistakes: `Mistake` objects, the likeliest first.
        properties: `Property` objects, tested after the cases.
        hints: 2 to 4 sentences, each one step further.
        solution: code to show instead of the reference's own source.
        rtol, atol: tolerated relative and absolute difference of a number.
        time_limit: seconds that each call may take.

    Raises:
        ValueError: the exercise is not well made; the message says what to mend.

    Example:
        >>> double = Exercise(
        ...     "double",
        ...     reference=lambda x: 2 * x,
        ...     cases=[Case("three", 3)],
        ...     hints=["What is x + x?", "Multiply by two."],
        ... )
        >>> verdict = double.check(lambda x: x + x)
        ✓ correct · double
        The case gives exactly the right value.
    """

    def __init__(
        self,
        name: str,
        *,
        reference: object = None,
        cases: Sequence = (),
        mistakes: Sequence = (),
        properties: Sequence = (),
        hints: Sequence[str] = (),
        solution: str | None = None,
        rtol: float = 1e-5,
        atol: float = 1e-6,
        time_limit: float = 5.0,
    ) -> None:
        self.name = name
        self.reference = reference
        self.cases = tuple(cases)
        self.mistakes = tuple(mistakes)
        self.properties = tuple(properties)
        self.hints = (hints,) if isinstance(hints, str) else tuple(hints)
        self._solution = solution
        self.rtol, self.atol, self.time_limit = rtol, atol, time_limit
        self._hints_given = 0
        for problem in _problems(self):
            raise ValueError(f"exercise {name!r}: {problem}")

    def check(self, answer: object = MISSING, *given: object) -> Verdict:
        """Judge an answer by what it does, and show the verdict, wherever in a cell this stands.

        Args:
            answer: the learner's function or value. ``...`` and None count as no answer.
            *given: data that the properties need, e.g. ``x_val, y_val``.

        Returns:
            A `Verdict` with ``status`` "correct", "not yet" or "not attempted".
        """
        return check(self, answer, given).display()

    def hint(self) -> Panel:
        """Show the next hint, each call one step further."""
        total, title, message = len(self.hints), f"· {self.name}", "There are no more hints."
        if self._hints_given < total:
            message = self.hints[self._hints_given]
            self._hints_given += 1
            title = f"{self._hints_given} of {total} · {self.name}"
        return Panel("hint", title, message, step=self.next_step).display()

    def solution(self) -> Panel:
        """Show one way to do it: code that can be run as it stands in the lesson's notebook."""
        rows = [("one way to do it", self.solution_code)]
        return Panel("solution", f"· {self.name}", rows=rows).display()

    @property
    def next_step(self) -> tuple[str, str]:
        """What helps a learner who is stuck: a pair (label, line of code)."""
        if self._hints_given < len(self.hints):
            label = "Another hint" if self._hints_given else "A hint"
            return label, f"exercises.{self.name}.hint()"
        return "The solution", f"exercises.{self.name}.solution()"

    @property
    def solution_code(self) -> str:
        """The solution as text, under the name of the learner's answer: ``my_`` and its own."""
        if self._solution is not None:
            return self._solution.strip("\n")
        if not callable(self.reference):
            return f"my_{self.name} = {self.reference!r}"
        return solution_of(self.reference, f"my_{self.name}")

    @property
    def has_solution_text(self) -> bool:
        """Whether the solution is a text of its own, not the reference's source."""
        return self._solution is not None

    def _panel(self):
        call = f"exercises.{self.name}"
        rows = [
            ("judge your answer", f"{call}.check(your_answer)"),
            (f"a hint, then the next ({len(self.hints)} in all)", f"{call}.hint()"),
            ("the solution", f"{call}.solution()"),
        ]
        return Panel("exercise", f"· {self.name}", rows=rows)

    def __repr__(self):
        return self._panel().text

    def _repr_html_(self):
        return self._panel()._repr_html_()


def _problems(exercise):
    """What is wrong with how an exercise is made."""
    hints = exercise.hints
    if not isinstance(exercise.name, str) or not exercise.name.isidentifier():
        yield "its name must be an identifier, such as 'softmax'"
    if not 2 <= len(hints) <= 4:
        yield f"it has {len(hints)} hints; give a list of 2 to 4"
    if not all(isinstance(hint, str) and hint.strip() for hint in hints):
        yield "every hint must be a sentence"
    if len(set(hints)) < len(hints):
        yield "two hints are the same"
    if exercise.cases and not callable(exercise.reference):
        yield "cases need a reference that can be called"
    if callable(exercise.reference) and not exercise.cases and not exercise.properties:
        yield "a reference that is a function needs cases or properties"
    if exercise.reference is None and not (exercise.properties and exercise.has_solution_text):
        yield "without a reference it needs properties and the text of a solution"
    for kind, parts in ((Case, exercise.cases), (Property, exercise.properties)):
        if not all(isinstance(part, kind) for part in parts):
            yield f"expected {kind.__name__} objects, got {parts!r}"
        elif len({part.label for part in parts}) < len(parts):
            yield f"two {kind.__name__} objects have one label"
    if not all(isinstance(mistake, Mistake) for mistake in exercise.mistakes):
        yield f"expected Mistake objects, got {exercise.mistakes!r}"
    elif exercise.cases and not all(callable(mistake.function) for mistake in exercise.mistakes):
        yield "the mistakes of an exercise with cases must be functions"
    if not exercise.time_limit > 0 or exercise.rtol < 0 or exercise.atol < 0:
        yield "time_limit must be above 0, rtol and atol not below"
