"""tools/run.py: runs lessons, tabulates claims, goes on after a failure, keeps files."""

import base64

import course
import nbclient
import nbformat
import pytest
import run
from bs4 import BeautifulSoup
from helpers import ROOT

pytestmark = pytest.mark.slow

GOOD = (
    "import sys; sys.path.insert(0, {root!r})\n"
    "from dlkit.claims import Claims; claims = Claims('00_good')\n"
    "print('1 %\\r2 %\\rdone in 1.2 s'); claims('two', 2, real=(1, 3))"
)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small course in tmp_path; a function that runs the tool on it."""
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
    return lambda *arguments: run.main([*map(str, arguments)], root=tmp_path)


def write(path, *sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = list(tags)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_course_runs_all_tabulates_and_reports_a_failure(small, tmp_path, capsys):
    assert small("course") == 1
    out = capsys.readouterr().out
    assert "[1/2] 00_good" in out and "[2/2] 01_bad" in out
    table = out[out.index("lesson ") :]
    assert "00_good" in table and "1 of 1" in table
    assert "01_bad" in table and "FAILED: ValueError: told you so" in table
    assert "told you so" in (tmp_path / "build" / "01_bad.html").read_text(encoding="utf-8")
    index = (tmp_path / "build" / "index.html").read_text(encoding="utf-8")
    assert 'href="00_good.html">00 · Good &amp; true<' in index and "1 of 1" in index


def test_a_claim_outside_its_band_fails_the_lesson(small, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DLKIT_STRICT", raising=False)  # the tool sets it for the kernel
    bad = GOOD.replace("real=(1, 3)", "real=(3, 4)")
    write(tmp_path / "notebooks" / "01_bad.ipynb", bad.format(root=str(ROOT)))
    assert small("course", "bad") == 1
    out = capsys.readouterr().out
    assert "0 of 1" in out and "FAILED: AssertionError: claim does not hold: two" in out


def test_course_runs_the_lessons_that_are_named(small, capsys):
    assert small("course", "notebooks/00_good.ipynb") == 0
    assert "01_bad" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        small("course", "notebooks/99_none.ipynb")


def test_execute_writes_outputs_without_overwritten_lines(small, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    assert small("execute", str(path)) == 0
    first, second = nbformat.read(path, as_version=4).cells
    assert first.source == "setup = 1", "the set-up cell is the common one"
    assert [first.execution_count, second.execution_count] == [1, 2]
    assert second.outputs[0].text.splitlines()[0] == "done in 1.2 s"


def test_execute_leaves_a_notebook_alone_when_only_seconds_changed(small, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    small("execute", str(path))
    text = path.read_text(encoding="utf-8").replace("1.2 s", "99.9 s")
    path.write_text(text, encoding="utf-8")
    small("execute", str(path))
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


def test_execute_gives_figures_their_text_alternative_once(small, tmp_path, capsys):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, "*two* dots.")
    small("execute", str(path))
    assert alts(path) == ["Two dots."]
    before = path.read_bytes()
    small("execute", str(path))
    assert "unchanged" in capsys.readouterr().out and path.read_bytes() == before


def test_stamp_renews_all_but_the_outputs_without_a_run(small, tmp_path, capsys):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, "two dots.")
    small("execute", str(path))
    text = path.read_text(encoding="utf-8").replace("** two dots", "** 3 dots")
    text = text.replace("bm90IHJlYWxseSBhIFBORw==", "YW5vdGhlcg==")  # no run makes this output
    path.write_text(text.replace("setup = 1", "setup = 2"), encoding="utf-8")
    course.main(["stamp", str(path)], root=tmp_path)
    assert path.read_text(encoding="utf-8") == text.replace("Two dots.", "3 dots.")
    assert "00_good.ipynb: stamped" in capsys.readouterr().out
    course.main(["stamp", str(path)], root=tmp_path)
    assert "up to date" in capsys.readouterr().out


def test_web_pages_carry_the_text_alternatives(small, tmp_path):
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write_figure(path, 'a "dot" & a <line>.')
    small("course", str(path))
    page = (tmp_path / "build" / "00_good.html").read_text(encoding="utf-8")
    assert [i["alt"] for i in BeautifulSoup(page, "html.parser").select("img")] == [
        'A "dot" & a <line>.'
    ]


def test_execute_leaves_a_notebook_alone_when_a_cell_fails(small, tmp_path):
    path = tmp_path / "notebooks" / "01_bad.ipynb"
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="told you so"):
        small("execute", str(path))
    assert path.read_bytes() == before


def test_execute_refuses_outputs_of_the_offline_sample(small, tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_OFFLINE", "1")
    path = tmp_path / "notebooks" / "00_good.ipynb"
    code = "from dlkit.data import load_mnist, store\nstore.places = list\nload_mnist()"
    write(path, "setup = 0", code)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="DLKIT_DATA_DIR"):
        small("execute", str(path))
    assert path.read_bytes() == before


def test_execute_renews_the_readmes_picture(small, tmp_path):
    png = base64.b64encode(b"not really a PNG").decode()
    code = (
        "from IPython.display import display\n"
        f"display({{'image/png': {png!r}, 'text/plain': 'x'}}, raw=True)"
    )
    path = tmp_path / "notebooks" / "00_good.ipynb"
    write(path, "setup = 0", code, tags=["readme-picture"])
    small("execute", str(path))
    assert (tmp_path / "notebooks" / "where_it_looks.png").read_bytes() == b"not really a PNG"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1", ""),
        ("raise ValueError('told\\nyou so')", "ValueError: told you so"),
        ("import os; os._exit(1)", "the kernel died"),
        ("import time; time.sleep(60)", "a cell ran longer than 1 s"),
    ],
)
def test_a_failure_is_told_in_a_line(code, said, tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    limit = 1 if "longer" in said else 60
    assert run.failure(notebook, folder=tmp_path, timeout=limit) == said


def test_run_itself_raises_what_the_cell_raised(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        run.run(notebook, folder=tmp_path)


def test_a_kernel_starts_in_the_folder_with_the_environment_that_is_given(tmp_path):
    code = "import os; print(os.path.samefile('.', os.environ['HERE']), 'HOME' in os.environ)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    run.run(notebook, folder=tmp_path, env={"HERE": str(tmp_path), "IPYTHONDIR": str(tmp_path)})
    assert notebook.cells[-1].outputs[0].text == "True False\n"
