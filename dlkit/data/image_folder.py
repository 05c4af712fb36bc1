"""A folder of one's own pictures as a data set."""

import contextlib
import hashlib
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
# Formats that Pillow may not read: without them said, half a class is lost in silence.
OTHER_PICTURES = (".avif", ".cr2", ".dng", ".heic", ".heif", ".jxl", ".nef", ".raw", ".svg")
# What systems and devices leave in folders, and nobody put there.
LEFT_BY_SYSTEMS = {"$recycle.bin", "@eadir", "__macosx", "__pycache__", "desktop.ini", "found.000"}
LEFT_BY_SYSTEMS |= {"icon\r", "lost+found", "lost.dir", "system volume information", "thumbs.db"}
# Folders that are parts of a data set, not classes: train/cat, test/cat, …
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
PARTS |= {"val": "val", "valid": "val", "validation": "val", "dev": "val"}
FEW = 3  # files that a message names
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
    bits, transparent parts become white. Of an animation the first picture counts. Whether a file
    is a picture its contents say, whatever its extension; files that are none, or of a kind that
    cannot be read here, are left out and named in one line. Hidden files, what systems leave
    (``Thumbs.db``), and links to folders are passed over; a broken picture is an error, never left
    out. Nothing in the folder is changed.

    Folders named ``train`` and ``test`` (or ``val``) with the classes inside are taken as the
    parts that they are; a part that is missing is taken out of ``train``. Copies of one picture
    always go to the same part.

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
    ...             picture = Image.new("RGB", (60, 40), (number, len(name), ord(name[0])))
    ...             picture.save(Path(folder) / name / f"{number}.png")
    ...     load_image_folder(folder).train.x.shape
    (4, 32, 32, 3)
    """
    height, width = _checked_size(image_size)
    _check_shares(val_share, test_share)
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError(f"folder is {folder!r}, expected the path of a folder")
    root = Path(os.path.expanduser(folder))
    found = _parts_and_classes(root)
    names = sorted({name for classes in found.values() for name in classes})
    total = sum(len(paths) for classes in found.values() for paths in classes.values())
    if total * height * width * 3 > MAX_BYTES:
        raise ValueError(
            f"{total:,} pictures of {height} by {width} pixels need more than "
            f"{MAX_BYTES / 1e9:g} GB of memory: pass a smaller image_size"
        )
    rng = np.random.default_rng(seed)
    shares = {"test": test_share, "val": val_share}
    parts = _shared_out(found, names, shares, root, rng)
    dtype = np.min_scalar_type(len(names) - 1)
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
        class_names=tuple(names),
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


def _shared_out(
    found: dict[str, dict[str, list[Path]]],
    names: list[str],
    shares: dict[str, float],
    root: Path,
    rng: np.random.Generator,
) -> dict[str, list[tuple[Path, int]]]:
    """Part -> pictures with their labels. Copies of one picture stay together."""
    parts: dict[str, list[tuple[Path, int]]] = {"train": [], "val": [], "test": []}
    copies = _same_pictures(found, root)
    taken: set[Path] = set()  # pictures that a given part has
    for part in ("test", "val"):
        for label, name in enumerate(names):
            paths = found.get(part, {}).get(name, [])
            parts[part] += [(path, label) for path in paths if path not in taken]
        taken |= {same for path, _ in parts[part] for same in copies.get(path, ())}
    missing = [part for part in ("test", "val") if part not in found]
    for label, name in enumerate(names):
        paths = [path for path in found["train"].get(name, []) if path not in taken]
        counts = [_count(shares[part], len(paths)) for part in missing]
        if sum(counts) >= len(paths):
            raise ValueError(
                f"class {name!r} has {_number(len(paths), 'picture')}, expected at least "
                f"{sum(counts) + 1} for its parts: add pictures, or pass a smaller val_share "
                "or test_share"
            )
        own = set(paths)
        groups = [
            *dict.fromkeys(
                tuple(p for p in copies.get(path, (path,)) if p in own) for path in paths
            )
        ]
        if len(groups) <= sum(count > 0 for count in counts):
            raise ValueError(
                f"class {name!r} has {_number(len(paths), 'picture')}, but only {len(groups)} "
                "without the copies, which must not be in two parts: add other pictures"
            )
        mixed = [groups[i] for i in rng.permutation(len(groups))]
        # What is in two classes is in the part of neither but in training.
        mixed.sort(key=lambda group: copies.get(group[0], group) != group)
        for part, count in zip(missing, counts, strict=True):
            before = len(parts[part])
            while len(parts[part]) - before < count and len(mixed) > 1:
                parts[part] += [(path, label) for path in mixed.pop(0)]
        parts["train"] += [(path, label) for group in mixed for path in group]
    left = sum(len(paths) for classes in found.values() for paths in classes.values())
    left -= sum(map(len, parts.values()))
    if left:
        print(f"left out: {_number(left, 'picture')} in more than one of train, val and test")
    return parts


def _same_pictures(
    found: dict[str, dict[str, list[Path]]], root: Path
) -> dict[Path, tuple[Path, ...]]:
    """Picture -> all that have the very same bytes, where there are several; says what is odd."""
    odd = []
    by_size: dict[int, list[tuple[Path, str]]] = {}
    for classes in found.values():
        for name, paths in classes.items():
            for path in paths:
                with contextlib.suppress(OSError):  # reading it will say why
                    by_size.setdefault(path.stat().st_size, []).append((path, name))
    copies: dict[Path, tuple[Path, ...]] = {}
    for members in (group for group in by_size.values() if len(group) > 1):
        by_digest: dict[str, list[tuple[Path, str]]] = {}
        for path, name in members:
            with contextlib.suppress(OSError), open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                by_digest.setdefault(digest, []).append((path, name))
        for same in by_digest.values():
            if len(same) > 1:
                copies |= {path: tuple(p for p, _ in same) for path, _ in same}
            if len({name for _, name in same}) > 1:
                odd.append(" and ".join(p.relative_to(root).as_posix() for p, _ in same[:FEW]))
    if odd:
        more = f" (and {len(odd) - 1:,} more)" if len(odd) > 1 else ""
        print(f"the same picture is in two classes, used for training alone: {odd[0]}{more}")
    return copies


def _parts_and_classes(root: Path) -> dict[str, dict[str, list[Path]]]:
    """Part -> class name -> its pictures. Without folders of parts, all belong to "train"."""
    names = _folders(root)
    left_out: list[tuple[str, str]] = []
    if len(names) >= 2 and all(name.lower() in PARTS for name in names):
        found: dict[str, dict[str, list[Path]]] = {}
        for name in names:
            part = PARTS[name.lower()]
            if part in found:
                raise ValueError(f"{str(root)!r} has two folders for the part {part}: keep one")
            found[part] = _classes(root / name, root, left_out)
        if "train" not in found:
            raise ValueError(f"{str(root)!r} has no folder train: expected one beside {names}")
        for part, classes in found.items():
            if unknown := sorted(set(classes) - set(found["train"])):
                raise ValueError(
                    f"the folder of the part {part} has the class {unknown[0]!r}, and train has "
                    "not: give each part the same classes"
                )
        counts = {part: sum(map(len, classes.values())) for part, classes in found.items()}
        counted = ", ".join(f"{part} {count:,}" for part, count in counts.items())
        print(f"the folders {' and '.join(names)} are taken as parts, not as classes: {counted}")
    else:
        found = {"train": _classes(root, root, left_out)}
    _say_left_out(left_out)
    return found


def _say_left_out(left_out: list[tuple[str, str]]) -> None:
    """One line for each reason: how many files, and the first of them."""
    for reason in dict.fromkeys(reason for _, reason in left_out):
        files = [file for file, why in left_out if why == reason]
        more = ", …" if len(files) > FEW else ""
        print(f"left out: {_number(len(files), 'file')} ({', '.join(files[:FEW])}{more}): {reason}")


def _folders(root: Path) -> list[str]:
    """Names of the folders in a folder, in alphabetical order."""
    try:
        with os.scandir(root) as entries:
            seen = sorted((e for e in entries if not _is_nobodys(e.name)), key=lambda e: e.name)
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
    return names


def _is_nobodys(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFT_BY_SYSTEMS


def _classes(root: Path, top: Path, left_out: list[tuple[str, str]]) -> dict[str, list[Path]]:
    """Class name -> its pictures, both in alphabetical order."""
    classes = {name: _pictures(root / name, top, left_out) for name in _folders(root)}
    for name, paths in classes.items():
        if not paths:
            _say_left_out(left_out)
            raise ValueError(
                f"the class folder {name!r} holds no picture "
                f"({', '.join(EXTENSIONS)}): add some, or remove the folder"
            )
    return classes


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _pictures(folder: Path, top: Path, left_out: list[tuple[str, str]]) -> list[Path]:
    def fails(error: OSError) -> None:
        raise ValueError(f"the folder {folder.name!r} cannot be read: {error.strerror}") from error

    paths = []
    for parent, below, names in os.walk(folder, onerror=fails):  # follows no links to folders
        below[:] = [name for name in below if not _is_nobodys(name)]
        for name in sorted(n for n in names if not _is_nobodys(n)):
            path = Path(parent) / name
            reason = "" if name.lower().endswith(EXTENSIONS) else _why_no_picture(path)
            if reason:
                left_out.append((path.relative_to(top).as_posix(), reason))
            else:
                paths.append(path)
    return sorted(paths)


def _why_no_picture(path: Path) -> str:
    """Why a file with an unusual extension is left out; "" if its contents are a picture."""
    from PIL import Image

    try:
        if path.is_file():  # a pipe would be waited for
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(path):
                    return ""
    except Image.DecompressionBombError:
        return ""  # reading it will say so
    except Exception:  # whatever Pillow makes of a file that may be anything
        pass
    if path.suffix.lower() in OTHER_PICTURES:
        return f"{path.suffix.lower()} cannot be read here: save them as JPEG or PNG"
    return "no picture"


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
