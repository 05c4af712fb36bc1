"""Reads WAV files with Python's own `wave` module, and makes a stranger's recording usable."""

import io
import os
import struct
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlkit import sound
from dlkit.data.readers import DataError

MAX_BYTES = 50_000_000  # of a person's own file: four minutes of stereo at 48 kHz
SHORTEST = 0.05  # seconds
LONGEST = 2.5  # seconds of one spoken digit; of a longer recording the loudest second is kept
SILENT = 1e-3  # of full scale: a recording whose loudest sample is below it holds no voice
CLIPPED = 0.002  # share of samples at the limit from which it is said

# How files begin that people take for WAV.
_OTHERS = (
    (b"ID3", "MP3"),
    (b"\xff\xfb", "MP3"),
    (b"\xff\xf3", "MP3"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"\x1aE\xdf\xa3", "WebM"),
    (b"FORM", "AIFF"),
    (b"caff", "CAF"),
)
HOW = "save it as WAV, PCM, 16 bit (in a sound editor: Export)"


class Sound(NamedTuple):
    """What a WAV file holds."""

    samples: np.ndarray  # whole numbers as stored, shape (n, channels)
    rate: int  # Hz
    width: int  # bytes of a sample
    missing: int  # samples of each channel that the header announces and the file does not hold


