"""Optimizers: how a gradient becomes a step, with Keras's names, arguments and defaults."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch._checks import (
    FLOATS,
    as_float,
    check_flag,
    check_fraction,
    check_not_negative,
    check_positive,
    check_same_shape,
)

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]


class Optimizer:
    """What all optimizers share: checks, weight decay, and memory per array.

    A subclass says in ``start`` which arrays it keeps for a variable, and in ``update`` how one
    variable moves.
    """

    def __init__(self, learning_rate: float, weight_decay: float | None = None) -> None:
        check_positive("learning_rate", learning_rate)
        if weight_decay is not None:
            check_not_negative("weight_decay", weight_decay)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.iterations = 0
        self._memories: list[dict[str, np.ndarray]] = []

    def start(self, variable: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays to remember for one variable: dict from name to array."""
        return {}

    def update(
        self, variable: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray]
    ) -> None:
        """Move one variable, in place."""
        raise NotImplementedError

    def apply(self, gradients: Sequence[ArrayLike], variables: Sequence[np.ndarray]) -> None:
        """One step: update every variable in place.

        Weight decay first shrinks each by the factor 1 - learning_rate * weight_decay.

        Args:
            gradients: list of arrays.
            variables: list of float arrays of the same shapes, always the same list of the same
                model: what an optimizer remembers is kept per position.

        Raises:
            ValueError: lists of unequal length, shapes that differ, variables that are not float
                arrays, gradients that are not numbers, a learning rate below 0, or
                other variables than in the step before.
        """
        check_not_negative("learning_rate", self.learning_rate)  # a warm-up may begin at 0
        self._check(gradients, variables)
        if not self._memories:
            self._memories = [self.start(variable) for variable in variables]
            self._shapes = [variable.shape for variable in variables]
        self.iterations += 1
        for gradient, variable, memory in zip(gradients, variables, self._memories, strict=True):
            if self.weight_decay:
                variable -= self.learning_rate * self.weight_decay * variable
            self.update(variable, as_float(gradient), memory)

    def _check(self, gradients, variables):
        if len(gradients) != len(variables):
            raise ValueError(
                f"there are {len(gradients)} gradients and {len(variables)} variables; expected "
                "one gradient per variable, in the same order"
            )
        for index, (gradient, variable) in enumerate(zip(gradients, variables, strict=True)):
            if not isinstance(variable, np.ndarray) or variable.dtype not in FLOATS:
                raise ValueError(
                    f"variable {index} is {variable!r}; expected a NumPy array of floats (32 or 64 "
                    "bits), which can be changed in place: pass np.array(..., dtype=float)"
                )
            check_same_shape(f"gradient {index}", gradient, "its variable", variable)
        shapes = [variable.shape for variable in variables]
        if self._memories and shapes != self._shapes:
            raise ValueError(
                f"the variables have shapes {shapes}, and in the step before {self._shapes}: make "
                "a new optimizer for each model"
            )


class SGD(Optimizer):
    """Gradient descent, with momentum: v <- momentum v - learning_rate g;  w <- w + v.

    Nesterov's form looks ahead: w <- w + momentum v - learning_rate g, with the new v.

    Args:
        learning_rate: size of a step, above 0; may be changed between steps.
        momentum: how much of the last step goes on, in [0, 1).
        nesterov: use Nesterov's form.
        weight_decay: fraction, times learning_rate, by which weights shrink each step, 0 or more.

    Raises:
        ValueError: a number that is not what is said above.

    Source: Polyak (1964), doi:10.1016/0041-5553(64)90137-5; Sutskever, Martens, Dahl and Hinton
    (2013), "On the importance of initialization and momentum in deep learning", ICML.

    Example:
        >>> weights = np.array([1.0, 2.0])
        >>> SGD(learning_rate=0.1).apply([np.array([1.0, -1.0])], [weights])
        >>> weights
        array([0.9, 2.1])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        check_fraction("momentum", momentum)
        check_flag("nesterov", nesterov)
        self.momentum, self.nesterov = momentum, nesterov

    def start(self, variable: np.ndarray) -> dict[str, np.ndarray]:
        return {"velocity": np.zeros_like(variable)}

    def update(
        self, variable: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray]
    ) -> None:
        velocity, step = memory["velocity"], self.learning_rate * gradient
        velocity *= self.momentum
        velocity -= step
        variable += self.momentum * velocity - step if self.nesterov else velocity


class Adagrad(Optimizer):
    """A rate for each weight: s <- s + g^2;  w <- w - learning_rate g / sqrt(s + epsilon).

    Args:
        learning_rate: size of a step, above 0; may be changed between steps.
        initial_accumulator_value: s before the first step, 0 or more.
        epsilon: keeps the divisor from 0; above 0.
        weight_decay: fraction, times learning_rate, by which weights shrink each step, 0 or more.

    Raises:
        ValueError: a number that is not what is said above.

    Source: Duchi, Hazan and Singer (2011), JMLR 12, 2121-2159.

    Example:
        >>> weights = np.array([1.0])
        >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0).apply([np.ones(1)], [weights])
        >>> weights.round(4)
        array([0.9])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        check_not_negative("initial_accumulator_value", initial_accumulator_value)
        check_positive("epsilon", epsilon)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def start(self, variable: np.ndarray) -> dict[str, np.ndarray]:
        return {"squares": np.full_like(variable, self.initial_accumulator_value)}

    def update(
        self, variable: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray]
    ) -> None:
        squares = memory["squares"]
        squares += gradient**2
        variable -= self.learning_rate * gradient / np.sqrt(squares + self.epsilon)


