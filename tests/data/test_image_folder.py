"""A folder of one's own pictures: what comes out, and a sentence for each way it can be wrong."""

import hashlib
import os
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlkit.data import Origin, load_image_folder

RED, BLUE = (250, 10, 20), (10, 20, 250)


def paint(path, color=RED, size=(40, 40), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)
    return path


def nearly(color, number):
    """A colour that only its number tells from others: no two pictures are copies."""
    red, green, blue = color
    return red - number % 3, green + number // 3 % 3, blue - number // 9


@pytest.fixture
def folder(tmp_path):
    """Twenty red cats and ten blue dogs, in pictures of several kinds."""
    root = tmp_path / "pets"
    for number in range(20):
        kind = ("png", "bmp", "jpg", "webp")[number % 4]
        paint(root / "cat" / f"{number}.{kind}", nearly(RED, number))
    for number in range(10):
        paint(root / "dog" / f"{number}.PNG", nearly(BLUE, number), format="PNG")
    return root


def one(folder, **options):
    """The picture that is `odd.*` of three in class a; the others are white."""
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/3.png"):
        paint(folder / name, (255, 255, 255))
    x, y = load_image_folder(folder, val_share=0, test_share=0, **options).train
    assert x.shape[0] == 6
    pictures = x[y == 0]
    (different,) = [p for p in pictures if (p != 255).any()]
    return different


def test_classes_are_folders_and_labels_fit(folder):
    pets = load_image_folder(folder)
    assert pets.class_names == ("cat", "dog")
    assert (pets.name, pets.source, pets.is_sample) == ("pets", "image folder pets", False)
    assert pets.origin is Origin.IMAGE_FOLDER
    assert str(folder) not in repr(pets)
    for split, cats, dogs in ((pets.train, 16, 8), (pets.val, 2, 1), (pets.test, 2, 1)):
        assert (split.x.shape, split.x.dtype) == ((cats + dogs, 32, 32, 3), np.uint8)
        assert split.y.dtype == np.uint8
        np.testing.assert_array_equal(np.bincount(split.y), [cats, dogs])
        expected = np.where(split.y[:, None] == 0, RED, BLUE)
        assert np.abs(split.x[:, 16, 16].astype(int) - expected).max() <= 8  # JPEG's losses


def test_parts_share_no_picture_and_depend_on_the_seed_alone(tmp_path):
    for number in range(60):
        paint(tmp_path / f"set/{'ab'[number % 2]}/{number}.png", (number, 0, 0))
    parts = {}
    for seed in (0, 0, 1):
        found = load_image_folder(tmp_path / "set", seed=seed)
        parts.setdefault(seed, []).append([s.x[:, 0, 0, 0].tolist() for s in splits(found)])
        assert sorted(sum(parts[seed][-1], [])) == list(range(60))
        assert (np.diff(found.train.y.astype(int)) < 0).any()  # mixed
    assert parts[0][0] == parts[0][1] != parts[1][0]


def splits(dataset):
    return dataset.train, dataset.val, dataset.test


def test_a_share_of_zero_leaves_a_part_empty(folder):
    pets = load_image_folder(folder, image_size=(8, 16), val_share=0, test_share=0.5)
    assert [split.x.shape for split in splits(pets)] == [
        (15, 8, 16, 3),
        (0, 8, 16, 3),
        (15, 8, 16, 3),
    ]


def test_nothing_in_the_folder_changes(folder):
    def state():
        return {
            path: (
                path.stat().st_mtime_ns,
                path.is_file() and hashlib.md5(path.read_bytes()).digest(),
            )
            for path in [folder, *folder.rglob("*")]
        }

    before = state()
    load_image_folder(folder)
    assert state() == before


# --- kinds of pictures ----------------------------------------------------------------------


def test_the_middle_is_cut_out_without_stretching(tmp_path):
    image = Image.new("RGB", (90, 30), "white")
    image.paste(RED, (30, 0, 60, 30))  # the middle third, a square
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a/odd.png")
    picture = one(tmp_path, image_size=(30, 30))
    np.testing.assert_array_equal(picture, np.broadcast_to(np.uint8(RED), (30, 30, 3)))


