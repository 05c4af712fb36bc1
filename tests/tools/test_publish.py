"""tools/publish.py: on this tree all places agree; in a copy it stamps, replaces, takes out."""

import json
import shutil
import subprocess
import sys
import tomllib

import course
import nbformat
import publish
import pytest
import yaml
from helpers import ROOT
from helpers.lesson_rules import COURSE, RULES, Lesson

COPIED = ["course.toml", "README.md", "CITATION.cff", "tools", "notebooks"]
COPIED += ["data/README.md", "dlkit/machine.py"]
FILES = [lesson.file for lesson in COURSE.lessons]
LONG = "ada-lovelace-and-friends/" + 60 * "x"


def run(tree, *arguments):
    command = [sys.executable, str(tree / "tools" / "publish.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def contents(tree):
    """Every file of the tree, by its path."""
    files = (path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in str(path))
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The copy after each of several runs: a dict of their names and the contents."""
    tree = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        if (ROOT / name).is_dir():
            skipped = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(ROOT / name, tree / name, ignore=skipped)
        else:
            (tree / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    found = {"original": contents(tree)}
    for name, arguments in {
        "out": [""],
        "ada": ["ada/course", "--ref", "v1"],
        "ada again": ["ada/course", "--ref", "v1"],
        "long": [LONG, "--ref", "try/out"],
        "out again": [""],
        "as it was": [COURSE.repository, "--ref", COURSE.ref],
    }.items():
        done = run(tree, *arguments)
        assert done.returncode == 0, done.stderr
        found[name] = contents(tree)
    return found


def test_all_places_of_this_tree_agree_with_course_toml():
    """To mend it: tools/course.py stamp, or `make publish` with the names in course.toml."""
    for place, change in publish.PLACES.items():
        text = (ROOT / place).read_text(encoding="utf-8")
        assert change(text, COURSE.repository, COURSE.ref) == text, place
    for place, change in course.PLACES.items():
        text = (ROOT / place).read_text(encoding="utf-8")
        assert change(text, COURSE) == text, place
    for lesson in COURSE.lessons:
        notebook = nbformat.read(ROOT / lesson.file, as_version=4)
        text = nbformat.writes(notebook)
        course.stamp(notebook, lesson, COURSE)
        assert nbformat.writes(notebook) == text, lesson.file


@pytest.mark.parametrize("file", FILES)
def test_reading_and_writing_a_lesson_keeps_its_bytes(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert nbformat.writes(nbformat.reads(text, as_version=4)) + "\n" == text


def test_a_second_run_changes_nothing(runs):
    assert runs["ada again"] == runs["ada"]


def test_taken_out_again_the_tree_is_as_before(runs):
    assert runs["out again"] == runs["out"]
    assert runs["as it was"] == runs["original"]


def test_unpublished_no_place_has_a_link(runs):
    for name, data in runs["out"].items():
        text = data.decode(errors="replace")
        if not name.startswith("tools/"):
            assert "colab.research.google.com" not in text and "mybinder.org" not in text, name


@pytest.mark.parametrize(
    ("name", "repository", "ref"), [("ada", "ada/course", "v1"), ("long", LONG, "try/out")]
)
def test_every_place_names_the_repository(runs, name, repository, ref):
    tree = {place: data.decode() for place, data in runs[name].items() if "png" not in place}
    publish = tomllib.loads(tree["course.toml"])["publish"]
    assert publish == {"repository": repository, "ref": ref}
    assert f'REPOSITORY, REF = "{repository}", "{ref}"\n' in tree["tools/setup_cell.py"]
    citation = yaml.safe_load(tree["CITATION.cff"])
    assert citation["repository-code"] == citation["url"] == f"https://github.com/{repository}"
    colab = f"https://colab.research.google.com/github/{repository}/blob/{ref}/"
    readme = tree["README.md"]
    assert readme.count("[![Open in Colab](") == readme.count("mybinder.org/v2/gh/") == 1
    for file in FILES:
        (row,) = [row for row in readme.splitlines() if row.startswith("|") and file in row]
        assert row.endswith(f" | [Colab]({colab}{file}) |") and row.count("|") == 6
        head = "".join(json.loads(tree[file])["cells"][0]["source"])
        assert f"]({colab}{file})" in head
        assert f"kernels/welcome?src=https://github.com/{repository}/blob/{ref}/{file})" in head
        assert f"v2/gh/{repository}/{ref.replace('/', '%2F')}?urlpath=lab/tree/{file})" in head
    for place in ("README.md", "CITATION.cff", *FILES):
        assert name == "ada" or "ada/course" not in tree[place], "the first name is gone"


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.title)
def test_a_published_lesson_keeps_every_rule(runs, lesson):
    data = runs["long"][lesson.file]
    setup = runs["long"]["tools/setup_cell.py"].decode().rstrip("\n")
    published = Lesson(lesson, json.loads(data), len(data), setup, LONG, "try/out")
    assert [problem for rule in RULES for problem in rule(published)] == []


@pytest.mark.parametrize("file", FILES)
def test_only_the_first_cell_and_the_setup_cell_change(runs, file):
    before, after = (json.loads(runs[name][file]) for name in ("out", "long"))
    changed = [
        (old["cell_type"], [key for key in old if old[key] != new[key]])
        for old, new in zip(before["cells"], after["cells"], strict=True)
        if old != new
    ]
    assert changed == [("markdown", ["source"]), ("code", ["source"])]
    assert before["metadata"] == after["metadata"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["course"],
        ["https://github.com/ada/course"],
        ["ada/course.git"],
        ["ada/.."],
        ["-ada-/course"],
        ["ada/course/tree"],
        ['ada/"course'],
        ["ada/course", "--ref", ""],
        ["ada/course", "--ref", "a b"],
        ["ada/course", "--ref", "a..b"],
        ["ada/course", "--ref", "main/"],
        ["ada/course", "--ref", "try//out"],
        ["ada/course", "--ref", "v1;ls"],
        [],
    ],
    ids=" ".join,
)
def test_bad_names_are_refused_with_what_to_write(arguments, monkeypatch, capsys):
    monkeypatch.setattr(publish, "PLACES", {"nothing": None})  # it must not come so far
    with pytest.raises(SystemExit) as raised:
        publish.main(arguments)
    said = capsys.readouterr().err
    assert raised.value.code == 2
    assert "write RE" in said or "required: repository" in said or "expected one argument" in said


@pytest.mark.parametrize("name", ["ada/course", "a/b", "Ada-L/deep.learning_2", ""])
def test_good_names_are_accepted(name):
    assert publish.repository_name(name) == name
    for ref in ("main", "v1.0", "try/out", "4f2c9d1"):
        assert publish.ref_name(ref) == ref
