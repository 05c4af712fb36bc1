"""Sound as numbers: windows, spectrograms, the mel scale, other sampling rates. NumPy alone.

A *wave* is a one-dimensional array of samples, float, from -1 to 1. Its sampling rate, in samples a
second (Hz), goes beside it.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

RATE = 8_000  # Hz, of the recordings of the course
# "np.random.Generator" stands in quotes, so that NumPy loads that part only where it is used.
ZERO_CROSSINGS = 16  # of the sinc that resampling keeps to each side


def hann(size: int) -> np.ndarray:
    r"""The Hann window, which fades a piece of a wave in and out.

    $w_t = \frac12 - \frac12 \cos(2 \pi t / T)$ for $t = 0, \dots, T - 1$: periodic, so that windows
    that follow at half their size add up to 1.

    Args:
        size: $T$, in samples, 1 or more.

    Returns:
        float64 array (size,), from 0 to 1.

    Raises:
        ValueError: ``size`` is below 1.

    Source: Harris (1978), doi:10.1109/PROC.1978.10837.

    Example:
        >>> hann(4)
        array([0. , 0.5, 1. , 0.5])
    """
    _whole("size", size)
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def frames(wave: ArrayLike, size: int, step: int) -> np.ndarray:
    """Pieces of a wave, one beginning every ``step`` samples. A rest that fills none is left out.

    Args:
        wave: float, shape (..., samples).
        size: samples in a piece.
        step: samples from one beginning to the next.

    Returns:
        Array (..., pieces, size), a view that cannot be written to.

    Raises:
        ValueError: the wave is shorter than a piece, or a length is below 1.

    Example:
        >>> frames([0, 1, 2, 3, 4, 5], size=4, step=2)
        array([[0, 1, 2, 3],
               [2, 3, 4, 5]])
    """
    wave = np.asarray(wave)
    _whole("size", size)
    _whole("step", step)
    if wave.ndim == 0 or wave.shape[-1] < size:
        raise ValueError(
            f"the wave has shape {wave.shape}; expected {size} samples or more: pad it with zeros"
        )
    return sliding_window_view(wave, size, axis=-1)[..., ::step, :]


def spectrogram(
    wave: ArrayLike, *, size: int = 256, step: int = 100, window: np.ndarray | None = None
) -> np.ndarray:
    r"""The power of each frequency in each piece of a wave.

    $P_{m, k} = \bigl| \sum_t w_t \, x_{m S + t} \, e^{-2 \pi i k t / T} \bigr|^2$ with the step
    $S$, the size $T$ and the window $w$.

    Args:
        wave: float, shape (..., samples).
        size: $T$, samples in a piece.
        step: $S$, samples from one piece to the next.
        window: float (size,); Hann's if None.

    Returns:
        float array (..., pieces, size // 2 + 1); column $k$ belongs to $k / T$ times the sampling
        rate, in Hz.

    Raises:
        ValueError: the window has another size, or the wave is too short.

    Example:
        >>> tone = np.cos(2 * np.pi * 1000 * np.arange(800) / 8000)
        >>> spectrogram(tone, size=80, step=80).argmax(axis=1)  # 10 * 8000 / 80 = 1000 Hz
        array([10, 10, 10, 10, 10, 10, 10, 10, 10, 10])
    """
    window = hann(size) if window is None else np.asarray(window)
    if window.shape != (size,):
        raise ValueError(f"the window has shape {window.shape}; expected ({size},), one per sample")
    return np.abs(np.fft.rfft(frames(wave, size, step) * window)) ** 2


def hz_to_mel(hz: ArrayLike) -> np.ndarray:
    r"""Mel: steps that the ear hears as equal. $m = 2595 \log_{10}(1 + f / 700)$.

    Args:
        hz: frequencies $f$ in Hz, 0 or more, any shape.

    Returns:
        float64 array of the same shape, in mel.

    Source: the scale is Stevens, Volkmann and Newman's (1937), doi:10.1121/1.1915893; there are
    several formulas for it, and this one is the HTK toolkit's.

    Example:
        >>> hz_to_mel([0, 1000]).round()
        array([   0., 1000.])
    """
    return 2595 * np.log10(1 + np.asarray(hz, dtype=float) / 700)


def mel_to_hz(mel: ArrayLike) -> np.ndarray:
    r"""The inverse of `hz_to_mel`: $f = 700 \, (10^{m / 2595} - 1)$.

    Args:
        mel: any shape.

    Returns:
        float64 array of the same shape, in Hz.

    Example:
        >>> float(mel_to_hz(hz_to_mel(440)).round(6))
        440.0
    """
    return 700 * (10 ** (np.asarray(mel, dtype=float) / 2595) - 1)


def mel_filters(
    bands: int = 32,
    *,
    size: int = 256,
    rate: int = RATE,
    low: float = 60.0,
    high: float | None = None,
) -> np.ndarray:
    """Triangles, equally wide in mel, that gather the columns of a spectrogram in bands.

    The centres of the triangles are equally far apart on the mel scale. Each rises from its left
    neighbour's centre to 1 at its own, and falls to 0 at its right neighbour's.

    Args:
        bands: how many triangles.
        size: samples in a piece of the spectrogram.
        rate: sampling rate in Hz.
        low: where the first triangle begins, in Hz.
        high: where the last one ends, in Hz; half the sampling rate if None.

    Returns:
        float64 array (size // 2 + 1, bands): ``spectrogram(wave) @ mel_filters()`` has the bands.

    Raises:
        ValueError: the bounds are not 0 <= low < high <= rate / 2.

    Source: Davis and Mermelstein (1980), doi:10.1109/TASSP.1980.1163420.

    Example:
        >>> mel_filters(32).shape
        (129, 32)
    """
    _whole("bands", bands)
    _whole("size", size)
    high = rate / 2 if high is None else high
    if not 0 <= low < high <= rate / 2:
        raise ValueError(
            f"low is {low} and high is {high}; expected 0 <= low < high <= {rate / 2:g}, half the "
            "sampling rate"
        )
    edges = mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(high), bands + 2))
    hz = np.arange(size // 2 + 1)[:, np.newaxis] * rate / size
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hz - left) / (center - left), (right - hz) / (right - center)
    return np.clip(np.minimum(rising, falling), 0, None)


def log_mel(
    wave: ArrayLike,
    *,
    bands: int = 32,
    size: int = 256,
    step: int = 200,
    rate: int = RATE,
    floor: float = 1e-6,
) -> np.ndarray:
    r"""A picture of a sound: the logarithm of the power in each mel band of each piece.

    $\ln(P M + \varepsilon)$ with the spectrogram $P$, whose power is divided by that of a full
    tone's peak, $(T/4)^2$, and the triangles $M$.

    Args:
        wave: float, shape (..., samples), from -1 to 1.
        bands: mel bands.
        size: samples in a piece.
        step: samples from one piece to the next.
        rate: sampling rate in Hz.
        floor: what is added before the logarithm, so that silence is a number.

    Returns:
        float32 array (..., pieces, bands).

    Raises:
        ValueError: the wave is shorter than a piece, or ``floor`` is not above 0.

    Example:
        >>> log_mel(np.zeros(8000)).shape
        (39, 32)
    """
    if not floor > 0:
        raise ValueError(f"floor is {floor}; expected a number above 0, such as 1e-6")
    wave = np.asarray(wave)
    filters = mel_filters(bands, size=size, rate=rate) * (4 / size) ** 2
    if wave.ndim <= 1:
        power = spectrogram(wave, size=size, step=step)
        return np.log(power @ filters + floor).astype(np.float32)
    # Wave by wave: all at once would need some ten times the memory of the waves.
    flat = wave.reshape(-1, wave.shape[-1])
    found = [
        np.log(spectrogram(one, size=size, step=step) @ filters + floor).astype(np.float32)
        for one in flat
    ]
    return np.reshape(found, (*wave.shape[:-1], *found[0].shape))


def fit_length(wave: ArrayLike, length: int, *, shift: int = 0) -> np.ndarray:
    """The middle of a wave, or the wave with silence before and after it.

    Args:
        wave: one-dimensional.
        length: samples that the result has.
        shift: samples by which the wave lies later than in the middle (earlier, if negative). A
            wave that fits is moved no further than to the end of the result.

    Returns:
        Array (length,), of the wave's dtype.

    Raises:
        ValueError: the wave is not one-dimensional.

    Example:
        >>> fit_length([1, 2], 5), fit_length([1, 2, 3, 4], 2), fit_length([1, 2], 4, shift=9)
        (array([0, 1, 2, 0, 0]), array([2, 3]), array([0, 0, 1, 2]))
    """
    wave = _one_dimensional(wave)
    _whole("length", length)
    spare = length - len(wave)
    if spare < 0:
        start = int(np.clip(-spare // 2 - shift, 0, -spare))
        return wave[start : start + length].copy()
    start = int(np.clip(spare // 2 + shift, 0, spare))
    found = np.zeros(length, wave.dtype)
    found[start : start + len(wave)] = wave
    return found


def resample(wave: ArrayLike, rate: float, new_rate: float) -> np.ndarray:
    r"""The same sound with another sampling rate, without aliasing.

    What lies above half the lower of the two rates is taken out, then the wave is read between its
    samples: $y_j = \sum_k x_k \, h(j r / r' - k)$ with $h(u) = c \, \text{sinc}(c u)$ times a Hann
    window, and $c = \min(1, r' / r)$.

    Args:
        wave: one-dimensional, float.
        rate: its sampling rate $r$ in Hz.
        new_rate: the wanted rate $r'$ in Hz.

    Returns:
        float64 array of ``round(len(wave) * new_rate / rate)`` samples, at least 1.

    Raises:
        ValueError: a rate is not above 0, or the wave is empty or not one-dimensional.

    Source: Smith (1984), *A flexible sampling-rate conversion method*, ICASSP.

    Example:
        >>> wave = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> np.abs(resample(wave, 44100, 8000)[100:-100]).max().round(2)
        np.float64(1.0)
    """
    wave = _one_dimensional(wave).astype(float)
    if not (rate > 0 and new_rate > 0):
        raise ValueError(f"the rates are {rate} and {new_rate} Hz; expected numbers above 0")
    if not len(wave):
        raise ValueError("the wave is empty; expected a sample or more")
    if rate == new_rate:
        return wave
    cut = min(1.0, new_rate / rate)
    half = int(np.ceil(ZERO_CROSSINGS / cut))
    padded = np.pad(wave, half)
    found = np.empty(max(1, round(len(wave) * new_rate / rate)))
    nearby = np.arange(-half + 1, half + 1)
    for start in range(0, len(found), 4096):  # piece by piece, for the memory
        places = np.arange(start, min(start + 4096, len(found))) * (rate / new_rate)
        before = np.floor(places).astype(int)
        distance = (places - before)[:, np.newaxis] - nearby
        weights = np.sinc(cut * distance) * (0.5 + 0.5 * np.cos(np.pi * distance / half))
        weights /= weights.sum(axis=1, keepdims=True)  # so that a constant stays itself
        reach = np.clip(before[:, np.newaxis] + nearby + half, 0, len(padded) - 1)
        found[start : start + len(places)] = (padded[reach] * weights).sum(axis=1)
    return found


def change_speed(wave: ArrayLike, speed: float) -> np.ndarray:
    """The wave played faster: shorter, and each of its frequencies higher by the same factor.

    Read between the samples on straight lines, which is quick, and good enough for small changes.

    Args:
        wave: one-dimensional, float.
        speed: 1 leaves it as it is; 1.1 is a tenth faster and higher.

    Returns:
        Array of about ``len(wave) / speed`` samples, of the wave's float dtype.

    Raises:
        ValueError: ``speed`` is not from 0.25 to 4, or the wave is empty or not one-dimensional.

    Source: Ko, Peddinti, Povey and Khudanpur (2015), *Audio augmentation for speech recognition*,
    Interspeech, doi:10.21437/Interspeech.2015-711.

    Example:
        >>> change_speed(np.array([0.0, 1.0, 2.0, 3.0]), 0.5)
        array([0. , 0.5, 1. , 1.5, 2. , 2.5, 3. , 3. ])
    """
    wave = _one_dimensional(wave)
    if not 0.25 <= speed <= 4:
        raise ValueError(f"speed is {speed}; expected 0.25 to 4, where 1 changes nothing")
    if not len(wave):
        raise ValueError("the wave is empty; expected a sample or more")
    places = np.arange(max(1, round(len(wave) / speed))) * speed
    found = np.interp(places, np.arange(len(wave)), wave)
    return found.astype(wave.dtype) if wave.dtype.kind == "f" else found


def same_level(wave: ArrayLike, level: float = 0.1) -> np.ndarray:
    r"""The wave, louder or softer, so that its root mean square is ``level``.

    $x_t \cdot \ell \, / \sqrt{\tfrac1n \sum_t x_t^2}$. Silence stays silence.

    Args:
        wave: one-dimensional, of any number type.
        level: the wanted root mean square $\ell$, above 0.

    Returns:
        float array (samples,): float32 for float32, else float64. It may go beyond -1 to 1.

    Raises:
        ValueError: the level is not above 0, or the wave is not one-dimensional.

    Example:
        >>> same_level([3, -3, 3, -3])
        array([ 0.1, -0.1,  0.1, -0.1])
    """
    wave = _one_dimensional(wave)
    if not level > 0:
        raise ValueError(f"level is {level}; expected a number above 0, such as 0.1")
    wave = wave if wave.dtype.kind == "f" else wave.astype(float)
    found = np.sqrt(np.mean(wave.astype(float) ** 2)) if len(wave) else 0.0
    return wave * wave.dtype.type(level / found) if found > 0 else wave.copy()


def add_noise(wave: ArrayLike, decibels: float, rng: "np.random.Generator") -> np.ndarray:
    r"""The wave with white noise, ``decibels`` weaker than the wave.

    Args:
        wave: one-dimensional, float.
        decibels: $10 \log_{10}$ of the wave's mean power over the noise's.
        rng: draws the noise.

    Returns:
        Array (samples,), of the wave's float dtype. Silence stays silence.

    Raises:
        ValueError: the wave is not one-dimensional.

    Example:
        >>> tone = np.ones(10_000)
        >>> float(np.std(add_noise(tone, 20, np.random.default_rng(0))).round(2))
        0.1
    """
    wave = _one_dimensional(wave)
    wave = wave if wave.dtype.kind == "f" else wave.astype(float)
    level = np.sqrt(np.mean(wave.astype(float) ** 2)) if len(wave) else 0.0
    noise = rng.normal(0, 1, len(wave)) * level * 10 ** (-decibels / 20)
    return (wave + noise).astype(wave.dtype)


def trim(wave: ArrayLike, *, rate: int = RATE, below: float = 30.0) -> np.ndarray:
    """A wave without the quiet at its ends.

    It is cut in pieces of 10 ms. What comes before the first and after the last piece that is loud
    enough goes, but for 20 ms on each side.

    Args:
        wave: one-dimensional.
        rate: sampling rate in Hz.
        below: how far below the loudest piece, in decibels, a piece counts as quiet.

    Returns:
        A part of the wave, a copy; the wave itself if it is silent or shorter than a piece.

    Raises:
        ValueError: the wave is not one-dimensional.

    Example:
        >>> quiet = np.zeros(4000)
        >>> len(trim(np.concatenate([quiet, np.ones(800), quiet])))
        1120
    """
    wave = _one_dimensional(wave)
    piece = max(1, rate // 100)
    whole = len(wave) // piece
    power = (wave[: whole * piece].astype(float).reshape(whole, piece) ** 2).mean(axis=1)
    if not whole or not power.max() > 0:
        return wave.copy()
    loud = np.flatnonzero(power >= power.max() * 10 ** (-below / 10))
    start, stop = loud[0] * piece, (loud[-1] + 1) * piece
    return wave[max(0, start - 2 * piece) : stop + 2 * piece].copy()


def _one_dimensional(wave: ArrayLike) -> np.ndarray:
    wave = np.asarray(wave)
    if wave.ndim != 1:
        raise ValueError(
            f"the wave has shape {wave.shape}; expected (samples,): of two channels take the mean"
        )
    return wave


def _whole(name: str, number: Any) -> None:
    is_number = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not (is_number and number >= 1):
        raise ValueError(f"{name} is {number!r}; expected a whole number, 1 or more")
