"""Every rule of lesson_rules on every notebook, and every rule on a notebook that breaks it.

That the lessons run is nbval's business, not this file's.
"""

import ast
import base64
import copy
import re
from pathlib import Path

import course
import nbconvert
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT
from helpers.lesson_rules import (
    COURSE,
    LABELS,
    LANGUAGE,
    LAST_SECTIONS,
    NOT_YET_SHARP,
    RULES,
    SETUP,
    Lesson,
    asks_colab_for_a_gpu_where_it_gains,
    defined_twice,
    ends_with_the_four_sections,
    first_code_cell_is_the_setup_cell,
    has_cell_ids,
    has_cells_that_may_run_twice,
    has_clean_outputs,
    has_links_that_resolve,
    has_no_code_cell_over_30_lines,
    has_no_stderr_and_no_error,
    has_the_kernel_python3,
    installs_nothing_by_itself,
    is_2_mb_at_most,
    links,
    loads_keras_only_in_its_section,
    read,
    says_every_figure_in_words,
    says_that_it_is_python_of_no_special_version,
    second_code_cell_seeds,
    sections,
    shows_sharp_figures,
    source,
    speaks_keras_3,
    starts_with_title_promise_and_facts,
    tells_every_figure_to_those_who_cannot_see_it,
    trains_from_the_start,
    was_run_from_top_to_bottom,
)

# ---- The course ------------------------------------------------------------------------------

FILES = [lesson.file for lesson in COURSE.lessons]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("file", FILES, ids=lambda file: Path(file).stem)
def test_lesson(file, rule):
    problems = [*rule(read(file))]
    assert not problems, "\n".join([file, *problems])


@pytest.mark.parametrize("file", FILES, ids=lambda file: Path(file).stem)
def test_nbconvert_makes_a_script_of_it(file):
    script, resources = nbconvert.ScriptExporter().from_filename(str(ROOT / file))
    assert resources["output_extension"] == ".py"
    ast.parse(script)
    said = re.sub(r"^# ?", "", script, flags=re.MULTILINE)
    assert all(source(cell).rstrip() in said for cell in read(file).markdown), "the text is kept"


@pytest.mark.parametrize("exporter", [nbconvert.HTMLExporter, nbconvert.SlidesExporter])
def test_nbconvert_makes_pages_and_slides_of_a_lesson(exporter):
    page, _ = exporter().from_filename(str(ROOT / FILES[0]))
    shown = BeautifulSoup(page, "html.parser")
    figures = sum(course.count_figures(cell) for cell in read(FILES[0]).code)
    assert len(shown.select("img")) == figures > 0
    assert len(shown.select(".highlight-ipynb, .highlight")) >= len(read(FILES[0]).code)
    titles = [heading.text.rstrip("¶") for heading in shown.select("h2")]
    assert titles == sections(read(FILES[0]))


def test_course_lists_every_notebook_once():
    there = [path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(FILES) == sorted(there)


def test_lessons_are_in_the_order_of_their_numbers_which_are_their_own():
    numbers = [Path(file).name[:2] for file in FILES]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.title)
def test_prerequisites_are_earlier_lessons(lesson):
    assert set(lesson.prerequisites) <= set(FILES[: FILES.index(lesson.file)])


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.title)
def test_a_lesson_is_in_a_part_that_comes_no_earlier_than_that_of_the_lesson_before(lesson):
    before = COURSE.lessons[: COURSE.lessons.index(lesson)]
    assert all(COURSE.parts.index(b.part) <= COURSE.parts.index(lesson.part) for b in before)


def test_no_function_is_defined_in_two_lessons():
    assert not defined_twice(map(read, FILES))


@pytest.fixture
def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_links_resolve(readme):
    assert not [target for target in links(readme) if not (ROOT / target).exists()]


def test_readme_shows_a_figure_of_a_lesson(readme):
    (picture,) = re.findall(r"!\[[^\]]+\]\((?!https:)(.+?)\)", readme)  # but for the badges
    figures = {
        base64.b64decode(output["data"]["image/png"])
        for file in FILES
        for cell in read(file).code
        for output in cell["outputs"]
        if "image/png" in output.get("data", {})
    }
    assert (ROOT / picture).read_bytes() in figures, "tools/run.py execute makes it anew"


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.title)
def test_readme_lists_the_lesson(readme, lesson):
    rows = [row for row in readme.splitlines() if row.startswith("|") and lesson.file in row]
    assert len(rows) == 1, f"expected one row of a table with ({lesson.file})"
    assert f"({lesson.file})" in rows[0]
    assert lesson.title in rows[0]
    assert re.search(rf"\b{lesson.minutes} min\b", rows[0])


