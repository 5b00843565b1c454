"""One connector of a benchmark, as a process: the product's application, told over standard input what to do.

`python -m bench.party HOME durable|dict` answers each line of JSON with a line of JSON. The consumer's load is made here too, so
it is small: it asks, and is told by the store's answers when a negotiation has ended; nothing polls.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import orjson
from aiohttp import web

from bench.dicts import DictStore
from bench.spending import Spending
from connector import app, config
from connector.app import Application
from connector.dataplane.digests import Digests
from connector.dataplane.sources import source_from
from connector.http.data import Permit, Served, data_handler
from connector.protocol.negotiation import FINALIZED
from connector.services import contracts, sealing, transfers
from connector.store import journal
from connector.store.exchanges import Exchange
from connector.store.session import Store
from connector.store.unit import Unit

T = TypeVar("T")
_SETTLE_SECONDS = 0.3
_OVERLOAD_SECONDS = 60


class _Ends:
    """Who waits for the end of which process."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[str]] = {}

    def of(self, pid: str) -> asyncio.Future[str]:
        """Return the future that is given the process's terminal state."""
        return self._futures.setdefault(pid, asyncio.get_running_loop().create_future())

    def saw(self, result: object) -> None:
        """Look at what a unit returned."""
        if isinstance(result, Exchange) and result.turn.ended and not self.of(result.pid).done():
            self.of(result.pid).set_result(result.turn.shown)

    def forget(self, pid: str) -> None:
        """Forget a process."""
        self._futures.pop(pid, None)


ENDS = _Ends()


class _Durable(Store):
    """The product's store, overheard."""

    async def write(self, work: Callable[[Unit], T]) -> T:
        result = await super().write(work)
        ENDS.saw(result)
        return result


class _Unjournalled(_Durable):
    """The control of the journal's cost: the product's store, whose units' records are dropped before they are written."""

    def __post_init__(self) -> None:
        mock.patch.object(journal, "prepare", return_value=[]).start()
        super().__post_init__()


class _Unsealed(_Durable):
    """The control of the seals' cost: the product's store, where contracts are concluded without seals."""

    def __post_init__(self) -> None:
        mock.patch.multiple(
            sealing,
            made=mock.Mock(return_value={}),
            check=mock.Mock(),
            complete=mock.Mock(return_value=True),
        ).start()
        super().__post_init__()


class _Dict(DictStore):
    """The control, overheard."""

    async def write(self, work: Callable[[Any], T]) -> T:
        result = await super().write(work)
        ENDS.saw(result)
        return result


@dataclass(slots=True)
class Party:
    """The running application and what it can be told to do."""

    application: Application
    _spending: Spending = field(default_factory=Spending)

    @property
    def _did(self) -> str:
        return next(iter(self.application.house.members))

    async def cpu(self) -> Any:
        """Return the CPU seconds of this process so far, all threads together."""
        await asyncio.sleep(_SETTLE_SECONDS)
        return time.process_time()

    async def negotiate(self, peer: str, dataset: str, offer: dict[str, Any], count: int, in_flight: int) -> Any:
        """Conclude `count` negotiations and return the seconds that each took."""
        left, took = iter(range(count)), list[float]()

        async def ask() -> None:
            for _ in left:
                took.append(await self._one(peer, dataset, offer))

        await asyncio.gather(*(ask() for _ in range(in_flight)))
        return took

    async def _one(self, peer: str, dataset: str, offer: dict[str, Any]) -> float:
        began = time.perf_counter()
        asked = await contracts.request_offer(self.application.house, self._did, peer, dataset, offer, by="bench")
        async with asyncio.timeout(_OVERLOAD_SECONDS):
            state = await ENDS.of(asked.id)
        ENDS.forget(asked.id)
        if state != FINALIZED:
            message = f"a negotiation ended as {state}"
            raise RuntimeError(message)
        return time.perf_counter() - began

    async def start_transfer(self, peer: str, dataset: str) -> Any:
        """Conclude a contract, start a transfer, and return the endpoint and its token."""
        house = self.application.house
        contract = (await contracts.request(house, self._did, peer, dataset, by="bench")).id
        await ENDS.of(contract)
        transfer = (await transfers.start(house, self._did, contract, by="bench")).id
        while True:
            row = await house.store.read(lambda unit: unit.transfers.get(transfer))
            if row is not None and row.token is not None:
                return [row.endpoint, row.token]
            await asyncio.sleep(0.01)

    async def watch_spending(self) -> Any:
        """Begin to measure where CPU time goes."""
        self._spending.start()

    async def spent(self) -> Any:
        """Stop measuring and return the CPU seconds of each part."""
        await asyncio.sleep(_SETTLE_SECONDS)
        return self._spending.stop()


def _bare_route(settings: config.Config, streams: Any) -> web.RouteDef:
    """Return the control of the data endpoint: the same handler for one file, with no grant check and no access record."""
    spec = {"kind": "file", "path": os.environ.get("BENCH_FILE", str(settings.home))}
    source = source_from(spec, client=None, digests=Digests())  # type: ignore[arg-type]

    async def permit(_request: web.Request) -> Permit:
        return Permit(source, "none", "none", "")

    def record(_permit: Permit, _served: Served) -> None:
        """Keep nothing."""

    return web.get("/bench/data/{pid}", data_handler(permit, streams, record))


async def _answer(party: Party, line: bytes) -> bytes:
    told = orjson.loads(line)
    verb: Callable[..., Awaitable[Any]] = getattr(party, told.pop("do"))
    return orjson.dumps(await verb(**told)) + b"\n"


async def _run(home: Path, store: type) -> None:
    settings = config.load(home, os.environ)
    routes = list[web.RouteDef]()
    application = Application(settings, public_routes=routes)
    routes.append(_bare_route(settings, application.streams))
    with mock.patch.object(app, "Store", store):
        await application.start()
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    party = Party(application)
    sys.stdout.buffer.write(b"null\n")
    sys.stdout.buffer.flush()
    try:
        while line := await reader.readline():
            sys.stdout.buffer.write(await _answer(party, line))
            sys.stdout.buffer.flush()
    finally:
        await application.stop()


if __name__ == "__main__":
    asyncio.run(
        _run(
            Path(sys.argv[1]),
            {"durable": _Durable, "unjournalled": _Unjournalled, "unsealed": _Unsealed, "dict": _Dict}[sys.argv[2]],
        )
    )
