"""Means per period and series, in constant memory (pure).

Rows may come late by up to `OPEN_PERIODS` periods: so many are kept open, the earliest is given when one more begins. A row of
a period that was already given cannot be counted any more, so it is a fault. What is given is sorted by time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.numbers import Mean
from connector.dataplane.shape.periods import Stamp

OPEN_PERIODS: Final = 48
MOST_MEANS: Final = 200_000
"""In all open periods together: a bound on memory, some 40 MB."""
Series = tuple[str, ...]


class Row(NamedTuple):
    """What is given: a period, the series, and a mean per column (empty where there was no number)."""

    stamp: Stamp
    series: Series
    means: list[str]


class Means:
    """Gathers the rows of one stream."""

    def __init__(self) -> None:
        self._open: dict[datetime, tuple[Stamp, dict[Series, list[Mean]]]] = {}
        self._given: datetime | None = None
        self._count = 0

    def add(self, stamp: Stamp, series: Series, values: Sequence[Decimal | None], row: int) -> list[Row]:
        """Take a row; return the rows of the period that this closes, if it closes one.

        Raises:
            Unshapable: `shape_order`, `shape_series`.
        """
        if self._given is not None and stamp.start <= self._given:
            raise Unshapable("shape_order", row=row)
        _, groups = self._open.setdefault(stamp.start, (stamp, {}))
        means = groups.setdefault(series, [])
        while len(means) < len(values):
            means.append(Mean())
            self._count += 1
        if self._count > MOST_MEANS:
            raise Unshapable("shape_series", row=row)
        for mean, value in zip(means, values, strict=False):
            if value is not None:
                mean.add(value)
        return list(self._close()) if len(self._open) > OPEN_PERIODS else []

    def end(self) -> list[Row]:
        """Return the rows of the periods that are still open."""
        found: list[Row] = []
        while self._open:
            found += self._close()
        return found

    def _close(self) -> Iterator[Row]:
        """Give the rows of the earliest period, series by series."""
        self._given = min(self._open)
        stamp, groups = self._open.pop(self._given)
        for series in sorted(groups):
            self._count -= len(groups[series])
            yield Row(stamp, series, [mean.text() for mean in groups[series]])
