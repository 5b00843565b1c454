"""One regular file as a source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connector.dataplane import opening, paths, stored
from connector.dataplane.digests import Digests
from connector.dataplane.ports import BytesContent, Content, FileContent, Read
from connector.errors import Unknown, Unreachable


class FileSource:
    """Gives the file at the empty path and, so that programs see its ending, at its own name.

    Args:
        path: an absolute path, resolved when the dataset was published.
        digests: what is known of file contents; shared by all sources of a process.
    """

    def __init__(self, path: Path, digests: Digests) -> None:
        self._path = path
        self._digests = digests

    @asynccontextmanager
    async def open(self, read: Read) -> AsyncIterator[Content]:
        """Open the file; see `ports.Source`. Query parameters mean nothing to a file and are ignored."""
        content = await asyncio.to_thread(self._open, read)
        try:
            yield content
        finally:
            if isinstance(content, FileContent):
                content.file.close()

    def _open(self, read: Read) -> FileContent | BytesContent:
        if paths.segments(read.path) not in ((), (self._path.name,)):
            raise Unknown("data_unknown")
        with opening.directory(self._path.parent) as parent:
            try:
                return stored.content(parent, self._path.name, read, self._digests)
            except Unknown:
                raise Unreachable("data_source") from None


async def measured(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `file` spec with `digest`: the SHA-256 of the content now and the entity tag it belongs to.

    Reads the whole file once, in a thread. A file that changes meanwhile gets no digest, nor does another kind.
    """
    if spec["kind"] != "file":
        return dict(spec)
    digest = await asyncio.to_thread(_digest, Path(spec["path"]))
    plain = {name: value for name, value in spec.items() if name != "digest"}
    return plain if digest is None else plain | {"digest": digest}


def recall(spec: Mapping[str, Any], digests: Digests) -> None:
    """Remember the digest that a spec carries; it counts while the file is what it was."""
    digest = spec.get("digest")
    if digest is not None:
        digests.remember(digest["etag"], bytes.fromhex(digest["sha256"]))


def _digest(path: Path) -> dict[str, str] | None:
    with opening.directory(path.parent) as parent, opening.regular_file(path.name, parent) as file:
        etag = opening.state(file.fileno()).etag
        found = Digests()
        found.of_file(file.fileno())
        sha256 = found.known(etag)
        return None if sha256 is None else {"etag": etag, "sha256": sha256.hex()}
