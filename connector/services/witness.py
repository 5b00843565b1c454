"""Neighbours as witnesses: a participant fetches the signed heads of its peers, keeps them, and lends them to their signers.

A history that is rewritten, however consistently, is another one than what the neighbours hold: they notice by themselves, and
whoever asks them (`compare`) learns it too. Only between pinned peers of ours that announce it in their DID documents.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from connector.errors import ConnectorError, Unreachable
from connector.evidence import heads as pure
from connector.evidence.heads import Signed
from connector.identity import document as documents
from connector.peer.call import expect
from connector.protocol import context
from connector.services import heads
from connector.services.house import House
from connector.services.receive import Speaker, with_token
from connector.services.speak import speak
from connector.store.heads import GONE_BACK, SET_ASIDE, WitnessedHeadRow
from connector.store.parties import PINNED, Peer
from connector.store.unit import Unit

log = logging.getLogger(__name__)
PAGE: Final = 100
MOST_PAGES: Final = 1000
_AT_ONCE: Final = 20
REUSED, BROKEN = "head_number_reused", "head_link_broken"
"""How a peer's head contradicts those before it: the same number and other content; not following them."""

Found = Literal["same", "other", "more", "foreign", "silent"]


@dataclass(frozen=True, slots=True)
class Witness:
    """What a peer holds of our heads.

    Attributes:
        peer: its DID.
        found: `same` (all that it holds are ours), `other` (our journal has another head of that number), `more` (our journal has
            no head of that number), `foreign` (not signed by us), `silent` (it could not be asked).
        heads: how many of our heads it showed.
        number: of the head that differs, or of the last one it holds.
        held: the JWS of the head that differs.
        reason: the code of why it was silent.
    """

    peer: str
    found: Found
    heads: int = 0
    number: int = 0
    held: str | None = None
    reason: str | None = None


# What peers ask of us


async def ours(house: House, speaker: Speaker, after: int) -> dict[str, Any]:
    """Return the next heads of ours for a peer that fetches them: `heads` (JWS), and the number of the `last` there is."""

    def work(unit: Unit) -> dict[str, Any]:
        last = unit.heads.last(speaker.member.id)
        rows = unit.heads.page(speaker.member.id, after=after, limit=PAGE)
        return {"heads": [row.jws for row in rows], "last": last.number if last else 0}

    return await with_token(house, speaker, work)


async def theirs(house: House, speaker: Speaker, after: int) -> dict[str, Any]:
    """Return the next heads that a peer itself signed and that we hold."""

    def work(unit: Unit) -> dict[str, Any]:
        last = unit.heads.last_witnessed(speaker.member.id, speaker.caller.peer)
        rows = unit.heads.witnessed(speaker.member.id, speaker.caller.peer, after=after, limit=PAGE)
        return {"heads": [row.jws for row in rows], "last": last.number if last else 0}

    return await with_token(house, speaker, work)


# What we ask of peers


async def fetch_all(house: House, participant: str) -> int:
    """Fetch the heads of every peer that announces them, and return how many are new; who cannot be asked is passed by."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(peer: Peer) -> int:
        async with turns:
            try:
                return await fetch(house, participant, peer.id)
            except ConnectorError as error:
                log.info("no heads from a peer: participant=%s peer=%s code=%s", participant, peer.id, error.code)
                return 0

    await _left(house, participant)
    return sum(await asyncio.gather(*(one(peer) for peer in await _witnesses(house, participant))))


async def fetch(house: House, participant: str, peer: str) -> int:
    """Fetch a peer's new heads and keep them; return how many are new. What contradicts earlier ones is kept as evidence.

    Raises:
        Missing, WrongState, Unreachable: as `speak`. Unreachable: `heads_unreadable`.
    """
    new = 0
    for _ in range(MOST_PAGES):
        last = await house.store.read(lambda unit: unit.heads.last_witnessed(participant, peer))
        # From the last one on that we hold, so that we see whether the peer still has it.
        shown, end = await page_of(house, participant, peer, "heads", last.number - 1 if last else 0)
        taken = await house.store.write(partial(_take, participant, peer, shown))
        new += taken
        if not taken or shown[-1].head.number >= end:
            break
    return new


async def compare(house: House, participant: str) -> list[Witness]:
    """Ask every peer which of our heads it holds, and compare them with our own."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(peer: Peer) -> Witness:
        async with turns:
            try:
                return await _compared(house, participant, peer.id)
            except ConnectorError as error:
                return Witness(peer.id, "silent", reason=error.code)

    return list(await asyncio.gather(*(one(peer) for peer in await _witnesses(house, participant))))


async def _compared(house: House, participant: str, peer: str) -> Witness:
    count, number = 0, 0
    for _ in range(MOST_PAGES):
        shown, end = await page_of(house, participant, peer, "witnessed", number)
        for one in shown:
            found = await house.store.read(partial(_one, participant, one))
            if found != "same":
                return Witness(peer, found, count, one.head.number, one.text)
            count, number = count + 1, one.head.number
        if not shown or number >= end:
            break
    return Witness(peer, "same", count, number)


