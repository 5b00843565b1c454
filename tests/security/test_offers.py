"""Rows 25, 36, 37 and what others shipped: an agreement follows from an offer row of ours that this peer may see now."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector import clock, ids
from connector.config import Config
from connector.services import contracts, publish
from connector.services.office import Limits
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.counterparty import Counterparty, say
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting

pytestmark = pytest.mark.slow

NS = ids.NS
YEAR = 365 * 24 * 3600


def before(moment: float) -> dict[str, Any]:
    """Return an offer that permits use before a moment."""
    value = {"@value": clock.iso(moment), "@type": "xsd:dateTime"}
    limit = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": value}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}


def only(did: str) -> dict[str, Any]:
    """Return a policy for one participant."""
    limit = {"leftOperand": f"{NS}participant", "operator": "eq", "rightOperand": did}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}


async def _refused(town: Town, peer: Counterparty, offer: dict[str, Any], code: str = "offer_unknown") -> None:
    async with unchanged(town):
        said = await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=404)
        assert said.code == code


async def test_a2_25_an_id_that_is_not_exactly_an_offers_is_unknown(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    real = offer["@id"]
    for forged in (
        real[:-1],
        real + "0",
        real.upper(),
        real.swapcase(),
        " " + real,
        real + " ",
        ids.new(),
        "*",
        "%",
        real[9:],
    ):
        if forged != real:
            await _refused(town, peer, offer | {"@id": forged})
    for place in range(len("urn:uuid:"), len(real)):
        flipped = real[:place] + chr(ord(real[place]) ^ 1) + real[place + 1 :]
        await _refused(town, peer, offer | {"@id": flipped})


async def test_a2_25_an_offer_that_the_peer_may_not_see_is_unknown(
    town: Town, peer: Counterparty, meet: Meeting, source: str
) -> None:
    other = await meet(town)
    await town.publish("hidden", source, access=only(other.did))
    offer = await parts.offer_of(other, town, "hidden")
    assert (await peer.says(town, "catalog/datasets/hidden", expect=404)).code == "dataset_unknown"
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), expect=200)
    assert [entry["@id"] for entry in said.body["dataset"]] == ["flow"]
    await _refused(town, peer, offer)
    said = await peer.says(town, "negotiations/request", parts.request(peer, offer | {"@id": ids.new()}), expect=404)
    assert said.code == "offer_unknown"
    await other.says(town, "negotiations/request", parts.request(other, offer), expect=201)
    await other.hears("ContractAgreementMessage")


async def test_a2_25_an_offer_that_was_withdrawn_is_unknown(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    digest = (await publish.put(town.house, town.did, "n.json", orjson.dumps(parts.READ), by=BY)).digest
    await publish.add_offer(town.house, town.did, "flow", publish.Wanted(digest), by=BY)
    await publish.remove_offer(town.house, town.did, offer["@id"], by=BY)
    await _refused(town, peer, offer)


async def test_a2_25_an_offer_is_for_its_own_dataset(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source)
    offer = await parts.offer_of(peer, town)
    await _refused(town, peer, offer | {"target": "lakes"})
    await _refused(town, peer, offer | {"target": ids.new()})
    await _refused(town, peer, offer | {"target": {"@id": "flow"}})


async def test_a2_25_an_offer_made_for_one_negotiation_serves_no_other(
    town: Town, peer: Counterparty, meet: Meeting
) -> None:
    """What we sent to one peer in its negotiation is nothing that another, or it elsewhere, may ask for."""
    third = await meet(town)
    await contracts.offer(town.house, town.did, peer.did, "flow", by=BY)
    await peer.hears("ContractOfferMessage")
    digest = (await publish.put(town.house, town.did, "n.json", orjson.dumps(parts.READ), by=BY)).digest
    await town.publish("lakes", f"file:{__file__}", approval="person")
    pids = await parts.requested(peer, town, "lakes")
    await contracts.counter(town.house, town.did, pids.provider, digest, by=BY)
    made = (await peer.hears("ContractOfferMessage"))["offer"]
    await town.contract(pids.provider, "OFFERED")
    for each in (third, peer):
        said = await each.says(town, "negotiations/request", parts.request(each, made), expect=404)
        assert said.code == "offer_unknown"


def _leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*at, key))
    else:
        yield at


def mutations(document: dict[str, Any], *, skip: frozenset[str] = frozenset()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the document with each leaf changed, and each removed; members that are skipped stay."""
    for place in _leaves(document):
        if place[0] in skip:
            continue
        for change in ("changed", "removed"):
            changed = copy.deepcopy(document)
            holder: Any = changed
            for key in place[:-1]:
                holder = holder[key]
            if change == "changed":
                holder[place[-1]] = holder[place[-1]] + "x" if isinstance(holder[place[-1]], str) else "x"
            else:
                del holder[place[-1]]
            yield f"{place} {change}", changed


