"""Ten spoken words by a synthesiser of the course's own: buzz and hiss through moving resonances.

Nobody said them. Six voices differ in pitch, in the length of the throat, in accent, in speed and
in loudness, as people do, and hum and hiss in the background differ with them, as microphones do.
"""

from functools import cache

import numpy as np

from dlkit.data.readers import Arrays
from dlkit.data.spoken import RATE, as_arrays

# Resonances of vowels in Hz (three formants), roughly those of English, and of "consonants".
VOWELS = {
    "i": (290, 2250, 2950),
    "e": (520, 1850, 2550),
    "a": (740, 1250, 2500),
    "o": (520, 880, 2400),
    "u": (330, 900, 2250),
    "r": (430, 1250, 1650),
    "n": (270, 1450, 2300),
    "w": (310, 680, 2200),
}
HISSES = {"s": (3700, 900), "f": (2300, 2600), "t": (3000, 1400), "k": (1700, 900)}
# Each word: sounds, and how long each is by comparison with the others.
WORDS = (
    (("s", 2), ("i", 2), ("r", 1), ("o", 3)),  # zero
    (("w", 1), ("a", 2), ("n", 2)),  # one
    (("t", 1), ("u", 4)),  # two
    (("f", 2), ("r", 1), ("i", 3)),  # three
    (("f", 2), ("o", 3), ("r", 1)),  # four
    (("f", 2), ("a", 2), ("i", 1), ("f", 1)),  # five
    (("s", 3), ("i", 1), ("k", 1), ("s", 3)),  # six
    (("s", 2), ("e", 1), ("w", 1), ("e", 1), ("n", 2)),  # seven
    (("e", 2), ("i", 2), ("t", 1)),  # eight
    (("n", 2), ("a", 2), ("i", 1), ("n", 2)),  # nine
)
# name: pitch in Hz, formants times, seconds of a word, loudness, background
VOICES = {
    "alto": (195, 1.12, 0.42, 0.30, 0.0010),
    "bass": (85, 0.88, 0.50, 0.50, 0.0020),
    "baritone": (110, 0.94, 0.40, 0.15, 0.0040),
    "child": (280, 1.25, 0.36, 0.25, 0.0015),
    "soprano": (230, 1.18, 0.45, 0.05, 0.0030),
    "tenor": (140, 1.00, 0.38, 0.02, 0.0005),
}
ACCENT = 0.35  # by how much a voice's resonances of a vowel, and lengths of sounds, are its own
EACH = 15  # recordings of each word and voice
SIZE, STEP = 256, 64  # of the pieces in which the spectrum is shaped


def drawn_voices(seed: int = 0) -> Arrays:
    """900 recordings in the form of the Free Spoken Digit Dataset, 15 of each word and voice.

    Args:
        seed: the same seed gives the same recordings.

    Returns:
        x of int16 arrays at 8 kHz, y, speaker and index, as `spoken.as_arrays` has them.

    >>> arrays = drawn_voices()
    >>> len(arrays["x"]), arrays["x"][0].dtype
    (900, dtype('int16'))
    """
    rng = np.random.default_rng(seed)
    recordings = {}
    for voice in VOICES:
        for digit in range(10):
            for index in range(EACH):
                wave = draw_word(digit, voice, rng)
                stored = np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16)
                recordings[f"{digit}_{voice}_{index}.wav"] = stored
    return as_arrays(recordings, tuple(VOICES))


