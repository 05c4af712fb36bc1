"""Name the repository that the public opens the course from, in every place at once.

make publish REPO=owner/name REF=main     # or: python tools/publish.py owner/name --ref main
make publish REPO=                        # takes badges and links out again

Writes course.toml, and from it the set-up cell, CITATION.cff, and the badges and links of the
lessons and of the README. A second run changes nothing; another name replaces the first.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import course
from course import ROOT, replace_line

from dlkit.machine import print_anything


def repository_name(text: str) -> str:
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


def ref_name(text: str) -> str:
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


def course_toml(text: str, repository: str, ref: str) -> str:
    """course.toml with the two values of [publish]."""
    text = replace_line(text, "repository = ", f"repository = {json.dumps(repository)}")
    return replace_line(text, "ref = ", f"ref = {json.dumps(ref)}")


def setup_cell(text: str, repository: str, ref: str) -> str:
    """The set-up cell with the repository that it installs from."""
    names = f"{json.dumps(repository)}, {json.dumps(ref)}"
    return replace_line(text, "REPOSITORY, REF = ", f"REPOSITORY, REF = {names}")


def citation(text: str, repository: str, ref: str) -> str:
    """CITATION.cff with the repository's address, or without."""
    kept = [line for line in text.splitlines() if not re.match("(repository-code|url):", line)]
    address = f'"https://github.com/{repository}"'
    found = [f"repository-code: {address}", f"url: {address}"] if repository else []
    return "\n".join(kept + found) + "\n"


PLACES = {
    "course.toml": course_toml,
    "tools/setup_cell.py": setup_cell,
    "CITATION.cff": citation,
}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line and write every place; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/publish.py", description=__doc__.splitlines()[0])
    parser.add_argument("repository", help="owner/name on GitHub; empty to take it out")
    parser.add_argument("--ref", default="main", help="branch, tag or commit (main)")
    options = parser.parse_args(arguments)
    changed = []
    try:
        names = repository_name(options.repository), ref_name(options.ref)
        before = {place: (root / place).read_text(encoding="utf-8") for place in PLACES}
        after = {place: change(before[place], *names) for place, change in PLACES.items()}
        for place, text in after.items():
            if text != before[place]:
                (root / place).write_text(text, encoding="utf-8", newline="\n")
                changed.append(place)
        changed += course.stamp_all(course.read(root))
    except ValueError as error:
        parser.error(str(error))
    print("\n".join(f"{place}: written" for place in changed) or "everything is up to date")
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