def _one(participant: str, shown: Signed, unit: Unit) -> Found:
    if not heads.signed_by(unit, participant, participant, shown):
        return "foreign"
    own = unit.heads.get(participant, shown.head.number)
    if own is None:
        return "more"
    return "same" if own.digest == shown.digest else "other"


async def page_of(
    house: House, participant: str, peer: str, what: Literal["heads", "witnessed"], after: int
) -> tuple[list[Signed], int]:
    """Return the next heads that a peer shows, its own or ours, and the number of the last.

    Raises:
        Unreachable: `heads_unreadable`. Others: as `speak`.
    """
    known = await house.peer(participant, peer)
    base = known.row.base if known else ""
    body = expect(await speak(house, participant, peer, "GET", f"{base}/journal/{what}?after={after}"))
    shown, last = (body.get("heads"), body.get("last")) if isinstance(body, dict) else (None, None)
    if not isinstance(shown, list) or len(shown) > PAGE or not isinstance(last, int):
        raise Unreachable("heads_unreadable", peer=peer)
    try:
        return [pure.read(text) for text in shown], last
    except (ValueError, AttributeError, TypeError):
        raise Unreachable("heads_unreadable", peer=peer) from None


def _take(participant: str, peer: str, shown: Sequence[Signed], unit: Unit) -> int:
    """Keep the heads that follow those we hold, and the first that contradicts them; return how many follow.

    Raises:
        Unreachable: `heads_unreadable`, one is not signed by the peer.
    """
    if not all(heads.signed_by(unit, participant, peer, one) for one in shown):
        raise Unreachable("heads_unreadable", peer=peer)
    held, new = unit.heads.last_witnessed(participant, peer), 0
    missing = held is not None and held.digest not in {one.digest for one in shown}
    for one in shown:
        if held is not None and one.digest == held.digest:
            continue
        earlier = pure.read(held.jws) if held else None
        follows = pure.follows(earlier.head if earlier else None, earlier.digest if earlier else None, one.head)
        if not follows:
            code = REUSED if held is not None and one.head.number <= held.number else BROKEN
            _contradicts(unit, participant, peer, one, code)
            return new
        held = WitnessedHeadRow(participant, peer, one.digest, one.head.number, unit.now, one.text)
        unit.heads.witness(held)
        new += 1
    if held is not None and held.contradicts != (GONE_BACK if missing else None):
        _gone_back(unit, held, GONE_BACK if missing else None)
    return new


def _contradicts(unit: Unit, participant: str, peer: str, shown: Signed, code: str) -> None:
    held = unit.heads.held(participant, peer, shown.digest)
    if held is None:
        unit.heads.witness(
            WitnessedHeadRow(participant, peer, shown.digest, shown.head.number, unit.now, shown.text, code)
        )
    elif held.contradicts == SET_ASIDE:
        # The operator accepted another branch, and the peer is back on this one.
        unit.heads.contradict(participant, peer, shown.digest, code)
    else:
        return
    unit.record(participant, "peer.head-contradicts", peer, code=code, head=shown.head.number, digest=shown.digest)
    log.error("a peer's signed head contradicts an earlier one: peer=%s head=%s code=%s", peer, shown.head.number, code)


def _gone_back(unit: Unit, held: WitnessedHeadRow, code: str | None) -> None:
    """Mark the last head that we hold as one that its signer does not show any more, or as shown again."""
    unit.heads.contradict(held.participant, held.peer, held.digest, code)
    kind = "peer.head-contradicts" if code else "peer.head-agrees"
    unit.record(held.participant, kind, held.peer, code=code, head=held.number, digest=held.digest)
    if code:
        log.error("a peer does not show a head any more that it signed: peer=%s head=%s", held.peer, held.number)


async def _left(house: House, participant: str) -> None:
    """Mark the last heads of peers that announce none any more: whoever wants its history forgotten would do just that."""

    def silent(unit: Unit) -> list[WitnessedHeadRow]:
        quiet = [row.id for row in unit.peers.list(participant) if row.state == PINNED and not announces(row)]
        held = [unit.heads.last_witnessed(participant, peer) for peer in quiet]
        return [row for row in held if row is not None and row.contradicts is None]

    if not await house.store.read(silent):
        return

    def work(unit: Unit) -> None:
        for row in silent(unit):
            _gone_back(unit, row, GONE_BACK)

    await house.store.write(work)


async def _witnesses(house: House, participant: str) -> list[Peer]:
    """Return the pinned peers that announce that they give and take heads."""
    rows = await house.store.read(lambda unit: unit.peers.list(participant))
    return [row for row in rows if row.state == PINNED and announces(row)]


def announces(row: Peer) -> bool:
    """Tell whether a peer takes part in what lies at `<base>/journal/...`."""
    return row.document is not None and context.HEADS in documents.read(row.id, row.document).announces
