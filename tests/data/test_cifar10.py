"""CIFAR-10: both published forms, read with suspicion; the cache; the drawn sample."""

import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import fault_server as fs
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlkit import data
from dlkit.data import cifar, commands, samples, store
from dlkit.data.readers import ArraySpec, DataError, digest
from dlkit.data.registry import CIFAR10, RECORDS, SHAKESPEARE, Format, Mirror
from dlkit.machine import dlkit_command

REAL = Path(os.environ.get("DLKIT_DATA_DIR", "nowhere")).absolute() / "CIFAR-10-images-master.zip"
TAR, ZIP = "cifar-10-python.tar.gz", "CIFAR-10-images-master.zip"
N = 4  # images in each batch of the stand-ins


def batch_of(x, y):
    """A pickle as Python 2 and its NumPy wrote the official batches, opcode by opcode."""

    def text(words):
        return b"U" + bytes([len(words)]) + words

    def small(n):
        return b"K" + bytes([n])

    def wide(n):
        return b"M" + struct.pack("<H", n)

    raw = x.transpose(0, 3, 1, 2).tobytes()
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + small(0) + small(1) + b"\x87R"
    dtype += b"(" + small(3) + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + small(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    array += small(0) + b"\x85" + text(b"b") + b"\x87R"
    array += b"(" + small(1) + wide(len(x)) + wide(3072) + b"\x86" + dtype
    array += b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    labels = b"](" + b"".join(small(int(label)) for label in y) + b"e"
    entries = text(b"batch_label") + text(b"a batch") + text(b"labels") + labels
    return b"\x80\x02}(" + entries + text(b"data") + array + b"u."


def tiny_arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (5 * N, 32, 32, 3), dtype=np.uint8),
        "y_train": rng.integers(0, 10, 5 * N, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (N, 32, 32, 3), dtype=np.uint8),
        "y_test": rng.integers(0, 10, N, dtype=np.uint8),
    }


def tiny_batches():
    arrays = tiny_arrays()
    batches = {"test_batch": batch_of(arrays["x_test"], arrays["y_test"])}
    for i in range(5):
        part = slice(i * N, (i + 1) * N)
        batches[f"data_batch_{i + 1}"] = batch_of(arrays["x_train"][part], arrays["y_train"][part])
    return batches


