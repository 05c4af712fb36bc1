"""What every lesson carries beside its text and outputs, each from its one source.

- the set-up cell, from tools/setup_cell.py;
- badges that open the lesson elsewhere, and the metadata that Colab reads, from course.toml;
- a text alternative for each figure, from the **In words:** below it.
"""

import re
from pathlib import Path
from urllib.parse import quote

import nbformat

BADGES = "[![Open in Colab]("  # a block of text that begins so was stamped
ALT_SENTENCES = 3
SENTENCE_END = r"(?:(?<=[.!?])|(?<=[.!?]\))) +(?=[A-ZΑ-Ω(])"
SIGNS = {"times": "×", "cdot": "·", "le": "≤", "ge": "≥", "approx": "≈", "pm": "±"}
SIGNS |= {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eta": "η", "lambda": "λ"}
SIGNS |= {"mu": "μ", "sigma": "σ", "varepsilon": "ε", "varphi": "φ", "Phi": "Φ"}


def setup_cell(root):
    """The text of the set-up cell in the course's folder `root`."""
    return (Path(root) / "tools" / "setup_cell.py").read_text(encoding="utf-8").strip()


def stamp(notebook, lesson, publish, *, setup_cell):
    """Bring a lesson's set-up cell, badges, metadata and text alternatives up to date, in place.

    Args:
        notebook: an nbformat notebook. Its outputs stay, but for their images' `alt`.
        lesson: its entry in course.toml.
        publish: course.toml's [publish]: repository and ref.
        setup_cell: the text of the set-up cell.
    """
    first_code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first_code.source = setup_cell
    head = notebook.cells[0]
    if head.cell_type == "markdown":
        head.source = with_row(head.source, badges(lesson["file"], **publish), after="# ")
    notebook.metadata = nbformat.from_dict(metadata(lesson))
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        text = after.source if after is not None and after.cell_type == "markdown" else ""
        images = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        for output, alt in zip(images, alt_texts(text, len(images)), strict=True):
            output.metadata.setdefault("image/png", nbformat.NotebookNode())["alt"] = alt


def metadata(lesson):
    """A lesson's metadata: the kernel; for Colab an outline, and a GPU where the lesson gains."""
    colab = {"provenance": [], "toc_visible": True}
    found = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": colab,
    }
    if lesson.get("gpu", False):
        found |= {"accelerator": "GPU", "colab": colab | {"gpuType": "T4"}}
    return found


def links(file, repository, ref):
    """Where a lesson opens with a click: a dict of the service's name and its address."""
    on_github = f"{repository}/blob/{ref}/{file}"
    binder = f"{repository}/{quote(ref, safe='')}?urlpath=lab/tree/{file}"
    return {
        "Colab": f"https://colab.research.google.com/github/{on_github}",
        "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{on_github}",
        "Binder": f"https://mybinder.org/v2/gh/{binder}",
    }


def badges(file, repository, ref):
    """One line of Markdown with a badge for each service; empty while no repository is named."""
    pictures = {
        "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
        "Kaggle": "https://kaggle.com/static/images/open-in-kaggle.svg",
        "Binder": "https://mybinder.org/badge_logo.svg",
    }
    there = links(file, repository, ref) if repository else {}
    return " ".join(f"[![Open in {name}]({pictures[name]})]({url})" for name, url in there.items())


def with_row(text, row, *, after):
    """Markdown with the row of badges below the first block that begins with `after`.

    A row that is there already is replaced, or taken out if `row` is empty.

    Raises:
        ValueError: there is no such block.
    """
    blocks = [block for block in text.split("\n\n") if not block.startswith(BADGES)]
    if row:
        places = [number for number, block in enumerate(blocks) if block.startswith(after)]
        if not places:
            raise ValueError(f"no block of text begins with {after!r}: nowhere to put the badges")
        blocks.insert(places[0] + 1, row)
    return "\n\n".join(blocks)


def alt_texts(text, count):
    """Text alternatives for `count` figures, from the Markdown cell below them.

    The first sentences after **In words:** as plain text, numbered if there are several figures;
    empty strings if the cell does not say it in words.
    """
    found = re.search(r"\*\*In words:\*\* *(.+?)(?:\n\s*\n|$)", text, flags=re.DOTALL)
    alt = plain(found[1]) if found else ""
    alt = " ".join(re.split(SENTENCE_END, alt)[:ALT_SENTENCES])
    alt = alt[:1].upper() + alt[1:]
    if count < 2 or not alt:
        return [alt] * count
    return [f"Figure {number} of {count}. {alt}" for number in range(1, count + 1)]


def plain(markdown):
    r"""Markdown with a little LaTeX as plain text on one line.

    >>> plain(r"*Both* rise by $10^{62}\,\mathbf{w}_1$; see [lesson 05](05.ipynb) or `-b`.")
    'Both rise by 10^62 w1; see lesson 05 or -b.'
    """
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", markdown)  # [text](target)
    text = re.sub(r"\$+(.+?)\$+", lambda found: _plain_formula(found[1]), text, flags=re.DOTALL)
    text = re.sub(r"(\*{1,2})(\S(?:.*?\S)??)\1", r"\2", text, flags=re.DOTALL)
    return " ".join(text.replace("`", "").split())


def _plain_formula(latex):
    text = re.sub(r"\\[,;:! ]", " ", latex)
    text = re.sub(r"\\(?:mathbf|mathrm|text|operatorname|bigl?|bigr?)\b", "", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda name: SIGNS.get(name[1], name[1]), text)
    return re.sub(r"[{}_\\]", "", text).replace("-", "−")
