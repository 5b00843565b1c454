"""Downloading into a file so that a broken download goes on where it stopped, and a finished one is proved whole.

Standard library only: the command line imports this. Bytes go to `FILE.part`, its entity tag to `FILE.part.etag`; only
when length and digest are right does `FILE.part` become `FILE`, in one step. Whoever calls brings the network:
`open_range(start, etag)` asks for the bytes from `start` on (see `range_headers`); it raises OSError when there is no
connection, and its own errors for anything but 200, 206 or 416.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Protocol

from connector.errors import LocalError

PIECE_BYTES = 256 * 1024
ATTEMPTS = 5
_MOST_PAUSE_SECONDS = 30.0
_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]{1,19})-[0-9]{1,19}|\*)/([0-9]{1,19})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):")
_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416


class Headers(Protocol):
    """Headers, found by name in any case; `http.client.HTTPMessage` is one."""

    def get(self, name: str, failobj: str, /) -> str:
        """Return a header's value, or what is given for a missing one."""
        ...


class Response(Protocol):
    """An answer under way; the caller's reader of `http.client` answers fits, with its errors made `OSError`."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The answer's headers."""
        ...

    def read(self, amount: int, /) -> bytes:
        """Return at most so many bytes, none at the end; raises OSError when the connection broke."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


OpenRange = Callable[[int, str | None], Response]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Download:
    """A finished download: bytes in all, bytes that were there already, and the content's SHA-256 in hex.

    `verified` tells whether the provider named a digest, and so whether `sha256` was compared with it.
    """

    path: Path
    size: int
    resumed_at: int
    sha256: str
    verified: bool


class _Broken(Exception):
    """The connection ended before the content did."""


def range_headers(start: int, etag: str | None) -> dict[str, str]:
    """Return the request headers for `open_range(start, etag)`; a change of the content gives the whole anew."""
    headers = {"Accept-Encoding": "identity", "Want-Repr-Digest": "sha-256=10"}
    if start > 0 and etag is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": etag}
    return headers


def download(
    open_range: OpenRange,
    target: Path,
    *,
    pause: Callable[[float], None],
    progress: Progress = lambda _done, _size: None,
    attempts: int = ATTEMPTS,
) -> Download:
    """Fetch everything into `target`, resuming what an earlier call left in `target.part`.

    Args:
        open_range: asks the provider; called again after a break.
        target: the file to make; replaced if it exists.
        pause: waits so many seconds before the next attempt.
        progress: told the bytes so far and in all, if known.
        attempts: how many breaks in a row without a single new byte are borne.

    Raises:
        LocalError: `download_busy`, `download_broken`, `download_encoded`, `download_length`, `download_digest`,
            `download_answer`.
        OSError: the file cannot be written.
    """
    with _locked(target) as part:
        state = _Part(part, _etag_file(target))
        resumed_at = state.begin()
        failures = 0
        while True:
            before = state.done
            try:
                state.take(open_range, progress)
                break
            except _Broken:
                failures = 0 if state.done > before else failures + 1
                if failures >= attempts:
                    raise LocalError("download_broken", done=state.done) from None
                pause(min(2.0**failures, _MOST_PAUSE_SECONDS))
        sha256 = state.verify()
        _finish(part, target)
        return Download(target, state.done, min(resumed_at, state.kept), sha256, state.digest is not None)


class _Part:
    """The unfinished file: how much of it there is, which content it is of, and what it should become."""

    def __init__(self, file: BufferedRandom, etag_file: Path) -> None:
        self.file = file
        self.etag_file = etag_file
        self.etag: str | None = None
        self.done = 0
        self.kept = 0
        self.size: int | None = None
        self.digest: bytes | None = None

    def begin(self) -> int:
        """Take up what an earlier download left, if it is known what it was of."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = self.etag_file.read_text(encoding="ascii")
            self.etag = text if _STRONG_ETAG.fullmatch(text) else None
        self.done = self.kept = os.fstat(self.file.fileno()).st_size if self.etag else 0
        return self.done

    def take(self, open_range: OpenRange, progress: Progress) -> None:
        """Ask for what is missing and write it down; returns when the content is complete."""
        try:
            response = open_range(self.done, self.etag)
        except OSError:
            raise _Broken from None
        with contextlib.closing(response):
            if self._accept(response):
                self._copy(response, progress)
        if self.size is not None and self.done < self.size:
            raise _Broken

    def verify(self) -> str:
        """Return the SHA-256 of the whole in hex, after comparing length and digest with what was announced."""
        if self.size is not None and self.done != self.size:
            self._forget()
            raise LocalError("download_length", size=self.done, expected=self.size)
        self.file.seek(0)
        found = hashlib.file_digest(self.file, "sha256")
        if self.digest is not None and found.digest() != self.digest:
            self._forget()
            raise LocalError("download_digest")
        self.file.flush()
        os.fsync(self.file.fileno())
        return found.hexdigest()

    def _accept(self, response: Response) -> bool:
        """Look at the answer's head; tell whether a body is to be copied."""
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise LocalError("download_encoded")
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status == _BEYOND and match is not None and self.done == int(match[2]) > 0:
            self.size = self.done
            return False
        if response.status == _PARTIAL:
            self._continue(response, match)
        elif response.status == _WHOLE:
            self._restart(response)
        else:
            self._again(response.status)
        self.digest = _digest(response.headers.get("Repr-Digest", "")) or self.digest
        return True

    def _continue(self, response: Response, match: re.Match[str] | None) -> None:
        same = self.etag is not None and response.headers.get("ETag", self.etag) == self.etag
        if match is None or match[1] is None or int(match[1]) != self.done or not same:
            self._again(response.status)
        else:
            self.size = int(match[2])
            self.file.seek(self.done)

    def _restart(self, response: Response) -> None:
        self._forget()
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isascii() and length.isdecimal() else None
        etag = response.headers.get("ETag", "")
        if _STRONG_ETAG.fullmatch(etag):
            self.etag = etag
            self.etag_file.write_text(etag, encoding="ascii")

    def _again(self, status: int) -> None:
        """Give up the unfinished part, once: an answer that does not fit an empty one is the provider's fault."""
        empty = self.done == 0 and self.etag is None
        self._forget()
        if empty:
            raise LocalError("download_answer", status=status)
        raise _Broken

    def _copy(self, response: Response, progress: Progress) -> None:
        while True:
            try:
                piece = response.read(PIECE_BYTES)
            except OSError:
                raise _Broken from None
            if not piece:
                return
            self.file.write(piece)
            self.done += len(piece)
            progress(self.done, self.size)

    def _forget(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.etag_file.unlink(missing_ok=True)
        self.etag, self.done, self.kept, self.size, self.digest = None, 0, 0, None, None


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[BufferedRandom]:
    part = target.with_name(target.name + ".part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalError("download_busy", path=str(part)) from None
        if not _still_named(part, descriptor):
            raise LocalError("download_busy", path=str(part))
        try:
            yield file
        finally:
            _leave_nothing(file, part, target)


def _still_named(part: Path, descriptor: int) -> bool:
    """Tell whether the open file was not renamed, by a download that just finished, before the lock was ours."""
    try:
        return os.path.samestat(part.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _leave_nothing(file: BufferedRandom, part: Path, target: Path) -> None:
    """Remove an unfinished file into which nothing came, while the lock keeps others from writing to it."""
    with contextlib.suppress(OSError):
        file.flush()
        if os.fstat(file.fileno()).st_size == 0 and _still_named(part, file.fileno()):
            _etag_file(target).unlink(missing_ok=True)
            part.unlink()


def _etag_file(target: Path) -> Path:
    return target.with_name(target.name + ".part.etag")


def _finish(part: BufferedRandom, target: Path) -> None:
    part.flush()
    target.with_name(target.name + ".part").replace(target)
    _etag_file(target).unlink(missing_ok=True)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(header: str) -> bytes | None:
    """Return the SHA-256 in a `Repr-Digest` (RFC 9530), if it holds one."""
    match = _SHA256.search(header)
    if match is None:
        return None
    try:
        return base64.b64decode(match[1], validate=True)
    except binascii.Error:
        return None
