"""dlkit installed from a zip, without its checkout: everything still works."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT

SHIPPED = ["pyproject.toml", "README.md", "LICENSE", "data/mnist_sample.npz"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that holds dlkit as `pip install --no-deps ZIP` leaves it."""
    folder = tmp_path_factory.mktemp("package")
    archive, site = folder / "course.zip", folder / "site"
    with zipfile.ZipFile(archive, "w") as file:
        for path in [ROOT / name for name in SHIPPED] + sorted((ROOT / "dlkit").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path, Path("course-main") / path.relative_to(ROOT))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    run = subprocess.run([*pip, str(archive)], capture_output=True, text=True)
    if run.returncode and "hatchling" in run.stderr:
        pytest.skip("the build backend cannot be fetched without a network")
    assert run.returncode == 0, run.stderr
    return site


def run_there(site, code):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DLKIT_")}
    env |= {"PYTHONPATH": str(site), "DLKIT_OFFLINE": "1", "KERAS_HOME": str(site / "none")}
    env |= {"XDG_CACHE_HOME": str(site / "none"), "LOCALAPPDATA": str(site / "none")}
    env |= {"HOME": str(site), "MPLBACKEND": "Agg"}
    code = f"import dlkit; assert dlkit.__file__.startswith({str(site)!r}), dlkit.__file__\n{code}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=site
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_offline_sample_comes_along(site):
    out = run_there(site, "from dlkit import data; m = data.load_mnist(); print(m.train.x.shape)")
    assert "offline sample" in out and out.endswith("(1197, 28, 28)\n")


def test_the_house_style_comes_along(site):
    run_there(site, "import matplotlib.pyplot as plt; plt.style.use('dlkit.plotting.course')")


def test_the_pads_page_comes_along(site):
    run_there(site, "from dlkit.interactive._widget import Pad; assert 'render' in Pad._esm")


def test_nothing_but_the_package_is_installed(site):
    top = {path.name for path in site.iterdir() if not path.name.endswith((".dist-info", "none"))}
    assert top <= {"dlkit", ".matplotlib", ".cache", ".config", "bin"}
