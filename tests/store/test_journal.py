"""The journal's chain as the writer leaves it, and what is found when somebody changes it (I10)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from connector.errors import Unknown
from connector.evidence.chain import GENESIS, Fault
from connector.store import journal, verification
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, OTHER, Work, begin, together


def note(participant: str, subject: str) -> Work:
    return lambda unit: unit.record(participant, "test.noted", subject, text="å ä ö", number=1)


async def _faults(store: Store, participant: str = ME) -> list[Fault]:
    return (await store.read(lambda unit: verification.verify(unit.conn, participant, []))).faults


async def _records(store: Store, participant: str = ME) -> list[dict[str, Any]]:
    return await store.read(lambda unit: journal.page(unit.conn, participant, limit=10_000))


async def _head(store: Store, participant: str = ME) -> tuple[int, str]:
    return await store.read(lambda unit: journal.head(unit.conn, participant))


async def _change(store: Store, *statements: str) -> None:
    def work(unit: Unit) -> None:
        for statement in statements:
            assert unit.conn.execute(text(statement)).rowcount > 0

    await store.write(work)


async def _five(store: Store) -> None:
    for number in range(1, 6):
        await store.write(note(ME, f"s{number}"))
    assert await _faults(store) == []


async def test_records_are_numbered_and_linked_per_participant_under_concurrency(store: Store) -> None:
    works = [note((ME, OTHER)[number % 3 % 2], f"s{number}") for number in range(300)]
    await asyncio.gather(*(store.write(work) for work in works))
    for participant, count in ((ME, 200), (OTHER, 100)):
        records = await _records(store, participant)
        assert [record["number"] for record in records] == list(range(1, count + 1))
        assert await _faults(store, participant) == []
        assert await _head(store, participant) == (count, records[-1]["hash"])


async def test_a_participant_without_records_has_an_empty_chain(store: Store) -> None:
    assert await _head(store) == (0, GENESIS)
    assert await _faults(store) == []


async def test_a_failed_unit_leaves_no_record_and_no_gap(store: Store) -> None:
    def failing(unit: Unit) -> None:
        note(ME, "lost")(unit)
        raise Unknown("process_unknown")

    await together(store, note(ME, "s1"), failing, note(ME, "s2"))
    assert [(record["number"], record["subject"]) for record in await _records(store)] == [(1, "s1"), (2, "s2")]
    assert await _faults(store) == []


async def test_records_of_a_unit_keep_their_order_and_their_payload(store: Store) -> None:
    def work(unit: Unit) -> None:
        for number in range(3):
            unit.record(ME, "test.noted", f"s{number}", till="ÅÄÖ", nested={"b": [1, None], "a": True})

    await store.write(work)
    records = await _records(store)
    assert [record["subject"] for record in records] == ["s0", "s1", "s2"]
    assert records[0]["payload"] == '{"nested":{"a":true,"b":[1,null]},"till":"ÅÄÖ"}'
    assert len({record["salt"] for record in records}) == 3


async def test_records_are_read_in_pages_and_by_subject(store: Store) -> None:
    await _five(store)
    page = await store.read(lambda unit: journal.page(unit.conn, ME, after=2, limit=2))
    assert [record["number"] for record in page] == [3, 4]
    found = await store.read(lambda unit: journal.page(unit.conn, ME, search=journal.Search(subject="s4")))
    assert [record["number"] for record in found] == [4]


async def test_a_long_chain_is_verified_while_it_grows(store: Store) -> None:
    await asyncio.gather(*(store.write(note(ME, f"s{number}")) for number in range(1500)))
    growing = [asyncio.ensure_future(store.write(note(ME, f"t{number}"))) for number in range(300)]
    while not all(task.done() for task in growing):
        assert await _faults(store) == []
    await asyncio.gather(*growing)
    assert await _faults(store) == []


async def test_a_removed_payload_does_not_break_the_chain_where_a_record_says_so(store: Store) -> None:
    await _five(store)
    await _change(store, "DELETE FROM journalpayload WHERE number = 3")
    assert await _faults(store) == [Fault(3, "payload-missing")]
    await store.write(lambda unit: unit.record(ME, verification.REMOVAL, ME, ranges=[[3, 3], ["x"]]))
    assert await _faults(store) == []
    assert (await _records(store))[2]["payload"] is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET at = '2020-01-01T00:00:00.000Z' WHERE number = 3",
        "UPDATE journal SET kind = 'test.other' WHERE number = 3",
        "UPDATE journal SET subject = 's4' WHERE number = 3",
        "UPDATE journalpayload SET payload = '{}' WHERE number = 3",
        "UPDATE journalpayload SET salt = 'another' WHERE number = 3",
    ],
)
async def test_i10_a_changed_record_is_found_and_located(store: Store, change: str) -> None:
    await _five(store)
    await _change(store, change)
    assert {fault.number for fault in await _faults(store)} == {3}


async def test_i10_a_deleted_record_is_found_and_located(store: Store) -> None:
    await _five(store)
    await _change(store, "DELETE FROM journal WHERE number = 3")
    assert await _faults(store) == [Fault(3, "number"), Fault(4, "hash")]


async def test_i10_records_deleted_at_the_end_are_found(store: Store) -> None:
    await _five(store)
    await _change(store, "DELETE FROM journal WHERE number > 3")
    assert await _faults(store) == [Fault(4, "head")]


async def test_i10_an_inserted_record_is_found_and_located(store: Store) -> None:
    await _five(store)
    await _change(
        store,
        "UPDATE journal SET number = number + 100 WHERE number > 2",
        "UPDATE journal SET number = number - 99 WHERE number > 100",
        "INSERT INTO journal SELECT participant, 3, at, kind, subject, payload_digest, hash, contract, peer, dataset"
        " FROM journal WHERE number = 1",
    )
    faults = await _faults(store)
    assert {fault.number for fault in faults if fault.code == "hash"} == {3, 4, 5, 6}
    assert "head" in {fault.code for fault in faults}


async def test_i10_reordered_records_are_found_and_located(store: Store) -> None:
    await _five(store)
    await _change(
        store,
        "UPDATE journal SET number = 100 WHERE number = 2",
        "UPDATE journal SET number = 2 WHERE number = 3",
        "UPDATE journal SET number = 3 WHERE number = 100",
    )
    assert {fault.number for fault in await _faults(store) if fault.code == "hash"} == {2, 3, 4}


@pytest.mark.postgresql
async def test_two_replicas_write_one_chain_from_its_first_record_on(on_postgresql: tuple[Store, Store]) -> None:
    one, two = on_postgresql
    works = [note((ME, OTHER)[number % 2], f"s{number}") for number in range(200)]
    await asyncio.gather(*((one, two)[number // 2 % 2].write(work) for number, work in enumerate(works)))
    for participant in (ME, OTHER):
        assert [record["number"] for record in await _records(one, participant)] == list(range(1, 101))
        assert await _faults(two, participant) == []


async def test_a_unit_without_records_writes_none(store: Store) -> None:
    await store.write(begin("p1"))
    assert await _records(store) == []
