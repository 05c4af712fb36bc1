"""Fixtures that several files of tests share."""

import pytest
from helpers import fault_server as fs


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has nothing yet and may not use the network."""
    fs.move_in(monkeypatch, tmp_path)
    monkeypatch.setenv("DLKIT_OFFLINE", "1")
    return tmp_path
