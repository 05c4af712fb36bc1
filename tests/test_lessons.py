"""The learner's own copies of the lessons: made once, never overwritten, nothing lost."""

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from helpers import ROOT

from dlkit import lessons
from dlkit.__main__ import main


def write_lesson(folder, name, text="x = 1"):
    """A lesson of the course, with the outputs that it is committed with."""
    output = nbformat.v4.new_output("stream", text="1\n")
    cells = [
        nbformat.v4.new_markdown_cell(f"# {name}\n\nProse: é"),
        nbformat.v4.new_code_cell(text, outputs=[output], execution_count=7),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


NAMES = ["00_start_here", "07_mnist_cnn", "08_generalisation"]


@pytest.fixture
def folders(tmp_path):
    """A course of three lessons, and the learner's folder, which is not there yet."""
    for name in NAMES:
        write_lesson(tmp_path / "notebooks", name)
    (tmp_path / "notebooks" / "notation.md").write_text("not a lesson, but linked")
    return tmp_path / "notebooks", tmp_path / "my_lessons"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def work_on(path, text="my_answer = 42"):
    """What JupyterLab does when a learner has changed the second cell, run it, and saved."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].update(source=text, execution_count=1)
    nbformat.write(notebook, path)
    return path.read_bytes()


# ---- Copies ----------------------------------------------------------------------------------


def test_each_lesson_is_there_once_without_outputs(folders):
    course, mine = folders
    before = contents(course)
    news = lessons.prepare(course, mine)
    assert news == lessons.News(new=[f"{name}.ipynb" for name in NAMES])
    assert contents(course) == before
    assert sorted(contents(mine)) == sorted([*news.new, "notation.md"])
    for name in news.new:
        given, copy = (nbformat.read(folder / name, as_version=4) for folder in folders)
        nbformat.validate(copy)
        assert [(c.id, c.source) for c in copy.cells] == [(c.id, c.source) for c in given.cells]
        assert copy.cells[1].outputs == [] and copy.cells[1].execution_count is None
        assert copy.metadata.kernelspec == given.metadata.kernelspec


def test_a_linked_text_lies_beside_the_copies_and_what_is_written_into_it_stays(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    assert (mine / "notation.md").read_text() == "not a lesson, but linked"
    (mine / "notation.md").write_text("my notes")
    assert lessons.prepare(course, mine) == lessons.News()
    assert (mine / "notation.md").read_text() == "my notes"


def test_a_second_time_changes_nothing_and_says_nothing(folders):
    lessons.prepare(*folders)
    before = contents(folders[1])
    assert lessons.prepare(*folders) == lessons.News()
    assert contents(folders[1]) == before


def test_the_learners_work_is_never_overwritten_whatever_the_course_does(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    work = work_on(mine / "07_mnist_cnn.ipynb")
    assert lessons.prepare(course, mine) == lessons.News()
    write_lesson(course, "07_mnist_cnn", "x = 2")
    write_lesson(course, "09_optimizers")
    news = lessons.prepare(course, mine)
    assert (news.new, news.changed) == (["09_optimizers.ipynb"], ["07_mnist_cnn.ipynb"])
    assert (mine / "07_mnist_cnn.ipynb").read_bytes() == work


def test_a_change_of_the_course_is_told_once_and_the_next_one_again(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    for text in ("x = 2", "x = 3"):
        write_lesson(course, "07_mnist_cnn", text)
        assert lessons.prepare(course, mine).changed == ["07_mnist_cnn.ipynb"]
        assert lessons.prepare(course, mine) == lessons.News()
    write_lesson(course, "07_mnist_cnn")  # as the copy was made
    assert lessons.prepare(course, mine) == lessons.News()


def test_new_outputs_of_the_course_are_no_change(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    path = course / "07_mnist_cnn.ipynb"
    path.write_text(path.read_text("utf-8").replace('"1\\n"', '"2\\n"'), "utf-8")
    assert '"2\\n"' in path.read_text("utf-8")
    assert lessons.prepare(course, mine) == lessons.News()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[1, 2]", b'{"cells": 3}', b"[" * 100_000, b'{"cells": []}'],
)
def test_a_file_that_is_no_copy_stays_as_it_is_and_is_spoken_of_once(folders, content):
    course, mine = folders
    mine.mkdir()
    (mine / "07_mnist_cnn.ipynb").write_bytes(content)
    assert lessons.prepare(course, mine).foreign == ["07_mnist_cnn.ipynb"]
    assert lessons.prepare(course, mine) == lessons.News()
    assert (mine / "07_mnist_cnn.ipynb").read_bytes() == content


@pytest.mark.parametrize("told", [b"", b"\xff", b"[]", b'{"told": 3}', b'{"told": {"x": {}}}'])
def test_a_broken_list_of_what_was_told_does_no_harm(folders, told):
    course, mine = folders
    lessons.prepare(course, mine)
    (mine / lessons.TOLD).write_bytes(told)
    write_lesson(course, "07_mnist_cnn", "x = 2")
    assert lessons.prepare(course, mine).changed == ["07_mnist_cnn.ipynb"]
    assert lessons.prepare(course, mine) == lessons.News()


def test_links_are_left_alone_even_where_they_lead_nowhere(folders, tmp_path):
    course, mine = folders
    mine.mkdir()
    (tmp_path / "elsewhere.ipynb").write_text("mine")
    try:
        (mine / "00_start_here.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
        (mine / "07_mnist_cnn.ipynb").symlink_to(tmp_path / "nowhere.ipynb")
    except OSError:
        pytest.skip("this account may not make links")
    assert lessons.prepare(course, mine).new == ["08_generalisation.ipynb"]
    assert (tmp_path / "elsewhere.ipynb").read_text() == "mine"
    assert not (tmp_path / "nowhere.ipynb").exists()


def test_a_lesson_with_another_number_takes_its_copy_along(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    work = work_on(mine / "07_mnist_cnn.ipynb")
    (course / "07_mnist_cnn.ipynb").rename(course / "08_mnist_cnn.ipynb")
    (course / "08_generalisation.ipynb").rename(course / "09_overfitting.ipynb")
    write_lesson(course, "07_mnist_mlp")
    news = lessons.prepare(course, mine)
    assert news.renamed == [("07_mnist_cnn.ipynb", "08_mnist_cnn.ipynb")]
    assert news.new == ["07_mnist_mlp.ipynb", "09_overfitting.ipynb"]
    assert (mine / "08_mnist_cnn.ipynb").read_bytes() == work
    assert not (mine / "07_mnist_cnn.ipynb").exists()
    assert (mine / "08_generalisation.ipynb").exists(), "another name: it stays beside the new one"
    assert lessons.prepare(course, mine) == lessons.News()


# ---- When something is in the way ------------------------------------------------------------


def test_a_lesson_that_cannot_be_read_does_not_keep_the_others_out(folders):
    course, mine = folders
    (course / "07_mnist_cnn.ipynb").write_text("<<<<<<< HEAD\n{")
    news = lessons.prepare(course, mine)
    assert news.new == ["00_start_here.ipynb", "08_generalisation.ipynb"]
    (problem,) = news.problems
    assert "07_mnist_cnn.ipynb cannot be read (it is not JSON" in problem


def test_a_file_where_the_folder_should_be_is_a_sentence(folders):
    course, mine = folders
    mine.write_text("mine")
    (problem,) = lessons.prepare(course, mine).problems
    assert f"cannot be written ({os.strerror(errno.EEXIST)}): " in problem
    assert mine.read_text() == "mine"


def test_a_folder_that_may_not_be_written_is_a_sentence_until_all_is_there(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    (mine / "08_generalisation.ipynb").unlink()
    mine.chmod(0o500)
    try:
        if os.access(mine, os.W_OK):
            pytest.skip("this account may write everywhere")
        (problem,) = lessons.prepare(course, mine).problems
        assert f"cannot be written ({os.strerror(errno.EACCES)}): " in problem
        (course / "08_generalisation.ipynb").unlink()
        assert lessons.prepare(course, mine) == lessons.News()
    finally:
        mine.chmod(0o700)


def run_python(code, *words):
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", *words]


TOO_LARGE = """
import resource, pathlib
from dlkit import lessons
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
course, mine = map(pathlib.Path, sys.argv[1:3])
if len(sys.argv) == 3:
    print(*lessons.prepare(course, mine).problems)
else:
    try:
        lessons.fresh(sys.argv[3], course, mine)
    except OSError as error:
        print(error)
"""


def test_a_disk_that_takes_only_the_beginning_leaves_no_half_file(folders):
    pytest.importorskip("resource", reason="the limit that stands for a full disk is POSIX's")
    course, mine = folders
    write_lesson(course, "07_mnist_cnn", "x = 1\n" * 1000)
    words = [*run_python(TOO_LARGE), str(course), str(mine)]
    run = subprocess.run(words, capture_output=True, text=True)
    assert "cannot be written (File too large): " in run.stdout and run.stderr == ""
    assert sorted(contents(mine)) == ["00_start_here.ipynb", "notation.md"]
    nbformat.read(mine / "00_start_here.ipynb", as_version=4)

    (mine / "07_mnist_cnn.ipynb").write_text("my work")
    run = subprocess.run([*words, "07"], capture_output=True, text=True)
    assert "File too large" in run.stdout
    assert contents(mine)["07_mnist_cnn.ipynb"] == b"my work" and len(contents(mine)) == 3


PREPARE = """
import pathlib
from dlkit import lessons
lessons.prepare(*map(pathlib.Path, sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="a process is killed by a signal here")
def test_whoever_is_killed_leaves_whole_files_only(folders):
    course, mine = folders
    for number in range(9, 60):
        write_lesson(course, f"{number:02}_more", "x = 1\n" * 20_000)
    process = subprocess.Popen([*run_python(PREPARE), str(course), str(mine)])
    while process.poll() is None and len(list(mine.glob("*.ipynb"))) < 5:
        time.sleep(0.001)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    there = sorted(mine.glob("*.ipynb"))
    assert len(there) >= 5
    assert all(path.read_bytes() == lessons.own_copy(course / path.name)[0] for path in there)
    assert lessons.prepare(course, mine).problems == []
    assert len(list(mine.glob("*.ipynb"))) == len(list(course.glob("*.ipynb")))


def test_two_at_once_do_not_meet(folders):
    course, mine = folders
    for number in range(9, 40):
        write_lesson(course, f"{number:02}_more", "x = 1\n" * 5000)
    words = [*run_python(PREPARE), str(course), str(mine)]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[1] for process in both] == [b"", b""]
    expected = {path.name: lessons.own_copy(path)[0] for path in course.glob("*.ipynb")}
    assert contents(mine) == expected | {"notation.md": (course / "notation.md").read_bytes()}


@pytest.mark.parametrize("error", [PermissionError(errno.EPERM, "no links"), NotImplementedError()])
def test_a_disk_without_links_will_do(folders, monkeypatch, error):
    def link(*paths):
        raise error

    monkeypatch.setattr(os, "link", link)
    course, mine = folders
    mine.mkdir()
    (mine / "07_mnist_cnn.ipynb").write_text("my work")
    lessons.prepare(course, mine)
    assert contents(mine)["07_mnist_cnn.ipynb"] == b"my work"
    expected = {*(f"{name}.ipynb" for name in NAMES), "notation.md"}
    assert contents(mine).keys() - {lessons.TOLD} == expected


# ---- Afresh ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["07", "7", "mnist_cnn", "07_mnist_cnn", "07_mnist_cnn.ipynb", "x/07_mnist_cnn.ipynb"]
)
def test_a_lesson_afresh_keeps_what_was_there(folders, name):
    course, mine = folders
    lessons.prepare(course, mine)
    work = work_on(mine / "07_mnist_cnn.ipynb")
    path, kept = lessons.fresh(name, course, mine)
    assert re.fullmatch(r"07_mnist_cnn \(kept \d{4}-\d\d-\d\d \d\d\.\d\d\)\.ipynb", kept.name)
    assert kept.read_bytes() == work
    assert path.read_bytes() == lessons.own_copy(course / path.name)[0]
    assert lessons.prepare(course, mine) == lessons.News()


