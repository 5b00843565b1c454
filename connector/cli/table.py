"""Text for people: tables, details, sizes, and nothing in it that could command a terminal (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CONTROLS = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_UNITS = ("B", "kB", "MB", "GB", "TB")


def plain(value: object) -> str:
    """Return a value on one line; what cannot be printed (a peer may have sent it) becomes a replacement character."""
    if value is None:
        return "-"
    text = " ".join(str(value).split()) if isinstance(value, str) else written(value, indent=None)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text) or "-"


def written(value: object, *, indent: int | None = 2) -> str:
    """Return JSON that can be shown on a terminal: control and direction characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table whose columns are as wide as what they hold."""
    cells = [list(headings), *[[plain(value) for value in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def details(fields: Mapping[str, Any]) -> list[str]:
    """Return the lines `name  value`; what has parts follows below its name, as rows or as indented JSON."""
    width = max((len(name) for name in fields), default=0)
    lines: list[str] = []
    for name, value in fields.items():
        below = _below(value)
        lines += [name, *(f"  {line}" for line in below)] if below else [f"{name.ljust(width)}  {_beside(value)}"]
    return lines


def brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a record that fit on a line each or are rows of text: not what is nested."""
    return {name: value for name, value in record.items() if not _below(value) or _rows(value)}


def _beside(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or "-"
    return plain(value)


def _below(value: object) -> list[str]:
    if _rows(value):
        return ["  ".join(map(plain, row.values())) for row in value]  # type: ignore[attr-defined]
    nested = isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value)
    )
    return written(value).splitlines() if nested else []


def _rows(value: object) -> bool:
    """Tell whether a value is a list of flat records of text."""
    flat = isinstance(value, list) and all(isinstance(item, Mapping) for item in value)
    return flat and bool(value) and all(isinstance(text, str) for item in value for text in item.values())  # type: ignore[attr-defined]


def size(count: float) -> str:
    """Return a number of bytes as people write it: `640 B`, `1.5 kB`, `2.1 GB` (units of 1000)."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:  # noqa: PLR2004 - the step between units
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
