"""What tools/course.py writes: text alternatives, links, badges, tables, and other numbers."""

import dataclasses
import doctest
import json
import shutil
import subprocess
import tomllib

import course
import nbformat
import pytest
from helpers import ROOT


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("a *b* **c** `d_e`", "a b c d_e"),
        ("see [lesson 05](05_backpropagation.ipynb).", "see lesson 05."),
        ("two\nlines", "two lines"),
        (r"at $w_2 = -1$ and $10^{62}$", "at w2 = −1 and 10^62"),
        (r"$\mathbf{w} \le \beta_2$, $4 \times 4$", "w ≤ β2, 4 × 4"),
        (r"$\max(0, ab) + ac$", "max(0, ab) + ac"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markdown_becomes_plain_text(markdown, text):
    assert course.plain(markdown) == text


def test_examples_in_the_docstrings():
    assert doctest.testmod(course) == (0, 2)


def test_a_text_alternative_is_three_sentences_after_in_words():
    text = "**In words:** one. Two, at 0.5: yes. (Three!) Four.\n\nNot this."
    assert course.alt_texts(text, 1) == ["One. Two, at 0.5: yes. (Three!)"]
    assert course.alt_texts(text, 0) == []


def test_a_text_alternative_may_stand_in_a_fold():
    text = "See the bend.\n\n<details><summary>In words</summary>\n\nA line.\n\n</details>\n\nMore."
    assert course.alt_texts(text, 1) == ["A line."]
    assert course.alt_texts("<details><summary>In words</summary>A line.</details>", 1) == [
        "A line."
    ]


def test_several_figures_are_numbered():
    alts = course.alt_texts("**In words:** two lines.", 2)
    assert alts == ["Figure 1 of 2. Two lines.", "Figure 2 of 2. Two lines."]


@pytest.mark.parametrize("text", ["", "A line that rises."])
def test_no_text_alternative_without_in_words(text):
    assert course.alt_texts(text, 2) == ["", ""]


FILE = "notebooks/00_start_here.ipynb"


def test_the_addresses_of_a_lesson():
    assert course.links(FILE, "ada/course", "v1") == {
        "Colab": "https://colab.research.google.com/github/ada/course/blob/v1/" + FILE,
        "Kaggle": "https://kaggle.com/kernels/welcome?src=https://github.com/ada/course/blob/v1/"
        + FILE,
        "Binder": "https://mybinder.org/v2/gh/ada/course/v1?urlpath=lab/tree/" + FILE,
    }
    assert "/gh/ada/course/try%2Fout?" in course.links(FILE, "ada/course", "try/out")["Binder"]


def test_no_badge_before_a_repository_is_named():
    assert course.badges(FILE, "", "main") == ""
    row = course.badges(FILE, "ada/course", "main")
    assert row.count("[![Open in ") == 3 and row.startswith(course.BADGES) and "\n" not in row


def test_the_row_of_badges_comes_and_goes():
    text = "# Title\n\nText.\n\n\n- list\n"
    row = course.badges(FILE, "ada/course", "main")
    with_it = course.with_row(text, row, after="# ")
    assert with_it == f"# Title\n\n{row}\n\nText.\n\n\n- list\n"
    other = course.badges(FILE, "bob/course", "main")
    assert course.with_row(with_it, other, after="# ").replace("bob", "ada") == with_it
    assert course.with_row(with_it, "", after="# ") == text
    with pytest.raises(ValueError, match="nowhere to put the badges"):
        course.with_row(text, row, after="## Start")


# ---- The list and its tables -----------------------------------------------------------------

ANIMALS = """parts = ["Pets", "Wild"]

[publish]
repository = ""
ref = "main"

[[lesson]]
file = "notebooks/41_cats.ipynb"
title = "Cats"
part = "Pets"
summary = "What they want."
minutes = 2
data = ["mnist"]
prerequisites = []

[[lesson]]
file = "notebooks/42_dogs.ipynb"
title = "Dogs"
part = "Wild"
gpu = true
data = ["mnist", "cifar10"]
prerequisites = ["notebooks/41_cats.ipynb"]
"""


def test_a_lesson_is_found_by_number_topic_name_and_file():
    animals = course.parse(ANIMALS)
    for name in ("42", "dogs", "42_dogs", "notebooks/42_dogs.ipynb"):
        assert [one.title for one in animals.choose([name])] == ["Dogs"]
    assert animals.choose() == animals.lessons == animals.choose(["42", "cats"])
    with pytest.raises(ValueError, match="not in course.toml: 43, pigs; expected .* 41"):
        animals.choose(["43", "cats", "pigs"])


def test_a_key_that_no_lesson_has_is_refused():
    with pytest.raises(ValueError, match=r"keys of a lesson are \['minuts'\]; expected some of"):
        course.parse(ANIMALS.replace("minutes", "minuts"))


def test_the_table_has_a_row_for_each_part_and_each_lesson():
    animals = course.parse(ANIMALS)
    rows = course.table(animals).split("\n")
    assert rows[:2] == ["| | lesson | on two cores | what you do |", "|---|---|---|---|"]
    assert rows[2:4] == [
        "| **I** | **Pets** | | |",
        "| 41 | [Cats](notebooks/41_cats.ipynb) | 2 min | What they want. |",
    ]
    assert rows[4] == "| **II** | **Wild** | | |"
    published = course.table(dataclasses.replace(animals, repository="ada/course"))
    assert {row.count("|") for row in published.split("\n")} == {6}


def test_the_lists_of_lessons_say_who_uses_what():
    animals = course.parse(ANIMALS)
    text = course.data_readme(f"# Data\n\n{course.USES}old\n\nMore.", animals)
    assert text == f"# Data\n\n{course.USES}MNIST in 41 and 42; CIFAR-10 in 42.\n\nMore."
    assert 'GPU_LESSONS = "42"' in course.gpu_lessons('x = 1\nGPU_LESSONS = "07"\n', animals)
    with pytest.raises(ValueError, match="expected one line that begins with 'GPU_LESSONS"):
        course.gpu_lessons("x = 1", animals)
    with pytest.raises(ValueError, match="no place for the lessons"):
        course.readme("## Start\n\nnothing", animals)


def test_a_stamp_renews_number_titles_minutes_and_metadata():
    animals = course.parse(ANIMALS)
    head = "# 13 · Hounds\n\nYou see.\n\n- **Time:** 1 minute on two cores\n- **Data:** none"
    cells = [
        nbformat.v4.new_markdown_cell(head),
        nbformat.v4.new_code_cell("old"),
        nbformat.v4.new_markdown_cell("[23 · Hounds](42_dogs.ipynb), [dogs](42_dogs.ipynb)"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"old": 1})
    course.stamp(notebook, animals.lessons[0], animals)
    first, code, last = (cell.source for cell in notebook.cells)
    assert first == head.replace("13 · Hounds", "41 · Cats").replace(
        "1 minute on two cores", "2 minutes on two CPU cores, about 5 to read"
    )
    assert code == (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").strip()
    assert notebook.cells[1].metadata.jupyter.source_hidden, "the set-up cell is folded"
    assert last == "[42 · Dogs](42_dogs.ipynb), [dogs](42_dogs.ipynb)"
    assert notebook.metadata == course.metadata(animals.lessons[0])


def test_the_minutes_to_read_count_prose_and_code_but_no_exercises():
    lesson = course.parse(ANIMALS).lessons[0]
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    folded = f"<details><summary>In words</summary>\n{999 * 'w '}\n</details>"
    cells = [text(999 * "w "), text(598 * "w "), code(60 * "x = 1\n\n"), text(folded)]
    cells += [text("w w\n\n## Exercises\n" + 999 * "w "), code(999 * "x = 1\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert course.time_needed(notebook, lesson).endswith("about 10 to read")  # 600/120 + 60/12
    notebook.cells[1].source += "one more"
    assert course.time_needed(notebook, lesson).endswith("about 15 to read")


# ---- Other numbers and names -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Claims('41_cats'), x/41_cats_ada.ipynb", "Claims('42_lions'), x/42_lions_ada.ipynb"),
        ("lesson 41, Lesson 42's, lesson 43", "lesson 42, Lesson 41's, lesson 43"),
        ("lessons 41, 42 and 44; lessons 40 to 42", "lessons 42, 41 and 44; lessons 40 to 41"),
        ("# lessons 41\n    # and 42 or 44", "# lessons 42\n    # and 41 or 44"),
        ("def test_lessons_41_and_42():", "def test_lessons_42_and_41():"),
        ("[lesson 41](41_cats.ipynb)", "[lesson 42](42_lions.ipynb)"),
        ("[41 · Cats](x/41_cats.ipynb), [42](42_dogs.ipynb)", "[42 · Cats](x/42_lions.ipynb), "
         "[41](41_dogs.ipynb)"),
        ("from dlkit.exercises import cats as c", "from dlkit.exercises import lions as c"),
        ("dlkit/exercises/cats.py, answers/cats.py", "dlkit/exercises/lions.py, answers/lions.py"),
        ('answers_of("cats") in test_cats.py', 'answers_of("lions") in test_lions.py'),
    ],
)  # fmt: skip
def test_what_names_a_lesson_is_renamed(before, after):
    assert course.moved(before, {"41_cats": "42_lions", "42_dogs": "41_dogs"}) == after


def test_a_number_alone_is_renamed_where_it_can_only_be_a_lessons():
    text = "fresh 03, ['03', \"04\", `03`], '43', 03, \"03.5\", '13'"
    moves = {"03_cats": "43_cats", "43_dogs": "03_dogs"}
    assert course.moved(text, moves) == text.replace("fresh 03", "fresh 43").replace(
        "['03', \"04\", `03`]", "['43', \"04\", `43`]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "the lesson's 41 pages",
        "41 lessons, 42 of 42",
        "lesson 410, lesson 4142",
        "lesson 43, 42 epochs",
        "lessons passed | 41 of 42 |",
        "141_cats, 41_catsup, x41_cats",
        "cats and dogs, import cats",
        "[41 cats](https://example.org/41)",
        "[41 · Dogs](notebooks/43_dogs.ipynb)",
    ],
)  # fmt: skip
def test_what_names_no_lesson_stays(text):
    assert course.moved(text, {"41_cats": "42_lions", "42_dogs": "41_dogs"}) == text


@pytest.fixture
def animals(tmp_path):
    """A small course of two lessons in a repository of its own, all committed."""
    if shutil.which("git") is None:
        pytest.skip("this machine has no git, which moves files")
    files = {
        "course.toml": ANIMALS,
        "README.md": f"# Course\n\n## Start\n\nLesson 41.\n\n{course.BEGIN}\n{course.END}\n",
        "data/README.md": f"# Data\n\n{course.USES}\n",
        "dlkit/machine.py": 'GPU_LESSONS = ""\nPAIR = ("41", "7")  # and lesson 41\n',
        "tools/setup_cell.py": "setup = 1\n",
        "dlkit/exercises/cats.py": '"""Exercises of lesson 41."""\n',
        "tests/exercises/answers/cats.py": '"""Answers to lesson 41."""\n',
        "tests/exercises/test_cats.py": "from dlkit.exercises import cats\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    for name, text in {
        "41_cats": "[42 · Dogs](42_dogs.ipynb) come next.",
        "42_dogs": "As in lesson 41; see [lesson 41](41_cats.ipynb).",
    }.items():
        code = f"Claims({name!r})\nfrom dlkit.exercises import cats as exercises"
        shown = nbformat.v4.new_output("stream", text="lessons 41 and 42 ran\n")
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name[:2]} · {name[3:].title()}\n\n{text}"),
            nbformat.v4.new_code_cell("setup = 1"),
            nbformat.v4.new_code_cell(code, outputs=[shown]),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"notebooks/{name}.ipynb")
    git(tmp_path, "init", "-q")
    course.stamp_all(course.read(tmp_path))
    commit(tmp_path)
    return tmp_path


