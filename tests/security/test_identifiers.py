"""Row 24: our pids are random; a peer's pid counts for that peer only; hostile ones are refused or kept as they are."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from connector import ids
from connector.services import contracts
from tests.acceptance import towns
from tests.conversation import parts
from tests.conversation.counterparty import say
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty

pytestmark = pytest.mark.slow

HOSTILE_PATHS = [
    "%00", "a%00b", "%ff%fe", "..%2f..%2fetc", "%2e%2e", "..", ".", "%0d%0aX-Evil:1", "x" * 3000, "'%20OR%201=1--", "%25",
    "%c0%ae", "%ed%a0%80", "urn:uuid:", "%E2%80%AE", "*", "~", "a;b", "a=b", "%3Cscript%3E", "request", "%20",
]  # fmt: skip


async def _ask_hostile(town: Town, peer: Counterparty) -> None:
    body = say("TransferTerminationMessage", providerPid="x", consumerPid="y")
    for pid in HOSTILE_PATHS:
        for kind in ("negotiations", "transfers"):
            said = await peer.says(town, f"{kind}/{pid}")
            assert said.status in (400, 404, 405, 414), (pid, said)
            said = await peer.says(town, f"{kind}/{pid}/termination", body)
            assert said.status in (400, 404, 405, 414), (pid, said)
        assert (await peer.says(town, f"transfers/{pid}/renewal", {})).status in (400, 404, 405)
        assert (await peer.says(town, f"catalog/datasets/{pid}")).status in (400, 404)
        said = await peer.says(town, f"catalog/request?continuationToken={pid}")
        assert said.status == 400, (pid, said)
        assert (await peer.ask(town, "GET", f"/data/{pid}/x", token=f"Bearer {pid[:200]}")).status in (400, 401, 404)


async def test_a2_24_hostile_pids_in_paths_find_nothing(town: Town, peer: Counterparty) -> None:
    async with unchanged(town):
        await _ask_hostile(town, peer)


@pytest.mark.postgresql
async def test_a2_24_hostile_pids_in_paths_find_nothing_on_postgresql(
    tmp_path: Any, migrated_postgresql_url: str, meet: Meeting
) -> None:
    town = await towns.found(tmp_path / "strangnas", migrated_postgresql_url)
    async with town.running():
        peer = await meet(town)
        async with unchanged(town):
            await _ask_hostile(town, peer)


@pytest.mark.parametrize(
    "pid",
    [
        "a b",
        "å",
        "../..",
        "<script>",
        "'--",
        "x" * 256,
        "a/b",
        "?a=b#c",
        "%00",
        "🙂",
        "http://evil.example/x",
    ],
)
async def test_a2_24_a_peers_pid_never_leads_a_message_of_ours_elsewhere(
    town: Town, peer: Counterparty, pid: str
) -> None:
    """Whatever a peer calls its process, our messages go to exactly one segment under its base."""
    body = parts.request(peer, await parts.offer_of(peer, town), pid)
    await peer.says(town, "negotiations/request", body, expect=201)
    message = await peer.hears("ContractAgreementMessage")
    assert message["consumerPid"] == pid
    assert peer.posts()[-1].path == f"/negotiations/{quote(pid, safe=':')}/agreement"


@pytest.mark.parametrize(
    "pid", ["", ".", "..", "x" * 257, "a\nb", "a\tb", "\u202ex", "a\x7f", "\u2028", None, 5, [], {}]
)
async def test_a2_24_a_pid_that_cannot_be_shown_is_refused(town: Town, peer: Counterparty, pid: Any) -> None:
    offer = await parts.offer_of(peer, town)
    async with unchanged(town):
        body = parts.request(peer, offer) | {"consumerPid": pid}
        await peer.says(town, "negotiations/request", body, expect=400)


async def test_a2_24_two_peers_may_use_the_same_pid(town: Town, peer: Counterparty, meet: Meeting) -> None:
    other, pid = await meet(town), "1"
    offer = await parts.offer_of(peer, town)
    found = []
    for each in (peer, other):
        said = await each.says(town, "negotiations/request", parts.request(each, offer, pid), expect=201)
        found.append(said.body["providerPid"])
        assert (await each.hears("ContractAgreementMessage"))["providerPid"] == found[-1]
    assert found[0] != found[1]
    for number, each in enumerate((peer, other)):
        await each.says(town, f"negotiations/{found[number]}", expect=200)
        await each.says(town, f"negotiations/{found[1 - number]}", expect=404)
        await each.says(town, f"negotiations/{pid}", expect=404)


async def test_a2_24_pids_of_ours_are_random(town: Town, peer: Counterparty) -> None:
    pids = {(await parts.requested(peer, town)).provider for _ in range(20)}
    assert len(pids) == 20
    assert all(uuid.UUID(pid.removeprefix("urn:uuid:")).version == 4 for pid in pids)


async def test_a2_24_a_message_must_name_the_process_of_its_path(town: Town, peer: Counterparty) -> None:
    one, other = (await parts.agreed(peer, town))[0], (await parts.agreed(peer, town))[0]
    for pids in (one, other):
        await town.contract(pids.provider, "AGREED")
    async with unchanged(town):
        for provider, consumer in (
            (other.provider, one.consumer), (one.provider, other.consumer), (one.consumer, one.provider),
            (ids.new(), one.consumer), (one.provider, ids.new()), (None, one.consumer), (one.provider, None),
        ):  # fmt: skip
            body = say("ContractNegotiationTerminationMessage", providerPid=provider, consumerPid=consumer)
            said = await peer.says(town, f"{one.place}/termination", body, expect=400)
            assert said.code in ("pid_mismatch", "member_missing")


async def test_a2_24_what_is_anothers_participant_is_not_found(
    found_on_sqlite: Founding, meet: Meeting, source: str
) -> None:
    """Two participants under one roof: a process of the one is unknown at the other."""
    town = await found_on_sqlite("strangnas")
    async with town.running():
        await town.publish("flow", source)
        own = await town.add_participant("va")
        peer = await meet(town)
        await town.pin(peer.did, own=own)
        pids = await parts.requested(peer, town)
        said = await peer.ask(town, "GET", f"/va/dsp/2025-1/{pids.place}", own=own)
        assert said.status == 404
        assert (await contracts.listing(town.house, own))[0] == []
