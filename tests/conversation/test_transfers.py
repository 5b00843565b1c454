"""Transfers with a plain peer, in both roles: start, suspension, resumption, completion and termination from both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import ids
from connector.services import transfers
from tests.acceptance import readers
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.conftest import DATA

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty

ADDRESS = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "https://data.example.org/x",
    "endpointProperties": [
        {"@type": "EndpointProperty", "name": "authorization", "value": "secret-1"},
        {"@type": "EndpointProperty", "name": "authType", "value": "bearer"},
    ],
}


def _address(found: dict[str, Any]) -> readers.Address:
    values = {item["name"]: item["value"] for item in found["endpointProperties"]}
    return readers.Address(found["endpoint"], values["authorization"])


async def test_the_start_carries_what_opens_the_data(town: Town, peer: Counterparty) -> None:
    pids, address = await parts.started(peer, town)
    assert await readers.ask(_address(address)) == (200, DATA)
    assert (await peer.says(town, pids.place, expect=200)).body["state"] == "STARTED"
    over = pids.say("TransferCompletionMessage")
    said = await peer.says(town, f"{pids.place}/completion", over, expect=200)
    assert said.body["state"] == "COMPLETED"
    assert (await readers.ask(_address(address)))[0] == 403


async def test_the_consumer_suspends_and_resumes(town: Town, peer: Counterparty) -> None:
    pids, address = await parts.started(peer, town)
    said = await peer.says(
        town, f"{pids.place}/suspension", pids.say("TransferSuspensionMessage", reason=["lunch"]), expect=200
    )
    assert said.body["state"] == "SUSPENDED"
    assert (await readers.ask(_address(address)))[0] == 403
    said = await peer.says(town, f"{pids.place}/start", pids.say("TransferStartMessage"), expect=200)
    assert said.body["state"] == "STARTED"
    fresh = (await peer.hears("TransferStartMessage"))["dataAddress"]
    assert _address(fresh).token != _address(address).token
    assert await readers.ask(_address(fresh)) == (200, DATA)
    assert (await readers.ask(_address(address)))[0] == 403
    assert (await town.transfer(pids.provider)).state == "STARTED"


async def test_the_provider_suspends_and_resumes(town: Town, peer: Counterparty) -> None:
    pids, address = await parts.started(peer, town)
    await transfers.suspend(town.house, town.did, pids.provider, by=BY)
    await peer.hears("TransferSuspensionMessage")
    assert (await readers.ask(_address(address)))[0] == 403
    await town.transfer(pids.provider, "SUSPENDED")
    await transfers.resume(town.house, town.did, pids.provider, by=BY)
    fresh = (await peer.hears("TransferStartMessage"))["dataAddress"]
    assert await readers.ask(_address(fresh)) == (200, DATA)


@pytest.mark.parametrize("side", ["provider", "consumer"])
@pytest.mark.parametrize("verb", ["complete", "terminate"])
async def test_either_side_ends_a_transfer(town: Town, peer: Counterparty, verb: str, side: str) -> None:
    pids, address = await parts.started(peer, town)
    name, state = {"complete": ("Completion", "COMPLETED"), "terminate": ("Termination", "TERMINATED")}[verb]
    if side == "provider":
        await getattr(transfers, verb)(town.house, town.did, pids.provider, by=BY)
        await peer.hears(f"Transfer{name}Message")
    else:
        await peer.says(town, f"{pids.place}/{name.lower()}", pids.say(f"Transfer{name}Message"), expect=200)
    await town.transfer(pids.provider, state)
    assert (await readers.ask(_address(address)))[0] == 403


async def _asked(peer: Counterparty, town: Town) -> tuple[str, parts.Pids]:
    contract, _, _ = await parts.agree(peer, town)
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    message = await peer.hears("TransferRequestMessage")
    assert message["consumerPid"] == transfer
    pids = parts.consumer_pids(message, peer.pid_of(message), "transfers")
    await peer.says(town, f"{pids.place}/start", pids.say("TransferStartMessage", dataAddress=ADDRESS), expect=200)
    return transfer, pids


async def _held(town: Town, transfer: str) -> tuple[str | None, str | None]:
    found = await town.unit(lambda unit: unit.transfers.get(transfer))
    assert found is not None
    return found.endpoint, found.token


async def test_a_consumers_transfer_suspended_and_resumed_by_the_provider(town: Town, peer: Counterparty) -> None:
    transfer, pids = await _asked(peer, town)
    assert await _held(town, transfer) == ("https://data.example.org/x", "secret-1")
    await peer.says(town, f"{pids.place}/suspension", pids.say("TransferSuspensionMessage"), expect=200)
    assert (await _held(town, transfer))[1] is None
    again = pids.say("TransferStartMessage", dataAddress=ADDRESS | {"endpoint": "https://data.example.org/y"})
    said = await peer.says(town, f"{pids.place}/start", again, expect=200)
    assert said.body["state"] == "STARTED"
    assert (await _held(town, transfer))[0] == "https://data.example.org/y"


async def test_a_consumer_suspends_and_resumes_and_takes_the_second_start(town: Town, peer: Counterparty) -> None:
    transfer, pids = await _asked(peer, town)
    await transfers.suspend(town.house, town.did, transfer, by=BY)
    await peer.hears("TransferSuspensionMessage")
    await town.transfer(transfer, "SUSPENDED")
    await transfers.resume(town.house, town.did, transfer, by=BY)
    start = await peer.hears("TransferStartMessage")
    assert "dataAddress" not in start
    await town.transfer(transfer, "STARTED")
    again = pids.say("TransferStartMessage", dataAddress=ADDRESS | {"endpoint": "https://data.example.org/z"})
    said = await peer.says(town, f"{pids.place}/start", again, expect=200)
    assert said.body["state"] == "STARTED"
    assert (await _held(town, transfer))[0] == "https://data.example.org/z"


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_either_side_terminates_a_consumers_transfer(town: Town, peer: Counterparty, side: str) -> None:
    transfer, pids = await _asked(peer, town)
    if side == "consumer":
        await transfers.terminate(town.house, town.did, transfer, "done", by=BY)
        assert (await peer.hears("TransferTerminationMessage"))["reason"] == ["done"]
    else:
        over = pids.say("TransferTerminationMessage", code="x", reason=["done"])
        await peer.says(town, f"{pids.place}/termination", over, expect=200)
    assert "done" in (await town.transfer(transfer, "TERMINATED")).reasons


async def test_a_request_for_another_format_or_agreement_is_refused(town: Town, peer: Counterparty) -> None:
    _, agreement = await parts.finalized(peer, town)
    other = parts.transfer_request(peer, agreement["@id"], format="HttpData-PUSH")
    assert (await peer.says(town, "transfers/request", other, expect=400)).code == "format_unsupported"
    unknown = parts.transfer_request(peer, ids.new())
    assert (await peer.says(town, "transfers/request", unknown, expect=404)).code == "agreement_unknown"
