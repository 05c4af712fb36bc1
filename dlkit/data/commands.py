"""`python -m dlkit data fetch | verify | where`. Here full paths are printed."""

import shutil
import sys
from pathlib import Path

from dlkit.data import download, files, store
from dlkit.data.problems import CannotWrite, describe
from dlkit.data.readers import DataError
from dlkit.data.registry import MNIST, Record


def fetch(to: str | None = None, record: Record = MNIST) -> int:
    """Makes sure that a verified copy is here, or in the folder `to`; the exit status."""
    wanted = list(store.places()) if to is None else [store.Place(to, store.full_path(to))]
    found = store.find(record, wanted)
    if found:
        copy = found[1]
        print(f"{record.name} is already there, verified: {copy.place.folder / copy.describe()}")
        return 0
    try:
        local = store.find(record, store.places()) if to else None
        if local:
            print(f"Copying from {local[1].place.folder / local[1].describe()}")
            _copy(record, local[1], wanted[0])
            place = wanted[0]
        else:
            place = store.obtain(record, wanted)[1]
    except DataError as error:
        return _fail(f"{record.name} was not fetched: {error}")
    print(f"{record.name} is there, verified: {place.folder / download.DOWNLOADS}")
    return 0


def _copy(record: Record, copy: store.Copy, place: store.Place) -> None:
    """Copies a verified copy into the place's downloads. Raises CannotWrite."""
    folder = place.folder / download.DOWNLOADS
    try:
        with files.workspace(folder) as work:
            paths = [Path(shutil.copyfile(path, work / path.name)) for path in copy.paths]
            record.read(copy.format, paths)
            files.publish(paths, folder, is_good=lambda: False)
    except OSError as error:
        raise CannotWrite(f"cannot write in {place.label}: {describe(error)}") from error


def verify(record: Record = MNIST) -> int:
    """Verifies every copy and the sample; 0 if none is damaged and MNIST is here."""
    good = damaged = 0
    for place in store.places():
        for copy in store.copies(record, place):
            path = place.folder / copy.describe()
            try:
                copy.read(record)
            except DataError as error:
                if copy.is_meant:
                    damaged += 1
                    print(f"DAMAGED   {path}: {error}")
                else:
                    print(f"other     {path}: {error}")
            else:
                good += 1
                print(f"verified  {path}")
    try:
        store.read_sample(record)
        print(f"verified  {store.sample_path(record)} (the offline sample)")
    except DataError as error:
        damaged += 1
        print(f"DAMAGED   {error}")
    if damaged:
        return _fail("a damaged file is never used. `python -m dlkit data fetch` gets a good one.")
    if not good:
        return _fail(f"{record.name} is not on this machine. Run `python -m dlkit data fetch`.")
    return 0


def where(record: Record = MNIST) -> int:
    """Prints each place in the order of the search, and what is there; always 0."""
    print(f"Where {record.name} is looked for, in this order:")
    number = 0
    for number, place in enumerate(store.places(), 1):
        print(f"{number}. {place.label}: {place.folder}")
        for line in _contents(record, place) or ["nothing" if place.folder.is_dir() else "absent"]:
            print(f"     {line}")
    note = " (not asked: DLKIT_OFFLINE is set)" if store.offline() else ""
    print(f"{number + 1}. mirrors{note}:")
    for mirror in download.mirrors(record):
        print(f"     {mirror.urls()[0]}" + (" and 3 more" if len(mirror.urls()) > 1 else ""))
    print(f"{number + 2}. offline sample: {store.sample_path(record) or 'missing'}")
    target = next(place for place in store.places() if place.takes_downloads)
    print(f"Downloads go to {target.folder / download.DOWNLOADS}")
    return 0


def _contents(record: Record, place: store.Place) -> list[str]:
    lines = []
    for copy in store.copies(record, place):
        try:
            copy.read(record)
            state = "verified"
        except DataError as error:
            state = f"not used: {error}"
        lines.append(f"{copy.describe()}: {state}")
    return lines


def _fail(message: str) -> int:
    print(f"dlkit: {message}", file=sys.stderr)
    return 1
