"""Attention: every position looks at others, and takes from each as much as its score says.

Arrays end in ``(time, features)``; whatever stands before (examples, heads) is carried along. A
mask is True where a query may look. A query that may look nowhere gets weights of 0, an output of
0 and gradients of 0: no value was allowed, so none comes through. So does Keras's layer. (A large
negative number added to the scores, in place of a mask, lets such a query look at everything.)
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch import activations, initializers, operations
from dlkit.scratch._checks import (
    as_float,
    check_axis,
    check_dtype,
    check_flag,
    check_positive,
    check_same_shape,
    check_shape,
    check_whole,
)
from dlkit.scratch.layers import Layer

__all__ = [
    "MultiHeadAttention",
    "causal_mask",
    "masked_softmax",
    "masked_softmax_backward",
    "merge_heads",
    "rotate",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
    "sinusoidal_positions",
    "split_heads",
]


def _as_mask(mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """The mask in the shape of the scores; refuse what is not made of True and False."""
    mask = np.asarray(mask)
    if mask.dtype != np.bool_:
        raise ValueError(
            f"mask holds values of type {mask.dtype.name}; expected True where a query may look "
            "and False elsewhere: compare, e.g. mask == 1, or mask == 0 if yours is added to scores"
        )
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(
            f"mask has shape {mask.shape} and the scores {shape}; expected a shape that fits "
            "(..., queries, keys): for one that marks keys, mask[..., None, :]"
        ) from None


def masked_softmax(scores: ArrayLike, mask: ArrayLike | None = None) -> np.ndarray:
    """Softmax over the last axis, of what the mask lets through: exp(s_i) / sum_j exp(s_j).

    The highest score that is let through is taken off first, so that exp cannot overflow.

    Args:
        scores: float array ``(..., keys)`` of any size; what is masked may be infinite.
        mask: array of True (let through) and False that fits the scores; None: all.

    Returns:
        Array of the shape of scores. Rows sum to 1; a row with nothing let through is all 0.

    Raises:
        ValueError: the mask holds other values than True and False, or its shape does not fit.

    Example:
        >>> masked_softmax([[1e4, 1e4, 2e4]] * 2, [[True, True, False], [False, False, False]])
        array([[0.5, 0.5, 0. ],
               [0. , 0. , 0. ]])
    """
    scores = as_float(scores)
    check_axis(scores, -1)
    if mask is None:
        return activations.softmax(scores)
    mask = _as_mask(mask, scores.shape)
    allowed = np.where(mask, scores, -np.inf)
    nothing = ~mask.any(axis=-1, keepdims=True)
    highest = np.where(nothing, 0, allowed.max(axis=-1, keepdims=True))
    shares = np.exp(allowed - highest)
    return shares / np.where(nothing, 1, shares.sum(axis=-1, keepdims=True))


def masked_softmax_backward(upstream: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Gradient of softmax: ds_i = w_i (g_i - sum_j g_j w_j), without the Jacobian.

    Where the mask lets nothing through, the weight is 0 and the gradient too.

    Args:
        upstream: g, gradient of the loss with respect to the weights, ``(..., keys)``.
        weights: w, what ``masked_softmax`` returned.

    Returns:
        Array of the same shape, the gradient with respect to the scores; rows sum to 0.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> masked_softmax_backward([[1.0, 0.0, 5.0]], [[0.5, 0.5, 0.0]])
        array([[ 0.25, -0.25,  0.  ]])
    """
    upstream, weights = as_float(upstream), as_float(weights)
    check_same_shape("upstream", upstream, "weights", weights)
    check_axis(weights, -1)
    return weights * (upstream - (upstream * weights).sum(axis=-1, keepdims=True))


