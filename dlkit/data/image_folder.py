"""A folder of one's own pictures as a data set."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlkit.data.datasets import Dataset, Origin, Split
from dlkit.data.readers import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from tqdm import tqdm

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
MAX_CLASSES = 1_000
MAX_BYTES = 4_000_000_000
MAX_SIDE = 4_096


def load_image_folder(
    folder: str | os.PathLike,
    *,
    image_size: Sequence[int] = (32, 32),
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Your own pictures: one folder for each class, named after it, with its pictures inside.

    Every picture is turned upright as its camera says, cut to the shape of `image_size` around
    its middle, scaled, and made RGB: greyscale is repeated, 16-bit greyscale loses its lower 8
    bits, transparent parts become white. Of an animation the first picture counts. Files with
    other extensions than those of pictures, hidden ones, and links to folders are passed over;
    a picture that cannot be read is an error, never left out. Nothing in the folder is changed.

    Args:
        folder: its path. Pictures may lie in subfolders of a class's folder.
        image_size: (height, width) in pixels.
        val_share: of each class, the share that goes to `val`, at least one picture; 0: none.
        test_share: the same for `test`.
        seed: the same seed gives the same parts.

    Returns:
        Dataset: x is uint8 of shape (n, height, width, 3); y (n,) indexes `class_names`, the
        folders' names in alphabetical order, uint8 or with more than 256 classes uint16.

    Raises:
        ValueError: names the file or argument that is wrong, and says what to do.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         (Path(folder) / name).mkdir()
    ...         for number in range(4):
    ...             Image.new("RGB", (60, 40)).save(Path(folder) / name / f"{number}.png")
    ...     load_image_folder(folder).train.x.shape
    (4, 32, 32, 3)
    """
    height, width = _checked_size(image_size)
    _check_shares(val_share, test_share)
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError(f"folder is {folder!r}, expected the path of a folder")
    root = Path(os.path.expanduser(folder))
    classes = _classes(root)
    total = sum(len(paths) for paths in classes.values())
    if total * height * width * 3 > MAX_BYTES:
        raise ValueError(
            f"{total:,} pictures of {height} by {width} pixels need more than "
            f"{MAX_BYTES / 1e9:g} GB of memory: pass a smaller image_size"
        )
    rng = np.random.default_rng(seed)
    parts: dict[str, list[tuple[Path, int]]] = {"train": [], "val": [], "test": []}
    for label, (name, paths) in enumerate(classes.items()):
        n_val, n_test = (_count(share, len(paths)) for share in (val_share, test_share))
        if n_val + n_test >= len(paths):
            raise ValueError(
                f"class {name!r} has {_number(len(paths), 'picture')}, expected at least "
                f"{n_val + n_test + 1} for its parts: add pictures, or pass a smaller val_share "
                "or test_share"
            )
        mixed = [(paths[i], label) for i in rng.permutation(len(paths))]
        parts["test"] += mixed[:n_test]
        parts["val"] += mixed[n_test : n_test + n_val]
        parts["train"] += mixed[n_test + n_val :]
    dtype = np.min_scalar_type(len(classes) - 1)
    splits = {}
    with _progress(total) as bar:
        for part, members in parts.items():
            x = np.empty((len(members), height, width, 3), np.uint8)
            y = np.empty(len(members), dtype)
            for i, source in enumerate(rng.permutation(len(members))):
                path, y[i] = members[source]
                x[i] = _read(path, root, (height, width))
                bar.update()
            splits[part] = Split(x, y)
    name = root.resolve().name
    return Dataset(
        name,
        **splits,
        class_names=tuple(classes),
        origin=Origin.IMAGE_FOLDER,
        source=f"image folder {name}",
        license="yours",
    )


def _checked_size(image_size: Sequence[int]) -> tuple[int, int]:
    try:
        height, width = (int(n) for n in image_size if int(n) == n)
    except (TypeError, ValueError):
        height = width = 0
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(
            f"image_size is {image_size!r}, expected (height, width), each 1 to {MAX_SIDE} pixels"
        )
    return height, width


