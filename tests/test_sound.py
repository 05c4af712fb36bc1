"""dlkit.sound beside np.fft, closed forms, and what must not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlkit import sound


def tone(hz, rate=8000, seconds=0.5, phase=0.3):
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate + phase)


# --- windows and pieces -----------------------------------------------------------------------


def test_hanns_window_is_numpys_without_the_last_and_adds_up_to_one():
    for size in (2, 8, 256):
        np.testing.assert_allclose(sound.hann(size), np.hanning(size + 1)[:-1], atol=1e-15)
        window = sound.hann(size)
        np.testing.assert_allclose(window + np.roll(window, size // 2), 1, atol=1e-15)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_pieces_are_where_they_should_be(n, size, step):
    wave = np.arange(n)
    if n < size:
        with pytest.raises(ValueError, match="pad it with zeros"):
            sound.frames(wave, size, step)
        return
    found = sound.frames(wave, size, step)
    expected = [wave[start : start + size] for start in range(0, n - size + 1, step)]
    np.testing.assert_array_equal(found, expected)


# --- spectra ----------------------------------------------------------------------------------


def test_the_spectrogram_is_the_sum_that_its_formula_says():
    rng = np.random.default_rng(0)
    wave, size, step = rng.normal(size=100), 16, 10
    found = sound.spectrogram(wave, size=size, step=step)
    t, k = np.arange(size), np.arange(size // 2 + 1)
    turning = np.exp(-2j * np.pi * np.outer(k, t) / size)
    for piece, row in enumerate(found):
        part = wave[piece * step : piece * step + size] * sound.hann(size)
        np.testing.assert_allclose(row, np.abs(turning @ part) ** 2, atol=1e-10)
    assert len(found) == (100 - size) // step + 1


def test_a_spectrogram_keeps_the_energy_of_each_piece():
    """Parseval: the squares of the samples are the squares of the spectrum, over the size."""
    wave, size = np.random.default_rng(1).normal(size=512), 64
    power = sound.spectrogram(wave, size=size, step=32)
    both_sides = np.concatenate([power, power[:, 1:-1]], axis=1)
    energy = ((sound.frames(wave, size, 32) * sound.hann(size)) ** 2).sum(axis=1)
    np.testing.assert_allclose(both_sides.sum(axis=1) / size, energy)


@pytest.mark.parametrize("hz", [250, 1000, 3500])
def test_a_tone_is_one_bright_row(hz):
    power = sound.spectrogram(tone(hz))
    nearest = round(hz * 256 / 8000)
    assert (np.abs(power.argmax(axis=1) - nearest) <= 1).all()


def test_windows_keep_a_tone_from_leaking():
    wave = tone(1010)
    plain = sound.spectrogram(wave, window=np.ones(256))
    faded = sound.spectrogram(wave)
    far = slice(64, None)  # above 2,000 Hz
    share = [power[:, far].sum() / power.sum() for power in (plain, faded)]
    assert share[1] < share[0] / 1000


# --- the mel scale ----------------------------------------------------------------------------


def test_mel_is_hz_below_and_a_logarithm_above():
    assert sound.hz_to_mel(1000) == pytest.approx(1000, abs=0.1)
    hz = np.linspace(0, 4000, 50)
    np.testing.assert_allclose(sound.mel_to_hz(sound.hz_to_mel(hz)), hz, atol=1e-9)
    assert (np.diff(sound.hz_to_mel(hz)) > 0).all() and (np.diff(sound.hz_to_mel(hz), 2) < 0).all()


def test_mel_filters_are_triangles_that_share_their_feet():
    filters = sound.mel_filters(10, size=4096, low=0)
    assert filters.shape == (2049, 10) and (filters >= 0).all() and filters.max() <= 1
    centers = filters.argmax(axis=0)
    steps = np.diff(sound.hz_to_mel(centers * 8000 / 4096))
    np.testing.assert_allclose(steps, steps[0], rtol=0.02)
    between = slice(centers[0], centers[-1])
    np.testing.assert_allclose(filters[between].sum(axis=1), 1, atol=1e-9)
    for band in range(1, 9):  # a triangle ends where its neighbour stands
        assert filters[centers[band - 1], band] == pytest.approx(0, abs=0.02)
        assert filters[centers[band], band] == pytest.approx(1, abs=0.02)


def test_log_mel_is_its_parts_and_a_stack_is_its_waves():
    waves = np.random.default_rng(2).normal(size=(3, 2, 1000)) / 10
    found = sound.log_mel(waves)
    assert found.shape == (3, 2, (1000 - 256) // 200 + 1, 32) and found.dtype == np.float32
    power = sound.spectrogram(waves[1, 0], step=200) / (256 / 4) ** 2
    expected = np.log(power @ sound.mel_filters() + 1e-6)
    np.testing.assert_allclose(found[1, 0], expected, rtol=1e-5, atol=1e-5)


def test_silence_is_the_floor_and_ten_times_louder_adds_a_constant():
    assert sound.log_mel(np.zeros(1000)) == pytest.approx(np.log(1e-6))
    wave = np.random.default_rng(3).normal(size=1000)
    gain = sound.log_mel(10 * wave, floor=1e-12) - sound.log_mel(wave, floor=1e-12)
    np.testing.assert_allclose(gain, np.log(100), atol=1e-3)


# --- lengths, rates, speeds -------------------------------------------------------------------


@given(st.integers(0, 30), st.integers(1, 30), st.integers(-40, 40))
def test_a_fitted_wave_keeps_all_it_can(n, length, shift):
    wave = np.arange(1, n + 1)
    found = sound.fit_length(wave, length, shift=shift)
    assert len(found) == length
    kept = found[found > 0]
    assert len(kept) == min(n, length)
    assert (np.diff(kept) == 1).all()
    places = np.flatnonzero(found)
    assert len(places) == 0 or (np.diff(places) == 1).all()
    if n == length:
        np.testing.assert_array_equal(found, wave)


@pytest.mark.parametrize(("rate", "new"), [(44_100, 8_000), (48_000, 8_000), (16_000, 8_000)])
def test_a_low_tone_survives_a_lower_rate_and_a_high_one_goes(rate, new):
    low = sound.resample(tone(440, rate), rate, new)
    inner = slice(new // 100, -new // 100)
    np.testing.assert_allclose(low[inner], tone(440, new)[inner], atol=2e-3)
    high = sound.resample(tone(5_500, rate), rate, new)
    assert np.abs(high[inner]).max() < 2e-3
    naive = tone(5_500, rate)[:: round(rate / new)]  # what happens without: another tone
    assert np.abs(naive).max() > 0.9


def test_a_higher_rate_reads_between_the_samples():
    found = sound.resample(tone(440, 8000), 8000, 44_100)
    inner = slice(500, -500)
    np.testing.assert_allclose(found[inner], tone(440, 44_100)[inner], atol=2e-3)


@given(st.floats(1000, 50_000), st.floats(1000, 50_000), st.integers(200, 2000))
def test_resampling_keeps_a_constant_and_the_length_in_seconds(rate, new, n):
    found = sound.resample(np.full(n, 0.5), rate, new)
    assert len(found) == max(1, round(n * new / rate))
    margin = int(np.ceil(20 * max(1, new / rate)))
    np.testing.assert_allclose(found[margin:-margin], 0.5, atol=1e-9)


def test_speed_moves_each_frequency():
    faster = sound.change_speed(tone(400), 1.25)
    assert len(faster) == 3200
    np.testing.assert_allclose(faster, tone(500, seconds=0.4), atol=0.02)
    wave = np.random.default_rng(0).normal(size=50).astype(np.float32)
    np.testing.assert_array_equal(sound.change_speed(wave, 1.0), wave)
    assert sound.change_speed(wave, 0.9).dtype == np.float32


def test_levels_and_noise_are_what_they_say():
    rng = np.random.default_rng(0)
    wave = (tone(300) * 0.003).astype(np.float32)
    loud = sound.same_level(wave, 0.2)
    assert loud.dtype == np.float32
    assert np.sqrt(np.mean(loud.astype(float) ** 2)) == pytest.approx(0.2, rel=1e-5)
    np.testing.assert_allclose(loud / loud.max(), wave / wave.max(), atol=1e-5)
    assert not sound.same_level(np.zeros(5)).any() and len(sound.same_level(np.zeros(0))) == 0
    noisy = sound.add_noise(tone(300, seconds=5), 10, rng)
    noise = noisy - tone(300, seconds=5)
    assert 10 * np.log10(0.5 / np.mean(noise**2)) == pytest.approx(10, abs=0.3)
    assert not sound.add_noise(np.zeros(5), 10, rng).any()


def test_quiet_ends_are_cut_and_gaps_are_not():
    gap = np.zeros(1600)
    word = np.concatenate([tone(300, seconds=0.1), gap, tone(300, seconds=0.1)])
    quiet = np.random.default_rng(0).normal(size=4000) * 1e-3
    found = sound.trim(np.concatenate([quiet, word, quiet]))
    assert len(found) == len(word) + 2 * 160
    np.testing.assert_array_equal(found[160:-160], word)
    for wave in (np.zeros(500), np.ones(30), np.zeros(0)):
        np.testing.assert_array_equal(sound.trim(wave), wave)


# --- bad input --------------------------------------------------------------------------------

STEREO = np.zeros((2, 300))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sound.hann(0), "size is 0; expected a whole number"),
        (lambda: sound.hann(2.5), "size is 2.5; expected a whole number"),
        (lambda: sound.frames(np.zeros(9), 4, 0), "step is 0"),
        (lambda: sound.frames(3.0, 4, 1), "expected 4 samples or more"),
        (lambda: sound.spectrogram(np.zeros(300), window=np.ones(5)), r"expected \(256,\)"),
        (lambda: sound.mel_filters(high=5000), "half the sampling rate"),
        (lambda: sound.mel_filters(low=3000, high=100), "low is 3000"),
        (lambda: sound.log_mel(np.zeros(300), floor=0), "floor is 0"),
        (lambda: sound.fit_length(STEREO, 5), "of two channels take the mean"),
        (lambda: sound.fit_length(np.zeros(3), True), "length is True"),
        (lambda: sound.resample(STEREO, 2, 1), "of two channels take the mean"),
        (lambda: sound.resample(np.zeros(3), 0, 1), "expected numbers above 0"),
        (lambda: sound.resample(np.zeros(0), 2, 1), "the wave is empty"),
        (lambda: sound.change_speed(np.zeros(3), 0), "speed is 0"),
        (lambda: sound.change_speed(np.zeros(0), 1), "the wave is empty"),
        (lambda: sound.same_level(np.zeros(3), 0), "level is 0"),
        (lambda: sound.trim(STEREO), "of two channels take the mean"),
    ],
)
def test_bad_input_is_told_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
