"""Spoken digits: packed or unpacked, verified by names and samples, split as their makers say."""

import hashlib
import io
import os
import shutil
import wave
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import fault_server as fs

from dlkit import data
from dlkit.data import commands, drawn_voices, spoken, store
from dlkit.data.readers import ArraySpec, DataError
from dlkit.data.registry import RECORDS, SPOKEN_DIGITS, Format, Mirror

REAL = Path(os.environ.get("DLKIT_DATA_DIR", "nowhere")).absolute()
REAL_ZIP = REAL / "free-spoken-digit-dataset-1.0.10.zip"
needs_recordings = pytest.mark.skipif(
    not REAL_ZIP.is_file(), reason="no free-spoken-digit-dataset-1.0.10.zip in DLKIT_DATA_DIR"
)
ZIP, TAG_ZIP = "free-spoken-digit-dataset-1.0.10.zip", "v1.0.10.zip"
TOP = "free-spoken-digit-dataset-1.0.10/recordings/"


def as_wav(samples, rate=8000, width=2, channels=1):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(np.asarray(samples).astype(f"<i{width}").tobytes())
    return file.getvalue()


def made_recordings():
    """Two digits by two people, twelve times each: name -> samples."""
    rng = np.random.default_rng(0)
    return {
        f"{digit}_{name}_{index}.wav": rng.integers(-999, 999, 1200 + 10 * index).astype(np.int16)
        for digit in (3, 7)
        for name in ("george", "theo")
        for index in range(12)
    }


SOUNDS = made_recordings()
FILES = {name: as_wav(samples) for name, samples in SOUNDS.items()}


def as_zip(files=FILES, top=TOP, **more):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top.partition('/')[0]}/README.md", "read me")
        archive.writestr(top, "")
        for name, body in (files | more).items():
            archive.writestr(top + name, body)
    return file.getvalue()


def tiny_sample():
    """As quick as can be: what stands in is the subject of tests of its own."""
    recordings = {f"{d}_alto_{i}.wav": np.ones(800, np.int16) for d in range(10) for i in range(12)}
    return spoken.as_arrays(recordings, tuple(drawn_voices.VOICES))


def tiny_record(*urls):
    reader = spoken.SpokenFiles(spoken.fingerprint(SOUNDS))
    formats = (
        Format((ZIP,), reader.read_zip),
        Format((TAG_ZIP,), reader.read_zip),
        Format(("recordings",), reader.read_folder, is_there=spoken.is_recordings_folder),
    )
    shapes = {"x": "object", "y": "uint8", "speaker": "uint8", "index": "uint8"}
    return replace(
        SPOKEN_DIGITS,
        arrays={name: ArraySpec((len(SOUNDS),), dtype=dtype) for name, dtype in shapes.items()},
        formats=formats,
        mirrors=tuple(Mirror(url, formats[1]) for url in urls or ["http://127.0.0.1:9"]),
        sample=replace(SPOKEN_DIGITS.sample, make=tiny_sample),
    )


@pytest.fixture
def tiny(monkeypatch):
    """Makes load_spoken_digits look for SOUNDS."""

    def use(*urls):
        monkeypatch.setattr(data, "SPOKEN_DIGITS", tiny_record(*urls))

    use()
    return use


def unpack(folder, files=FILES):
    folder.mkdir(parents=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)


def assert_whole(recordings):
    found = {}
    for part, indices in (("train", range(10, 12)), ("val", range(5, 10)), ("test", range(5))):
        x, y, speaker = getattr(recordings, part)
        assert len(x) == len(y) == len(speaker) == 4 * len(indices)
        names = [recordings.speaker_names[number] for number in speaker]
        keys = [
            f"{digit}_{name}_{index}.wav"
            for digit, name, index in zip(y, names, [*indices] * 4, strict=True)
        ]
        found |= dict(zip(keys, x, strict=True))
    assert found.keys() == SOUNDS.keys()
    for name, samples in found.items():
        np.testing.assert_array_equal(samples, SOUNDS[name])
        assert samples.dtype == np.int16