def test_greyscale_palette_and_black_and_white_become_rgb(tmp_path):
    for number, (mode, color, expected) in enumerate(
        [("L", 77, (77,) * 3), ("1", 0, (0,) * 3), ("CMYK", (0, 255, 255, 0), (255, 0, 0))]
    ):
        path = tmp_path / str(number)
        kind = "tif" if mode == "CMYK" else "png"
        paint(path / f"a/odd.{kind}", color, mode=mode)
        assert np.abs(one(path)[5, 5].astype(int) - expected).max() <= 4
    palette = Image.new("RGB", (40, 40), RED).quantize(4)
    assert palette.mode == "P"
    (tmp_path / "p/a").mkdir(parents=True)
    palette.save(tmp_path / "p/a/odd.gif")
    np.testing.assert_array_equal(one(tmp_path / "p")[5, 5], RED)


@pytest.mark.parametrize("kind", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_upper_eight(tmp_path, kind):
    values = np.full((40, 40), 0x4D21, np.uint16)
    (tmp_path / "a").mkdir()
    Image.fromarray(values).save(tmp_path / f"a/odd.{kind}")
    np.testing.assert_array_equal(one(tmp_path)[5, 5], [0x4D] * 3)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGBA", (0, 0, 0, 0), None),
        ("RGBA", (200, 0, 0, 51), (244, 204, 204)),
        ("LA", (0, 102), (153, 153, 153)),
    ],
    ids=["all of it", "four fifths", "grey"],
)
def test_transparent_parts_are_white(tmp_path, mode, color, expected):
    image = Image.new(mode, (40, 40), color)
    image.putpixel((20, 20), (0, 0, 0, 255)[-len(color) :] if mode == "RGBA" else (0, 255))
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a/odd.png")
    picture = one(tmp_path, image_size=(40, 40))
    np.testing.assert_array_equal(picture[20, 20], (0, 0, 0))
    np.testing.assert_allclose(picture[5, 5], expected or (255, 255, 255), atol=1)


def test_a_transparent_colour_of_a_palette_is_white(tmp_path):
    image = Image.new("RGB", (40, 40), RED)
    image.paste(BLUE, (0, 0, 20, 40))
    image = image.quantize(2)
    image.info["transparency"] = image.getpixel((30, 30))
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a/odd.png", transparency=image.info["transparency"])
    picture = one(tmp_path, image_size=(40, 40))
    np.testing.assert_array_equal(picture[5, 5], BLUE)
    np.testing.assert_array_equal(picture[30, 30], (255, 255, 255))


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (39, 39)), (6, (0, 39))])
def test_a_picture_is_turned_as_its_camera_says(tmp_path, orientation, corner):
    image = Image.new("RGB", (40, 40), "white")
    image.paste("black", (0, 0, 8, 8))  # in the upper left of what is stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a/odd.jpg", exif=exif, quality=95)
    picture = one(tmp_path, image_size=(40, 40))
    assert picture[corner].max() < 30
    assert (picture < 128).any(axis=-1).sum() < 100


