"""How a connection is opened: names looked up in threads of their own, addresses judged at the socket."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from connector.net.egress import Reach, allowed

if TYPE_CHECKING:
    import ssl

    from aiohappyeyeballs import AddrInfoType

KEEP_ALIVE_SECONDS = 65.0
CONNECTIONS_PER_PEER = 32
_LOOKUP_THREADS = 16


class AddressRefusedError(OSError):
    """The address that was about to be connected is not one this server may call."""


class Resolver(AbstractResolver):
    """Name look-ups in threads of their own, so that a slow name server does not hold up files and the database."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return every address of a name; zones are dropped, as no scoped address may be called."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM),
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]).partition("%")[0],
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Let the threads end; a look-up under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def connector(
    reach: Reach, *, loopback: bool, resolver: AbstractResolver, tls: ssl.SSLContext | None, per_peer: int
) -> TCPConnector:
    """Return a connection pool whose every socket has passed the address check.

    One pool per reach: a connection that the operator's word opened is never reused for an address that a peer named.
    """

    def open_socket(target: AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = target
        if not allowed(str(address[0]), reach, loopback=loopback):
            raise AddressRefusedError("address refused")
        return socket.socket(family, kind, proto)

    return TCPConnector(
        resolver=resolver,
        socket_factory=open_socket,
        ssl=tls if tls is not None else True,
        limit=0,
        limit_per_host=per_peer,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
    )
