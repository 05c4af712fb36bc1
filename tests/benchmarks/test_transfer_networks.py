"""The recipe of lesson 13's networks: what is left out, how pictures are moved and turned."""

import importlib.util

import numpy as np
import pytest
from helpers import ROOT

from dlkit.measured import weights

SCRIPT = ROOT / "benchmarks" / "transfer_networks.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("transfer_networks_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)


def test_augmented_pictures_are_pieces_of_the_padded_one_or_of_its_mirror_image(bench, images):
    moved = bench.augmented(images, np.random.default_rng(1))
    assert moved.shape == images.shape and moved.dtype == images.dtype
    mirrored = 0
    for before, after in zip(images, moved, strict=True):
        inner = after[8:24, 8:24]  # of the picture itself, however it was moved
        found = []
        for version in (before, before[:, ::-1]):
            pieces = [version[d : d + 16, a : a + 16] for d in range(4, 13) for a in range(4, 13)]
            found.append(any((piece == inner).all() for piece in pieces))
        assert sum(found) == 1
        mirrored += found[1]
    assert 15 < mirrored < 45


def test_a_turn_is_by_quarters_to_the_left(bench, images):
    quarters = np.arange(60) % 4
    turned = bench.turned(images, quarters)
    for before, after, quarter in zip(images, turned, quarters, strict=True):
        np.testing.assert_array_equal(after, np.rot90(before, quarter))


def test_two_classes_are_left_out(bench, monkeypatch):
    names = ("airplane", "deer", "dog", "horse")
    part = type("Part", (), {"x": np.arange(8)[:, None], "y": np.array([0, 1, 2, 3] * 2)})
    fake = type("C", (), {"is_sample": False, "class_names": names, "train": part, "val": part})
    monkeypatch.setattr(bench.data, "load_cifar10", lambda: fake)
    (x, y, _, _), kept = bench.load()
    assert kept == ["airplane", "dog"]
    np.testing.assert_array_equal(x[:, 0], [0, 2, 4, 6])
    np.testing.assert_array_equal(y, [0, 1, 0, 1])


def test_the_sample_is_refused(bench, monkeypatch):
    sample = type("Sample", (), {"is_sample": True})
    monkeypatch.setattr(bench.data, "load_cifar10", lambda: sample)
    with pytest.raises(SystemExit, match="need CIFAR-10"):
        bench.load()


def test_what_is_kept_is_of_this_recipe(bench):
    for entry in weights.known().values():
        assert entry["filters"] == list(bench.FILTERS) and entry["images"] == 36_018
        assert entry["left_out"] == list(bench.LEFT_OUT)
