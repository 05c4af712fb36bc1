"""The weights that lessons start from: known by digest, and refused with a sentence."""

import json

import keras
import numpy as np
import pytest

from dlkit import measured, models
from dlkit.measured import weights

NAMES = ("photographs", "rotations")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of table and files, which a test may damage."""
    for path in measured.TRANSFER_NETWORKS.parent.glob("transfer_*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(measured, "TRANSFER_NETWORKS", tmp_path / "transfer_networks.json")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_they_fit_the_network_of_their_recipe(name):
    entry, arrays = weights.known()[name], weights.load(name)
    network = models.resnet((32, 32, 3), len(entry["classes"]), filters=tuple(entry["filters"]))
    network.set_weights(arrays)
    assert network.count_params() == entry["parameters"]
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays)
    norms = [
        layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms and all((np.asarray(norm.moving_variance) > 0).all() for norm in norms)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_how_they_were_made(name):
    entry = weights.known()[name]
    for key in ("recipe", "date", "hardware", "versions", "epochs", "seed", "val", "sha256"):
        assert entry[key] or entry[key] == 0
    assert entry["left_out"] == ["deer", "horse"]
    assert not {"deer", "horse"} & set(entry["classes"])


def test_they_are_small():
    files = measured.TRANSFER_NETWORKS.parent.glob("transfer_*.npz")
    assert sum(path.stat().st_size for path in files) < 1_000_000


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="'cats'; expected one of photographs, rotations"):
        weights.load("cats")


def test_a_missing_file_says_what_to_do(copied):
    (copied / "transfer_photographs.npz").unlink()
    with pytest.raises(ValueError, match=r"transfer_photographs.npz are missing: get the course"):
        weights.load("photographs")


def test_a_damaged_file_is_refused(copied):
    path = copied / "transfer_photographs.npz"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    with pytest.raises(ValueError, match="have the SHA-256"):
        weights.load("photographs")


def test_a_file_with_the_right_digest_that_is_no_archive_is_refused(copied):
    import hashlib

    (copied / "transfer_photographs.npz").write_bytes(b"nothing")
    table = weights.known()
    table["photographs"]["sha256"] = hashlib.sha256(b"nothing").hexdigest()
    measured.TRANSFER_NETWORKS.write_text(json.dumps(table))
    with pytest.raises(ValueError, match="no list of arrays"):
        weights.load("photographs")
