"""Reading leniently: what peers send that the specification does not ask for, or does not quite allow, is understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import hdrs, web

from connector import ids
from connector.protocol.context import DSPACE
from connector.services import transfers
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.counterparty import say

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty, Heard

pytestmark = pytest.mark.slow

EDC = "https://w3id.org/edc/dspace/v0.0.1"
Form = Callable[[dict[str, Any]], dict[str, Any]]


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    return message


def _prefixed(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"@type": "dspace:" + message["@type"]}


def _as_iri(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"@type": "https://w3id.org/dspace/2025/1/" + message["@type"]}


def _extended(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"@context": [EDC, DSPACE], "edc:more": {"a": [1, None, True]}, "https://example.org/x": "y"}


def _one_context(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"@context": DSPACE}


def _identified(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"@id": ids.new()}


FORMS = [
    (_prefixed, "application/json"),
    (_as_iri, "application/json; charset=utf-8"),
    (_extended, "application/ld+json"),
    (_one_context, "text/plain"),
    (_identified, "application/json"),
    (_plain, ""),
]


@pytest.mark.parametrize(("form", "content_type"), FORMS)
async def test_a_negotiation_and_a_transfer_in_another_form(
    town: Town, peer: Counterparty, form: Form, content_type: str
) -> None:
    headers = {hdrs.CONTENT_TYPE: content_type}
    body = form(parts.request(peer, await parts.offer_of(peer, town)))
    pids = parts.provider_pids(await peer.says(town, "negotiations/request", body, expect=201, headers=headers))
    agreement = (await peer.hears("ContractAgreementMessage"))["agreement"]
    verified = form(pids.say("ContractAgreementVerificationMessage"))
    await peer.says(town, f"{pids.place}/agreement/verification", verified, expect=200, headers=headers)
    await town.contract(pids.provider, "FINALIZED")
    body = form(parts.transfer_request(peer, agreement["@id"]))
    pids = parts.provider_pids(await peer.says(town, "transfers/request", body, expect=201, headers=headers))
    await peer.hears("TransferStartMessage")
    over = form(pids.say("TransferSuspensionMessage", reason="only a text"))
    await peer.says(town, f"{pids.place}/suspension", over, expect=200, headers=headers)
    over = form(pids.say("TransferTerminationMessage", reason=[{"@value": "slut", "@language": "sv"}]))
    await peer.says(town, f"{pids.place}/termination", over, expect=200, headers=headers)
    assert "slut" in (await town.transfer(pids.provider, "TERMINATED")).reasons


@pytest.mark.parametrize(
    "change",
    [
        {"constraint": []},
        {"constraint": [], "@type": "Permission"},
        {"@id": "rule-1"},
        {"action": "odrl:use"},
        {"action": "http://www.w3.org/ns/odrl/2/use"},
    ],
)
async def test_an_offer_that_says_the_same_in_other_words_is_the_same(
    town: Town, peer: Counterparty, change: dict[str, Any]
) -> None:
    offer = await parts.offer_of(peer, town)
    offer["permission"][0] |= change
    offer |= {"assigner": town.did, "edc:note": "x", "obligation": [], "prohibition": []}
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    await peer.hears("ContractAgreementMessage")


async def test_only_the_offers_identifier_need_be_echoed_with_its_rules(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    del offer["target"]
    await peer.says(town, "negotiations/request", parts.request(peer, offer), expect=201)
    await peer.hears("ContractAgreementMessage")


async def test_a_callback_address_may_end_in_a_slash(town: Town, peer: Counterparty) -> None:
    body = parts.request(peer, await parts.offer_of(peer, town), callbackAddress=peer.base + "/")
    await peer.says(town, "negotiations/request", body, expect=201)
    await peer.hears("ContractAgreementMessage")
    assert peer.posts()[-1].path.startswith("/negotiations/")


def _ack(heard: Heard, peer: Counterparty, status: int, **members: Any) -> web.Response:
    kind = "TransferProcess" if heard.path.startswith("/transfers") else "ContractNegotiation"
    body = say(kind, providerPid=peer.pid_of(heard.body), consumerPid=heard.body["consumerPid"], **members)
    return web.json_response(body, status=status)


@pytest.mark.parametrize("status", [200, 202])
async def test_a_provider_that_answers_200_without_a_state(town: Town, peer: Counterparty, status: int) -> None:
    parts.offering(peer, parts.their_offer())
    habit = peer.answer
    peer.answer = lambda heard: (
        _ack(heard, peer, status, **{"@id": "x"}) if heard.path.endswith("s/request") else habit(heard)
    )
    contract = await town.request(peer.did, "lakes")
    message = await peer.hears("ContractRequestMessage")
    pids = parts.consumer_pids(message, peer.pid_of(message))
    agreement = parts.agreement_to(peer, town, message)
    await peer.says(
        town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=agreement), expect=200
    )
    await peer.hears("ContractAgreementVerificationMessage")
    assert (await town.contract(contract)).peer_pid == pids.provider


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=200),
        lambda: web.Response(status=204),
        lambda: web.Response(status=200, body=b"<html>fine</html>", content_type="text/html"),
        lambda: web.Response(status=200, body=b"[]", content_type="application/json"),
        lambda: web.Response(status=200, body=b'{"a":NaN}'),
    ],
)
async def test_any_2xx_acknowledges_whatever_its_body(
    town: Town, peer: Counterparty, answer: Callable[[], web.Response]
) -> None:
    contract, pids, message = await parts.asked(peer, town)
    peer.answer = lambda heard: answer() if heard.method == "POST" else None
    agreement = parts.agreement_to(peer, town, message)
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")
    await town.contract(contract, "VERIFIED")


async def test_an_address_of_edcs_kind_has_no_endpoint_of_its_own(town: Town, peer: Counterparty) -> None:
    contract, _, _ = await parts.agree(peer, town)
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    message = await peer.hears("TransferRequestMessage")
    pids = parts.consumer_pids(message, peer.pid_of(message), "transfers")
    names = {"endpoint": "https://data.example.org/public", "authorization": "raw-token", "authType": "bearer"}
    address = {
        "@type": "DataAddress",
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": f"https://w3id.org/edc/v0.0.1/ns/{name}", "value": value}
            for name, value in names.items()
        ],
    }
    await peer.says(town, f"{pids.place}/start", pids.say("TransferStartMessage", dataAddress=address), expect=200)
    held = await town.unit(lambda unit: unit.transfers.get(transfer))
    assert held is not None
    assert (held.endpoint, held.token) == (names["endpoint"], names["authorization"])


@pytest.mark.parametrize("address", [None, "x", [], {"endpoint": 5}, {"endpointProperties": [None, {"name": 1}]}])
async def test_a_start_with_an_address_that_cannot_be_read_starts_without_data(
    town: Town, peer: Counterparty, address: Any
) -> None:
    contract, _, _ = await parts.agree(peer, town)
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    message = await peer.hears("TransferRequestMessage")
    pids = parts.consumer_pids(message, peer.pid_of(message), "transfers")
    await peer.says(town, f"{pids.place}/start", pids.say("TransferStartMessage", dataAddress=address), expect=200)
    held = await town.unit(lambda unit: unit.transfers.get(transfer))
    assert held is not None
    assert (held.endpoint, held.token) == (None, None)
