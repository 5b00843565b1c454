"""The writer: one thread that gathers the units that wait and commits them together (group commit).

Each unit runs under a SAVEPOINT, so that a failing one sinks only itself. After a failed COMMIT or a deadlock each unit runs once
more, alone; then it is `Unavailable`. A unit is answered when it is known to be committed, and not before.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, exc

from connector import clock
from connector.errors import Unavailable
from connector.store import journal, outcome
from connector.store.unit import Unit

log = logging.getLogger(__name__)
_BATCH: Final = 64
_OF_THE_UNIT: Final = (exc.IntegrityError, exc.DataError, exc.ProgrammingError, exc.NotSupportedError)
"""Errors of the database that a unit has itself caused; all others are the database's own and sink the batch."""

Observe = Callable[[float, int], None]
Stage = Literal["connect", "begin", "work", "commit"]
End = Literal["committed", "again", "hopeless"]
"""How a transaction ended: `again` may succeed when it is tried once more, `hopeless` not now."""


@dataclass(slots=True)
class Job:
    """A unit of work on its way to the commit and back to whoever waits for it."""

    work: Callable[[Unit], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    actions: list[Callable[[], None]] = field(default_factory=list)
    entries: list[journal.Entry] = field(default_factory=list)
    result: Any = None
    error: Exception | None = None
    committed: bool = False


class Writer:
    """See the module.

    Args:
        engine: where to write.
        now: the clock that units see.
        observe: told in the writer's thread of each batch: its seconds and its number of units.
    """

    def __init__(self, engine: Engine, now: clock.Clock, observe: Observe) -> None:
        self._engine, self._now, self._observe = engine, now, observe
        self._conn: Connection | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)
        self.failure: str | None = None
        self.committed = clock.monotonic()
        self._thread.start()

    def put(self, work: Callable[[Unit], Any]) -> asyncio.Future[Any]:
        """Queue a unit; the future is answered in the running event loop after the commit. Raises Unavailable once closed."""
        if self._closed:
            raise Unavailable("store_unavailable", reason="closed")
        loop = asyncio.get_running_loop()
        job = Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Commit what waits and end (this blocks)."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        stop = False
        while not stop:
            jobs, stop = self._gather()
            try:
                if jobs:
                    self._serve(jobs)
            except Exception:
                log.exception("the writer goes on after an unexpected error: report this line")
        self._discard()

    def _gather(self) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
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

    def _serve(self, jobs: list[Job]) -> None:
        start = clock.monotonic()
        try:
            if self._commit(jobs) == "again":
                self._commit_alone(jobs)
        finally:
            _answer_all(jobs)
        self._observe(clock.monotonic() - start, len(jobs))

    def _commit_alone(self, jobs: list[Job]) -> None:
        for job in jobs:
            # The rest keep the error of the first attempt: without a database there is no use in trying for each of them.
            if self._commit([job]) == "hopeless":
                return

    def _commit(self, jobs: list[Job]) -> End:
        """Run jobs in one transaction; unless it is committed every job carries `Unavailable`."""
        number: str | None = None
        stage: Stage = "begin" if self._conn else "connect"
        try:
            conn = self._begin()
            stage = "work"
            for job in jobs:
                _work(conn, job, self._now(), alone=len(jobs) == 1)
            journal.insert_entries(conn, [entry for job in jobs for entry in job.entries])
            number = outcome.number(conn)
            stage = "commit"
            conn.exec_driver_sql("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever failed, it is settled here what became of the transaction
            self._discard()
            known = outcome.of(self._engine, number) if stage == "commit" else "rolled back"
            if known != "committed":
                self._failed(jobs, error)
                return "again" if known == "rolled back" and stage != "connect" else "hopeless"
        self._succeeded(jobs)
        return "committed"

    def _begin(self) -> Connection:
        if self._conn is None:
            self._conn = self._engine.connect()
        self._conn.exec_driver_sql("BEGIN IMMEDIATE" if self._conn.dialect.name == "sqlite" else "BEGIN")
        return self._conn

    def _failed(self, jobs: list[Job], error: Exception) -> None:
        why = reason(error)
        if self.failure is None:
            log.warning("commit failed units=%d reason=%s", len(jobs), why)
        self.failure = why
        for job in jobs:
            job.error = Unavailable("store_unavailable", reason=why)

    def _succeeded(self, jobs: list[Job]) -> None:
        if all(job.error for job in jobs):
            return  # nothing was written, so nothing is known about what can be
        for job in jobs:
            job.committed = job.error is None
        if self.failure is not None:
            log.info("commits succeed again after=%s", self.failure)
        self.failure, self.committed = None, clock.monotonic()

    def _discard(self) -> None:
        conn, self._conn = self._conn, None
        if conn is None:
            return
        try:
            conn.invalidate()
            conn.close()
        except exc.SQLAlchemyError:
            log.debug("a broken connection could not be closed")


def _work(conn: Connection, job: Job, now: float, *, alone: bool) -> None:
    """Run a job; when it fails, everything it wrote is taken back."""
    unit, job.error, job.entries, job.actions = Unit(conn, now), None, [], []
    if not alone:
        _tell(conn, "SAVEPOINT unit")
    try:
        job.result = job.work(unit)
        job.entries = journal.prepare(conn, unit.records)
        job.actions = unit.actions
    except Exception as error:
        if isinstance(error, exc.DBAPIError) and not isinstance(error, _OF_THE_UNIT):
            raise
        job.error = error
        conn.exec_driver_sql("ROLLBACK TO SAVEPOINT unit" if not alone else "ROLLBACK")
        if alone:
            conn.exec_driver_sql("BEGIN")
    if not alone:
        _tell(conn, "RELEASE SAVEPOINT unit")


def _tell(conn: Connection, text: str) -> None:
    """Have the driver itself run a statement that takes and gives nothing: each unit has two, and Core's care costs more."""
    driver: Any = conn.connection.driver_connection
    driver.execute(text)


def _answer_all(jobs: list[Job]) -> None:
    for loop in {job.loop for job in jobs}:
        try:
            loop.call_soon_threadsafe(_answer, [job for job in jobs if job.loop is loop])
        except RuntimeError:
            log.debug("nobody waits for the answers any more: the event loop is closed")


def _answer(jobs: list[Job]) -> None:
    for job in jobs:
        if job.committed:
            _act(job)
        if job.future.cancelled():
            continue
        if job.committed:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error or Unavailable("store_unavailable", reason="unexpected"))


def _act(job: Job) -> None:
    for action in job.actions:
        try:
            action()
        except Exception:
            log.exception("an action after a commit failed: report this line, and restart if deliveries stand still")


def reason(error: BaseException) -> str:
    """Return the database's name for an error, such as `SQLITE_FULL` or `DeadlockDetected`."""
    own = getattr(error, "orig", None) or error
    return getattr(own, "sqlite_errorname", None) or type(own).__name__
