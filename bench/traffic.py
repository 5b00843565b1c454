"""Load on a data endpoint: many small reads over kept-alive connections, and one large download, both as cheap as can be."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)\r\n")
_BUFFER_BYTES = 1024 * 1024


class _Reader(asyncio.Protocol):
    """Asks again and again over one connection, until the shared count is used up."""

    def __init__(self, request: bytes, left: list[int], done: asyncio.Future[None]) -> None:
        self._request, self._left, self._done = request, left, done
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask again once the answer is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head + b"\r\n")
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            self._end(RuntimeError(head.decode("latin-1")))
        elif len(body) >= int(length[1]):
            self._received.clear()
            self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell when the other side has ended it too early."""
        self._end(ConnectionResetError())

    def _ask(self) -> None:
        assert self._transport is not None
        if self._left[0] == 0:
            self._end(None)
            self._transport.close()
            return
        self._left[0] -= 1
        self._transport.write(self._request)

    def _end(self, error: Exception | None) -> None:
        if self._done.done():
            return
        self._done.set_exception(error) if error else self._done.set_result(None)


async def read_often(url: str, token: str | None, count: int, connections: int = 32) -> None:
    """Read a URL `count` times. Raises RuntimeError for an answer other than 200."""
    parts, left = urlsplit(url), [count]
    loop, ends = asyncio.get_running_loop(), list[asyncio.Future[None]]()
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        await loop.create_connection(
            lambda done=done: _Reader(_request(url, token), left, done),  # type: ignore[misc]
            parts.hostname or "", parts.port or 80,
        )  # fmt: skip
    await asyncio.gather(*ends)


def download(url: str, token: str | None, size: int) -> float:
    """Read a URL whole, keeping nothing, and return the seconds. Raises RuntimeError when it is not `size` bytes."""
    parts, buffer, received = urlsplit(url), bytearray(_BUFFER_BYTES), 0
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        began = time.perf_counter()
        connection.sendall(_request(url, token))
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        received = len(head.partition(b"\r\n\r\n")[2])
        while received < size and (count := connection.recv_into(buffer)):
            received += count
        took = time.perf_counter() - began
    if received != size or not head.startswith(b"HTTP/1.1 200"):
        message = f"{received} bytes of {size} came: {head[:200]!r}"
        raise RuntimeError(message)
    return took


def _request(url: str, token: str | None) -> bytes:
    parts = urlsplit(url)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{authorization}\r\n".encode()
