"""tools/notebooks.py: runs lessons, tabulates claims, goes on after a failure, keeps files."""

import base64
import importlib.util
import io
import sys

import nbformat
import numpy as np
import PIL.Image
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT

pytestmark = pytest.mark.slow

sys.path.append(str(ROOT / "tools"))  # where the tool finds its helper module
GOOD = (
    "import sys; sys.path.insert(0, {root!r})\n"
    "from dlkit.claims import Claims; claims = Claims('00_good')\n"
    "print('1 %\\r2 %\\rdone in 1.2 s'); claims('two', 2, real=(1, 3))"
)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The tool, working on a small course in tmp_path."""
    spec = importlib.util.spec_from_file_location("notebooks_tool", ROOT / "tools" / "notebooks.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "README_PICTURE", tmp_path / "picture.png")
    monkeypatch.setenv("DLKIT_CLAIMS", "")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "setup_cell.py").write_text("setup = 1\n")
    (tmp_path / "course.toml").write_text(
        '[publish]\nrepository = ""\nref = "main"\n'
        '[[lesson]]\nfile = "notebooks/00_good.ipynb"\ntitle = "Good & true"\n'
        '[[lesson]]\nfile = "notebooks/01_bad.ipynb"\ntitle = "Bad"\n'
    )
    write(tmp_path / "notebooks" / "00_good.ipynb", "setup = 0", GOOD.format(root=str(ROOT)))
    write(tmp_path / "notebooks" / "01_bad.ipynb", "setup = 0", "raise ValueError('told you so')")
    return tool


def write(path, *sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = list(tags)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_course_runs_all_tabulates_and_reports_a_failure(tool, tmp_path, capsys):
    assert tool.main(["course"]) == 1
    out = capsys.readouterr().out
    assert "[1/2] 00_good" in out and "[2/2] 01_bad" in out
    table = out[out.index("lesson ") :]
    assert "00_good" in table and "1 of 1" in table
    assert "01_bad" in table and "FAILED: ValueError: told you so" in table
    assert "told you so" in (tmp_path / "build" / "01_bad.html").read_text(encoding="utf-8")
    index = (tmp_path / "build" / "index.html").read_text(encoding="utf-8")
    assert 'href="00_good.html">00 Good &amp; true<' in index and "1 of 1" in index


def test_course_runs_the_lessons_that_are_named(tool, capsys):
    assert tool.main(["course", "notebooks/00_good.ipynb"]) == 0
    assert "01_bad" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        tool.main(["course", "notebooks/99_none.ipynb"])


def test_execute_writes_outputs_without_overwritten_lines(tool, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    assert tool.main(["execute", str(path)]) == 0
    first, second = nbformat.read(path, as_version=4).cells
    assert first.source == "setup = 1", "the set-up cell is the common one"
    assert [first.execution_count, second.execution_count] == [1, 2]
    assert second.outputs[0].text.splitlines()[0] == "done in 1.2 s"


def test_execute_leaves_a_notebook_alone_when_only_seconds_changed(tool, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    tool.main(["execute", str(path)])
    text = path.read_text(encoding="utf-8").replace("1.2 s", "99.9 s")
    path.write_text(text, encoding="utf-8")
    tool.main(["execute", str(path)])
    assert path.read_text(encoding="utf-8") == text


FIGURE = (
    "from IPython.display import display\n"
    f"display({{'image/png': {base64.b64encode(b'not really a PNG').decode()!r}}}, raw=True)"
)


def write_figure(path, words):
    """A lesson with one figure and the text below it."""
    write(path, "setup = 0", FIGURE)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(f"**In words:** {words}\n\nAnd more."))
    nbformat.write(notebook, path)


def alts(path):
    outputs = (o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", []))
    return [output.metadata.get("image/png", {}).get("alt") for output in outputs]


def test_execute_gives_figures_their_text_alternative_once(tool, tmp_path, capsys):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, "*two* dots.")
    tool.main(["execute", str(path)])
    assert alts(path) == ["Two dots."]
    before = path.read_bytes()
    tool.main(["execute", str(path)])
    assert "unchanged" in capsys.readouterr().out and path.read_bytes() == before


def test_stamp_renews_all_but_the_outputs_without_a_run(tool, tmp_path, capsys):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, "two dots.")
    tool.main(["execute", str(path)])
    text = path.read_text(encoding="utf-8").replace("** two dots", "** 3 dots")
    text = text.replace("bm90IHJlYWxseSBhIFBORw==", "YW5vdGhlcg==")  # no run makes this output
    path.write_text(text.replace("setup = 1", "setup = 2"), encoding="utf-8")
    tool.main(["stamp", str(path)])
    assert path.read_text(encoding="utf-8") == text.replace("Two dots.", "3 dots.")
    capsys.readouterr()
    tool.main(["stamp", str(path)])
    assert "unchanged" in capsys.readouterr().out


def test_web_pages_carry_the_text_alternatives(tool, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, 'a "dot" & a <line>.')
    tool.main(["course", str(path)])
    page = (tmp_path / "build" / "00_good.html").read_text(encoding="utf-8")
    assert [i["alt"] for i in BeautifulSoup(page, "html.parser").select("img")] == [
        'A "dot" & a <line>.'
    ]


def test_execute_leaves_a_notebook_alone_when_a_cell_fails(tool, tmp_path):
    path = tmp_path / "notebooks" / "01_bad.ipynb"
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="told you so"):
        tool.main(["execute", str(path)])
    assert path.read_bytes() == before


def test_execute_refuses_outputs_of_the_offline_sample(tool, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write(path, "setup = 0", "print('Using the offline sample instead')")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="DLKIT_DATA_DIR"):
        tool.main(["execute", str(path)])
    assert path.read_bytes() == before


def test_execute_renews_the_readmes_picture(tool, tmp_path):
    png = base64.b64encode(b"not really a PNG").decode()
    code = (
        "from IPython.display import display\n"
        f"display({{'image/png': {png!r}, 'text/plain': 'x'}}, raw=True)"
    )
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write(path, "setup = 0", code, tags=["readme-picture"])
    tool.main(["execute", str(path)])
    assert (tmp_path / "picture.png").read_bytes() == b"not really a PNG"


def test_reduced_figures_are_smaller_and_look_the_same(tool):
    rows, columns = np.mgrid[:120, :160]
    photo = np.stack([2 * rows, 255 - columns, (rows * columns) // 75], axis=-1).astype("uint8")
    grain = np.random.default_rng(0).integers(-3, 4, photo.shape)
    photo = np.clip(photo.astype(int) + grain, 0, 255).astype("uint8")
    before = io.BytesIO()
    PIL.Image.fromarray(photo).save(before, "PNG")
    data = {"image/png": base64.b64encode(before.getvalue()).decode(), "text/plain": "x"}
    output = nbformat.v4.new_output("display_data", data=dict(data))
    cell = nbformat.v4.new_code_cell("figure", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    tool.reduce_colours(notebook)
    assert output.data == data, "a notebook that is small enough stays as it is"
    tool.reduce_colours(notebook, max_bytes=1000)
    after = base64.b64decode(output.data["image/png"])
    again = np.asarray(PIL.Image.open(io.BytesIO(after)).convert("RGB"), dtype=int)
    assert len(after) < 0.5 * len(before.getvalue())
    assert np.abs(again - photo).mean() < 8, "of 255"
    assert output.data["text/plain"] == "x"
