"""What the owner declares of a dataset's columns, so that nothing about them has to be guessed (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.errors import Invalid

DELIMITERS: Final = (",", ";", "\t", "|")
MOST_COLUMNS: Final = 200
_MOST_TIMES: Final = 2
_NAME_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Declaration:
    """Columns of a table, or members of the objects of a JSON list.

    Attributes:
        time: the column of the time stamp, or one of the date and one of the time of day.
        keys: columns that tell series apart, such as the sensor; means are made per series.
        values: the columns whose mean is given; where none is named, all that are neither time nor key.
        delimiter, decimal: of a CSV file; where they are not declared, `tables` says how they are found.
    """

    time: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that is declared; each must be there."""
        return (*self.time, *self.keys, *self.values)


def declaration(spec: Mapping[str, Any]) -> Declaration:
    """Return the declaration in a source's spec (member `shape`), or an empty one.

    Raises:
        Invalid: `shape_declared`, with the member in `field`.
    """
    given = spec.get("shape", {})
    if not isinstance(given, Mapping):
        raise Invalid("shape_declared", field="shape", member="shape")
    for name in given:
        if name not in ("time", "keys", "values", "delimiter", "decimal"):
            raise Invalid("shape_declared", field=f"shape/{name}"[:64], member=str(name)[:64])
    found = Declaration(
        time=_names(given, "time"),
        keys=_names(given, "keys"),
        values=_names(given, "values"),
        delimiter=_one(given, "delimiter", DELIMITERS),
        decimal=_one(given, "decimal", (",", ".")),
    )
    if len(found.time) > _MOST_TIMES:
        raise Invalid("shape_declared", field="shape/time", member="time")
    if len(set(found.named)) != len(found.named):
        raise Invalid("shape_column_twice", field="shape")
    if found.delimiter is not None and found.delimiter == found.decimal:
        raise Invalid("shape_declared", field="shape/decimal", member="decimal")
    return found


def written(found: Declaration) -> dict[str, Any]:
    """Return a declaration as the member `shape` of a spec, without what is not declared."""
    whole: dict[str, Any] = {
        "time": list(found.time), "keys": list(found.keys), "values": list(found.values),
        "delimiter": found.delimiter, "decimal": found.decimal,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value}


def _names(given: Mapping[str, Any], member: str) -> tuple[str, ...]:
    value = given.get(member, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > MOST_COLUMNS or not all(map(_name, listed)):
        raise Invalid("shape_declared", field=f"shape/{member}", member=member)
    return tuple(name.strip() for name in listed)


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= _NAME_CHARACTERS and value.isprintable()


def _one(given: Mapping[str, Any], member: str, known: tuple[str, ...]) -> str | None:
    value = given.get(member)
    if value in ("tab", "\\t"):
        value = "\t"
    if value is not None and value not in known:
        raise Invalid("shape_declared", field=f"shape/{member}", member=member)
    return value if isinstance(value, str) else None