def _check_shares(val_share: float, test_share: float) -> None:
    for name, share in (("val_share", val_share), ("test_share", test_share)):
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise ValueError(f"{name} is {share!r}, expected a number from 0 to below 1, like 0.1")
    if val_share + test_share >= 1:
        raise ValueError(
            f"val_share and test_share are {val_share} and {test_share}, which leaves nothing "
            "to train on: pass smaller ones"
        )


def _count(share: float, n: int) -> int:
    return max(1, round(share * n)) if share else 0


def _classes(root: Path) -> dict[str, list[Path]]:
    """Class name -> its pictures, both in alphabetical order."""
    try:
        with os.scandir(root) as entries:
            seen = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except FileNotFoundError:
        raise ValueError(f"there is no folder {str(root)!r}: check the path") from None
    except NotADirectoryError:
        raise ValueError(f"{str(root)!r} is a file, expected a folder of class folders") from None
    except OSError as error:
        raise ValueError(f"the folder {str(root)!r} cannot be read: {error.strerror}") from error
    names = [entry.name for entry in seen if entry.is_dir(follow_symlinks=False)]
    if len(names) < 2:
        loose = sum(entry.name.lower().endswith(EXTENSIONS) for entry in seen)
        found = _number(len(names), "folder") + (
            f" and {_number(loose, 'picture')}" if loose else ""
        )
        raise ValueError(
            f"{str(root)!r} holds {found}, expected at least 2 folders: make one for each class "
            "and put its pictures inside (links to folders are not followed)"
        )
    if len(names) > MAX_CLASSES:
        raise ValueError(
            f"{str(root)!r} holds {len(names):,} folders, expected one for each class and at most "
            f"{MAX_CLASSES:,}: is it the right folder?"
        )
    classes = {name: _pictures(root / name) for name in names}
    for name, paths in classes.items():
        if not paths:
            raise ValueError(
                f"the class folder {name!r} holds no picture ({', '.join(EXTENSIONS)}): "
                "add some, or remove the folder"
            )
    return classes


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _pictures(folder: Path) -> list[Path]:
    def fails(error: OSError) -> None:
        raise ValueError(f"the folder {folder.name!r} cannot be read: {error.strerror}") from error

    paths = []
    for parent, below, names in os.walk(folder, onerror=fails):  # follows no links to folders
        below[:] = [name for name in below if not name.startswith(".")]
        chosen = (n for n in names if n.lower().endswith(EXTENSIONS) and not n.startswith("."))
        paths += [Path(parent) / name for name in chosen]
    return sorted(paths)


def _read(path: Path, root: Path, size: tuple[int, int]) -> np.ndarray:
    """One picture, uint8 of shape (height, width, 3). Raises ValueError, which names the file."""
    from PIL import Image, ImageOps

    height, width = size
    try:
        if not path.is_file():  # a pipe would be waited for
            raise DataError("a link to nothing, or no ordinary file")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # odd metadata does not matter here
            with Image.open(path) as image:
                image.draft(None, (4 * max(size), 4 * max(size)))  # large JPEGs load faster
                upright = ImageOps.exif_transpose(image)
                return np.asarray(ImageOps.fit(_rgb(upright), (width, height)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        problem = f"has more than {limit:.0f} million pixels: make it smaller"
    except PermissionError:
        problem = "cannot be read (no permission): allow it, or move the file elsewhere"
    except Exception as error:  # a broken picture can make Pillow raise anything
        why = str(error) if isinstance(error, DataError) else "broken, or no picture"
        problem = f"is not used ({why}): replace the file, or move it elsewhere"
    raise ValueError(f"{path.relative_to(root).as_posix()} {problem}")


def _rgb(image: "Picture") -> "Picture":
    """The picture in RGB, on white where it is transparent. Raises DataError."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits, which Pillow may hold in 32
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise DataError("its pixels have 32 bits, expected 8 or 16")
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise DataError("its pixels are fractions, expected 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _progress(total: int) -> "tqdm":
    from tqdm import tqdm

    terminal = sys.stderr is not None and sys.stderr.isatty()
    hidden = bool(os.environ.get("TQDM_DISABLE")) or not terminal
    return tqdm(total=total, desc="reading pictures", unit="image", disable=hidden)
