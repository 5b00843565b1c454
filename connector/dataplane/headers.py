"""Which headers cross the data plane, pure: an allow-list each way, everything else stays on its side.

Never let through: `Authorization` (the grant's token), cookies, `Server`, `X-*`, hop-by-hop fields and anything that
would let one side speak in the name of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FORWARDED = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "want-repr-digest",
    }
)
RELAYED = {
    "content-type": "Content-Type",
    "content-length": "Content-Length",
    "content-range": "Content-Range",
    "content-encoding": "Content-Encoding",
    "etag": "ETag",
    "last-modified": "Last-Modified",
    "accept-ranges": "Accept-Ranges",
    "repr-digest": "Repr-Digest",
}
OURS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with all data: it is somebody else's, so a browser that shows it must not run it in our name."""

_VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}")
_LENGTH = re.compile(r"[0-9]{1,19}")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+\-]{1,127}/[\w!#$&^.+\-]{1,127}(?:\s*;.*)?", re.ASCII)
_CODING = re.compile(r"\s*([\w*\-]+)\s*(?:;\s*[qQ]\s*=\s*([0-9.]+)\s*)?")


def asked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the request headers that the data plane looks at, by lower-case name; repeated ones are joined."""
    found: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        if lower in FORWARDED and _VALUE.fullmatch(value):
            found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request to the next server: the allow-listed ones, with a coding that we can pass on."""
    found = {name: value for name, value in asked(headers.items()).items() if name != "accept-encoding"}
    return found | {"accept-encoding": "gzip" if accepts_gzip(headers.get("accept-encoding")) else "identity"}


def relayed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what may be passed on of another server's answer: allow-listed, well-formed, nothing else.

    A malformed length or type is left out rather than passed on.
    """
    found: dict[str, str] = {}
    for name, value in headers.items():
        shown = RELAYED.get(name.lower())
        if shown is not None and _VALUE.fullmatch(value) and _well_formed(name.lower(), value):
            found[shown] = value
    return found


def accepts_gzip(header: str | None) -> bool:
    """Tell whether `Accept-Encoding` wants gzip (RFC 9110, section 12.5.3); without the header: no."""
    weights: dict[str, float] = {}
    for part in (header or "").split(","):
        match = _CODING.fullmatch(part)
        if match is not None:
            weights[match[1].lower()] = _weight(match[2])
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _well_formed(name: str, value: str) -> bool:
    if name == "content-length":
        return _LENGTH.fullmatch(value) is not None
    if name == "content-type":
        return _MEDIA_TYPE.fullmatch(value) is not None
    return True


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0
