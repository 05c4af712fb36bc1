"""Exercises of lesson 18: where a tone is heard, how long a piece must be, voices in both parts."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import not_an_accuracy

# ---- alias -----------------------------------------------------------------------------------


def heard_frequency(hz: float, rate: float) -> float:
    r"""The frequency at which a tone is heard once it has been sampled.

    $|\nu - r \, \text{round}(\nu / r)|$: the distance to the nearest multiple of the rate.

    Args:
        hz: frequency of the tone, 0 or more, in Hz.
        rate: samples a second, above 0.

    Returns:
        A float from 0 to rate / 2, in Hz.

    Example:
        >>> heard_frequency(5000, 8000), heard_frequency(17000, 8000)
        (3000.0, 1000.0)
    """
    return float(abs(hz - rate * np.round(hz / rate)))


alias = Exercise(
    "alias",
    reference=heard_frequency,
    cases=[
        Case("below half the rate", 3000.0, 8000.0),
        Case("above half the rate", 5000.0, 8000.0),
        Case("just below the rate", 7900.0, 8000.0),
        Case("the rate itself", 8000.0, 8000.0),
        Case("above the rate", 9000.0, 8000.0),
        Case("above one and a half times the rate", 13000.0, 8000.0),
        Case("several times the rate", 100_000.0, 44_100.0),
        Case("half the rate", 4000.0, 8000.0),
    ],
    mistakes=[
        Mistake(
            "You take the remainder. What lies above half the rate is not heard there: it comes "
            "back from the other side.",
            lambda hz, rate: hz % rate,
        ),
        Mistake(
            "You go on from 0 above half the rate. The axis is a mirror there, not a ring.",
            lambda hz, rate: hz % (rate / 2),
        ),
        Mistake(
            "You let a tone stop at half the rate. It does not wait there: it is mirrored.",
            lambda hz, rate: min(hz, rate / 2),
        ),
        Mistake(
            "You mirror once. That is right up to the rate; above it, take away the rate first.",
            lambda hz, rate: rate - hz if hz > rate / 2 else hz,
        ),
        Mistake(
            "You mirror once and drop the sign. From one and a half times the rate it is wrong.",
            lambda hz, rate: abs(rate - hz) if hz > rate / 2 else hz,
        ),
        Mistake(
            "Your frequency can be negative. Nobody hears the sign.",
            lambda hz, rate: hz - rate * np.round(hz / rate),
        ),
        Mistake(
            "You leave the tone where it is. Half the rate is the highest that samples can say.",
            lambda hz, rate: hz,
        ),
    ],
    hints=[
        "Tones whose frequencies differ by the rate have the same samples. So which of them all "
        "is nearest to 0?",
        "Take the remainder of the frequency by the rate. Where is it when it is above half?",
        "The distance to the nearest multiple of the rate: which multiple does round(hz / rate) "
        "give?",
    ],
)

# ---- piece -----------------------------------------------------------------------------------

RATE, TONES = 8_000, (1_000.0, 1_050.0)  # Hz
FINE = 1 << 16  # points of the spectra below, so that they are smooth


def two_tones(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The spectrum that pieces of two tones show, from 900 to 1,150 Hz.

    The tones have 1,000 and 1,050 Hz and the same loudness, at 8,000 samples a second. A piece has
    Hann's window, and zeros are added to it, so that the spectrum can be read between its columns.
    It is the mean over many pieces.

    Args:
        size: samples in a piece, 8 to 65,536.

    Returns:
        (hz, power): two float arrays of the same length; the largest power is 1.

    Raises:
        ValueError: the size is no whole number in range.

    Example:
        >>> hz, power = two_tones(2000)
        >>> float(hz[power.argmax()].round()) in (1000.0, 1050.0)
        True
    """
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not whole or not 8 <= size <= FINE:
        raise ValueError(f"size is {size!r}; expected a whole number of samples, 8 to {FINE:,}")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    turning = np.exp(2j * np.pi * np.outer(TONES, np.arange(size)) / RATE)
    power = (np.abs(np.fft.fft(window * turning, FINE)) ** 2).sum(axis=0)
    hz = np.arange(FINE) * RATE / FINE
    shown = (hz >= 900) & (hz <= 1150)
    return hz[shown], power[shown] / power[shown].max()


def _valley(size):
    """Power half-way between the tones, as a share of the peak's; 1 where there is one peak."""
    hz, power = two_tones(size)
    return float(power[np.abs(hz - np.mean(TONES)).argmin()])


def _smallest():
    size = 8
    while _valley(size) > 0.5:
        size += 1
    return size


SMALLEST = 321  # measured by _smallest, which the tests run


def _is_a_size(answer):
    if isinstance(answer, (str, bool)) or np.ndim(answer):
        return "give one whole number, the samples in a piece."
    if not np.isfinite(answer) or answer != int(answer):
        return "give samples, a whole number; a piece of 0.01 s has 80."
    if not 8 <= answer <= FINE:
        return f"give samples, 8 to {FINE:,}."