def test_only_lessons_of_the_course_wait_for_sharp_figures():
    assert {lesson.name for lesson in COURSE.lessons} >= NOT_YET_SHARP


# ---- Every rule can fail ---------------------------------------------------------------------


def good_lesson():
    """The smallest notebook that every rule accepts."""
    entry = course.Lesson("notebooks/00_good.ipynb", "Good", minutes=2)
    facts = ["2 minutes on two CPU cores, about 5 to read", "none", "nothing", "tell good from bad"]
    head = "# 00 · Good\n\nYou see a good notebook.\n\n" + "\n".join(
        f"- **{label}:** {fact}" for label, fact in zip(LABELS, facts, strict=True)
    )
    cells = [text_cell(head), code_cell(SETUP), code_cell("keras.utils.set_random_seed(0)")]
    for number in range(12):
        title = f"## Section {number}\n\n" if number < 2 else ""
        cells += [text_cell(title + 20 * "word "), code_cell("x = 1\nprint(x)")]
    cells += [code_cell("plt.plot(x);", image()), text_cell("**In words:** a line that rises.")]
    cells += [text_cell(f"## {title}\n\n{9 * 'word '}") for title in LAST_SECTIONS]
    code = (cell for cell in cells if cell["cell_type"] == "code")
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
    cells[1]["metadata"] = {"jupyter": {"source_hidden": True}}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": {"name": "python3"}, "language_info": LANGUAGE.copy()}
    metadata["colab"] = {"provenance": [], "toc_visible": True}
    return Lesson(entry, {"cells": cells, "metadata": metadata}, repository="", ref="main")


def published_lesson():
    """The good lesson, once the course has a public repository."""
    lesson = good_lesson()
    lesson.repository = "ada/course"
    row = course.badges(lesson.entry.file, "ada/course", "main")
    rewrite(0, "# 00 · Good\n\n", f"# 00 · Good\n\n{row}\n\n")(lesson)
    return lesson


def text_cell(text):
    return {"cell_type": "markdown", "source": text}


def code_cell(text, *outputs):
    return {"cell_type": "code", "source": text, "outputs": list(outputs)}


def image():
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1281).to_bytes(4, "big") + (720).to_bytes(4, "big")
    data = {"image/png": base64.b64encode(header).decode(), "text/plain": "<Figure>"}
    metadata = {"image/png": {"alt": "A line that rises.", "width": 640, "height": 360}}
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


def rewrite(number, old, new):
    """A change of one cell's text."""

    def change(lesson):
        cell = lesson.cells[number]
        assert old in cell["source"]
        cell["source"] = cell["source"].replace(old, new)

    return change


def add_output(output):
    """A change that gives the third code cell an output more."""
    return lambda lesson: lesson.code[2]["outputs"].append(output)


def of_the_figure(lesson):
    """The metadata of the good lesson's image."""
    return lesson.cells[27]["outputs"][0]["metadata"]["image/png"]


