"""The one client against peers that answer well, badly, slowly, elsewhere or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector import clock
from connector.errors import Unreachable
from connector.net import dial
from connector.net.client import Client
from connector.net.dial import Resolver
from connector.net.egress import Reach, allowed
from connector.net.tls import Contexts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pytest_aiohttp import AiohttpServer

Answering = "Callable[[web.Request], Awaitable[web.StreamResponse]]"
REFUSED = Path(__file__).parents[2] / "data" / "egress" / "refused_urls.txt"


class Names(AbstractResolver):
    """A name server that answers what the test says, one answer after the other; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # noqa: ARG002
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Spy:
    """A listener on 127.0.0.1 that counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Give the client of a loopback installation."""
    made = Client(loopback=True)
    yield made
    await made.close()


@pytest.fixture
async def spy() -> AsyncIterator[Spy]:
    listener = Spy()
    async with await asyncio.start_server(listener, "127.0.0.1", 0) as server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


@pytest.fixture
def serve(aiohttp_server: AiohttpServer) -> Callable[[Any], Awaitable[str]]:
    """Give a function that serves every path with a handler and returns the URL."""

    async def start(handler: Any) -> str:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", handler)
        return f"http://127.0.0.1:{(await aiohttp_server(app)).port}"

    return start


@pytest.fixture
async def raw() -> AsyncIterator[Callable[[Any], Awaitable[str]]]:
    """Give a function that serves a connection by hand and returns the URL."""
    servers: list[asyncio.Server] = []
    talks: set[asyncio.Task[None]] = set()

    async def start(talk: Any) -> str:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await talk(writer)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.add(asyncio.ensure_future(one(reader, writer)))

        servers.append(await asyncio.start_server(accept, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield start
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0)


async def refused(call: Awaitable[Any]) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await call
    return caught.value


def corpus() -> list[str]:
    lines = REFUSED.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


# Where a call may go


def test_the_corpus_has_at_least_sixty_spellings() -> None:
    assert len(set(corpus())) >= 60


@pytest.mark.parametrize("template", corpus())
async def test_a2_02_no_spelling_reaches_inside(template: str, spy: Spy) -> None:
    guarded = Client(loopback=False, resolver=Names(["127.0.0.1", "10.0.0.1", "::1"]))
    error = await refused(guarded.request("POST", template.replace("{port}", str(spy.port)), reach=Reach.PEER))
    await guarded.close()
    assert error.code in {"url_refused", "address_refused"}
    assert spy.visits == 0


async def test_a2_02_the_spy_would_have_seen_a_visit(spy: Spy, client: Client) -> None:
    await refused(client.request("GET", f"http://127.0.0.1:{spy.port}/", reach=Reach.PEER))
    assert spy.visits == 1


async def test_a2_02_name_that_changes_its_answer_is_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class NoSocket(socket.socket):
        def __init__(self, *_: Any, **__: Any) -> None:
            opened.append("a public address")
            raise ConnectionRefusedError

    guarded = Client(loopback=False, resolver=Names(["8.8.8.8"], ["10.0.0.1"]))
    monkeypatch.setattr("connector.net.dial.socket.socket", NoSocket)
    first = await refused(guarded.request("GET", "https://rebinding.example/", reach=Reach.PEER))
    for session in guarded._sessions.values():
        session.connector.clear_dns_cache()  # type: ignore[union-attr]
    second = await refused(guarded.request("GET", "https://rebinding.example/", reach=Reach.PEER))
    await guarded.close()
    assert (first.code, second.code) == ("peer_unreachable", "address_refused")
    assert opened == ["a public address"]


async def test_a2_02_private_answer_beside_a_public_one_is_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def watching(address: str, reach: Reach, *, loopback: bool) -> bool:
        tried.append(f"{address} {allowed(address, reach, loopback=loopback)}")
        return False

    monkeypatch.setattr("connector.net.dial.allowed", watching)
    guarded = Client(loopback=False, resolver=Names(["10.0.0.1", "8.8.8.8", "::ffff:10.0.0.1"]))
    await refused(guarded.request("GET", "https://both.example/", reach=Reach.PEER))
    await guarded.close()
    assert sorted(set(tried)) == ["10.0.0.1 False", "8.8.8.8 True", "::ffff:10.0.0.1 False"]


async def test_a2_02_pools_of_the_operator_and_of_peers_are_apart(client: Client, serve: Any) -> None:
    ports: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        ports.append(request.transport.get_extra_info("peername")[1])  # type: ignore[union-attr]
        return web.Response()

    url = await serve(answer)
    for reach in (Reach.OPERATOR, Reach.OPERATOR, Reach.PEER):
        await client.request("GET", url, reach=reach)
    assert ports[0] == ports[1] != ports[2]


async def test_a2_03_redirect_is_an_error_and_nobody_else_is_called(client: Client, serve: Any, spy: Spy) -> None:
    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]), headers={"Location": f"http://127.0.0.1:{spy.port}/admin"})

    url = await serve(redirect)
    for status in (301, 302, 303, 307, 308):
        call = client.request("POST", f"{url}/{status}", reach=Reach.PEER, headers={"X-Api-Key": "k"}, body=b"secret")
        error = await refused(call)
        assert (error.code, error.values["status"]) == ("peer_redirected", status)
        with pytest.raises(Unreachable, match="peer_redirected"):
            async with client.stream("GET", f"{url}/{status}", reach=Reach.PEER):
                pass
    assert spy.visits == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"])
