"""A town that consumes, with a plain provider: what it sends, and what it makes of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from connector import ids
from connector.services import contracts, publish
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.counterparty import say

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty


async def test_a_contract_is_concluded_move_by_move(town: Town, peer: Counterparty) -> None:
    offer = parts.their_offer()
    contract, pids, message = await parts.asked(peer, town, offer)
    assert message["offer"] == offer | {"target": "lakes"}
    assert message["callbackAddress"] == town.house.member(town.did).base
    assert message["consumerPid"] == contract
    agreement = parts.agreement_to(peer, town, message)
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    said = await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    assert said.body["state"] == "AGREED"
    verified = await peer.hears("ContractAgreementVerificationMessage")
    assert (verified["providerPid"], verified["consumerPid"]) == (pids.provider, pids.consumer)
    final = pids.say("ContractNegotiationEventMessage", eventType="FINALIZED")
    said = await peer.says(town, f"{pids.place}/events", final, expect=200)
    assert said.body["state"] == "FINALIZED"
    assert (await peer.says(town, pids.place, expect=200)).body["state"] == "FINALIZED"
    view = await town.contract(contract, "FINALIZED")
    assert view.agreement == agreement


async def test_a_callback_may_overtake_the_answer_to_the_request(town: Town, peer: Counterparty) -> None:
    """The agreement comes before we know the provider's pid: it is learnt from the message."""
    parts.offering(peer, parts.their_offer())
    peer.late = 0.5
    contract = await town.request(peer.did, "lakes")
    message = await peer.hears("ContractRequestMessage")
    pids = parts.consumer_pids(message, peer.pid_of(message))
    body = pids.say("ContractAgreementMessage", agreement=parts.agreement_to(peer, town, message))
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")
    final = pids.say("ContractNegotiationEventMessage", eventType="FINALIZED")
    await peer.says(town, f"{pids.place}/events", final, expect=200)
    assert (await town.contract(contract, "FINALIZED")).peer_pid == pids.provider


async def test_another_offer_of_the_provider_waits_for_a_person(town: Town, peer: Counterparty) -> None:
    contract, pids, _ = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:distribute"}])
    said = await peer.says(town, f"{pids.place}/offers", pids.say("ContractOfferMessage", offer=other), expect=200)
    assert said.body["state"] == "OFFERED"
    assert (await town.contract(contract, "OFFERED")).waiting.waits_for == "person"
    await contracts.accept(town.house, town.did, contract, by=BY)
    event = await peer.hears("ContractNegotiationEventMessage")
    assert event["eventType"] == "ACCEPTED"
    agreement = parts.agreement_to(peer, town, {"offer": other})
    await peer.says(
        town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=agreement), expect=200
    )
    await peer.hears("ContractAgreementVerificationMessage")


async def test_the_same_offer_back_is_accepted_at_once(town: Town, peer: Counterparty) -> None:
    _, pids, message = await parts.asked(peer, town)
    await peer.says(town, f"{pids.place}/offers", pids.say("ContractOfferMessage", offer=message["offer"]), expect=200)
    assert (await peer.hears("ContractNegotiationEventMessage"))["eventType"] == "ACCEPTED"


async def test_a_person_counters_as_consumer(town: Town, peer: Counterparty) -> None:
    contract, pids, _ = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:distribute"}])
    await peer.says(town, f"{pids.place}/offers", pids.say("ContractOfferMessage", offer=other), expect=200)
    rules = orjson.dumps({"@type": "Offer", "permission": [{"action": "odrl:read"}]})
    stored = await publish.put(town.house, town.did, "ours.json", rules, by=BY)
    await contracts.counter(town.house, town.did, contract, stored.digest, by=BY)
    asked = await peer.hears("ContractRequestMessage")
    assert asked["providerPid"] == pids.provider
    assert "callbackAddress" not in asked
    assert asked["offer"]["@id"] == other["@id"]
    assert asked["offer"]["permission"] == [{"action": "odrl:read"}]
    agreement = parts.agreement_to(peer, town, asked)
    await peer.says(
        town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=agreement), expect=200
    )
    await peer.hears("ContractAgreementVerificationMessage")


async def test_an_offer_that_the_provider_makes_first(town: Town, peer: Counterparty) -> None:
    offer, provider = parts.their_offer(target="lakes"), ids.new()
    first = say("ContractOfferMessage", providerPid=provider, callbackAddress=peer.base, offer=offer)
    said = await peer.says(town, "negotiations/offers", first, expect=201)
    assert (said.body["state"], said.body["providerPid"]) == ("OFFERED", provider)
    pids = parts.consumer_pids(said.body, provider)
    assert (await town.contract(pids.consumer, "OFFERED")).waiting.waits_for == "person"
    await contracts.accept(town.house, town.did, pids.consumer, by=BY)
    assert (await peer.hears("ContractNegotiationEventMessage"))["eventType"] == "ACCEPTED"


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_either_side_terminates_with_code_and_reason(town: Town, peer: Counterparty, side: str) -> None:
    contract, pids, _ = await parts.asked(peer, town)
    if side == "consumer":
        await contracts.terminate(town.house, town.did, contract, "no longer needed", by=BY)
        over = await peer.hears("ContractNegotiationTerminationMessage")
        assert over["reason"] == ["no longer needed"]
    else:
        over = pids.say("ContractNegotiationTerminationMessage", reason=["no longer needed"])
        await peer.says(town, f"{pids.place}/termination", over, expect=200)
    view = await town.contract(contract, "TERMINATED")
    assert "no longer needed" in view.reasons


async def test_a_request_that_is_refused_for_good_ends_with_the_peers_reason(town: Town, peer: Counterparty) -> None:
    parts.offering(peer, parts.their_offer())
    peer.refuses["/negotiations/request"] = (400, {"code": "no-more", "reason": ["the dataset is gone"]})
    contract = await town.request(peer.did, "lakes")
    view = await town.contract(contract, "TERMINATED")
    assert "the dataset is gone" in view.reasons
