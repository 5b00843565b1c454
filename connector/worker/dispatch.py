"""Delivery: what the outbox holds goes to the peer at once, then on the schedule; each move is one task.

Order holds within a process because it has one pending move. Per peer several are in flight, so a dead peer slows nobody else.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from connector import canonical
from connector.errors import ConnectorError, Unavailable, Unreachable
from connector.peer.call import Reply
from connector.protocol import messages
from connector.services.deliver import Answer, Delivery
from connector.services.house import House
from connector.services.speak import speak
from connector.store.exchanges import Exchange
from connector.store.outbox import Parcel
from connector.store.unit import Unit

log = logging.getLogger(__name__)
IN_FLIGHT_PER_PEER = 16
LEASE_SWEEP_SECONDS = 30.0
_STORE_RETRY_SECONDS = 1.0
_RETRY_AFTER = re.compile("[0-9]{1,5}")


@dataclass(slots=True)
class Dispatch:
    """See the module. `observe` is told (message type, outcome) of every attempt."""

    house: House
    delivery: Delivery
    observe: Callable[[str, str], None] = lambda _kind, _outcome: None
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _wakes: dict[str, asyncio.Event] = field(default_factory=dict)
    _waiting: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _slots: dict[tuple[str, str], asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(IN_FLIGHT_PER_PEER))
    )
    _stopped: bool = False

    async def start(self) -> None:
        """Take up what an earlier process left."""
        for parcel in await self.house.store.read(lambda unit: unit.outbox.all()):
            self.put(parcel)

    async def sweep(self) -> None:
        """Take up moves whose holder has died (PostgreSQL with several processes)."""
        lease = self.house.office.lease_seconds

        def take(unit: Any) -> list[Parcel]:
            free = list(unit.outbox.all(unit.now))
            for parcel in free:
                unit.outbox.change(parcel.id, lease=max(unit.now, parcel.next_attempt) + lease)
            return free

        for parcel in await self.house.store.write(take):
            self.put(parcel)

    def put(self, parcel: Parcel, exchange: Exchange | None = None) -> None:
        """Take a pending move; it goes at its time. `exchange` is its process, where the move was made just now."""
        if not self._stopped and parcel.id not in self._tasks:
            self._wakes[parcel.id] = asyncio.Event()
            task = asyncio.get_running_loop().create_task(self._deliver(parcel, exchange))
            self._tasks[parcel.id] = task
            task.add_done_callback(lambda done: self._forget(parcel, done))

    def settled(self, message_id: str) -> None:
        """Let go of a move that waits for its time and is no longer pending; one under way ends by itself."""
        wake = self._wakes.get(message_id)
        if wake is not None:
            wake.set()

    def heard(self, participant: str, peer: str) -> None:
        """Try at once what waits for a peer that has just spoken."""
        for message_id in self._waiting.get((participant, peer), ()):
            self._wakes[message_id].set()

    async def stop(self) -> None:
        """Stop; what is under way is told to end and stays in the outbox."""
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def depth(self) -> int:
        """How many moves are held here."""
        return len(self._tasks)

    def _forget(self, parcel: Parcel, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error(
                "delivery ended by a fault of ours, a restart takes it up again: process=%s move=%s",
                parcel.process, parcel.move, exc_info=error,
            )  # fmt: skip
        self._tasks.pop(parcel.id, None)
        self._wakes.pop(parcel.id, None)

    async def _deliver(self, parcel: Parcel, exchange: Exchange | None) -> None:
        counted = parcel.attempts > 0 and parcel.first_attempt is not None and parcel.last_error is None
        fresh = counted and parcel.next_attempt <= self.house.now()
        current: Parcel | None = parcel
        while current is not None:
            if not fresh:
                await self._until(current)
            current = await self._attempt(current, exchange, counted=fresh)
            fresh = False

    async def _attempt(self, parcel: Parcel, exchange: Exchange | None, *, counted: bool) -> Parcel | None:
        """Make one attempt and return the parcel when it is to be tried again."""
        async with self._slots[parcel.participant, parcel.peer]:
            claimed = await self._claimed(parcel, exchange, counted=counted)
            if claimed is None:
                return None
            parcel, exchange = claimed
            answer = await self._send(parcel, exchange)
            following = await self._stored(lambda unit: self.delivery.answered(unit, parcel, answer))
            if following.step == "look":
                look = await self._get(exchange)
                following = await self._stored(lambda unit: self.delivery.looked(unit, parcel, answer, look))
            self.observe(parcel.move, "sent" if following.step == "done" else following.step)
            return following.parcel if following.step == "retry" else None

    async def _claimed(
        self, parcel: Parcel, exchange: Exchange | None, *, counted: bool
    ) -> tuple[Parcel, Exchange] | None:
        """Count the attempt, unless it was counted in the transaction that made the move."""
        if not counted:
            claimed: tuple[Parcel, Exchange] | None = await self._stored(
                lambda unit: self.delivery.claim(unit, parcel.id)
            )
            return claimed
        if exchange is None or self._wakes[parcel.id].is_set():
            exchange = await self._patiently(self.house.store.read, partial(_load, parcel))
        return (parcel, exchange) if exchange and exchange.turn.pending else None

    async def _send(self, parcel: Parcel, exchange: Exchange) -> Answer:
        """Post the message; whatever goes wrong is an answer."""
        pid = exchange.peer_pid if exchange.turn.state is not None or exchange.peer_pid else None
        url = exchange.base + messages.path(exchange.protocol, parcel.move, pid)
        log.debug(
            "sending move=%s process=%s peer=%s attempt=%d", parcel.move, parcel.process, parcel.peer, parcel.attempts
        )
        body = self._with_token(parcel)
        return await self._answer(
            speak(self.house, parcel.participant, parcel.peer, "POST", url, body=body, parting=True)
        )

    async def _get(self, exchange: Exchange) -> Answer:
        url = exchange.base + messages.place(exchange.protocol, exchange.peer_pid or "")
        return await self._answer(speak(self.house, exchange.participant, exchange.peer, "GET", url, parting=True))

    async def check(self, exchange: Exchange) -> None:
        """Ask a peer that has been silent for its state."""
        async with self._slots[exchange.participant, exchange.peer]:
            answer = await self._get(exchange) if exchange.peer_pid else Answer(None)
        await self._stored(lambda unit: self.delivery.checked(unit, exchange, answer))

    async def _answer(self, sending: Coroutine[Any, Any, Reply]) -> Answer:
        try:
            reply = await sending
        except Unreachable as error:
            return Answer(None, error=error.code)
        except ConnectorError as error:
            # The peer's key has changed or it was removed: nothing is sent; the move waits for a person.
            return Answer(None, error=error.code)
        return Answer(reply.status, reply.body, retry_after_seconds=_seconds(reply.headers.get("retry-after", "")))

    def _with_token(self, parcel: Parcel) -> bytes:
        """Put the grant's token in the place of its digest, as the message leaves."""
        if parcel.grant is None or parcel.generation is None:
            return parcel.body.encode()
        token = self.house.office.token(parcel.grant, parcel.generation)
        stands_for = canonical.of_bytes(token.encode())
        return parcel.body.encode().replace(orjson.dumps(stands_for), orjson.dumps(token))

    async def _until(self, parcel: Parcel) -> None:
        """Wait for the parcel's time, or until the peer is heard of or the move is settled."""
        wake, key = self._wakes[parcel.id], (parcel.participant, parcel.peer)
        delay = parcel.next_attempt - self.house.now()
        if delay <= 0:
            return
        if parcel.attempts:
            self._waiting[key].add(parcel.id)
        try:
            async with asyncio.timeout(delay):
                await wake.wait()
        except TimeoutError:
            pass
        finally:
            wake.clear()
            self._waiting[key].discard(parcel.id)

    async def _stored(self, work: Callable[[Any], Any]) -> Any:
        return await self._patiently(self.house.store.write, work)

    async def _patiently(self, run: Callable[[Any], Awaitable[Any]], work: Callable[[Any], Any]) -> Any:
        """Run a unit; while the store is not available, wait and run it again."""
        while True:
            try:
                return await run(work)
            except Unavailable:
                await asyncio.sleep(_STORE_RETRY_SECONDS)


def _load(parcel: Parcel, unit: Unit) -> Exchange | None:
    return unit.exchanges.load(parcel.participant, parcel.process, parcel.peer)


def _seconds(retry_after: str) -> float | None:
    """Return a Retry-After of whole seconds, at most a day; a date is not worth waiting for here."""
    return float(retry_after) if _RETRY_AFTER.fullmatch(retry_after) else None
