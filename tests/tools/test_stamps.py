"""What tools/stamps.py makes of a lesson: text alternatives in plain words, links, badges."""

import doctest

import pytest
import stamps


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
    assert stamps.plain(markdown) == text


def test_examples_in_the_docstrings():
    assert doctest.testmod(stamps) == (0, 1)


def test_a_text_alternative_is_three_sentences_after_in_words():
    text = "**In words:** one. Two, at 0.5: yes. (Three!) Four.\n\nNot this."
    assert stamps.alt_texts(text, 1) == ["One. Two, at 0.5: yes. (Three!)"]
    assert stamps.alt_texts(text, 0) == []


def test_several_figures_are_numbered():
    alts = stamps.alt_texts("**In words:** two lines.", 2)
    assert alts == ["Figure 1 of 2. Two lines.", "Figure 2 of 2. Two lines."]


@pytest.mark.parametrize("text", ["", "A line that rises."])
def test_no_text_alternative_without_in_words(text):
    assert stamps.alt_texts(text, 2) == ["", ""]


FILE = "notebooks/00_start_here.ipynb"


def test_the_addresses_of_a_lesson():
    assert stamps.links(FILE, "ada/course", "v1") == {
        "Colab": "https://colab.research.google.com/github/ada/course/blob/v1/" + FILE,
        "Kaggle": "https://kaggle.com/kernels/welcome?src=https://github.com/ada/course/blob/v1/"
        + FILE,
        "Binder": "https://mybinder.org/v2/gh/ada/course/v1?urlpath=lab/tree/" + FILE,
    }
    assert "/gh/ada/course/try%2Fout?" in stamps.links(FILE, "ada/course", "try/out")["Binder"]


def test_no_badge_before_a_repository_is_named():
    assert stamps.badges(FILE, "", "main") == ""
    row = stamps.badges(FILE, "ada/course", "main")
    assert row.count("[![Open in ") == 3 and row.startswith(stamps.BADGES) and "\n" not in row


def test_the_row_of_badges_comes_and_goes():
    text = "# Title\n\nText.\n\n\n- list\n"
    row = stamps.badges(FILE, "ada/course", "main")
    with_it = stamps.with_row(text, row, after="# ")
    assert with_it == f"# Title\n\n{row}\n\nText.\n\n\n- list\n"
    other = stamps.badges(FILE, "bob/course", "main")
    assert stamps.with_row(with_it, other, after="# ").replace("bob", "ada") == with_it
    assert stamps.with_row(with_it, "", after="# ") == text
    with pytest.raises(ValueError, match="nowhere to put the badges"):
        stamps.with_row(text, row, after="## Start")
