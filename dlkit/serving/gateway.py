"""The HTTP side, an ASGI application: reads requests within limits, responds in JSON."""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dlkit.serving import body, page, protocol
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
    max_in_flight: int = 256  # requests in progress; beyond them 503


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
    return Response(status, json.dumps(document).encode(), headers=tuple(headers))


class Gateway:
    """The application.

    Args:
        name: of the model.
        manager: of its versions.
        metrics: counts what is served.
        limits: for its clients.
    """

    def __init__(
        self, name: str, manager: VersionManager, metrics: Metrics, limits: Limits | None = None
    ) -> None:
        self.name, self.manager = name, manager
        self.metrics, self.limits = metrics, limits or Limits()
        self._in_flight = 0
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
        try:
            response = await self._handle(scope, receive)
        except RequestError as error:
            response = json_response({"error": str(error)}, error.status, error.headers)
        except Exception:  # one request has failed; the service lives on, and the log says why
            traceback.print_exc(file=sys.stderr)
            response = json_response({"error": "The service failed; its log says why."}, 500)
        self.metrics.record_request(kind, response.status, time.perf_counter() - begun)
        await _send(response, send, with_content=scope["method"] != "HEAD")

    def _request_kind(self, path: str) -> str:
        if path in self._routes:
            return self._routes[path][0]
        for ending, kind in ((":predict", "predict"), ("/metadata", "metadata")):
            if path.endswith(ending):
                return kind
        return "status" if path.startswith("/v1/models/") else "other"

    async def _handle(self, scope: dict, receive: Callable) -> Response:
        method, path = scope["method"], scope["path"]
        if self._in_flight >= self.limits.max_in_flight:
            raise RequestError(
                503,
                f"{self._in_flight} requests are in progress, the limit; send it again soon.",
                headers=[("retry-after", "1")],
            )
        self._in_flight += 1
        try:
            content = b"" if method in ("GET", "HEAD") else await self._read_body(scope, receive)
            if path in self._routes:
                protocol.check_method(method, ("GET", "HEAD"), path)
                return await self._routes[path][1](path)
            return await self._handle_model(protocol.parse_target(method, path), content)
        finally:
            self._in_flight -= 1

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

        array, key = await _run(read, len(content))
        try:
            async with asyncio.timeout(self.limits.timeout):
                predictions, size = await loaded.predict(array)
        except TimeoutError:
            raise RequestError(
                504, f"There was no prediction within {self.limits.timeout:g} s."
            ) from None
        self.metrics.record_batch(size)
        document = protocol.predict_response(predictions, key)
        return await _run(lambda: json_response(document), len(content))

    async def _read_body(self, scope: dict, receive: Callable) -> bytes:
        """The body of a request, no longer than the limit."""
        headers = dict(scope["headers"])
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


async def _run(function: Callable[[], Any], size: int) -> Any:
    """Call it here if the body is short, in a thread if it may take a while."""
    return function() if size < LONG_BODY else await asyncio.to_thread(function)


async def _send(response: Response, send: Callable, *, with_content: bool) -> None:
    headers = {"content-type": response.content_type, "content-length": str(len(response.content))}
    headers |= dict(response.headers)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.content if with_content else b""})
