"""tools/matrix.py: on canned results, and on small environments that fail in every known way."""

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

README = "# Course\n\n{}\nold table\n{}\n\n## Licence\n"
GOOD = "from dlkit.claims import Claims\nClaims('00_good')('two', 2, real=(1, 3))\nprint('done')"


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The tool, working on a small course in tmp_path with one environment: this Python's."""
    spec = importlib.util.spec_from_file_location("matrix_tool", ROOT / "tools" / "matrix.py")
    tool = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "matrix_tool", tool)  # dataclasses look it up
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "BUILD", tmp_path / "build" / "matrix")
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    tool.BUILD.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "course.toml").write_text(
        '[[lesson]]\nfile = "notebooks/00_good.ipynb"\n'
        '[[lesson]]\nfile = "notebooks/01_bad.ipynb"\n'
    )
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "README.md").write_text(README.format(tool.BEGIN, tool.END))
    return tool


def lesson(name="07_mnist_mlp", error="", claims=3, held=3, is_sample=True):
    return {
        "lesson": name,
        "seconds": 12.3,
        "error": error,
        "claims": claims,
        "held": held,
        "data": "a sentence for people",
        "is_sample": is_sample,
    }


def row(name="floor", problem="", lessons=(), missing=False, tests="", **versions):
    return {
        "name": name,
        "title": name.title(),
        "problem": problem,
        "missing": missing,
        "versions": {"python": "3.13.0", "keras": "3.13.2"} | versions,
        "lessons": list(lessons),
        "tests": tests,
    }


# --- the table and the README -----------------------------------------------------------------


def test_the_table_has_a_column_for_each_environment(tool):
    jax = row("jax", lessons=[lesson(), lesson(error="broke", held=1)], jax="0.10.2")
    lines = tool.table([row(lessons=[lesson()], tensorflow="2.20.0"), jax]).splitlines()
    assert lines[0] == "| | Floor | Jax |"
    assert "| TensorFlow | 2.20.0 |  |" in lines
    assert "| JAX |  | 0.10.2 |" in lines
    assert "| lessons passed | 1 of 1 | 1 of 2 |" in lines
    assert "| claims held | 3 of 3 | 4 of 6 |" in lines
    assert not any("PyTorch" in line for line in lines), "no row for what nobody has"


def test_an_environment_that_was_not_run_says_so_in_the_table(tool):
    lost = row("floor", problem="no Python 3.13") | {"versions": {}}
    table = tool.table([lost, row("newest", lessons=[lesson()])])
    assert "| lessons passed | not run | 1 of 1 |" in table
    assert "| claims held |  | 3 of 3 |" in table


def test_a_full_run_that_passed_writes_the_readme_again_and_again(tool, tmp_path, capsys):
    for _ in range(2):
        assert tool.report([row(lessons=[lesson()])], everything=True) == 0
        text = (tmp_path / "README.md").read_text()
        assert text.count(tool.BEGIN) == text.count(tool.END) == 1
        assert text.startswith("# Course\n\n" + tool.BEGIN + "\n| | Floor |")
        assert "old table" not in text and text.endswith(tool.END + "\n\n## Licence\n")
        assert "offline samples" in text
    assert "README.md has the table" in capsys.readouterr().out
    kept = json.loads((tmp_path / "build" / "matrix.json").read_text())
    assert kept["environments"][0]["lessons"][0]["lesson"] == "07_mnist_mlp" and kept["date"]


def test_the_note_says_which_data(tool, tmp_path):
    tool.report([row(lessons=[lesson(is_sample=False)])], everything=True)
    assert ", real data." in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lessons": [lesson(error="ValueError: told you so")]}, "ValueError: told you so"),
        ({"problem": "pip ended with 1:\nno such package", "lessons": []}, "no such package"),
        ({"problem": "no Python 3.13", "missing": True}, "no Python 3.13"),
        ({"lessons": [lesson()], "tests": "1 failed"}, "tests: 1 failed"),
    ],
)
def test_what_did_not_pass_is_said_and_the_readme_stays(tool, tmp_path, capsys, changes, said):
    before = (tmp_path / "README.md").read_text()
    assert tool.report([row(**changes), row("newest", lessons=[lesson()])], everything=True) == 1
    out = capsys.readouterr().out
    assert said in out and "README.md keeps its table" in out
    assert (tmp_path / "README.md").read_text() == before


