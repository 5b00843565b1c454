"""The real tables on SQLite, for the seeds that run on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from connector.evidence.chain import Record
from connector.store import engine, journal
from connector.store.unit import Unit
from tests.simulation.memory import Link


class Sqlite:
    """A database file of the real store, one unit per transaction; emptied for each seed."""

    def __init__(self, path: Path) -> None:
        self._engine = engine.create(f"sqlite:///{path}", durable=False)
        SQLModel.metadata.create_all(self._engine)
        self._conn = self._engine.connect()

    def empty(self) -> None:
        self._conn.exec_driver_sql("BEGIN IMMEDIATE")
        for name in SQLModel.metadata.sorted_tables:
            self._conn.execute(name.delete())
        self._conn.exec_driver_sql("COMMIT")

    def pids(self) -> list[str]:
        return [row.pid for row in self._conn.exec_driver_sql("SELECT pid FROM exchange ORDER BY rowid")]

    def chain(self) -> list[Link]:
        joined = "SELECT j.number, j.at, kind, subject, payload_digest, hash, salt, payload FROM journal j"
        rows = self._conn.exec_driver_sql(f"{joined} JOIN journalpayload USING (participant, number) ORDER BY j.number")
        return [(Record(*row[:6]), (row[6], row[7])) for row in rows]

    def received(self) -> int:
        return self._conn.exec_driver_sql("SELECT count(*) FROM message WHERE direction = 'in'").scalar() or 0

    def run(self, work: Callable[[Any], Any], now: float, *, commit: bool = True) -> tuple[Any, Unit]:
        unit = Unit(self._conn, now)
        self._conn.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            result = work(unit)
            journal.append(self._conn, unit.records)
        except BaseException:
            self._conn.exec_driver_sql("ROLLBACK")
            raise
        self._conn.exec_driver_sql("COMMIT" if commit else "ROLLBACK")
        return result, unit

    def close(self) -> None:
        self._conn.close()
        self._engine.dispose()
