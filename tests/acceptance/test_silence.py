"""A peer that is away for days: when it is tried, what is shown meanwhile, and what wakes it (invariant I5)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from connector import clock
from connector.net import backoff
from connector.services import catalog, contracts, transfers
from connector.services.exchange import SILENCE_SECONDS
from tests.acceptance import readers, towns
from tests.acceptance.tap import Tap
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from connector.store.outbox import Parcel
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR


@dataclass(slots=True)
class Calendar:
    """A clock for several towns that goes on as clocks do, and can be put forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return clock.now() + self.ahead

    def put_forward(self, moment: float) -> None:
        """Make it that moment, or leave it when that has passed."""
        self.ahead += max(0.0, moment - self())


async def _parcel(town: Town, contract: str, after: float = 0.0) -> Parcel | None:
    """Return a process's pending move once it is to be tried again, and later than then; None when it has been given up."""

    async def look() -> tuple[Parcel | None] | None:
        mine = [parcel for parcel in await town.unit(lambda unit: unit.outbox.all()) if parcel.process == contract]
        parcel = mine[0] if mine else None
        return (parcel,) if parcel is None or (parcel.next_attempt > after and parcel.last_error) else None

    found = await towns.eventually(look, every=0.002)
    assert found is not None
    return found[0]


async def _attempts(town: Town, contract: str, calendar: Calendar, until: float) -> list[float]:
    """Let time pass up to a moment, from one attempt to the next, and return when the peer was tried."""
    tried: list[float] = []
    parcel = await _parcel(town, contract)
    while parcel is not None and parcel.next_attempt <= until:
        tried.append(parcel.next_attempt)
        await _ring(town, parcel, calendar)
        parcel = await _parcel(town, contract, parcel.next_attempt)
    calendar.put_forward(until)
    return tried


async def _ring(town: Town, parcel: Parcel, calendar: Calendar) -> None:
    """Let the time of a move come and its timer fire: the event loop's own clock cannot be put forward."""
    assert town.application is not None
    dispatch = town.application._dispatch

    async def sleeps() -> bool:
        return parcel.id in dispatch._waiting[parcel.participant, parcel.peer]

    assert await towns.eventually(sleeps, every=0.001)
    calendar.put_forward(parcel.next_attempt)
    dispatch._wakes[parcel.id].set()


async def _shown(town: Town, contract: str) -> Any:
    return (await town.contract(contract)).waiting


async def _befriended(a: Town, b: Town, calendar: Calendar, folder: Path) -> None:
    (folder / "data.csv").write_text("time;level\n")
    await a.start(now=calendar)
    await b.start(now=calendar)
    await towns.befriend(a, b)
    await a.publish("levels", f"file:{folder / 'data.csv'}")
    await a.publish("asked for", f"file:{folder / 'data.csv'}", approval="person")


@pytest.mark.slow
async def test_i5_a_peer_away_for_a_weekend_is_tried_on_schedule_and_shown_after_five_days(
    found_on_sqlite: Founding, tmp_path: Path
) -> None:
    a, b, calendar = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa"), Calendar()
    await _befriended(a, b, calendar, tmp_path)
    pids = {name: (await a.mirror(await _requested(b, a))).pid for name in ("approved", "terminated")}
    await b.stop()
    friday = calendar()
    await contracts.approve(a.house, a.did, pids["approved"], by=BY)
    await contracts.terminate(a.house, a.did, pids["terminated"], "no", by=BY)
    pids["offered"] = (await contracts.offer(a.house, a.did, b.did, "levels", by=BY)).id
    # Why it waits, and when it goes on.
    await _parcel(a, pids["approved"])
    shown = await _shown(a, pids["approved"])
    assert (shown.waits_for, shown.why, shown.last_error) == ("us", "retry_later", "peer_unreachable")
    assert 0 < clock.seconds(shown.next_attempt) - friday < 60
    # The weekend.
    tried = await _attempts(a, pids["approved"], calendar, friday + 2.5 * DAY)
    _check_schedule([friday, *tried])
    monday = await _shown(a, pids["approved"])
    assert monday.attempts == len(tried) + 1
    assert calendar() - 1 < clock.seconds(monday.next_attempt) < calendar() + backoff.PATIENT_MOST_SECONDS
    assert not monday.stalled
    # Five days: given up, and never silently.
    for pid in pids.values():
        await _attempts(a, pid, calendar, friday + backoff.LIFETIME_SECONDS + HOUR)
        assert await _parcel(a, pid) is None
    approved = await a.contract(pids["approved"])
    assert (approved.state, approved.waiting.stalled, approved.waiting.waits_for) == (
        "REQUESTED",
        "peer_silent",
        "person",
    )
    for name in ("terminated", "offered"):
        view = await a.contract(pids[name])
        assert (view.state, view.waiting.unconfirmed, view.waiting.why) == ("TERMINATED", True, "ended_unconfirmed"), (
            name
        )
    # It comes back, and the operator goes on with what stands still.
    async with b.running(now=calendar):
        await contracts.approve(a.house, a.did, pids["approved"], by=BY)
        assert (await a.contract(pids["approved"], "FINALIZED")).waiting.stalled is None
    await a.stop()


