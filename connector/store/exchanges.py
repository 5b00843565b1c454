"""Negotiations and transfers: one way to load a process, by (participant, our pid, peer)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, insert, or_, select, update

from connector.errors import ConnectorError
from connector.protocol.machine import Pending, Process
from connector.protocol.machine import Table as States
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from connector.store.prepared import Change
from connector.store.tables import OPEN, Outbox, table
from connector.store.tables import Exchange as ExchangeRow

STATES: dict[str, States] = {"negotiation": NEGOTIATION, "transfer": TRANSFER}
_exchanges, _outbox = table(ExchangeRow), table(Outbox)
_pending = (
    _outbox.c.id.label("pending_id"),
    _outbox.c.seq.label("pending_seq"),
    _outbox.c.move.label("pending_move"),
    _outbox.c.target.label("pending_target"),
    _outbox.c.attempts.label("pending_attempts"),
    _outbox.c.next_attempt.label("pending_next"),
    _outbox.c.last_error.label("pending_error"),
)
_joined = select(_exchanges, *_pending).select_from(
    _exchanges.outerjoin(_outbox, _outbox.c.process == _exchanges.c.pid)
)


def _one(*conditions: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """Return the statement that locks a process and the one that reads it.

    They are two because PostgreSQL, having waited for a lock, sees the locked row as it is now but joins it with the outbox as
    it was before.
    """
    return select(_exchanges.c.pid).where(*conditions).with_for_update(), _joined.where(*conditions)


# What every message needs is made once: making a statement costs several times more than running it.
_ours = (_exchanges.c.pid == bindparam("of_pid"), _exchanges.c.participant == bindparam("of_participant"))
_with_peer = (*_ours, _exchanges.c.peer == bindparam("of_peer"))
_theirs = (
    _exchanges.c.participant == bindparam("of_participant"),
    _exchanges.c.peer == bindparam("of_peer"),
    _exchanges.c.protocol == bindparam("of_protocol"),
    _exchanges.c.role == bindparam("of_role"),
    _exchanges.c.peer_pid == bindparam("of_peer_pid"),
)
_OURS, _WITH_PEER, _THEIRS = _one(*_ours), _one(*_with_peer), _one(*_theirs)
_not_ended = and_(*(_exchanges.c.state != state for state in sorted({*NEGOTIATION.terminal, *TRANSFER.terminal})))
_open = select(_exchanges.c.pid).where(
    _exchanges.c.participant == bindparam("of_participant"),
    _exchanges.c.peer == bindparam("of_peer"),
    _exchanges.c.protocol == bindparam("of_protocol"),
    OPEN,
)
_open_count = select(func.count()).select_from(_open.limit(1000).subquery())
_insert = Change(insert(_exchanges))
_update = Change(
    update(_exchanges).where(
        _exchanges.c.pid == bindparam("of_pid"),
        or_(_exchanges.c.state.is_(None), _not_ended, _exchanges.c.state == bindparam("of_state")),
    )
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A negotiation or transfer as stored.

    Attributes:
        peer_pid: the peer's pid, None until it is known.
        base: where the peer's messages go (its callback address or its DSP base).
        turn: what turn-taking needs.
        heard: the `@id` of the peer's last applied message; "" when none, None when it had none.
        waits: `person` when an operator has to decide, else None.
        reasons: why it ended or stalled, as texts.
        check_at: when to ask the peer for its state, if it stays silent.
        attempts, next_attempt, last_error: of the pending move.
    """

    pid: str
    participant: str
    peer: str
    peer_pid: str | None
    base: str
    turn: Process
    heard: str | None = ""
    waits: str | None = None
    reasons: tuple[str, ...] = ()
    check_at: float | None = None
    created: float = 0.0
    updated: float = 0.0
    attempts: int = 0
    next_attempt: float | None = None
    last_error: str | None = None

    @property
    def protocol(self) -> str:
        """`negotiation` or `transfer`."""
        return self.turn.table.name

    @property
    def provider_pid(self) -> str | None:
        """The provider's pid."""
        return self.pid if self.turn.role == "provider" else self.peer_pid

    @property
    def consumer_pid(self) -> str | None:
        """The consumer's pid."""
        return self.pid if self.turn.role == "consumer" else self.peer_pid


