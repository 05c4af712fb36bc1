"""Run the lessons: in place for the committed outputs, or all of them into build/ as HTML.

python tools/notebooks.py execute notebooks/06_mnist_mlp.ipynb …
python tools/notebooks.py course [notebooks/06_mnist_mlp.ipynb …]
python tools/notebooks.py stamp      # set-up cell, metadata, text alternatives; runs nothing
"""

import argparse
import base64
import copy
import html
import io
import json
import os
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import nbclient
import nbformat
import PIL.Image
import stamps
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parents[1]
README_PICTURE = ROOT / "notebooks" / "where_it_looks.png"
MAX_BYTES = 598_000  # of a committed notebook; the tests' 600,000 leave room for the badges
# nbconvert's own page leaves out the text alternative that an image brings along.
PAGE = """{%- extends 'lab/index.html.j2' -%}
{%- block data_png scoped -%}
{%- set alt = output | get_metadata('alt', 'image/png') -%}
{{ super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}
{%- endblock -%}"""


def course_toml():
    """course.toml: the list of lessons (file, title, minutes, …) and [publish]."""
    return tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))


def stamp(notebook, lesson):
    """Bring up to date, in place, what tools/stamps.py gives every lesson."""
    stamps.stamp(notebook, lesson, course_toml()["publish"], setup_cell=stamps.setup_cell(ROOT))


def execute(notebook, *, timeout=600):
    """Run a notebook in place, as a learner would, in the notebooks' folder.

    Args:
        notebook: an nbformat notebook; its outputs are replaced.
        timeout: seconds that one cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; the outputs so far are kept.
    """
    client = nbclient.NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # and keep what a screen shows after carriage returns
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    )
    client.execute(env=os.environ | {"DLKIT_STRICT": "1"})  # a claim outside its band fails


def _substance(notebook):
    """What two runs must share to count as equal: everything but the seconds."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"\d+(\.\d+)? (s|ms)\b", "TIME", output.text)
    return json.dumps(notebook, sort_keys=True)


def stamp_in_place(lesson):
    """Stamp one lesson without running it; leave the file alone if nothing changed."""
    path = ROOT / lesson["file"]
    before = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(before)
    stamp(notebook, lesson)
    if notebook != before:
        nbformat.write(notebook, path)
    print(f"{path.name}: {'unchanged' if notebook == before else 'stamped'}", flush=True)


def execute_in_place(lesson):
    """Make the committed outputs of one lesson; leave the file alone if nothing changed.

    Raises:
        SystemExit: the lesson fell back to the offline sample: committed outputs come from the
            real data.
    """
    path = ROOT / lesson["file"]
    before = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(before)
    stamp(notebook, lesson)
    started = time.perf_counter()
    execute(notebook)
    seconds = time.perf_counter() - started
    if "offline sample" in _printed(notebook):
        sys.exit(f"{path.name}: ran on the offline sample; set DLKIT_DATA_DIR to the real data.")
    stamp(notebook, lesson)  # again: the outputs are new, and the kernel has described itself
    reduce_colours(notebook)
    if _substance(notebook) == _substance(before):
        print(f"{path.name}: {seconds:.0f} s, unchanged", flush=True)
        return
    nbformat.write(notebook, path)
    if picture := readme_picture(notebook):
        README_PICTURE.write_bytes(picture)
    print(f"{path.name}: {seconds:.0f} s, written, {path.stat().st_size // 1000} kB", flush=True)


def reduce_colours(notebook, max_bytes=MAX_BYTES):
    """Store figures in 256 colours, the largest first, until the notebook is small enough.

    A mosaic of photographs shrinks to a third, and looks the same; a rare colour may fade.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    figures = [output.data for output in outputs if "image/png" in output.get("data", {})]
    for data in sorted(figures, key=lambda data: -len(data["image/png"])):
        if len(nbformat.writes(notebook)) <= max_bytes:
            return
        picture = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        smaller = io.BytesIO()
        picture.quantize(256, dither=PIL.Image.Dither.NONE).save(smaller, "PNG")
        data["image/png"] = base64.b64encode(smaller.getvalue()).decode()


