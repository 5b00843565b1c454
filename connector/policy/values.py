"""Typed values and their order: instants, durations, numbers, IRIs, text.

Sources: XML Schema 1.1 Part 2 (dateTime, date, duration and their partial orders), ODRL Information Model 2.2, Right
Operand. A value that does not fit the type asked for is `None`, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from connector.policy.terms import PREFIXES, XSD, absolute, expand, words

Kind = Literal["dateTime", "duration", "number", "boolean", "iri", "string"]
Prefixes = Mapping[str, str]
Typed = float | Decimal | bool | str | tuple[int, Decimal]

IRI = "@id"
_NUMERIC = frozenset(
    XSD + name
    for name in words(
        "decimal integer double float int long short byte nonNegativeInteger positiveInteger nonPositiveInteger "
        "negativeInteger unsignedInt unsignedLong unsignedShort unsignedByte"
    )
)
_FITS: dict[Kind, frozenset[str]] = {
    "dateTime": frozenset({XSD + "dateTime", XSD + "date", XSD + "dateTimeStamp"}),
    "duration": frozenset({XSD + "duration", XSD + "dayTimeDuration", XSD + "yearMonthDuration"}),
    "number": _NUMERIC,
    "boolean": frozenset({XSD + "boolean"}),
    "iri": frozenset({IRI, XSD + "anyURI"}),
    "string": frozenset({XSD + "token", XSD + "normalizedString", XSD + "language"}),
}
_DATE = r"(\d{4})-(\d\d)-(\d\d)"
_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_DATE_TIME = re.compile(rf"{_DATE}T(\d\d):(\d\d)(?::(\d\d)(\.\d{{1,12}})?)?{_ZONE}", re.ASCII)
_DATE_ONLY = re.compile(rf"{_DATE}{_ZONE}", re.ASCII)
_DURATION = re.compile(
    r"(-)?P(?=[\dT])(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?"
    r"(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_OFFSET_MINUTES = 14 * 60
_LAST_HOUR = 24
# The four months at which XML Schema compares durations (Part 2, 3.3.6.2), counted from year 0.
_REFERENCE_MONTHS = (1696 * 12 + 8, 1697 * 12 + 1, 1903 * 12 + 2, 1903 * 12 + 6)


@dataclass(frozen=True, slots=True)
class Value:
    """One value as a document states it: its text, and its datatype (`""` untyped, `@id` an IRI, else a full IRI)."""

    text: str
    datatype: str = ""


def read_value(item: Any, prefixes: Prefixes = PREFIXES) -> Value | None:
    """Return one JSON value as a Value: text, number, boolean, `{"@value"}` or `{"@id"}`; `None` for anything else."""
    if isinstance(item, str):
        return Value(item)
    if isinstance(item, bool):
        return Value("true" if item else "false", XSD + "boolean")
    if isinstance(item, (int, float)):
        return _number(item)
    if isinstance(item, dict):
        return _object(item, prefixes)
    return None


def _number(item: float) -> Value | None:
    if isinstance(item, int):
        return Value(str(item), XSD + "integer") if item.bit_length() <= 199 else None  # noqa: PLR2004 - 60 digits
    return Value(repr(item), XSD + "double")


def _object(item: dict[str, Any], prefixes: Prefixes) -> Value | None:
    names = item.keys() - {"@type", "@language"}
    identity = item.get("@id", item.get("uid"))
    if names in ({"@id"}, {"uid"}) and isinstance(identity, str):
        return Value(expand(identity, prefixes), IRI)
    inner = item.get("@value")
    if names != {"@value"} or "@language" in item or isinstance(inner, (dict, list)):
        return None
    value, datatype = read_value(inner), item.get("@type")
    if value is None or datatype is None:
        return value
    return Value(value.text, expand(datatype, prefixes)) if isinstance(datatype, str) else None


def fits(value: Value, kind: Kind) -> bool:
    """Tell whether a value's datatype is one of a kind; untyped text fits any."""
    return value.datatype in ("", XSD + "string") or value.datatype in _FITS[kind]


def kind_of(datatype: str) -> Kind | None:
    """Return the kind that a datatype belongs to; text for none, `None` for one that we do not know."""
    if datatype in ("", XSD + "string"):
        return "string"
    return next((kind for kind, datatypes in _FITS.items() if datatype in datatypes), None)


def typed(value: Value, kind: Kind) -> Typed | None:
    """Return a value as the kind that an operand declares; `None` when it does not fit."""
    if not fits(value, kind):
        return None
    if kind == "iri":
        return identity(expand(value.text)) if value.text else None
    if kind == "string":
        return value.text
    if kind == "dateTime":
        return instant(value.text)
    if kind == "duration":
        return duration(value.text)
    if kind == "number":
        return Decimal(value.text) if _NUMBER.fullmatch(value.text) else None
    return {"true": True, "1": True, "false": False, "0": False}.get(value.text)


