"""Looking inside a trained network: arrays out, no pictures."""

import keras
import numpy as np


def feature_maps(model, x, layer_name):
    """Output of one layer for a batch of inputs.

    Args:
        model: a built ``keras.Model`` of one input.
        x: inputs, shape ``(batch, ...)`` as the model takes them.
        layer_name: name of the layer, as ``model.summary()`` shows it.

    Returns:
        np.ndarray: the layer's output, shape ``(batch, ...)``; for a convolution
        ``(batch, height, width, filters)``.

    Raises:
        ValueError: the model has no layer of that name.
    """
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise ValueError(f"the model has no layer {layer_name!r}; it has {names}")
    (entrance,) = model.inputs
    inner = keras.Model(entrance, model.get_layer(layer_name).output)
    return keras.ops.convert_to_numpy(inner(np.asarray(x), training=False))


def occlusion(model, image, target, *, patch_size=6, fill=0.0):
    """How far the probability of a class falls when a patch of the image is covered.

    For every position of a square patch, cover it with ``fill`` and predict again. A pixel's
    importance is the mean fall of p(target) over the patches that cover it:

        importance(i, j) = mean over patches P containing (i, j) of  p(image) - p(image without P)

    Args:
        model: a model from ``(batch, height, width, channels)`` to logits.
        image: shape ``(height, width, channels)``.
        target: the class whose probability is watched.
        patch_size: side of the patch, in pixels.
        fill: value that covers it, e.g. the background's.

    Returns:
        float array of shape ``(height, width)``; above zero where covering hurts the class.

    Raises:
        ValueError: not one image, or a patch that does not fit in it.

    Source: Zeiler and Fergus (2014), section 4.2, arXiv:1311.2901.
    """
    image = np.asarray(image, dtype="float32")
    if image.ndim != 3:
        raise ValueError(f"image has shape {image.shape}; expected (height, width, channels)")
    height, width = image.shape[:2]
    if not 1 <= patch_size <= min(height, width):
        raise ValueError(f"patch_size is {patch_size}; expected 1 to {min(height, width)}")
    corners = [
        (top, left)
        for top in range(height - patch_size + 1)
        for left in range(width - patch_size + 1)
    ]
    covered = np.repeat(image[None], len(corners) + 1, axis=0)
    for index, (top, left) in enumerate(corners):
        covered[index, top : top + patch_size, left : left + patch_size] = fill
    logits = model.predict(covered, batch_size=256, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, target]
    total, visits = np.zeros((height, width)), np.zeros((height, width))
    for (top, left), fall in zip(corners, probabilities[-1] - probabilities[:-1], strict=True):
        total[top : top + patch_size, left : left + patch_size] += fall
        visits[top : top + patch_size, left : left + patch_size] += 1
    return total / visits
