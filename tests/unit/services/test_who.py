"""Who could get a dataset: every peer under every offer, and what a catalogue and a contract then really say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.errors import Invalid, Missing
from connector.services import publish
from connector.services.who import who
from tests.acceptance.towns import OPEN, befriend
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.services.who import Candidate
    from tests.acceptance.towns import Town

Three = tuple["Town", "Town", "Town"]
NS = "https://w3id.org/municipal-dataspace/v1#"


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Three]:
    (tmp_path / "x.csv").write_text("a,b\n")
    async with running(tmp_path, sqlite_template, "ekby", "sjoby", "storby") as (ekby, sjoby, storby):
        await befriend(ekby, sjoby)
        await befriend(ekby, storby)
        yield ekby, sjoby, storby


def _rules(*constraints: Any, **more: Any) -> dict[str, Any]:
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": list(constraints), **more}]}


def _only(peer: str) -> dict[str, Any]:
    return {"leftOperand": "kom:participant", "operator": "eq", "rightOperand": {"@id": peer}}


FLOOD = {"leftOperand": "odrl:purpose", "operator": "isA", "rightOperand": {"@id": NS + "FloodPrevention"}}
END = {
    "leftOperand": "odrl:dateTime",
    "operator": "lt",
    "rightOperand": {"@value": "2090-01-01T00:00:00Z", "@type": "xsd:dateTime"},
}


async def _who(town: Town, dataset: str, language: str = "en", purpose: str | None = None) -> dict[str, Candidate]:
    return {each.peer: each for each in await who(town.house, town.did, dataset, language, purpose=purpose)}


async def test_a_contract_policy_says_yes_until_when_or_no_and_why(towns: Three, tmp_path: Path) -> None:
    ekby, sjoby, storby = towns
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}", _rules(_only(sjoby.did), END))
    found = await _who(ekby, "x")
    assert {peer: each.answer for peer, each in found.items()} == {sjoby.did: "yes", storby.did: "no"}
    assert found[sjoby.did].offers[0].until == "2090-01-01T00:00:00.000Z"
    assert sjoby.did in found[storby.did].offers[0].because[0]
    swedish = await _who(ekby, "x", "sv")
    assert swedish[storby.did].offers[0].because != found[storby.did].offers[0].because


async def test_an_access_policy_refuses_before_any_contract(towns: Three, tmp_path: Path) -> None:
    ekby, sjoby, storby = towns
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}", OPEN, access=_rules(_only(sjoby.did)), approval="person")
    found = await _who(ekby, "x")
    assert (found[sjoby.did].answer, found[storby.did].answer) == ("yes", "no")
    assert {each.offers[0].approval for each in found.values()} == {"person"}


async def test_what_is_missing_is_named(towns: Three, tmp_path: Path) -> None:
    ekby, sjoby, _ = towns
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}", _rules(FLOOD, duty=[{"action": "odrl:inform"}]))
    under = (await _who(ekby, "x"))[sjoby.did].offers[0]
    assert (under.answer, under.because, [need.kind for need in under.needs]) == ("only-if", [], ["purpose", "duty"])
    assert "flood" in under.needs[0].text.lower()


async def test_a_purpose_can_be_supposed(towns: Three, tmp_path: Path) -> None:
    ekby, sjoby, _ = towns
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}", _rules(FLOOD))
    assert (await _who(ekby, "x", purpose="kom:FloodPrevention"))[sjoby.did].answer == "yes"
    assert (await _who(ekby, "x", purpose="PublicBenefit"))[sjoby.did].answer == "no"
    with pytest.raises(Invalid, match="purpose_unknown"):
        await _who(ekby, "x", purpose="curiosity")


async def test_the_best_offer_counts_for_a_peer_and_a_changed_key_for_none(towns: Three, tmp_path: Path) -> None:
    ekby, sjoby, storby = towns
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}", _rules(_only("did:web:nobody.example")))
    assert {each.answer for each in (await _who(ekby, "x")).values()} == {"no"}
    digest = (await publish.put(ekby.house, ekby.did, "o.json", orjson.dumps(OPEN), by="x")).digest
    await publish.add_offer(ekby.house, ekby.did, "x", publish.Wanted(digest), by="x")
    await ekby.house.store.write(lambda unit: unit.peers.change(ekby.did, storby.did, state="key-changed"))
    found = await _who(ekby, "x")
    assert (found[sjoby.did].answer, found[storby.did].answer) == ("yes", "no")
    assert [each.answer for each in found[storby.did].offers] == ["no", "yes"]


async def test_a_dataset_that_is_not_there_is_missing(towns: Three) -> None:
    with pytest.raises(Missing, match="dataset_unknown"):
        await who(towns[0].house, towns[0].did, "y", "en")
