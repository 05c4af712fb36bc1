"""Every file of a class's folder is read or named, and none takes long or much to read."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT

from dlkit.teaching import cells, layouts, progress, submissions

TOPICS = progress.lessons()
EMPTY = b'{"cells": [], "nbformat": 4}'
TEXT = "from dlkit.exercises import losses as exercises"


def notebook(*sources):
    found = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": found, "nbformat": 4}).encode()


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def found_in(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    found = submissions.find(folder, TOPICS)
    read = {one.file: one.student for one in found.submissions if not one.problem}
    problems = {one.file: one.problem for one in found.submissions if one.problem}
    return read, problems | dict(found.left_out)


@pytest.mark.parametrize(
    "name",
    [
        *("03_losses.ipynb", "03_losses.IPYNB", "03_losses.ipynb.json", "03_losses.ipynb.txt"),
        *("03_losses.ipynb.download", "03_losses.ipynb(1)", "03_losses.ipynb (2)"),
    ],
)
def test_a_notebook_is_read_whatever_its_ending_became(tmp_path, name):
    read, rest = found_in(tmp_path, {f"ada/{name}": notebook(TEXT), f"ben_{name}": notebook(TEXT)})
    assert (read, rest) == ({f"ada/{name}": "ada", f"ben_{name}": "ben"}, {})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("answers.py", "is no notebook (.ipynb)"),
        ("03_losses.html", "is no notebook (.ipynb)"),
        ("03_losses.json", "is no notebook (.ipynb)"),
        ("03_losses", "is no notebook (.ipynb)"),
        ("work.rar", "of a kind that is not read: unpack it"),
        ("work.tar.gz", "of a kind that is not read: unpack it"),
        ("03_losses.ipynb.gz", "of a kind that is not read: unpack it"),
        ("work.zip", "is damaged, or no archive"),
        (".DS_Store", "is hidden or made by a system"),
        ("._03_losses.ipynb", "is hidden or made by a system"),
        ("Thumbs.db", "is hidden or made by a system"),
        ("03_losses.ipynb.txt", "is not JSON"),
    ],
)
def test_every_other_file_is_named_with_its_reason(tmp_path, name, reason):
    read, rest = found_in(tmp_path, {f"ada/{name}": b"x", "ada/03_losses.ipynb": EMPTY})
    assert list(read) == ["ada/03_losses.ipynb"]
    assert list(rest) == [f"ada/{name}"] and reason in rest[f"ada/{name}"]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are made otherwise on Windows")
def test_links_pipes_and_closed_folders_are_named_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "class"
    (folder / "ada" / "closed").mkdir(parents=True)
    outside.mkdir()
    (outside / "03_losses.ipynb").write_bytes(EMPTY)
    (folder / "ben").symlink_to(outside)
    (folder / "ada" / "03_losses.ipynb").symlink_to(outside / "03_losses.ipynb")
    (folder / "ada" / "work.zip").symlink_to(outside)
    os.mkfifo(folder / "ada" / "04_gradient_descent.ipynb")
    os.mkfifo(folder / "ada" / "more.zip")
    (folder / "ada" / "closed").chmod(0)
    read, rest = found_in(folder, {})
    (folder / "ada" / "closed").chmod(0o700)
    assert read == {}
    links = [name for name, reason in rest.items() if reason == "is a link: links are not followed"]
    assert sorted(links) == ["ada/03_losses.ipynb", "ada/work.zip", "ben"]
    assert rest["ada/04_gradient_descent.ipynb"] == rest["ada/more.zip"] == "is not a file"
    assert os.getuid() == 0 or rest["ada/closed/"] == "Permission denied"


def test_an_archive_is_read_as_a_folder(tmp_path):
    inside = {
        "ada/03_losses.ipynb": notebook(TEXT),
        "ben/03_losses.ipynb": notebook(TEXT),
        "ben/picture.png": b"",
        "__MACOSX/ben/._03_losses.ipynb": b"",
        "cleo/more.zip": zipped({}),
        "cleo/": b"",
    }
    files = {"class.zip": zipped(inside), "dan.ZIP": zipped({"03_losses.ipynb": notebook(TEXT)})}
    read, rest = found_in(tmp_path / "1", {"class.zip": files["class.zip"]})
    assert read == {"class/ada/03_losses.ipynb": "ada", "class/ben/03_losses.ipynb": "ben"}
    assert rest == {
        "class/ben/picture.png": "is no notebook (.ipynb)",
        "class/__MACOSX/ben/._03_losses.ipynb": "is hidden or made by a system",
        "class/cleo/more.zip": "is an archive in an archive: unpack it",
    }
    read, _ = found_in(tmp_path / "2", {"dan.ZIP": files["dan.ZIP"], "eve.zip": files["dan.ZIP"]})
    assert read == {"dan/03_losses.ipynb": "dan", "eve/03_losses.ipynb": "eve"}
    assert not any(path.is_dir() for path in (tmp_path / "2").iterdir())


def test_a_name_in_an_archive_leads_nowhere(tmp_path):
    entries = {"../../ben/03_losses.ipynb": EMPTY, "/etc/03_losses.ipynb": EMPTY}
    entries["a\\b\\03_losses.ipynb"] = EMPTY
    files = {"ada.zip": zipped(entries), "ben/03_losses.ipynb": EMPTY}
    read, _ = found_in(tmp_path / "class", files)
    assert sorted(read.values()) == ["ada", "ada", "ada", "ben"]
    assert not any(".." in file or "\\" in file for file in read)
    assert [path.name for path in tmp_path.iterdir()] == ["class"]


def many(number):
    return zipped({f"{n}.txt": b"" for n in range(number)}, zipfile.ZIP_STORED)


def locked():
    data = bytearray(zipped({"03_losses.ipynb": EMPTY}))
    data[6] |= 1  # the flag in the entry and in the list of entries
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def damaged():
    data = bytearray(zipped({"03_losses.ipynb": notebook(TEXT * 9)}))
    data[60] ^= 255
    return bytes(data)


def undecodable():
    data = bytearray(zipped({"03_losses.ipynb": notebook("x = 1\n" * 900)}))
    data[45:60] = b"\xff" * 15  # where the compressed bytes begin
    return bytes(data)


def with_a_list_of(size):
    """An archive that says that its list of entries has so many bytes, and has them."""
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + size.to_bytes(4, "little") + bytes(6)
    return bytes(size) + end


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (lambda: zipped({"03_losses.ipynb": bytes(30_000_000)}), "at most 20 MB"),
        (lambda: zipped({"03_losses.ipynb": EMPTY}, zipfile.ZIP_LZMA), "in a way that is not read"),
        (lambda: many(5001), "has 5001 entries; at most 5000"),
        (lambda: with_a_list_of(5_000_000), "lists its entries on more than 4 MB"),
        (lambda: with_a_list_of(1000), "is damaged, or no archive"),
        (locked, "is protected by a password"),
        (damaged, "is damaged, or no archive"),
        (undecodable, "is damaged, or no archive"),
        (lambda: zipped({"03_losses.ipynb": EMPTY})[:90], "is damaged, or no archive"),
    ],
    ids=[
        "large",
        "lzma",
        "many",
        "long list",
        "no list",
        "locked",
        "damaged",
        "undecodable",
        "cut",
    ],
)
def test_an_archive_is_read_within_limits(tmp_path, archive, reason):
    read, rest = found_in(tmp_path, {"ada.zip": archive()})
    (said,) = rest.values()
    assert read == {} and reason in said


def test_the_notebooks_of_an_archive_have_a_limit_together(tmp_path):
    bomb = zipped({f"{n}/03_losses.ipynb": bytes(19_000_000) for n in range(12)})
    _, rest = found_in(tmp_path, {"ada.zip": bomb})
    assert len(bomb) < 300_000
    assert [r for r in rest.values() if "past the 200 MB that are read of one" in r] != []


# ---- Time that grows as the size --------------------------------------------------------------
# What is read in the teacher's own process is read here in a process that may use 60 s of
# computing, whatever else the machine does. A step that is quadratic in 2 MB takes hours.

LINE = 2_000_000
CODE = {
    "empty lines": "\n" * LINE,
    "spaces": " " * LINE,
    "tabs and lines": "\t\n" * (LINE // 2),
    "lines of spaces": (" " * 1000 + "\n") * (LINE // 1001),
    "an import and empty lines": "from dlkit.exercises import " + "\n" * (LINE - 100),
    "an import and brackets": "from dlkit.exercises import " + "(" * (LINE - 100),
    "the start of imports": "from dlkit.exercises import\n" * (LINE // 28),
    "from and spaces": "from" + " " * (LINE - 10),
    "a long name": "from dlkit.exercises import " + "a" * (LINE - 100),
    "dots": "import dlkit.exercises" + "." * (LINE - 100),
}
FILES = {
    "deep": b"[" * 20_000_000,
    "deep objects": b'{"a":' * 4_000_000,
    "a long number": b'{"cells": ' + b"1" * 19_000_000 + b"}",
    "a long fraction": b'{"cells": 0.' + b"1" * 19_000_000 + b"}",
    "long numbers": b"[" + b"1" * 4000 + (b"," + b"1" * 4000) * 4500 + b"]",
    "a long text": b'{"cells": [{"source": "' + b"\\n" * 9_000_000 + b'"}]}',
    "a text without end": b'{"cells": "' + b"\\\\" * 9_000_000,
    "spaces": b" " * 19_999_999 + b"x",
    "many lists": b"[" + b"[]," * 6_000_000 + b"[]]",
    "many cells": b'{"cells":[' + b"{}," * 6_000_000 + b"{}]}",
    "many code cells": b'{"cells":[' + b'{"cell_type":"code"},' * 900_000 + b"{}]}",
    "no UTF-8": b"\xff" * 19_000_000,
    "UTF-32": b"[\0\0\0" * 4_000_000,
}
READ_ALL = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (4 * 10**9, 4 * 10**9))
from dlkit.teaching import submissions
found = submissions.find(sys.argv[1], {dict(TOPICS)!r})
print(*(f"{{one.file}}: {{one.topic}} {{one.problem}}" for one in found.submissions), sep="\\n")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a process's computing")
@pytest.mark.parametrize("kind", [*CODE, *FILES])
def test_no_file_takes_longer_than_its_size(tmp_path, kind):
    content = notebook("x", CODE[kind] + "x") if kind in CODE else FILES[kind]
    assert len(content) <= 20_000_000
    (tmp_path / "ada.ipynb").write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("ada.ipynb: ")


PATTERNS = [
    (module, name, value)
    for module in (submissions, layouts, cells)
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
]


def test_every_pattern_of_these_modules_is_among_those_fed_their_worst():
    """A new one: say here what bounds it, and feed it its worst case above or in test_layouts."""
    names = {f"{module.__name__.rpartition('.')[2]}.{name}" for module, name, _ in PATTERNS}
    assert names == {
        "submissions.TOPIC",  # the code of a notebook: CODE
        "submissions.NOTEBOOK",  # one name
        "layouts.COLLECTION",  # one name, cut to 255 characters
        "layouts.VERSION",
        "layouts.COPY",
        "cells.CHECK",  # in the sandbox alone, as all of cells: BOMBS in test_progress
        "cells.OPTIONS",
    }


def test_too_much_code_is_refused_before_it_is_kept(tmp_path):
    _, rest = found_in(tmp_path, {"ada.ipynb": notebook("x" * 1_500_000, "y" * 600_000)})
    assert "has 2.1 million characters of code" in rest["ada.ipynb"]
