"""Units of work: `await store.write(work)` and `await store.read(work)`, one transaction each, answered after commit.

One writer gathers the units that wait and commits them together (group commit), each under a SAVEPOINT, so that a failing unit
sinks only itself. After a failed COMMIT or a deadlock each unit runs once more, alone; then it is `Unavailable`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, exc

from connector import clock
from connector.errors import ConnectorError, Unavailable
from connector.store import engine, journal
from connector.store.unit import Unit

log = logging.getLogger(__name__)
T = TypeVar("T")
_BATCH = 64


@dataclass(slots=True)
class _Job:
    work: Callable[[Unit], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    unit: Unit | None = None
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Store:
    """The database of one installation.

    Args:
        url: `sqlite:///PATH` or `postgresql://...`.
        now: the clock that units see.
        durable: False only for tests (SQLite `synchronous=OFF`).
    """

    url: str
    now: clock.Clock = clock.now
    durable: bool = True
    observe: Callable[[float, int], None] = lambda _seconds, _units: None
    _engine: Engine = field(init=False)
    _jobs: queue.SimpleQueue[_Job | None] = field(init=False, default_factory=queue.SimpleQueue)
    _writer: threading.Thread = field(init=False)
    _readers: ThreadPoolExecutor = field(init=False)
    _failure: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._engine = engine.create(self.url, durable=self.durable)
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_for_ever, name="store-write", daemon=True)
        self._writer.start()

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, where several processes may share the database."""
        return self._engine.dialect.name == "postgresql"

    @property
    def failure(self) -> str | None:
        """Why the last write could not be committed, or None."""
        return self._failure

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run a unit in the writer and return its result after its transaction is committed.

        The unit may run twice, so it must have no effect outside the unit; what it registers with `unit.after_commit` runs in
        the event loop after the commit.

        Raises:
            Unavailable: `store_unavailable`, nothing was stored.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        return await asyncio.shield(job.future)

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run a unit that only reads, in a snapshot of its own. Raises Unavailable as `write` does."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Commit what waits and close."""
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        self._engine.dispose()

    def _read(self, work: Callable[[Unit], T]) -> T:
        try:
            with self._engine.connect() as conn:
                return work(Unit(conn, self.now()))
        except exc.DBAPIError as error:
            raise _unavailable(error) from error

    def _write_for_ever(self) -> None:
        conn: Connection | None = None
        stop = False
        while not stop:
            jobs, stop = self._gather()
            conn = self._attempt(conn, jobs) if jobs else conn
        if conn is not None:
            conn.close()

    def _gather(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _attempt(self, conn: Connection | None, jobs: list[_Job]) -> Connection | None:
        start = clock.monotonic()
        conn, failed = self._commit(conn, jobs)
        if failed and len(jobs) > 1:
            for job in jobs:
                conn, _ = self._commit(conn, [job])
        elif failed and not isinstance(failed, Unavailable):
            conn, _ = self._commit(conn, jobs)
        self.observe(clock.monotonic() - start, len(jobs))
        _finish(jobs)
        return conn

    def _commit(self, conn: Connection | None, jobs: list[_Job]) -> tuple[Connection | None, BaseException | None]:
        """Run jobs in one transaction; on failure every job carries `Unavailable`."""
        try:
            conn = conn or self._engine.connect()
            conn.exec_driver_sql("BEGIN" if self.postgresql else "BEGIN IMMEDIATE")
            for job in jobs:
                _run(conn, job, self.now(), alone=len(jobs) == 1)
            journal.append(conn, [record for job in jobs if job.unit and not job.error for record in job.unit.records])
            conn.exec_driver_sql("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever failed, nothing was committed and everyone is told
            failure = _unavailable(error)
            log.warning("commit failed units=%d reason=%s", len(jobs), failure.values.get("reason"))
            self._failure = str(failure.values.get("reason"))
            for job in jobs:
                job.error, job.unit = failure, None
            _discard(conn)
            return None, error
        self._failure = None
        return conn, None


def _run(conn: Connection, job: _Job, now: float, *, alone: bool) -> None:
    job.unit, job.error = Unit(conn, now), None
    if not alone:
        conn.exec_driver_sql("SAVEPOINT unit")
    try:
        job.result = job.work(job.unit)
    except exc.DBAPIError as error:
        if not isinstance(error, exc.IntegrityError):
            raise
        job.error = error
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for the unit
        job.error = error
    if job.error:
        conn.exec_driver_sql("ROLLBACK" if alone else "ROLLBACK TO SAVEPOINT unit")
    if alone and job.error:
        conn.exec_driver_sql("BEGIN")
    elif not alone:
        conn.exec_driver_sql("RELEASE SAVEPOINT unit")


def _finish(jobs: list[_Job]) -> None:
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_answer, mine)


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.error is None and job.unit is not None:
            for action in job.unit.actions:
                action()
        if job.future.cancelled():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _unavailable(error: BaseException) -> ConnectorError:
    if isinstance(error, Unavailable):
        return error
    reason = type(getattr(error, "orig", None) or error).__name__
    return Unavailable("store_unavailable", reason=reason)


def _discard(conn: Connection | None) -> None:
    if conn is not None:
        try:
            conn.invalidate()
            conn.close()
        except exc.SQLAlchemyError:
            log.debug("a broken connection could not be closed")
