"""Serving data over HTTP/1.1: from a content to bytes on the wire, in constant memory, cut when access ends.

Files go out with `sendfile` where the transport allows it (plain TCP on asyncio's own loop), else in chunks. Who may read
is decided by whoever makes the `Permit`; here that is asked about again while a stream lasts. A response that cannot be
finished ends with its connection, so nobody takes a piece for the whole.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from connector import clock
from connector.dataplane import answers, headers, opening
from connector.dataplane.ports import BytesContent, Content, FileContent, Read, Source, StreamContent
from connector.dataplane.ranges import Span
from connector.dataplane.representation import Plan, plan
from connector.errors import Unknown, Unreachable
from connector.http.streams import Permitted, Running, StreamCut, Streams

log = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
_LEAST_PIECE = 1024 * 1024
_MOST_PIECE = 64 * 1024 * 1024
_FAST_SECONDS = 0.05
_SLOW_SECONDS = 0.5
_NOT_MODIFIED = 304
_MOST_DIGITS = 18


Reserve = Callable[[int | None], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Permit:
    """A data request that was checked: what it may read, and under which grant.

    `path` is the raw path below the endpoint (see `tail`); `key` is what `Streams.cut` names; `still_permitted` is asked
    again while the response lasts. `reserve` is called before the first byte of a body, with its length (None: not known); it
    returns how many bytes may leave (None: any number), or raises what is answered instead.
    """

    source: Source
    grant: str
    key: Hashable
    path: str
    still_permitted: Permitted | None = None
    reserve: Reserve | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What became of one data response, for the access record. `sent` is bytes of the body; times are since 1970.

    `complete` is false when the connection ended before the response did.
    """

    grant: str
    method: str
    path: str
    status: int
    sent: int
    complete: bool
    began: float
    ended: float


P = TypeVar("P", bound=Permit)