# --- the real data ----------------------------------------------------------------------------


@needs_recordings
def test_the_real_recordings_come_in_the_official_split(machine, monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL))
    digits = data.load_spoken_digits()
    assert capsys.readouterr().out == ""
    assert digits.source == "Spoken digits, verified copy in $DLKIT_DATA_DIR"
    assert digits.origin is data.Origin.OFFICIAL and not digits.is_sample
    assert digits.speaker_names == spoken.SPEAKERS and digits.rate == 8000
    assert digits.class_names == tuple("0123456789") and "CC BY-SA 4.0" in digits.license
    with zipfile.ZipFile(REAL_ZIP) as archive:
        names = {name.rpartition("/")[2]: name for name in archive.namelist()}
        for part, indices in (("train", range(10, 50)), ("val", range(5, 10)), ("test", range(5))):
            x, y, speaker = getattr(digits, part)
            n = 60 * len(indices)
            assert (x.shape, x.dtype, y.shape, y.dtype) == ((n,), object, (n,), np.uint8)
            assert (speaker.shape, speaker.dtype) == ((n,), np.uint8)
            table = np.zeros((10, 6), int)
            np.add.at(table, (y, speaker), 1)
            assert (table == len(indices)).all()
            for place in (0, n // 3, n - 1):  # by Python's wave module, not by our reader
                index = indices[place % len(indices)]
                name = f"{y[place]}_{digits.speaker_names[speaker[place]]}_{index}.wav"
                with wave.open(io.BytesIO(archive.read(names[name]))) as file:
                    content = file.readframes(file.getnframes())
                assert x[place].astype("<i2").tobytes() == content


@needs_recordings
def test_no_real_recording_is_there_twice(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL))
    digits = data.load_spoken_digits()
    parts = (digits.train, digits.val, digits.test)
    assert len({samples.tobytes() for part in parts for samples in part.x}) == 3000
    lengths = np.array([len(samples) for part in parts for samples in part.x]) / 8000
    assert (lengths.min().round(2), lengths.max().round(2)) == (0.14, 2.28)


# --- packings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [ZIP, TAG_ZIP])
@pytest.mark.parametrize("folder", ["", "speech"])
def test_a_zip_is_found(machine, tiny, capsys, name, folder):
    (machine / "course/data" / folder).mkdir(exist_ok=True)
    (machine / "course/data" / folder / name).write_bytes(as_zip())
    digits = data.load_spoken_digits()
    assert digits.source == "Spoken digits, verified copy in data/"
    assert capsys.readouterr().out == ""
    assert_whole(digits)


@pytest.mark.parametrize("folder", ["", "free-spoken-digit-dataset-1.0.10", "downloads"])
def test_an_unpacked_folder_is_found_whatever_else_lies_in_it(machine, tiny, capsys, folder):
    at = machine / "course/data" / folder / "recordings"
    unpack(at)
    (at / "notes.txt").write_text("mine")
    (at / "0_george_0.wav.bak").write_bytes(b"old")
    digits = data.load_spoken_digits()
    assert digits.source == "Spoken digits, verified copy in data/"
    assert capsys.readouterr().out == ""
    assert_whole(digits)


def test_what_else_a_wav_file_holds_does_not_matter(machine, tiny):
    """A chunk of text before the samples, as some programs write it."""
    note = b"LIST" + (4).to_bytes(4, "little") + b"mine"
    with_notes = {}
    for name, body in FILES.items():
        content = body[:12] + note + body[12:]
        with_notes[name] = content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:]
    unpack(machine / "course/data/recordings", with_notes)
    assert_whole(data.load_spoken_digits())


def test_somebodys_own_recordings_are_no_copy_and_no_news(machine, tiny, capsys):
    unpack(machine / "course/data/recordings", {"concert.wav": as_wav([1, 2, 3])})
    assert data.load_spoken_digits().is_sample
    assert capsys.readouterr().out.count("\n") == 1