def test_a_large_photograph_gives_what_a_plain_resize_gives(tmp_path):
    rows, columns = np.mgrid[:1200, :1600]
    pixels = np.stack([rows * 255 // 1200, columns * 255 // 1600, 0 * rows + 90], -1)
    image = Image.fromarray(pixels.astype(np.uint8))
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a/odd.jpg", quality=95)
    plain = np.asarray(image.crop((200, 0, 1400, 1200)).resize((32, 32), Image.Resampling.BOX))
    assert np.abs(one(tmp_path).astype(int) - plain).max() <= 6


def test_other_files_hidden_ones_and_links_to_folders_are_passed_over(folder):
    (folder / "notes.txt").write_text("hello")
    (folder / "cat/Thumbs.db").write_bytes(b"x")
    (folder / "cat/._1.png").write_bytes(b"what a Mac leaves on a stick")
    (folder / ".hidden").mkdir()
    (folder / "dog/__pycache__").mkdir()
    paint(folder / "dog/.ipynb_checkpoints/1.png")
    paint(folder / "dog/puppies/1.png", BLUE)
    try:
        (folder / "cat/loop").symlink_to(folder, target_is_directory=True)
        (folder / "everything").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links on this machine")
    pets = load_image_folder(folder, val_share=0, test_share=0)
    np.testing.assert_array_equal(np.bincount(pets.train.y), [20, 11])


def test_more_than_256_classes_have_wider_labels(tmp_path):
    source = paint(tmp_path / "one.png", size=(4, 4)).read_bytes()
    for number in range(300):
        (tmp_path / f"set/{number:03}").mkdir(parents=True)
        (tmp_path / f"set/{number:03}/1.png").write_bytes(source)
    y = load_image_folder(tmp_path / "set", image_size=(4, 4), val_share=0, test_share=0).train.y
    assert y.dtype == np.uint16
    np.testing.assert_array_equal(np.sort(y), np.arange(300))


# --- what is wrong with the folder ----------------------------------------------------------


def test_a_folder_that_is_not_there_or_is_a_file(tmp_path):
    with pytest.raises(ValueError, match="there is no folder .*nowhere': check the path"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="folder is None, expected the path of a folder"):
        load_image_folder(None)
    paint(tmp_path / "picture.png")
    with pytest.raises(ValueError, match="is a file, expected a folder of class folders"):
        load_image_folder(tmp_path / "picture.png")


def test_a_folder_without_class_folders(tmp_path):
    with pytest.raises(ValueError, match="holds 0 folders, expected at least 2 folders: make one"):
        load_image_folder(tmp_path)
    paint(tmp_path / "1.png")
    with pytest.raises(ValueError, match="holds 0 folders and 1 picture, expected at least 2"):
        load_image_folder(tmp_path)
    paint(tmp_path / "cat/1.png")
    with pytest.raises(ValueError, match="holds 1 folder and 1 picture, expected at least 2"):
        load_image_folder(tmp_path)


def test_a_class_without_pictures(folder):
    (folder / "bird").mkdir()
    (folder / "bird/1.heic").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"class folder 'bird' holds no picture \(.bmp, .*\): add"):
        load_image_folder(folder)


def test_ten_thousand_classes(tmp_path):
    for number in range(10_000):
        (tmp_path / str(number)).mkdir()
    with pytest.raises(ValueError, match="10,000 folders, .* at most 1,000: is it the right"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_too_few_pictures_for_its_parts(folder, count):
    for number in range(count):
        paint(folder / f"bird/{number}.png")
    with pytest.raises(ValueError, match=f"'bird' has {count} pictures?, expected at least 3 for"):
        load_image_folder(folder)


def broken_png():
    return b"\x89PNG\r\n\x1a\n" + bytes(50)


def truncated(path):
    body = paint(path, size=(300, 300)).read_bytes()
    path.write_bytes(body[: len(body) // 2])


BROKEN = {
    "no picture": lambda path: path.write_bytes(b"hello"),
    "empty": lambda path: path.write_bytes(b""),
    "broken header": lambda path: path.write_bytes(broken_png()),
    "truncated png": truncated,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_a_broken_picture_is_named_not_skipped(folder, make):
    make(folder / "dog/spoilt.png")
    with pytest.raises(ValueError, match="^dog/spoilt.png is not used .*: replace the file, or"):
        load_image_folder(folder)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"]),
    cut=st.floats(0, 1),
    remove=st.integers(0, 30),
    insert=st.binary(max_size=30),
)
def test_a_corrupted_picture_is_read_or_named(tmp_path_factory, kind, cut, remove, insert):
    folder = tmp_path_factory.getbasetemp() / f"corrupted-{kind}"
    for name in ("a/1", "b/1"):
        path = paint(folder / f"{name}.{kind}", size=(9, 9))
    body = path.read_bytes()
    at = int(cut * len(body))
    path.write_bytes(body[:at] + insert + body[at + remove :])
    try:
        train = load_image_folder(folder, val_share=0, test_share=0).train
    except ValueError as error:
        assert str(error).startswith(f"b/1.{kind} ") and "\n" not in str(error)
    else:
        assert train.x.shape == (2, 32, 32, 3)


def test_a_truncated_jpeg_is_named(folder):
    truncated(folder / "cat/sub/spoilt.jpg")
    with pytest.raises(ValueError, match="^cat/sub/spoilt.jpg is not used"):
        load_image_folder(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this machine")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "dog/pipe.png")
    with pytest.raises(ValueError, match="^dog/pipe.png is not used"):
        load_image_folder(folder)


def test_a_file_without_permission_is_named(folder, monkeypatch):
    opened = Image.open

    def guarded(path, *args):
        if path.name == "3.PNG":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(Image, "open", guarded)
    with pytest.raises(ValueError, match=r"^dog/3.PNG cannot be read \(no permission\): allow it"):
        load_image_folder(folder)


def test_a_folder_that_cannot_be_listed_is_named(folder, monkeypatch):
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(ValueError, match="the folder 'dog' cannot be read: Permission denied"):
        load_image_folder(folder)


def test_a_picture_of_too_many_pixels_is_named(folder, monkeypatch):
    paint(folder / "cat/vast.png", size=(200, 100))
    for limit in (15_000, 5_000):  # Pillow warns of the one and refuses the other
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(ValueError, match="^cat/vast.png has more than .* million pixels"):
            load_image_folder(folder)


def test_pixels_of_32_bits_are_named(folder):
    Image.fromarray(np.full((9, 9), 70_000, np.int32)).save(folder / "cat/deep.tif")
    with pytest.raises(ValueError, match="^cat/deep.tif is not used .its pixels have 32 bits"):
        load_image_folder(folder)
    Image.fromarray(np.full((9, 9), 0.5, np.float32)).save(folder / "cat/deep.tif")
    with pytest.raises(ValueError, match="^cat/deep.tif is not used .its pixels are fractions"):
        load_image_folder(folder)


@pytest.mark.parametrize("size", [32, (32,), (32, 0), (1, 2, 3), "ab", (2.5, 2), (9999, 1), None])
def test_an_image_size_that_makes_no_sense(folder, size):
    with pytest.raises(ValueError, match="image_size is .*, expected .height, width."):
        load_image_folder(folder, image_size=size)


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (1, 0), (0.5, 0.5), ("0.1", 0), (float("nan"), 0)])
def test_shares_that_make_no_sense(folder, shares):
    with pytest.raises(ValueError, match="val_share"):
        load_image_folder(folder, val_share=shares[0], test_share=shares[1])


def test_arrays_that_do_not_fit_into_memory(folder, monkeypatch):
    module = sys.modules["dlkit.data.image_folder"]
    monkeypatch.setattr(module, "MAX_BYTES", 10_000)
    with pytest.raises(ValueError, match="30 pictures of 32 by 32 pixels need .* a smaller image_"):
        load_image_folder(folder)


@pytest.mark.parametrize("name", ["3.jfif", "3.jpe", "3.avif", "3.JPG_large", "3", "3.ico"])
def test_what_a_file_is_its_contents_say(folder, name):
    format = {"3.avif": "AVIF", "3.ico": "ICO"}.get(name, "JPEG")
    paint(folder / "bird" / "1.png", (1, 2, 3))
    paint(folder / "bird" / "2.png", (4, 5, 6))
    paint(folder / "bird" / name, (7, 8, 9), format=format)
    birds = load_image_folder(folder)
    assert sum((split.y == 0).sum() for split in splits(birds)) == 3


def test_what_cannot_be_read_here_is_counted_and_named_once(folder, capsys):
    for number in range(5):
        (folder / "dog" / f"{number}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (folder / "cat" / "notes.txt").write_text("purrs")
    pets = load_image_folder(folder)
    assert sum(len(split.y) for split in splits(pets)) == 30
    assert capsys.readouterr().out.splitlines() == [
        "left out: 1 file (cat/notes.txt): no picture",
        "left out: 5 files (dog/0.HEIC, dog/1.HEIC, dog/2.HEIC, …): .heic cannot be read here: "
        "save them as JPEG or PNG",
    ]


def test_what_systems_leave_behind_is_no_class_and_no_picture(folder, capsys):
    for name in ("__MACOSX/._cat", "@eaDir/cat", ".ipynb_checkpoints", "$RECYCLE.BIN"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.png").write_bytes(b"no picture")
    for name in ("Thumbs.db", "desktop.ini", "._3.png", ".DS_Store"):
        (folder / "cat" / name).write_bytes(b"no picture")
    paint(folder / "cat" / "@eaDir" / "3.png")
    assert load_image_folder(folder).class_names == ("cat", "dog")
    assert capsys.readouterr().out == ""


def parted(folder, train="train", test="test"):
    for part, count in ((train, 10), (test, 4)):
        for label, color in (("cat", RED), ("dog", BLUE)):
            for number in range(count):
                name = f"{part}/{label}/{number}.png"
                paint(folder / name, nearly(color, number + (20 if part == test else 0)))
    return folder


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "Testing")])
def test_folders_of_parts_are_parts_and_not_classes(tmp_path, train, test, capsys):
    pets = load_image_folder(parted(tmp_path / "pets", train, test), val_share=0.2)
    assert pets.class_names == ("cat", "dog")
    assert [len(split.y) for split in splits(pets)] == [16, 4, 8]
    assert "are taken as parts, not as classes" in capsys.readouterr().out


def test_nothing_is_in_both_training_and_test(tmp_path, capsys):
    folder = parted(tmp_path / "pets")
    copy = (folder / "test/cat/0.png").read_bytes()
    (folder / "train/cat/again.png").write_bytes(copy)
    pets = load_image_folder(folder)
    assert [len(split.y) for split in splits(pets)] == [18, 2, 8]
    assert "left out: 1 picture in more than one of train" in capsys.readouterr().out


def test_copies_of_a_picture_stay_in_one_part(tmp_path):
    for number in range(30):
        for copy in "abc":
            paint(tmp_path / f"pets/cat/{number}{copy}.png", (number, 0, 0))
            paint(tmp_path / f"pets/dog/{number}{copy}.png", (number, 9, 0))
    for seed in range(5):
        pets = load_image_folder(tmp_path / "pets", seed=seed)
        seen = [{tuple(color) for color in split.x[:, 0, 0]} for split in splits(pets)]
        assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
        assert sum(len(split.y) for split in splits(pets)) == 180


def test_a_picture_in_two_classes_is_said_and_is_not_in_test(folder, capsys):
    paint(folder / "cat" / "both.png", (1, 1, 1))
    paint(folder / "dog" / "both.png", (1, 1, 1))
    pets = load_image_folder(folder, val_share=0.3, test_share=0.3)
    assert "cat/both.png and dog/both.png" in capsys.readouterr().out
    for split in (pets.val, pets.test):
        assert not (split.x[:, 0, 0] == 1).all(axis=1).any()


def test_copies_alone_make_no_parts(tmp_path):
    for label in ("cat", "dog"):
        for number in range(9):
            paint(tmp_path / "pets" / label / f"{number}.png", RED if label == "cat" else BLUE)
    with pytest.raises(ValueError, match="only 1 without the copies"):
        load_image_folder(tmp_path / "pets")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "test").rename(f / "validation"), None),
        (lambda f: (f / "train").rename(f / "val"), "has no folder train"),
        (lambda f: (f / "test/cat").rename(f / "test/lion"), "has the class 'lion', and train has"),
        (lambda f: paint(f / "testing/cat/1.png"), "two folders for the part test"),
    ],
)
def test_parts_that_do_not_fit_are_named(tmp_path, spoil, said):
    folder = parted(tmp_path / "pets")
    spoil(folder)
    if said is None:
        assert len(load_image_folder(folder).val.y) == 8
        return
    with pytest.raises(ValueError, match=said):
        load_image_folder(folder)
