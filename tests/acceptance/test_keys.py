"""A neighbour's keys change: by itself when the old key vouches for the new one, otherwise only with a person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import clock
from connector.errors import Unreachable, WrongState
from connector.identity import keyfile, pinned
from connector.identity import participant as places
from connector.identity.keys import KeyPair
from connector.services import catalog, contracts, participants, peers
from connector.services.house import Member, key_folder
from connector.store.parties import KEY_CHANGED, PINNED
from tests.acceptance import towns
from tests.acceptance.tap import Tap
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town


def _new_key(town: Town) -> tuple[KeyPair, KeyPair]:
    """Give a town that does not run another key for its tokens; return the old one and the new one."""
    path = key_folder(town.home, town.did) / participants.TOKEN_KEY
    old = keyfile.load_key(path)
    path.unlink()
    return old, keyfile.create_key(path)


async def _state(town: Town, peer: Town) -> str:
    return (await peers.get(town.house, town.did, peer.did)).state


async def _waits_for_approval(a: Town, b: Town, folder: Path) -> tuple[str, str]:
    """Let b ask for a contract that a's operator has to approve; return its pid at a and at b."""
    (folder / "data.csv").write_text("time;level\n")
    await a.publish("levels", f"file:{folder / 'data.csv'}", approval="person")
    asked = await b.request(a, "levels")
    await b.contract(asked, "REQUESTED")
    assert await towns.eventually(lambda: _known(b, asked))
    return (await a.mirror(asked)).pid, asked


async def _known(town: Town, contract: str) -> str | None:
    return (await town.contract(contract)).peer_pid


async def test_a_key_that_nobody_vouches_for_is_refused_until_a_person_confirms(
    found: Founding, tmp_path: Path
) -> None:
    a, b = await found("strangnas"), await found("trosa", tapped=True)
    tap = Tap(b.port, b.listen)
    async with tap.standing(), a.running():
        await b.start()
        await towns.befriend(a, b)
        ours, asked = await _waits_for_approval(a, b, tmp_path)
        await b.stop()
        _new_key(b)
        async with b.running():
            # Its next word is refused, and what it is told says nothing of our pins.
            with pytest.raises(Unreachable, match="401"):
                await catalog.fetch(b.house, b.did, a.did)
            assert await _state(a, b) == KEY_CHANGED
            # Nothing is sent to it: what is decided now waits, and says why.
            before = tap.asked
            await contracts.approve(a.house, a.did, ours, by=BY)
            assert await towns.eventually(lambda: _told(a, ours))
            view = await a.contract(ours)
            assert (view.state, view.waiting.waits_for, view.waiting.last_error) == (
                "REQUESTED",
                "us",
                "peer_key_changed",
            )
            assert view.waiting.next_attempt is not None
            with pytest.raises(WrongState, match="peer_key_changed"):
                await contracts.offer(a.house, a.did, b.did, "levels", by=BY)
            with pytest.raises(WrongState, match="peer_key_changed"):
                await catalog.fetch(a.house, a.did, b.did)
            assert tap.asked == before
            # Only the fingerprints that it shows now, compared by a person, heal it.
            with pytest.raises(WrongState, match="peer_fingerprints_differ"):
                await peers.confirm(a.house, a.did, b.did, fingerprints=["x"], by=BY)
            assert await _state(a, b) == KEY_CHANGED
            seen = await peers.preview(a.house, a.did, b.did)
            await peers.confirm(a.house, a.did, b.did, fingerprints=seen.fingerprints, by=BY)
            assert await _state(a, b) == PINNED
            await a.contract(ours, "FINALIZED")
            await b.contract(asked, "FINALIZED")
            assert (await catalog.fetch(b.house, b.did, a.did)).datasets


async def _told(town: Town, contract: str) -> str | None:
    return (await town.contract(contract)).waiting.last_error


async def test_a_key_that_the_old_one_names_joins_by_itself(
    found: Founding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running():
        await b.start()
        await towns.befriend(a, b)
        ours, asked = await _waits_for_approval(a, b, tmp_path)
        await b.stop()
        old, new = _new_key(b)
        named = pinned.endorse(old, b.did, new.public.thumbprint, "token", int(clock.now()))

        def with_rotation(member: Member) -> Mapping[str, Any]:
            rotations = [named] if member.id == b.did else []
            return places.document(
                member.id, token=[member.token.public], seal=[member.seal.public], rotations=rotations
            )

        monkeypatch.setattr(participants, "did_document", with_rotation)
        async with b.running():
            assert (await catalog.fetch(b.house, b.did, a.did)).datasets
            row = await peers.get(a.house, a.did, b.did)
            assert row.state == PINNED
            assert [pin["thumbprint"] for pin in row.pins if pin["purpose"] == "token"] == [new.public.thumbprint]
            await contracts.approve(a.house, a.did, ours, by=BY)
            await b.contract(asked, "FINALIZED")
            await a.contract(ours, "FINALIZED")
