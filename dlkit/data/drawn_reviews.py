"""Sentences of this course's own making, drawn from templates: nobody wrote them about any film."""

import bisect
import re
from functools import cache

import numpy as np

from dlkit.data.readers import Arrays


def _words(text: str) -> list[str]:
    return text.split()


SIZES = {"train": 2400, "val": 400, "test": 400}
KINDS = ["plain", "negated", "but", "verb", "both"]
NOISE = 0.08  # share of the sentences whose label is chance

GOOD = _words(
    """good great funny moving fresh clever charming warm honest tender witty lively
gripping touching smart inventive rich thoughtful sharp vivid engaging sweet heartfelt superb
thrilling elegant subtle haunting playful absorbing hilarious luminous"""
)
BAD = _words(
    """bad dull flat boring silly tired slow empty clumsy weak stale messy tedious
shallow lifeless bland dreary contrived lazy forced hollow pointless muddled annoying cheap
trite lame stiff incoherent plodding murky insipid"""
)
LIKED = [
    "wins you over",
    "never lets go",
    "earns its laughs",
    "stays with you",
    "sings",
    "keeps its promise",
    "glows",
    "finds its rhythm",
    "surprises at every turn",
    "hits every note",
    "grows on you",
    "has a heart",
]
DISLIKED = [
    "falls apart",
    "goes nowhere",
    "wastes its cast",
    "runs out of ideas",
    "drags",
    "breaks its promise",
    "sinks",
    "loses its way",
    "repeats itself",
    "misses every note",
    "wears you down",
    "has no pulse",
]
ASPECTS = _words(
    """film movie story plot script acting cast dialogue comedy drama ending direction
camera music score romance humor pace premise lead thriller finale soundtrack picture tale
performance editing narrative beginning middle adaptation animation"""
)
DEGREES = _words("very quite rather so really truly simply often surprisingly thoroughly")
PLACES = _words(
    """harbor village train hotel school island prison circus desert bakery lighthouse
hospital museum farm courtroom submarine orchard factory monastery casino"""
)
PEOPLE = _words(
    """detective teacher widow boxer nurse pilot painter thief dancer farmer judge
sailor chef singer soldier clerk inventor gardener spy driver"""
)
DEEDS = _words(
    """follows meets chases remembers leaves misleads marries rescues haunts outwits
teaches loses"""
)
MOSTLY_GOOD = ["documentary", "debut"]  # these words say nothing, and yet go with one label
MOSTLY_BAD = ["sequel", "remake"]
# directors who do not exist
PRAISED, PANNED, OTHERS = (
    ["alder", "brook"],
    ["corwin", "dunne"],
    _words("ellery farrow garland hollis"),
)
SYLLABLES = _words("mar lo ven ta si ru kel da no bri fen ol ga pet ir zan mu hel co wyn")


def drawn_reviews(seed: int = 0) -> Arrays:
    """Short made-up verdicts on films, half of them negative, no two alike, in lower case.

    Most say their opinion with one or two words. In a fifth one word is negated ("never dull"),
    in a sixth two opinions are joined by "but", and the one after it decides: there the
    words alone do not tell the label. Every twelfth has a label by chance. Some words that hold no
    opinion go with one label on purpose: the genres MOSTLY_GOOD and MOSTLY_BAD, the directors
    PRAISED and PANNED. Words come as often as in real text: few often, most rarely; names are new.

    Args:
        seed: the same seed gives the same sentences.

    Returns:
        x_train, y_train, x_val, y_val, x_test, y_test: x of `str`, y uint8, 0 negative,
        1 positive; 2,400, 400 and 400 sentences.

    >>> arrays = drawn_reviews()
    >>> arrays["x_train"].shape, float(arrays["y_train"].mean())
    ((2400,), 0.5)
    """
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    arrays: Arrays = {}
    for part, size in SIZES.items():
        labels = rng.permutation(np.arange(size) % 2).astype(np.uint8)
        sentences = []
        for label in labels:
            sentence = _sentence(rng, int(label))
            while sentence in seen:
                sentence = _sentence(rng, int(label))
            seen.add(sentence)
            sentences.append(sentence)
        arrays[f"x_{part}"] = np.array(sentences, dtype=object)
        arrays[f"y_{part}"] = labels
    return arrays


def _pick(rng: np.random.Generator, words: list[str]) -> str:
    """One of the words, the earlier ones more often: the n-th with a share like 1 / (n + 2)."""
    return words[bisect.bisect(_sums(len(words)), rng.random())]


@cache
def _sums(n: int) -> list[float]:
    shares = 1 / np.arange(3, n + 3)
    return (np.cumsum(shares) / shares.sum())[:-1].tolist()


def _sentence(rng: np.random.Generator, label: int) -> str:
    opinion = label if rng.random() > NOISE else int(rng.integers(2))
    kind = KINDS[bisect.bisect([0.32, 0.52, 0.68, 0.86], rng.random())]
    if kind == "plain":
        text = f"{_subject(rng)} is {_degree(rng)} {_word(rng, opinion)}"
    elif kind == "negated":
        how = ["is not", "isn't", "is never", "is not very", "is hardly"]
        text = f"{_subject(rng)} {_pick(rng, how)} {_word(rng, 1 - opinion)}"
    elif kind == "but":
        first, second = _subject(rng), _subject(rng)
        text = f"{first} is {_degree(rng)} {_word(rng, 1 - opinion)} , but {second} is "
        text += f"{_degree(rng)} {_word(rng, opinion)}"
    elif kind == "verb":
        text = f"{_subject(rng)} {_pick(rng, LIKED if opinion else DISLIKED)}"
    else:
        joined = f"{_word(rng, opinion)} and {_word(rng, opinion)}"
        start = ["", "it is", "all in all", "in the end it is", "in short :"]
        text = f"{_pick(rng, start)} {_degree(rng)} {joined}"
    if rng.random() < 0.55:
        tail = _tail(rng, label)
        comma = _pick(rng, [",", ":"])
        text = f"{tail} , {text}" if rng.random() < 0.35 else f"{text} {comma} {tail}"
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return re.sub(" +", " ", f"{text} .").strip()


def _word(rng: np.random.Generator, opinion: int) -> str:
    return _pick(rng, GOOD if opinion else BAD)


def _degree(rng: np.random.Generator) -> str:
    return _pick(rng, DEGREES) if rng.random() < 0.4 else ""


def _subject(rng: np.random.Generator) -> str:
    return f"{_pick(rng, ['the', 'this', 'its', 'the whole'])} {_pick(rng, ASPECTS)}"


def _tail(rng: np.random.Generator, label: int) -> str:
    """What a sentence says beside its opinion: of whom it tells, what it is, who made it."""
    kind = rng.integers(3)
    if kind == 0:
        name = "".join(SYLLABLES[i] for i in rng.integers(len(SYLLABLES), size=rng.integers(2, 4)))
        person, deed, place = _pick(rng, PEOPLE), _pick(rng, DEEDS), _pick(rng, PLACES)
        return f"a {person} {deed} {name} in a {place}"
    leaning = label if rng.random() < 0.85 else 1 - label
    if kind == 1:
        genre = _pick(rng, MOSTLY_GOOD if leaning else MOSTLY_BAD)
        return f"a {genre} set in a {_pick(rng, PLACES)}"
    known = rng.random() < 0.6
    name = _pick(rng, (PRAISED if leaning else PANNED) if known else OTHERS)
    return f"from director {name}"
