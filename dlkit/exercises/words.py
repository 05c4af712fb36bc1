"""Exercises of lesson 15: pieces of words, a maximum under a mask, fifty words, a leak."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import not_an_accuracy

# ---- subwords --------------------------------------------------------------------------------


def subwords_of(word: str, n: int) -> list[str]:
    """All runs of n characters of a word between the signs < and >, in their order.

    Args:
        word: a `str` of one character or more.
        n: characters in a run, 1 or more.

    Returns:
        List of `str`; where the word with its signs is no longer than n, that alone.

    Source: Bojanowski, Grave, Joulin, Mikolov (2017), doi:10.1162/tacl_a_00051.

    Example:
        >>> subwords_of("where", 3)
        ['<wh', 'whe', 'her', 'ere', 're>']
    """
    whole = f"<{word}>"
    return [whole[start : start + n] for start in range(max(1, len(whole) - n + 1))]


def _subwords(whole, n, step=1, spare=1):
    return [whole[start : start + n] for start in range(0, len(whole) - n + spare, step)]


subwords = Exercise(
    "subwords",
    reference=subwords_of,
    cases=[
        Case("five letters, runs of 3", "where", 3),
        Case("runs of 4", "charming", 4),
        Case("a letter twice", "nonono", 3),
        Case("a word that fits exactly", "on", 4),
        Case("a word shorter than a run", "a", 5),
    ],
    mistakes=[
        Mistake(
            "The signs < and > are missing: they tell a start and an end from a middle.",
            lambda word, n: [word[i : i + n] for i in range(max(1, len(word) - n + 1))],
        ),
        Mistake("Your last run is missing.", lambda word, n: _subwords(f"<{word}>", n, spare=0)),
        Mistake(
            "Your last runs are too short: stop when n characters are no longer left.",
            lambda word, n: _subwords(f"<{word}>", n, spare=n),
        ),
        Mistake(
            "Your runs do not overlap. Move by one character, not by n.",
            lambda word, n: _subwords(f"<{word}>", n, step=n, spare=n),
        ),
        Mistake(
            "A word that is shorter than a run gets nothing with you, and so no vector.",
            lambda word, n: _subwords(f"<{word}>", n),
        ),
        Mistake(
            "Each run counts as often as it comes, and in its order: a set loses both.",
            lambda word, n: sorted(set(subwords_of(word, n))),
        ),
    ],
    hints=[
        "Put the two signs around the word first. Then forget that it ever was a word.",
        "whole[start : start + n] is one run. At which places may it start?",
        "There are len(whole) - n + 1 places. Which places remain where that is not positive?",
    ],
)

# ---- masked_max ------------------------------------------------------------------------------


def max_over_words(vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The maximum of each feature over the words of a sentence, padding (number 0) left out.

    Args:
        vectors: a vector for each place, float array ``(n, length, features)``.
        ids: the words' numbers, ``(n, length)``; 0 is padding.

    Returns:
        Array ``(n, features)``; zeros for a sentence of padding alone.

    Example:
        >>> vectors = np.array([[[-1.0], [-3.0], [0.5]]])
        >>> max_over_words(vectors, np.array([[7, 4, 0]]))
        array([[-1.]])
    """
    is_word = (ids != 0)[..., np.newaxis]
    best = np.where(is_word, vectors, -np.inf).max(axis=1)
    return np.where(is_word.any(axis=1), best, 0.0)


def _sentences(n, length, features, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, length, features)).round(2)
    ids = rng.integers(1, 50, (n, length))
    for row, words in enumerate(rng.integers(1, length, n)):
        ids[row, words:] = 0
    return vectors, ids


_NEGATIVE, _SHORT = _sentences(3, 5, 2, seed=1)
_NEGATIVE = -np.abs(_NEGATIVE)
_GAP = np.array([[3, 0, 5, 0]]), np.array([[[-2.0, 1.0], [4.0, 4.0], [-1.0, -3.0], [9.0, 9.0]]])
_EMPTY = np.array([[2, 0], [0, 0]]), np.array([[[1.0, -1.0], [5.0, 5.0]], [[2.0, 3.0], [4.0, 1.0]]])


def _last_words(vectors, ids):
    lengths = (ids != 0).sum(axis=1)
    return max_over_words(vectors, (np.arange(ids.shape[1]) < lengths[:, None]).astype(int))