def test_each_kept_copy_has_a_name_of_its_own(folders, monkeypatch):
    monkeypatch.setattr(lessons.time, "strftime", lambda form: "2026-11-29 14.05")
    course, mine = folders
    lessons.prepare(course, mine)
    works = [work_on(mine / "07_mnist_cnn.ipynb", f"answer = {n}") for n in range(3)]
    names = []
    for work in works:
        (mine / "07_mnist_cnn.ipynb").write_bytes(work)
        names.append(lessons.fresh("07", course, mine)[1].name)
    assert names == [
        f"07_mnist_cnn (kept 2026-11-29 14.05{again}).ipynb" for again in ("", ", 2", ", 3")
    ]
    assert [(mine / name).read_bytes() for name in names] == works


def test_a_lesson_that_is_fresh_already_is_left_alone(folders):
    course, mine = folders
    lessons.prepare(course, mine)
    before = contents(mine)
    path, kept = lessons.fresh("07", course, mine)
    assert kept == path and contents(mine) == before


def test_a_lesson_that_was_not_there_comes_without_the_others(folders):
    course, mine = folders
    assert lessons.fresh("07", course, mine) == (mine / "07_mnist_cnn.ipynb", None)
    assert list(contents(mine)) == ["07_mnist_cnn.ipynb"]


