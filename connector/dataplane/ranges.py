"""Byte ranges (RFC 9110, section 14), pure: one range is served, several are answered with the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connector.errors import BadMessage

_SPEC = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")
_UNIT = "bytes="


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a representation: its first byte's offset and its length in bytes."""

    start: int
    count: int

    def content_range(self, size: int) -> str:
        """Return the Content-Range of this piece of `size` bytes."""
        return f"bytes {self.start}-{self.start + self.count - 1}/{size}"


class Unsatisfiable(BadMessage):
    """The range lies beyond the representation: 416, with its length in `size`."""

    status = 416

    def __init__(self, size: int) -> None:
        super().__init__("data_range", size=size)
        self.size = size


def select(header: str | None, size: int) -> Span | None:
    """Return the one range that a `Range` header asks for, or nothing where the whole is to be sent.

    Another unit, a malformed header and several ranges are ignored, as RFC 9110, section 14.2 allows.

    Raises:
        Unsatisfiable: the range begins beyond the end.
    """
    if header is None or not header.lower().startswith(_UNIT):
        return None
    spec = _SPEC.fullmatch(header[len(_UNIT) :].strip())
    if spec is None or spec[0] == "-":
        return None
    if not spec[1]:
        return _suffix(int(spec[2]), size)
    return _from(int(spec[1]), int(spec[2]) if spec[2] else None, size)


def _suffix(length: int, size: int) -> Span | None:
    if length == 0:
        raise Unsatisfiable(size)
    if size == 0:
        return None
    count = min(length, size)
    return Span(size - count, count)


def _from(first: int, last: int | None, size: int) -> Span | None:
    if last is not None and last < first:
        return None
    if first >= size:
        raise Unsatisfiable(size)
    return Span(first, min(size - 1 if last is None else last, size - 1) - first + 1)