masked_max = Exercise(
    "masked_max",
    reference=max_over_words,
    cases=[
        Case("two sentences", *_sentences(2, 4, 3, seed=0)),
        Case("all numbers below 0", _NEGATIVE, _SHORT),
        Case("padding in the middle", _GAP[1], _GAP[0]),
        Case("a sentence of padding alone", _EMPTY[1], _EMPTY[0]),
    ],
    mistakes=[
        Mistake(
            "You multiply by the mask. Then padding counts as 0, which beats all negative numbers.",
            lambda vectors, ids: (vectors * (ids != 0)[..., np.newaxis]).max(axis=1),
        ),
        Mistake("The padding has a vote with you.", lambda vectors, ids: vectors.max(axis=1)),
        Mistake(
            "The maximum runs over the features. It should run over the places.",
            lambda vectors, ids: np.where((ids != 0)[..., np.newaxis], vectors, -np.inf).max(
                axis=2
            ),
        ),
        Mistake(
            "Your mask is the wrong way round: it keeps the padding.",
            lambda vectors, ids: np.where(
                (ids == 0).any(axis=1)[:, np.newaxis],
                np.where((ids == 0)[..., np.newaxis], vectors, -np.inf).max(axis=1),
                0.0,
            ),
        ),
        Mistake(
            "That is the mean. The maximum keeps the one place that answers most.",
            lambda vectors, ids: (
                (vectors * (ids != 0)[..., np.newaxis]).sum(axis=1)
                / np.maximum((ids != 0).sum(axis=1), 1)[:, np.newaxis]
            ),
        ),
        Mistake(
            "You count the words and take the first so many places; padding may stand between.",
            _last_words,
        ),
        Mistake(
            "A sentence without a word gives minus infinity, which no layer after it survives.",
            lambda vectors, ids: np.where((ids != 0)[..., np.newaxis], vectors, -np.inf).max(
                axis=1
            ),
        ),
    ],
    hints=[
        "Which number loses against every other, so that padding can never be the largest?",
        "np.where(mask, vectors, -np.inf), and the mask needs one axis more at its end.",
        "Last, look for sentences in which the mask is nowhere true.",
    ],
)

# ---- fifty_words -----------------------------------------------------------------------------


def accuracy_with_words(
    words: Sequence[str],
    train: Sequence[Sequence[str]],
    y_train: np.ndarray,
    val: Sequence[Sequence[str]],
    y_val: np.ndarray,
) -> float:
    """Share of sentences that naive Bayes gets right if it sees some words and no others.

    The score of a sentence is the sum, over the given words that it holds, of
    log p(word | 1) - log p(word | 0), where p is the share of the class's training sentences that
    hold the word, one added to each count; a sum of 0 counts as half right.

    Args:
        words: the words that it sees.
        train: sentences, a sequence of words each.
        y_train: 0 or 1 for each.
        val: sentences to judge.
        y_val: 0 or 1 for each.

    Returns:
        A float from 0 to 1.

    Example:
        >>> accuracy_with_words(["good"], [["good"], ["bad"]], [1, 0], [["good"], ["dull"]], [1, 0])
        0.75
    """
    place = {word: number for number, word in enumerate(words)}
    holds = [_holds(sentences, place) for sentences in (train, val)]
    y_train, y_val = np.asarray(y_train), np.asarray(y_val)
    shares = [(1 + holds[0][y_train == k].sum(axis=0)) / (2 + (y_train == k).sum()) for k in (0, 1)]
    score = (holds[1] @ (np.log(shares[1]) - np.log(shares[0]))).round(9)
    right = np.where(score == 0, 0.5, (score > 0) == (y_val == 1))
    return float(right.mean())


def _holds(sentences, place):
    found = np.zeros((len(sentences), len(place)))
    for row, words in zip(found, sentences, strict=True):
        row[[place[word] for word in set(words) if word in place]] = 1
    return found


def _is_a_list_of_words(answer, *parts):
    if isinstance(answer, str):
        return "it is one str. Give a list of words."
    try:
        words = list(answer)
    except TypeError:
        return f"it is {type(answer).__name__}. Give a list of words."
    for word in words:
        if not isinstance(word, str):
            return f"it holds {word!r}, which is no str."
        if " " in word.strip() or word != word.lower():
            return f"{word!r} is no single word in small letters, as `split_words` makes them."


def _has_at_most_fifty(answer, *parts):
    different = len(set(answer))
    if different > 50:
        return f"there are {different} different words; 50 at most."
    if different == 0:
        return "the list is empty."


def _reads_opinions(answer, train, y_train, val, y_val):
    words = sorted(set(answer))
    known = set().union(*map(set, train))
    unseen = [word for word in words if word not in known]
    if len(unseen) > len(words) / 2:
        return (
            f"{len(unseen)} of your words are in no training sentence, such as {unseen[0]!r}: a "
            "word that was never counted says nothing."
        )
    data = (train, y_train, val, y_val)
    found, common = accuracy_with_words(words, *data), accuracy_with_words(_frequent(train), *data)
    if found >= common + GAIN:
        return None
    met = np.mean([not set(sentence).isdisjoint(words) for sentence in val])
    if met < 0.6:
        why = f"Only {met:.0%} of the sentences hold one of your words. Are they too rare?"
    else:
        why = "Most sentences hold one of your words. Do the words lean to one side?"
    return f"{found:.1%} are right; the 50 most frequent words get {common:.1%}. {why}"


def _frequent(sentences):
    counts: Counter[str] = Counter()
    for words in sentences:
        counts.update(words)
    return [word for word, _ in counts.most_common(50)]


GAIN = 0.02  # over the most frequent words

