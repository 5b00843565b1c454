"""People decide: approvals, counter-offers from both sides, offers that the provider makes, from end to end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.canonical import canonical
from connector.services import contracts, publish
from tests.acceptance import ledger, towns
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from connector.services.views import ContractView
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

DATA = b"time;level\n" * 100


def until(year: int) -> dict[str, Any]:
    """Return a policy that permits use until a year begins."""
    end = {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    limit = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


async def _policy(town: Town, name: str, document: Mapping[str, Any]) -> str:
    return (await publish.put(town.house, town.did, name, orjson.dumps(document), by=BY)).digest


async def _waiting(town: Town, contract: str, state: str) -> ContractView:
    """Return a contract once a person is waited for in that state."""

    async def look() -> ContractView | None:
        view = await town.contract(contract)
        return view if view.state == state and view.waiting.waits_for == "person" else None

    found = await towns.eventually(look)
    assert found is not None, await town.contract(contract)
    return found


async def _agreed(a: Town, ours: str, b: Town, theirs: str) -> dict[str, Any]:
    """Return the agreement of a contract that has been concluded, after comparing what both sides hold."""
    views = [await a.contract(ours, "FINALIZED"), await b.contract(theirs, "FINALIZED")]
    one, other = (view.agreement for view in views)
    assert one is not None
    assert other is not None
    assert canonical(one) == canonical(other)
    assert views[0].agreement_id == views[1].agreement_id == one["@id"]
    assert {view.waiting.waits_for for view in views} == {None}
    return one


async def _mirror(town: Town, contract: str) -> str:
    """Return the pid under which a town knows a process that its peer has begun."""

    async def look() -> str | None:
        pages = await town.unit(lambda unit: unit.exchanges.page(town.did, "negotiation", limit=1000))
        return next((exchange.pid for exchange in pages if exchange.peer_pid == contract), None)

    found = await towns.eventually(look)
    assert found is not None
    return found


async def _settled(*neighbours: Town) -> None:
    """Check what the invariants say of two towns that have been stopped."""
    books = [await ledger.ledger(town) for town in neighbours]
    assert ledger.unsettled(books[0], books[1]) == []
    for book in books:
        ledger.check_chain(book)
        ledger.check_messages(book, set())
        ledger.check_histories(book)
    ledger.check_agreements(books[0], books[1])


async def test_an_approval_is_waited_for_and_shown_at_both_sides(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, approval="person")
        asked = await b.request(a, "levels")
        ours = await _mirror(a, asked)
        assert (await _waiting(a, ours, "REQUESTED")).waiting.why == "person_decides"
        assert (await _waiting(b, asked, "REQUESTED")).waiting.why == "peers_person_decides"
        await contracts.approve(a.house, a.did, ours, by="Anna")
        assert (await _agreed(a, ours, b, asked))["target"] == "levels"
        await b.begin(asked)
        assert await b.read(asked) == DATA
    await _settled(a, b)


async def test_an_approval_may_be_denied_with_a_reason(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, approval="person")
        asked = await b.request(a, "levels")
        ours = await _mirror(a, asked)
        await _waiting(b, asked, "REQUESTED")
        await contracts.terminate(a.house, a.did, ours, "inte utan beslut i nämnden", by="Anna")
        view = await b.contract(asked, "TERMINATED")
        assert "inte utan beslut i nämnden" in view.reasons
        assert view.waiting.waits_for is None
        await a.contract(ours, "TERMINATED")
    await _settled(a, b)


async def test_counters_from_both_sides_end_in_one_agreement_on_the_last(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, until(2090), approval="person")
        asked = await b.request(a, "levels")
        ours = await _mirror(a, asked)
        await _waiting(a, ours, "REQUESTED")
        # The provider wants less, the consumer something between, the provider offers that.
        await contracts.counter(a.house, a.did, ours, await _policy(a, "less.json", until(2050)), by=BY)
        offered = await _waiting(b, asked, "OFFERED")
        assert offered.offer["permission"] == until(2050)["permission"]
        await contracts.counter(b.house, b.did, asked, await _policy(b, "more.json", until(2070)), by=BY)
        countered = await _waiting(a, ours, "REQUESTED")
        assert countered.offer["permission"] == until(2070)["permission"]
        await contracts.counter(a.house, a.did, ours, await _policy(a, "last.json", until(2060)), by=BY)
        assert (await _waiting(b, asked, "OFFERED")).offer["permission"] == until(2060)["permission"]
        await contracts.accept(b.house, b.did, asked, by=BY)
        agreement = await _agreed(a, ours, b, asked)
        assert agreement["permission"] == until(2060)["permission"]
        await b.begin(asked)
        assert await b.read(asked) == DATA
    await _settled(a, b)


async def test_a_counter_request_that_a_person_approves_becomes_the_agreement(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, until(2090), approval="person")
        asked = await b.request(a, "levels")
        ours = await _mirror(a, asked)
        await _waiting(a, ours, "REQUESTED")
        await contracts.counter(a.house, a.did, ours, await _policy(a, "less.json", until(2050)), by=BY)
        await _waiting(b, asked, "OFFERED")
        await contracts.counter(b.house, b.did, asked, await _policy(b, "more.json", until(2070)), by=BY)
        await _waiting(a, ours, "REQUESTED")
        await contracts.approve(a.house, a.did, ours, by=BY)
        agreement = await _agreed(a, ours, b, asked)
        assert agreement["permission"] == until(2070)["permission"]
    await _settled(a, b)


async def test_the_provider_offers_and_the_consumer_accepts(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, until(2090))
        offered = (await contracts.offer(a.house, a.did, b.did, "levels", by=BY)).id
        theirs = await _mirror(b, offered)
        assert (await _waiting(b, theirs, "OFFERED")).role == "consumer"
        assert (await _waiting(a, offered, "OFFERED")).waiting.why == "peers_person_decides"
        await contracts.accept(b.house, b.did, theirs, by=BY)
        agreement = await _agreed(a, offered, b, theirs)
        assert (agreement["assigner"], agreement["assignee"]) == (a.did, b.did)
        await b.begin(theirs)
        assert await b.read(theirs) == DATA
    await _settled(a, b)


async def test_the_provider_offers_and_the_consumer_counters(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", source, until(2050))
        offered = (await contracts.offer(a.house, a.did, b.did, "levels", by=BY)).id
        theirs = await _mirror(b, offered)
        await _waiting(b, theirs, "OFFERED")
        await contracts.counter(b.house, b.did, theirs, await _policy(b, "more.json", until(2070)), by=BY)
        countered = await _waiting(a, offered, "REQUESTED")
        assert countered.offer["permission"] == until(2070)["permission"]
        await _waiting(b, theirs, "REQUESTED")
        await contracts.approve(a.house, a.did, offered, by=BY)
        assert (await _agreed(a, offered, b, theirs))["permission"] == until(2070)["permission"]
    await _settled(a, b)
