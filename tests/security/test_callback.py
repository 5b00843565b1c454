"""Row 1: a callback address that is not under the pinned peer's whole base is refused, and nobody is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import ids
from connector.errors import BadMessage
from connector.net import egress
from connector.protocol.messages import Message
from connector.services.callback import callback_of
from tests.conversation import parts
from tests.conversation.counterparty import Counterparty, say
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting

BASE = "https://strangnas.example.se/dsp/2025-1"


def _elsewhere(peer: Counterparty, other: Counterparty) -> list[Any]:
    own, foreign = peer.base, other.base
    return [
        foreign, own.replace("localhost", "127.0.0.1"), own.replace("http:", "https:"), own.replace("/dsp/2025-1", ""),
        own[:-1], own + "0", own + "@127.0.0.1", own + "/../../", own + "/%2e%2e/x", own + "/..%2f", own + "\\@evil",
        own + "?to=" + foreign, own + "#x", own.upper(), own + "//evil.example", own + "/ x", own + "/./a", "//" + own[7:],
        own.replace("http://", "http://user@"), own.replace("/dsp", ":80/dsp"), "", " ", "file:///etc/passwd",
        "gopher://localhost/", "http://169.254.169.254/", "http://[::1]/dsp/2025-1", f"http://localhost:{peer.port}",
        None, 5, [own], {"@id": own}, own + "\n", "\u2028" + own, own * 40, own + "/a\tb",
    ]  # fmt: skip


async def test_a2_01_another_callback_address_is_refused_and_nobody_is_called(
    town: Town, peer: Counterparty, meet: Meeting
) -> None:
    other = await meet(town)
    offer = await parts.offer_of(peer, town)
    _, agreement = await parts.finalized(peer, town)
    await town.contract((await parts.finalized(peer, town))[0].provider, "FINALIZED")
    heard = len(peer.heard)
    async with unchanged(town):
        for address in _elsewhere(peer, other):
            theirs = {"offer": {"@id": "o", "target": "x", **parts.READ}, "callbackAddress": address}
            for path, body in (
                ("negotiations/request", parts.request(peer, offer, callbackAddress=address)),
                ("transfers/request", parts.transfer_request(peer, agreement["@id"], callbackAddress=address)),
                ("negotiations/offers", say("ContractOfferMessage", providerPid=ids.new(), **theirs)),
            ):  # fmt: skip
                said = await peer.says(town, path, body, expect=400)
                assert said.code in ("callback_foreign", "member_missing", "member_invalid"), address
    assert other.heard == []
    assert len(peer.heard) == heard


@settings(max_examples=300)
@given(st.one_of(st.text(), st.text().map(lambda text: BASE + text), st.from_regex(r"https://[a-z@.:/%]+")))
def test_a2_01_what_is_accepted_lies_under_the_base(address: str) -> None:
    message = Message("negotiation", "request", None, "", None, None, None, address, None, (), {})
    try:
        found = callback_of(message, BASE)
    except BadMessage:
        return
    assert found == BASE or found.startswith(BASE + "/")
    assert not set("?#\\%@ ") & set(found)
    assert egress.within(found, BASE)


@pytest.mark.parametrize("tail", ["", "/", "/x", "/x/y/"])
async def test_a2_01_an_address_under_the_base_is_used(town: Town, peer: Counterparty, tail: str) -> None:
    body = parts.request(peer, await parts.offer_of(peer, town), callbackAddress=peer.base + tail)
    await peer.says(town, "negotiations/request", body, expect=201)
    await peer.hears("ContractAgreementMessage")
    assert peer.posts()[0].path.startswith(tail.rstrip("/") + "/negotiations/")
