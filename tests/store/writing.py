"""A process that writes until it is killed: `python -m tests.store.writing URL RUN`. It tells of each unit that is acknowledged.

Every unit makes a process with a message, a pending move and a journal record; nothing in the tables keeps its message from being
there twice.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, OTHER, begin

WRITERS = 16


def write_token(unit: Unit, token: str) -> None:
    """Write everything that one token stands for."""
    begin(token, pending=f"move-{token}")(unit)
    participant = ME if len(token) % 2 else OTHER
    unit.messages.add(
        participant=ME, process=token, direction="in", message_id=None, seq=0, move="request", digest=token,
        body="x" * 1500, at=unit.now,
    )  # fmt: skip
    unit.record(participant, "negotiation.state", token, state="REQUESTED")


async def _write(store: Store, name: str) -> None:
    for number in itertools.count():
        token = f"{name}.{number}"
        await store.write(lambda unit, token=token: write_token(unit, token))  # type: ignore[misc]
        os.write(1, f"{token}\n".encode())


async def _main(url: str, run: str) -> None:
    store = Store(url)
    await asyncio.gather(*(_write(store, f"{run}.{number}") for number in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
