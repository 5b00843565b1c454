"""Readers of data who are not our connector: they hold an endpoint and a token, and are slow, greedy or strangers."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from tests.acceptance.towns import Town

_BUFFER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """What a start message gave its consumer."""

    endpoint: str
    token: str


async def address_of(consumer: Town, transfer: str) -> Address:
    """Return what a running consumer holds of a started transfer of its own."""
    found = await consumer.unit(lambda unit: unit.transfers.get(transfer))
    assert found is not None
    assert found.endpoint is not None
    assert found.token is not None
    return Address(found.endpoint, found.token)


async def ask(address: Address, *, path: str = "", **headers: str) -> tuple[int, bytes]:
    """Ask once over a connection of its own and return the status and the body."""
    wanted = {"Authorization": f"Bearer {address.token}"} | headers
    async with aiohttp.ClientSession() as session, session.get(address.endpoint + path, headers=wanted) as answer:
        return answer.status, await answer.read()


async def first_byte(address: Address) -> int:
    """Return the status of a request for one byte."""
    return (await ask(address, Range="bytes=0-0"))[0]


@dataclass(slots=True)
class Slow:
    """A reader that has begun and then reads nothing until it is told to."""

    connection: socket.socket
    received: int = 0

    async def cut(self) -> bool:
        """Tell whether the connection has been reset, without reading from it."""
        watch = select.poll()
        watch.register(self.connection, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))

    async def rest(self) -> int:
        """Read what had arrived before the connection ended and return how many bytes there were in all."""
        with contextlib.suppress(ConnectionResetError):
            while piece := await asyncio.get_running_loop().sock_recv(self.connection, 1 << 20):
                self.received += len(piece)
        return self.received


@asynccontextmanager
async def slow_reader(address: Address) -> AsyncIterator[Slow]:
    """Begin to read everything, and stop after the first bytes."""
    where, loop = urlsplit(address.endpoint), asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        connection.settimeout(0)
        await loop.sock_connect(connection, ("127.0.0.1", where.port))
        head = f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {address.token}\r\n\r\n"
        await loop.sock_sendall(connection, head.encode())
        begun = await loop.sock_recv(connection, _BUFFER_BYTES)
        assert begun.startswith(b"HTTP/1.1 200"), begun
        yield Slow(connection, len(begun))
