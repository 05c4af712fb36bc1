"""Says in a few words what went wrong with a download, whichever library noticed it."""

import errno
import http.client
import os
import socket
import ssl
from collections.abc import Iterator

from dlkit.data.readers import DataError
from dlkit.machine import python_command

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


def describe(error: Exception, url: str = "") -> str:
    """One short sentence about a failed download.

    Args:
        error: from requests, from the disk, or a `DataError`.
        url: what was asked for. It tells which proxy was in between.

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
        return _bad_proxy(url) or "not a web address (expected http://... or https://...)"
    if isinstance(error, exceptions.TooManyRedirects):
        return "redirected in circles"
    what = "timed out" if isinstance(error, exceptions.Timeout) else _root_cause(error)
    is_socks = any(type(cause).__module__ == "socks" for cause in _chain(error))
    if isinstance(error, exceptions.ProxyError) or is_socks:
        place, _ = proxy_of(url)
        return f"the proxy{' in ' * bool(place)}{place}: {what}"
    return what


def proxy_of(url: str) -> tuple[str, str]:
    """Where the proxy for this address is set, as a person finds it, and its own address.

    Two empty strings: none is set, `NO_PROXY` leaves this host out, or `url` is no web address.
    """
    from requests import Request, RequestException
    from requests.utils import get_environ_proxies, select_proxy

    try:
        prepared = Request("HEAD", url).prepare().url or ""
    except RequestException:
        return "", ""
    proxy = select_proxy(prepared, get_environ_proxies(prepared)) if prepared else None
    if not proxy:
        return "", ""
    scheme = prepared.partition(":")[0].lower()
    names = [f"{scheme}_proxy", "all_proxy"]
    names = [name for each in names for name in (each, each.upper())]
    place = next((name for name in names if os.environ.get(name) == proxy), "the system's settings")
    return place, proxy


def _bad_proxy(url: str) -> str:
    """What is wrong with the proxy through which a good address was asked; "" without one.

    Its address is not shown: it may hold a password.
    """
    place, proxy = proxy_of(url)
    if not place:
        return ""
    if proxy.lower().startswith("socks"):
        install = python_command("-m", "pip", "install", "PySocks")
        return (
            f"the proxy in {place} is a SOCKS proxy, for which a package is missing: install it "
            f"({install}), or name an http:// proxy there"
        )
    return (
        f"the proxy in {place} is not an address (expected http://host:port): correct it, or "
        "clear it if there is no proxy"
    )


def _root_cause(error: Exception) -> str:
    causes = list(_chain(error))
    for kind, sentence in _CAUSES:
        if any(isinstance(cause, kind) for cause in causes):
            return sentence
    for cause in causes:
        if str(cause).startswith("Tunnel connection failed: "):  # what the proxy itself answered
            return "HTTP " + str(cause).partition(": ")[2].strip()
        number = getattr(cause, "errno", None)
        if number in _DISK:
            return _DISK[number]
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".splitlines()[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
