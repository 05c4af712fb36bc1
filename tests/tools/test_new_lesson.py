"""tools/new_lesson.py, in a copy of the course: what it makes passes the tests at once."""

import os
import shutil
import subprocess
import sys
import tomllib

import new_lesson
import pytest
from helpers import ROOT

pytestmark = pytest.mark.slow

COPIED = "README.md CONTRIBUTING.md LICENSE CITATION.cff course.toml conftest.py pyproject.toml"
COPIED += " data/README.md benchmarks dlkit tests tools notebooks"
NAME, TITLE = "77_sizes", "Speed & sizes"
NEW = [
    "notebooks/77_sizes.ipynb",
    "dlkit/exercises/sizes.py",
    "tests/exercises/test_sizes.py",
    "tests/exercises/answers/sizes.py",
]


@pytest.fixture
def copy(tmp_path):
    """A copy of the course without its larger parts."""
    return copied(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A copy for tests in which nothing may change."""
    return copied(tmp_path_factory.mktemp("untouched"))


def copied(tmp_path):
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in COPIED.split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def contents(copy):
    return {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}


def python(copy, *arguments):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "MPLBACKEND")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=copy,
        env=env | {"PYTHONPATH": str(copy), "DLKIT_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_new_lesson_passes_the_tests_at_once(copy):
    made = python(copy, "tools/new_lesson.py", NAME, TITLE, "--minutes", "3")
    assert (made.returncode, made.stderr) == (0, ""), made.stderr
    tests = ["lessons/test_notebooks.py", "exercises/test_exercises.py", "exercises/test_sizes.py"]
    tests += ["test_architecture.py", "tools/test_publish.py"]
    chosen = f"sizes or {TITLE[:5]} or readme or course_lists or order or two_lessons or all_places"
    options = ["-v", "-p", "no:cacheprovider", "-k", chosen]
    run = python(copy, "-m", "pytest", *options, *(f"tests/{name}" for name in tests), NEW[1])
    assert run.returncode == 0, run.stdout
    for test in ("[77_sizes-has_clean_outputs]", "[sizes-standard_error-0]", "scipy[0]"):
        assert f"{test} PASSED" in run.stdout
    assert "[exercises/sizes.py] PASSED" in run.stdout
    assert "exercises/sizes.py::dlkit.exercises.sizes.error_of_the_mean PASSED" in run.stdout
    for command in (["check"], ["format", "--check"]):
        style = python(copy, "-m", "ruff", *command, ".")
        assert style.returncode == 0, style.stdout + style.stderr


def test_its_number_says_where_it_stands(copy):
    before = [one.name for one in new_lesson.course.read(copy).lessons if one.name < "04_zzz"]
    name = f"{before[-1][:2]}_sizes"
    with pytest.raises(ValueError, match=f"there is {before[-1]} already"):
        new_lesson.new_lesson(name, TITLE, root=copy)
    new_lesson.new_lesson(NAME, TITLE, root=copy)
    *others, last = tomllib.loads((copy / "course.toml").read_text(encoding="utf-8"))["lesson"]
    assert last["file"] == NEW[0] and last["prerequisites"] == [others[-1]["file"]]
    assert last["part"] == others[-1]["part"]
    rows = [r for r in (copy / "README.md").read_text(encoding="utf-8").splitlines() if "| [" in r]
    assert rows[-1].startswith(f"| 77 | [{TITLE}]({NEW[0]}) | 1 min |")


def test_a_lesson_between_others_stands_between_them(copy):
    toml = copy / "course.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("02_activations", "03_activations"))
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace("notebooks/03_losses", "notebooks/88_losses"), encoding="utf-8")
    for old, new in (("02_activations", "03_activations"), ("03_losses", "88_losses")):
        (copy / f"notebooks/{old}.ipynb").rename(copy / f"notebooks/{new}.ipynb")
    new_lesson.new_lesson("02_sizes", TITLE, root=copy)
    names = [one.name for one in new_lesson.course.read(copy).lessons]
    assert names[1:4] == ["01_neurons", "02_sizes", "03_activations"]


def test_all_other_entries_and_rows_stay_as_they_are(copy):
    before = contents(copy)
    paths = new_lesson.new_lesson(NAME, TITLE, root=copy)
    assert [path.relative_to(copy).as_posix() for path in paths] == NEW
    after = contents(copy)
    assert after.keys() - before.keys() == set(paths)
    changed = {p.name for p, data in before.items() if after[p] != data}
    assert changed == {"course.toml", "README.md"}
    for name in changed:
        lines = (copy / name).read_text(encoding="utf-8").splitlines()
        old = before[copy / name].decode().splitlines()
        assert [line for line in old if line not in lines] == [] and len(lines) > len(old)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("speed", {}, "expected two digits and words"),
        ("77_Speed", {}, "expected two digits and words"),
        ("../77_speed", {}, "expected two digits and words"),
        ("77_speed\n", {}, "expected two digits and words"),
        ("77_neurons", {}, "there is 01_neurons already"),
        ("01_other", {}, "there is 01_neurons already"),
        ("00_earlier", {}, "there is 00_start_here already"),
        (NAME, {"part": "Nowhere"}, "the part is 'Nowhere'; expected one of By hand"),
        (NAME, {"title": "a | b"}, "expected a line without"),
        (NAME, {"title": "Neurons"}, "there is a lesson with the title 'Neurons'"),
        (NAME, {"title": " "}, "expected a line without"),
        (NAME, {"minutes": 0}, "expected 1 to 60"),
    ],
)
def test_a_wrong_argument_changes_nothing(untouched, name, options, said):
    before = contents(untouched)
    with pytest.raises(ValueError, match=said):
        new_lesson.new_lesson(name, **{"title": TITLE} | options, root=untouched)
    assert contents(untouched) == before


@pytest.mark.parametrize("file", NEW)
def test_a_file_that_is_there_is_never_overwritten(untouched, file):
    (untouched / file).write_text("mine")
    before = contents(untouched)
    with pytest.raises(ValueError, match="nothing was changed"):
        new_lesson.new_lesson(NAME, TITLE, root=untouched)
    assert contents(untouched) == before
    (untouched / file).unlink()


def test_the_command_says_what_was_wrong(untouched, capsys):
    with pytest.raises(SystemExit) as raised:
        new_lesson.main(["77", TITLE], root=untouched)
    assert raised.value.code == 2
    assert "expected two digits and words" in capsys.readouterr().err
