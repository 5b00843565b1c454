"""The path of a data request, checked before anything is joined with it (pure).

Every spelling of "go elsewhere" is refused rather than cleaned: dot segments, empty segments, encoded slashes and
backslashes, a second layer of encoding, control characters, bytes that are not UTF-8, and letters that a lenient
server would fold into any of these. What is left means the same to every server behind us.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from connector.errors import BadMessage

MAX_CHARACTERS = 4096
MAX_SEGMENTS = 32
_SEGMENT_BYTES = 255
_RAW = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_SAFE = ":@,=!$~"


def segments(path: str) -> tuple[str, ...]:
    """Return the decoded segments of a percent-encoded path; `""` and `/` have none.

    One leading and one trailing slash are allowed and mean nothing.

    Raises:
        BadMessage: `data_path`.
    """
    if len(path) > MAX_CHARACTERS or not _RAW.fullmatch(path):
        raise BadMessage("data_path")
    inner = path.removeprefix("/").removesuffix("/")
    if not inner and path not in ("", "/"):
        raise BadMessage("data_path")
    parts = inner.split("/") if inner else []
    if len(parts) > MAX_SEGMENTS:
        raise BadMessage("data_path")
    return tuple(map(_decoded, parts))


def encoded(parts: tuple[str, ...]) -> str:
    """Return a percent-encoded path with a leading slash for each segment: the inverse of `segments`."""
    return "".join("/" + quote(part, safe=_SAFE) for part in parts)


def plain_name(name: str) -> bool:
    """Tell whether a name may stand as one segment: visible, not hidden, the same to every server."""
    return _ordinary(name) and _ordinary(name if name.isascii() else unicodedata.normalize("NFKC", name))


def _decoded(raw: str) -> str:
    try:
        part = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadMessage("data_path") from None
    if not plain_name(part) or len(part.encode()) > _SEGMENT_BYTES:
        raise BadMessage("data_path")
    return part


def _ordinary(name: str) -> bool:
    return (
        bool(name)
        and not name.startswith(".")
        and not any(character in "/\\" or unicodedata.category(character) in ("Cc", "Cs") for character in name)
        and not _ENCODED.search(name)
    )
