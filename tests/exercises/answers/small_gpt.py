"""Answers to the exercises of lesson 17: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import scipy.special

from dlkit.exercises.small_gpt import two_models

# ---- merge_pair ------------------------------------------------------------------------------


def by_string(ids, pair, new):
    """By replacing in a string: `replace` too goes from left to right without overlaps."""
    spelled = "".join(map(chr, ids)).replace("".join(map(chr, pair)), chr(new))
    return [ord(sign) for sign in spelled]


def by_recursion(ids, pair, new):
    if len(ids) < 2:
        return np.array(ids, dtype=int)
    if (ids[0], ids[1]) == tuple(pair):
        return np.append([new], by_recursion(ids[2:], pair, new)).astype(int)
    return np.append([ids[0]], by_recursion(ids[1:], pair, new)).astype(int)


def from_the_right(ids, pair, new):
    made, place = [], len(ids)
    while place > 0:
        found = tuple(ids[max(place - 2, 0) : place]) == pair
        made.append(new if found else ids[place - 1])
        place -= 2 if found else 1
    return made


def first_replaced(ids, pair, new):
    spelled = "".join(map(chr, ids)).replace("".join(map(chr, pair)), chr(new), 1)
    return [ord(sign) for sign in spelled]


def marks_left_half(ids, pair, new):
    return [new if tuple(ids[i : i + 2]) == pair else ids[i] for i in range(len(ids))]


def deletes(ids, pair, new):
    spelled = "".join(map(chr, ids)).replace("".join(map(chr, pair)), "")
    return [ord(sign) for sign in spelled]


def any_order(ids, pair, new):
    if len(ids) < 2:
        return list(ids)
    if tuple(ids[:2]) in (pair, pair[::-1]):
        return [new, *any_order(ids[2:], pair, new)]
    return [ids[0], *any_order(ids[1:], pair, new)]


def without_last(ids, pair, new):
    ids = list(ids)
    ends = len(ids) > 1 and tuple(ids[-2:]) == pair
    return by_string(ids, pair, new) if ends else by_string(ids, pair, new)[:-1]


# ---- cached_step -----------------------------------------------------------------------------


def by_keras(query, key, value, keys, values):
    keys, values = np.concatenate([keys, key[None]]), np.concatenate([values, value[None]])
    y = keras.layers.Attention(score_mode="dot", dtype="float64")(
        [query[None, None] / math.sqrt(len(query)), values[None], keys[None]]
    )
    return y[0, 0], keys, values


def by_loop(query, key, value, keys, values):
    keys, values = [*keys.tolist(), list(key)], [*values.tolist(), list(value)]
    scores = [
        math.fsum(a * b for a, b in zip(query, k, strict=True)) / len(query) ** 0.5 for k in keys
    ]
    powers = [math.exp(score - max(scores)) for score in scores]
    return np.array(powers) @ np.array(values) / sum(powers), keys, values


def one_head(query, key, value, keys, values, own=True, factor=None, before=False, naive=False):
    """The step once more, with what may be wrong about it."""
    stacked = [
        (new[None], old) if before else (old, new[None])
        for new, old in ((key, keys), (value, values))
    ]
    more_keys, more_values = (np.concatenate(pair) for pair in stacked)
    seen = slice(None) if own or len(keys) == 0 else slice(len(keys))
    scores = more_keys[seen] @ query * (len(query) ** -0.5 if factor is None else factor)
    weights = scipy.special.softmax(scores)
    if naive:
        with np.errstate(all="ignore"):
            weights = np.e**scores / (np.e**scores).sum()
    return weights @ more_values[seen], more_keys, more_values


def old_cache(query, key, value, keys, values):
    return one_head(query, key, value, keys, values)[0], keys, values


def only_y(*rows):
    return one_head(*rows)[0]


def exchanged(query, key, value, keys, values):
    y, more_values, more_keys = one_head(query, value, key, values, keys)
    return y, more_keys, more_values


# ---- nucleus ---------------------------------------------------------------------------------


def nucleus_by_loop(p, top_p):
    kept, total = [0.0] * len(p), 0.0
    for share, place in sorted(((x, i) for i, x in enumerate(p)), reverse=True):
        if total < top_p:
            kept[place] = share
            total += share
    return [share / total for share in kept]


def nucleus_by_smallest(p, top_p):
    """Throws the least likely out while the rest is still enough."""
    left = p.copy()
    for place in np.argsort(p):
        if left.sum() - left[place] >= top_p:
            left[place] = 0
    return left / left.sum()


def short_of_it(p, top_p):
    left = nucleus_by_smallest(p, top_p)
    inside = np.flatnonzero(left)
    if len(inside) > 1:
        left[inside[np.argmin(p[inside])]] = 0
    return left / left.sum()


# ---- referee ---------------------------------------------------------------------------------

FOUND = two_models()
LENGTHS, LOG_P, OTHER = FOUND["token_characters"], FOUND["token_log_p"], FOUND["character_log_p"]
FAIR = (math.fsum(OTHER) - math.fsum(LOG_P)) / len(OTHER) / math.log(2)
BASE_2 = scipy.special.xlogy(1, 2)

WRONG = {
    "merge_pair": [
        (first_replaced, "first occurrence only"),
        (marks_left_half, "right half"),
        (any_order, "Order counts"),
        (without_last, "gets lost"),
        (deletes, "expected (3,)"),
        (lambda ids, pair, new: list(ids), "The shape is (5,)"),
    ],
    "cached_step": [
        (lambda *rows: one_head(*rows, own=False), "also sees itself"),
        (lambda *rows: one_head(*rows, factor=1.0), "square root of d"),
        (lambda *rows: one_head(*rows, factor=(len(rows[3]) + 1) ** -0.5), "number of steps"),
        (old_cache, "will not know this one"),
        (exchanged, "have them exchanged"),
        (lambda *rows: one_head(*rows, before=True), "goes to the end"),
        (lambda *rows: one_head(*rows, naive=True), "“scores of hundreds” fails"),
        (only_y, "expected 3"),
    ],
    "nucleus": [
        (short_of_it, "crosses the line"),
        (lambda p, top_p: np.where(nucleus_by_smallest(p, top_p) > 0, p, 0), "add up to 1 again"),
        (
            lambda p, top_p: (
                np.where(p >= min(1 - top_p, max(p)), p, 0) / p[p >= min(1 - top_p, max(p))].sum()
            ),
            "size of a single",
        ),
        (lambda p, top_p: p, "“three classes” fails"),
        (
            lambda p, top_p: nucleus_by_smallest(1 / p / sum(1 / p), top_p),
            "“three classes” fails. ",
        ),
    ],
    "half_size": [
        (34, "256 bytes are tokens"),
        (288, "Judge on the other"),
        (284, "you counted bytes"),
        (289, "one token more"),
        (320, "fewer tokens already"),
        (257, "still more tokens than half"),
        ("290", "one whole number"),
    ],
    "referee": [
        ((OTHER.mean() - LOG_P.mean()) / BASE_2, "the colleague's number"),
        (-FAIR, "tokens minus characters"),
        (FAIR * BASE_2, "in nats"),
        ((OTHER.mean() - (LOG_P / LENGTHS).mean()) / BASE_2, "mean of ratios"),
        ((OTHER.mean() - LOG_P.mean() / 6) / BASE_2, "different lengths"),
        (0.0, "it is not 0"),
        ("0.2", "give one number"),
    ],
}

RIGHT = {
    "merge_pair": [by_string, by_recursion],
    "cached_step": [by_keras, by_loop, one_head],
    "nucleus": [nucleus_by_loop, nucleus_by_smallest],
    "half_size": [290, 290.0, np.int64(290)],
    "referee": [FAIR, np.float32(FAIR)],
}
