"""One connection of a client, with the deadlines that aiohttp's server lacks.

aiohttp closes an idle connection, but gives a client all the time in the world for the head of a request. Here the head
must be complete within a deadline, counted from the connection or from the first byte of a later request, and within a
size; a client that stops reading is dropped by the kernel.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import web

from connector import ids
from connector.http.census import Census
from connector.http.limits import Network, site, trusts
from connector.http.problems import plain_answer

log = logging.getLogger(__name__)

HEAD_BYTES: Final = 64 * 1024
LINE_BYTES: Final = 8190
UNREAD_SECONDS: Final = 60
_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may cost a listener: seconds, connections, and the proxies that are not counted by address."""

    header_seconds: float = 10
    body_seconds: float = 30
    idle_seconds: float = 75
    linger_seconds: float = 2
    stop_seconds: float = 5
    connections_per_address: int = 100
    connections_total: int = 1000
    trusted: tuple[Network, ...] = ()


class Connection(web.RequestHandler):
    """aiohttp's protocol of one connection, with a place in the census and a deadline for every head."""

    __slots__ = ("_census", "_deadline", "_head_bytes", "_limits", "_reading_body")

    def __init__(self, manager: web.Server, *, limits: Limits, census: Census, **settings: Any) -> None:
        super().__init__(
            manager,
            auto_decompress=False,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=limits.linger_seconds,
            max_field_size=LINE_BYTES,
            max_line_size=LINE_BYTES,
            **settings,
        )
        self._limits = limits
        self._census = census
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._reading_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place in the census, or leave at once."""
        stream = cast("asyncio.Transport", transport)
        if not self._census.admit(self, self._address(stream)):
            self.force_close()
            stream.abort()
            return
        super().connection_made(transport)
        _drop_when_unread(stream)
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._head_complete()
        self._census.leaves(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, watching how long and how large an incomplete head becomes."""
        idle = self._waiter is not None and not self._waiter.done() and not self._messages
        requests = self._request_count
        super().data_received(data)
        if self._request_count != requests:
            self._head_complete()
            self._census.works(self)
            self._tell_reader()
        elif idle:
            self._head_bytes += len(data)
            self._watch_head()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the end of an answer; then it is the client's turn, unless it has asked again already."""
        result = await super().finish_response(request, resp, start_time)
        if not self._messages:
            self._census.waits(self)
        return result

    def reading_body(self, *, begins: bool) -> None:
        """Note that a body is awaited (the client's turn) or has been read (ours)."""
        self._reading_body = begins
        (self._census.waits if begins else self._census.works)(self)

    def close(self) -> None:
        """Take no further request; a request whose body is still awaited will not be waited for."""
        super().close()
        if self._reading_body:
            self.evict()

    def evict(self) -> None:
        """Close at once, losing what was not sent."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no route has answered: a request that is not HTTP, or a fault outside the middlewares.

        Neither the answer nor the log repeats what the client sent: it may hold a token.
        """
        del message
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError
        if status < 500:  # noqa: PLR2004 - the classes of HTTP statuses
            log.info("request refused: remote=%s reason=%s", request.remote, type(exc).__name__)
            return plain_answer(400, "http_malformed")
        reference = ids.new()
        log.error("unexpected error: type=%s reference=%s", type(exc).__name__, reference)
        log.debug("unexpected error: reference=%s", reference, exc_info=exc)
        return plain_answer(500, "http_unexpected", reference)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log the kind of a fault only; its text and traceback, which may quote a client, at level debug."""
        error = kw.get("exc_info")
        log.error("unexpected error on a connection: type=%s", type(error).__name__)
        log.debug(*args, **kw)

    def _address(self, transport: asyncio.Transport) -> str | None:
        name = transport.get_extra_info("peername")
        address = str(name[0]) if name else ""
        return None if trusts(self._limits.trusted, address) else site(address)

    def _await_head(self) -> None:
        self._deadline = self._loop.call_later(self._limits.header_seconds, self.evict)

    def _head_complete(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _tell_reader(self) -> None:
        """Wake who awaits the rest of a body when what came instead is not HTTP; aiohttp would let it wait."""
        request = self._current_request
        if self._reading_body and request is not None and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError())

    def _watch_head(self) -> None:
        if self._head_bytes > HEAD_BYTES and self.transport is not None:
            self.transport.write(_TOO_LONG)
            self.force_close()
        elif self._deadline is None:
            self._await_head()


def _drop_when_unread(transport: asyncio.Transport) -> None:
    """Let the kernel drop a connection whose client takes nothing of an answer for a minute (Linux, RFC 5482)."""
    connected = transport.get_extra_info("socket")
    with suppress(AttributeError, OSError):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
