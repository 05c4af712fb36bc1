"""The data contract: what load_mnist returns, where it looks, and that it trusts no file."""

import gzip
import importlib.util
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import fault_server as fs
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit import data
from dlkit.__main__ import main
from dlkit.data import cache, download, store
from dlkit.data.readers import DataError, Unreadable, digest
from dlkit.data.registry import IDX, IDX_DOTTED, IDX_GZ, MNIST, NPZ, RECORDS

REAL = Path(os.environ.get("DLKIT_DATA_DIR", "nowhere")).absolute() / "mnist.npz"
needs_mnist = pytest.mark.skipif(
    not REAL.is_file(), reason="real MNIST: name a folder with mnist.npz in DLKIT_DATA_DIR"
)
GOOD = fs.as_files(fs.tiny_arrays())


@pytest.fixture
def with_sample(machine):
    """The same, with the course's own sample of MNIST."""
    sample = fs.ROOT / "data" / "mnist_sample.npz"
    (machine / "course/data/mnist_sample.npz").write_bytes(sample.read_bytes())
    return machine


@pytest.fixture(scope="module")
def real_arrays():
    """MNIST's four arrays."""
    return MNIST.read(NPZ, [REAL])


def put(files, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)


# --- what comes out -------------------------------------------------------------------------


@needs_mnist
def test_real_mnist_comes_in_three_parts_of_raw_uint8(with_sample, monkeypatch, real_arrays):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL.parent))
    mnist = data.load_mnist()
    assert mnist.name == "MNIST"
    assert not mnist.is_sample
    assert mnist.origin is data.Origin.OFFICIAL
    assert mnist.source == "MNIST, verified copy in $DLKIT_DATA_DIR"
    assert mnist.class_names == tuple("0123456789")
    for split, n in ((mnist.train, 55_000), (mnist.val, 5_000), (mnist.test, 10_000)):
        x, y = split
        assert (x.shape, x.dtype) == ((n, 28, 28), np.uint8)
        assert (y.shape, y.dtype) == ((n,), np.uint8)
        assert set(np.unique(y)) == set(range(10))
    np.testing.assert_array_equal(mnist.train.x, real_arrays["x_train"][:55_000])
    np.testing.assert_array_equal(mnist.val.x, real_arrays["x_train"][55_000:])
    np.testing.assert_array_equal(mnist.val.y, real_arrays["y_train"][55_000:])
    np.testing.assert_array_equal(mnist.test.y, real_arrays["y_test"])
    assert str(REAL.parent) not in repr(mnist) + mnist.source


def test_the_sample_comes_in_the_same_form_and_says_so_in_one_line(with_sample, capsys):
    mnist = data.load_mnist()
    out, err = capsys.readouterr()
    assert mnist.is_sample and mnist.origin is data.Origin.SAMPLE
    assert mnist.name == "UCI digits"
    assert mnist.source == "offline sample: 1,797 UCI digits in MNIST's form"
    assert "CC BY 4.0" in mnist.license
    for split, n in ((mnist.train, 1197), (mnist.val, 300), (mnist.test, 300)):
        assert (split.x.shape, split.x.dtype) == ((n, 28, 28), np.uint8)
        assert (split.y.shape, split.y.dtype) == ((n,), np.uint8)
    assert out.count("\n") == 1
    assert out.startswith("MNIST is not on this machine (DLKIT_OFFLINE is set")
    assert "-m dlkit data fetch" in out
    assert err == ""
    assert str(with_sample) not in out + repr(mnist)


def test_the_origin_is_asked_and_not_the_sentence():
    part = data.Split(np.zeros((1, 2), np.uint8), np.zeros(1, np.uint8))
    for origin in data.Origin:
        words = "offline sample" if origin is data.Origin.OFFICIAL else "official"  # a lie
        images = data.Dataset("Toy", part, part, part, ("0",), origin, words, "none")
        text = data.Text("Toy", "a", "b", origin, words, "none")
        assert images.is_sample is text.is_sample is (origin is data.Origin.SAMPLE)


