"""A representation (RFC 9110, section 8) and the answer that a request for it gets, pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from connector.dataplane import conditions, ranges
from connector.dataplane.ranges import Span, Unsatisfiable

WHOLE = 200
PARTIAL = 206
UNSATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class Representation:
    """What is known of the bytes before they are sent.

    Args:
        size: bytes.
        media_type: the Content-Type.
        etag: a strong entity tag with its quotes.
        modified: seconds since 1970, or nothing.
        encoding: the content coding that the bytes already have (`gzip`), or nothing.
        sha256: the digest of exactly these bytes, or nothing where it is not known.
        varies: whether another `Accept-Encoding` would get other bytes.
    """

    size: int
    media_type: str
    etag: str
    modified: float | None = None
    encoding: str | None = None
    sha256: bytes | None = None
    varies: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to send: a status, the bytes (nothing: no body) and the headers."""

    status: int
    span: Span | None
    headers: Mapping[str, str]


def plan(method: str, headers: Mapping[str, str], what: Representation, now: float) -> Plan:
    """Return what a GET or HEAD with these headers (lower-case names) is answered.

    Preconditions come before ranges (RFC 9110, section 13.2.2), and a range counts for GET alone (section 14.2).
    """
    base = _validators(what, now)
    status = conditions.precondition(headers, what.etag, what.modified)
    if status != conditions.PROCEED:
        return Plan(status, None, base)
    try:
        span = _asked(method, headers, what, now)
    except Unsatisfiable:
        return Plan(UNSATISFIABLE, None, {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{what.size}"})
    described = base | _description(what)
    if span is None:
        return Plan(WHOLE, Span(0, what.size), described)
    return Plan(PARTIAL, span, described | {"Content-Range": span.content_range(what.size)})


def repr_digest(sha256: bytes) -> str:
    """Return the value of `Repr-Digest` (RFC 9530, section 3) for a SHA-256 digest."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def _asked(method: str, headers: Mapping[str, str], what: Representation, now: float) -> Span | None:
    asked = headers.get("range") if method == "GET" else None
    if asked is None or not conditions.range_applies(headers.get("if-range"), what.etag, what.modified, now):
        return None
    return ranges.select(asked, what.size)


def _validators(what: Representation, now: float) -> dict[str, str]:
    headers = {"ETag": what.etag}
    if what.modified is not None:
        headers["Last-Modified"] = conditions.http_date(min(what.modified, now))
    if what.varies:
        headers["Vary"] = "Accept-Encoding"
    return headers


def _description(what: Representation) -> dict[str, str]:
    headers = {"Content-Type": what.media_type, "Accept-Ranges": "bytes"}
    if what.encoding is not None:
        headers["Content-Encoding"] = what.encoding
    if what.sha256 is not None:
        headers["Repr-Digest"] = repr_digest(what.sha256)
    return headers
