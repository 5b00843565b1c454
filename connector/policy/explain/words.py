"""Values in words: dates and periods written out, numbers as people write them, names instead of IRIs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connector.policy import registry
from connector.policy.terms import shorten
from connector.policy.values import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.policy.values import Kind

_MONTHS = {
    "sv": "januari februari mars april maj juni juli augusti september oktober november december".split(),
    "en": "January February March April May June July August September October November December".split(),
}
_UNITS = {
    "sv": ("år år", "månad månader", "dag dagar", "timme timmar", "minut minuter", "sekund sekunder"),
    "en": ("year years", "month months", "day days", "hour hours", "minute minutes", "second seconds"),
}
_AND, _OR = {"sv": "och", "en": "and"}, {"sv": "eller", "en": "or"}
_TRUTHS = {
    "sv": {"true": "ja", "1": "ja", "false": "nej", "0": "nej"},
    "en": {"true": "yes", "1": "yes", "false": "no", "0": "no"},
}
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SWEDISH_TIME = ("+01:00", "+02:00")
_AFTER = re.compile(r"contractAgreement\+(\d+)([smhd])", re.ASCII)
_AFTER_UNITS = {"d": 2, "h": 3, "m": 4, "s": 5}


def value(text: str, kind: Kind, language: str) -> str:
    """Return one value of a type in words; text that does not fit the type as it stands."""
    if kind == "dateTime":
        return moment(text, language)
    if kind == "duration":
        return period(text, language)
    if kind == "number":
        return number(text, language)
    if kind == "boolean":
        return _TRUTHS[language].get(text, text)
    return name(text, language) if kind == "iri" else f"”{text}”"


def name(iri: str, language: str) -> str:
    """Return what people call the thing that an IRI names, or the IRI."""
    return registry.label(iri, language) or shorten(iri)


def listed(items: Sequence[str], language: str, *, every: bool = False) -> str:
    """Return items as people list them: with "or", or with "and" when every one is meant."""
    word = (_AND if every else _OR)[language]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"


def moment(text: str, language: str) -> str:
    """Return a date, with the time of day where it is not the beginning of a day in Sweden."""
    after = _AFTER.fullmatch(text)
    if after is not None:
        length = _count(int(after[1]), _UNITS[language][_AFTER_UNITS[after[2]]])
        return f"{length} efter att avtalet slöts" if language == "sv" else f"{length} after the agreement is made"
    match = _MOMENT.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= len(_MONTHS[language]):
        return text
    year, month, day, hour, minute, second, zone = match.groups()
    date = f"{int(day)} {_MONTHS[language][int(month) - 1]} {year}"
    clock = f"{hour or '00'}:{minute or '00'}" + (f":{second}" if second not in (None, "00") else "")
    where = f"UTC{zone}" if zone not in (None, "Z") else "UTC"
    midnight = clock == "00:00" and zone in _SWEDISH_TIME
    if language == "sv":
        return f"den {date}" if midnight else f"den {date} klockan {clock.replace(':', '.')} ({where})"
    return date if midnight else f"{date} at {clock} ({where})"


def period(text: str, language: str) -> str:
    """Return a length of time, such as "1 month and 2 days"."""
    found = re.fullmatch(
        r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text, re.ASCII
    )
    if found is None or duration(text) is None:
        return text
    parts = [
        _count(int(amount) if amount.isdigit() else amount, unit)
        for amount, unit in zip(found.groups(), _UNITS[language], strict=True)
        if amount and amount.strip("0.")
    ]
    return listed(parts or [_count(0, _UNITS[language][5])], language, every=True)


def _count(amount: int | str, unit: str) -> str:
    one, many = unit.split()
    return f"{amount} {one if amount == 1 else many}"


def number(text: str, language: str) -> str:
    """Return a decimal number with its thousands set apart."""
    match = re.fullmatch(r"([+-]?)(\d+)(\.\d+)?", text, re.ASCII)
    if match is None:
        return text
    whole = f"{int(match[2]):,}"
    if language == "en":
        return f"{match[1]}{whole}{match[3] or ''}"
    return f"{match[1]}{whole.replace(',', chr(0xA0))}{(match[3] or '').replace('.', ',')}"
