"""A multilayer perceptron in plain Python loops: how slow it is that nothing else helps."""

import math

Layers = list[tuple[list[list[float]], list[float]]]


def dense(inputs: list[float], kernel: list[list[float]], bias: list[float]) -> list[float]:
    """Outputs of a dense layer for one image: lists of numbers, b_j + sum_i x_i W_ij.

    Example:
        >>> dense([1.0, 2.0], [[1.0, 0.0], [0.5, 3.0]], [0.0, 1.0])
        [2.0, 7.0]
    """
    outputs = list(bias)
    for value, row in zip(inputs, kernel, strict=True):
        for j, weight in enumerate(row):
            outputs[j] += value * weight
    return outputs


def train_step(
    layers: Layers, images: list[list[float]], labels: list[int], learning_rate: float
) -> None:
    """One step of gradient descent on the mean cross-entropy of a softmax, in place.

    Args:
        layers: list of (kernel, bias) as lists of Python floats; ReLU between the layers.
        images: list of lists of pixels.
        labels: list of whole numbers, the classes.
        learning_rate: of the step.

    Example:
        >>> layers = [([[0.0, 0.0]], [0.0, 0.0])]
        >>> train_step(layers, [[1.0]], [1], 1.0)
        >>> layers
        [([[-0.5, 0.5]], [-0.5, 0.5])]
    """
    totals = [([[0.0] * len(bias) for _ in kernel], [0.0] * len(bias)) for kernel, bias in layers]
    for image, label in zip(images, labels, strict=True):
        _add_gradient(totals, layers, image, label)
    rate = learning_rate / len(images)
    for (kernel, bias), (kernel_sum, bias_sum) in zip(layers, totals, strict=True):
        for row, slopes in zip([*kernel, bias], [*kernel_sum, bias_sum], strict=True):
            row[:] = [weight - rate * slope for weight, slope in zip(row, slopes, strict=True)]


def _add_gradient(totals, layers, image, label):
    """Add the gradient for one image: forward, then back through the layers."""
    inputs = [list(image)]  # of each layer
    for kernel, bias in layers[:-1]:
        inputs.append([max(z, 0.0) for z in dense(inputs[-1], kernel, bias)])
    logits = dense(inputs[-1], *layers[-1])
    powers = [math.exp(z - max(logits)) for z in logits]
    deltas = [p / sum(powers) - (j == label) for j, p in enumerate(powers)]
    for index in range(len(layers) - 1, -1, -1):
        kernel_sum, bias_sum = totals[index]
        for value, row in zip(inputs[index], kernel_sum, strict=True):
            for j, delta in enumerate(deltas):
                row[j] += value * delta
        bias_sum[:] = [b + delta for b, delta in zip(bias_sum, deltas, strict=True)]
        if index:
            below = [
                sum(w * delta for w, delta in zip(row, deltas, strict=True))
                for row in layers[index][0]
            ]
            signs = zip(inputs[index], below, strict=True)
            deltas = [slope if value > 0 else 0.0 for value, slope in signs]
