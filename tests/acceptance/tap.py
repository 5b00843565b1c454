"""A tap in front of a town: an HTTP relay that keeps its own book of what was asked and answered, and can be hostile.

The book is a witness that no crash of a connector touches: what the peer was told is what counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import hdrs, web

_CHUNK_BYTES = 64 * 1024
_HOP_BY_HOP = frozenset({hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.KEEP_ALIVE})

Mood = Literal["relay", "deaf", "black hole"]
"""`relay` passes everything on; `deaf` ends every connection; `black hole` takes requests and never answers."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer that left: the method and path, the message's `@id` (None without one), the status, Retry-After."""

    method: str
    path: str
    message: str | None
    status: int
    retry_after: str | None


@dataclass(slots=True)
class Tap:
    """See the module. `cuts` end connections of data, each after so many bytes of one answer's body."""

    port: int
    behind: int
    mood: Mood = "relay"
    cuts: list[int] = field(default_factory=list)
    book: list[Entry] = field(default_factory=list)
    asked: int = 0
    _session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[Tap]:
        """Listen until the end of the block."""
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        server = web.Server(self._relay, access_log=None)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            listening.close()
            await server.shutdown(0.1)
            await self._session.close()

    @property
    def acknowledged(self) -> set[str]:
        """The messages whose senders were told 2xx."""
        return {entry.message for entry in self.book if entry.message and 200 <= entry.status < 300}

    async def _relay(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        body = await request.read()
        if self.mood == "black hole":
            await asyncio.Event().wait()
        try:
            if self.mood == "deaf":
                raise aiohttp.ClientConnectionError
            return await self._passed_on(request, body)
        except (aiohttp.ClientError, ConnectionError):
            return _gone(request)

    async def _passed_on(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        assert self._session is not None
        asked = (request.method, request.path, _id(body))
        url = f"http://127.0.0.1:{self.behind}{request.raw_path}"
        sent = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        call = self._session.request(request.method, url, headers=sent, data=body or None, allow_redirects=False)
        async with call as answer:
            headers = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            cut = await self._body(answer, response)
            if cut:
                return _gone(request, response)
            await response.write_eof()
            self.book.append(Entry(*asked, answer.status, answer.headers.get(hdrs.RETRY_AFTER)))
            return response

    async def _body(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> bool:
        """Pass a body on; tell whether it was cut."""
        left = self.cuts.pop(0) if self.cuts and "/data/" in answer.url.path else None
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            if left is not None and left < len(chunk):
                await response.write(chunk[:left])
                return True
            await response.write(chunk)
            left = None if left is None else left - len(chunk)
        return False


def _gone(request: web.BaseRequest, begun: web.StreamResponse | None = None) -> web.StreamResponse:
    """End the connection without (the rest of) an answer."""
    if request.transport is not None:
        request.transport.abort()
    return begun or web.Response(status=502)


def _id(body: bytes) -> str | None:
    try:
        value: Any = json.loads(body) if body else None
    except ValueError:
        return None
    return value.get("@id") if isinstance(value, dict) else None