async def test_a2_04_proxy_in_the_environment_is_not_used(
    name: str, monkeypatch: pytest.MonkeyPatch, serve: Any, spy: Spy, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login u password p\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv(name, f"http://127.0.0.1:{spy.port}")
    monkeypatch.setenv("no_proxy", "")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Authorization", "direct"))

    fresh = Client(loopback=True)
    assert (await fresh.request("GET", await serve(answer), reach=Reach.PEER)).body == b"direct"
    await fresh.close()
    assert spy.visits == 0


async def test_a2_05_only_http_schemes_are_spoken(client: Client) -> None:
    for url in ("file:///etc/passwd", "gopher://127.0.0.1/", "unix:///run/x", "ftp://127.0.0.1/", "ws://127.0.0.1/"):
        assert (await refused(client.request("GET", url, reach=Reach.OPERATOR))).code == "url_refused"


# What a call carries


async def test_a_request_is_sent_as_given_and_answered_whole(client: Client, serve: Any) -> None:
    async def echo(request: web.Request) -> web.Response:
        seen = {name: request.headers.get(name) for name in ("X-A", "User-Agent", "Content-Type", "Cookie")}
        return web.Response(
            status=201, text=f"{request.method} {request.raw_path} {seen} {await request.text()}", headers={"X-B": "c"}
        )

    url = await serve(echo)
    answer = await client.request(
        "PUT", f"{url}/a/../b%2e?c=%20", reach=Reach.PEER, headers={"X-A": "1"}, body="å".encode()
    )
    assert answer.status == 201
    assert answer.headers["x-b"] == "c"
    assert answer.body.decode() == (
        "PUT /a/../b%2e?c=%20 {'X-A': '1', 'User-Agent': 'municipal-dataspace-connector', "
        "'Content-Type': None, 'Cookie': None} å"
    )


async def test_no_cookie_is_kept(client: Client, serve: Any) -> None:
    async def bake(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Cookie", "none"), headers={"Set-Cookie": "a=b; Path=/"})

    url = await serve(bake)
    assert [(await client.request("GET", url, reach=Reach.PEER)).body for _ in range(2)] == [b"none", b"none"]


async def test_a_connection_is_used_again(client: Client, serve: Any) -> None:
    ports = set()

    async def answer(request: web.Request) -> web.Response:
        ports.add(request.transport.get_extra_info("peername")[1])  # type: ignore[union-attr]
        return web.Response(status=404, text="x" * 1000)

    url = await serve(answer)
    for _ in range(5):
        await client.request("POST", url, reach=Reach.PEER, body=b"{}")
    assert len(ports) == 1


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "å", "\x7f", "a\tb"])
async def test_a2_31_header_value_cannot_break_out_of_its_line(value: str, client: Client, spy: Spy) -> None:
    url = f"http://127.0.0.1:{spy.port}/"
    error = await refused(client.request("GET", url, reach=Reach.PEER, headers={"Authorization": value}))
    assert error.code == "header_refused"
    assert value not in str(error)
    assert spy.visits == 0


