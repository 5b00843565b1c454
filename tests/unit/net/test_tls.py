"""Calls over real TLS on 127.0.0.1: whom the client believes, and that nothing of a request leaves before."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from connector import clock
from connector.errors import Unreachable
from connector.identity import authority
from connector.identity.authority import Issued
from connector.identity.pairfile import PairFiles
from connector.net import certificates
from connector.net.client import Client
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Contexts, Expected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DAY = 86400.0
ROOT = authority.authority("root", clock.now())
OTHER = authority.authority("other", clock.now())
LOCAL = ("localhost", "127.0.0.1")


@dataclass(slots=True)
class Server:
    """A server with one certificate; it notes what it has seen."""

    port: int = 0
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)
    clients: list[bytes | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/"


@asynccontextmanager
async def serving(folder: Path, made: Issued, *, clients: Issued | None = None, **limits: Any) -> AsyncIterator[Server]:
    certificate, key = authority.write(folder, "rogue", made, replace=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=clients.pem)
    for name, value in limits.items():
        context.set_ciphers(value) if name == "ciphers" else setattr(context, name, value)
    server = Server()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.clients.append(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
        while data := await reader.read(65536):
            server.heard += data
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    started = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    server.port = started.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        started.close()


@asynccontextmanager
async def calling(**options: Any) -> AsyncIterator[Client]:
    client = Client(loopback=True, tls=Contexts(clock.now, **options), secure=True)
    try:
        yield client
    finally:
        await client.close()


async def refusal(server: Server, expected: Expected, **options: Any) -> str:
    """Return the code with which a call is refused, after making sure that nothing of it was sent."""
    async with calling(**options) as client:
        with pytest.raises(Unreachable) as caught:
            await client.request("POST", server.url, reach=Reach.OPERATOR, expected=expected, body=b"secret")
    await asyncio.sleep(0)
    assert bytes(server.heard) == b""
    return caught.value.code


def by_key(made: Issued, *, show: bool = False) -> Expected:
    return Expected(keys=frozenset({certificates.spki(made.certificate)}), show=show)


def by_root(name: str = "localhost") -> Expected:
    return Expected(authorities=(ROOT.pem,), name=name)


NOW = clock.now()
GOOD = authority.issue(ROOT, LOCAL, NOW)
CASES = {
    "expired": (authority.issue(ROOT, LOCAL, NOW - 40 * DAY), by_root(), "peer_certificate_expired"),
    "not yet valid": (authority.issue(ROOT, LOCAL, NOW + DAY), by_root(), "peer_certificate_expired"),
    "wrong name": (authority.issue(ROOT, ["data.ekby.example"], NOW), by_root(), "peer_certificate_name"),
    "wrong authority": (authority.issue(OTHER, LOCAL, NOW), by_root(), "peer_certificate"),
    "self-signed": (authority.issue(None, LOCAL, NOW), by_root(), "peer_certificate"),
    "for clients only": (authority.issue(ROOT, LOCAL, NOW, usages=("client",)), by_root(), "peer_certificate"),
    "signed by a certificate that is no authority": (authority.issue(GOOD, LOCAL, NOW), by_root(), "peer_certificate"),
    "the system does not know the authority": (GOOD, ANYBODY, "peer_certificate"),
    "another key": (GOOD, by_key(authority.issue(ROOT, LOCAL, NOW)), "peer_certificate_key"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_wrong_certificate_gets_no_byte_of_the_request(tmp_path: Path, case: str) -> None:
    made, expected, code = CASES[case]
    async with serving(tmp_path, made) as server:
        assert await refusal(server, expected) == code


async def test_a_pinned_key_does_not_excuse_a_certificate_that_has_ended(tmp_path: Path) -> None:
    ended = authority.issue(None, LOCAL, NOW - 40 * DAY)
    async with serving(tmp_path, ended) as server:
        assert await refusal(server, by_key(ended)) == "peer_certificate_expired"


async def test_the_name_of_the_url_counts_where_no_other_was_chosen(tmp_path: Path) -> None:
    made = authority.issue(ROOT, ["data.ekby.example"], NOW)
    async with serving(tmp_path, made) as server:
        assert await refusal(server, ANYBODY, authorities=[ROOT.pem]) == "peer_certificate_name"
        async with calling() as client:
            answer = await client.request(
                "GET", server.url, reach=Reach.OPERATOR, expected=by_root("data.ekby.example")
            )
            assert answer.body == b"ok"


@contextmanager
def alerting(folder: Path, **limits: Any) -> Iterator[Server]:
    """Serve one handshake in a thread: unlike asyncio's, Python's blocking sockets send the alert that says what was wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.write(folder, "alerting", GOOD))
    for name, value in limits.items():
        context.set_ciphers(value) if name == "ciphers" else setattr(context, name, value)
    context.load_verify_locations(cadata=ROOT.pem)
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        accepted, _ = listening.accept()
        with contextlib.suppress(OSError), context.wrap_socket(accepted, server_side=True) as opened:
            opened.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield Server(listening.getsockname()[1])
    finally:
        thread.join(5)
        listening.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_an_old_version_of_tls_is_refused(tmp_path: Path) -> None:
    old: dict[str, Any] = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    with alerting(tmp_path, **old, ciphers="ALL:@SECLEVEL=0") as server:
        assert await refusal(server, by_root()) == "peer_tls_version"