def as_tar(batches):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, body in {**batches, "readme.html": b"<p>"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return file.getvalue()


def tiny_jpegs():
    """Name -> JPEG; images of one colour, which JPEG keeps to within a level or two."""
    found = {}
    for part, count in (("train", 2), ("test", 1)):
        for label, name in enumerate(cifar.CLASSES):
            for number in range(count):
                file = io.BytesIO()
                Image.new("RGB", (32, 32), (label * 25, number * 80, 120)).save(file, "JPEG")
                found[f"{part}/{name}/{number:04}.jpg"] = file.getvalue()
    return found


def as_zip(jpegs, top="CIFAR-10-images-master/", compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{top}README.md", "not an image")
        for name, body in jpegs.items():
            archive.writestr(top + name, body)
    return file.getvalue()


def published(jpegs):
    bodies = (name.encode() + b"\0" + jpegs[name] for name in sorted(jpegs))
    return hashlib.sha256(b"".join(bodies)).hexdigest()


def tiny_record(tar=b"", *urls):
    """CIFAR-10 with fewer images, known by the digests of these stand-ins."""
    archive = cifar.Archive(hashlib.sha256(tar).hexdigest())
    jpegs = cifar.JpegZip(published(tiny_jpegs()))
    of_tar = Format((TAR,), archive.read, archive.check)
    of_zip = Format((ZIP,), jpegs.read, jpegs.check, is_cached=True, origin=data.Origin.JPEG_COPY)
    n = (5 * N, N)
    specs = {
        f"{kind}_{part}": ArraySpec((count, *shape))
        for part, count in zip(("train", "test"), n, strict=True)
        for kind, shape in (("x", (32, 32, 3)), ("y", ()))
    }
    if not tar:
        specs = {k: ArraySpec((20 if "train" in k else 10, *s.shape[1:])) for k, s in specs.items()}
    mirrors = tuple(Mirror(url, of_tar) for url in urls or ("http://127.0.0.1:9",))
    return replace(CIFAR10, arrays=specs, formats=(of_tar, of_zip), mirrors=mirrors)


def load(record):
    lines = []
    return store.load(record, lines.append), lines


# --- the official archive -------------------------------------------------------------------


def test_the_official_form_is_downloaded_verified_and_found_again(machine, monkeypatch):
    monkeypatch.delenv("DLKIT_OFFLINE")
    body = as_tar(tiny_batches())
    with fs.serving({TAR: fs.sends(body)}) as (url, _):
        for _ in range(2):  # the second time without asking
            loaded, lines = load(tiny_record(body, url))
            assert loaded.origin is data.Origin.OFFICIAL
            assert loaded.source == "CIFAR-10 (official), verified copy in data/"
            for name, array in tiny_arrays().items():
                np.testing.assert_array_equal(loaded.arrays[name], array)
    assert lines == []
    assert fs.files_in(machine) == [f"course/data/downloads/{TAR}"]


def test_a_batch_is_what_keras_reads(tmp_path):
    from keras.src.datasets.cifar import load_batch

    arrays = tiny_arrays()
    body = batch_of(arrays["x_test"], arrays["y_test"])
    (tmp_path / "batch").write_bytes(body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy 2 has moved what these pickles name
        x, y = load_batch(str(tmp_path / "batch"))
    pixels, labels = cifar.read_batch(body)
    np.testing.assert_array_equal(pixels.reshape(x.shape), x)
    np.testing.assert_array_equal(labels, y)


class RunsCode:
    def __reduce__(self):
        return os.system, ("touch stolen",)


EVIL = {
    "a call": pickle.dumps({"data": RunsCode(), "labels": []}, protocol=2),
    "a builtin": b"\x80\x02c__builtin__\neval\nU\x041234\x85R.",
    "this very module": b"\x80\x02cdlkit.data.store\nload\n.",
    "numpy by another road": b"\x80\x02cnumpy\nload\nU\x01a\x85R.",
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
}


@pytest.mark.parametrize("body", EVIL.values(), ids=EVIL)
def test_a_pickle_that_asks_for_anything_else_is_refused(tmp_path, monkeypatch, body):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="a batch asks for .*, which is refused"):
        cifar.read_batch(body)
    assert list(tmp_path.iterdir()) == []


def test_even_in_an_archive_of_the_right_digest_it_is_refused(machine):
    body = as_tar({**tiny_batches(), "data_batch_3": EVIL["a call"]})
    (machine / "course/data" / TAR).write_bytes(body)
    loaded, lines = load(tiny_record(body))
    assert loaded.origin is data.Origin.SAMPLE
    assert "system, which is refused); it is left as it is" in lines[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b"<html>please log in</html>", "is a web page"),
        (as_tar(tiny_batches())[:3000], "is damaged, or not the official archive"),
        (as_tar({}), "is damaged, or not the official archive"),
    ],
    ids=["empty", "web page", "truncated", "another archive"],
)
def test_a_damaged_archive_is_announced_and_not_used(machine, body, reason):
    folder = machine / "course/data/downloads"
    folder.mkdir()
    (folder / TAR).write_bytes(body)
    loaded, lines = load(tiny_record(as_tar(tiny_batches())))
    assert loaded.origin is data.Origin.SAMPLE
    assert reason in lines[0] and lines[0].endswith(f"kept as {TAR}.damaged")
    assert "synthetic" in lines[1] and "-m dlkit data fetch cifar10`" in lines[1]
    assert len(lines) == 2


def test_an_archive_without_one_of_its_batches(tmp_path):
    batches = tiny_batches()
    del batches["data_batch_4"]
    body = as_tar(batches)
    (tmp_path / TAR).write_bytes(body)
    with pytest.raises(DataError, match="holds no data_batch_4"):
        record = tiny_record(body)
        record.read(record.formats[0], [tmp_path / TAR])


