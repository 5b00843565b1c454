"""What was spent of quotas: one row per contract, left operand and period.

Adding is one statement, so several processes on one database never lose a unit: PostgreSQL holds the row until the
transaction ends, SQLite has one writer at a time. Whoever finds the new total too high raises, which takes the addition back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, text

from connector.store.tables import Counter, table

_counters = table(Counter)
_add: Final = text(
    "INSERT INTO counter (contract, operand, start, used) VALUES (:contract, :operand, :start, :amount)"
    " ON CONFLICT (contract, operand, start) DO UPDATE SET used = counter.used + excluded.used RETURNING used"
)
_of_contract = select(_counters.c.operand, _counters.c.start, _counters.c.used).where(
    _counters.c.contract == bindparam("of_contract")
)


class Counters:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, contract: str, operand: str, start: float, amount: int) -> int:
        """Add to what was spent in the period that began at `start` and return the new total; less than 0 gives back."""
        named = {"contract": contract, "operand": operand, "start": start, "amount": amount}
        return int(self._conn.execute(_add, named).scalar_one())

    def of_contract(self, contract: str) -> Mapping[tuple[str, float], int]:
        """Return what was spent under a contract, by (operand, start of the period)."""
        rows = self._conn.execute(_of_contract, {"of_contract": contract})
        return {(row.operand, row.start): row.used for row in rows}

    def forget(self, before: float) -> None:
        """Remove the counters of periods that began before a time; those without a period stay."""
        self._conn.execute(delete(_counters).where(_counters.c.start > 0, _counters.c.start < before))