fifty_words = Exercise(
    "fifty_words",
    properties=[
        Property("it is a list of words", _is_a_list_of_words),
        Property("there are 50 words at most", _has_at_most_fifty),
        Property("they beat the most frequent words by two points", _reads_opinions),
    ],
    hints=[
        "A word must be common, or it decides nothing; and it must lean to one side.",
        "Count in how many positive and in how many negative training sentences a word stands.",
        "Sort by the size of the difference of the two counts, and keep the first fifty.",
    ],
    solution="""
leaning = {}
for sentence, label in zip(train_words, y_train):
    for word in set(sentence):
        leaning[word] = leaning.get(word, 0) + (1 if label == 1 else -1)
my_words = sorted(leaning, key=lambda word: -abs(leaning[word]))[:50]
""",
)

# ---- referee ---------------------------------------------------------------------------------


def noise_sentences(seed: int, n: int = 400, words: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Sentences without any opinion: each word is in one of twenty, and labels are tossed.

    Args:
        seed: 0 or more.
        n: how many sentences.
        words: how many different words.

    Returns:
        Float array ``(n, words)`` of 0 and 1, and labels 0 and 1, ``(n,)``.

    Example:
        >>> noise_sentences(0)[0].shape
        (400, 5000)
    """
    rng = np.random.default_rng(seed)
    return (rng.random((n, words)) < 0.05).astype(float), rng.permutation(np.arange(n) % 2)


def choose_words(x: np.ndarray, y: np.ndarray, count: int = 100) -> np.ndarray:
    """Numbers of the words whose share differs most between the two labels.

    Args:
        x: 0 and 1, ``(n, words)``.
        y: 0 and 1, ``(n,)``.
        count: how many words.

    Returns:
        Whole numbers ``(count,)``.

    Example:
        >>> choose_words(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([1, 0]), count=1)
        array([1])
    """
    leaning = x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0)
    return np.argsort(-np.abs(leaning), kind="stable")[:count]


def held_out_accuracy(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray
) -> float:
    """Share of test sentences that naive Bayes, trained on x and y, gets right.

    Args:
        x: 0 and 1, ``(n, words)``.
        y: 0 and 1, ``(n,)``.
        x_test: 0 and 1, ``(m, words)``.
        y_test: 0 and 1, ``(m,)``.

    Returns:
        A float from 0 to 1.

    Example:
        >>> x, y = noise_sentences(0)
        >>> 0.3 < held_out_accuracy(x[:300], y[:300], x[300:], y[300:]) < 0.7
        True
    """
    present = [(1 + x[y == k].sum(axis=0)) / (2 + (y == k).sum()) for k in (0, 1)]
    for_words = np.log(present[1] / present[0])
    for_gaps = np.log((1 - present[1]) / (1 - present[0]))
    score = x_test @ for_words + (1 - x_test) @ for_gaps
    return float(np.mean((score > 0) == (y_test == 1)))


def colleague(seed: int) -> float:
    """The colleague's experiment: choose 100 words, train on 300 sentences, test on the last 100.

    It runs ``x, y = noise_sentences(seed)``, ``chosen = choose_words(x, y)``, and with
    ``x = x[:, chosen]`` then ``held_out_accuracy(x[:300], y[:300], x[300:], y[300:])``.

    Args:
        seed: of the sentences and their labels.

    Returns:
        A float from 0 to 1.

    Example:
        >>> colleague(0) > 0.7
        True
    """
    x, y = noise_sentences(seed)
    x = x[:, choose_words(x, y)]
    return held_out_accuracy(x[:300], y[:300], x[300:], y[300:])


# Measured: means over seeds 0 to 9, the words chosen on all 400 sentences, and on the first 300.
LEAKY, CLEAN = 0.870, 0.503


def _has_no_leak(answer):
    answer = float(answer)
    if abs(answer - CLEAN) <= 0.025:
        return None
    if abs(answer - LEAKY) <= 0.05:
        return (
            "that is the colleague's own number, over again. Which step of his has seen the labels "
            "of the test sentences?"
        )
    if answer > 0.9:
        return "that looks like the accuracy on the 300 sentences of the training."
    if answer < CLEAN:
        return (
            "tossed labels cannot be guessed, nor can one be wrong on most of them. Did you take "
            "one seed only, or choose the words on the test sentences alone?"
        )
    return "it is still too good for tossed labels. Choose on x[:300] and y[:300], nothing else."


referee = Exercise(
    "referee",
    properties=[
        Property("it is an accuracy", not_an_accuracy),
        Property("no label of a test sentence is used", _has_no_leak),
    ],
    hints=[
        "Labels that are tossed cannot be known. So what must an honest accuracy be, about?",
        "Everything that looks at labels is training, the choice of the words as well.",
        "choose_words(x[:300], y[:300]), and the rest as he did, for each seed from 0 to 9.",
    ],
    solution="""
runs = []
for seed in range(10):
    x, y = exercises.noise_sentences(seed)
    x = x[:, exercises.choose_words(x[:300], y[:300])]
    runs.append(exercises.held_out_accuracy(x[:300], y[:300], x[300:], y[300:]))
my_referee = np.mean(runs)
""",
)
