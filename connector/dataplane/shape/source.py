"""Between a source and the wire: what goes out is shaped, or nothing goes out.

A shaped content is another representation than the data it is made of: it has its own entity tag, length and digest. Up to
`WHOLE_BYTES` it is made whole first, and is then served like a small file, ranges included. Beyond, it streams without a length,
and a range is answered with the whole (RFC 9110, section 14.2).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from connector.dataplane import conditions, opening
from connector.dataplane.ports import BytesContent, Content, FileContent, Read, Source, StreamContent
from connector.dataplane.representation import Representation
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.lists import List
from connector.dataplane.shape.recipe import Recipe
from connector.dataplane.shape.tables import Table
from connector.errors import Denied, Unreachable

log = logging.getLogger(__name__)

WHOLE_BYTES: Final = 1024 * 1024
PIECE_BYTES: Final = 128 * 1024
_ASKED: Final = frozenset({"accept", "accept-language"})
_OK: Final = 200


class Shaper(Protocol):
    """Takes a stream piece by piece and gives the shaped one."""

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return what is ready. Raises Unshapable."""
        ...

    def end(self) -> bytes:
        """Take the end and return what is left. Raises Unshapable."""
        ...


_SHAPERS: Final[dict[str, Callable[[Recipe], Shaper]]] = {
    "text/csv": Table,
    "text/tab-separated-values": lambda recipe: Table(recipe, "\t"),
    "application/json": List,
}
MEDIA_TYPES: Final = frozenset(_SHAPERS)


def shaper(recipe: Recipe, media_type: str) -> Shaper:
    """Return what shapes data of a Content-Type.

    Raises:
        Denied: `shape_media_type`: nothing does.
    """
    essence, _, parameters = media_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    make = _SHAPERS.get(essence.strip())
    if make is None or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Denied("shape_media_type", media_type=media_type[:100])
    return make(recipe)


@dataclass(frozen=True, slots=True)
class ShapedSource:
    """Another source's data, shaped by a recipe."""

    source: Source
    recipe: Recipe

    @asynccontextmanager
    async def open(self, read: Read) -> AsyncIterator[Content]:
        """Open what a read names and shape it; see `ports.Source`.

        Raises:
            Denied: `shape_media_type`. Unreachable: `data_shape`: the data is not what was declared, so nothing is served.
        """
        asked = {name: value for name, value in read.headers.items() if name in _ASKED}
        async with self.source.open(Read("GET", read.path, read.query, asked)) as content:
            found = _described(content)
            shaping = shaper(self.recipe, found.media_type)
            etag = self._tag(found.etag)
            async with aclosing(_shaped(shaping, _chunks(content))) as pieces:
                yield await _served(pieces, read, found, etag)

    def _tag(self, etag: str) -> str:
        if not etag or etag.startswith("W/"):
            return ""
        return f'"{hashlib.sha256(f"{etag} {self.recipe.digest}".encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class _Found:
    media_type: str
    etag: str
    modified: float | None


def _described(content: Content) -> _Found:
    """Return what is known of the data as it is; nothing that is packed, or a piece, or no data at all, can be shaped."""
    if not isinstance(content, StreamContent):
        what = content.representation
        if what.encoding is not None:
            raise Unreachable("data_source")
        return _Found(what.media_type, what.etag, what.modified)
    headers = content.headers
    if content.status != _OK or headers.get("Content-Encoding", "identity") != "identity":
        raise Unreachable("data_source")
    modified = conditions.date(headers.get("Last-Modified"))
    return _Found(headers.get("Content-Type", ""), headers.get("ETag", ""), modified)


async def _served(pieces: AsyncGenerator[bytes, None], read: Read, found: _Found, etag: str) -> Content:
    """Return the whole when it is small, else a stream that begins with what has been made already."""
    begun: list[bytes] = []
    size = 0
    async for piece in pieces:
        begun.append(piece)
        size += len(piece)
        if size > WHOLE_BYTES:
            return _stream(begun, pieces, read, found, etag)
    data = b"".join(begun)
    digest = hashlib.sha256(data).digest()
    tag = etag or f'"{digest.hex()[:32]}"'
    return BytesContent(Representation(size, found.media_type, tag, found.modified, sha256=digest), data)


def _stream(
    begun: list[bytes], pieces: AsyncGenerator[bytes, None], read: Read, found: _Found, etag: str
) -> StreamContent:
    headers = {"Content-Type": found.media_type, "Accept-Ranges": "none"} | ({"ETag": etag} if etag else {})
    if found.modified is not None:
        headers["Last-Modified"] = conditions.http_date(found.modified)
    status = conditions.precondition(read.headers, etag or None, found.modified)
    if status != conditions.PROCEED:
        kept = {name: value for name, value in headers.items() if name in ("ETag", "Last-Modified")}
        return StreamContent(status, kept, _after([], pieces))
    return StreamContent(_OK, headers, _after(begun, pieces))


async def _after(begun: list[bytes], pieces: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    while begun:
        yield begun.pop(0)
    async for piece in pieces:
        yield piece


async def _shaped(shaping: Shaper, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Give the shaped pieces; the work is done in threads, a piece at a time, so that others are served meanwhile."""
    try:
        async for chunk in chunks:
            for start in range(0, len(chunk), PIECE_BYTES):
                ready = await asyncio.to_thread(shaping.feed, chunk[start : start + PIECE_BYTES])
                if ready:
                    yield ready
        ready = await asyncio.to_thread(shaping.end)
        if ready:
            yield ready
    except Unshapable as fault:
        told = (fault.code, fault.values["row"], fault.values["column"])
        log.error("data is not as declared, so it is not served: code=%s row=%s column=%s", *told)  # noqa: TRY400
        raise Unreachable("data_shape") from None


async def _chunks(content: Content) -> AsyncIterator[bytes]:
    if isinstance(content, BytesContent):
        yield content.data
    elif isinstance(content, FileContent):
        async for chunk in _read(content):
            yield chunk
    else:
        async for chunk in content.chunks:
            yield chunk


async def _read(content: FileContent) -> AsyncIterator[bytes]:
    """Read a file from its beginning; one that changes meanwhile ends here."""
    descriptor, offset = content.file.fileno(), 0
    while chunk := await asyncio.to_thread(os.pread, descriptor, PIECE_BYTES, offset):
        offset += len(chunk)
        if opening.state(descriptor).etag != content.representation.etag:
            raise Unreachable("data_source")
        yield chunk
    if offset != content.representation.size:
        raise Unreachable("data_source")
