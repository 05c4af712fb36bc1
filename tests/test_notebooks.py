"""The form of a lesson: every rule on every notebook, and every rule on a notebook that breaks it.

A rule is a function that takes a lesson and yields what is wrong with it, in words. That the
lessons run is nbval's business, not this file's.
"""

import base64
import copy
import functools
import itertools
import json
import math
import re
import statistics
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
import stamps

ROOT = Path(__file__).resolve().parents[1]
COURSE_TOML = tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))
COURSE, PUBLISH = COURSE_TOML["lesson"], COURSE_TOML["publish"]
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
LABELS = ["Time", "Data", "Before this", "Afterwards you can"]
LAST_SECTIONS = ["Exercises", "What to remember", "Sources", "Next"]
MAX_BYTES = 600_000


@dataclass
class Lesson:
    """An entry of course.toml, its notebook as JSON holds it, and where the course is published."""

    entry: dict
    notebook: dict
    size: int = 0
    setup: str = SETUP
    publish: dict = field(default_factory=PUBLISH.copy)

    @property
    def cells(self):
        return self.notebook["cells"]

    @property
    def code(self):
        return [cell for cell in self.cells if cell["cell_type"] == "code"]

    @property
    def markdown(self):
        return [cell for cell in self.cells if cell["cell_type"] == "markdown"]


@functools.cache
def read(file):
    path = ROOT / file
    entry = next(lesson for lesson in COURSE if lesson["file"] == file)
    return Lesson(entry, json.loads(path.read_text(encoding="utf-8")), path.stat().st_size)


def source(cell):
    return "".join(cell["source"])


def lines(cell):
    """The number of lines that are not blank."""
    return sum(1 for line in source(cell).splitlines() if line.strip())


def texts(lesson):
    """Every (number of the cell, text) among the outputs, images left out."""
    for number, cell in enumerate(lesson.cells):
        for output in cell.get("outputs", []):
            found = [output.get("text", ""), output.get("traceback", "")]
            data = output.get("data", {})
            found += [text for mime, text in data.items() if not mime.startswith("image/")]
            for text in found:
                yield number, "".join(text) if isinstance(text, list) else str(text)


def has_image(cell):
    data = (output.get("data", {}) for output in cell.get("outputs", []))
    return any(mime.startswith("image/") for found in data for mime in found)


def sections(lesson):
    """The `##` headings, in order, outside of code fences."""
    prose = re.sub(r"```.*?```", "", "\n".join(map(source, lesson.markdown)), flags=re.DOTALL)
    return re.findall(r"^## +(.+?) *$", prose, flags=re.MULTILINE)


# ---- The skeleton ----------------------------------------------------------------------------


def starts_with_title_promise_and_facts(lesson):
    blocks = re.split(r"\n\s*\n", source(lesson.cells[0]).strip())
    number = Path(lesson.entry["file"]).name[:2]
    title = f"# {number} · {lesson.entry['title']}"
    if lesson.cells[0]["cell_type"] != "markdown" or blocks[0] != title:
        yield f"the first cell must be text and start with {title!r}; found {blocks[0]!r}"
    if row := stamps.badges(lesson.entry["file"], **lesson.publish):
        if blocks[1] != row:
            yield "below the title must stand the badges that `make publish` writes"
        del blocks[1]
    if len(blocks) != 3:
        yield "the first cell must hold the title, one sentence of promise, and one list"
        return
    if not re.fullmatch(r"[^.!?]+(?:[.!?]\S[^.!?]*)*[.!?]", blocks[1]):
        yield f"the promise must be one sentence; found {blocks[1]!r}"
    labels = re.findall(r"^- \*\*(.+?):\*\* ", blocks[2], flags=re.MULTILINE)
    if labels != LABELS:
        yield f"the list must have the labels {LABELS}; found {labels}"
    minutes = lesson.entry["minutes"]
    if not re.search(rf"\*\*Time:\*\*.*\b{minutes} minute", blocks[2]):
        yield f"**Time:** must say '{minutes} minute(s)', as course.toml does"


def first_code_cell_is_the_setup_cell(lesson):
    if source(lesson.code[0]).rstrip("\n") != lesson.setup:
        yield "the first code cell must be the text of tools/setup_cell.py"


