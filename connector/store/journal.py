"""The journal's rows: the writer numbers and links a batch just before COMMIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, insert, select, update

from connector import clock, ids
from connector.evidence.chain import GENESIS, Fault, Record, faults, link, payload_digest
from connector.store.tables import Journal, JournalHead, JournalPayload, columns, table

_records, _payloads, _heads = table(Journal), table(JournalPayload), table(JournalHead)
_insert_records, _insert_payloads = insert(_records), insert(_payloads)
_locked_head = select(_heads.c.number, _heads.c.hash).where(_heads.c.participant == bindparam("of")).with_for_update()
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


def prepare(notes: Sequence[Note]) -> list[Entry]:
    """Return notes as entries; a payload that is not JSON is an error here, before anything is numbered."""
    return [_entry(note) for note in notes]


def _entry(note: Note) -> Entry:
    salt, payload = ids.secret(), orjson.dumps(note.payload, option=orjson.OPT_SORT_KEYS).decode()
    bare = Record(0, clock.iso(note.at), note.kind, note.subject, payload_digest(salt, payload))
    return Entry(note.participant, bare, salt, payload)


def append(conn: Connection, notes: Sequence[Note]) -> None:
    """Number, link and insert notes in order; each participant has a chain of its own."""
    insert_entries(conn, prepare(notes))


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
        rows.append(columns(record) | {"participant": participant})
        payloads.append({"participant": participant, "number": number, "salt": entry.salt, "payload": entry.payload})
    conn.execute(_insert_records, rows)
    conn.execute(_insert_payloads, payloads)
    if conn.execute(_update_head, {"of": participant, "number": number, "hash": previous}).rowcount == 0:
        conn.execute(insert(_heads), {"participant": participant, "number": number, "hash": previous})


def _head(conn: Connection, participant: str) -> tuple[int, str]:
    row = conn.execute(_locked_head, {"of": participant}).first()
    return (row.number, row.hash) if row else (0, GENESIS)


def page(
    conn: Connection, participant: str, *, after: int = 0, limit: int = 100, subject: str | None = None
) -> list[dict[str, Any]]:
    """Return records in order with their payloads (None where removed)."""
    joined = _records.outerjoin(
        _payloads, (_records.c.participant == _payloads.c.participant) & (_records.c.number == _payloads.c.number)
    )
    wanted = (
        select(_records, _payloads.c.salt, _payloads.c.payload)
        .select_from(joined)
        .where(_records.c.participant == participant, _records.c.number > after)
        .order_by(_records.c.number)
        .limit(limit)
    )
    if subject is not None:
        wanted = wanted.where(_records.c.subject == subject)
    return [dict(row) for row in conn.execute(wanted).mappings()]


def chain(conn: Connection, participant: str) -> Iterator[tuple[Record, tuple[str, str] | None]]:
    """Yield the whole chain in order, in pages, for `evidence.chain.faults`."""
    after = 0
    while rows := page(conn, participant, after=after, limit=1000):
        for row in rows:
            record = Record(row["number"], row["at"], row["kind"], row["subject"], row["payload_digest"], row["hash"])
            yield record, (row["salt"], row["payload"]) if row["payload"] is not None else None
        after = rows[-1]["number"]


def head(conn: Connection, participant: str) -> tuple[int, str]:
    """Return the last record's number and hash, as the writer left them."""
    row = conn.execute(select(_heads).where(_heads.c.participant == participant)).first()
    return (row.number, row.hash) if row else (0, GENESIS)


def verify(conn: Connection, participant: str) -> Iterator[Fault]:
    """Yield where a participant's chain is broken, its end included."""
    return faults(chain(conn, participant), head=head(conn, participant))