def test_a_dataset_cannot_be_changed_and_shows_its_shapes(with_sample):
    mnist = data.load_mnist()
    with pytest.raises(AttributeError):
        mnist.train = None
    assert repr(mnist).splitlines() == [
        "offline sample: 1,797 UCI digits in MNIST's form; 10 classes",
        "  train  x (1197, 28, 28) uint8, y (1197,) uint8",
        "  val    x (300, 28, 28) uint8, y (300,) uint8",
        "  test   x (300, 28, 28) uint8, y (300,) uint8",
    ]


def test_no_sample_stands_in_where_the_real_data_are_asked_for(with_sample, monkeypatch):
    monkeypatch.setenv("DLKIT_REAL_DATA", "1")
    loaders = (data.load_mnist, data.load_cifar10, data.load_shakespeare)
    for load in (*loaders, data.load_sentence_polarity, data.load_spoken_digits):
        with pytest.raises(DataError, match="DLKIT_REAL_DATA is set, so no sample stands in. Run"):
            load()
    monkeypatch.setenv("DLKIT_REAL_DATA", "0")
    assert data.load_mnist().is_sample


# --- the sample -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_sample():
    """tools/make_sample.py as a module."""
    path = fs.ROOT / "tools" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sample_is_what_its_script_makes_of_scikit_learns_digits(make_sample):
    fresh = make_sample.make()
    sample = store.read_sample(MNIST)  # this verifies the digests
    assert list(fresh) == list(sample)
    for name, array in fresh.items():
        difference = np.abs(array.astype(int) - sample[name].astype(int))
        # Another machine's arithmetic may round a place at the edge of the ink the other way.
        assert difference.max() <= (16 if name.startswith("x") else 0), name
        assert (difference > 0).mean() < 0.001, name


def test_the_samples_bitmaps_give_the_uci_counts_again(make_sample):
    from sklearn.datasets import load_digits

    for counts in load_digits().images[::50]:
        cells = make_sample.bitmap(counts).reshape(8, 8, 8, 8).sum(axis=(1, 3))
        np.testing.assert_array_equal(cells / 4, counts)


def test_the_samples_digits_lie_as_mnists_do():
    sample = store.read_sample(MNIST)
    x = np.concatenate([sample[f"x_{part}"] for part in ("train", "val", "test")]).astype(float)
    mass = x.sum(axis=(1, 2))
    for axis in (1, 2):
        center = (x.sum(axis=3 - axis) * np.arange(28)).sum(axis=1) / mass
        assert np.abs(center - 14).max() <= 0.5 + 1e-9
    height, width = ((x.max(axis=axis) > 0).sum(axis=1) for axis in (2, 1))
    assert set(np.maximum(height, width)) <= {18, 19, 20}  # below 20: edges too faint for a level
    assert (x.max(axis=(1, 2)) == 255).mean() > 0.99
    for part in ("val", "test"):
        assert (np.bincount(sample[f"y_{part}"]) == 30).all()
    images = {image.tobytes() for image in x}
    assert len(images) > 1790  # hardly any digit is there twice, none is in two parts by mistake


# --- where it looks -------------------------------------------------------------------------


def as_mnist_files(arrays, names):
    """The four IDX files under these names, gzipped where the name says so."""
    bodies = (fs.as_idx(arrays[name]) for name in MNIST.arrays)
    return {
        name: gzip.compress(body, 1, mtime=0) if name.endswith(".gz") else body
        for name, body in zip(names, bodies, strict=True)
    }


@needs_mnist
@pytest.mark.parametrize(
    ("folder", "format"),
    [("", IDX_GZ), ("MNIST/raw", IDX), ("my digits", IDX_DOTTED)],
    ids=["four .gz files", "torchvision's folder", "unpacked, in a subfolder"],
)
def test_mnist_is_accepted_as_idx_files(with_sample, real_arrays, folder, format):
    put(as_mnist_files(real_arrays, format.files), with_sample / "course/data" / folder)
    mnist = data.load_mnist()
    assert mnist.source == "MNIST, verified copy in data/"
    assert digest(mnist.test.x) == MNIST.arrays["x_test"].sha256
    mnist.train.x[0, 0, 0] = 1  # the arrays are the learner's own