class RMSprop(Optimizer):
    """Adagrad that forgets: s <- rho s + (1 - rho) g^2;  w <- w - v.

    v <- momentum v + learning_rate g / sqrt(s + epsilon)

    Args:
        learning_rate: size of a step, above 0; may be changed between steps.
        rho: how much of the mean square is kept, in [0, 1).
        momentum: how much of the last step goes on, in [0, 1).
        epsilon: keeps the divisor from 0; above 0.
        weight_decay: fraction, times learning_rate, by which weights shrink each step, 0 or more.

    Raises:
        ValueError: a number that is not what is said above.

    Source: Tieleman and Hinton (2012), lecture 6.5 of "Neural networks for machine learning".

    Example:
        >>> weights = np.array([1.0])
        >>> RMSprop(learning_rate=0.1, rho=0.75).apply([np.ones(1)], [weights])
        >>> weights.round(4)
        array([0.8])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        check_fraction("rho", rho)
        check_fraction("momentum", momentum)
        check_positive("epsilon", epsilon)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon

    def start(self, variable: np.ndarray) -> dict[str, np.ndarray]:
        return {"squares": np.zeros_like(variable), "velocity": np.zeros_like(variable)}

    def update(
        self, variable: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray]
    ) -> None:
        squares, velocity = memory["squares"], memory["velocity"]
        squares += (1 - self.rho) * (gradient**2 - squares)
        velocity *= self.momentum
        velocity += self.learning_rate * gradient / np.sqrt(squares + self.epsilon)
        variable -= velocity


class Adam(Optimizer):
    """Momentum, and a rate for each weight.

    m <- beta_1 m + (1 - beta_1) g;  s <- beta_2 s + (1 - beta_2) g^2;
    w <- w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(s) + epsilon)

    in step t = 1, 2, ...: the factors with t make up for m and s starting at 0.

    Args:
        learning_rate: size of a step, above 0; may be changed between steps.
        beta_1: how much of the mean gradient is kept, in [0, 1).
        beta_2: how much of the mean square is kept, in [0, 1).
        epsilon: keeps the divisor from 0; above 0.
        weight_decay: fraction, times learning_rate, by which weights shrink each step, 0 or more.

    Raises:
        ValueError: a number that is not what is said above.

    Source: Kingma and Ba (2015), arXiv:1412.6980.

    Example:
        >>> weights = np.array([1.0, 1.0])
        >>> Adam(learning_rate=0.1).apply([np.array([1000.0, 0.001])], [weights])
        >>> weights.round(3)
        array([0.9, 0.9])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        check_fraction("beta_1", beta_1)
        check_fraction("beta_2", beta_2)
        check_positive("epsilon", epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def start(self, variable: np.ndarray) -> dict[str, np.ndarray]:
        return {"mean": np.zeros_like(variable), "squares": np.zeros_like(variable)}

    def update(
        self, variable: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray]
    ) -> None:
        mean, squares, t = memory["mean"], memory["squares"], self.iterations
        mean += (1 - self.beta_1) * (gradient - mean)
        squares += (1 - self.beta_2) * (gradient**2 - squares)
        rate = self.learning_rate * (1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t)
        variable -= rate * mean / (np.sqrt(squares) + self.epsilon)


class AdamW(Adam):
    """Adam with weight decay: first w <- w - learning_rate weight_decay w, then Adam's step.

    Args:
        learning_rate: size of a step, above 0; may be changed between steps.
        weight_decay: fraction, times learning_rate, by which weights shrink each step, 0 or more.
        beta_1: how much of the mean gradient is kept, in [0, 1).
        beta_2: how much of the mean square is kept, in [0, 1).
        epsilon: keeps the divisor from 0; above 0.

    Raises:
        ValueError: a number that is not what is said above.

    Source: Loshchilov and Hutter (2019), arXiv:1711.05101.

    Example:
        >>> weights = np.array([1.0])
        >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([np.zeros(1)], [weights])
        >>> weights
        array([0.95])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        check_not_negative("weight_decay", weight_decay)  # None is for Adam
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay)
