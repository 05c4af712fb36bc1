"""How a case's arguments reach an answer: fresh copies, by position, under their names."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

from dlkit.exercises.engine.judging import judge
from dlkit.exercises.engine.values import show
from dlkit.exercises.engine.verdicts import clean


def signature_of(function: Callable) -> inspect.Signature | None:
    """The signature of a function, or None if Python does not know it.

    Example:
        >>> signature_of(lambda x, axis=-1: x)
        <Signature (x, axis=-1)>
    """
    try:
        return inspect.signature(function)
    except Exception:  # an object may answer with any exception when its attributes are read
        return None


class Arguments:
    """The arguments of an exercise's cases, named as in the reference's signature.

    Args:
        reference: the function that the cases are made for.

    Example:
        >>> Arguments(lambda x, axis: x).named(([1.0, 2.0], -1), {})
        [('x', [1.0, 2.0]), ('axis', -1)]
        >>> Arguments(lambda x, axis: x).named(([1.0, 2.0], -1), {}, answer=lambda z, over: z)
        [('z', [1.0, 2.0]), ('over', -1)]
    """

    def __init__(self, reference: Callable) -> None:
        self.signature = signature_of(reference)

    def fresh(self, case: Any) -> tuple[tuple, dict]:
        """(args, kwargs) of a case, copied; by position as far as the reference allows."""
        args, kwargs = copy.deepcopy((case.args, case.kwargs))
        if self.signature is None:
            return args, kwargs
        bound = self.signature.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    def named(
        self, args: tuple, kwargs: dict, answer: Callable | None = None
    ) -> list[tuple[str, Any]]:
        """Pairs (name, value): an answer's own names, as far as it gives its parameters any."""
        names = _names(self.signature)
        if answer is not None:
            own = _names(signature_of(answer))
            names = own + names[len(own) :]
        names += [f"argument {number}" for number in range(len(names) + 1, len(args) + 1)]
        return [*zip(names, args, strict=False), *kwargs.items()]

    def shown(self, case: Any, answer: Callable) -> list[tuple[str, str]]:
        """A case's arguments as rows (label, text)."""
        return [(name, show(value)) for name, value in self.named(*self.fresh(case), answer)]

    def changed(self, case: Any, args: tuple, kwargs: dict, answer: Callable) -> list[str]:
        """The names of those arguments that no longer are what the case says."""
        before = self.named(*self.fresh(case), answer)
        after = self.named(args, kwargs, answer)
        return [
            name
            for (name, value), (_, first) in zip(after, before, strict=True)
            if _differs(value, first)
        ]

    def misfit(self, answer: Callable, case: Any) -> str:
        """What is wrong if an answer cannot be called with a case's arguments; "" if it can."""
        args, kwargs = self.fresh(case)
        signature = signature_of(answer)
        if signature is None:
            return ""
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            wanted = ", ".join(name for name, _ in self.named(args, kwargs))
            return (
                f"Your function takes {clean(str(signature), 200)}, but it is called with "
                f"({wanted}). Give it these parameters."
            )
        return ""


def _names(signature):
    """The names of parameters that are filled by position, in order."""
    names = []
    for parameter in signature.parameters.values() if signature else ():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            break
        names.append(parameter.name)
    return names


def _differs(value, first):
    try:
        comparable = judge(first, first, 0.0, 0.0).kind == "exact"
        return comparable and judge(value, first, 0.0, 0.0).kind != "exact"
    except Exception:  # not numbers: nothing that can be compared, so nothing to say
        return False
