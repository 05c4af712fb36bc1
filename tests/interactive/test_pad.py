"""Drawings brought into MNIST's form, the pad's Python side, and the figure in its place."""

import shutil
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from scipy.ndimage import center_of_mass

from dlkit import data, interactive
from dlkit.interactive import EXAMPLES, as_mnist, render
from dlkit.interactive._widget import Pad, Sliders

CLASSES = [str(digit) for digit in range(10)]


@pytest.fixture(scope="module")
def mnist():
    """Real MNIST where the machine has it, else the sample, which has MNIST's form too."""
    return data.load_mnist()


def enlarged(image, factor, canvas=500, shift=(0, 0)):
    """The image, each pixel a block, somewhere on a large black canvas."""
    large = np.kron(image, np.ones((factor, factor), np.uint8))
    field = np.zeros((canvas, canvas), np.uint8)
    field[shift[0] : shift[0] + len(large), shift[1] : shift[1] + len(large)] = large
    return field


# ---- MNIST's form ----------------------------------------------------------------------------


def test_mnists_own_digits_stay_as_they_are(mnist):
    """An oracle: what MNIST's authors made is already in MNIST's form."""
    changed = [image for image in mnist.val.x[:300] if not np.array_equal(as_mnist(image), image)]
    assert len(changed) <= 3  # in MNIST, a few have a box of 19, or ink that is barely there


@pytest.mark.parametrize("factor", [3, 7, 10])
def test_an_enlarged_and_shifted_digit_comes_back(mnist, factor):
    rng = np.random.default_rng(factor)
    differences = []
    for image in mnist.val.x[:60]:
        shift = rng.integers(0, 500 - 28 * factor, size=2)
        back = as_mnist(enlarged(image, factor, shift=shift))
        differences.append(np.abs(back.astype(int) - image).mean())
    assert np.median(differences) == 0 and np.mean(differences) < 1


def test_a_digit_enlarged_by_a_broken_number_is_still_nearest_to_itself(mnist):
    known = mnist.val.x[:200].astype(float)
    for number, image in enumerate(mnist.val.x[:50]):
        large = Image.fromarray(image).resize((173, 173), Image.Resampling.NEAREST)
        difference = as_mnist(large) - known
        assert np.argmin((difference**2).sum(axis=(1, 2))) == number
        assert np.abs(difference[number]).mean() < 16


@pytest.mark.parametrize("digit", EXAMPLES)
def test_drawings_fill_a_box_of_20_and_are_centred_by_mass(digit):
    image = as_mnist(render(EXAMPLES[digit]))
    assert image.shape == (28, 28) and image.dtype == np.uint8
    sides = [np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for axis in (0, 1)]
    assert max(sides) == 20
    # MNIST's centres of mass lie within half a pixel of (14, 14), as measured on its digits.
    assert np.abs(np.subtract(center_of_mass(image), 14)).max() <= 0.5


def test_where_and_how_large_it_was_drawn_does_not_matter():
    image = np.zeros((600, 800), np.uint8)
    rng = np.random.default_rng(0)
    image[100:140, 200:220] = rng.integers(0, 2, (40, 20)) * 255
    image[100, 200] = image[139, 219] = 255
    moved, larger = np.roll(image, (300, 500), axis=(0, 1)), np.kron(image, np.ones((3, 3)))
    assert_array_equal(as_mnist(moved), as_mnist(image))
    assert_array_equal(as_mnist(larger.astype(np.uint8)), as_mnist(image))


@pytest.mark.parametrize("turns", range(4))
def test_lopsided_ink_stops_at_the_rim(turns):
    image = np.zeros((200, 200), np.uint8)
    image[:10, :] = 255  # a thin handle of 200 …
    image[:200, :60] = 255  # … and nearly all the mass at one side
    image = np.rot90(image, turns)
    form = as_mnist(image)
    assert abs(form.sum() / 255 - (image > 0).sum() / 100) < 1  # 200 pixels became 20
    assert max(np.ptp(np.flatnonzero(form.any(axis=axis))) + 1 for axis in (0, 1)) == 20


def test_a_dot_and_a_line_become_large():
    dot = np.zeros((50, 50), np.uint8)
    dot[3, 4] = 255
    assert (as_mnist(dot) == 255).sum() == 20 * 20
    line = np.zeros((300, 300), np.uint8)
    line[10:290, 7] = 255
    rows, columns = np.nonzero(as_mnist(line))
    assert set(columns) == {14} and len(rows) == 20


def test_a_new_pixel_is_the_mean_of_what_it_covers():
    stripes = np.zeros((200, 200), np.uint8)
    stripes[::2] = stripes[199] = 255
    form = as_mnist(stripes)[4:23, 4:24]
    assert set(np.unique(form)) <= {127, 128}


def test_floats_integers_and_booleans_agree():
    image = render(EXAMPLES[4])
    for same in (image / 255, (image / 255).astype(np.float32), image.astype(int), image > 0):
        assert_array_equal(as_mnist(same), as_mnist(image))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((28, 28)), "no ink"),
        (np.zeros((0, 5)), "no ink"),
        (np.ones((28, 28, 1)), r"shape \(28, 28, 1\)"),
        (np.ones(28), r"shape \(28,\)"),
        (np.full((9, 9), 1.5), "from 1.5 to 1.5"),
        (np.full((9, 9), 256), "from 256"),
        (np.full((9, 9), -1), "from -1"),
        (np.full((9, 9), np.nan), "from nan"),
        (np.full((9, 9), 1j), "complex"),
        (np.full((9, 9), "ink"), "expected integers or floats"),
    ],
)
def test_what_is_no_drawing_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        as_mnist(image)


# ---- Strokes ---------------------------------------------------------------------------------


