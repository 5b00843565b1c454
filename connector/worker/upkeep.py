"""Upkeep: silent peers are asked, access ends when its policy says so, used tokens are forgotten. Timers only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from connector.errors import Unavailable
from connector.services import grants, periods
from connector.services.house import House
from connector.store.contracts import Grant
from connector.store.unit import Unit
from connector.worker.dispatch import LEASE_SWEEP_SECONDS, Dispatch

log = logging.getLogger(__name__)
LONGEST_SECONDS = 3600.0
ANSWERS_KEPT_SECONDS = 30 * 86400.0
_STORE_RETRY_SECONDS = 5.0
_FAULT_RETRY_SECONDS = 60.0


@dataclass(slots=True)
class Upkeep:
    """Two tasks that sleep until the next thing is due; the one for access is told when something changed.

    They are two because a peer that is asked may take its time to answer, and access must end at once all the same.
    """

    house: House
    dispatch: Dispatch
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        loop, nothing = asyncio.get_running_loop(), asyncio.Event()
        self._tasks = [
            loop.create_task(self._run(self._access, self._wake)),
            loop.create_task(self._run(self._silence, nothing)),
        ]

    def watch(self) -> None:
        """Look again at what is due: a grant was opened."""
        self._wake.set()

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, once: Callable[[], Awaitable[float]], wake: asyncio.Event) -> None:
        while True:
            wake.clear()
            try:
                wait = await once()
            except Unavailable:
                wait = _STORE_RETRY_SECONDS
            except Exception:
                # One process that cannot be dealt with must not keep the others' access open.
                log.exception("upkeep met a fault of ours and goes on in a minute: report this line")
                wait = _FAULT_RETRY_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await wake.wait()

    async def _access(self) -> float:
        """End access that is due to end, forget what is old, and return the seconds until the next thing is due."""
        store = self.house.store
        flips = await self._expire()
        await store.write(_forget)
        longest = LEASE_SWEEP_SECONDS if store.postgresql else LONGEST_SECONDS
        if store.postgresql:
            await self.dispatch.sweep()
            # Another process of this installation may have replaced a key.
            await self.house.load()
        return longest if flips is None else max(0.0, min(longest, flips - self.house.now()))

    async def _silence(self) -> float:
        """Ask the peers that have been silent for a day, and return the seconds until the next one is to be asked."""
        store = self.house.store
        due = await store.read(lambda unit: unit.exchanges.due(unit.now))
        asked = await asyncio.gather(*(self.dispatch.check(exchange) for exchange in due), return_exceptions=True)
        for error in asked:
            if error is not None:
                # After the others have been asked: it is tried again in a minute.
                raise error
        check = await store.read(lambda unit: unit.exchanges.next_check())
        return LONGEST_SECONDS if check is None else max(0.0, min(LONGEST_SECONDS, check - self.house.now()))

    async def _expire(self) -> float | None:
        """End what no policy permits any more, and return when the next decision can flip."""
        found = await self.house.store.read(self._open_grants)
        expired = [grant for grant, permitted, _ in found if not permitted]
        for grant in expired:
            log.info("access ends by policy: transfer=%s peer=%s", grant.transfer, grant.peer)
            await self.house.store.write(partial(self._end, grant))
        return min((flips for _, permitted, flips in found if permitted and flips is not None), default=None)

    def _open_grants(self, unit: Unit) -> list[tuple[Grant, bool, float | None]]:
        found = []
        for participant in self.house.members:
            for grant in unit.grants.open_of(participant):
                verdict = grants.verdict_of(unit, grant)
                found.append((grant, verdict.permits, verdict.until))
        return found

    def _end(self, grant: Grant, unit: Unit) -> None:
        grants.refuse_by_policy(self.house, unit, grant, grants.verdict_of(unit, grant).told)


def _forget(unit: Unit) -> None:
    unit.counters.forget(unit.now - 2 * periods.LONGEST_SECONDS)
    unit.spent.forget(unit.now - LONGEST_SECONDS)
    unit.operators.forget_answers(unit.now - ANSWERS_KEPT_SECONDS)
