"""What a negotiation is about: offers of ours, offers on the table, agreements. See `exchange.Subject`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from connector import canonical, clock, ids
from connector.errors import BadMessage, ConnectorError, TooLarge, TooMany, Unknown, WrongState
from connector.evidence import document, seal
from connector.policy.compare import differences
from connector.policy.world import Request
from connector.protocol import catalog, messages, negotiation
from connector.protocol.context import PURPOSE
from connector.protocol.machine import CONSUMER, PROVIDER
from connector.protocol.messages import Message
from connector.services import declared, facts, ledger, limits, permission, sealing, tabled
from connector.services.decide import Situation
from connector.services.exchange import Content
from connector.services.office import Office
from connector.services.sealing import AgreementDiffers
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.offers import NEGOTIATION, RETIRED, Offer
from connector.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Negotiations:
    """The subject of negotiations."""

    def open(self, unit: Unit, office: Office, exchange: Exchange, message: Message) -> None:
        """Store what a peer's request or unsolicited offer is about.

        Raises:
            Unknown: `offer_unknown`: no such offer that this peer may see (as provider).
            BadMessage: `offer_invalid`. TooLarge: `offer_too_large`. TooMany: `offers_too_large`.
        """
        offer, size = offer_in(message, office)
        row = None
        if exchange.turn.role == PROVIDER:
            row = visible_offer(unit, exchange, offer["@id"])
            if row is None or offer.get("target") not in (None, row.dataset):
                raise Unknown("offer_unknown", field="/offer/@id")
            sealable(unit, exchange.participant, exchange.peer, row)
        dataset = row.dataset if row else str(offer.get("target", ""))
        if not ids.acceptable(dataset):
            raise BadMessage("offer_invalid", field="/offer/target")
        _check_total(unit, office, exchange, size)
        by = exchange.turn.peer
        same = row is not None and not differences(row.document, offer)
        unit.contracts.add(
            Contract(
                exchange.pid, exchange.participant, exchange.peer, exchange.turn.role, dataset, offer, by,
                exchange.created, row.id if row and same else None, offered_bytes=size,
                purpose=declared.stated(message), basis=row.id if row else None,
            )
        )  # fmt: skip

    def take(self, unit: Unit, office: Office, exchange: Exchange, message: Message) -> None:
        """Store a counter-request, an offer, an agreement or the seal of a verification.

        Raises:
            AgreementDiffers: the agreement or a seal is not what it has to be. Others: as `open`.
        """
        if message.move in (negotiation.REQUEST, negotiation.OFFER):
            self._take_offer(unit, office, exchange, message)
        elif message.move == negotiation.AGREEMENT:
            self._take_agreement(unit, exchange, message)
        elif message.move == negotiation.VERIFICATION:
            contract = self._contract(unit, exchange)
            sealing.check(unit, exchange, contract, message, seal.VERIFICATION, contract.agreement or {})

    def _take_offer(self, unit: Unit, office: Office, exchange: Exchange, message: Message) -> None:
        (offer, size), contract = offer_in(message, office), self._contract(unit, exchange)
        if offer.get("target") not in (None, contract.dataset):
            raise BadMessage("offer_invalid", field="/offer/target")
        _check_total(unit, office, exchange, size)
        row, taken = self._same_row(unit, exchange, contract, offer), (contract.offered_bytes or 0) + size
        values = {
            "offer_by": exchange.turn.peer,
            "offer_row": row,
            "approved_by": None,
            "offered_bytes": taken,
            "purpose": declared.stated(message) or contract.purpose,
        }
        unit.contracts.change(exchange.pid, offer=offer, **values)

    def _same_row(self, unit: Unit, exchange: Exchange, contract: Contract, offer: dict[str, Any]) -> str | None:
        """Return the offer row of ours that a counter-request equals; as consumer, keep the row we asked for if unchanged."""
        if exchange.turn.role == CONSUMER:
            return contract.id if not differences(contract.offer, offer) and contract.offer_by == CONSUMER else None
        row = self._fitting(unit, exchange, contract, offer)
        if row:
            sealable(unit, exchange.participant, exchange.peer, row)
        return row.id if row and (row.origin != "catalog" or _visible(unit, exchange, row)) else None

    def _fitting(self, unit: Unit, exchange: Exchange, contract: Contract, offer: dict[str, Any]) -> Offer | None:
        row = unit.offers.get(exchange.participant, offer["@id"])
        if row is not None and row.origin == RETIRED and row.id != contract.basis:
            return None
        return row if row and row.dataset == contract.dataset and not differences(row.document, offer) else None

    def _back(self, unit: Unit, exchange: Exchange) -> None:
        """Put back on the table what was there before a counter of ours that the peer did not take."""
        contract = self._contract(unit, exchange)
        found = tabled.before(unit, exchange, contract)
        if found is None:
            return
        offer, by = found
        row = self._fitting(unit, exchange, contract, offer) if exchange.turn.role == PROVIDER else None
        kept = row.id if row and (row.origin != "catalog" or _visible(unit, exchange, row)) else None
        unit.contracts.change(exchange.pid, offer=offer, offer_by=by, offer_row=kept, approved_by=None)

    def _take_agreement(self, unit: Unit, exchange: Exchange, message: Message) -> None:
        found, contract = messages.member(message, "agreement"), self._contract(unit, exchange)
        wrong = document.faults(
            found, contract.offer, target=contract.dataset, assigner=exchange.peer,
            assignee=exchange.participant, asked=contract.asked, now=unit.now, purpose=contract.purpose,
        )  # fmt: skip
        if not wrong and not ids.acceptable(found["@id"]):
            wrong = ("/@id",)
        held = unit.contracts.by_agreement(exchange.participant, exchange.peer, str(found.get("@id")), CONSUMER)
        if wrong or (held is not None and held.id != exchange.pid):
            raise AgreementDiffers("agreement_differs", field="/agreement" + (wrong[0] if wrong else "/@id"))
        declared.compare(unit, contract, found)
        sealing.check(unit, exchange, contract, message, seal.AGREEMENT, found)
        unit.contracts.change(exchange.pid, agreement_id=found["@id"], agreement=found, agreed=unit.now)

    def content(self, unit: Unit, office: Office, exchange: Exchange, move: str, *, by: str) -> Content:  # noqa: ARG002
        """Return the offer or agreement that our move carries."""
        contract = self._contract(unit, exchange)
        if move in (negotiation.REQUEST, negotiation.OFFER):
            offer = self._ours(unit, exchange, contract) if move == negotiation.OFFER else contract.offer
            first = exchange.turn.state is None
            callback = office.root(exchange.participant) + "/dsp/2025-1" if first else None
            purpose = contract.purpose if move == negotiation.REQUEST else None
            return Content({"offer": offer, "callbackAddress": callback, PURPOSE: purpose})
        if move == negotiation.AGREEMENT:
            agreement, policy = self._agree(unit, office, exchange, contract)
            member = sealing.made(unit, office, exchange, self._contract(unit, exchange), seal.AGREEMENT, policy=policy)
            return Content({"agreement": agreement} | member)
        if move == negotiation.VERIFICATION:
            member = sealing.made(unit, office, exchange, contract, seal.VERIFICATION)
            unit.contracts.change(exchange.pid, sealed=sealing.sided(unit, exchange))
            return Content(member)
        if move == negotiation.FINALIZED_EVENT:
            self._complete(unit, exchange)
        return Content({})

    def _complete(self, unit: Unit, exchange: Exchange) -> None:
        """Note how a contract is sealed that is about to be final; `situation` has kept an unsealed one from it (I1)."""
        if not sealing.complete(unit, exchange):
            raise ConnectorError("seal_missing", id=exchange.pid)
        unit.contracts.change(exchange.pid, sealed=sealing.sided(unit, exchange))

    def _ours(self, unit: Unit, exchange: Exchange, contract: Contract) -> dict[str, Any]:
        """Put the offer row of ours on the table."""
        row = self._row(unit, exchange, contract)
        offer = row.document | {"target": row.dataset}
        unit.contracts.change(exchange.pid, offer=offer, offer_by=PROVIDER)
        return offer

    def _row(self, unit: Unit, exchange: Exchange, contract: Contract) -> Offer:
        row = unit.offers.get(exchange.participant, contract.offer_row) if contract.offer_row else None
        if row is None:
            raise WrongState("offer_not_ours")
        return row

    def _agree(
        self, unit: Unit, office: Office, exchange: Exchange, contract: Contract
    ) -> tuple[dict[str, Any], str | None]:
        """Make the agreement from the offer row of ours, never from what the peer sent; return it with its policy's digest.

        What is provably within the owner's limit becomes such a row here.
        """
        row = self._within(unit, contract) or self._row(unit, exchange, contract)
        made = document.agreement(
            row.document, agreement_id=office.new_id(), target=contract.dataset, assigner=exchange.participant,
            assignee=exchange.peer, timestamp=clock.iso(unit.now), purpose=contract.purpose,
        )  # fmt: skip
        unit.contracts.change(exchange.pid, agreement_id=made["@id"], agreement=made, agreed=unit.now)
        return made, row.policy or None

    def _within(self, unit: Unit, contract: Contract) -> Offer | None:
        found = limits.asked(unit, contract)
        if found is None or not found.within:
            return None
        row = keep(unit, contract, found.rules, "automation")
        unit.contracts.change(contract.id, offer_row=row.id)
        unit.record(
            contract.participant, "negotiation.within_limit", contract.id,
            peer=contract.peer, basis=found.basis.id, limit=found.basis.limit_policy, offer=row.id, policy=row.policy,
        )  # fmt: skip
        return row

    def situation(self, unit: Unit, exchange: Exchange, cause: Literal["applied", "effect"], move: str) -> Situation:
        """Return what is decided on: is the offer ours and unchanged, and what does its policy say now."""
        contract, now = self._contract(unit, exchange), unit.now
        found = Situation(
            "negotiation", exchange.turn.role, exchange.turn.shown, cause, move, now,
            dataset=contract.dataset, agreement=contract.agreement_id,
            opened=exchange.turn.seq == 0, moves=exchange.turn.seq, unchanged=contract.offer_row is not None,
            sealed=exchange.turn.state != negotiation.VERIFIED or sealing.complete(unit, exchange),
        )  # fmt: skip
        if exchange.turn.role != PROVIDER:
            return found
        row = unit.offers.get(exchange.participant, contract.offer_row) if contract.offer_row else None
        if row is not None:
            judged = self._judged(unit, contract, row.document, found)
            return replace(judged, approval=row.approval, approved=contract.approved_by is not None)
        return self._limited(unit, contract, found)

    def _limited(self, unit: Unit, contract: Contract, found: Situation) -> Situation:
        """Add what the limit of our offer's owner says about rules that are not ours."""
        asked = limits.asked(unit, contract)
        if asked is None or not asked.limited:
            return found
        if found.cause == "applied" and found.move == negotiation.REQUEST:
            limits.demand(asked)
        judged = self._judged(unit, contract, asked.rules, found)
        return replace(judged, approval=asked.basis.approval, within_limit=asked.within)

    def _judged(self, unit: Unit, contract: Contract, rules: dict[str, Any], found: Situation) -> Situation:
        """Add what rules say now of the consumer reading the dataset."""
        # Duties come with the agreement: none can be done before it, so that one waits is no reason to refuse it.
        known = facts.of_peer(
            unit, contract.participant, contract.peer, purpose=contract.purpose, lenient=True,
            transforms=facts.transforms(unit, contract.participant, contract.dataset),
        )  # fmt: skip
        verdict = permission.verdict(rules, Request(facts.READ, contract.dataset, contract.peer, found.now), known)
        return replace(found, permitted=verdict.permits, reasons=verdict.told)

    def changed(self, unit: Unit, office: Office, exchange: Exchange, *, by: str) -> None:  # noqa: ARG002 - the protocol's
        """Let the duties of an agreement begin when it is final; access belongs to transfers."""
        if exchange.turn.state == negotiation.FINALIZED:
            ledger.begin(unit, office, self._contract(unit, exchange))
        elif exchange.turn.stalled is not None and exchange.turn.pending is None and not exchange.turn.ended:
            self._back(unit, exchange)

    def _contract(self, unit: Unit, exchange: Exchange) -> Contract:
        contract = unit.contracts.get(exchange.pid)
        if contract is None:
            raise ConnectorError("contract_missing", id=exchange.pid)
        return contract