def test_an_unknown_lesson_is_answered_with_those_that_there_are(folders):
    course, mine = folders
    with pytest.raises(ValueError, match="no lesson is called '9': choose one of 00_start_here, "):
        lessons.fresh("9", course, mine)
    assert not mine.exists()


# ---- The commands ----------------------------------------------------------------------------


@pytest.fixture
def learner(folders, monkeypatch):
    """The commands, on these folders; JupyterLab is not started: its command line is kept."""
    course, mine = folders
    monkeypatch.setattr(lessons, "COURSE", course)
    monkeypatch.setattr(lessons, "MINE", mine)
    monkeypatch.setenv("PATH", os.environ["PATH"])  # put back afterwards
    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    monkeypatch.setattr(subprocess, "call", started.append)
    return course, mine, started


def test_lab_makes_the_copies_and_opens_the_first(learner, capsys, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    course, mine, started = learner
    for expected in ("Your own copies of the lessons are in .*my_lessons/", ""):
        main(["lab", "--no-browser", "--port=8890"])
        assert re.match(expected, capsys.readouterr().out)
    first = str(mine / "00_start_here.ipynb")
    words = [sys.executable, "-m", "jupyterlab", first, "--no-browser", "--port=8890"]
    assert started == [words, words]
    assert os.environ["PATH"].startswith(os.path.dirname(sys.executable) + os.pathsep)


def test_lab_says_what_the_course_has_changed_and_offers_both(learner, capsys):
    course, mine, _ = learner
    main(["lab", "--allow-root"])
    work = work_on(mine / "07_mnist_cnn.ipynb")
    write_lesson(course, "07_mnist_cnn", "x = 2")
    capsys.readouterr()
    main(["lab", "--allow-root"])
    (line,) = capsys.readouterr().out.splitlines()
    assert "your copies of 07 were made. Yours stay" in line
    assert line.endswith(" -m dlkit fresh 07")
    main(["lab", "--allow-root"])
    assert capsys.readouterr().out == ""

    assert main(["fresh", "07"]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    kept = re.search(r"Yours is kept: .*my_lessons/(.+)", said)[1]
    assert (mine / kept).read_bytes() == work
    assert main(["fresh", "07", "77"]) == 2
    out, err = capsys.readouterr()
    assert "already: nothing was done" in out and "no lesson is called '77'" in err


@pytest.mark.parametrize(
    ("user", "options", "is_told"),
    [(0, [], True), (0, ["--allow-root"], False), (1000, [], False)],
)
def test_root_hears_what_jupyterlab_asks_of_root(
    learner, capsys, monkeypatch, user, options, is_told
):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    main(["lab", *options])
    assert ("make lab ARGS=--allow-root" in capsys.readouterr().out) == is_told
    assert learner[2][0][4:] == options, "nothing is allowed on one's behalf"


def test_lab_without_any_lesson_says_why(learner, capsys):
    course, mine, started = learner
    mine.write_text("a file")
    assert main(["lab"]) == 1
    assert "cannot be written" in capsys.readouterr().out and not started


# ---- The course itself -----------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_lesson_works_from_the_learners_folder(path):
    """Its links lead to other lessons and texts, and it is the same below the course's folder."""
    notebook = json.loads(lessons.own_copy(path)[0])
    prose = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    links = re.findall(r"\]\(([^)\s]+\.(?:ipynb|md|png|svg)[^)\s]*)\)", "\n".join(prose))
    for link in links:
        if not re.match(r"\w+:", link):
            found = (ROOT / "my_lessons" / link.split("#")[0]).resolve()
            if found.parent == ROOT / "my_lessons":
                found = ROOT / "notebooks" / found.name
                copied = lessons.LESSON.fullmatch(found.name) or found.suffix == ".md"
                assert copied, f"{link} is not copied"
            assert found.exists(), link


def test_git_never_meets_the_learners_folder():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    run = subprocess.run(["git", "check-ignore", "-q", "my_lessons/07_mnist_cnn.ipynb"], cwd=ROOT)
    assert run.returncode == 0
