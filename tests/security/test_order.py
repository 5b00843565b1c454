"""Row 22: every message in every state, against the table: illegal ones are 400 and change nothing, repeats have no effect."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from connector import ids
from connector.protocol import messages
from connector.protocol.machine import CONSUMER, PROVIDER, Role, Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from connector.services import contracts, publish, transfers
from connector.services.decide import NOTHING, Decision, Situation
from tests.acceptance import towns
from tests.acceptance.towns import BY, OPEN
from tests.conversation import parts
from tests.conversation.conftest import Meeting
from tests.conversation.counterparty import Counterparty
from tests.conversation.parts import Pids
from tests.security.ledger import unchanged
from tests.security.test_third_party import CONTENT

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

pytestmark = pytest.mark.slow


def nothing(_situation: Situation) -> Decision:
    """Decide nothing: the town makes no move of its own."""
    return NOTHING


# How a plain peer and an operator lead a town's process into a state: the peer's moves, and ours with their verb.


async def _provided(town: Town, peer: Counterparty, state: str) -> Pids:
    pids = await parts.requested(peer, town)
    if state == "TERMINATED":
        await _say(town, peer, pids, "ContractNegotiationTerminationMessage", "termination")
        return pids
    if state in ("OFFERED", "ACCEPTED"):
        policy = await publish.put(
            town.house, town.did, "o.json", b'{"@type":"Offer","permission":[{"action":"use"}]}', by=BY
        )
        await contracts.counter(town.house, town.did, pids.provider, policy.digest, by=BY)
        await town.contract(pids.provider, "OFFERED")
        await _settled(town, pids.provider)
    if state == "ACCEPTED":
        await _say(town, peer, pids, "ContractNegotiationEventMessage", "events", eventType="ACCEPTED")
    if state in ("AGREED", "VERIFIED", "FINALIZED"):
        await contracts.approve(town.house, town.did, pids.provider, by=BY)
        await _settled(town, pids.provider)
    if state in ("VERIFIED", "FINALIZED"):
        await _say(town, peer, pids, "ContractAgreementVerificationMessage", "agreement/verification")
    if state == "FINALIZED":
        await _move(town, pids.provider, "finalized")
    return pids


async def _consumed(town: Town, peer: Counterparty, state: str) -> Pids:
    contract, pids, message = await parts.asked(peer, town)
    if state == "TERMINATED":
        await _say(town, peer, pids, "ContractNegotiationTerminationMessage", "termination")
    if state in ("OFFERED", "ACCEPTED"):
        await _say(town, peer, pids, "ContractOfferMessage", "offers", offer=message["offer"])
    if state == "ACCEPTED":
        await contracts.accept(town.house, town.did, contract, by=BY)
        await _settled(town, contract)
    if state in ("AGREED", "VERIFIED", "FINALIZED"):
        agreement = parts.agreement_to(peer, town, message)
        await _say(town, peer, pids, "ContractAgreementMessage", "agreement", agreement=agreement)
    if state in ("VERIFIED", "FINALIZED"):
        await _move(town, contract, "verification")
    if state == "FINALIZED":
        await _say(town, peer, pids, "ContractNegotiationEventMessage", "events", eventType="FINALIZED")
    return pids


async def _reading(town: Town, peer: Counterparty, state: str, role: Role) -> Pids:
    negotiation = await (_provided if role == PROVIDER else _consumed)(town, peer, "FINALIZED")
    contract = negotiation.place.split("/")[1]
    agreement = (await town.contract(contract)).agreement_id or ""
    if role == PROVIDER:
        said = await peer.says(town, "transfers/request", parts.transfer_request(peer, agreement), expect=201)
        pids = parts.provider_pids(said)
        if state in ("STARTED", "SUSPENDED", "COMPLETED"):
            await _move(town, pids.provider, "start")
    else:
        transfer = (await transfers.start(town.house, town.did, contract, by=BY)).id
        await _settled(town, transfer)
        pids = parts.consumer_pids({"consumerPid": transfer}, peer.pid_of({"consumerPid": transfer}), "transfers")
        if state in ("STARTED", "SUSPENDED", "COMPLETED"):
            await _say(town, peer, pids, "TransferStartMessage", "start")
    last = {"SUSPENDED": "Suspension", "COMPLETED": "Completion", "TERMINATED": "Termination"}.get(state)
    if last:
        await _say(town, peer, pids, f"Transfer{last}Message", last.lower())
    return pids


async def _say(town: Town, peer: Counterparty, pids: Pids, kind: str, suffix: str, **content: Any) -> None:
    await peer.says(town, f"{pids.place}/{suffix}", pids.say(kind, **content), expect=200)


async def _move(town: Town, pid: str, move: str) -> None:
    def work(unit: Any) -> None:
        exchange = unit.exchanges.load(town.did, pid)
        town.house.exchanging.move(unit, exchange, move, by=BY)

    await town.house.store.write(work)
    await _settled(town, pid)


async def _settled(town: Town, pid: str) -> None:
    """Wait until no move of ours is on its way."""

    async def look() -> bool:
        exchange = await town.unit(lambda unit: unit.exchanges.load(town.did, pid))
        return exchange is not None and exchange.turn.pending is None

    assert await towns.eventually(look)


async def _in_state(town: Town, peer: Counterparty, table: Table, role: Role, state: str) -> Pids:
    if table is TRANSFER:
        pids = await _reading(town, peer, state, role)
    else:
        pids = await (_provided if role == PROVIDER else _consumed)(town, peer, state)
    exchange = await town.unit(lambda unit: unit.exchanges.load(town.did, pids.place.split("/")[1]))
    assert exchange is not None
    assert (exchange.turn.state, exchange.turn.role) == (state, role)
    return pids


STATES = [
    (table, role, state)
    for table in (NEGOTIATION, TRANSFER)
    for state in sorted({state for moves in table.moves.values() for state in moves.values()})
    for role in (PROVIDER, CONSUMER)
]


@pytest.mark.parametrize(("table", "role", "state"), STATES, ids=lambda value: getattr(value, "name", value))
async def test_a2_22_whatever_the_table_does_not_know_is_refused(
    found_on_sqlite: Founding, source: str, meet: Meeting, table: Table, role: Role, state: str
) -> None:
    town = await found_on_sqlite("strangnas")
    async with town.running(decide=nothing):
        await town.publish("flow", source, OPEN)
        peer = await meet(town)
        pids = await _in_state(town, peer, table, role, state)
        their_role: Role = CONSUMER if role == PROVIDER else PROVIDER
        types = messages.NEGOTIATION_TYPES if table is NEGOTIATION else messages.TRANSFER_TYPES
        illegal = [move for move in types if table.target(state, move, their_role) is None]
        assert illegal or state not in table.terminal
        async with unchanged(town):
            for move in illegal:
                content = CONTENT.get(move, {}) if table is NEGOTIATION else {}
                body = pids.say(types[move], **{"@id": ids.new()}, **content)
                place = f"{table.name}s/{pids.place.split('/')[1]}"
                path = place + messages.path(table.name, move, "x").removeprefix(f"/{table.name}s/x")
                said = await peer.says(town, path, body, expect=400)
                assert said.code == ("process_ended" if state in table.terminal else "move_illegal")
            for body in (
                {},
                {"@type": "Nonsense"},
                pids.say("CatalogRequestMessage"),
                pids.say("TransferStartMessage"),
            ):
                await peer.says(town, f"{pids.place}/termination", body, expect=400)
            shown = await peer.says(town, pids.place, expect=200)
            assert shown.body["state"] == state


async def test_i4_a_repeat_is_answered_as_before_and_has_no_effect(town: Town, peer: Counterparty) -> None:
    """With an `@id` for ever; without one as long as nothing of ours has taken effect since (rule 3)."""
    offer = await parts.offer_of(peer, town)
    first = parts.request(peer, offer) | {"@id": ids.new()}
    said = await peer.says(town, "negotiations/request", first, expect=201)
    pids = parts.provider_pids(said)
    await peer.hears("ContractAgreementMessage")
    await _settled(town, pids.provider)
    verified = pids.say("ContractAgreementVerificationMessage", **{"@id": ids.new()})
    await peer.says(town, f"{pids.place}/agreement/verification", verified, expect=200)
    await town.contract(pids.provider, "FINALIZED")
    await _settled(town, pids.provider)
    heard = len(peer.heard)
    async with unchanged(town):
        for _ in range(3):
            again = await peer.says(town, "negotiations/request", first, expect=201)
            assert again.body["providerPid"] == pids.provider
            again = await peer.says(town, f"{pids.place}/agreement/verification", verified, expect=200)
            assert again.body["state"] == "FINALIZED"
        other = verified | {"x": 1}
        said = await peer.says(town, f"{pids.place}/agreement/verification", other, expect=400)
        assert said.code == "message_id_reused"
        said = await peer.says(town, "negotiations/request", first | {"x": 1}, expect=400)
        assert said.code == "message_id_reused"
    assert len(peer.heard) == heard


async def test_i3_a_message_sent_many_times_at_once_has_one_effect(town: Town, peer: Counterparty) -> None:
    body = parts.request(peer, await parts.offer_of(peer, town))
    said = await asyncio.gather(*(peer.says(town, "negotiations/request", body, expect=201) for _ in range(12)))
    assert len({each.body["providerPid"] for each in said}) == 1
    await peer.hears("ContractAgreementMessage")
    pids = parts.provider_pids(said[0])
    await _settled(town, pids.provider)
    path, verified = f"{pids.place}/agreement/verification", pids.say("ContractAgreementVerificationMessage")
    statuses = [each.status for each in await asyncio.gather(*(peer.says(town, path, verified) for _ in range(12)))]
    assert 200 in statuses
    await town.contract(pids.provider, "FINALIZED")
    stored = await town.unit(lambda unit: unit.exchanges.page(town.did, "negotiation"))
    assert len(stored) == 1
    kinds = [heard.body["@type"] for heard in peer.posts()]
    assert kinds == ["ContractAgreementMessage", "ContractNegotiationEventMessage"]
