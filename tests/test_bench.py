"""The report of the benchmarks: what it takes from the scripts' lines, and where it is kept."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINES = [
    "Medians of 3",
    "  seed 0  a run  1.0 s",
    "| network | s |",
    "|---|--:|",
    "| ours | 1.0 |",
    "| usual | 12.5 |",
    "",
    "| load | s |",
    "|---|---|",
    "| first | 2.0 |",
]


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("bench_run", ROOT / "benchmarks" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_become_rows(bench):
    assert bench.tables(LINES) == [
        [{"network": "ours", "s": "1.0"}, {"network": "usual", "s": "12.5"}],
        [{"load": "first", "s": "2.0"}],
    ]


def test_the_report_leaves_out_the_single_runs(bench):
    text = bench.report(LINES)
    assert "seed 0" not in text
    assert text.startswith("Medians of 3") and text.endswith("| first | 2.0 |")


def test_every_script_is_there(bench):
    for title, (script, *_), _ in bench.SECTIONS.values():
        assert (ROOT / "benchmarks" / script).is_file(), title


def test_a_full_run_is_kept_between_the_marks(bench, monkeypatch, tmp_path):
    page = tmp_path / "README.md"
    monkeypatch.setattr(bench, "README", page)
    page.write_text(f"before\n{bench.MARKS[0]}\nold\n{bench.MARKS[1]}\nafter\n")
    bench.keep("new")
    bench.keep("newer")
    assert page.read_text() == f"before\n{bench.MARKS[0]}\n\nnewer\n\n{bench.MARKS[1]}\nafter\n"


def test_without_the_marks_nothing_is_written(bench, monkeypatch, tmp_path):
    page = tmp_path / "README.md"
    monkeypatch.setattr(bench, "README", page)
    page.write_text("mine\n")
    with pytest.raises(SystemExit, match="nothing was written"):
        bench.keep("new")
    assert page.read_text() == "mine\n"


def test_a_script_that_fails_is_reported_and_the_others_run(bench, monkeypatch, tmp_path, capsys):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "bad.py").write_text("import sys; print('oh'); sys.exit(3)")
    (tmp_path / "benchmarks" / "good.py").write_text("print('| a |\\n|---|\\n| 1 |')")
    sections = {"bad": ("Bad", ["bad.py"], []), "good": ("Good", ["good.py"], [])}
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "SECTIONS", sections)
    monkeypatch.setattr("sys.argv", ["run.py", "--quick"])
    assert bench.main() == 1
    text = (tmp_path / "build" / "bench.md").read_text()
    assert "FAILED with status 3" in text and "| 1 |" in text


def test_only_a_full_run_is_kept(bench, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run.py", "--quick", "--keep"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "--keep is for a full run" in capsys.readouterr().err