async def test_a_server_that_speaks_no_tls_is_refused() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    server = Server(plain.sockets[0].getsockname()[1])
    assert await refusal(server, by_root()) in ("peer_tls_version", "peer_tls_broken")
    plain.close()


async def test_a_strict_trust_is_never_served_by_plain_http() -> None:
    async with calling() as client:
        with pytest.raises(Unreachable, match="peer_without_tls"):
            await client.request("GET", "http://localhost:1/", reach=Reach.OPERATOR, expected=by_key(GOOD))


async def test_connections_are_kept_alive_and_a_renewal_with_the_same_key_is_told_of(tmp_path: Path) -> None:
    told: list[tuple[str, bytes]] = []
    renewed = authority.issue(OTHER, ["elsewhere"], NOW, key=GOOD.key)
    async with (
        serving(tmp_path, renewed) as server,
        calling(renewed=lambda key, der: told.append((key, der))) as client,
    ):
        for _ in range(3):
            answer = await client.request("GET", server.url, reach=Reach.OPERATOR, expected=by_key(GOOD))
            assert answer.body == b"ok"
        assert server.connections == 1
    assert told == [(certificates.spki(GOOD.certificate), certificates.der(renewed.certificate))]


async def test_our_certificate_is_shown_only_where_it_is_meant(tmp_path: Path) -> None:
    own = authority.issue(ROOT, ["ekby"], NOW)
    pair = PairFiles(*authority.write(tmp_path, "own", own))
    async with serving(tmp_path, GOOD, clients=ROOT) as server, calling(own=pair) as client:
        for show in (False, True):
            await client.request("GET", server.url, reach=Reach.OPERATOR, expected=by_key(GOOD, show=show))
        assert server.clients == [None, certificates.der(own.certificate)]


async def test_a_server_that_refuses_our_certificate_is_named_so(tmp_path: Path) -> None:
    pair = PairFiles(*authority.write(tmp_path, "own", authority.issue(OTHER, ["ekby"], NOW)))
    with alerting(tmp_path, verify_mode=ssl.CERT_OPTIONAL) as server:
        assert await refusal(server, by_key(GOOD, show=True), own=pair) == "peer_refuses_certificate"


async def test_a_server_that_refuses_our_certificate_may_just_hang_up(tmp_path: Path) -> None:
    pair = PairFiles(*authority.write(tmp_path, "own", authority.issue(OTHER, ["ekby"], NOW)))
    async with serving(tmp_path, GOOD, clients=ROOT) as server:
        assert await refusal(server, by_key(GOOD, show=True), own=pair) == "peer_closed"


async def test_a_trust_that_has_ended_closes_its_connections(tmp_path: Path) -> None:
    async with serving(tmp_path, GOOD) as server, calling() as client:
        await client.request("GET", server.url, reach=Reach.OPERATOR, expected=by_key(GOOD))
        await client.forget(by_key(GOOD))
        await client.request("GET", server.url, reach=Reach.OPERATOR, expected=by_key(GOOD))
        assert server.connections == 2
