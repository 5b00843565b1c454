"""An operator's verbs on contracts: ask, offer, approve, accept, counter, terminate, look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connector.errors import Invalid, Missing, WrongState
from connector.protocol import catalog as wire
from connector.protocol import negotiation
from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATION, Process, Role
from connector.services import catalog, cursors, declared, limits
from connector.services.comparison import Answered, answered, comparison
from connector.services.house import House
from connector.services.limits import Asked
from connector.services.negotiation import keep
from connector.services.speak import known
from connector.services.views import ContractView, contract_view, duty_view
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.unit import Unit


async def request(
    house: House,
    participant: str,
    peer: str,
    dataset: str,
    offer: str | None = None,
    *,
    by: str,
    purpose: str | None = None,
) -> ContractView:
    """Ask a peer for a contract on an offer of its catalogue (the only one, where none is named).

    `purpose` is what the data are wanted for: an IRI of the profile's purposes, prefixed or by its bare name.

    Raises:
        Missing: `peer_unknown`, `dataset_unknown`, `offer_unknown`. Invalid: `offer_ambiguous`, `purpose_unknown`.
        Unreachable: the peer's catalogue cannot be read.
    """
    wanted = declared.named(purpose)
    entry = await catalog.one(house, participant, peer, dataset)
    chosen = _choose(wire.offers_in(entry), offer)
    return await request_offer(house, participant, peer, dataset, chosen, by=by, purpose=wanted)


async def request_offer(
    house: House,
    participant: str,
    peer: str,
    dataset: str,
    offer: dict[str, Any],
    *,
    by: str,
    purpose: str | None = None,
) -> ContractView:
    """Ask a peer for a contract on an offer that is at hand, as its catalogue shows it; `purpose` is a full IRI."""
    asked = {name: value for name, value in offer.items() if name != "@context"} | {"@type": "Offer", "target": dataset}
    base = (await known(house, participant, peer)).row.base
    return await _open(house, CONSUMER, (participant, peer, base), dataset, asked, None, by, purpose=purpose)


async def offer(
    house: House,
    participant: str,
    peer: str,
    dataset: str,
    offer: str | None = None,
    *,
    by: str,
    approves: bool = False,
) -> ContractView:
    """Offer a peer a contract on a dataset of ours.

    Where the offer asks for a person's approval, this is one only if the operator `approves` (has that scope); otherwise the
    contract waits for one when the peer has accepted. Raises as `request`, and WrongState `peer_without_seal` where the offer
    asks for seals.
    """
    known_peer = (await known(house, participant, peer)).row
    base = known_peer.base
    rows = await house.store.read(lambda unit: unit.offers.list(participant, dataset))
    if not rows:
        raise Missing("dataset_unknown")
    chosen = _choose([row.document for row in rows], offer)
    row = next(row for row in rows if row.id == chosen["@id"])
    if row.seal is not None and known_peer.seals is None:
        raise WrongState("peer_without_seal", field="/offer")
    shown = chosen | {"target": dataset}
    return await _open(house, PROVIDER, (participant, peer, base), dataset, shown, row.id, by, approves=approves)


async def _open(  # noqa: PLR0913 - a contract has this many parts
    house: House,
    role: Role,
    place: tuple[str, str, str],
    dataset: str,
    offer: dict[str, Any],
    row: str | None,
    by: str,
    *,
    approves: bool = False,
    purpose: str | None = None,
) -> ContractView:
    participant, peer, base = place
    house.member(participant)

    def work(unit: Unit) -> ContractView:
        pid = house.office.new_id()
        turn = Process(negotiation.NEGOTIATION, role)
        exchange = Exchange(pid, participant, peer, None, base, turn, created=unit.now)
        contract = Contract(
            pid, participant, peer, role, dataset, offer, role, unit.now, row or pid, purpose=purpose, basis=row
        )
        unit.contracts.add(replace(contract, approved_by=by if approves else None))
        first = negotiation.REQUEST if role == CONSUMER else negotiation.OFFER
        house.exchanging.initiate(unit, exchange, first, by=by)
        return contract_view(*_load(unit, participant, pid))

    return await house.store.write(work)


def _choose(offers: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    if wanted is not None:
        offers = [item for item in offers if item["@id"] == wanted]
    if not offers:
        raise Missing("offer_unknown")
    if len(offers) > 1:
        raise Invalid("offer_ambiguous", field="offer", count=len(offers))
    return offers[0]


async def listing(
    house: House, participant: str, cursor: str | None = None, limit: int = 50
) -> tuple[list[ContractView], str | None]:
    """Return contracts, newest first, and the next cursor. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    before = cursors.read(cursor)

    def work(unit: Unit) -> list[tuple[Exchange, Contract]]:
        page = unit.exchanges.page(participant, "negotiation", before=before, limit=limit + 1)
        contracts = unit.contracts.many([exchange.pid for exchange in page])
        return [(exchange, contracts[exchange.pid]) for exchange in page]

    found = await house.store.read(work)
    views = [contract_view(*pair) for pair in found[:limit]]
    last = found[limit - 1][0] if len(found) > limit else None
    return views, cursors.write(last.created, last.pid) if last else None


