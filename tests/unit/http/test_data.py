"""The data endpoint with a real listener, real files and a real client."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from connector import clock
from connector.dataplane import pull
from connector.dataplane.digests import Digests
from connector.dataplane.directory import DirectorySource
from connector.dataplane.file import FileSource
from connector.dataplane.ports import Content, Read, Source, StreamContent
from connector.dataplane.pull import Address
from connector.dataplane.representation import repr_digest
from connector.errors import Denied, Unreachable
from connector.http import data
from connector.http.data import Permit, Served
from connector.http.limits import Buckets, Limiter
from connector.http.metrics import Metrics
from connector.http.middleware import protect
from connector.http.server import start_listener
from connector.http.streams import Streams
from connector.net.client import Client

PREFIX = "/town/data/grant-1"
MIB = 1024 * 1024


@dataclass
class Town:
    """One provider's data endpoint; what it serves and permits can be changed while it runs."""

    source: Source
    streams: Streams
    port: int = 0
    permitted: bool = True
    watched: bool = True
    served: list[Served] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    async def permit(self, request: web.Request) -> Permit:
        if not self.permitted:
            raise Denied("data_denied", status=403, reason="-")
        path = data.tail(request, PREFIX)
        self.reads.append(data.read_of(request, path))
        return Permit(self.source, "grant-1", "grant-1", path, self.still if self.watched else None)

    async def still(self) -> bool:
        return self.permitted


Serve = Callable[[Source], Awaitable[Town]]
Gateway = Callable[[Address], Awaitable[str]]


def _limiter() -> Limiter:
    return Limiter(Buckets(1000, 1000), Buckets(1000, 1000), (), clock.monotonic)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    listeners = []

    async def start(source: Source) -> Town:
        town = Town(source, Streams(watch_seconds=0.05))
        app = web.Application()
        protect(app, "public", language="en", limiter=_limiter(), metrics=Metrics())
        handler = data.data_handler(town.permit, town.streams, lambda _permit, served: town.served.append(served))
        app.router.add_get("/town/data/{grant}{tail:.*}", handler)
        listener = await start_listener(app, "127.0.0.1", 0)
        listeners.append(listener)
        town.port = listener.port
        return town

    yield start
    for listener in listeners:
        await listener.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


def _file(path: Path, content: bytes) -> FileSource:
    path.write_bytes(content)
    return FileSource(path, Digests())


async def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the kernel
            await asyncio.sleep(0.01)


