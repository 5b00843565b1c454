"""`python -m tests.simulation`: run many seeds of each kind, or replay one with its dialogue."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tests.simulation import kinds
from tests.simulation.kinds import KINDS, Outcome
from tests.simulation.memory import Memory

_BLOCK = 250


class Databases:
    """Gives a party of a seed its database: in memory, or one of two SQLite files emptied for it."""

    def __init__(self, store: str, folder: str) -> None:
        self._files: list[Any] = []
        self._count = 0
        if store == "sqlite":
            from tests.simulation.sqlite import Sqlite

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


def _block(kind: str, first: int, count: int, store: str) -> tuple[str, int, list[int], float]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(store, folder)
        failed = [seed for seed in range(first, first + count) if kinds.run(kind, seed, databases).faults]
        databases.close()
    return kind, count, failed, time.perf_counter() - began


def survey(chosen: list[str], first: int, seeds: int, jobs: int, store: str) -> Iterator[tuple[str, int, list[int], float]]:
    """Run seeds of kinds in blocks on several processes and yield what each block found."""
    blocks = [(kind, start, min(_BLOCK, first + seeds - start), store) for kind in chosen for start in range(first, first + seeds, _BLOCK)]
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
    totals: dict[str, tuple[int, list[int], float]] = {kind: (0, [], 0.0) for kind in chosen}
    for kind, count, failed, seconds in survey(chosen, wanted.first, wanted.seeds, wanted.jobs, wanted.store):
        seeds, failures, spent = totals[kind]
        totals[kind] = (seeds + count, failures + failed, spent + seconds)
    _say(f"{'kind':30} {'seeds':>8} {'failures':>8} {'ms/seed':>8}  first failing seeds")
    for kind, (seeds, failures, spent) in totals.items():
        shown = " ".join(map(str, failures[:8]))
        _say(f"{kind:30} {seeds:8} {len(failures):8} {spent / max(seeds, 1) * 1000:8.2f}  {shown}")
    for kind, (_, failures, _) in totals.items():
        if failures:
            outcome = _replay(kind, failures[0], wanted.store)
            _say("\n".join(["", *outcome.lines, f"{kind} seed {failures[0]}:", *outcome.faults]))
            break
    return int(any(failures for _, failures, _ in totals.values()))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
