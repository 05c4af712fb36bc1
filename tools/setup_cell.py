# Set-up, the same in every lesson: finds dlkit beside the notebooks, or installs it (Colab).
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# NumPy on one thread: several wait for one another as soon as another program is busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
REPOSITORY, REF = "", "main"
if find_spec("dlkit") is None:
    folders = Path("here").absolute().parents
    if checkout := next((f for f in folders if (f / "dlkit" / "data").is_dir()), None):
        sys.path.insert(0, str(checkout))
    elif REPOSITORY:
        archive = f"https://github.com/{REPOSITORY}/archive/{REF}.zip"
        subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", archive], check=True)
    else:
        raise ModuleNotFoundError("No dlkit: open this notebook inside the course's folder.")