@settings(max_examples=200, deadline=None)
@given(cut=st.floats(0, 1), remove=st.integers(0, 20), insert=st.binary(max_size=20))
def test_a_corrupted_batch_gives_arrays_or_a_sentence(cut, remove, insert):
    arrays = tiny_arrays()
    body = batch_of(arrays["x_test"][:1], arrays["y_test"][:1])
    at = int(cut * len(body))
    try:
        pixels, labels = cifar.read_batch(body[:at] + insert + body[at + remove :])
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.shape == (len(labels), 3072)


# --- the JPEG copy and its cache ------------------------------------------------------------


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_the_jpegs_are_known_by_their_bytes_however_they_are_packed(tmp_path, packing):
    (tmp_path / ZIP).write_bytes(as_zip(tiny_jpegs(), "another-folder/", packing))
    record = tiny_record()
    arrays = record.read(record.formats[1], [tmp_path / ZIP])
    for part, each in (("train", 2), ("test", 1)):
        x, y = arrays[f"x_{part}"].astype(int), arrays[f"y_{part}"]
        np.testing.assert_array_equal(np.bincount(y), [each] * 10)
        assert np.abs(x[..., 0] - 25 * y[:, None, None]).max() <= 3  # red says the class
        assert np.abs(x[..., 2] - 120).max() <= 3
        assert (np.diff(y.astype(int)) < 0).any()  # not sorted by class


