"""What a learner sees of an exercise: a short panel, as text and as HTML."""

import html
import re
import sys
import unicodedata
from collections.abc import Sequence
from typing import Self

CORRECT, NOT_YET, NOT_ATTEMPTED = "correct", "not yet", "not attempted"
# A symbol and a colour (Okabe and Ito's) for each kind of panel; the word itself always leads.
MARKS = {
    CORRECT: ("✓", "#009E73"),
    NOT_YET: ("✗", "#D55E00"),
    NOT_ATTEMPTED: ("○", "#888888"),
    "hint": ("?", "#56B4E9"),
    "solution": ("≡", "#CC79A7"),
    "exercise": ("▸", "#888888"),
}
# Grey that is half transparent looks right on white and on black; text keeps the page's colour.
BOX = "border-left:4px solid {};background:rgba(127,127,127,0.10);padding:8px 12px;margin:4px 0;"
CODE = (  # no line is broken, so no number is: a wide one scrolls
    "background:rgba(127,127,127,0.12);color:inherit;margin:0;padding:4px 8px;"
    "white-space:pre;overflow-x:auto;font-family:monospace;font-size:0.95em;"
)
ROWS = (
    "display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr);gap:4px 10px;margin:8px 0;"
)
LABEL = "padding:4px 0;font-size:0.9em;opacity:0.8;"
NUMBER = re.compile(r"[(\[][-+\d., e]*\d[-+\d., e]*[)\]]|[-+]?\d[\d.,]*(?:e[-+]?\d+)?(?: %)?")


def clean(text: str, limit: int = 600) -> str:
    """`text` without control characters, and shortened in the middle to about `limit` characters.

    Example:
        >>> clean("a\\x1b[31m" + 100 * "b", limit=20)
        'a�[31mbbbbbbbb … bbbbbb (106 characters)'
    """
    text = str(text)
    length = len(text)
    if length > limit:
        end = limit // 3
        text = text[: limit - end] + " … " + text[-end:]
    text = "".join(
        "�" if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" else c for c in text
    )
    return f"{text} ({length:,} characters)" if length > limit else text


class Panel:
    """A short message, printed as text and shown as a panel in a notebook.

    Args:
        kind: a key of ``MARKS``, e.g. ``"hint"``.
        title: what follows the kind in the first line, e.g. the exercise's name.
        message: one or two sentences; each line is a paragraph.
        rows: pairs (label, text) shown as code, e.g. ``("expected", "[0.5 0.5]")``.
        notes: sentences after the rows.
        step: a pair (label, code), what to run next, on a line of its own at the end.

    Example:
        >>> print(Panel("hint", "1 of 3, softmax", "Subtract something first.").text)
        ? hint 1 of 3, softmax
        Subtract something first.
    """

    def __init__(
        self,
        kind: str,
        title: str,
        message: str = "",
        rows: Sequence = (),
        notes: Sequence[str] = (),
        step: tuple[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.title = title
        self.message = message
        self.rows = tuple(rows)
        self.notes = tuple(notes)
        self.step = step
        self.shown_in = None  # the number of the execution that displayed it

    def display(self) -> Self:
        """Show the panel now, in a notebook or as text; give it back, to be the value of a cell.

        A cell that ends with it does not show it a second time.
        """
        shell = _shell()
        if shell is None:
            print(self.text)
        else:
            from IPython.display import display

            self.shown_in = shell.execution_count
            display({"text/plain": self.text, "text/html": self._repr_html_()}, raw=True)
        return self

    def _ipython_display_(self):
        shell = _shell()
        if shell is None or shell.execution_count != self.shown_in:
            self.display()

    def __repr__(self):
        return f"<{self.kind} {self.title}>"

    @property
    def text(self) -> str:
        """The whole panel as plain text."""
        lines = [f"{MARKS[self.kind][0]} {self.kind} {self.title}", self.message]
        for label, text in self.rows:
            if "\n" in text:
                lines += [f"  {label}:".rstrip(), *(f"    {line}" for line in text.split("\n"))]
            else:
                lines.append(f"  {label}: {text}")
        lines += self.notes
        if self.step:
            lines += [f"{self.step[0]}:", self.step[1]]
        return "\n".join(line for line in lines if line)

    def _repr_html_(self):
        symbol, color = MARKS[self.kind]
        parts = [
            f'<div style="{BOX.format(color)}">',
            f"<strong>{symbol} {html.escape(self.kind)}</strong> {html.escape(self.title)}",
        ]
        parts += [_paragraph(line) for line in self.message.split("\n") if line]
        if self.rows:
            parts.append(f'<div style="{ROWS}">')
            for label, text in self.rows:
                parts.append(f'<div style="{LABEL}">{html.escape(label)}</div>')
                parts.append(f'<pre style="{CODE}">{html.escape(text)}</pre>')
            parts.append("</div>")
        parts += [_paragraph(note) for note in self.notes]
        if self.step:
            parts.append(_paragraph(f"{self.step[0]}:"))
            parts.append(f'<pre style="{CODE}">{html.escape(self.step[1])}</pre>')
        return "\n".join([*parts, "</div>"])


def _paragraph(text):
    """A paragraph in which no number is broken at its sign or exponent."""
    parts, end = [], 0
    for found in NUMBER.finditer(text):
        parts.append(html.escape(text[end : found.start()]))
        parts.append(f'<span style="white-space:nowrap;">{html.escape(found[0])}</span>')
        end = found.end()
    return f'<p style="margin:6px 0 0 0;">{"".join(parts)}{html.escape(text[end:])}</p>'


def _shell():
    """IPython's shell, if the code runs in one; nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


class Verdict(Panel):
    """What `check` says: ``status`` is "correct", "not yet" or "not attempted".

    Example:
        >>> verdict = Verdict("correct", "softmax", "2 cases hold.")
        >>> verdict.status
        'correct'
        >>> print(verdict.text)
        ✓ correct · softmax
        2 cases hold.
    """

    def __init__(
        self,
        status: str,
        exercise: str,
        message: str = "",
        rows: Sequence = (),
        notes: Sequence[str] = (),
        step: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(status, f"· {exercise}", message, rows, notes, step)

    @property
    def status(self) -> str:
        """ "correct", "not yet" or "not attempted"."""
        return self.kind