SAME = {
    "('target',) removed",
    "('permission', 0, 'constraint', 0, 'rightOperand', '@type') removed",  # a dateTime can only be compared as one
}


async def test_a2_25_every_changed_part_of_an_offer_is_found(town: Town, peer: Counterparty, source: str) -> None:
    """EDC #1791: any offer was accepted. Each leaf of ours changed or removed: terminated, or unknown; never agreed."""
    policy = before(clock.now() + YEAR)
    policy["permission"][0]["constraint"].append(
        {"leftOperand": f"{NS}participant", "operator": "isAnyOf", "rightOperand": [peer.did]}
    )
    policy["prohibition"] = [{"action": "odrl:sell"}]
    await town.publish("lakes", source, policy)
    offer = await parts.offer_of(peer, town, "lakes")
    tried = [each for each in mutations(offer, skip=frozenset({"@type"})) if each[0] not in SAME]
    for what, changed in tried:
        said = await peer.says(town, "negotiations/request", parts.request(peer, changed))
        if said.status == 201:
            over = await peer.hears("ContractNegotiationTerminationMessage")
            assert over["code"] == "offer_changed", what
        else:
            assert said.status in (400, 404), what
    assert not [heard for heard in peer.posts() if heard.body["@type"] == "ContractAgreementMessage"]
    assert len(tried) >= 20
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    await peer.hears("ContractAgreementMessage")


@pytest.mark.parametrize(
    "more",
    [
        {"permission": [{"action": "use"}, {"action": "odrl:distribute"}]},
        {"permission": [{"action": "use", "duty": [{"action": "odrl:compensate"}]}]},
        {"permission": [{"action": "use", "urn:x:unknown": "y"}]},
        {"permission": [{"action": "use", "constraint": [{"and": []}]}]},
        {"obligation": [{"action": "odrl:inform"}]},
        {"profile": ["urn:x:profile"]},
    ],
)
async def test_a2_25_a_rule_more_is_a_changed_offer(town: Town, peer: Counterparty, more: dict[str, Any]) -> None:
    offer = await parts.offer_of(peer, town) | more
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    assert (await peer.hears("ContractNegotiationTerminationMessage"))["code"] == "offer_changed"


async def test_the_validity_comes_from_our_offer_only(town: Town, peer: Counterparty, source: str) -> None:
    """EDC #2308: the consumer chose the period. What it adds outside the rules is in no agreement."""
    await town.publish("lakes", source, before(clock.now() + YEAR))
    offer = await parts.offer_of(peer, town, "lakes")
    extra = {"validUntil": "2099-01-01T00:00:00Z", "timestamp": "2000-01-01T00:00:00Z", "edc:inForceDate": "x"}
    await peer.says(town, "negotiations/request", parts.request(peer, offer | extra, **extra), expect=201)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert not set(extra) & set(agreement) - {"timestamp"}
    assert agreement["timestamp"] != extra["timestamp"]
    assert agreement["permission"] == offer["permission"]


async def test_the_consumer_is_who_proved_it_not_who_the_body_names(
    town: Town, peer: Counterparty, meet: Meeting
) -> None:
    """EDC #2893: the consumer's id was taken from the body."""
    other = await meet(town)
    offer = await parts.offer_of(peer, town) | {"assignee": other.did, "assigner": other.did}
    named = {"participantId": other.did, "assignee": other.did, "clientId": other.did}
    await peer.says(town, "negotiations/request", parts.request(peer, offer, **named), expect=201)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert (agreement["assigner"], agreement["assignee"]) == (town.did, peer.did)


async def test_an_expired_policy_is_not_agreed_to(town: Town, peer: Counterparty, source: str) -> None:
    """EDC #5377: an expired validity still negotiated."""
    await town.publish("lakes", source, before(clock.now() - 1))
    offer = await parts.offer_of(peer, town, "lakes")
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    over = await peer.hears("ContractNegotiationTerminationMessage")
    assert over["code"] == "policy_refuses"
    assert over["reason"]