CHANGES = {
    "one byte": lambda jpegs: {**jpegs, "test/cat/0000.jpg": jpegs["test/cat/0000.jpg"] + b"x"},
    "one missing": lambda jpegs: {k: v for k, v in jpegs.items() if k != "test/cat/0000.jpg"},
    "one more": lambda jpegs: {**jpegs, "test/cat/0009.jpg": jpegs["test/cat/0000.jpg"]},
    "another label": lambda jpegs: {
        k.replace("test/cat", "test/lion"): v for k, v in jpegs.items()
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_jpegs_are_refused(machine, change):
    (machine / "course/data" / ZIP).write_bytes(as_zip(change(tiny_jpegs())))
    loaded, lines = load(tiny_record())
    assert loaded.origin is data.Origin.SAMPLE
    assert "does not hold CIFAR-10's images, or not all of them" in lines[0]
    assert fs.files_in(machine) == [f"course/data/{ZIP}"]


def test_a_truncated_zip_and_a_bomb_are_refused(tmp_path):
    record = tiny_record()
    big = {**tiny_jpegs(), "test/cat/0009.jpg": bytes(10_000_000)}
    for body, reason in (
        (as_zip(tiny_jpegs())[:5000], "truncated or damaged"),
        (as_zip(big), "larger than it can be"),
    ):
        (tmp_path / ZIP).write_bytes(body)
        with pytest.raises(DataError, match=reason):
            record.read(record.formats[1], [tmp_path / ZIP])


@pytest.mark.parametrize(
    ("count", "size", "reason"),
    [
        (3_000, 99_000, "3,000 JPEGs of 297 MB, more than"),
        (1_001, 1, "1,001 JPEGs of 0 MB, more than"),
    ],
)
def test_a_zip_of_many_jpegs_cannot_fill_the_memory(tmp_path, monkeypatch, count, size, reason):
    if count < 3_000:
        monkeypatch.setattr(cifar, "MAX_JPEGS", 1_000)
    body = bytes(size)
    with zipfile.ZipFile(tmp_path / ZIP, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            archive.writestr(f"train/cat/{number}.jpg", body)
    record = tiny_record()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=reason):
            record.check(record.formats[1], [tmp_path / ZIP])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_a_zip_that_says_less_than_it_holds_is_read_no_further(tmp_path):
    with zipfile.ZipFile(tmp_path / ZIP, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/cat/0.jpg", bytes(50_000_000))
    body = (tmp_path / ZIP).read_bytes()
    lie = body.replace((50_000_000).to_bytes(4, "little"), (50_000).to_bytes(4, "little"))
    assert lie != body
    (tmp_path / ZIP).write_bytes(lie)
    record = tiny_record()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="truncated or damaged"):
            record.check(record.formats[1], [tmp_path / ZIP])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("do", ["overwrite", "truncate"])
def test_arrays_stay_what_they_are_when_somebody_writes_over_the_cache(machine, do):
    """In a process of its own: a mapped file that is cut off would end it with a bus error."""
    (machine / "course/data" / ZIP).write_bytes(as_zip(tiny_jpegs()))
    first, _ = load(tiny_record())
    (kept,) = (machine / "course/data/downloads").iterdir()
    before = {name: digest(array) for name, array in first.arrays.items()}
    shapes = {name: spec.shape for name, spec in tiny_record().arrays.items()}
    code = f"""
from pathlib import Path
import numpy as np
from dlkit.data import cache
from dlkit.data.readers import ArraySpec, digest
specs = {{name: ArraySpec(shape) for name, shape in {shapes!r}.items()}}
kept = Path({str(kept)!r})
arrays = cache._read(kept, specs)
size = kept.stat().st_size
with open(kept, "r+b") as file:
    if {do!r} == "truncate":
        file.truncate(100)
    else:
        file.write(bytes(size))
print({{name: digest(array) for name, array in arrays.items()}} == {before!r})
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "True\n", "")
    again, _ = load(tiny_record())  # and the spoilt file is noticed
    assert {name: digest(array) for name, array in again.arrays.items()} == before


def forbid_decoding(monkeypatch):
    def forbidden(*args):
        raise AssertionError("decoded again")

    monkeypatch.setattr(Image, "open", forbidden)


def test_decoded_jpegs_are_kept_beside_the_downloads_not_in_the_shared_folder(
    machine, monkeypatch, capsys
):
    share = machine / "share"
    share.mkdir()
    (share / ZIP).write_bytes(as_zip(tiny_jpegs()))
    monkeypatch.setenv("DLKIT_DATA_DIR", str(share))
    (first, origin, source), lines = load(tiny_record())
    assert origin is data.Origin.JPEG_COPY
    assert source == "CIFAR-10 (JPEG copy), verified copy in $DLKIT_DATA_DIR"
    assert lines == []
    assert capsys.readouterr() == ("Decoding 30 JPEGs, the first time only\n", "")
    assert [path.name for path in share.iterdir()] == [ZIP]
    (kept,) = (machine / "course/data/downloads").iterdir()

    with monkeypatch.context() as patched:
        forbid_decoding(patched)
        again = load(tiny_record())[0].arrays
    assert capsys.readouterr() == ("", "")
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])

    for damage in (kept.read_bytes()[:-5000], damaged_inside(kept)):
        kept.write_bytes(damage)
        again = load(tiny_record())[0].arrays
        assert f"{kept.name} is not used (" in capsys.readouterr().out
        np.testing.assert_array_equal(first["x_train"], again["x_train"])
    with monkeypatch.context() as patched:
        forbid_decoding(patched)  # the damaged one was replaced
        load(tiny_record())


def damaged_inside(path):
    """The cache's bytes with another pixel, well-formed: only the digest can tell."""
    body = bytearray(path.read_bytes())
    body[-100] ^= 1
    return bytes(body)


def test_without_a_place_for_the_cache_the_images_are_there_all_the_same(machine, monkeypatch):
    (machine / "course/data" / ZIP).write_bytes(as_zip(tiny_jpegs()))
    monkeypatch.setattr(store, "cache_folders", lambda: [Path("/proc/nowhere")])
    loaded, _ = load(tiny_record())
    assert loaded.arrays["x_test"].shape == (10, 32, 32, 3)


def test_the_commands_verify_and_copy_without_decoding(machine, monkeypatch, capsys):
    (machine / "course/data" / ZIP).write_bytes(as_zip(tiny_jpegs()))
    forbid_decoding(monkeypatch)
    record = tiny_record()
    assert commands.verify(record) == 0
    assert commands.where(record) == 0
    assert commands.fetch(record=record) == 0
    assert commands.fetch(str(machine / "stick"), record) == 0
    out, err = capsys.readouterr()
    assert f"verified  {machine / 'course/data' / ZIP}" in out
    assert f"     {ZIP}: verified" in out
    assert err == ""
    assert fs.files_in(machine) == [f"course/data/{ZIP}", f"stick/downloads/{ZIP}"]


# --- what load_cifar10 returns --------------------------------------------------------------


@pytest.mark.skipif(not REAL.is_file(), reason=f"real CIFAR-10: no {ZIP} in DLKIT_DATA_DIR")
def test_the_real_images(machine, monkeypatch):
    import tensorflow as tf

    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL.parent))
    cifar10 = data.load_cifar10()
    assert (cifar10.name, cifar10.origin) == ("CIFAR-10", data.Origin.JPEG_COPY)
    assert not cifar10.is_sample
    assert cifar10.class_names[0] == "airplane" and cifar10.class_names[9] == "truck"
    total = np.zeros(10, int)
    for split, n in ((cifar10.train, 45_000), (cifar10.val, 5_000), (cifar10.test, 10_000)):
        assert (split.x.shape, split.x.dtype) == ((n, 32, 32, 3), np.uint8)
        assert (split.y.shape, split.y.dtype) == ((n,), np.uint8)
        assert np.abs(np.bincount(split.y, minlength=10) / n - 0.1).max() < 0.015
        total += np.bincount(split.y)
    assert (total == 6_000).all()
    # The means that everybody normalises CIFAR-10's training images with.
    x = np.concatenate([cifar10.train.x, cifar10.val.x])
    mean = x.mean(axis=(0, 1, 2), dtype=np.float64) / 255
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=0.002)

    with zipfile.ZipFile(REAL) as archive:  # another decoder finds the same pictures
        for label in (0, 3, 9):
            name = f"CIFAR-10-images-master/test/{cifar.CLASSES[label]}/0007.jpg"
            image = tf.io.decode_jpeg(archive.read(name), dct_method="INTEGER_ACCURATE").numpy()
            far = np.abs(cifar10.test.x.astype(int) - image).max(axis=(1, 2, 3))
            assert far.min() <= 2
            assert cifar10.test.y[far.argmin()] == label

    forbid_decoding(monkeypatch)
    again = data.load_cifar10()
    assert digest(again.train.x) == digest(cifar10.train.x)