def _as_attention(
    query: ArrayLike, key: ArrayLike, value: ArrayLike, scale: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """All three as floats, of shapes that fit, and the scale: 1 / sqrt(features) unless given."""
    query, key, value = as_float(query), as_float(key), as_float(value)
    if query.ndim < 2:
        raise ValueError(
            f"query has shape {query.shape}; expected (..., queries, features): for a single query "
            "pass query[None]"
        )
    check_axis(query, -1)
    check_shape("key", key, (*query.shape[:-2], None, query.shape[-1]))
    check_axis(key, -2)
    check_shape("value", value, (*key.shape[:-1], None))
    if scale is None:
        return query, key, value, 1 / math.sqrt(query.shape[-1])
    check_positive("scale", scale)
    return query, key, value, float(scale)


def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    mask: ArrayLike | None = None,
    scale: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Every query mixes the values: softmax(Q K^T / sqrt(d)) V.

    Args:
        query: Q, float array ``(..., queries, d)``.
        key: K, ``(..., keys, d)``.
        value: V, ``(..., keys, features)``, a row for each key.
        mask: True where a query may look, an array that fits ``(..., queries, keys)``; None:
            everywhere. A query that may look nowhere gets 0.
        scale: factor of the scores, above 0; None: 1 / sqrt(d).

    Returns:
        output, weights: arrays ``(..., queries, features)`` and ``(..., queries, keys)``. The
        weights are what each query takes of each value; ``..._backward`` needs them.

    Raises:
        ValueError: shapes that do not fit, a mask of other values than True and False, or a scale
            that is not positive.

    Source: Vaswani and others (2017), arXiv:1706.03762.

    Example:
        >>> query, key, value = [[1.0]], [[0.0], [10.0]], [[1.0], [5.0]]
        >>> output, weights = scaled_dot_product_attention(query, key, value)
        >>> output.round(3), weights.round(3)
        (array([[5.]]), array([[0., 1.]]))
    """
    query, key, value, scale = _as_attention(query, key, value, scale)
    scores = (query * scale) @ key.swapaxes(-1, -2)
    weights = masked_softmax(scores, mask)
    return weights @ value, weights


def scaled_dot_product_attention_backward(
    upstream: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    weights: ArrayLike,
    scale: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of attention, from the output back through values, softmax and scores.

    With the weights A and the upstream G: dV = A^T G; dA = G V^T; through the softmax to the
    scores, dS; then dQ = dS K / sqrt(d) and dK = dS^T Q / sqrt(d). The mask need not be known:
    where it stopped a query, the weight is 0.

    Args:
        upstream: gradient of the loss with respect to the output, ``(..., queries, features)``.
        query: as given to ``scaled_dot_product_attention``.
        key: as given to ``scaled_dot_product_attention``.
        value: as given to ``scaled_dot_product_attention``.
        weights: the second of what ``scaled_dot_product_attention`` returned.
        scale: as given to ``scaled_dot_product_attention``.

    Returns:
        dquery, dkey, dvalue: arrays of the shapes of query, key and value.

    Raises:
        ValueError: the shapes do not fit, or a scale that is not positive.

    Example:
        >>> query, key, value = [[1.0]], [[0.0], [0.0]], [[1.0], [5.0]]
        >>> output, weights = scaled_dot_product_attention(query, key, value)
        >>> dquery, dkey, dvalue = scaled_dot_product_attention_backward(
        ...     [[1.0]], query, key, value, weights
        ... )
        >>> dquery, dkey.T, dvalue.T
        (array([[0.]]), array([[-1.,  1.]]), array([[0.5, 0.5]]))
    """
    query, key, value, scale = _as_attention(query, key, value, scale)
    upstream, weights = as_float(upstream), as_float(weights)
    check_shape("weights", weights, (*query.shape[:-1], key.shape[-2]))
    check_shape("upstream", upstream, (*query.shape[:-1], value.shape[-1]))
    dvalue = weights.swapaxes(-1, -2) @ upstream
    dweights = upstream @ value.swapaxes(-1, -2)
    dscores = masked_softmax_backward(dweights, weights) * scale
    return dscores @ key, dscores.swapaxes(-1, -2) @ query, dvalue


def causal_mask(length: int, keys: int | None = None) -> np.ndarray:
    """Mask of a reader who does not look ahead: each position sees itself and those before.

    Args:
        length: how many queries, 1 or more.
        keys: how many keys, no fewer than queries, which are then the last of them: with a cache
            of what was read before, ``causal_mask(1, keys)``. None: as many as queries.

    Returns:
        Array ``(length, keys)`` of True and False: query i may look at key j if
        j <= i + keys - length.

    Raises:
        ValueError: a length below 1, or fewer keys than queries.

    Example:
        >>> causal_mask(3).astype(int)
        array([[1, 0, 0],
               [1, 1, 0],
               [1, 1, 1]])
    """
    length = check_whole("length", length)
    keys = length if keys is None else check_whole("keys", keys)
    if keys < length:
        raise ValueError(
            f"keys is {keys} for {length} queries; expected as many or more: the queries are the "
            "last of the keys"
        )
    return np.tril(np.ones((length, keys), dtype=bool), keys - length)


def split_heads(x: ArrayLike, num_heads: int) -> np.ndarray:
    """Cut the features into heads, side by side: (..., time, width) to (..., heads, time, d).

    Args:
        x: float array ``(..., time, width)``.
        num_heads: how many heads; it divides the width, and d = width / num_heads.

    Returns:
        Array ``(..., num_heads, time, d)``: the first d features belong to the first head.

    Raises:
        ValueError: the width cannot be divided, or x has fewer than two axes.

    Example:
        >>> split_heads([[1, 2, 3, 4], [5, 6, 7, 8]], num_heads=2)[1]
        array([[3., 4.],
               [7., 8.]])
    """
    x = as_float(x)
    num_heads = check_whole("num_heads", num_heads)
    if x.ndim < 2 or x.shape[-1] % num_heads or x.shape[-1] == 0:
        raise ValueError(
            f"x has shape {x.shape}; expected (..., time, width) and a width that {num_heads} "
            "heads can share: choose another width or another number of heads"
        )
    heads = x.reshape(*x.shape[:-1], num_heads, x.shape[-1] // num_heads)
    return heads.swapaxes(-2, -3)


def merge_heads(x: ArrayLike) -> np.ndarray:
    """Put the heads side by side again, the reverse of ``split_heads``.

    Args:
        x: float array ``(..., heads, time, d)``.

    Returns:
        Array ``(..., time, heads d)``.

    Raises:
        ValueError: fewer than three axes.

    Example:
        >>> merge_heads(split_heads([[1, 2, 3, 4]], num_heads=2))
        array([[1., 2., 3., 4.]])
    """
    x = as_float(x)
    if x.ndim < 3:
        raise ValueError(
            f"x has shape {x.shape}; expected (..., heads, time, features): split_heads makes it"
        )
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _angles(positions: np.ndarray, pairs: int, width: int, base: float) -> np.ndarray:
    """Angle of each pair of features at each position: position / base^(2 i / width)."""
    check_positive("base", base)
    return positions[..., None] / base ** (2 * np.arange(pairs) / width)


def sinusoidal_positions(
    length: int, width: int, base: float = 10000.0, dtype: str = "float32"
) -> np.ndarray:
    """Positions as waves: feature 2i is sin(t / base^(2i / width)), feature 2i + 1 the cosine.

    Added to the embeddings, they tell position t from the others. Those of t + k are those of t,
    turned by an angle that depends on k alone.

    Args:
        length: how many positions, from 0 on.
        width: how many features; if it is odd, the last sine has no cosine.
        base: above 0; the slowest wave is about 2 pi base positions long.
        dtype: of the result.

    Returns:
        Array ``(length, width)`` in [-1, 1].

    Raises:
        ValueError: length or width below 1, a base that is not positive, another dtype.

    Source: Vaswani and others (2017), arXiv:1706.03762.

    Example:
        >>> sinusoidal_positions(3, 4).round(2)
        array([[ 0.  ,  1.  ,  0.  ,  1.  ],
               [ 0.84,  0.54,  0.01,  1.  ],
               [ 0.91, -0.42,  0.02,  1.  ]], dtype=float32)
    """
    length, width = check_whole("length", length), check_whole("width", width)
    angles = _angles(np.arange(length), (width + 1) // 2, width, base)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return waves.reshape(length, -1)[:, :width].astype(check_dtype(dtype))


def rotate(x: ArrayLike, positions: ArrayLike | None = None, base: float = 10000.0) -> np.ndarray:
    """Rotary positions: turn each pair of features (2i, 2i + 1) by t / base^(2i / width).

    Queries and keys are turned, values are not. The product of a turned query and a turned key
    depends on how far apart they stand, and not on where. Turned back is the way back: the
    gradient with respect to x is ``rotate(upstream, -positions)``.

    Args:
        x: queries or keys, float array ``(..., time, width)``, width even.
        positions: t, array that fits ``(..., time)``; None: 0, 1, 2, … With a cache, the positions
            of the new queries.
        base: above 0.

    Returns:
        Array of x's shape; lengths stay as they are.

    Raises:
        ValueError: an odd width, positions that do not fit, a base that is not positive.

    Source: Su and others (2021), arXiv:2104.09864.

    Example:
        >>> rotate([[1.0, 0.0]] * 3, [0.0, np.pi / 2, np.pi]).round(3)
        array([[ 1.,  0.],
               [ 0.,  1.],
               [-1.,  0.]])
    """
    x = as_float(x)
    if x.ndim < 2 or x.shape[-1] % 2 or x.shape[-1] == 0:
        raise ValueError(
            f"x has shape {x.shape}; expected (..., time, width) with an even width, since "
            "features are turned in pairs: choose heads of even size"
        )
    positions = np.arange(x.shape[-2]) if positions is None else as_float(positions)
    try:
        positions = np.broadcast_to(positions, x.shape[:-1])
    except ValueError:
        raise ValueError(
            f"positions has shape {positions.shape}; expected one that fits {x.shape[:-1]}, a "
            "number for each row of x"
        ) from None
    angles = _angles(positions, x.shape[-1] // 2, x.shape[-1], base)
    cosine, sine = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = x[..., ::2], x[..., 1::2]
    turned = np.stack([first * cosine - second * sine, first * sine + second * cosine], axis=-1)
    return turned.reshape(x.shape)


class MultiHeadAttention(Layer):
    """Attention by several heads at once, each with queries, keys and values of its own.

    Head i looks by Q_i = X W_i^Q + b_i^Q from the inputs X, at K_i = Z W_i^K + b_i^K and
    V_i = Z W_i^V + b_i^V; what all heads found is put side by side and goes through one more dense
    layer, to as many features as X has. Z is X itself (self-attention), or what ``value`` brings
    (cross-attention).

    ``variables`` lie as in Keras's layer of this name: kernel ``(features, heads, key_dim)`` and
    bias ``(heads, key_dim)`` for query, key and value (with value_dim), then kernel
    ``(heads, value_dim, features)`` and bias ``(features,)`` of the output. After a ``forward``,
    ``attention_weights``, ``(batch, heads, queries, keys)``, say who looked where; after a
    ``backward``, ``value_gradient`` is the gradient with respect to ``value``, or None.

    Args:
        num_heads: how many heads.
        key_dim: length of a query and of a key, in each head.
        value_dim: length of a value; None: key_dim.
        use_bias: whether the dense layers have biases.
        causal: no position looks ahead; for self-attention.
        dtype: of the weights.

    Raises:
        ValueError: a number below 1, a flag that is none.

    Source: Vaswani and others (2017), arXiv:1706.03762.

    Example:
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=4, causal=True)
        >>> layer(np.ones((3, 5, 8))).shape, layer.attention_weights[0, 0, 1].round(2)
        ((3, 5, 8), array([0.5, 0.5, 0. , 0. , 0. ], dtype=float32))
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        use_bias: bool = True,
        causal: bool = False,
        dtype: str = "float32",
    ) -> None:
        super().__init__(dtype)
        self.num_heads = check_whole("num_heads", num_heads)
        self.key_dim = check_whole("key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else check_whole("value_dim", value_dim)
        check_flag("use_bias", use_bias)
        check_flag("causal", causal)
        self.use_bias, self.causal = bool(use_bias), bool(causal)
        self.attention_weights = np.empty((0, self.num_heads, 0, 0), self.dtype)
        self.value_gradient: np.ndarray | None = None
        self._value: np.ndarray | None = None
        self._mask: ArrayLike | None = None

    def build(
        self,
        input_shape: Sequence[int],
        rng: np.random.Generator,
        value_shape: Sequence[int] | None = None,
    ) -> None:
        """Make the weights.

        Args:
            input_shape: shape of a batch, ``(batch, queries, features)``.
            rng: a ``np.random.Generator``.
            value_shape: that of ``value``, if there will be one: its features may be others.

        Raises:
            ValueError: a shape of another number of axes.
        """
        input_shape = tuple(input_shape)
        value_shape = input_shape if value_shape is None else tuple(value_shape)
        for name, shape in (("x", input_shape), ("value", value_shape)):
            if len(shape) != 3:
                raise ValueError(
                    f"{name} has shape {shape}; expected (batch, time, features): reshape it"
                )
        features, from_value = input_shape[-1], value_shape[-1]
        heads, key_dim, value_dim = self.num_heads, self.key_dim, self.value_dim
        weights = []
        for inputs, size in ((features, key_dim), (from_value, key_dim), (from_value, value_dim)):
            kernel = initializers.glorot_uniform((inputs, heads * size), rng)
            weights += [kernel.reshape(inputs, heads, size), np.zeros((heads, size))]
        kernel = initializers.glorot_uniform((heads * value_dim, features), rng)
        weights += [kernel.reshape(heads, value_dim, features), np.zeros(features)]
        kept = weights if self.use_bias else weights[::2]
        self.variables = [weight.astype(self.dtype) for weight in kept]
        self.built = True

    def forward(
        self,
        x: ArrayLike,
        training: bool = False,
        value: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> np.ndarray:
        """Output for a batch; without ``build`` before, weights come from a generator of seed 0.

        Args:
            x: where queries come from, ``(batch, queries, features)``.
            training: not looked at.
            value: where keys and values come from, ``(batch, keys, features)``; None: x.
            mask: True where a query may look, an array that fits ``(batch, queries, keys)``, the
                same for all heads; None: everywhere. A causal layer adds its own mask.

        Returns:
            Array of x's shape.

        Raises:
            ValueError: the shapes do not fit, or a causal layer is given a value.
        """
        x = as_float(x).astype(self.dtype, copy=False)
        check_shape("x", x, (None, None, None))
        self._value, self._mask = None, mask
        if value is not None:
            if self.causal:
                raise ValueError(
                    "a causal layer got value; expected x alone, since only what stands in one "
                    "order has a before: pass causal=False and a mask"
                )
            self._value = as_float(value).astype(self.dtype, copy=False)
            check_shape("value", self._value, (len(x), None, None))
            if not self.built:
                self.build(x.shape, np.random.default_rng(0), self._value.shape)
        return super().forward(x, training)

    __call__ = forward

    def _dense(self):
        """Of query, key, value and output: the kernel as a matrix, and the bias or zeros."""
        kernels = self.variables[:: 2 if self.use_bias else 1]
        matrices = [kernel.reshape(len(kernel), -1) for kernel in kernels[:3]]
        matrices.append(kernels[3].reshape(-1, kernels[3].shape[-1]))
        if self.use_bias:
            return matrices, [bias.ravel() for bias in self.variables[1::2]]
        return matrices, [np.zeros(matrix.shape[1], self.dtype) for matrix in matrices]

    def _forward(self, x):
        source = x if self._value is None else self._value
        matrices, biases = self._dense()
        self._inputs = (x, source, source)
        self._projected = [
            split_heads(operations.dense(inputs, matrix, bias), self.num_heads)
            for inputs, matrix, bias in zip(self._inputs, matrices[:3], biases[:3], strict=True)
        ]
        mask = self._whole_mask(len(x), x.shape[1], source.shape[1])
        query, key, value = self._projected
        found, self.attention_weights = scaled_dot_product_attention(query, key, value, mask)
        self._found = merge_heads(found)
        return operations.dense(self._found, matrices[3], biases[3])

    def _whole_mask(self, batch, queries, keys):
        """The mask asked for and the causal one, with an axis for the heads; None for neither."""
        mask = causal_mask(queries) if self.causal else None
        if self._mask is None:
            return mask
        asked = _as_mask(self._mask, (batch, queries, keys))
        return (asked if mask is None else asked & mask)[:, None]

    def _backward(self, upstream):
        check_same_shape("upstream", upstream, "the output", self._inputs[0])
        matrices, _ = self._dense()
        dfound, *of_output = operations.dense_backward(upstream, self._found, matrices[3])
        query, key, value = self._projected
        dprojected = scaled_dot_product_attention_backward(
            split_heads(dfound, self.num_heads), query, key, value, self.attention_weights
        )
        dinputs, gradients = [], []
        for dheads, inputs, matrix in zip(dprojected, self._inputs, matrices[:3], strict=True):
            back, dkernel, dbias = operations.dense_backward(merge_heads(dheads), inputs, matrix)
            dinputs.append(back)
            gradients += [dkernel, dbias]
        gradients += of_output
        kept = gradients if self.use_bias else gradients[::2]
        shapes = [variable.shape for variable in self.variables]
        self.gradients = [g.reshape(shape) for g, shape in zip(kept, shapes, strict=True)]
        dquery, dkey, dvalue = dinputs
        self.value_gradient = None if self._value is None else dkey + dvalue
        return dquery + dkey + dvalue if self._value is None else dquery
