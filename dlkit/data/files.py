"""Puts files in place: whole or not at all, never over another file, readable by everyone."""

import contextlib
import filecmp
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A private folder inside `folder`, removed with all that is left in it.

    Raises:
        OSError: nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # On Windows a file that a stuck transfer still holds cannot be removed: not worth a crash.
    with tempfile.TemporaryDirectory(
        prefix=".unfinished-", dir=folder, ignore_cleanup_errors=True
    ) as work:
        yield Path(work)


def publish(paths: Sequence[Path], folder: Path, is_good: Callable[[], bool]) -> None:
    """Moves finished files into `folder`.

    Args:
        paths: verified files in a workspace of `folder`.
        folder: where they go, under the names they have.
        is_good: whether the files already in `folder` hold the data too. It is asked when another
            process was there first; what is then neither the same nor good is set aside.

    Raises:
        OSError: `folder` cannot be written to.
    """
    for path in paths:
        _make_readable(path)
        target = folder / path.name
        try:
            move_to_free_name(path, target)
        except FileExistsError:
            if _same(path, target) or is_good():
                continue
            set_aside(target)
            with contextlib.suppress(FileExistsError):  # one more process, with a good copy
                move_to_free_name(path, target)


def set_aside(path: Path) -> Path:
    """Renames `path` to `path.damaged` or, where that is taken, `path.damaged-2` and so on."""
    for number in count(1):
        target = path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else ""))
        try:
            move_to_free_name(path, target)
        except FileExistsError:
            continue
        return target
    raise AssertionError("unreachable: the numbers do not end")


def move_to_free_name(source: Path, target: Path) -> None:
    """Renames a file, atomically, to a name that must be free.

    Raises:
        FileExistsError: `target` is there already. It is left as it was, and so is `source`.
    """
    try:
        os.link(source, target)  # unlike rename, a link never overwrites
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # no hard links here: FAT, some network shares
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists") from None
        os.rename(source, target)
    else:
        with contextlib.suppress(FileNotFoundError):  # another process removed the old name
            source.unlink()


def fingerprint(paths: Sequence[Path]) -> list[tuple[int, int, int]]:
    """Tells whether files are still the ones that were looked at before."""
    with contextlib.suppress(FileNotFoundError):  # another process has just renamed one
        return [(s.st_ino, s.st_size, s.st_mtime_ns) for s in (path.stat() for path in paths)]
    return []


def _same(a: Path, b: Path) -> bool:
    try:
        return filecmp.cmp(a, b, shallow=False)
    except OSError:
        return False


def _make_readable(path: Path) -> None:
    """Gives `path` the permissions that an ordinary new file gets here (pooch's are private)."""
    ordinary = path.with_name(path.name + ".mode")
    ordinary.touch()
    with contextlib.suppress(OSError):  # FAT keeps no permissions, and may say so
        path.chmod(stat.S_IMODE(ordinary.stat().st_mode))
    ordinary.unlink()
