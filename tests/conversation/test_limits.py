"""A town whose offer has a limit, with consumers that ask for other rules: within it, beyond it, and by tricks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.services import contracts, journal, publish
from tests.acceptance import towns
from tests.acceptance.towns import BY, OPEN
from tests.conversation import parts

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty


def until(year: int, **more: Any) -> dict[str, Any]:
    """Return rules that permit use until a year begins."""
    end = {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    constraint = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}], **more}


OFFERED, LIMIT = until(2050), until(2060)


async def _publish(town: Town, source: str, *, dataset: str = "wells", approval: str | None = None) -> None:
    digests = [
        (await publish.put(town.house, town.did, f"{name}.json", orjson.dumps(rules), by=BY)).digest
        for name, rules in (("offered", OFFERED), ("limit", LIMIT))
    ]
    wanted = publish.Wanted(digests[0], approval=approval, limit=digests[1])
    await publish.add_dataset(town.house, town.did, publish.New(dataset, dataset, source, [wanted]), by=BY)


async def _ask(peer: Counterparty, town: Town, rules: dict[str, Any], dataset: str = "wells") -> parts.Pids:
    shown = await parts.offer_of(peer, town, dataset)
    wanted = {"@id": shown["@id"], "target": dataset, **rules}
    return parts.provider_pids(await peer.says(town, "negotiations/request", parts.request(peer, wanted), expect=201))


async def _waits(town: Town, pids: parts.Pids) -> str | None:
    view = await town.contract(pids.provider, "REQUESTED")
    assert view.difference is not None
    assert view.waiting.waits_for == "person"
    return view.difference.limit


@pytest.mark.parametrize("year", [2040, 2055, 2060])
async def test_what_is_within_the_limit_is_agreed_to_as_it_was_asked_for(
    town: Town, peer: Counterparty, source: str, year: int
) -> None:
    await _publish(town, source)
    await _ask(peer, town, until(year))
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["permission"] == until(year)["permission"]
    assert (agreement["assigner"], agreement["assignee"], agreement["target"]) == (town.did, peer.did, "wells")
    records, _ = await journal.page(town.house, town.did, limit=100)
    (proved,) = [entry.payload for entry in records if entry.kind == "negotiation.within_limit"]
    offers, _ = await publish.offers(town.house, town.did, dataset="wells")
    assert proved is not None
    assert (proved["basis"], proved["limit"]) == (offers[0].id, offers[0].limit_policy)


async def test_a_counter_request_within_the_limit_is_agreed_to(town: Town, peer: Counterparty, source: str) -> None:
    await _publish(town, source)
    pids = await _ask(peer, town, until(2070))
    narrow = (await publish.put(town.house, town.did, "n.json", orjson.dumps(until(2045)), by=BY)).digest
    await contracts.counter(town.house, town.did, pids.provider, narrow, by=BY)
    offered = (await peer.hears("ContractOfferMessage"))["offer"]
    wanted = {"@id": offered["@id"], "target": "wells", **until(2058)}
    await peer.says(town, f"{pids.place}/request", pids.say("ContractRequestMessage", offer=wanted), expect=200)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["permission"] == until(2058)["permission"]


async def test_what_is_beyond_the_limit_waits_for_a_person_who_sees_the_difference(
    town: Town, peer: Counterparty, source: str
) -> None:
    await _publish(town, source)
    pids = await _ask(peer, town, until(2070))
    assert await _waits(town, pids) == "beyond"
    found = (await contracts.show(town.house, town.did, pids.provider, "en")).difference
    assert found is not None
    assert found.verdict == "offer-stricter"
    assert [each["change"] for each in found.changes] == ["relaxed"]
    assert ["2050" in found.only_offered[0], "2070" in found.only_asked[0]] == [True, True]
    await contracts.approve(town.house, town.did, pids.provider, by=BY)
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    assert agreement["permission"] == until(2070)["permission"]


FOREIGN = {"leftOperand": "https://other.example/rank", "operator": "eq", "rightOperand": "1"}
TRICKS = {
    "a condition that nobody understands": ("unknown", {"permission": [{"action": "use", "constraint": [FOREIGN]}]}),
    "another assigner": ("unknown", until(2055, assigner="did:web:somebody.example")),
    "another assignee": ("unknown", until(2055, assignee="did:web:somebody.example")),
    "a term of their own": (
        "unknown",
        until(2055, **{"@context": [{"x": "http://www.w3.org/ns/odrl/2/"}], "x:prohibition": [{"action": "use"}]}),
    ),
    "an obligation of the provider": (
        "beyond", until(2055, obligation=[{"action": "odrl:compensate", "odrl:assignee": "did:web:localhost"}])
    ),
    "words in the rules": ("unknown", until(2055, **{"dct:description": "and the other dataset too"})),
    "another dataset by a prefix": ("beyond", until(2055, **{"odrl:target": "urn:other"})),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
async def test_what_cannot_be_proved_to_be_within_waits_for_a_person(
    town: Town, peer: Counterparty, source: str, trick: str
) -> None:
    await _publish(town, source)
    standing, rules = TRICKS[trick]
    pids = await _ask(peer, town, rules)
    assert await _waits(town, pids) == standing
    assert not await towns.eventually(lambda: _agreed(town, pids), seconds=0.2)


async def _agreed(town: Town, pids: parts.Pids) -> bool:
    return (await town.contract(pids.provider)).agreement is not None


async def test_another_target_is_refused(town: Town, peer: Counterparty, source: str) -> None:
    await _publish(town, source)
    shown = await parts.offer_of(peer, town, "wells")
    wanted = {"@id": shown["@id"], **until(2040), "target": "flow"}
    await peer.says(town, "negotiations/request", parts.request(peer, wanted), expect=404)


async def test_a_person_who_has_to_approve_is_asked_for_less_too(town: Town, peer: Counterparty, source: str) -> None:
    await _publish(town, source, approval="person")
    assert await _waits(town, await _ask(peer, town, until(2040))) == "within"


async def test_another_offers_limit_does_not_count(town: Town, peer: Counterparty, source: str) -> None:
    await _publish(town, source)
    await town.publish("lakes", source, OPEN, approval="person")
    wells, pids = await parts.offer_of(peer, town, "wells"), await parts.requested(peer, town, "lakes")
    narrow = (await publish.put(town.house, town.did, "n.json", orjson.dumps(until(2045)), by=BY)).digest
    await contracts.counter(town.house, town.did, pids.provider, narrow, by=BY)
    await peer.hears("ContractOfferMessage")
    wanted = {"@id": wells["@id"], "target": "lakes", **until(2040)}
    await peer.says(town, f"{pids.place}/request", pids.say("ContractRequestMessage", offer=wanted), expect=200)
    assert await _waits(town, pids) is None
