"""The tables of a class: no formula, whatever separates fields, and no link is followed."""

import csv
import io
import os
import stat

import pytest

from dlkit.teaching import progress, report
from dlkit.teaching.progress import Result, Verdict

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
NAMES = [
    "=cmd|'/c calc'!A0",
    "x;=cmd|'/c calc'!A0",
    "x; =1+1",
    "x\t=1+1",
    'x";=1+1;"',
    '"=1+1',
    "x,=1+1",
    "x|@SUM(1)",
    ";;;+1;-1;@x",
    "  =1+1",
    "\uff1d1+1",
    "x;\uff0b1",
]


def table(tmp_path, name):
    verdicts = {"loaves": Verdict(progress.NOT_YET, name)}
    results = [Result(name, f"{name}/a.ipynb", "03_losses", verdicts), Result("b", name, "", {})]
    results[1].problem = name
    rest = report.Rest(left_out=[(name, name)])
    report.write(results, {"03_losses": ["loaves"]}, tmp_path / "out", rest)
    for file in ("progress.csv", "details.csv"):
        yield (tmp_path / "out" / file).read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_field_is_a_formula_whatever_separates(tmp_path, name, separator):
    """As a spreadsheet reads it with that separator, and as one would that knows no quotes."""
    for text in table(tmp_path, name):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not any(field.strip(' "').startswith(tuple(SIGNS)) for field in row), row
        if separator != ",":
            parts = [p for line in text.splitlines() for p in line.split(separator)]
            assert not any(part.strip(' "').startswith(tuple(SIGNS)) for part in parts), parts


def test_a_sentence_with_negative_numbers_stays_as_it_is():
    line = "Case 2: expected [-1.0, -2.0] and (3, -1); a - b is not c."
    assert report.cell(line) == line


def plain_files(folder):
    return sorted(p.name for p in folder.iterdir() if stat.S_ISREG(p.lstat().st_mode))


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are made otherwise on Windows")
@pytest.mark.parametrize("name", ["progress.csv", "details.csv", "progress.html"])
@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder"])
def test_what_was_planted_in_the_folder_is_neither_followed_nor_opened(tmp_path, name, kind):
    out, precious = tmp_path / "out", tmp_path / "precious"
    out.mkdir()
    precious.write_text("mine")
    planted = out / name
    if kind == "pipe":
        os.mkfifo(planted)
    elif kind == "folder":
        planted.mkdir()
    else:
        planted.symlink_to(precious if kind == "link" else tmp_path / "nothing")
    (out / f"{name}.part").symlink_to(precious)
    report.write([], {}, out)
    assert precious.read_text() == "mine" and not (tmp_path / "nothing").exists()
    assert plain_files(out) == ["details.csv", "progress.csv", "progress.html"]
    assert (out / name).stat().st_size > 0


@pytest.mark.skipif(os.name == "nt", reason="links are made otherwise on Windows")
def test_a_folder_that_is_a_link_is_refused_before_anything_is_run(tmp_path, monkeypatch):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "03_losses.ipynb").write_text('{"cells": []}')
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "build").symlink_to("elsewhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "Sandbox", None)
    for out in ("build", "build/progress", tmp_path / "build"):
        with pytest.raises(ValueError, match="build is a link: name the folder"):
            progress.run("class", out=out, say=lambda line: None)
    assert list((tmp_path / "elsewhere").iterdir()) == []
