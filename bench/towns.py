"""Neighbours for a benchmark: two homes that know each other, and the processes that run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from connector.protocol import catalog
from connector.services.catalog import one
from tests.acceptance import towns
from tests.acceptance.towns import Town

DATASET = "measurements"
TERMS: Mapping[str, Any] = {
    "@type": "Offer",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "odrl:dateTime", "operator": "gteq", "rightOperand": "2020-01-01T00:00:00Z"},
                {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2099-01-01T00:00:00Z"},
            ],
        }
    ],
}
"""An offer with a time limit, as towns write them."""
_END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A provider, its consumer, and the one offer, as the provider's catalogue shows it."""

    provider: Town
    consumer: Town
    offer: Mapping[str, Any]


async def neighbours(folder: Path, source: Path) -> Neighbours:
    """Found two towns that have pinned each other, one with a file published as `DATASET`; none of them runs."""
    provider = await towns.found(folder / "provider", f"sqlite:///{folder}/provider.db", name="Provider")
    consumer = await towns.found(folder / "consumer", f"sqlite:///{folder}/consumer.db", name="Consumer")
    async with provider.running(), consumer.running():
        await towns.befriend(provider, consumer)
        await provider.publish(DATASET, f"file:{source}", TERMS)
        entry = await one(consumer.house, consumer.did, provider.did, DATASET)
    return Neighbours(provider, consumer, catalog.offers_in(entry)[0])


@dataclass(slots=True)
class Process:
    """A running `bench.party`."""

    town: Town
    popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def ask(self, verb: str, **told: Any) -> Any:
        """Have it do something and return its answer (this blocks)."""
        self.tell(verb, **told)
        return self.answer()

    def tell(self, verb: str, **told: Any) -> None:
        """Have it do something; `answer` gives what came of it."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(orjson.dumps({"do": verb, **told}) + b"\n")
        self.popen.stdin.flush()

    def answer(self) -> Any:
        """Return its next answer. Raises EOFError when it has ended."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            raise EOFError(self.town.home)
        return orjson.loads(line)


Kept = Literal["durable", "unjournalled", "unsealed", "dict"]
"""What a party keeps: everything in the database; as controls the same without journal, without seals, or its state in dicts."""


@contextmanager
def running(town: Town, store: Kept = "durable", file: Path | None = None) -> Iterator[Process]:
    """Run a town as a process until the end of the block; `file` is what the bare data route serves."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "bench.party", town.home, store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **({"BENCH_FILE": str(file)} if file else {})},
    )
    process = Process(town, popen)
    try:
        process.answer()
        yield process
    finally:
        assert popen.stdin is not None
        popen.stdin.close()
        try:
            popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


@asynccontextmanager
async def alone(folder: Path, **settings: Any) -> AsyncIterator[Town]:
    """Run one town in this process until the end of the block."""
    town = await towns.found(folder, f"sqlite:///{folder}.db", **settings)
    async with town.running():
        yield town
