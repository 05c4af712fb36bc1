"""A model that is a list of layers, and its training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch import losses
from dlkit.scratch._checks import as_float, check_dtype, check_same_shape, check_whole

if TYPE_CHECKING:
    from dlkit.scratch.layers import Layer
    from dlkit.scratch.optimizers import Optimizer


class Sequential:
    """Layers one after the other: what one puts out, the next takes in.

    Args:
        layers: list of layers from ``dlkit.scratch.layers``; the last puts out logits, or
            numbers, without an activation.
        seed: of the first weights and of the order of examples in training.
        dtype: of all layers, "float32" or "float64".

    Example:
        >>> from dlkit.scratch import layers, optimizers
        >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = np.array([0, 1, 1, 0])
        >>> model = Sequential([layers.Dense(8, activation="tanh"), layers.Dense(2)])
        >>> history = model.fit(x, y, optimizer=optimizers.Adam(0.1), epochs=100)
        >>> model.predict(x).argmax(axis=1)
        array([0, 1, 1, 0])

    Raises:
        ValueError: no list of layers, a negative seed, another dtype.
    """

    def __init__(self, layers: Sequence[Layer], seed: int = 0, dtype: str = "float32") -> None:
        is_list = isinstance(layers, (list, tuple))
        if not is_list or not all(hasattr(layer, "forward") for layer in layers):
            raise ValueError(
                f"layers is {layers!r}; expected a list of layers, e.g. [layers.Dense(10)]"
            )
        self.layers = list(layers)
        self.dtype = check_dtype(dtype)
        self.rng = np.random.default_rng(check_whole("seed", seed, minimum=0))
        for layer in self.layers:
            layer.dtype = self.dtype

    def forward(self, x: ArrayLike, training: bool = False) -> np.ndarray:
        """Output for a batch; builds the layers that are not built yet.

        Args:
            x: inputs, ``(batch, ...)``.
            training: whether this is a step of training; ``BatchNormalization`` asks.
        """
        x = as_float(x).astype(self.dtype, copy=False)
        for layer in self.layers:
            if not layer.built:
                layer.build(x.shape, self.rng)
            x = layer.forward(x, training)
        return x

    __call__ = forward

    def backward(self, upstream: ArrayLike) -> np.ndarray:
        """Gradient with respect to the input; fills ``gradients`` of the layers.

        Args:
            upstream: gradient of the loss with respect to the output of the last ``forward``.
        """
        upstream = as_float(upstream).astype(self.dtype, copy=False)
        for layer in reversed(self.layers):
            upstream = layer.backward(upstream)
        return upstream

    @property
    def variables(self) -> list[np.ndarray]:
        """List of all weights, in the order of Keras's ``get_weights``."""
        return [variable for layer in self.layers for variable in layer.variables]

    @property
    def trainable_variables(self) -> list[np.ndarray]:
        """List of the weights that have a gradient: not the moving statistics."""
        return [variable for layer in self.layers for variable in layer.trainable_variables]

    @property
    def gradients(self) -> list[np.ndarray]:
        """List of the gradients of ``trainable_variables``, after ``backward``."""
        return [gradient for layer in self.layers for gradient in layer.gradients]

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the weights for batches of this shape, e.g. ``(1, 784)``, without training."""
        self.forward(np.zeros((1, *input_shape[1:])))

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights."""
        return [variable.copy() for variable in self.variables]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy weights into the model, e.g. those of ``get_weights`` of the same model in Keras.

        Raises:
            ValueError: the model is not built, or the shapes do not fit.
        """
        if not all(layer.built for layer in self.layers):
            raise ValueError("the model has no weights yet: call build(input_shape) first")
        if len(weights) != len(self.variables):
            raise ValueError(f"got {len(weights)} arrays; expected {len(self.variables)}")
        for index, (variable, weight) in enumerate(zip(self.variables, weights, strict=True)):
            check_same_shape(f"weight {index}", weight, "the model's", variable)
            variable[...] = weight

    def predict(self, x: ArrayLike, batch_size: int | None = None) -> np.ndarray:
        """Output for many examples.

        Args:
            x: inputs, ``(examples, ...)``.
            batch_size: how many at a time, to save memory; None: all at once.

        Raises:
            ValueError: a batch size below 1.
        """
        x = np.asarray(x)
        if batch_size is None:
            batch_size = max(len(x), 1)
        check_whole("batch_size", batch_size)
        starts = range(0, max(len(x), 1), batch_size)
        return np.concatenate([self.forward(x[start : start + batch_size]) for start in starts])

    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        loss: Callable,
        loss_gradient: Callable,
        optimizer: Optimizer,
    ) -> float:
        """One step of training: forward, backward, update.

        Args:
            x: inputs, ``(batch, ...)``.
            y: targets, as the loss wants them.
            loss: function of y and the model's output, one value per example.
            loss_gradient: gradient of its mean with respect to the output.
            optimizer: one of ``dlkit.scratch.optimizers``.

        Returns:
            Mean loss of the batch before the update, a float.
        """
        y_pred = self.forward(x, training=True)
        self.backward(loss_gradient(y, y_pred))
        optimizer.apply(self.gradients, self.trainable_variables)
        return float(loss(y, y_pred).mean())

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        loss: str = "sparse_categorical_crossentropy",
        optimizer: Optimizer,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        verbose: int = 0,
    ) -> dict[str, list[float]]:
        """Train: go through the examples in a new order each epoch, a batch at a time.

        Args:
            x: inputs, ``(examples, ...)``.
            y: targets, as the loss wants them.
            loss: name in ``losses.NAMES``; cross-entropies are computed from logits.
            optimizer: one of ``dlkit.scratch.optimizers``.
            epochs: how often to go through all examples.
            batch_size: examples per step; the last batch of an epoch may be smaller.
            validation_data: ``(x_val, y_val)``, looked at after each epoch, or None.
            verbose: 1 prints a line per epoch.

        Returns:
            Dict from names to one number per epoch: "loss", the mean while training, and with
            validation data "val_loss" and, for a cross-entropy, "val_accuracy".

        Raises:
            ValueError: unequal numbers of inputs and targets, or none; an unknown loss; no
                optimizer; a batch size below 1; epochs below 0; no pair of validation data.
        """
        x, y = as_float(x).astype(self.dtype, copy=False), np.asarray(y)
        if not (x.ndim and y.ndim):
            raise ValueError("x or y is a single number; expected arrays with a row per example")
        if len(x) != len(y) or not len(x):
            raise ValueError(f"x has {len(x)} examples and y {len(y)}; expected one y for each x")
        check_whole("batch_size", batch_size)
        check_whole("epochs", epochs, minimum=0)
        if not hasattr(optimizer, "apply"):
            raise ValueError(
                f"optimizer is {optimizer!r}; expected an object such as optimizers.Adam()"
            )
        if validation_data is not None and len(validation_data) != 2:
            raise ValueError(
                f"validation_data has {len(validation_data)} parts; expected (x_val, y_val)"
            )
        loss_functions = loss_of_logits(loss)
        history: dict[str, list[float]] = {"loss": []}
        for epoch in range(epochs):
            order, total = self.rng.permutation(len(x)), 0.0
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                batch_loss = self.train_on_batch(x[batch], y[batch], *loss_functions, optimizer)
                total += batch_loss * len(batch)
            history["loss"].append(total / len(x))
            if validation_data is not None:
                for name, value in self.evaluate(*validation_data, loss=loss).items():
                    history.setdefault("val_" + name, []).append(value)
            if verbose:
                numbers = [f"{name} {values[-1]:.4f}" for name, values in history.items()]
                print(f"epoch {epoch + 1} of {epochs}:", ", ".join(numbers))
        return history

    def evaluate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        loss: str = "sparse_categorical_crossentropy",
        batch_size: int = 1000,
    ) -> dict[str, float]:
        """Mean loss and, for a cross-entropy, accuracy.

        Args:
            x: inputs, ``(examples, ...)``.
            y: targets, as the loss wants them.
            loss: name in ``losses.NAMES``; cross-entropies are computed from logits.
            batch_size: how many at a time.

        Returns:
            Dict: "loss" and perhaps "accuracy".
        """
        y_pred = self.predict(x, batch_size)
        result = {"loss": float(loss_of_logits(loss)[0](y, y_pred).mean())}
        if loss == "sparse_categorical_crossentropy":
            result["accuracy"] = float(np.mean(y_pred.argmax(axis=-1) == y))
        elif loss == "categorical_crossentropy":
            result["accuracy"] = float(np.mean(y_pred.argmax(-1) == np.argmax(y, axis=-1)))
        elif loss == "binary_crossentropy":
            result["accuracy"] = float(np.mean((y_pred > 0) == np.asarray(y, dtype=bool)))
        return result


def loss_of_logits(name: str) -> tuple[Callable, Callable]:
    """Loss and gradient of that name; cross-entropies take logits."""
    loss, loss_gradient = losses.get(name)
    if not name.endswith("crossentropy"):
        return loss, loss_gradient
    return partial(loss, from_logits=True), partial(loss_gradient, from_logits=True)
