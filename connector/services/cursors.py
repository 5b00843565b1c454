"""Opaque cursors for operators' lists: a time and an id."""

from __future__ import annotations

import base64
import binascii
import math

from connector.errors import Invalid

_MOST = 1024
_MOST_MOMENT = 2**53  # larger ones are no time, nor exact
MOST_POSITION = 2**31 - 1
"""The largest number that a row can have: PostgreSQL refuses to look for a larger one."""


def write(moment: float, name: str) -> str:
    """Return the cursor after (time, id)."""
    return base64.urlsafe_b64encode(f"{moment!r}|{name}".encode()).decode().rstrip("=")


def read(cursor: str | None) -> tuple[float, str] | None:
    """Return the (time, id) of a cursor. Raises Invalid `cursor_invalid`."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor[:_MOST].encode() + b"=" * (-len(cursor) % 4)).decode()
        moment, bar, name = text.partition("|")
        found = (float(moment), name)
    except (binascii.Error, UnicodeError, ValueError):
        raise Invalid("cursor_invalid", field="cursor") from None
    if not bar or not math.isfinite(found[0]) or abs(found[0]) > _MOST_MOMENT or not name.isprintable():
        raise Invalid("cursor_invalid", field="cursor")
    return found


def name(cursor: str | None) -> str | None:
    """Return the id that a cursor stands after, in a list by id. Raises Invalid `cursor_invalid`."""
    found = read(cursor)
    return None if found is None else found[1]


def position(cursor: str | None) -> int:
    """Return the number of the row that a cursor stands after, 0 without one. Raises Invalid `cursor_invalid`."""
    found = read(cursor)
    if found is None:
        return 0
    if not 0 <= found[0] <= MOST_POSITION:
        raise Invalid("cursor_invalid", field="cursor")
    return int(found[0])