def test_the_last_five_thousand_training_images_are_held_out(monkeypatch):
    arrays = {
        "x_train": np.zeros((50_000, 1), np.uint8),
        "y_train": np.arange(50_000),
        "x_test": np.zeros((10_000, 1), np.uint8),
        "y_test": np.arange(10_000),
    }
    loaded = store.Loaded(arrays, data.Origin.OFFICIAL, "CIFAR-10, verified copy")
    monkeypatch.setattr(store, "load", lambda record: loaded)
    cifar10 = data.load_cifar10()
    np.testing.assert_array_equal(cifar10.train.y, np.arange(45_000))
    np.testing.assert_array_equal(cifar10.val.y, np.arange(45_000, 50_000))
    assert len(cifar10.test.x) == 10_000


def test_the_sample_says_that_it_is_synthetic(machine, capsys):
    cifar10 = data.load_cifar10()
    out, err = capsys.readouterr()
    assert cifar10.is_sample
    assert out.count("\n") == 1 and err == ""
    for words in (cifar10.name, cifar10.source, out):
        assert "synthetic" in words
    assert cifar10.class_names == samples.SHAPES
    for split, n in ((cifar10.train, 2000), (cifar10.val, 500), (cifar10.test, 500)):
        assert (split.x.shape, split.x.dtype) == ((n, 32, 32, 3), np.uint8)
        assert (split.y.shape, split.y.dtype) == ((n,), np.uint8)
        assert set(split.y) == set(range(10))


def test_the_sample_is_the_same_each_time_and_can_be_learned_but_not_by_colour():
    from sklearn.neighbors import KNeighborsClassifier

    first, again, other = (samples.drawn_shapes(seed) for seed in (0, 0, 1))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert (first["x_train"] != other["x_train"]).any()
    assert len({image.tobytes() for image in first["x_train"]}) == 2000

    def score(features):
        model = KNeighborsClassifier(5).fit(features(first["x_train"]), first["y_train"])
        return model.score(features(first["x_test"]), first["y_test"])

    def edges(x):
        """How strongly the pixels change, left to right and down: blind to the colours."""
        gray = x.astype(float).mean(axis=-1)
        across, down = (
            np.abs(np.diff(gray, axis=2))[:, :31],
            np.abs(np.diff(gray, axis=1))[..., :31],
        )
        flat = np.concatenate([across.reshape(len(x), -1), down.reshape(len(x), -1)], axis=1)
        return flat / flat.max(axis=1, keepdims=True)

    assert score(lambda x: x.mean(axis=(1, 2))) < 0.2  # the mean colour says next to nothing
    assert score(edges) > 0.35


