"""Sentence polarity: any packing and encoding, verified by a normal form, split by a fixed rule."""

import gzip
import hashlib
import io
import os
import re
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import fault_server as fs
from hypothesis import given
from hypothesis import strategies as st

from dlkit import data
from dlkit.data import commands, drawn_reviews, sentences, store
from dlkit.data.readers import ArraySpec, DataError
from dlkit.data.registry import RECORDS, SENTENCE_POLARITY, Format, Mirror

REAL = Path(os.environ.get("DLKIT_DATA_DIR", "nowhere")).absolute()
needs_sentences = pytest.mark.skipif(
    not (REAL / "rt-polarity.pos").is_file(), reason="no rt-polarity.pos in DLKIT_DATA_DIR"
)
POS, NEG = sentences.FILES.values()
TAR, ZIP = "rt-polaritydata.tar.gz", "sentence_polarity.zip"
GOOD = [f"el ladrón n°{i} is – in a word…a gem . " for i in range(20)]
BAD = [f"cliché no {i} , and its  naïve hero " for i in range(20)]


def as_bytes(encoding="utf-8", newline="\n"):
    """Both files: name -> bytes."""
    text = {POS: GOOD, NEG: BAD}
    return {name: "".join(x + newline for x in text[name]).encode(encoding) for name in text}


def as_tar(files, top="rt-polaritydata/"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, body in {"README.1.0.txt": b"read me", **files}.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return file.getvalue()


def as_zip(files, top="sentence_polarity/"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top}README.txt", "read me")
        for name, body in files.items():
            archive.writestr(top + name, body)
    return file.getvalue()


def of_nltk():
    """UTF-8, a blank in place of the byte 0x85, as the README in NLTK's zip says."""
    return {
        name: body.decode("cp1252").replace("…", " ").encode()
        for name, body in as_bytes("cp1252").items()
    }


def misread():
    """UTF-8 made of a file that was read as Latin-1: U+0085 and U+0096 stand in it."""
    return {
        name: body.decode("latin-1").encode() for name, body in as_bytes("cp1252", "\r\n").items()
    }


COPIES = {
    "UTF-8": as_bytes(),
    "UTF-8 with its mark": as_bytes("utf-8-sig"),
    "UTF-16": {name: body.decode().encode("utf-16") for name, body in as_bytes().items()},
    "Windows-1252": as_bytes("cp1252", "\r\n"),
    "misread as Latin-1": misread(),
    "no last line break": {name: body[:-1] for name, body in as_bytes().items()},
}


def tiny_record(*mirrors):
    reader = sentences.PolarityFiles(
        {"pos": sentences.fingerprint(GOOD), "neg": sentences.fingerprint(BAD)}
    )
    formats = {
        "plain": Format((POS, NEG), reader.read_plain),
        "tar": Format((TAR,), reader.read_tar),
        "zip": Format((ZIP,), reader.read_zip),
    }
    at = [Mirror(url, formats[kind]) for kind, url in mirrors]
    return replace(
        SENTENCE_POLARITY,
        arrays={part: ArraySpec((20,), dtype="object") for part in ("pos", "neg")},
        formats=tuple(formats.values()),
        mirrors=tuple(at) or (Mirror("http://127.0.0.1:9", formats["tar"]),),
    )


@pytest.fixture
def tiny(monkeypatch):
    """Makes load_sentence_polarity look for GOOD and BAD, four of each held out, twice."""

    def use(*mirrors):
        monkeypatch.setattr(data, "SENTENCE_POLARITY", tiny_record(*mirrors))

    split = sentences.split
    monkeypatch.setattr(sentences, "split", lambda neg, pos, held_out: split(neg, pos, 4))
    use()
    return use


def all_of(polarity):
    return [x for part in (polarity.train, polarity.val, polarity.test) for x in part.x]


# --- the real data ----------------------------------------------------------------------------


@needs_sentences
def test_the_real_sentences_come_in_three_balanced_parts(machine, monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL))
    polarity = data.load_sentence_polarity()
    assert capsys.readouterr().out == ""
    assert polarity.source == "Sentence polarity, verified copy in $DLKIT_DATA_DIR"
    assert polarity.origin is data.Origin.OFFICIAL and not polarity.is_sample
    assert polarity.class_names == ("negative", "positive")
    assert "CC BY 4.0" in polarity.license
    for part, n in ((polarity.train, 8530), (polarity.val, 1066), (polarity.test, 1066)):
        assert (part.x.shape, part.x.dtype) == ((n,), object)
        assert (part.y.shape, part.y.dtype, part.y.sum()) == ((n,), np.uint8, n // 2)
        assert all(type(x) is str and x == x.strip() and "\x85" not in x for x in part.x)
    labels = dict(zip(polarity.train.x, polarity.train.y, strict=True))
    for name, label in ((POS, 1), (NEG, 0)):
        lines = (REAL / name).read_text(encoding="utf-8").splitlines()
        there = [labels[line.strip()] for line in lines if line.strip() in labels]
        assert there == [label] * 4265


@needs_sentences
def test_no_real_sentence_is_in_two_parts(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL))
    counts = Counter(map(sentences.normal_form, all_of(data.load_sentence_polarity())))
    assert len(counts) == 10_662 and set(counts.values()) == {1}