def second_code_cell_seeds(lesson):
    if not re.search(r"\b(set_random_seed|default_rng)\(", source(lesson.code[1])):
        yield "the second code cell must set the seed: set_random_seed(…) or default_rng(…)"


def ends_with_the_four_sections(lesson):
    found = sections(lesson)
    if found[-4:] != LAST_SECTIONS or len(found) < 6:
        yield f"sections must be the lesson's own and then {LAST_SECTIONS}; found {found}"


# ---- The limits ------------------------------------------------------------------------------


def has_30_to_60_cells(lesson):
    if not 30 <= len(lesson.cells) <= 60:
        yield f"{len(lesson.cells)} cells; expected 30 to 60"


def has_short_code_cells(lesson):
    lengths = sorted(map(lines, lesson.code))
    median, tenth = statistics.median(lengths), lengths[math.ceil(0.9 * len(lengths)) - 1]
    if median > 6:
        yield f"the median code cell has {median:g} lines; expected 6 at most"
    if tenth > 15:
        yield f"a tenth of the code cells have {tenth} lines or more; expected 15 at most"
    if lengths[-1] > 25:
        yield f"the longest code cell has {lengths[-1]} lines; expected 25 at most"


def has_4_to_10_words_per_line_of_code(lesson):
    words = sum(len(source(cell).split()) for cell in lesson.markdown)
    ratio = words / sum(map(lines, lesson.code))
    if not 4 <= ratio <= 10:
        yield f"{ratio:.1f} words of prose per line of code; expected 4 to 10"


def installs_nothing_by_itself(lesson):
    for number, cell in enumerate(lesson.code[1:], start=2):
        if re.search(r"\bpip\b", source(cell)):
            yield f"code cell {number} speaks of pip: only the setup cell may"


def is_600_kb_at_most(lesson):
    if lesson.size > MAX_BYTES:
        yield f"{lesson.size / 1000:.0f} kB; expected {MAX_BYTES / 1000:.0f} kB at most"


# ---- The file --------------------------------------------------------------------------------


