"""Pending moves: one per process, and leases that two replicas do not both get."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import exc

from connector.store.outbox import Parcel
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, PEER, begin, exchange, parcel


async def _add(store: Store, *parcels: Parcel) -> None:
    def work(unit: Unit) -> None:
        for item in parcels:
            unit.exchanges.add(exchange(item.process))
            unit.outbox.add(item)

    await store.write(work)


def take(unit: Unit, now: float = 100.0) -> Sequence[str]:
    """Take what is free and hold it, as the dispatcher's sweep does."""
    free = unit.outbox.all(now)
    for item in free:
        unit.outbox.change(item.id, lease=now + 60)
    return [item.id for item in free]


async def test_a_parcel_comes_back_as_it_was_put_in(store: Store) -> None:
    sent = replace(parcel("m1", "p1", body='{"ö":1}'), grant="g", generation=2, first_attempt=1.5, last_error="refused")
    await _add(store, sent)
    assert await store.read(lambda unit: unit.outbox.get("m1")) == sent
    assert await store.write(lambda unit: unit.outbox.get("m1")) == sent
    assert await store.read(lambda unit: unit.outbox.get("m2")) is None
    assert await store.read(lambda unit: unit.outbox.all()) == [sent]
    loaded = await store.read(lambda unit: unit.exchanges.load(ME, "p1", PEER))
    assert loaded is not None
    assert loaded.turn.pending is not None
    assert (loaded.turn.pending.id, loaded.turn.pending.sent, loaded.last_error) == ("m1", True, "refused")


async def test_a_second_pending_move_of_a_process_is_refused(store: Store) -> None:
    await store.write(begin("p1", pending="m1"))
    with pytest.raises(exc.IntegrityError):
        await store.write(lambda unit: unit.outbox.add(parcel("m2", "p1")))
    await store.write(lambda unit: unit.outbox.settle("m1"))
    await store.write(lambda unit: unit.outbox.add(parcel("m2", "p1")))
    assert await store.read(lambda unit: unit.outbox.depth()) == 1


async def test_moves_that_wait_for_a_retry_to_a_peer_are_found(store: Store) -> None:
    waiting = replace(parcel("m1", "p1"), next_attempt=200.0)
    fresh = replace(parcel("m2", "p2"), next_attempt=200.0, attempts=0)
    due = replace(parcel("m3", "p3"), next_attempt=50.0)
    await _add(store, waiting, fresh, due)
    assert await store.read(lambda unit: unit.outbox.for_peer(ME, PEER, 100.0)) == ["m1"]


async def test_only_moves_whose_lease_has_run_out_are_free(store: Store) -> None:
    await _add(
        store, parcel("m1", "p1"), parcel("m2", "p2", lease=99.0), parcel("m3", "p3", lease=101.0), parcel("m4", "p4")
    )
    assert set(await store.write(take)) == {"m1", "m2", "m4"}
    assert await store.write(take) == []


@pytest.mark.postgresql
async def test_two_replicas_never_take_the_same_move(on_postgresql: tuple[Store, Store]) -> None:
    one, two = on_postgresql
    await _add(one, *(parcel(f"m{number}", f"p{number}") for number in range(200)))

    def some(unit: Unit) -> list[str]:
        free = list(unit.outbox.all(100.0))[:7]
        for item in free:
            unit.outbox.change(item.id, lease=160.0)
        return [item.id for item in free]

    async def sweep(store: Store) -> list[str]:
        taken: list[str] = []
        for _ in range(100):
            got = await store.write(some)
            taken += got
        return taken

    first, second = await asyncio.gather(sweep(one), sweep(two))
    assert len(first) + len(second) == 200
    assert {*first, *second} == {f"m{number}" for number in range(200)}


@pytest.mark.postgresql
async def test_moves_that_another_replica_holds_are_skipped_without_waiting(
    on_postgresql: tuple[Store, Store],
) -> None:
    one, two = on_postgresql
    await _add(one, *(parcel(f"m{number}", f"p{number}") for number in range(4)))
    entered, gate = threading.Event(), threading.Event()

    def holding(unit: Unit) -> list[str]:
        held = [item.id for item in unit.outbox.all(100.0) if item.id in ("m0", "m1")]
        for message_id in held:
            unit.outbox.change(message_id, lease=160.0)
        entered.set()
        gate.wait(10)
        return held

    first = asyncio.ensure_future(one.write(holding))
    await asyncio.to_thread(entered.wait, 10)
    # The first replica has locked all four rows, of which it keeps two.
    assert await asyncio.wait_for(two.write(take), 5) == []
    gate.set()
    assert await first == ["m0", "m1"]
    assert set(await two.write(take)) == {"m2", "m3"}


@pytest.mark.postgresql
async def test_a_replica_that_waited_for_a_process_sees_its_pending_move_as_it_is_now(
    on_postgresql: tuple[Store, Store],
) -> None:
    one, two = on_postgresql
    await one.write(begin("p1", pending="m1"))
    entered, gate = threading.Event(), threading.Event()

    def settling(unit: Unit) -> None:
        loaded = unit.exchanges.load(ME, "p1", PEER)
        assert loaded is not None
        unit.outbox.settle("m1")
        unit.exchanges.save(replace(loaded, turn=replace(loaded.turn, state="AGREED", pending=None)), 1.0)
        entered.set()
        gate.wait(10)

    def looking(unit: Unit) -> Any:
        loaded = unit.exchanges.load(ME, "p1", PEER)
        return loaded and (loaded.turn.state, loaded.turn.pending)

    first = asyncio.ensure_future(one.write(settling))
    await asyncio.to_thread(entered.wait, 10)
    second = asyncio.ensure_future(two.write(looking))
    await asyncio.sleep(0.2)
    assert not second.done()
    gate.set()
    await first
    assert await second == ("AGREED", None)


@pytest.mark.postgresql
async def test_units_of_two_replicas_that_lock_each_other_out_are_both_done(on_postgresql: tuple[Store, Store]) -> None:
    one, two = on_postgresql
    await one.write(begin("p1"))
    await one.write(begin("p2"))
    runs: list[str] = []
    both = threading.Barrier(2)

    def crossing(name: str, first: str, second: str) -> Any:
        def work(unit: Unit) -> str:
            runs.append(name)
            unit.exchanges.load(ME, first, PEER)
            if len(runs) <= 2:
                both.wait(10)
            unit.exchanges.load(ME, second, PEER)
            return name

        return work

    answers: list[str] = await asyncio.gather(
        one.write(crossing("a", "p1", "p2")), two.write(crossing("b", "p2", "p1"))
    )
    assert sorted(answers) == ["a", "b"]
    assert len(runs) == 3  # one of them twice
    assert one.failure is None
    assert two.failure is None
