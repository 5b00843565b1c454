"""The store's aggregates over dicts, with the same methods and the same atomic units: fast enough for many thousand seeds.

It stands in for the tables only here; a test runs the same seeds on SQLite and requires the same histories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError

from connector import clock
from connector.evidence import chain
from connector.protocol.machine import Pending
from connector.store.contracts import Contract, Grant, Transfer
from connector.store.exchanges import Exchange
from connector.store.journal import Note
from connector.store.offers import Dataset, Offer, Policy
from connector.store.outbox import Parcel
from connector.store.parties import Peer
from connector.store.seals import HeldKey, Seal

Link = tuple[chain.Record, tuple[str, str]]
"""A record of a journal with the salt and the text of its payload."""
_GONE: Any = object()


class Undo:
    """What a unit changed, so that it can be taken back."""

    def __init__(self) -> None:
        self.log: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, rows: dict[Any, Any], key: Any, value: Any) -> None:
        self.log.append((rows, key, rows.get(key, _GONE)))
        rows[key] = value

    def drop(self, rows: dict[Any, Any], key: Any) -> None:
        if key in rows:
            self.log.append((rows, key, rows.pop(key)))

    def rollback(self) -> None:
        for rows, key, value in reversed(self.log):
            if value is _GONE:
                rows.pop(key, None)
            else:
                rows[key] = value
        self.log.clear()


def _insert(undo: Undo, rows: dict[Any, Any], key: Any, value: Any) -> None:
    if key in rows:
        raise IntegrityError("insert", {}, KeyError(key))
    undo.put(rows, key, value)


class Outboxes:
    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[str, Parcel] = {}
        self.by_process: dict[str, str] = {}

    def add(self, parcel: Parcel) -> None:
        _insert(self._undo, self.by_process, parcel.process, parcel.id)
        _insert(self._undo, self.rows, parcel.id, parcel)

    def get(self, message_id: str) -> Parcel | None:
        return self.rows.get(message_id)

    def settle(self, message_id: str) -> None:
        parcel = self.rows.get(message_id)
        if parcel:
            self._undo.drop(self.by_process, parcel.process)
            self._undo.drop(self.rows, message_id)

    def change(self, message_id: str, **values: Any) -> None:
        parcel = self.rows.get(message_id)
        if parcel:
            self._undo.put(self.rows, message_id, replace(parcel, **values))

    def all(self, now: float | None = None) -> Sequence[Parcel]:
        found = sorted(self.rows.values(), key=lambda parcel: parcel.next_attempt)
        return [parcel for parcel in found if now is None or parcel.lease is None or parcel.lease < now]

    def for_peer(self, participant: str, peer: str, now: float) -> Sequence[str]:
        return [
            parcel.id
            for parcel in self.rows.values()
            if (parcel.participant, parcel.peer) == (participant, peer)
            and parcel.attempts > 0
            and parcel.next_attempt > now
        ]

    def depth(self) -> int:
        return len(self.rows)


class Exchanges:
    def __init__(self, undo: Undo, outbox: Outboxes) -> None:
        self._undo, self._outbox = undo, outbox
        self.rows: dict[str, Exchange] = {}
        self._known: dict[str, tuple[Exchange, Parcel, Exchange]] = {}

    def _joined(self, row: Exchange) -> Exchange:
        parcel = self._outbox.rows.get(self._outbox.by_process.get(row.pid, ""))
        if parcel is None:
            return row
        known = self._known.get(row.pid)
        if known is None or known[0] is not row or known[1] is not parcel:
            known = self._known[row.pid] = (row, parcel, self._with(row, parcel))
        return known[2]

    def _with(self, row: Exchange, parcel: Parcel) -> Exchange:
        pending = Pending(parcel.id, parcel.seq, parcel.move, parcel.target, parcel.attempts > 0)
        return replace(
            row, turn=replace(row.turn, pending=pending), attempts=parcel.attempts,
            next_attempt=parcel.next_attempt, last_error=parcel.last_error,
        )  # fmt: skip

    def load(self, participant: str, pid: str, peer: str | None = None) -> Exchange | None:
        row = self.rows.get(pid)
        if row is None or row.participant != participant or (peer is not None and row.peer != peer):
            return None
        return self._joined(row)

    def of_peer(self, participant: str, peer: str, protocol: str, role: str, peer_pid: str) -> Exchange | None:
        for row in self.rows.values():
            if (row.participant, row.peer, row.protocol, row.turn.role, row.peer_pid) == (
                participant, peer, protocol, role, peer_pid,
            ):  # fmt: skip
                return self._joined(row)
        return None

    def add(self, exchange: Exchange) -> None:
        if exchange.peer_pid is not None:
            key = (exchange.participant, exchange.peer, exchange.protocol, exchange.turn.role, exchange.peer_pid)
            if self.of_peer(*key):
                raise IntegrityError("insert", {}, KeyError(key))
        _insert(self._undo, self.rows, exchange.pid, _bare(exchange))

    def save(self, exchange: Exchange, now: float) -> Exchange:
        exchange = replace(exchange, updated=now)
        if exchange.pid in self.rows:
            self._undo.put(self.rows, exchange.pid, _bare(exchange))
        return exchange

    def open_count(self, participant: str, peer: str, protocol: str) -> int:
        return len(
            [
                row
                for row in self.rows.values()
                if (row.participant, row.peer, row.protocol) == (participant, peer, protocol) and not row.turn.ended
            ]
        )

    def due(self, now: float, limit: int = 100) -> list[Exchange]:
        found = [row for row in self.rows.values() if row.check_at is not None and row.check_at <= now]
        return [self._joined(row) for row in sorted(found, key=lambda row: row.check_at or 0.0)[:limit]]

    def next_check(self) -> float | None:
        return min((row.check_at for row in self.rows.values() if row.check_at is not None), default=None)

    def page(
        self, participant: str, protocol: str, *, before: tuple[float, str] | None = None, limit: int = 50,
        peer: str | None = None,
    ) -> list[Exchange]:  # fmt: skip
        found = [
            self._joined(row)
            for row in self.rows.values()
            if (row.participant, row.protocol) == (participant, protocol)
            and peer in (None, row.peer)
            and (before is None or (row.created, row.pid) < before)
        ]
        return sorted(found, key=lambda row: (row.created, row.pid), reverse=True)[:limit]


def _bare(exchange: Exchange) -> Exchange:
    """Return the exchange as its own row holds it: the pending move is the outbox's."""
    if exchange.turn.pending is None and not exchange.attempts and exchange.next_attempt is None:
        return exchange
    turn = replace(exchange.turn, pending=None)
    return replace(exchange, turn=turn, attempts=0, next_attempt=None, last_error=None)


