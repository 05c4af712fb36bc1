"""One check: the cases, then the properties, then a verdict."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlkit.exercises.engine.arguments import Arguments, signature_of
from dlkit.exercises.engine.faults import describe, is_unanswered, where
from dlkit.exercises.engine.guards import Outcome, call
from dlkit.exercises.engine.judging import Judgement, judge
from dlkit.exercises.engine.values import name_of, show
from dlkit.exercises.engine.verdicts import CORRECT, NOT_ATTEMPTED, NOT_YET, Verdict, clean

MISSING = object()
SLACK_S = 60.0  # for the check's own work, beside the time that the answer's calls may take


def check(exercise: Any, answer: Any, given: Sequence = ()) -> Verdict:
    """The `Verdict` on an answer to an `Exercise`; see ``Exercise.check``.

    All of it runs under guard: whatever of the answer's it touches (its signature, its length, the
    text of its errors) may loop, raise or change things as well as the answer itself.
    """
    calls = 3 * len(exercise.cases) + len(exercise.properties) + 2
    outcome = call(_check, exercise, answer, given, seconds=SLACK_S + calls * exercise.time_limit)
    if outcome.timed_out:
        message = f"The answer is {type_name(answer)} with which the check came to no end."
        return Verdict(NOT_YET, exercise.name, message, outcome.stopped_at, step=exercise.next_step)
    if outcome.error is not None:
        raise outcome.error
    verdict = outcome.value
    verdict.notes += tuple(_put_back(outcome))[: max(0, 4 - len(verdict.notes))]
    return verdict


def _put_back(outcome):
    return [f"It changed {what}; that was put back." for what in outcome.changed]


def _check(exercise, answer, given):
    if answer is None:
        return not_attempted(
            exercise, "The answer is None. Did you print it, or forget a `return`?"
        )
    if answer is MISSING or is_blank(answer):
        return not_attempted(exercise)
    return Check(exercise, answer, given).run()


def is_blank(answer: object) -> bool:
    """Whether an answer is ``...``, or a tuple or list that still holds ``...``."""
    if isinstance(answer, (tuple, list)):
        return any(part is ... for part in answer)
    return answer is ...


def is_scalar(value: Any) -> bool:
    return not isinstance(value, (tuple, list, dict)) and not np.ndim(value)


def type_name(value: object) -> str:
    """What a value is, in words, by its type alone: nothing of the value's own is called."""
    name = type.__dict__["__name__"].__get__(type(value))
    return "a function" if name == "function" else f"an object of type {name}"


def not_attempted(exercise: Any, message: str = "Your turn.") -> Verdict:
    return Verdict(NOT_ATTEMPTED, exercise.name, message, step=exercise.next_step)


