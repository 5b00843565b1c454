"""What the journal says about one contract, with the signed heads that its records lie under: for a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, select

from connector.evidence import heads
from connector.evidence.chain import GENESIS, Record
from connector.evidence.contents import Kept, Path
from connector.store.heads import Heads, SealedHead
from connector.store.tables import Journal, JournalPayload, table

MOST_READS: Final = 10_000
"""Records of data reads in one excerpt, the newest; every other record is in it whatever their number."""

READS: Final = "data.read"
_records, _payloads = table(Journal), table(JournalPayload)
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Records in order, the heads over them in order, a path for each record, and how many records were left out."""

    records: list[Kept]
    heads: list[str]
    paths: list[Path]
    left_out: int


def excerpt(conn: Connection, participant: str, contract: str, *, most_reads: int = MOST_READS) -> Excerpt:
    """Return what a participant's journal says about a contract, its transfers and grants, as far as signed heads reach."""
    found = Excerpt([], [], [], 0)
    wanted, left_out = _wanted(conn, participant, contract, most_reads)
    rows = (row for numbers in _chunks(wanted) for row in _rows(conn, participant, numbers))
    known = Heads(conn)
    for head, under in _by_head(known, participant, rows):
        _add(found, known, head, under)
    return Excerpt(found.records, found.heads, found.paths, left_out)


def _by_head(
    known: Heads, participant: str, rows: Iterable[dict[str, Any]]
) -> Iterator[tuple[SealedHead, list[dict[str, Any]]]]:
    """Yield each head over some of the records, with these; records that no head covers yet are left for the next one."""
    head: SealedHead | None = None

    def over(row: dict[str, Any]) -> SealedHead | None:
        nonlocal head
        if head is None or row["number"] > head.last:
            head = known.over(participant, row["number"])
        return head

    yield from ((found, list(under)) for found, under in groupby(rows, over) if found is not None)


def _add(found: Excerpt, known: Heads, head: SealedHead, rows: list[dict[str, Any]]) -> None:
    hashes = known.hashes(head.participant, head.first, head.last)
    before = known.hashes(head.participant, head.first - 1, head.first - 1) or [GENESIS]
    chained = [*before, *hashes]
    indexes = [row["number"] - head.first for row in rows]
    found.heads.append(head.jws)
    found.records.extend(_kept(row, chained[index]) for row, index in zip(rows, indexes, strict=True))
    found.paths.extend(
        Path(row["number"], head.number, index, len(hashes), tuple(steps))
        for row, index, steps in zip(rows, indexes, heads.paths(hashes, indexes), strict=True)
    )


def _kept(row: dict[str, Any], previous: str) -> Kept:
    record = Record(row["number"], row["at"], row["kind"], row["subject"], row["payload_digest"], row["hash"])
    return Kept(record, previous, None if row["payload"] is None else (row["salt"], row["payload"]))


def _wanted(conn: Connection, participant: str, contract: str, most_reads: int) -> tuple[list[int], int]:
    """Return the numbers of the records to take, in order, and how many reads are left out."""
    about = select(_records.c.number, _records.c.kind).where(
        _records.c.participant == participant, _records.c.contract == contract
    )
    rows = list(conn.execute(about.order_by(_records.c.number)))
    reads = [row.number for row in rows if row.kind == READS]
    left = set(reads[: max(0, len(reads) - most_reads)])
    return [row.number for row in rows if row.number not in left], len(left)


def _rows(conn: Connection, participant: str, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    joined = _records.outerjoin(
        _payloads, (_records.c.participant == _payloads.c.participant) & (_records.c.number == _payloads.c.number)
    )
    wanted = select(_records, _payloads.c.salt, _payloads.c.payload).select_from(joined)
    chosen = wanted.where(_records.c.participant == participant, _records.c.number.in_(numbers))
    yield from (dict(row) for row in conn.execute(chosen.order_by(_records.c.number)).mappings())


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    yield from (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
