"""Says in a few words what went wrong with a download, whichever library noticed it."""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

from dlkit.data.readers import DataError

# The first of these in the chain of causes decides; requests and urllib3 wrap them deeply.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "timed out"),
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "host name not found (no network?)"),
    (ssl.SSLError, "no secure connection (a filter in between, or a wrong clock?)"),
    (http.client.RemoteDisconnected, "the server closed the connection"),
    (http.client.IncompleteRead, "truncated, the connection ended early"),
    (ConnectionError, "the connection broke"),
)

_DISK = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "no space left in your quota",
    errno.EROFS: "it is read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENETUNREACH: "no network",
    errno.EHOSTUNREACH: "no network",
}


class CannotWrite(DataError):
    """A folder cannot take the files: read-only, no space left, no permission."""


def describe(error: Exception) -> str:
    """One short sentence about a failed download.

    >>> import errno
    >>> describe(OSError(errno.ENOSPC, "whatever the system calls it"))
    'no space left on the disk'
    """
    from requests import exceptions

    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}".rstrip()
    if isinstance(
        error, (exceptions.InvalidURL, exceptions.MissingSchema, exceptions.InvalidSchema)
    ):
        return "not a web address (expected http://... or https://...)"
    if isinstance(error, exceptions.TooManyRedirects):
        return "redirected in circles"
    what = "timed out" if isinstance(error, exceptions.Timeout) else _root_cause(error)
    return f"the proxy: {what}" if isinstance(error, exceptions.ProxyError) else what


def _root_cause(error: Exception) -> str:
    causes = list(_chain(error))
    for kind, sentence in _CAUSES:
        if any(isinstance(cause, kind) for cause in causes):
            return sentence
    for cause in causes:
        number = getattr(cause, "errno", None)
        if number in _DISK:
            return _DISK[number]
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".splitlines()[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
