"""Exercises of lesson 17: a merge, a cache, a nucleus, a vocabulary's size, and a referee."""

from collections.abc import Sequence

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.activations import softmax

# ---- merge_pair ------------------------------------------------------------------------------


def merged_tokens(ids: Sequence[int], pair: tuple[int, int], new: int) -> list[int]:
    """The tokens with each occurrence of a pair, from left to right, replaced by a new token.

    Args:
        ids: whole numbers ``(n,)``.
        pair: two neighbours, left and right.
        new: the token that replaces them.

    Returns:
        A list, shorter by the number of occurrences that do not overlap.

    Source: Sennrich, Haddow and Birch (2016), doi:10.18653/v1/P16-1162, section 3.2.

    Example:
        >>> merged_tokens([1, 2, 1, 2, 2], (1, 2), 9)
        [9, 9, 2]
    """
    made: list[int] = []
    place = 0
    while place < len(ids):
        if tuple(ids[place : place + 2]) == tuple(pair):
            made.append(new)
            place += 2
        else:
            made.append(int(ids[place]))
            place += 1
    return made


def _first_only(ids, pair, new):
    for place in range(len(ids) - 1):
        if tuple(ids[place : place + 2]) == pair:
            return [*ids[:place], new, *ids[place + 2 :]]
    return list(ids)


def _overlapping(ids, pair, new):
    made, used = [], False
    for place, token in enumerate(ids):
        found = tuple(ids[place : place + 2]) == pair
        if found:
            made.append(new)
        elif not used:
            made.append(token)
        used = found
    return made


def _right_stays(ids, pair, new):
    return [
        new if tuple(ids[place : place + 2]) == pair else token for place, token in enumerate(ids)
    ]


def _last_lost(ids, pair, new):
    made, place = [], 0
    while place < len(ids) - 1:
        found = tuple(ids[place : place + 2]) == pair
        made.append(new if found else ids[place])
        place += 2 if found else 1
    return made


def _either_order(ids, pair, new):
    made, place = [], 0
    while place < len(ids):
        found = set(ids[place : place + 2]) == set(pair) and len(ids[place : place + 2]) == 2
        made.append(new if found else ids[place])
        place += 2 if found else 1
    return made


merge_pair = Exercise(
    "merge_pair",
    reference=merged_tokens,
    cases=[
        Case("twice in a row", [1, 2, 1, 2, 2], (1, 2), 9),
        Case("with other tokens between", [5, 1, 2, 7, 1, 2], (1, 2), 300),
        Case("the same token five times", [4, 4, 4, 4, 4], (4, 4), 8),
        Case("the two in the other order as well", [2, 1, 2, 1, 3], (1, 2), 9),
        Case("nowhere", [3, 1, 4, 1], (1, 5), 9),
        Case("no tokens", [], (1, 2), 9),
    ],
    mistakes=[
        Mistake("You replace the first occurrence only.", _first_only),
        Mistake(
            "You use a token twice: in a row of equal tokens each belongs to one pair.",
            _overlapping,
        ),
        Mistake("The right half of the pair stays behind the new token.", _right_stays),
        Mistake("The last token gets lost where it ends no pair.", _last_lost),
        Mistake("Order counts: (1, 2) is not (2, 1).", _either_order),
    ],
    hints=[
        "How far may you move on after a pair, and how far after a token that begins none?",
        "Keep a place, and a list of what is made; move on by two or by one in a while loop.",
        "Compare tuple(ids[place : place + 2]) with the pair: at the end it has one entry only.",
    ],
)

# ---- cached_step -----------------------------------------------------------------------------


