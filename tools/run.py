"""Run the lessons: in place for the committed outputs, or all of them into build/ as HTML.

python tools/run.py execute notebooks/07_mnist_mlp.ipynb …
python tools/run.py course [07_mnist_mlp …]
"""

import argparse
import base64
import copy
import html
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import course
import nbclient
import nbformat
from course import ROOT, Course, Lesson
from web_page import web_page

from dlkit.machine import print_anything

README_PICTURE = "notebooks/where_it_looks.png"


def run(
    notebook: nbformat.NotebookNode,
    *,
    folder: Path = ROOT / "notebooks",
    timeout: float = 600,
    kernel_name: str = "python3",
    env: dict[str, str] | None = None,
    stderr: TextIO | None = None,
) -> None:
    """Run a notebook in a fresh kernel, from top to bottom; a claim outside its band fails.

    Args:
        notebook: an nbformat notebook; its outputs are replaced.
        folder: where the kernel starts.
        timeout: seconds that one cell may take.
        kernel_name: of an installed kernel.
        env: the kernel's environment; this process's if None.
        stderr: a file for what escapes the kernel's own capture.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; the outputs so far are kept.
        nbclient.exceptions.DeadKernelError: the kernel died.
        TimeoutError: a cell ran too long.
    """
    client = nbclient.NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=kernel_name,
        record_timing=False,
        coalesce_streams=True,  # and keep what a screen shows after carriage returns
        extra_arguments=["--IPKernelApp.log_level=40", "--HistoryManager.hist_file=:memory:"],
        resources={"metadata": {"path": str(folder)}},
    )
    env = dict(os.environ if env is None else env) | {"DLKIT_STRICT": "1"}
    client.execute(env=env, stderr=stderr)


def failure(notebook: nbformat.NotebookNode, *, timeout: float = 600, **options: Any) -> str:
    """Run a notebook as `run` does; what went wrong, in a line, or ``""``."""
    try:
        run(notebook, timeout=timeout, **options)
    except nbclient.exceptions.CellExecutionError as raised:
        return f"{raised.ename}: {' '.join(raised.evalue.split())}"[:200]
    except nbclient.exceptions.DeadKernelError:
        return "the kernel died"
    except TimeoutError:
        return f"a cell ran longer than {timeout:g} s"
    except (RuntimeError, OSError) as raised:  # the kernel did not start
        return f"{type(raised).__name__}: {raised}"[:200]
    return ""


def read_claims(path: Path) -> list[dict]:
    """The claims that a run kept in the file DLKIT_CLAIMS; none if there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


# --- in place ---------------------------------------------------------------------------------


def execute_in_place(lesson: Lesson, of: Course) -> None:
    """Make the committed outputs of one lesson; leave the file alone if nothing changed.

    They come from the real data: where the offline sample would stand in, its loader raises.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    path = of.path(lesson)
    before = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(before)
    course.stamp(notebook, lesson, of)
    started = time.perf_counter()
    run(notebook, folder=path.parent, env=os.environ | {"DLKIT_REAL_DATA": "1"})
    seconds = time.perf_counter() - started
    course.stamp(notebook, lesson, of)  # again: outputs are new, and the kernel described itself
    if _substance(notebook) == _substance(before):
        print(f"{path.name}: {seconds:.0f} s, unchanged", flush=True)
        return
    nbformat.write(notebook, path)
    if picture := readme_picture(notebook):
        (of.root / README_PICTURE).write_bytes(picture)
    print(f"{path.name}: {seconds:.0f} s, written, {path.stat().st_size // 1000} kB", flush=True)


