"""Eclipse EDC as recorded (`tests/data/edc-wire`), played against a town in both roles with its laboratory authenticator."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import hdrs, web

from connector import clock
from connector.protocol import versions
from connector.services import contracts, peers, transfers
from connector.store.tables import Offer, table
from tests.acceptance import readers
from tests.acceptance.towns import BY
from tests.conversation import recorded
from tests.conversation.conftest import DATA
from tests.conversation.counterparty import Counterparty, Said

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Heard

OLD_BASES = ("http://localhost:19184/protocol/2025-1", "http://localhost:29184/protocol/2025-1")


async def _edc(town: Town, meet: Meeting, name: str) -> Counterparty:
    made = await meet(
        authorization=lambda _peer, audience: f'{{"audience":"{audience}","clientId":"{name}","region":"eu"}}'
    )
    await peers.add(town.house, town.did, name, fingerprints=(), by=BY, endpoint=made.base, auth="mock")
    return made


@pytest.fixture
async def consumer(town: Town, meet: Meeting) -> Counterparty:
    """Give EDC's consumer, pinned as the laboratory peer `consumer`."""
    return await _edc(town, meet, "consumer")


@pytest.fixture
async def provider(town: Town, meet: Meeting) -> Counterparty:
    """Give EDC's provider, pinned as the laboratory peer `provider`."""
    return await _edc(town, meet, "provider")


class Play:
    """Sends the recorded requests of one side to a town; `changes` grows as identifiers become known."""

    def __init__(self, town: Town, peer: Counterparty, own_base: str) -> None:
        self.town, self.peer = town, peer
        self.changes = {own_base: peer.base}

    async def send(self, number: int, *, expect: int = 200, **members: Any) -> Said:
        """Send a recorded request as it was, with the identifiers that are known, and other members where given."""
        request = recorded.record(number, self.changes)["request"]
        path = request["path"].removeprefix("/protocol/2025-1/")
        body = request["body"] if request["body"] is None else request["body"] | members
        headers = {hdrs.CONTENT_TYPE: request["headers"].get("Content-Type", "")}
        token = request["headers"].get("Authorization", "")
        return await self.peer.says(self.town, path, body, expect=expect, headers=headers, token=token)


async def _recorded_offer(town: Town, source: str, offer: str) -> None:
    """Publish `asset1` under the very offer id that was recorded."""
    await town.publish("asset1", source)
    rows = table(Offer)
    made = (await town.unit(lambda unit: unit.offers.list(town.did, "asset1")))[0]
    document = made.document | {"@id": offer}
    await town.house.store.write(
        lambda unit: unit.conn.execute(rows.update().where(rows.c.id == made.id).values(id=offer, document=document))
    )


async def _negotiate(play: Play, first: int) -> dict[str, Any]:
    """Play a recorded consumer's negotiation, whose request has the number, against a town; return the agreement."""
    said = await play.send(first, expect=201)
    old = recorded.record(first)["response"]["body"]["providerPid"]
    play.changes[old] = said.body["providerPid"]
    agreement = (await play.peer.hears("ContractAgreementMessage"))["agreement"]
    play.changes[recorded.record(first + 1)["request"]["body"]["agreement"]["@id"]] = agreement["@id"]
    await play.send(first + 2)
    assert (await play.peer.hears("ContractNegotiationEventMessage"))["eventType"] == "FINALIZED"
    return dict(agreement)


async def _transfer(play: Play, request: int) -> dict[str, Any]:
    said = await play.send(request, expect=201)
    play.changes[recorded.record(request)["response"]["body"]["providerPid"]] = said.body["providerPid"]
    return dict((await play.peer.hears("TransferStartMessage"))["dataAddress"])


def _as_edc_reads(address: dict[str, Any]) -> readers.Address:
    """Return what EDC takes of a DataAddress: its own properties only, and the token as it is."""
    values = {item["name"].rpartition("/ns/")[2]: item["value"] for item in address["endpointProperties"]}
    return readers.Address(values["endpoint"], values["authorization"])


