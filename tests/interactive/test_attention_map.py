"""A map of attention to click through, small multiples elsewhere."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlkit import interactive
from dlkit.interactive import _widget

pytestmark = pytest.mark.usefixtures("static")
WIDGET = "Attention"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WEIGHTS = np.array(
    [
        [[1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.2, 0.3, 0.5]],
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    ]
)
WORDS = ["the", " ", "cat"]
TRUTH = np.array([[True, False, False], [False, False, False], [True, True, False]])


# ---- Small multiples -------------------------------------------------------------------------


def test_without_a_reader_there_is_a_panel_for_each_still_and_a_row_for_each_head():
    assert interactive.explore_attention(WEIGHTS, WORDS, "xyz", stills=[2, 1]) is None
    first, second = plt.gcf().axes
    assert (first.get_title(), second.get_title()) == ("“cat” looks at", "“\u2423” looks at")
    np.testing.assert_array_equal(first.images[0].get_array(), WEIGHTS[:, 2])
    assert [t.get_text() for t in first.get_yticklabels()] == ["head 1", "head 2"]
    assert [t.get_text() for t in second.get_xticklabels()] == ["x", "y", "z"]
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 1)


def test_the_truth_is_framed_and_said_where_there_is_one():
    interactive.explore_attention(WEIGHTS, WORDS, WORDS, truth=TRUTH, stills=[2, 1])
    first, second = plt.gcf().axes
    assert sorted(round(frame.get_center()[0]) for frame in first.patches) == [0, 1]
    assert "framed: truth" in first.get_title()
    assert not second.patches and "framed" not in second.get_title()


def test_four_stills_are_spread_evenly_unless_they_are_chosen():
    queries = [str(number) for number in range(10)]
    interactive.explore_attention(np.full((10, 2), 0.5), queries, "ab", head_names=["only"])
    titles = [ax.get_title() for ax in plt.gcf().axes]
    assert titles == [f"“{number}” looks at" for number in (0, 3, 6, 9)]


# ---- The map ---------------------------------------------------------------------------------


def test_the_map_gets_all_weights_at_once_and_starts_at_the_first_still(shown, made):
    interactive.explore_attention(WEIGHTS, WORDS, WORDS, truth=TRUTH, stills=[2, 0])
    (widget,) = made
    np.testing.assert_array_equal(widget.weights, WEIGHTS)
    assert widget.queries == widget.looked_at == ["the", "\u2423", "cat"]
    assert widget.truth == [[0], [], [0, 1]] and widget.chosen == 2
    assert widget.head_names == ["head 1", "head 2"]
    assert not plt.get_fignums(), "pyplot would show this figure as well"


def test_a_saved_live_notebook_carries_the_small_multiples(shown, made):
    interactive.explore_attention(WEIGHTS, WORDS, WORDS)
    ((bundle, _),) = shown
    assert bundle[WIDGET_VIEW]["model_id"] == made[0].model_id
    assert bundle["image/png"].startswith("iVBOR")
    assert bundle["text/plain"] == "attention of 3 tokens to 3, 2 heads"


def test_the_page_needs_no_python_to_answer_and_names_all_it_reads():
    source = _widget.Attention._esm
    synced = {*_widget.Attention.class_traits(sync=True)}
    for name in ("weights", "queries", "looked_at", "head_names", "truth", "chosen"):
        assert f'"{name}"' in source and name in synced
    assert 'type: "radio"' in source, "the arrow keys choose"
    assert 'role: "status"' in source, "a screen reader is told"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((WEIGHTS[None], WORDS, WORDS), {}, r"expected \(heads, queries, keys\)"),
        ((WEIGHTS * 2, WORDS, WORDS), {}, "from 0 to 2; expected 0 to 1"),
        ((WEIGHTS * np.nan, WORDS, WORDS), {}, "expected 0 to 1"),
        ((WEIGHTS, WORDS, "ab"), {}, "3 queries and 2 keys"),
        ((WEIGHTS, WORDS, WORDS), {"head_names": ["a"]}, "1 head_names for 2 heads"),
        ((WEIGHTS, WORDS, WORDS), {"truth": [0, 1, 2]}, "expected True and False in shape"),
        ((WEIGHTS, WORDS, WORDS), {"stills": [3]}, "from 0 to 2"),
        ((WEIGHTS, WORDS, WORDS), {"stills": []}, "from 0 to 2"),
        ((np.full((17, 3, 3), 0.3), WORDS, WORDS), {}, "16 heads and 120 tokens at most"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        interactive.explore_attention(*arguments, **options)
    assert not plt.get_fignums()
