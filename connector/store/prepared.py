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
    """An INSERT, UPDATE or DELETE of one row.

    Args:
        statement: its WHERE may hold `bindparam`s of its own.
        names: the columns that it sets.
    """

    def __init__(self, statement: Insert | Update | Delete, names: Sequence[str] = ()) -> None:
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._names = list(names)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, conn: Connection, values: Mapping[str, Any]) -> int:
        """Change the row and return how many were changed. `values` are those of the columns and of the `bindparam`s."""
        compiled = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        bound = {**compiled.fixed, **values}
        for name, convert in compiled.converts.items():
            bound[name] = convert(bound[name])
        parameters = bound if compiled.order is None else tuple([bound[name] for name in compiled.order])
        return conn.exec_driver_sql(compiled.text, parameters).rowcount

    def _compile(self, dialect: Dialect) -> _Compiled:
        made = self._statement.compile(dialect=dialect, column_keys=self._names)
        fixed = {name: bind.value for name, bind in made.binds.items() if not bind.required and bind.value is not None}
        found = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in made.binds.items()}
        converts = {name: convert for name, convert in found.items() if convert is not None}
        compiled = _Compiled(made.string, made.positiontup, fixed, converts)
        self._compiled[dialect.name] = compiled
        return compiled
