"""Invariant I5 against a plain peer: what its answers, its messages and its state prove, and what is shown where nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.acceptance import towns
from tests.conversation import parts
from tests.conversation.counterparty import say

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty, Heard


def _shows(peer: Counterparty, pids: parts.Pids, state: str, status: int) -> None:
    """Let a peer refuse every message and show a state of its process to a GET."""
    kind = "TransferProcess" if pids.place.startswith("transfers") else "ContractNegotiation"

    def answer(heard: Heard) -> web.Response | None:
        if heard.method == "GET" and "/catalog" not in heard.path:
            return web.json_response(pids.say(kind, state=state))
        return web.json_response(say("ContractNegotiationError"), status=status) if heard.method == "POST" else None

    peer.answer = answer


async def test_i5_the_peers_next_message_acknowledges_ours(town: Town, peer: Counterparty) -> None:
    """Our verification is received, and answered with a fault: the FINALIZED that follows proves that it came."""
    contract, pids, message = await parts.asked(peer, town)
    peer.answer = lambda heard: web.Response(status=503) if heard.method == "POST" else None
    agreement = parts.agreement_to(peer, town, message)
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")
    final = pids.say("ContractNegotiationEventMessage", eventType="FINALIZED")
    await peer.says(town, f"{pids.place}/events", final, expect=200)
    view = await town.contract(contract, "FINALIZED")
    assert view.waiting.final


@pytest.mark.parametrize("status", [400, 401, 403, 422])
async def test_i5_after_a_refusal_the_state_that_a_get_shows_counts(
    town: Town, peer: Counterparty, status: int
) -> None:
    contract, pids, message = await parts.asked(peer, town)
    _shows(peer, pids, "VERIFIED", status)
    body = pids.say("ContractAgreementMessage", agreement=parts.agreement_to(peer, town, message))
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await town.contract(contract, "VERIFIED")
    assert any(heard.method == "GET" and heard.path == f"/negotiations/{pids.provider}" for heard in peer.heard)


async def test_i5_a_peer_that_has_ended_is_followed(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town)
    _shows(peer, pids, "TERMINATED", 400)
    body = pids.say("ContractAgreementMessage", agreement=parts.agreement_to(peer, town, message))
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await town.contract(contract, "TERMINATED")


async def test_i5_what_no_rule_explains_is_shown_as_stalled(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town)
    _shows(peer, pids, "OFFERED", 400)
    body = pids.say("ContractAgreementMessage", agreement=parts.agreement_to(peer, town, message))
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)

    async def stalled() -> bool:
        return (await town.contract(contract)).waiting.stalled is not None

    assert await towns.eventually(stalled)
    view = await town.contract(contract)
    assert (view.state, view.waiting.waits_for) == ("AGREED", "person")


async def test_i5_a_termination_that_the_peer_refuses_ends_here_unconfirmed(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town)
    _shows(peer, pids, "REQUESTED", 400)
    wrong = parts.agreement_to(peer, town, message) | {"target": "other"}
    await peer.says(town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=wrong), expect=400)
    await peer.hears("ContractNegotiationTerminationMessage")

    async def ended() -> bool:
        return (await town.contract(contract)).waiting.final

    assert await towns.eventually(ended)
    assert (await town.contract(contract)).waiting.unconfirmed