def _sees_two(answer):
    size = int(answer)
    if size >= SMALLEST:
        return None
    found = _valley(size)
    if size == RATE // 50:
        return (
            "160 samples are 1 / 50 s, one turn of the difference. That would do if the window "
            f"had no flanks; with Hann's, half-way between the tones there is {found:.0%} of the "
            "peak's power."
        )
    return (
        f"with {size} samples, half-way between the tones there is {found:.0%} of the peak's "
        "power; below 50 % is asked for."
    )


def _is_the_shortest(answer):
    size = int(answer)
    if size <= 1.05 * SMALLEST:
        return None
    shorter = max(SMALLEST, int(0.9 * size))
    return f"shorter pieces do it, too: with {shorter} samples there is {_valley(shorter):.0%}."


piece = Exercise(
    "piece",
    properties=[
        Property("it is a number of samples", _is_a_size),
        Property("both tones are seen", _sees_two),
        Property("no much shorter piece does it", _is_the_shortest),
    ],
    hints=[
        "Draw hz, power = exercises.two_tones(256), then twice as many samples.",
        "power[np.abs(hz - 1025).argmin()] is what is left half-way between the tones.",
        "Try sizes from 100 upwards in a loop, and stop at the first with less than 0.5 there.",
    ],
    solution="""
my_size = 100
while True:
    hz, power = exercises.two_tones(my_size)
    if power[np.abs(hz - 1025).argmin()] < 0.5:
        break
    my_size = my_size + 1
""",
)

# ---- referee ---------------------------------------------------------------------------------

SPEAKERS, EACH = 40, 10


def voices(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forty people who say a digit ten times; who has a cold is drawn by lot.

    Each recording is twelve numbers: those of the voice, which differ from person to person, and
    something of each recording's own. Nothing in them tells of a cold.

    Args:
        seed: 0 or more.

    Returns:
        x, float array ``(400, 12)``; y, 1 for a cold, else 0, ``(400,)``; speaker, 0 to 39,
        ``(400,)``. Twenty people have a cold.

    Example:
        >>> x, y, speaker = voices(0)
        >>> x.shape, int(y.sum()), int(speaker.max())
        ((400, 12), 200, 39)
    """
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(SPEAKERS), EACH)
    has_cold = rng.permutation(np.arange(SPEAKERS) % 2)
    x = rng.normal(size=(SPEAKERS, 12))[speaker] + rng.normal(0, 0.5, (len(speaker), 12))
    order = rng.permutation(len(speaker))
    return x[order], has_cold[speaker][order], speaker[order]


def nearest_accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    """Share of test recordings whose nearest training recording has their label.

    Args:
        x: ``(n, d)``.
        y: 0 and 1, ``(n,)``.
        x_test: ``(m, d)``.
        y_test: 0 and 1, ``(m,)``.

    Returns:
        A float from 0 to 1.

    Example:
        >>> nearest_accuracy(np.array([[0.0], [1.0]]), np.array([0, 1]), np.array([[0.9]]), [1])
        1.0
    """
    distances = ((x_test[:, np.newaxis] - x) ** 2).sum(axis=2)
    return float(np.mean(y[distances.argmin(axis=1)] == np.asarray(y_test)))


def colleague(seed: int) -> float:
    """The colleague's experiment: learn from 300 recordings, test on the last 100.

    It runs ``x, y, speaker = voices(seed)`` and then
    ``nearest_accuracy(x[:300], y[:300], x[300:], y[300:])``.

    Args:
        seed: of the voices, the lots and the order of the recordings.

    Returns:
        A float from 0 to 1.

    Example:
        >>> colleague(0) > 0.9
        True
    """
    x, y, _ = voices(seed)
    return nearest_accuracy(x[:300], y[:300], x[300:], y[300:])


# Measured: means over seeds 0 to 9, by recordings, and with speakers 30 to 39 for the test.
LEAKY, CLEAN = 0.98, 0.50


def _has_no_known_voice(answer):
    answer = float(answer)
    if abs(answer - CLEAN) <= 0.06:
        return None
    if answer > 0.93:
        return (
            "that is the colleague's own number, over again: the voices of your test are still "
            "among those of the training. What do ten recordings of one person share?"
        )
    if answer < 0.5:
        return (
            "lots cannot be guessed, nor can one be wrong on most of them. Did you take one seed "
            "only, or very few people?"
        )
    return (
        "it is still too good for lots. Is each person on one side alone, all ten recordings? "
        "speaker < 30 tells."
    )


referee = Exercise(
    "referee",
    properties=[
        Property("it is an accuracy", not_an_accuracy),
        Property("nobody is in both parts", _has_no_known_voice),
    ],
    hints=[
        "Who has a cold was drawn by lot. So what must an honest accuracy be, about?",
        "The nearest recording is mostly one of the same person. Of whose recordings may it be?",
        "Train where speaker < 30, test where speaker >= 30, for each seed from 0 to 9.",
    ],
    solution="""
runs = []
for seed in range(10):
    x, y, speaker = exercises.voices(seed)
    old, new = speaker < 30, speaker >= 30
    runs.append(exercises.nearest_accuracy(x[old], y[old], x[new], y[new]))
my_referee = np.mean(runs)
""",
)