async def test_a_request_is_sent_once_even_if_the_connection_dies(client: Client, raw: Any) -> None:
    calls = 0

    async def die_the_second_time(writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)

    url = await raw(die_the_second_time)
    await client.request("GET", url, reach=Reach.PEER)
    error = await refused(client.request("GET", url, reach=Reach.PEER))
    assert (error.code, calls) == ("peer_unreachable", 1)


# What may come back


async def test_a_gzip_answer_is_unpacked(client: Client, serve: Any) -> None:
    async def packed(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "gzip"
        coding = request.path[1:]
        body = {"gzip": gzip.compress(b"hello"), "deflate": zlib.compress(b"hello"), "identity": b"hello"}[coding]
        return web.Response(body=body, headers={"Content-Encoding": coding})

    url = await serve(packed)
    for coding in ("gzip", "deflate", "identity"):
        assert (await client.request("GET", f"{url}/{coding}", reach=Reach.PEER)).body == b"hello"


async def test_a2_19_gzip_bomb_in_an_answer_is_refused(client: Client, serve: Any) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000

    async def explode(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    url = await serve(explode)
    tracemalloc.start()
    error = await refused(client.request("GET", url, reach=Reach.PEER))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "peer_answer_too_large"
    assert peak < 5_000_000


@pytest.mark.parametrize("body", [gzip.compress(b"x" * 1000)[:-9], b"not packed"], ids=["cut", "plain"])
@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x-unknown", "gzip"])
async def test_an_answer_that_cannot_be_unpacked_is_refused(
    coding: str, body: bytes, client: Client, serve: Any
) -> None:
    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": coding})

    assert (await refused(client.request("GET", await serve(packed), reach=Reach.PEER))).code == "peer_answer_encoding"


@pytest.mark.parametrize("announced", [True, False])
async def test_a2_19_answer_over_its_limit_is_refused(client: Client, serve: Any, *, announced: bool) -> None:
    async def long(request: web.Request) -> web.StreamResponse:
        if announced:
            return web.Response(body=bytes(1_000_001))
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(100_000))
        return response

    url = await serve(long)
    error = await refused(client.request("GET", url, reach=Reach.PEER, limit=1_000_000))
    assert (error.code, error.values["limit_bytes"]) == ("peer_answer_too_large", 1_000_000)


async def test_an_answer_of_exactly_the_limit_is_read(client: Client, serve: Any) -> None:
    async def exact(_: web.Request) -> web.Response:
        return web.Response(body=bytes(1000))

    url = await serve(exact)
    assert len((await client.request("GET", url, reach=Reach.PEER, limit=1000)).body) == 1000
    assert (await client.request("HEAD", url, reach=Reach.PEER, limit=10)).body == b""


async def test_a_silent_peer_times_out(client: Client, raw: Any) -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    call = client.request("GET", await raw(silent), reach=Reach.PEER, timeout_seconds=0.1)
    assert (await refused(call)).code == "peer_timeout"


async def test_a_dripping_peer_times_out(client: Client, raw: Any) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    call = client.request("GET", await raw(drip), reach=Reach.PEER, timeout_seconds=0.2)
    assert (await refused(call)).code == "peer_timeout"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "peer_unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "peer_answer_broken"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "peer_answer_broken"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n", "peer_answer_broken"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n", "peer_answer_broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "peer_answer_broken"),
    ],
    ids=["nothing", "half", "not-http", "long-header", "many-headers", "bad-chunk"],
)
async def test_a_broken_answer_is_unreachable(answer: bytes, code: str, client: Client, raw: Any) -> None:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    error = await refused(client.request("GET", f"{await raw(talk)}/path?token=secret", reach=Reach.PEER))
    assert error.code == code
    assert str(error.values["host"]).startswith("127.0.0.1:")
    assert "secret" not in str(error)