async def test_a_refusal_does_not_echo_the_peers_claims(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, only("did:web:someone.example"))
    offer = await parts.offer_of(peer, town, "lakes")
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    over = await peer.hears("ContractNegotiationTerminationMessage")
    assert peer.did not in orjson.dumps([over["code"], over["reason"]]).decode()


# Rows 36 and 37


async def test_a2_36_open_processes_of_one_peer_are_bounded(
    town: Town, peer: Counterparty, meet: Meeting, source: str
) -> None:
    other = await meet(town)
    await town.stop()
    async with town.running(negotiations_per_peer=5):
        await town.publish("lakes", source, approval="person")
        offer = await parts.offer_of(peer, town, "lakes")
        theirs = {"providerPid": ids.new(), "callbackAddress": peer.base, "offer": parts.their_offer(target="x")}
        for _ in range(5):
            await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
        async with unchanged(town):
            for _ in range(3):
                said = await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=429)
                assert (said.code, said.headers["retry-after"]) == ("too_many_processes", "60")
                await peer.says(town, "negotiations/offers", say("ContractOfferMessage", **theirs), expect=429)
        await other.says(town, "negotiations/request", parts.request(other, offer), expect=201)
        mine = (await contracts.listing(town.house, town.did, limit=50))[0]
        first = next(view for view in mine if view.peer == peer.did)
        over = say("ContractNegotiationTerminationMessage", providerPid=first.id, consumerPid=first.peer_pid)
        await peer.says(town, f"negotiations/{first.id}/termination", over, expect=200)
        await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)


def test_a2_36_the_bounds_are_those_of_the_threat_table() -> None:
    defaults = {name: Config.model_fields[name].default for name in ("negotiations_per_peer", "negotiation_rounds")}
    assert defaults == {"negotiations_per_peer": 100, "negotiation_rounds": 20}
    assert (Limits().open_processes, Limits().rounds, Limits().policies_bytes) == (100, 20, 1024 * 1024)


async def test_a2_36_the_offers_of_one_peer_are_bounded_all_together(
    town: Town, peer: Counterparty, meet: Meeting
) -> None:
    other, size = await meet(town), 60_000

    def theirs(sender: Counterparty, provider: str) -> dict[str, Any]:
        offer = parts.their_offer(target="x") | {"edc:note": "x" * size}
        return say("ContractOfferMessage", providerPid=provider, callbackAddress=sender.base, offer=offer)

    fits = 1024 * 1024 // (size + 200)
    first, *_ = pids = [ids.new() for _ in range(fits)]
    said = [await peer.says(town, "negotiations/offers", theirs(peer, pid), expect=201) for pid in pids]
    ours = said[0].body["consumerPid"]
    again = theirs(peer, first) | {"consumerPid": ours}
    async with unchanged(town):
        over = await peer.says(town, "negotiations/offers", theirs(peer, ids.new()), expect=429)
        assert (over.code, over.headers["retry-after"]) == ("offers_too_large", "60")
        assert (await peer.says(town, f"negotiations/{ours}/offers", again)).status >= 400
    await other.says(town, "negotiations/offers", theirs(other, ids.new()), expect=201)
    end = say("ContractNegotiationTerminationMessage", providerPid=first, consumerPid=ours)
    await peer.says(town, f"negotiations/{ours}/termination", end, expect=200)
    await peer.says(town, "negotiations/offers", theirs(peer, ids.new()), expect=201)