async def test_a_recorded_consumer_gets_its_data(town: Town, consumer: Counterparty, source: str) -> None:
    play = Play(town, consumer, OLD_BASES[1])
    await _recorded_offer(town, source, recorded.record(2)["request"]["body"]["offer"]["@id"])
    shown = await play.send(1)
    assert "asset1" in [entry["@id"] for entry in shown.body["dataset"]]
    agreement = await _negotiate(play, 2)
    assert (agreement["assignee"], agreement["target"]) == ("consumer", "asset1")
    assert agreement["permission"] == [{"action": "use"}]
    address = _as_edc_reads(await _transfer(play, 6))
    assert await readers.ask(address) == (200, DATA)
    assert await readers.ask(readers.Address(address.endpoint, "x"), Authorization=address.token) == (200, DATA)
    assert (await play.send(27)).body["state"] == "FINALIZED"
    await play.send(28, expect=404)
    await play.send(29, expect=404)


async def test_a_recorded_consumer_suspends_resumes_and_is_started_again(
    town: Town, consumer: Counterparty, source: str
) -> None:
    play = Play(town, consumer, OLD_BASES[1])
    await _recorded_offer(town, source, recorded.record(11)["request"]["body"]["offer"]["@id"])
    assert (await play.send(9)).body["@id"] == "asset1"
    await play.send(10)
    await _negotiate(play, 11)
    first = _as_edc_reads(await _transfer(play, 15))
    await play.send(17)
    assert (await readers.ask(first))[0] == 403
    await play.send(18)
    second = _as_edc_reads((await consumer.hears("TransferStartMessage"))["dataAddress"])
    assert second.token != first.token
    assert await readers.ask(second) == (200, DATA)
    assert (await readers.ask(first))[0] == 403
    said = await play.send(20)
    assert said.body["state"] == "TERMINATED"
    assert (await readers.ask(second))[0] == 403


async def test_the_two_requests_that_are_wrong_on_purpose_are_refused(
    town: Town, consumer: Counterparty, source: str
) -> None:
    play = Play(town, consumer, OLD_BASES[1])
    await _recorded_offer(town, source, recorded.record(11)["request"]["body"]["offer"]["@id"])
    for number in (21, 22):
        assert (await play.send(number, expect=404)).code == "offer_unknown"


def _edc_answers(number: int, changes: dict[str, str]) -> web.Response:
    response = recorded.record(number, changes)["response"]
    if response["body"] is None:
        return web.Response(status=response["status"], content_type="application/json")
    return web.json_response(response["body"], status=response["status"])


def _provides(changes: dict[str, str]) -> Callable[[Heard], web.Response | None]:
    """Answer as the recorded provider did."""
    recordings = {
        "/catalog/datasets/asset1": 9,
        "/catalog/request": 1,
        "/negotiations/request": 2,
        "/transfers/request": 6,
    }

    def answer(heard: Heard) -> web.Response | None:
        number = recordings.get(heard.path)
        if number is None:
            return None
        if heard.path.endswith("s/request") and heard.body and "consumerPid" in heard.body:
            changes[recorded.record(number)["request"]["body"]["consumerPid"]] = heard.body["consumerPid"]
        return _edc_answers(number, changes)

    return answer


async def _concluded(town: Town, provider: Counterparty) -> tuple[str, Play]:
    play = Play(town, provider, OLD_BASES[0])
    provider.answer = _provides(play.changes)
    view = await contracts.request(town.house, town.did, "provider", "asset1", by=BY)
    message = await provider.hears("ContractRequestMessage")
    assert message["offer"]["@id"] == recorded.record(9)["response"]["body"]["hasPolicy"][0]["@id"]
    play.changes |= {
        '"assignee": "consumer"': f'"assignee": "{town.did}"',
        "2026-11-22T06:19:34Z": clock.iso(clock.now()),
    }
    return view.id, play


