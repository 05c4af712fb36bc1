"""Looking inside a trained network: arrays out, no pictures."""

import importlib

import keras
import numpy as np
from numpy.typing import ArrayLike

BATCH = 100  # images at a time, so that the memory needed does not grow with their number


def feature_maps(model: keras.Model, x: ArrayLike, layer_name: str) -> np.ndarray:
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
    (entrance,) = model.inputs
    inner = keras.Model(entrance, _layer(model, layer_name).output)
    return keras.ops.convert_to_numpy(inner(np.asarray(x), training=False))


def occlusion(
    model: keras.Model, image: ArrayLike, target: int, *, patch_size: int = 6, fill: float = 0.0
) -> np.ndarray:
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


def saliency(model: keras.Model, images: ArrayLike, targets: ArrayLike) -> np.ndarray:
    """How much each pixel, changed a little, would change the score of a class.

    With S the logit of the target and I the image:

        saliency(i, j) = max over channels c of  | dS / dI(i, j, c) |

    Args:
        model: a model from ``(batch, height, width, channels)`` to logits ``(batch, classes)``.
        images: shape ``(batch, height, width, channels)``, as the model takes them.
        targets: the class watched in each image, ints of shape ``(batch,)``.

    Returns:
        float32 array of shape ``(batch, height, width)``, 0 or more.

    Raises:
        ValueError: no batch of images, targets that do not fit, or no logits.

    Source: Simonyan, Vedaldi and Zisserman (2014), section 3, arXiv:1312.6034.

    Example:
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        >>> saliency(model, np.zeros((1, 2, 2, 1)), [3])  # logit 3 is the last pixel
        array([[[0., 0.],
                [0., 1.]]], dtype=float32)
    """
    images, targets = _checked(model, images, targets)

    def forward(x, added):
        entered = x + added
        return entered, model(entered, training=False)

    slopes = [
        _slopes(forward, images[part], _logits_of(targets[part]))[1] for part in _parts(images)
    ]
    return np.abs(np.concatenate(slopes)).max(axis=-1)


def grad_cam(
    model: keras.Model, images: ArrayLike, targets: ArrayLike, layer_name: str
) -> np.ndarray:
    """Where a layer finds what speaks for a class: its feature maps, weighted and added up.

    With A_k the K feature maps of the layer, S the logit of the target, and a mean over all
    places of a map:

        weight_k = mean over (i, j) of  dS / dA_k(i, j)
        cam(i, j) = max(0, sum over k of  weight_k A_k(i, j))

    Args:
        model: a model from ``(batch, height, width, channels)`` to logits ``(batch, classes)``.
        images: shape ``(batch, height, width, channels)``, as the model takes them.
        targets: the class watched in each image, ints of shape ``(batch,)``.
        layer_name: a layer whose output has shape ``(batch, rows, columns, K)``, usually the
            last one of that kind.

    Returns:
        float32 array of shape ``(batch, height, width)``, 0 or more: the map of rows by columns,
        enlarged to the image by bilinear interpolation.

    Raises:
        ValueError: no batch of images, targets that do not fit, no logits, no such layer, a
            layer without feature maps, or one that the logits do not depend on.

    Source: Selvaraju and others (2017), section 3, arXiv:1610.02391.

    Example:
        >>> maps, pool = keras.layers.ReLU(name="maps"), keras.layers.GlobalAveragePooling2D()
        >>> model = keras.Sequential([keras.Input((2, 2, 2)), maps, pool])
        >>> image = np.array([[[[8.0, 1.0], [0.0, 1.0]], [[4.0, 1.0], [0.0, 1.0]]]])
        >>> grad_cam(model, image, [0], "maps")  # logit 0 is the mean of map 0
        array([[[2., 0.],
                [1., 0.]]], dtype=float32)
    """
    layer = _layer(model, layer_name)
    images, targets = _checked(model, images, targets)
    cams = []
    for part in _parts(images):
        found = _slopes(
            lambda x, added: _seen_in_passing(model, layer, x, added),
            images[part],
            _logits_of(targets[part]),
        )
        if found is None:
            raise ValueError(f"the logits do not depend on the layer {layer_name!r}: name another")
        maps, slopes = found
        if maps.ndim != 4:
            raise ValueError(
                f"the layer {layer_name!r} puts out the shape {maps.shape}; expected feature maps "
                "(batch, rows, columns, K): name a convolution, or what follows it"
            )
        weights = slopes.mean(axis=(1, 2), keepdims=True)
        cams.append(np.maximum((weights * maps).sum(axis=-1, keepdims=True), 0))
    cam = keras.ops.image.resize(
        np.concatenate(cams), images.shape[1:3], data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(cam)[..., 0]


def input_gradient(
    model: keras.Model | keras.layers.Layer, x: ArrayLike, weights: ArrayLike
) -> np.ndarray:
    """The gradient, at the inputs, of a weighted sum of everything that a model puts out.

    With y = model(x) and r the weights:

        gradient = dS / dx,   S = sum over all entries of  r * y

    Args:
        model: a built model or layer of one input and one output.
        x: inputs, shape ``(batch, ...)`` as the model takes them; real numbers.
        weights: r, of the shape of the model's output, or one that broadcasts to it.

    Returns:
        float32 array of the shape of ``x``.

    Raises:
        ValueError: weights that do not fit the output, or an output that does not depend on x.

    Source: Baydin and others (2018), section 3.2, arXiv:1502.05767: one pass back gives them all.

    Example:
        >>> input_gradient(keras.layers.ReLU(), [[-1.0, 2.0]], [[5.0, 7.0]])
        array([[0., 7.]], dtype=float32)
    """
    x, weights = np.asarray(x, dtype="float32"), np.asarray(weights, dtype="float32")

    def forward(entered, added):
        entered = entered + added
        y = model(entered, training=False)
        try:
            fits = np.broadcast_shapes(weights.shape, y.shape) == tuple(y.shape)
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"weights have the shape {weights.shape}; expected {tuple(y.shape)}, that of the "
                "output: give one weight to each entry"
            )
        return entered, y

    found = _slopes(forward, x, lambda y: keras.ops.sum(keras.ops.multiply(y, weights)))
    if found is None:
        raise ValueError("the output does not depend on x: is it the model you mean?")
    return found[1]


