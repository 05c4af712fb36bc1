"""Downloads a data set: finds a mirror that answers, transfers, verifies, puts in place.

pooch transfers. What is here is what pooch leaves open: deciding within seconds that nothing
answers, giving up a transfer that has all but stopped, and going on to the next mirror.
"""

import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dlkit.data import files
from dlkit.data.problems import CannotWrite, describe
from dlkit.data.readers import Arrays, DataError
from dlkit.data.registry import Format, Mirror, Record

if TYPE_CHECKING:
    import requests

PROBE_SECONDS = 5.0  # by then a mirror has answered, or it counts as out of reach
READ_SECONDS = 8.0  # the longest silence within a transfer
WINDOW_SECONDS = 10.0  # a transfer's speed is judged once in this time

DOWNLOADS = "downloads"  # the subfolder of a data folder that belongs to dlkit

Report = Callable[[str], None]
Look = Callable[[], tuple[Arrays, Format] | None]


class TooSlow(DataError):
    """A transfer that has all but stopped."""


def fetch(
    record: Record, folder: Path, report: Report = print, look: Look = lambda: None
) -> tuple[Arrays, Format]:
    """Downloads the data set into `folder/downloads` from the first mirror that serves it.

    Of several processes that want the same, one downloads, and the others wait for it.

    Args:
        record: the data set.
        folder: a data folder; it is made when it is missing.
        report: called with each line of news.
        look: what another process has downloaded meanwhile, None if there is nothing.

    Returns:
        The verified arrays, and the format in which they came.

    Raises:
        CannotWrite: the files cannot be kept in `folder` (read-only, no space left).
        DataError: no mirror served the data; the message has one reason for each.
    """
    import_pooch()
    import requests

    failures: dict[str, list[str]] = {}
    stuck: set[str] = set()  # hosts that are not asked for another file
    for mirror, answer in probe(mirrors(record)):
        if mirror.host in stuck:
            continue
        try:
            if not answer.done():
                raise requests.Timeout
            answer.result()
            return _fetch_from(mirror, record, folder / DOWNLOADS, report, look)
        except (requests.RequestException, DataError) as error:
            failures.setdefault(mirror.name, []).append(describe(error, mirror.urls()[0]))
            if isinstance(error, (requests.ConnectionError, requests.Timeout, TooSlow)):
                stuck.add(mirror.host)
        except OSError as error:
            if error.errno is not None:
                raise CannotWrite(describe(error)) from error
            # Not the disk: say, a file of certificates that is missing.
            failures.setdefault(mirror.name, []).append(describe(error, mirror.urls()[0]))
    raise DataError(_summary(failures))


def _fetch_from(
    mirror: Mirror, record: Record, folder: Path, report: Report, look: Look
) -> tuple[Arrays, Format]:
    def on_wait() -> None:
        report(f"{record.name}: another process is downloading it, so this one waits")

    with files.one_at_a_time(folder / f".{record.name}.lock", on_wait):
        return look() or (_download(mirror, record, folder, report), mirror.format)


def _download(mirror: Mirror, record: Record, folder: Path, report: Report) -> Arrays:
    def is_good() -> bool:
        try:
            record.read(mirror.format, [folder / name for name in mirror.format.files])
        except DataError:
            return False
        return True

    with files.workspace(folder) as work:
        if not _has_terminal():
            report(f"{record.name}: downloading from {mirror.name}")
        paths = [transfer(url, work, record.max_bytes, record.min_speed) for url in mirror.urls()]
        arrays = record.read(mirror.format, paths)
        files.publish(paths, folder, is_good)
    return arrays


def mirrors(record: Record) -> list[Mirror]:
    """Where to ask, in order: the class's own server ($DLKIT_MIRROR), then the registry's."""
    own = os.environ.get("DLKIT_MIRROR", "").strip().rstrip("/")
    formats = dict.fromkeys(mirror.format for mirror in record.mirrors)
    folders = (own, f"{own}/{DOWNLOADS}") if own else ()
    return [
        *(Mirror(url, format, "DLKIT_MIRROR") for url in folders for format in formats),
        *record.mirrors,
    ]