def data_handler(
    permit: Callable[[web.Request], Awaitable[P]], streams: Streams, record: Callable[[P, Served], None]
) -> Handler:
    """Return the handler of a provider's data endpoint, for GET and HEAD.

    Args:
        permit: checks the grant of a request, raising `Unauthenticated`, `Denied` or `Unknown`.
        streams: where the response is registered while it runs.
        record: queues the access record of a permit; called once for each response that began.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        permitted = await permit(request)
        read = read_of(request, permitted.path)
        began = clock.now()
        complete = False
        async with streams.running(permitted.key, request.transport, permitted.still_permitted) as running:
            try:
                response = await deliver(request, permitted.source.open(read), running, permitted.reserve)
                complete = True
            finally:
                if running.status:
                    parts = (permitted.grant, read.method, read.path, running.status, running.sent, complete)
                    record(permitted, Served(*parts, began=began, ended=clock.now()))
        return response

    return handle


async def deliver(
    request: web.Request,
    opened: AbstractAsyncContextManager[Content],
    running: Running,
    reserve: Reserve | None = None,
) -> web.StreamResponse:
    """Open a content and send it to the end; also what a gateway does with `pull.read`.

    Raises:
        ConnectorError: the content could not be opened; nothing was sent.
        ConnectionError: the connection ended first.
    """
    async with opened as content:
        return await serve(request, content, running, reserve or _freely)


async def _freely(_length: int | None) -> int | None:
    """Take nothing: nobody counts."""
    return None


async def serve(
    request: web.Request, content: Content, running: Running, reserve: Reserve = _freely
) -> web.StreamResponse:
    """Send a content as the answer to a GET or HEAD, counting the body's bytes in `running.sent`.

    Raises:
        ConnectionError: the connection ended first, or was ended here because the content broke off or changed.
    """
    if isinstance(content, StreamContent):
        return await _relay(request, content, running, reserve)
    asked = headers.asked(request.headers.items())
    decided = plan(request.method, asked, content.representation, clock.now())
    if isinstance(content, BytesContent):
        await _reserved(request, decided, reserve)
        return await _bytes(request, content, decided, running)
    await _reserved(request, decided, reserve)
    return await _file(request, content, decided, running)


def read_of(request: web.Request, path: str) -> Read:
    """Return what a request wants to read at a raw path below an endpoint."""
    return Read(request.method, path, request.rel_url.raw_query_string, headers.asked(request.headers.items()))


def tail(request: web.Request, prefix: str) -> str:
    """Return what follows a prefix in the path of a request, percent-encoded as it came: empty or from a slash on.

    Raises:
        Unknown: `data_unknown`: the path does not begin so.
    """
    raw = request.rel_url.raw_path
    rest = raw[len(prefix) :]
    if not raw.startswith(prefix) or (rest and not rest.startswith("/")):
        raise Unknown("data_unknown")
    return rest


async def _bytes(request: web.Request, content: BytesContent, decided: Plan, running: Running) -> web.StreamResponse:
    span = decided.span
    body = None if span is None else content.data[span.start : span.start + span.count]
    # Head and body in one write; for HEAD and 304 aiohttp keeps the length and leaves the body out.
    response = web.Response(status=decided.status, headers={**headers.OURS, **decided.headers}, body=body)
    running.status = decided.status
    await response.prepare(request)
    await response.write_eof()
    running.sent = len(body) if body is not None and request.method != "HEAD" else 0
    return response


async def _file(request: web.Request, content: FileContent, decided: Plan, running: Running) -> web.StreamResponse:
    response = await _begun(request, decided, running)
    span = _body(request, decided)
    if span is not None:
        await _Sender(response, content, running).send(span)
    await response.write_eof()
    return response


async def _begun(request: web.Request, decided: Plan, running: Running) -> web.StreamResponse:
    response = web.StreamResponse(status=decided.status, headers={**headers.OURS, **decided.headers})
    if decided.span is not None:
        response.content_length = decided.span.count
    elif decided.status != _NOT_MODIFIED:
        response.content_length = 0
    running.status = decided.status
    await response.prepare(request)
    return response


async def _reserved(request: web.Request, decided: Plan, reserve: Reserve) -> None:
    span = _body(request, decided)
    if span is not None:
        await reserve(span.count)


def _body(request: web.Request, decided: Plan) -> Span | None:
    if request.method == "HEAD" or decided.span is None or decided.span.count == 0:
        return None
    return decided.span


async def _relay(
    request: web.Request, content: StreamContent, running: Running, reserve: Reserve
) -> web.StreamResponse:
    passed = dict(content.headers)
    bodiless = request.method == "HEAD" or content.status in answers.BODILESS
    length = _length(content.headers)
    most = None if bodiless or length == 0 else await reserve(length)
    if content.status in answers.BODILESS:
        passed.pop("Content-Length", None)
    response = web.StreamResponse(status=content.status, headers={**headers.OURS, **passed})
    if content.status in answers.REFUSALS:
        response.content_length = 0
    running.status = content.status
    await response.prepare(request)
    if not bodiless:
        await _pass_on(response, content.chunks, running, most)
    await response.write_eof()
    return response


def _length(named: Mapping[str, str]) -> int | None:
    """Return the length of a body that another server announced."""
    text = next((value for name, value in named.items() if name.lower() == "content-length"), "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


async def _pass_on(
    response: web.StreamResponse, chunks: AsyncIterator[bytes], running: Running, most: int | None
) -> None:
    try:
        async for chunk in chunks:
            if most is not None and running.sent + len(chunk) > most:
                log.info("data ends at its quota: sent=%s most=%s", running.sent, most)
                raise _ended(running)
            await response.write(chunk)
            running.sent += len(chunk)
    except Unreachable as error:
        log.warning("data broke off on its way: sent=%s code=%s", running.sent, error.code)
        raise _ended(running) from None


def _ended(running: Running) -> ConnectionError:
    """Abort a connection whose response cannot be finished; return what to raise."""
    running.transport.abort()
    return StreamCut()


class _Sender:
    """Sends a file piece by piece. A piece takes about 0.05 to 0.5 s, so the count of bytes sent keeps up."""

    def __init__(self, response: web.StreamResponse, content: FileContent, running: Running) -> None:
        self._response = response
        self._content = content
        self._running = running
        self._piece = _LEAST_PIECE
        # Over TLS asyncio would only pretend to send the file: it reads it in the same small steps.
        self._natively = running.transport.get_extra_info("sslcontext") is None

    async def send(self, span: Span) -> None:
        """Send a span of the file; the file changing or ending meanwhile aborts the connection."""
        offset, end = span.start, span.start + span.count
        while offset < end:
            if opening.state(self._content.file.fileno()).etag != self._content.representation.etag:
                log.warning("file changed while it was sent: sent=%s", self._running.sent)
                raise _ended(self._running)
            sent = await self._next(offset, end - offset)
            if sent == 0:
                raise _ended(self._running)
            offset += sent
            self._running.sent += sent

    async def _next(self, offset: int, left: int) -> int:
        if self._natively:
            try:
                return await self._sendfile(offset, min(left, self._piece))
            except (NotImplementedError, asyncio.SendfileNotAvailableError):
                self._natively = False
        data = await asyncio.to_thread(os.pread, self._content.file.fileno(), min(left, CHUNK_BYTES), offset)
        await self._response.write(data)
        return len(data)

    async def _sendfile(self, offset: int, count: int) -> int:
        transport = self._running.transport
        if transport.is_closing():
            raise StreamCut
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            sent = await loop.sendfile(transport, self._content.file, offset, count, fallback=False)
        except (ConnectionError, TimeoutError):
            # The reader has gone; here the transport learns of it last.
            raise _ended(self._running) from None
        took = loop.time() - began
        if took < _FAST_SECONDS:
            self._piece = min(self._piece * 2, _MOST_PIECE)
        elif took > _SLOW_SECONDS:
            self._piece = max(self._piece // 2, _LEAST_PIECE)
        return sent