def readme_picture(notebook):
    """The figure of the cell tagged "readme-picture", as PNG bytes; None without such a cell."""
    for cell in notebook.cells:
        if "readme-picture" in cell.metadata.get("tags", []):
            (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            return base64.b64decode(png)
    return None


def _printed(notebook):
    outputs = (o for c in notebook.cells for o in c.get("outputs", []))
    return "".join(o.text for o in outputs if o.output_type == "stream")


def _run_lesson(lesson, build):
    """Execute one lesson into build/; returns (seconds, claims, error)."""
    path = ROOT / lesson["file"]
    notebook = nbformat.read(path, as_version=4)
    claims, error = build / (path.stem + ".claims.jsonl"), ""
    claims.unlink(missing_ok=True)
    os.environ["DLKIT_CLAIMS"] = str(claims)
    started = time.perf_counter()
    try:
        execute(notebook)
    except nbclient.exceptions.CellExecutionError as raised:
        error = f"{raised.ename}: {raised.evalue}"[:160]
    except nbclient.exceptions.DeadKernelError:
        error = "the kernel died"
    except TimeoutError:
        error = "a cell ran longer than 600 s"
    seconds = time.perf_counter() - started
    (build / (path.stem + ".html")).write_text(web_page(notebook, lesson), encoding="utf-8")
    lines = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    return seconds, [json.loads(line) for line in lines], error


def web_page(notebook, lesson):
    """A lesson as HTML, with its figures' text alternatives."""
    stamp(notebook, lesson)
    page, _ = HTMLExporter(raw_template=PAGE).from_notebook_node(notebook)
    return page


def course(chosen):
    """Execute the lessons into build/ as HTML with an index; print a table; 1 if one failed."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    rows = []
    for number, lesson in enumerate(chosen, 1):
        name = Path(lesson["file"]).stem
        print(f"[{number}/{len(chosen)}] {name} …", flush=True)
        seconds, claims, error = _run_lesson(lesson, build)
        held = f"{sum(claim['held'] for claim in claims)} of {len(claims)}"
        source = next((claim["data"] for claim in claims), "")
        rows.append((name, lesson["title"], seconds, held, source, error))
        print(
            f"      {seconds:.0f} s, claims held: {held}" + (f"  FAILED: {error}" if error else "")
        )
    _write_index(build / "index.html", rows)
    print(f"\n{'lesson':<20} {'seconds':>8}  {'claims held':<12}")
    for name, _, seconds, held, _, error in rows:
        print(f"{name:<20} {seconds:8.0f}  {held:<12}{'  FAILED: ' + error if error else ''}")
    print(f"{'all':<20} {sum(row[2] for row in rows):8.0f}")
    print(f"\nOpen {(build / 'index.html').relative_to(ROOT)} in a browser.")
    return 1 if any(row[-1] for row in rows) else 0


def _write_index(path, rows):
    body = "\n".join(
        f'<tr><td><a href="{name}.html">{html.escape(f"{name[:2]} {title}")}</a></td>'
        f"<td>{seconds:.0f}</td><td>{held}</td><td>{html.escape(source)}</td>"
        f"<td>{html.escape(error)}</td></tr>"
        for name, title, seconds, held, source, error in rows
    )
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>dlkit: the course</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:52rem}"
        "td,th{padding:.3rem 1rem .3rem 0;text-align:left}</style><h1>dlkit: the course</h1>"
        "<table><tr><th>lesson<th>seconds<th>claims held<th>data<th>error</tr>"
        f"\n{body}\n</table></html>\n",
        encoding="utf-8",
    )


def main(arguments=None):
    """Parse the command line and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/notebooks.py", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["execute", "course", "stamp"])
    parser.add_argument("files", nargs="*", help="lessons; all of course.toml if none is named")
    options = parser.parse_args(arguments)
    wanted = {Path(file).stem for file in options.files}
    lessons = course_toml()["lesson"]
    known = {Path(lesson["file"]).stem for lesson in lessons}
    if wanted - known:
        parser.error(f"not in course.toml: {', '.join(sorted(wanted - known))}")
    chosen = [one for one in lessons if not wanted or Path(one["file"]).stem in wanted]
    if options.command == "stamp":
        for lesson in chosen:
            stamp_in_place(lesson)
        return 0
    if sys.prefix == sys.base_prefix:
        print("note: not in a virtual environment; make course runs in the course's own.")
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")  # no personal start-up files
    if options.command == "course":
        return course(chosen)
    for lesson in chosen:
        try:
            execute_in_place(lesson)
        except nbclient.exceptions.CellExecutionError as error:
            sys.exit(f"{lesson['file']}: {error}\nThe file was left as it was.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