def test_a_stroke_is_as_long_and_thick_as_it_should_be():
    image = render([[(0.2, 0.5), (0.8, 0.5)]], size=200, pen=0.1)
    rows, columns = np.nonzero(image)
    assert abs(np.ptp(rows) + 1 - 20) <= 1
    assert abs(np.ptp(columns) + 1 - (0.6 * 199 + 20)) <= 2
    assert render([[(0.5, 0.5)]], size=200, pen=0.1).sum() / 255 == pytest.approx(314, rel=0.1)
    assert not render([]).any()


@pytest.mark.parametrize("stroke", [[], [(0.1, 0.2, 0.3)], [(0.5, 1.2)], [(np.nan, 0)], 3])
def test_what_is_no_stroke_is_refused(stroke):
    with pytest.raises(ValueError, match="no list of points"):
        render([stroke])


# ---- The pad's Python side -------------------------------------------------------------------


def three(images):
    """A network that is 90 % sure of 3, whatever it sees."""
    assert images.shape == (1, 28, 28, 1) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() == 1
    return np.where(np.arange(10) == 3, 0.91, 0.01)[None]


def test_strokes_in_probabilities_out():
    pad = Pad(three, CLASSES, 280)
    assert (pad.seen, pad.probabilities, pad.verdict) == ([], [], "")
    pad.strokes = EXAMPLES[3]
    assert_array_equal(np.reshape(pad.seen, (28, 28)), as_mnist(render(EXAMPLES[3])))
    assert pad.probabilities[3] == 0.91 and len(pad.probabilities) == 10
    assert pad.percents[2:4] == ["1 %", "91 %"]
    assert (pad.verdict, pad.error) == ("It reads 3, 91 %", "")
    pad.strokes = []
    assert (pad.seen, pad.probabilities, pad.percents) == ([], [], [])
    assert (pad.verdict, pad.error) == ("", "")


def test_one_message_to_the_page_for_each_drawing(monkeypatch):
    pad, sent = Pad(three, CLASSES, 280), []
    monkeypatch.setattr(pad, "send_state", lambda keys: sent.append(set(keys)))
    pad.set_state({"strokes": EXAMPLES[3]})  # as it arrives from the page
    assert sent == [{"seen", "probabilities", "percents", "verdict"}]


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda images: 1 / 0, "ZeroDivisionError: division by zero"),
        (
            lambda images: np.zeros(10),
            r"ValueError: predict returned shape (10,); expected (1, 10)",
        ),
        (lambda images: np.arange(10.0)[None] - 5, "take the softmax first"),
        (lambda images: np.full((1, 10), np.nan), "expected probabilities"),
    ],
)
def test_an_error_shows_in_the_pad_and_goes_with_the_next_drawing(predict, message):
    pad = Pad(predict, CLASSES, 280)
    pad.strokes = EXAMPLES[7]
    assert message in pad.error and pad.verdict == ""
    pad._predict = three
    pad.strokes = EXAMPLES[8]
    assert pad.error == "" and pad.verdict == "It reads 3, 91 %"


def test_whatever_the_page_sends_is_answered():
    pad = Pad(three, CLASSES, 280)
    pad.set_state({"strokes": [[[0.5, 7]]]})
    assert "no list of points" in pad.error


# ---- Which of the two is shown ---------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What was displayed; no figure is open before or after."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    plt.close("all")
    yield displayed
    plt.close("all")


def test_a_learner_gets_the_pad(monkeypatch, shown):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    assert interactive.pad(three, class_names=range(10), size=200) is None
    (pad,) = shown
    assert isinstance(pad, Pad) and pad.size == 200 and pad.class_names == CLASSES
    assert not plt.get_fignums()


def test_an_unattended_notebook_gets_a_figure(monkeypatch, shown):
    monkeypatch.setenv("DLKIT_WIDGETS", "0")
    assert interactive.pad(three) is None
    assert not shown and len(plt.get_fignums()) == 1
    figure = plt.gcf()
    figure.canvas.draw()
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["It reads 3, 91 %"] * 4
    lengths = [[bar.get_width() for bar in ax.patches] for ax in figure.axes if ax.patches]
    assert len(lengths) == 4 and all(one[3] == 0.91 and len(one) == 10 for one in lengths)
    first = figure.axes[0].images[0].get_array(), figure.axes[4].images[0].get_array()
    assert_array_equal(first[1], as_mnist(first[0]))


def test_without_anywidget_there_is_a_figure_and_a_line_that_says_why(monkeypatch, shown, capsys):
    monkeypatch.setenv("DLKIT_WIDGETS", "1")
    monkeypatch.setitem(sys.modules, "dlkit.interactive._widget", None)  # its import fails
    interactive.pad(three)
    assert "install anywidget" in capsys.readouterr().out
    assert not shown and len(plt.get_fignums()) == 1


def test_the_figure_refuses_logits(monkeypatch, shown):
    monkeypatch.setenv("DLKIT_WIDGETS", "0")
    with pytest.raises(ValueError, match="take the softmax first"):
        interactive.pad(lambda images: np.arange(10.0)[None])


def test_only_the_pad_needs_anywidget():
    code = "import sys, dlkit.interactive; print('anywidget' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js, which reads JavaScript, is missing")
@pytest.mark.parametrize("widget", [Pad, Sliders])
def test_the_pages_half_is_javascript(widget, tmp_path):
    script = tmp_path / "widget.mjs"
    script.write_text(widget._esm, encoding="utf-8")
    run = subprocess.run(["node", "--check", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_page_has_what_the_browser_tests_look_for():
    for hook in ("canvas", "clear", "bar", "verdict", "seen", "error"):
        assert f'"dlkit-pad-{hook}"' in Pad._esm
        assert f".dlkit-pad-{hook}" in Pad._css
