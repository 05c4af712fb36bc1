"""`python -m dlkit data fetch | verify | where`. Here full paths are printed.

Each takes one data set, a `Record`; `records` turns the names of a command line into those.
"""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from dlkit.data import download, files, store
from dlkit.data.problems import CannotWrite, describe
from dlkit.data.readers import DataError
from dlkit.data.registry import MNIST, RECORDS, Record


def records(names: Iterable[str]) -> list[Record]:
    """The data sets of these names, "all" for each of them.

    Raises:
        ValueError: lists the names that there are.

    >>> [record.name for record in records(["mnist", "cifar10"])]
    ['MNIST', 'CIFAR-10']
    """
    chosen = list(names)
    for name in chosen:
        if name not in (*RECORDS, "all"):
            raise ValueError(f"no data set is called {name!r}: choose {', '.join(RECORDS)} or all")
    return [RECORDS[name] for name in (RECORDS if "all" in chosen else dict.fromkeys(chosen))]


def run(action: str, names: Iterable[str] = (), to: str | None = None) -> int:
    """Does "fetch", "verify" or "where" for the data sets of these names; the worst status.

    Without names, "fetch" takes MNIST and the others take every data set.
    """
    try:
        chosen = records(names)
    except ValueError as error:
        return _fail(str(error))
    if action == "fetch":
        return max(fetch(to, record) for record in chosen or [MNIST])
    do = {"verify": verify, "where": where}[action]
    return max(do(record) for record in chosen) if chosen else do()


def fetch(to: str | None = None, record: Record = MNIST) -> int:
    """Makes sure that a verified copy is here, or in the folder `to`; the exit status."""
    wanted = list(store.places()) if to is None else [store.Place(to, store.full_path(to))]
    found = store.find(record, wanted, read=False)
    if found:
        copy = found[1]
        print(f"{record.name} is already there, verified: {copy.place.folder / copy.describe()}")
        return 0
    try:
        local = store.find(record, store.places(), read=False) if to else None
        if local:
            print(f"Copying from {local[1].place.folder / local[1].describe()}")
            _copy(record, local[1], wanted[0])
            place = wanted[0]
        else:
            place = store.obtain(record, wanted)[-1]
    except DataError as error:
        return _fail(f"{record.name} was not fetched: {error}")
    print(f"{record.name} is there, verified: {place.folder / download.DOWNLOADS}")
    return 0


def _copy(record: Record, copy: store.Copy, place: store.Place) -> None:
    """Copies a verified copy into the place's downloads. Raises CannotWrite."""
    folder = place.folder / download.DOWNLOADS
    try:
        with files.workspace(folder) as work:
            paths = [_copy_one(path, work / path.name) for path in copy.paths]
            record.check(copy.format, paths)
            files.publish(paths, folder, is_good=lambda: False)
    except OSError as error:
        raise CannotWrite(f"cannot write in {place.label}: {describe(error)}") from error


def _copy_one(path: Path, target: Path) -> Path:
    """Copies a file, or a folder with the files in it."""
    if not path.is_dir():
        return Path(shutil.copyfile(path, target))
    target.mkdir()
    for each in path.iterdir():
        if each.is_file():
            shutil.copyfile(each, target / each.name)
    return target


def verify(record: Record | None = None) -> int:
    """Verifies every copy and the sample; 0 if none is damaged and the data set is here.

    Without a name it takes all the data sets, and none of them must be here.
    """
    if record is None:
        return max(_verify(each, is_needed=False) for each in RECORDS.values())
    return _verify(record, is_needed=True)


def _verify(record: Record, is_needed: bool) -> int:
    good = damaged = 0
    for place in store.places():
        for copy in store.copies(record, place):
            path = place.folder / copy.describe()
            try:
                copy.check(record)
            except DataError as error:
                if copy.in_expected_folder:
                    damaged += 1
                    print(f"DAMAGED   {path}: {error}")
                else:
                    print(f"other     {path}: {error}")
            else:
                good += 1
                print(f"verified  {path}")
    try:
        store.read_sample(record)
        print(f"verified  {_sample(record)} (the offline sample)")
    except DataError as error:
        damaged += 1
        print(f"DAMAGED   {error}")
    if damaged:
        return _fail(f"a damaged file is never used. `{record.command}` gets a good one.")
    if not good and is_needed:
        return _fail(f"{record.name} is not on this machine. Run `{record.command}`.")
    if not good:
        print(f"absent    {record.name}: `{record.command}` gets it")
    return 0


def where(record: Record | None = None) -> int:
    """Prints each place in the order of the search, and what is there; always 0."""
    if record is None:
        for number, each in enumerate(RECORDS.values()):
            print("\n" * (number > 0), end="")
            where(each)
        return 0
    print(f"Where {record.name} is looked for, in this order:")
    number = 0
    for number, place in enumerate(store.places(), 1):
        print(f"{number}. {place.label}: {place.folder}")
        for line in _contents(record, place) or ["nothing" if place.folder.is_dir() else "absent"]:
            print(f"     {line}")
    note = " (not asked: DLKIT_OFFLINE is set)" if store.offline() else ""
    print(f"{number + 1}. mirrors{note}:")
    for mirror in download.mirrors(record):
        first, *others = mirror.urls()
        print(f"     {first}" + (f" and {len(others)} more" if others else ""))
    print(f"{number + 2}. offline sample: {_sample(record) or 'missing'}")
    target = next(place for place in store.places() if place.takes_downloads)
    print(f"Downloads go to {target.folder / download.DOWNLOADS}")
    return 0


def _contents(record: Record, place: store.Place) -> list[str]:
    lines = []
    for copy in store.copies(record, place):
        try:
            copy.check(record)
            state = "verified"
        except DataError as error:
            state = f"not used: {error}"
        lines.append(f"{copy.describe()}: {state}")
    return lines


def _sample(record: Record) -> Path | str | None:
    if record.sample.make:
        return f"{record.sample.description}, made on the spot"
    return store.sample_path(record)


def _fail(message: str) -> int:
    print(f"dlkit: {message}", file=sys.stderr)
    return 1
