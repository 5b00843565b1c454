"""The check of a whole journal in one snapshot of the database: chain, payloads, columns, removals and signed heads.

Everything is read once, in pages; what is held does not grow with the journal but for one bit per record (removed payloads).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, select

from connector import clock, loader
from connector.errors import ConnectorError
from connector.evidence import chain, heads
from connector.evidence.chain import Fault, Record
from connector.evidence.heads import HeadFault, Reading, Signed
from connector.identity.periods import KeyPeriod
from connector.store import journal, places
from connector.store.heads import Heads
from connector.store.places import Places
from connector.store.tables import Journal, JournalPayload, table

MOST_FAULTS: Final = 100
REMOVAL: Final = "journal.payloads-removed"
"""The kind of the record that says which payloads were removed: `ranges`, a list of [first number, last number]."""

_PAGE: Final = 2000
_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
_records, _payloads = table(Journal), table(JournalPayload)
_columns = [_records.c[name] for name in ("number", "at", "kind", "subject", "payload_digest", "hash", *places.MEMBERS)]
_wanted = select(*_columns, _payloads.c.salt, _payloads.c.payload).select_from(
    _records.outerjoin(
        _payloads, (_records.c.participant == _payloads.c.participant) & (_records.c.number == _payloads.c.number)
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a journal found.

    Attributes:
        participant: whose it is.
        records, hash: the number and the hash of the last record, as the writer left them.
        removed: how many payloads have been removed.
        heads: how many heads were signed.
        covered: the number of the last record under a signed head.
        faults: where the chain is broken, at most 100.
        head_faults: what is wrong with the signed heads, at most 100.
    """

    participant: str
    records: int
    hash: str
    removed: int = 0
    heads: int = 0
    covered: int = 0
    faults: list[Fault] = field(default_factory=list)
    head_faults: list[HeadFault] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.faults and not self.head_faults


def verify(conn: Connection, participant: str, keys: Sequence[KeyPeriod]) -> Verdict:
    """Check the journal of a participant.

    Args:
        conn: inside a transaction that sees one state of the database.
        participant: whose journal.
        keys: its own, with their times.
    """
    number, last = journal.head(conn, participant)
    reading = Reading(participant, _heads(conn, participant, keys))
    check = _Check(conn, participant, _Removed.read(conn, participant), reading)
    found: list[Fault] = []
    for fault in chain.faults(check.read(), head=(number, last)):
        if len(found) < MOST_FAULTS:
            found.append(fault)
    found = sorted([*found, *check.faults], key=lambda fault: fault.number)[:MOST_FAULTS]
    wrong = reading.end()[:MOST_FAULTS]
    return Verdict(participant, number, last, check.absent, reading.number, reading.covered, found, wrong)


@dataclass(slots=True)
class _Removed:
    """One bit for each record whose payload some record says was removed, and where that was said."""

    bits: bytearray = field(default_factory=bytearray)

    @classmethod
    def read(cls, conn: Connection, participant: str) -> _Removed:
        made = cls()
        last, _ = journal.head(conn, participant)
        for row in journal.rows(conn, participant, through=last, search=journal.Search(kind=REMOVAL)):
            for first, end in _ranges(_parsed(row["payload"])):
                # Only what lies before the record can have been removed by it.
                made.add(max(first, 1), min(end, row["number"] - 1))
        return made

    def add(self, first: int, last: int) -> None:
        self.bits.extend(bytes(max(0, last // 8 + 1 - len(self.bits))))
        for number in range(first, last + 1):
            self.bits[number // 8] |= 1 << number % 8

    def __contains__(self, number: int) -> bool:
        return 0 < number < len(self.bits) * 8 and bool(self.bits[number // 8] >> number % 8 & 1)


def _ranges(payload: dict[str, Any] | None) -> Iterator[tuple[int, int]]:
    found = payload.get("ranges") if payload else None
    for each in found if isinstance(found, list) else []:
        match each:
            case [int(first), int(last)]:
                yield first, last
            case _:
                continue


@dataclass(slots=True)
class _Check:
    """Reads the chain for `chain.faults`, and on the way compares what that does not know of."""

    conn: Connection
    participant: str
    removed: _Removed
    reading: Reading
    absent: int = 0
    faults: list[Fault] = field(default_factory=list)

    def read(self) -> Iterator[tuple[Record, tuple[str, str] | None]]:
        for row in self._rows():
            record, payload = Record(*row[:6]), row[10]
            self.reading.record(record.number, record.hash)
            if payload is None:
                self._missing(record)
                yield record, None
            else:
                self._compare(record, Places(*row[6:9]), payload)
                yield record, (row[9], payload)

    def _rows(self) -> Iterator[Any]:
        after: int | None = None
        of_ours = _wanted.where(_records.c.participant == self.participant).order_by(_records.c.number).limit(_PAGE)
        while found := self.conn.execute(of_ours if after is None else of_ours.where(_records.c.number > after)).all():
            yield from found
            after = found[-1][0]

    def _missing(self, record: Record) -> None:
        self.absent += 1
        if record.number not in self.removed:
            self._fault(record.number, "payload-missing")

    def _compare(self, record: Record, found: Places, payload: str) -> None:
        said = _parsed(payload)
        if said is None:
            self._fault(record.number, "payload")
        elif found != places.of(record.kind, record.subject, said):
            self._fault(record.number, "places")

    def _fault(self, number: int, code: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(number, code))


def _parsed(payload: str | None) -> dict[str, Any] | None:
    try:
        return None if payload is None else loader.load_object(payload.encode(), limit=_PAYLOAD_BYTES)
    except ConnectorError:
        return None


def _by(signed: Signed, keys: Sequence[KeyPeriod]) -> bool:
    try:
        return signed.by(keys, clock.seconds(signed.head.at))
    except ValueError:
        return False


def _heads(conn: Connection, participant: str, keys: Sequence[KeyPeriod]) -> Iterator[tuple[int, Signed | None, bool]]:
    for row in Heads(conn).all(participant):
        try:
            signed = heads.read(row.jws)
        except ValueError:
            yield row.number, None, False
            continue
        same = (row.first, row.last, row.digest) == (signed.head.first, signed.head.last, signed.digest)
        yield row.number, signed if same else None, _by(signed, keys)
