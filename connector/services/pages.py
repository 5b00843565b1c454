"""Parts of lists: what an operator gets at once, and the cursor after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from connector.services import cursors

T = TypeVar("T")
Key = Callable[[T], tuple[float, str]]


def part(rows: Sequence[T], key: Key[T], limit: int) -> tuple[list[T], str | None]:
    """Return a part of a list of which one row more than the limit was read, and the cursor of the next part.

    The key of a row is a time or zero, and an id.
    """
    return list(rows[:limit]), cursors.write(*key(rows[limit - 1])) if len(rows) > limit else None


def page(rows: Iterable[T], key: Key[T], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """Return the part after a cursor of a list that is at hand (our participants).

    Raises:
        Invalid: `cursor_invalid`.
    """
    after = cursors.read(cursor)
    return part(sorted((row for row in rows if after is None or key(row) > after), key=key), key, limit)
