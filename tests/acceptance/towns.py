"""Towns: homes with a participant, its keys and a database, run here in this process or as real ones (`processes.py`).

Everything is made by the doors that the product has: `init`'s services, the services that its API calls. The towns of a test
are neighbours on loopback, with ports that the system chose.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from connector import clock, config
from connector.app import Application
from connector.dataplane.ports import Read
from connector.identity import keyfile
from connector.identity.participant import place
from connector.services import contracts, operators, participants, peers, publish, reading, transfers
from connector.services.decide import Decide, automatic
from connector.store import migrate
from connector.store.contracts import Grant
from connector.store.exchanges import Exchange
from connector.store.session import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connector.services.house import House
    from connector.services.views import ContractView, TransferView
    from connector.store.unit import Unit

T = TypeVar("T")
View = TypeVar("View", "ContractView", "TransferView")
BY = "operator"
OPEN: Mapping[str, Any] = {"@type": "Offer", "permission": [{"action": "use"}]}
"""The policy that asks nothing."""
_UNLIMITED = 1_000_000
_GENEROUS: Mapping[str, config.Value] = {
    "peer_rate_per_second": _UNLIMITED, "peer_burst": _UNLIMITED, "address_rate_per_second": _UNLIMITED,
    "address_burst": _UNLIMITED, "negotiations_per_peer": _UNLIMITED, "connections_per_address": 4_000,
    "connections_total": 8_000, "log_level": "warning",
}  # fmt: skip


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Give ports of loopback that nobody uses; they are held until the block ends."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        yield [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


@dataclass(slots=True)
class Town:
    """One installation with one participant (`did`).

    `port` is the one of the DID, where peers find it; `listen` is where the connector itself listens when a `tap.Tap` stands
    in front of it, else the same.
    """

    home: Path
    did: str
    url: str
    token: str
    port: int
    listen: int
    admin: int
    application: Application | None = field(default=None, repr=False)

    # Life in this process

    async def start(
        self, *, now: clock.Clock = clock.now, decide: Decide = automatic, **settings: config.Value
    ) -> House:
        """Run the connector in this process."""
        found = config.load(self.home, {f"CONNECTOR_{name.upper()}": str(value) for name, value in settings.items()})
        self.application = Application(found, decide, now=now)
        await self.application.start()
        return self.house

    async def stop(self) -> None:
        """Stop it, if it runs."""
        application, self.application = self.application, None
        if application is not None:
            await application.stop()

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Town]:
        """Run the connector in this process until the end of the block."""
        await self.start(**options)
        try:
            yield self
        finally:
            await self.stop()

    @property
    def house(self) -> House:
        """The running installation."""
        assert self.application is not None
        return self.application.house

    # What its operator does

    async def add_participant(self, name: str) -> str:
        """Add a further participant under the same roof."""
        made = await participants.add(self.house, f"{self.did}:{name}", name, by=BY)
        return made.row.id

    async def pin(self, peer: str, *, own: str | None = None) -> None:
        """Pin a running peer, as `peers add --yes` does."""
        seen = await peers.preview(self.house, own or self.did, peer)
        await peers.add(self.house, own or self.did, peer, fingerprints=seen.fingerprints, by=BY)

    async def publish(
        self,
        dataset: str,
        source: str | Mapping[str, Any],
        policy: Mapping[str, Any] = OPEN,
        *,
        approval: str | None = None,
        access: Mapping[str, Any] | None = None,
        own: str | None = None,
    ) -> None:
        """Publish a dataset under one offer."""
        own = own or self.did
        stored = await publish.put(self.house, own, f"{dataset}.json", orjson.dumps(policy), by=BY)
        who = await publish.put(self.house, own, "who.json", orjson.dumps(access), by=BY) if access else None
        wanted = publish.Wanted(stored.digest, who.digest if who else None, approval)
        new = publish.New(id=dataset, title=dataset, source=source, offers=[wanted])
        await publish.add_dataset(self.house, own, new, by=BY)

    async def request(self, peer: Town | str, dataset: str, *, own: str | None = None) -> str:
        """Ask a peer for a contract and return its id."""
        did = peer.did if isinstance(peer, Town) else peer
        return (await contracts.request(self.house, own or self.did, did, dataset, by=BY)).id

    async def contract(
        self, contract: str, *states: str, own: str | None = None, seconds: float = 15.0
    ) -> ContractView:
        """Return a contract once it is in one of the states (now, without any)."""
        return await _until(lambda: contracts.show(self.house, own or self.did, contract), states, seconds)

    async def transfer(
        self, transfer: str, *states: str, own: str | None = None, seconds: float = 15.0
    ) -> TransferView:
        """Return a transfer once it is in one of the states (now, without any)."""
        return await _until(lambda: transfers.show(self.house, own or self.did, transfer), states, seconds)

    async def agree(self, peer: Town | str, dataset: str, *, own: str | None = None) -> str:
        """Conclude a contract and return its id."""
        contract = await self.request(peer, dataset, own=own)
        view = await self.contract(contract, "FINALIZED", "TERMINATED", own=own)
        assert view.state == "FINALIZED", view.reasons
        return contract

    async def begin(self, contract: str, *, own: str | None = None) -> str:
        """Start a transfer and return its id."""
        own = own or self.did
        transfer = (await transfers.start(self.house, own, contract, by=BY)).id
        view = await self.transfer(transfer, "STARTED", "TERMINATED", own=own)
        assert view.state == "STARTED", view.reasons
        return transfer

    async def read(self, contract: str, wanted: Read | None = None, *, own: str | None = None) -> bytes:
        """Read a contract's data through the gateway, whole."""
        async with reading.open_data(self.house, own or self.did, contract, wanted or Read()) as content:
            return b"".join([chunk async for chunk in content.chunks])

    # What lies in its database

    async def unit(self, work: Callable[[Unit], T]) -> T:
        """Return what a unit reads of the running installation's database."""
        return await self.house.store.read(work)

    async def mirror(self, contract: str, protocol: str = "negotiation", *, own: str | None = None) -> Exchange:
        """Return our process that a peer knows by its pid."""
        pages = await self.unit(lambda unit: unit.exchanges.page(own or self.did, protocol, limit=1000))
        return next(exchange for exchange in pages if exchange.peer_pid == contract)

    async def grant(self, transfer: str) -> Grant:
        """Return the grant of a transfer of ours, by the pid of either side."""
        exchange = await self.mirror(transfer, "transfer")
        found = await self.unit(lambda unit: unit.grants.of_transfer(exchange.pid))
        assert found is not None
        return found


