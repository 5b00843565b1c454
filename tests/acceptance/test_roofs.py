"""Two participants under one roof deal with each other over HTTP like any peers; nothing of one is visible to the other."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.dataplane.ports import Read
from connector.errors import Missing
from connector.services import catalog, contracts, journal, peers, publish, transfers
from connector.services.speak import speak
from tests.acceptance import processes, towns
from tests.acceptance.tap import Tap
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

DATA = b"time;level\n" * 100


async def _deal(a: Town, water: str, folder: Path) -> tuple[str, str]:
    """Let the town conclude a contract with its own water company and start a transfer; return the town's two pids."""
    (folder / "data.csv").write_bytes(DATA)
    await a.pin(water)
    await a.pin(a.did, own=water)
    await a.publish("levels", f"file:{folder / 'data.csv'}", own=water)
    contract = await a.agree(water, "levels")
    return contract, await a.begin(contract)


async def test_two_under_one_roof_deal_over_http_like_any_peers(found: Founding, tmp_path: Path) -> None:
    a = await found("strangnas", tapped=True)
    tap = Tap(a.port, a.listen)
    async with tap.standing(), a.running():
        water = await a.add_participant("va")
        assert water == f"{a.did}:va"
        contract, transfer = await _deal(a, water, tmp_path)
        assert await a.read(contract) == DATA
        theirs = await a.mirror(contract, own=water)
        view = await a.contract(theirs.pid, "FINALIZED", own=water)
        assert view.agreement == (await a.contract(contract)).agreement
        assert view.agreement is not None
        assert (view.agreement["assigner"], view.agreement["assignee"]) == (water, a.did)
        await transfers.complete(a.house, a.did, transfer, by=BY)
        mirror = (await a.mirror(transfer, "transfer", own=water)).pid
        await a.transfer(mirror, "COMPLETED", own=water)

        async def booked() -> bool:
            """Tell whether the tap has seen the answer to the last message out: it books an exchange after passing it on."""
            return any(entry.path.endswith(f"{mirror}/completion") for entry in tap.book)

        assert await towns.eventually(booked)
        asked = [(entry.method, entry.path) for entry in tap.book if 200 <= entry.status < 300]
    # Each message went to the other's own root, through the front door.
    for path in (
        "/va/did.json", "/va/dsp/2025-1/negotiations/request", f"/va/dsp/2025-1/negotiations/{theirs.pid}/agreement/verification",
        "/va/dsp/2025-1/transfers/request", f"/va/dsp/2025-1/transfers/{mirror}/completion",
        f"/dsp/2025-1/negotiations/{contract}/agreement", f"/dsp/2025-1/transfers/{transfer}/start",
    ):  # fmt: skip
        assert path in [where for _, where in asked], path
    assert [where for how, where in asked if how == "GET" and where.startswith("/va/data/")]


async def test_a2_23_nothing_of_one_is_visible_to_the_other_under_the_roof(found: Founding, tmp_path: Path) -> None:
    a = await found("strangnas")
    async with a.running():
        water, power = await a.add_participant("va"), await a.add_participant("energi")
        contract, transfer = await _deal(a, water, tmp_path)
        await a.publish("secret", f"file:{tmp_path / 'data.csv'}")
        for own in (power, a.did, water):
            others = {a.did, water, power} - {own}
            entries, _ = await journal.page(a.house, own)
            assert not [entry for entry in entries if entry.subject in others and entry.kind == "participant.added"]
            assert {row.id for row in (await peers.listing(a.house, own))[0]} == {
                a.did: {water},
                water: {a.did},
                power: set(),
            }[own]
        # The third has none of it, by any name.
        for show, pid in ((contracts.show, contract), (transfers.show, transfer)):
            for stranger in (power, water):
                with pytest.raises(Missing):
                    await show(a.house, stranger, pid)
        assert (await contracts.listing(a.house, power))[0] == []
        assert (await transfers.listing(a.house, power))[0] == []
        assert (await publish.datasets(a.house, power))[0] == []
        assert (await publish.policies(a.house, power))[0] == []
        assert [entry.kind for entry in (await journal.page(a.house, power))[0]] == ["participant.added"]
        assert [row.dataset.id for row in (await publish.datasets(a.house, water))[0]] == ["levels"]
        with pytest.raises(Missing, match="dataset_unknown"):
            await publish.dataset(a.house, water, "secret")
        with pytest.raises(Missing, match="contract_unknown"):
            await a.read(contract, Read(), own=water)


async def test_a2_23_a_pid_of_one_is_404_at_the_other_under_the_roof(found: Founding, tmp_path: Path) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        water = await a.add_participant("va")
        await towns.befriend(a, b)
        await b.pin(water)
        await a.pin(b.did, own=water)
        (tmp_path / "data.csv").write_bytes(DATA)
        await a.publish("levels", f"file:{tmp_path / 'data.csv'}")
        contract = await b.agree(a, "levels")
        transfer = await b.begin(contract)
        pids = {"negotiations": (await a.mirror(contract)).pid, "transfers": (await a.mirror(transfer, "transfer")).pid}
        for kind, pid in pids.items():
            for did, status in ((a.did, 200), (water, 404)):
                url = f"{a.house.member(did).base}/{kind}/{pid}"
                assert (await speak(b.house, b.did, did, "GET", url)).status == status
                if did == water:
                    body = {
                        "@type": "ContractNegotiationTerminationMessage",
                        "providerPid": pid,
                        "consumerPid": contract,
                    }
                    reply = await speak(b.house, b.did, did, "POST", f"{url}/termination", body=orjson.dumps(body))
                    assert reply.status == 404
        # A dataset of the town is none of its company's: neither in its catalogue nor by name.
        shown = await catalog.fetch(b.house, b.did, water)
        assert shown.datasets == []
        with pytest.raises(Missing, match="dataset_unknown"):
            await catalog.fetch(b.house, b.did, water, "levels")
        assert await b.read(contract) == DATA


async def test_the_management_api_keeps_those_under_one_roof_apart(found_on_sqlite: Founding, tmp_path: Path) -> None:
    a = await found_on_sqlite("strangnas")
    async with a.running():
        water = await a.add_participant("va")
        contract, transfer = await _deal(a, water, tmp_path)
    async with AsyncExitStack() as stack:
        (process,) = await stack.enter_async_context(processes.processes(a))
        assert (await process.told("GET", f"/contracts/{contract}"))["state"] == "FINALIZED"
        a.did, first = water, a.did
        answers: dict[str, Any] = {}
        for path in (f"/contracts/{contract}", f"/transfers/{transfer}", f"/peers/{water}", "/datasets/secret"):
            answer = await process.call("GET", path)
            assert answer is not None
            answers[path] = answer.status
        assert set(answers.values()) == {404}
        for kind in ("contracts", "transfers"):
            items = (await process.told("GET", f"/{kind}"))["items"]
            assert [item["peer"] for item in items] == [first]
            assert {item["id"] for item in items}.isdisjoint({contract, transfer})
