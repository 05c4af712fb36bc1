"""Layers: operations that hold their weights and remember their input for the way back."""

import math

import numpy as np

from dlkit.scratch import initializers, operations
from dlkit.scratch._layer import Activation, Layer
from dlkit.scratch._windows import pair

__all__ = ["Activation", "Conv2D", "Dense", "Flatten", "Layer", "MaxPooling2D", "SimpleRNN"]


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
        self, units, activation=None, kernel_initializer="glorot_uniform", dtype="float32"
    ):
        super().__init__(activation, dtype)
        self.units = _count("units", units)
        self.kernel_initializer = initializers.get(kernel_initializer)

    def _start(self, input_shape, rng):
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
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        activation=None,
        kernel_initializer="glorot_uniform",
        dtype="float32",
    ):
        super().__init__(activation, dtype)
        self.filters = _count("filters", filters)
        self.kernel_size = pair("kernel_size", kernel_size)
        self._sliding = {"strides": strides, "padding": padding}
        self.kernel_initializer = initializers.get(kernel_initializer)

    def _start(self, input_shape, rng):
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

    def __init__(self, units, return_sequences=False, dtype="float32"):
        super().__init__(dtype)
        self.units = _count("units", units)
        self.return_sequences = return_sequences

    def _start(self, input_shape, rng):
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

    def __init__(self, pool_size=2, strides=None, padding="valid", dtype="float32"):
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