class Exchanges:
    """The aggregate; a changed exchange is written whole. Pending moves are the outbox's.

    Args:
        conn: the connection.
        lock: whether a loaded process is locked until the end of the transaction (PostgreSQL); units that only read do without.
    """

    def __init__(self, conn: Connection, *, lock: bool = True) -> None:
        self._conn = conn
        self._lock = lock and conn.dialect.name == "postgresql"

    def load(self, participant: str, pid: str, peer: str | None = None) -> Exchange | None:
        """Return the process of a participant, and of that peer where one is given; it is locked for this transaction."""
        named = {"of_pid": pid, "of_participant": participant}
        if peer is None:
            return self._load(_OURS, named)
        return self._load(_WITH_PEER, named | {"of_peer": peer})

    def of_peer(self, participant: str, peer: str, protocol: str, role: str, peer_pid: str) -> Exchange | None:
        """Return the process that a peer knows by its own pid (first messages repeat by it)."""
        named = {"of_participant": participant, "of_peer": peer, "of_protocol": protocol}
        return self._load(_THEIRS, named | {"of_role": role, "of_peer_pid": peer_pid})

    def _load(self, one: tuple[Select[Any], Select[Any]], named: dict[str, str]) -> Exchange | None:
        lock, read = one
        if self._lock:
            self._conn.execute(lock, named)
        row = self._conn.execute(read, named).first()
        return _exchange(row) if row else None

    def add(self, exchange: Exchange) -> None:
        """Insert a new process."""
        _insert.run(self._conn, _row(exchange) | _identity(exchange))

    def save(self, exchange: Exchange, now: float) -> Exchange:
        """Write a changed process and return it as stored.

        Raises:
            ConnectorError: `process_final`, it has ended in another state, which nothing may change.
        """
        exchange = replace(exchange, updated=now)
        named = {"of_pid": exchange.pid, "of_state": exchange.turn.state}
        if _update.run(self._conn, _row(exchange) | named) != 1:
            raise ConnectorError("process_final", pid=exchange.pid, state=exchange.turn.state)
        return exchange

    def open_count(self, participant: str, peer: str, protocol: str) -> int:
        """Return how many processes with a peer have not ended (capped at 1,000)."""
        named = {"of_participant": participant, "of_peer": peer, "of_protocol": protocol}
        return self._conn.execute(_open_count, named).scalar_one()

    def page(
        self, participant: str, protocol: str, *, before: tuple[float, str] | None = None, limit: int = 50,
        peer: str | None = None,
    ) -> list[Exchange]:  # fmt: skip
        """Return processes, newest first, older than the cursor (created, pid)."""
        wanted = (
            _joined.where(_exchanges.c.participant == participant, _exchanges.c.protocol == protocol)
            .order_by(_exchanges.c.created.desc(), _exchanges.c.pid.desc())
            .limit(limit)
        )
        if peer is not None:
            wanted = wanted.where(_exchanges.c.peer == peer)
        if before is not None:
            created, pid = before
            older = (_exchanges.c.created < created) | ((_exchanges.c.created == created) & (_exchanges.c.pid < pid))
            wanted = wanted.where(older)
        return [_exchange(row) for row in self._conn.execute(wanted)]

    def due(self, now: float, limit: int = 100) -> list[Exchange]:
        """Return processes whose peer has been silent too long."""
        wanted = _joined.where(_exchanges.c.check_at <= now).order_by(_exchanges.c.check_at).limit(limit)
        return [_exchange(row) for row in self._conn.execute(wanted)]

    def next_check(self) -> float | None:
        """Return when the next silent peer is to be asked."""
        wanted = select(_exchanges.c.check_at).where(_exchanges.c.check_at.is_not(None))
        row = self._conn.execute(wanted.order_by(_exchanges.c.check_at).limit(1)).first()
        return row.check_at if row else None

    def with_peer(self, participant: str, peer: str) -> Sequence[str]:
        """Return the pids of all processes with a peer that have not ended."""
        wanted = select(_exchanges.c.pid, _exchanges.c.protocol, _exchanges.c.state).where(
            _exchanges.c.participant == participant, _exchanges.c.peer == peer
        )
        rows = self._conn.execute(wanted.order_by(_exchanges.c.pid))
        return [row.pid for row in rows if row.state not in STATES[row.protocol].terminal]

    def stalled_count(self, participant: str | None = None) -> int:
        """Return how many processes are stalled, of one participant where it is given."""
        wanted = select(func.count()).select_from(_exchanges).where(_exchanges.c.stalled.is_not(None))
        if participant is not None:
            wanted = wanted.where(_exchanges.c.participant == participant)
        return self._conn.execute(wanted).scalar_one()

    def stalled(self, participant: str) -> Exchange | None:
        """Return the participant's process that stalled last."""
        wanted = _joined.where(_exchanges.c.participant == participant, _exchanges.c.stalled.is_not(None))
        row = self._conn.execute(wanted.order_by(_exchanges.c.updated.desc()).limit(1)).first()
        return _exchange(row) if row else None


_NAMES: Final = tuple(_joined.selected_columns.keys())
_COUNTERS: Final = ("wanted", "seq", "acked", "last_digest", "moved", "adopted", "stalled", "confirmed")


def _exchange(row: Row[Any]) -> Exchange:
    # Looking names up in the row itself costs more than all the rest.
    found = dict(zip(_NAMES, row, strict=True))
    turn = Process(
        STATES[found["protocol"]], found["role"], found["state"], _pending_of(found),
        **{name: found[name] for name in _COUNTERS},
    )  # fmt: skip
    return Exchange(
        found["pid"], found["participant"], found["peer"], found["peer_pid"], found["base"], turn,
        heard=found["heard"], waits=found["waits"], reasons=tuple(found["reasons"] or ()), check_at=found["check_at"],
        created=found["created"], updated=found["updated"], attempts=found["pending_attempts"] or 0,
        next_attempt=found["pending_next"], last_error=found["pending_error"],
    )  # fmt: skip


def _pending_of(found: dict[str, Any]) -> Pending | None:
    if found["pending_id"] is None:
        return None
    parts = (found["pending_id"], found["pending_seq"], found["pending_move"], found["pending_target"])
    return Pending(*parts, sent=found["pending_attempts"] > 0)


def _row(exchange: Exchange) -> dict[str, Any]:
    turn = exchange.turn
    return {
        "peer_pid": exchange.peer_pid, "base": exchange.base, "state": turn.state, "wanted": turn.wanted,
        "seq": turn.seq, "acked": turn.acked, "heard": exchange.heard, "last_digest": turn.last_digest,
        "moved": turn.moved, "adopted": turn.adopted, "stalled": turn.stalled, "confirmed": turn.confirmed,
        "waits": exchange.waits, "reasons": list(exchange.reasons) or None, "check_at": exchange.check_at,
        "updated": exchange.updated,
    }  # fmt: skip


def _identity(exchange: Exchange) -> dict[str, Any]:
    return {
        "pid": exchange.pid, "participant": exchange.participant, "peer": exchange.peer,
        "protocol": exchange.protocol, "role": exchange.turn.role, "created": exchange.created,
    }  # fmt: skip
