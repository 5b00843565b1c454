"""Row 23: whoever has no part in a process learns nothing of it and changes nothing of it, pinned or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from connector import ids
from connector.protocol import messages
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from connector.services import peers
from tests.conversation import parts
from tests.conversation.counterparty import say
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty
    from tests.conversation.parts import Pids

READ = {"@id": "o", "@type": "Offer", "target": "flow", "permission": [{"action": "use"}]}
CONTENT: dict[str, dict[str, Any]] = {
    "request": {"offer": READ},
    "offer": {"offer": READ},
    "accepted": {"eventType": "ACCEPTED"},
    "finalized": {"eventType": "FINALIZED"},
    "agreement": {"agreement": READ | {"@type": "Agreement"}},
}


def everything(pids: Pids) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every message of both protocols, as (path, body), for the pids."""
    for table, types in ((NEGOTIATION, messages.NEGOTIATION_TYPES), (TRANSFER, messages.TRANSFER_TYPES)):
        for move, kind in types.items():
            content = CONTENT.get(move, {}) if table is NEGOTIATION else {}
            suffix = messages.path(table.name, move, "x").removeprefix(f"/{table.name}s/x")
            yield f"{table.name}s/{pids.place.split('/')[1]}{suffix}", pids.say(kind, **content)


async def _processes(town: Town, peer: Counterparty) -> list[Pids]:
    """Return processes of every kind and role between a town and a peer."""
    transfer, _ = await parts.started(peer, town)
    negotiation, _ = await parts.agreed(peer, town)
    _, consuming, _ = await parts.asked(peer, town)
    await town.contract(negotiation.provider, "AGREED")
    await town.transfer(transfer.provider, "STARTED")
    return [transfer, negotiation, consuming]


async def test_a2_23_a_third_participant_gets_404_for_everything(town: Town, peer: Counterparty, meet: Meeting) -> None:
    third = await meet(town)
    found = await _processes(town, peer)
    async with unchanged(town):
        for pids in found:
            kind, pid = pids.place.split("/")
            unknown = await third.says(town, f"{kind}/{ids.new()}", expect=404)
            said = await third.says(town, pids.place, expect=404)
            assert said.body | {"providerPid": "", "consumerPid": ""} == unknown.body | {
                "providerPid": "",
                "consumerPid": "",
            }
            await third.says(town, f"transfers/{pid}/renewal", {}, expect=404)
            for path, body in everything(pids):
                said = await third.says(town, path, body, expect=404)
                assert said.code == "process_unknown"
                broken = {name: value for name, value in body.items() if name != "@type"}
                await third.says(town, path, broken, expect=404)
    assert third.heard == []


async def test_a2_23_a_first_message_cannot_take_over_a_process(town: Town, peer: Counterparty, meet: Meeting) -> None:
    """The pid of another's process in a first message makes a process of the third party's own."""
    third = await meet(town)
    found = (await _processes(town, peer))[1]
    offer = await parts.offer_of(third, town)
    said = await third.says(town, "negotiations/request", parts.request(third, offer, found.consumer), expect=201)
    assert said.body["providerPid"] != found.provider
    assert (await town.contract(found.provider)).peer == peer.did


async def test_a2_23_an_agreement_serves_its_own_consumer_only(town: Town, peer: Counterparty, meet: Meeting) -> None:
    third = await meet(town)
    pids, agreement = await parts.finalized(peer, town)
    await town.contract(pids.provider, "FINALIZED")
    async with unchanged(town):
        body = parts.transfer_request(third, agreement["@id"])
        said = await third.says(town, "transfers/request", body, expect=404)
        assert said.code == "agreement_unknown"


@pytest.mark.parametrize("who", ["nobody", "stranger", "removed", "forged"])
async def test_a2_23_the_unpinned_get_401_where_processes_begin_and_404_elsewhere(
    town: Town, peer: Counterparty, meet: Meeting, who: str
) -> None:
    found = await _processes(town, peer)
    stranger = await _unpinned(town, meet, who, peer)
    token = "" if who == "nobody" else None
    first = {"callbackAddress": stranger.base, "offer": READ}
    async with unchanged(town):
        for path, body in (
            ("catalog/request", say("CatalogRequestMessage")),
            ("catalog/request", None),
            ("catalog/datasets/flow", None),
            ("catalog/datasets/none", None),
            ("negotiations/request", say("ContractRequestMessage", consumerPid="c", **first)),
            ("negotiations/offers", say("ContractOfferMessage", providerPid="p", **first)),
            ("transfers/request", parts.transfer_request(stranger, "a")),
            ("transfers/request", b"{"),
        ):
            said = await stranger.says(town, path, body, token=token, expect=401)
            assert said.headers["www-authenticate"] == "Bearer"
        for pids in found:
            await stranger.says(town, pids.place, token=token, expect=404)
            for path, body in everything(pids):
                await stranger.says(town, path, body, token=token, expect=404)
                await stranger.says(town, path, b"{", token=token, expect=404)


async def _unpinned(town: Town, meet: Meeting, who: str, peer: Counterparty) -> Counterparty:
    if who == "forged":
        # Its tokens name a pinned peer's key, and are signed with another.
        forger = await meet()
        forger.authorization = lambda made, audience: f"Bearer {_signed_by(made, peer, audience)}"
        return forger
    made = await meet(*([town] if who == "removed" else []))
    if who == "removed":
        await peers.remove(town.house, town.did, made.did, by="operator")
    return made


def _signed_by(forger: Counterparty, peer: Counterparty, audience: str) -> str:
    """Return a token of a peer with the signature of somebody else's key."""
    head, payload, _ = peer.token(audience).split(".")
    return f"{head}.{payload}.{forger.token(audience).split('.')[2]}"
