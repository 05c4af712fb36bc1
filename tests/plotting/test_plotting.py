"""Plots: draw on the Axes given, make no other figure, change nothing, refuse bad input."""

import inspect
import typing
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

from dlkit import plotting

RNG = np.random.default_rng(0)
IMAGES = RNG.random((7, 8, 8))
HISTORY = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.1, 2.2, 1.3], "accuracy": [0.1, 0.2, 0.3]}
MISTAKES = (IMAGES, [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 9, 4, 8, 7], np.linspace(0.4, 1.0, 7))


def node(data, gradient, label="", operation="", *parents):
    """What plot_graph needs of a node of a computation graph."""
    return SimpleNamespace(
        data=data, gradient=gradient, label=label, operation=operation, parents=parents
    )


A = node(3.0, 7.0, "a")
GRAPH = node(12.0, 1.0, "out", "+", node(9.0, 1.0, "", "*", A, A), A)  # a * a + a
LOOKS = np.array([[0.9, 0.1, 0.0], [0.0, 0.25, 0.75]])  # attention of two queries to three keys
CALLS = {
    "plot_attention": (LOOKS, "ab", ["the", " ", "\n"]),
    "plot_bands": ([1, 2, 3], RNG.random((4, 3))),
    "plot_bars": ({"first": 3.0, "second": 0.5},),
    "plot_confusion_matrix": (np.array([[8, 2], [1, 9]]),),
    "plot_contours": (lambda w: (w**2).sum(axis=1), (-2, 2), (-1, 1)),
    "plot_graph": (GRAPH,),
    "plot_history": (HISTORY,),
    "plot_images": (IMAGES,),
    "plot_lines": ([1, 2, 3], {"up": [1, 2, 3], "down": [3, 2, 1]}),
    "plot_mistakes": MISTAKES,
    "plot_numbers": (RNG.random((3, 4)),),
    "plot_overlay": (IMAGES[0], IMAGES[1]),
    "plot_regions": (lambda x: x[:, 0] - 0.5, [[0, 0], [0, 1], [1, 0]], [0, 0, 1]),
    "plot_ridges": ({"first": RNG.normal(size=50), "second": RNG.normal(size=(5, 5))},),
    "plot_roofline": ({"dense": (0.5, 1e9)}, {"here": (1e11, 2e10)}),
    "plot_weights": (IMAGES - 0.5,),
}


@pytest.fixture(autouse=True)
def _close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_every_plot_is_tried():
    assert set(CALLS) == set(plotting.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_a_plot_draws_on_the_axes_it_is_given_and_makes_no_figure(name):
    fig, (ax, other) = plt.subplots(1, 2)
    before = plt.get_fignums()
    assert getattr(plotting, name)(*CALLS[name], ax=ax) is ax
    assert plt.get_fignums() == before
    assert ax.has_data() and not other.has_data()
    fig.canvas.draw()


@pytest.mark.parametrize("name", CALLS)
def test_a_plot_makes_one_figure_when_it_is_given_no_axes(name):
    ax = getattr(plotting, name)(*CALLS[name])
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("name", CALLS)
def test_a_plot_leaves_settings_seeds_and_its_data_alone(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("a plot function must not show"))
    settings, state = dict(mpl.rcParams), np.random.get_state()[1].copy()
    copies = [np.copy(a) for a in CALLS[name] if isinstance(a, np.ndarray)]
    getattr(plotting, name)(*CALLS[name])
    assert dict(mpl.rcParams) == settings
    assert (np.random.get_state()[1] == state).all()
    for a, copy in zip([a for a in CALLS[name] if isinstance(a, np.ndarray)], copies, strict=True):
        np.testing.assert_array_equal(a, copy)


@pytest.mark.parametrize("name", CALLS)
def test_a_signature_keeps_to_the_contract(name):
    """Positional arguments are data, without a default; keyword-only ones style; Axes come back."""
    function = getattr(plotting, name)
    parameters = inspect.signature(function).parameters.values()
    data = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    style = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert data and all(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in data)
    assert all(p.default is not p.empty for p in style)
    assert style[-1].name == "ax" and style[-1].default is None
    hints = typing.get_type_hints(function)
    assert hints["ax"] == Axes | None and hints["return"] is Axes


def test_history_draws_what_was_measured():
    ax = plotting.plot_history(SimpleNamespace(history=HISTORY))
    training, validation = ax.lines
    assert list(training.get_ydata()) == HISTORY["loss"]
    assert list(validation.get_ydata()) == HISTORY["val_loss"]
    assert list(training.get_xdata()) == [1, 2, 3]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert training.get_marker() != validation.get_marker(), "colour must not be the only cue"


def test_history_without_validation_has_one_line():
    assert len(plotting.plot_history(HISTORY, metric="accuracy").lines) == 1


def test_bands_show_mean_and_range():
    runs = np.array([[1.0, 2.0], [3.0, 6.0]])
    ax = plotting.plot_bands([10, 20], runs)
    assert list(ax.lines[0].get_ydata()) == [2.0, 4.0]
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1.0, 6.0)


