"""A lesson as a page for the web: readable by everyone, and complete without another host."""

import re

import nbformat
from course import NAME, ROOT
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from dlkit.machine import python_command, short_path

# nbconvert's own page loads scripts from other hosts, shows folded cells open, and leaves out the
# text alternative that an image brings along.
TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}<style>{{ resources.dlkit_css }}</style>{%- endblock -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details class="dlkit-folded"><summary>Code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block data_png scoped -%}
{%- set alt = output | get_metadata('alt', 'image/png') -%}
{{ super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}
{%- endblock -%}"""

# Contrast of 4.5 at least (WCAG 2.2, 1.4.3), links told by more than their colour (1.4.1), and
# nothing wider than a phone's screen that does not scroll in its place.
CSS = """
:root {
  --jp-cell-prompt-not-active-opacity: 1;
  --jp-cell-inprompt-font-color: #1a5f9c;
  --jp-cell-outprompt-font-color: #9a4023;
  --jp-mirror-editor-comment-color: #2f6666;
  --jp-mirror-editor-operator-color: #8a00d4;
  --jp-mirror-editor-meta-color: #8a00d4;
  --jp-mirror-editor-number-color: #006b00;
  --jp-mirror-editor-keyword-color: #006b00;
  --jp-mirror-editor-builtin-color: #006b00;
}
main { margin: 0 auto; max-width: 60rem; }
.jp-RenderedHTMLCommon a:not(.anchor-link) { text-decoration: underline; }
.jp-RenderedHTML pre span { color: inherit !important; }
.jp-RenderedImage img { height: auto; max-width: 100%; }
math { /* of macOS, Windows and Linux: fonts that know where an index belongs */
  font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math;
}
math[display="block"] { margin: 0.5em 0; overflow-x: auto; overflow-y: hidden; }
.jp-InputArea-editor { overflow-x: auto; }
.dlkit-folded > summary { cursor: pointer; }
@media (min-width: 761px) {
  .dlkit-folded > summary { margin-left: var(--jp-cell-prompt-width); }
}
"""


def formula(latex: str, *, block: bool = False) -> str:
    r"""A formula of LaTeX as MathML, which browsers show by themselves.

    Args:
        latex: without its dollar signs.
        block: on lines of its own.

    Returns:
        A ``<math>`` element.

    Raises:
        SystemExit: the package that converts it is not installed.
        ValueError: a command is not known to it.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        lists = [short_path(ROOT / name) for name in ("tools/requirements.txt", "constraints.txt")]
        command = python_command("-m", "pip", "install", "-r", lists[0], "-c", lists[1])
        raise SystemExit(
            f"latex2mathml turns formulas into MathML; to install: {command}"
        ) from None
    latex = latex.replace(r"\arg", r"\operatorname{arg}")
    found = convert(latex, display="block" if block else "inline")
    if left := re.search(r"\\[A-Za-z]+", found):
        raise ValueError(f"the formula {latex!r} has {left[0]}, which is not known: write it else")
    return found


class _Renderer(IPythonRenderer):
    """Markdown with formulas as MathML."""

    def inline_math(self, body: str) -> str:
        return formula(body)

    def block_math(self, body: str) -> str:
        return formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)


def markdown(source: str) -> str:
    """Markdown as HTML: links to lessons and texts lead to their pages, badges are words."""
    source = re.sub(rf"\]\(({NAME.pattern})\.ipynb\b", r"](\1.html", source)
    source = re.sub(r"\]\((\w+)\.md\b", r"](\1.html", source)
    source = re.sub(r"\[!\[(Open in \w+)\]\([^)]*\)\]", r"[\1]", source)
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)


def web_page(notebook: nbformat.NotebookNode, title: str) -> str:
    """A notebook as HTML.

    Args:
        notebook: an nbformat notebook with its outputs.
        title: of the page.

    Returns:
        The text of a file that needs no other.
    """
    exporter = HTMLExporter(raw_template=TEMPLATE)
    exporter.register_filter("markdown2html", markdown)
    resources = {"metadata": {"name": title}, "dlkit_css": CSS}
    page, _ = exporter.from_notebook_node(notebook, resources)
    return page