def test_the_commands_know_every_data_set(machine, capsys):
    assert commands.records(["cifar10", "cifar10", "shakespeare"]) == [CIFAR10, SHAKESPEARE]
    assert commands.records(["all"]) == list(RECORDS.values())
    with pytest.raises(ValueError, match="no data set is called 'cifar': choose mnist, cifar10"):
        commands.records(["cifar"])
    assert commands.where() == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("Where ")] == [
        f"Where {record.name} is looked for, in this order:" for record in RECORDS.values()
    ]
    assert "offline sample: 3,000 synthetic images" in out
    assert all(record.key in ("", key) for key, record in RECORDS.items())
    for record in (CIFAR10, SHAKESPEARE):
        for mirror in record.mirrors:
            assert mirror.format in record.formats and mirror.url.startswith("https://")


def test_a_command_takes_names_and_says_which_there_are(machine, monkeypatch, capsys):
    (machine / "course/data" / ZIP).write_bytes(as_zip(tiny_jpegs()))
    monkeypatch.setitem(RECORDS, "cifar10", tiny_record())
    assert commands.run("fetch", ["cifar10"], str(machine / "stick")) == 0
    assert fs.files_in(machine / "stick") == [f"downloads/{ZIP}"]
    assert commands.run("verify", ["cifar10"]) == 0
    assert commands.run("where", ["cifar10", "shakespeare"]) == 0
    assert capsys.readouterr().err == ""

    assert commands.run("verify", ["shakespeare"]) == 1
    assert commands.run("fetch") == 1  # MNIST, as ever; this machine is offline
    assert commands.run("fetch", ["all"]) == 1
    assert commands.run("fetch", ["cifar-10"]) == 1
    out, err = capsys.readouterr()
    assert "CIFAR-10 is already there, verified: " in out
    assert err.splitlines() == [
        "dlkit: Tiny Shakespeare is not on this machine. "
        f"Run `{dlkit_command('data', 'fetch', 'shakespeare')}`.",
        "dlkit: MNIST was not fetched: DLKIT_OFFLINE is set, so no download was tried",
        "dlkit: MNIST was not fetched: DLKIT_OFFLINE is set, so no download was tried",
        "dlkit: Tiny Shakespeare was not fetched: DLKIT_OFFLINE is set, so no download was tried",
        "dlkit: Sentence polarity was not fetched: DLKIT_OFFLINE is set, so no download was tried",
        "dlkit: Spoken digits was not fetched: DLKIT_OFFLINE is set, so no download was tried",
        "dlkit: no data set is called 'cifar-10': "
        "choose mnist, cifar10, shakespeare, polarity, spoken or all",
    ]


def test_the_datasheet_names_the_digests():
    sheet = (fs.ROOT / "data/README.md").read_text(encoding="utf-8")
    for secret in (
        CIFAR10.formats[0].check.__self__.sha256,
        CIFAR10.formats[-1].check.__self__.sha256,
        SHAKESPEARE.arrays["text"].sha256,
    ):
        assert secret in sheet


def test_the_origin_of_a_download_is_that_of_the_mirror_that_served_it(machine, monkeypatch):
    monkeypatch.delenv("DLKIT_OFFLINE")
    record = tiny_record()
    of_tar, of_zip = record.formats
    with fs.serving({ZIP: fs.sends(as_zip(tiny_jpegs()))}) as (url, _):
        mirrors = (Mirror("http://127.0.0.1:9", of_tar), Mirror(url, of_zip))
        loaded, _ = load(replace(record, mirrors=mirrors))
    assert loaded.origin is data.Origin.JPEG_COPY
