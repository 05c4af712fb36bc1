"""A whole small GPT in NumPy, from the weights of ``dlkit.models.small_gpt``, with a memory."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.scratch import activations, attention
from dlkit.scratch._checks import as_float, check_shape, check_whole

__all__ = ["SmallGPT"]

PER_BLOCK = 6  # weights: norm, qkv, mix, norm, up, down
EPSILON = 1e-5  # of the normalisations


class SmallGPT:
    """Reads tokens and gives the logits of each next one; with a cache it reads nothing twice.

    Tokens become rows of an embedding plus rows of positions; then, block by block,

        h = h + attention(norm(h));  h = h + activation(norm(h) W_up) W_down,

    and logits = norm(h) W. The keys and values of a token depend on it and on those before it
    alone. So they can be kept, and each further token costs one row of every product.

    Args:
        weights: what ``model.get_weights()`` gives: embedding, positions (not in a model without),
            six of each block (norm, qkv, mix, norm, up, down), norm, logits.
        heads: of the attention; must divide the width.
        activation: a name of ``dlkit.scratch.activations``.

    Attributes:
        context: tokens that can be read, or None in a model without positions.
        classes, width, depth: sizes, whole numbers.

    Raises:
        ValueError: the weights are not as described, or the heads do not divide the width.

    Source: Radford and others (2019), Language models are unsupervised multitask learners.

    Example:
        >>> shapes = [(5, 4), (8, 4), (4,), (4, 12), (4, 4), (4,), (4, 16), (16, 4), (4,), (4, 5)]
        >>> rng = np.random.default_rng(0)
        >>> model = SmallGPT([rng.normal(size=shape) for shape in shapes], heads=2)
        >>> model.forward([[0, 3, 1]]).shape
        (1, 3, 5)
        >>> cache = []
        >>> step_by_step = [model.forward([[token]], cache)[0, 0] for token in (0, 3, 1)]
        >>> bool(np.allclose(step_by_step, model.forward([[0, 3, 1]])[0]))
        True
    """

    def __init__(self, weights: Sequence[ArrayLike], heads: int, activation: str = "gelu") -> None:
        arrays = [as_float(weight) for weight in weights]
        has_positions = len(arrays) % PER_BLOCK == 4
        if len(arrays) < 3 + PER_BLOCK or len(arrays) % PER_BLOCK not in (3, 4):
            raise ValueError(
                f"there are {len(arrays)} weights; expected 3 + 6 for each block, and 1 more with "
                "positions: pass model.get_weights() of a dlkit.models.small_gpt"
            )
        self._heads = check_whole("heads", heads)
        self._activation: Callable = activations.get(activation)
        check_shape("the embedding", arrays[0], (None, None))
        self.classes, self.width = arrays[0].shape
        if self.width % heads:
            raise ValueError(f"the width is {self.width} and heads {heads}, which must divide it")
        first = 1 + has_positions
        self.depth = (len(arrays) - first) // PER_BLOCK
        self._embedding, self._positions = arrays[0], arrays[1] if has_positions else None
        self.context = len(arrays[1]) if has_positions else None
        split = range(first, first + PER_BLOCK * self.depth, PER_BLOCK)
        self._blocks = [arrays[start : start + PER_BLOCK] for start in split]
        self._norm, self._logits = arrays[-2:]
        self._check(arrays)

    def _check(self, weights):
        w = self.width
        block = [(w,), (w, 3 * w), (w, w), (w,), (w, 4 * w), (4 * w, w)]
        positions = [] if self.context is None else [(None, w)]
        expected = [(self.classes, w), *positions, *self.depth * block, (w,), (w, self.classes)]
        for number, (weight, shape) in enumerate(zip(weights, expected, strict=True)):
            check_shape(f"weight {number}", weight, shape)

    def forward(self, ids: ArrayLike, cache: list | None = None) -> np.ndarray:
        """Logits of each next token.

        Args:
            ids: whole numbers ``(batch, time)``, from 0 to ``classes - 1``.
            cache: None, or a list that holds what was read before, empty at first: the ids go on
                from there, and their keys and values are put into it, a pair of arrays
                ``(batch, heads, tokens, width / heads)`` for each block.

        Returns:
            Float array ``(batch, time, classes)``.

        Raises:
            ValueError: ids out of range or in another shape, another batch than in the cache, or
                more tokens than the context, those in the cache included.
        """
        tokens = self._as_ids(ids)
        batch, time = tokens.shape
        memory = cache if cache else []
        before = memory[0][0].shape[2] if memory else 0
        if memory and len(memory[0][0]) != batch:
            raise ValueError(
                f"ids have a batch of {batch} and the cache one of {len(memory[0][0])}: start with "
                "an empty list for other texts"
            )
        if self.context is not None and before + time > self.context:
            raise ValueError(
                f"the text has {before + time} tokens, {before} of them in the cache; expected at "
                f"most {self.context}, the context: read the last ones alone, with an empty cache"
            )
        h = self._embedding[tokens]
        if self._positions is not None:
            h = h + self._positions[before : before + time]
        mask = attention.causal_mask(time, before + time)
        kept: list[tuple[np.ndarray, np.ndarray]] = []
        for number, (norm, qkv, mix, norm_mlp, up, down) in enumerate(self._blocks):
            parts = np.split(self._normalized(h, norm) @ qkv, 3, axis=-1)
            query, key, value = (attention.split_heads(part, self._heads) for part in parts)
            if memory:
                key, value = (
                    np.concatenate([old, new], axis=2)
                    for old, new in zip(memory[number], (key, value), strict=True)
                )
            kept.append((key, value))
            mixed, _ = attention.scaled_dot_product_attention(query, key, value, mask)
            h = h + attention.merge_heads(mixed) @ mix
            h = h + self._activation(self._normalized(h, norm_mlp) @ up) @ down
        if cache is not None:
            cache[:] = kept
        return self._normalized(h, self._norm) @ self._logits

    def reader(self) -> Callable[[np.ndarray], np.ndarray]:
        """A new reader with a memory of its own, as ``dlkit.text.generate`` wants it.

        Returns:
            Function from current tokens, int ``(batch,)``, to the logits of the next ones,
            ``(batch, classes)``. When the context is full, it forgets all but the later half of
            it, reads that again as a text of its own, and goes on.
        """
        cache: list = []
        read: list[np.ndarray] = []

        def step(ids):
            ids = np.asarray(ids)
            if self.context is not None and len(read) == self.context:
                del read[: self.context - self.context // 2]
                cache.clear()
                if read:
                    self.forward(np.stack(read, axis=1), cache)
            logits = self.forward(ids[:, None], cache)[:, -1]
            read.append(ids)
            return logits

        return step

    def _normalized(self, h, gamma):
        centered = h - h.mean(axis=-1, keepdims=True)
        return centered / np.sqrt(h.var(axis=-1, keepdims=True) + EPSILON) * gamma

    def _as_ids(self, ids):
        ids = np.asarray(ids)
        if ids.ndim != 2 or 0 in ids.shape or ids.dtype.kind not in "iu":
            raise ValueError(
                f"ids have shape {ids.shape} and type {ids.dtype}; expected whole numbers (batch, "
                "time), at least one: for one text, ids[None]"
            )
        if ids.min() < 0 or ids.max() >= self.classes:
            raise ValueError(
                f"ids run from {ids.min()} to {ids.max()}; expected 0 to {self.classes - 1}: were "
                "they made by another vocabulary?"
            )
        return ids
