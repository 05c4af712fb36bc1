"""The rules that the form of a lesson must keep.

A rule is a function that takes a lesson and yields what is wrong with it, in words.
``tests/lessons/test_notebooks.py`` holds every lesson to them, and breaks each of them once.
"""

import ast
import base64
import functools
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import course
import nbformat

from helpers import ROOT

COURSE = course.read()
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
LABELS = ["Time", "Data", "Before this", "Afterwards you can"]
LAST_SECTIONS = ["Exercises", "What to remember", "Sources", "Next"]
MAX_BYTES = 2_000_000


@dataclass
class Lesson:
    """An entry of course.toml, its notebook as JSON holds it, and where the course is published."""

    entry: course.Lesson
    notebook: dict
    size: int = 0
    setup: str = SETUP
    repository: str = COURSE.repository
    ref: str = COURSE.ref

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
    (entry,) = COURSE.choose([file])
    return Lesson(entry, json.loads(path.read_text(encoding="utf-8")), path.stat().st_size)


def source(cell):
    return "".join(cell["source"])


def lines(cell):
    """The number of lines that are not blank."""
    return sum(1 for line in source(cell).splitlines() if line.strip())


def texts(lesson):
    """Every (number of the cell, text) among the outputs; images and sounds left out."""
    for number, cell in enumerate(lesson.cells):
        for output in cell.get("outputs", []):
            found = [output.get("text", ""), output.get("traceback", "")]
            data = output.get("data", {})
            found += [text for mime, text in data.items() if not mime.startswith("image/")]
            for text in found:
                whole = "".join(text) if isinstance(text, list) else str(text)
                yield number, re.sub(r"data:audio/\w+;base64,[\w+/=]+", "", whole)


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
    title = f"# {Path(lesson.entry.file).name[:2]} · {lesson.entry.title}"
    if lesson.cells[0]["cell_type"] != "markdown" or blocks[0] != title:
        yield f"the first cell must be text and start with {title!r}; found {blocks[0]!r}"
    if row := course.badges(lesson.entry.file, lesson.repository, lesson.ref):
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
    plain = [{"metadata": {}} | cell | {"source": source(cell)} for cell in lesson.cells]
    time = course.time_needed(nbformat.from_dict({"cells": plain}), lesson.entry)
    if f"- **Time:** {time}" not in blocks[2].splitlines():
        yield f"**Time:** must say {time!r}: tools/course.py stamp writes it"


def first_code_cell_is_the_setup_cell(lesson):
    if source(lesson.code[0]).rstrip("\n") != lesson.setup:
        yield "the first code cell must be the text of tools/setup_cell.py"
    if not lesson.code[0].get("metadata", {}).get("jupyter", {}).get("source_hidden"):
        yield "the first code cell must be folded: tools/course.py stamp does it"


def second_code_cell_seeds(lesson):
    if not re.search(r"\b(set_random_seed|default_rng)\(", source(lesson.code[1])):
        yield "the second code cell must set the seed: set_random_seed(…) or default_rng(…)"


def ends_with_the_four_sections(lesson):
    found = sections(lesson)
    if found[-4:] != LAST_SECTIONS or len(found) < 6:
        yield f"sections must be the lesson's own and then {LAST_SECTIONS}; found {found}"


# ---- Gross accidents: no other length or size is a rule --------------------------------------


def has_no_code_cell_over_30_lines(lesson):
    for number, cell in enumerate(lesson.code, start=1):
        if lines(cell) > 30:
            yield f"code cell {number} has {lines(cell)} lines; expected 30 at most"


def is_2_mb_at_most(lesson):
    if lesson.size > MAX_BYTES:
        yield f"{lesson.size / 1e6:.1f} MB; expected {MAX_BYTES / 1e6:.0f} MB at most"


def installs_nothing_by_itself(lesson):
    for number, cell in enumerate(lesson.code[1:], start=2):
        if re.search(r"\bpip\b", source(cell)):
            yield f"code cell {number} speaks of pip: only the setup cell may"


# ---- The file --------------------------------------------------------------------------------