def test_a_missing_python_may_be_allowed_but_a_failed_installation_may_not(tool):
    rows = [row(problem="no Python", missing=True), row("newest", lessons=[lesson()])]
    assert tool.report(rows, everything=False) == 1
    assert tool.report(rows, everything=False, allow_missing=True) == 0
    rows[0]["missing"] = False
    assert tool.report(rows, everything=False, allow_missing=True) == 1


def test_a_partial_run_leaves_the_readme(tool, tmp_path):
    before = (tmp_path / "README.md").read_text()
    assert tool.report([row(lessons=[lesson()])], everything=False) == 0
    assert (tmp_path / "README.md").read_text() == before


@pytest.mark.parametrize("text", ["", "{0}", "{1}\n{0}", "{0}{0}{1}"])
def test_a_readme_without_a_place_for_the_table_is_refused_at_once(tool, tmp_path, text, capsys):
    (tmp_path / "README.md").write_text(text.format(tool.BEGIN, tool.END))
    with pytest.raises(SystemExit):
        tool.main([])
    assert "no place for the table" in capsys.readouterr().err


def test_the_projects_own_readme_has_the_place(tool):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "| Floor |" in tool.into_readme(text, [row(lessons=[lesson()])], date="today")


def test_the_readme_says_which_lessons_the_other_backends_take(tool):
    topics = {one.number: one.name[3:] for one in tool.course.read(ROOT).lessons}
    taken = {tool.BY_NAME[name].lessons for name in ("jax", "torch")}
    assert len(taken) == 1, "both take the same"
    beyond = [topics[number] for number in tool.BEYOND]
    to_08 = [topic for number, topic in topics.items() if number <= "08"]
    assert sorted(*taken) == sorted(to_08 + beyond)
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = text.partition("with the newest; lessons 00 to 08")[2].partition(
        " also with Keras on JAX"
    )
    assert said[1] and re.findall(r"\d\d", said[0]) == [*tool.BEYOND]


# --- the command line -------------------------------------------------------------------------


@pytest.fixture
def chosen(tool, monkeypatch):
    """What main would run: (names of environments, stems of lessons, the rest)."""
    seen = []

    def run(environments, paths, **options):
        seen.append(([e.name for e in environments], [p.stem for p in paths], options))
        return [row(lessons=[lesson()])]

    monkeypatch.setattr(tool, "run", run)
    return seen


@pytest.mark.parametrize(
    ("arguments", "environments", "lessons"),
    [
        ([], ["floor", "newest", "jax", "torch"], ["00_good", "01_bad"]),
        (["00"], ["floor", "newest", "jax", "torch"], ["00_good"]),
        (["--only", "jax", "floor", "01"], ["jax", "floor"], ["01_bad"]),
        (["notebooks/01_bad.ipynb", "--only", "newest"], ["newest"], ["01_bad"]),
    ],
)
def test_arguments_choose_lessons_and_environments(
    tool, chosen, tmp_path, arguments, environments, lessons
):
    before = (tmp_path / "README.md").read_text()
    assert tool.main(arguments) == 0
    ((found, stems, options),) = chosen
    assert (found, stems, options["real"]) == (environments, lessons, False)
    assert ((tmp_path / "README.md").read_text() != before) == (not arguments)


def test_unknown_names_and_missing_data_are_refused(tool, chosen, monkeypatch, capsys):
    monkeypatch.delenv("DLKIT_DATA_DIR", raising=False)
    for arguments in (["99"], ["--only", "mars"], ["--real"]):
        with pytest.raises(SystemExit):
            tool.main(arguments)
    out = capsys.readouterr().err
    assert "not in course.toml: 99" in out and "mars" in out and "DLKIT_DATA_DIR" in out
    assert chosen == []


# --- Pythons and environments -----------------------------------------------------------------


