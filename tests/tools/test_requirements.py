"""The lists of packages agree with each other: requirements, constraints, pyproject, conda."""

import re
import tomllib

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


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


REQUIRED = by_name(text for text, _ in lines("requirements.txt"))
PINNED = by_name(text for text, _ in lines("constraints.txt"))
CLOUD = lines("requirements-cloud.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(("text", "reason"), lines("requirements.txt"))
def test_every_requirement_has_a_lower_bound_and_a_reason(text, reason):
    assert re.fullmatch(r"[\w.-]+>=[\d.]+", text), f"{text}: expected name>=version"
    assert len(reason.split()) >= 2, f"{text}: say after a # what the course needs it for"


@pytest.mark.parametrize(("text", "reason"), CLOUD)
def test_the_last_lessons_have_a_list_of_their_own(text, reason):
    assert re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\d.]+", text), f"{text}: expected name>=version"
    assert len(reason.split()) >= 2, f"{text}: say after a # what the course needs it for"
    assert canonicalize_name(Requirement(text).name) not in REQUIRED, "it is in requirements.txt"


@pytest.mark.parametrize("text", [text for text, _ in CLOUD])
def test_the_pin_satisfies_the_requirement_of_the_last_lessons(text):
    needed = Requirement(text)
    (pin,) = PINNED[canonicalize_name(needed.name)].specifier
    assert pin.operator == "==" and needed.specifier.contains(pin.version)


@pytest.mark.parametrize("name", REQUIRED)
def test_the_pin_satisfies_the_requirement(name):
    assert name in PINNED, f"constraints.txt does not pin {name}"
    (pin,) = PINNED[name].specifier
    assert pin.operator == "=="
    assert REQUIRED[name].specifier.contains(pin.version)


def test_the_package_asks_for_what_the_learner_gets():
    for name, needed in by_name(PROJECT["dependencies"]).items():
        assert needed.specifier == REQUIRED[name].specifier, f"{name}: pyproject and requirements"


def test_conda_installs_the_same_lists():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, from_pip = environment["dependencies"]
    assert from_pip == {"pip": ["-r requirements.txt", "-c constraints.txt", "-e ."]}
    python = Requirement(from_conda[0])
    assert (python.name, python.specifier) == ("python", Requirement(f"x{supported()}").specifier)


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
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == pythons