def keep(unit: Unit, contract: Contract, rules: dict[str, Any], by: str) -> Offer:
    """Store an offer of a negotiation as a row of ours, under a fresh id."""
    fresh = ids.new()
    document, rendered = catalog.offer(fresh, rules)
    digest = canonical.digest(document)
    basis = unit.offers.get(contract.participant, contract.basis) if contract.basis else None
    row = Offer(
        contract.participant, fresh, contract.dataset, NEGOTIATION, digest, document, rendered, unit.now, by,
        seal=basis.seal if basis else None,
    )  # fmt: skip
    unit.offers.add(row)
    return row


def offer_in(message: Message, office: Office) -> tuple[dict[str, Any], int]:
    """Return the offer that a message carries, with an acceptable `@id`, and its size in bytes, which is acceptable too."""
    offer = messages.member(message, "offer")
    if not ids.acceptable(offer.get("@id")):
        raise BadMessage("offer_invalid", field="/offer/@id")
    size = len(orjson.dumps(offer))
    if size > office.limits.policy_bytes:
        raise TooLarge("offer_too_large", field="/offer", limit_bytes=office.limits.policy_bytes)
    return offer, size


def _check_total(unit: Unit, office: Office, exchange: Exchange, size: int) -> None:
    """Bound what a peer's offers take in all its open negotiations, those that were replaced included (A.2 row 36)."""
    limit = office.limits.policies_bytes
    if unit.contracts.offered_bytes(exchange.participant, exchange.peer) + size > limit:
        raise TooMany("offers_too_large", field="/offer", limit_bytes=limit, retry_after_seconds=60)


def sealable(unit: Unit, participant: str, peer: str, row: Offer) -> None:
    """Refuse a plain peer where an offer asks for both parties' seals. Raises BadMessage `seal_required`."""
    if row.seal is not None and sealing.plain(unit, participant, peer):
        raise BadMessage("seal_required", field="/offer/@id")


def visible_offer(unit: Unit, exchange: Exchange, offer: str) -> Offer | None:
    """Return a catalogue offer if the peer may see it. Raises Unknown `offer_replaced` for one that it could see before."""
    row = unit.offers.get(exchange.participant, offer)
    if row is None or row.origin == NEGOTIATION or not _visible(unit, exchange, row):
        return None
    if row.origin == RETIRED:
        raise Unknown("offer_replaced", field="/offer/@id")
    return row


def _visible(unit: Unit, exchange: Exchange, row: Offer) -> bool:
    if row.access is None:
        return True
    policy = unit.policies.get(exchange.participant, row.access)
    if policy is None:
        return False
    known = facts.of_peer(unit, exchange.participant, exchange.peer)
    return permission.permits(policy.document, Request(facts.READ, row.dataset, exchange.peer, unit.now), known)