@needs_mnist
def test_decoded_mnist_is_kept_and_nobody_can_change_what_is_kept(with_sample, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL.parent))
    data.load_mnist()
    (kept,) = (with_sample / "course/data/downloads").iterdir()
    before = kept.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(store.Record, "read", lambda *args: pytest.fail("decoded again"))
        mnist = data.load_mnist()
        mnist.test.x[:] = 0  # in memory only
        again = data.load_mnist()
    assert type(again.test.x) is np.ndarray
    assert digest(again.test.x) == MNIST.arrays["x_test"].sha256
    assert kept.read_bytes() == before


def test_what_is_kept_belongs_to_all_its_files(tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    keys = set()
    for contents in (b"xy", b"xz", b"yx"):
        for path, byte in zip(files, contents, strict=True):
            path.write_bytes(bytes([byte]))
        keys.add(cache._key(files))
    assert len(keys) == 3


def load():
    lines = []
    loaded = store.load(fs.tiny_record("http://127.0.0.1:9"), lines.append)
    return loaded, lines


def test_the_places_are_searched_in_the_documented_order(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(machine / "stick"))
    folders = {
        "$DLKIT_DATA_DIR": machine / "stick",
        "data/": machine / "course/data",
        "Keras's cache": machine / "keras/datasets",
        "dlkit's cache": machine / "cache/dlkit",
    }
    for label, folder in reversed(folders.items()):
        put({"tiny.npz": GOOD["tiny.npz"]}, folder)
        loaded, lines = load()
        assert (loaded.source, lines) == (f"Tiny, verified copy in {label}", [])
    assert [place.label for place in store.places()] == list(folders)


def test_without_a_checkout_the_users_cache_takes_the_downloads(machine, monkeypatch):
    monkeypatch.setattr(store, "checkout", lambda: None)
    labels = [place.label for place in store.places() if place.takes_downloads]
    assert labels == ["dlkit's cache"]


@pytest.mark.parametrize("folder", ["", "a subfolder", "Tiny/raw", "downloads"])
@pytest.mark.parametrize("names", [["tiny.npz"], ["tiny-images.gz", "tiny-labels.gz"]])
def test_a_folder_is_searched_with_its_subfolders(machine, folder, names):
    put({name: GOOD[name] for name in names}, machine / "course/data" / folder)
    loaded, lines = load()
    assert (loaded.origin, lines) == (data.Origin.OFFICIAL, [])
    assert loaded.source == "Tiny, verified copy in data/"


def test_another_data_set_in_a_subfolder_is_passed_over_silently(machine):
    # Keras keeps Fashion-MNIST in a subfolder, in files that are named as MNIST's are.
    put(fs.as_files(fs.tiny_arrays(seed=1)), machine / "keras/datasets/fashion-mnist")
    loaded, lines = load()
    assert loaded.origin is data.Origin.SAMPLE
    assert len(lines) == 1


def test_an_incomplete_set_of_files_is_reported(machine):
    put({"tiny-images.gz": GOOD["tiny-images.gz"]}, machine / "course/data")
    _, lines = load()
    assert lines[0] == (
        "Tiny: tiny-images.gz in data/ is not used (tiny-labels.gz is missing); it is left as it is"
    )


def test_a_file_that_the_disk_does_not_give_is_not_called_damaged(machine, monkeypatch):
    put({"tiny.npz": GOOD["tiny.npz"]}, machine / "course/data/downloads")

    def fails(*args):
        raise Unreadable("tiny.npz cannot be read: Input/output error")

    monkeypatch.setattr(store.Copy, "read", fails)
    load()
    assert fs.files_in(machine) == ["course/data/downloads/tiny.npz"]


def test_a_package_without_its_checkout_finds_its_sample(tmp_path):
    # As in an installed wheel: dlkit/ with samples/, no data/ and no pyproject.toml.
    package = tmp_path / "site-packages/dlkit"
    for file in (fs.ROOT / "dlkit").glob("data/*.py"):
        put({file.name: file.read_bytes()}, package / "data")
    for name in ("machine.py", "sound.py"):
        put({name: (fs.ROOT / "dlkit" / name).read_bytes()}, package)
    put({"__init__.py": b""}, package)
    sample = (fs.ROOT / "data/mnist_sample.npz").read_bytes()
    put({"mnist_sample.npz": sample}, package / "samples")
    env = fs.lone_machine(tmp_path) | {"DLKIT_OFFLINE": "1", "PYTHONPATH": str(package.parent)}
    code = "from dlkit import data; print(data.load_mnist().is_sample, data.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stdout.splitlines()[-1] == f"True {package / 'data/__init__.py'}", run.stderr


# --- that it trusts no file -----------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["tiny.npz", "tiny-images.gz"]),
    cut=st.floats(0, 1),
    remove=st.integers(0, 40),
    insert=st.binary(max_size=40),
)
def test_a_corrupted_file_gives_the_true_arrays_or_a_sentence(
    tmp_path_factory, name, cut, remove, insert
):
    folder = tmp_path_factory.getbasetemp() / "corrupted"
    body = GOOD[name]
    at = int(cut * len(body))
    put(GOOD | {name: body[:at] + insert + body[at + remove :]}, folder)
    format = fs.NPZ if name == "tiny.npz" else fs.IDX
    record = fs.tiny_record()
    try:
        arrays = record.read(format, [folder / file for file in format.files])
    except DataError as error:
        assert "\n" not in str(error)
    else:
        for name, array in fs.tiny_arrays().items():
            np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x_train": np.zeros((200, 28, 28))}, "x_train in tiny.npz is float64, expected uint8"),
        (
            {"x_train": np.zeros((2, 28), np.uint8)},
            r"has shape \(2, 28\), expected \(200, 28, 28\)",
        ),
        ({"y_train": None}, r"holds no y_train \(it holds x_train\)"),
    ],
)
def test_an_npz_with_other_arrays_is_named_for_what_it_is(tmp_path, arrays, sentence):
    arrays = {k: v for k, v in (fs.tiny_arrays() | arrays).items() if v is not None}
    put({"tiny.npz": fs.as_npz(arrays)}, tmp_path)
    with pytest.raises(DataError, match=sentence):
        fs.tiny_record().read(fs.NPZ, [tmp_path / "tiny.npz"])