@needs_sentences
def test_the_split_of_the_real_sentences_never_changes(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL))
    polarity = data.load_sentence_polarity()
    sheet = (fs.ROOT / "data/README.md").read_text(encoding="utf-8")
    for part in (polarity.train, polarity.val, polarity.test):
        assert sentences.fingerprint(part.x) in sheet


@needs_sentences
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_the_real_sentences_are_known_as_the_archives_hold_them(machine, kind):
    """As the original is described: Windows-1252, CR LF; and as NLTK describes its changes."""
    real = {name: (REAL / name).read_text(encoding="utf-8") for name in (POS, NEG)}
    if kind == "tar":
        files = {name: text.encode("cp1252") for name, text in real.items()}
        assert b"\x85" in files[POS]
        body = as_tar({name: body.replace(b"\n", b"\r\n") for name, body in files.items()})
    else:
        body = as_zip({name: text.replace("…", " ").encode() for name, text in real.items()})
    (machine / "course/data" / {"tar": TAR, "zip": ZIP}[kind]).write_bytes(body)
    polarity = data.load_sentence_polarity()
    assert polarity.source == "Sentence polarity, verified copy in data/"
    originals = {line.strip() for text in real.values() for line in text.split("\n")}
    changed = [x for x in all_of(polarity) if x not in originals]
    assert len(changed) == (0 if kind == "tar" else 31)


# --- packings, encodings ----------------------------------------------------------------------


