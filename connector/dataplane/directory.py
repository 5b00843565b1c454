"""A tree of files as a source: files by their path, directories as listings."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from connector import clock
from connector.dataplane import media, opening, paths, stored
from connector.dataplane.digests import Digests
from connector.dataplane.ports import BytesContent, Content, FileContent, Read
from connector.dataplane.representation import Representation
from connector.errors import BadMessage, Unknown

PAGE_ITEMS = 10_000


class DirectorySource:
    """Gives the regular files below a root; hidden files, symlinks and special files do not exist for it.

    A path that names a directory gives `{"items": [{"name", "size", "modified", "type"}], "next"}` as JSON, sorted by
    name: `type` is `file` or `directory`, `size` is bytes (files only), `next` is the value of the query parameter
    `after` for the following page, or null.

    Args:
        root: an absolute path, resolved when the dataset was published.
        digests: what is known of file contents; shared by all sources of a process.
    """

    def __init__(self, root: Path, digests: Digests) -> None:
        self._root = root
        self._digests = digests

    @asynccontextmanager
    async def open(self, read: Read) -> AsyncIterator[Content]:
        """Open a file or make a listing; see `ports.Source`."""
        content = await asyncio.to_thread(self._open, read)
        try:
            yield content
        finally:
            if isinstance(content, FileContent):
                content.file.close()

    def _open(self, read: Read) -> FileContent | BytesContent:
        parts = paths.segments(read.path)
        if parts and not read.path.endswith("/"):
            try:
                with opening.directory(self._root, parts[:-1]) as parent:
                    return stored.content(parent, parts[-1], read, self._digests)
            except Unknown:
                pass  # a directory, or nothing at all: the listing tells
        after = _after(read.query)
        with opening.directory(self._root, parts) as descriptor:
            return _listing(descriptor, after)


def _after(query: str) -> str:
    try:
        return dict(parse_qsl(query, max_num_fields=8, errors="strict")).get("after", "")
    except ValueError:
        raise BadMessage("data_query", allowed="after") from None


def _listing(descriptor: int, after: str) -> BytesContent:
    with os.scandir(descriptor) as entries:
        page = heapq.nsmallest(PAGE_ITEMS + 1, _items(entries, after), key=_name)
    following = page[PAGE_ITEMS - 1]["name"] if len(page) > PAGE_ITEMS else None
    data = json.dumps({"items": page[:PAGE_ITEMS], "next": following}, ensure_ascii=False).encode()
    digest = hashlib.sha256(data).digest()
    return BytesContent(Representation(len(data), media.LISTING, f'"{digest.hex()[:32]}"', sha256=digest), data)


def _items(entries: Iterator[os.DirEntry[str]], after: str) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if entry.name > after and paths.plain_name(entry.name):
            item = _item(entry)
            if item is not None:
                yield item


def _item(entry: os.DirEntry[str]) -> dict[str, Any] | None:
    try:
        seen = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    modified = clock.iso(opening.seconds(seen.st_mtime_ns))
    if stat.S_ISREG(seen.st_mode):
        return {"name": entry.name, "size": seen.st_size, "modified": modified, "type": "file"}
    if stat.S_ISDIR(seen.st_mode):
        return {"name": entry.name, "modified": modified, "type": "directory"}
    return None


def _name(item: dict[str, Any]) -> str:
    name: str = item["name"]
    return name