class Messages:
    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[int, dict[str, Any]] = {}
        self._named: dict[tuple[str, str, str], dict[str, Any]] = {}

    def add(self, **said: Any) -> None:
        values = {"withdrawn": None} | said
        if values["message_id"] is not None:
            _insert(self._undo, self._named, (values["process"], values["direction"], values["message_id"]), values)
        self._undo.put(self.rows, len(self.rows) + 1, values)

    def known_digest(self, process: str, message_id: str) -> str | None:
        found = self._named.get((process, "in", message_id))
        return found["digest"] if found else None

    def seq(self, process: str, message_id: str) -> int | None:
        found = self._named.get((process, "out", message_id))
        return found["seq"] if found else None

    def withdraw(self, process: str, message_id: str, now: float) -> None:
        self._undo.put(self._named[process, "out", message_id], "withdrawn", now)

    def applied(self, process: str) -> list[str]:
        return [row["body"] for row in self.of(process) if row["withdrawn"] is None]

    def count(self, process: str) -> int:
        return len(self.of(process))

    def of(self, process: str) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if row["process"] == process]


class _Rows:
    """Rows by id that are changed a few columns at a time."""

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[str, Any] = {}

    def add(self, row: Any) -> None:
        _insert(self._undo, self.rows, row.id, row)

    def get(self, key: str) -> Any:
        return self.rows.get(key)

    def change(self, key: str, **values: Any) -> None:
        if key in self.rows:
            self._undo.put(self.rows, key, replace(self.rows[key], **values))


class Contracts(_Rows):
    rows: dict[str, Contract]

    def __init__(self, undo: Undo, exchanges: Exchanges) -> None:
        super().__init__(undo)
        self._exchanges = exchanges

    def by_agreement(self, participant: str, peer: str, agreement: str, role: str) -> Contract | None:
        wanted = (participant, peer, agreement, role)
        for row in self.rows.values():
            if (row.participant, row.peer, row.agreement_id, row.role) == wanted:
                return row
        return None

    def offered_bytes(self, participant: str, peer: str) -> int:
        mine = [row for row in self.rows.values() if (row.participant, row.peer) == (participant, peer)]
        return sum(row.offered_bytes or 0 for row in mine if not self._exchanges.rows[row.id].turn.ended)

    def change(self, key: str, **values: Any) -> None:
        row = self.rows.get(key)
        if row and values.get("agreement_id"):
            held = self.by_agreement(row.participant, row.peer, values["agreement_id"], row.role)
            if held is not None and held.id != key:
                raise IntegrityError("update", {}, KeyError(key))
        super().change(key, **values)


class Transfers(_Rows):
    rows: dict[str, Transfer]

    def of_contract(self, contract: str) -> Sequence[Transfer]:
        return [row for row in self.rows.values() if row.contract == contract]


class Grants(_Rows):
    rows: dict[str, Grant]

    def of_transfer(self, transfer: str) -> Grant | None:
        for row in self.rows.values():
            if row.transfer == transfer:
                return row
        return None

    def open_of(self, participant: str) -> Sequence[Grant]:
        return [row for row in self.rows.values() if row.participant == participant and row.closed is None]


