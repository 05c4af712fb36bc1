"""What dlkit.text offers says how it is used."""

import pytest

from dlkit import text


@pytest.mark.parametrize("name", text.__all__)
def test_everything_public_says_how_it_is_used(name):
    assert ">>>" in getattr(text, name).__doc__
