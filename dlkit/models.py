"""Uncompiled Keras models of the course: logits out, no printing, no seeding."""

from collections.abc import Callable, Sequence

import keras
from keras import layers


def _check(input_shape, num_classes, rank, form):
    if len(tuple(input_shape)) != rank and rank is not None:
        raise ValueError(
            f"input_shape is {tuple(input_shape)}; expected {form}, without the batch dimension"
        )
    if not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(f"num_classes is {num_classes!r}; expected an int of 2 or more")


def _check_filters(filters):
    if not filters or any(not isinstance(count, int) or count < 1 for count in filters):
        raise ValueError(f"filters is {filters!r}; expected whole numbers of 1 or more: (16, 32)")


def _check_side(input_shape, needed, reason):
    if min(input_shape[:2]) < needed:
        raise ValueError(
            f"input_shape is {tuple(input_shape)}; {reason} need images of at least {needed} by "
            f"{needed} pixels"
        )


def mlp(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    units: Sequence[int] = (128,),
    activation: str | Callable = "relu",
    dropout_rate: float = 0.0,
) -> keras.Model:
    """Multilayer perceptron: flatten, hidden dense layers, one logit per class.

    h_0 = flatten(x);  h_k = activation(h_{k-1} W_k + b_k);  logits = h_K W + b

    Args:
        input_shape: shape of one example, e.g. ``(28, 28)``. Inputs are float, best in [0, 1].
        num_classes: number of logits, 2 or more.
        units: width of each hidden layer, first to last; ``()`` gives softmax regression.
        activation: name of a Keras activation, or a function.
        dropout_rate: fraction of each hidden layer's outputs dropped in training, in [0, 1).

    Returns:
        An uncompiled ``keras.Model`` from ``(batch, *input_shape)`` to ``(batch, num_classes)``
        logits: train it with a loss that has ``from_logits=True``.

    Raises:
        ValueError: a width below 1, a dropout rate outside [0, 1), fewer than two classes.

    Source: Rumelhart, Hinton and Williams (1986), doi:10.1038/323533a0.

    Example:
        >>> mlp((28, 28), 10, units=(128,)).count_params()  # 784*128 + 128 + 128*10 + 10
        101770
    """
    _check(input_shape, num_classes, None, "the shape of one example")
    if isinstance(units, int):
        raise ValueError(f"units is {units}; expected one width per hidden layer: ({units},)")
    if any(not isinstance(width, int) or width < 1 for width in units):
        raise ValueError(
            f"units is {units!r}; expected whole numbers of 1 or more, e.g. (256, 128)"
        )
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; expected 0 <= dropout_rate < 1")
    model = keras.Sequential([keras.Input(input_shape), layers.Flatten()], name="mlp")
    for width in units:
        model.add(layers.Dense(width, activation=activation))
        if dropout_rate:
            model.add(layers.Dropout(dropout_rate))
    model.add(layers.Dense(num_classes, name="logits"))
    return model


