"""The consumer's reading against a real provider, through the server's real client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from connector.dataplane import pull
from connector.dataplane.ports import Read, StreamContent
from connector.dataplane.pull import Address
from connector.errors import BadMessage, ConnectorError, Denied, TooMany, Unknown, Unreachable
from connector.net.client import Client


class _Provider:
    def __init__(self) -> None:
        self.asked: list[web.BaseRequest] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"data"
        self.endpoint = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@pytest.fixture
async def provider() -> AsyncIterator[_Provider]:
    provider = _Provider()
    runner = web.ServerRunner(web.Server(provider.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/town/data/1"
    yield provider
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(loopback=True)
    yield client
    await client.close()


async def _read(client: Client, address: Address, read: Read = Read()) -> tuple[StreamContent, bytes]:  # noqa: B008 - frozen
    async with pull.read(client, address, read) as content:
        return content, b"".join([chunk async for chunk in content.chunks])


async def test_data_is_read_with_the_grants_token(provider: _Provider, client: Client) -> None:
    provider.headers = {"ETag": '"a"', "Set-Cookie": "a=b", "X-Request-Id": "1", "Content-Type": "text/csv"}
    address = Address(provider.endpoint, "Bearer token")
    read = Read(path="/a%20b.csv", query="from=1&to=%C3%A5", headers={"cookie": "mine", "accept": "text/csv"})
    content, body = await _read(client, address, read)
    assert (content.status, body) == (200, b"data")
    assert content.headers == {"ETag": '"a"', "Content-Type": "text/csv", "Content-Length": "4"}
    asked = provider.asked[0]
    assert asked.raw_path == "/town/data/1/a%20b.csv?from=1&to=%C3%A5"
    assert (asked.headers["Authorization"], asked.headers["Accept"]) == ("Bearer token", "text/csv")
    assert "Cookie" not in asked.headers


async def test_a_range_and_a_head_are_asked_as_they_are(provider: _Provider, client: Client) -> None:
    provider.status, provider.headers = 206, {"Content-Range": "bytes 0-3/9"}
    content, _ = await _read(
        client, Address(provider.endpoint), Read(headers={"range": "bytes=0-3", "if-range": '"a"'})
    )
    assert (content.status, content.headers["Content-Range"]) == (206, "bytes 0-3/9")
    assert (provider.asked[0].headers["Range"], provider.asked[0].headers["If-Range"]) == ("bytes=0-3", '"a"')
    assert "Authorization" not in provider.asked[0].headers
    provider.status = 200
    content, body = await _read(client, Address(provider.endpoint), Read("HEAD"))
    assert (provider.asked[1].method, content.headers["Content-Length"], body) == ("HEAD", "4", b"")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, BadMessage, "data_refused"),
        (401, Denied, "data_denied"),
        (403, Denied, "data_denied"),
        (404, Unknown, "data_unknown"),
        (429, TooMany, "data_busy"),
        (500, Unreachable, "data_provider"),
        (206, Unreachable, "data_provider"),
        (307, Unreachable, "peer_redirected"),
    ],
)
async def test_a_providers_refusal_is_an_error_of_ours(
    provider: _Provider, client: Client, status: int, kind: type[ConnectorError], code: str
) -> None:
    provider.status = status
    with pytest.raises(kind) as caught:
        await _read(client, Address(provider.endpoint, "Bearer token"))
    assert caught.value.code == code
    assert "token" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps({"code": "agreement_expired", "detail": "x"}).encode(), "agreement_expired"),
        (json.dumps({"code": "<script>"}).encode(), "-"),
        (json.dumps({"code": 5}).encode(), "-"),
        (b"[]", "-"),
        (b"nonsense", "-"),
        (b'{"code": "' + b"x" * 20_000 + b'"}', "-"),
        (b"", "-"),
    ],
)
async def test_a_refusal_keeps_the_providers_code_and_nothing_else(
    provider: _Provider, client: Client, body: bytes, reason: str
) -> None:
    provider.status, provider.body = 403, body
    with pytest.raises(Denied) as caught:
        await _read(client, Address(provider.endpoint))
    assert caught.value.values == {"status": 403, "reason": reason}


async def test_a2_31_a_token_cannot_break_out_of_its_header(provider: _Provider, client: Client) -> None:
    for token in ("a\r\nX-Evil: 1", "a\nb", "a\0b"):
        with pytest.raises(Unreachable):
            await _read(client, Address(provider.endpoint, token))
    assert provider.asked == []


def test_an_address_does_not_show_its_token() -> None:
    assert "secret" not in repr(Address("https://peer.example/data", "Bearer secret"))


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "url"),
    [
        ("https://p.example/data/1", "", "", "https://p.example/data/1"),
        ("https://p.example/data/1/", "", "", "https://p.example/data/1/"),
        ("https://p.example/data/1/", "/a", "", "https://p.example/data/1/a"),
        ("https://p.example", "a/b/", "", "https://p.example/a/b/"),
        ("https://p.example/data?key=1", "/a", "x=2", "https://p.example/data/a?key=1&x=2"),
        ("https://p.example/data", "/", "", "https://p.example/data"),
        ("https://p.example/data", "/@evil.example", "", "https://p.example/data/@evil.example"),
    ],
)
def test_a_path_is_joined_below_the_endpoint(endpoint: str, path: str, query: str, url: str) -> None:
    assert pull.joined(endpoint, path, query) == url


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "code"),
    [
        ("https://p.example/data", "/../x", "", "data_path"),
        ("https://p.example/data", "//evil.example", "", "data_path"),
        ("https://p.example/data", "/%2e%2e/x", "", "data_path"),
        ("https://p.example/data", "", "a b", "data_query"),
        ("https://p.example/data", "", "a#b", "data_query"),
        ("https://p.example/data", "", "a\r\nb", "data_query"),
        ("ftp://p.example/data", "", "", "data_provider"),
        ("file:///etc/passwd", "", "", "data_provider"),
        ("https://p.example/data#x", "", "", "data_provider"),
        ("https://p.example\\@evil", "", "", "data_provider"),
        ("https://[::1", "", "", "data_provider"),
        ("/data", "", "", "data_provider"),
        ("", "", "", "data_provider"),
    ],
)
def test_a2_30_what_could_lead_elsewhere_is_not_joined(endpoint: str, path: str, query: str, code: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        pull.joined(endpoint, path, query)
    assert caught.value.code == code