# --- mirrors ----------------------------------------------------------------------------------


def test_it_is_downloaded_and_found_again(machine, tiny, monkeypatch):
    monkeypatch.delenv("DLKIT_OFFLINE")
    with fs.serving({TAG_ZIP: fs.sends(as_zip())}) as (url, requests):
        tiny(url)
        assert_whole(data.load_spoken_digits())
        asked = len(requests)
        assert_whole(data.load_spoken_digits())
        assert len(requests) == asked
    assert fs.files_in(machine) == [f"course/data/downloads/{TAG_ZIP}"]


FIRST = next(iter(FILES))
LAST = list(FILES)[-1]
CHANGED = SOUNDS[FIRST].copy()
CHANGED[7] += 1
BROKEN = {
    "cut off": (as_zip()[:-40], "truncated or damaged"),
    "a web page": (b"<!DOCTYPE html><title>Log in</title>", "is a web page"),
    "empty": (b"", "is empty"),
    "no archive": (b"plain words", "is not a file of this format"),
    "a recording less": (
        as_zip({name: body for name, body in FILES.items() if name != LAST}),
        "holds 47 recordings, expected 48",
    ),
    "a recording more": (
        as_zip(**{"9_theo_12.wav": as_wav([1])}),
        "holds more than the data can have",
    ),
    "one sample changed": (as_zip(**{FIRST: as_wav(CHANGED)}), "differ from the published ones"),
    "two names exchanged": (
        as_zip(**{FIRST: FILES[LAST], LAST: FILES[FIRST]}),
        "differ from the published ones",
    ),
    "a stranger": (
        as_zip(
            {("3_ann_0.wav" if name == FIRST else name): body for name, body in FILES.items()},
        ),
        "differ from the published ones",
    ),
    "no sound in it": (as_zip(**{FIRST: b"words"}), f"{FIRST} is no sound that dlkit knows"),
    "a sound cut off": (as_zip(**{FIRST: FILES[FIRST][:-100]}), f"{FIRST} is truncated or damaged"),
    "another rate": (
        as_zip(**{FIRST: as_wav(SOUNDS[FIRST], rate=16000)}),
        "1 of 16 bits at 8,000 Hz",
    ),
    "stereo": (as_zip(**{FIRST: as_wav(SOUNDS[FIRST], channels=2)}), "has 2 channels of 16 bits"),
    "a bomb": (
        as_zip(**{FIRST: as_wav(np.zeros(spoken.MAX_FILE))}),
        "holds more than the data can have",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_after_a_broken_mirror_comes_the_next(machine, tiny, monkeypatch, capsys, body, reason):
    monkeypatch.delenv("DLKIT_OFFLINE")
    bad_server = fs.serving({TAG_ZIP: fs.sends(body)})
    with bad_server as (bad, _), fs.serving({TAG_ZIP: fs.sends(as_zip())}) as (url, _):
        tiny(bad, url)
        assert_whole(data.load_spoken_digits())
        tiny(bad)
        (machine / "course/data/downloads" / TAG_ZIP).unlink()
        capsys.readouterr()
        assert data.load_spoken_digits().is_sample
    assert reason in capsys.readouterr().out
    assert fs.files_in(machine) == []


def test_where_nothing_answers_it_is_the_sample(machine, tiny, monkeypatch, capsys):
    monkeypatch.delenv("DLKIT_OFFLINE")
    assert data.load_spoken_digits().is_sample
    assert "connection refused" in capsys.readouterr().out


# --- a user's own files -----------------------------------------------------------------------


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_bad_archive_is_announced_and_left_alone(machine, tiny, capsys, body, reason):
    own = machine / "course/data" / ZIP
    own.write_bytes(body)
    assert data.load_spoken_digits().is_sample
    first, second = capsys.readouterr().out.splitlines()
    assert reason in first and first.endswith("it is left as it is")
    assert "-m dlkit data fetch spoken`" in second
    assert own.read_bytes() == body


def test_a_folder_that_lacks_one_is_announced_and_left_alone(machine, tiny, capsys):
    folder = machine / "course/data/recordings"
    unpack(folder)
    (folder / FIRST).unlink()
    assert data.load_spoken_digits().is_sample
    out = capsys.readouterr().out
    assert "recordings in data/ is not used (the folder recordings holds 47 recordings" in out
    assert "it is left as it is" in out and len(os.listdir(folder)) == 47


def test_a_name_twice_in_two_folders_of_an_archive_is_refused(machine, tiny, capsys):
    file = io.BytesIO(as_zip())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(f"old/{FIRST}", FILES[FIRST])
    (machine / "course/data" / ZIP).write_bytes(file.getvalue())
    assert data.load_spoken_digits().is_sample
    assert "more than the data can have" in capsys.readouterr().out
    with pytest.raises(DataError, match=f"holds {FIRST} twice"):
        reader = spoken.SpokenFiles("")
        reader._arrays([(FIRST, FILES[FIRST])] * 2, tiny_record().arrays, "it")


def test_a_damaged_download_is_set_aside_and_fetched_anew(machine, tiny, monkeypatch, capsys):
    downloads = machine / "course/data/downloads"
    downloads.mkdir()
    (downloads / TAG_ZIP).write_bytes(BROKEN["cut off"][0])
    monkeypatch.delenv("DLKIT_OFFLINE")
    with fs.serving({TAG_ZIP: fs.sends(as_zip())}) as (url, _):
        tiny(url)
        assert_whole(data.load_spoken_digits())
    assert f"kept as {TAG_ZIP}.damaged" in capsys.readouterr().out
    assert sorted(os.listdir(downloads)) == [TAG_ZIP, f"{TAG_ZIP}.damaged"]


def test_names_of_folders_in_an_archive_do_not_matter_and_lead_nowhere(machine, tiny):
    (machine / "course/data" / ZIP).write_bytes(as_zip(top="../../elsewhere/"))
    assert_whole(data.load_spoken_digits())
    assert fs.files_in(machine) == [f"course/data/{ZIP}"]


def test_a_folder_nobody_may_read_is_no_copy(machine, tiny, capsys):
    assert not spoken.is_recordings_folder(machine / "absent")
    assert not spoken.is_recordings_folder(__file__)


# --- the split --------------------------------------------------------------------------------


def test_every_recording_is_in_one_part():
    parts = spoken.parts_of(np.arange(50))
    assert sum(parts.values()).tolist() == [1] * 50
    assert np.flatnonzero(parts["test"]).tolist() == [0, 1, 2, 3, 4]  # as the README of FSDD says
    assert np.flatnonzero(parts["val"]).tolist() == [5, 6, 7, 8, 9]


def test_the_fingerprint_is_of_names_and_samples():
    whole = hashlib.sha256()
    for name in sorted(SOUNDS):
        whole.update(name.encode() + b"\0" + SOUNDS[name].tobytes())
    assert spoken.fingerprint(SOUNDS) == whole.hexdigest()
    with pytest.raises(DataError, match="by nobody of"):
        spoken.as_arrays({"1_ann_0.wav": SOUNDS[FIRST]}, spoken.SPEAKERS)


# --- the sample -------------------------------------------------------------------------------


def test_the_sample_is_our_own_making_and_says_so_in_one_line(machine, capsys):
    digits = data.load_spoken_digits()
    out, err = capsys.readouterr()
    assert digits.is_sample and digits.origin is data.Origin.SAMPLE
    assert digits.name == "synthetic voices"
    assert digits.source == (
        "offline sample: 900 words by a synthesiser of this course's own, six voices that nobody "
        "has"
    )
    assert out.count("\n") == 1 and "a synthesiser of this course's own" in out and err == ""
    assert [len(part.x) for part in (digits.train, digits.val, digits.test)] == [300, 300, 300]
    assert repr(digits).splitlines()[0].endswith("10 classes, 6 speakers, 8,000 Hz")
    with pytest.raises(AttributeError):
        digits.train = None
    # It is drawn from its seed alone, no recording is there twice, and no voice is too loud.
    again, other = drawn_voices.drawn_voices(), drawn_voices.drawn_voices(seed=1)
    whole = [x for part in (digits.train, digits.val, digits.test) for x in part.x]
    assert {x.tobytes() for x in whole} == {x.tobytes() for x in again["x"]}
    assert len({x.tobytes() for x in [*whole, *other["x"]]}) == 1800
    for x in whole:
        assert 0.2 < len(x) / 8000 < 0.9 and 50 < np.abs(x.astype(int)).max() < 32767


def test_the_words_of_the_sample_differ_in_sound_and_its_voices_in_pitch():
    """The nearest mean tells words of one voice apart; a voice's pitch is the one it is given."""
    from dlkit import sound

    rng = np.random.default_rng(0)
    voice, right = "tenor", 0
    draws = [[drawn_voices.draw_word(k, voice, rng) for _ in range(8)] for k in range(10)]
    pictures = np.array([[sound.log_mel(sound.fit_length(w, 6400)) for w in row] for row in draws])
    means = pictures[:, :6].mean(axis=1)
    for digit in range(10):
        for picture in pictures[digit, 6:]:
            right += ((means - picture) ** 2).sum(axis=(1, 2)).argmin() == digit
    assert right >= 16  # of 20
    for name in ("bass", "child"):
        wave_ = drawn_voices.draw_word(1, name, rng)
        middle = wave_[len(wave_) // 3 :][:800]
        lags = np.correlate(middle, middle, "full")[800 - 1 :]
        lag = 20 + lags[20:160].argmax()
        assert 8000 / lag == pytest.approx(drawn_voices.VOICES[name][0], rel=0.25)


# --- the rest ---------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
def test_the_commands_know_it(machine, monkeypatch, capsys, packed):
    monkeypatch.setitem(RECORDS, "spoken", tiny_record())
    if packed:
        (machine / "course/data" / ZIP).write_bytes(as_zip())
    else:
        unpack(machine / "course/data/recordings")
    assert commands.run("fetch", ["spoken"], str(machine / "stick")) == 0
    copied = machine / "stick/downloads"
    assert os.listdir(copied) == [ZIP if packed else "recordings"]
    assert packed or len(os.listdir(copied / "recordings")) == len(FILES)
    assert commands.run("verify", ["spoken"]) == 0
    assert commands.run("where", ["spoken"]) == 0
    out = capsys.readouterr().out
    assert "made on the spot" in out and ("recordings: verified" in out) is not packed
    monkeypatch.setenv("DLKIT_DATA_DIR", str(machine / "stick"))
    shutil.rmtree(machine / "course/data")
    monkeypatch.setattr(data, "SPOKEN_DIGITS", tiny_record())
    assert_whole(data.load_spoken_digits())


def test_no_sample_stands_in_where_the_real_data_are_asked_for(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_REAL_DATA", "1")
    with pytest.raises(DataError, match="Run `.* -m dlkit data fetch spoken`"):
        data.load_spoken_digits()


def test_the_datasheet_names_the_digest_and_the_mirror_is_secure():
    sheet = (fs.ROOT / "data/README.md").read_text(encoding="utf-8")
    assert SPOKEN_DIGITS.formats[0].read.__self__.sha256 in sheet
    for format in SPOKEN_DIGITS.formats:
        assert format.files[0] in sheet
    for mirror in SPOKEN_DIGITS.mirrors:
        assert mirror.format in SPOKEN_DIGITS.formats and mirror.url.startswith("https://")
    assert store.sample_path(SPOKEN_DIGITS) is None
