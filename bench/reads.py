"""Small data reads with the grant's check and access records against the same handler without them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import towns, traffic
from bench.figures import Figure, median, spread
from bench.scale import Scale

_SMALL_BYTES = 1024
_RECORDED_SECONDS = 1.2
"""Access records are committed within a second; their cost belongs to the round."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider's process, the address of a transfer's data with its token, and that of the control."""

    provider: towns.Process
    url: str
    token: str
    bare: str


@contextmanager
def endpoint(folder: Path, file: Path) -> Iterator[Endpoint]:
    """Run two neighbours with a started transfer of a file."""
    place = asyncio.run(towns.neighbours(folder, file))
    with towns.running(place.provider, file=file) as provider, towns.running(place.consumer) as consumer:
        url, token = consumer.ask("start_transfer", peer=place.provider.did, dataset=towns.DATASET)
        bare = f"http://localhost:{place.provider.port}/bench/data/any"
        yield Endpoint(provider, url, token, bare)


def reads(folder: Path, scale: Scale) -> list[Figure]:
    """Compare round by round."""
    folder.mkdir(parents=True)
    file = folder / "reading.json"
    file.write_bytes(b"7" * _SMALL_BYTES)
    rounds = list[tuple[float, float]]()
    with endpoint(folder / "towns", file) as found:
        for url, token in ((found.bare, None), (found.url, found.token)):
            _measure(found, url, token, 500)
        for _ in range(scale.rounds):
            bare = _measure(found, found.bare, None, scale.reads)
            rounds.append((_measure(found, found.url, found.token, scale.reads), bare))
    ratios = [kept / bare for kept, bare in rounds]
    how = f"server CPU, 1 KB from a file, 32 connections; rounds {spread(ratios)}"
    return [
        Figure("Data reads with grant check and records, against without", median(ratios), "", ("at most", 1.35), how),
        Figure("One small data read", median([kept for kept, _ in rounds]), "us CPU", None, "with check and record"),
        Figure("One small data read, the control", median([bare for _, bare in rounds]), "us CPU", None, "without"),
    ]


def _measure(found: Endpoint, url: str, token: str | None, count: int) -> float:
    """Return the server's CPU microseconds for one read."""
    before = found.provider.ask("cpu")
    asyncio.run(traffic.read_often(url, token, count))
    time.sleep(_RECORDED_SECONDS)
    took: float = found.provider.ask("cpu") - before
    return took * 1e6 / count
