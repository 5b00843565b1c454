"""Row 43: secrets wherever a peer can put them are in no log, no journal, no answer, and in one column of one table."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.services import transfers
from tests.acceptance import readers
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.conftest import DATA
from tests.conversation.counterparty import Counterparty, say
from tests.security.ledger import dump

if TYPE_CHECKING:
    from tests.acceptance.towns import Town

CANARY = "canary-7d1f"
EDC = "https://w3id.org/edc/v0.0.1/ns/"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Give all that is logged, at the lowest level."""
    caplog.set_level(logging.DEBUG)
    return caplog


def _in_log(logged: pytest.LogCaptureFixture, secret: str) -> list[str]:
    lines = [f"{record.getMessage()} {record.exc_text or ''}" for record in logged.records]
    return [line for line in lines if secret in line]


async def _kept(town: Town, secret: str) -> dict[str, list[Any]]:
    found = await dump(town)
    return {name: kept for name, rows in found.items() if (kept := [row for row in rows if secret in row])}


async def test_a2_43_what_stands_in_headers_and_queries_is_nowhere(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture
) -> None:
    headers = {
        name: f"{CANARY}-{name}"
        for name in ("X-Api-Key", "Cookie", "Referer", "User-Agent", "X-Forwarded-For", "Origin")
    }
    body = parts.request(peer, await parts.offer_of(peer, town))
    for token in (None, f"Bearer {CANARY}", f"Basic {CANARY}", CANARY, f'{{"clientId":"{CANARY}"}}'):
        for path in (
            "catalog/request",
            "negotiations/request",
            f"negotiations/x?token={CANARY}",
            f"catalog/datasets/x?y={CANARY}",
        ):
            said = await peer.says(
                town, path, body if path == "negotiations/request" else None, token=token, headers=headers
            )
            assert CANARY not in str(said.body), path
            assert CANARY not in str(dict(said.headers)), path
    for path in (f"/data/x?token={CANARY}", f"/x?{CANARY}", f"/dsp/2025-1/x?{CANARY}=1"):
        assert CANARY not in str((await peer.ask(town, "GET", path, token=f"Bearer {CANARY}", headers=headers)).body)
    assert _in_log(logged, CANARY) == []
    assert await _kept(town, CANARY) == {}


async def test_a2_43_request_tokens_are_nowhere(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture
) -> None:
    sent: list[str] = []

    def speak(made: Counterparty, audience: str) -> str:
        sent.append(made.token(audience))
        return f"Bearer {sent[-1]}"

    peer.authorization = speak
    await parts.started(peer, town)
    ours = [heard.headers["Authorization"].removeprefix("Bearer ") for heard in peer.posts()]
    assert ours
    for token in (*sent, *ours):
        assert _in_log(logged, token.split(".")[2]) == []
        assert await _kept(town, token.split(".")[2]) == {}


async def test_a2_43_our_data_tokens_leave_in_their_message_only(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture
) -> None:
    _, found = await parts.started(peer, town)
    values = {item["name"]: item["value"] for item in found["endpointProperties"]}
    address = readers.Address(found["endpoint"], values["authorization"])
    assert await readers.ask(address) == (200, DATA)
    assert (await readers.ask(readers.Address(found["endpoint"], address.token + "0")))[0] == 401
    secret = address.token.rpartition(".")[2]
    assert _in_log(logged, secret) == []
    assert await _kept(town, secret) == {}


def _properties(*names: str) -> list[dict[str, Any]]:
    return [{"@type": "EndpointProperty", "name": name, "value": f"{CANARY}-{name}"} for name in names]


ADDRESSES: dict[str, Any] = {
    "as DSP says": {"endpointProperties": _properties("authorization", "password", "secretKey")},
    "as EDC says": {
        "endpointProperties": _properties(EDC + "authorization", EDC + "refreshToken", "edc:oauth2:clientSecret")
    },
    "one property only": {"endpointProperties": _properties("authorization")[0]},
    "members of the address": {"authorization": CANARY, "edc:token": CANARY, "nested": {"a": [CANARY]}},
    "in the credentials of the address": {"endpoint": f"https://user:{CANARY}@data.example.org/x?sig={CANARY}"},
    "lists in lists": {"endpointProperties": [[{"name": "authorization", "value": CANARY}]]},
    "other names": {
        "endpointProperties": [{"name": "authorization", "dspace:value": CANARY, "value": {"@value": CANARY}}]
    },
}


@pytest.mark.parametrize("name", ADDRESSES)
async def test_a2_43_a_peers_data_token_is_kept_in_its_column_only(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture, name: str
) -> None:
    contract, _, _ = await parts.agree(peer, town)
    transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
    message = await peer.hears("TransferRequestMessage")
    pids = parts.consumer_pids(message, peer.pid_of(message), "transfers")
    address = {"@type": "DataAddress", "endpointType": "https://w3id.org/idsa/v4.1/HTTP"} | ADDRESSES[name]
    await peer.says(town, f"{pids.place}/start", pids.say("TransferStartMessage", dataAddress=address), expect=200)
    kept = await _kept(town, CANARY)
    assert set(kept) <= {"transfer"}, kept
    assert _in_log(logged, CANARY) == []
    view = await transfers.show(town.house, town.did, transfer)
    assert CANARY not in repr(view)


@pytest.mark.parametrize("member", ["dataAddress", "dspace:dataAddress", "https://w3id.org/dspace/2025/1/dataAddress"])
async def test_a2_43_an_address_for_pushing_is_not_kept_readable(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture, member: str
) -> None:
    _, agreement = await parts.finalized(peer, town)
    body = parts.transfer_request(peer, agreement["@id"]) | {member: ADDRESSES["as DSP says"]}
    await peer.says(town, "transfers/request", body, expect=201)
    assert await _kept(town, CANARY) == {}
    assert _in_log(logged, CANARY) == []


async def test_a2_43_the_peers_words_stay_out_of_the_log(
    town: Town, peer: Counterparty, logged: pytest.LogCaptureFixture
) -> None:
    pids, _ = await parts.started(peer, town)
    over = pids.say("TransferTerminationMessage", code=CANARY, reason=[CANARY])
    await peer.says(town, f"{pids.place}/termination", over | {CANARY: CANARY}, expect=200)
    await peer.says(town, "catalog/request", orjson.dumps({CANARY: CANARY}), expect=400)
    await peer.says(town, "catalog/request", b'{"%s":1,"%s":2}' % (CANARY.encode(), CANARY.encode()), expect=400)
    await peer.says(town, "catalog/request", say("CatalogRequestMessage", filter=[CANARY]), expect=400)
    assert _in_log(logged, CANARY) == []
