"""Finds a data set: on this machine, else on a mirror, else the bundled sample."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dlkit.data import cache, files
from dlkit.data.datasets import Origin
from dlkit.data.download import DOWNLOADS, Report, fetch, import_pooch
from dlkit.data.problems import CannotWrite, describe
from dlkit.data.readers import Arrays, DataError, Unreadable, read_npz, verify
from dlkit.data.registry import Format, Record

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Place:
    """A data folder, with the name that messages give it (never an absolute path)."""

    label: str
    folder: Path
    takes_downloads: bool = True


@dataclass(frozen=True)
class Copy:
    """Files, found in a place, that look by their names like a data set."""

    place: Place
    format: Format
    paths: tuple[Path, ...]
    missing: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder below the place: "" for the place itself, else as in "MNIST/raw"."""
        relative = self.paths[0].parent.relative_to(self.place.folder).as_posix()
        return "" if relative == "." else relative

    @property
    def is_download(self) -> bool:
        """Whether dlkit put it there: only such files are ever renamed."""
        return self.place.takes_downloads and self.folder == DOWNLOADS

    @property
    def in_expected_folder(self) -> bool:
        """Whether it lies where this data set is kept, and not in some other subfolder."""
        return self.folder in ("", DOWNLOADS) or self.folder.endswith("/raw")

    def describe(self) -> str:
        """The name of its first file as a message shows it, like "downloads/mnist.npz"."""
        return f"{self.folder}/{self.paths[0].name}".lstrip("/")

    def read(self, record: Record) -> Arrays:
        """The verified arrays. Raises DataError."""
        if self.missing:
            raise DataError(f"{self.missing[0]} is missing")

        if not self.format.is_cached:
            return record.read(self.format, self.paths)
        read = partial(record.read, self.format, self.paths)
        return cache.read_or_make(self.paths, record.arrays, cache_folders(), read)

    def check(self, record: Record) -> None:
        """Raises DataError if these are not the data; quicker than reading, and keeps nothing."""
        if self.missing:
            raise DataError(f"{self.missing[0]} is missing")
        record.check(self.format, self.paths)


def full_path(name: str) -> Path:
    """The folder that a person named, "~" included, from the root of the file system."""
    return Path(os.path.expanduser(name)).absolute()


def checkout() -> Path | None:
    """The course's folder; None when dlkit is installed without it."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None


def places() -> Iterator[Place]:
    """The data folders, in the order in which they are searched."""
    chosen = os.environ.get("DLKIT_DATA_DIR", "").strip()
    if chosen:
        yield Place("$DLKIT_DATA_DIR", full_path(chosen))
    root = checkout()
    if root and not (chosen and full_path(chosen) == root / "data"):
        yield Place("data/", root / "data")
    keras_home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    yield Place("Keras's cache", Path(keras_home) / "datasets", takes_downloads=False)
    yield Place("dlkit's cache", Path(import_pooch().os_cache("dlkit")))


def cache_folders() -> list[Path]:
    """Where decoded arrays are kept: never in $DLKIT_DATA_DIR, which may be everybody's."""
    own = [place for place in places() if place.takes_downloads]
    return [place.folder / DOWNLOADS for place in own if place.label != "$DLKIT_DATA_DIR"]


def copies(record: Record, place: Place) -> Iterator[Copy]:
    """What looks like this data set in the place, its subfolders and torchvision's MNIST/raw."""
    for folder in _folders(place.folder, record):
        for format in record.formats:
            paths = tuple(folder / name for name in format.files)
            missing = tuple(path.name for path in paths if not format.is_there(path))
            if len(missing) < len(paths):
                there = tuple(path for path in paths if path.name not in missing)
                yield Copy(place, format, there, missing)


def _folders(folder: Path, record: Record) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError:  # not there, or not readable
        return [folder]
    names.sort(key=lambda name: name != DOWNLOADS)
    return [folder, *(folder / name for name in names), folder / record.name / "raw"]


def find(
    record: Record, where: Iterable[Place], report: Report = print, read: bool = True
) -> tuple[Arrays, Copy] | None:
    """The first verified copy in these places; None if there is none. No arrays unless `read`.

    A copy that cannot be used is reported in one line. If it is a download of dlkit's own it is
    renamed, so that a good one can take its place; a file of the user's is left alone.
    """
    for place in where:
        for copy in copies(record, place):
            before = files.fingerprint(copy.paths)
            try:
                if read:
                    return copy.read(record), copy
                copy.check(record)
                return {}, copy
            except DataError as error:
                news = f"{record.name}: {copy.describe()} in {place.label} is not used ({error})"
                if copy.is_download:
                    if not copy.missing and not isinstance(error, Unreadable):
                        report(f"{news}; {_set_aside(copy, before)}")
                elif copy.in_expected_folder:
                    report(f"{news}; it is left as it is")
    return None


