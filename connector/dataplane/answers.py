"""What another server's answer to a data request means for the one who asked us (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from connector.dataplane.ports import Read
from connector.errors import BadMessage, PeerError, TooMany, Unknown

PASSED_ON = frozenset({200, 204, 206, 304, 412, 416})
BODILESS = frozenset({204, 304, 412, 416})
"""Passed on without whatever body the other server wrote: an error's text is never passed on."""
REFUSALS = frozenset({412, 416})

_PARTIAL = 206
TOO_MANY = 429
_RETRY_SECONDS = 10
_MAX_RETRY_SECONDS = 3600
_MAX_DIGITS = 9


def refusal(status: int, answered: Mapping[str, str]) -> PeerError | None:
    """Return the error that an answer says is the asker's own: 400, 404, 410, 422 or 429; nothing for any other."""
    if status == TOO_MANY:
        return TooMany("data_busy", retry_after_seconds=retry_after(answered.get("Retry-After", "")))
    if status in (400, 422):
        return BadMessage("data_refused")
    if status in (404, 410):
        return Unknown("data_unknown")
    return None


def unasked(status: int, read: Read) -> bool:
    """Tell whether an answer is a piece although none was asked for."""
    return status == _PARTIAL and (read.method != "GET" or "range" not in read.headers)


def retry_after(text: str, *, most: int = _MAX_RETRY_SECONDS) -> int:
    """Return the seconds of a `Retry-After` value, brought into 1 to `most` (an hour); 10 for anything but a number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        return _RETRY_SECONDS
    return min(max(int(text), 1), most)
