"""The http source against a real upstream server, through the server's real client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connector.dataplane.digests import Digests
from connector.dataplane.directory import DirectorySource
from connector.dataplane.file import FileSource
from connector.dataplane.ports import Read, Source, StreamContent
from connector.dataplane.sources import source_from
from connector.errors import BadMessage, ConnectorError, Denied, Invalid, TooMany, Unknown, Unreachable
from connector.net.client import Client


class _Api:
    """An upstream that notes what it was asked and answers what a test wants."""

    def __init__(self) -> None:
        self.asked: list[web.BaseRequest] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"level\n1.25\n"
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@pytest.fixture
async def api() -> AsyncIterator[_Api]:
    api = _Api()
    server = web.Server(api.answer)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield api
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(loopback=True)
    yield client
    await client.close()


async def _get(source: Source, read: Read = Read()) -> tuple[StreamContent, bytes]:  # noqa: B008 - frozen
    async with source.open(read) as content:
        assert isinstance(content, StreamContent)
        return content, b"".join([chunk async for chunk in content.chunks])


def _source(client: Client, url: str, **spec: Any) -> Source:
    return source_from({"kind": "http", "url": url, **spec}, client=client, digests=Digests())


async def test_a_url_alone_is_exactly_that_url(api: _Api, client: Client) -> None:
    source = _source(client, api.url + "/v1/levels?station=7")
    content, body = await _get(source)
    assert (content.status, body) == (200, api.body)
    assert str(api.asked[0].rel_url) == "/v1/levels?station=7"
    for read, code in ((Read(path="/x"), "data_unknown"), (Read(query="a=1"), "data_query")):
        with pytest.raises(ConnectorError) as caught:
            await _get(source, read)
        assert caught.value.code == code
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        ("/v1/levels", "", "/api/v1/levels?k=1"),
        ("/v1/levels/", "from=2026-07-01&to=a%20b", "/api/v1/levels?k=1&from=2026-07-01&to=a+b"),
        ("/v1/wells/sensor%3A1", "", "/api/v1/wells/sensor:1?k=1"),
        ("/v1/wells/a%3Fb%23c", "", "/api/v1/wells/a%3Fb%23c?k=1"),
        ("/v1/wells/a;b", "from=x%26admin=1", "/api/v1/wells/a%3Bb?k=1&from=x%26admin%3D1"),
        ("/v1/wells/niv%C3%A5", "from=", "/api/v1/wells/niv%C3%A5?k=1&from="),
    ],
)
async def test_a_listed_path_is_joined(api: _Api, client: Client, path: str, query: str, asked: str) -> None:
    source = _source(client, api.url + "/api/?k=1", paths=["/v1/levels", "/v1/wells/{id}"], query=["from", "to"])
    await _get(source, Read(path=path, query=query))
    assert api.asked[0].raw_path == asked


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", ""),
        ("/", ""),
        ("/v1", ""),
        ("/v1/wells", ""),
        ("/v1/wells/a/b", ""),
        ("/v1/wells/..", ""),
        ("/v1/wells/%2e%2e", ""),
        ("/v1/wells/..%2f..%2fadmin", ""),
        ("/v1/wells/%252e%252e", ""),
        ("/v1/wells/..;/admin", ""),
        ("/v1/../admin", ""),
        ("//evil.example/v1/levels", ""),
        ("/http://evil.example/", ""),
        ("/v1/levels%3Fadmin=1", ""),
        ("/v1\\levels", ""),
        ("/v1/levels%0d%0aX-Admin:1", ""),
        ("/v1/levels", "admin=1"),
        ("/v1/levels", "from=1&admin=1"),
        ("/v1/levels", "from=a%0d%0ab"),
        ("/v1/levels", "from=%ff"),
        ("/v1/levels", "from"),
        ("/v1/levels", "from=" + "x" * 5000),
        ("/v1/levels", "&".join(["from=1"] * 60)),
    ],
)
async def test_a2_30_anything_else_never_reaches_the_upstream(api: _Api, client: Client, path: str, query: str) -> None:
    source = _source(client, api.url, paths=["/v1/levels", "/v1/wells/{id}"], query=["from", "to"])
    with pytest.raises((BadMessage, Unknown)):
        await _get(source, Read(path=path, query=query))
    assert api.asked == []


async def test_a2_30_only_listed_methods(api: _Api, client: Client) -> None:
    with pytest.raises(Denied, match="data_method"):
        await _get(_source(client, api.url, methods=["GET"]), Read("HEAD"))
    with pytest.raises(Denied, match="data_method"):
        await _get(_source(client, api.url), Read("POST"))
    assert api.asked == []
    content, body = await _get(_source(client, api.url), Read("HEAD"))
    assert (api.asked[0].method, content.headers["Content-Length"], body) == ("HEAD", "11", b"")


async def test_a2_31_only_listed_headers_pass_and_the_secret_goes_up_alone(
    api: _Api, client: Client, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("s3cret\n")
    key.chmod(0o600)
    api.headers = {"Set-Cookie": "a=b", "Server": "x", "X-Internal": "y", "ETag": '"a"', "Content-Type": "text/csv"}
    source = _source(client, api.url, secret_header={"name": "X-Api-Key", "file": str(key)})
    headers = {
        "authorization": "Bearer grant",
        "cookie": "c",
        "x-api-key": "mine",
        "range": "bytes=0-",
        "accept": "text/csv",
    }
    content, _ = await _get(source, Read(headers=headers))
    assert content.headers == {"ETag": '"a"', "Content-Type": "text/csv", "Content-Length": "11"}
    up = api.asked[0].headers
    assert (up["X-Api-Key"], up["Range"], up["Accept"], up["Accept-Encoding"]) == (
        "s3cret",
        "bytes=0-",
        "text/csv",
        "identity",
    )
    assert "Authorization" not in up
    assert "Cookie" not in up


async def test_a_secret_that_cannot_be_read_stops_the_request(
    api: _Api, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = _source(client, api.url, secret_header={"name": "X-Api-Key", "file": str(tmp_path / "gone")})
    with caplog.at_level(logging.ERROR), pytest.raises(Unreachable, match="data_source"):
        await _get(source)
    assert api.asked == []
    assert "source_secret" in caplog.text


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, BadMessage, "data_refused"),
        (422, BadMessage, "data_refused"),
        (404, Unknown, "data_unknown"),
        (410, Unknown, "data_unknown"),
        (429, TooMany, "data_busy"),
        (401, Unreachable, "data_source"),
        (403, Unreachable, "data_source"),
        (302, Unreachable, "data_source"),
        (405, Unreachable, "data_source"),
        (500, Unreachable, "data_source"),
        (503, Unreachable, "data_source"),
        (206, Unreachable, "data_source"),
    ],
)
async def test_an_upstreams_error_is_ours_without_its_words(
    api: _Api, client: Client, status: int, kind: type[ConnectorError], code: str
) -> None:
    api.status, api.body = status, b"stack trace with passwords"
    api.headers = {"Location": "http://inside/", "Retry-After": "7"}
    with pytest.raises(kind) as caught:
        await _get(_source(client, api.url))
    assert caught.value.code == code
    assert "passwords" not in str(caught.value)
    if status == 429:
        assert caught.value.values == {"retry_after_seconds": 7}


@pytest.mark.parametrize("status", [304, 412, 416])
async def test_an_upstreams_answer_to_a_condition_is_passed_on(api: _Api, client: Client, status: int) -> None:
    api.status, api.body, api.headers = status, b"", {"ETag": '"a"'}
    content, _ = await _get(_source(client, api.url), Read(headers={"if-none-match": '"a"'}))
    assert (content.status, content.headers["ETag"]) == (status, '"a"')


async def test_an_upstream_that_is_not_there(client: Client) -> None:
    with pytest.raises(Unreachable) as caught:
        await _get(_source(client, "http://127.0.0.1:1/"))
    assert (caught.value.code, caught.value.values) == ("data_source", {})


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nda",
        b"HTTP/1.1 200 OK\r\nETag: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nETag: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
        b"garbage\r\n\r\n",
        b"",
    ],
)
async def test_a2_31_a_broken_or_hostile_upstream_is_an_error(client: Client, answer: bytes) -> None:
    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hostile, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable):
            await _get(_source(client, f"http://127.0.0.1:{port}/"))


def test_every_kind_has_its_source(tmp_path: Path) -> None:
    client = Client(loopback=True)
    path = str(tmp_path)
    assert isinstance(source_from({"kind": "file", "path": path}, client=client, digests=Digests()), FileSource)
    assert isinstance(
        source_from({"kind": "directory", "path": path}, client=client, digests=Digests()), DirectorySource
    )
    with pytest.raises(Invalid, match="source_kind"):
        source_from({"kind": "sql"}, client=client, digests=Digests())
