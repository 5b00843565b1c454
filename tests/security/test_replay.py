"""Row 9: a token opens one request: not twice, not in two at once, not with another signature of the same bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connector.identity import keys
from tests.conversation import parts
from tests.conversation.counterparty import say
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _malleated(token: str) -> str:
    """Return a token with the other signature that ECDSA allows for it: (r, n - s)."""
    head, payload, signature = token.split(".")
    raw = keys.decode(signature)
    other = (_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return ".".join((head, payload, keys.encode(raw[:32] + other)))


async def test_a2_09_a_token_is_good_for_one_request(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    pids = await parts.requested(peer, town)
    await peer.hears("ContractAgreementMessage")
    await town.contract(pids.provider, "AGREED")
    verified = pids.say("ContractAgreementVerificationMessage")
    requests = [
        ("catalog/request", say("CatalogRequestMessage"), 401),
        ("catalog/datasets/flow", None, 401),
        ("negotiations/request", parts.request(peer, offer), 401),
        ("transfers/request", parts.transfer_request(peer, "x"), 401),
        (pids.place, None, 404),
        (f"{pids.place}/termination", pids.say("ContractNegotiationTerminationMessage"), 404),
        (f"{pids.place}/agreement/verification", verified, 404),
    ]
    token = peer.token(town.did)
    await peer.says(town, pids.place, token=f"Bearer {token}", expect=200)
    async with unchanged(town):
        for path, body, status in requests:
            for again in (token, _malleated(token)):
                await peer.says(town, path, body, token=f"Bearer {again}", expect=status)


async def test_a2_09_a_refused_request_has_spent_its_token_too(town: Town, peer: Counterparty) -> None:
    for path, body, status in (
        ("negotiations/request", parts.request(peer, {"@id": "nonsense", **parts.READ}), 404),
        ("negotiations/request", say("ContractRequestMessage"), 400),
        ("negotiations/request", b"{", 400),
        ("catalog/request", say("CatalogRequestMessage", filter=["x"]), 400),
        ("catalog/request", b"[]", 400),
        ("catalog/datasets/none", None, 404),
        ("transfers/none/start", say("TransferStartMessage", providerPid="a", consumerPid="b"), 404),
    ):
        token = peer.token(town.did)
        await peer.says(town, path, body, token=f"Bearer {token}", expect=status)
        said = await peer.says(town, "catalog/datasets/flow", token=f"Bearer {token}", expect=401)
        assert said.code == "token_replayed", path


async def test_a2_09_of_many_at_once_one_has_an_effect(town: Town, peer: Counterparty) -> None:
    offer = await parts.offer_of(peer, town)
    token = peer.token(town.did)
    forms = [token, _malleated(token)] * 8
    asking = [
        peer.says(town, "negotiations/request", parts.request(peer, offer), token=f"Bearer {form}") for form in forms
    ]
    said = await asyncio.gather(*asking)
    assert sorted(each.status for each in said) == [201] + [401] * 15
    page = await town.unit(lambda unit: unit.exchanges.page(town.did, "negotiation"))
    assert len(page) == 1


async def test_a2_08_a_token_for_another_participant_opens_nothing(town: Town, meet: Meeting) -> None:
    own = await town.add_participant("va")
    peer = await meet(town)
    await town.pin(peer.did, own=own)
    token = f"Bearer {peer.token(own)}"
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), token=token, expect=401)
    assert said.code == "token_audience"
    path = "/va/dsp/2025-1/catalog/request"
    assert (await peer.ask(town, "POST", path, say("CatalogRequestMessage"), token=token)).status == 200