def attend_with_cache(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, keys: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of one attention head that remembers the keys and values of the steps before.

    keys', values' = the cache with the new row; y = softmax(query keys'^T / sqrt(d)) values'

    Args:
        query, key, value: of the new step, shape ``(d,)`` each.
        keys, values: of the t steps before, shape ``(t, d)`` each; t may be 0.

    Returns:
        Output ``(d,)``, keys ``(t + 1, d)``, values ``(t + 1, d)``.

    Source: Vaswani and others (2017), arXiv:1706.03762, equation 1; that rows are kept is
    Shazeer (2019), arXiv:1911.02150, section 2.4.

    Example:
        >>> one, nothing = np.ones(2), np.zeros((0, 2))
        >>> y, keys, values = attend_with_cache(one, one, 3 * one, nothing, nothing)
        >>> y, keys.shape
        (array([3., 3.]), (1, 2))
    """
    keys, values = np.vstack([keys, key]), np.vstack([values, value])
    weights = softmax(keys @ query / np.sqrt(len(query)))
    return weights @ values, keys, values


def _attention(scale="d", own=True, keep=True, swapped=False, front=False):
    """The same with one thing else about it."""

    def mistaken(query, key, value, keys, values):
        rows = (key, keys) if front else (keys, key)
        more = (value, values) if front else (values, value)
        all_keys, all_values = np.vstack(rows), np.vstack(more)
        seen_keys, seen_values = (all_keys, all_values) if own or not len(keys) else (keys, values)
        if swapped:
            seen_keys, seen_values = seen_values, seen_keys
        factor = {"d": np.sqrt(len(query)), "none": 1.0, "t": np.sqrt(len(seen_keys))}[scale]
        y = softmax(seen_keys @ query / factor) @ seen_values
        return (y, all_keys, all_values) if keep else (y, keys, values)

    return mistaken


def _drawn(seed, steps, size):
    rng = np.random.default_rng(seed)
    return (*rng.normal(size=(3, size)), *rng.normal(size=(2, steps, size)))


cached_step = Exercise(
    "cached_step",
    reference=attend_with_cache,
    cases=[
        Case("after three steps", *_drawn(0, 3, 4)),
        Case("the very first step", *_drawn(1, 0, 4)),
        Case("after nine steps", *_drawn(2, 9, 2)),
        Case("scores of hundreds", *(30 * row for row in _drawn(3, 4, 3))),
    ],
    mistakes=[
        Mistake(
            "A step also sees itself: put the new key and value in before you look.",
            _attention(own=False),
        ),
        Mistake("The scores are not divided by the square root of d.", _attention("none")),
        Mistake(
            "You divide by the number of steps. It is d, the length of the query.", _attention("t")
        ),
        Mistake(
            "You return the old cache, so the next step will not know this one.",
            _attention(keep=False),
        ),
        Mistake(
            "Query meets key; what is added up are the values. You have them exchanged.",
            _attention(swapped=True),
        ),
        Mistake("The new row goes to the end: steps stand in order.", _attention(front=True)),
    ],
    hints=[
        "What does the new step need of the steps before, and what of itself?",
        "First np.vstack the cache and the new row, for keys and for values.",
        "Then softmax(keys @ query / sqrt(d)) @ values; activations.softmax bears large scores.",
    ],
)

# ---- nucleus ---------------------------------------------------------------------------------


def nucleus_probabilities(p: np.ndarray, top_p: float) -> np.ndarray:
    """Probabilities of what top-p sampling may still draw: the others get 0, the rest sums to 1.

    Args:
        p: probabilities ``(classes,)``, all different, that add up to 1.
        top_p: the classes kept are the fewest likeliest ones that add up to at least this; between
            0 and 1.

    Returns:
        Array ``(classes,)``.

    Source: Holtzman, Buys, Du, Forbes and Choi (2020), arXiv:1904.09751, section 3.1.

    Example:
        >>> nucleus_probabilities(np.array([0.1, 0.6, 0.3]), 0.8).round(3)
        array([0.   , 0.667, 0.333])
    """
    order = np.argsort(p)[::-1]
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros_like(p)
    kept[order[before < top_p]] = p[order[before < top_p]]
    return kept / kept.sum()


def _without_the_last(p, top_p):
    order = np.argsort(p)[::-1]
    inside = order[np.cumsum(p[order]) <= top_p]
    kept = np.zeros_like(p)
    inside = inside if len(inside) else order[:1]
    kept[inside] = p[inside]
    return kept / kept.sum()


def _from_the_least(p, top_p):
    order = np.argsort(p)
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros_like(p)
    kept[order[before < top_p]] = p[order[before < top_p]]
    return kept / kept.sum()


def _not_renormalized(p, top_p):
    return np.where(nucleus_probabilities(p, top_p) > 0, p, 0)


def _by_size(p, top_p):
    kept = np.where(p >= min(1 - top_p, p.max()), p, 0)
    return kept / kept.sum()


def _unsorted(p, top_p):
    kept = np.where(np.cumsum(p) - p < top_p, p, 0)
    return kept / kept.sum()


_SPREAD = np.array([0.05, 0.4, 0.02, 0.25, 0.15, 0.08, 0.04, 0.01])

nucleus = Exercise(
    "nucleus",
    reference=nucleus_probabilities,
    cases=[
        Case("three classes", np.array([0.11, 0.59, 0.3]), 0.8),
        Case("eight classes, top 0.7", _SPREAD, 0.7),
        Case("eight classes, top 0.95", _SPREAD, 0.95),
        Case("one class is enough", np.array([0.03, 0.9, 0.07]), 0.5),
    ],
    mistakes=[
        Mistake(
            "The class that crosses the line belongs to it: without it the sum is too small.",
            _without_the_last,
        ),
        Mistake("You keep the least likely classes.", _from_the_least),
        Mistake("What is left must add up to 1 again.", _not_renormalized),
        Mistake("top_p is a sum, not the size of a single probability.", _by_size),
        Mistake("Add up the likeliest first, not in the order in which they stand.", _unsorted),
    ],
    hints=[
        "Which class do you put in first, and when do you stop?",
        "Sort by np.argsort(p)[::-1]. A class is in while the sum *before* it is below top_p.",
        "Set the others to 0 at their own places, and divide by what is left.",
    ],
)

# ---- half_size -------------------------------------------------------------------------------

_STEMS = (
    *("wind", "Tür", "Straße", "fließen", "größer", "hören", "König", "schön", "lachen"),
    *("Brücke", "über", "müde", "Wasser"),
)
_ENDS = ("", "", "en", "t", "lich", "lichkeit", "es")


def two_texts() -> tuple[str, str]:
    """A text to learn tokens from, and another to judge them on; words put together by chance.

    Returns:
        Two `str`, of about 6,000 and 2,000 characters, the same at each call.

    Example:
        >>> learn, judge = two_texts()
        >>> len(learn) > len(judge) > 1000
        True
    """
    rng = np.random.default_rng(17)

    def words(count):
        chosen = zip(rng.integers(0, len(_STEMS), count), rng.integers(0, 7, count), strict=True)
        return " ".join(_STEMS[stem] + _ENDS[end] for stem, end in chosen)

    return words(800), words(270)


# Smallest vocabularies with at most half as many tokens as characters: on the text to judge, on
# the text to learn from, and with bytes for characters.
HALF, HALF_ON_LEARNED, HALF_OF_BYTES = 290, 288, 284


def _is_a_size(answer):
    if isinstance(answer, (str, bool)) or np.ndim(answer) or answer != int(answer):
        return "give one whole number: how many tokens."


def _is_smallest(answer):
    answer = int(answer)
    if answer == HALF:
        return None
    if answer == HALF - 256:
        return "these are the merges. The 256 bytes are tokens as well."
    if answer == HALF_ON_LEARNED:
        return "that is so on the text from which the tokens were learned. Judge on the other."
    if answer == HALF_OF_BYTES:
        return "you counted bytes. Some of these characters take two."
    if answer == HALF - 1:
        return "one token more is needed. Is your count of tokens at most half?"
    if answer > HALF:
        return "it is reached with fewer tokens already."
    return "with so few there are still more tokens than half the characters."


half_size = Exercise(
    "half_size",
    properties=[
        Property("it is a number of tokens", _is_a_size),
        Property("it is the smallest that halves the text", _is_smallest),
    ],
    hints=[
        "Two texts: which of them may the tokens know, and which is to be halved?",
        "For one size: len(BytePairs.train(learn, size).encode(judge)), beside len(judge).",
        "Each further merge makes the text shorter or leaves it: try all sizes upwards from 256.",
    ],
    solution="""
learn, judge = exercises.two_texts()
size = 256
while len(BytePairs.train(learn, size).encode(judge)) > len(judge) / 2:
    size += 1
my_half_size = size
""",
)

# ---- referee ---------------------------------------------------------------------------------


def two_models() -> dict[str, np.ndarray]:
    """What a referee gets to see: what two models gave to one text, character by character or not.

    Returns:
        Dict of arrays. ``token_log_p``: natural logarithm of the probability that each token got,
        ``(tokens,)``; ``token_characters``: how many characters it spells, ``(tokens,)``;
        ``character_log_p``: the same logarithm for each character, by the other model,
        ``(characters,)``. Both spell the same text.

    Example:
        >>> found = two_models()
        >>> int(found["token_characters"].sum()) == len(found["character_log_p"])
        True
    """
    rng = np.random.default_rng(4)
    characters = rng.choice([1, 1, 1, 2, 2, 3, 4, 5, 6], size=3000)
    cost = (0.7 + 1.25 * characters) * rng.gamma(2.0, 0.5, size=3000)
    of_characters = rng.gamma(1.2, 1.62 / 1.2, size=characters.sum())
    return {
        "token_log_p": -cost,
        "token_characters": characters,
        "character_log_p": -of_characters,
    }


def _fair_difference():
    found = two_models()
    characters = found["token_characters"].sum()
    nats = found["character_log_p"].sum() - found["token_log_p"].sum()
    return float(nats / np.log(2) / characters)


def _is_a_difference(answer):
    if isinstance(answer, (str, bool)) or np.ndim(answer) or not np.isfinite(answer):
        return "give one number: bits of the model with tokens minus bits of the other."


def _is_per_character(answer):
    answer, found, fair = float(answer), two_models(), _fair_difference()
    if abs(answer - fair) < 0.005:
        return None
    log_p, length = found["token_log_p"], found["token_characters"]
    of_characters = found["character_log_p"]
    for value, reason in (
        (
            (of_characters.mean() - log_p.mean()) / np.log(2),
            "that is the colleague's number: bits for a token against bits for a character.",
        ),
        (-fair, "the size is right. Take tokens minus characters."),
        (fair * np.log(2), "that is in nats. Divide by log 2."),
        (
            (of_characters.mean() - (log_p / length).mean()) / np.log(2),
            "a mean of ratios counts short tokens as much as long ones. Divide sum by sum.",
        ),
        (
            (of_characters.mean() - log_p.mean() / length.max()) / np.log(2),
            "the tokens have different lengths. Count the characters that they really spell.",
        ),
    ):
        if abs(answer - value) < 0.005:
            return reason
    return f"it is not {answer:.3g}: all bits of a model, divided by the characters of the text."


referee = Exercise(
    "referee",
    properties=[
        Property("it is a difference", _is_a_difference),
        Property("both are counted for each character", _is_per_character),
    ],
    hints=[
        "What is one prediction of each model about?",
        "Both spell the same text. How many bits does each need for all of it?",
        "Sum of -log p, divided by log 2 and by the number of characters, for each; then subtract.",
    ],
    solution="""
found = exercises.two_models()
characters = len(found["character_log_p"])
bits_of_tokens = -found["token_log_p"].sum() / np.log(2) / characters
bits_of_characters = -found["character_log_p"].sum() / np.log(2) / characters
my_referee = bits_of_tokens - bits_of_characters
""",
)
