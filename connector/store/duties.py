"""The ledger of duties: one row per duty of an agreement, with its due time, its state and the evidence of its fulfilment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, tuple_, update

from connector.store.ledgertable import Duty as DutyRow
from connector.store.tables import columns, table

_duties = table(DutyRow)
NOT_SET: Final = "not-set"
FULFILLED: Final = "fulfilled"
VIOLATED: Final = "violated"
PENDING, TOLD, REFUSED = "pending", "told", "refused"
_of_contract = select(_duties).where(_duties.c.contract == bindparam("of_contract")).order_by(_duties.c.duty)


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty of an agreement; see the table.

    Attributes:
        trigger: the IRI of what it waits for; `since` is when that happened, `due` until when it has to be done.
        evidence: the SHA-256 of the evidence, in hex.
        at: when it was fulfilled, as the party says that did it.
    """

    id: str
    participant: str
    contract: str
    peer: str
    duty: str
    kind: str
    action: str
    obliged: str
    trigger: str
    created: float
    state: str = NOT_SET
    since: float | None = None
    due: float | None = None
    evidence: str | None = None
    evidence_bytes: int | None = None
    note: str | None = None
    by: str | None = None
    at: float | None = None
    told: str | None = None
    tell_at: float | None = None
    attempts: int = 0


class Duties:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, duty: Duty) -> None:
        """Insert a duty."""
        self._conn.execute(insert(_duties), columns(duty))

    def get(self, participant: str, duty: str) -> Duty | None:
        """Return a duty of a participant by its id."""
        wanted = select(_duties).where(_duties.c.id == duty, _duties.c.participant == participant)
        row = self._conn.execute(wanted).first()
        return Duty(**row._asdict()) if row else None

    def of_contract(self, contract: str) -> Sequence[Duty]:
        """Return the duties of a contract."""
        return [Duty(**row._asdict()) for row in self._conn.execute(_of_contract, {"of_contract": contract})]

    def page(
        self, participant: str, contract: str | None, after: tuple[float, str] | None, limit: int
    ) -> Sequence[Duty]:
        """Return a participant's duties, of one contract where it is named, the first made first."""
        wanted = select(_duties).where(_duties.c.participant == participant)
        if contract is not None:
            wanted = wanted.where(_duties.c.contract == contract)
        if after is not None:
            wanted = wanted.where(tuple_(_duties.c.created, _duties.c.id) > tuple_(*after))
        found = self._conn.execute(wanted.order_by(_duties.c.created, _duties.c.id).limit(limit))
        return [Duty(**row._asdict()) for row in found]

    def late(self, participant: str) -> Sequence[Duty]:
        """Return the duties of a participant's contracts that were not done in time and still are not."""
        wanted = select(_duties).where(_duties.c.participant == participant, _duties.c.state == VIOLATED)
        return [Duty(**row._asdict()) for row in self._conn.execute(wanted)]

    def overdue(self, now: float) -> Sequence[Duty]:
        """Return the duties that are not fulfilled, not marked yet, and were due before now."""
        wanted = select(_duties).where(_duties.c.state == NOT_SET, _duties.c.due < now)
        return [Duty(**row._asdict()) for row in self._conn.execute(wanted)]

    def next_due(self) -> float | None:
        """Return when the next duty that is not fulfilled is due."""
        wanted = select(func.min(_duties.c.due)).where(_duties.c.state == NOT_SET)
        return self._conn.execute(wanted).scalar()

    def untold(self, now: float) -> Sequence[Duty]:
        """Return the fulfilments of which the other party has to be told by now."""
        wanted = select(_duties).where(_duties.c.tell_at <= now)
        return [Duty(**row._asdict()) for row in self._conn.execute(wanted)]

    def next_telling(self) -> float | None:
        """Return when the next fulfilment is to be told."""
        return self._conn.execute(select(func.min(_duties.c.tell_at))).scalar()

    def change(self, duty: str, **values: Any) -> None:
        """Change a duty."""
        self._conn.execute(update(_duties).where(_duties.c.id == duty).values(**values))