def has_cell_ids(lesson):
    ids = [cell.get("id") for cell in lesson.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "every cell needs an id of its own (nbformat 4.5)"


def has_the_kernel_python3(lesson):
    name = lesson.notebook["metadata"].get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"the kernelspec must be python3; found {name!r}"


def asks_colab_for_a_gpu_where_it_gains(lesson):
    gpu = lesson.entry.get("gpu", False)
    colab = {"provenance": [], "toc_visible": True} | ({"gpuType": "T4"} if gpu else {})
    wanted = {"colab": colab} | ({"accelerator": "GPU"} if gpu else {})
    metadata = lesson.notebook["metadata"]
    found = {key: metadata[key] for key in ("accelerator", "colab") if key in metadata}
    if found != wanted:
        yield f"metadata must hold {wanted}; found {found}: tools/notebooks.py stamp writes it"


def has_links_that_resolve(lesson):
    for cell in lesson.markdown:
        for target in links(source(cell)):
            if not (ROOT / lesson.entry["file"]).parent.joinpath(target).exists():
                yield f"the link to {target} leads nowhere"


def links(text):
    """The relative targets of Markdown and HTML links, without their anchors."""
    found = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(r'\b(?:href|src)="([^"]+)"', text)
    paths = [target.split("#")[0] for target in found if not re.match(r"[a-z]+:", target)]
    return [path for path in paths if path]


def speaks_keras_3(lesson):
    for number, cell in enumerate(lesson.code, start=1):
        if "tf.keras" in source(cell) or "tensorflow.keras" in source(cell):
            yield f"code cell {number} uses tf.keras: write keras"


LOADS_KERAS = (
    r"^ *(import|from) +(keras|tensorflow)\b|start_keras|"
    r"from dlkit(\.| import .*)\b(models|training|interpret)\b"
)


def loads_keras_only_in_its_section(lesson):
    """Of a lesson that builds by hand first, and then shows the same in Keras."""
    for number, cell in enumerate(lesson.cells):
        if "## The same in Keras" in source(cell) and cell["cell_type"] == "markdown":
            before = [source(c) for c in lesson.cells[:number] if c["cell_type"] == "code"]
            if any(re.search(LOADS_KERAS, code, flags=re.MULTILINE) for code in before):
                yield "Keras is loaded before the section 'The same in Keras'"


# ---- The committed outputs -------------------------------------------------------------------


def was_run_from_top_to_bottom(lesson):
    counts = [cell.get("execution_count") for cell in lesson.code]
    if counts != [*range(1, len(counts) + 1)]:
        yield f"execution counts must be 1, 2, 3, …; found {counts}"


def has_no_stderr_and_no_error(lesson):
    for number, cell in enumerate(lesson.cells):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error" or output.get("name") == "stderr":
                yield f"cell {number}: an error, or a line on stderr"


UNWANTED = {
    "a path of one machine": r"(?<![\w:/.~<-])/(?:[\w.-]+/)+[\w.-]+|\b[A-Z]:\\\w|~/\w",
    "a carriage return or a backspace": r"\r(?!\n)|\x08",
    "a progress bar": r"█|\d%\||\d+/\d+ +(?:━|\[=)",
    "a log line": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d|^[IWEF]\d{4} \d\d:\d\d:\d\d",
    "a warning": r"\bWARNING\b|\w*Warning\b",
}


def has_clean_outputs(lesson):
    for (number, text), (name, pattern) in itertools.product(texts(lesson), UNWANTED.items()):
        if found := re.search(pattern, text, flags=re.MULTILINE):
            yield f"cell {number}: {name} in the output: {found.group()!r}"


def says_every_figure_in_words(lesson):
    for number, cell in enumerate(lesson.cells):
        after = lesson.cells[number + 1] if number + 1 < len(lesson.cells) else {}
        in_words = after.get("cell_type") == "markdown" and "**In words:**" in source(after)
        if has_image(cell) and not in_words:
            yield f"cell {number} shows a figure: the next cell must say it (**In words:** …)"


def tells_every_figure_to_those_who_cannot_see_it(lesson):
    for number, cell in enumerate(lesson.cells):
        images = [out for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
        after = lesson.cells[number + 1] if number + 1 < len(lesson.cells) else {"source": ""}
        for output, wanted in zip(
            images, stamps.alt_texts(source(after), len(images)), strict=True
        ):
            found = output.get("metadata", {}).get("image/png", {}).get("alt")
            if not wanted or found != wanted:
                yield (
                    f"cell {number}: the figure's alt must be {wanted!r}, from **In words:**; "
                    f"found {found!r}: tools/notebooks.py stamp writes it"
                )


RULES = [
    starts_with_title_promise_and_facts,
    first_code_cell_is_the_setup_cell,
    second_code_cell_seeds,
    ends_with_the_four_sections,
    has_30_to_60_cells,
    has_short_code_cells,
    has_4_to_10_words_per_line_of_code,
    installs_nothing_by_itself,
    is_600_kb_at_most,
    has_cell_ids,
    has_the_kernel_python3,
    asks_colab_for_a_gpu_where_it_gains,
    has_links_that_resolve,
    speaks_keras_3,
    loads_keras_only_in_its_section,
    was_run_from_top_to_bottom,
    has_no_stderr_and_no_error,
    has_clean_outputs,
    says_every_figure_in_words,
    tells_every_figure_to_those_who_cannot_see_it,
]


def defined_twice(lessons):
    """The functions that two lessons define: one of them should import it, or name it better."""
    owners = {}
    for lesson in lessons:
        code = "\n".join(map(source, lesson.code[1:]))
        for name in re.findall(r"^\s*def (\w+)", code, flags=re.MULTILINE):
            owners.setdefault(name, set()).add(lesson.entry["file"])
    return [f"{name} in {sorted(files)}" for name, files in owners.items() if len(files) > 1]


# ---- The course ------------------------------------------------------------------------------

FILES = [lesson["file"] for lesson in COURSE]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("file", FILES, ids=lambda file: Path(file).stem)
def test_lesson(file, rule):
    problems = [*rule(read(file))]
    assert not problems, "\n".join([file, *problems])


def test_course_lists_every_notebook_once():
    there = [path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(FILES) == sorted(there)


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson["title"])
def test_prerequisites_are_earlier_lessons(lesson):
    assert set(lesson["prerequisites"]) <= set(FILES[: FILES.index(lesson["file"])])


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
    assert (ROOT / picture).read_bytes() in figures, "tools/notebooks.py execute makes it anew"


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson["title"])
def test_readme_lists_the_lesson(readme, lesson):
    rows = [row for row in readme.splitlines() if row.startswith("|") and lesson["file"] in row]
    assert len(rows) == 1, f"expected one row of a table with ({lesson['file']})"
    assert f"({lesson['file']})" in rows[0]
    assert lesson["title"] in rows[0]
    assert re.search(rf"\b{lesson['minutes']} min\b", rows[0])


# ---- Every rule can fail ---------------------------------------------------------------------


def good_lesson():
    """The smallest notebook that every rule accepts."""
    entry = {"file": "notebooks/00_good.ipynb", "title": "Good", "minutes": 2}
    facts = ["2 minutes", "none", "nothing", "tell good from bad"]
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
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": {"name": "python3"}}
    metadata["colab"] = {"provenance": [], "toc_visible": True}
    unpublished = {"repository": "", "ref": "main"}
    return Lesson(entry, {"cells": cells, "metadata": metadata}, publish=unpublished)


def published_lesson():
    """The good lesson, once the course has a public repository."""
    lesson = good_lesson()
    lesson.publish["repository"] = "ada/course"
    row = stamps.badges(lesson.entry["file"], "ada/course", "main")
    rewrite(0, "# 00 · Good\n\n", f"# 00 · Good\n\n{row}\n\n")(lesson)
    return lesson


def text_cell(text):
    return {"cell_type": "markdown", "source": text}


def code_cell(text, *outputs):
    return {"cell_type": "code", "source": text, "outputs": list(outputs)}


def image():
    data = {"image/png": "…", "text/plain": "<Figure>"}
    metadata = {"image/png": {"alt": "A line that rises."}}
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


def lengthen(cells, count):
    for cell in cells:
        cell["source"] = "x = 1\n" * count


def change_all(cells, text):
    """A change of the text of every cell of a kind, the setup and the first cell left out."""

    def change(lesson):
        for cell in getattr(lesson, cells)[2:]:
            cell["source"] = text

    return change


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
        lambda lesson: lesson.publish.update(repository="ada/course"),
    ),
    (
        starts_with_title_promise_and_facts,
        "badges of another",
        lambda lesson: (
            lesson.cells[0].update(source=published_lesson().cells[0]["source"]),
            lesson.publish.update(repository="bob/course"),
        ),
    ),
    (first_code_cell_is_the_setup_cell, "changed", rewrite(1, "import sys", "import sys as s")),
    (second_code_cell_seeds, "no seed", rewrite(2, "set_random_seed", "seed_nothing")),
    (ends_with_the_four_sections, "a section more", rewrite(LAST, "## Next", "## Next\n\n## End")),
    (ends_with_the_four_sections, "misnamed", rewrite(LAST, "## Next", "## Outlook")),
    (ends_with_the_four_sections, "only fenced", rewrite(LAST, "## Next", "```\n## Next\n```")),
    (has_30_to_60_cells, "few", lambda lesson: lesson.cells.__delitem__(slice(4))),
    (has_30_to_60_cells, "many", lambda lesson: lesson.cells.extend(lesson.cells[:30])),
    (has_short_code_cells, "median", change_all("code", "x = 1\n" * 7)),
    (has_short_code_cells, "a tenth", lambda lesson: lengthen(lesson.code[2:4], 16)),
    (has_short_code_cells, "longest", rewrite(4, "x = 1\n", "x = 1\n" * 26)),
    (has_4_to_10_words_per_line_of_code, "few", change_all("markdown", "word")),
    (has_4_to_10_words_per_line_of_code, "many", change_all("markdown", "word " * 60)),
    (installs_nothing_by_itself, "pip", rewrite(4, "x = 1", "%pip install x")),
    (is_600_kb_at_most, "size", lambda lesson: setattr(lesson, "size", 600_001)),
    (has_cell_ids, "missing", lambda lesson: lesson.cells[3].pop("id")),
    (has_cell_ids, "double", lambda lesson: lesson.cells[3].update(id="cell-4")),
    (has_the_kernel_python3, "none", lambda lesson: lesson.notebook["metadata"].clear()),
    (
        asks_colab_for_a_gpu_where_it_gains,
        "without gain",
        lambda lesson: lesson.notebook["metadata"].update(accelerator="GPU"),
    ),
    (asks_colab_for_a_gpu_where_it_gains, "not", lambda lesson: lesson.entry.update(gpu=True)),
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
    second.entry["file"] = "notebooks/01_other.ipynb"
    assert len(defined_twice([first, second])) == 1
