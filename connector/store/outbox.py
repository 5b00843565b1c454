"""The outbox: our pending moves, until the peer has acknowledged them or another message has settled them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from connector.store.prepared import Change
from connector.store.tables import Exchange, Outbox, columns, table

_outbox, _exchanges = table(Outbox), table(Exchange)

# What every move needs is made once: making a statement costs several times more than running it.
_by_id = _outbox.c.id == bindparam("of_id")
_select, _delete = select(_outbox).where(_by_id), Change(delete(_outbox).where(_by_id))
_insert = Change(insert(_outbox))
_update = Change(update(_outbox).where(_by_id))
_lock_process = (
    select(_exchanges.c.pid)
    .where(_exchanges.c.pid == select(_outbox.c.process).where(_by_id).scalar_subquery())
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A pending move, ready to go.

    Attributes:
        body: the message as JSON text; a grant's token is put in as it leaves.
        attempts: how often it may have left (counted before the first byte does).
        next_attempt: when it goes next.
        lease: until when the process that holds it has it alone (PostgreSQL with several processes).
    """

    id: str
    process: str
    participant: str
    peer: str
    seq: int
    move: str
    target: str
    body: str
    next_attempt: float
    grant: str | None = None
    generation: int | None = None
    attempts: int = 0
    first_attempt: float | None = None
    lease: float | None = None
    last_error: str | None = None


class Outboxes:
    """The aggregate. A row that is gone is settled."""

    def __init__(self, conn: Connection, *, lock: bool = True) -> None:
        self._conn = conn
        self._lock = lock and conn.dialect.name == "postgresql"

    def add(self, parcel: Parcel) -> None:
        """Insert a pending move; a second one for the same process is refused by the database."""
        _insert.run(self._conn, columns(parcel))

    def get(self, message_id: str) -> Parcel | None:
        """Return a move that is still pending, with its process locked for this transaction."""
        if self._lock:
            # The process first, as everyone does: a lock on the move alone would invite deadlocks.
            self._conn.execute(_lock_process, {"of_id": message_id})
        row = self._conn.execute(_select, {"of_id": message_id}).first()
        return _parcel(row) if row else None

    def settle(self, message_id: str) -> None:
        """Remove a move that was acknowledged, dropped or given up."""
        _delete.run(self._conn, {"of_id": message_id})

    def change(self, message_id: str, **values: Any) -> None:
        """Change attempts, times, lease or error of a pending move."""
        _update.run(self._conn, {"of_id": message_id, **values})

    def all(self, now: float | None = None) -> Sequence[Parcel]:
        """Return every pending move, or (with `now`) those whose lease has run out, skipping what others hold."""
        wanted = select(_outbox).order_by(_outbox.c.next_attempt)
        if now is not None:
            free = _outbox.c.lease.is_(None) | (_outbox.c.lease < now)
            wanted = wanted.where(free).limit(500).with_for_update(skip_locked=True)
        return [_parcel(row) for row in self._conn.execute(wanted)]

    def for_peer(self, participant: str, peer: str, now: float) -> Sequence[str]:
        """Return the ids of moves that wait for a retry to a peer."""
        wanted = select(_outbox.c.id).where(
            _outbox.c.participant == participant,
            _outbox.c.peer == peer,
            _outbox.c.attempts > 0,
            _outbox.c.next_attempt > now,
        )
        return [row.id for row in self._conn.execute(wanted)]

    def depth(self) -> int:
        """Return how many moves are pending (for the metrics)."""
        return self._conn.execute(select(func.count()).select_from(_outbox)).scalar_one()


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(**row._asdict())