def decode_wav(body: bytes, name: str, most: int = MAX_BYTES) -> Sound:
    """The samples of a WAV file, as they are stored.

    Args:
        body: the file.
        name: what messages call it.
        most: bytes of samples that are read at most.

    Returns:
        Sound: int16 samples, or int32 for 24 and 32 bits; those of 8 bits are moved to -128 to 127.

    Raises:
        DataError: it is no WAV file, or one of another kind than whole numbers (PCM).
    """
    if not body:
        raise DataError(f"{name} is empty; expected a WAV file: record it again")
    if not body.startswith((b"RIFF", b"RIFX", b"RF64")):
        kind = next((kind for start, kind in _OTHERS if body.startswith(start)), "")
        if not kind and body[4:8] == b"ftyp":
            kind = "M4A or MP4"
        found = f"is {kind}" if kind else "is no sound that dlkit knows"
        raise DataError(f"{name} {found}; expected a WAV file: {HOW}")
    try:
        with wave.open(io.BytesIO(body)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.getnframes()
            content = file.readframes(min(frames, most // max(1, channels * width)))
    except (wave.Error, EOFError, ArithmeticError, RuntimeError, ValueError, struct.error) as error:
        if not isinstance(error, wave.Error) or b"data" not in body[:4096]:
            raise DataError(
                f"{name} is cut off before its samples begin, or damaged; expected a whole WAV "
                "file: record or copy it again"
            ) from error
        raise DataError(
            f"{name} is a WAV file of another kind ({error}); expected whole numbers (PCM): {HOW}"
        ) from error
    if not 1 <= width <= 4 or channels < 1 or rate < 1:
        raise DataError(
            f"{name} has {channels} channels of {width} bytes at {rate} Hz; expected a channel or "
            f"more of 1 to 4 bytes: {HOW}"
        )
    content = content[: len(content) - len(content) % (channels * width)]
    samples = _whole_numbers(content, width).reshape(-1, channels)
    missing = max(0, min(frames, most // (channels * width)) - len(samples))
    return Sound(samples, rate, width, missing)


def _whole_numbers(content: bytes, width: int) -> np.ndarray:
    if width == 1:  # the one width that WAV stores without a sign
        return np.frombuffer(content, np.uint8).astype(np.int16) - 128
    if width == 3:  # three bytes, the lowest first: put an empty one below them
        parts = np.frombuffer(content, np.uint8).reshape(-1, 3)
        padded = np.zeros((len(parts), 4), np.uint8)
        padded[:, 1:] = parts
        return padded.view("<i4").ravel() >> 8
    return np.frombuffer(content, f"<i{width}").astype(np.int16 if width == 2 else np.int32)


def encode_wav(wave_: np.ndarray, rate: int = sound.RATE) -> bytes:
    """A wave as the bytes of a WAV file of 16 bits. What is beyond -1 to 1 is clipped.

    Args:
        wave_: float, from -1 to 1, shape (samples,), or (samples, channels) for several channels.
        rate: sampling rate in Hz.

    Returns:
        The file's bytes: a header of 44, and two for each sample.

    Raises:
        ValueError: the wave has another shape, or holds something else than finite numbers.

    Example:
        >>> len(encode_wav(np.zeros(100)))
        244
    """
    samples = np.asarray(wave_)
    is_wave = samples.ndim == 1 or (samples.ndim == 2 and 1 <= samples.shape[1] <= 16)
    if not is_wave or samples.dtype.kind not in "fiu" or not np.isfinite(samples).all():
        raise ValueError(
            f"the wave is {samples.dtype} of shape {samples.shape}; expected finite numbers of "
            "shape (samples,) or (samples, channels)"
        )
    stored = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(int(rate))
        out.writeframes(stored.tobytes())
    return file.getvalue()


def load_recording(path: str | os.PathLike[str] | bytes, *, rate: int = sound.RATE) -> np.ndarray:
    """A recording of your own, in the form of the course's: one channel, 8 kHz, ends trimmed.

    Any WAV file of whole numbers will do: 8 to 32 bits, any rate, any number of channels. What is
    changed or missing is said in one line. A recording of more than 2.5 s is taken to hold more
    than a digit, and the second around its loudest moment is kept.

    Args:
        path: of a WAV file, "~" for your home included; or its bytes.
        rate: the wanted sampling rate in Hz.

    Returns:
        float32 array (samples,), from -1 to 1.

    Raises:
        DataError: there is no such file, it is no WAV file, it is silent, or shorter than 0.05 s (a
            ValueError).

    Example:
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 44100)
        >>> wave = load_recording(encode_wav(tone, rate=44100))
        your recording: 44,100 Hz made 8,000 Hz
        >>> wave.shape, wave.dtype
        ((4000,), dtype('float32'))
    """
    name, body = _read(path)
    found = decode_wav(body, name)
    if not len(found.samples):
        raise DataError(f"{name} holds no samples; expected a spoken digit: record it again")
    said = []
    if found.missing:
        said.append(
            f"cut off: {found.missing / found.rate:.2f} s that its header announces are missing"
        )
    samples = found.samples.astype(np.float64)
    limit = 2.0 ** (8 * found.width - 1)
    clipped = np.mean((samples >= limit - 1) | (samples <= -limit))
    if clipped > CLIPPED:
        said.append(f"clipped: {clipped:.1%} of its samples are at the limit (record it softer)")
    if samples.shape[1] > 1:
        said.append(f"the mean of its {samples.shape[1]} channels")
    one = samples.mean(axis=1) / limit
    loudest = np.abs(one).max()
    if loudest < SILENT:
        opposite = np.abs(samples).max() / limit >= SILENT
        why = (
            "its channels cancel each other"
            if opposite
            else f"its loudest sample is {loudest:.2g} of full scale"
        )
        raise DataError(f"{name} is silent ({why}); expected a voice: check the microphone")
    if found.rate != rate:
        one = sound.resample(one, found.rate, rate)
        said.append(f"{found.rate:,} Hz made {rate:,} Hz")
    trimmed = sound.trim(one, rate=rate)
    quiet = (len(one) - len(trimmed)) / rate
    if quiet >= 0.01:
        said.append(f"{quiet:.2f} s of quiet at its ends cut")
    if len(trimmed) > LONGEST * rate:
        said.append(f"of {len(trimmed) / rate:.1f} s the second around the loudest moment kept")
        trimmed = _around_loudest(trimmed, rate)
    if len(trimmed) < SHORTEST * rate:
        raise DataError(
            f"{name} is {len(trimmed) / rate:.3f} s long; expected {SHORTEST} s or more: record a "
            "whole word"
        )
    if said:
        print(f"{name}: {'; '.join(said)}")
    return np.clip(trimmed, -1, 1).astype(np.float32)


def _read(path):
    if isinstance(path, bytes):
        return "your recording", path
    file = Path(os.path.expanduser(path))
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                f"{file.name} has {size / 1e6:.0f} MB; expected {MAX_BYTES / 1e6:.0f} MB at most: "
                "cut out the digit"
            )
        return file.name, file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {file.name} where you said; check its path") from None
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror or error}") from error


def _around_loudest(wave_: np.ndarray, rate: int) -> np.ndarray:
    """One second: of all that begin at a tenth of a second, the one with most power."""
    power = sound.frames(wave_, rate, rate // 10)
    start = int((power**2).sum(axis=1).argmax()) * (rate // 10)
    return wave_[start : start + rate]
