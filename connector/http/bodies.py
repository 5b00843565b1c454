"""Bodies in and out: read within size and time, through the one JSON reader; written plain and compact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from connector import canonical, loader
from connector.errors import BadMessage, TooLarge, TooSlow
from connector.http.connection import Connection

JSON: Final = "application/json"
BODY_SECONDS: Final = web.AppKey("body_seconds", float)
_DEFAULT_SECONDS: Final = 30.0
_BROKEN: Final = (ConnectionError, web.RequestPayloadError, web.PayloadAccessError)


async def read_json(request: web.Request, limit: int = loader.PEER_BYTES) -> tuple[dict[str, Any], bytes]:
    """Return the JSON object in a request's body, and the bytes it came in.

    The content type does not matter (peers send several, or none); a compressed body is refused unread.

    Args:
        request: the request; read at most once.
        limit: the most bytes accepted: `loader.PEER_BYTES` or `loader.OPERATOR_BYTES`.

    Raises:
        TooLarge: `body_too_large`.
        TooSlow: `http_body_late`, the body was not complete within the deadline.
        BadMessage: `http_encoding`, `http_body_broken`, and what `loader.load_object` raises.
    """
    data = await read_bytes(request, limit)
    return loader.load_object(data, limit=limit), data


async def read_bytes(request: web.Request, limit: int) -> bytes:
    """Return a request's body; raises as `read_json` does, but for what concerns JSON."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise BadMessage("http_encoding", field=hdrs.CONTENT_ENCODING)
    if (request.content_length or 0) > limit:
        raise TooLarge("body_too_large", limit_bytes=limit)
    if not request.can_read_body:
        return b""
    seconds = request.config_dict.get(BODY_SECONDS, _DEFAULT_SECONDS)
    try:
        with _clients_turn(request):
            async with asyncio.timeout(seconds):
                return await _collect(request, limit)
    except TimeoutError:
        raise TooSlow("http_body_late", seconds=seconds) from None
    except _BROKEN:
        raise BadMessage("http_body_broken") from None


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer with a JSON value; bytes are taken as JSON that is already written."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return web.Response(status=status, body=body, content_type=JSON, headers=headers)


def static_document(body: bytes, content_type: str = JSON, max_age_seconds: int = 300) -> Handler:
    """Return a route whose answer is written once: it needs no store and tells nothing about our version.

    Args:
        body: the bytes.
        content_type: their type.
        max_age_seconds: how long others may keep it.
    """
    tag = f'"{canonical.of_bytes(body).partition(":")[2][:32]}"'
    headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: f"public, max-age={max_age_seconds}"}

    async def document(request: web.Request) -> web.Response:
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=content_type, headers=headers)

    return document


async def _collect(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise TooLarge("body_too_large", limit_bytes=limit)
    return bytes(body)


@contextmanager
def _clients_turn(request: web.Request) -> Iterator[None]:
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.reading_body(begins=True)
    try:
        yield
    finally:
        if isinstance(connection, Connection):
            connection.reading_body(begins=False)
