"""Whose a notebook is: the folders of classes as teachers have them."""

import pytest

from dlkit.teaching import layouts, progress

TOPICS = progress.lessons()
MOODLE = "_assignsubmission_file_"


def read(paths, root="class"):
    """({path: student}, notes) of paths of notebooks, all with a lesson in their path or losses."""
    items = []
    for path in paths:
        *folders, name = path.removesuffix(".ipynb").split("/")
        topic = next(
            filter(None, (layouts.topic_in(n, TOPICS) for n in (name, *folders))), "losses"
        )
        items.append(layouts.Item(folders, name, topic))
    notes = layouts.assign(items, TOPICS, root)
    return {p: i.problem or i.student for p, i in zip(paths, items, strict=True)}, notes


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}/03_losses.ipynb", "{}/03_losses.ipynb"),
        ("03_losses_{}.ipynb", "{}-03_losses.ipynb"),
        ("03_losses/{}.ipynb", "04_gradient_descent/{}.ipynb"),
        ("02_activations/{}/my answer.ipynb", "02_activations/{}/my answer.ipynb"),
        ("Losses/{}.ipynb", "03 losses/{}.ipynb"),
        ("week 3/{}.ipynb", "week 3/{}/03_losses.ipynb"),
        ("hw1/{}/03_losses.ipynb", "hw2/{}/03_losses.ipynb"),
        ("class of 2026/{}/03_losses.ipynb", "class of 2026/{}/03_losses.ipynb"),
        ("a/b/c/{}/03_losses.ipynb", "a/b/c/{}/03_losses.ipynb"),
        ("group A/week 3/{}/03_losses.ipynb", "group A/week 3/{}/03_losses.ipynb"),
        ("Blatt eins/{}.ipynb", "Blatt eins/{}.ipynb"),
        ("submitted/{}/hw1/03_losses.ipynb", "submitted/{}/hw1/03_losses.ipynb"),
        ("course/submitted/{}/retry/03_losses.ipynb", "course/submitted/{}/a/03_losses.ipynb"),
        ("03_losses-{}/03_losses.ipynb", "losses_{}/03_losses.ipynb"),
        (f"{{}}_12345{MOODLE}/03_losses.ipynb", f"{{}}_12346{MOODLE}/03_losses.ipynb"),
        (f"{{}}_12345{MOODLE}03_losses.ipynb", f"{{}}_12346{MOODLE}x (1).ipynb"),
        (f"Course-Losses-123/{{}}_1{MOODLE}/x.ipynb", f"Course-Losses-123/{{}}_2{MOODLE}/x.ipynb"),
        ("{}_12345_67890_03_losses.ipynb", "{}_LATE_12346_67891_03_losses-1.ipynb"),
        ("submissions/{}_12345_67890_x.ipynb", "submissions/{}_12346_67891_y.ipynb"),
        (
            "Week 3_{}_attempt_2026-11-29-12-00-00_03_losses.ipynb",
            "Week 3_{}_attempt_2026-11-28-09-15-59_my_losses.ipynb",
        ),
        (
            "12345-67890 - {} - 29 November, 2026 1200 PM/03_losses.ipynb",
            "12346-67890 - {} - Nov 28, 2026 942 AM - 03_losses.ipynb",
        ),
        ("Copy of 03_losses_{}.ipynb", "03_losses_{} - Copy (2).ipynb"),
        ("{} (1)/03_losses.ipynb", "{}-Copy1/03_losses.ipynb"),
    ],
)
@pytest.mark.parametrize("names", [("ada", "ben"), ("Zoë", "李雷"), ("12345678", "12345679")])
def test_two_students_of_a_class_are_two(first, second, names):
    a, b = names
    paths = [first.format(a), second.format(b)]
    found, _ = read(paths)
    assert [found[path] for path in paths] == [a, b]


