"""Gradients that 16 bits cannot hold."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def count_nonzero_gradients(
    model: keras.Model, loss: Callable, x: np.ndarray, y: np.ndarray, weight: float, scale: float
) -> int:
    """How many entries of the gradient are not zero.

    The gradient is that of ``scale * weight * loss``: weight makes the loss small, as if it were
    one of several, and scale is the factor of loss scaling.

    Args:
        model: a Keras model of any dtype policy.
        loss: function of labels and logits.
        x, y: a batch.
        weight, scale: two factors.

    Returns:
        int.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, dtype="float16")])
        >>> x, y, loss = tf.ones((1, 1)), 5 * tf.ones((1, 1)), keras.losses.MeanSquaredError()
        >>> [count_nonzero_gradients(model, loss, x, y, 1e-12, scale) for scale in (1.0, 1e12)]
        [0, 2]
    """
    with tf.GradientTape() as tape:
        value = float(scale) * weight * loss(y, model(x, training=True))
    gradients = tape.gradient(value, model.trainable_variables)
    return sum(int(tf.math.count_nonzero(gradient)) for gradient in gradients)
