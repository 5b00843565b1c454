"""A counter that the peer refuses is no offer on the table: what is agreed on afterwards is what was there before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector import canonical
from connector.evidence import seal
from connector.protocol.context import SEAL
from connector.services import contracts, publish
from tests.acceptance import towns
from tests.conversation import parts, sealed

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty

BY = "tester"
READ: list[dict[str, Any]] = [{"action": "odrl:read"}]


async def _refused(town: Town, contract: str) -> None:
    rules = orjson.dumps({"@type": "Offer", "permission": READ, "prohibition": [{"action": "odrl:sell"}]})
    stored = await publish.put(town.house, town.did, "ours.json", rules, by=BY)
    await contracts.counter(town.house, town.did, contract, stored.digest, by=BY)

    async def stalled() -> bool:
        return (await town.contract(contract)).waiting.stalled is not None

    assert await towns.eventually(stalled)


async def test_a_provider_whose_counter_is_refused_agrees_to_what_was_asked(
    town: Town, peer: Counterparty, source: str
) -> None:
    await town.publish("lakes", source, approval="person")
    pids = await parts.requested(peer, town, "lakes")
    asked = (await town.contract(pids.provider, "REQUESTED")).offer
    peer.refuses[f"/negotiations/{pids.consumer}/offers"] = (400, {"code": "no", "reason": ["not so"]})
    await _refused(town, pids.provider)
    assert (await town.contract(pids.provider)).offer == asked
    await contracts.approve(town.house, town.did, pids.provider, by=BY)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert "prohibition" not in agreement
    assert agreement["permission"] == asked["permission"]


async def test_a_provider_may_counter_again_after_a_refusal(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    pids = await parts.requested(peer, town, "lakes")
    place = f"/negotiations/{pids.consumer}/offers"
    peer.refuses[place] = (400, {"code": "no"})
    await _refused(town, pids.provider)
    del peer.refuses[place]
    await peer.hears("ContractOfferMessage")
    rules = orjson.dumps({"@type": "Offer", "permission": READ})
    stored = await publish.put(town.house, town.did, "less.json", rules, by=BY)
    await contracts.counter(town.house, town.did, pids.provider, stored.digest, by=BY)
    assert "prohibition" not in (await peer.hears("ContractOfferMessage"))["offer"]
    await town.contract(pids.provider, "OFFERED")


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "sealing"])
async def test_a_consumer_whose_counter_is_refused_accepts_what_was_offered(
    town: Town, peer: Counterparty, *, plain: bool
) -> None:
    peer.announce = () if plain else sealed.ANNOUNCE
    contract, pids, message = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:distribute"}])
    offered = pids.say("ContractOfferMessage", offer=other)
    await peer.says(town, f"{pids.place}/offers", offered, expect=200)
    peer.refuses[f"/negotiations/{pids.provider}/request"] = (400, {"code": "no"})
    await _refused(town, contract)
    view = await town.contract(contract)
    assert (view.state, view.offer) == ("OFFERED", other)
    await contracts.accept(town.house, town.did, contract, by=BY)
    accepted = await peer.hears("ContractNegotiationEventMessage")
    agreement = parts.agreement_to(peer, town, {"offer": other})
    said = pids.say("ContractAgreementMessage", agreement=agreement)
    if not plain:
        expected = seal.Expected(
            seal.AGREEMENT, agreement, peer.did, town.did, canonical.digest(other),
            [sealed.digest(each) for each in (message, offered, accepted)], 0.0, 9e9, sealed.POLICY,
        )  # fmt: skip
        said |= {SEAL: seal.sign(peer.seal, seal.build(expected, at=sealed.now()))}
    await peer.says(town, f"{pids.place}/agreement", said, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")


async def test_a_negotiations_message_is_kept_as_it_came_whatever_members_it_has(
    town: Town, peer: Counterparty
) -> None:
    contract, pids, _ = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:distribute"}])
    offered = pids.say(
        "ContractOfferMessage", offer=other, dataAddress={"@type": "DataAddress", "note": "none of ours"}
    )
    await peer.says(town, f"{pids.place}/offers", offered, expect=200)
    kept = await town.unit(lambda unit: unit.messages.applied(contract))
    assert kept[-1] == orjson.dumps(offered).decode()
