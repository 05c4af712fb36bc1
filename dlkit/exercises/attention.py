"""Exercises of lesson 16: the way back, a mask, a head that looks back, weights that explain."""

import functools
from collections.abc import Mapping

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.activations import sigmoid, softmax
from dlkit.scratch.attention import (
    causal_mask,
    masked_softmax,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
    sinusoidal_positions,
)

# ---- attention_backward ----------------------------------------------------------------------


def attention_gradients(
    upstream: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of softmax(Q K^T / sqrt(d)) V with respect to Q, K and V.

    Args:
        upstream: gradient of the loss for the output, ``(queries, features)``.
        query: ``(queries, d)``.
        key: ``(keys, d)``.
        value: ``(keys, features)``.

    Returns:
        Three arrays of the shapes of query, key and value.

    Source: Vaswani and others (2017), arXiv:1706.03762.

    Example:
        >>> one, two = np.ones((1, 1)), np.array([[1.0], [3.0]])
        >>> attention_gradients(one, one, np.zeros((2, 1)), two)[2]
        array([[0.5],
               [0.5]])
    """
    weights = scaled_dot_product_attention(query, key, value)[1]
    return scaled_dot_product_attention_backward(upstream, query, key, value, weights)


def _backward(upstream, query, key, value, *, scale=None, back=None, jacobian=None, axis=-1):
    """The way back with one thing about it changed."""
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    weights = softmax(query @ key.T / np.sqrt(query.shape[-1]))
    of_weights = upstream @ value.T
    if jacobian is None:
        inner = np.sum(of_weights * weights, axis=axis, keepdims=True)
        of_scores = weights * (of_weights - inner)
    else:
        of_scores = jacobian(weights, of_weights)
    of_scores = of_scores * scale
    if back is None:
        return of_scores @ key, of_scores.T @ query, weights.T @ upstream
    return back(of_scores, weights, query, key, upstream)


def _changed(**change):
    return lambda u, q, k, v: _backward(u, q, k, v, **change)


def _four(queries, keys, width, features, seed, size=1.0):
    rng = np.random.default_rng(seed)
    shapes = (queries, features), (queries, width), (keys, width), (keys, features)
    return [size * rng.normal(size=shape).round(2) for shape in shapes]


attention_backward = Exercise(
    "attention_backward",
    reference=attention_gradients,
    cases=[
        Case("one query, two keys", *_four(1, 2, 3, 2, seed=0)),
        Case("more queries than keys", *_four(5, 3, 4, 2, seed=1)),
        Case("as many features as d", *_four(3, 3, 3, 3, seed=2)),
        Case("scores of hundreds", *_four(2, 4, 4, 2, seed=3, size=12.0)),
    ],
    mistakes=[
        Mistake(
            "The scores were divided by the root of d on the way forward; so must be what goes "
            "back through them.",
            _changed(scale=1.0),
        ),
        Mistake(
            "You divide by d, not by its root.",
            lambda u, q, k, v: _backward(u, q, k, v, scale=1 / q.shape[-1]),
        ),
        Mistake(
            "A softmax's entries compete: raise one score, and all other weights fall. Your "
            "gradient of the scores treats each by itself.",
            _changed(jacobian=lambda w, g: w * (1 - w) * g),
        ),
        Mistake(
            "In the softmax's way back the mean that you take off is missing.",
            _changed(jacobian=lambda w, g: w * g),
        ),
        Mistake(
            "The softmax itself is not passed through: you use the gradient for the weights as "
            "that for the scores.",
            _changed(jacobian=lambda w, g: g),
        ),
        Mistake(
            "The softmax runs over the keys, row by row: so does its way back.", _changed(axis=0)
        ),
        Mistake(
            "You return the gradients in another order. Expected: for query, key, value.",
            lambda *four: _backward(*four)[::-1],
        ),
        Mistake(
            "The gradient for the values takes the weights, not the gradient of the scores.",
            _changed(back=lambda s, w, q, k, u: (s @ k, s.T @ q, s.T @ u)),
        ),
    ],
    hints=[
        "Go back through output = weights @ value first: two products, as for a dense layer.",
        "Then the softmax, row by row: the gradient minus its mean by the weights, times weights.",
        "Then scores = query @ key.T / sqrt(d): again two products, and the root in both.",
    ],
    solution="""
def my_attention_backward(upstream, query, key, value):
    root = np.sqrt(query.shape[1])
    scores = query @ key.T / root
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    of_weights = upstream @ value.T
    mean = (of_weights * weights).sum(axis=1, keepdims=True)
    of_scores = weights * (of_weights - mean) / root
    return of_scores @ key, of_scores.T @ query, weights.T @ upstream
""",
)

# ---- mask ------------------------------------------------------------------------------------


def causal_padding_mask(lengths: np.ndarray, steps: int) -> np.ndarray:
    """Who may look where, in lines padded to the same length, nobody ahead or at padding.

    Args:
        lengths: whole numbers ``(batch,)``, how many tokens of each line are real.
        steps: how long the lines are with their padding.

    Returns:
        Array ``(batch, steps, steps)`` of True and False: query i of a line may look at key j if
        j <= i and j < length.

    Example:
        >>> causal_padding_mask(np.array([1]), 2).astype(int)
        array([[[1, 0],
                [1, 0]]])
    """
    is_real = np.arange(steps) < np.asarray(lengths)[:, np.newaxis]
    return causal_mask(steps) & is_real[:, np.newaxis, :]


def _grid(lengths, steps):
    """Numbers of query and key, and the lengths, each of shape (lines, steps, steps)."""
    n = len(lengths)
    line, query, key = np.indices((n, steps, steps))
    return query, key, np.asarray(lengths)[line]


def _mask_of(rule):
    return lambda lengths, steps: rule(*_grid(lengths, steps))


mask = Exercise(
    "mask",
    reference=causal_padding_mask,
    cases=[
        Case("two lines", np.array([3, 2]), 3),
        Case("one long, one of a single token", np.array([5, 1]), 6),
        Case("nothing padded", np.array([4]), 4),
    ],
    mistakes=[
        Mistake(
            "A token may look at itself: j = i is allowed.",
            _mask_of(lambda i, j, n: (j < i) & (j < n)),
        ),
        Mistake("It still looks ahead.", _mask_of(lambda i, j, n: j < n)),
        Mistake("It still looks at padding.", _mask_of(lambda i, j, n: j <= i)),
        Mistake(
            "You hide the rows of padding. Whether a *query* is padding does not matter; hide the "
            "keys, that is columns.",
            _mask_of(lambda i, j, n: (j <= i) & (i < n)),
        ),
        Mistake(
            "It looks ahead only. Query i, the row, may look at keys j up to i, the columns.",
            _mask_of(lambda i, j, n: (j >= i) & (j < n)),
        ),
        Mistake(
            "It is True where looking is forbidden.", _mask_of(lambda i, j, n: (j > i) | (j >= n))
        ),
        Mistake(
            "The last real token is hidden as well: count from 0.",
            _mask_of(lambda i, j, n: (j <= i) & (j < n - 1)),
        ),
        Mistake(
            "A token is hidden if *either* rule hides it.",
            _mask_of(lambda i, j, n: (j <= i) | (j < n)),
        ),
    ],
    hints=[
        "Two masks, one for each rule; a key is seen if both let it through.",
        "np.arange(steps) numbers the tokens. Compare it with itself, once as a column.",
        "lengths[:, None, None] stands beside (steps, steps) as (batch, 1, 1).",
    ],
    solution="""
def my_mask(lengths, steps):
    place = np.arange(steps)
    not_ahead = place <= place[:, None]  # (queries, keys)
    is_real = place < lengths[:, None, None]  # (batch, 1, keys)
    return not_ahead & is_real
""",
)

# ---- look_back -------------------------------------------------------------------------------

STEPS, WIDTH, BACK = 60, 32, 3


def weights_of_places(matrix: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Where a head looks that knows nothing but places: softmax((P M) P^T), nothing ahead.

    P are the sinusoids of `sinusoidal_positions`, 32 wide.

    Args:
        matrix: M, ``(32, 32)``.
        steps: how many places.

    Returns:
        Array ``(steps, steps)``: row t holds the weights of the query at place t.

    Example:
        >>> weights_of_places(np.zeros((32, 32)), steps=2)
        array([[1. , 0. ],
               [0.5, 0.5]])
    """
    places = sinusoidal_positions(steps, WIDTH, dtype="float64")
    return masked_softmax(places @ matrix @ places.T, causal_mask(steps))


def _is_a_matrix(matrix):
    if np.shape(matrix) != (WIDTH, WIDTH):
        return f"it has shape {np.shape(matrix)}; expected {(WIDTH, WIDTH)}."
    matrix = np.asarray(matrix)
    if matrix.dtype.kind not in "fiu" or not np.isfinite(matrix).all():
        return "it must hold finite numbers."


def _looks_three_back(matrix):
    weights = weights_of_places(np.asarray(matrix, dtype=float))
    query = np.arange(BACK, STEPS)
    found = weights[query, query - BACK]
    if found.min() >= 0.9:
        return None
    favourites = query - weights[query].argmax(axis=1)
    back, count = np.unique(favourites, return_counts=True)
    usual = int(back[count.argmax()])
    if count.max() > 0.8 * len(query) and usual != BACK:
        if usual == 0:
            return (
                "each place looks at itself most: perhaps it would look three places *ahead*, "
                "which the mask forbids, or it is not turned at all."
            )
        return f"most places look {usual} back; expected {BACK}."
    if count.max() > 0.8 * len(query):
        return (
            f"the right place gets the largest weight, but only {found.min():.2f} of it where it "
            "is least. How do you make a softmax sharper?"
        )
    return f"the place three back gets {found.min():.2f} where it gets least; expected 0.9."


look_back = Exercise(
    "look_back",
    properties=[
        Property("a matrix of 32 by 32", _is_a_matrix),
        Property("every place from 3 on looks three back", _looks_three_back),
    ],
    hints=[
        "The score of query t and key s is P[t] M P[s]. For M = 1, it is largest at s = t.",
        "So find an M that turns P[t] into P[t - 3]. It is the same for all t: least squares can.",
        "np.linalg.lstsq(P[3:], P[:-3]) finds it. Then multiply it until 0.9 is reached.",
    ],
    solution="""
from dlkit.scratch import attention

P = attention.sinusoidal_positions(60, 32, dtype="float64")
my_look_back = 10 * np.linalg.lstsq(P[3:], P[:-3])[0]
""",
)

# ---- referee ---------------------------------------------------------------------------------

OPINIONS, WORDS, LENGTH, UNITS = 8, 40, 12, 16
_CONTEXT = {"A": 0.0, "B": 0.05}


def _reviews(seed, n=600):
    """Lines of 12 words, one of which says an opinion: the words 0 to 7, odd ones are good."""
    rng = np.random.default_rng(seed)
    words = rng.integers(OPINIONS, WORDS, (n, LENGTH))
    opinion = rng.integers(0, OPINIONS, n)
    words[np.arange(n), rng.integers(0, LENGTH, n)] = opinion
    return words, opinion % 2


def _read(parameters, words, context, given=None):
    """Probability of a good review, attention weights, and what the way back needs."""
    table, mixing, looks, decides = parameters
    rows = table[words]
    states = np.tanh(rows + context * (rows.sum(axis=1) @ mixing)[:, np.newaxis])
    weights = softmax(states @ looks) if given is None else given
    found = (weights[..., np.newaxis] * states).sum(axis=1)
    return sigmoid(found @ decides), weights, (rows, states, found)


@functools.cache
def _trained(network):
    """The parameters of a network after 60 steps of Adam on 600 reviews."""
    context, rng = _CONTEXT[network], np.random.default_rng(1)
    words, y = _reviews(1)
    shapes = (WORDS, UNITS), (UNITS, UNITS), (UNITS,), (UNITS,)
    parameters = [0.3 * rng.normal(size=shape) for shape in shapes]
    first = [np.zeros(shape) for shape in shapes]
    second = [np.zeros(shape) for shape in shapes]
    for step in range(1, 61):
        gradients = _gradients(parameters, words, y, context)
        for i, gradient in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            size = np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8
            parameters[i] = parameters[i] - 0.02 * first[i] / (1 - 0.9**step) / size
    return parameters


def _gradients(parameters, words, y, context):
    table, mixing, looks, decides = parameters
    p, weights, (rows, states, found) = _read(parameters, words, context)
    upstream = (p - y) / len(y)
    of_found = upstream[:, np.newaxis] * decides
    of_weights = (states * of_found[:, np.newaxis]).sum(axis=-1)
    inner = (weights * of_weights).sum(axis=-1, keepdims=True)
    of_scores = weights * (of_weights - inner)
    of_states = weights[..., np.newaxis] * of_found[:, np.newaxis]
    of_states = of_states + of_scores[..., np.newaxis] * looks
    of_sums = of_states * (1 - states**2)
    of_context = context * of_sums.sum(axis=1)
    of_rows = of_sums + (of_context @ mixing.T)[:, np.newaxis]
    of_table = np.zeros_like(table)
    np.add.at(of_table, words, of_rows)
    of_looks = (states * of_scores[..., np.newaxis]).sum(axis=(0, 1))
    return of_table, rows.sum(axis=1).T @ of_context, of_looks, found.T @ upstream


def read_reviews(
    network: str, weights: str | np.ndarray = "learned", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """What a trained network says of 600 new reviews, and the attention weights that it used.

    Args:
        network: ``"A"`` or ``"B"``.
        weights: ``"learned"``, the network's own; or an array of others, ``(600, 12)``, that it is
            made to use instead.
        seed: of the reviews, 0 or more.

    Returns:
        p, weights: probabilities of a good review, ``(600,)``, and the weights, ``(600, 12)``.

    Raises:
        ValueError: there is no such network, or the weights have another shape.

    Example:
        >>> p, weights = read_reviews("A")
        >>> p.shape, weights.sum(axis=1).round(6).max()
        ((600,), np.float64(1.0))
    """
    if network not in _CONTEXT:
        raise ValueError(f"network is {network!r}; expected 'A' or 'B'")
    words, _ = _reviews(1000 + seed)
    given = None
    if not isinstance(weights, str):
        given = np.asarray(weights, dtype=float)
        if given.shape != words.shape:
            raise ValueError(f"weights has shape {given.shape}; expected {words.shape}")
    elif weights != "learned":
        raise ValueError(f"weights is {weights!r}; expected 'learned', or an array {words.shape}")
    p, used, _ = _read(_trained(network), words, _CONTEXT[network], given)
    return p, used


def review_facts(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Of the same reviews: whether they are good, and where the word of opinion stands.

    Args:
        seed: of the reviews, as for `read_reviews`.

    Returns:
        is_good, place: 0 or 1, and 0 to 11, each ``(600,)``.

    Example:
        >>> is_good, place = review_facts()
        >>> is_good.shape, place.min(), place.max()
        ((600,), np.int64(0), np.int64(11))
    """
    words, y = _reviews(1000 + seed)
    return y, (words < OPINIONS).argmax(axis=1)


def _is_two_changes(answer):
    if not isinstance(answer, Mapping):
        return 'give a dict: {"A": …, "B": …}.'
    for network in _CONTEXT:
        value = answer.get(network)
        if (
            isinstance(value, (bool, str))
            or value is None
            or np.ndim(value)
            or not np.isreal(value)
        ):
            return f"network {network} needs a number: how far its probabilities move on average."
        if not 0 <= value <= 1:
            return f"for {network} you give {value:.3g}; a mean change of probabilities is 0 to 1."


def _are_the_changes(answer):
    if float(answer["A"]) < 0.2:
        return (
            f"for A you give {float(answer['A']):.3f}. Shuffle the weights within each review, so "
            "that each word gets another one's, and average the *absolute* changes."
        )
    if float(answer["A"]) > 0.6:
        return "for A that is too much: take the mean over reviews of the change of p."
    if float(answer["B"]) > 0.2:
        return (
            f"for B you give {float(answer['B']):.3f}. Its probabilities hardly move: do you "
            "compare B with B, on the same reviews?"
        )


referee = Exercise(
    "referee",
    properties=[
        Property("a mean change for each network", _is_two_changes),
        Property("what other weights change", _are_the_changes),
    ],
    hints=[
        "If the weights explain the answer, other weights must give another answer.",
        "rng.permuted(weights, axis=1) gives the words of a review one another's weights.",
        "Read the reviews again with those, and average np.abs of the difference of p.",
    ],
    solution="""
my_referee = {}
for network in ("A", "B"):
    p, weights = exercises.read_reviews(network)
    others = np.random.default_rng(0).permuted(weights, axis=1)
    moved, _ = exercises.read_reviews(network, others)
    my_referee[network] = np.abs(moved - p).mean()
""",
)
