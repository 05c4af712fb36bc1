"""Exercises of lesson 13: what a head passes down, a frozen normalisation, a rate, and copies."""

import functools

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import not_an_accuracy
from dlkit.scratch.activations import relu, softmax
from dlkit.scratch.losses import sparse_categorical_crossentropy_gradient
from dlkit.scratch.operations import dense, dense_backward

# ---- head_gradients --------------------------------------------------------------------------


def head_gradients_of(
    features: np.ndarray, W: np.ndarray, b: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the mean cross-entropy of a linear head, for W, b and the features.

    With Z = H W + b, P its softmax and Y the labels as one-hot rows,

        D = (P - Y) / n,  dL/dW = H^T D,  dL/db = sum of D's rows,  dL/dH = D W^T.

    Args:
        features: H, ``(n, d)``.
        W: ``(d, K)``.
        b: ``(K,)``.
        y: classes, int ``(n,)``, each from 0 to K - 1.

    Returns:
        Three arrays with the shapes of W, b and features.

    Example:
        >>> _, db, _ = head_gradients_of(np.ones((1, 3)), np.zeros((3, 2)), np.zeros(2), [0])
        >>> db
        array([-0.5,  0.5])
    """
    logits = dense(features, W, b)
    upstream = sparse_categorical_crossentropy_gradient(y, logits, from_logits=True)
    of_features, of_W, of_b = dense_backward(upstream, features, W)
    return of_W, of_b, of_features


def _head(features, W, b, y, *, labels=1.0, sign=1.0, divide=True, below=True, chosen=False):
    """The gradients, or some that leave something out."""
    of_labels = np.eye(W.shape[1])[np.asarray(y)]
    slopes = sign * (softmax(features @ W + b) - labels * of_labels)
    if divide:
        slopes = slopes / len(features)
    passed = slopes if below else slopes * len(features)
    if chosen:
        passed = slopes * of_labels
    return features.T @ slopes, slopes.sum(axis=0), passed @ W.T


def _batch(n, d, classes, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, d)), rng.normal(size=(d, classes)), rng.normal(size=classes)
    return (*numbers, rng.integers(0, classes, n))


head_gradients = Exercise(
    "head_gradients",
    reference=head_gradients_of,
    cases=[
        Case("one picture", *_batch(1, 3, 2, 0)),
        Case("four pictures, two classes", *_batch(4, 5, 2, 1)),
        Case("seven pictures, four classes", *_batch(7, 3, 4, 2)),
        Case("pictures of one class alone", *_batch(6, 4, 3, 3)[:3], np.full(6, 2)),
    ],
    mistakes=[
        Mistake(
            "The loss is a mean over the batch. You add up: with n pictures all is n times too "
            "large.",
            lambda *four: _head(*four, divide=False),
        ),
        Mistake(
            "The labels are missing: you pass on the probabilities alone.",
            lambda *four: _head(*four, labels=0.0),
        ),
        Mistake(
            "The sign is turned round: that is the way downhill, and a gradient points uphill.",
            lambda *four: _head(*four, sign=-1.0),
        ),
        Mistake(
            "The two gradients of the head are right. What goes below is a slope of the mean too: "
            "divide by n there as well.",
            lambda *four: _head(*four, below=False),
        ),
        Mistake(
            "Below goes what all logits say, not only that of the true class.",
            lambda *four: _head(*four, chosen=True),
        ),
        Mistake(
            "You return the three in another order. Expected: for W, for b, for the features.",
            lambda *four: head_gradients_of(*four)[::-1],
        ),
        Mistake(
            "The last two are swapped. Expected: for W, for b, for the features.",
            lambda *four: tuple(np.array(head_gradients_of(*four), dtype=object)[[0, 2, 1]]),
        ),
    ],
    hints=[
        "Begin with the slope of the loss in each logit, as in lesson 05: P - Y, over n.",
        "W and b get what a dense layer gets: features.T @ D, and the sum of D over the pictures.",
        "What goes down to the features goes back through W: D @ W.T.",
    ],
    solution="""
def my_head_gradients(features, W, b, y):
    logits = features @ W + b
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    slopes = powers / powers.sum(axis=1, keepdims=True)
    slopes[np.arange(len(y)), y] -= 1
    slopes = slopes / len(y)
    return features.T @ slopes, slopes.sum(axis=0), slopes @ W.T
""",
)

# ---- normalization ---------------------------------------------------------------------------

EPSILON, MOMENTUM = 1e-3, 0.9


def normalized_batch(
    x: np.ndarray, moving_mean: np.ndarray, moving_variance: np.ndarray, frozen: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Batch normalisation of a fine-tuned network: x normalised, and the averages afterwards.

    Frozen, (x - moving_mean) / sqrt(moving_variance + 0.001), and nothing moves. In training the
    batch's own mean and variance (over n) stand in for the averages, which then move towards them:
    new = 0.9 old + 0.1 batch.

    Args:
        x: ``(n, d)``.
        moving_mean: ``(d,)``.
        moving_variance: ``(d,)``.
        frozen: whether the layer is frozen.

    Returns:
        Three arrays: ``(n, d)``, ``(d,)`` and ``(d,)``.

    Example:
        >>> x, _, _ = normalized_batch(np.array([[2.0]]), np.ones(1), np.ones(1), False)
        >>> x
        array([[0.]])
    """
    if frozen:
        mean, variance = moving_mean, moving_variance
    else:
        mean, variance = x.mean(axis=0), x.var(axis=0)
        moving_mean = MOMENTUM * moving_mean + (1 - MOMENTUM) * mean
        moving_variance = MOMENTUM * moving_variance + (1 - MOMENTUM) * variance
    return (x - mean) / np.sqrt(variance + EPSILON), moving_mean, moving_variance


def _normalized(
    x, moving_mean, moving_variance, frozen, *, batch=None, moves=None, keep=MOMENTUM, ddof=0,
    epsilon=EPSILON, outside=0.0,
):  # fmt: skip
    """The layer, or one that confuses something."""
    batch = not frozen if batch is None else batch
    moves = not frozen if moves is None else moves
    mean, variance = x.mean(axis=0), x.var(axis=0, ddof=ddof if len(x) > 1 else 0)
    after = moving_mean, moving_variance
    if moves:
        after = tuple(
            keep * old + (1 - keep) * new for old, new in zip(after, (mean, variance), strict=True)
        )
    if not batch:
        mean, variance = moving_mean, moving_variance
    return (x - mean) / (np.sqrt(variance + epsilon) + outside), *after


def _layer(n, d, seed, frozen):
    rng = np.random.default_rng(seed)
    return 2 + 3 * rng.normal(size=(n, d)), rng.normal(size=d), rng.uniform(0.2, 2, d), frozen


normalization = Exercise(
    "normalization",
    reference=normalized_batch,
    cases=[
        Case("in training, four pictures", *_layer(4, 3, 0, False)),
        Case("frozen, four pictures", *_layer(4, 3, 1, True)),
        Case("frozen, one picture", *_layer(1, 2, 2, True)),
        Case("in training, one picture", *_layer(1, 2, 3, False)),
        Case("in training, nine pictures", *_layer(9, 2, 4, False)),
    ],
    mistakes=[
        Mistake(
            "A frozen layer does not look at the batch: it divides by what it has kept.",
            lambda *four: _normalized(*four, batch=True),
        ),
        Mistake(
            "A frozen layer's averages stay where they are; yours move.",
            lambda *four: _normalized(*four, moves=True),
        ),
        Mistake(
            "In training the averages must move towards those of the batch; yours stay.",
            lambda *four: _normalized(*four, moves=False),
        ),
        Mistake(
            "In training the batch's own mean and variance are used, not the averages.",
            lambda *four: _normalized(*four, batch=False),
        ),
        Mistake(
            "Nine tenths of the old average stay, one tenth of the batch comes in. You have it "
            "the other way round.",
            lambda *four: _normalized(*four, keep=1 - MOMENTUM),
        ),
        Mistake(
            "The variance is the mean of the squared distances, over n, not n - 1.",
            lambda *four: _normalized(*four, ddof=1),
        ),
        Mistake(
            "The 0.001 is missing under the root.", lambda *four: _normalized(*four, epsilon=0.0)
        ),
        Mistake(
            "The 0.001 belongs under the root.",
            lambda *four: _normalized(*four, epsilon=0.0, outside=EPSILON),
        ),
    ],
    hints=[
        "Begin with frozen: one line, and two arrays that you return as they came.",
        "In training: x.mean(axis=0) and x.var(axis=0) first. They normalise, and they move the "
        "averages.",
        "new = 0.9 * old + 0.1 * batch, for the mean and for the variance.",
    ],
    solution="""
def my_normalization(x, moving_mean, moving_variance, frozen):
    if frozen:
        x = (x - moving_mean) / np.sqrt(moving_variance + 0.001)
        return x, moving_mean, moving_variance
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x = (x - mean) / np.sqrt(variance + 0.001)
    moving_mean = 0.9 * moving_mean + 0.1 * mean
    moving_variance = 0.9 * moving_variance + 0.1 * variance
    return x, moving_mean, moving_variance
""",
)

# ---- rate_below ------------------------------------------------------------------------------

INPUTS, UNITS, KEPT = 20, 30, 0.85


def _points(n, seed):
    """Inputs, and the classes that the old and the new task ask for."""
    rng = np.random.default_rng([13, seed])
    x = rng.normal(size=(n, INPUTS))
    old = (x[:, 0] + 0.7 * x[:, 1] * np.sign(x[:, 2]) > 0).astype(int)
    new = (x[:, 3] + 0.7 * x[:, 4] > 0).astype(int)
    return x, old, new


def _descend(x, y, below, head, rate_below, rate_head, steps):
    """Descent on the mean cross-entropy, with one rate for the layer below and one for the head."""
    below, head = [w.copy() for w in below], [w.copy() for w in head]
    for _ in range(steps):
        scores = x @ below[0] + below[1]
        features = relu(scores)
        *of_head, of_features = head_gradients_of(features, head[0], head[1], y)
        of_scores = of_features * (scores > 0)
        for w, slope in zip(head, of_head, strict=True):
            w -= rate_head * slope
        for w, slope in zip(below, (x.T @ of_scores, of_scores.sum(axis=0)), strict=True):
            w -= rate_below * slope
    return below, head


@functools.cache
def _pretrained():
    rng = np.random.default_rng(0)
    below = [rng.normal(0, np.sqrt(2 / INPUTS), (INPUTS, UNITS)), np.zeros(UNITS)]
    head = [0.1 * rng.normal(size=(UNITS, 2)), np.zeros(2)]
    x, old, _ = _points(2000, 0)
    return _descend(x, old, below, head, 0.5, 0.5, 600)


def fine_tune(rate_below: float) -> tuple[float, float]:
    """Fine-tune a small network on 20 examples of a new task: what it knows then of old and new.

    It has a layer of 30 ReLUs, learned with the old head on 2,000 examples of the old task. Now a
    new head learns the new task for 200 steps at a rate of 0.5, and the layer below moves at a
    rate of its own. The old head is kept as it was.

    Args:
        rate_below: learning rate of the layer below, 0 (frozen) or more.

    Returns:
        Accuracy on 4,000 fresh examples: of the old task by the old head, of the new one by the
        new head.

    Raises:
        ValueError: the rate is below 0, or no number.

    Example:
        >>> old, new = fine_tune(0.0)
        >>> old > 0.9
        True
    """
    if not (np.ndim(rate_below) == 0 and np.isfinite(rate_below) and rate_below >= 0):
        raise ValueError(f"rate_below is {rate_below!r}; expected a number of 0 or more")
    below, old_head = _pretrained()
    x, _, new = _points(20, 1)
    start = [np.zeros((UNITS, 2)), np.zeros(2)]
    below, new_head = _descend(x, new, below, start, float(rate_below), 0.5, 200)
    x, old, new = _points(4000, 2)
    features = relu(x @ below[0] + below[1])
    found = []
    for head, y in ((old_head, old), (new_head, new)):
        found.append(float(np.mean((features @ head[0] + head[1]).argmax(axis=1) == y)))
    return found[0], found[1]


def _is_a_rate(rate):
    if isinstance(rate, (bool, str)) or np.ndim(rate) or np.asarray(rate).dtype.kind not in "iuf":
        return f"give one number, a rate; it is {type(rate).__name__}."
    if not np.isfinite(rate) or rate < 0:
        return f"the rate is {rate}; it must be 0 or more."


def _is_the_largest(rate):
    rate = float(rate)
    old, _ = fine_tune(rate)
    if old < KEPT:
        return f"at {rate:.3g} the old task is down to {old:.1%}: too much is forgotten."
    further, _ = fine_tune(1.2 * rate)
    if rate == 0:
        return "frozen, nothing is forgotten, and nothing moves. How far can you go?"
    if further >= KEPT:
        return f"a rate a fifth larger, {1.2 * rate:.3g}, still keeps {further:.1%}. Go further up."


rate_below = Exercise(
    "rate_below",
    properties=[
        Property("a rate", _is_a_rate),
        Property("the largest that keeps 85 % on the old task, to a fifth", _is_the_largest),
    ],
    hints=[
        "exercises.fine_tune(0.01)[0] is what is left of the old task. Try rates ten times apart.",
        "Between which two does it fall below 0.85? Halve that interval, on a logarithmic scale.",
        "np.sqrt(low * high) is the middle. Keep low where 0.85 or more is left, high where less.",
    ],
    solution="""
low, high = 0.0001, 10.0
for _ in range(12):
    middle = np.sqrt(low * high)
    if exercises.fine_tune(middle)[0] >= 0.85:
        low = middle
    else:
        high = middle
my_rate_below = low
""",
    time_limit=20.0,
)

# ---- referee ---------------------------------------------------------------------------------

_SEEN, _TESTED, _COPIES = 1000, 400, 200


def archive(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a colleague's network was trained on, its test pictures, and which it gets right.

    A picture is 16 numbers here. Some test pictures come from the same series as pictures of the
    training: hardly a number differs, but none is exactly equal.

    Args:
        seed: of the draw, 0 or more.

    Returns:
        seen, float ``(1000, 16)``; x_test, float ``(400, 16)``; is_right, bool ``(400,)``.

    Example:
        >>> seen, x_test, is_right = archive()
        >>> seen.shape, x_test.shape, is_right.shape
        ((1000, 16), (400, 16), (400,))
    """
    rng = np.random.default_rng([17, seed])
    seen = rng.normal(size=(_SEEN, 16))
    x_test = rng.normal(size=(_TESTED, 16))
    series = rng.choice(_SEEN, _COPIES, replace=False)
    x_test[:_COPIES] = seen[series] + 0.02 * rng.normal(size=(_COPIES, 16))
    x_test = x_test[rng.permutation(_TESTED)]
    y_seen, y_test = ((x[:, 0] + 2 * x[:, 1] * x[:, 2] > 0).astype(int) for x in (seen, x_test))
    distances = ((x_test[:, np.newaxis] - seen) ** 2).sum(axis=2)
    return seen, x_test, y_seen[distances.argmin(axis=1)] == y_test


# Measured over seeds 0 to 9: of all, of the copies, of the others.
ALL, COPIED, FRESH = 0.84, 0.99, 0.68


def _is_without_copies(answer):
    answer = float(answer)
    if abs(answer - FRESH) <= 0.07:
        return None
    if answer > 0.95:
        return "that is the accuracy on the copies alone. The others are asked for."
    if abs(answer - ALL) <= 0.05:
        return (
            "that is the colleague's own number, or close to it. No two pictures are *exactly* "
            "equal. Look at how far each test picture is from the nearest one seen."
        )
    if answer < 0.55:
        return "that is near a coin. Did you count which pictures are copies, or which are right?"
    return "it is not the share right among test pictures that have no near copy in the training."


referee = Exercise(
    "referee",
    properties=[
        Property("it is an accuracy", not_an_accuracy),
        Property("no test picture has a near copy in the training", _is_without_copies),
    ],
    hints=[
        "Which distance does a test picture have to the nearest of the seen ones? Draw a "
        "histogram of them.",
        "There are two heaps, far apart. Those of the left heap have been seen, nearly.",
        "np.linalg.norm(x_test[:, None] - seen, axis=2).min(axis=1) > 0.5 picks the others.",
    ],
    solution="""
seen, x_test, is_right = exercises.archive()
nearest = np.linalg.norm(x_test[:, None] - seen, axis=2).min(axis=1)
my_referee = is_right[nearest > 0.5].mean()
""",
)