@pytest.mark.parametrize(
    "paths",
    [
        ["ada/03_losses.ipynb", "ada/04_gradient_descent.ipynb"],
        ["ada/week 1/01_neurons.ipynb", "ada/week 3/03_losses.ipynb"],
        ["ada/03_losses.ipynb", "ada/03_losses (1).ipynb", "ada/final.ipynb"],
        ["ada/03_losses.ipynb", "ada/old/03_losses.ipynb", "ada/v2/03_losses.ipynb"],
        ["submitted/ada/hw1/03_losses.ipynb", "submitted/ada/retry/03_losses.ipynb"],
        [
            "03_losses/ada.ipynb",
            "04_gradient_descent/Ada.ipynb",
            "05_backpropagation/ada-Copy1.ipynb",
        ],
        [f"ada_1{MOODLE}/03_losses.ipynb", f"ada_2{MOODLE}/04_gradient_descent.ipynb"],
        ["ada_123_456_03_losses.ipynb", "ada_123_789_03_losses-1.ipynb"],
    ],
)
def test_one_student_is_one(paths):
    found, _ = read(paths)
    assert {layouts.key(student) for student in found.values()} == {"ada"}
    assert len(set(found.values())) == 1


def test_a_folder_of_a_class_beside_one_that_is_none_stays_a_students():
    """Else whoever hands in folders with others' names would be taken apart into these."""
    paths = ["ada/03_losses.ipynb", "eve/ada/03_losses.ipynb", "eve/ben/03_losses.ipynb"]
    found, notes = read(paths)
    assert list(found.values()) == ["ada", "eve", "eve"]
    assert any("eve: one lesson in several folders" in note for note in notes)
    paths = ["ada/03_losses.ipynb", f"eve/ada_1{MOODLE}/03_losses.ipynb"]
    assert list(read(paths)[0].values()) == ["ada", "eve"]


def test_where_no_name_stands_it_is_the_folders():
    assert read(["03_losses.ipynb"], "mine")[0] == {"03_losses.ipynb": "mine"}
    assert read(["week 3/03_losses.ipynb"], "mine")[0] == {"week 3/03_losses.ipynb": "mine"}


def test_what_lies_beside_nbgraders_submissions_is_the_teachers():
    paths = ["submitted/ada/hw/03_losses.ipynb", "source/hw/03_losses.ipynb"]
    paths += ["autograded/ada/hw/03_losses.ipynb", "release/hw/03_losses.ipynb"]
    found, notes = read(paths)
    assert found[paths[0]] == "ada" and notes[0].startswith("1 notebook of 1 student (")
    assert all("lies beside nbgrader's" in found[path] for path in paths[1:])


@pytest.mark.parametrize(
    "spellings",
    [
        ("Zoe\u0308 Ada", "Zo\u00eb Ada"),  # a letter with its dots apart, and as one
        ("Ada Lovelace", "ada lovelace"),
        ("Ada Lovelace", "Ada  Lovelace"),
        ("Ada Lovelace", "Ada_Lovelace"),
        ("\uff21da", "Ada"),  # a wide A
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_two_spellings_of_one_name_are_one_student_and_it_is_said(spellings):
    paths = [f"{name}/0{n}_x.ipynb" for n, name in enumerate([*spellings, spellings[0]])]
    found, notes = read(paths)
    assert set(found.values()) == {spellings[0]}  # the more frequent
    assert any(note.startswith("read as one student: ") for note in notes)


def test_two_of_one_name_are_two_where_a_platform_numbers_them():
    paths = [f"Ada Li_{n}{MOODLE}/03_losses.ipynb" for n in (11, 12)]
    found, notes = read(paths)
    assert list(found.values()) == ["Ada Li (11)", "Ada Li (12)"]
    assert any("several students are called ada li" in note for note in notes)


@pytest.mark.parametrize("name", [*"_- .(", "a_", "1_", "1-", "copy of ", " (1)", "- copy", "a - "])
def test_no_name_takes_long(name):
    """A name is at most 255 characters for every pattern, however long it is in an archive."""
    long = name * 30_000
    for function in (layouts.original, layouts.platform, layouts.key):
        function(long)
    read([f"{long}/{long}.ipynb", f"{long}a/{long}b.ipynb"])