def _layer(model, name):
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"the model has no layer {name!r}; it has {names}")
    return model.get_layer(name)


def _checked(
    model: keras.Model, images: ArrayLike, targets: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Images as float32 and targets as ints, if they fit the model and each other."""
    images, targets = np.asarray(images, dtype="float32"), np.asarray(targets)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"images has shape {images.shape}; expected (batch, height, width, channels): for a "
            "single image pass image[None]"
        )
    shape = tuple(model.outputs[0].shape)
    if len(shape) != 2:
        raise ValueError(f"the model puts out the shape {shape}; expected logits (batch, classes)")
    if targets.shape != (len(images),) or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(
            f"targets has shape {targets.shape} and type {targets.dtype}; expected one class "
            f"number for each of the {len(images)} images"
        )
    if targets.min() < 0 or targets.max() >= shape[1]:
        raise ValueError(
            f"targets runs from {targets.min()} to {targets.max()}; expected 0 to {shape[1] - 1}"
        )
    return images, targets.astype(np.int64)


def _parts(images):
    return [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]


def _seen_in_passing(model, layer, x, added):
    """The layer's output, with ``added`` to it, and the logits, of one pass.

    A model made of ``layer.output`` and the model's output would be simpler, but a layer that
    was called before, as ``Sequential.add`` does, gives the output of that other call.
    """
    seen, call = [], layer.call

    def watched(*args, **kwargs):
        seen.append(call(*args, **kwargs) + added)
        return seen[-1]

    layer.call = watched
    try:
        logits = model(x, training=False)
    finally:
        del layer.call  # the class's own is there again
    return (seen or [None])[-1], logits


def _logits_of(targets):
    """The function of logits ``(batch, classes)`` that adds up those of the targets."""

    def score(logits):
        chosen = keras.ops.take_along_axis(logits, keras.ops.expand_dims(targets, 1), axis=1)
        return keras.ops.sum(chosen)

    return score


def _slopes(forward, inputs, score):
    """(values, slopes) with (values, outputs) = forward(inputs, added).

    The slopes are d score(outputs) / d values. ``added`` is added to the values; 0 leaves them as
    they are. None if the outputs do not depend on the values; JAX cannot tell that, and gives
    slopes of 0.
    """
    backend = keras.backend.backend()
    x = keras.ops.convert_to_tensor(inputs)

    if backend == "tensorflow":
        tf = importlib.import_module("tensorflow")
        with tf.GradientTape() as tape:
            tape.watch(x)
            values, logits = forward(x, 0.0)
            total = score(logits)
        slopes = None if values is None else tape.gradient(total, values)
    elif backend == "torch":
        torch = importlib.import_module("torch")
        values, logits = forward(x.requires_grad_(), 0.0)
        slopes = None
        if values is not None and values.requires_grad:
            (slopes,) = torch.autograd.grad(score(logits), values, allow_unused=True)
    else:
        jax = importlib.import_module("jax")
        values, _ = forward(x, 0.0)
        slopes = None
        if values is not None:
            slopes = jax.grad(lambda added: score(forward(x, added)[1]))(0 * values)
    if slopes is None:
        return None
    return keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(slopes)