def peak_of(read):
    """Bytes that Python and NumPy held at most while this was refused, and why it was."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read()
        return tracemalloc.get_traced_memory()[1], str(caught.value)
    finally:
        tracemalloc.stop()


def big_npz(path, shape, size):
    """An .npz whose x_train says that it has this shape, over `size` zeros that compress well."""
    form = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x_train.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, form)
            for _ in range(size // 1_000_000):
                file.write(bytes(1_000_000))
        with archive.open("y_train.npy", "w") as file:
            np.lib.format.write_array(file, fs.tiny_arrays()["y_train"])


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((200, 1000, 1000), r"x_train in tiny.npz has shape (200, 1000, 1000), expected (200, 28"),
        ((10**18,), "x_train in tiny.npz has shape (1000000000000000000,), expected"),
        ((200, 28, 28), "not Tiny: the contents of x_train differ"),  # and much behind it
    ],
)
def test_a_small_npz_cannot_fill_the_memory(tmp_path, shape, reason):
    big_npz(tmp_path / "tiny.npz", shape, 200_000_000)
    assert (tmp_path / "tiny.npz").stat().st_size < 2_000_000
    peak, why = peak_of(lambda: fs.tiny_record().read(fs.NPZ, [tmp_path / "tiny.npz"]))
    assert reason in why
    assert peak < 10_000_000


def test_a_small_npz_with_a_long_header_cannot_fill_the_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "tiny.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "y_train"):  # version 2: the header says its length in 4 bytes
            body = b"\x93NUMPY\x02\x00" + (100_000_000).to_bytes(4, "little") + bytes(100_000_000)
            archive.writestr(f"{name}.npy", body)
    del body
    peak, why = peak_of(lambda: fs.tiny_record().read(fs.NPZ, [tmp_path / "tiny.npz"]))
    assert why == "an array has a header of an unknown version"
    assert peak < 10_000_000


def test_a_small_gzip_cannot_fill_the_memory(tmp_path):
    zeros = bytes(100_000_000)
    for header, reason in (
        (struct.pack(">HBB3I", 0, 8, 3, 200, 28, 28), "is too long"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 28, 28), "has shape (2147483648, 28, 28), expected"),
        (struct.pack(">HBB", 0, 8, 255), "has shape (0, 0, 0, "),
    ):
        put(GOOD | {"tiny-images.gz": gzip.compress(header + zeros, 1)}, tmp_path)
        files = [tmp_path / name for name in fs.IDX.files]
        peak, why = peak_of(lambda files=files: fs.tiny_record().read(fs.IDX, files))
        assert reason in why
        assert peak < 10_000_000


# --- the commands ---------------------------------------------------------------------------


def test_where_lists_the_places_in_order_and_does_nothing_else(with_sample, capsys):
    assert main(["data", "where"]) == 0
    out = capsys.readouterr().out
    expected = ["data/", "Keras's cache", "dlkit's cache", "mirrors (not asked", "offline sample"]
    positions = [out.index(f"{number}. {label}") for number, label in enumerate(expected, 1)]
    assert positions == sorted(positions)
    assert f"Downloads go to {with_sample / 'course/data/downloads'}" in out
    assert not (with_sample / "course/data/downloads").exists()


def test_verify_without_any_data_is_no_failure(with_sample, capsys):
    assert main(["data", "verify"]) == 0
    out, err = capsys.readouterr()
    absent = [line.split(":")[0].split()[1:] for line in out.splitlines() if "absent" in line]
    assert absent == [record.name.split() for record in RECORDS.values()]
    assert err == ""


@needs_mnist
def test_verify_reports_each_copy(with_sample, monkeypatch, capsys):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL.parent))
    assert main(["data", "verify"]) == 0
    assert f"verified  {REAL}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "steal"], ["unknown"]])
def test_an_unknown_command_is_explained(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert " -m dlkit" in capsys.readouterr().err


def test_a_command_that_fails_ends_with_a_sentence_and_a_status(machine, monkeypatch, capsys):
    assert main(["data", "fetch", "--to", str(machine / "stick")]) == 1
    assert capsys.readouterr().err == (
        "dlkit: MNIST was not fetched: DLKIT_OFFLINE is set, so no download was tried\n"
    )

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "find", interrupted)
    assert main(["data", "fetch"]) == 130
    assert "nothing half-finished" in capsys.readouterr().err


def test_the_package_runs_as_a_command(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "dlkit", "data", "--help"],
        env=fs.lone_machine(tmp_path),
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "fetch" in run.stdout and "verify" in run.stdout and "where" in run.stdout


def test_the_registry_is_consistent():
    for mirror in MNIST.mirrors:
        assert mirror.format in MNIST.formats
        assert mirror.url.startswith("https://")
        assert not mirror.url.endswith("/")
    for format in (IDX_GZ, IDX, IDX_DOTTED):
        assert len(format.files) == len(MNIST.arrays)
    assert MNIST.mirrors[0].urls() == [
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    ]
    assert IDX_DOTTED.files[0] == "train-images.idx3-ubyte"
    assert download.mirrors(MNIST)[-3:] == list(MNIST.mirrors)


def test_the_datasheet_holds_the_registrys_digests():
    sheet = (fs.ROOT / "data/README.md").read_text(encoding="utf-8")
    for name, spec in MNIST.arrays.items():
        assert f"| `{name}` | {spec.shape} | `{spec.sha256}` |" in sheet
    size = (fs.ROOT / "data/mnist_sample.npz").stat().st_size
    assert f"It is {size / 1000:.0f} kB" in sheet
