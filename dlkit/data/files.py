"""Puts files in place: whole or not at all, never over another file, readable by everyone.

Several processes may do so at once. What they must know of each other they learn from locks of the
operating system, which lets go of a lock when its holder ends, however it ends.
"""

import contextlib
import errno
import filecmp
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO

UNFINISHED = ".unfinished-"
LOCK = ".lock"  # in a workspace: locked for as long as its process lives
DAY = 86_400.0  # seconds
BEAT_SECONDS = 5.0  # how often the holder of a lock shows that it is alive
STUCK_SECONDS = 60.0  # a holder that has not done so for this long is waited for no longer


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A private folder inside `folder`, removed with all that is left in it.

    Those of processes that were killed are removed first.

    Raises:
        OSError: nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_left_behind(folder)
    with contextlib.ExitStack() as stack:
        lock = None
        while lock is None:
            # On Windows a file that a stuck transfer still holds cannot be removed: not worth a
            # crash.
            temporary = tempfile.TemporaryDirectory(
                prefix=UNFINISHED, dir=folder, ignore_cleanup_errors=True
            )
            work = Path(stack.enter_context(temporary))
            try:
                lock = try_lock(work / LOCK)  # None: another process just took it for left behind
            except FileNotFoundError:
                continue  # and has removed it
            except OSError:  # no locks on this file system
                break
        if lock is not None:
            stack.callback(lock.close)
        yield work


def remove_left_behind(folder: Path) -> None:
    """Removes the workspaces in `folder` whose processes have ended: never a living one's.

    A workspace without a lock counts as left behind when nothing in it has changed for a day.
    """
    for work in folder.glob(f"{UNFINISHED}*"):
        lock = None
        try:
            lock = try_lock(work / LOCK, create=False)
            is_dead = lock is not None
        except OSError:
            is_dead = _age(work) > DAY
        if is_dead:
            if lock is not None and os.name == "nt":  # where an open file cannot be removed
                lock.close()
            shutil.rmtree(work, ignore_errors=True)
        if lock is not None:
            lock.close()


def _age(folder: Path) -> float:
    """Seconds since something in the folder changed; 0 if that cannot be known."""
    try:
        changes = [path.stat().st_mtime for path in (folder, *folder.rglob("*"))]
    except OSError:
        return 0.0
    return time.time() - max(changes)


@contextlib.contextmanager
def one_at_a_time(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Lets one process at a time into the block; the others wait until it leaves, or dies.

    It never waits for ever. A process that is stopped, or hangs, stops showing that it is alive,
    and then the next one goes on beside it. So do all where a file system knows no locks. The block
    must be right without this, too: it only saves work.

    Args:
        path: the file to lock. It is there only for as long as somebody is in the block.
        on_wait: called once if there is somebody to wait for.
    """
    lock, sign_of_life, since = None, 0, time.monotonic()
    is_waiting = False
    with contextlib.suppress(OSError):  # nothing can be written here: the block will find out
        path.parent.mkdir(parents=True, exist_ok=True)
        while (lock := try_lock(path)) is None:
            if not is_waiting:
                is_waiting = True
                on_wait()
            now, seen = time.monotonic(), _changed(path)
            if seen != sign_of_life:
                sign_of_life, since = seen, now
            elif now - since > STUCK_SECONDS:
                break
            time.sleep(0.1)
    if lock is None:
        yield
        return
    done = threading.Event()

    def show_life() -> None:
        while not done.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(path)

    threading.Thread(target=show_life, name="dlkit lock", daemon=True).start()
    try:
        yield
    finally:
        done.set()
        if os.name == "nt":  # where an open file cannot be removed
            lock.close()
        with contextlib.suppress(OSError):
            path.unlink()
        lock.close()


def _changed(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def try_lock(path: Path, create: bool = True) -> IO[bytes] | None:
    """The file, open and locked until it is closed; None if another process holds it.

    Raises:
        OSError: it cannot be opened, or this file system knows no locks.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666), "r+b")
    try:
        # Who held it before may have removed it meanwhile: then it is no longer the one to lock.
        if _lock(file) and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except FileNotFoundError:
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        """Whether the file could be locked. Raises OSError where there are no locks."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        """Whether the file could be locked. Raises OSError where there are no locks."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True


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
    if path.is_dir():  # made here, like any other
        return
    ordinary = path.with_name(path.name + ".mode")
    ordinary.touch()
    with contextlib.suppress(OSError):  # FAT keeps no permissions, and may say so
        path.chmod(stat.S_IMODE(ordinary.stat().st_mode))
    ordinary.unlink()
