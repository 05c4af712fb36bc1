"""What tools/course.py writes: text alternatives, links, badges, tables, and other numbers."""

import doctest

import course
import pytest


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
    assert doctest.testmod(course) == (0, 1)


def test_a_text_alternative_is_three_sentences_after_in_words():
    text = "**In words:** one. Two, at 0.5: yes. (Three!) Four.\n\nNot this."
    assert course.alt_texts(text, 1) == ["One. Two, at 0.5: yes. (Three!)"]
    assert course.alt_texts(text, 0) == []


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