def _set_aside(copy: Copy, before: list[tuple[int, int, int]]) -> str:
    """Renames a damaged download, unless another process has replaced it; says what was done."""
    if files.fingerprint(copy.paths) != before:
        return "another process has replaced it"
    try:
        names = [files.set_aside(path).name for path in copy.paths]
    except OSError as error:
        return f"it could not be renamed: {describe(error)}"
    return f"kept as {names[0]}" if len(names) == 1 else f"kept as {names[0]} and so on"


def offline() -> bool:
    """Whether $DLKIT_OFFLINE forbids the network."""
    return _is_set("DLKIT_OFFLINE")


def sample_forbidden() -> bool:
    """Whether $DLKIT_REAL_DATA forbids that a sample stands in."""
    return _is_set("DLKIT_REAL_DATA")


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no")


def obtain(
    record: Record, where: Iterable[Place], report: Report = print
) -> tuple[Arrays, Format, Place]:
    """Downloads the data set into the first of these places that takes it.

    Returns:
        The verified arrays, the format in which they came, and the place.

    Raises:
        CannotWrite: none of them takes it.
        DataError: no mirror serves it, or $DLKIT_OFFLINE forbids asking.
    """
    if offline():
        raise DataError("DLKIT_OFFLINE is set, so no download was tried")
    problem = CannotWrite("there is no folder to write to")
    for place in where:
        if not place.takes_downloads:
            continue
        try:
            look = partial(_look_for_download, record, place)
            return *fetch(record, place.folder, report, look), place
        except CannotWrite as error:
            problem = CannotWrite(f"cannot write in {place.label}: {error}")
            report(f"{record.name}: {problem}")
    raise problem


def _look_for_download(record: Record, place: Place) -> tuple[Arrays, Format] | None:
    """What another process has downloaded into the place since it was searched."""
    for copy in copies(record, place):
        if copy.is_download and not copy.missing:
            with contextlib.suppress(DataError):
                return copy.read(record), copy.format
    return None


class Loaded(NamedTuple):
    """Verified arrays; which copy they are, for code; and where it lay, in words for people."""

    arrays: Arrays
    origin: Origin
    source: str


def load(record: Record, report: Report = print) -> Loaded:
    """The data set's arrays from wherever they are, else the sample's.

    Raises:
        DataError: not even the sample is there, or $DLKIT_REAL_DATA forbids it.
    """
    found = find(record, places(), report)
    if found:
        arrays, copy = found
        return _loaded(record, arrays, copy.format, copy.place)
    try:
        arrays, format, place = obtain(record, places(), report)
    except DataError as error:
        return _load_sample(record, str(error), report)
    return _loaded(record, arrays, format, place)


def _loaded(record: Record, arrays: Arrays, format: Format, place: Place) -> Loaded:
    copies_differ = len({each.origin for each in record.formats}) > 1
    which = f" ({format.origin})" if copies_differ else ""
    return Loaded(arrays, format.origin, f"{record.name}{which}, verified copy in {place.label}")


def sample_path(record: Record) -> Path | None:
    """The sample's file, in the checkout or in the installed package; None if it is missing."""
    root = checkout()
    folders = [root / "data"] if root else []
    for folder in [*folders, PACKAGE / "samples"]:
        if (folder / record.sample.file).is_file():
            return folder / record.sample.file
    return None


def read_sample(record: Record) -> Arrays:
    """The verified arrays of the sample, or those made on the spot. Raises DataError."""
    if record.sample.make:
        return record.sample.make()
    path = sample_path(record)
    if path is None:
        raise DataError("the bundled sample is missing: get the course or dlkit anew")
    arrays = read_npz([path], record.sample.arrays)
    verify("the bundled sample", arrays, record.sample.arrays)
    return arrays


def _load_sample(record: Record, why: str, report: Report) -> Loaded:
    try:
        if sample_forbidden():
            raise DataError("DLKIT_REAL_DATA is set, so no sample stands in")
        arrays = read_sample(record)
    except DataError as error:
        raise DataError(
            f"{record.name} is not on this machine and could not be downloaded ({why}), and "
            f"{error}. Run `{record.command}` where there is a network, or name a "
            "folder that holds the data in DLKIT_DATA_DIR."
        ) from error
    report(
        f"{record.name} is not on this machine ({why}). Using the {Origin.SAMPLE} instead: "
        f"{record.sample.description}. For {record.name}: `{record.command}`."
    )
    return Loaded(arrays, Origin.SAMPLE, f"{Origin.SAMPLE}: {record.sample.description}")
