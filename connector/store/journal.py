"""The journal's rows: the writer numbers and links a batch just before COMMIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from connector import clock, ids
from connector.evidence.chain import GENESIS, Record, link, payload_digest
from connector.store.tables import Journal, JournalHead, JournalPayload, table

_records, _payloads, _heads = table(Journal), table(JournalPayload), table(JournalHead)


@dataclass(frozen=True, slots=True)
class Note:
    """A record before it has a number. `subject` is the id of what it speaks of; the payload holds no secret and no data."""

    participant: str
    at: float
    kind: str
    subject: str
    payload: dict[str, Any]


def append(conn: Connection, notes: Sequence[Note]) -> None:
    """Number, link and insert notes in order; each participant has a chain of its own."""
    for participant in dict.fromkeys(note.participant for note in notes):
        _append(conn, participant, [note for note in notes if note.participant == participant])


def _append(conn: Connection, participant: str, notes: list[Note]) -> None:
    number, previous = _head(conn, participant)
    rows, payloads = [], []
    for note in notes:
        number += 1
        salt, payload = ids.secret(), orjson.dumps(note.payload, option=orjson.OPT_SORT_KEYS).decode()
        bare = Record(number, clock.iso(note.at), note.kind, note.subject, payload_digest(salt, payload))
        record = link(previous, bare)
        previous = record.hash
        rows.append(
            {"participant": participant, "number": number, "at": record.at, "kind": record.kind,
             "subject": record.subject, "payload_digest": record.payload_digest, "hash": record.hash}
        )  # fmt: skip
        payloads.append({"participant": participant, "number": number, "salt": salt, "payload": payload})
    conn.execute(insert(_records), rows)
    conn.execute(insert(_payloads), payloads)
    changed = update(_heads).where(_heads.c.participant == participant).values(number=number, hash=previous)
    if conn.execute(changed).rowcount == 0:
        conn.execute(insert(_heads), {"participant": participant, "number": number, "hash": previous})


def _head(conn: Connection, participant: str) -> tuple[int, str]:
    wanted = select(_heads.c.number, _heads.c.hash).where(_heads.c.participant == participant).with_for_update()
    row = conn.execute(wanted).first()
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
