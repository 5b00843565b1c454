"""Two towns replace their keys in mid-life, both purposes, and negotiate and transfer on without a person."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connector import clock
from connector.errors import Invalid, WrongState
from connector.evidence import seal
from connector.evidence.seal import AGREEMENT, VERIFICATION
from connector.identity import keyfile, pinned
from connector.services import keys, participants, peers
from connector.services.keys import history
from connector.store.parties import PINNED
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from connector.identity.keys import Purpose
    from connector.store.unit import Unit
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

DATA = "time;level\n2026-01-01T00:00:00Z;0.42\n"


class Watch:
    """A clock that all of a test's towns go by, and that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return clock.now() + self.ahead


async def _read(consumer: Town, transfer: str) -> bytes:
    address = await readers.address_of(consumer, transfer)
    status, body = await readers.ask(address)
    assert status == 200
    return body


async def _works(provider: Town, consumer: Town) -> str:
    """Conclude a contract, read its data, and return the contract's id at the consumer."""
    contract = await consumer.agree(provider, "levels")
    assert (await consumer.contract(contract)).sealed == "two-sided"
    transfer = await consumer.begin(contract)
    assert await _read(consumer, transfer) == DATA.encode()
    return contract


async def _kids(town: Town, contract: str) -> tuple[str, str]:
    """Return the keys of a contract's seals, each checked against the keys that were its party's then."""

    def work(unit: Unit) -> tuple[str, str]:
        found = []
        for kind in (AGREEMENT, VERIFICATION):
            stored = unit.seals.get(contract, kind)
            assert stored is not None
            read = seal.read(stored.jws)
            assert seal.key_fault(read, history(unit, town.did, stored.party)) is None
            found.append(read.kid)
        return found[0], found[1]

    return await town.unit(work)


def _modes(town: Town) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in Path(town.home / "keys").rglob("*.pem")}


async def test_both_purposes_are_replaced_while_contracts_and_transfers_go_on(found: Founding, tmp_path: Path) -> None:
    watch = Watch()
    a, b = await found("strangnas"), await found("trosa")
    (tmp_path / "data.csv").write_text(DATA)
    async with a.running(now=watch), b.running(now=watch):
        await towns.befriend(a, b)
        await a.publish("levels", f"file:{tmp_path / 'data.csv'}")
        first = await _works(a, b)
        before = await _kids(b, first)
        for town in (a, b):
            for purpose in ("token", "seal"):
                made = await keys.rotate(town.house, town.did, purpose, overlap_seconds=3600, by=BY)
                assert made.state == "next"
                with pytest.raises(WrongState, match="key_rotation_running"):
                    await keys.rotate(town.house, town.did, purpose, by=BY)
        # During the overlap the old keys sign, and the document lists both.
        second = await _works(a, b)
        assert await _kids(b, second) == before
        document = participants.did_document(a.house.member(a.did))
        assert (len(document["assertionMethod"]), len(document["capabilityInvocation"])) == (2, 2)
        # After it the new keys sign; each side has learnt the other's by itself.
        watch.ahead = 3700.0
        third = await _works(a, b)
        after = await _kids(b, third)
        assert not set(before) & set(after)
        assert await _read(b, await b.begin(first)) == DATA.encode()
        # After the second overlap the old keys are good for nothing, yet the old contracts can be verified.
        watch.ahead = 7300.0
        for town, other in ((a, b), (b, a)):
            await peers.refresh(town.house, town.did, other.did)
            row = await peers.get(town.house, town.did, other.did)
            assert row.state == PINNED
            assert len(row.pins) == 2
            ours = await town.contract(first if town is b else (await a.mirror(first)).pid)
            assert ours.sealed == "two-sided"
            await _kids(town, ours.id)
        fourth = await _works(a, b)
        assert await _kids(b, fourth) == after
        states = [(shown.key.purpose, shown.state) for shown in await keys.listing(a.house, a.did)]
        assert sorted(states) == [("seal", "current"), ("seal", "retired"), ("token", "current"), ("token", "retired")]
        assert _modes(a) == {0o600}
    # A restart takes the new keys from their files.
    async with a.running(now=watch), b.running(now=watch):
        fifth = await _works(a, b)
        assert await _kids(b, fifth) == after


async def test_a_neighbour_that_missed_two_replacements_follows(found: Founding) -> None:
    watch = Watch()
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(now=watch), b.running(now=watch):
        await towns.befriend(a, b)
        for purpose in ("token", "seal"):
            for _ in range(2):
                await keys.rotate(a.house, a.did, purpose, overlap_seconds=0, by=BY)
                watch.ahead += 1000.0
        row = await peers.refresh(b.house, b.did, a.did)
        assert row.state == PINNED
        member = a.house.member(a.did)
        assert {pin["thumbprint"] for pin in row.pins} == {member.token.kid, member.seal.kid}


async def test_another_process_on_the_same_home_takes_the_new_key_up(found: Founding) -> None:
    town = await found("strangnas")
    async with town.running():
        house = town.house
        old = house.member(town.did).token.kid
        held = dict(house._members)
        await keys.rotate(house, town.did, "token", overlap_seconds=0, by=BY)
        new = house.member(town.did).token.kid
        assert new != old
        house._members = held  # as a process that has not looked yet
        await house.load()
        assert house.member(town.did).token.kid == new


@pytest.mark.parametrize(("purpose", "overlap", "code"), [("x", 0, "key_purpose_unknown"), ("seal", -1, "key_overlap")])
async def test_what_cannot_be_replaced_is_refused(found: Founding, purpose: Purpose, overlap: int, code: str) -> None:
    town = await found("strangnas")
    async with town.running():
        with pytest.raises(Invalid, match=code):
            await keys.rotate(town.house, town.did, purpose, overlap_seconds=overlap, by=BY)


async def test_a_key_put_in_place_by_hand_is_the_partys_from_then_on(found: Founding) -> None:
    town = await found("strangnas")
    async with town.running():
        old = town.house.member(town.did).seal.kid
    path = next((town.home / "keys").rglob("seal.pem"))
    path.unlink()
    new = keyfile.create_key(path)
    async with town.running():
        periods = await town.unit(lambda unit: history(unit, town.did, town.did))
        ended = {period.kid: period.until is not None for period in periods if period.purpose == "seal"}
        assert ended == {old: True, new.kid: False}
        assert pinned.ROTATION_TYP not in str(participants.did_document(town.house.member(town.did)))
