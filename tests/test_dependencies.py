"""One list of packages, requirements.txt, and every other place that names one agrees with it.

The others: requirements-cloud.txt, tests/browser/requirements.txt, tools/requirements.txt (what few
need, each package in one list only), constraints.txt (the pins), pyproject.toml, environment.yml,
doctor, the matrix.
"""

import re
import tomllib

import matrix
import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dlkit import doctor

LISTS = (
    "requirements.txt",
    "requirements-cloud.txt",
    "tests/browser/requirements.txt",
    "tools/requirements.txt",
)


def lines(name):
    """The (text, comment) pairs of a list of packages, full-line comments left out."""
    found = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [
        tuple(part.strip() for part in f"{line}#".split("#")[:2])
        for line in found
        if line.strip() and not line.startswith("#")
    ]


def by_name(requirements):
    return {canonicalize_name(found.name): found for found in map(Requirement, requirements)}


ASKED = [line for name in LISTS for line in lines(name)]
REQUIRED = by_name(text for text, _ in lines("requirements.txt"))
PINNED = by_name(text for text, _ in lines("constraints.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(("text", "reason"), ASKED)
def test_a_package_has_a_lower_bound_a_reason_and_a_pin_that_fits(text, reason):
    assert re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\d.]+", text), f"{text}: expected name>=version"
    assert len(reason.split()) >= 2, f"{text}: say after a # what the course needs it for"
    needed = Requirement(text)
    assert canonicalize_name(needed.name) in PINNED, f"constraints.txt does not pin {needed.name}"
    (pin,) = PINNED[canonicalize_name(needed.name)].specifier
    assert pin.operator == "==" and needed.specifier.contains(pin.version)


def test_a_package_is_in_one_list_only():
    assert len(by_name(text for text, _ in ASKED)) == len(ASKED)


def test_the_package_asks_for_what_the_learner_gets():
    for name, needed in by_name(PROJECT["dependencies"]).items():
        assert needed.specifier == REQUIRED[name].specifier, f"{name}: pyproject and requirements"


def test_conda_installs_the_same_lists():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, from_pip = environment["dependencies"]
    assert from_pip == {"pip": ["-r requirements.txt", "-c constraints.txt", "-e ."]}
    python = Requirement(from_conda[0])
    assert (python.name, python.specifier) == ("python", Requirement(f"x{supported()}").specifier)


def test_doctor_asks_for_the_same_lower_bounds():
    for name, oldest in (doctor.PACKAGES | doctor.JUPYTER_PACKAGES).items():
        assert str(REQUIRED[canonicalize_name(name)].specifier) == f">={oldest}", name


def test_colabs_versions_in_the_matrix_are_new_enough():
    pins = by_name(matrix.COLAB.split())
    assert pins.keys() >= by_name(PROJECT["dependencies"]).keys()
    for name in pins.keys() & REQUIRED.keys():
        for pin in pins[name].specifier:
            assert pin.operator != "==" or REQUIRED[name].specifier.contains(pin.version), name


def supported():
    return PROJECT["requires-python"]


def test_every_place_names_the_same_pythons():
    """pyproject's bounds and classifiers, install.py, the Makefile and the workflow."""
    pythons = ["3.11", "3.12", "3.13"]
    assert supported() == ">=3.11,<3.14"
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert named == pythons
    install = (ROOT / "tools" / "install.py").read_text(encoding="utf-8")
    assert "OLDEST, NEWEST = (3, 11), (3, 13)" in install
    assert "(3, 11) <= sys.version_info < (3, 14)" in (ROOT / "Makefile").read_text()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert workflow["jobs"]["check"]["strategy"]["matrix"]["python"] == pythons
