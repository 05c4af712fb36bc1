"""Who may ask: which Host and Origin a request may name, and in which form its body may come."""

import ipaddress
import zlib
from dataclasses import dataclass

from dlkit.serving.protocol import RequestError, quote

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"0.0.0.0", "::"})
FORM = "application/x-www-form-urlencoded"
PREFLIGHT = (
    ("access-control-allow-methods", "GET, POST"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-max-age", "600"),
)


@dataclass(frozen=True)
class Access:
    """Which clients are served.

    A page of another site can make a visitor's browser send requests to this machine, and read the
    replies where it makes a name of its own point here. Both name their Host or Origin.

    Args:
        hosts: names by which clients may reach the service, beside the loopback ones; "*": any.
        origins: origins of pages that may use it, such as "https://example.org"; "*": any. The
            service's own page always may.
        any_address: whether any IP address is a good Host, as it is if the service listens on all
            of a machine's addresses. Addresses, unlike names, cannot be made to point elsewhere.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    any_address: bool = False

    def check(self, headers: dict[bytes, bytes], scheme: str) -> None:
        """Check the headers of a request.

        Raises:
            RequestError: 403, another Host or Origin; 415, a body that says it is no JSON.
        """
        host = headers.get(b"host", b"").decode("latin-1")
        if host and not self._is_own(host):  # a browser always names one
            raise RequestError(
                403,
                f"The Host is {quote(host)}; expected a name of this machine: start the service "
                "with --allow-host NAME.",
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        allowed = self.origins & {origin, "*"} or origin == f"{scheme}://{host}"
        if origin and not allowed:
            raise RequestError(
                403,
                f"The page is from {quote(origin)}, another site; start the service with "
                "--allow-origin if that is meant.",
            )
        kind = headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
        is_json = kind == "application/json" or kind.endswith("+json")
        # What `curl -d` says of every body. A page would name its Origin, and a form sends no JSON.
        is_curl = kind == FORM and not origin
        if kind and not is_json and not is_curl:
            raise RequestError(
                415,
                f"The Content-Type is {quote(kind)}; expected application/json (curl: -H "
                "'Content-Type: application/json').",
            )

    def cors(self, headers: dict[bytes, bytes]) -> tuple[tuple[str, str], ...]:
        """The header by which a browser lets an allowed page read the reply."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and self.origins & {origin, "*"}:
            return (("access-control-allow-origin", origin), ("vary", "origin"))
        return ()

    def _is_own(self, host):
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").lower().rstrip(".")
        if name in LOOPBACK | self.hosts or "*" in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address


def unpacked(content: bytes, headers: dict[bytes, bytes], limit: int) -> bytes:
    """A body as its Content-Encoding says, gzip or none, within the limit once unpacked.

    Raises:
        RequestError: 415, another encoding; 400, no gzip or cut off; 413, longer than the limit.
    """
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding == "identity":
        return content
    if encoding not in ("gzip", "x-gzip"):
        raise RequestError(
            415,
            f"The Content-Encoding is {quote(encoding)}; expected gzip, or none.",
            headers=[("accept-encoding", "gzip, identity")],
        )
    unpacker = zlib.decompressobj(wbits=31)  # gzip, with its header and checksum
    try:
        found = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise RequestError(400, f"The body is no gzip: {error}.") from None
    if len(found) > limit:
        raise RequestError(
            413, f"The body has more than {limit} bytes when unpacked, the limit; send less."
        )
    if not unpacker.eof:
        raise RequestError(400, "The body is gzip that is cut off.")
    if unpacker.unused_data:
        raise RequestError(400, "The body goes on after its gzip has ended; send one gzip.")
    return found
