"""What the tests of the store write: processes, messages, moves; and units that are certain to share a batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from connector.protocol.machine import Process
from connector.store.exchanges import STATES, Exchange
from connector.store.outbox import Parcel
from connector.store.session import Store
from connector.store.unit import Unit

ME, OTHER = "did:web:strangnas.example", "did:web:va.strangnas.example"
PEER = "did:web:peer.example"
BASE = "https://peer.example/dsp"

Work = Callable[[Unit], Any]


def exchange(pid: str, *, state: str = "REQUESTED", participant: str = ME, created: float = 0.0) -> Exchange:
    turn = Process(STATES["negotiation"], "provider", state=state)
    return Exchange(pid, participant, PEER, f"their-{pid}", BASE, turn, created=created, updated=created)


def parcel(message_id: str, process: str, *, lease: float | None = None, body: str = "{}") -> Parcel:
    return Parcel(
        id=message_id, process=process, participant=ME, peer=PEER, seq=1, move="agreement", target="AGREED",
        body=body, next_attempt=0.0, attempts=1, lease=lease,
    )  # fmt: skip


def begin(pid: str, *, pending: str | None = None) -> Work:
    """Return a unit that makes a process, with a pending move where one is named."""

    def work(unit: Unit) -> str:
        unit.exchanges.add(exchange(pid, created=unit.now))
        if pending:
            unit.outbox.add(parcel(pending, pid))
        return pid

    return work


def receive(pid: str, message_id: str, body: str = '{"a":"å"}', participant: str = ME) -> Work:
    """Return a unit that stores a message of a process and notes it in the journal."""

    def work(unit: Unit) -> str:
        unit.messages.add(
            participant=participant, process=pid, direction="in", message_id=message_id, seq=0, move="request",
            digest=f"sha256:{message_id}", body=body, at=unit.now,
        )  # fmt: skip
        unit.record(participant, "negotiation.state", pid, state="REQUESTED", message=message_id)
        return message_id

    return work


async def together(store: Store, *works: Work) -> list[Any]:
    """Run units in one batch and return their results or errors, in order."""
    entered, gate = threading.Event(), threading.Event()

    def first(_unit: Unit) -> None:
        entered.set()
        gate.wait(10)

    blocking = asyncio.ensure_future(store.write(first))
    await asyncio.to_thread(entered.wait, 10)
    tasks = [asyncio.ensure_future(store.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.set()
    await blocking
    return await asyncio.gather(*tasks, return_exceptions=True)