def test_a_mosaic_holds_every_pixel_in_its_place():
    ax = plotting.plot_images(IMAGES, columns=4)
    canvas = np.asarray(ax.images[0].get_array())
    assert canvas.shape == (2 * 8 + 2, 4 * 8 + 3 * 2)
    np.testing.assert_array_equal(canvas[:8, :8], IMAGES[0])
    np.testing.assert_array_equal(canvas[10:, 10:18], IMAGES[5])


def test_titles_stand_above_their_images():
    ax = plotting.plot_images(IMAGES, titles=list("abcdefg"), columns=4)
    assert [t.get_text() for t in ax.texts] == list("abcdefg")
    canvas = ax.images[0].get_array()
    assert canvas.shape[0] > 2 * 8 + 2, "no room was made for the titles"
    (xs, ys) = np.array([t.get_position() for t in ax.texts]).T
    assert (np.diff(xs[:4]) > 0).all() and ys[4] > ys[0]


def test_colour_images_are_drawn_in_colour():
    ax = plotting.plot_images(RNG.random((2, 8, 8, 3)))
    assert ax.images[0].get_array().shape[-1] == 3


def test_mistakes_shows_only_mistakes_most_confident_first():
    ax = plotting.plot_mistakes(*MISTAKES)
    assert [t.get_text() for t in ax.texts] == [
        "6 → 7\n> 99% sure",
        "5 → 8\n90% sure",
        "3 → 9\n70% sure",
    ]


def test_confusion_matrix_writes_counts_row_by_row():
    ax = plotting.plot_confusion_matrix([[8, 2], [1, 9]], class_names=["cat", "dog"])
    at = {t.get_position(): t.get_text() for t in ax.texts}
    assert at == {(0, 0): "8", (1, 0): "2", (0, 1): "1", (1, 1): "9"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]


def test_an_attention_map_has_a_row_for_who_looks_and_signs_for_blanks():
    ax = plotting.plot_attention(*CALLS["plot_attention"])
    np.testing.assert_array_equal(ax.images[0].get_array(), LOOKS)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["the", "\u2423", "\u21b5"]
    assert {t.get_position(): t.get_text() for t in ax.texts} == {
        (0, 0): "90",
        (1, 0): "10",
        (1, 1): "25",
        (2, 1): "75",
    }
    assert ax.images[0].get_clim() == (0, 1) and "numbers: %" in ax.get_xlabel()


def test_the_truth_of_an_attention_map_is_framed_and_said():
    truth = np.array([[True, False, False], [False, True, True]])
    ax = plotting.plot_attention(*CALLS["plot_attention"], truth=truth)
    centers = {tuple(np.round(frame.get_center()).astype(int)) for frame in ax.patches}
    assert centers == {(0, 0), (1, 1), (2, 1)}
    assert "framed: truth" in ax.get_xlabel()
    plain = plotting.plot_attention(*CALLS["plot_attention"])
    assert not plain.patches and "framed" not in plain.get_xlabel()


def test_a_large_attention_map_has_a_label_for_each_character_and_no_numbers():
    text = "the third of May 2024, a Friday"
    ax = plotting.plot_attention(np.full((10, len(text)), 1 / 31), "2024-05-03", text)
    assert not ax.texts and "darkest: 1)" in ax.get_xlabel()
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.get_xticklabels()]
    assert len(boxes) == len(text)
    assert all(left.x1 <= right.x0 + 1 for left, right in zip(boxes, boxes[1:], strict=False))
    rows = [t.get_window_extent() for t in ax.get_yticklabels()]
    assert all(below.y1 <= above.y0 + 1 for above, below in zip(rows, rows[1:], strict=False))


def test_weights_are_white_at_zero():
    ax = plotting.plot_weights(IMAGES - 0.2)
    low, high = ax.images[0].get_clim()
    assert low == -high and high == pytest.approx(np.abs(IMAGES - 0.2).max())


def test_lines_differ_by_more_than_colour():
    ax = plotting.plot_lines([0, 1], {name: [0, 1] for name in "abcdefg"}, marker=True)
    assert len({line.get_linestyle() for line in ax.lines}) >= 4
    assert len({line.get_marker() for line in ax.lines}) == 7
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("abcdefg")


