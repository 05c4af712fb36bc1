"""A stranger's WAV file: each width, rate and number of channels, and every way to be none."""

import io
import struct
import wave

import numpy as np
import pytest

from dlkit import data
from dlkit.data import wav
from dlkit.data.readers import DataError


def tone(rate=8000, seconds=0.5, hz=440, loud=0.5):
    return loud * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def as_wav(samples, rate=8000, width=2):
    """Float samples (n,) or (n, channels) as a WAV file, by Python's own module."""
    samples = np.asarray(samples, float)
    samples = samples if samples.ndim == 2 else samples[:, np.newaxis]
    whole = np.clip(np.rint(samples * 2 ** (8 * width - 1)), -(2 ** (8 * width - 1)), None)
    whole = np.minimum(whole, 2 ** (8 * width - 1) - 1).astype(np.int64)
    if width == 1:
        whole += 128
    body = whole.astype("<i8").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((samples.shape[1], width, rate, 0, "NONE", ""))
        out.writeframes(body)
    return file.getvalue()


# --- decoding ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_each_width_and_number_of_channels_comes_back(width, channels):
    rng = np.random.default_rng(width)
    samples = rng.uniform(-1, 1, (50, channels))
    samples[0] = -1
    found = wav.decode_wav(as_wav(samples, 11_025, width), "it")
    assert (found.rate, found.width, found.missing) == (11_025, width, 0)
    assert found.samples.shape == (50, channels)
    np.testing.assert_allclose(
        found.samples / 2.0 ** (8 * width - 1), samples, atol=1.01 / 2 ** (8 * width - 1)
    )


def test_what_is_encoded_is_decoded_and_what_is_too_loud_is_clipped():
    samples = np.array([0, 0.25, -0.5, 1.5, -1.5])
    found = wav.decode_wav(data.encode_wav(samples, 16_000), "it")
    assert (found.rate, found.width) == (16_000, 2)
    assert found.samples[:, 0].tolist() == [0, 8192, -16384, 32767, -32768]
    both = np.array([[0, 0.5], [0.25, 0]])
    assert wav.decode_wav(data.encode_wav(both), "it").samples.tolist() == [[0, 16384], [8192, 0]]
    for bad in (np.zeros((2, 2, 2)), np.zeros((2, 0)), np.array([np.nan]), np.array(["a"])):
        with pytest.raises(ValueError, match="expected finite numbers"):
            data.encode_wav(bad)


# --- a recording of your own ------------------------------------------------------------------


def test_a_recording_in_the_courses_form_is_left_alone(tmp_path, capsys):
    path = tmp_path / "seven.wav"
    path.write_bytes(as_wav(tone()))
    found = data.load_recording(path)
    assert capsys.readouterr().out == ""
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tone(), atol=1e-4)
    np.testing.assert_array_equal(data.load_recording(str(path)), found)


CHANGED = {
    "stereo": (as_wav(np.stack([tone(), tone()], 1)), "the mean of its 2 channels", 4000),
    "44.1 kHz": (as_wav(tone(44_100), 44_100), "44,100 Hz made 8,000 Hz", 4000),
    "24 bits at 48 kHz": (as_wav(tone(48_000), 48_000, 3), "48,000 Hz made 8,000 Hz", 4000),
    "clipped": (as_wav(3 * tone()), "of its samples are at the limit (record it softer)", 4000),
    "quiet ends": (
        as_wav(np.concatenate([np.zeros(4000), tone(), np.zeros(4000)])),
        "0.96 s of quiet at its ends cut",
        4320,
    ),
    "cut off": (
        as_wav(tone(seconds=1.0))[: 44 + 8000],
        "cut off: 0.50 s that its header announces are missing",
        4000,
    ),
    "half a sample at its end": (as_wav(tone())[:-1], "cut off: 0.00 s", 3999),
    "a long one": (
        as_wav(np.concatenate([tone(seconds=2, loud=0.1), tone(seconds=1), tone(loud=0.1)])),
        "of 3.5 s the second around the loudest moment kept",
        8000,
    ),
}


