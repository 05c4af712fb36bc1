"""Answers to exercises of lesson 15: wrong ones with what they must hear, and right ones."""

import numpy as np

# ---- subwords --------------------------------------------------------------------------------


def by_windows(word, n):
    letters = ["<", *word, ">"]
    if len(letters) <= n:
        return ["".join(letters)]
    shifted = [letters[start:] for start in range(n)]
    return ["".join(run) for run in zip(*shifted, strict=False)]


def by_cutting(word, n):
    rest, runs = f"<{word}>", []
    while len(rest) >= n:
        runs.append(rest[:n])
        rest = rest[1:]
    return runs or [f"<{word}>"]


# ---- masked_max ------------------------------------------------------------------------------


def by_loop(vectors, ids):
    found = np.zeros((len(vectors), vectors.shape[2]))
    for row, sentence, numbers in zip(found, vectors, ids, strict=True):
        words = [vector for vector, number in zip(sentence, numbers, strict=True) if number]
        if words:
            row[:] = np.max(words, axis=0)
    return found


def by_masked_array(vectors, ids):
    hidden = np.broadcast_to((ids == 0)[..., None], vectors.shape)
    return np.ma.array(vectors, mask=hidden).max(axis=1).filled(0.0)


def above_words(vectors, ids):
    """A large number instead of infinity, which a sentence of padding alone lets through."""
    return (vectors - 1e9 * (ids == 0)[..., None]).max(axis=1)


# ---- fifty_words -----------------------------------------------------------------------------

PRAISE = [f"praise{number}" for number in range(30)]
BLAME = [f"blame{number}" for number in range(30)]
FILLER = [f"filler{number}" for number in range(60)]


def made_reviews():
    """Training and validation sentences: much filler, and in most one word that decides."""
    rng, parts = np.random.default_rng(0), []
    for size in (600, 300):
        labels = rng.permutation(np.arange(size) % 2)
        sentences = []
        for label in labels:
            words = list(rng.choice(FILLER, 8))
            if rng.random() < 0.7:
                words.append(str(rng.choice(PRAISE if label else BLAME)))
            sentences.append([str(word) for word in words])
        parts += [sentences, labels]
    return tuple(parts)


GIVEN = {"fifty_words": made_reviews}

# ---- referee ---------------------------------------------------------------------------------

WRONG = {
    "subwords": [
        (lambda word, n: [word[i : i + n] for i in range(len(word) - n + 1)], "The signs < and >"),
        (lambda word, n: by_cutting(word, n)[:-1], "Your last run is missing"),
        (lambda word, n: [f"<{word}>"[i : i + n] for i in range(len(word) + 2)], "too short"),
        (
            lambda word, n: [f"<{word}>"[i : i + n] for i in range(0, len(word) + 2, n)],
            "do not overlap",
        ),
        (
            lambda word, n: [f"<{word}>"[i : i + n] for i in range(len(word) + 3 - n)],
            "shorter than a run gets nothing",
        ),
        (lambda word, n: sorted(set(by_windows(word, n))), "a set loses both"),
    ],
    "masked_max": [
        (lambda v, ids: v.max(axis=1), "The padding has a vote"),
        (lambda v, ids: (v * (ids != 0)[..., None]).max(axis=1), "You multiply by the mask"),
        (above_words, "padding alone"),
        (lambda v, ids: np.where((ids != 0)[..., None], v, -np.inf).max(axis=1), "minus infinity"),
        (
            lambda v, ids: (
                (v * (ids != 0)[..., None]).sum(axis=1)
                / np.maximum((ids != 0).sum(axis=1), 1)[:, None]
            ),
            "That is the mean",
        ),
    ],
    "fifty_words": [
        ("good bad", "it is one str"),
        (7, "Give a list of words"),
        ([1, 2], "which is no str"),
        (["not good"], "no single word"),
        ([], "the list is empty"),
        (PRAISE + BLAME, "50 at most"),
        (FILLER[:50], "Do the words lean to one side"),
        (PRAISE[:3] + BLAME[:3], "Are they too rare"),
    ],
    "referee": [
        (0.87, "the colleague's own number"),
        (0.94, "accuracy on the 300 sentences"),
        (0.7, "still too good for tossed labels"),
        (0.3, "nor can one be wrong on most of them"),
        (50.3, "not in per cent"),
        ("none", "give one number"),
        (-1, "lies between 0 and 1"),
    ],
}

RIGHT = {
    "subwords": [by_windows, by_cutting],
    "masked_max": [by_loop, by_masked_array],
    "fifty_words": [PRAISE[:25] + BLAME[:25], set(PRAISE[:24] + BLAME[:24] + ["filler0"])],
    "referee": [0.503, np.float64(0.5), 0.52],
}
