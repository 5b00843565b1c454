"""Upkeep: silent peers are asked, access ends when its policy says so, duties fall due. Timers only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from connector.errors import Unavailable, WrongState
from connector.services import duties, ledger, periods, standing
from connector.services.house import House
from connector.services.permission import Verdict
from connector.store.contracts import Grant
from connector.store.unit import Unit
from connector.worker.dispatch import LEASE_SWEEP_SECONDS, Dispatch
from connector.worker.journal import Keeping

log = logging.getLogger(__name__)
LONGEST_SECONDS = 3600.0
ANSWERS_KEPT_SECONDS = 30 * 86400.0
_AFTER_SECONDS = 0.001
_STORE_RETRY_SECONDS = 5.0
_FAULT_RETRY_SECONDS = 60.0


@dataclass(slots=True)
class Upkeep:
    """Four tasks that sleep until the next thing is due; those for access and for duties are told when something changed.

    They are several because a peer that is asked or told may take its time to answer, and access must end at once all the same.
    The last keeps the journal: signed heads, and what is to be removed.
    """

    house: House
    dispatch: Dispatch
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _duty: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        loop, nothing = asyncio.get_running_loop(), asyncio.Event()
        self._tasks = [
            loop.create_task(self._run(self._access, self._wake)),
            loop.create_task(self._run(self._silence, nothing)),
            loop.create_task(self._run(self._duties, self._duty)),
            loop.create_task(self._run(Keeping(self.house).once, nothing)),
        ]

    def watch(self) -> None:
        """Look again at what is due: a grant was opened, a duty began or was done."""
        self._wake.set()
        self._duty.set()

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

    async def _duties(self) -> float:
        """Mark duties whose time is up, tell peers of ours that were done, and return the seconds until the next of either."""
        store, office = self.house.store, self.house.office
        late, untold = await store.read(lambda unit: (unit.duties.overdue(unit.now), unit.duties.untold(unit.now)))
        if late:
            await store.write(lambda unit: ledger.expire(unit, office))
        await asyncio.gather(*(duties.tell(self.house, row) for row in untold))
        due, telling = await store.read(lambda unit: (unit.duties.next_due(), unit.duties.next_telling()))
        # A duty may be done until its due time, that instant included.
        moments = [LONGEST_SECONDS] + [
            moment - self.house.now() + _AFTER_SECONDS for moment in (due, telling) if moment
        ]
        return max(0.0, min(moments))

    async def _expire(self) -> float | None:
        """Suspend or end what is not permitted any more, go on with what is again, and return when a decision can flip."""
        found = await self.house.store.read(self._looked_at)
        for grant, verdict, paused in found:
            if verdict.permits == paused or (paused and not verdict.recovers):
                change = self._go_on if paused else self._refuse
                await self._one(partial(change, grant))
        return min((verdict.until for _, verdict, _ in found if verdict.until is not None), default=None)

    async def _one(self, change: Callable[[Unit], None]) -> None:
        """Change one transfer; one that cannot be moved now (data requests are refused anyway) keeps no other one open."""
        try:
            await self.house.store.write(change)
        except WrongState as error:
            log.warning("a transfer could not follow its policy, it is looked at again later: %s", error)

    def _looked_at(self, unit: Unit) -> list[tuple[Grant, Verdict, bool]]:
        """Return each grant that is open, or that only its policy holds up, with what is said of it."""
        open_now = [grant for participant in self.house.members for grant in unit.grants.open_of(participant)]
        held = [grant for participant in self.house.members for grant in unit.grants.paused_of(participant)]
        return [
            *((grant, standing.of_grant(unit, grant), False) for grant in open_now),
            *((grant, standing.of_grant(unit, grant), True) for grant in held),
        ]

    def _refuse(self, grant: Grant, unit: Unit) -> None:
        verdict = standing.of_grant(unit, grant)
        if not verdict.permits:
            log.info(
                "access ends by policy: transfer=%s peer=%s again=%s", grant.transfer, grant.peer, verdict.recovers
            )
            standing.refuse(self.house.exchanging, unit, grant, verdict)

    def _go_on(self, grant: Grant, unit: Unit) -> None:
        log.info("a transfer that its policy held up is looked at: transfer=%s peer=%s", grant.transfer, grant.peer)
        standing.go_on(self.house.exchanging, unit, grant)


def _forget(unit: Unit) -> None:
    unit.counters.forget(unit.now - 2 * periods.LONGEST_SECONDS)
    unit.spent.forget(unit.now - LONGEST_SECONDS)
    unit.operators.forget_answers(unit.now - ANSWERS_KEPT_SECONDS)
