"""Upkeep: silent peers are asked, access ends when its policy says so, used tokens are forgotten. Timers only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from functools import partial

from connector.errors import Unavailable
from connector.services import grants, permission
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
    """One task that sleeps until the next thing is due, or until it is told that something changed."""

    house: House
    dispatch: Dispatch
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def watch(self) -> None:
        """Look again at what is due: a grant was opened."""
        self._wake.set()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                wait = await self._round()
            except Unavailable:
                wait = _STORE_RETRY_SECONDS
            except Exception:
                # One process that cannot be dealt with must not keep the others' access open.
                log.exception("upkeep met a fault of ours and goes on in a minute: report this line")
                wait = _FAULT_RETRY_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _round(self) -> float:
        """Do what is due and return the seconds until the next thing is."""
        store = self.house.store
        for exchange in await store.read(lambda unit: unit.exchanges.due(unit.now)):
            await self.dispatch.check(exchange)
        flips = await self._expire()
        await store.write(_forget)
        check = await store.read(lambda unit: unit.exchanges.next_check())
        longest = LEASE_SWEEP_SECONDS if store.postgresql else LONGEST_SECONDS
        if store.postgresql:
            await self.dispatch.sweep()
        due = [moment - self.house.now() for moment in (check, flips) if moment is not None]
        return max(0.0, min([longest, *due]))

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
                contract = unit.contracts.get(grant.contract)
                agreement = contract.agreement if contract and contract.agreement else {}
                decided = permission.decide(agreement, target=grant.dataset, peer=grant.peer, now=unit.now)
                found.append((grant, bool(decided and decided.permits), decided.next_change if decided else None))
        return found

    def _end(self, grant: Grant, unit: Unit) -> None:
        contract = unit.contracts.get(grant.contract)
        agreement = contract.agreement if contract and contract.agreement else {}
        _, reasons = permission.permits(agreement, target=grant.dataset, peer=grant.peer, now=unit.now)
        grants.refuse_by_policy(self.house, unit, grant, reasons)


def _forget(unit: Unit) -> None:
    unit.spent.forget(unit.now - LONGEST_SECONDS)
    unit.operators.forget_answers(unit.now - ANSWERS_KEPT_SECONDS)
