"""Negotiations between two processes: durable against the same with its state in a dict, alone, and where the CPU time goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine, towns
from bench.figures import Figure, median, percentile, spread
from bench.scale import Scale

IN_FLIGHT = 32
MESSAGES = 4
_WARM_UP = 64


@dataclass(frozen=True, slots=True)
class Round:
    """What one round cost: CPU milliseconds of both processes and wall milliseconds, each for one negotiation."""

    cpu: float
    wall: float


@dataclass(slots=True)
class Pair:
    """Two running neighbours."""

    place: towns.Neighbours
    provider: towns.Process
    consumer: towns.Process

    def negotiate(self, count: int, in_flight: int = IN_FLIGHT) -> list[float]:
        """Conclude negotiations and return the seconds that each took."""
        found: list[float] = self.consumer.ask("negotiate", **self._about, count=count, in_flight=in_flight)
        return found

    def measure(self, count: int) -> Round:
        """Conclude negotiations and return what one of them cost."""
        before, began = self._cpu(), time.perf_counter()
        self.negotiate(count)
        wall = time.perf_counter() - began
        return Round((self._cpu() - before) * 1000 / count, wall * 1000 / count)

    def _cpu(self) -> float:
        seconds: float = self.provider.ask("cpu") + self.consumer.ask("cpu")
        return seconds

    @property
    def _about(self) -> dict[str, Any]:
        return {"peer": self.place.provider.did, "dataset": towns.DATASET, "offer": self.place.offer}


@contextmanager
def pair(folder: Path, store: towns.Kept) -> Iterator[Pair]:
    """Found and run two neighbours, and warm them up."""
    folder.mkdir(parents=True)
    file = folder / "file"
    file.write_bytes(bytes(1024))
    place = asyncio.run(towns.neighbours(folder, file))
    with ExitStack() as stack:
        provider = stack.enter_context(towns.running(place.provider, store))
        consumer = stack.enter_context(towns.running(place.consumer, store))
        found = Pair(place, provider, consumer)
        found.negotiate(_WARM_UP)
        yield found


def negotiation(folder: Path, scale: Scale) -> list[Figure]:
    """Compare durable negotiations with the control, round by round."""
    rounds = list[tuple[Round, Round]]()
    with pair(folder / "durable", "durable") as durable, pair(folder / "dict", "dict") as control:
        for _ in range(scale.rounds):
            rounds.append((control.measure(scale.negotiations), durable.measure(scale.negotiations)))
    ratios = [bare.cpu / kept.cpu for bare, kept in rounds]
    kept, bare = median([kept.cpu for _, kept in rounds]), median([bare.cpu for bare, _ in rounds])
    wall = median([kept.wall for _, kept in rounds])
    how = f"CPU of the control / CPU of durable, two processes each, {IN_FLIGHT} in flight; rounds {spread(ratios)}"
    return [
        Figure("Durable negotiation against state in a dict", median(ratios), "", ("at least", 0.65), how),
        Figure("One durable negotiation, both ends", kept, "ms CPU", None, f"{MESSAGES} messages, each acknowledged"),
        Figure("One negotiation with state in a dict, both ends", bare, "ms CPU", None, "the control"),
        Figure("Durable negotiations on this machine", 1000 / wall, "a second", None, "for information, wall time"),
    ]


def additions(folder: Path, scale: Scale) -> list[Figure]:
    """Compare durable negotiations with those without seals and with those without a journal, round by round."""
    without: tuple[towns.Kept, towns.Kept] = ("unsealed", "unjournalled")
    rounds: dict[str, list[float]] = {kept: [] for kept in without}
    with ExitStack() as stack:
        whole = stack.enter_context(pair(folder / "durable", "durable"))
        controls = {kept: stack.enter_context(pair(folder / kept, kept)) for kept in without}
        for _ in range(scale.rounds):
            cpu = whole.measure(scale.negotiations).cpu
            for kept, control in controls.items():
                rounds[kept].append(cpu / control.measure(scale.negotiations).cpu)
    how = "CPU with / CPU without, both ends; rounds {}"
    return [
        Figure("A negotiation with seals, against without", median(rounds["unsealed"]), "", None,
               how.format(spread(rounds["unsealed"]))),
        Figure("A negotiation with the journal, against without", median(rounds["unjournalled"]), "", None,
               how.format(spread(rounds["unjournalled"]))),
    ]  # fmt: skip


def latency(folder: Path, scale: Scale) -> list[Figure]:
    """Time negotiations one after the other."""
    with pair(folder, "durable") as durable:
        took = [seconds * 1000 for seconds in durable.negotiate(scale.latencies, in_flight=1)]
        disk = machine.sync_seconds(folder) * 1000
    how = f"two processes on loopback, {len(took)} one after the other, until FINALIZED is stored"
    return [
        Figure("One uncontended negotiation, p50", median(took), "ms", ("at most", 25), how),
        Figure("One uncontended negotiation, p99", percentile(took, 0.99), "ms", None, "the same run"),
        Figure("One fdatasync on this disk, p50", disk, "ms", None, "a negotiation waits for five to eight of them"),
    ]


def cost(folder: Path, scale: Scale) -> list[Figure]:
    """Split a negotiation's CPU time, both ends together, by what it is spent on."""
    parts: dict[str, float] = {}
    with pair(folder, "durable") as durable:
        for process in (durable.provider, durable.consumer):
            process.ask("watch_spending")
        durable.negotiate(scale.negotiations)
        for process in (durable.provider, durable.consumer):
            for part, seconds in process.ask("spent").items():
                parts[part] = parts.get(part, 0.0) + seconds
    whole = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return [
        Figure(f"Share: {part}", 100 * seconds / whole, "%", None, "of a negotiation's CPU, both ends")
        for part, seconds in ordered
        if seconds > whole / 200
    ]