async def test_a2_36_offers_that_were_replaced_count_as_well(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    digest = (await publish.put(town.house, town.did, "n.json", orjson.dumps(parts.READ), by=BY)).digest
    pids, said = await parts.requested(peer, town, "lakes"), None
    for _ in range(18):
        await contracts.counter(town.house, town.did, pids.provider, digest, by=BY)
        # Other rules than ours, each time: ours would be agreed to at once, whatever note goes along.
        other = {"permission": [{"action": "odrl:read"}], "edc:note": "x" * 60_000}
        offer = (await peer.hears("ContractOfferMessage"))["offer"] | other
        await town.contract(pids.provider, "OFFERED")
        said = await peer.says(town, f"{pids.place}/request", pids.say("ContractRequestMessage", offer=offer))
        if said.status != 200:
            break
    assert said is not None
    assert (said.status, said.code) == (429, "offers_too_large")
    assert (await town.contract(pids.provider)).state == "OFFERED"


async def test_a2_36_rounds_come_to_an_end(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish("lakes", source, approval="person")
    digest = (await publish.put(town.house, town.did, "n.json", orjson.dumps(parts.READ), by=BY)).digest
    pids = await parts.requested(peer, town, "lakes")
    for _ in range(21):
        await contracts.counter(town.house, town.did, pids.provider, digest, by=BY)
        offer = (await peer.hears("ContractOfferMessage"))["offer"]
        await town.contract(pids.provider, "OFFERED")
        body = pids.say("ContractRequestMessage", offer=offer | {"permission": [{"action": "odrl:read"}]})
        said = await peer.says(town, f"{pids.place}/request", body)
        if said.status != 200:
            break
    assert (said.status, said.code) == (400, "too_many_rounds")
    assert (await town.contract(pids.provider)).state == "OFFERED"


async def test_a2_36_an_offer_over_its_size_is_refused(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    async with unchanged(town):
        big = offer | {"edc:note": "x" * 65_536}
        said = await peer.says(town, "negotiations/request", parts.request(peer, big), expect=413)
        assert said.code == "offer_too_large"
        theirs = {"providerPid": ids.new(), "callbackAddress": peer.base, "offer": big}
        await peer.says(town, "negotiations/offers", say("ContractOfferMessage", **theirs), expect=413)


def _nested(kind: str, depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = {
        "leftOperand": "odrl:dateTime",
        "operator": "gt",
        "rightOperand": "2020-01-01T00:00:00Z",
    }
    for _ in range(depth):
        condition = {kind: [condition]}
    return {"permission": [{"action": "use", "constraint": [condition]}]}


def _wide(kind: str, width: int) -> dict[str, Any]:
    condition = {"leftOperand": "odrl:dateTime", "operator": "gt", "rightOperand": "2020-01-01T00:00:00Z"}
    return {"permission": [{"action": "use", "constraint": [{kind: [condition] * width}]}]}


BOMBS = {
    "deep and": _nested("and", 20),
    "deep xone": _nested("xone", 20),
    "wide xone": _wide("xone", 300),
    "many rules": {"permission": [{"action": "use"}] * 2000},
    "many constraints": {"permission": [{"action": "use", "constraint": [{"or": []}] * 1000}]},
    "a regular expression": {
        "permission": [
            {"action": "use", "constraint": [{"leftOperand": "x", "operator": "regex", "rightOperand": "(a+)+$"}]}
        ]
    },
    "compact actions": {"permission": [{"action": ["use"] * 2000}]},
    "duties in duties": {
        "permission": [{"action": "use", "duty": [{"action": "a", "consequence": [{"action": "b"}]}] * 200}]
    },
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a2_37_a_policy_bomb_costs_little_and_ends(town: Town, peer: Counterparty, name: str) -> None:
    offer = await parts.offer_of(peer, town) | BOMBS[name]
    begun = clock.monotonic()
    said = await peer.says(town, "negotiations/request", parts.request(peer, offer))
    assert clock.monotonic() - begun < 2
    assert said.status in (201, 400, 413)
    if said.status == 201:
        await peer.hears("ContractNegotiationTerminationMessage")
    theirs = parts.their_offer(target="x") | BOMBS[name]
    begun = clock.monotonic()
    body = say("ContractOfferMessage", providerPid=ids.new(), callbackAddress=peer.base, offer=theirs)
    said = await peer.says(town, "negotiations/offers", body)
    assert clock.monotonic() - begun < 2
    assert said.status in (201, 400, 413)


@pytest.mark.parametrize("name", BOMBS)
async def test_a2_37_an_agreement_with_a_policy_bomb_is_terminated(town: Town, peer: Counterparty, name: str) -> None:
    contract, pids, message = await parts.asked(peer, town)
    agreement = parts.agreement_to(peer, town, message) | BOMBS[name]
    begun = clock.monotonic()
    await peer.says(
        town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=agreement), expect=400
    )
    assert clock.monotonic() - begun < 2
    await peer.hears("ContractNegotiationTerminationMessage")
    await town.contract(contract, "TERMINATED")