async def _requested(b: Town, a: Town) -> str:
    asked = await b.request(a, "asked for")

    async def known() -> str | None:
        return (await b.contract(asked)).peer_pid

    assert await towns.eventually(known)
    return asked


def _check_schedule(tried: list[float]) -> None:
    """Check the architecture's schedule: 1 s doubling with jitter, at most 60 s in the first hour and 15 minutes after it."""
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    for number, wait in enumerate(waits[:5]):
        assert 0.4 * 2**number < wait < 1.6 * 2**number + 1, (number, wait)
    first_hour = [wait for at, wait in zip(tried, waits, strict=False) if at - tried[0] < HOUR]
    later = [wait for at, wait in zip(tried, waits, strict=False) if at - tried[0] > 1.1 * HOUR]
    assert 60 <= len(first_hour) <= 200
    assert max(first_hour) <= backoff.EAGER_MOST_SECONDS + 1
    assert max(later) <= backoff.PATIENT_MOST_SECONDS + 1
    assert sum(later) / len(later) > backoff.PATIENT_MOST_SECONDS / 3
    assert len({round(wait, 3) for wait in later}) > len(later) / 2


@pytest.mark.parametrize("contact", ["message", "first message", "catalogue", "state"])
async def test_i5_a_peer_that_is_back_and_speaks_gets_at_once_what_waited(
    found: Founding, tmp_path: Path, contact: str
) -> None:
    a, b, calendar = await found("strangnas"), await found("trosa", tapped=True), Calendar()
    tap = Tap(b.port, b.listen)
    async with tap.standing():
        await _befriended(a, b, calendar, tmp_path)
        asked, other = await _requested(b, a), await _requested(b, a)
        ours = (await a.mirror(asked)).pid
        tap.mood = "deaf"
        friday = calendar()
        await contracts.approve(a.house, a.did, ours, by=BY)
        await _attempts(a, ours, calendar, friday + 3 * HOUR)
        waits = clock.seconds((await _shown(a, ours)).next_attempt) - calendar()
        tap.mood = "relay"
        began = clock.monotonic()
        if contact == "message":
            await contracts.terminate(b.house, b.did, other, "no", by=BY)
        elif contact == "first message":
            await b.request(a, "asked for")
        elif contact == "catalogue":
            await catalog.fetch(b.house, b.did, a.did)
        else:
            # What a town does after a day without a word.
            assert b.application is not None
            exchange = await b.unit(lambda unit: unit.exchanges.load(b.did, asked))
            assert exchange is not None
            await b.application._dispatch.check(exchange)
        await a.contract(ours, "FINALIZED")
        print(f"{contact}: went on after {clock.monotonic() - began:.2f} s, {waits:.0f} s before its time")
        assert clock.monotonic() - began < waits - 1
        await a.stop()
        await b.stop()


async def test_i8_access_ends_in_time_while_a_silent_peer_is_asked(found_on_sqlite: Founding, tmp_path: Path) -> None:
    a, b, c = [await found_on_sqlite(name, tapped=name == "trosa") for name in ("strangnas", "trosa", "nykoping")]
    calendar, tap = Calendar(), Tap(b.port, b.listen)
    async with tap.standing():
        await _befriended(a, b, calendar, tmp_path)
        await c.start(now=calendar)
        await towns.befriend(a, c)
        for _ in range(3):
            await b.agree(a, "levels")
            await _requested(b, a)
        await a.stop()
        tap.mood = "black hole"
        # A day later a asks b for its state, and gets no answer; meanwhile a policy ends.
        calendar.put_forward(calendar() + SILENCE_SECONDS)
        await a.start(now=calendar)
        assert await towns.eventually(lambda: _asked(tap))
        end = calendar() + 2.0
        await a.publish("today", f"file:{tmp_path / 'data.csv'}", _until(end))
        contract = await c.agree(a, "today")
        transfer = await c.begin(contract)
        address = await readers.address_of(c, transfer)
        assert await readers.first_byte(address) == 206
        ours = (await a.mirror(transfer, "transfer")).pid

        async def closed() -> bool:
            grant = await a.grant(transfer)
            return grant.closed is not None

        assert await towns.eventually(closed, 5.0)
        assert calendar() - end < 2.0
        assert (await transfers.show(a.house, a.did, ours)).state in ("STARTED", "TERMINATED", "SUSPENDED")
        for town in (a, b, c):
            await town.stop()


async def _asked(tap: Tap) -> bool:
    return tap.asked > 0 and tap.mood == "black hole"


def _until(moment: float) -> dict[str, Any]:
    end = {"@value": clock.iso(moment), "@type": "xsd:dateTime"}
    limit = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}
