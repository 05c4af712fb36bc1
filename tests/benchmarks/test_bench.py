"""The report of the benchmarks: what it takes from the scripts' lines, and where it is kept."""

import importlib.util

import nbclient
import nbformat
import pytest
from helpers import ROOT

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


def script(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / f"benchmarks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench():
    return script("run")


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


@pytest.fixture
def two_sections(bench, monkeypatch, tmp_path):
    """A run of two scripts of which one fails; called with arguments, it gives the exit status."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "bad.py").write_text("import sys; print('oh'); sys.exit(3)")
    (tmp_path / "benchmarks" / "good.py").write_text("print('| a |\\n|---|\\n| 1 |')")
    sections = {"bad": ("Bad", ["bad.py"], []), "good": ("Good", ["good.py"], [])}
    page = tmp_path / "benchmarks" / "README.md"
    page.write_text("\n".join(bench.MARKS))
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "README", page)
    monkeypatch.setattr(bench, "SECTIONS", sections)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["run.py", *arguments])
        return bench.main()

    run.folder = tmp_path
    return run


def test_a_script_that_fails_is_reported_and_the_others_run(two_sections):
    assert two_sections("--quick") == 1
    text = (two_sections.folder / "build" / "bench.md").read_text()
    assert "FAILED with status 3" in text and "| 1 |" in text


def test_some_sections_are_renewed_and_a_whole_report_is_kept(two_sections, capsys):
    page = two_sections.folder / "benchmarks" / "README.md"
    assert two_sections("--only", "good", "--keep") == 1
    assert "never run: ['bad']" in capsys.readouterr().out and "| 1 |" not in page.read_text()
    assert two_sections("--only", "bad", "--keep") == 1
    (two_sections.folder / "benchmarks" / "bad.py").write_text("print('| b |\\n|---|\\n| 2 |')")
    assert two_sections("--only", "bad", "--keep") == 0
    text = page.read_text()
    assert "| 1 |" in text and "| 2 |" in text and text.index("### Bad") < text.index("### Good")


@pytest.mark.parametrize("change", ["versions", "machine"])
def test_what_was_measured_elsewhere_is_not_mixed_in(two_sections, bench, monkeypatch, change):
    two_sections("--only", "good")
    monkeypatch.setattr(bench, change, lambda: "another one")
    two_sections("--only", "bad")
    text = (two_sections.folder / "build" / "bench.md").read_text()
    assert "another one" in text and "| 1 |" not in text


def test_only_a_full_run_is_kept(bench, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run.py", "--quick", "--keep"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "--keep is for a full run" in capsys.readouterr().err


def test_times_to_accuracy_are_compared_by_the_mean_over_the_seeds():
    compared = script("time_to_accuracy").compared
    usual = [
        {"seconds": [10, 20, 30], "val": [0.5, 0.9, 0.8]},
        {"seconds": [12, 22, 32], "val": [0.5, 0.6, 0.7]},
    ]
    ours = [{"seconds": [2, 4], "val": [0.7, 0.9]}, {"seconds": [3, 4], "val": [0.7, 0.8]}]
    row = compared("MLP a", usual, "MLP ours", ours)
    # The goal is (0.9 + 0.7) / 2; the usual scripts were best after 20 and 32 s, of 30 and 32.
    assert row == "| MLP a | 80.00 | 26.0 | 31.0 | MLP ours | 4.0 | 6.5 and 7.8 |"
    late = [{"seconds": [2], "val": [0.79]}]
    assert compared("MLP a", usual, "MLP ours", late).endswith("| MLP ours | not reached | |")


def test_a_claim_outside_its_band_fails_the_lesson(tmp_path, monkeypatch):
    monkeypatch.delenv("DLKIT_STRICT", raising=False)  # the script sets it for the kernel
    claim = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from dlkit.claims import Claims; Claims('00')('two', 2, real=(3, 4))"
    )
    path = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(claim)]), path)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="claim does not hold"):
        script("lessons").run(path)
