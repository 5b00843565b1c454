"""Accepting that a peer goes on from other heads than those that we witnessed, as after a restore from its backup.

That is for a person to decide, who has asked the other side what has happened. What was witnessed stays as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from connector.errors import Unreachable, WrongState
from connector.evidence import heads as pure
from connector.evidence.heads import Signed
from connector.services import heads, witness
from connector.services.house import House
from connector.services.retention import referred
from connector.store.heads import SET_ASIDE, WitnessedHeadRow
from connector.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a peer goes on from: the number of its last head, and how many that we witnessed are set aside."""

    peer: str
    head: int
    set_aside: int


async def accept(house: House, participant: str, peer: str, *, reference: str, by: str) -> Accepted:
    """Accept the heads that a peer shows now, on a decision that `reference` names; those that it does not show are set aside.

    Raises:
        Missing: `participant_unknown`, `peer_unknown`. Invalid: `journal_reference`. WrongState: `heads_agree`, there is no
            contradiction to accept; as `speak`. Unreachable: `heads_unreadable`, what it shows is no chain signed by it.
    """
    house.member(participant)
    decision = referred(reference)
    kept = await house.store.read(lambda unit: unit.heads.contradictions(participant))
    if not any(row.peer == peer for row in kept):
        raise WrongState("heads_agree", peer=peer)
    known = await house.peer(participant, peer)
    shown = await _chain(house, participant, peer) if known and witness.announces(known.row) else []
    return await house.store.write(partial(_accept, participant, peer, shown, decision, by))


async def _chain(house: House, participant: str, peer: str) -> list[Signed]:
    """Return every head of a peer's from the first on."""
    chain: list[Signed] = []
    for _ in range(witness.MOST_PAGES):
        shown, end = await witness.page_of(house, participant, peer, "heads", len(chain))
        for one in shown:
            earlier = chain[-1] if chain else None
            if not pure.follows(earlier.head if earlier else None, earlier.digest if earlier else None, one.head):
                raise Unreachable("heads_unreadable", peer=peer)
            chain.append(one)
        if not shown or len(chain) >= end:
            break
    return chain


def _accept(participant: str, peer: str, shown: list[Signed], reference: str, by: str, unit: Unit) -> Accepted:
    if not all(heads.signed_by(unit, participant, peer, one) for one in shown):
        raise Unreachable("heads_unreadable", peer=peer)
    marks, branch = unit.heads.marks(participant, peer), {one.digest for one in shown}
    aside = [digest for digest, (_, mark) in marks.items() if digest not in branch and mark != SET_ASIDE]
    for digest in aside:
        unit.heads.contradict(participant, peer, digest, SET_ASIDE)
    for one in shown:
        _, mark = marks.get(one.digest, (0, None))
        if one.digest not in marks:
            unit.heads.witness(WitnessedHeadRow(participant, peer, one.digest, one.head.number, unit.now, one.text))
        elif mark is not None:
            unit.heads.contradict(participant, peer, one.digest, None)
    last = shown[-1].head.number if shown else 0
    unit.record(
        participant, "peer.branch-accepted", peer,
        by=by, reference=reference, head=last, digest=shown[-1].digest if shown else None, set_aside=len(aside),
    )  # fmt: skip
    return Accepted(peer, last, len(aside))
