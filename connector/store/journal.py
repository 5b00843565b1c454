"""The journal's rows: the writer numbers and links a batch just before COMMIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from connector import clock, ids
from connector.evidence.chain import GENESIS, Record, link, payload_digest
from connector.store import places
from connector.store.places import Places
from connector.store.tables import Journal, JournalHead, JournalPayload, columns, table

_records, _payloads, _heads = table(Journal), table(JournalPayload), table(JournalHead)
_insert_records, _insert_payloads = insert(_records), insert(_payloads)
_locked_head = select(_heads.c.number, _heads.c.hash).where(_heads.c.participant == bindparam("of")).with_for_update()
_PAGE: Final = 1000
_update_head = update(_heads).where(_heads.c.participant == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Note:
    """A record before it has a number. `subject` is the id of what it speaks of; the payload holds no secret and no data."""

    participant: str
    at: float
    kind: str
    subject: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A note that is ready to be numbered: its record without number and hash, the salt and text of its payload."""

    participant: str
    record: Record
    salt: str
    payload: str
    places: Places


@dataclass(frozen=True, slots=True)
class Search:
    """Which records are wanted: those that have every value given; `since` <= time < `until`, written as `clock.iso` does."""

    subject: str | None = None
    contract: str | None = None
    peer: str | None = None
    dataset: str | None = None
    kind: str | None = None
    since: str | None = None
    until: str | None = None


EVERYTHING: Final = Search()


def prepare(conn: Connection, notes: Sequence[Note]) -> list[Entry]:
    """Return notes as entries; a payload that is not JSON is an error here, before anything is numbered."""
    return [_entry(conn, note) for note in notes]


def _entry(conn: Connection, note: Note) -> Entry:
    said = places.complete(conn, note.kind, note.subject, note.payload)
    salt, payload = ids.secret(), orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
    bare = Record(0, clock.iso(note.at), note.kind, note.subject, payload_digest(salt, payload))
    return Entry(note.participant, bare, salt, payload, places.of(note.kind, note.subject, said))


def append(conn: Connection, notes: Sequence[Note]) -> None:
    """Number, link and insert notes in order; each participant has a chain of its own."""
    insert_entries(conn, prepare(conn, notes))


def insert_entries(conn: Connection, entries: Sequence[Entry]) -> None:
    """Number, link and insert entries in order. Heads are locked in one order, so that two replicas do not deadlock."""
    for participant in sorted({entry.participant for entry in entries}):
        _append(conn, participant, [entry for entry in entries if entry.participant == participant])


def _append(conn: Connection, participant: str, entries: list[Entry]) -> None:
    number, previous = _head(conn, participant)
    rows, payloads = [], []
    for entry in entries:
        number += 1
        record = link(previous, replace(entry.record, number=number))
        previous = record.hash
        rows.append(columns(record) | columns(entry.places) | {"participant": participant})
        payloads.append({"participant": participant, "number": number, "salt": entry.salt, "payload": entry.payload})
    conn.execute(_insert_records, rows)
    conn.execute(_insert_payloads, payloads)
    if conn.execute(_update_head, {"of": participant, "number": number, "hash": previous}).rowcount == 0:
        conn.execute(insert(_heads), {"participant": participant, "number": number, "hash": previous})


def _head(conn: Connection, participant: str) -> tuple[int, str]:
    row = conn.execute(_locked_head, {"of": participant}).first()
    return (row.number, row.hash) if row else (0, GENESIS)


def page(
    conn: Connection, participant: str, *, after: int = 0, limit: int = 100, search: Search = EVERYTHING
) -> list[dict[str, Any]]:
    """Return the records wanted, in order, with their payloads (None where removed)."""
    wanted = _joined.where(_records.c.participant == participant, _records.c.number > after)
    wanted = _searched(wanted, search).order_by(_records.c.number).limit(limit)
    return [dict(row) for row in conn.execute(wanted).mappings()]


_before = _records.alias("before")
_with_payloads = _records.outerjoin(
    _payloads, (_records.c.participant == _payloads.c.participant) & (_records.c.number == _payloads.c.number)
)
_joined = select(_records, _payloads.c.salt, _payloads.c.payload).select_from(_with_payloads)


def _searched(wanted: Select[Any], search: Search) -> Select[Any]:
    for name in ("subject", "contract", "peer", "dataset", "kind"):
        value = getattr(search, name)
        if value is not None:
            wanted = wanted.where(_records.c[name] == value)
    if search.since is not None:
        wanted = wanted.where(_records.c.at >= search.since)
    if search.until is not None:
        wanted = wanted.where(_records.c.at < search.until)
    return wanted


def exported(
    conn: Connection, participant: str, *, after: int = 0, limit: int = 100, search: Search = EVERYTHING
) -> list[dict[str, Any]]:
    """Return records as `page` does, with `previous`: the hash that each one is linked to."""
    wanted = (
        select(_records, _payloads.c.salt, _payloads.c.payload, _before.c.hash.label("previous"))
        .select_from(
            _with_payloads.outerjoin(
                _before,
                (_before.c.participant == _records.c.participant) & (_before.c.number == _records.c.number - 1),
            )
        )
        .where(_records.c.participant == participant, _records.c.number > after)
    )
    wanted = _searched(wanted, search).order_by(_records.c.number).limit(limit)
    return [{**row, "previous": row["previous"] or GENESIS} for row in conn.execute(wanted).mappings()]


def rows(conn: Connection, participant: str, *, through: int, search: Search = EVERYTHING) -> Iterator[dict[str, Any]]:
    """Yield the records wanted up to a number, in order and in pages."""
    after = 0
    while found := page(conn, participant, after=after, limit=_PAGE, search=search):
        for row in found:
            if row["number"] > through:
                return
            yield row
        after = found[-1]["number"]


def head(conn: Connection, participant: str) -> tuple[int, str]:
    """Return the last record's number and hash, as the writer left them."""
    row = conn.execute(select(_heads.c.number, _heads.c.hash).where(_heads.c.participant == participant)).first()
    return (row.number, row.hash) if row else (0, GENESIS)


def held(conn: Connection, participant: str, *, after: int, before: str, limit: int) -> list[Row[Any]]:
    """Return number, kind and contract of the next records from before a time whose payloads are there."""
    wanted = (
        select(_records.c.number, _records.c.kind, _records.c.contract)
        .join(
            _payloads, (_records.c.participant == _payloads.c.participant) & (_records.c.number == _payloads.c.number)
        )
        .where(_records.c.participant == participant, _records.c.number > after, _records.c.at < before)
        .order_by(_records.c.number)
        .limit(limit)
    )
    return [*conn.execute(wanted)]


def remove_payloads(conn: Connection, participant: str, numbers: Sequence[int]) -> None:
    """Remove payloads; the chain stays whole. Whoever calls this leaves a record of it in the same transaction."""
    conn.execute(
        delete(_payloads).where(_payloads.c.participant == participant, _payloads.c.number == bindparam("of")),
        [{"of": number} for number in numbers],
    )
