"""What all layers share, and the activation as a layer."""

import numpy as np

from dlkit.scratch import activations


class Layer:
    """What all layers share: they are built for their first input, and remember the last.

    Attributes:
        variables: list of weights, in the order of Keras's ``get_weights``.
        gradients: list of their gradients, after ``backward``.
        dtype: of the weights and of what is computed, "float32" or "float64".
    """

    def __init__(self, dtype="float32"):
        self.dtype = dtype
        self.built = False
        self.variables, self.gradients = [], []
        self._input_shape = None

    def build(self, input_shape, rng):
        """Make the weights.

        Args:
            input_shape: shape of a batch; the first number, its size, is not looked at.
            rng: a ``np.random.Generator``.
        """
        weights = self._start(tuple(input_shape), rng)
        self.variables = [weight.astype(self.dtype) for weight in weights]
        self.built = True

    def forward(self, x):
        """Output for a batch; without ``build`` before, weights come from a generator of seed 0."""
        x = np.asarray(x, dtype=self.dtype)
        if not self.built:
            self.build(x.shape, np.random.default_rng(0))
        self._input_shape = x.shape
        return self._forward(x)

    __call__ = forward

    def backward(self, upstream):
        """Gradient with respect to the input; fills ``gradients``.

        Args:
            upstream: gradient of the loss with respect to the output of the last ``forward``.

        Raises:
            ValueError: there was no ``forward`` before.
        """
        if self._input_shape is None:
            raise ValueError("backward needs the input: call forward first")
        return self._backward(np.asarray(upstream, dtype=self.dtype))

    def _start(self, input_shape, rng):
        return []


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

    def __init__(self, name, dtype="float32"):
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
