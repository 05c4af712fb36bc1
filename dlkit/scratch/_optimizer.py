"""What all optimizers share."""

import numpy as np

from dlkit.scratch._checks import check_positive, check_same_shape


class Optimizer:
    """What all optimizers share: checks, weight decay, and memory per array.

    A subclass says in ``start`` which arrays it keeps for a variable, and in ``update`` how one
    variable moves.
    """

    def __init__(self, learning_rate, weight_decay=None):
        check_positive("learning_rate", learning_rate)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.iterations = 0
        self._memories = []

    def start(self, variable):
        """Arrays to remember for one variable: dict from name to array."""
        return {}

    def update(self, variable, gradient, memory):
        """Move one variable, in place."""
        raise NotImplementedError

    def apply(self, gradients, variables):
        """One step: update every variable in place.

        Weight decay first shrinks each by the factor 1 - learning_rate * weight_decay.

        Args:
            gradients: list of arrays.
            variables: list of float arrays of the same shapes, always the same list of the same
                model: what an optimizer remembers is kept per position.

        Raises:
            ValueError: lists of unequal length, shapes that differ, variables that are not float
                arrays, or other variables than in the step before.
        """
        self._check(gradients, variables)
        if not self._memories:
            self._memories = [self.start(v) for v in variables]
            self._shapes = [v.shape for v in variables]
        self.iterations += 1
        for gradient, variable, memory in zip(gradients, variables, self._memories, strict=True):
            if self.weight_decay:
                variable -= self.learning_rate * self.weight_decay * variable
            self.update(variable, np.asarray(gradient), memory)

    def _check(self, gradients, variables):
        if len(gradients) != len(variables):
            raise ValueError(
                f"there are {len(gradients)} gradients and {len(variables)} variables; expected "
                "one gradient per variable, in the same order"
            )
        for index, (gradient, variable) in enumerate(zip(gradients, variables, strict=True)):
            if not isinstance(variable, np.ndarray) or variable.dtype.kind != "f":
                raise ValueError(
                    f"variable {index} is {variable!r}; expected a NumPy array of floats, which "
                    "can be changed in place: pass np.array(..., dtype=float)"
                )
            check_same_shape(f"gradient {index}", gradient, "its variable", variable)
        shapes = [v.shape for v in variables]
        if self._memories and shapes != self._shapes:
            raise ValueError(
                f"the variables have shapes {shapes}, and in the step before {self._shapes}: make "
                "a new optimizer for each model"
            )


def check_fractions(**fractions):
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} is {value}; expected 0 <= {name} < 1, e.g. {name}=0.9")
