"""uvicorn's HTTP protocol, with an end to waiting: a client that asks nothing is let go.

uvicorn closes a connection that is idle after a response. Here one that has not sent the head of a
request in time is closed as well, also if it sends a byte now and then; and one that does not fetch
its response. The head's size is limited by h11. An offer to change the protocol (``Upgrade: h2c``,
as Java's client sends it with every request) is passed over, and the request is served as it is.
"""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 10.0  # seconds for the head of a request to arrive
MAX_HEAD_BYTES = 2**16  # of a request's first line and headers; beyond them 400 and an end


class Connection(H11Protocol):
    """One client's connection."""

    _timer: TimerHandle | None = None
    _unsent = 0  # bytes of responses that the client has not fetched, when the timer was set

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # the next request may have been here already
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._look()

    def _look(self) -> None:
        is_asking = self.cycle is not None and not self.cycle.response_complete
        if is_asking and not self.flow.write_paused:
            self._stop_timer()  # the head is there: body and prediction have limits of their own
        elif self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        transport: Any = self.transport
        self._unsent = transport.get_write_buffer_size()
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self._let_go)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go(self) -> None:
        transport: Any = self.transport
        unsent = transport.get_write_buffer_size()
        if unsent == 0:
            transport.close()
        elif unsent < self._unsent:  # a slow client, but it reads
            self._set_timer()
        else:
            transport.abort()  # close() would wait until it has read all