def has_cell_ids(lesson):
    ids = [cell.get("id") for cell in lesson.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "every cell needs an id of its own (nbformat 4.5)"


def has_the_kernel_python3(lesson):
    name = lesson.notebook["metadata"].get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"the kernelspec must be python3; found {name!r}"


LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
LANGUAGE |= {"nbconvert_exporter": "python", "pygments_lexer": "ipython3"}
LANGUAGE |= {"codemirror_mode": {"name": "ipython", "version": 3}}


def says_that_it_is_python_of_no_special_version(lesson):
    found = lesson.notebook["metadata"].get("language_info")
    if found != LANGUAGE:
        yield f"language_info must be {LANGUAGE}; found {found}: tools/course.py stamp writes it"


def asks_colab_for_a_gpu_where_it_gains(lesson):
    gpu = lesson.entry.gpu
    colab = {"provenance": [], "toc_visible": True} | ({"gpuType": "T4"} if gpu else {})
    wanted = {"colab": colab} | ({"accelerator": "GPU"} if gpu else {})
    metadata = lesson.notebook["metadata"]
    found = {key: metadata[key] for key in ("accelerator", "colab") if key in metadata}
    if found != wanted:
        yield f"metadata must hold {wanted}; found {found}: tools/course.py stamp writes it"


def has_links_that_resolve(lesson):
    for cell in lesson.markdown:
        for target in links(source(cell)):
            if not (ROOT / lesson.entry.file).parent.joinpath(target).exists():
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
        in_words = after.get("cell_type") == "markdown" and course.alt_texts(source(after), 1)[0]
        if has_image(cell) and not in_words:
            yield (
                f"cell {number} shows a figure: the next cell must say it "
                "(<details><summary>In words</summary> …)"
            )


def tells_every_figure_to_those_who_cannot_see_it(lesson):
    for number, cell in enumerate(lesson.cells):
        images = [out for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
        after = lesson.cells[number + 1] if number + 1 < len(lesson.cells) else {"source": ""}
        for output, wanted in zip(
            images, course.alt_texts(source(after), len(images)), strict=True
        ):
            found = output.get("metadata", {}).get("image/png", {}).get("alt")
            if not wanted or found != wanted:
                yield (
                    f"cell {number}: the figure's alt must be {wanted!r}, its words; "
                    f"found {found!r}: tools/course.py stamp writes it"
                )


# Lessons that have not been executed since figures have 200 dots per inch: none may be added, and a
# lesson leaves the list when it is executed.
NOT_YET_SHARP = {
    "09_overfitting",
    "11_optimizers",
    "12_cifar10_cnn",
    "22_speed_and_gpus",
    "23_scaling_out",
}


def shows_sharp_figures(lesson):
    """Each figure has twice the pixels of its place on the page, as matplotlib's retina has."""
    waits = lesson.entry.name in NOT_YET_SHARP
    blurred = [*blurred_figures(lesson)]
    if waits and not blurred:
        yield f"all figures are sharp: take {lesson.entry.name} out of NOT_YET_SHARP"
    if not waits:
        yield from blurred


def blurred_figures(lesson):
    for number, cell in enumerate(lesson.cells):
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                pixels = int.from_bytes(base64.b64decode("".join(png))[16:20], "big")
                width = output.get("metadata", {}).get("image/png", {}).get("width")
                if width != pixels // 2:
                    yield (
                        f"cell {number}: a figure of {pixels} pixels is {width} wide; expected "
                        f"{pixels // 2}: tools/run.py execute makes it anew"
                    )


# ---- A cell may run twice --------------------------------------------------------------------


class NamesInOrder(ast.NodeVisitor):
    """Which names code binds, and which it reads before it binds them; functions' bodies aside."""

    def __init__(self, code):
        self.bound, self.read_first = set(), set()
        self.visit(ast.parse(code))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif node.id not in self.bound:
            self.read_first.add(node.id)

    def visit_alias(self, node):
        self.bound.add((node.asname or node.name).split(".")[0])

    def visit_FunctionDef(self, node):
        self.bound.add(node.name)

    visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node):
        pass

    def visit_Assign(self, node):
        self._in_turn(node.value, *node.targets)

    def visit_NamedExpr(self, node):
        self._in_turn(node.value, node.target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        target = node.target
        while not isinstance(target, ast.Name):  # a[i].b += 1 changes a
            target = target.value
        if target.id not in self.bound:
            self.read_first.add(target.id)
        self.bound.add(target.id)

    def visit_For(self, node):
        self._in_turn(node.iter, node.target, *node.body, *node.orelse)

    def visit_ListComp(self, node):
        before = set(self.bound)
        for loop in node.generators:
            self._in_turn(loop.iter, loop.target, *loop.ifs)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._in_turn(*results)
        self.bound = before  # its names are its own

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def _in_turn(self, *nodes):
        for node in nodes:
            self.visit(node)


def has_cells_that_may_run_twice(lesson):
    """No cell reads a name and then gives it another value: `x = x / 255` divides twice."""
    for cell in lesson.code:
        names = NamesInOrder(source(cell))
        for name in sorted(names.read_first & names.bound):
            yield f"cell {cell.get('id')} reads {name} and then changes it: give it a new name"


def trains_from_the_start(lesson):
    """A cell that fits a model builds it or sets its weights, so that a second run is no longer."""
    for cell in lesson.code:
        bound = NamesInOrder(source(cell)).bound
        for name in re.findall(r"^(?:\w+ = )?(\w+)\.fit\(", source(cell), flags=re.MULTILINE):
            if name not in bound and f"{name}.set_weights(" not in source(cell):
                yield f"cell {cell.get('id')} goes on training {name} when it runs twice"


RULES = [
    starts_with_title_promise_and_facts,
    first_code_cell_is_the_setup_cell,
    second_code_cell_seeds,
    ends_with_the_four_sections,
    has_no_code_cell_over_30_lines,
    is_2_mb_at_most,
    installs_nothing_by_itself,
    has_cell_ids,
    has_the_kernel_python3,
    says_that_it_is_python_of_no_special_version,
    asks_colab_for_a_gpu_where_it_gains,
    has_links_that_resolve,
    speaks_keras_3,
    loads_keras_only_in_its_section,
    was_run_from_top_to_bottom,
    has_no_stderr_and_no_error,
    has_clean_outputs,
    says_every_figure_in_words,
    tells_every_figure_to_those_who_cannot_see_it,
    shows_sharp_figures,
    has_cells_that_may_run_twice,
    trains_from_the_start,
]


def defined_twice(lessons):
    """The functions that two lessons define: one of them should import it, or name it better."""
    owners = {}
    for lesson in lessons:
        code = "\n".join(map(source, lesson.code[1:]))
        for name in re.findall(r"^def (\w+)", code, flags=re.MULTILINE):  # a class's are its own
            owners.setdefault(name, set()).add(lesson.entry.file)
    return [f"{name} in {sorted(files)}" for name, files in owners.items() if len(files) > 1]
