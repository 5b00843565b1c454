from __future__ import annotations

import asyncio
import gzip
import time

import pytest

from connector.http.connection import Limits
from tests.unit.http.serving import DOCUMENT, WELL_KNOWN, serving

QUICK = Limits(header_seconds=2, body_seconds=2, linger_seconds=0.3)
THINGS = "/api/v1/things"
DSP = "/dsp/2025-1/negotiations/urn:x/request"


async def test_an_object_is_read_with_any_content_type_or_none() -> None:
    async with serving(QUICK) as place:
        for headers in (
            {},
            {"Content_Type": "application/ld+json"},
            {"Content_Type": ";;"},
            {"Content_Encoding": "Identity"},
        ):
            reply = await place.post(DSP, b'{"a":1}', **headers)
            assert (reply.status, reply.json) == (200, {"a": 1})
        assert place.bodies == [b'{"a":1}'] * 4


async def test_a_chunked_body_is_read_and_a_broken_one_refused() -> None:
    head = f"POST {THINGS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with serving(QUICK) as place:
        assert (await place.ask(head + b'3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n')).json == {"a": 1}
        reply = await place.ask(head + b"3\r\n{}\r\nzz\r\n")
        assert (reply.status, reply.json["code"]) == (400, "http_malformed")
        client = await place.connect(head + b"2\r\n{}\r\n")
        await asyncio.sleep(0.05)
        client.writer.write(b"zz\r\n")
        reply = await client.reply()
        assert (reply.status, reply.json["code"]) == (400, "http_body_broken")


async def test_a2_19_a_compressed_body_is_refused_unread() -> None:
    bomb = gzip.compress(b"0" * 5_000_000)
    async with serving(QUICK) as place:
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, identity", "x"):
            reply = await place.post(DSP, bomb, Content_Encoding=encoding)
            assert (reply.status, reply.json["code"]) == (400, "http_encoding")
        assert place.bodies == []


@pytest.mark.parametrize(("path", "limit"), [(DSP, 256 * 1024), (THINGS, 1024 * 1024)])
async def test_a2_19_a_body_over_its_limit_is_refused(path: str, limit: int) -> None:
    fits = b'{"a":"' + b"x" * (limit - 8) + b'"}'
    async with serving(QUICK) as place:
        assert (await place.post(path, fits)).status == 200
        reply = await place.post(path, fits + b" ")
        assert (reply.status, reply.json["code"]) == (413, "body_too_large")
        assert len(place.bodies) == 1


async def test_a2_19_a_chunked_body_is_counted_while_it_arrives() -> None:
    head = f"POST {DSP} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with serving(QUICK) as place:
        reply = await place.ask(head + chunk * 5)
        assert (reply.status, reply.json["code"]) == (413, "body_too_large")


async def test_a2_19_a_promise_of_gigabytes_is_refused_at_once() -> None:
    head = f"POST {DSP} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n".encode()
    async with serving(QUICK) as place:
        began = time.monotonic()
        client = await place.connect(head + b"x" * 1000)
        assert (await client.reply()).status == 413
        assert await client.closed(1)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json_invalid"),
        (b"{", "json_invalid"),
        (b"\xff", "json_encoding"),
        (b"[]", "json_not_object"),
        (b'{"a":1,"a":1}', "json_duplicate_key"),
        (b'{"\\ud800":1,"\\ud800":1}', "json_duplicate_key"),
        (b'{"a":NaN}', "json_number"),
        (b'{"a":1e999}', "json_number"),
        (b'{"a":"\\u0000"}', "json_text"),
        (b'{"a":"\\udc00"}', "json_text"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "json_too_deep"),
    ],
)
async def test_a2_18_bodies_that_are_no_clean_json_are_refused(body: bytes, code: str) -> None:
    async with serving(QUICK) as place:
        for path in (DSP, THINGS):
            reply = await place.post(path, body)
            assert (reply.status, reply.json["code"]) == (400, code)
        assert place.bodies == []


async def test_a2_47_the_version_document_is_static_and_names_no_build() -> None:
    async with serving(QUICK) as place:
        first = await place.get(WELL_KNOWN)
        assert (first.status, first.body) == (200, DOCUMENT)
        assert first.headers["cache-control"] == "public, max-age=300"
        assert not any(word in f"{first.headers}".lower() for word in ("python", "aiohttp", "server"))
        again = await place.get(WELL_KNOWN, If_None_Match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        head = await place.ask(f"HEAD {WELL_KNOWN} HTTP/1.0\r\n\r\n".encode())
        assert (head.status, head.body) == (200, b"")


async def test_a2_47_the_version_document_is_served_under_load() -> None:
    request = f"GET {WELL_KNOWN} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with serving(QUICK) as place:

        async def many(rounds: int) -> list[float]:
            client, times = await place.connect(), []
            for _ in range(rounds):
                began = time.monotonic()
                client.writer.write(request)
                assert (await client.reply()).status == 200
                times.append(time.monotonic() - began)
            return times

        times = sorted(sum(await asyncio.gather(*(many(25) for _ in range(40))), []))  # noqa: RUF017 - short
        assert len(times) == 1000
        assert times[989] < 0.5
