"""Access follows the policy while a transfer lasts: held up and taken up again by itself, or ended for good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import clock
from connector.services import transfers
from connector.store.parties import KEY_CHANGED, PINNED
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY, Town

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

DATA = b"time;level\n" * 100
HOUR = 3600.0


class Shifted:
    """A clock that a test sets forward, the same in both towns."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return clock.now() + self.ahead

    def to(self, seconds: float, *watched: Town) -> None:
        """Set the clock forward and let those who wait for a time look at it."""
        self.ahead = seconds
        for town in watched:
            assert town.application is not None
            town.application._upkeep.watch()


def _bound(operator: str, at: float) -> Mapping[str, Any]:
    right = {"@value": clock.iso(at), "@type": "xsd:dateTime"}
    return {"leftOperand": "odrl:dateTime", "operator": operator, "rightOperand": right}


def until(at: float) -> Mapping[str, Any]:
    """Return a policy that permits until a time."""
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [_bound("lt", at)]}]}


def with_a_pause(start: float, end: float, last: float) -> Mapping[str, Any]:
    """Return a policy that permits before a pause, and after it until a last time."""
    either = {"or": [_bound("lt", start), _bound("gteq", end)]}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [either, _bound("lt", last)]}]}


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


@pytest.fixture
def now() -> Shifted:
    """Give a clock that can be set forward."""
    return Shifted()


async def _begun(a: Town, b: Town, source: str, policy: Mapping[str, Any]) -> str:
    await towns.befriend(a, b)
    await a.publish("flow", source, policy)
    transfer = await b.begin(await b.agree(a, "flow"))
    assert (await readers.ask(await readers.address_of(b, transfer)))[0] == 200
    return transfer


async def _pause(now: Shifted) -> Mapping[str, Any]:
    return with_a_pause(now() + HOUR, now() + 2 * HOUR, now() + 3 * HOUR)


async def _by(town: Town, subject: str) -> list[str]:
    rows = await town.unit(lambda unit: unit.conn.exec_driver_sql("SELECT payload FROM journalpayload").scalars().all())
    return [row for row in rows if subject in row]


async def _fresh(town: Town, transfer: str, old: str) -> bool:
    found = await town.unit(lambda unit: unit.transfers.get(transfer))
    return found is not None and found.token not in (None, old)


async def test_a_pause_holds_access_up_and_it_goes_on_by_itself_until_its_end(
    found: Founding, source: str, now: Shifted
) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(now=now), b.running(now=now):
        transfer = await _begun(a, b, source, await _pause(now))
        theirs, old = (await a.mirror(transfer, "transfer")).pid, await readers.address_of(b, transfer)
        now.to(HOUR + 1, a)
        view = await a.transfer(theirs, "SUSPENDED")
        assert await towns.eventually(lambda: _held(a, theirs))
        assert any("1 januari" in reason or "före" in reason for reason in view.reasons)
        assert (await b.transfer(transfer, "SUSPENDED")).reasons == view.reasons
        assert (await readers.ask(old))[0] == 403
        now.to(2 * HOUR + 1, a)
        await b.transfer(transfer, "STARTED")
        assert await towns.eventually(lambda: _fresh(b, transfer, old.token))
        assert await readers.ask(await readers.address_of(b, transfer)) == (200, DATA)
        now.to(3 * HOUR + 1, a)
        await a.transfer(theirs, "TERMINATED")
        assert (await b.transfer(transfer, "TERMINATED")).reasons


async def _held(town: Town, transfer: str) -> bool:
    return (await town.transfer(transfer)).waiting.waits_for == "policy"


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_what_a_person_suspended_does_not_go_on_by_itself(
    found_on_sqlite: Founding, source: str, now: Shifted, side: str
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(now=now), b.running(now=now):
        transfer = await _begun(a, b, source, await _pause(now))
        theirs = (await a.mirror(transfer, "transfer")).pid
        town, pid = (a, theirs) if side == "provider" else (b, transfer)
        await transfers.suspend(town.house, town.did, pid, by=BY)
        await a.transfer(theirs, "SUSPENDED")
        await b.transfer(transfer, "SUSPENDED")
        for seconds in (HOUR + 1, 2 * HOUR + 1):
            now.to(seconds, a)
            assert a.application is not None
            await a.application._upkeep._expire()
            assert (await a.transfer(theirs)).state == "SUSPENDED"


async def test_a_consumer_that_resumes_in_the_pause_is_held_up_again(
    found_on_sqlite: Founding, source: str, now: Shifted
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(now=now), b.running(now=now):
        transfer = await _begun(a, b, source, await _pause(now))
        theirs = (await a.mirror(transfer, "transfer")).pid
        now.to(HOUR + 1, a)
        await b.transfer(transfer, "SUSPENDED")
        assert await towns.eventually(lambda: _held(a, theirs))
        await transfers.resume(b.house, b.did, transfer, by=BY)
        assert await towns.eventually(lambda: _again(a, b, transfer, theirs))
        now.to(2 * HOUR + 1, a)
        await a.transfer(theirs, "STARTED")
        assert (await b.transfer(transfer, "STARTED")).state == "STARTED"


async def _again(a: Town, b: Town, transfer: str, theirs: str) -> bool:
    moves = [row for row in await _by(a, "suspension") if '"by":"policy"' in row.replace(" ", "")]
    states = {(await a.transfer(theirs)).state, (await b.transfer(transfer)).state}
    return len(moves) >= 2 and states == {"SUSPENDED"}


async def test_access_ends_to_the_second_when_its_time_is_up(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        end = clock.now() + 3.0
        transfer = await _begun(a, b, source, until(end))
        theirs = (await a.mirror(transfer, "transfer")).pid
        await a.transfer(theirs, "TERMINATED")
        grant = await a.grant(transfer)
        assert grant.closed is not None
        assert 0 <= grant.closed - end < 1.0


async def test_a_running_stream_is_cut_when_the_pause_begins(
    found_on_sqlite: Founding, tmp_path: Path, now: Shifted
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 50_000_000)
    async with a.running(now=now), b.running(now=now):
        await towns.befriend(a, b)
        await a.publish("flow", f"file:{large}", await _pause(now))
        transfer = await b.begin(await b.agree(a, "flow"))
        async with readers.slow_reader(await readers.address_of(b, transfer)) as reader:
            now.to(HOUR + 1, a)
            assert await towns.eventually(reader.cut)


async def test_a_changed_key_holds_access_up_until_a_person_confirms_it(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        transfer = await _begun(a, b, source, towns.OPEN)
        theirs, old = (await a.mirror(transfer, "transfer")).pid, await readers.address_of(b, transfer)

        async def mark(state: str) -> None:
            await a.house.store.write(lambda unit: unit.peers.change(a.did, b.did, state=state))
            a.house.forget(a.did, b.did)
            a.house.office.watch()
            a.house.office.heard(a.did, b.did)

        await mark(KEY_CHANGED)
        assert await towns.eventually(lambda: _refused(old))
        assert (await a.grant(transfer)).closed is not None
        await mark(PINNED)
        assert await towns.eventually(lambda: _fresh(b, transfer, old.token))
        assert (await a.transfer(theirs, "STARTED")).state == "STARTED"
        assert await readers.ask(await readers.address_of(b, transfer)) == (200, DATA)


async def _refused(address: readers.Address) -> bool:
    return (await readers.ask(address))[0] == 403
