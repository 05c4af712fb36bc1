"""Uncompiled Keras models of the course: logits out, no printing, no seeding."""

from collections.abc import Callable, Sequence
from typing import Any

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


def _check_whole(name, number, minimum=1):
    if not isinstance(number, int) or isinstance(number, bool) or number < minimum:
        raise ValueError(f"{name} is {number!r}; expected a whole number of {minimum} or more")


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


@keras.saving.register_keras_serializable("dlkit")
class PositionEmbedding(layers.Layer):
    """Adds a learned row to each step: y[:, t] = x[:, t] + table[t].

    Args:
        context: rows of the table, the longest text that can be read, 1 or more.

    Raises:
        ValueError: context is no whole number of 1 or more; on call, a text longer than it.

    Source: Gehring, Auli, Grangier, Yarats and Dauphin (2017), arXiv:1705.03122, section 3.1.

    Example:
        >>> layer = PositionEmbedding(8)
        >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape), layer.count_params()
        ((2, 5, 3), 24)
    """

    def __init__(self, context: int, **options: Any) -> None:
        super().__init__(**options)
        _check_whole("context", context)
        self.context = context

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the table."""
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.table = self.add_weight((self.context, input_shape[-1]), start, name="table")

    def call(self, x: Any) -> Any:
        """Sum of x, ``(batch, time, width)``, and the table's first rows."""
        time = x.shape[1]
        if time is not None and time > self.context:
            raise ValueError(
                f"the text has {time} steps; expected at most {self.context}, the context: give "
                "the model the last ones alone"
            )
        return x + self.table[: keras.ops.shape(x)[1]]

    def compute_output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What ``__init__`` takes."""
        return super().get_config() | {"context": self.context}


@keras.saving.register_keras_serializable("dlkit")
class FusedAttention(layers.Layer):
    """Self-attention after its products with the weights: several heads, and no weights of its own.

    One dense layer before it makes queries Q, keys K and values V side by side, 3 width numbers a
    step; each is cut into heads of size d = width / heads. For each head

        A = softmax(Q K^T / sqrt(d) + M),  y = A V,

    with M[t, s] = minus infinity for s > t and 0 otherwise: a step does not see what comes later.
    (Scores are replaced by -3e4, which every type of float holds and whose softmax is 0.)

    Args:
        heads: 1 or more; must divide the width.
        causal: False leaves M out: every step sees the whole text.
        scaled: False leaves the division by sqrt(d) out.

    Raises:
        ValueError: heads is no whole number of 1 or more, or the input cannot be cut so.

    Source: Vaswani and others (2017), arXiv:1706.03762, section 3.2.

    Example:
        >>> tuple(FusedAttention(2)(keras.ops.zeros((1, 5, 3 * 4))).shape)
        (1, 5, 4)
    """

    def __init__(
        self, heads: int, *, causal: bool = True, scaled: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        _check_whole("heads", heads)
        self.heads, self.causal, self.scaled = heads, causal, scaled

    def build(self, input_shape: Sequence[int]) -> None:
        """No weights; checks that the input can be cut."""
        if len(input_shape) != 3 or input_shape[-1] % (3 * self.heads):
            raise ValueError(
                f"the input has shape {tuple(input_shape)}; expected (batch, time, 3 width) with a "
                f"width that {self.heads} heads divide: put a Dense layer of 3 width before it"
            )

    def call(self, x: Any) -> Any:
        """From ``(batch, time, 3 width)`` to ``(batch, time, width)``."""
        ops = keras.ops
        batch, time = ops.shape(x)[:2]
        width = x.shape[-1] // 3
        size = width // self.heads
        cut = ops.reshape(x, (batch, time, 3, self.heads, size))
        queries, keys, values = ops.unstack(ops.transpose(cut, (2, 0, 3, 1, 4)), axis=0)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        if self.scaled:
            scores = scores * size**-0.5
        if self.causal:
            steps = ops.arange(time)
            scores = ops.where(steps[None, :] <= steps[:, None], scores, -3e4)
        alone = x.shape[1] == 1  # a step sees itself, and Keras would warn of such a softmax
        mixed = values if alone else ops.matmul(ops.softmax(scores), values)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (batch, time, width))

    def compute_output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """A third of the input's width."""
        return (*input_shape[:-1], input_shape[-1] // 3)

    def get_config(self) -> dict[str, Any]:
        """What ``__init__`` takes."""
        own = {"heads": self.heads, "causal": self.causal, "scaled": self.scaled}
        return super().get_config() | own


def small_gpt(
    vocabulary_size: int,
    context: int,
    *,
    depth: int = 2,
    width: int = 128,
    heads: int = 4,
    activation: str | Callable = "gelu",
    dropout_rate: float = 0.0,
    positions: str = "learned",
    causal: bool = True,
    scaled: bool = True,
) -> keras.Model:
    """Small GPT: a decoder-only transformer that predicts each next token from those before it.

    An embedding of tokens and one of positions, then ``depth`` blocks, a last normalisation and a
    dense layer. With layer normalisation before each part and a shortcut around it, a block is

        h = h + attention(norm(h));  h = h + activation(norm(h) W_up) W_down,

    where W_up is four times as wide as h. There are no biases, and the embedding's weights are not
    shared with the last layer. It has

        V w + C w + depth (12 w^2 + 2 w) + w + w V

    parameters, for V tokens, a context C and a width w, and takes depth (12 w^2 + 2 n w) + w V
    multiply-adds a token in a text of n, the masked scores included.

    Args:
        vocabulary_size: number of tokens, 2 or more.
        context: the longest text that it reads, 1 or more.
        depth: number of blocks, 1 or more.
        width: numbers per step, 1 or more; a multiple of ``heads``.
        heads: of the attention, 1 or more.
        activation: name of a Keras activation, or a function.
        dropout_rate: fraction dropped, in training, of what each part adds, in [0, 1).
        positions: "learned", or "none", which saves the table and takes texts of any length.
        causal: False lets each step see those that it is to predict: a mistake to study.
        scaled: False leaves the scale of the attention's scores out: another one.

    Returns:
        An uncompiled ``keras.Model`` from int32 ``(batch, time)``, time at most ``context``, to
        logits ``(batch, time, vocabulary_size)``: at step t of token t + 1. Its dense layers are
        ``"block_0_qkv"``, ``"block_0_mix"``, ``"block_0_up"``, ``"block_0_down"``, … and
        ``"logits"``.

    Raises:
        ValueError: a number out of range, heads that do not divide the width, other positions.

    Sources: Radford and others (2019), Language models are unsupervised multitask learners; Xiong
    and others (2020), arXiv:2002.04745, for the normalisation before.

    Example:
        >>> small_gpt(65, 64).count_params()  # 65*128 + 64*128 + 2*(12*128**2 + 256) + 128 + 128*65
        418688
    """
    _check_whole("vocabulary_size", vocabulary_size, 2)
    for name, number in (("context", context), ("depth", depth), ("width", width)):
        _check_whole(name, number)
    _check_whole("heads", heads)
    if width % heads:
        raise ValueError(f"width is {width} and heads {heads}; expected a width that heads divide")
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; expected 0 <= dropout_rate < 1")
    if positions not in ("learned", "none"):
        raise ValueError(f'positions is {positions!r}; expected "learned" or "none"')

    def normalized(x, name):
        return layers.LayerNormalization(epsilon=1e-5, center=False, name=name)(x)

    def dense(x, units, name, activation=None):
        return layers.Dense(units, activation=activation, use_bias=False, name=name)(x)

    def with_shortcut(x, inner):
        if dropout_rate:
            inner = layers.Dropout(dropout_rate)(inner)
        return layers.Add()([x, inner])

    inputs = keras.Input((None,), dtype="int32", name="tokens")
    start = keras.initializers.RandomNormal(stddev=0.02)
    x = layers.Embedding(vocabulary_size, width, start, name="embedding")(inputs)
    if positions == "learned":
        x = PositionEmbedding(context, name="positions")(x)
    for block in (f"block_{number}" for number in range(depth)):
        inner = dense(normalized(x, f"{block}_norm_attention"), 3 * width, f"{block}_qkv")
        inner = FusedAttention(heads, causal=causal, scaled=scaled, name=f"{block}_attention")(
            inner
        )
        x = with_shortcut(x, dense(inner, width, f"{block}_mix"))
        inner = normalized(x, f"{block}_norm_mlp")
        inner = dense(inner, 4 * width, f"{block}_up", activation)
        x = with_shortcut(x, dense(inner, width, f"{block}_down"))
    logits = dense(normalized(x, "norm"), vocabulary_size, "logits")
    return keras.Model(inputs, logits, name="small_gpt")


@keras.saving.register_keras_serializable("dlkit")
class GaussianCode(layers.Layer):
    """Draws a code z from a Gaussian, and adds to the model's loss what z costs: beta KL.

        mean, log_variance = the two halves of x
        z = mean + exp(log_variance / 2) noise
        KL_j = 1/2 (mean_j^2 + exp(log_variance_j) - log_variance_j - 1)
        loss = loss of the output + beta sum_j max(mean of KL_j over the batch, free_nats)

    It draws outside of training as well, so that `evaluate` gives minus the ELBO, too. The weight
    beta is not trained; set it between epochs, ``code.beta.assign(0.5)``, to raise it step by step.

    Args:
        beta: weight of the KL divergence, 0 or more. 1 makes the loss minus the ELBO.
        free_nats: what each number of the code may carry without a cost, 0 or more.
        seed: of the noise; None takes one from Keras's own.

    Raises:
        ValueError: beta or free_nats is below 0, or the input cannot be halved.

    Sources: Kingma and Welling (2014), arXiv:1312.6114; for beta: Higgins and others (2017),
    beta-VAE; for free nats: Kingma and others (2016), arXiv:1606.04934, appendix C.8.

    Example:
        >>> layer = GaussianCode()
        >>> tuple(layer(keras.ops.zeros((3, 2 * 5))).shape)
        (3, 5)
        >>> float(layer.losses[0])  # means of 0 and variances of 1 cost nothing
        0.0
    """

    def __init__(
        self,
        *,
        beta: float = 1.0,
        free_nats: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for name, number in (("beta", beta), ("free_nats", free_nats)):
            if not number >= 0:
                raise ValueError(f"{name} is {number!r}; expected a number of 0 or more")
        self.first_beta, self.free_nats, self.seed = beta, free_nats, seed
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Sequence[int]) -> None:
        """Make the weight beta; checks that the input can be halved."""
        if input_shape[-1] % 2:
            raise ValueError(
                f"the input has shape {tuple(input_shape)}; expected an even last axis, the means "
                "and the logarithms of the variances: put a Dense layer of 2 units a number before"
            )
        start = keras.initializers.Constant(self.first_beta)
        self.beta = self.add_weight((), start, name="beta", trainable=False)

    def call(self, x: Any) -> Any:
        """From ``(batch, 2 numbers)`` to codes ``(batch, numbers)``."""
        ops = keras.ops
        mean, log_variance = ops.split(x, 2, axis=-1)
        kl = 0.5 * (mean**2 + ops.exp(log_variance) - log_variance - 1)
        cost = ops.maximum(ops.mean(kl, axis=0), self.free_nats)
        self.add_loss(self.beta * ops.sum(cost))
        noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean + ops.exp(log_variance / 2) * noise

    def compute_output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Half of the input's numbers."""
        return (*input_shape[:-1], input_shape[-1] // 2)

    def get_config(self) -> dict[str, Any]:
        """What ``__init__`` takes."""
        own = {"beta": self.first_beta, "free_nats": self.free_nats, "seed": self.seed}
        return super().get_config() | own
