# Set-up, the same in every lesson: finds dlkit beside the notebooks, or installs it (as on Colab).
import importlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another
REPOSITORY, REF = "", "main"
if getattr(find_spec("dlkit"), "origin", None) is None:
    up = Path("here").absolute().parents
    if checkout := [folder for folder in up if (folder / "dlkit" / "__init__.py").exists()]:
        sys.path.insert(0, str(checkout[0]))
    else:
        small = [name for name in ("anywidget", "pooch", "psygnal") if find_spec(name) is None]
        url = f"https://github.com/{REPOSITORY}/archive/{REF}.zip"
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--retries=1", "--no-deps", url]
        if not REPOSITORY or subprocess.run(pip + small).returncode:
            where = "in the course's folder, or turn the internet on (Kaggle: Settings > Internet)"
            raise ModuleNotFoundError(f"No dlkit: open this notebook {where}.")
        importlib.invalidate_caches()
machine = importlib.import_module("dlkit.machine")
machine.sharpen_figures()
print(machine.report())