async def found(
    folder: Path, url: str, *, tapped: bool = False, name: str | None = None, **settings: config.Value
) -> Town:
    """Found a town: what `connector init` does, with limits that let tests run as fast as they can.

    Args:
        folder: where its home will be.
        url: of its own empty database.
        tapped: whether a `tap.Tap` will stand in front of it.
        name: of the participant.
        settings: that differ from the tests' own.
    """
    with free_ports(3) as (port, admin, behind):
        listen = behind if tapped else port
    folder.mkdir(mode=0o700, parents=True)
    values = {**_GENEROUS, "database": url, "public_port": listen, "admin_port": admin, **settings}
    _write(folder, values)
    (folder / "keys").mkdir(mode=0o700)
    keyfile.create_secret(folder / "keys" / "grants.key")
    settled = config.load(folder, {})
    await asyncio.to_thread(migrate.upgrade, settled.database_url())
    store = Store(settled.database_url())
    try:
        made = await participants.create(folder, store, f"did:web:localhost%3A{port}", name or folder.name)
        _, token = await operators.create(store, "tester", operators.APPROVE, by="init")
    finally:
        await store.close()
    assert place(made.row.id).port == port
    return Town(folder, made.row.id, settled.database_url(), token, port, listen, admin)


def _write(home: Path, values: Mapping[str, config.Value]) -> None:
    config.write_first(home, language="sv", **{name: value for name, value in values.items() if name != "language"})


async def befriend(one: Town, other: Town) -> None:
    """Pin two running towns at each other."""
    await one.pin(other.did)
    await other.pin(one.did)


async def eventually(check: Callable[[], Awaitable[T]], seconds: float = 15.0, every: float = 0.02) -> T:
    """Return the first answer that is true; after the time, whatever there is then."""
    deadline = clock.monotonic() + seconds
    while True:
        answer = await check()
        if answer or clock.monotonic() > deadline:
            return answer
        await asyncio.sleep(every)


async def _until(look: Callable[[], Awaitable[View]], states: tuple[str, ...], seconds: float) -> View:
    deadline = clock.monotonic() + seconds
    while True:
        view = await look()
        if not states or view.state in states:
            return view
        assert clock.monotonic() < deadline, f"{view.state}, not {states}: {view.waiting} {view.reasons}"
        await asyncio.sleep(0.005)