def _slow_reader(town: Town) -> socket.socket:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", town.port))
    reader.sendall(f"GET {PREFIX} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader


def _drain(reader: socket.socket) -> int:
    """Read until the end or the reset; return the bytes that came."""
    got = 0
    reader.settimeout(5)
    try:
        while piece := reader.recv(MIB):
            got += len(piece)
    except ConnectionResetError:
        pass
    return got


@pytest.mark.parametrize("size", [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 3 * MIB + 7])
async def test_a_file_of_any_size_arrives_whole(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession, size: int
) -> None:
    content = os.urandom(size)
    town = await serve(_file(tmp_path / "levels.csv", content))
    async with http.get(town.url) as answer:
        assert await answer.read() == content
        assert (answer.status, answer.content_length, answer.content_type) == (200, size, "text/csv")
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "Server" not in answer.headers
    await _until(lambda: bool(town.served))
    served = town.served[0]
    assert (served.grant, served.method, served.path, served.status) == ("grant-1", "GET", "", 200)
    assert (served.sent, served.complete) == (size, True)
    assert served.ended >= served.began
    assert len(town.streams) == 0


@pytest.mark.parametrize("size", [1000, 200_000])
async def test_head_tells_what_get_would_send(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession, size: int
) -> None:
    town = await serve(_file(tmp_path / "levels.csv", b"x" * size))
    async with http.head(town.url) as head, http.get(town.url) as whole:
        for name in ("Content-Length", "ETag", "Last-Modified", "Content-Type", "Accept-Ranges"):
            assert head.headers[name] == whole.headers[name]
        assert await head.read() == b""
    await _until(lambda: len(town.served) == 2)
    assert town.served[0].sent == 0


@pytest.mark.parametrize("size", [1000, 200_000])
async def test_i9_a_range_is_a_piece_of_the_same_content(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession, size: int
) -> None:
    content = os.urandom(size)
    town = await serve(_file(tmp_path / "levels.csv", content))
    async with http.get(town.url, headers={"Range": "bytes=10-19"}) as piece:
        assert (piece.status, await piece.read()) == (206, content[10:20])
        assert piece.headers["Content-Range"] == f"bytes 10-19/{size}"
        etag = piece.headers["ETag"]
    async with http.get(town.url, headers={"Range": "bytes=-5", "If-Range": etag}) as piece:
        assert (piece.status, await piece.read()) == (206, content[-5:])
    async with http.get(town.url, headers={"Range": "bytes=-5", "If-Range": '"old"'}) as whole:
        assert (whole.status, await whole.read()) == (200, content)
    async with http.get(town.url, headers={"Range": "bytes=0-1,5-6"}) as whole:
        assert (whole.status, await whole.read()) == (200, content)
    async with http.get(town.url, headers={"Range": f"bytes={size}-"}) as beyond:
        assert (beyond.status, await beyond.read()) == (416, b"")
        assert beyond.headers["Content-Range"] == f"bytes */{size}"


async def test_conditions_are_kept(tmp_path: Path, serve: Serve, http: aiohttp.ClientSession) -> None:
    town = await serve(_file(tmp_path / "levels.csv", b"x" * 200_000))
    async with http.get(town.url) as whole:
        etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Match": etag}, 200),
        ({"If-Match": '"other"'}, 412),
    ):
        async with http.get(town.url, headers=headers) as answer:
            assert answer.status == status
            assert len(await answer.read()) == (200_000 if status == 200 else 0)
    (tmp_path / "levels.csv").write_bytes(b"y" * 200_000)
    async with http.get(town.url, headers={"If-None-Match": etag}) as changed:
        assert changed.status == 200


