"""The calendar periods in which requests and bytes are counted.

A day begins at midnight and a month on its first day where people live by the policy: in Sweden, unless the policy names
another time zone (`NS timeZone`, a name of the IANA time zone database).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.policy.compare import SWEDEN, TIME_ZONE

LONGEST_SECONDS: Final = 32 * 86400.0
_HOUR_SECONDS: Final = 3600.0
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to before `end`, in seconds since 1970; the whole of time is 0 and None."""

    start: float
    end: float | None


ALWAYS: Final = Period(0.0, None)


def zone_of(document: Mapping[str, Any]) -> tzinfo | None:
    """Return the time zone that a policy counts by; None when it names one that does not exist."""
    name = document.get(TIME_ZONE, SWEDEN)
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (KeyError, ValueError, OSError):
        return None


def period(operand: str, now: float, zone: tzinfo) -> Period:
    """Return the period around an instant that a left operand counts in, by the last part of its name."""
    if operand.endswith("PerHour"):
        start = now - _past_the_hour(now, zone)
        return Period(start, start + _HOUR_SECONDS)
    if not operand.endswith(("PerDay", "PerMonth")):
        return ALWAYS
    day = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if operand.endswith("PerDay"):
        # The day after by the calendar: a day in which the clocks are changed has 23 or 25 hours.
        return Period(day.timestamp(), (day + timedelta(days=1)).timestamp())
    first = day.replace(day=1)
    following = first.replace(year=first.year + first.month // _MONTHS, month=first.month % _MONTHS + 1)
    return Period(first.timestamp(), following.timestamp())


def _past_the_hour(now: float, zone: tzinfo) -> float:
    local = datetime.fromtimestamp(now, zone)
    return local.minute * 60 + local.second + local.microsecond / 1e6