def all_typed(values: Sequence[Value | None], kind: Kind) -> tuple[Typed, ...] | None:
    """Return several values as one kind; `None` when any does not fit."""
    found = [None if value is None else typed(value, kind) for value in values]
    return None if None in found else tuple(value for value in found if value is not None)


def identity(iri: str) -> str:
    """Return an IRI as it is compared: the host of a `did:web` without regard to case (DID Method Web, DNS names)."""
    if not iri.startswith("did:web:"):
        return iri
    host, colon, path = iri.removeprefix("did:web:").partition(":")
    return f"did:web:{host.lower().replace('%3a', '%3A')}{colon}{path}"


def instant(text: str) -> float | None:
    """Return the seconds since 1970 of an xsd:dateTime or xsd:date.

    A date is the start of its day; without a zone both are UTC (a rule of this engine, named by the linter). Seconds
    may be missing, as in the examples of DSP.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        return _epoch((year, month, day), (hour, minute, second or "0"), fraction or "", zone)
    match = _DATE_ONLY.fullmatch(text)
    if match is not None:
        year, month, day, zone = match.groups()
        return _epoch((year, month, day), ("0", "0", "0"), "", zone)
    return None


def _epoch(date: tuple[str, str, str], time: tuple[str, str, str], fraction: str, zone: str | None) -> float | None:
    year, month, day = map(int, date)
    hour, minute, second = map(int, time)
    midnight = hour == _LAST_HOUR and not minute and not second and not fraction.strip(".0")
    offset = _offset(zone)
    if offset is None:
        return None
    try:
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    days = 86400.0 if midnight else 0.0
    return moment.timestamp() + days + float(fraction or 0) - offset * 60


def _offset(zone: str | None) -> int | None:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    if minutes > _OFFSET_MINUTES or int(zone[4:]) > 59:  # noqa: PLR2004 - minutes of an hour
        return None
    return -minutes if zone[0] == "-" else minutes


def duration(text: str) -> tuple[int, Decimal] | None:
    """Return an xsd:duration as months and seconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    sign = -1 if match[1] else 1
    years, months, days, hours, minutes = (int(part or 0) for part in match.groups()[1:6])
    seconds = Decimal(match[7] or 0) + minutes * 60 + hours * 3600 + days * 86400
    return sign * (years * 12 + months), sign * seconds


def absolute_pair(one: str, other: str) -> bool | None:
    """Return `False` for two different absolute IRIs, and `None` when either is a bare name that may mean anything."""
    return False if absolute(one) and absolute(other) else None


def order(one: Typed, other: Typed) -> int | None:
    """Return -1, 0 or 1 as one value is less than, equal to or greater than another of its kind.

    `None` for durations that only a calendar could compare, such as P1M and P30D.
    """
    if isinstance(one, tuple) and isinstance(other, tuple):
        return _duration_order(one, other)
    return (one > other) - (one < other)  # type: ignore[operator]


def _duration_order(one: tuple[int, Decimal], other: tuple[int, Decimal]) -> int | None:
    if one[0] == other[0]:
        return (one[1] > other[1]) - (one[1] < other[1])
    signs = {_sign(_since(start, one) - _since(start, other)) for start in _REFERENCE_MONTHS}
    return signs.pop() if len(signs) == 1 else None


def _since(start: int, length: tuple[int, Decimal]) -> Decimal:
    return _first_day(start + length[0]) * 86400 + length[1]


def _first_day(month: int) -> Decimal:
    """Return the number of the first day of a month counted from year 0, in the proleptic Gregorian calendar."""
    year, index = divmod(month, 12)
    year -= index < 2  # noqa: PLR2004 - a year that begins in March has its leap day last
    days = 365 * year + year // 4 - year // 100 + year // 400
    return Decimal(days + (153 * ((index + 10) % 12) + 2) // 5)


def _sign(number: Decimal) -> int:
    return (number > 0) - (number < 0)


def after(start: float, length: tuple[int, Decimal]) -> float | None:
    """Return the instant that lies a duration after another, months by the calendar in UTC.

    `None` when it is beyond the calendar (years 1 to 9999).
    """
    try:
        moment = datetime.fromtimestamp(start, UTC)
        year, month = divmod(moment.year * 12 + moment.month - 1 + length[0], 12)
        first = datetime(year, month + 1, 1, tzinfo=UTC)
        following = datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC)
        day = min(moment.day, (following - first).days)
        return moment.replace(year=year, month=month + 1, day=day).timestamp() + float(length[1])
    except (ValueError, OverflowError, OSError):
        return None
