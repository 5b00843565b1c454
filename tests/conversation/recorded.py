"""The messages that two Eclipse EDC 0.14.0 connectors sent each other (`tests/data/edc-wire`), with other identifiers in them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

_FOLDER: Final = Path(__file__).parents[1] / "data" / "edc-wire"


@cache
def _text(number: int) -> str:
    return next(_FOLDER.glob(f"{number:02}-*.json")).read_text()


def numbers() -> list[int]:
    """Return the numbers of all records."""
    return sorted(int(path.name[:2]) for path in _FOLDER.glob("*.json"))


def record(number: int, changes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a record, every text in it that `changes` names replaced."""
    text = _text(number)
    for old, new in (changes or {}).items():
        text = text.replace(old, new)
    found: dict[str, Any] = orjson.loads(text)
    return found
