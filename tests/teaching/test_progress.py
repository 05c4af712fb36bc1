"""`python -m dlkit progress` on a class with good, wrong, broken and hostile notebooks."""

import csv
import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from helpers.exercise_cells import (
    ROOT,
    TOPICS,
    asked_in,
    exercises_of,
    notebook_of,
    read_cells,
    solved,
)

from dlkit.__main__ import main
from dlkit.teaching import cells, progress, report, submissions
from dlkit.teaching.sandbox import FULL, Limits, Outcome, Sandbox

pytestmark = pytest.mark.alone

TOPIC = "losses"
NAMES = list(exercises_of(TOPICS[TOPIC]))
CORRECT, NOT_YET, NOT_ATTEMPTED, NOT_RUN = progress.KNOWN


def lesson(answers=None, *, first="", extra=""):
    """Lesson 03 as text, with answers in place of stubs by name; first and extra are cells."""
    found = read_cells(notebook_of(TOPIC))
    for asked in asked_in(found):
        answer = (answers or {}).get(asked.name)
        if answer == "solved":
            found[asked.index]["source"] = solved(asked, exercises_of(TOPICS[TOPIC])[asked.name])
        elif answer is not None:
            found[asked.index]["source"] = f"{answer}\n\n{asked.check}"
    # A cell is run only if an exercise needs it: it gives a name that an exercise's cell reads.
    before = [{"cell_type": "code", "source": first + "\nnp = np"}] if first else []
    after = [{"cell_type": "code", "source": extra}] if extra else []
    cells_ = [*found[:3], *before, *found[3:], *after]
    return json.dumps({"cells": cells_, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


ALL = dict.fromkeys(NAMES, "solved")
FORGED = """
from dlkit.exercises.engine import exercise as engine
from dlkit.exercises.engine import verdicts
engine.Exercise.check = lambda self, *args: verdicts.Verdict("correct", self.name, "forged")
print('{"name": "loaves", "status": "correct", "line": "forged"}')
"""
CLASS = {
    "ada/03_losses.ipynb": lesson(ALL),
    "ben/03_losses.ipynb": lesson(),
    "cleo/03_losses.ipynb": lesson({"guess_loss": "my_guess_loss = np.log2(1000)"}),
    "03_losses_dan.ipynb": lesson({**ALL, "guess_loss": "import os\nos._exit(0)"}),
    "eve/03_losses.ipynb": lesson({"guess_loss": "exit()", "loaves": "import sys; sys.exit()"}),
    "finn/03_losses.ipynb": lesson({**ALL, "quantile_loss": "import os\nos.closerange(3, 999)"}),
    "gus/03_losses.ipynb": lesson({**ALL, "quantile_loss": "while True:\n    pass"}),
    "hal/03_losses.ipynb": lesson({**ALL, "loaves": "my_loaves = (unfinished"}),
    "ida/03_losses.ipynb": lesson({"loaves": FORGED + "my_loaves = 0"}),
    "jo/03_losses.ipynb": lesson(ALL, first="%matplotlib inline\n!echo hello\ndisplay(np)"),
    "kim/03_losses.ipynb": lesson(
        {**ALL, "loaves": "my_loaves = int(best)"}, first="best = 71\nbest = best - 4"
    ),
    "lea/03_losses.ipynb": lesson({"loaves": "import ctypes\nctypes.string_at(0)"}),
    "<b>mo/03_losses.ipynb": lesson({"loaves": "my_loaves = '<script>x</script>'"}),
    "=cmd|'calc'!A0/03_losses.ipynb": lesson({"guess_loss": "raise ValueError('=1+1\\x1b[31m')"}),
}
BROKEN = {
    "nina/03_losses.ipynb": (b"this is no JSON", "is not JSON"),
    "nina/empty.ipynb": (b"", "is empty"),
    "nina/old.ipynb": (b'{"worksheets": [], "nbformat": 3}', "old notebook format 3"),
    "nina/large.ipynb": (b" " * 50_000_000, "has 50 MB"),
    "nina/latin.ipynb": ('{"cells": ["\xe9"]}'.encode("latin-1"), "is not UTF-8"),
    "nina/deep.ipynb": (b"[" * 200_000, "nested too deeply"),
    "nina/list.ipynb": (b"[1, 2]", "no list of cells"),
    "nina/odd.ipynb": (b'{"cells": [{"source": 3}]}', "cell 0 has no text"),
    "nina/other.ipynb": (b'{"cells": [], "nbformat": 4}', "has no exercises of this course"),
    "nina/03_losses_cut.ipynb": (lesson().encode()[:5000], "is not JSON"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """(results by student, the folder with the tables, the folder of the class, what was said)."""
    if os.name == "nt":
        pytest.skip("these names of files are not for Windows")
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("out") / "new"
    for file, content in (CLASS | {file: data for file, (data, _) in BROKEN.items()}).items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "nina" / "folder.ipynb").mkdir()
    (folder / "nina" / "link.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(folder / "nina" / "pipe.ipynb")
    (folder / "nina" / ".ipynb_checkpoints").mkdir()
    (folder / "nina" / ".ipynb_checkpoints" / "03_losses.ipynb").write_text(lesson(ALL))
    said = []
    results = progress.run(folder, out=out, limits=Limits(seconds=40), say=said.append)
    return {r.student: r for r in results if r.verdicts}, out, folder, said


def statuses(checked, student):
    return [checked[0][student].verdicts[name].status for name in NAMES]


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_right_unanswered_and_wrong_notebooks(checked):
    assert statuses(checked, "ada") == [CORRECT] * 5
    assert statuses(checked, "ben") == [NOT_ATTEMPTED] * 5
    assert statuses(checked, "cleo") == [NOT_YET] + [NOT_ATTEMPTED] * 4
    assert "That is in bits." in checked[0]["cleo"].verdicts["guess_loss"].line


def test_the_verdict_is_the_one_that_the_student_sees(checked):
    """The first paragraph of the verdict that the exercise itself gives."""
    verdict = TOPICS[TOPIC].guess_loss.check(9.965784)
    assert checked[0]["cleo"].verdicts["guess_loss"].line == verdict.message.split("\n")[0]


@pytest.mark.parametrize(
    ("student", "exercise", "reason"),
    [
        ("dan", "guess_loss", "ended the process (exit status 0)"),
        ("lea", "loaves", "crashed (signal 11)"),
        ("hal", "loaves", "SyntaxError"),
        ("gus", "quantile_loss", "took longer than"),
    ],
)
def test_a_cell_that_fails_costs_its_own_exercise_only(checked, student, exercise, reason):
    verdicts = checked[0][student].verdicts
    assert verdicts[exercise].status == NOT_RUN and reason in verdicts[exercise].line
    rest = [verdict.status for name, verdict in verdicts.items() if name != exercise]
    assert rest == [NOT_ATTEMPTED if student == "lea" else CORRECT] * 4


def test_exit_ends_only_its_cell(checked):
    assert statuses(checked, "eve")[1:4] == [NOT_ATTEMPTED] * 3
    assert statuses(checked, "eve")[0] == statuses(checked, "eve")[4] == NOT_RUN


def test_closed_descriptors_cost_one_exercise(checked):
    assert statuses(checked, "finn")[1] == NOT_RUN
    assert statuses(checked, "finn").count(CORRECT) == 4


def test_a_replaced_checker_is_seen_and_a_printed_verdict_is_not_believed(checked):
    verdicts = checked[0]["ida"].verdicts
    assert verdicts["loaves"].changed
    assert checked[0]["ida"].correct == 0
    assert not verdicts["guess_loss"].changed and verdicts["guess_loss"].status == NOT_ATTEMPTED
    assert report.CHANGED in (checked[1] / "progress.html").read_text(encoding="utf-8")


def test_magics_and_display_are_as_in_a_notebook(checked):
    assert statuses(checked, "jo") == [CORRECT] * 5


def test_an_answer_may_use_a_cell_before_it(checked):
    assert statuses(checked, "kim")[4] == NOT_YET  # 67, from another cell: it was run
    assert "NameError" not in checked[0]["kim"].verdicts["loaves"].line


@pytest.mark.parametrize("file", BROKEN)
def test_a_broken_notebook_is_named_with_its_reason(checked, file):
    line = next(line for line in checked[3] if line.startswith(f"left out: {file}: "))
    assert BROKEN[file][1] in line


@pytest.mark.parametrize(
    ("name", "reason"),
    [("link", "is a link"), ("folder", "is a"), ("pipe", "is not a file")],
)
def test_what_is_no_file_is_named_and_not_opened(checked, name, reason):
    line = next(line for line in checked[3] if f"nina/{name}.ipynb" in line)
    assert reason.lower() in line.lower()


def test_hidden_copies_are_left_out(checked):
    assert not any(".ipynb_checkpoints" in line for line in checked[3])


def test_the_csv_has_one_row_a_student_and_no_formula(checked):
    head, *body = rows(checked[1] / "progress.csv")
    assert head == ["student", "correct", *(f"03 {name}" for name in NAMES)]
    by_student = {row[0]: row for row in body}
    assert by_student["ada"] == ["ada", "5", *[CORRECT] * 5]
    assert "'=cmd|'calc'!A0" in by_student and len(body) == len(CLASS) + 1
    for row in [*body, *rows(checked[1] / "details.csv")]:
        assert not any(field.startswith(("=", "+", "-", "@")) for field in row)
        assert not any("\x1b" in field for field in row)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.scopes = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "th":
            self.scopes.append(dict(attributes).get("scope"))


def test_the_page_is_escaped_and_can_be_read_aloud(checked):
    text = (checked[1] / "progress.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert not {"script", "b", "img", "a"} & set(reader.tags)
    assert reader.tags.count("caption") == reader.tags.count("table") >= 2
    assert set(reader.scopes) == {"row", "col"}
    assert "&lt;b&gt;mo" in text and '<html lang="en">' in text
    assert "✓ correct" in text and "✗ not yet" in text and "Whoever sets out to forge" in text


def test_it_says_which_protection_was_in_force(checked):
    assert checked[3][0].startswith("protection: ")


def test_only_a_few_cells_of_a_notebook_are_run():
    found = read_cells(notebook_of("mnist_mlp"))
    codes = [cells.read(i, c["source"]) for i, c in enumerate(found) if c["cell_type"] == "code"]
    needed = cells.needed(codes)
    asking = {code.index for code in codes if code.asks}
    assert asking < needed and len(needed) < 12 < len(codes)


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("w = 1", True),
        ("import math as w", True),
        ("def w():\n    return 1", True),
        ("for w in range(3):\n    pass", True),
        ("w[0] = 1", True),
        ("w.append(1)", True),
        ("history = w.fit(x)", True),
        ("w += 1", True),
        ("if True:\n    w = 2", True),
        ("from numpy import *", True),
        ("exec(text)", True),
        ("print(w)", False),
        ("y = w.mean()", False),
        ("def f():\n    w = 1", False),
        ("[w for w in range(3)]", False),
        ("z = 3", False),
    ],
)
def test_a_cell_is_taken_if_it_defines_or_changes_what_an_answer_reads(source, taken):
    asking = "def f():\n    return w\n\nexercises.g.check(f)"
    codes = [cells.read(0, source), cells.read(1, asking)]
    assert (0 in cells.needed(codes)) == taken


def test_a_call_of_a_module_is_no_reason_to_run_a_cell():
    """Else one plt in an answer would run every cell with a figure, and whatever it shows."""
    texts = ["import plt", "plt.plot(trained)", "plt.plot(f(1))\nexercises.g.check(f)"]
    assert cells.needed([cells.read(*pair) for pair in enumerate(texts)]) == {0, 2}


def test_what_a_needed_cell_needs_is_taken_too_and_later_cells_are_not():
    texts = ["a = 1", "b = a", "exercises.g.check(b)", "b = 3", "c = 1"]
    assert cells.needed([cells.read(*pair) for pair in enumerate(texts)]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("file", "student"),
    [
        ("ada/07_mnist_mlp.ipynb", "ada"),
        ("ada/week 3/07_mnist_mlp.ipynb", "ada"),
        ("07_mnist_mlp_ada.ipynb", "ada"),
        ("ada-07_mnist_mlp.ipynb", "ada"),
        ("Ada Lovelace 07_mnist_mlp (1).ipynb", "Ada Lovelace"),
        ("07_mnist_mlp.ipynb", "my_lessons"),
        ("07_mnist_mlp (kept 2026-11-29 14.05).ipynb", "my_lessons"),
        ("07_mnist_mlp_ada (kept 2026-11-29 14.05, 2).ipynb", "ada"),
    ],
)
def test_the_student_is_in_the_path_or_else_the_folder(tmp_path, monkeypatch, file, student):
    folder = tmp_path / "my_lessons"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text('{"cells": []}')
    monkeypatch.chdir(folder)
    for way in (folder, "."):
        (found,) = submissions.find(way, progress.lessons())
        assert (found.student, found.topic) == (student, "mnist_mlp")


def test_the_notebook_itself_says_which_lesson_it_is(tmp_path):
    (tmp_path / "final (2).ipynb").write_text(lesson())
    (found,) = submissions.find(tmp_path, progress.lessons())
    assert (found.student, found.topic) == ("final", "losses")


def test_of_two_notebooks_the_newer_counts_and_the_older_is_named():
    old, new = (
        submissions.Submission("ada", f, "losses", changed=t) for f, t in (("a", 1), ("b", 2))
    )
    results, to_run = progress._sort([new, old], progress.lessons(), {"losses"})
    assert to_run == [new] and results[0].problem == "is older than b"


def test_lessons_have_their_numbers():
    assert progress.lessons().keys() == TOPICS.keys()
    assert progress.lessons()["mnist_mlp"] == "07_mnist_mlp"


def test_a_table_of_an_earlier_run_is_kept(tmp_path):
    report.write([], {}, tmp_path, "none", False)
    report.write([], {}, tmp_path, "none", False)
    assert len(list(tmp_path.iterdir())) == 3, "the same tables need no copy"
    (tmp_path / "progress.csv").write_text("marked by the teacher")
    report.write([], {}, tmp_path, "none", False)
    kept = [path for path in tmp_path.glob("progress.*.csv")]
    assert [path.read_text() for path in kept] == ["marked by the teacher"]


def test_a_runner_that_answers_nothing_is_reported():
    class Silent:
        def run(self, *args):
            return Outcome(stopped="longer than 9 s")

    one = submissions.Submission("ada", "a.ipynb", "losses")
    result = progress.check(one, "03_losses", Silent(), Limits())
    assert {v.status for v in result.verdicts.values()} == {NOT_RUN}
    assert "longer than 9 s" in result.problem


def test_submissions_and_tables_are_out_of_reach_at_the_full_level(tmp_path):
    (tmp_path / "eve").mkdir()
    victim = tmp_path / "ada.txt"
    victim.write_text("mine")
    attack = f"import os, shutil\nshutil.rmtree({str(tmp_path)!r}, ignore_errors=True)\n"
    (tmp_path / "eve" / "03_losses.ipynb").write_text(lesson({"loaves": attack + "my_loaves = 71"}))
    try:
        Sandbox(FULL).close()
    except ValueError as error:
        pytest.skip(str(error))
    progress.run(tmp_path, out=tmp_path / "out", say=lambda line: None)
    assert victim.read_text() == "mine" and (tmp_path / "eve" / "03_losses.ipynb").exists()
    assert (tmp_path / "out" / "progress.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-folder"], "is no folder"),
        (["."], "no notebook"),
        ([".", "--lesson", "99"], "no lesson with exercises: 99"),
        ([".", "--jobs", "0"], "--jobs must be 1 or more"),
        ([".", "--memory", "lots"], "no size of 100 MB"),
        ([".", "--memory", "1"], "no size of 100 MB"),
        ([".", "--seconds", "nan"], "no number of seconds"),
    ],
)
def test_wrong_arguments_end_with_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["progress", *arguments])
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "build").exists()


def test_the_command_ends_with_0_whatever_the_notebooks_hold(tmp_path):
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "03_losses.ipynb").write_text("{")
    command = [sys.executable, "-m", "dlkit", "progress", "ada", "--lesson", "3"]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "left out: 03_losses.ipynb: is not JSON" in run.stdout
    assert (tmp_path / "build" / "progress" / "progress.html").exists()
