"""Writing: classes drawn from logits, one step of a model after the other."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def likeliest(
    logits: ArrayLike, *, top_k: int | None = None, top_p: float | None = None
) -> np.ndarray:
    """Forbid all classes but the likeliest, row by row: the others get minus infinity.

    Of equal classes the first are kept. Where both limits are given, both hold: ``top_p`` looks at
    the probabilities of what ``top_k`` has left.

    Args:
        logits: ``(classes,)`` or ``(batch, classes)``.
        top_k: how many classes to keep, 1 or more.
        top_p: keep the smallest set of the likeliest classes whose probabilities add up to this,
            above 0 and at most 1; the *nucleus*.

    Returns:
        float64 array of the same shape.

    Raises:
        ValueError: a limit or the logits are not as described.

    Sources: Fan, Lewis and Dauphin (2018), arXiv:1805.04833, for k; Holtzman, Buys, Du, Forbes and
    Choi (2020), arXiv:1904.09751, for p.

    Example:
        >>> likeliest(np.log([0.5, 0.1, 0.4]), top_k=2).round(2)
        array([-0.69,  -inf, -0.92])
        >>> np.isfinite(likeliest(np.log([0.5, 0.1, 0.4]), top_p=0.45))
        array([ True, False, False])
    """
    kept = _as_logits(logits)
    if top_k is not None:
        if isinstance(top_k, bool) or not isinstance(top_k, (int, np.integer)) or top_k < 1:
            raise ValueError(f"top_k is {top_k!r}; expected a whole number of classes, 1 or more")
        order = np.argsort(-kept, axis=-1, kind="stable")
        np.put_along_axis(kept, order[..., top_k:], -np.inf, axis=-1)
    if top_p is not None:
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p is {top_p}; expected a probability above 0 and at most 1")
        order = np.argsort(-kept, axis=-1, kind="stable")
        ranked = np.take_along_axis(kept, order, axis=-1)
        p = np.exp(ranked - ranked[..., :1])
        p /= p.sum(axis=-1, keepdims=True)
        enough_before = np.cumsum(p, axis=-1) - p >= top_p
        np.put_along_axis(kept, order, np.where(enough_before, -np.inf, ranked), axis=-1)
    return kept


def sample(
    logits: ArrayLike,
    temperature: float,
    rng: np.random.Generator,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """Draw a class from softmax(logits / temperature), one for each row.

    Below 1 the temperature favours the likely classes, above 1 it evens them out. The draw is the
    largest of logits / temperature + Gumbel noise, which gives each class its probability exactly.

    Args:
        logits: ``(classes,)`` or ``(batch, classes)``; minus infinity forbids a class.
        temperature: above 0 and finite.
        rng: a ``np.random.Generator``; the only source of chance.
        top_k, top_p: draw among the likeliest classes only, as `likeliest` keeps them of
            logits / temperature. With ``top_k=1`` nothing is left to chance.

    Returns:
        A whole number for ``(classes,)``, an int array ``(batch,)`` for ``(batch, classes)``.

    Raises:
        ValueError: the temperature is not above 0, or the logits or limits are not as described.

    Source: Maddison, Tarlow, Minka (2014), A* sampling, arXiv:1411.0030, for the Gumbel draw.

    Example:
        >>> int(sample([0.0, 50.0, 0.0], 1.0, np.random.default_rng(0)))
        1
    """
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(
            f"temperature is {temperature}; expected a finite number above 0. For the likeliest "
            "class each time, which is the limit at 0, take logits.argmax(axis=-1)"
        )
    rows = _as_logits(logits)
    largest = rows.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # minus infinity is right where the division overflows
        scaled = (rows - largest) / temperature
    if top_k is not None or top_p is not None:
        scaled = likeliest(scaled, top_k=top_k, top_p=top_p)
    return np.argmax(scaled + rng.gumbel(size=scaled.shape), axis=-1)


def generate(
    step: Callable[[np.ndarray], ArrayLike],
    prompt: ArrayLike,
    length: int,
    temperature: float,
    rng: np.random.Generator,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """Go on writing after a prompt: one step of a model for each character.

    The model reads the prompt, then its own characters, each once, and must remember them.

    Args:
        step: function from current characters, int ``(batch,)``, to the logits of the next ones,
            ``(batch, classes)``. It starts with an empty memory.
        prompt: whole numbers, ``(time,)`` or for several texts ``(batch, time)``; at least one.
        length: characters to write, 0 or more.
        temperature: as for `sample`.
        rng: a ``np.random.Generator``.
        top_k, top_p: as for `sample`.

    Returns:
        The new characters without the prompt: int array ``(length,)`` or ``(batch, length)``.

    Raises:
        ValueError: the prompt is empty, ``length`` is below 0, or ``step`` gives another shape.

    Example:
        >>> def after(ids):  # 0, 1, 2, 0, 1, 2, …
        ...     return 99.0 * np.eye(3)[(ids + 1) % 3]
        >>> generate(after, [0], 5, 1.0, np.random.default_rng(0))
        array([1, 2, 0, 1, 2])
    """
    prompt = np.asarray(prompt)
    if prompt.ndim not in (1, 2) or 0 in prompt.shape or prompt.dtype.kind not in "iu":
        raise ValueError(
            f"the prompt has shape {prompt.shape} and type {prompt.dtype}; expected whole numbers "
            "(time,) or (batch, time), at least one: encode a text such as a line break"
        )
    if length < 0:
        raise ValueError(f"length is {length}; expected 0 or more characters")
    rows = np.atleast_2d(prompt)
    for ids in rows.T:
        logits = _checked(step(ids), len(rows))
    made = np.empty((len(rows), length), dtype=np.int64)
    for t in range(length):
        made[:, t] = sample(logits, temperature, rng, top_k=top_k, top_p=top_p)
        if t + 1 < length:
            logits = _checked(step(made[:, t]), len(rows))
    return made if prompt.ndim == 2 else made[0]


def stateful_step(model: Any, state: ArrayLike) -> Callable[[np.ndarray], np.ndarray]:
    """A step for `generate` from a model that takes its state and gives the next one back.

        (logits, h) = model(ids, h_before),   and h_before starts as ``state``

    Args:
        model: a ``keras.Model`` from ``[ids, state]``, of shapes ``(batch,)`` and
            ``(batch, units)``, to ``[logits, state]``; only its ``predict_on_batch`` is called.
        state: the first state, ``(batch, units)``; zeros are an empty memory.

    Returns:
        function from ids, int ``(batch,)``, to logits ``(batch, classes)``. It remembers; make a
        new one for a new text.

    Raises:
        ValueError: the model has no ``predict_on_batch``, or (in a step) gives anything but logits
            and a state of the same shape.

    Source: Karpathy (2015), The unreasonable effectiveness of recurrent neural networks.

    Example:
        >>> class Adding:  # its state is the sum of what it has read
        ...     def predict_on_batch(self, inputs):
        ...         ids, state = inputs
        ...         return np.eye(3)[(ids + state[:, 0]) % 3], ids[:, None] + state
        >>> step = stateful_step(Adding(), np.zeros((1, 1), int))
        >>> step(np.array([1])), step(np.array([1]))
        (array([[0., 1., 0.]]), array([[0., 0., 1.]]))
    """
    if not hasattr(model, "predict_on_batch"):
        raise ValueError(
            f"model is a {type(model).__name__}; expected a Keras model with predict_on_batch: "
            "make one with keras.Model([ids, state], [logits, new_state])"
        )
    kept = np.asarray(state)

    def step(ids: np.ndarray) -> np.ndarray:
        nonlocal kept
        found = model.predict_on_batch([np.asarray(ids), kept])
        if not isinstance(found, (list, tuple)) or len(found) != 2:
            raise ValueError(
                f"the model gave a {type(found).__name__}; expected the pair logits and state: "
                "name both as its outputs"
            )
        if np.shape(found[1]) != kept.shape:
            raise ValueError(
                f"the model's state has the shape {np.shape(found[1])}; expected {kept.shape}, "
                "that of the first: begin with one row for each text, and logits come before it"
            )
        logits, kept = found
        return logits

    return step


def _as_logits(logits: ArrayLike) -> np.ndarray:
    rows = np.array(logits, dtype=np.float64)
    if rows.ndim not in (1, 2) or rows.shape[-1] == 0:
        raise ValueError(
            f"logits have shape {rows.shape}; expected (classes,) or (batch, classes): of a "
            "model's (batch, time, classes) take the last step, logits[:, -1]"
        )
    if not np.isfinite(rows.max(axis=-1)).all():  # NaN wins a maximum
        raise ValueError(
            "logits hold NaN, plus infinity, or a row of minus infinity alone; expected finite "
            "numbers: did the training diverge?"
        )
    return rows


def _checked(logits, batch):
    if np.ndim(logits) != 2 or len(logits) != batch:
        raise ValueError(
            f"step gave logits of shape {np.shape(logits)} for {batch} characters; expected "
            f"({batch}, classes): one row for each"
        )
    return logits
