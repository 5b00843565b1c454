"""What a policy knows of its consumer: the purpose that it declares, and what an operator vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.errors import Invalid, WrongState
from connector.ids import NS
from connector.policy import templates
from connector.protocol.context import PURPOSE, message
from connector.services import attest, contracts, publish
from tests import schemas
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY, Town

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

FLOOD = NS + "FloodPrevention"
DATA = b"time;level\n" * 100


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


def template(name: str, **settings: str) -> Mapping[str, Any]:
    """Return a policy made from a template."""
    return templates.make(name, settings)[0]


async def _ask(consumer: Town, provider: Town, purpose: str | None) -> str:
    asked = await contracts.request(consumer.house, consumer.did, provider.did, "flow", by=BY, purpose=purpose)
    return asked.id


async def _journal(town: Town, subject: str) -> list[str]:
    rows = await town.unit(lambda unit: unit.conn.exec_driver_sql("SELECT kind, subject FROM journal").all())
    return [kind for kind, about in rows if about == subject]


async def test_a_declared_purpose_is_checked_copied_and_shown(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source, template("purpose-bound"))
        for purpose in (None, "dpv:Marketing"):
            view = await b.contract(await _ask(b, a, purpose), "TERMINATED", "FINALIZED")
            assert view.state == "TERMINATED"
            assert any("ändamål" in reason for reason in view.reasons)
            assert any("purpose" in reason for reason in view.reasons)
        contract = await _ask(b, a, "FloodPrevention")
        view = await b.contract(contract, "FINALIZED", "TERMINATED")
        assert (view.state, view.purpose) == ("FINALIZED", FLOOD)
        theirs = await contracts.show(a.house, a.did, (await a.mirror(contract)).pid)
        assert theirs.purpose == FLOOD
        assert theirs.agreement is not None
        assert theirs.agreement[PURPOSE] == FLOOD
        assert view.agreement == theirs.agreement
        address = await readers.address_of(b, await b.begin(contract))
        assert await readers.ask(address) == (200, DATA)
        assert "contract.purpose-not-copied" not in await _journal(b, contract)


async def test_a_purpose_that_the_profile_lacks_is_refused_before_anything_is_sent(
    found_on_sqlite: Founding, source: str
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source)
        with pytest.raises(Invalid) as caught:
            await _ask(b, a, "kom:Mischief")
        assert caught.value.code == "purpose_unknown"
        assert (await contracts.listing(a.house, a.did))[0] == []


async def test_a_plain_provider_that_leaves_the_purpose_out_is_recorded_and_not_refused(
    found_on_sqlite: Founding, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    monkeypatch.setattr("connector.services.declared.stated", lambda _message: None)
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source)
        contract = await _ask(b, a, "kom:FloodPrevention")
        view = await b.contract(contract, "FINALIZED", "TERMINATED")
        assert view.state == "FINALIZED"
        assert "contract.purpose-not-copied" in await _journal(b, contract)


async def test_what_an_operator_vouches_for_opens_what_asks_for_it(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    neighbours = template("county-neighbours")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source, template("public-sector"), access=neighbours)
        with pytest.raises(Exception, match="dataset_unknown"):
            await _ask(b, a, None)

        async def vouch(*groups: str, **facts: list[str]) -> None:
            await attest.attest(a.house, a.did, b.did, facts=facts, part_of=groups, by=BY)

        await vouch("kom:municipality-0488")
        view = await b.contract(await _ask(b, a, None), "TERMINATED", "FINALIZED")
        assert view.state == "TERMINATED"
        await vouch("kom:municipality-0488", "http://purl.org/adms/publishertype/LocalAuthority")
        contract = await _ask(b, a, None)
        assert (await b.contract(contract, "TERMINATED", "FINALIZED")).state == "FINALIZED"
        assert "peer.attested" in await _journal(a, b.did)
        for wrong in ({"facts": {"odrl:dateTime": ["2027-01-01"]}}, {"facts": {"kom:informationClass": ["high"]}}):
            with pytest.raises(Invalid):
                await attest.attest(a.house, a.did, b.did, part_of=(), by=BY, **wrong)
        with pytest.raises(Invalid):
            await vouch("elsewhere")


async def test_a_counter_request_keeps_the_purpose_and_a_person_approves_only_what_is_permitted(
    found_on_sqlite: Founding, source: str
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source, template("purpose-bound"), approval="person")
        contract = await _ask(b, a, "kom:FloodPrevention")
        theirs = await _process(a, contract)
        else_ = template("purpose-bound", purposes="kom:StormwaterManagement")
        other = await publish.put(a.house, a.did, "o.json", orjson.dumps(else_), by=BY)
        await contracts.counter(a.house, a.did, theirs, other.digest, by=BY)
        await b.contract(contract, "OFFERED")
        for purposes in ("kom:UrbanPlanning", "kom:FloodPrevention"):
            rules = template("purpose-bound", purposes=purposes)
            wanted = await publish.put(b.house, b.did, "w.json", orjson.dumps(rules), by=BY)
            assert await towns.eventually(lambda: _asked(b, contract))
            await contracts.counter(b.house, b.did, contract, wanted.digest, by=BY)
            await a.contract(theirs, "REQUESTED")
            assert await towns.eventually(lambda: _asked(a, theirs))
            if purposes == "kom:UrbanPlanning":
                with pytest.raises(WrongState) as caught:
                    await contracts.approve(a.house, a.did, theirs, by=BY)
                assert caught.value.code == "approve_refused"
                await contracts.counter(a.house, a.did, theirs, other.digest, by=BY)
        view = await contracts.approve(a.house, a.did, theirs, by=BY)
        assert view.purpose == FLOOD
        done = await b.contract(contract, "FINALIZED", "TERMINATED")
        assert (done.state, done.purpose) == ("FINALIZED", FLOOD)
        assert done.agreement is not None
        assert done.agreement[PURPOSE] == FLOOD
        agreement = message(
            "ContractAgreementMessage", providerPid="urn:a", consumerPid="urn:b", agreement=done.agreement
        )
        assert schemas.faults("ContractAgreementMessage", agreement) == []
        messages = await b.unit(
            lambda unit: unit.conn.exec_driver_sql("SELECT body FROM message WHERE move = 'request'").scalars().all()
        )
        assert len(messages) == 3
        for body in messages:
            assert orjson.loads(body)[PURPOSE] == FLOOD
            assert schemas.faults("ContractRequestMessage", orjson.loads(body)) == []


async def _process(town: Town, contract: str) -> str:
    assert await towns.eventually(lambda: _listed(town))
    return (await town.mirror(contract)).pid


async def _listed(town: Town) -> bool:
    return bool((await contracts.listing(town.house, town.did))[0])


async def _asked(town: Town, contract: str) -> bool:
    return (await town.contract(contract)).waiting.waits_for == "person"