def git(root, *arguments):
    command = ["git", "-C", str(root), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all of it")


def contents(root):
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_a_swap_moves_files_and_renames_everywhere(animals):
    before = contents(animals)
    changes = course.move({"41_cats": "42_lions", "42_dogs": "41_dogs"}, animals)
    after = contents(animals)
    assert {name.replace("lions", "cats") for name in after} == {
        name.replace("41_cats", "42_cats").replace("42_dogs", "41_dogs") for name in before
    }
    found = tomllib.loads(after["course.toml"].decode())["lesson"]
    assert [one["file"] for one in found] == ["notebooks/41_dogs.ipynb", "notebooks/42_lions.ipynb"]
    assert found[0]["prerequisites"] == ["notebooks/42_lions.ipynb"] and found[0]["title"] == "Dogs"
    lions, dogs = (
        [cell["source"] for cell in json.loads(after[f"notebooks/{name}.ipynb"])["cells"]]
        for name in ("42_lions", "41_dogs")
    )
    assert "".join(lions[0]) == "# 42 · Cats\n\n[41 · Dogs](41_dogs.ipynb) come next."
    assert "".join(lions[2]) == (
        "Claims('42_lions')\nfrom dlkit.exercises import lions as exercises"
    )
    assert "".join(dogs[0]).endswith("As in lesson 42; see [lesson 42](42_lions.ipynb).")
    assert b"lessons 42 and 41 ran" in after["notebooks/42_lions.ipynb"]
    assert after["dlkit/exercises/lions.py"] == b'"""Exercises of lesson 42."""\n'
    assert b'GPU_LESSONS = "41"' in after["dlkit/machine.py"]
    assert b'PAIR = ("41", "7")  # and lesson 42' in after["dlkit/machine.py"]
    assert after["picture.png"] == before["picture.png"]
    assert ("dlkit/machine.py:2", 'PAIR = ("41", "7")  # and lesson 42') in [
        (one.place, one.after) for one in changes
    ]
    assert "R  notebooks/41_cats.ipynb" in git(animals, "status", "--short").replace("RM", "R ")


def test_the_way_there_and_back_changes_nothing(animals):
    before = contents(animals)
    course.move({"41_cats": "42_lions", "42_dogs": "41_dogs"}, animals)
    assert contents(animals) != before
    commit(animals)
    course.move({"42_lions": "41_cats", "41_dogs": "42_dogs"}, animals)
    assert contents(animals) == before


def test_the_command_prints_each_line_and_what_to_look_at(animals, capsys):
    before = contents(animals)
    assert course.main(["move", "--dry-run", "41_cats=43_cats"], root=animals) == 0
    out = capsys.readouterr().out
    assert "README.md:5\n- Lesson 41.\n+ Lesson 43.\n" in out and "lines would change." in out
    assert 'dlkit/machine.py:2: PAIR = ("41", "7")  # and lesson 41' in out.split("Look at")[1]
    assert "GPU_LESSONS" not in out.split("Look at")[1]
    assert contents(animals) == before


def test_what_is_not_committed_is_left_alone_unless_forced(animals, capsys):
    path = animals / "dlkit" / "machine.py"
    path.write_text(path.read_text(encoding="utf-8") + "# lesson 42, mine\n", encoding="utf-8")
    before = contents(animals)
    with pytest.raises(SystemExit):
        course.main(["move", "41_cats=43_cats"], root=animals)
    assert "dlkit/machine.py" in capsys.readouterr().err and contents(animals) == before
    course.main(["move", "--force", "41_cats=43_cats"], root=animals)
    assert path.read_text(encoding="utf-8").endswith("# and lesson 43\n# lesson 42, mine\n")


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["41_cats"], "is no OLD=NEW"),
        (["43_pigs=44_pigs"], "no lesson 43_pigs; there are 41_cats, 42_dogs"),
        (["41_cats=4_cats"], "expected two digits and words"),
        (["41_cats=43_Cats"], "expected two digits and words"),
        (["41_cats=42_cats"], "two lessons would have the number 42"),
        (["41_cats=43_dogs"], "two lessons would have the topic dogs"),
    ],
)
def test_a_move_that_cannot_be_is_refused(animals, pairs, said, capsys):
    before = contents(animals)
    with pytest.raises(SystemExit):
        course.main(["move", *pairs], root=animals)
    assert said in capsys.readouterr().err and contents(animals) == before


def test_without_a_repository_it_says_so(animals, capsys):
    shutil.rmtree(animals / ".git")
    with pytest.raises(SystemExit):
        course.main(["move", "41_cats=43_cats"], root=animals)
    assert "not a git repository" in capsys.readouterr().err
