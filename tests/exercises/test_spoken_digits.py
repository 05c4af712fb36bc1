"""The references that dlkit.exercises.spoken_digits defines itself, against samples and sklearn."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from dlkit.exercises import spoken_digits as exercises


@pytest.mark.parametrize("rate", [8000.0, 44_100.0])
@pytest.mark.parametrize("times", [0.1, 0.5, 0.7, 1.0, 1.3, 2.6, 7.9])
def test_a_tone_and_the_one_that_is_heard_have_the_same_samples(rate, times):
    hz = times * rate
    heard = exercises.heard_frequency(hz, rate)
    assert 0 <= heard <= rate / 2
    at = np.arange(64) / rate
    np.testing.assert_allclose(
        np.cos(2 * np.pi * hz * at), np.cos(2 * np.pi * heard * at), atol=1e-8
    )


def test_the_smallest_piece_is_the_smallest():
    assert exercises._smallest() == exercises.SMALLEST
    assert exercises._valley(exercises.SMALLEST) <= 0.5 < exercises._valley(exercises.SMALLEST - 1)


def test_the_spectrum_of_two_tones_is_the_mean_over_long_pieces_of_both():
    size, rng = 900, np.random.default_rng(0)
    hz, power = exercises.two_tones(size)
    at = np.arange(size) / exercises.RATE
    window, columns = np.hanning(size + 1)[:-1], (hz * exercises.FINE / exercises.RATE).astype(int)
    found = np.zeros(len(hz))
    for phases in rng.uniform(0, 2 * np.pi, (400, 2)):
        wave = sum(
            np.sin(2 * np.pi * tone * at + phase)
            for tone, phase in zip(exercises.TONES, phases, strict=True)
        )
        found += np.abs(np.fft.rfft(wave * window, exercises.FINE)[columns]) ** 2
    np.testing.assert_allclose(found / found.max(), power, atol=0.06)
    for bad in (7, 70_000, 2.5, True):
        with pytest.raises(ValueError, match="expected a whole number of samples"):
            exercises.two_tones(bad)


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_recording_is_sklearns(seed):
    x, y, speaker = exercises.voices(seed)
    new = speaker >= 30
    judge = KNeighborsClassifier(1).fit(x[~new], y[~new])
    found = exercises.nearest_accuracy(x[~new], y[~new], x[new], y[new])
    assert found == pytest.approx(judge.score(x[new], y[new]))


def test_the_referees_numbers_are_those_of_the_experiment():
    clean = []
    for seed in range(10):
        x, y, speaker = exercises.voices(seed)
        new = speaker >= 30
        clean.append(exercises.nearest_accuracy(x[~new], y[~new], x[new], y[new]))
    leaky = np.mean([exercises.colleague(seed) for seed in range(10)])
    assert leaky == pytest.approx(exercises.LEAKY, abs=0.01)
    assert np.mean(clean) == pytest.approx(exercises.CLEAN, abs=0.01)


def test_a_cold_belongs_to_a_person():
    _, y, speaker = exercises.voices(1)
    colds = [set(y[speaker == person]) for person in range(exercises.SPEAKERS)]
    assert all(len(labels) == 1 for labels in colds)
    assert sum(labels == {1} for labels in colds) == 20