def probe(candidates: Iterable[Mirror]) -> Iterator[tuple[Mirror, Future[None]]]:
    """Asks all mirrors at once, and yields each, in order, with its answer.

    A future that is not done by then has timed out. Threads do the asking, because the look-up
    of a host's name knows no time limit. requests honours the proxies of the environment.
    """
    deadline = time.monotonic() + PROBE_SECONDS
    asked = [(mirror, _in_background(_ask, mirror.urls()[0])) for mirror in candidates]
    for mirror, answer in asked:
        wait([answer], timeout=max(0.0, deadline - time.monotonic()))
        yield mirror, answer


def _ask(url: str) -> None:
    import requests

    # Any answer will do, an error too: that is the transfer's to report.
    requests.head(url, timeout=PROBE_SECONDS).close()


def transfer(url: str, folder: Path, max_bytes: int, min_speed: int) -> Path:
    """Downloads one file into `folder`.

    Raises:
        TooSlow: fewer than `min_speed` bytes a second came.
        DataError: it is larger than `max_bytes`.
        requests.RequestException: the server or the network failed.
        OSError: the disk failed.
    """
    meter = Meter(url.rpartition("/")[2], max_bytes)
    download = _in_background(_retrieve, url, folder, meter)
    mark, since = 0, time.monotonic()
    try:
        while not download.done():
            wait([download], timeout=0.1)
            if time.monotonic() - since >= WINDOW_SECONDS:
                if meter.received - mark < min_speed * WINDOW_SECONDS and not download.done():
                    raise TooSlow(f"given up, slower than {min_speed / 1000:g} kB a second")
                mark, since = meter.received, time.monotonic()
        return download.result()
    finally:
        meter.stop()
        wait([download], timeout=1.0)  # it closes its file, which Windows wants before removal


class Meter:
    """Counts the bytes that pooch reports, shows a bar on a terminal, and can stop a transfer."""

    def __init__(self, name: str, max_bytes: int):
        from tqdm import tqdm

        self.total = 0  # pooch sets it to the length that the server announces
        self.received = 0
        self._max_bytes = max_bytes
        self._stopped = False
        self._raw: Any = None  # the body that is being read, as urllib3 has it
        self._bar = tqdm(desc=name, unit="B", unit_scale=True, disable=not _has_terminal())

    def update(self, number: int) -> None:
        """pooch: `number` more bytes have come."""
        if self._stopped:
            raise DataError("given up")
        self.received += number
        if self.received > self._max_bytes:
            raise DataError(f"longer than the data can be ({self._max_bytes / 1e6:.0f} MB)")
        self._bar.total = self.total or None
        self._bar.update(number)

    def reset(self) -> None:
        """pooch: the file is complete, `update(total)` follows."""
        self.received = 0
        self._bar.reset()

    def close(self) -> None:
        """pooch: done."""

    def stop(self) -> None:
        """Ends the transfer if it is still running: at once, or else when its next bytes come."""
        self._stopped = True
        self._bar.close()
        if hasattr(self._raw, "shutdown"):  # urllib3 2.3 or newer
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended already
                self._raw.shutdown()

    def keep(self, response: "requests.Response", **_: object) -> None:
        """requests: this is the response whose body is about to be read."""
        self._raw = response.raw


def _retrieve(url: str, folder: Path, meter: Meter) -> Path:
    pooch = import_pooch()
    downloader = pooch.HTTPDownloader(
        progressbar=meter,
        timeout=(PROBE_SECONDS, READ_SECONDS),
        hooks={"response": meter.keep},
    )
    name = url.rpartition("/")[2]
    # No hash of the file: honest copies differ in their packing. The arrays are what we verify.
    return Path(pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader))


def import_pooch() -> ModuleType:
    """pooch, without the lines that it and tqdm write to a notebook's stderr."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    pooch.get_logger().setLevel("ERROR")
    return pooch


def _in_background(function: Callable[..., Any], *args: object) -> Future[Any]:
    """Runs the function in a daemon thread, which keeps neither us nor Python's exit waiting."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args))
        except Exception as error:  # handed over: result() raises it in the caller's thread
            future.set_exception(error)

    threading.Thread(target=run, name="dlkit download", daemon=True).start()
    return future


def _has_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _summary(failures: dict[str, list[str]]) -> str:
    """One reason for each mirror; where several files were tried there, the telling one."""
    names: dict[str, list[str]] = {}
    for name, reasons in failures.items():
        telling = [reason for reason in reasons if not reason.startswith("HTTP 404")]
        names.setdefault((telling or reasons)[0], []).append(name)
    return "; ".join(f"{' and '.join(those)}: {reason}" for reason, those in names.items())
