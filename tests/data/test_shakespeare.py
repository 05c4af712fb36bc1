"""Tiny Shakespeare: verified by its bytes, in two parts, with Python's manual as its stand-in."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import fault_server as fs

from dlkit import data
from dlkit.data import store
from dlkit.data.readers import ArraySpec, DataError, digest
from dlkit.data.registry import INPUT_TXT, SHAKESPEARE, Mirror

REAL = Path(os.environ.get("DLKIT_DATA_DIR", "nowhere")).absolute() / "tinyshakespeare.txt"
PLAY = "First Citizen:\nBefore we proceed — hear me speak.\n\n".encode() * 40


@pytest.fixture
def tiny(monkeypatch):
    """Makes load_shakespeare look for PLAY, at a mirror of this address."""

    def use(url="http://127.0.0.1:9"):
        spec = ArraySpec((len(PLAY),), hashlib.sha256(PLAY).hexdigest())
        mirrors = (Mirror(url, INPUT_TXT),)
        record = replace(SHAKESPEARE, arrays={"text": spec}, mirrors=mirrors)
        monkeypatch.setattr(data, "SHAKESPEARE", record)

    use()
    return use


@pytest.mark.skipif(not REAL.is_file(), reason=f"no {REAL.name} in DLKIT_DATA_DIR")
def test_the_real_text(machine, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", str(REAL.parent))
    text = data.load_shakespeare()
    assert text.source == "Tiny Shakespeare, verified copy in $DLKIT_DATA_DIR"
    assert text.origin is data.Origin.OFFICIAL and not text.is_sample
    assert text.train + text.val == REAL.read_text(encoding="utf-8")
    assert (len(text.train), len(text.val)) == (1_003_854, 111_540)
    assert len(set(text.train + text.val)) == 65
    assert text.train.startswith("First Citizen:")


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "shakespeare.txt", "input.txt"])
def test_each_known_name_of_the_file_is_found(machine, tiny, capsys, name):
    (machine / "course/data" / name).write_bytes(PLAY)
    text = data.load_shakespeare()
    assert text.source == "Tiny Shakespeare, verified copy in data/"
    assert (text.train + text.val).encode() == PLAY
    assert capsys.readouterr().out == ""


def test_it_is_downloaded_and_found_again(machine, tiny, monkeypatch):
    monkeypatch.delenv("DLKIT_OFFLINE")
    with fs.serving({"input.txt": fs.sends(PLAY, kind="text/plain")}) as (url, requests):
        tiny(url)
        first, asked = data.load_shakespeare(), len(requests)
        assert data.load_shakespeare().train == first.train
        assert len(requests) == asked
    assert (first.train + first.val).encode() == PLAY
    assert fs.files_in(machine) == ["course/data/downloads/input.txt"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (PLAY[:-1], "has shape"),
        (PLAY + b"\n", "has shape"),
        (PLAY.replace(b"speak", b"Speak"), "the contents of text differ"),
        (b"", "input.txt is empty"),
        (b"<!DOCTYPE html><title>Log in</title>", "is a web page"),
    ],
    ids=["truncated", "longer", "changed", "empty", "web page"],
)
def test_any_other_text_is_announced_and_left_alone(machine, tiny, capsys, body, reason):
    own = machine / "course/data/input.txt"
    own.write_bytes(body)
    text = data.load_shakespeare()
    first, second = capsys.readouterr().out.splitlines()
    assert text.is_sample
    assert reason in first and first.endswith("it is left as it is")
    assert "-m dlkit data fetch shakespeare`" in second
    assert own.read_bytes() == body


def test_the_sample_is_pythons_manual_and_says_so_in_one_line(machine, capsys):
    text = data.load_shakespeare()
    out, err = capsys.readouterr()
    assert text.is_sample and text.origin is data.Origin.SAMPLE
    assert (text.name, text.source) == (
        "Python's manual",
        "offline sample: text of Python's own language reference",
    )
    assert out.count("\n") == 1 and "Python's own language reference" in out and err == ""
    whole = text.train + text.val
    assert len(whole) > 300_000
    assert len(text.train) == len(whole) * 9 // 10
    assert whole.isascii()
    assert data.load_shakespeare().val == text.val


def test_without_even_pythons_manual_the_error_says_what_to_do(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="is missing. Run `.* -m dlkit data fetch shakespeare`"):
        data.load_shakespeare()


def test_a_text_cannot_be_changed_and_shows_its_size(machine):
    text = data.load_shakespeare()
    with pytest.raises(AttributeError):
        text.train = ""
    first, train, val = repr(text).splitlines()
    assert first.startswith("offline sample: text of Python's own language reference; ")
    assert train == f"  train  {len(text.train):,} characters"
    assert val == f"  val    {len(text.val):,} characters"


def test_the_registry_describes_the_file_by_its_bytes():
    array = np.frombuffer(PLAY, np.uint8)
    assert digest(array) == hashlib.sha256(PLAY).hexdigest()
    assert SHAKESPEARE.mirrors[0].urls() == [
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    ]
    assert store.sample_path(SHAKESPEARE) is None