LAST = -1
MUTATIONS = [
    (starts_with_title_promise_and_facts, "title", rewrite(0, "Good", "Bad")),
    (starts_with_title_promise_and_facts, "number", rewrite(0, "# 00", "# 01")),
    (starts_with_title_promise_and_facts, "promises", rewrite(0, "notebook.", "one. And more.")),
    (starts_with_title_promise_and_facts, "no promise", rewrite(0, "You see a good notebook.", "")),
    (starts_with_title_promise_and_facts, "label", rewrite(0, "**Data:**", "**Files:**")),
    (starts_with_title_promise_and_facts, "minutes", rewrite(0, "2 minutes", "12 minutes")),
    (
        starts_with_title_promise_and_facts,
        "badges of nobody",
        lambda lesson: lesson.cells[0].update(source=published_lesson().cells[0]["source"]),
    ),
    (
        starts_with_title_promise_and_facts,
        "no badges",
        lambda lesson: setattr(lesson, "repository", "ada/course"),
    ),
    (
        starts_with_title_promise_and_facts,
        "badges of another",
        lambda lesson: (
            lesson.cells[0].update(source=published_lesson().cells[0]["source"]),
            setattr(lesson, "repository", "bob/course"),
        ),
    ),
    (first_code_cell_is_the_setup_cell, "changed", rewrite(1, "import sys", "import sys as s")),
    (first_code_cell_is_the_setup_cell, "open", lambda lesson: lesson.cells[1].pop("metadata")),
    (second_code_cell_seeds, "no seed", rewrite(2, "set_random_seed", "seed_nothing")),
    (ends_with_the_four_sections, "a section more", rewrite(LAST, "## Next", "## Next\n\n## End")),
    (ends_with_the_four_sections, "misnamed", rewrite(LAST, "## Next", "## Outlook")),
    (ends_with_the_four_sections, "only fenced", rewrite(LAST, "## Next", "```\n## Next\n```")),
    (has_no_code_cell_over_30_lines, "31", rewrite(4, "x = 1\n", "x = 1\n" * 30)),
    (is_2_mb_at_most, "size", lambda lesson: setattr(lesson, "size", 2_000_001)),
    (installs_nothing_by_itself, "pip", rewrite(4, "x = 1", "%pip install x")),
    (has_cell_ids, "missing", lambda lesson: lesson.cells[3].pop("id")),
    (has_cell_ids, "double", lambda lesson: lesson.cells[3].update(id="cell-4")),
    (has_the_kernel_python3, "none", lambda lesson: lesson.notebook["metadata"].clear()),
    (
        says_that_it_is_python_of_no_special_version,
        "name alone",
        lambda lesson: lesson.notebook["metadata"].update(language_info={"name": "python"}),
    ),
    (
        says_that_it_is_python_of_no_special_version,
        "version",
        lambda lesson: lesson.notebook["metadata"]["language_info"].update(version="3.11.7"),
    ),
    (
        asks_colab_for_a_gpu_where_it_gains,
        "without gain",
        lambda lesson: lesson.notebook["metadata"].update(accelerator="GPU"),
    ),
    (asks_colab_for_a_gpu_where_it_gains, "not", lambda lesson: setattr(lesson.entry, "gpu", True)),
    (has_links_that_resolve, "Markdown", rewrite(3, "word", "[word](99_none.ipynb#part)")),
    (has_links_that_resolve, "HTML", rewrite(3, "word", '<img src="none.png">')),
    (speaks_keras_3, "tf.keras", rewrite(4, "x = 1", "tf.keras.Model")),
    (
        loads_keras_only_in_its_section,
        "import",
        lambda lesson: (
            rewrite(4, "x = 1", "import keras")(lesson),
            rewrite(5, "## Section 1", "## The same in Keras")(lesson),
        ),
    ),
    (
        loads_keras_only_in_its_section,
        "through dlkit",
        lambda lesson: (
            rewrite(4, "x = 1", "from dlkit import data, models")(lesson),
            rewrite(5, "## Section 1", "## The same in Keras")(lesson),
        ),
    ),
    (was_run_from_top_to_bottom, "not", lambda lesson: lesson.code[3].update(execution_count=None)),
    (was_run_from_top_to_bottom, "again", lambda lesson: lesson.code[3].update(execution_count=99)),
    (has_no_stderr_and_no_error, "stderr", add_output(stream("oh", "stderr"))),
    (has_no_stderr_and_no_error, "error", add_output({"output_type": "error", "traceback": []})),
    (has_clean_outputs, "Linux path", add_output(stream("saved /home/ada/model.keras"))),
    (has_clean_outputs, "path first", add_output(stream("/srv/course/data"))),
    (has_clean_outputs, "Mac path", add_output(stream("('/Users/ada/x')"))),
    (has_clean_outputs, "Windows path", add_output(stream("C:\\Users\\ada"))),
    (has_clean_outputs, "in HTML", add_output({"output_type": "x", "data": {"text/html": "~/x"}})),
    (has_clean_outputs, "carriage return", add_output(stream("1 %\r2 %"))),
    (has_clean_outputs, "backspace", add_output(stream("1\b2"))),
    (has_clean_outputs, "tqdm", add_output(stream(" 50%|#####     | 1/2"))),
    (has_clean_outputs, "Keras's bar", add_output(stream("8/10 ━━━━━━━━ 0s 5ms/step"))),
    (has_clean_outputs, "log line", add_output(stream("2026-01-02 03:04:05.6 : I tensorflow"))),
    (has_clean_outputs, "C++ log line", add_output(stream("I0000 00:00:17 cpu_feature_guard"))),
    (has_clean_outputs, "warning", add_output(stream("x.py:3: UserWarning: no"))),
    (says_every_figure_in_words, "no words", rewrite(28, "**In words:**", "Look:")),
    (says_every_figure_in_words, "no cell", lambda lesson: lesson.cells.append(lesson.cells[27])),
    (tells_every_figure_to_those_who_cannot_see_it, "other words", rewrite(28, "rises", "falls")),
    (tells_every_figure_to_those_who_cannot_see_it, "no words", rewrite(28, "**In words:**", "")),
    (
        tells_every_figure_to_those_who_cannot_see_it,
        "no alt",
        lambda lesson: lesson.cells[27]["outputs"][0].pop("metadata"),
    ),
    (
        tells_every_figure_to_those_who_cannot_see_it,
        "one alt for two figures",
        lambda lesson: lesson.cells[27]["outputs"].append(image()),
    ),
    (shows_sharp_figures, "blurred", lambda lesson: of_the_figure(lesson).update(width=1281)),
    (shows_sharp_figures, "no width", lambda lesson: of_the_figure(lesson).pop("width")),
    (
        shows_sharp_figures,
        "sharp, and waits",
        lambda lesson: setattr(lesson.entry, "file", f"notebooks/{min(NOT_YET_SHARP)}.ipynb"),
    ),
    (has_cells_that_may_run_twice, "assigned", rewrite(6, "x = 1", "x = x / 255")),
    (has_cells_that_may_run_twice, "in place", rewrite(6, "x = 1", "x /= 255")),
    (has_cells_that_may_run_twice, "an element", rewrite(6, "x = 1", "x[0] += 1")),
    (has_cells_that_may_run_twice, "among others", rewrite(6, "x = 1", "y, x = 1, (x + 1, 2)")),
    (has_cells_that_may_run_twice, "by a detour", rewrite(6, "x = 1", "y = 2 * x\nx = y")),
    (has_cells_that_may_run_twice, "in a loop", rewrite(6, "x = 1", "for i in x:\n    x = i")),
    (has_cells_that_may_run_twice, "in a list", rewrite(6, "x = 1", "x = [y for y in x]")),
    (trains_from_the_start, "a model of another cell", rewrite(6, "x = 1", "model.fit(x)")),
    (trains_from_the_start, "with a history", rewrite(6, "x = 1", "history = model.fit(x)")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_accepts_the_good_lesson(rule):
    assert [*rule(good_lesson())] == []
    assert [*rule(published_lesson())] == []


@pytest.mark.parametrize(
    ("rule", "mutate"),
    [pytest.param(r, mutate, id=f"{r.__name__}-{name}") for r, name, mutate in MUTATIONS],
)
def test_rule_sees_the_bad_lesson(rule, mutate):
    lesson = copy.deepcopy(good_lesson())
    mutate(lesson)
    assert [*rule(lesson)]


def test_every_rule_is_broken_at_least_once():
    assert {rule for rule, _, _ in MUTATIONS} == set(RULES)


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/a/b/c",
        "12/13 correct, 3.5 m/s/s",
        "<td>a</td><td>b</td>",
        "┏━━━━━━━┳━━━━━━━┓",
        "data/mnist.npz",
        "5 % | 10 %",
        "accuracy 0.98 in 12 s",
    ],
)
def test_harmless_outputs_are_accepted(text):
    lesson = good_lesson()
    add_output(stream(text))(lesson)
    assert [*has_clean_outputs(lesson)] == []


def test_a_function_in_two_lessons_is_seen():
    first, second = good_lesson(), good_lesson()
    rewrite(4, "x = 1", "def double(x):\n    return 2 * x")(first)
    assert defined_twice([first, second]) == []
    rewrite(6, "x = 1", "def double(x):\n    return x + x")(second)
    second.entry.file = "notebooks/01_other.ipynb"
    assert len(defined_twice([first, second])) == 1


@pytest.mark.parametrize(
    "code",
    [
        "y = x / 255",
        "x = 1\nx = x + 1",
        "x = 0\nfor i in range(3):\n    x += i",
        "x = [x for x in range(3)]",
        "def double(x):\n    x = 2 * x\n    return x",
        "x = y = 1\nx[0] += y",
        "import x\nx = x.y",
        "with open(y) as x:\n    x = x.read()",
        "model = build()\nmodel.fit(x)",
        "model.set_weights(x)\nhistory = model.fit(x)",
        "def train(model):\n    model.fit(x)",
    ],
)
def test_cells_that_may_run_twice_are_accepted(code):
    lesson = good_lesson()
    rewrite(6, "x = 1\nprint(x)", code)(lesson)
    assert [*has_cells_that_may_run_twice(lesson), *trains_from_the_start(lesson)] == []
