"""Changes of rows that every message needs: statements of Core, compiled once for each kind of database.

Core binds and wraps a statement anew each time, which costs about as much as SQLite needs to run it; what is compiled here goes
to the driver as it is, by the same connection, with the same errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Update

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The text for one kind of database; `order` is None where parameters are named."""

    text: str
    order: Sequence[str] | None
    fixed: Mapping[str, Any]
    converts: Mapping[str, Convert]


class Change:
    """An INSERT, UPDATE or DELETE of one row; its WHERE may hold `bindparam`s of its own, which begin with `of_`."""

    def __init__(self, statement: Insert | Update | Delete) -> None:
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def run(self, conn: Connection, values: Mapping[str, Any]) -> int:
        """Change the row and return how many were changed. `values` are those of columns and of the `bindparam`s."""
        dialect = conn.dialect
        key = (dialect.name, *values)
        compiled = self._compiled.get(key)
        if compiled is None:
            columns = [name for name in values if not name.startswith("of_")]
            compiled = self._compiled[key] = _compile(self._statement, dialect, columns)
        bound = {**compiled.fixed, **values}
        for name, convert in compiled.converts.items():
            bound[name] = convert(bound[name])
        parameters = bound if compiled.order is None else tuple([bound[name] for name in compiled.order])
        return conn.exec_driver_sql(compiled.text, parameters).rowcount


def _compile(statement: Insert | Update | Delete, dialect: Dialect, columns: list[str]) -> _Compiled:
    made = statement.compile(dialect=dialect, column_keys=columns)
    fixed = {name: bind.value for name, bind in made.binds.items() if not bind.required and bind.value is not None}
    found = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in made.binds.items()}
    converts = {name: convert for name, convert in found.items() if convert is not None}
    return _Compiled(made.string, made.positiontup, fixed, converts)
