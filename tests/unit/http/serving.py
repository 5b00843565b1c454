"""A listener with a few plain routes, and a client that speaks bytes, for the tests of this room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from connector import clock, loader
from connector.errors import Unavailable, Unknown
from connector.http import bodies, health, limits, metrics, middleware
from connector.http.connection import Limits
from connector.http.server import Listener, start_listener

WELL_KNOWN = "/.well-known/dspace-version"
NEGOTIATION = "/dsp/2025-1/negotiations/{pid}/request"
DOCUMENT = b'{"protocolVersions":[]}'


@dataclass
class Place:
    """A running listener and what its routes saw."""

    listener: Listener
    metrics: metrics.Metrics
    bodies: list[bytes] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    async def connect(self, data: bytes = b"", source: str = "127.0.0.1") -> Client:
        streams = await asyncio.open_connection(self.listener.host, self.listener.port, local_addr=(source, 0))
        client = Client(*streams)
        self.clients.append(client)
        client.writer.write(data)
        return client

    async def ask(self, data: bytes, source: str = "127.0.0.1") -> Reply:
        client = await self.connect(data, source)
        try:
            return await client.reply()
        finally:
            await client.close()

    async def get(self, path: str, source: str = "127.0.0.1", method: str = "GET", **headers: str) -> Reply:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return await self.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode(), source)

    async def post(self, path: str, body: bytes, **headers: str) -> Reply:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        return await self.ask(head.encode() + body)


@dataclass(frozen=True)
class Reply:
    """An answer as it came, or status 0 when the connection was closed without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Client:
    """One connection that speaks bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self, within: float = 5) -> Reply:
        body = b""
        async with asyncio.timeout(within):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return Reply(0, {}, b"")
            first, *lines = head.decode().split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            with suppress(asyncio.IncompleteReadError):
                body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Reply(int(first.split()[1]), headers, body)

    async def closed(self, within: float) -> bool:
        """Tell whether the server closes within these seconds."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def serving(
    allowed: Limits = Limits(),  # noqa: B008 - frozen
    limiter: limits.Limiter | None = None,
    name: middleware.Name = "public",
) -> AsyncIterator[Place]:
    """Serve the test routes on a port of the system's choice."""
    app, figures = web.Application(), metrics.Metrics()
    place: list[Place] = []
    _add_routes(app, place)
    middleware.protect(app, name, language="en", limiter=limiter or generous(), metrics=figures)
    place.append(Place(await start_listener(app, "127.0.0.1", 0, limits=allowed), figures))
    try:
        yield place[0]
    finally:
        await place[0].listener.stop()
        for client in place[0].clients:
            await client.close()


def generous(trusted: tuple[limits.Network, ...] = ()) -> limits.Limiter:
    return limits.Limiter(limits.Buckets(1e6, 1e6), limits.Buckets(1e6, 1e6), trusted, clock.monotonic)


def _add_routes(app: web.Application, place: list[Place]) -> None:
    async def take(request: web.Request) -> web.Response:
        limit = loader.PEER_BYTES if request.path.startswith("/dsp") else loader.OPERATOR_BYTES
        value, data = await bodies.read_json(request, limit)
        place[0].bodies.append(data)
        return bodies.json_answer(value)

    async def slow(_request: web.Request) -> web.Response:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            place[0].cut.append("slow")
            raise
        return bodies.json_answer({})

    app.router.add_get(WELL_KNOWN, bodies.static_document(DOCUMENT))
    app.router.add_post(NEGOTIATION, take)
    app.router.add_post("/api/v1/things", take)
    app.router.add_post("/ignore", _ignore)
    app.router.add_get("/fail", _fail)
    app.router.add_get("/away", _away)
    app.router.add_get("/half", _half)
    app.router.add_get("/none", _none)
    app.router.add_get("/moved", _moved)
    app.router.add_get("/slow", slow)
    app.router.add_get("/member", _member)
    app.router.add_get("/dsp/2025-1/catalog/datasets/{id}", _away)
    app.router.add_get("/dsp/2025-1/transfers/{pid}", _member)
    app.router.add_get("/dsp/2025-1/negotiations/{pid}", _fail)
    health.add_health(app, _ready)


async def _ignore(_request: web.Request) -> web.Response:
    return bodies.json_answer({"read": False})


async def _fail(request: web.Request) -> web.Response:
    raise KeyError(request.headers.get("Authorization"))


async def _away(_request: web.Request) -> web.Response:
    raise Unavailable("http_unexpected", reference="x")


async def _none(_request: web.Request) -> Any:
    return None


async def _moved(_request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/elsewhere")


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "10"})
    await response.prepare(request)
    await response.write(b"12345")
    raise Unknown("http_path")


async def _member(request: web.Request) -> web.Response:
    request.app[limits.LIMITER].identified(request, "did:web:us", request.headers.get("X-Test-Peer", "did:web:x"))
    raise Unknown("http_path")


async def _ready() -> list[str]:
    return []