def test_a_launcher_that_starts_nothing_is_passed_over(tool, tmp_path, monkeypatch):
    shims, pyenv = tmp_path / "shims", tmp_path / "pyenv"
    real = pyenv / "versions" / "3.99.1" / "bin" / "python3.99"
    for path, text in [(shims / "python3.99", "exit 127"), (real, "echo 3.99")]:
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(shims))
    monkeypatch.setenv("PYENV_ROOT", str(pyenv))
    assert tool.find_python("3.99") == str(real)
    real.unlink()
    with pytest.raises(tool.MissingPython, match="no Python 3.99 that starts"):
        tool.find_python("3.99")


def test_a_missing_python_does_not_stop_the_others(tool, tmp_path, monkeypatch):
    floor = tool.Environment("floor", "Floor", "floor")
    newest = tool.Environment("newest", "Newest", "newest")
    monkeypatch.setattr(tool, "VENVS", {"floor": ("9.9", [[]]), "newest": ("", [[]])})
    monkeypatch.setattr(tool, "make_archive", lambda: tmp_path / "none.zip")
    really = tool.prepare
    monkeypatch.setattr(tool, "prepare", lambda v, a: really(v, a) if v == "floor" else 1.0)
    monkeypatch.setattr(tool, "versions_in", lambda environment: {"python": "3"})
    monkeypatch.setattr(tool, "run_lesson", lambda one, path, real: lesson(path.stem))
    first, second = tool.run([floor, newest], [Path("00_good.ipynb")])
    assert first["missing"] and "no Python 9.9" in first["problem"] and first["lessons"] == []
    assert not second["problem"] and second["lessons"] == [lesson("00_good")]
    assert not tool.passed(first) and tool.passed(second)


def test_an_installation_that_fails_shows_the_end_of_its_log_and_leaves_no_stamp(
    tool, tmp_path, monkeypatch
):
    packages = ["--no-index", "no-such-package==1.0"]
    monkeypatch.setattr(tool, "VENVS", {"e": ("", [packages])})
    with pytest.raises(tool.Problem, match="No matching distribution.*no-such-package==1.0"):
        tool.prepare("e", tmp_path / "none.zip")
    assert not (tool.BUILD / "e" / "matrix-stamp").exists(), "the next run tries again"
    assert "no-such-package" in (tool.BUILD / "e.log").read_text()


def test_an_environment_is_made_again_when_its_list_changes(tool, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(tool, "call", lambda command, log: made.append(command) or "")
    monkeypatch.setattr(tool, "install_dlkit", lambda *_: None)

    def prepare(*packages):
        made.clear()
        (tool.BUILD / "e").mkdir(exist_ok=True)
        monkeypatch.setattr(tool, "VENVS", {"e": ("", [packages])})
        rmtree = tool.shutil.rmtree
        monkeypatch.setattr(tool.shutil, "rmtree", lambda *a, **k: None)  # call() makes nothing
        tool.prepare("e", tmp_path / "none.zip")
        monkeypatch.setattr(tool.shutil, "rmtree", rmtree)
        return bool(made)

    assert prepare("numpy==1") and not prepare("numpy==1")
    assert prepare("numpy==2") and not prepare("numpy==2")
    (tmp_path / "requirements.txt").write_text("numpy>=3\n")
    assert prepare("numpy==2")


def test_dlkit_that_brings_other_packages_along_is_refused(tool, tmp_path, monkeypatch):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "setup_cell.py").write_text('REPOSITORY, REF = "", "main"\n')
    freezes = iter(["numpy==1.0\n", "dlkit @ file:///x.zip\nnumpy==2.0\n"])
    monkeypatch.setattr(
        tool, "call", lambda command, log, **_: next(freezes) if "freeze" in command else ""
    )
    with pytest.raises(tool.Problem, match="numpy==1.0, numpy==2.0"):
        tool.install_dlkit("python", tmp_path / "dlkit.zip", tmp_path / "log")


def test_versions_are_those_that_import_not_those_asked_for(tool, monkeypatch):
    packages = ["keras==3.13.2", "scikit-learn==1.6.1"]
    monkeypatch.setattr(tool, "VENVS", {"e": ("", [["pip"], packages])})
    environment = tool.Environment("e", "E", "e")
    found = {"backend": "tensorflow", "keras": "3.13.2", "sklearn": "1.6.1"}
    monkeypatch.setattr(tool, "call", lambda *_, **__: f"a line of log\n{json.dumps(found)}\n")
    assert tool.versions_in(environment) == found
    found["sklearn"] = "1.7.0"
    with pytest.raises(tool.Problem, match="scikit-learn is 1.7.0 there, not 1.6.1"):
        tool.versions_in(environment)
    found |= {"sklearn": "1.6.1", "backend": "jax"}
    with pytest.raises(tool.Problem, match="runs on jax, not on tensorflow"):
        tool.versions_in(environment)


