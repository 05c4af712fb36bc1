"""Reverse-mode differentiation of single numbers: a value that knows how it was computed."""

from __future__ import annotations

import math


class Value:
    """A number, the operation that made it, and the values it was made from.

    Arithmetic with values and plain numbers builds a graph; ``backward`` walks it from the result
    to the leaves and fills in each value's gradient by the chain rule.

    Args:
        data: a number.
        label: name to show.

    Attributes:
        data: the number, a float.
        gradient: d result / d this value, after the result's ``backward()``.
        label: as given.
        operation: what made it: "+", "*", "tanh", ...; "" for a leaf.
        parents: tuple of the values it was made from.

    Raises:
        ValueError: data is not a number.

    Example:
        >>> x = Value(3.0, "x")
        >>> y = x * x + 2 * x
        >>> y.backward()
        >>> y.data, x.gradient
        (15.0, 8.0)
    """

    __slots__ = ("data", "gradient", "label", "operation", "parents", "_slopes")
    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to us

    def __init__(self, data: float, label: str = "") -> None:
        try:
            if isinstance(data, (str, bytes, bool)):
                raise TypeError
            self.data = float(data)
        except (TypeError, ValueError):
            raise ValueError(f"data is {data!r}; expected one number") from None
        self.gradient = 0.0
        self.label = label
        self.operation = ""
        self.parents: tuple[Value, ...] = ()
        self._slopes: tuple[float, ...] = ()  # d self / d parent, for each parent

    def __repr__(self) -> str:
        name = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data:g}, gradient={self.gradient:g}{name})"

    def __add__(self, other: Value | float) -> Value:
        other = _as_value(other)
        return _result(self.data + other.data, "+", (self, other), (1.0, 1.0))

    def __sub__(self, other: Value | float) -> Value:
        other = _as_value(other)
        return _result(self.data - other.data, "-", (self, other), (1.0, -1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = _as_value(other)
        return _result(self.data * other.data, "*", (self, other), (other.data, self.data))

    def __truediv__(self, other: Value | float) -> Value:
        other = _as_value(other)
        quotient = self.data / other.data
        return _result(quotient, "/", (self, other), (1 / other.data, -quotient / other.data))

    def __pow__(self, other: Value | float) -> Value:
        x, n = self.data, _as_value(other).data
        if x < 0 and n != int(n):
            raise ValueError(f"{x:g} ** {n:g} is not a real number: raise a positive number")
        if x == 0 and 0 < n < 1:
            raise ValueError(f"0 ** {n:g} has no slope at 0: raise a positive number")
        power = x**n
        x_slope = n * x ** (n - 1) if n else 0.0
        if not isinstance(other, Value):  # a fixed exponent is part of the operation
            return _result(power, f"**{n:g}", (self,), (x_slope,))
        n_slope = power * math.log(x) if x > 0 else 0.0  # none to the left of 0
        return _result(power, "**", (self, other), (x_slope, n_slope))

    def __neg__(self) -> Value:
        return _result(-self.data, "neg", (self,), (-1.0,))

    def __radd__(self, other: float) -> Value:
        return _as_value(other) + self

    def __rsub__(self, other: float) -> Value:
        return _as_value(other) - self

    def __rmul__(self, other: float) -> Value:
        return _as_value(other) * self

    def __rtruediv__(self, other: float) -> Value:
        return _as_value(other) / self

    def __rpow__(self, other: float) -> Value:
        return _as_value(other) ** self

    def exp(self) -> Value:
        """e to the power of this value."""
        result = math.exp(self.data)
        return _result(result, "exp", (self,), (result,))

    def log(self) -> Value:
        """Natural logarithm; ValueError unless the value is positive."""
        if not self.data > 0:
            raise ValueError(f"log of {self.data:g}; expected a number above 0")
        return _result(math.log(self.data), "log", (self,), (1 / self.data,))

    def tanh(self) -> Value:
        """Hyperbolic tangent."""
        result = math.tanh(self.data)
        return _result(result, "tanh", (self,), (1 - result**2,))

    def relu(self) -> Value:
        """max(value, 0); the slope at 0 is 0."""
        return _result(max(self.data, 0.0), "relu", (self,), (float(self.data > 0),))

    def sigmoid(self) -> Value:
        """1 / (1 + exp(-value)), without overflow."""
        small = math.exp(-abs(self.data))
        result = (1.0 if self.data >= 0 else small) / (1 + small)
        return _result(result, "sigmoid", (self,), (small / (1 + small) ** 2,))

    def backward(self) -> None:
        """Fill ``gradient`` of every value that this one was computed from.

        Each call starts afresh: gradients do not add up over calls.
        """
        ordered = self._ordered()
        for node in ordered:
            node.gradient = 0.0
        self.gradient = 1.0
        for node in reversed(ordered):
            for parent, slope in zip(node.parents, node._slopes, strict=True):
                parent.gradient += slope * node.gradient

    def _ordered(self):
        """This value and all it was computed from, each after its parents."""
        ordered, seen, to_do = [], set(), [(self, False)]
        while to_do:
            node, parents_done = to_do.pop()
            if parents_done:
                ordered.append(node)
            elif node not in seen:
                seen.add(node)
                to_do.append((node, True))
                to_do += [(parent, False) for parent in node.parents]
        return ordered


def _as_value(x: Value | float) -> Value:
    """A plain number as a leaf, which shows itself as its label."""
    if isinstance(x, Value):
        return x
    leaf = Value(x)
    leaf.label = f"{leaf.data:g}"
    return leaf


def _result(data, operation, parents, slopes):
    """A value that was computed: slopes holds its derivative for each parent."""
    value = Value(data)
    value.operation, value.parents, value._slopes = operation, parents, slopes
    return value
