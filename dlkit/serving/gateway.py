"""The HTTP side, an ASGI application: reads requests within limits, responds in JSON."""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dlkit.serving import body, page, protocol
from dlkit.serving.access import PREFLIGHT, Access, unpacked
from dlkit.serving.metrics import CONTENT_TYPE, Metrics
from dlkit.serving.protocol import RequestError, Target
from dlkit.serving.version_manager import LoadedVersion, VersionManager

JSON = "application/json"
LONG_BODY = 100_000  # bytes; longer bodies are read in a thread, so that the others go on
DRAIN_FACTOR = (
    8  # times the limit: as much is read and dropped, so that the client hears of the limit
)
HEALTH_TIMEOUT = 2  # seconds


@dataclass(frozen=True)
class Limits:
    """What one client may ask for, and all of them together."""

    max_body_bytes: int = 8 * 2**20
    max_instances: int = 1024  # examples in a request
    timeout: float = 10.0  # seconds for a request's body to arrive, again for its prediction
    max_in_flight: int = 256  # predictions under way; beyond them 503
    max_receiving: int = 1024  # requests whose body is still on its way; beyond them 503
    max_held_bytes: int = 256 * 2**20  # of the bodies of all requests, or of two that are as long
    # as they may be; beyond them 503


@dataclass(frozen=True)
class Response:
    """What is sent back."""

    status: int
    content: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def json_response(
    document: object, status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """A ``Response`` that holds a document."""
    content = json.dumps(document, allow_nan=False).encode()
    return Response(status, content, headers=tuple(headers))


class Gateway:
    """The application.

    Args:
        name: of the model.
        manager: of its versions.
        metrics: counts what is served.
        limits: for its clients.
        access: who may ask.
    """

    def __init__(
        self,
        name: str,
        manager: VersionManager,
        metrics: Metrics,
        limits: Limits | None = None,
        access: Access | None = None,
    ) -> None:
        self.name, self.manager = name, manager
        self.metrics, self.limits = metrics, limits or Limits()
        self.access = access or Access()
        self._in_flight = self._receiving = self._held_bytes = 0
        self._routes = {
            "/healthz": ("health", self._health),
            "/metrics": ("metrics", self._metrics),
        } | {path: ("page", self._file) for path in page.FILES}

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Serve one request; the interface of ASGI."""
        if scope["type"] != "http":
            raise NotImplementedError(f"no {scope['type']} here")
        begun = time.perf_counter()
        kind = self._request_kind(scope["path"])
        headers = dict(scope["headers"])
        try:
            self.access.check(headers, scope.get("scheme", "http"))
            response = await self._handle(scope, headers, receive)
        except RequestError as error:
            response = json_response({"error": str(error)}, error.status, error.headers)
        except Exception:  # one request has failed; the service lives on, and the log says why
            traceback.print_exc(file=sys.stderr)
            response = json_response({"error": "The service failed; its log says why."}, 500)
        self.metrics.record_request(kind, response.status, time.perf_counter() - begun)
        response = replace(response, headers=response.headers + self.access.cors(headers))
        await _send(response, send, with_content=scope["method"] != "HEAD")

    def _request_kind(self, path: str) -> str:
        if path in self._routes:
            return self._routes[path][0]
        for ending, kind in ((":predict", "predict"), ("/metadata", "metadata")):
            if path.endswith(ending):
                return kind
        return "status" if path.startswith("/v1/models/") else "other"

    async def _handle(self, scope: dict, headers: dict, receive: Callable) -> Response:
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS" and b"access-control-request-method" in headers:
            return Response(204, b"", headers=PREFLIGHT)
        if path in self._routes:  # served whoever else is waiting
            protocol.check_method(method, ("GET", "HEAD"), path)
            return await self._routes[path][1](path)
        if method in ("GET", "HEAD"):
            return await self._handle_model(protocol.parse_target(method, path), b"")
        with self._held() as hold:
            content = await self._receive_body(headers, receive, hold)
            limit = self.limits.max_body_bytes
            if b"content-encoding" in headers:
                content = await asyncio.to_thread(unpacked, content, headers, limit)
                hold(len(content))
            target = protocol.parse_target(method, path)
            if self._in_flight >= self.limits.max_in_flight:
                raise _busy(f"{self._in_flight} predictions are under way, the limit")
            self._in_flight += 1
            try:
                return await self._handle_model(target, content)
            finally:
                self._in_flight -= 1

    @contextmanager
    def _held(self) -> Iterator[Callable[[int], None]]:
        """Counts the bytes that one request holds, and refuses what would be too much of them."""
        mine, limits = 0, self.limits
        most = max(limits.max_held_bytes, 2 * limits.max_body_bytes)

        def hold(size: int) -> None:
            nonlocal mine
            if self._held_bytes + size > most:
                raise _busy(f"requests hold {self._held_bytes} bytes, nearly the limit of {most}")
            mine += size
            self._held_bytes += size

        try:
            yield hold
        finally:
            self._held_bytes -= mine

    # ---- The model ---------------------------------------------------------------------------

    async def _handle_model(self, target: Target, content: bytes) -> Response:
        if target.model != self.name:
            raise RequestError(
                404, f"There is no model {protocol.quote(target.model)}; expected {self.name!r}."
            )
        if target.action == "status":
            if target.version is None:
                return json_response(protocol.status_response(self.manager.states()))
            states = [state for state in self.manager.states() if state[0] == target.version]
            if not states:
                self.manager.get(target.version)  # raises: there is no such version
            return json_response(protocol.status_response(states))
        with self.manager.get(target.version) as loaded:
            if target.action == "metadata":
                document = protocol.metadata_response(self.name, loaded.version, loaded.signature)
                return json_response(document)
            return await self._predict(loaded, content)

    async def _predict(self, loaded: LoadedVersion, content: bytes) -> Response:
        def read():
            limit = self.limits.max_instances
            return body.read_request(content, loaded.signature, max_instances=limit)

        array, key, bare = await _run(read, len(content))
        try:
            async with asyncio.timeout(self.limits.timeout):
                predictions, size = await loaded.predict(array)
        except TimeoutError:
            raise RequestError(
                504, f"There was no prediction within {self.limits.timeout:g} s."
            ) from None
        self.metrics.record_batch(size)

        def respond():
            name = loaded.signature.output_name
            return json_response(
                protocol.predict_response(predictions, key, output_name=name, bare=bare)
            )

        return await _run(respond, 10 * predictions.size)  # about ten characters a number

    async def _receive_body(self, headers: dict, receive: Callable, hold: Callable) -> bytes:
        """The body of a request, no longer than the limit; it counts from its first byte on."""
        if self._receiving >= self.limits.max_receiving:
            raise _busy(f"{self._receiving} bodies are on their way, the limit")
        self._receiving += 1
        try:
            return await self._read_body(headers, receive, hold)
        finally:
            self._receiving -= 1

    async def _read_body(self, headers: dict, receive: Callable, hold: Callable) -> bytes:
        limit = self.limits.max_body_bytes
        too_long = RequestError(
            413, f"The body has more than {limit} bytes, the limit; send less at once."
        )
        if int(headers.get(b"content-length", b"0")) > limit and b"expect" in headers:
            raise too_long  # the client waits for a word before it sends anything
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.timeout):
                while size <= DRAIN_FACTOR * limit:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestError(400, "The body broke off.")
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= limit:
                        hold(len(part))
                        parts.append(part)
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            if size <= limit:
                raise RequestError(
                    408, f"The body did not arrive within {self.limits.timeout:g} s."
                ) from None
        if size > limit:
            raise too_long
        return b"".join(parts)

    # ---- The rest ----------------------------------------------------------------------------

    async def _health(self, _: str) -> Response:
        """Whether a replica of the live version gives a sign of life."""
        loaded = self.manager.get()
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT):
                await loaded.ping()
        except TimeoutError:
            raise RequestError(
                503, f"No replica gave a sign of life within {HEALTH_TIMEOUT} s."
            ) from None
        return json_response({"status": "ok", "model": self.name, "version": str(loaded.version)})

    async def _metrics(self, _: str) -> Response:
        text = self.metrics.render(in_flight=self._in_flight, live=self.manager.live)
        return Response(200, text, CONTENT_TYPE)

    async def _file(self, path: str) -> Response:
        content, content_type = page.read_file(path, self.name)
        return Response(200, content, content_type, page.HEADERS)


def _busy(what: str) -> RequestError:
    return RequestError(503, f"{what}; send it again soon.", headers=[("retry-after", "1")])


async def _run(function: Callable[[], Any], size: int) -> Any:
    """Call it here if the body is short, in a thread if it may take a while."""
    return function() if size < LONG_BODY else await asyncio.to_thread(function)


async def _send(response: Response, send: Callable, *, with_content: bool) -> None:
    headers = {"content-type": response.content_type, "content-length": str(len(response.content))}
    headers |= dict(response.headers)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.content if with_content else b""})
