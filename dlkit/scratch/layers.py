"""Layers: operations that hold their weights and remember their input for the way back."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch import activations, initializers, operations
from dlkit.scratch._checks import pair
from dlkit.scratch.operations import Padding, Size

__all__ = ["Activation", "Conv2D", "Dense", "Flatten", "Layer", "MaxPooling2D", "SimpleRNN"]


class Layer:
    """What all layers share: they are built for their first input, and remember the last.

    Attributes:
        variables: list of weights, in the order of Keras's ``get_weights``.
        gradients: list of their gradients, after ``backward``.
        dtype: of the weights and of what is computed, "float32" or "float64".
    """

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = dtype
        self.built = False
        self.variables: list[np.ndarray] = []
        self.gradients: list[np.ndarray] = []
        self._input_shape: tuple[int, ...] | None = None

    def build(self, input_shape: Sequence[int], rng: np.random.Generator) -> None:
        """Make the weights.

        Args:
            input_shape: shape of a batch; the first number, its size, is not looked at.
            rng: a ``np.random.Generator``.
        """
        weights = self._start(tuple(input_shape), rng)
        self.variables = [weight.astype(self.dtype) for weight in weights]
        self.built = True

    def forward(self, x: ArrayLike) -> np.ndarray:
        """Output for a batch; without ``build`` before, weights come from a generator of seed 0."""
        x = np.asarray(x, dtype=self.dtype)
        if not self.built:
            self.build(x.shape, np.random.default_rng(0))
        self._input_shape = x.shape
        return self._forward(x)

    __call__ = forward

    def backward(self, upstream: ArrayLike) -> np.ndarray:
        """Gradient with respect to the input; fills ``gradients``.

        Args:
            upstream: gradient of the loss with respect to the output of the last ``forward``.

        Raises:
            ValueError: there was no ``forward`` before.
        """
        if self._input_shape is None:
            raise ValueError("backward needs the input: call forward first")
        return self._backward(np.asarray(upstream, dtype=self.dtype))

    def _start(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
        """The first weights, none unless a layer says otherwise."""
        return []

    def _forward(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _backward(self, upstream: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Activation(Layer):
    """An activation function as a layer.

    Args:
        name: a name in ``activations.NAMES``, or None for none.
        dtype: of what is computed.

    Raises:
        ValueError: no such activation.

    Example:
        >>> relu = Activation("relu")
        >>> relu([[-1.0, 2.0]]), relu.backward([[1.0, 1.0]])
        (array([[0., 2.]], dtype=float32), array([[0., 1.]], dtype=float32))
    """

    def __init__(self, name: str | None, dtype: str = "float32") -> None:
        super().__init__(dtype)
        self.name = name
        if name is not None:
            self._function = activations.get(name)
            self._derivative = getattr(activations, f"{name}_derivative")

    def _forward(self, x):
        self._x = x
        return x if self.name is None else self._function(x)

    def _backward(self, upstream):
        if self.name is None:
            return upstream
        slope = self._derivative(self._x)
        if slope.ndim == upstream.ndim:
            return upstream * slope
        return (upstream[..., None, :] @ slope)[..., 0, :]  # softmax: upstream times Jacobian


class _Weighted(Layer):
    """A layer with weights, followed by an activation."""

    def __init__(self, activation, dtype):
        super().__init__(dtype)
        self.activation = Activation(activation)

    def _forward(self, x):
        self._x = x
        self.activation.dtype = self.dtype
        return self.activation.forward(self._operation(x, *self.variables))

    def _backward(self, upstream):
        dx, *self.gradients = self._operation_backward(self.activation.backward(upstream))
        return dx


class Dense(_Weighted):
    """Dense layer: activation(x W + b).

    Args:
        units: number of outputs.
        activation: name of an activation, or None.
        kernel_initializer: name of an initializer; the bias starts at zero.
        dtype: of the weights.

    Raises:
        ValueError: units below 1; no such activation or initializer.

    Example:
        >>> layer = Dense(4, activation="relu")
        >>> layer(np.ones((2, 3))).shape, [weight.shape for weight in layer.variables]
        ((2, 4), [(3, 4), (4,)])
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        kernel_initializer: str = "glorot_uniform",
        dtype: str = "float32",
    ) -> None:
        super().__init__(activation, dtype)
        self.units = _count("units", units)
        self.kernel_initializer = initializers.get(kernel_initializer)

    def _start(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
        kernel = self.kernel_initializer((input_shape[-1], self.units), rng=rng)
        return [kernel, np.zeros(self.units)]

    _operation = staticmethod(operations.dense)

    def _operation_backward(self, upstream):
        return operations.dense_backward(upstream, self._x, self.variables[0])


class Conv2D(_Weighted):
    """Convolution of images: activation(conv2d(x, kernel) + bias).

    Args:
        filters: number of output channels.
        kernel_size: height and width of the kernel: a whole number, or one per direction.
        strides: as for ``operations.conv2d``.
        padding: "valid" or "same".
        activation: name of an activation, or None.
        kernel_initializer: name of an initializer; the bias starts at zero.
        dtype: of the weights.

    Raises:
        ValueError: filters below 1; no such activation or initializer.

    Example:
        >>> layer = Conv2D(8, 3)
        >>> layer(np.ones((2, 28, 28, 1))).shape, layer.variables[0].shape
        ((2, 26, 26, 8), (3, 3, 1, 8))
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Size,
        strides: Size = 1,
        padding: Padding = "valid",
        activation: str | None = None,
        kernel_initializer: str = "glorot_uniform",
        dtype: str = "float32",
    ) -> None:
        super().__init__(activation, dtype)
        self.filters = _count("filters", filters)
        self.kernel_size = pair("kernel_size", kernel_size)
        self._sliding = {"strides": strides, "padding": padding}
        self.kernel_initializer = initializers.get(kernel_initializer)

    def _start(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        return [self.kernel_initializer(shape, rng=rng), np.zeros(self.filters)]

    def _operation(self, x, kernel, bias):
        return operations.conv2d(x, kernel, bias, **self._sliding)

    def _operation_backward(self, upstream):
        return operations.conv2d_backward(upstream, self._x, self.variables[0], **self._sliding)


class SimpleRNN(Layer):
    """Simple recurrent layer: h_t = tanh(x_t W + h_{t-1} U + b).

    Args:
        units: length of the state.
        return_sequences: put out all states, not the last alone.
        dtype: of the weights.

    Raises:
        ValueError: units below 1.

    Example:
        >>> layer = SimpleRNN(4)
        >>> layer(np.ones((2, 5, 3))).shape, [weight.shape for weight in layer.variables]
        ((2, 4), [(3, 4), (4, 4), (4,)])
    """

    def __init__(self, units: int, return_sequences: bool = False, dtype: str = "float32") -> None:
        super().__init__(dtype)
        self.units = _count("units", units)
        self.return_sequences = return_sequences

    def _start(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
        kernel = initializers.glorot_uniform((input_shape[-1], self.units), rng)
        recurrent_kernel = initializers.orthogonal((self.units, self.units), rng)
        return [kernel, recurrent_kernel, np.zeros(self.units)]

    def _forward(self, x):
        self._x, self._states = x, operations.simple_rnn(x, *self.variables)
        return self._states if self.return_sequences else self._states[:, -1]

    def _backward(self, upstream):
        if not self.return_sequences:
            last, upstream = upstream, np.zeros_like(self._states)
            upstream[:, -1] = last
        dx, *self.gradients = operations.simple_rnn_backward(
            upstream, self._x, self._states, *self.variables[:2]
        )
        return dx


class MaxPooling2D(Layer):
    """Max pooling of images.

    Args:
        pool_size: as for ``operations.max_pool2d``.
        strides: as for ``operations.max_pool2d``.
        padding: "valid" or "same".
        dtype: of what is computed.

    Example:
        >>> MaxPooling2D()(np.ones((2, 28, 28, 8))).shape
        (2, 14, 14, 8)
    """

    def __init__(
        self,
        pool_size: Size = 2,
        strides: Size | None = None,
        padding: Padding = "valid",
        dtype: str = "float32",
    ) -> None:
        super().__init__(dtype)
        self._sliding = {"pool_size": pool_size, "strides": strides, "padding": padding}

    def _forward(self, x):
        self._x = x
        return operations.max_pool2d(x, **self._sliding)

    def _backward(self, upstream):
        return operations.max_pool2d_backward(upstream, self._x, **self._sliding)


class Flatten(Layer):
    """Each example as one row.

    Example:
        >>> Flatten()(np.ones((2, 28, 28))).shape
        (2, 784)
    """

    def _forward(self, x):
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def _backward(self, upstream):
        return upstream.reshape(self._input_shape)


def _count(name, value):
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number of 1 or more")
    return int(value)
