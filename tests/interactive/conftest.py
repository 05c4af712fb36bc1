"""What tests of widgets share: no live client unless asked for, and what was shown and made."""

import IPython.display
import matplotlib.pyplot as plt
import pytest

from dlkit.interactive import _widget


@pytest.fixture
def static(monkeypatch):
    """No live client, whatever the machine's environment says; no figure left behind."""
    monkeypatch.delenv("DLKIT_WIDGETS", raising=False)
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def shown(static, monkeypatch):
    """Makes the notebook live; what was displayed: (data, options)."""
    found = []
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setattr(IPython.display, "display", lambda data, **kw: found.append((data, kw)))
    return found


@pytest.fixture
def made(request, monkeypatch):
    """Every widget that is made of the kind that the module names in WIDGET."""
    found = []
    kind = getattr(_widget, request.module.WIDGET)

    class Recorded(kind):
        def __init__(self, *args):
            super().__init__(*args)
            found.append(self)

    monkeypatch.setattr(_widget, request.module.WIDGET, Recorded)
    return found
