"""A.2 row 21: requests that two readers could read differently are refused, or read in the one way RFC 9112 allows."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.http.connection import Limits
from tests.unit.http.serving import WELL_KNOWN, serving

QUICK = Limits(header_seconds=0.3, body_seconds=0.3, idle_seconds=0.3, linger_seconds=0.1)
HOST = b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\n"
INNER = f"GET {WELL_KNOWN} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

PROBES = {
    "length and chunked": HOST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "chunked and length": HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + INNER,
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "two lengths": HOST + b"Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}" + INNER,
    "two equal lengths in one": HOST + b"Content-Length: 2, 2\r\n\r\n{}" + INNER,
    "a signed length": HOST + b"Content-Length: +2\r\n\r\n{}" + INNER,
    "a negative length": HOST + b"Content-Length: -2\r\n\r\n{}" + INNER,
    "a hexadecimal length": HOST + b"Content-Length: 0x2\r\n\r\n{}" + INNER,
    "a folded header": HOST + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
    "bare line feeds": b"POST /api/v1/things HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
    "space before the colon": HOST + b"Content-Length : 2\r\n\r\n{}" + INNER,
    "a header of 9 kB": HOST + b"X-A: " + b"a" * 9000 + b"\r\n\r\n",
    "5000 headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n",
    "chunked twice": HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "chunked not last": HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + INNER,
    "an odd encoding": HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + INNER,
    "a chunk size with a sign": HOST + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n",
    "a null in a header": HOST + b"X-A: a\x00b\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another version": b"GET / HTTP/3.7\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", PROBES)
async def test_a2_21_an_ambiguous_request_is_refused(name: str) -> None:
    async with serving(QUICK) as place:
        client = await place.connect(PROBES[name])
        reply = await client.reply()
        assert reply.status in (0, 400, 431), reply
        assert reply.status in {0, 431} or reply.json["code"] in ("http_malformed", "http_body_broken")
        assert await client.closed(1), "nothing that follows is read as a request"
        assert place.bodies == []
        assert (await place.ask(INNER)).status == 200


async def test_a2_21_what_came_after_a_refused_request_is_never_answered() -> None:
    async with serving(QUICK) as place:
        client = await place.connect(PROBES["two lengths"])
        everything = await asyncio.wait_for(client.reader.read(), 2)
        assert everything.count(b"HTTP/1.") == 1


async def test_a2_21_pipelined_requests_are_answered_in_order() -> None:
    post = HOST + b"Content-Length: 7\r\n\r\n" + b'{"n":1}'
    async with serving(QUICK) as place:
        client = await place.connect(post + INNER + post.replace(b"1}", b"2}"))
        assert [(await client.reply()).json for _ in range(3)] == [{"n": 1}, {"protocolVersions": []}, {"n": 2}]


PIECES = [
    b"GET", b"POST", b" ", b"/", b"//", b"\\", b"%", b"%00", b"%ff", b"\xff", b"?", b"#", b"http://[", b"HTTP/1.1", b"HTTP/1.0",
    b"\r\n", b"\n", b"\r", b":", b"Host: x\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\x00", b"{}",
    b"Expect: 100-continue\r\n", b"Expect: x\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"/dsp/2025-1/negotiations/",
    b"Range: bytes=0-\r\n", b"Authorization: \xff\r\n", b"Content-Type: ;;\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"CONNECT",
]  # fmt: skip


async def test_hostile_bytes_never_make_a_fault_of_ours() -> None:
    async with serving(Limits(header_seconds=0.05, body_seconds=0.05, linger_seconds=0.05)) as place:
        requests: list[bytes] = []

        @settings(max_examples=300, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
        def collect(pieces: list[bytes], proper: bool) -> None:  # noqa: FBT001 - drawn
            start = b"GET /dsp/2025-1/transfers/" if proper else b""
            requests.append(start + b"".join(pieces) + b" HTTP/1.1\r\nHost: x\r\n\r\n")

        collect()
        for wave in range(0, len(requests), 50):
            replies = await asyncio.gather(*map(place.ask, requests[wave : wave + 50]))
            assert [reply.status for reply in replies if reply.status >= 500] == []
