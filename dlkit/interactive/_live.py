"""Whether somebody sits at the notebook, and the widgets for the case that somebody does."""

import importlib
import os
import sys
from types import ModuleType


def is_live() -> bool:
    """Whether somebody sits at the notebook and can move a slider.

    A kernel knows whether its client answers questions (``input()``): JupyterLab, the classic
    Notebook and VS Code do; nbconvert, nbclient and nbval, which run a notebook unattended, say
    that they do not. On Colab somebody is always there. The environment variable
    ``DLKIT_WIDGETS`` overrides this: 1 asks for widgets, 0 for what stands in for them.

    Returns:
        True for widgets, False for what stands in for them; False outside of a notebook.

    Raises:
        ValueError: ``DLKIT_WIDGETS`` is neither 0 nor 1.
    """
    wish = os.environ.get("DLKIT_WIDGETS", "")
    if wish not in ("", "0", "1"):
        raise ValueError(f"DLKIT_WIDGETS is {wish!r}; set it to 0 or 1, or do not set it.")
    if wish or "google.colab" in sys.modules:
        return wish != "0"
    ipython = sys.modules.get("IPython")  # in a notebook it is loaded already
    shell = ipython.get_ipython() if ipython else None
    # Private, but the only record of what the client said; here in ipykernel 6.17 as in 7.4.
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def live_widgets(purpose: str) -> ModuleType | None:
    """The module with the widgets where somebody can use one; else None.

    Args:
        purpose: what the widget would be, in words: said if the package for it is missing.

    Returns:
        ``dlkit.interactive._widget`` or None.
    """
    if not is_live():
        return None
    try:
        return importlib.import_module("dlkit.interactive._widget")
    except ImportError:
        print(f"For {purpose}, install anywidget and restart the kernel. Without it:")
        return None