async def test_a_file_with_a_packed_neighbour_is_sent_packed_when_wanted(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession
) -> None:
    town = await serve(_file(tmp_path / "levels.csv", b"plain"))
    (tmp_path / "levels.csv.gz").write_bytes(b"packed")
    async with http.get(town.url, headers={"Accept-Encoding": "gzip"}) as packed:
        assert await packed.read() == b"packed"
        assert (packed.headers["Content-Encoding"], packed.content_type) == ("gzip", "text/csv")
        assert packed.headers["Vary"] == "Accept-Encoding"
    async with http.get(town.url, headers={"Accept-Encoding": "identity"}) as plain:
        assert await plain.read() == b"plain"
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"
        assert plain.headers["ETag"] != packed.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%252e%252e/secret",
        "//secret",
        "/..%5csecret",
        "/.env",
        "/\\x",
    ],
)
async def test_a2_32_the_path_is_judged_as_it_came_on_the_wire(tmp_path: Path, serve: Serve, path: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root").mkdir()
    town = await serve(DirectorySource(tmp_path / "root", Digests()))
    reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
    writer.write(f"GET {PREFIX}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"data_path"' in answer
    assert town.served == []


async def test_the_path_below_the_endpoint_is_raw(tmp_path: Path, serve: Serve, http: aiohttp.ClientSession) -> None:
    (tmp_path / "nivåer 1.csv").write_text("x")
    town = await serve(DirectorySource(tmp_path, Digests()))
    url = URL(f"{town.url}/niv%C3%A5er%201.csv?a=%2F&b", encoded=True)
    async with http.get(url, headers={"Authorization": "Bearer secret"}) as answer:
        assert await answer.text() == "x"
    read = town.reads[0]
    assert (read.path, read.query) == ("/niv%C3%A5er%201.csv", "a=%2F&b")
    assert "authorization" not in read.headers
    async with http.get(f"http://127.0.0.1:{town.port}{PREFIX}x") as answer:
        assert answer.status == 404


async def test_i8_a_refused_request_gets_no_byte(tmp_path: Path, serve: Serve, http: aiohttp.ClientSession) -> None:
    town = await serve(_file(tmp_path / "levels.csv", b"data"))
    town.permitted = False
    async with http.get(town.url) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (403, "data_denied")
    assert town.served == []


@pytest.mark.parametrize("native", [True, False])
async def test_i8_a_cut_reaches_a_slow_reader_of_a_large_file(
    tmp_path: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    native: bool,  # noqa: FBT001
) -> None:
    if not native:
        monkeypatch.setattr(asyncio.get_running_loop(), "sendfile", _no_sendfile)
    town = await serve(_sparse(tmp_path / "large.bin", 256 * MIB))
    town.watched = False
    readers = [_slow_reader(town) for _ in range(3)]
    await _until(lambda: len(town.streams) == 3)
    await asyncio.sleep(0.1)
    descriptors = _descriptors()
    assert town.streams.cut(["other"]) == 0
    assert town.streams.cut(["other", "grant-1"]) == 3
    await _until(lambda: len(town.streams) == 0, 1.0)
    received = [await asyncio.to_thread(_drain, reader) for reader in readers]
    assert all(count < 64 * MIB for count in received)
    assert [(served.status, served.complete) for served in town.served] == [(200, False)] * 3
    await _until(lambda: _descriptors() <= descriptors - 6)
    for reader in readers:
        reader.close()


async def test_i8_a_stream_that_is_no_longer_permitted_is_cut_without_being_told(tmp_path: Path, serve: Serve) -> None:
    town = await serve(_sparse(tmp_path / "large.bin", 256 * MIB))
    reader = _slow_reader(town)
    await _until(lambda: len(town.streams) == 1)
    await asyncio.sleep(0.15)
    assert len(town.streams) == 1
    town.permitted = False
    await _until(lambda: len(town.streams) == 0, 1.0)
    assert await asyncio.to_thread(_drain, reader) < 64 * MIB
    reader.close()


async def test_after_a_cut_others_are_served_on_reused_descriptors(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession
) -> None:
    town = await serve(_sparse(tmp_path / "large.bin", 32 * MIB))
    for _ in range(5):
        reader = _slow_reader(town)
        await _until(lambda: len(town.streams) == 1)
        town.streams.cut(["grant-1"])
        await _until(lambda: len(town.streams) == 0, 1.0)
        async with http.get(town.url) as answer:
            assert len(await answer.read()) == 32 * MIB
        reader.close()


async def test_a_client_that_leaves_is_noticed(tmp_path: Path, serve: Serve) -> None:
    town = await serve(_sparse(tmp_path / "large.bin", 256 * MIB))
    reader = _slow_reader(town)
    await _until(lambda: len(town.streams) == 1)
    reader.close()
    await _until(lambda: len(town.streams) == 0)
    assert not town.served[0].complete


@pytest.mark.parametrize("change", [b"", b"longer" * 100])
async def test_a_file_that_changes_while_it_is_sent_ends_the_connection(
    tmp_path: Path, serve: Serve, change: bytes
) -> None:
    path = tmp_path / "large.bin"
    town = await serve(_sparse(path, 256 * MIB))
    reader = _slow_reader(town)
    await _until(lambda: len(town.streams) == 1)
    path.write_bytes(change)
    assert await asyncio.to_thread(_drain, reader) < 256 * MIB
    await _until(lambda: len(town.streams) == 0)
    assert not town.served[0].complete
    reader.close()


async def test_without_sendfile_the_file_goes_out_in_chunks(
    tmp_path: Path, serve: Serve, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "sendfile", _no_sendfile)
    content = os.urandom(3 * MIB + 7)
    town = await serve(_file(tmp_path / "levels.csv", content))
    async with http.get(town.url) as answer:
        assert await answer.read() == content
    await _until(lambda: bool(town.served))
    assert (town.served[0].sent, town.served[0].complete) == (len(content), True)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _no_sendfile(*_: object, **__: object) -> int:
    raise NotImplementedError


def _sparse(path: Path, size: int) -> FileSource:
    with path.open("wb") as file:
        file.truncate(size)
    return FileSource(path, Digests())


class _Upstream:
    """A source that streams what a test says, and notes when it was closed."""

    def __init__(self, status: int, headers: dict[str, str], *chunks: bytes | Exception | None) -> None:
        self._answer = (status, headers)
        self._pieces = chunks
        self.closed = False

    @asynccontextmanager
    async def open(self, _read: Read) -> AsyncIterator[Content]:
        try:
            yield StreamContent(*self._answer, self._chunks())
        finally:
            self.closed = True

    async def _chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if piece is None:
                await asyncio.Event().wait()
            elif isinstance(piece, Exception):
                raise piece
            else:
                yield piece


async def test_a_stream_is_passed_on(serve: Serve, http: aiohttp.ClientSession) -> None:
    town = await serve(
        _Upstream(206, {"Content-Range": "bytes 0-3/9", "Content-Length": "4", "ETag": '"a"'}, b"da", b"ta")
    )
    async with http.get(town.url) as answer:
        assert (answer.status, await answer.read(), answer.headers["ETag"]) == (206, b"data", '"a"')
    town.source = _Upstream(200, {"Content-Type": "text/csv"}, b"da", b"ta")
    async with http.get(town.url) as answer:
        assert (await answer.read(), answer.headers["Transfer-Encoding"]) == (b"data", "chunked")
    await _until(lambda: len(town.served) == 2)
    assert [served.sent for served in town.served] == [4, 4]


@pytest.mark.parametrize("status", [204, 304, 412, 416])
async def test_an_answer_without_data_is_passed_on_without_a_body(
    serve: Serve, http: aiohttp.ClientSession, status: int
) -> None:
    town = await serve(_Upstream(status, {"Content-Length": "6", "ETag": '"a"'}, b"inside"))
    async with http.get(town.url) as answer:
        assert (answer.status, await answer.read(), answer.headers["ETag"]) == (status, b"", '"a"')
    async with http.head(town.url) as answer:
        assert answer.status == status


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "9"}])
async def test_a_stream_that_breaks_off_is_never_taken_for_the_whole(
    serve: Serve, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    town = await serve(_Upstream(200, headers, b"da", Unreachable("peer_answer_broken", host="x")))
    with pytest.raises(aiohttp.ClientError):
        async with http.get(town.url) as answer:
            await answer.read()
    await _until(lambda: bool(town.served))
    assert not town.served[0].complete


async def test_i8_a_cut_reaches_a_stream_whose_upstream_is_silent(serve: Serve) -> None:
    upstream = _Upstream(200, {}, b"da", None)
    town = await serve(upstream)
    reader = _slow_reader(town)
    await _until(lambda: len(town.streams) == 1)
    town.streams.cut(["grant-1"])
    await _until(lambda: upstream.closed and len(town.streams) == 0, 1.0)
    await asyncio.to_thread(_drain, reader)
    reader.close()


async def test_an_unopened_source_is_an_error_and_no_read(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    town = await serve(FileSource(tmp_path / "gone.csv", Digests()))
    async with http.get(town.url) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (502, "data_source")
    assert town.served == []


async def test_a_digest_is_told_and_right(tmp_path: Path, serve: Serve, http: aiohttp.ClientSession) -> None:
    town = await serve(_file(tmp_path / "levels.csv", b"x" * 200_000))
    async with http.get(town.url) as answer:
        assert "Repr-Digest" not in answer.headers
    async with http.head(town.url, headers={"Want-Repr-Digest": "sha-256=1"}) as answer:
        told = answer.headers["Repr-Digest"]
    assert told == repr_digest(hashlib.sha256(b"x" * 200_000).digest())
    async with http.get(town.url) as answer:
        assert answer.headers["Repr-Digest"] == told


@pytest.fixture
async def gateway(client: Client) -> AsyncIterator[Gateway]:
    """Give a consumer's gateway for an address: what its own listener does with `pull.read`."""
    runners = []

    async def start(address: Address) -> str:
        streams = Streams()

        async def handle(request: web.Request) -> web.StreamResponse:
            read = data.read_of(request, data.tail(request, "/gateway"))
            async with streams.running("contract", request.transport) as running:
                return await data.deliver(request, pull.read(client, address, read), running)

        app = web.Application()
        protect(app, "private", language="en", limiter=_limiter(), metrics=Metrics())
        app.router.add_get("/gateway{tail:.*}", handle)
        listener = await start_listener(app, "127.0.0.1", 0)
        runners.append(listener)
        return f"http://127.0.0.1:{listener.port}/gateway"

    yield start
    for listener in runners:
        await listener.stop()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(loopback=True)
    yield client
    await client.close()


async def test_a_consumer_reads_through_its_own_gateway(
    tmp_path: Path, serve: Serve, gateway: Gateway, http: aiohttp.ClientSession
) -> None:
    content = os.urandom(3 * MIB)
    (tmp_path / "levels.csv").write_bytes(content)
    town = await serve(DirectorySource(tmp_path, Digests()))
    url = await gateway(Address(town.url, "Bearer token"))
    async with http.get(url + "/levels.csv") as whole:
        assert (whole.status, await whole.read(), whole.content_type) == (200, content, "text/csv")
    async with http.get(
        url + "/levels.csv", headers={"Range": "bytes=5-9", "If-Range": whole.headers["ETag"]}
    ) as piece:
        assert (piece.status, await piece.read()) == (206, content[5:10])
        assert piece.headers["Content-Range"] == f"bytes 5-9/{3 * MIB}"
        assert "sandbox" in piece.headers["Content-Security-Policy"]
    async with http.get(url + "/levels.csv", headers={"If-None-Match": whole.headers["ETag"]}) as same:
        assert same.status == 304
    async with http.head(url + "/levels.csv", headers={"Want-Repr-Digest": "sha-256=1"}) as head:
        assert head.headers["Repr-Digest"] == repr_digest(hashlib.sha256(content).digest())
        assert head.content_length == 3 * MIB
    async with http.get(url) as listing:
        assert [item["name"] for item in (await listing.json())["items"]] == ["levels.csv"]
    async with http.get(url + "/missing.csv") as missing:
        assert (missing.status, (await missing.json(content_type=None))["code"]) == (404, "data_unknown")
    town.permitted = False
    async with http.get(url) as refused:
        problem = await refused.json(content_type=None)
        assert (refused.status, problem["code"]) == (403, "data_denied")


async def test_i8_a_cut_at_the_provider_ends_the_gateways_answer(
    tmp_path: Path, serve: Serve, gateway: Gateway, http: aiohttp.ClientSession
) -> None:
    town = await serve(_sparse(tmp_path / "large.bin", 256 * MIB))
    url = await gateway(Address(town.url))
    async with http.get(url) as answer:
        await answer.content.readexactly(MIB)
        assert town.streams.cut(["grant-1"]) == 1
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


@pytest.mark.slow
async def test_memory_stays_flat_for_a_large_file(tmp_path: Path, serve: Serve, gateway: Gateway) -> None:
    town = await serve(_sparse(tmp_path / "large.bin", 2048 * MIB))
    relayed = await gateway(Address(town.url))
    for url, goal in ((town.url, 16), (relayed, 16)):
        await _curl(url, 10)
        before = _resident_mib()
        assert await _curl(url, None) == 2048 * MIB
        assert _resident_mib() - before <= goal


async def _curl(url: str, count: int | None) -> int:
    """Read a URL in another process, so that only the server's memory is ours."""
    code = (
        "import sys, urllib.request as u; r = u.urlopen(u.Request(sys.argv[1], headers=eval(sys.argv[2]))); n = 0\n"
        "while piece := r.read(1 << 20): n += len(piece)\n"
        "print(n)"
    )
    headers = {} if count is None else {"Range": f"bytes=0-{count - 1}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, url, repr(headers), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return int(out)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB
