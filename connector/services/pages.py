"""Pages of lists that are short enough to be read whole: everything but datasets, contracts, transfers and the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from connector.services import cursors

T = TypeVar("T")


def page(
    rows: Iterable[T], key: Callable[[T], tuple[float, str]], cursor: str | None, limit: int
) -> tuple[list[T], str | None]:
    """Return the rows after a cursor, by their key (a time or zero, an id), and the cursor of the next page.

    Raises:
        Invalid: `cursor_invalid`.
    """
    after = cursors.read(cursor)
    left = sorted((row for row in rows if after is None or key(row) > after), key=key)
    return left[:limit], cursors.write(*key(left[limit - 1])) if len(left) > limit else None
