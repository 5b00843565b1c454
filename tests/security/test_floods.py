"""Rows 35, 39 and 47 on a whole town: floods cost the flooder, and the public listener gives away nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from connector import clock
from tests.conversation import parts
from tests.conversation.counterparty import Counterparty, say

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting

pytestmark = pytest.mark.slow


async def test_a2_35_a_flood_is_slowed_and_a_second_peer_is_not(town: Town, peer: Counterparty, meet: Meeting) -> None:
    other = await meet(town)
    await town.stop()
    async with town.running(peer_rate_per_second=10, peer_burst=50):
        flood = [peer.says(town, "catalog/request", say("CatalogRequestMessage")) for _ in range(120)]
        beside = [other.says(town, "catalog/datasets/flow") for _ in range(20)]
        said = await asyncio.gather(*flood, *beside)
        mine, others = said[:120], said[120:]
        assert {each.status for each in mine} == {200, 429}
        assert 50 <= sum(each.status == 200 for each in mine) <= 80
        for each in mine:
            if each.status == 429:
                assert (each.code, int(each.headers["retry-after"]) >= 1) == ("http_too_many", True)
        assert {each.status for each in others} == {200}
        offer = await parts.offer_of(other, town)
        await other.says(town, "negotiations/request", parts.request(other, offer), expect=201)


async def test_a2_35_guessing_without_proof_is_slowed_and_peers_are_not(
    town: Town, peer: Counterparty, meet: Meeting
) -> None:
    stranger = await meet()
    await town.stop()
    async with town.running(address_rate_per_second=2, address_burst=20):
        guesses = [stranger.says(town, f"negotiations/guess-{number}") for number in range(60)]
        said = await asyncio.gather(*guesses)
        assert {each.status for each in said} == {404, 429}
        assert all("retry-after" in each.headers for each in said if each.status == 429)
        assert (await peer.says(town, "catalog/datasets/flow")).status == 200


async def test_a2_35_pages_stay_bounded(town: Town, peer: Counterparty, source: str) -> None:
    for number in range(30):
        await town.publish(f"set-{number}", source)
    town.house.page_size = 10
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), expect=200)
    assert len(said.body["dataset"]) == 10
    for token in ("", "x", "MTA", "9" * 30, "LTE", "MA%3D%3D"):
        said = await peer.says(town, f"catalog/request?continuationToken={token}")
        assert said.status in (200, 400)


async def test_a2_39_the_public_listener_has_no_management(town: Town, peer: Counterparty) -> None:
    for path in ("/api/v1/participants", "/api/openapi.json", "/metrics", "/health/live", "/health/ready", "/api", "/"):
        for token in ("", f"Bearer {town.token}"):
            said = await peer.ask(town, "GET", path, token=token)
            assert said.status == 404, path
            assert town.token not in str(said)


async def test_a2_47_the_public_documents_name_no_build_and_are_quick(town: Town, meet: Meeting) -> None:
    stranger = await meet()
    paths = ("/.well-known/dspace-version", "/.well-known/did.json", "/nothing", "/dsp/2025-1/catalog/request")
    for path in paths:
        said = await stranger.ask(town, "GET", path, token="")
        assert "server" not in said.headers
        assert not [name for name in ("aiohttp", "python", "0.0", "0.1") if name in str(said.body).lower()]
    begun = clock.monotonic()
    asked = [stranger.ask(town, "GET", paths[0], token="") for _ in range(200)]
    assert {each.status for each in await asyncio.gather(*asked)} == {200}
    assert clock.monotonic() - begun < 10