@pytest.mark.parametrize(("body", "said", "samples"), CHANGED.values(), ids=CHANGED)
def test_what_is_changed_is_said_once(tmp_path, capsys, body, said, samples):
    path = tmp_path / "seven.wav"
    path.write_bytes(body)
    found = data.load_recording(path)
    out = capsys.readouterr().out
    assert out.startswith("seven.wav: ") and said in out and out.count("\n") == 1
    assert str(tmp_path) not in out
    assert len(found) == samples and np.abs(found).max() <= 1
    spectrum = np.abs(np.fft.rfft(found))
    assert spectrum.argmax() * 8000 / len(found) == pytest.approx(440, abs=4)


def test_of_a_long_recording_the_loud_second_is_kept(capsys):
    whole = np.concatenate([tone(seconds=2, loud=0.1), tone(seconds=1, hz=700), tone(loud=0.1)])
    found = data.load_recording(as_wav(whole))
    np.testing.assert_allclose(found, whole[16_000:24_000], atol=1e-4)
    assert capsys.readouterr().out.startswith("your recording: ")


def header(kind, tail=b"\0" * 32):
    chunk = struct.pack("<HHIIHH", kind, 1, 8000, 32_000, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk
    body += b"data" + struct.pack("<I", len(tail)) + tail
    return b"RIFF" + struct.pack("<I", len(body)) + body


REFUSED = {
    "empty": (b"", "is empty; expected a WAV file"),
    "a text": (b"seven, said loudly", "is no sound that dlkit knows; expected a WAV file: save it"),
    "MP3": (b"ID3\x04rest", "is MP3; expected a WAV file"),
    "bare MP3": (b"\xff\xfb\x90rest", "is MP3; expected a WAV file"),
    "Ogg": (b"OggSrest", "is Ogg"),
    "M4A": (b"\0\0\0\x20ftypM4A ", "is M4A or MP4"),
    "WebM": (b"\x1aE\xdf\xa3rest", "is WebM"),
    "FLAC": (b"fLaCrest", "is FLAC"),
    "cut off in its header": (as_wav(tone())[:30], "is cut off before its samples begin"),
    "nothing but RIFF": (b"RIFF", "is cut off before its samples begin"),
    "floats": (header(3), "is a WAV file of another kind"),
    "compressed": (header(85), "is a WAV file of another kind"),
    "silent": (as_wav(np.zeros(4000)), "is silent (its loudest sample is 0 of full scale)"),
    "all but silent": (as_wav(tone(loud=0.0005)), "expected a voice: check the microphone"),
    "channels that cancel": (as_wav(np.stack([tone(), -tone()], 1)), "its channels cancel each"),
    "no samples": (as_wav(np.zeros((0, 1))), "holds no samples"),
    "a click": (as_wav(tone(seconds=0.02)), "is 0.020 s long; expected 0.05 s or more"),
}


@pytest.mark.parametrize(("body", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_voice_is_refused_in_one_sentence(tmp_path, body, reason):
    path = tmp_path / "seven.wav"
    path.write_bytes(body)
    with pytest.raises(DataError) as caught:
        data.load_recording(path)
    assert reason in str(caught.value) and str(caught.value).startswith("seven.wav ")
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_there_and_one_that_is_too_large(tmp_path):
    with pytest.raises(DataError, match=r"there is no file me\.wav"):
        data.load_recording(tmp_path / "me.wav")
    with pytest.raises(DataError, match="cannot be read"):
        data.load_recording(tmp_path)
    large = tmp_path / "large.wav"
    with open(large, "wb") as file:
        file.truncate(wav.MAX_BYTES + 1)
    with pytest.raises(DataError, match="has 50 MB; expected 50 MB at most"):
        data.load_recording(large)


def test_a_header_that_promises_gigabytes_costs_none():
    body = bytearray(as_wav(tone()))
    body[40:44] = struct.pack("<I", 0xFFFFFFF0)
    body[4:8] = struct.pack("<I", 0xFFFFFFFF)
    found = wav.decode_wav(bytes(body), "it")
    assert len(found.samples) == 4000 and found.missing > 0


def test_a_file_of_any_bytes_is_sound_or_refused():
    rng = np.random.default_rng(0)
    good = as_wav(tone(seconds=0.1))
    for _ in range(300):
        body = bytearray(good)
        for place in rng.integers(0, 48, rng.integers(1, 6)):
            body[place] = rng.integers(256)
        try:
            found = wav.decode_wav(bytes(body), "it")
        except DataError:
            continue
        assert found.samples.ndim == 2 and found.rate > 0
