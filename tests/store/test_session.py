"""Units of work: group commit, what sinks whom, and answers that come after the commit only (I2)."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from typing import Any

import pytest
from sqlalchemy import Connection, event, exc, select, text

from connector.errors import Unavailable, Unknown
from connector.store import engine, tables
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, PEER, begin, exchange, parcel, receive, together

MESSAGES = tables.table(tables.Message)


async def _pids(store: Store) -> set[str]:
    found = await store.read(lambda unit: unit.exchanges.page(ME, "negotiation", limit=500))
    return {item.pid for item in found}


async def _messages(store: Store) -> list[str]:
    wanted = select(MESSAGES.c.message_id).order_by(MESSAGES.c.number)
    return await store.read(lambda unit: list(unit.conn.execute(wanted).scalars()))


async def test_a_unit_returns_what_it_returns_and_is_stored(store: Store) -> None:
    assert await store.write(begin("p1")) == "p1"
    assert await _pids(store) == {"p1"}
    assert store.failure is None


def test_a_new_file_whose_mode_another_process_holds_is_waited_for(sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.close)
    release.start()
    made = engine.create(sqlite_url)
    with made.connect() as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    made.dispose()
    release.join()


async def test_units_that_wait_are_committed_together(store: Store) -> None:
    commits: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: commits.append(given[2]))
    results = await together(store, *(begin(f"p{number}") for number in range(40)))
    assert results == [f"p{number}" for number in range(40)]
    assert commits.count("COMMIT") == 2
    assert len(await _pids(store)) == 40


async def test_a_batch_is_observed_with_its_seconds_and_its_units(sqlite_url: str) -> None:
    seen: list[tuple[float, int]] = []
    store = Store(sqlite_url, durable=False, observe=lambda seconds, units: seen.append((seconds, units)))
    await together(store, *[lambda _unit: None] * 5)
    await store.close()
    assert [units for _, units in seen] == [1, 5]
    assert all(0 <= seconds < 10 for seconds, _ in seen)


async def test_a_failing_unit_sinks_only_itself(store: Store) -> None:
    def failing(unit: Unit) -> None:
        begin("lost", pending="m-lost")(unit)
        receive("lost", "m1")(unit)
        raise Unknown("process_unknown")

    one, error, two = await together(store, begin("p1"), failing, begin("p2"))
    assert (one, two) == ("p1", "p2")
    assert isinstance(error, Unknown)
    assert await _pids(store) == {"p1", "p2"}
    assert await _messages(store) == []
    assert await store.read(lambda unit: unit.outbox.depth()) == 0


async def test_a_failing_unit_alone_leaves_nothing(store: Store) -> None:
    def failing(unit: Unit) -> None:
        begin("lost")(unit)
        raise Unknown("process_unknown")

    with pytest.raises(Unknown):
        await store.write(failing)
    assert await _pids(store) == set()
    assert store.failure is None


async def test_a_unit_that_breaks_a_rule_of_the_tables_sinks_only_itself(store: Store) -> None:
    await store.write(begin("p1", pending="m1"))
    again = lambda unit: unit.outbox.add(parcel("m2", "p1"))  # noqa: E731
    results = await together(store, begin("p2"), begin("p1"), again, begin("p3"))
    assert results[0] == "p2"
    assert isinstance(results[1], exc.IntegrityError)
    assert isinstance(results[2], exc.IntegrityError)
    assert results[3] == "p3"
    assert await _pids(store) == {"p1", "p2", "p3"}
    assert store.failure is None


@pytest.mark.parametrize("alone", [True, False])
async def test_a_unit_with_text_that_cannot_be_stored_is_told_so_itself(store: Store, *, alone: bool) -> None:
    others = [] if alone else [begin("p1")]
    *_, error = await together(store, *others, receive("p", "half a character \ud800"))
    assert isinstance(error, UnicodeEncodeError)
    assert store.failure is None
    assert await _pids(store) == ({"p1"} if others else set())


@pytest.mark.postgresql
async def test_a_unit_whose_values_postgresql_refuses_sinks_only_itself(on_postgresql: tuple[Store, Store]) -> None:
    store, _ = on_postgresql
    one, error, two = await together(store, begin("p1"), receive("p1", "\x00"), begin("p2"))
    assert (one, two) == ("p1", "p2")
    assert isinstance(error, exc.DataError)
    assert store.failure is None


async def test_a_record_that_is_not_json_sinks_only_its_unit(store: Store) -> None:
    def wrong(unit: Unit) -> None:
        begin("lost")(unit)
        unit.record(ME, "kind", "subject", what=object())

    error, two = await together(store, wrong, begin("p2"))
    assert isinstance(error, TypeError)
    assert two == "p2"
    assert await _pids(store) == {"p2"}


async def test_a_failed_commit_runs_each_unit_once_more_alone_and_then_is_unavailable(store: Store) -> None:
    runs: dict[str, int] = {}

    def counted(pid: str, *, wrong: bool = False) -> Any:
        def work(unit: Unit) -> str:
            runs[pid] = runs.get(pid, 0) + 1
            if wrong:  # a rule that the database checks at COMMIT
                unit.conn.execute(text("INSERT INTO child VALUES ('nobody')"))
            begin(pid)(unit)
            return pid

        return work

    await store.write(
        lambda unit: unit.conn.execute(
            text("CREATE TABLE child (id VARCHAR REFERENCES probe (id) DEFERRABLE INITIALLY DEFERRED)")
        )
    )
    one, error, two = await together(store, counted("p1"), counted("bad", wrong=True), counted("p2"))
    assert (one, two) == ("p1", "p2")
    assert isinstance(error, Unavailable)
    assert error.code == "store_unavailable"
    assert runs == {"p1": 2, "bad": 2, "p2": 2}
    assert await _pids(store) == {"p1", "p2"}
    with pytest.raises(Unavailable):
        await store.write(counted("bad", wrong=True))
    assert runs["bad"] == 4
    assert store.failure is not None
    await store.write(begin("p3"))
    assert store.failure is None


async def test_i2_the_answer_comes_after_the_commit_only(store: Store) -> None:
    reached, gate = threading.Event(), threading.Event()
    acted: list[str] = []

    def hold(_conn: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement == "COMMIT":
            reached.set()
            gate.wait(10)

    def work(unit: Unit) -> None:
        begin("p1")(unit)
        unit.after_commit(lambda: acted.append("p1"))

    event.listen(store._engine, "before_cursor_execute", hold)
    answer = asyncio.ensure_future(store.write(work))
    await asyncio.to_thread(reached.wait, 10)
    await asyncio.sleep(0.05)
    assert not answer.done()
    assert acted == []
    assert await _pids(store) == set()
    gate.set()
    await answer
    assert acted == ["p1"]
    assert await _pids(store) == {"p1"}


async def test_i2_state_message_move_and_record_are_stored_together_or_not_at_all(store: Store) -> None:
    def work(unit: Unit) -> None:
        begin("p1", pending="m1")(unit)
        receive("p1", "m0")(unit)

    def seen(unit: Unit) -> tuple[int, int, int, int]:
        counts = [
            unit.conn.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608
            for name in ("exchange", "message", "outbox", "journal")
        ]
        return counts[0], counts[1], counts[2], counts[3]

    writing = asyncio.ensure_future(store.write(work))
    found = {await store.read(seen) for _ in range(20)}
    await writing
    assert found | {await store.read(seen)} <= {(0, 0, 0, 0), (1, 1, 1, 1)}
    assert await store.read(seen) == (1, 1, 1, 1)


async def test_actions_run_after_the_commit_in_order_and_never_for_a_failed_unit(store: Store) -> None:
    acted: list[str] = []

    def acting(name: str, *, fails: bool = False) -> Any:
        def work(unit: Unit) -> None:
            unit.after_commit(lambda: acted.append(f"{name}.1"))
            unit.after_commit(lambda: acted.append(f"{name}.2"))
            if fails:
                raise Unknown("process_unknown")

        return work

    await together(store, acting("a"), acting("b", fails=True), acting("c"))
    assert acted == ["a.1", "a.2", "c.1", "c.2"]


async def test_actions_of_a_unit_that_ran_twice_run_once(store: Store) -> None:
    runs: list[int] = []
    acted: list[str] = []

    def work(unit: Unit) -> None:
        runs.append(1)
        unit.after_commit(lambda: acted.append("done"))
        if len(runs) == 1:
            raise exc.OperationalError("SELECT", {}, Exception("lost"))

    await store.write(work)
    assert len(runs) == 2
    assert acted == ["done"]


async def test_an_action_that_fails_leaves_nobody_without_an_answer(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    acted: list[str] = []

    def work(unit: Unit) -> str:
        unit.after_commit(lambda: acted.append(str(1 / 0)))
        unit.after_commit(lambda: acted.append("next"))
        return "stored"

    assert await together(store, work, begin("p1")) == ["stored", "p1"]
    assert acted == ["next"]
    assert "an action after a commit failed" in caplog.text


async def test_a_unit_is_committed_even_when_nobody_waits_any_more(store: Store) -> None:
    task = asyncio.ensure_future(store.write(begin("p1")))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await store.write(begin("p2"))
    assert await _pids(store) == {"p1", "p2"}


async def test_closing_commits_what_waits_and_refuses_what_comes_later(store: Store) -> None:
    tasks = [asyncio.ensure_future(store.write(begin(f"p{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*tasks)) == 100
    with pytest.raises(Unavailable):
        await store.write(begin("late"))


async def test_a_read_is_a_snapshot_and_takes_no_locks(store: Store) -> None:
    await store.write(begin("p1"))
    entered, gate = threading.Event(), threading.Event()

    def reading(unit: Unit) -> tuple[Any, Any]:
        before = unit.exchanges.load(ME, "p1", PEER)
        entered.set()
        gate.wait(10)
        return before, unit.exchanges.load(ME, "p1", PEER)

    slow = asyncio.ensure_future(store.read(reading))
    await asyncio.to_thread(entered.wait, 10)
    loaded = exchange("p1", state="AGREED")
    await asyncio.wait_for(store.write(lambda unit: unit.exchanges.save(loaded, 1.0)), 5)
    gate.set()
    before, after = await slow
    assert before == after
    assert before.turn.state == "REQUESTED"


async def test_a_read_of_a_database_that_fails_is_unavailable(store: Store) -> None:
    with pytest.raises(Unavailable):
        await store.read(lambda unit: unit.conn.execute(text("SELECT * FROM nothing")))
