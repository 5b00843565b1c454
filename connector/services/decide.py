"""What we answer: one pure function over a situation. A script in its place is another implementation of the same interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connector.protocol import negotiation, transfer
from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATION, Role

PERSON = "person"
PEERS_PERSON = "peers-person"
POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Situation:
    """A process after a message was applied or a move of ours took effect.

    Attributes:
        cause: `applied` (the peer's move) or `effect` (ours); `move` is that move.
        dataset, agreement: ids, where known.
        opened: the move opened the process. moves: how many moves we have made in it.
        unchanged: the offer on the table is one of ours (as provider), or the one we asked for (as consumer).
        within_limit: an offer that is not ours is provably within the limit of the owner; None where there is no limit.
        approval: `person` where the offer asks for one. approved: an operator who may approve put that offer on the table.
        permitted, reasons: what the policy says now, and which rules refuse.
        recovers: a policy that refuses now can permit again by time alone, or by a duty that can still be done.
        paused: we suspended the transfer because its policy refused, and nobody has moved it since.
        sealed: as provider of a verified contract: the seals that the peer owes us are here.
    """

    protocol: str
    role: Role
    state: str
    cause: Literal["applied", "effect"]
    move: str
    now: float
    dataset: str | None = None
    agreement: str | None = None
    opened: bool = False
    moves: int = 0
    unchanged: bool = False
    within_limit: bool | None = None
    approval: str | None = None
    approved: bool = False
    permitted: bool = False
    reasons: tuple[str, ...] = ()
    sealed: bool = True
    recovers: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """No move, or a move and the earliest time to send it.

    `waits` is `person` when an operator has to decide, `policy` when a transfer goes on as soon as its policy permits. `by` is
    who moves, for the journal.
    """

    move: str | None = None
    not_before: float = 0.0
    waits: str | None = None
    code: str | None = None
    reasons: tuple[str, ...] = ()
    by: str = "automation"


Decide = Callable[[Situation], Decision]
NOTHING = Decision()
_ASK = Decision(waits=PERSON)


def automatic(situation: Situation) -> Decision:
    """Decide as this product does: agree to our own offers, and to less, when policy permits; ask a person; else refuse."""
    key = (situation.protocol, situation.role, situation.state)
    rule = _RULES.get(key)
    return rule(situation) if rule else NOTHING


def _requested(situation: Situation) -> Decision:
    if situation.cause != "applied":
        return NOTHING
    if not situation.unchanged and not situation.within_limit:
        return _refuse("offer_changed") if situation.opened and situation.within_limit is None else _ASK
    if not situation.permitted:
        return _refuse("policy_refuses", *situation.reasons)
    return _ASK if situation.approval == PERSON else Decision(negotiation.AGREEMENT)


def _accepted(situation: Situation) -> Decision:
    if not situation.permitted:
        return _refuse("policy_refuses", *situation.reasons)
    return _ASK if situation.approval == PERSON and not situation.approved else Decision(negotiation.AGREEMENT)


def _offered(situation: Situation) -> Decision:
    if situation.cause != "applied":
        return NOTHING
    return Decision(negotiation.ACCEPTED_EVENT) if situation.unchanged else _ASK


def _agreed(_situation: Situation) -> Decision:
    return Decision(negotiation.VERIFICATION)


def _verified(situation: Situation) -> Decision:
    # VERIFIED may have been adopted from a GET; the verification with its seal is still to come then.
    return Decision(negotiation.FINALIZED_EVENT) if situation.sealed else NOTHING


def _start(situation: Situation) -> Decision:
    if situation.cause != "applied" or situation.move not in (transfer.REQUEST, transfer.START):
        return NOTHING
    if situation.permitted:
        return Decision(transfer.START)
    if situation.state == transfer.STARTED and situation.recovers:
        return Decision(transfer.SUSPENSION, waits=POLICY, code="policy_refuses", reasons=situation.reasons, by=POLICY)
    return _refuse("policy_refuses", *situation.reasons)


def _suspended(situation: Situation) -> Decision:
    """Go on with what only its policy held up, or end it where the policy will not permit it any more."""
    if not situation.paused:
        return NOTHING
    if situation.permitted:
        return Decision(transfer.START, by=POLICY)
    return NOTHING if situation.recovers else _refuse("policy_refuses", *situation.reasons)


def _refuse(code: str, *reasons: str) -> Decision:
    return Decision(TERMINATION, code=code, reasons=reasons)


_RULES: dict[tuple[str, Role, str], Decide] = {
    ("negotiation", PROVIDER, negotiation.REQUESTED): _requested,
    ("negotiation", PROVIDER, negotiation.ACCEPTED): _accepted,
    ("negotiation", PROVIDER, negotiation.VERIFIED): _verified,
    ("negotiation", CONSUMER, negotiation.OFFERED): _offered,
    ("negotiation", CONSUMER, negotiation.AGREED): _agreed,
    ("transfer", PROVIDER, transfer.REQUESTED): _start,
    ("transfer", PROVIDER, transfer.STARTED): _start,
    ("transfer", PROVIDER, transfer.SUSPENDED): _suspended,
}
