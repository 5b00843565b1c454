"""Parts of a long list: the rows after a cursor, by an order that an index has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select


def keyset(
    wanted: Select[Any], order: tuple[ColumnElement[Any], ...], after: tuple[Any, ...] | None, limit: int
) -> Select[Any]:
    """Return the first rows of a statement by one or two columns, after their values in the last row that was seen."""
    ordered = wanted.order_by(*order).limit(limit)
    if after is None:
        return ordered
    first, *rest = order
    if not rest:
        return ordered.where(first > after[0])
    # The first condition is implied by the second; by it an index is entered at the right place.
    return ordered.where(first >= after[0], (first > after[0]) | (rest[0] > after[1]))