def _also(play: Play, request: int, *answers: int) -> None:
    """Let messages of another recorded process stand for the one that goes on: its identifiers become those."""
    known = recorded.record(2 if request != 15 else 6)
    for name, of in (("consumerPid", known["request"]), ("providerPid", known["response"])):
        was = recorded.record(request)["request" if name == "consumerPid" else "response"]["body"][name]
        play.changes[was] = play.changes.get(of["body"][name], of["body"][name])
    for number in answers:
        body = recorded.record(number)["request"]["body"]
        if "agreement" in body:
            play.changes[body["agreement"]["timestamp"]] = clock.iso(clock.now())


async def test_a_recorded_provider_provides(town: Town, provider: Counterparty) -> None:
    contract, play = await _concluded(town, provider)
    await play.send(3)
    await provider.hears("ContractAgreementVerificationMessage")
    await play.send(5)
    view = await town.contract(contract, "FINALIZED")
    assert view.peer_pid == recorded.record(2)["response"]["body"]["providerPid"]
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    await provider.hears("TransferRequestMessage")
    await play.send(7)
    assert await _held(town, transfer) == ("http://localhost:19187/public", "eyJ...token...")


async def test_a_recorded_provider_starts_again_while_started(town: Town, provider: Counterparty) -> None:
    contract, play = await _concluded(town, provider)
    _also(play, 11, 12)
    await play.send(12)
    await provider.hears("ContractAgreementVerificationMessage")
    await play.send(14)
    await town.contract(contract, "FINALIZED")
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    await provider.hears("TransferRequestMessage")
    _also(play, 15)
    await play.send(16)
    await transfers.suspend(town.house, town.did, transfer, by=BY)
    await provider.hears("TransferSuspensionMessage")
    await town.transfer(transfer, "SUSPENDED")
    assert await _held(town, transfer) == ("http://localhost:19187/public", None)
    await transfers.resume(town.house, town.did, transfer, by=BY)
    assert "dataAddress" not in await provider.hears("TransferStartMessage")
    await town.transfer(transfer, "STARTED")
    play.changes["eyJ...token..."] = "another-token"
    said = await play.send(19)
    assert said.body["state"] == "STARTED"
    assert await _held(town, transfer) == ("http://localhost:19187/public", "another-token")


async def _held(town: Town, transfer: str) -> tuple[str | None, str | None]:
    found = await town.unit(lambda unit: unit.transfers.get(transfer))
    assert found is not None
    return found.endpoint, found.token


async def test_a_recorded_provider_that_answers_409_while_it_stores_is_tried_again(
    town: Town, provider: Counterparty
) -> None:
    contract, play = await _concluded(town, provider)
    refusals, habit = itertools.count(), provider.answer

    def answer(heard: Heard) -> web.Response | None:
        if heard.path.endswith("/verification") and next(refusals) < 1:
            return web.json_response({"code": "409", "reason": ["cannot be processed"]}, status=409)
        return habit(heard)

    provider.answer = answer
    await play.send(3)
    await provider.hears("ContractAgreementVerificationMessage")
    await provider.hears("ContractAgreementVerificationMessage")
    await play.send(5)
    await town.contract(contract, "FINALIZED")


async def test_a_third_recorded_negotiation_of_the_provider(town: Town, provider: Counterparty) -> None:
    contract, play = await _concluded(town, provider)
    _also(play, 22, 23)
    await play.send(23)
    await provider.hears("ContractAgreementVerificationMessage")
    await play.send(25)
    await town.contract(contract, "FINALIZED")


def test_the_recorded_version_document_leads_to_the_base() -> None:
    body = recorded.record(26)["response"]["body"]
    assert versions.base_url("http://localhost:19184/protocol/.well-known/dspace-version", body) == OLD_BASES[0]


def test_every_record_is_played_here() -> None:
    """24 is 4 and 13 once more, for the offer that was changed on purpose (22); 8 asks for data, without DSP."""
    here = Path(__file__).read_text()
    played = {int(number) for number in re.findall(r"(?:send|record|_negotiate|_transfer)\((?:play, )?([0-9]+)", here)}
    verifications = {number + 2 for number in (2, 11)}
    assert played | verifications | {8, 21, 22, 24} == set(recorded.numbers())