async def show(house: House, participant: str, contract: str, language: str = "sv") -> ContractView:
    """Return a contract, with what differs in words between what is offered and asked for. Raises Missing `contract_unknown`."""
    house.member(participant)

    def work(unit: Unit) -> tuple[ContractView, Asked | Answered | None]:
        exchange, found = _load(unit, participant, contract)
        duties = [duty_view(row, found.role, unit.now) for row in unit.duties.of_contract(contract)]
        view = replace(contract_view(exchange, found), duties=duties)
        return view, None if exchange.turn.ended else limits.asked(unit, found) or answered(unit, found)

    view, sides = await house.store.read(work)
    if sides is None:
        return view
    return replace(view, difference=await asyncio.to_thread(comparison, sides, language))


async def approve(house: House, participant: str, contract: str, *, by: str) -> ContractView:
    """Agree, as provider, to what the consumer asks for or has accepted; a counter-offer is stored as an offer of ours first.

    Raises:
        Missing: `contract_unknown`. WrongState: not ours to approve now; `approve_refused`: the policy does not permit it now.
    """

    def work(unit: Unit, exchange: Exchange, found: Contract) -> Exchange:
        _demand(exchange, PROVIDER, negotiation.REQUESTED, negotiation.ACCEPTED)
        unit.contracts.change(found.id, approved_by=by)
        if found.offer_row is None:
            row = keep(unit, found, found.offer, by)
            unit.contracts.change(found.id, offer_row=row.id)
        said = house.exchanging.subjects["negotiation"].situation(unit, exchange, "effect", negotiation.AGREEMENT)
        if not said.permitted:
            # Nothing could be read under it, and what a person agrees to shall be what they think it is.
            raise WrongState("approve_refused", why="; ".join(said.reasons))
        return house.exchanging.move(unit, exchange, negotiation.AGREEMENT, by=by)

    return await _change(house, participant, contract, work)


async def accept(house: House, participant: str, contract: str, *, by: str) -> ContractView:
    """Accept, as consumer, the offer that the provider has put on the table. Raises as `approve`."""

    def work(unit: Unit, exchange: Exchange, found: Contract) -> Exchange:
        _demand(exchange, CONSUMER, negotiation.OFFERED)
        unit.contracts.change(found.id, offer_row=found.id)
        return house.exchanging.move(unit, exchange, negotiation.ACCEPTED_EVENT, by=by)

    return await _change(house, participant, contract, work)


async def counter(house: House, participant: str, contract: str, policy: str, *, by: str) -> ContractView:
    """Answer with other rules: as provider an offer of ours, as consumer a counter-request.

    `policy` is the digest of a policy of ours. Raises Missing `contract_unknown`, `policy_unknown`; WrongState.
    """

    def work(unit: Unit, exchange: Exchange, found: Contract) -> Exchange:
        rules = unit.policies.get(participant, policy)
        if rules is None:
            raise Missing("policy_unknown")
        provider = exchange.turn.role == PROVIDER
        _demand(exchange, exchange.turn.role, negotiation.REQUESTED if provider else negotiation.OFFERED)
        if provider:
            row = keep(unit, found, rules.document, by)
            unit.contracts.change(found.id, offer_row=row.id)
            return house.exchanging.move(unit, exchange, negotiation.OFFER, by=by)
        document, _ = wire.offer(found.offer["@id"], rules.document)
        offered = document | {"target": found.dataset}
        unit.contracts.change(found.id, offer=offered, offer_by=CONSUMER, offer_row=found.id)
        return house.exchanging.move(unit, exchange, negotiation.REQUEST, by=by)

    return await _change(house, participant, contract, work)


async def terminate(house: House, participant: str, contract: str, reason: str, *, by: str) -> ContractView:
    """End a negotiation from our side. Raises Missing `contract_unknown`, WrongState `process_ended`."""

    def work(unit: Unit, exchange: Exchange, _found: Contract) -> Exchange:
        return house.exchanging.move(
            unit, exchange, TERMINATION, by=by, code="operator", reasons=(reason,) if reason else ()
        )

    return await _change(house, participant, contract, work)


def _demand(exchange: Exchange, role: Role, *states: str) -> None:
    if exchange.turn.role != role or exchange.turn.state not in states:
        raise WrongState("contract_state", state=exchange.turn.shown, role=exchange.turn.role)


def _load(unit: Unit, participant: str, contract: str) -> tuple[Exchange, Contract]:
    exchange, found = unit.exchanges.load(participant, contract), unit.contracts.get(contract)
    if exchange is None or found is None:
        raise Missing("contract_unknown")
    return exchange, found


async def _change(
    house: House, participant: str, contract: str, work: Callable[[Unit, Exchange, Contract], Exchange]
) -> ContractView:
    house.member(participant)

    def whole(unit: Unit) -> ContractView:
        work(unit, *_load(unit, participant, contract))
        return contract_view(*_load(unit, participant, contract))

    return await house.store.write(whole)
