"""The page at / on which one draws a digit: which files it has, and where they are."""

from html import escape
from pathlib import Path

HERE = Path(__file__).parent
PAD = HERE.parent / "interactive"  # the pad of the notebooks, as it is
FILES = {
    "/": (HERE / "page.html", "text/html; charset=utf-8"),
    "/page.js": (HERE / "page.js", "text/javascript; charset=utf-8"),
    "/mnist_form.js": (HERE / "mnist_form.js", "text/javascript; charset=utf-8"),
    "/pad.js": (PAD / "pad.js", "text/javascript; charset=utf-8"),
    "/pad.css": (PAD / "pad.css", "text/css; charset=utf-8"),
}
# It loads nothing from elsewhere, and no other page may put it into a frame.
HEADERS = (
    (
        "content-security-policy",
        "default-src 'self'; img-src data:; "
        "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
)


def read_file(path: str, model_name: str) -> tuple[bytes, str]:
    """``(bytes, content type)`` of one of ``FILES``; the page itself is told the model's name."""
    file, content_type = FILES[path]
    text = file.read_text(encoding="utf-8")
    if path == "/":
        text = text.replace("MODEL_NAME", escape(model_name, quote=True))
    return text.encode(), content_type
