"""The HTTP side, an ASGI application: reads requests within limits, answers all in JSON."""

import asyncio
import json
import sys
import time
import traceback
from dataclasses import dataclass

from dlkit.serving import body, page, protocol
from dlkit.serving.metrics import CONTENT_TYPE
from dlkit.serving.protocol import RequestError

JSON = "application/json"
IN_THREAD = 100_000  # bytes; longer bodies are read in a thread, so that the others go on
DRAINED = 8  # times the limit: as much is read and dropped, so that the client hears of the limit
HEALTH_S = 2


@dataclass(frozen=True)
class Limits:
    """What one client may ask for, and all of them together."""

    body: int = 8 * 2**20  # bytes of a request
    instances: int = 1024  # examples in a request
    seconds: float = 10.0  # for a request's body to arrive, and again for its answer
    waiting: int = 256  # requests in progress; beyond them 503


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    content: bytes
    kind: str = JSON
    headers: tuple = ()


def in_json(document, status=200, headers=()):
    """An ``Answer`` that holds a document."""
    return Answer(status, json.dumps(document).encode(), headers=tuple(headers))


class Gateway:
    """The application.

    Args:
        name: of the model.
        catalogue: a ``Catalogue``; its engine has coroutines ``predict(model, array)`` ->
            ``(predictions, size of the batch or 0)`` and ``answers(model)``.
        metrics: a ``Metrics``.
        limits: a ``Limits``.
    """

    def __init__(self, name, catalogue, metrics, limits=Limits()):  # noqa: B008 (it is frozen)
        self.name, self.catalogue = name, catalogue
        self.metrics, self.limits = metrics, limits
        self._waiting = 0
        self._fixed = {
            "/healthz": ("health", self._health),
            "/metrics": ("metrics", self._metrics),
        } | {path: ("page", self._file) for path in page.FILES}

    async def __call__(self, scope, receive, send):
        """Answer one request; the interface of ASGI."""
        if scope["type"] != "http":
            raise NotImplementedError(f"no {scope['type']} here")
        begun = time.perf_counter()
        kind = self._kind(scope["path"])
        try:
            answer = await self._answer(scope, receive)
        except RequestError as error:
            answer = in_json({"error": str(error)}, error.status, error.headers)
        except Exception:  # one request has failed; the service lives on, and the log says why
            traceback.print_exc(file=sys.stderr)
            answer = in_json({"error": "The service failed; its log says why."}, 500)
        self.metrics.answered(kind, answer.status, time.perf_counter() - begun)
        await _send(answer, send, with_content=scope["method"] != "HEAD")

    def _kind(self, path):
        if path in self._fixed:
            return self._fixed[path][0]
        for ending, kind in ((":predict", "predict"), ("/metadata", "metadata")):
            if path.endswith(ending):
                return kind
        return "status" if path.startswith("/v1/models/") else "other"

    async def _answer(self, scope, receive):
        method, path = scope["method"], scope["path"]
        if self._waiting >= self.limits.waiting:
            raise RequestError(
                503,
                f"{self._waiting} requests are in progress, the most there may be; ask again soon.",
                headers=[("retry-after", "1")],
            )
        self._waiting += 1
        try:
            content = b"" if method in ("GET", "HEAD") else await self._read(scope, receive)
            if path in self._fixed:
                protocol.check_method(method, ("GET", "HEAD"), path)
                return await self._fixed[path][1](path)
            return await self._model(protocol.target(method, path), content)
        finally:
            self._waiting -= 1

    # ---- The model ---------------------------------------------------------------------------

    async def _model(self, target, content):
        if target.model != self.name:
            raise RequestError(
                404, f"There is no model {protocol.shown(target.model)}; expected {self.name!r}."
            )
        if target.action == "status":
            if target.version is None:
                return in_json(protocol.status(self.catalogue.states()))
            states = [state for state in self.catalogue.states() if state[0] == target.version]
            if not states:
                self.catalogue.pick(target.version)  # raises: there is no such version
            return in_json(protocol.status(states))
        with self.catalogue.pick(target.version) as loaded:
            if target.action == "metadata":
                return in_json(protocol.metadata(self.name, loaded.version, loaded.signature))
            return await self._predict(loaded, content)

    async def _predict(self, loaded, content):
        def read():
            return body.read_request(content, loaded.signature, max_instances=self.limits.instances)

        array, key = await _call(read, len(content))
        try:
            async with asyncio.timeout(self.limits.seconds):
                predictions, size = await self.catalogue.engine.predict(loaded.model, array)
        except TimeoutError:
            raise RequestError(
                504, f"There was no prediction within {self.limits.seconds:g} s."
            ) from None
        self.metrics.batch(size)
        document = protocol.answer(predictions, key)
        return await _call(lambda: in_json(document), len(content))

    async def _read(self, scope, receive):
        """The body of a request, no longer than the limit."""
        headers = dict(scope["headers"])
        limit = self.limits.body
        too_long = RequestError(
            413, f"The body has more than {limit} bytes, the most there may be; send less at once."
        )
        if int(headers.get(b"content-length", b"0")) > limit and b"expect" in headers:
            raise too_long  # the client waits for a word before it sends anything
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                while size <= DRAINED * limit:
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
                    408, f"The body did not arrive within {self.limits.seconds:g} s."
                ) from None
        if size > limit:
            raise too_long
        return b"".join(parts)

    # ---- The rest ----------------------------------------------------------------------------

    async def _health(self, _):
        """Whether a replica of the live version gives a sign of life."""
        loaded = self.catalogue.pick()
        try:
            async with asyncio.timeout(HEALTH_S):
                await self.catalogue.engine.answers(loaded.model)
        except TimeoutError:
            raise RequestError(503, f"No replica answered within {HEALTH_S} s.") from None
        return in_json({"status": "ok", "model": self.name, "version": str(loaded.version)})

    async def _metrics(self, _):
        text = self.metrics.text(waiting=self._waiting, live=self.catalogue.live)
        return Answer(200, text, CONTENT_TYPE)

    async def _file(self, path):
        content, kind = page.read(path, self.name)
        return Answer(200, content, kind, page.HEADERS)


async def _call(function, size):
    """Call it here if it is quick, in a thread if it takes a while."""
    return function() if size < IN_THREAD else await asyncio.to_thread(function)


async def _send(answer, send, *, with_content):
    headers = {"content-type": answer.kind, "content-length": str(len(answer.content))}
    headers |= dict(answer.headers)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.content if with_content else b""})
