"""Three lessons in the real JupyterLab, in a real browser, as a learner uses them.

One of NumPy with sliders, and one of Keras with the pad, stand for the others: each is run once.
`make browser` installs what this needs and runs it. Pictures of each lesson are left in
build/screenshots. The offline sample is used; DLKIT_BROWSER_DATA=real asks for the real data.
"""

import contextlib
import json
import os

import nbformat
import pytest
from helpers import browser
from helpers.waiting import wait_until

pytestmark = pytest.mark.browser
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 800, "height": 900}
GUESS, SLIDERS, PAD = (
    "00_start_here",
    "02_activations",
    "08_mnist_cnn",
)  # the lessons that have them
in_the_lesson_with_a_guess = pytest.mark.parametrize("lesson", [GUESS], indirect=True)
in_the_lesson_with_sliders = pytest.mark.parametrize("lesson", [SLIDERS], indirect=True)
in_the_lesson_with_the_pad = pytest.mark.parametrize("lesson", [PAD], indirect=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if missing := browser.what_is_missing():
        # `make browser` asks for the test: there, a skipped one would be a lie.
        (pytest.fail if os.environ.get("DLKIT_BROWSER_REQUIRED") else pytest.skip)(missing)
    with browser.make_lab(tmp_path_factory.mktemp("course")) as lab:
        yield lab


@pytest.fixture(scope="module")
def chromium(server):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = {"executable_path": browser.find_browser(), "args": browser.CHROMIUM_ARGS}
        found = playwright.chromium.launch(**options)
        yield found
        found.close()


@contextlib.contextmanager
def opened(stem, server, chromium):
    page = chromium.new_page(viewport=WIDE)
    yield browser.LessonPage(page, server, stem)
    page.close()
    server.end_kernels()


@pytest.fixture(scope="module", params=[GUESS, SLIDERS, PAD])
def lesson(request, server, chromium):
    """A lesson that has been run from top to bottom, for several tests."""
    with opened(request.param, server, chromium) as found:
        found.run_all()
        yield found


def committed_images(stem):
    """The number of images below each code cell of the committed notebook."""
    notebook = json.loads((browser.ROOT / "notebooks" / f"{stem}.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [sum("image/png" in out.get("data", {}) for out in cell["outputs"]) for cell in code]


def run_problems(lesson, images):
    """What is wrong with a run, in words: cells run in their turn, silently, and show `images`."""
    for number, (cell, count) in enumerate(zip(lesson.code_cells, images, strict=True), start=1):
        if cell["folded"] and not cell["outputs"]:  # it shows no number
            yield f"code cell {number} is folded and shows nothing"
        if not cell["folded"] and cell["prompt"] != f"[{number}]:":
            yield f"code cell {number} shows {cell['prompt']} as its number"
        if cell["images"] != count:
            yield f"code cell {number} shows {cell['images']} images, and {count} are committed"
        if cell["old"]:
            yield f"code cell {number} shows the output of an earlier run"
        yield from (f"code cell {number} wrote on stderr: {text}" for text in cell["stderr"])
    yield from (f"a script of the page failed: {error}" for error in lesson.errors)


def figure_problems(figures):
    """What is wrong with pictures, in words: dark ink can be seen on opaque white paper."""
    for number, figure in enumerate(figures, start=1):
        if not figure.evaluate("image => image.complete && image.naturalWidth"):
            yield f"figure {number} has not been loaded"
            continue
        paper, ratio = browser.contrast(browser.pixels(figure))
        if paper < 0.9:
            yield f"figure {number} is not on white paper: luminance {paper:.2f}"
        if ratio < 7:
            yield f"figure {number} is blank or faint: contrast {ratio:.1f}"


def text_problems(texts):
    for text in texts:
        _, ratio = browser.contrast(browser.pixels(text))
        if ratio < 4.5:
            yield f"hard to read, contrast {ratio:.1f}: {text.text_content()[:60]}"


# ---- Lessons from top to bottom --------------------------------------------------------------


def test_every_cell_runs_without_an_error_or_a_line_on_stderr(lesson):
    assert not [*run_problems(lesson, committed_images(lesson.stem))]


def test_figures_can_be_seen(lesson):
    assert not [*figure_problems(lesson.figures)]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=lambda size: str(size["width"]))
def test_nothing_is_cut_off(lesson, size):
    lesson.page.set_viewport_size(size)
    problems = lesson.cut_off()
    browser.bring_into_view(lesson.figures[-1])
    lesson.shoot(size["width"])
    lesson.page.set_viewport_size(WIDE)
    assert not problems


def test_figures_and_texts_can_be_read_in_the_dark_theme(lesson):
    with lesson.dark():
        browser.bring_into_view(lesson.figures[-1])
        lesson.shoot("dark")
        problems = [*figure_problems(lesson.figures), *text_problems(lesson.texts)]
    assert not problems


@in_the_lesson_with_a_guess
def test_a_guess_is_kept_and_shown_beside_the_result(lesson):
    lesson.go_to(lesson.cell("interactive.predict("))
    field = lesson.page.get_by_role("textbox", name="How many of 100 new digits")
    lesson.tab_to(field)
    lesson.page.keyboard.type("90")
    asked = lesson.page.locator(".dlkit-question", has=field)
    asked.get_by_role("status").filter(has_text="Kept").wait_for()
    with lesson.dark():
        browser.bring_into_view(asked)
        lesson.shoot("guess")
        assert not [*text_problems([field, *asked.locator("label, p").all()])]
    cell = lesson.go_to(lesson.cell("guess.reveal("))
    lesson.page.keyboard.press("Shift+Enter")
    cell.locator(".jp-OutputArea", has_text="You said 90; it came out as").wait_for()


def check_sliders(lesson, cell):
    """Tab reaches each slider; an arrow key changes the picture, and what is said of both."""
    picture = cell.locator(".jp-OutputArea img")
    lesson.go_to(cell)
    sliders = cell.get_by_role("slider").all()
    assert sliders
    for slider in sliders:
        lesson.tab_to(slider)
        before = [picture.get_attribute(name) for name in ("src", "alt")]
        spoken = slider.get_attribute("aria-valuetext")
        lesson.page.keyboard.press("ArrowRight")
        wait_until(lambda: picture.get_attribute("src") != before[0])  # noqa: B023
        assert picture.get_attribute("alt") not in ("", before[1])
        assert slider.get_attribute("aria-valuetext") not in ("", None, spoken)
    assert not [*figure_problems([picture])]
    lesson.shoot("sliders")


@in_the_lesson_with_sliders
def test_sliders_move_a_picture(lesson):
    check_sliders(lesson, lesson.cell("interactive.explore(draw_joints"))


ANSWERS = {  # of an exercise: the stub, a wrong answer, a right one
    SLIDERS: ("my_sigmoid_derivative(s)", "return s * (1 + s)", "return s * (1 - s)"),
    PAD: (
        "my_shuffle(images, seed)",
        "return images",
        "return images[:, np.random.default_rng(seed).permutation(28)]",
    ),
}


@pytest.mark.parametrize("lesson", ANSWERS, indirect=True)
def test_an_exercise_hears_wrong_and_right_answers_from_the_keyboard(lesson):
    stub, wrong, right = ANSWERS[lesson.stem]
    cell = lesson.cell(f"def {stub}")
    for answer, verdict in ((wrong, "✗ not yet"), (right, "✓ correct")):
        lesson.go_to(cell)
        for key in ("Enter", "Control+Home", "ArrowDown", "Home", "Shift+End"):
            lesson.page.keyboard.press(key)
        lesson.page.keyboard.type(answer)
        lesson.page.keyboard.press("Shift+Enter")
        panel = cell.locator(".jp-OutputArea", has_text=verdict)
        panel.wait_for()
        browser.bring_into_view(panel)
        lesson.shoot(verdict[2:].replace(" ", "-"))
        with lesson.dark():
            assert not [*text_problems(cell.locator(".jp-OutputArea-output").all())]


@in_the_lesson_with_sliders
def test_a_second_run_in_a_new_kernel_is_as_good(lesson):
    lesson.restart_and_run_all()
    assert not [*run_problems(lesson, committed_images(lesson.stem))]


# ---- The pad -----------------------------------------------------------------------------------

# Strokes as points (x, y) from 0 to 1, y downwards.
DIGITS = {
    "1": [[(0.55, 0.2), (0.5, 0.5), (0.45, 0.8)]],
    "7": [[(0.06, 0.2), (0.58, 0.2), (0.42, 0.5), (0.24, 0.9)]],
    "3": [
        [(0.3, 0.25), (0.5, 0.15), (0.68, 0.28), (0.62, 0.42), (0.45, 0.5)],
        [(0.45, 0.5), (0.66, 0.55), (0.72, 0.72), (0.52, 0.86), (0.28, 0.78)],
    ],
}
# The pen starts above the middle; these keys draw a 7, its stem in steps.
SEVEN = 15 * ["ArrowLeft"] + [" "] + 18 * ["ArrowRight"]
SEVEN += 12 * ["ArrowDown", "ArrowDown", "ArrowLeft"] + [" "]


@pytest.fixture
def pad(lesson):
    """The pad, with nothing on it."""
    found = lesson.page.locator(".dlkit-pad")
    found.locator(".dlkit-pad-clear").click()
    found.locator(".dlkit-pad-verdict", has_text="Draw a digit").wait_for()
    return found


def draw(paper, strokes):
    """Draw with the mouse on the pad's paper."""
    browser.bring_into_view(paper)
    box, mouse = paper.bounding_box(), paper.page.mouse
    for stroke in strokes:
        for number, (x, y) in enumerate(stroke):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
            if number == 0:
                mouse.down()
        mouse.up()


def check_reading(pad, digit):
    """The sentence and the longest bar both say this digit."""
    pad.locator(".dlkit-pad-verdict", has_text=f"It reads {digit},").wait_for()
    bars = [
        bar.evaluate("bar => ({...bar.dataset})") for bar in pad.locator(".dlkit-pad-bar").all()
    ]
    assert max(bars, key=lambda bar: float(bar["probability"]))["class"] == digit


@in_the_lesson_with_the_pad
def test_sliders_in_the_lesson_with_the_pad(lesson):
    check_sliders(lesson, lesson.cell("def draw_edges"))


@in_the_lesson_with_the_pad
@pytest.mark.parametrize("digit", DIGITS)
def test_the_pad_reads_a_digit_drawn_with_the_mouse(lesson, pad, digit):
    draw(pad.locator(".dlkit-pad-canvas"), DIGITS[digit])
    check_reading(pad, digit)
    lesson.shoot(f"pad-{digit}")


@in_the_lesson_with_the_pad
def test_the_pad_reads_a_digit_drawn_with_the_keyboard(lesson, pad):
    lesson.go_to(lesson.cell("interactive.pad("))
    lesson.tab_to(pad.locator(".dlkit-pad-canvas"))
    for key in SEVEN:
        lesson.page.keyboard.press(key)
    check_reading(pad, "7")
    lesson.shoot("pad-keyboard")
    lesson.page.keyboard.press("Delete")
    nothing = pad.locator(".dlkit-pad-verdict", has_text="Draw a digit")
    nothing.wait_for()
    for button_key in (" ", "Enter"):  # on "Clear", the next place where Tab stops
        lesson.tab_to(pad.locator(".dlkit-pad-canvas"), key="Shift+Tab")
        for key in [" ", *5 * ["ArrowUp"], " "]:
            lesson.page.keyboard.press(key)
        pad.locator(".dlkit-pad-verdict", has_text="It reads").wait_for()
        lesson.page.keyboard.press("Tab")
        lesson.page.keyboard.press(button_key)
        nothing.wait_for()


def layout_problems(pad):
    """What is wrong with the pad's layout: bars stand beside the paper, numbers are not broken."""
    paper = pad.locator(".dlkit-pad-canvas").bounding_box()
    for bar in pad.locator(".dlkit-pad-bar").all():
        box, percent = bar.bounding_box(), bar.locator(".dlkit-pad-percent")
        if box["x"] < paper["x"] + paper["width"] or box["y"] > paper["y"] + 2 * paper["height"]:
            yield f"not beside the paper: the bar {bar.text_content()}"
        if percent.bounding_box()["height"] > box["height"]:
            yield f"broken over lines: {percent.text_content()}"


@in_the_lesson_with_the_pad
def test_the_pad_fits_and_can_be_read_in_the_dark_theme(lesson, pad):
    paper = pad.locator(".dlkit-pad-canvas")
    draw(paper, DIGITS["3"])
    check_reading(pad, "3")
    with lesson.dark():
        browser.bring_into_view(pad)
        lesson.shoot("pad-dark")
        assert not [
            *text_problems([paper, *pad.locator(":is(p, button, .dlkit-pad-bar):visible").all()])
        ]
    lesson.page.set_viewport_size(NARROW)
    problems = [*lesson.cut_off(), *layout_problems(pad)]
    browser.bring_into_view(pad)
    lesson.shoot("pad-800")
    lesson.page.set_viewport_size(WIDE)
    assert not problems
    assert not lesson.errors


# ---- The checks can fail ---------------------------------------------------------------------

START = "import os, sys, time\nimport matplotlib.pyplot as plt\nfrom IPython.display import HTML"
HIDDEN = f'<div style="overflow: hidden; white-space: nowrap">{"much too long, " * 20}</div>'
WIDE_SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='3000' height='9'/>"
WIDE_IMAGE = f'<img style="max-width: none" src="data:image/svg+xml,{WIDE_SVG}">'
FAULTY = [  # cells, and what must be said of them
    ("print('oh', file=sys.stderr)", "code cell 2 wrote on stderr: oh"),
    # The kernel hears of this by a pipe: the cell lasts until it has been read.
    ("os.write(2, b'from C++\\n')\ntime.sleep(3)", "code cell 3 wrote on stderr: from C++"),
    ("plt.plot([1]);", "code cell 4 shows 1 images, and 0 are committed"),
    ("plt.figure();", "figure 2 is blank or faint: contrast 1.0"),
    ("plt.figure(facecolor='none').subplots().axis('off');", "figure 3 is not on white paper"),
    (f"HTML({HIDDEN!r})", "cuts off its content"),
    (f"HTML({WIDE_IMAGE!r})", "IMG  ends too far right"),
    ("HTML('<p style=\"color: #333\">dark ink</p>')", "hard to read, contrast"),
    ("1 / 0", "code cell 10 wrote on stderr: ----"),
    ("print('never')", "code cell 11 shows [ ]: as its number"),
    ("# folded\nprint('never')", "code cell 12 is folded and shows nothing"),
]


def test_the_checks_see_what_is_wrong(server, chromium):
    cells = [START, *(source for source, _ in FAULTY)]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    notebook.cells[-1].metadata.jupyter = {"source_hidden": True}
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server.folder / "my_lessons" / "faulty.ipynb")
    with opened("faulty", server, chromium) as lesson:
        lesson.run_all()
        found = [*run_problems(lesson, len(cells) * [0]), *lesson.cut_off()]
        with lesson.dark():
            found += [*figure_problems(lesson.figures), *text_problems(lesson.texts)]
    for source, expected in FAULTY:
        assert any(expected in problem for problem in found), (source, found)
