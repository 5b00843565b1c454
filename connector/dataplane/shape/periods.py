"""Time stamps and the hour or day that each belongs to (pure).

Taken: ISO 8601 as `2026-08-14`, `2026-08-14T05:17`, `2026-08-14 05:17:09.250`, with `Z`, `+02:00` or nothing behind. The hour
and the day are those that the time stamp itself shows, in its own zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.dataplane.shape.recipe import Period

_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:([T ])(\d\d)(:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_SIGN_HOURS: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """A period: where it stands among the others, and how it is written: `date`, and `clock` (empty for a day).

    Periods are equal when they begin at the same moment, however they are written.
    """

    start: datetime
    date: str
    separator: str
    clock: str

    @property
    def text(self) -> str:
        """The beginning of the period in one column."""
        return f"{self.date}{self.separator}{self.clock}" if self.clock else self.date


class Calendar:
    """Reads the time stamps of one stream, which must all have a zone or all have none."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._zoned: bool | None = None
        self._known: tuple[str, Stamp] | None = None
        self._last: tuple[str, Stamp | None] = ("", None)

    def stamp(self, text: str) -> Stamp | None:
        """Return the period that a time stamp belongs to; nothing for a text that is none."""
        if self._last[0] != text:
            self._last = (text, self._read(text))
        return self._last[1]

    def _read(self, text: str) -> Stamp | None:
        match = _STAMP.fullmatch(text)
        if match is None:
            return None
        date, separator, hour, rest, zone = match.groups()
        if hour is not None and not self._same_zones(zone is not None):
            return None
        if hour is not None and not _valid(rest):
            return None
        if hour is None or self._period == "day":
            key, separator, clock, zone = date, "", "", None
        else:
            clock = f"{hour}:00:00{zone or ''}"
            key = f"{date}T{clock}"
        if self._known is None or self._known[0] != key:
            start = _moment(date, hour if clock else None, zone)
            if start is None:
                return None
            self._known = (key, Stamp(start, date, separator, clock))
        return self._known[1] if hour is None or int(hour) < 24 else None  # noqa: PLR2004 - hours of a day

    def _same_zones(self, zoned: bool) -> bool:  # noqa: FBT001 - what was seen
        self._zoned = zoned if self._zoned is None else self._zoned
        return self._zoned == zoned


def _valid(rest: str) -> bool:
    """Tell whether the minutes and seconds behind an hour are some."""
    return rest[1:3] < "60" and (len(rest) <= _SIGN_HOURS or rest[4:6] < "60")


def _moment(date: str, hour: str | None, zone: str | None) -> datetime | None:
    try:
        start = datetime.fromisoformat(f"{date}T{hour or '00'}:00:00")
    except ValueError:
        return None
    if zone is None or zone == "Z":
        return start
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    try:
        return start - offset if zone[0] == "+" else start + offset
    except OverflowError:
        return None
