"""The provider's data endpoint on the public listener: `<root>/data/<transfer>`, and what lies below it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs, web

from connector.dataplane.digests import Digests
from connector.dataplane.shape.source import ShapedSource
from connector.dataplane.sources import source_from
from connector.errors import ConnectorError, Unavailable
from connector.http.certificate import CERTIFICATES
from connector.http.data import Permit, Served, data_handler, tail
from connector.http.dsp import member_of
from connector.http.limits import LIMITER
from connector.http.metrics import Metrics
from connector.http.streams import Streams
from connector.services import ledger
from connector.services.grants import Grants
from connector.services.house import House, path_of
from connector.services.office import Office
from connector.services.quota import Meter, settle
from connector.services.refusals import Refusals
from connector.store.unit import Unit

log = logging.getLogger(__name__)
GATHER_SECONDS: Final = 0.5
_DATA: Final = frozenset({200, 206})
_PLACE: Final = r"{place:(?:[A-Za-z0-9._~-]+/)*}"


@dataclass(slots=True)
class Access:
    """Access records: queued, and committed in groups within a second of the end of each response."""

    house: House
    metrics: Metrics
    _queue: list[tuple[Meter, Served]] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def record(self, meter: Meter, served: Served) -> None:
        """Queue one record, and what its quota is settled by."""
        self.metrics.served(served.sent)
        self._queue.append((meter, served))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._later())

    async def flush(self) -> None:
        """Commit what is queued."""
        batch, self._queue = self._queue, []
        if batch:
            await self.house.store.write(lambda unit: _write(unit, self.house.office, batch))

    async def _later(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        self._task = None
        batch = list(self._queue)
        try:
            await self.flush()
        except Unavailable:
            log.warning("access records wait for the store: count=%d", len(batch))
            self._queue = batch + self._queue
            self._task = asyncio.get_running_loop().create_task(self._later())


def _write(unit: Unit, office: Office, batch: list[tuple[Meter, Served]]) -> None:
    for meter, served in batch:
        grant = meter.opening.grant
        shaped = {"shaped": meter.opening.recipe.told} if meter.opening.recipe else {}
        unit.record(
            grant.participant, "data.read", grant.contract,
            peer=grant.peer, dataset=grant.dataset, transfer=grant.transfer, method=served.method, path=served.path,
            status=served.status, bytes=served.sent, complete=served.complete, **shaped,
        )  # fmt: skip
    read = {meter.opening.grant.contract for meter, served in batch if served.sent and served.status in _DATA}
    for contract in sorted(read):
        ledger.triggered(unit, office, contract, ledger.RECEIVED)
    # In one order, so that no two processes wait for each other's rows.
    counted = [
        (each.reservation, served.sent) for each, served in batch if each.reservation and each.reservation.starts
    ]
    for reservation, sent in sorted(counted, key=lambda each: each[0].contract):
        settle(unit, reservation, sent)


@dataclass(frozen=True, slots=True)
class Permitted(Permit):
    """A permit with what it was given on."""

    meter: Meter = field(kw_only=True)


def routes(house: House, grants: Grants, streams: Streams, access: Access, digests: Digests) -> list[web.RouteDef]:
    """Return the routes of the data endpoint."""
    refusals = Refusals(house)

    async def permit(request: web.Request) -> Permitted:
        member = await member_of(request)
        pid, token = request.match_info["pid"], _token(request.headers.get(hdrs.AUTHORIZATION))
        async with _noted(refusals, token):
            opening = await grants.check(pid, token)
        await request.app[CERTIFICATES].demand(request, opening.grant.participant, opening.grant.peer)
        request.app[LIMITER].identified(request, opening.grant.participant, f"data {opening.grant.peer}")
        source = source_from(opening.source, client=house.client, digests=digests)
        if opening.recipe is not None:
            source = ShapedSource(source, opening.recipe)

        async def still() -> bool:
            try:
                await grants.check(pid, token)
            except ConnectorError:
                return False
            return True

        _, slash, below = tail(request, path_of(member.row.root) + "/data")[1:].partition("/")
        grant = opening.grant.id
        meter = Meter(house, opening)

        async def reserve(length: int | None) -> int | None:
            async with _noted(refusals, token):
                return await meter.reserve(length)

        return Permitted(source, grant, grant, slash + below, still, reserve, meter=meter)

    def record(permitted: Permitted, served: Served) -> None:
        access.record(permitted.meter, served)

    handle, path = data_handler(permit, streams, record), f"/{_PLACE}data/{{pid}}"
    return [web.route(method, p, handle) for method in ("GET", "HEAD") for p in (path, path + "/{tail:.*}")]


@asynccontextmanager
async def _noted(refusals: Refusals, token: str | None) -> AsyncIterator[None]:
    """Record a refusal that happens inside."""
    try:
        yield
    except ConnectorError as error:
        await refusals.note(token, error)
        raise


def _token(authorization: str | None) -> str | None:
    """Return the grant's token: bearer, or raw as Eclipse EDC sends it."""
    if authorization is None or len(authorization) > 1024:  # noqa: PLR2004 - ours has less than 150 characters
        return None
    scheme, space, rest = authorization.partition(" ")
    return (rest.strip() if space and scheme.lower() == "bearer" else authorization) or None
