"""How processes are shown to operators: the specification's state, and what everything waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector import clock
from connector.protocol.negotiation import FINALIZED, VERIFIED
from connector.services.comparison import Comparison
from connector.services.decide import PERSON, POLICY
from connector.store.contracts import Contract, Transfer
from connector.store.duties import FULFILLED, Duty
from connector.store.exchanges import Exchange


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a process does not go on.

    Attributes:
        waits_for: `person` (ours, or where the peer says so its own), `peer`, `us` (our message has not been acknowledged),
            `policy` (it goes on by itself as soon as the policy permits), or
            None (it has ended or runs).
        why: a code of the texts catalogue. next_attempt: an xsd:dateTime. last_error: code or HTTP status.
        stalled: a code when neither side can go on by itself. unconfirmed: it ended here, the peer has not confirmed it.
        final: the state is terminal.
    """

    waits_for: str | None
    why: str | None
    next_attempt: str | None
    attempts: int
    last_error: str | None
    stalled: str | None
    unconfirmed: bool
    final: bool


@dataclass(frozen=True, slots=True)
class DutyView:
    """A duty of an agreement. Times are xsd:dateTimes.

    Attributes:
        duty: its `uid` or its JSON pointer in the agreement.
        ours: whether we have to do it; else the peer has to.
        trigger, since: the IRI of what it waits for, and when that happened.
        overdue: the time is up and it is not done.
        evidence: the SHA-256 of the evidence.
        told: whether the other party knows of its fulfilment: `pending`, `told`, `refused`; null where it is recorded here alone.
    """

    id: str
    contract: str
    peer: str
    duty: str
    kind: str
    action: str
    ours: bool
    state: str
    trigger: str
    since: str | None
    due: str | None
    overdue: bool
    evidence: str | None
    evidence_bytes: int | None
    note: str | None
    by: str | None
    at: str | None
    told: str | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract: a negotiation and, once there is one, its agreement. Times are xsd:dateTimes.

    `purpose` is the IRI of what the consumer declared that it wants the data for.
    `difference` is there while, as provider, we look at rules of the consumer's own, or, as consumer, at an offer that the
    provider answered our request with; `duties` where one contract is shown.
    `sealed` is `two-sided`, `one-sided` (the peer does not seal its contracts) or None: not verified yet.
    """

    id: str
    state: str
    role: str
    peer: str
    peer_pid: str | None
    dataset: str
    offer: dict[str, Any]
    agreement: dict[str, Any] | None
    agreement_id: str | None
    agreed: str | None
    created: str
    updated: str
    reasons: list[str]
    waiting: Waiting
    purpose: str | None = None
    difference: Comparison | None = None
    sealed: str | None = None
    duties: list[DutyView] | None = None


@dataclass(frozen=True, slots=True)
class TransferView:
    """A transfer under a contract. Times are xsd:dateTimes."""

    id: str
    state: str
    role: str
    peer: str
    peer_pid: str | None
    contract: str
    agreement_id: str
    dataset: str
    format: str
    created: str
    updated: str
    reasons: list[str]
    waiting: Waiting


def contract_view(exchange: Exchange, contract: Contract) -> ContractView:
    """Return a contract as operators see it."""
    return ContractView(
        id=exchange.pid, state=exchange.turn.shown, role=exchange.turn.role, peer=exchange.peer,
        peer_pid=exchange.peer_pid, dataset=contract.dataset, offer=contract.offer, agreement=contract.agreement,
        agreement_id=contract.agreement_id, agreed=clock.iso(contract.agreed) if contract.agreed else None,
        created=clock.iso(exchange.created), updated=clock.iso(exchange.updated or exchange.created),
        reasons=list(exchange.reasons), waiting=waiting(exchange), purpose=contract.purpose,
        sealed=contract.sealed if exchange.turn.state in (VERIFIED, FINALIZED) else None,
    )  # fmt: skip


def duty_view(row: Duty, role: str, now: float) -> DutyView:
    """Return a duty as operators see it; `role` is ours in its contract."""
    return DutyView(
        id=row.id, contract=row.contract, peer=row.peer, duty=row.duty, kind=row.kind, action=row.action,
        ours=row.obliged == role, state=row.state, trigger=row.trigger, since=_iso(row.since), due=_iso(row.due),
        overdue=row.state != FULFILLED and row.due is not None and row.due < now, evidence=row.evidence,
        evidence_bytes=row.evidence_bytes, note=row.note, by=row.by, at=_iso(row.at), told=row.told,
    )  # fmt: skip


def _iso(moment: float | None) -> str | None:
    return None if moment is None else clock.iso(moment)


def transfer_view(exchange: Exchange, transfer: Transfer, dataset: str) -> TransferView:
    """Return a transfer as operators see it; its token is not shown."""
    return TransferView(
        id=exchange.pid, state=exchange.turn.shown, role=exchange.turn.role, peer=exchange.peer,
        peer_pid=exchange.peer_pid, contract=transfer.contract, agreement_id=transfer.agreement_id, dataset=dataset,
        format=transfer.format, created=clock.iso(exchange.created),
        updated=clock.iso(exchange.updated or exchange.created), reasons=list(exchange.reasons),
        waiting=waiting(exchange),
    )  # fmt: skip


def waiting(exchange: Exchange) -> Waiting:
    """Return what a process waits for."""
    turn = exchange.turn
    waits_for, why = _reason(exchange)
    retry = turn.pending is not None and exchange.next_attempt is not None
    return Waiting(
        waits_for=waits_for,
        why=why,
        next_attempt=clock.iso(exchange.next_attempt) if retry and exchange.next_attempt else None,
        attempts=exchange.attempts,
        last_error=exchange.last_error,
        stalled=turn.stalled,
        unconfirmed=turn.ended and not turn.confirmed,
        final=turn.ended,
    )


def _reason(exchange: Exchange) -> tuple[str | None, str | None]:
    turn = exchange.turn
    if turn.ended:
        return None, None if turn.confirmed else "ended_unconfirmed"
    if turn.pending is not None:
        return "us", "retry_later" if exchange.last_error else "being_sent"
    if turn.stalled is not None:
        return "person", turn.stalled
    if exchange.waits == POLICY:
        return POLICY, "policy_holds_up"
    if exchange.waits is not None:
        return PERSON, "person_decides" if exchange.waits == PERSON else "peers_person_decides"
    return (None, None) if turn.state == "STARTED" else ("peer", "peers_turn")