def _substance(notebook: nbformat.NotebookNode) -> str:
    """What two runs must share to count as equal: everything but the seconds."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"\d+(\.\d+)? (s|ms)\b", "TIME", output.text)
    return json.dumps(notebook, sort_keys=True)


def readme_picture(notebook: nbformat.NotebookNode) -> bytes | None:
    """The figure of the cell tagged "readme-picture", as PNG bytes; None without such a cell."""
    for cell in notebook.cells:
        if "readme-picture" in cell.metadata.get("tags", []):
            (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            return base64.b64decode(png)
    return None


# --- into build/ ------------------------------------------------------------------------------


def run_all(lessons: list[Lesson], of: Course) -> int:
    """Execute lessons into build/ as HTML with an index; print a table; 1 if one failed."""
    build = of.root / "build"
    build.mkdir(exist_ok=True)
    rows = []
    for number, lesson in enumerate(lessons, 1):
        print(f"[{number}/{len(lessons)}] {lesson.name} …", flush=True)
        seconds, claims, error = _run_lesson(lesson, of, build)
        held = f"{sum(claim['held'] for claim in claims)} of {len(claims)}"
        source = next((claim["data"] for claim in claims), "")
        rows.append((lesson, seconds, held, source, error))
        print(
            f"      {seconds:.0f} s, claims held: {held}" + (f"  FAILED: {error}" if error else "")
        )
    for text in sorted((of.root / "notebooks").glob("*.md")):
        cell = nbformat.v4.new_markdown_cell(text.read_text(encoding="utf-8"))
        page = web_page(nbformat.v4.new_notebook(cells=[cell]), text.stem.capitalize())
        (build / f"{text.stem}.html").write_text(page, encoding="utf-8")
    _write_index(build / "index.html", rows)
    print(f"\n{'lesson':<20} {'seconds':>8}  {'claims held':<12}")
    for lesson, seconds, held, _, error in rows:
        print(
            f"{lesson.name:<20} {seconds:8.0f}  {held:<12}{'  FAILED: ' + error if error else ''}"
        )
    print(f"{'all':<20} {sum(row[1] for row in rows):8.0f}")
    print(f"\nOpen {(build / 'index.html').relative_to(of.root)} in a browser.")
    return 1 if any(row[-1] for row in rows) else 0


def _run_lesson(lesson: Lesson, of: Course, build: Path) -> tuple[float, list[dict], str]:
    """Execute one lesson into build/; returns (seconds, claims, error)."""
    path = of.path(lesson)
    notebook = nbformat.read(path, as_version=4)
    claims = build / f"{lesson.name}.claims.jsonl"
    claims.unlink(missing_ok=True)
    env = os.environ | {"DLKIT_CLAIMS": str(claims)}
    started = time.perf_counter()
    error = failure(notebook, folder=path.parent, env=env)
    seconds = time.perf_counter() - started
    course.stamp(notebook, lesson, of)  # for the text alternatives
    page = web_page(notebook, lesson.heading)
    (build / f"{lesson.name}.html").write_text(page, encoding="utf-8")
    return seconds, read_claims(claims), error


def _write_index(path: Path, rows: list[tuple]) -> None:
    body = "\n".join(
        f'<tr><td><a href="{lesson.name}.html">{html.escape(lesson.heading)}</a></td>'
        f"<td>{seconds:.0f}</td><td>{held}</td><td>{html.escape(source)}</td>"
        f"<td>{html.escape(error)}</td></tr>"
        for lesson, seconds, held, source, error in rows
    )
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>dlkit: the course</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:52rem}"
        "td,th{padding:.3rem 1rem .3rem 0;text-align:left}</style><h1>dlkit: the course</h1>"
        "<table><tr><th>lesson<th>seconds<th>claims held<th>data<th>error</tr>"
        f"\n{body}\n</table></html>\n",
        encoding="utf-8",
    )


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/run.py", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["execute", "course"])
    parser.add_argument("lessons", nargs="*", help="all of course.toml if none is named")
    options = parser.parse_args(arguments)
    of = course.read(root)
    try:
        chosen = of.choose(options.lessons)
    except ValueError as error:
        parser.error(str(error))
    if sys.prefix == sys.base_prefix:
        print("note: not in a virtual environment; make course runs in the course's own.")
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")  # no personal start-up files
    if options.command == "course":
        return run_all(chosen, of)
    for lesson in chosen:
        try:
            execute_in_place(lesson, of)
        except nbclient.exceptions.CellExecutionError as error:
            sys.exit(f"{lesson.file}: {error}\nThe file was left as it was.")
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
