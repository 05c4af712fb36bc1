"""The pages of `make course`, as far as no browser and no formula is needed."""

import nbformat
import web_page
from bs4 import BeautifulSoup

ROW = "[![Open in Colab](https://a.example/colab.svg)](https://b.example/x.ipynb)"


def test_links_to_lessons_lead_to_their_pages_and_other_links_stay():
    found = web_page.markdown(
        "[01 · N](01_neurons.ipynb), [part](01_neurons.ipynb#a), [n](notation.md), [R](../R.md)"
    )
    hrefs = [link["href"] for link in BeautifulSoup(found, "html.parser").select("a")]
    assert hrefs == ["01_neurons.html", "01_neurons.html#a", "notation.html", "../R.md"]


def test_badges_are_words_not_pictures_of_another_host():
    found = BeautifulSoup(web_page.markdown(ROW), "html.parser")
    assert not found.select("img")
    (link,) = found.select("a")
    assert (link.text, link["href"]) == ("Open in Colab", "https://b.example/x.ipynb")


def test_a_folded_cell_is_folded_and_the_page_has_its_title():
    cells = [nbformat.v4.new_code_cell(code) for code in ("folded = 1", "shown = 1")]
    cells[0].metadata.jupyter = {"source_hidden": True}
    notebook = nbformat.v4.new_notebook(cells=cells)
    page = BeautifulSoup(web_page.web_page(notebook, "00 · Good & true"), "html.parser")
    (fold,) = page.select("details")
    assert "folded = 1" in fold.text and "shown = 1" not in fold.text
    assert "open" not in fold.attrs and "shown = 1" in page.text
    assert page.title.text == "00 · Good & true"


def test_a_page_names_no_other_host():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text")])
    page = BeautifulSoup(web_page.web_page(notebook, "a page"), "html.parser")
    assert not page.select("script[src], link[href]")
    assert not [s.text for s in page.select("script") if "http" in s.text]
