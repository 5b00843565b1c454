"""One dead and one hostile peer slow nobody else down (invariant I14)."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from connector import clock
from connector.services import catalog, contracts
from connector.worker.dispatch import IN_FLIGHT_PER_PEER
from tests.acceptance import towns
from tests.acceptance.tap import Tap
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

SAMPLES: Final = 50
WAITING: Final = 40
SLOW_CONNECTIONS: Final = 40
_SLOWER: Final = 2.0
_ROUNDS: Final = 3
"""How much slower a negotiation may be at most; the goal of a tenth more is for a machine that nobody else uses."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds that negotiations took."""

    median: float
    p99: float

    @classmethod
    def of(cls, taken: list[float]) -> Figures:
        """Return the figures of samples."""
        return cls(statistics.median(taken), statistics.quantiles(taken, n=100, method="inclusive")[98])

    def __str__(self) -> str:
        return f"median {1000 * self.median:.1f} ms, p99 {1000 * self.p99:.1f} ms"


async def _negotiations(consumer: Town, provider: Town, samples: int = SAMPLES) -> list[float]:
    taken = []
    for _ in range(samples):
        began = clock.monotonic()
        await consumer.agree(provider, "levels")
        taken.append(clock.monotonic() - began)
    return taken


async def _drip(port: int) -> None:
    """Send a request one byte at a time, as long as the connector lets us; then again."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(
                    b"POST /dsp/2025-1/negotiations/request HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n{"
                )
                while not reader.at_eof():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.2)
            finally:
                writer.close()
        await asyncio.sleep(0.2)


async def _dripping_answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer at once, and never finish."""
    with contextlib.suppress(OSError):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _hostile(provider: Town, hostile: Town) -> AsyncIterator[None]:
    """Let a peer answer without end and send requests without end."""
    server = await asyncio.start_server(_dripping_answer, "127.0.0.1", hostile.port)
    dripping = [asyncio.create_task(_drip(provider.port)) for _ in range(SLOW_CONNECTIONS)]
    try:
        yield
    finally:
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        server.close()


@asynccontextmanager
async def _trouble(provider: Town, dead: Town, hostile: Town, tap: Tap) -> AsyncIterator[None]:
    """Let much be on its way to a peer that takes all and answers nothing, and to one that is worse."""
    tap.mood, tap.asked = "black hole", 0
    offered = []
    async with _hostile(provider, hostile):
        for peer in (dead, hostile):
            for _ in range(WAITING):
                offered.append((await contracts.offer(provider.house, provider.did, peer.did, "levels", by=BY)).id)  # noqa: PERF401
        assert await towns.eventually(lambda: _asked(tap))
        yield
        for contract in offered:
            assert (await provider.contract(contract)).waiting.waits_for == "us"
    tap.mood = "relay"


async def _heal(provider: Town, *peers: Town) -> None:
    """Let the peers come to their senses and everything arrive."""

    async def arrived() -> bool:
        for peer in peers:
            await catalog.fetch(peer.house, peer.did, provider.did)
        return await provider.unit(lambda unit: unit.outbox.depth()) == 0

    async with AsyncExitStack() as stack:
        for peer in peers:
            await stack.enter_async_context(peer.running())
        assert await towns.eventually(arrived, 30.0, every=0.5)


async def _asked(tap: Tap) -> bool:
    return tap.asked >= IN_FLIGHT_PER_PEER


@pytest.mark.slow
async def test_i14_a_dead_and_a_hostile_peer_slow_nobody_else(found_on_sqlite: Founding, tmp_path: Path) -> None:
    a, b, dead, hostile = [
        await found_on_sqlite(name, tapped=name == "gone") for name in ("strangnas", "trosa", "gone", "worse")
    ]
    (tmp_path / "data.csv").write_text("time;level\n")
    tap = Tap(dead.port, dead.listen)
    rounds: list[tuple[float, float]] = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(tap.standing())
        await stack.enter_async_context(a.running())
        await stack.enter_async_context(b.running())
        await towns.befriend(a, b)
        for peer in (dead, hostile):
            async with peer.running():
                await towns.befriend(a, peer)
        await a.publish("levels", f"file:{tmp_path / 'data.csv'}")
        await _negotiations(b, a, 5)
        # What else the machine does comes and goes; a neighbour that is slowed down is slowed down in every round.
        while len(rounds) < _ROUNDS and not any(_unharmed(*each) for each in rounds):
            rounds.append(await _round(a, b, (dead, hostile), tap))
    assert any(_unharmed(*each) for each in rounds), rounds


async def _round(a: Town, b: Town, peers: tuple[Town, Town], tap: Tap) -> tuple[float, float]:
    """Return how many times longer negotiations take while two peers are in trouble: median and p99."""
    calm = await _negotiations(b, a)
    async with _trouble(a, *peers, tap):
        troubled = await _negotiations(b, a, 2 * SAMPLES)
    await _heal(a, *peers)
    calm += await _negotiations(b, a)
    one, other = Figures.of(calm), Figures.of(troubled)
    print(f"without: {one}; with a dead and a hostile peer: {other}")
    return other.median / one.median, other.p99 / one.p99


def _unharmed(median: float, p99: float) -> bool:
    return median < _SLOWER and p99 < 2 * _SLOWER