class Seals:
    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[tuple[str, str], Seal] = {}

    def put(self, seal: Seal) -> None:
        self._undo.put(self.rows, (seal.contract, seal.type), seal)

    def get(self, contract: str, kind: str) -> Seal | None:
        return self.rows.get((contract, kind))


class Keys:
    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[tuple[str, str, str], HeldKey] = {}

    def add(self, key: HeldKey) -> None:
        _insert(self._undo, self.rows, (key.participant, key.party, key.kid), key)

    def of(self, participant: str, party: str) -> Sequence[HeldKey]:
        return [row for row in self.rows.values() if (row.participant, row.party) == (participant, party)]


class Duties:
    """No offer of the simulation's has duties."""

    def of_contract(self, _contract: str) -> Sequence[Any]:
        return ()


class _Published:
    """Rows by (participant, id)."""

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.rows: dict[tuple[str, str], Any] = {}

    def get(self, participant: str, key: str) -> Any:
        return self.rows.get((participant, key))


class Offers(_Published):
    def add(self, offer: Offer) -> None:
        _insert(self._undo, self.rows, (offer.participant, offer.id), offer)

    def list(self, participant: str, dataset: str | None = None) -> Sequence[Offer]:
        return [
            row
            for row in self.rows.values()
            if row.participant == participant and row.origin == "catalog" and dataset in (None, row.dataset)
        ]


class Datasets(_Published):
    def add(self, dataset: Dataset) -> None:
        _insert(self._undo, self.rows, (dataset.participant, dataset.id), dataset)


class Policies(_Published):
    def put(self, policy: Policy) -> None:
        self._undo.put(self.rows, (policy.participant, policy.digest), policy)


class Peers(_Published):
    def add(self, peer: Peer) -> None:
        _insert(self._undo, self.rows, (peer.participant, peer.id), peer)

    def change(self, participant: str, peer: str, **values: Any) -> None:
        self._undo.put(self.rows, (participant, peer), replace(self.rows[participant, peer], **values))


class Heads:
    """No journal is written in memory, so there is nothing to sign, and nothing that peers could show."""

    def last(self, participant: str) -> None:
        del participant

    def written(self, participant: str) -> int:
        del participant
        return 0


class Unit:
    """A unit of work with the aggregates of one database."""

    def __init__(self, memory: Memory, now: float) -> None:
        self.now = now
        self.records: list[Note] = []
        self.actions: list[Callable[[], None]] = []
        self.heads = Heads()
        self.exchanges, self.outbox, self.messages = memory.exchanges, memory.outbox, memory.messages
        self.contracts, self.transfers, self.grants = memory.contracts, memory.transfers, memory.grants
        self.offers, self.datasets, self.policies = memory.offers, memory.datasets, memory.policies
        self.peers, self.seals, self.keys = memory.peers, memory.seals, memory.keys
        self.duties = Duties()

    def record(self, participant: str, kind: str, subject: str, **payload: Any) -> None:
        self.records.append(Note(participant, self.now, kind, subject, payload))

    def after_commit(self, action: Callable[[], None]) -> None:
        self.actions.append(action)


class Memory:
    """A database in memory."""

    def __init__(self) -> None:
        self.undo = Undo()
        self.outbox = Outboxes(self.undo)
        self.exchanges = Exchanges(self.undo, self.outbox)
        self.messages = Messages(self.undo)
        self.contracts = Contracts(self.undo, self.exchanges)
        self.transfers, self.grants = Transfers(self.undo), Grants(self.undo)
        self.offers, self.datasets, self.policies = Offers(self.undo), Datasets(self.undo), Policies(self.undo)
        self.peers, self.seals, self.keys = Peers(self.undo), Seals(self.undo), Keys(self.undo)
        self._chain: list[Link] = []

    def pids(self) -> list[str]:
        return list(self.exchanges.rows)

    def chain(self) -> list[Link]:
        return self._chain

    def _keep(self, notes: list[Note]) -> None:
        for note in notes:
            salt, payload = str(len(self._chain)), orjson.dumps(note.payload, option=orjson.OPT_SORT_KEYS).decode()
            digest = chain.payload_digest(salt, payload)
            bare = chain.Record(len(self._chain) + 1, clock.iso(note.at), note.kind, note.subject, digest)
            before = self._chain[-1][0].hash if self._chain else chain.GENESIS
            self._chain.append((chain.link(before, bare), (salt, payload)))

    def received(self) -> int:
        return sum(row["direction"] == "in" for row in self.messages.rows.values())

    def run(self, work: Callable[[Any], Any], now: float, *, commit: bool = True) -> tuple[Any, Unit]:
        unit = Unit(self, now)
        try:
            result = work(unit)
        except BaseException:
            self.undo.rollback()
            raise
        if commit:
            self.undo.log.clear()
            self._keep(unit.records)
        else:
            self.undo.rollback()
        return result, unit