class Unfinished(Exception):
    """Ends a check early, with its verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Check:
    """The state of one check: what was found so far, and the notes for the verdict."""

    def __init__(self, exercise: Any, answer: Any, given: Sequence) -> None:
        self.exercise, self.answer, self.given = exercise, answer, given
        self.notes: list[str] = []
        self.largest, self.exact = 0.0, True
        self.arguments = Arguments(exercise.reference)

    def run(self) -> Verdict:
        exercise = self.exercise
        try:
            if exercise.cases:
                self.try_cases()
            elif exercise.reference is not None and not callable(exercise.reference):
                self.try_value()
            elif callable(exercise.reference):
                self.need_function()
            for prop in exercise.properties:
                self.try_property(prop)
        except Unfinished as unfinished:
            return unfinished.verdict
        return Verdict(CORRECT, exercise.name, self.success(), notes=self.notes)

    def success(self) -> str:
        """What was right, in a sentence."""
        cases, properties = len(self.exercise.cases), len(self.exercise.properties)
        kept = {0: "", 1: "the property"}.get(properties, f"all {properties} properties")
        if cases:
            exactly = "exactly " if self.exact else ""
            every = {1: "The case gives", 2: "Both cases give"}.get(
                cases, f"All {cases} cases give"
            )
            text = f"{every} {exactly}the right value{'s' if cases > 1 else ''}"
            text += f", and it has {kept} asked for" if kept else ""
        elif kept:
            return f"It has {kept} asked for."
        else:
            text = "That is exactly right" if self.exact else "That is right"
        return (
            f"{text}." if self.exact else f"{text}; the largest difference is {self.largest:.1e}."
        )

    # ---- The steps ---------------------------------------------------------------------------

    def need_function(self) -> None:
        if not callable(self.answer):
            self.stop(
                f"The answer is {name_of(self.answer)}; expected a function. Give the function "
                f"itself, without calling it: exercises.{self.exercise.name}.check(my_function)"
            )

    def try_cases(self) -> None:
        self.need_function()
        for case in self.exercise.cases:
            self.try_case(case)

    def try_case(self, case: Any) -> None:
        misfit = self.guarded(self.arguments.misfit, self.answer, case)
        if misfit.value:
            self.stop(misfit.value)
        args, kwargs = self.arguments.fresh(case)
        expected = self.expected(case)
        outcome = call(self.answer, *args, seconds=self.exercise.time_limit, **kwargs)
        changed = self.guarded(self.arguments.changed, case, args, kwargs, self.answer)
        self.remark(outcome, changed.value or ())
        label = f"The case “{case.label}”"
        rows = self.guarded(self.arguments.shown, case, self.answer).value or []
        self.stop_if_raised(outcome, f"{label} fails.", rows)
        judgement, shown = self.judge(outcome.value, expected)
        if judgement.holds:
            self.largest = max(self.largest, judgement.difference or 0.0)
            self.exact = self.exact and judgement.kind == "exact"
        else:
            rows += [("expected", show(expected)), ("got", shown)]
            self.stop_wrong(f"{label} fails.", judgement, rows, self.name_mistake(case, outcome))

    def try_value(self) -> None:
        exercise = self.exercise
        if callable(self.answer) and not hasattr(type(self.answer), "__array__"):
            self.stop(
                f"The answer is {name_of(self.answer)}; expected a value. Give what it returns: "
                f"exercises.{exercise.name}.check(my_function(…))"
            )
        judgement, shown = self.judge(self.answer, exercise.reference)
        if judgement.holds:
            self.largest, self.exact = judgement.difference or 0.0, judgement.kind == "exact"
            return
        for mistake in exercise.mistakes:
            if self.equals(self.answer, mistake.function):
                self.stop(mistake.message, [("got", shown)])
        self.stop(judgement.problem, [("got", shown)])  # a difference would give it away

    def try_property(self, prop: Any) -> None:
        label = f"“{prop.label}”"
        signature = signature_of(prop.test)
        try:
            if signature is not None:
                signature.bind(self.answer, *self.given)
        except TypeError:
            needed = ", ".join(list(signature.parameters)[1:] if signature else ())
            self.stop(
                f"This check also needs data: exercises.{self.exercise.name}.check("
                f"{', '.join(['your_answer', needed]) if needed else 'your_answer'})"
            )
        outcome = call(prop.test, self.answer, *self.given, seconds=self.exercise.time_limit)
        self.remark(outcome)
        self.stop_if_raised(outcome, f"While testing {label}:", [])
        if outcome.value is not None and type(outcome.value) is not str:
            raise ValueError(
                f"the property {prop.label!r} of exercise {self.exercise.name!r} returned "
                f"{type_name(outcome.value)}; expected None or a sentence"
            )
        if outcome.value:
            self.stop(f"Expected: {prop.label}. But {clean(outcome.value)}")

    def guarded(self, function: Any, *args: Any) -> Outcome:
        """Calls a function of the engine's that touches something of the answer's."""
        return call(function, *args, seconds=self.exercise.time_limit, keep=False)

    # ---- Their parts -------------------------------------------------------------------------

    def expected(self, case: Any) -> Any:
        args, kwargs = self.arguments.fresh(case)
        outcome = call(self.exercise.reference, *args, seconds=60.0, keep=False, **kwargs)
        if outcome.error is not None:
            raise ValueError(
                f"the reference of exercise {self.exercise.name!r} fails on its own case "
                f"{case.label!r}: {outcome.error!r}"
            )
        return outcome.value

    def judge(self, got: object, expected: object) -> tuple[Judgement, str]:
        """(judgement, the result as text), under guard: a result may be any object."""
        if got is ...:
            raise Unfinished(not_attempted(self.exercise))
        rtol, atol = self.exercise.rtol, self.exercise.atol
        outcome = self.guarded(judge, got, expected, rtol, atol)
        shown = self.guarded(show, got)
        text = shown.value if shown.error is None else f"{type_name(got)} that cannot be shown"
        if outcome.error is not None:
            problem = f"The result is {type_name(got)}, which cannot be compared."
            return Judgement("wrong", problem=problem), text
        return outcome.value, text

    def equals(self, got: object, expected: object) -> bool:
        outcome = self.guarded(judge, got, expected, self.exercise.rtol, self.exercise.atol)
        return outcome.error is None and outcome.value.holds

    def name_mistake(self, case: Any, outcome: Outcome) -> str:
        """The message of the usual mistake that gives just this result; "" if none does.

        One number may agree by chance: then the mistake must agree on a second case that is wrong
        as well, if there is one. Of several mistakes, the one that agrees most is named.
        """
        found = [m for m in self.exercise.mistakes if self.makes(m, case, outcome.value)]
        if not found:
            return ""
        agreed, agreed_wrong, wrong = dict.fromkeys(found, 0), dict.fromkeys(found, 0), 0
        for other in self.exercise.cases:
            result = self.result(other)
            if result.error is not None:
                continue
            is_wrong = not self.equals(result.value, self.expected(other))
            wrong += is_wrong
            for mistake in found:
                agrees = self.makes(mistake, other, result.value)
                agreed[mistake] += agrees
                agreed_wrong[mistake] += agrees and is_wrong
        best, needed = (
            max(found, key=agreed.__getitem__),
            min(2, wrong) if self.guarded(is_scalar, outcome.value).value else 1,
        )
        return best.message if agreed_wrong[best] >= needed else ""

    def result(self, case: Any) -> Outcome:
        args, kwargs = self.arguments.fresh(case)
        return call(self.answer, *args, seconds=self.exercise.time_limit, **kwargs)

    def makes(self, mistake: Any, case: Any, value: object) -> bool:
        args, kwargs = self.arguments.fresh(case)
        seconds = self.exercise.time_limit
        would = call(mistake.function, *args, seconds=seconds, keep=False, **kwargs)
        return would.error is None and self.equals(value, would.value)

    # ---- The end -----------------------------------------------------------------------------

    def remark(self, outcome: Outcome, changed: Sequence[str] = ()) -> None:
        """Note once what a call did besides returning a result."""
        notes = [
            f"It changes its argument {name}, which a caller may not expect." for name in changed
        ]
        if outcome.printed.strip() and not any("It printed" in note for note in self.notes):
            notes.append(f"It printed: {clean(outcome.printed.strip(), 200)}")
        notes += [f"NumPy or Python warned: {clean(text, 200)}" for text in outcome.warned[:2]]
        notes += _put_back(outcome)
        self.notes += [note for note in notes if note not in self.notes]

    def stop_if_raised(self, outcome: Outcome, label: str, rows: list) -> None:
        error = outcome.error
        if outcome.timed_out:
            self.stop(
                f"{label} It was stopped after {self.exercise.time_limit:g} s. Look for a loop "
                "that never ends: does its condition ever change?",
                [*rows, *outcome.stopped_at],
            )
        if error is not None and is_unanswered(error):
            raise Unfinished(not_attempted(self.exercise))
        if error is not None:
            described = self.guarded(describe, error)
            sentence, line = described.value or (f"It raised {type(error).__name__}", where(error))
            self.stop(f"{label} {sentence}", rows + line)

    def stop_wrong(self, label: str, judgement: Judgement, rows: list, mistake: str) -> None:
        if judgement.difference is not None:
            text = f"{judgement.difference:.4g}"
            rows.append(
                ("largest difference", f"{text} at {judgement.where}" if judgement.where else text)
            )
        self.stop(f"{label} {judgement.problem}\n{mistake}".strip(), rows)

    def stop(self, message: str, rows: Sequence = ()) -> None:
        raise Unfinished(
            Verdict(
                NOT_YET, self.exercise.name, message, rows, self.notes[:4], self.exercise.next_step
            )
        ) from None
