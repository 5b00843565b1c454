"""Signed heads of our journals, and the heads of our peers' that we have witnessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from connector.store.journal import head as journal_head
from connector.store.tables import Journal, JournalSealedHead, WitnessedHead, columns, table

_own, _seen, _records = table(JournalSealedHead), table(WitnessedHead), table(Journal)
_PAGE = 500
GONE_BACK = "head_gone_back"
"""What stands in `contradicts` where a head is good and its signer does not show it any more."""

SET_ASIDE = "head_set_aside"
"""What stands in `contradicts` where an operator has accepted that the signer goes on from another head."""

_accepted = or_(_seen.c.contradicts.is_(None), _seen.c.contradicts == GONE_BACK)


@dataclass(frozen=True, slots=True)
class SealedHead:
    """A head of ours. `at` is when it was signed, in seconds since 1970; `digest` is that of `jws`."""

    participant: str
    number: int
    first: int
    last: int
    at: float
    digest: str
    jws: str


@dataclass(frozen=True, slots=True)
class WitnessedHeadRow:
    """A head that a peer signed. `contradicts` says how it contradicts those before it, None where it does not."""

    participant: str
    peer: str
    digest: str
    number: int
    at: float
    jws: str
    contradicts: str | None = None


class Heads:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, head: SealedHead) -> None:
        """Insert a head of ours."""
        self._conn.execute(insert(_own), columns(head))

    def last(self, participant: str) -> SealedHead | None:
        """Return the last head of a participant of ours."""
        wanted = select(_own).where(_own.c.participant == participant).order_by(_own.c.number.desc()).limit(1)
        return _sealed(self._conn.execute(wanted).first())

    def written(self, participant: str) -> int:
        """Return the number of the last record that there is."""
        return journal_head(self._conn, participant)[0]

    def get(self, participant: str, number: int) -> SealedHead | None:
        """Return a head of ours by its number."""
        wanted = select(_own).where(_own.c.participant == participant, _own.c.number == number)
        return _sealed(self._conn.execute(wanted).first())

    def over(self, participant: str, record: int) -> SealedHead | None:
        """Return the head of ours that covers a record, None where none does yet."""
        wanted = (
            select(_own).where(_own.c.participant == participant, _own.c.last >= record).order_by(_own.c.last).limit(1)
        )
        found = _sealed(self._conn.execute(wanted).first())
        return found if found is not None and found.first <= record else None

    def page(self, participant: str, *, after: int = 0, limit: int = _PAGE) -> list[SealedHead]:
        """Return heads of ours in order."""
        wanted = (
            select(_own)
            .where(_own.c.participant == participant, _own.c.number > after)
            .order_by(_own.c.number)
            .limit(limit)
        )
        return [SealedHead(**row) for row in self._conn.execute(wanted).mappings()]

    def all(self, participant: str) -> Iterator[SealedHead]:
        """Yield every head of ours in order, in pages."""
        after = -1
        while rows := self.page(participant, after=after):
            yield from rows
            after = rows[-1].number

    def hashes(self, participant: str, first: int, last: int) -> list[str]:
        """Return the hashes of records in order."""
        wanted = (
            select(_records.c.hash)
            .where(_records.c.participant == participant, _records.c.number.between(first, last))
            .order_by(_records.c.number)
        )
        return list(self._conn.execute(wanted).scalars())

    def record_at(self, participant: str, number: int) -> str | None:
        """Return the time of a record as it is written, None where there is none."""
        wanted = select(_records.c.at).where(_records.c.participant == participant, _records.c.number == number)
        found: str | None = self._conn.execute(wanted).scalar()
        return found

    # What peers signed

    def witness(self, row: WitnessedHeadRow) -> None:
        """Insert a head of a peer's."""
        self._conn.execute(insert(_seen), columns(row))

    def held(self, participant: str, peer: str, digest: str) -> WitnessedHeadRow | None:
        """Return a head of a peer's if it is there."""
        wanted = select(_seen).where(_seen.c.participant == participant, _seen.c.peer == peer, _seen.c.digest == digest)
        row = self._conn.execute(wanted).mappings().first()
        return WitnessedHeadRow(**row) if row else None

    def marks(self, participant: str, peer: str) -> dict[str, tuple[int, str | None]]:
        """Return every head of a peer's that is there by its digest: its number, and how it contradicts others."""
        wanted = select(_seen.c.digest, _seen.c.number, _seen.c.contradicts).where(
            _seen.c.participant == participant, _seen.c.peer == peer
        )
        return {row.digest: (row.number, row.contradicts) for row in self._conn.execute(wanted)}

    def witnessed(
        self, participant: str, peer: str, *, after: int = 0, limit: int = _PAGE
    ) -> Sequence[WitnessedHeadRow]:
        """Return a peer's heads in order, without those that contradict the ones before."""
        wanted = (
            select(_seen)
            .where(_seen.c.participant == participant, _seen.c.peer == peer, _seen.c.number > after)
            .where(_accepted)
            .order_by(_seen.c.number)
            .limit(limit)
        )
        return [WitnessedHeadRow(**row) for row in self._conn.execute(wanted).mappings()]

    def last_witnessed(self, participant: str, peer: str) -> WitnessedHeadRow | None:
        """Return the last head of a peer's that followed those before it."""
        wanted = (
            select(_seen)
            .where(_seen.c.participant == participant, _seen.c.peer == peer, _accepted)
            .order_by(_seen.c.number.desc())
            .limit(1)
        )
        row = self._conn.execute(wanted).mappings().first()
        return WitnessedHeadRow(**row) if row else None

    def contradictions(self, participant: str) -> Sequence[WitnessedHeadRow]:
        """Return every head of a peer's that contradicts another one, without what an operator has accepted."""
        wanted = (
            select(_seen)
            .where(_seen.c.participant == participant, _seen.c.contradicts.is_not(None))
            .where(_seen.c.contradicts != SET_ASIDE)
            .order_by(_seen.c.peer, _seen.c.number)
            .limit(_PAGE)
        )
        return [WitnessedHeadRow(**row) for row in self._conn.execute(wanted).mappings()]

    def contradict(self, participant: str, peer: str, digest: str, code: str | None) -> None:
        """Mark a head of a peer's as contradicted, or as not contradicted any more."""
        self._conn.execute(
            update(_seen)
            .where(_seen.c.participant == participant, _seen.c.peer == peer, _seen.c.digest == digest)
            .values(contradicts=code)
        )


def _sealed(row: Row[Any] | None) -> SealedHead | None:
    return SealedHead(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
