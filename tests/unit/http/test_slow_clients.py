"""A.2 row 20: clients that hold a connection and say little, or nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from connector.http.connection import HEAD_BYTES, Limits
from connector.http.limits import networks
from tests.unit.http.serving import WELL_KNOWN, Client, Place, serving

pytestmark = pytest.mark.slow
QUICK = Limits(header_seconds=0.2, body_seconds=0.2, idle_seconds=0.4, linger_seconds=0.1)
GOOD = f"GET {WELL_KNOWN} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
POST = b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n"


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with serving(QUICK) as it:
        yield it


async def drip(client: Client, data: bytes, every: float = 0.05) -> None:
    try:
        for byte in data:
            client.writer.write(bytes([byte]))
            await asyncio.sleep(every)
    except ConnectionError:
        return


@pytest.mark.parametrize(
    "start",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "],
    ids=["connects only", "half a request line", "no headers", "half a header"],
)
async def test_a2_20_a_head_that_never_ends_is_closed(place: Place, start: bytes) -> None:
    client = await place.connect(start)
    assert not await client.closed(0.1)
    assert await client.closed(0.5)
    assert (await place.ask(GOOD)).status == 200


async def test_a2_20_a_dripped_head_is_closed(place: Place) -> None:
    client = await place.connect(b"GET / HTTP/1.1\r\n")
    dripping = asyncio.create_task(drip(client, b"X-Header: " + b"a" * 200))
    began = time.monotonic()
    assert await client.closed(1)
    assert time.monotonic() - began < 0.4
    dripping.cancel()


async def test_a2_20_a_later_head_has_the_same_deadline(place: Place) -> None:
    client = await place.connect(GOOD)
    assert (await client.reply()).status == 200
    client.writer.write(b"GET / HT")
    assert not await client.closed(0.1)
    assert await client.closed(0.2)


async def test_a2_20_an_idle_connection_is_closed_and_a_used_one_is_not(place: Place) -> None:
    client = await place.connect()
    for _ in range(4):
        client.writer.write(GOOD)
        assert (await client.reply()).status == 200
        await asyncio.sleep(0.15)
    assert await client.closed(0.5)


async def test_a2_20_half_a_pipelined_head_is_closed(place: Place) -> None:
    client = await place.connect(GOOD + b"GET / HT")
    assert (await client.reply()).status == 200
    assert await client.closed(0.6)


async def test_a2_20_a_stalled_body_is_answered_408_and_closed(place: Place) -> None:
    client = await place.connect(POST + b'{"a"')
    reply = await client.reply()
    assert (reply.status, reply.json["code"]) == (408, "http_body_late")
    assert await client.closed(0.3)
    assert place.bodies == []


async def test_a2_20_a_dripped_body_is_answered_408_and_closed(place: Place) -> None:
    client = await place.connect(POST)
    dripping = asyncio.create_task(drip(client, b'{"a": "' + b"b" * 43))
    assert (await client.reply()).status == 408
    assert await client.closed(0.5)
    dripping.cancel()


async def test_a2_20_a_dripped_chunked_body_is_answered_408(place: Place) -> None:
    client = await place.connect(b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    dripping = asyncio.create_task(drip(client, b"1\r\n{\r\n" * 20, every=0.02))
    assert (await client.reply()).status == 408
    dripping.cancel()


async def test_a2_20_a_body_that_nobody_reads_is_closed(place: Place) -> None:
    client = await place.connect(b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    assert (await client.reply()).status == 200
    assert await client.closed(0.4)


async def test_a2_20_a_head_that_grows_without_end_is_refused(place: Place) -> None:
    client = await place.connect(b"GET / HTTP/1.1\r\n")
    line = b"X-A: " + b"a" * 4000 + b"\r\n"
    for _ in range(2 * HEAD_BYTES // len(line)):
        client.writer.write(line)
        await asyncio.sleep(0)
    assert (await client.reply()).status in (0, 431)
    assert await client.closed(0.5)


async def test_an_upgrade_that_is_declined_leaves_no_way_round_the_deadline(place: Place) -> None:
    client = await place.connect(
        f"GET {WELL_KNOWN} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nGET /".encode()
    )
    assert (await client.reply()).status == 200
    assert await client.closed(0.6)


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_fault(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    client = await place.connect(POST + b"{")
    await asyncio.sleep(0.05)
    await client.close()
    await asyncio.sleep(0.05)
    assert [record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_connections_drop_when_their_client_reads_nothing(place: Place) -> None:
    client = await place.connect(GOOD)
    await client.reply()
    runner = place.listener._runner
    assert runner.server is not None
    connection = runner.server.connections[0]
    assert connection.transport is not None
    sock = connection.transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
    await client.close()


async def timed(place: Place, source: str) -> float:
    began = time.monotonic()
    assert (await place.ask(GOOD, source)).status == 200
    return time.monotonic() - began


async def hold(place: Place, number: int, sources: int, start: bytes) -> None:
    for first in range(0, number, 200):
        wave = (place.connect(start, f"127.0.1.{1 + n % sources}") for n in range(first, first + 200))
        await asyncio.gather(*wave)


@pytest.mark.parametrize(
    ("sources", "start"),
    [(1, b""), (1, POST), (40, b"GET / HTTP/1.1\r\nX-A: "), (40, POST)],
    ids=["silent from one address", "no body from one", "half a head from forty", "no body from forty"],
)
async def test_a2_20_half_open_sockets_keep_nobody_out(sources: int, start: bytes) -> None:
    allowed = Limits(connections_per_address=100, connections_total=500)
    async with serving(allowed) as place:
        await hold(place, 2000, sources, start)
        times = [await timed(place, "127.0.0.1") for _ in range(20)]
        assert max(times) < 0.5
        times = [await timed(place, "127.0.1.1") for _ in range(20)]
        assert max(times) < 0.5
        runner = place.listener._runner
        assert runner.server is not None
        assert len(runner.server.connections) <= (100 if sources == 1 else 500) + 2


async def test_a_configured_proxy_is_not_counted_by_address() -> None:
    allowed = Limits(connections_per_address=2, connections_total=50, trusted=networks(["127.0.0.1"]))
    async with serving(allowed) as place:
        through = [await place.connect() for _ in range(10)]
        for client in through:
            client.writer.write(GOOD)
            assert (await client.reply()).status == 200
        direct = [await place.connect(source="127.0.0.9") for _ in range(3)]
        assert await direct[0].closed(1)


async def test_when_all_connections_work_a_new_one_is_refused() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    allowed = Limits(connections_total=2, stop_seconds=0.1)
    async with serving(allowed) as place:
        working = [await place.connect(slow), await place.connect(slow)]
        await asyncio.sleep(0.05)
        assert (await place.ask(GOOD)).status == 0
        await working[0].close()
        await asyncio.sleep(0.05)
        assert (await place.ask(GOOD)).status == 200
        await working[1].close()
