"""A town that provides, with a plain consumer: each message in, the answer and the message that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector import ids
from connector.services import contracts, publish
from tests import schemas
from tests.acceptance.towns import BY, OPEN
from tests.conversation import parts
from tests.conversation.counterparty import say

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty

NARROW = {"@type": "Offer", "permission": [{"action": "use"}], "prohibition": [{"action": "odrl:sell"}]}


async def _policy(town: Town, rules: dict[str, Any]) -> str:
    return (await publish.put(town.house, town.did, "other.json", orjson.dumps(rules), by=BY)).digest


async def test_a_contract_is_concluded_move_by_move(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    said = await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    pids = parts.provider_pids(said)
    assert said.body["state"] == "REQUESTED"
    agreement = await peer.hears("ContractAgreementMessage")
    assert agreement["providerPid"] == pids.provider
    assert agreement["consumerPid"] == pids.consumer
    found = agreement["agreement"]
    assert {found["assigner"], found["assignee"]} == {town.did, peer.did}
    assert (found["target"], found["permission"]) == ("flow", offer["permission"])
    verified = pids.say("ContractAgreementVerificationMessage")
    said = await peer.says(town, f"{pids.place}/agreement/verification", verified, expect=200)
    assert said.body["state"] == "VERIFIED"
    final = await peer.hears("ContractNegotiationEventMessage")
    assert final["eventType"] == "FINALIZED"
    await town.contract(pids.provider, "FINALIZED")
    said = await peer.says(town, pids.place, expect=200)
    assert said.body["state"] == "FINALIZED"


async def test_a_changed_offer_is_terminated_with_the_reason(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town) | {"permission": [{"action": "odrl:distribute"}]}
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    over = await peer.hears("ContractNegotiationTerminationMessage")
    assert over["code"] == "offer_changed"


async def test_a_person_counters_and_the_consumer_accepts(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    pids = await parts.requested(peer, town, "lakes")
    await contracts.counter(town.house, town.did, pids.provider, await _policy(town, NARROW), by=BY)
    offered = await peer.hears("ContractOfferMessage")
    assert offered["offer"]["prohibition"] == NARROW["prohibition"]
    assert offered["offer"]["target"] == "lakes"
    assert "callbackAddress" not in offered
    accepted = pids.say("ContractNegotiationEventMessage", eventType="ACCEPTED")
    await peer.says(town, f"{pids.place}/events", accepted, expect=200)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["prohibition"] == NARROW["prohibition"]


async def test_the_consumer_counters_and_a_person_approves(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    pids = await parts.requested(peer, town, "lakes")
    await contracts.counter(town.house, town.did, pids.provider, await _policy(town, NARROW), by=BY)
    offered = (await peer.hears("ContractOfferMessage"))["offer"]
    wanted = {"@id": offered["@id"], "@type": "Offer", "target": "lakes", "permission": [{"action": "odrl:read"}]}
    said = await peer.says(town, f"{pids.place}/request", pids.say("ContractRequestMessage", offer=wanted), expect=200)
    assert said.body["state"] == "REQUESTED"
    view = await town.contract(pids.provider, "REQUESTED")
    assert view.waiting.waits_for == "person"
    await contracts.approve(town.house, town.did, pids.provider, by=BY)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["permission"] == wanted["permission"]
    assert "prohibition" not in agreement


async def test_an_offer_that_the_provider_makes_first(town: Town, peer: Counterparty) -> None:
    contract = (await contracts.offer(town.house, town.did, peer.did, "flow", by=BY)).id
    offered = await peer.hears("ContractOfferMessage")
    assert offered["callbackAddress"] == town.house.member(town.did).base
    assert "consumerPid" not in offered
    await town.contract(contract, "OFFERED")
    assert offered["providerPid"] == contract
    pids = parts.Pids(contract, peer.pid_of(offered), f"negotiations/{contract}")
    accepted = pids.say("ContractNegotiationEventMessage", eventType="ACCEPTED")
    await peer.says(town, f"{pids.place}/events", accepted, expect=200)
    await peer.hears("ContractAgreementMessage")
    verified = pids.say("ContractAgreementVerificationMessage")
    await peer.says(town, f"{pids.place}/agreement/verification", verified, expect=200)
    await town.contract(contract, "FINALIZED")


async def _accepted(town: Town, peer: Counterparty, *, approves: bool) -> str:
    """Offer what asks for a person's approval, and let the peer accept it."""
    contract = (await contracts.offer(town.house, town.did, peer.did, "lakes", by=BY, approves=approves)).id
    offered = await peer.hears("ContractOfferMessage")
    await town.contract(contract, "OFFERED")
    pids = parts.Pids(contract, peer.pid_of(offered), f"negotiations/{contract}")
    accepted = pids.say("ContractNegotiationEventMessage", eventType="ACCEPTED")
    await peer.says(town, f"{pids.place}/events", accepted, expect=200)
    return contract


