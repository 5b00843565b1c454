"""`python -m tests.simulation`: run many seeds of each kind, or replay one with its dialogue."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation import kinds
from tests.simulation.kinds import KINDS, Outcome
from tests.simulation.memory import Memory
from tests.simulation.sqlite import Sqlite

_BLOCK = 250


class Databases:
    """Gives a party of a seed its database: in memory, or one of two SQLite files emptied for it."""

    def __init__(self, store: str, folder: str) -> None:
        self._files: list[Any] = []
        self._count = 0
        if store == "sqlite":
            self._files = [Sqlite(Path(folder) / f"{number}.db") for number in range(2)]

    def __call__(self) -> Any:
        if not self._files:
            return Memory()
        self._count += 1
        chosen = self._files[self._count % 2]
        chosen.empty()
        return chosen

    def close(self) -> None:
        for file in self._files:
            file.close()


@dataclass(slots=True)
class Tally:
    """What a number of seeds of a kind came to."""

    kind: str
    seeds: int = 0
    failed: list[int] = field(default_factory=list)
    marks: int = 0
    seconds: float = 0.0
    settled: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.seeds += other.seeds
        self.failed += other.failed
        self.marks += other.marks
        self.seconds += other.seconds
        self.settled += other.settled

    def line(self) -> str:
        """Return the kind's line of the table."""
        ordered = sorted(self.settled)
        last = ordered[len(ordered) * 99 // 100] if ordered else 0.0
        pace = self.seconds / max(self.seeds, 1) * 1000
        shown = " ".join(map(str, self.failed[:8]))
        return f"{self.kind:28} {self.seeds:8} {len(self.failed):8} {self.marks:9} {last:11.0f} {pace:8.2f}  {shown}"


HEADING = (
    f"{'kind':28} {'seeds':>8} {'failures':>8} {'unsettled':>9} {'p99 settled':>11} {'ms/seed':>8}  first failing seeds"
)


def _block(kind: str, first: int, count: int, store: str) -> Tally:
    began, tally = time.perf_counter(), Tally(kind, count)
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(store, folder)
        for seed in range(first, first + count):
            outcome = kinds.run(kind, seed, databases)
            tally.failed += [seed] if outcome.faults else []
            tally.marks += outcome.marks
            tally.settled += [] if outcome.settled_seconds is None else [outcome.settled_seconds]
        databases.close()
    tally.seconds = time.perf_counter() - began
    return tally


def survey(chosen: list[str], first: int, seeds: int, jobs: int, store: str) -> Iterator[Tally]:
    """Run seeds of kinds in blocks on several processes and yield what each block came to."""
    blocks = [
        (kind, start, min(_BLOCK, first + seeds - start), store)
        for kind in chosen
        for start in range(first, first + seeds, _BLOCK)
    ]
    if jobs == 1:
        yield from (_block(*block) for block in blocks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_block, *zip(*blocks, strict=True))


def _replay(kind: str, seed: int, store: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(store, folder)
        try:
            return kinds.run(kind, seed, databases, trace=True)
        finally:
            databases.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this kind (may be repeated)")
    parser.add_argument("--seed", type=int, help="replay one seed with its dialogue")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
    wanted = parser.parse_args(arguments)
    chosen = wanted.kind or list(KINDS)
    if wanted.seed is not None:
        outcomes = [_replay(kind, wanted.seed, wanted.store) for kind in chosen]
        for outcome in outcomes:
            _say("\n".join([*outcome.lines, f"{outcome.kind} seed {outcome.seed}:", *(outcome.faults or ["no fault"])]))
        return int(any(outcome.faults for outcome in outcomes))
    return _run(chosen, wanted)


def _run(chosen: list[str], wanted: Any) -> int:
    totals = {kind: Tally(kind) for kind in chosen}
    for tally in survey(chosen, wanted.first, wanted.seeds, wanted.jobs, wanted.store):
        totals[tally.kind].add(tally)
    _say("\n".join([HEADING, *(tally.line() for tally in totals.values())]))
    failed = [tally for tally in totals.values() if tally.failed]
    for tally in failed:
        outcome = _replay(tally.kind, tally.failed[0], wanted.store)
        _say("\n".join(["", *outcome.lines, f"{tally.kind} seed {tally.failed[0]}:", *outcome.faults]))
    return int(bool(failed))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
