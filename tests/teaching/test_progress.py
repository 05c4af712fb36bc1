"""`python -m dlkit progress` on a class with good, wrong, broken and hostile notebooks."""

import csv
import html
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
from IPython.core.inputtransformer2 import TransformerManager

from dlkit.__main__ import main
from dlkit.teaching import cells, progress, report, runner, submissions
from dlkit.teaching.sandbox import FULL, Limits, Outcome, Sandbox

pytestmark = pytest.mark.alone

TOPIC = "losses"
NAMES = list(exercises_of(TOPICS[TOPIC]))
OTHERS = len(NAMES) - 1
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


def changed(text, change):
    """A notebook with its code cells changed by a function of the source."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = change(cell["source"])
    return json.dumps(notebook)


def under_magics(source):
    """Each answer under a cell magic, its check behind a line magic if it has one line."""
    answer, _, check = source.rpartition("\nexercises.")
    if ".check(" not in check:
        return source
    magic = "%%capture out\n%%time\n" if len(source) % 2 else "\n%%timeit -n 1 -r 1\n"
    return f"{magic}{answer}\n{'' if check.count(chr(10)) else '%time '}exercises.{check}"


def under_other_names(source):
    source = source.replace(" import losses as exercises", " import losses as ex")
    source = source.replace("exercises.loaves.check(", "shares = ex.loaves\nshares.check(")
    source = source.replace("exercises.guess_loss.check(", "look = ex.guess_loss.check\nlook(")
    return source.replace("exercises.", "ex.")


def only_on_colab(source):
    return source.replace("import numpy", "from google.colab import drive\nimport numpy", 1)


transform = TransformerManager().transform_cell
ALL = dict.fromkeys(NAMES, "solved")
FORGED = """
from dlkit.exercises.engine import exercise as engine
from dlkit.exercises.engine import verdicts
engine.Exercise.check = lambda self, *args: verdicts.Verdict("correct", self.name, "forged")
print('{"name": "loaves", "status": "correct", "line": "forged"}')
"""
STOLEN = "my_loaves = exercises.loaves.reference"
EMPTIED = "exercises.quantile_loss.cases = ()\nmy_quantile_loss = lambda *given: 0"
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
        {**ALL, "loaves": "my_loaves = int(guessed)"}, first="guessed = 71\nguessed = guessed - 4"
    ),
    "lea/03_losses.ipynb": lesson({"loaves": "import ctypes\nctypes.string_at(0)"}),
    "rae/03_losses.ipynb": lesson({**ALL, "loaves": STOLEN}),
    "sid/03_losses.ipynb": lesson({"quantile_loss": EMPTIED}),
    "tess/03_losses.ipynb": lesson(
        {"quantile_loss": "my_quantile_loss = exercises.quantile_loss.reference"}
    ),
    "mia/03_losses.ipynb": changed(lesson(ALL), under_magics),
    "noor/03_losses.ipynb": changed(lesson(ALL), under_other_names),
    "olga/03_losses.ipynb": changed(
        lesson({**ALL, "guess_loss": "import math\nmy_guess_loss = math.log(1000)"}), only_on_colab
    ),
    "pia/03_losses.ipynb": changed(lesson(), only_on_colab),
    "quin/03_losses.ipynb": lesson({**ALL, "loaves": "my_loaves = " + "-" * 90_000 + "1"}),
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
    (folder / "nina" / "notes.txt").write_text("")
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
    assert statuses(checked, "ada") == [CORRECT] * len(NAMES)
    assert statuses(checked, "ben") == [NOT_ATTEMPTED] * len(NAMES)
    assert statuses(checked, "cleo") == [NOT_YET] + [NOT_ATTEMPTED] * OTHERS
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
    assert rest == [NOT_ATTEMPTED if student == "lea" else CORRECT] * OTHERS


def test_exit_ends_only_its_cell(checked):
    assert statuses(checked, "eve")[1:4] == [NOT_ATTEMPTED] * 3
    assert statuses(checked, "eve")[0] == statuses(checked, "eve")[4] == NOT_RUN


def test_closed_descriptors_cost_one_exercise(checked):
    assert statuses(checked, "finn")[1] == NOT_RUN
    assert statuses(checked, "finn").count(CORRECT) == OTHERS


def test_a_replaced_checker_is_seen_and_a_printed_verdict_is_not_believed(checked):
    verdicts = checked[0]["ida"].verdicts
    assert verdicts["loaves"].changed
    assert checked[0]["ida"].correct == 0
    assert not verdicts["guess_loss"].changed and verdicts["guess_loss"].status == NOT_ATTEMPTED
    assert runner.CHANGED in (checked[1] / "progress.html").read_text(encoding="utf-8")


def test_magics_and_display_are_as_in_a_notebook(checked):
    assert statuses(checked, "jo") == [CORRECT] * len(NAMES)


def test_a_check_under_a_magic_or_another_name_is_found(checked):
    assert statuses(checked, "mia") == [CORRECT] * len(NAMES)
    assert statuses(checked, "noor") == [CORRECT] * len(NAMES)


def test_a_cell_that_fails_at_the_grader_alone_makes_no_right_answer_wrong(checked):
    verdicts = checked[0]["olga"].verdicts
    assert statuses(checked, "olga") == [CORRECT, *[NOT_RUN] * OTHERS]  # the first needs no NumPy
    for verdict in verdicts.values():
        if verdict.status == NOT_RUN:
            assert "of the notebook (" in verdict.line
            assert "fails here: ModuleNotFoundError: No module named 'google" in verdict.line
    assert NOT_ATTEMPTED in statuses(checked, "pia") and NOT_YET not in statuses(checked, "pia")


def test_a_cell_that_cannot_even_be_read_costs_its_own_exercise(checked):
    verdicts = checked[0]["quin"].verdicts
    assert verdicts["loaves"].status == NOT_RUN and "fails here" in verdicts["loaves"].line
    assert statuses(checked, "quin").count(CORRECT) == OTHERS


def test_what_can_be_seen_of_a_forgery_is_said(checked):
    rae, sid, tess = (checked[0][name].verdicts for name in ("rae", "sid", "tess"))
    assert rae["loaves"].status == CORRECT and ".reference" in rae["loaves"].remark
    assert sid["quantile_loss"].changed and checked[0]["sid"].correct == 0
    assert runner.HANDED_IN in tess["quantile_loss"].remark and checked[0]["tess"].correct == 0
    page = (checked[1] / "progress.html").read_text(encoding="utf-8")
    assert page.count(report.LOOK_YOURSELF) >= 3


def test_an_answer_may_use_a_cell_before_it(checked):
    verdict = checked[0]["kim"].verdicts["loaves"]
    assert verdict.status == NOT_YET and "NameError" not in verdict.line  # 67, of another cell


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


def test_what_is_no_notebook_is_named_with_its_reason(checked):
    hidden = "left out: nina/.ipynb_checkpoints: is hidden or made by a system"
    assert hidden in checked[3]
    assert "left out: nina/notes.txt: is no notebook (.ipynb)" in checked[3]
    details = rows(checked[1] / "details.csv")
    reasons = {row[6]: row[4] for row in details if row[3] == "not read"}
    assert reasons["nina/notes.txt"] == "is no notebook (.ipynb)"
    assert "nina/notes.txt" in (checked[1] / "progress.html").read_text(encoding="utf-8")


def test_it_says_how_the_folder_was_read(checked):
    (line,) = [line for line in checked[3] if line.startswith("read: ")]
    assert f"notebooks of {len(CLASS) + 1} students" in line
    assert html.escape(line) in (checked[1] / "progress.html").read_text(encoding="utf-8")


def test_the_csv_has_one_row_a_student_and_no_formula(checked):
    head, *body = rows(checked[1] / "progress.csv")
    assert head == ["student", "correct", *(f"03 {name}" for name in NAMES)]
    by_student = {row[0]: row for row in body}
    assert by_student["ada"] == ["ada", str(len(NAMES)), *[CORRECT] * len(NAMES)]
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
        ("%%time\nw = 1", True),
        ("%time w = 1", True),
        ("%%capture w\npass", True),
        ("%%unknown\nw = await f()", True),
        ("%%time\nprint(w)", False),
        ("%time print(w)", False),
        ("v = %time f(1)", False),
    ],
)
def test_a_cell_is_taken_if_it_defines_or_changes_what_an_answer_reads(source, taken):
    asking = "def f():\n    return w\n\nexercises.g.check(f)"
    codes = [cells.read(0, source, transform=transform), cells.read(1, asking)]
    assert (0 in cells.needed(codes)) == taken


FOUND = [
    "exercises.g.check(f)",
    "%%time\nexercises.g.check(f)",
    "\n%%capture out\n%%time\nexercises.g.check(f)",
    "%%timeit -n 1 f = 3\nexercises.g.check(f)",
    "  %%prun\n  exercises.g.check(f)",
    "%%of_an_extension\nexercises.g.check(f)",
    "%time exercises.g.check(f)",
    "%timeit -n 1 -r1 exercises.g.check(f)",
    "y = %time exercises.g.check(f)",
    "!ls\nexercises.g.check(f);",
    ">>> exercises.g.check(f)",
    "/exercises.g.check f",
    "from dlkit.exercises import losses as ex\nex.g.check(f)",
    "from dlkit.exercises.losses import g as h\nh.check(f)",
    "from dlkit.exercises.losses import *\ng.check(f)",
    "import dlkit.exercises.losses\ndlkit.exercises.losses.g.check(f)",
    "h = exercises.g\nh.check(f)",
    "look = exercises.g.check\nlook(f)",
    "await later()\nexercises.g.check(f)",
]
NOT_FOUND = [
    "%%bash\nexercises.g.check(f)",
    "%%writefile mine.py\nexercises.g.check(f)",
    "# exercises.g.check(f)",
    "'exercises.g.check(f)'",
    "mine.check(f)",
    "exercises.g.hint()",
]


@pytest.mark.parametrize("source", FOUND + NOT_FOUND)
def test_a_check_is_found_as_ipython_reads_the_cell(source):
    code = cells.read(0, source, cells.Finder({"g"}), transform)
    assert code.asks == (["g"] if source in FOUND else []), code


def test_a_call_of_a_module_is_no_reason_to_run_a_cell():
    """Else one plt in an answer would run every cell with a figure, and whatever it shows."""
    texts = ["import plt", "plt.plot(trained)", "plt.plot(f(1))\nexercises.g.check(f)"]
    assert cells.needed([cells.read(*pair) for pair in enumerate(texts)]) == {0, 2}


def test_what_a_needed_cell_needs_is_taken_too_and_later_cells_are_not():
    texts = ["a = 1", "b = a", "exercises.g.check(b)", "b = 3", "c = 1"]
    assert cells.needed([cells.read(*pair) for pair in enumerate(texts)]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ("for x in (1, 2):\n    w = x\n    f = w", False),
        ("for w in (1, 2):\n    f = w", False),
        ("for x in (1, 2):\n    f = w\n    w = x", True),
        ("for x in w:\n    w = x\n    f = w", True),
        ("for w[0] in (1, 2):\n    f = 3", True),
        ("if True:\n    w = 2\n    f = w", False),
        ("if True:\n    w = 2\nelse:\n    f = w", True),
        ("while True:\n    w = 2\n    f = w\n    break", False),
        ("while w:\n    w = 0\nf = 1", True),
        ("for x in (1, 2):\n    if x:\n        w = x\n        f = w", False),
    ],
)
def test_a_name_that_a_loop_or_branch_binds_first_is_its_own(answer, taken):
    """Else `for …: cost = …; saved.append(cost)` would run each cell before that has a `cost`."""
    texts = ["w = [1]", f"{answer}\nexercises.g.check(f)"]
    assert (0 in cells.needed([cells.read(*pair) for pair in enumerate(texts)])) == taken


def test_the_answer_of_a_few_numbers_needs_no_training():
    found = [c for c in json.loads(lesson(ALL))["cells"] if c["cell_type"] == "code"]
    codes = [cells.read(*pair) for pair in enumerate(c["source"] for c in found)]
    (asking,) = [code for code in codes if "forecasters" in code.asks]
    assert len(cells.needed(codes, {asking.index})) == 2  # the imports and its own


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
        (found,) = submissions.find(way, progress.lessons()).submissions
        assert (found.student, found.topic) == (student, "mnist_mlp")


def test_the_notebook_itself_says_which_lesson_it_is(tmp_path):
    (tmp_path / "final (2).ipynb").write_text(lesson())
    (found,) = submissions.find(tmp_path, progress.lessons()).submissions
    assert (found.student, found.topic) == ("final", "losses")


def test_of_two_notebooks_the_newer_counts_and_the_older_is_named():
    old, new = (
        submissions.Submission("ada", f, "losses", changed=t) for f, t in (("a", 1), ("b", 2))
    )
    results, to_run = progress._sort([new, old], progress.lessons(), {"losses"})
    assert to_run == [new] and results[0].problem == "is older than b, also by ada"


def test_lessons_have_their_numbers():
    assert progress.lessons().keys() == TOPICS.keys()
    assert progress.lessons()["mnist_mlp"] == "07_mnist_mlp"


def test_a_table_of_an_earlier_run_is_kept(tmp_path):
    report.write([], {}, tmp_path)
    report.write([], {}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3, "the same tables need no copy"
    (tmp_path / "progress.csv").write_text("marked by the teacher")
    report.write([], {}, tmp_path)
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


class Forging:
    """A sandbox in which the notebook has found the word, and sends what it likes."""

    def __init__(self, *messages):
        self.messages = messages

    def run(self, program, text, limits):
        word = json.loads(text)["word"]
        lines = [json.dumps(message | {"word": word}) for message in self.messages]
        return Outcome(results="\n".join([*lines, "[" * 5000, "5", '"x"', "{"]), returncode=0)


@pytest.mark.parametrize(
    "message",
    [
        {"cell": 1, "asks": 5},
        {"cell": 1, "asks": [[], {}, None]},
        {"cell": "1"},
        {"cell": None, "asks": ["loaves"]},
        {"asks": {"a": 1}},
        {"status": [CORRECT], "name": "loaves"},
        {"status": CORRECT, "name": ["loaves"], "line": {}, "remark": []},
        {"status": CORRECT, "name": "loaves", "line": "x" * 900_000},
        {"end": []},
    ],
)
def test_no_message_from_a_notebook_ends_the_run(message):
    one = submissions.Submission("ada", "a.ipynb", "losses")
    result = progress.check(one, "03_losses", Forging(message), Limits())
    assert list(result.verdicts) == NAMES
    assert all(len(v.line) <= 500 and v.status in progress.KNOWN for v in result.verdicts.values())


def test_what_the_machine_refuses_costs_one_notebook():
    class Full:
        def run(self, *args):
            raise OSError("No space left on device")

    one = submissions.Submission("ada", "a.ipynb", "losses")
    assert "No space left" in progress._check(one, "03_losses", Full(), Limits()).problem


@pytest.fixture(scope="module")
def box():
    with Sandbox() as found:
        yield found


def checked_in(box, text, **limits):
    """{exercise: verdict} of one notebook."""
    one = submissions.Submission("ada", "a.ipynb", TOPIC)
    one.sources = submissions._sources(text.encode())
    return progress.check(one, "03_losses", box, Limits(**limits)).verdicts


def test_an_answer_that_needs_a_cell_that_ended_the_process_is_not_called_wrong(box):
    answer = "def my_quantile_loss(y, p, q):\n    return half"
    text = lesson({"quantile_loss": answer}, first="import os\nos._exit(0)\nhalf = 0.5")
    verdict = checked_in(box, text)["quantile_loss"]
    assert verdict.status == NOT_RUN and "fails here: it ends the process" in verdict.line


def test_a_magic_that_fails_here_hides_no_wrong_answer(box):
    wrong = "def my_quantile_loss(y, p, q):\n    return 0.0 * y"
    text = lesson({"quantile_loss": wrong}, first="%tensorflow_version 2.x\n%load_ext none\n")
    assert checked_in(box, text)["quantile_loss"].status == NOT_YET


BOMBS = {
    "brackets": "x = " + "(" * 500_000,
    "signs": "x = " + "-" * 500_000 + "1",
    "a long sum": "x = " + "1 + " * 300_000 + "1",
    "a long chain": "x = a" + ".b" * 300_000,
    "calls of calls": "x = f" + "()" * 300_000,
    "a long line": "x = '" + "y" * 1_500_000 + "'",
    "empty lines": "\n" * 1_500_000,
    "a line of spaces": "%time" + " " * 1_500_000 + "1",
    "options": "%time" + " -n 1" * 300_000 + " 1",
    "magics in magics": "%%time\n" * 100_000,
    "half a string": "x = '''" + "\n" * 1_000_000,
    "a large number": "x = " + "9" * 1_000_000,
    "powers": "x = 9 ** 9 ** 9 ** 9",
    "dots before check": "." * 1_000_000 + "x.check(",
    "many names": "\n".join(f"a{n} = a{n - 1}" for n in range(1, 30_000)),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_cell_that_is_made_to_be_hard_to_read_stays_within_the_limits(box, kind):
    """Parsed in the sandbox alone: it costs what it asks itself, at most its own notebook."""
    text = lesson({"guess_loss": f"my_guess_loss = 1\n{BOMBS[kind]}"})
    verdicts = checked_in(box, text, seconds=24, memory=10**9)
    assert list(verdicts) == NAMES
    assert verdicts["guess_loss"].status in (NOT_RUN, NOT_YET)


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