async def test_an_offer_by_an_operator_who_may_not_approve_waits_for_one_who_may(
    town: Town, peer: Counterparty, source: str
) -> None:
    await town.publish("lakes", source, approval="person")
    contract = await _accepted(town, peer, approves=False)
    view = await town.contract(contract, "ACCEPTED")
    assert (view.waiting.waits_for, view.agreement) == ("person", None)
    await contracts.approve(town.house, town.did, contract, by=BY)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["target"] == "lakes"
    await town.contract(contract, "AGREED")


async def test_an_offer_by_an_operator_who_may_approve_is_agreed_to_when_accepted(
    town: Town, peer: Counterparty, source: str
) -> None:
    await town.publish("lakes", source, approval="person")
    contract = await _accepted(town, peer, approves=True)
    await peer.hears("ContractAgreementMessage")
    await town.contract(contract, "AGREED")


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_either_side_terminates_with_code_and_reason(
    town: Town, peer: Counterparty, source: str, side: str
) -> None:
    await town.publish("lakes", source, approval="person")
    pids = await parts.requested(peer, town, "lakes")
    if side == "provider":
        await contracts.terminate(town.house, town.did, pids.provider, "not this year", by=BY)
        over = await peer.hears("ContractNegotiationTerminationMessage")
        assert over["reason"] == ["not this year"]
    else:
        over = pids.say("ContractNegotiationTerminationMessage", code="changed-plans", reason=["not this year"])
        said = await peer.says(town, f"{pids.place}/termination", over, expect=200)
        assert said.body["state"] == "TERMINATED"
    view = await town.contract(pids.provider, "TERMINATED")
    assert "not this year" in view.reasons


async def test_the_catalogue_the_dataset_and_the_version_document_are_valid(
    town: Town, meet: Meeting, source: str
) -> None:
    peer, stranger = await meet(town), await meet()
    for number in range(3):
        await town.publish(f"set-{number}", source, {**OPEN, "permission": [{"action": "odrl:read"}]})
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), expect=200)
    assert [entry["@id"] for entry in said.body["dataset"]] == ["flow", "set-0", "set-1", "set-2"]
    assert said.body["participantId"] == town.did
    await peer.says(town, "catalog/datasets/set-1", expect=200)
    assert (await peer.says(town, "catalog/datasets/other", expect=404)).code == "dataset_unknown"
    query = {"@type": "QuerySpec", "limit": 3, "offset": 0, "sortOrder": "ASC", "filterExpression": []}
    for unserved in ({"keyword": "water"}, query | {"offset": 1}, query | {"sortField": "dct:title"}):
        filtered = say("CatalogRequestMessage", filter=[unserved])
        assert (await peer.says(town, "catalog/request", filtered, expect=400)).code == "filter_unsupported"
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage", filter=[query]), expect=200)
    assert [entry["@id"] for entry in said.body["dataset"]] == ["flow", "set-0", "set-1"]
    assert "continuationToken=" in said.headers["link"]
    assert (
        await stranger.says(town, "catalog/request", say("CatalogRequestMessage"), expect=401)
    ).code == "peer_unpinned"
    version = await stranger.ask(town, "GET", "/.well-known/dspace-version", token="")
    assert version.status == 200
    assert schemas.faults("ProtocolVersion", version.body) == []


async def test_pages_follow_each_other_through_the_link_header(town: Town, peer: Counterparty, source: str) -> None:
    town.house.page_size = 2
    for number in range(4):
        await town.publish(f"set-{number}", source)
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), expect=200)
    seen = [entry["@id"] for entry in said.body["dataset"]]
    while "link" in said.headers:
        url, _, rel = said.headers["link"].partition(">")
        assert rel == '; rel="next"'
        assert url.startswith("<" + town.house.member(town.did).base)
        said = await peer.says(town, url.partition("/dsp/2025-1")[2], expect=200)
        seen += [entry["@id"] for entry in said.body["dataset"]]
    assert seen == ["flow", *(f"set-{number}" for number in range(4))]


async def test_error_bodies_are_of_the_protocols_own_types(town: Town, peer: Counterparty) -> None:
    pids = await parts.requested(peer, town)
    for path, body, status in (
        (f"{pids.place}/events", pids.say("ContractNegotiationEventMessage", eventType="FINALIZED"), 400),
        (f"{pids.place}/events", pids.say("ContractNegotiationEventMessage"), 400),
        (f"{pids.place}/request", b"{", 400),
        (f"negotiations/{ids.new()}/request", pids.say("ContractRequestMessage"), 404),
        ("negotiations/request", say("ContractRequestMessage"), 400),
        ("transfers/request", say("TransferRequestMessage"), 400),
        ("transfers/offers", say("TransferRequestMessage"), 404),
        (f"transfers/{ids.new()}/start", pids.say("TransferStartMessage"), 404),
        (f"{pids.place}/nonsense", {}, 404),
    ):
        said = await peer.says(town, path, body, expect=status)
        assert said.body["code"]
        assert said.body["reason"]