def convnet(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    first_strides: int = 2,
) -> keras.Model:
    """Small convolutional network: convolution, batch normalisation, ReLU, three times.

    The first convolution is 5 by 5 and strided, so that the later ones work on a quarter of the
    positions; the others are 3 by 3, each followed by 2 by 2 max pooling. Convolutions have no
    bias: the normalisation that follows would cancel it. Its moving averages have a momentum of
    0.9, so that they are right after a hundred steps (Keras's 0.99 needs a thousand).

    Args:
        input_shape: ``(height, width, channels)`` of one image, at least 12 by 12.
        num_classes: number of logits, 2 or more.
        filters: number of filters of each convolution, first to last.
        first_strides: strides of the first convolution, 1 or more.

    Returns:
        An uncompiled ``keras.Model`` from ``(batch, height, width, channels)`` to
        ``(batch, num_classes)`` logits.

    Raises:
        ValueError: not an image shape, an image too small for the pooling, fewer than two
            classes, no filters.

    Sources: LeCun, Bottou, Bengio and Haffner (1998), doi:10.1109/5.726791; Ioffe and Szegedy
    (2015), arXiv:1502.03167.

    Example:
        >>> convnet((28, 28, 1), 10).count_params()
        29658
    """
    _check(input_shape, num_classes, 3, "(height, width, channels)")
    _check_filters(filters)
    needed = first_strides * 2 ** (len(filters) - 1)
    _check_side(input_shape, needed, f"{len(filters)} convolutions, which shrink them,")
    model = keras.Sequential([keras.Input(input_shape)], name="convnet")
    for index, count in enumerate(filters):
        first = index == 0
        size, strides = (5, first_strides) if first else (3, 1)
        model.add(layers.Conv2D(count, size, strides=strides, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        if not first:
            model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(num_classes, name="logits"))
    return model


def lenet(
    input_shape: Sequence[int], num_classes: int, *, activation: str | Callable = "relu"
) -> keras.Model:
    """The classic LeNet-5 in its usual modern form: two 5 by 5 convolutions, three dense layers.

    6 filters of 5 by 5, 2 by 2 max pooling, 16 filters of 5 by 5, 2 by 2 max pooling, then dense
    layers of 120 and 84 units and one logit per class. The original averages where this takes the
    maximum, and joins its layers only in part.

    Args:
        input_shape: ``(height, width, channels)`` of one image, at least 16 by 16. Inputs are
            float, best in [-1, 1].
        num_classes: number of logits, 2 or more.
        activation: name of a Keras activation, or a function; the original's is ``"tanh"``.

    Returns:
        An uncompiled ``keras.Model`` from ``(batch, height, width, channels)`` to
        ``(batch, num_classes)`` logits.

    Raises:
        ValueError: not an image shape, an image too small, fewer than two classes.

    Source: LeCun, Bottou, Bengio and Haffner (1998), doi:10.1109/5.726791, section II.B.

    Example:
        >>> lenet((32, 32, 3), 10).count_params()
        62006
    """
    _check(input_shape, num_classes, 3, "(height, width, channels)")
    _check_side(input_shape, 16, "the two convolutions and poolings")
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(6, 5, activation=activation),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation=activation),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation=activation),
            layers.Dense(84, activation=activation),
            layers.Dense(num_classes, name="logits"),
        ],
        name="lenet",
    )


def resnet(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    filters: Sequence[int] = (24, 48, 96),
    shortcuts: bool = True,
) -> keras.Model:
    """Small residual network: 3 by 3 convolutions, each with batch normalisation.

    A stage is a convolution that is pooled, and then a block of two convolutions with a shortcut
    around them; the first stage has no block, because it would cost most and gives least:

        h = ReLU(BN(maxpool(conv(x))));  y = ReLU(h + F(h)),  F = BN(conv(ReLU(BN(conv(h)))))

    Pooling comes before the normalisation: a quarter of the numbers remain to be normalised. The
    maps of the last stage are averaged over all places, and a dense layer reads the averages.

    Args:
        input_shape: ``(height, width, channels)`` of one image, at least ``2**len(filters)`` on
            each side. Inputs are float, best in [-1, 1].
        num_classes: number of logits, 2 or more.
        filters: filters of each stage, first to last.
        shortcuts: False leaves the shortcuts out, y = ReLU(F(h)): the plain network with exactly
            as many parameters.

    Returns:
        An uncompiled ``keras.Model`` from ``(batch, height, width, channels)`` to
        ``(batch, num_classes)`` logits. Its last feature maps are the layer ``"maps"``.

    Raises:
        ValueError: not an image shape, an image too small, fewer than two classes, no filters.

    Source: He, Zhang, Ren and Sun (2016), arXiv:1512.03385, section 3.

    Example:
        >>> resnet((32, 32, 3), 10).count_params()
        262642
    """
    _check(input_shape, num_classes, 3, "(height, width, channels)")
    _check_filters(filters)
    _check_side(input_shape, 2 ** len(filters), f"{len(filters)} poolings")

    def convolution(x, count):
        return layers.Conv2D(count, 3, padding="same", use_bias=False)(x)

    def normalization(x):
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = x = keras.Input(input_shape)
    for stage, count in enumerate(filters):
        x = layers.MaxPooling2D()(convolution(x, count))
        x = layers.ReLU()(normalization(x))
        if stage:
            inner = layers.ReLU()(normalization(convolution(x, count)))
            inner = normalization(convolution(inner, count))
            x = layers.ReLU()(layers.Add()([x, inner]) if shortcuts else inner)
    x = layers.Identity(name="maps")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(x), name="resnet")
