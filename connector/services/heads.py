"""Signed heads of our journals: signing what was written since the last one, and proving that a head covers a record.

Nothing is signed where nothing was written, and signing writes no record: else every head would be the reason for the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connector import clock
from connector.errors import WrongState
from connector.evidence import heads
from connector.evidence.heads import Signed
from connector.services import keyring
from connector.services.house import House
from connector.store import journal, verification
from connector.store.heads import SealedHead
from connector.store.unit import Unit
from connector.store.verification import Verdict

EVERY_SECONDS: Final = 3600.0
MOST_RECORDS: Final = 2**16
"""The most records under one head, so that making one, and a path in it, needs little memory."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That a record is under a head: the head's JWS, the record's place among `size`, and the path (RFC 9162, section 2.1.3)."""

    head_jws: str
    index: int
    size: int
    path: list[str]


@dataclass(frozen=True, slots=True)
class Signing:
    """A participant's last head: its number, the last record under it; and how many new heads its peers gave."""

    participant: str
    head: int
    covered: int
    received: int


@dataclass(frozen=True, slots=True)
class _Draft:
    earlier: SealedHead | None
    wanted: int
    hashes: list[str]


async def ensure(house: House, participant: str) -> None:
    """See to it that signed heads cover every record that a participant of ours has at this moment.

    Raises:
        WrongState: `journal_incomplete`, records are missing, over which nothing can be signed.
    """
    house.member(participant)
    number, _ = await house.store.read(lambda unit: journal.head(unit.conn, participant))
    while await _covered(house, participant) < number:
        await _sign(house, participant)


async def sign_due(house: House, participant: str) -> float | None:
    """Sign what was written since the last head if that head is an hour old.

    Returns the seconds until a head is due, None where nothing has been written since.
    """
    wait = await house.store.read(lambda unit: _due(unit, participant))
    if wait is None or wait > 0:
        return wait
    await ensure(house, participant)
    return None


async def signing(house: House, participant: str, received: int = 0) -> Signing:
    """Return what a participant's last head is."""
    last = await house.store.read(lambda unit: unit.heads.last(participant))
    return Signing(participant, last.number if last else 0, last.last if last else 0, received)


def proof(unit: Unit, participant: str, number: int) -> Proof | None:
    """Return the proof that a head covers a record, None while none does (see `ensure`) or where records are missing."""
    head = unit.heads.over(participant, number)
    if head is None:
        return None
    hashes, index, size = (
        unit.heads.hashes(participant, head.first, head.last),
        number - head.first,
        head.last - head.first + 1,
    )
    return Proof(head.jws, index, size, heads.path(hashes, index)) if len(hashes) == size else None


async def verify(house: House, participant: str) -> Verdict:
    """Check a participant's journal and its signed heads."""
    house.member(participant)
    return await house.store.read(
        lambda unit: verification.verify(unit.conn, participant, keyring.periods(unit, participant, participant))
    )


def signed_by(unit: Unit, participant: str, party: str, head: Signed) -> bool:
    """Tell whether a party, one of ours or a peer as one of ours knows it, signed a head with a key that was its own then."""
    try:
        at = clock.seconds(head.head.at)
    except ValueError:
        return False
    return head.head.participant == party and head.by(keyring.periods(unit, participant, party), at)


def _due(unit: Unit, participant: str) -> float | None:
    """Return in how many seconds a head is due, by the time of the last one or else of the first record."""
    last = unit.heads.last(participant)
    covered = last.last if last else 0
    if unit.heads.written(participant) <= covered:
        return None
    first = last.at if last else clock.seconds(unit.heads.record_at(participant, 1) or clock.iso(unit.now))
    return max(0.0, first + EVERY_SECONDS - unit.now)


async def _covered(house: House, participant: str) -> int:
    last = await house.store.read(lambda unit: unit.heads.last(participant))
    return last.last if last else 0


async def _sign(house: House, participant: str) -> None:
    """Sign the next head; nothing happens when another process of ours was faster."""
    draft = await house.store.read(lambda unit: _draft(unit, participant))
    if draft.wanted <= 0:
        return
    if len(draft.hashes) != draft.wanted:
        raise WrongState("journal_incomplete", participant=participant)
    now = house.now()
    earlier = heads.read(draft.earlier.jws) if draft.earlier else None
    head = heads.following(earlier, draft.hashes, participant=participant, at=clock.iso(now))
    text = heads.sign(house.member(participant).seal, head)
    row = SealedHead(participant, head.number, head.first, head.last, now, heads.read(text).digest, text)

    def work(unit: Unit) -> None:
        if unit.heads.last(participant) == draft.earlier:
            unit.heads.add(row)

    await house.store.write(work)


def _draft(unit: Unit, participant: str) -> _Draft:
    earlier = unit.heads.last(participant)
    first = earlier.last + 1 if earlier else 1
    number, _ = journal.head(unit.conn, participant)
    last = min(number, first + MOST_RECORDS - 1)
    return _Draft(earlier, last - first + 1, unit.heads.hashes(participant, first, last))
