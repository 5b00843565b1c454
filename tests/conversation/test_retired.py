"""An offer that has been replaced: it takes no new requests, and what began with it ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.services import contracts, publish
from tests.acceptance.towns import BY
from tests.conversation import parts

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty


async def _retire(town: Town, offer: str) -> None:
    await town.house.store.write(lambda unit: unit.offers.retire(town.did, offer))


async def test_a_replaced_offer_takes_no_new_requests(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    await _retire(town, offer["@id"])
    said = await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=404)
    assert said.body["code"] == "offer_replaced"
    await peer.says(town, "catalog/datasets/flow", expect=404)


async def test_who_could_not_see_an_offer_does_not_learn_that_it_was_replaced(
    town: Town, peer: Counterparty, source: str
) -> None:
    nobody = {"leftOperand": "kom:participant", "operator": "eq", "rightOperand": {"@id": "did:web:nobody.example"}}
    access = {"@type": "Offer", "permission": [{"action": "use", "constraint": [nobody]}]}
    await town.publish("secret", source, access=access)
    rows = await town.unit(lambda unit: unit.offers.list(town.did, "secret"))
    await _retire(town, rows[0].id)
    offer = rows[0].document | {"target": "secret"}
    said = await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=404)
    assert said.body["code"] == "offer_unknown"


async def test_what_began_with_a_replaced_offer_ends_with_it(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    offer = await parts.offer_of(peer, town, "lakes")
    pids = await parts.requested(peer, town, "lakes")
    await _retire(town, offer["@id"])
    await contracts.approve(town.house, town.did, pids.provider, by=BY)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["permission"] == offer["permission"]


async def test_a_negotiation_does_not_turn_to_an_offer_that_was_replaced(
    town: Town, peer: Counterparty, source: str
) -> None:
    await town.publish("lakes", source, {"@type": "Offer", "permission": [{"action": "use"}]}, approval="person")
    old = await parts.offer_of(peer, town, "lakes")
    await _retire(town, old["@id"])
    row = await town.unit(lambda unit: unit.offers.get(town.did, old["@id"]))
    assert row is not None
    await publish.add_offer(town.house, town.did, "lakes", publish.Wanted(row.policy, approval="person"), by=BY)
    pids = await parts.requested(peer, town, "lakes")
    await contracts.counter(town.house, town.did, pids.provider, row.policy, by=BY)
    await peer.hears("ContractOfferMessage")
    message = pids.say("ContractRequestMessage", offer=old)
    await peer.says(town, f"{pids.place}/request", message, expect=200)
    view = await town.contract(pids.provider, "REQUESTED")
    assert (view.waiting.waits_for, view.agreement) == ("person", None)
