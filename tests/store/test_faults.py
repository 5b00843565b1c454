"""A full disk, a database that is gone, an answer that is lost: nothing is acknowledged, and it heals by itself (I11)."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url, select, text

from connector.errors import Unavailable
from connector.store import migrate, outcome, session, tables
from connector.store.session import Store
from connector.store.unit import Unit
from tests import postgres
from tests.store.faults import LossyProxy, started_again, stop
from tests.store.units import Work, receive, together

MESSAGES = tables.table(tables.Message)
LARGE = "x" * 20_000


def without_id(token: str) -> Work:
    """Return a unit that nothing in the tables keeps from having two effects."""

    def work(unit: Unit) -> None:
        unit.messages.add(
            participant="me", process="p", direction="in", message_id=None, seq=0, move="request",
            digest=token, body=LARGE, at=unit.now,
        )  # fmt: skip

    return work


async def _stored(store: Store) -> list[str]:
    wanted = select(MESSAGES.c.digest).order_by(MESSAGES.c.number)
    return await store.read(lambda unit: list(unit.conn.execute(wanted).scalars()))


def _failure(store: Store) -> str | None:
    return store.failure


async def _execute(store: Store, statement: str) -> None:
    def work(unit: Unit) -> None:
        unit.conn.execute(text(statement))

    await store.write(work)


async def _fill(store: Store, most: int = 500) -> list[str]:
    """Write until it is refused and return what was acknowledged."""
    acknowledged: list[str] = []
    for number in range(most):
        try:
            await store.write(without_id(f"t{number}"))
        except Unavailable:
            return acknowledged
        acknowledged.append(f"t{number}")
    pytest.fail("the disk was never full")


async def _heals(store: Store, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not await store.probe():
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


class Disk:
    """An SQLite database on a disk that can be full."""

    def __init__(self, store: Store) -> None:
        self.full = False
        event.listen(store._engine, "connect", self._connected)

    def _connected(self, connection: sqlite3.Connection, _record: Any) -> None:
        if self.full:
            connection.execute("PRAGMA max_page_count = 1")  # SQLite takes this as: no larger than it is

    async def fill(self, store: Store) -> None:
        self.full = True
        await _execute(store, "PRAGMA max_page_count = 1")


async def test_i11_a_full_disk_is_unavailable_and_heals(on_sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PROBE_SECONDS", 0.0)
    store, disk = on_sqlite, Disk(on_sqlite)
    await store.write(without_id("before"))
    await disk.fill(store)
    acknowledged = await _fill(store)
    assert _failure(store) == "SQLITE_FULL"
    assert await store.probe() is False
    results = await together(store, without_id("a"), without_id("b"))
    assert {type(result) for result in results} == {Unavailable}
    assert await _stored(store) == ["before", *acknowledged]
    disk.full = False
    assert await store.probe() is True
    assert store.failure is None
    await store.write(without_id("after"))
    assert await _stored(store) == ["before", *acknowledged, "after"]
    assert await store.read(lambda unit: unit.conn.execute(text("SELECT count(*) FROM probe")).scalar()) == 0


@contextmanager
def _file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _log_bytes(store: Store) -> int:
    return Path(f"{make_url(store.url).database}-wal").stat().st_size


async def test_i11_a_file_that_the_system_refuses_to_let_grow_is_unavailable_and_heals(
    on_sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PROBE_SECONDS", 0.0)
    store = on_sqlite
    await store.write(without_id("before"))
    with _file_size_limit(_log_bytes(store) + 50_000):
        acknowledged = await _fill(store)
        assert store.failure is not None
        assert await store.probe() is False
    assert await store.probe() is True
    await store.write(without_id("after"))
    assert await _stored(store) == ["before", *acknowledged, "after"]


async def test_a_failing_store_is_tried_at_most_once_a_second(on_sqlite: Store) -> None:
    store, disk = on_sqlite, Disk(on_sqlite)
    await disk.fill(store)
    await _fill(store)
    begun: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: begun.append(given[2]))
    answers = [await store.probe() for _ in range(20)]
    assert answers == [False] * 20
    assert 1 <= begun.count("BEGIN IMMEDIATE") <= 2  # one attempt, which is made once more


async def test_a_store_that_has_just_committed_is_not_tried_again(store: Store) -> None:
    await store.write(without_id("t"))
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert await store.probe() is True
    assert statements == []


async def test_a_quiet_store_is_tried_and_nothing_is_left_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_QUIET_SECONDS", 0.0)
    assert await store.probe() is True
    assert await store.read(lambda unit: unit.conn.execute(text("SELECT count(*) FROM probe")).scalar()) == 0


async def test_a_store_without_its_tables_is_not_ready(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_QUIET_SECONDS", 0.0)
    await _execute(store, "DROP TABLE probe")
    assert await store.probe() is False


async def test_a_store_that_does_not_answer_is_not_ready(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(session, "_PATIENCE_SECONDS", 0.05)
    gate = threading.Event()
    stuck = asyncio.ensure_future(store.write(lambda _unit: gate.wait(10)))
    await asyncio.sleep(0)
    assert await store.probe() is False
    gate.set()
    await stuck


async def test_a_file_that_another_process_holds_for_a_moment_is_waited_for(on_sqlite: Store) -> None:
    other = sqlite3.connect(str(make_url(on_sqlite.url).database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(on_sqlite.write(without_id("t")))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    await waiting
    assert on_sqlite.failure is None


@pytest.mark.postgresql
@pytest.mark.slow
async def test_i11_postgresql_that_stops_is_unavailable_and_heals(own_server: postgres.Server) -> None:
    url = own_server.create()
    migrate.upgrade(url)
    store = Store(url)
    await store.write(without_id("before"))
    await _stored(store)
    stop(own_server)
    for work in (without_id("lost"), without_id("lost too")):
        with pytest.raises(Unavailable):
            await store.write(work)
    results = await together_or_refused(store)
    assert {type(result) for result in results} == {Unavailable}
    with pytest.raises(Unavailable):
        await _stored(store)
    assert _failure(store)
    assert await store.probe() is False
    with started_again(own_server):
        await _heals(store, 10.0)
        assert store.failure is None
        await store.write(without_id("after"))
        assert await _stored(store) == ["before", "after"]
        await store.close()


async def together_or_refused(store: Store) -> list[Any]:
    works = [without_id(f"lost {number}") for number in range(20)]
    return await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)


@pytest.mark.postgresql
async def test_a_connection_that_was_cut_is_replaced_without_anyone_noticing(
    on_postgresql: tuple[Store, Store],
) -> None:
    one, two = on_postgresql
    await one.write(without_id("before"))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await _execute(two, cut)
    answers = await asyncio.gather(*(one.write(without_id(f"t{number}")) for number in range(5)))
    assert answers == [None] * 5
    assert one.failure is None
    assert sorted(await _stored(one)) == ["before", "t0", "t1", "t2", "t3", "t4"]


@pytest.fixture
async def lossy(
    migrated_postgresql_url: str, postgresql_server: postgres.Server
) -> AsyncIterator[tuple[Store, LossyProxy]]:
    proxy = LossyProxy(postgresql_server.port)
    url = migrated_postgresql_url.replace(f":{postgresql_server.port}/", f":{proxy.port}/")
    store = Store(url)
    yield store, proxy
    await store.close()
    proxy.close()


@pytest.mark.postgresql
async def test_i3_a_commit_whose_answer_was_lost_is_not_made_twice(lossy: tuple[Store, LossyProxy]) -> None:
    store, proxy = lossy
    await store.write(without_id("before"))
    proxy.lose = True
    await asyncio.gather(*(store.write(without_id(token)) for token in "abc"))
    assert proxy.lost == 1
    assert store.failure is None
    assert await _stored(store) == ["before", "a", "b", "c"]


@pytest.mark.postgresql
async def test_a_commit_that_never_arrived_is_made_again(lossy: tuple[Store, LossyProxy]) -> None:
    store, proxy = lossy
    await store.write(without_id("before"))
    proxy.lose = proxy.before = True
    await store.write(without_id("a"))
    assert proxy.lost == 1
    assert await _stored(store) == ["before", "a"]


@pytest.mark.postgresql
async def test_an_outcome_that_cannot_be_learnt_is_unavailable_and_not_tried_again(
    lossy: tuple[Store, LossyProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, proxy = lossy
    monkeypatch.setattr(outcome, "_settled", lambda _conn, _transaction: "unknown")
    await store.write(without_id("before"))
    proxy.lose = True
    with pytest.raises(Unavailable):
        await store.write(without_id("a"))
    assert await _stored(store) == ["before", "a"]


async def test_a_unit_that_hides_a_refused_statement_is_not_taken_for_committed(store: Store) -> None:
    await store.write(receive("p", "m1"))

    def hiding(unit: Unit) -> str:
        try:
            receive("p", "m1")(unit)
        except Exception:  # noqa: BLE001 - what a careless unit does
            return "hidden"
        return "stored"

    # SQLite takes back the statement alone; PostgreSQL has given up the whole transaction, and says so.
    if store.postgresql:
        with pytest.raises(Unavailable):
            await store.write(hiding)
    else:
        assert await store.write(hiding) == "hidden"
    assert await store.read(lambda unit: len(unit.messages.of("p"))) == 1