async def test_nobody_listening_is_unreachable(client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert (await refused(client.request("GET", url, reach=Reach.PEER))).code == "peer_unreachable"


async def test_a_name_that_does_not_exist_is_unreachable() -> None:
    class NoNames(Names):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # noqa: ARG002
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

    lost = Client(loopback=False, resolver=NoNames([]))
    assert (await refused(lost.request("GET", "https://gone.example/", reach=Reach.PEER))).code == "peer_unreachable"
    await lost.close()


async def test_names_are_looked_up_by_the_system() -> None:
    resolver = Resolver()
    found = await resolver.resolve("localhost", 80)
    await resolver.close()
    assert {result["host"] for result in found} <= {"127.0.0.1", "::1"}
    assert {result["port"] for result in found} == {80}


# Streams


async def test_a_stream_comes_in_pieces_and_in_constant_memory(client: Client, serve: Any) -> None:
    size, piece = 64 * 2**20, bytes(2**20)

    async def long(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.StreamResponse(status=206, headers={"Content-Length": str(size), "ETag": '"a"'})
        await response.prepare(request)
        for _ in range(size // len(piece)):
            await response.write(piece)
        return response

    url = await serve(long)
    got = 0
    tracemalloc.start()
    async with client.stream("GET", url, reach=Reach.PEER, headers={"Range": "bytes=0-"}) as answer:
        assert (answer.status, answer.headers["etag"]) == (206, '"a"')
        async for chunk in answer.chunks:
            got += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got == size
    assert peak < 8 * 2**20


async def test_a_stream_is_given_as_it_was_sent(client: Client, serve: Any) -> None:
    packed = gzip.compress(b"hello")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with client.stream("GET", await serve(answer), reach=Reach.PEER) as stream:
        assert b"".join([chunk async for chunk in stream.chunks]) == packed


async def test_a_stream_that_falls_silent_times_out(client: Client, raw: Any) -> None:
    async def stall(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nstart")
        await writer.drain()
        await asyncio.sleep(2)

    async with client.stream("GET", await raw(stall), reach=Reach.PEER, idle_seconds=0.1) as stream:
        assert await anext(stream.chunks) == b"start"
        assert (await refused(anext(stream.chunks))).code == "peer_timeout"


async def test_a_stream_that_breaks_off_is_an_error_not_an_end(client: Client, raw: Any) -> None:
    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()

    async with client.stream("GET", await raw(half), reach=Reach.PEER) as stream:
        assert await anext(stream.chunks) == b"half"
        assert (await refused(anext(stream.chunks))).code == "peer_answer_broken"


async def test_leaving_a_stream_early_closes_its_connection(client: Client, serve: Any) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(100_000))
        finally:
            ended.set()

    async with client.stream("GET", await serve(endless), reach=Reach.PEER) as stream:
        await anext(stream.chunks)
    await asyncio.wait_for(ended.wait(), 5)


async def test_i14_downloads_do_not_use_up_the_connections_for_messages(client: Client, serve: Any) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        if request.path == "/download":
            with contextlib.suppress(ConnectionError):
                await asyncio.sleep(5)
        return response

    url = await serve(answer)
    async with contextlib.AsyncExitStack() as downloads:
        for _ in range(dial.CONNECTIONS_PER_PEER + 8):
            await downloads.enter_async_context(client.stream("GET", f"{url}/download", reach=Reach.PEER))
        assert (await client.request("POST", f"{url}/message", reach=Reach.PEER, timeout_seconds=2)).body == b"x"


# TLS


def certificate(folder: Path) -> Path:
    """Write a self-signed certificate for localhost with its key, and return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_a_certificate_is_checked(aiohttp_server: AiohttpServer, tmp_path: Path) -> None:
    path = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    app = web.Application()
    server = await aiohttp_server(app, ssl=context)
    url = f"https://localhost:{server.port}/"

    made = path.read_text().partition("-----END PRIVATE KEY-----")[2]
    doubting, trusting = (
        Client(loopback=True),
        Client(loopback=True, tls=Contexts(clock.now, authorities=(made,))),
    )
    error = await refused(doubting.request("GET", url, reach=Reach.PEER))
    assert error.code == "peer_certificate"
    assert (await trusting.request("GET", url, reach=Reach.PEER)).status == 404
    await doubting.close()
    await trusting.close()
