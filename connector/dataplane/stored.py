"""From an open directory and a name to a content: the part that the file and directory sources share. Blocks."""

from __future__ import annotations

import os
from io import FileIO

from connector.dataplane import headers, media, opening
from connector.dataplane.digests import Digests
from connector.dataplane.opening import State
from connector.dataplane.ports import BytesContent, FileContent, Read
from connector.dataplane.representation import Representation
from connector.errors import Unknown, Unreachable

SMALL_BYTES = 64 * 1024
WANTED_BYTES = 256 * 1024 * 1024
"""Up to this size a digest asked for with `Want-Repr-Digest` (RFC 9530, section 4) is computed on the spot."""
_TRIES = 5


def content(parent: int, name: str, read: Read, digests: Digests) -> FileContent | BytesContent:
    """Return the content of a regular file, or of its `.gz` neighbour where the reader accepts gzip.

    The neighbour counts while it is at least as new as the file. Small files are read whole; their digest is known.

    Raises:
        Unknown: `data_unknown`.
        Unreachable: `data_source`: the file changes faster than it can be read.
    """
    file = opening.regular_file(name, parent)
    packed = _neighbour(name, parent, file)
    coding = None
    if packed is not None and headers.accepts_gzip(read.headers.get("accept-encoding")):
        file.close()
        file, coding = packed, "gzip"
    elif packed is not None:
        packed.close()
    try:
        return _described(file, media.of(name), coding, read, digests, varies=packed is not None)
    except BaseException:
        file.close()
        raise


def _neighbour(name: str, parent: int, file: FileIO) -> FileIO | None:
    try:
        packed = opening.regular_file(name + ".gz", parent)
    except Unknown:
        return None
    except BaseException:
        file.close()
        raise
    if opening.state(packed.fileno()).modified_ns >= opening.state(file.fileno()).modified_ns:
        return packed
    packed.close()
    return None


def _described(
    file: FileIO, media_type: str, coding: str | None, read: Read, digests: Digests, *, varies: bool
) -> FileContent | BytesContent:
    state = opening.state(file.fileno())
    if state.size <= SMALL_BYTES:
        data, state = _whole(file)
        digest: bytes | None = digests.of_bytes(state.etag, data)
    else:
        data, digest = None, _digest(file, state, read, digests)
    representation = Representation(state.size, media_type, state.etag, state.modified, coding, digest, varies)
    if data is None:
        return FileContent(representation, file)
    file.close()
    return BytesContent(representation, data)


def _digest(file: FileIO, state: State, read: Read, digests: Digests) -> bytes | None:
    wanted = "sha-256" in read.headers.get("want-repr-digest", "") and state.size <= WANTED_BYTES
    return digests.of_file(file.fileno()) if wanted else digests.known(state.etag)


def _whole(file: FileIO) -> tuple[bytes, State]:
    """Read a small file so that bytes and state belong together, whoever writes to it meanwhile."""
    for _ in range(_TRIES):
        before = opening.state(file.fileno())
        data = os.pread(file.fileno(), SMALL_BYTES + 1, 0)
        if len(data) == before.size and opening.state(file.fileno()) == before:
            return data, before
    raise Unreachable("data_source")