def test_ridges_draw_one_histogram_a_row_from_top_to_bottom():
    values = np.array([0.1, 0.1, 0.9, 5.0])  # the last lies outside
    ax = plotting.plot_ridges({"first": values, "second": [0.5]}, bins=2, xlim=(0, 1))
    rows = {tick.get_text(): tick.get_position()[1] for tick in ax.get_yticklabels()}
    assert rows == {"first": 1, "second": 0}
    heights = ax.patches[0].get_data().values
    np.testing.assert_allclose(heights - 1, [0.85, 0.425])
    assert ax.get_xlim() == (0, 1)


def test_other_values_hang_below_the_line_of_their_row():
    ax = plotting.plot_ridges({"a": [0.1, 0.1, 0.9]}, below={"a": [0.9]}, bins=2, xlim=(0, 1))
    above, below = (patch.get_data().values for patch in ax.patches)
    np.testing.assert_allclose(above, [0.42, 0.21])
    np.testing.assert_allclose(below, [0, -0.42])
    assert ax.get_ylim()[0] <= -0.42


@pytest.mark.parametrize("log", [False, True])
def test_bars_end_at_their_numbers_and_mark_those_below_the_start(log):
    ax = plotting.plot_bars({"more": 4.0, "less": 0.25}, start=1, log=log)
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert ends == [4.0, 0.25] and [bar.get_x() for bar in ax.patches] == [1, 1]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True]
    assert ax.yaxis_inverted(), "the first is on top"


def test_the_roof_rises_to_its_edge_and_runs_level():
    ax = plotting.plot_roofline({"dense": (0.5, 1e9)}, {"here": (1e11, 2e10), "there": (1, 1)})
    roof, other, point = ax.lines
    x, y = roof.get_data()
    np.testing.assert_allclose(y, np.where(x < 5, 2e10 * x, 1e11))
    assert roof.get_linestyle() != other.get_linestyle()
    assert point.get_xydata().tolist() == [[0.5, 1e9]]


def test_regions_show_the_sign_of_the_score_and_its_zero():
    ax = plotting.plot_regions(*CALLS["plot_regions"], class_names=["left", "right"])
    (image,) = ax.images
    shown = np.asarray(image.get_array())
    left, right, *_ = image.get_extent()
    centers = left + (np.arange(shown.shape[1]) + 0.5) * (right - left) / shown.shape[1]
    far = np.abs(centers - 0.5) > 0.02
    np.testing.assert_array_equal(shown[0][far], (centers > 0.5)[far])
    boundary = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(boundary[:, 0], 0.5, atol=1e-6)
    circles, squares = ax.lines
    assert (circles.get_marker(), squares.get_marker()) == ("o", "s")
    np.testing.assert_array_equal(squares.get_xydata(), [[1, 0]])


def test_regions_without_a_boundary_in_sight_draw_none():
    ax = plotting.plot_regions(lambda x: np.ones(len(x)), [[0, 0], [1, 1]], [0, 1])
    assert not ax.collections


@pytest.mark.parametrize("log", [False, True])
def test_contours_lie_where_the_function_has_their_level(log):
    function, *limits = CALLS["plot_contours"]
    ax = plotting.plot_contours(function, *limits, log=log)
    lines = ax.collections[0]
    drawn = 0
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        if len(path.vertices) and level > 1e-2:
            np.testing.assert_allclose(function(path.vertices), level, rtol=0.02)
            drawn += 1
    assert drawn >= 4


def test_a_path_is_drawn_step_by_step_and_its_start_is_ringed():
    path = np.array([[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]])
    ax = plotting.plot_contours(*CALLS["plot_contours"], paths={"down": path})
    line, ring = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), path)
    np.testing.assert_array_equal(ring.get_xydata(), path[:1])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["down"]


def test_a_graph_shows_every_value_and_gradient_once():
    texts = [text.get_text() for text in plotting.plot_graph(GRAPH).texts if text.get_text()]
    assert sorted(texts) == sorted(
        ["a", "value 3", "gradient 7", "*", "value 9", "gradient 1"]
        + ["out = +", "value 12", "gradient 1"]
    )


def test_a_lit_node_points_back_to_its_parents_and_the_order_is_numbered():
    product = GRAPH.parents[0]
    plain, ax = (plotting.plot_graph(GRAPH, lit=lit, order=(A, product)) for lit in (None, product))
    assert [text.get_text() for text in ax.texts if text.get_text().isdigit()] == ["1", "2"]

    def ends(ax):
        return {(note.xy, note.xyann) for note in ax.texts if hasattr(note, "xyann")}

    (forward,), (back,) = ends(plain) - ends(ax), ends(ax) - ends(plain)
    assert forward == back[::-1]
    assert back[0][0] < back[1][0], "the arrow leads to the left"
    widths = [box.get_linewidth() for box in ax.patches if hasattr(box, "get_boxstyle")]
    assert sorted(widths)[-2] < max(widths), "one box is lit"


