"""What a contract leaves behind: bundles of real connectors hold, at both sides, with nothing but the file."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.errors import Missing, WrongState
from connector.evidence import bundle
from connector.evidence.verify import verify
from connector.services import contracts, evidence, keys, publish
from connector.store import excerpt
from tests.acceptance import towns
from tests.acceptance.towns import BY, befriend
from tests.conversation import parts
from tests.conversation.conftest import meet
from tests.docs.pages import ROOT

__all__ = ["meet"]

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

POLICY: dict[str, Any] = {
    "@type": "Offer",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": "odrl:dateTime",
                    "operator": "lt",
                    "rightOperand": {"@value": "2099-01-01T00:00:00Z", "@type": "xsd:dateTime"},
                }
            ],
        }
    ],
    "odrl:conflict": "odrl:prohibit",
    "prohibition": [{"action": "odrl:distribute"}],
}
NARROWER: dict[str, Any] = {**POLICY, "prohibition": [{"action": "odrl:distribute"}, {"action": "odrl:derive"}]}


@pytest.fixture
async def pair(found: Founding, tmp_path: Path) -> Any:
    (tmp_path / "levels.csv").write_text("well;level\n1;0.4\n")
    provider, consumer = await found("strangnas"), await found("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        await provider.publish("levels", f"file:{tmp_path / 'levels.csv'}", POLICY)
        yield provider, consumer


async def exported(town: Town, contract: str) -> bytes:
    await town.contract(contract, "FINALIZED")
    return (await evidence.export(town.house, town.did, contract, by=BY)).data


def failing(data: bytes, *trusted: str) -> dict[str, Any]:
    return {each.check: each.values for each in verify(data, trusted) if not each.ok}


def by_script(folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    file = folder / "contract.zip"
    file.write_bytes(data)
    command: list[str | Path] = [sys.executable, "-I", ROOT / "docs" / "verify_bundle.py", file]
    return subprocess.run(command, check=False, capture_output=True, text=True)


async def test_both_sides_bundles_of_a_contract_hold(pair: tuple[Town, Town], tmp_path: Path) -> None:
    provider, consumer = pair
    contract = await consumer.agree(provider, "levels")
    await consumer.begin(contract)
    assert await consumer.read(contract)
    mirror = (await provider.mirror(contract)).pid
    theirs, ours = await exported(provider, mirror), await exported(consumer, contract)
    kids = [town.house.member(town.did).seal.kid for town in pair]
    for data in (theirs, ours):
        assert failing(data, *kids) == {}
        assert {each.code for each in verify(data)} >= {"verify_sides_ok", "verify_page_ok"}
        done = await asyncio.to_thread(by_script, tmp_path, data)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "HOLDS"), done.stderr
    one, other = bundle.unpack(theirs), bundle.unpack(ours)
    for name in ("agreement.json", "offer.json", "seals/agreement.jws", "seals/verification.jws"):
        assert one[name] == other[name]
    assert "policy.json" in one
    assert "policy.json" not in other
    assert json.loads(one["bundle.json"])["sided"] == "two-sided"


async def test_a_bundle_tells_the_whole_life_of_a_contract(pair: tuple[Town, Town]) -> None:
    provider, consumer = pair
    contract = await consumer.agree(provider, "levels")
    await consumer.begin(contract)
    await consumer.read(contract)
    mirror = (await provider.mirror(contract)).pid

    async def told() -> set[str]:
        found = bundle.unpack(await exported(provider, mirror))
        return {record["kind"] for record in json.loads(found["journal/records.json"])}

    kinds = await told()
    assert {"negotiation.state", "negotiation.move", "seal.made", "seal.accepted", "transfer.state"} <= kinds
    assert {"grant.opened", "contract.exported"} <= kinds


async def test_nothing_of_another_contract_is_in_a_bundle(pair: tuple[Town, Town]) -> None:
    provider, consumer = pair
    first, second = await consumer.agree(provider, "levels"), await consumer.agree(provider, "levels")
    text = b"".join(bundle.unpack(await exported(consumer, first)).values())
    assert first.encode() in text
    assert second.encode() not in text


async def test_a_bundle_made_after_its_keys_were_replaced_holds(pair: tuple[Town, Town]) -> None:
    provider, consumer = pair
    contract = await consumer.agree(provider, "levels")
    for town in pair:
        await keys.rotate(town.house, town.did, "seal", overlap_seconds=0, by=BY)
    mirror = (await provider.mirror(contract)).pid
    for town, pid in ((provider, mirror), (consumer, contract)):
        assert failing(await exported(town, pid)) == {}
    later = await consumer.agree(provider, "levels")
    assert failing(await exported(consumer, later)) == {}


async def test_more_reads_than_fit_are_counted_and_the_rest_holds(
    pair: tuple[Town, Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, consumer = pair
    contract = await consumer.agree(provider, "levels")
    await consumer.begin(contract)
    for _ in range(4):
        await consumer.read(contract)
    await asyncio.sleep(1.2)  # records of reads are written within a second
    mirror = (await provider.mirror(contract)).pid

    def few(unit: Any) -> excerpt.Excerpt:
        return excerpt.excerpt(unit.conn, provider.did, mirror, most_reads=2)

    await exported(provider, mirror)
    found = await provider.unit(few)
    assert found.left_out == 2
    monkeypatch.setattr(evidence, "excerpt", lambda conn, own, pid: excerpt.excerpt(conn, own, pid, most_reads=2))
    data = await exported(provider, mirror)
    assert failing(data) == {}
    assert json.loads(bundle.unpack(data)["bundle.json"])["leftOut"] == 2


async def test_there_is_no_bundle_of_what_is_not_concluded(pair: tuple[Town, Town]) -> None:
    provider, consumer = pair
    await provider.publish("pipes", f"file:{provider.home / 'connector.toml'}", POLICY, approval="person")
    contract = await consumer.request(provider, "pipes")
    with pytest.raises(WrongState, match="bundle_not_final"):
        await evidence.export(consumer.house, consumer.did, contract, by=BY)
    with pytest.raises(Missing, match="contract_unknown"):
        await evidence.export(consumer.house, consumer.did, "urn:uuid:nothing", by=BY)


async def test_a_contract_with_a_plain_peer_is_told_as_what_it_is(
    found_on_sqlite: Founding, meet: Any, tmp_path: Path
) -> None:
    (tmp_path / "levels.csv").write_text("1")
    town = await found_on_sqlite("strangnas")
    async with town.running():
        await town.publish("flow", f"file:{tmp_path / 'levels.csv'}", POLICY)
        peer = await meet(town)
        pids, _ = await parts.finalized(peer, town)
        data = await exported(town, pids.provider)
        assert failing(data) == {}
        assert {each.code for each in verify(data)} >= {"verify_sides_one"}
        done = await asyncio.to_thread(by_script, tmp_path, data)
        assert done.returncode == 0, done.stderr
        assert f"{peer.did} HAS NOT SEALED" in done.stdout
        contract, _, _ = await parts.agree(peer, town)
        bought = await exported(town, contract)
        assert failing(bought) == {}
        assert "policy.json" not in bundle.unpack(bought)
        done = await asyncio.to_thread(by_script, tmp_path, bought)
        assert done.returncode == 0, done.stderr


async def test_contracts_that_came_about_in_other_ways_hold(pair: tuple[Town, Town]) -> None:
    provider, consumer = pair
    await provider.publish("asked", f"file:{provider.home / 'connector.toml'}", POLICY, approval="person")
    own = await publish.put(consumer.house, consumer.did, "other.json", orjson.dumps(NARROWER), by=BY)
    # The consumer asks for other rules than those offered, and a person agrees.
    first = (await contracts.offer(provider.house, provider.did, consumer.did, "asked", by=BY)).id
    theirs = await mirrored(consumer, first)
    await consumer.contract(theirs, "OFFERED")
    await contracts.counter(consumer.house, consumer.did, theirs, own.digest, by=BY)
    await provider.contract(first, "REQUESTED")
    await contracts.approve(provider.house, provider.did, first, by=BY)
    # The provider offers, the consumer accepts.
    second = (await contracts.offer(provider.house, provider.did, consumer.did, "levels", by=BY)).id
    accepted = await mirrored(consumer, second)
    await consumer.contract(accepted, "OFFERED")
    await contracts.accept(consumer.house, consumer.did, accepted, by=BY)
    for town, contract in ((provider, first), (consumer, theirs), (provider, second), (consumer, accepted)):
        assert failing(await exported(town, contract)) == {}


async def mirrored(town: Town, contract: str) -> str:
    """Return a town's own id of a contract that its peer has just offered."""

    async def there() -> str | None:
        pages = await town.unit(lambda unit: unit.exchanges.page(town.did, "negotiation", limit=1000))
        return next((exchange.pid for exchange in pages if exchange.peer_pid == contract), None)

    found = await towns.eventually(there)
    assert found is not None
    return found