@pytest.mark.parametrize("files", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("pack", ["plain", "folder", "tar", "zip"])
def test_each_packing_and_encoding_gives_the_same_sentences(machine, tiny, capsys, files, pack):
    folder = machine / "course/data"
    if pack in ("plain", "folder"):
        folder = folder / "rt-polaritydata" if pack == "folder" else folder
        folder.mkdir(exist_ok=True)
        for name, body in files.items():
            (folder / name).write_bytes(body)
    else:
        packed = {TAR: as_tar(files)} if pack == "tar" else {ZIP: as_zip(files)}
        for name, body in packed.items():
            (folder / name).write_bytes(body)
    polarity = data.load_sentence_polarity()
    assert polarity.source == "Sentence polarity, verified copy in data/"
    assert capsys.readouterr().out == ""
    assert sorted(all_of(polarity)) == sorted(x.strip() for x in GOOD + BAD)
    for part in (polarity.train, polarity.val, polarity.test):
        assert [x.startswith("el ladrón") for x in part.x] == part.y.astype(bool).tolist()


def test_a_blank_in_place_of_a_sign_is_the_same_data_in_the_same_split(machine, tiny):
    folder = machine / "course/data"
    (folder / TAR).write_bytes(as_tar(as_bytes("cp1252")))
    first = data.load_sentence_polarity()
    (folder / TAR).unlink()
    (folder / ZIP).write_bytes(as_zip(of_nltk()))
    second = data.load_sentence_polarity()
    assert [x.replace("…", " ") for x in all_of(first)] == all_of(second)
    assert all_of(first) != all_of(second)


@given(st.text(alphabet="ab .é…–\u00a0\t", max_size=40))
def test_the_normal_form_is_the_same_in_every_encoding(text):
    expected = sentences.normal_form(text)
    for encoding in ("utf-8", "cp1252", "utf-16", "utf-8-sig"):
        assert sentences.normal_form(sentences.decode(text.encode(encoding))) == expected
    assert expected == " ".join(re.sub(r"[^!-~]+", " ", text).split())


# --- mirrors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tar", "zip", "plain"])
def test_it_is_downloaded_and_found_again(machine, tiny, monkeypatch, kind):
    monkeypatch.delenv("DLKIT_OFFLINE")
    served = {"tar": {TAR: as_tar(as_bytes("cp1252"))}, "zip": {ZIP: as_zip(of_nltk())}}
    files = served.get(kind, as_bytes())
    with fs.serving({name: fs.sends(body) for name, body in files.items()}) as (url, requests):
        tiny((kind, url))
        first, asked = data.load_sentence_polarity(), len(requests)
        assert all_of(data.load_sentence_polarity()) == all_of(first)
        assert len(requests) == asked
    assert not first.is_sample
    assert fs.files_in(machine) == sorted(f"course/data/downloads/{name}" for name in files)


BROKEN = {
    "cut off": (as_tar(as_bytes())[:-40], "truncated or damaged"),
    "a web page": (b"<!DOCTYPE html><title>Log in</title>", "is a web page"),
    "empty": (b"", "is empty"),
    "no archive": (b"plain words", "is not a file of this format"),
    "gzip of something else": (gzip.compress(b"words" * 999), "truncated or damaged"),
    "half the files": (as_tar({POS: as_bytes()[POS]}), f"holds no {NEG}"),
    "a sentence changed": (
        as_tar({n: b.replace(b"gem", b"jam", 1) for n, b in as_bytes().items()}),
        f"the sentences of {POS} differ",
    ),
    "a sentence less": (
        as_tar({n: b.partition(b"\n")[2] for n, b in as_bytes().items()}),
        "has 19 sentences, expected 20",
    ),
    "labels swapped": (
        as_tar({POS: as_bytes()[NEG], NEG: as_bytes()[POS]}),
        f"the sentences of {POS} differ",
    ),
    "a file that is too large": (
        as_tar({POS: b"a\n" * sentences.MAX_FILE, NEG: as_bytes()[NEG]}),
        f"{POS} is larger than it can be",
    ),
    "a bomb": (
        gzip.compress(bytes(sentences.MAX_TOTAL + 1), 1),
        "unpacks to more than the data can have",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_after_a_broken_mirror_comes_the_next(machine, tiny, monkeypatch, capsys, body, reason):
    monkeypatch.delenv("DLKIT_OFFLINE")
    good = {ZIP: fs.sends(as_zip(of_nltk()))}
    with fs.serving({TAR: fs.sends(body)}) as (bad, _), fs.serving(good) as (url, _):
        tiny(("tar", bad), ("zip", url))
        assert not data.load_sentence_polarity().is_sample
        tiny(("tar", bad))
        (machine / "course/data/downloads" / ZIP).unlink()
        capsys.readouterr()
        assert data.load_sentence_polarity().is_sample
    assert reason in capsys.readouterr().out
    assert fs.files_in(machine) == []


def test_where_nothing_answers_it_is_the_sample(machine, tiny, monkeypatch, capsys):
    monkeypatch.delenv("DLKIT_OFFLINE")
    assert data.load_sentence_polarity().is_sample
    assert "connection refused" in capsys.readouterr().out


# --- a user's own files -----------------------------------------------------------------------


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_bad_archive_is_announced_and_left_alone(machine, tiny, capsys, body, reason):
    own = machine / "course/data" / TAR
    own.write_bytes(body)
    assert data.load_sentence_polarity().is_sample
    first, second = capsys.readouterr().out.splitlines()
    assert reason in first and first.endswith("it is left as it is")
    assert "-m dlkit data fetch polarity`" in second
    assert own.read_bytes() == body


BAD_ZIPS = {
    "cut off": (as_zip(as_bytes())[:-40], "truncated or damaged"),
    "a byte changed": (as_zip(as_bytes()).replace(b"\x03\x04", b"\x03\x05", 1), "not a file of"),
    "half the files": (as_zip({NEG: as_bytes()[NEG]}), f"holds no {POS}"),
    "half a character": (
        as_zip({POS: as_bytes()[POS].decode().encode("utf-16")[:-1], NEG: as_bytes()[NEG]}),
        f"{POS} is truncated or damaged",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BAD_ZIPS.values(), ids=BAD_ZIPS)
def test_so_is_a_bad_zip(machine, tiny, capsys, body, reason):
    (machine / "course/data" / ZIP).write_bytes(body)
    assert data.load_sentence_polarity().is_sample
    assert reason in capsys.readouterr().out


def test_one_file_of_two_is_not_enough(machine, tiny, capsys):
    (machine / "course/data" / POS).write_bytes(as_bytes()[POS])
    assert data.load_sentence_polarity().is_sample
    assert f"is not used ({NEG} is missing); it is left as it is" in capsys.readouterr().out


def test_a_damaged_download_is_set_aside_and_fetched_anew(machine, tiny, monkeypatch, capsys):
    downloads = machine / "course/data/downloads"
    downloads.mkdir()
    (downloads / TAR).write_bytes(BROKEN["cut off"][0])
    monkeypatch.delenv("DLKIT_OFFLINE")
    with fs.serving({TAR: fs.sends(as_tar(as_bytes()))}) as (url, _):
        tiny(("tar", url))
        assert not data.load_sentence_polarity().is_sample
    assert f"kept as {TAR}.damaged" in capsys.readouterr().out
    assert sorted(os.listdir(downloads)) == [TAR, f"{TAR}.damaged"]


def test_names_of_folders_in_an_archive_do_not_matter_and_lead_nowhere(machine, tiny):
    body = as_tar(as_bytes(), top="../../elsewhere/")
    (machine / "course/data" / TAR).write_bytes(body)
    assert not data.load_sentence_polarity().is_sample
    assert fs.files_in(machine) == [f"course/data/{TAR}"]


def test_a_link_in_an_archive_is_no_file(machine, tiny, capsys):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in (POS, NEG):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            archive.addfile(member)
    (machine / "course/data" / TAR).write_bytes(file.getvalue())
    assert data.load_sentence_polarity().is_sample
    assert f"holds no {POS}" in capsys.readouterr().out


# --- the split --------------------------------------------------------------------------------


def test_the_split_is_a_partition_that_knows_no_order_and_no_copy():
    bad, good = np.array(BAD, object), np.array(GOOD, object)
    first = sentences.split(bad, good, held_out=4)
    again = sentences.split(bad[::-1], good[::-1], held_out=4)
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    whole = np.concatenate([first[f"x_{part}"] for part in ("train", "val", "test")])
    assert sorted(whole) == sorted(BAD + GOOD)
    for part, n in (("train", 24), ("val", 8), ("test", 8)):
        assert first[f"y_{part}"].sum() * 2 == len(first[f"x_{part}"]) == n
        assert [x in GOOD for x in first[f"x_{part}"]] == first[f"y_{part}"].astype(bool).tolist()
    ranks = [hashlib.sha256(f"dlkit 0 {sentences.normal_form(x)}".encode()) for x in first["x_val"]]
    assert [rank.digest() for rank in ranks] == sorted(rank.digest() for rank in ranks)


# --- the sample -------------------------------------------------------------------------------


def test_the_sample_is_our_own_making_and_says_so_in_one_line(machine, capsys):
    polarity = data.load_sentence_polarity()
    out, err = capsys.readouterr()
    assert polarity.is_sample and polarity.origin is data.Origin.SAMPLE
    assert polarity.name == "made-up reviews"
    assert polarity.source == (
        "offline sample: 3,200 sentences of this course's own making, drawn from templates"
    )
    assert out.count("\n") == 1 and "of this course's own making" in out and err == ""
    assert [len(part.x) for part in (polarity.train, polarity.val, polarity.test)] == [
        2400,
        400,
        400,
    ]
    assert repr(polarity).splitlines()[1] == (
        "  train  2,400 sentences: 1,200 negative, 1,200 positive"
    )
    with pytest.raises(AttributeError):
        polarity.train = None


def test_the_sample_is_drawn_from_its_seed_alone_and_no_sentence_twice():
    first, again, other = (drawn_reviews.drawn_reviews(seed) for seed in (0, 0, 1))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert (first["x_train"] != other["x_train"]).any()
    whole = [x for part in ("train", "val", "test") for x in first[f"x_{part}"]]
    assert len(set(whole)) == len(whole) == 3200
    for x in whole:
        assert x == x.lower() == " ".join(x.split()) and x.endswith(" .") and x.isascii()
        assert not re.search(r"\ba [aeiou]", x)


def test_in_the_sample_words_tell_much_and_their_order_tells_more():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    arrays = drawn_reviews.drawn_reviews()

    def score(ngrams):
        counts = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, ngrams))
        x, y = counts.fit_transform(arrays["x_train"]), arrays["y_train"]
        model = LogisticRegression(solver="liblinear").fit(x, y)
        return model.score(counts.transform(arrays["x_test"]), arrays["y_test"])

    assert 0.7 < score(1) < 0.85
    assert score(1) + 0.02 < score(2) < 0.97


def test_the_sample_negates_in_both_directions_and_leans_where_it_says():
    arrays = drawn_reviews.drawn_reviews()
    x, y = arrays["x_train"], arrays["y_train"]

    def share(words):
        has = np.array([any(f" {word} " in f" {text} " for word in words) for text in x])
        assert has.sum() > 50
        return y[has].mean()

    assert share(["not", "never", "isn't", "hardly"]) == pytest.approx(0.5, abs=0.08)
    assert share(drawn_reviews.MOSTLY_GOOD) > 0.75 > 0.25 > share(drawn_reviews.MOSTLY_BAD)
    assert share(drawn_reviews.PRAISED) > 0.75 > 0.25 > share(drawn_reviews.PANNED)
    words = Counter(word for text in x for word in text.split())
    assert np.mean(np.array(list(words.values())) == 1) > 0.3  # rare words, as in real text


# --- the rest ---------------------------------------------------------------------------------


def test_the_commands_know_it(machine, monkeypatch, capsys):
    monkeypatch.setitem(RECORDS, "polarity", tiny_record(("plain", "http://127.0.0.1:9")))
    for name, body in as_bytes().items():
        (machine / "course/data" / name).write_bytes(body)
    assert commands.run("fetch", ["polarity"], str(machine / "stick")) == 0
    assert fs.files_in(machine / "stick") == [f"downloads/{NEG}", f"downloads/{POS}"]
    assert commands.run("verify", ["polarity"]) == 0
    assert commands.run("where", ["polarity"]) == 0
    out = capsys.readouterr().out
    assert f"{POS} and 1 more" in out and "made on the spot" in out


def test_no_sample_stands_in_where_the_real_data_are_asked_for(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_REAL_DATA", "1")
    with pytest.raises(DataError, match="Run `.* -m dlkit data fetch polarity`"):
        data.load_sentence_polarity()


def test_the_datasheet_names_the_digests_and_the_mirrors_are_secure():
    sheet = (fs.ROOT / "data/README.md").read_text(encoding="utf-8")
    for digest in SENTENCE_POLARITY.formats[0].read.__self__.sha256.values():
        assert digest in sheet
    for mirror in SENTENCE_POLARITY.mirrors:
        assert mirror.format in SENTENCE_POLARITY.formats and mirror.url.startswith("https://")
    assert store.sample_path(SENTENCE_POLARITY) is None