def test_no_edge_of_a_graph_runs_through_a_box():
    ax = plotting.plot_graph(GRAPH)
    middle = next(box for box in ax.patches if 0.5 < box.get_x() + box.get_width() / 2 < 2)
    (over_two_columns,) = [line for line in ax.lines if len(line.get_xdata()) == 2]
    height = over_two_columns.get_ydata()[1]  # of its bend, in the column of the box
    assert not middle.get_y() <= height <= middle.get_y() + middle.get_height()


def test_a_deep_graph_does_not_meet_the_recursion_limit():
    chain = A
    for _ in range(5000):
        chain = node(0.0, 0.0, "", "+", chain)
    with pytest.raises(ValueError, match="5001 nodes; expected 60 at most"):
        plotting.plot_graph(chain)


def test_the_house_style_can_be_applied_by_name():
    with plt.style.context("dlkit.plotting.course"):
        assert mpl.rcParams["figure.dpi"] == 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.plot_attention([LOOKS], "ab", "xyz"), "choose one example and one head"),
        (lambda: plotting.plot_attention(-LOOKS, "ab", "xyz"), "0 or more"),
        (lambda: plotting.plot_attention(LOOKS * np.nan, "ab", "xyz"), "0 or more"),
        (lambda: plotting.plot_attention(LOOKS, "ab", "wxyz"), "2 queries and 4 keys"),
        (lambda: plotting.plot_attention(LOOKS, "ab", "xyz", truth=[0, 2]), r"True and False in"),
        (lambda: plotting.plot_attention(LOOKS, "ab", "xyz", limits=(1, 1)), "that rise"),
        (lambda: plotting.plot_history(HISTORY, metric="f1"), r"no 'f1'; it has \['accuracy'"),
        (lambda: plotting.plot_history({"loss": []}), "no 'loss'"),
        (lambda: plotting.plot_bands([1, 2], [1.0, 2.0]), "seeds, points"),
        (lambda: plotting.plot_images(np.zeros((0, 8, 8))), "n of 1 or more"),
        (lambda: plotting.plot_images(np.zeros((8, 8))), "n, height, width"),
        (lambda: plotting.plot_images(IMAGES, titles=["a"]), "1 titles for 7 images"),
        (lambda: plotting.plot_mistakes(IMAGES, [1], [1], [1.0]), "as many of each"),
        (lambda: plotting.plot_mistakes(IMAGES[:1], [1], [1], [1.0]), "no mistake"),
        (lambda: plotting.plot_confusion_matrix(np.zeros((2, 3))), "classes, classes"),
        (lambda: plotting.plot_confusion_matrix(np.eye(2), class_names=["a"]), "1 class_names"),
        (lambda: plotting.plot_numbers(np.zeros((40, 40))), "32 at most"),
        (lambda: plotting.plot_lines([1, 2], {}), "lines is empty"),
        (lambda: plotting.plot_lines([1, 2], {"a": [1, 2, 3]}), "'a' .*expected .points"),
        (lambda: plotting.plot_bars({}), "expected numbers"),
        (lambda: plotting.plot_bars({"a": 0.0}, log=True), "above 0 on a logarithmic axis"),
        (lambda: plotting.plot_roofline({}, {}), "roofs is empty"),
        (lambda: plotting.plot_ridges({}), "arrays is empty"),
        (lambda: plotting.plot_ridges({"a": [np.nan]}), "'a' holds no finite value"),
        (lambda: plotting.plot_ridges({"a": [1]}, below={"b": [1]}), "below has the rows .*'b'"),
        (lambda: plotting.plot_regions(len, [[0, 0]], [2]), "classes 0 and 1"),
        (lambda: plotting.plot_regions(len, [0, 0], [0, 1]), "expected .m, 2. and .m,."),
        (lambda: plotting.plot_regions(len, [[0, 0]], [0], class_names="a"), "1 class_names"),
        (lambda: plotting.plot_regions(len, [[0, 0]], [0]), "one value per point"),
        (lambda: plotting.plot_contours(lambda w: w, (0, 1), (0, 1)), "one value per point"),
        (
            lambda: plotting.plot_contours(len, (0, 1), (0, 1), paths={"p": [1, 2]}),
            "path 'p' .*steps, 2",
        ),
        (lambda: plotting.plot_overlay(np.zeros((2, 2)), np.zeros((3, 3))), "expected the same"),
    ],
)
def test_bad_input_is_a_value_error_that_says_what_to_pass(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == [], "a figure was left behind"
