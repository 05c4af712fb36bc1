"""The page of symbols: its links lead to lessons, and each symbol is first met where it says."""

import re

import pytest
from helpers import ROOT
from helpers.lesson_rules import COURSE, links, read, source

PAGE = ROOT / "notebooks" / "notation.md"
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", flags=re.DOTALL)
FILES = [lesson.file for lesson in COURSE.lessons]


def rows():
    """(symbols, name of a lesson, whether it is their first) of every row of the two tables."""
    found, is_first = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| symbol"):
            is_first = "first in" in line
        elif lesson := re.search(r"\]\((\w+\.ipynb)\) \|$", line):
            symbols = re.findall(r"\$([^$]+)\$", line.split(" | ")[0])
            found.append((symbols, f"notebooks/{lesson[1]}", is_first))
    return found


def formulas(file):
    """All mathematics in a lesson's text."""
    text = "\n".join(source(cell) for cell in read(file).markdown)
    return [display or inline for display, inline in FORMULA.findall(text)]


def is_in(symbol, file):
    """Whether a lesson's mathematics hold the symbol, not as a part of another: p_k holds no p."""
    before = r"(?<![A-Za-z])(?<!\\mathbf\{)" if symbol[0].isalpha() else ""
    after = r"(?![A-Za-z_])" if symbol[-1].isalpha() else ""
    pattern = before + re.escape(symbol) + after
    return any(re.search(pattern, formula) for formula in formulas(file))


def test_every_row_has_symbols_and_a_lesson():
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| $"]
    assert len(rows()) == len(table) > 40
    assert all(symbols for symbols, _, _ in rows())


def test_links_resolve():
    targets = links(PAGE.read_text(encoding="utf-8"))
    assert targets
    assert not [target for target in targets if not (PAGE.parent / target).exists()]


@pytest.mark.parametrize(
    ("symbol", "file"), [(symbol, file) for symbols, file, _ in rows() for symbol in symbols]
)
def test_the_lesson_has_the_symbol(symbol, file):
    assert is_in(symbol, file)


@pytest.mark.parametrize(
    ("symbol", "file"),
    [(symbol, file) for symbols, file, is_first in rows() if is_first for symbol in symbols],
)
def test_no_earlier_lesson_has_the_symbol(symbol, file):
    assert not [earlier for earlier in FILES[: FILES.index(file)] if is_in(symbol, earlier)]


def test_a_symbol_has_one_row_in_the_first_table():
    symbols = [symbol for found, _, is_first in rows() if is_first for symbol in found]
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize("file", ["README.md", "notebooks/00_start_here.ipynb"])
def test_it_is_linked_from(file):
    assert "notation.md)" in (ROOT / file).read_text(encoding="utf-8")