@pytest.mark.parametrize("with_git", [True, False])
def test_the_archive_is_like_githubs(tool, tmp_path, with_git):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "big").write_text("x")
    (tmp_path / ".gitignore").write_text(".venv/\nbuild/\n")
    if with_git:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
    with zipfile.ZipFile(tool.make_archive()) as archive:
        names = set(archive.namelist())
    assert {"dlkit-main/course.toml", "dlkit-main/README.md"} <= names
    assert not [name for name in names if ".venv" in name or "/build/" in name]


# --- lessons ----------------------------------------------------------------------------------


@pytest.fixture
def run_one(tool, tmp_path, monkeypatch):
    """Runs a notebook of these cells in a kernel of this Python."""
    here = tool.Environment("here", "Here", "here")
    monkeypatch.setattr(tool, "ENVIRONMENTS", [here])
    monkeypatch.setattr(tool, "python_of", lambda venv: sys.executable)
    tool.write_kernels()

    def run(*sources, figures=0, timeout=60):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        for _ in range(figures):
            cells[-1].outputs.append(nbformat.v4.new_output("display_data", {"image/png": "aaaa"}))
        path = tmp_path / "notebooks" / "00_good.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        before = path.read_bytes()
        result = tool.run_lesson(here, path, timeout=timeout)
        assert path.read_bytes() == before, "the committed notebook stays as it is"
        return result

    return run


@pytest.mark.slow
def test_a_lesson_runs_alone_on_the_samples_and_is_counted(run_one, monkeypatch):
    monkeypatch.setenv("DLKIT_DATA_DIR", "/data")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    look = (
        "import os, sys\n"
        "assert os.listdir() == ['00_good.ipynb'], os.listdir()\n"
        "assert os.environ['DLKIT_OFFLINE'] == '1' and 'DLKIT_DATA_DIR' not in os.environ\n"
        "assert os.environ['KERAS_BACKEND'] == 'tensorflow'"
    )
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
    result = run_one(look, path, GOOD)
    assert (result["error"], result["claims"], result["held"]) == ("", 1, 1), result
    assert result["seconds"] > 0 and result["data"] == "no data"


def test_a_claim_outside_its_band_fails_the_lesson(run_one, monkeypatch):
    monkeypatch.delenv("DLKIT_STRICT", raising=False)  # the tool sets it for the kernel
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
    result = run_one(path, GOOD.replace("real=(1, 3)", "real=(3, 4)"))
    assert "claim does not hold" in result["error"], result
    assert (result["claims"], result["held"]) == (1, 0)


FIGURE = "from IPython.display import display\ndisplay({'image/png': 'aaaa'}, raw=True)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sources", "figures", "error"),
    [
        (["raise ValueError('told you so')"], 0, "ValueError: told you so"),
        (["import os; os._exit(3)"], 0, "the kernel died"),
        (["import time; time.sleep(60)"], 0, "a cell ran longer than 3 s"),
        (["import sys; print('careful', file=sys.stderr)"], 0, "cell 0 wrote on stderr: careful"),
        (["import os; os.write(2, b'careful\\n')"], 0, "cell 0 wrote on stderr: careful"),
        (["1", FIGURE], 0, "cell 1 shows 1 figures, not 0"),
        ([FIGURE], 2, "cell 0 shows 1 figures, not 2"),
        ([FIGURE], 1, ""),
    ],
)
def test_what_fails_a_lesson(run_one, sources, figures, error):
    little = {"timeout": 3} if "3 s" in error else {}
    assert run_one(*sources, figures=figures, **little)["error"] == error


@pytest.mark.slow
def test_a_kernel_that_does_not_start_fails_its_lesson(tool, run_one, monkeypatch):
    monkeypatch.setattr(tool, "python_of", lambda venv: "/no/such/python")
    tool.write_kernels()
    assert "/no/such/python" in run_one("1")["error"]