def draw_word(digit: int, voice: str, rng: np.random.Generator) -> np.ndarray:
    """One word by one voice: float64 samples from -1 to 1 at 8 kHz; no two are alike."""
    pitch, scale, seconds, loudness, background = VOICES[voice]
    sounds, own = WORDS[digit], _accent(voice)
    lengths = np.array([length for _, length in sounds]) * rng.uniform(0.8, 1.25, len(sounds))
    lengths *= np.exp(2 * ACCENT * own["lengths"][digit, : len(sounds)])
    samples = int(RATE * seconds * rng.uniform(0.85, 1.2) * (0.7 + 0.05 * lengths.sum()))
    scale = scale * rng.uniform(0.97, 1.03)
    formants = {
        sound: np.array(VOWELS[sound]) * scale * np.exp(ACCENT * own["formants"][number])
        for number, sound in enumerate(VOWELS)
    }
    shape, voiced = _envelope(sounds, lengths, samples // STEP + 1, formants, rng)
    source = _buzz(samples, pitch * rng.uniform(0.93, 1.07), rng)
    wave = _shaped(source, rng.normal(0, 1, samples), shape, voiced)
    wave *= loudness * rng.uniform(0.7, 1.3) / max(np.abs(wave).max(), 1e-9)
    hum = np.sin(2 * np.pi * 50 * np.arange(samples) / RATE + rng.uniform(0, 6))
    return np.clip(wave + background * (rng.normal(0, 1, samples) + hum), -1, 1)


@cache
def _accent(voice):
    """What a voice has of its own in each vowel and each word: numbers between -1 and 1."""
    rng = np.random.default_rng([*VOICES].index(voice))
    return {
        "formants": rng.uniform(-1, 1, (len(VOWELS), 3)),
        "lengths": rng.uniform(-1, 1, (len(WORDS), max(map(len, WORDS)))),
    }


def _envelope(sounds, lengths, pieces, formants, rng):
    """For each piece the gain of each frequency, and the share of buzz against hiss."""
    hz = np.arange(SIZE // 2 + 1) * RATE / SIZE
    curves, voiced = [], []
    for sound, _ in sounds:
        if sound in VOWELS:
            centers = formants[sound] * rng.uniform(0.96, 1.04, 3)
            peaks = [
                gain / (1 + ((hz - center) / width) ** 2)
                for center, width, gain in zip(centers, (70, 100, 140), (1, 0.6, 0.3), strict=True)
            ]
            curves.append(sum(peaks) * (0.4 if sound in "nw" else 1.0))
            voiced.append(1.0)
        else:
            center, width = HISSES[sound]
            curves.append(0.12 * np.exp(-(((hz - center) / width) ** 2)))
            voiced.append(0.0)
    # Sounds flow into one another: each piece is a mixture of the two nearest.
    middles = (np.cumsum(lengths) - lengths / 2) / lengths.sum()
    at = np.linspace(0, 1, pieces)
    weights = np.array([np.interp(at, middles, row) for row in np.eye(len(sounds))]).T
    weights = weights**2 / (weights**2).sum(axis=1, keepdims=True)
    fade = np.minimum(1, np.minimum(at, 1 - at) * 8 + 0.05)[:, np.newaxis]
    return weights @ np.array(curves) * fade, (weights @ np.array(voiced))[:, np.newaxis]


def _buzz(samples, pitch, rng):
    """A pulse for each opening of the vocal folds; the pitch falls and trembles a little."""
    glide = np.linspace(rng.uniform(1.0, 1.15), rng.uniform(0.85, 1.0), samples)
    tremble = 1 + 0.01 * np.sin(2 * np.pi * 5 * np.arange(samples) / RATE + rng.uniform(0, 6))
    phase = np.cumsum(pitch * glide * tremble) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    return pulses * np.sqrt(RATE / pitch)  # of the same power as the hiss


def _shaped(buzz, hiss, shape, voiced):
    """Both sources, piece by piece, with the gains of their frequencies, added up again."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    pieces = np.arange(len(shape))[:, np.newaxis] * STEP + np.arange(SIZE)
    padded = np.pad(np.stack([buzz, hiss]), [(0, 0), (SIZE // 2, SIZE + STEP)])
    mixed = padded[0, pieces] * voiced + padded[1, pieces] * (1 - voiced)
    shaped = np.fft.irfft(np.fft.rfft(mixed * window) * shape, SIZE)
    overlap = SIZE // STEP
    found = np.zeros((len(shape) + overlap - 1, STEP))
    for part in range(overlap):
        found[part : part + len(shape)] += shaped[:, part * STEP : (part + 1) * STEP]
    return found.ravel()[SIZE // 2 : SIZE // 2 + len(buzz)]
