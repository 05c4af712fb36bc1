"""Name the repository that the public opens the course from, in every place at once.

make publish REPO=owner/name REF=main     # or: python tools/publish.py owner/name --ref main
make publish REPO=                        # takes badges and links out again

Writes course.toml, and from it the badges of the lessons and of the README, the set-up cell of
every lesson, and CITATION.cff. A second run changes nothing; another name replaces the first.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import stamps

import notebooks

ROOT = Path(__file__).resolve().parents[1]
WHAT_THEY_DO = "\nopen the first lesson in your browser, with nothing to install."


def repository_name(text):
    """The text, if it is empty or a name on GitHub such as "owner/name".

    Raises:
        ValueError: it is neither.
    """
    owner, name = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", r"(?!\.{1,2}$)[\w.-]{1,100}(?<!\.git)"
    if text and not re.fullmatch(f"{owner}/{name}", text, flags=re.ASCII):
        raise ValueError(
            f"REPO={text!r} is no repository: write REPO=owner/name, as in the address "
            "https://github.com/owner/name, or REPO= to take badges and links out."
        )
    return text


def ref_name(text):
    """The text, if it names a branch, a tag or a commit.

    Raises:
        ValueError: it does not.
    """
    if not re.fullmatch(r"(?!.*(?:\.\.|//|/\.|\.lock$))\w[\w./-]*(?<![./])", text, flags=re.ASCII):
        raise ValueError(
            f"REF={text!r} is no branch, tag or commit: write REF=main or REF=v1.0, in letters, "
            "digits and . _ / -, without '..' and blanks."
        )
    return text


def course_toml(text, repository, ref):
    """course.toml with the two values of [publish]."""
    text = _replace_line(text, "repository = ", f"repository = {json.dumps(repository)}")
    return _replace_line(text, "ref = ", f"ref = {json.dumps(ref)}")


def setup_cell(text, repository, ref):
    """The set-up cell with the repository that it installs from."""
    names = f"{json.dumps(repository)}, {json.dumps(ref)}"
    return _replace_line(text, "REPOSITORY, REF = ", f"REPOSITORY, REF = {names}")


def citation(text, repository, ref):
    """CITATION.cff with the repository's address, or without."""
    kept = [line for line in text.splitlines() if not re.match("(repository-code|url):", line)]
    address = f'"https://github.com/{repository}"'
    found = [f"repository-code: {address}", f"url: {address}"] if repository else []
    return "\n".join(kept + found) + "\n"


def readme(text, repository, ref):
    """The README with the first lesson's badges under "Start", and a column of links to Colab."""
    files = [lesson["file"] for lesson in notebooks.course_toml()["lesson"]]
    row = stamps.badges(files[0], repository, ref)
    text = stamps.with_row(text, row and row + WHAT_THEY_DO, after="## Start")
    text = re.sub(r"^(\|.*) \[Colab\]\(https://colab[^)]*\) \|$", r"\1", text, flags=re.MULTILINE)
    text = text.replace("| what you do | run it |\n|---", "| what you do |\n", 1)
    if not repository:
        return text
    for file in files:
        link = f" [Colab]({stamps.links(file, repository, ref)['Colab']}) |"
        text = re.sub(rf"^\|.*\({re.escape(file)}\).*\|$", rf"\g<0>{link}", text, flags=re.M)
    return text.replace("| what you do |\n", "| what you do | run it |\n|---", 1)


def _replace_line(text, start, line):
    text, found = re.subn(f"^{re.escape(start)}.*$", lambda _: line, text, flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"expected one line that begins with {start!r}; found {found}")
    return text


PLACES = {
    "course.toml": course_toml,
    "tools/setup_cell.py": setup_cell,
    "README.md": readme,
    "CITATION.cff": citation,
}


def main(arguments=None):
    """Parse the command line and write every place; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/publish.py", description=__doc__.splitlines()[0])
    parser.add_argument("repository", help="owner/name on GitHub; empty to take it out")
    parser.add_argument("--ref", default="main", help="branch, tag or commit (main)")
    options = parser.parse_args(arguments)
    try:
        names = repository_name(options.repository), ref_name(options.ref)
        before = {place: (ROOT / place).read_text(encoding="utf-8") for place in PLACES}
        after = {place: change(before[place], *names) for place, change in PLACES.items()}
    except ValueError as error:
        parser.error(str(error))
    for place, text in after.items():
        if text != before[place]:
            (ROOT / place).write_text(text, encoding="utf-8", newline="\n")
        print(f"{place}: {'unchanged' if text == before[place] else 'written'}")
    return notebooks.main(["stamp"])


if __name__ == "__main__":
    sys.exit(main())
