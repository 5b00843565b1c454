"""Conditional requests (RFC 9110, section 13), pure: header values and validators in, a status out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

PROCEED = 200
NOT_MODIFIED = 304
FAILED = 412

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"\s*(?:{_TAG}|,|\s)*")
_ONE = re.compile(_TAG)


def precondition(headers: Mapping[str, str], etag: str | None, modified: float | None) -> int:
    """Return 200 (go on), 304 or 412 for a GET or HEAD, in the order of RFC 9110, section 13.2.2.

    Args:
        headers: the request's, with lower-case names.
        etag: the current entity tag with its quotes, or nothing if there is none.
        modified: seconds since 1970, or nothing if not known.
    """
    if not _unchanged(headers, etag, modified):
        return FAILED
    none_match = headers.get("if-none-match")
    if none_match is not None:
        return NOT_MODIFIED if _matches(none_match, etag, strong=False) else PROCEED
    since = date(headers.get("if-modified-since"))
    if since is not None and modified is not None and int(modified) <= since:
        return NOT_MODIFIED
    return PROCEED


def range_applies(if_range: str | None, etag: str | None, modified: float | None, now: float) -> bool:
    """Tell whether `If-Range` lets a range through (RFC 9110, section 13.1.5): only on a strong, exact match."""
    if if_range is None:
        return True
    value = if_range.strip()
    if value.startswith(('"', "W/")):
        return etag is not None and value == etag and not value.startswith("W/")
    since = date(value)
    return since is not None and modified is not None and int(modified) == since and now - modified >= 1


def date(text: str | None) -> int | None:
    """Return an HTTP date in seconds since 1970, or nothing for anything else."""
    try:
        return int(parsedate_to_datetime(text).timestamp()) if text else None
    except (ValueError, OverflowError):
        return None


def http_date(seconds: float) -> str:
    """Return an HTTP date (RFC 9110, section 5.6.7)."""
    return formatdate(int(seconds), usegmt=True)


def _unchanged(headers: Mapping[str, str], etag: str | None, modified: float | None) -> bool:
    match = headers.get("if-match")
    if match is not None:
        return _matches(match, etag, strong=True)
    since = date(headers.get("if-unmodified-since"))
    return since is None or modified is None or int(modified) <= since


def _matches(header: str, etag: str | None, *, strong: bool) -> bool:
    if header.strip() == "*":
        return True
    if etag is None or not _TAGS.fullmatch(header):
        return False
    tags: list[str] = _ONE.findall(header)
    if strong:
        return etag in tags and not etag.startswith("W/")
    return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}
