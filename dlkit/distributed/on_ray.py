"""Is Ray here, and if not, how does one get it?"""

import importlib.util

COMMAND = "python -m pip install -r requirements-cloud.txt -c constraints.txt"


def has_ray():
    """Whether Ray is installed; if not, print the command that installs it."""
    if importlib.util.find_spec("ray") is not None:
        return True
    print(f"Ray is not installed. To get it, in the course's folder: {COMMAND}")
    return False
