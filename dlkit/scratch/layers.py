"""Layers: operations that hold their weights and remember their input for the way back."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch import activations, initializers, operations
from dlkit.scratch._checks import (
    as_float,
    check_dtype,
    check_flag,
    check_fraction,
    check_positive,
    check_same_shape,
    check_shape,
    check_whole,
    pair,
)
from dlkit.scratch.operations import Padding, Size

__all__ = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Embedding",
    "Flatten",
    "Layer",
    "LayerNormalization",
    "MaxPooling2D",
    "Residual",
    "SimpleRNN",
]


class Layer:
    """What all layers share: they are built for their first input, and remember the last.

    Attributes:
        variables: list of weights, in the order of Keras's ``get_weights``.
        gradients: list of the gradients of ``trainable_variables``, after ``backward``.
        dtype: of the weights and of what is computed, "float32" or "float64".
    """

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = check_dtype(dtype)
        self.built = False
        self.variables: list[np.ndarray] = []
        self.gradients: list[np.ndarray] = []
        self._input_shape: tuple[int, ...] | None = None
        self._training = False

    @property
    def trainable_variables(self) -> list[np.ndarray]:
        """List of the weights that have a gradient: all, unless a layer says otherwise."""
        return self.variables

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy weights into the layer, e.g. those of ``get_weights`` of the same layer in Keras.

        Args:
            weights: list of arrays, in the order and of the shapes of ``variables``.

        Raises:
            ValueError: the layer is not built, or number or shapes do not fit.
        """
        if not self.built:
            raise ValueError("the layer has no weights yet: call build(input_shape, rng) first")
        if len(weights) != len(self.variables):
            raise ValueError(
                f"got {len(weights)} arrays; expected {len(self.variables)}: pass the weights of "
                "one layer of the same kind"
            )
        for index, (variable, weight) in enumerate(zip(self.variables, weights, strict=True)):
            check_same_shape(f"weight {index}", weight, "the layer's", variable)
        for variable, weight in zip(self.variables, weights, strict=True):
            variable[...] = weight

    def build(self, input_shape: Sequence[int], rng: np.random.Generator) -> None:
        """Make the weights.

        Args:
            input_shape: shape of a batch; the first number, its size, is not looked at.
            rng: a ``np.random.Generator``.
        """
        weights = self._start(tuple(input_shape), rng)
        self.variables = [weight.astype(self.dtype) for weight in weights]
        self.built = True

    def forward(self, x: ArrayLike, training: bool = False) -> np.ndarray:
        """Output for a batch; without ``build`` before, weights come from a generator of seed 0.

        Args:
            x: inputs, ``(batch, ...)``.
            training: whether this is a step of training; only ``BatchNormalization`` asks.
        """
        check_flag("training", training)
        self._training = bool(training)
        x = as_float(x).astype(self.dtype, copy=False)
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
            ValueError: there was no ``forward`` before, or upstream has another shape.
        """
        if self._input_shape is None:
            raise ValueError("backward needs the input: call forward first")
        return self._backward(as_float(upstream).astype(self.dtype, copy=False))

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
        check_same_shape("upstream", upstream, "the output", self._x)
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

    @abstractmethod
    def _operation(self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """What the layer computes before its activation."""

    @abstractmethod
    def _operation_backward(self, upstream: np.ndarray) -> tuple[np.ndarray, ...]:
        """Gradients with respect to the input, the kernel and the bias."""


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
        self.units = check_whole("units", units)
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
        self.filters = check_whole("filters", filters)
        self.kernel_size = pair("kernel_size", kernel_size)
        self._sliding: dict[str, Any] = {"strides": pair("strides", strides), "padding": padding}
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
        self.units = check_whole("units", units)
        check_flag("return_sequences", return_sequences)
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
        self._sliding: dict[str, Any] = {
            "pool_size": pool_size,
            "strides": strides,
            "padding": padding,
        }

    def _forward(self, x):
        self._x = x
        return operations.max_pool2d(x, **self._sliding)

    def _backward(self, upstream):
        return operations.max_pool2d_backward(upstream, self._x, **self._sliding)


class Embedding(Layer):
    """A table with a row of numbers for each id: looking a row up is a dense layer on one-hot ids.

    The gradient of a row is the sum of what comes back from all places that looked it up. Ids are
    names, not sizes: what goes back to them is 0. With ``np.arange(time)`` as ids, the rows are
    learned positions.

    Args:
        input_dim: how many ids: 0 to input_dim - 1.
        output_dim: numbers in a row.
        dtype: of the table.

    Raises:
        ValueError: a number below 1; in a call, an id that is no whole number or out of range.

    Example:
        >>> layer = Embedding(5, 3)
        >>> layer([[0, 4], [1, 1]]).shape, [weight.shape for weight in layer.variables]
        ((2, 2, 3), [(5, 3)])
    """

    def __init__(self, input_dim: int, output_dim: int, dtype: str = "float32") -> None:
        super().__init__(dtype)
        self.input_dim = check_whole("input_dim", input_dim)
        self.output_dim = check_whole("output_dim", output_dim)

    def forward(self, x: ArrayLike, training: bool = False) -> np.ndarray:
        """The rows of a batch of ids, as for ``Layer``.

        Args:
            x: ids, whole numbers in [0, input_dim), array of any shape.
            training: not looked at.

        Returns:
            Array of one more axis: ``(..., output_dim)``.
        """
        ids = as_float(x)
        with np.errstate(invalid="ignore"):  # NaN is no id, as is found at once
            self._ids = ids.astype(np.int64)
        if np.any((self._ids != ids) | (self._ids < 0) | (self._ids >= self.input_dim)):
            raise ValueError(
                f"ids run from {ids.min():g} to {ids.max():g}; expected whole numbers from 0 to "
                f"{self.input_dim - 1}: encode the text with the vocabulary of this table"
            )
        return super().forward(ids, training)

    __call__ = forward

    def _start(self, input_shape, rng):
        return [rng.uniform(-0.05, 0.05, (self.input_dim, self.output_dim))]

    def _forward(self, x):
        return self.variables[0][self._ids]

    def _backward(self, upstream):
        check_shape("upstream", upstream, (*self._ids.shape, self.output_dim))
        table = np.zeros_like(self.variables[0])
        np.add.at(table, self._ids, upstream)
        self.gradients = [table]
        return np.zeros(self._ids.shape, self.dtype)


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


class _Normalization(Layer):
    """Gives numbers mean 0 and variance 1, and then a scale and a shift that are learned."""

    def __init__(self, epsilon, dtype):
        super().__init__(dtype)
        check_positive("epsilon", epsilon)
        self.epsilon = float(epsilon)

    def _start(self, input_shape, rng):
        if len(input_shape) < 2 or input_shape[-1] == 0:
            raise ValueError(
                f"x has shape {tuple(input_shape)}; expected (batch, ..., features): normalize "
                "arrays with one row per example"
            )
        return [np.ones(input_shape[-1]), np.zeros(input_shape[-1])]

    def _check_features(self, x):
        check_shape("x", x, (*[None] * (x.ndim - 1), len(self.variables[0])))

    def _scaled(self, x, mean, variance, axes):
        """gamma x_hat + beta; axes are those of the statistics, or () if they are constants."""
        gamma, beta = self.variables[:2]
        self._axes = axes
        self._deviation = np.sqrt(variance + self.epsilon)
        self._x_hat = (x - mean) / self._deviation
        return gamma * self._x_hat + beta

    def _backward(self, upstream):
        check_same_shape("upstream", upstream, "the output", self._x_hat)
        examples = tuple(range(upstream.ndim - 1))
        dgamma = (upstream * self._x_hat).sum(axis=examples)
        self.gradients = [dgamma, upstream.sum(axis=examples)]
        slope = upstream * self.variables[0]
        if self._axes:
            mean = slope.mean(axis=self._axes, keepdims=True)
            along = (slope * self._x_hat).mean(axis=self._axes, keepdims=True)
            slope = slope - mean - self._x_hat * along
        return slope / self._deviation


class BatchNormalization(_Normalization):
    """Batch normalization: each feature, over the examples of a batch.

    In training, with the mean and the variance of the batch (and of all positions of an image),

        x_hat = (x - mean) / sqrt(variance + epsilon),    y = gamma x_hat + beta,

    and each ``forward`` moves ``moving_mean`` and ``moving_variance`` towards those of the batch:

        moving = momentum moving + (1 - momentum) batch.

    Otherwise these stand in for the batch's. The way back goes through mean and variance too:
    with g = gamma dL/dy and m numbers of a feature in the batch,

        dL/dx = (g - sum(g) / m - x_hat sum(g x_hat) / m) / sqrt(variance + epsilon),
        dL/dgamma = sum(dL/dy x_hat),    dL/dbeta = sum(dL/dy).

    ``variables`` are gamma, beta, moving_mean, moving_variance; the first two are trained.

    Args:
        momentum: 0 or more and below 1: how much of the moving statistics stays.
        epsilon: above 0, added to the variance.
        dtype: of the weights.

    Raises:
        ValueError: momentum or epsilon out of range; an input without examples and features.

    Source: Ioffe and Szegedy (2015), arXiv:1502.03167.

    Example:
        >>> layer = BatchNormalization(momentum=0.5)
        >>> layer([[1.0], [5.0]], training=True).round(2), layer.variables[2]
        (array([[-1.],
               [ 1.]], dtype=float32), array([1.5], dtype=float32))
    """

    def __init__(
        self, momentum: float = 0.99, epsilon: float = 1e-3, dtype: str = "float32"
    ) -> None:
        super().__init__(epsilon, dtype)
        check_fraction("momentum", momentum)
        self.momentum = float(momentum)

    @property
    def trainable_variables(self) -> list[np.ndarray]:
        """List of gamma and beta."""
        return self.variables[:2]

    def _start(self, input_shape, rng):
        features = input_shape[-1:]
        return [*super()._start(input_shape, rng), np.zeros(features), np.ones(features)]

    def _forward(self, x):
        self._check_features(x)
        if not self._training:
            moving_mean, moving_variance = self.variables[2:]
            return self._scaled(x, moving_mean, moving_variance, axes=())
        axes = tuple(range(x.ndim - 1))
        if x.size == 0:
            raise ValueError(
                f"x has shape {x.shape}; expected at least one example: a batch has no mean without"
            )
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        for moving, of_batch in zip(self.variables[2:], (mean, variance), strict=True):
            moving *= self.momentum
            moving += (1 - self.momentum) * of_batch
        return self._scaled(x, mean, variance, axes=axes)


class LayerNormalization(_Normalization):
    """Layer normalization: each example, and each position of a sequence, over its features.

    With the mean and the variance over the last axis, in training and afterwards,

        x_hat = (x - mean) / sqrt(variance + epsilon),    y = gamma x_hat + beta.

    The way back is that of ``BatchNormalization``, its means over the last axis too.
    ``variables`` are gamma and beta.

    Args:
        epsilon: above 0, added to the variance.
        dtype: of the weights.

    Raises:
        ValueError: epsilon out of range; an input without examples and features.

    Source: Ba, Kiros and Hinton (2016), arXiv:1607.06450.

    Example:
        >>> LayerNormalization()([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]).round(2)
        array([[-1.22,  0.  ,  1.22],
               [-1.22,  0.  ,  1.22]], dtype=float32)
    """

    def __init__(self, epsilon: float = 1e-3, dtype: str = "float32") -> None:
        super().__init__(epsilon, dtype)

    def _forward(self, x):
        self._check_features(x)
        mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return self._scaled(x, mean, variance, axes=(-1,))


class Residual(Layer):
    """A shortcut around some layers: y = x + F(x), F being the layers one after the other.

    The way back is a sum as well: dL/dx = dL/dy + what comes back through the layers.

    Args:
        layers: list of layers; the last puts out the shape that the first takes in.
        dtype: of all of them.

    Raises:
        ValueError: no list of layers, or they change the shape.

    Source: He, Zhang, Ren and Sun (2015), arXiv:1512.03385.

    Example:
        >>> block = Residual([Activation("relu")])
        >>> block([[-1.0, 2.0]]), block.backward([[1.0, 1.0]])
        (array([[-1.,  4.]], dtype=float32), array([[1., 2.]], dtype=float32))
    """

    def __init__(self, layers: Sequence[Layer], dtype: str = "float32") -> None:
        super().__init__(dtype)
        is_list = isinstance(layers, (list, tuple))
        if not is_list or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(
                f"layers is {layers!r}; expected a list of layers, e.g. [layers.Dense(32)]"
            )
        self.layers = list(layers)

    def build(self, input_shape: Sequence[int], rng: np.random.Generator) -> None:
        """Make the weights of all layers, as for ``Layer``; refuse layers that change the shape."""
        x = np.zeros((1, *input_shape[1:]), self.dtype)
        for layer in self.layers:
            layer.dtype = self.dtype
            layer.build(x.shape, rng)
            x = layer.forward(x)
        if x.shape[1:] != tuple(input_shape[1:]):
            raise ValueError(
                f"the layers make {x.shape[1:]} of {tuple(input_shape[1:])}; expected one shape, "
                "or input and output could not be added: change the last layer"
            )
        self.variables = [variable for layer in self.layers for variable in layer.variables]
        self.built = True

    @property
    def trainable_variables(self) -> list[np.ndarray]:
        """List of the weights of all layers that have a gradient."""
        return [variable for layer in self.layers for variable in layer.trainable_variables]

    def _forward(self, x):
        y = x
        for layer in self.layers:
            y = layer.forward(y, self._training)
        return x + y

    def _backward(self, upstream):
        back = upstream
        for layer in reversed(self.layers):
            back = layer.backward(back)
        self.gradients = [gradient for layer in self.layers for gradient in layer.gradients]
        return upstream + back
