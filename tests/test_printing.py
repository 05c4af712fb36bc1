"""Every command prints, whatever letters the terminal has: those of cp1252 and of ASCII are few."""

import ast
import os
import subprocess
import sys

import pytest
from helpers import ROOT

COMMANDS = sorted(
    path
    for folder in ("dlkit", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
)
# These print JSON alone, in ASCII, for the process that started them.
FOR_PROGRAMS = {
    "dlkit/teaching/supervisor.py",
    "dlkit/speed/peak.py",
    "dlkit/distributed/worker.py",
    "dlkit/serving/keeper.py",
}


def run(*arguments, encoding, cwd):
    """A command of the course, on a terminal with this encoding."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, cwd=cwd, env=env, timeout=300
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_name_in_other_letters_ends_no_command(tmp_path, encoding):
    for name in ("\u674e\u5c0f\u9f99", "ada"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "03_losses.ipynb").write_text("{")
    found = run("-m", "dlkit", "progress", "class", encoding=encoding, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, b"")
    assert rb"\u674e\u5c0f\u9f99" in found.stdout
    assert (tmp_path / "build" / "progress" / "progress.csv").exists()


def test_an_error_in_other_letters_is_printed(tmp_path):
    found = run("-m", "dlkit", "progress", "\u674e", encoding="ascii", cwd=tmp_path)
    assert found.returncode == 2 and rb"\u674e is no folder" in found.stderr


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_lets_its_streams_print_everything(path):
    if path.relative_to(ROOT).as_posix() in FOR_PROGRAMS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        ast.unparse(node.func).split(".")[-1]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert called & {"print_anything", "reconfigure"}, f"{path.name} must call print_anything()"
