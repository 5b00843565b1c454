"""Units of work: `await store.write(work)` and `await store.read(work)`, one transaction each, answered after commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlalchemy import Engine, delete, exc, insert

from connector import clock, ids
from connector.errors import Unavailable
from connector.store import engine
from connector.store.tables import Probe, table
from connector.store.unit import Unit
from connector.store.writer import Writer, reason

T = TypeVar("T")
_probe = table(Probe)
_PROBE_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 3.0
_FILLING: Final = "x" * 65_536
"""Large enough to need space: on a full disk a small change may still fit in the space that earlier ones left."""


@dataclass(slots=True)
class Store:
    """The database of one installation.

    Args:
        url: `sqlite:///PATH` or `postgresql://...`.
        now: the clock that units see.
        durable: False only for tests (SQLite `synchronous=OFF`).
        observe: told, in the writer's thread, how many seconds each commit took and how many units it held.
    """

    url: str
    now: clock.Clock = clock.now
    durable: bool = True
    observe: Callable[[float, int], None] = lambda _seconds, _units: None
    _engine: Engine = field(init=False)
    _writer: Writer = field(init=False)
    _readers: ThreadPoolExecutor = field(init=False)
    _probed: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._engine = engine.create(self.url, durable=self.durable)
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="store-read")
        self._writer = Writer(self._engine, self.now, self.observe)

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, where several processes may share the database."""
        return self._engine.dialect.name == "postgresql"

    @property
    def failure(self) -> str | None:
        """Why the last write could not be committed, or None."""
        return self._writer.failure

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run a unit in the writer and return its result after its transaction is committed.

        The unit may run twice, so it must have no effect outside the unit; what it registers with `unit.after_commit` runs in
        the event loop after the commit.

        Raises:
            Unavailable: `store_unavailable`, nothing was stored.
        """
        # Whoever stops waiting stops nothing: the writer commits what it was given.
        result: T = await self._writer.put(work)
        return result

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run a unit that only reads, in a snapshot of its own. Raises Unavailable as `write` does."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def probe(self) -> bool:
        """Tell whether the database can commit now, within a few seconds and whether or not anything is written.

        After a failure, or when nothing has been committed for a while, a row is written and removed again, at most once a
        second; between those attempts the last answer stands.
        """
        now = clock.monotonic()
        if self.failure is None and now - self._writer.committed < _QUIET_SECONDS:
            return True
        if now - self._probed < _PROBE_SECONDS:
            return self.failure is None
        self._probed = now
        filling = "" if self.failure is None else _FILLING
        try:
            await asyncio.wait_for(self._try_out(filling), _PATIENCE_SECONDS)
        except (Unavailable, TimeoutError, exc.DBAPIError):
            return False
        return True

    async def close(self) -> None:
        """Commit what waits and close."""
        await asyncio.to_thread(self._writer.close)
        self._readers.shutdown()
        self._engine.dispose()

    async def _try_out(self, filling: str) -> None:
        row = {"id": ids.new(), "filling": filling}
        await self.write(lambda unit: unit.conn.execute(insert(_probe), row))
        # All of them, so that what a killed process left is gone too.
        await self.write(lambda unit: unit.conn.execute(delete(_probe)))

    def _read(self, work: Callable[[Unit], T]) -> T:
        try:
            with self._engine.connect() as conn:
                conn.exec_driver_sql(engine.SNAPSHOT[conn.dialect.name])
                # The transaction ends when the connection goes back to the pool.
                return work(Unit(conn, self.now(), reading=True))
        except exc.DBAPIError as error:
            raise Unavailable("store_unavailable", reason=reason(error)) from error
