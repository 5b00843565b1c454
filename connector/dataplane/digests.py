"""SHA-256 digests of file contents, each valid for one entity tag only."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict

from connector.dataplane import opening

PIECE_BYTES = 1024 * 1024
_MOST_KEPT = 10_000


class Digests:
    """What has been computed so far, by entity tag; the least recently used are forgotten. Safe between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, etag: str) -> bytes | None:
        """Return the digest of the content with this entity tag, if it has been computed."""
        with self._lock:
            if etag in self._known:
                self._known.move_to_end(etag)
            return self._known.get(etag)

    def remember(self, etag: str, sha256: bytes) -> None:
        """Keep a digest for an entity tag."""
        with self._lock:
            self._known[etag] = sha256
            if len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)

    def of_bytes(self, etag: str, data: bytes) -> bytes:
        """Return the digest of content that is held whole."""
        found = self.known(etag)
        if found is None:
            found = hashlib.sha256(data).digest()
            self.remember(etag, found)
        return found

    def of_file(self, descriptor: int) -> bytes | None:
        """Return the digest of an open file, read through if need be; nothing if it changed meanwhile. Blocks."""
        before = opening.state(descriptor)
        found = self.known(before.etag)
        if found is not None:
            return found
        found = _read_through(descriptor)
        if opening.state(descriptor) != before:
            return None
        self.remember(before.etag, found)
        return found


def _read_through(descriptor: int) -> bytes:
    running = hashlib.sha256()
    offset = 0
    while piece := os.pread(descriptor, PIECE_BYTES, offset):
        running.update(piece)
        offset += len(piece)
    return running.digest()
