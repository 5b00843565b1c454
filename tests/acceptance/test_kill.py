"""Two real connectors are killed while they deal with each other (invariants I2, I3, I5, I6)."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from connector import clock
from tests.acceptance import ledger, towns
from tests.acceptance.processes import Process, Told, processes
from tests.acceptance.tap import Tap

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

KILLS_EACH: Final = 15
PATIENCE_SECONDS: Final = 6.0
CONVERGENCE_SECONDS: Final = 60.0
_AT_A_TIME: Final = 4
_WORD_SECONDS: Final = 1.0
_MOST_IN_ALL: Final = 60


@dataclass(slots=True)
class Clerk:
    """An operator who goes on whatever happens: the same request under the same key until there is an answer."""

    process: Process
    peer: Process
    chance: random.Random
    keys: set[str] = field(default_factory=set)
    ended: bool = False

    async def insist(self, path: str, body: dict[str, str], key: str) -> Told:
        """Ask until it is answered by anything but an absence."""
        while True:
            answer = await self.process.call("POST", path, body, key=key)
            if answer is not None and answer.status not in (429, 502, 503):
                return answer
            await asyncio.sleep(0.2)

    async def work(self, name: str) -> None:
        """Conclude contracts and do with their transfers what operators do, until it is evening."""
        for number in itertools.count():
            if self.ended or len(self.keys) >= _MOST_IN_ALL:
                return
            key = f"{name} {number}"
            dataset = self.chance.choice(["levels", "rain"])
            answer = await self.insist("/contracts", {"peer": self.peer.town.did, "dataset": dataset}, key)
            assert answer.status == 201, answer
            self.keys.add(key)
            await self._use(answer.id, key)

    async def _use(self, contract: str, key: str) -> None:
        if await self._reached(f"/contracts/{contract}", "FINALIZED") is False:
            return
        started = await self.insist("/transfers", {"contract": contract}, f"{key} transfer")
        assert started.status == 201, started
        for step in range(self.chance.randrange(4)):
            if await self._reached(f"/transfers/{started.id}", "STARTED", "SUSPENDED") is False:
                return
            verb = self.chance.choice(["suspend", "resume", "suspend", "resume", "complete", "terminate"])
            await self.insist(f"/transfers/{started.id}/{verb}", {}, f"{key} {step}")

    async def _reached(self, path: str, *states: str) -> bool:
        """Look for a while whether a process gets there; some days it does not."""
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while clock.monotonic() < deadline and not self.ended:
            view = await self.process.call("GET", path)
            if view is not None and view.status == 200 and view.body["state"] in states:
                return True
            await asyncio.sleep(0.1)
        return False


async def _fate(process: Process, taps: list[Tap], chance: random.Random, kills: int) -> list[float]:
    """Kill a connector again and again while the two talk, start it each time, and return how long it took to be ready."""
    took: list[float] = []
    for _ in range(kills):
        await _word(taps)
        await asyncio.sleep(chance.uniform(0.0, 0.4))
        process.kill()
        await asyncio.sleep(chance.uniform(0.0, 0.2))
        process.start()
        took.append(await process.ready())
    return took


async def _word(taps: list[Tap]) -> None:
    """Wait until a message is acknowledged; both may be waiting for a retry, so not for long."""
    before = sum(len(tap.acknowledged) for tap in taps)

    async def more() -> bool:
        return sum(len(tap.acknowledged) for tap in taps) > before

    await towns.eventually(more, _WORD_SECONDS)


async def _prepare(towns_: list[Town], folder: Path) -> None:
    (folder / "data.csv").write_text("time;level\n" * 100)
    for town in towns_:
        await town.start()
    one, other = towns_
    await towns.befriend(one, other)
    for town, dataset in itertools.product(towns_, ("levels", "rain")):
        await town.publish(dataset, f"file:{folder / 'data.csv'}")
    for town in towns_:
        await town.stop()


async def _converged(made: list[Process]) -> list[str]:
    """Wait until nothing is on its way any more and return what is not as it should be."""
    deadline = clock.monotonic() + CONVERGENCE_SECONDS
    while True:
        books = [await ledger.ledger(process.town) for process in made]
        open_ends = ledger.unsettled(books[0], books[1])
        if not open_ends or clock.monotonic() > deadline:
            return open_ends
        await asyncio.sleep(0.5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
async def test_i2_i3_i6_thirty_kills_lose_nothing_and_repeat_nothing(
    found: Founding, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's chance, not a secret
    a, b = await found("strangnas", tapped=True), await found("trosa", tapped=True)
    taps = [Tap(town.port, town.listen) for town in (a, b)]
    async with AsyncExitStack() as stack:
        for tap in taps:
            await stack.enter_async_context(tap.standing())
        await _prepare([a, b], tmp_path)
        made = await stack.enter_async_context(processes(a, b))
        clerks = [Clerk(one, other, chance) for one, other in (made, reversed(made))]
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(clerk.work(f"{at}")) for clerk in clerks for at in range(_AT_A_TIME)]
            fates = [group.create_task(_fate(process, taps, chance, KILLS_EACH)) for process in made]
            took = [seconds for fate in fates for seconds in await fate]
            for clerk in clerks:
                clerk.ended = True
            del work
        began = clock.monotonic()
        open_ends = await _converged(made)
        print(
            f"kills={2 * KILLS_EACH} slowest start={max(took):.2f} s converged after {clock.monotonic() - began:.1f} s"
        )
        assert open_ends == []
        assert [process.stop() for process in made] == [0, 0]
    await _check(made, taps, clerks)


async def _check(made: list[Process], taps: list[Tap], clerks: list[Clerk]) -> None:
    books = [await ledger.ledger(process.town) for process in made]
    assert ledger.unsettled(books[0], books[1]) == []
    for book, tap, clerk in zip(books, taps, clerks, strict=True):
        ledger.check_chain(book)
        ledger.check_messages(book, tap.acknowledged)
        ledger.check_histories(book)
        ledger.check_grants(book)
        asked = [contract for contract in book.contracts.values() if contract.role == "consumer"]
        assert len(asked) == len(clerk.keys), "a request under one key has one effect"
    finals = ledger.check_agreements(books[0], books[1])
    states = Counter(exchange.turn.state for exchange in books[0].exchanges.values())
    print(f"contracts={finals} acknowledged={[len(tap.acknowledged) for tap in taps]} states={dict(states)}")
    assert finals >= KILLS_EACH
