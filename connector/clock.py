"""The one place that reads the clock. Everything else takes the time as an argument."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]

_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")


def now() -> float:
    """Return the time now in seconds since 1970-01-01 UTC."""
    return time.time()


def monotonic() -> float:
    """Return a steady count of seconds, for measuring how long something took."""
    return time.monotonic()


def iso(seconds: float) -> str:
    """Return an xsd:dateTime in UTC with milliseconds and `Z`, for example `2026-08-14T06:35:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(text: str) -> float:
    """Return the seconds since 1970 of an xsd:dateTime that states its zone.

    Raises:
        ValueError: not an xsd:dateTime, or without a zone.
    """
    if not _DATE_TIME.fullmatch(text):
        message = "not an xsd:dateTime"
        raise ValueError(message)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "a time without a zone"
        raise ValueError(message)
    return moment.timestamp()
