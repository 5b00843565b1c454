from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update

from connector.errors import Invalid, Missing
from connector.evidence.chain import Fault
from connector.services import heads, journal, operators
from connector.store.tables import Journal, JournalHead, JournalPayload, table
from connector.store.verification import REMOVAL
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.towns import Town

RECORDS, PAYLOADS, HEADS = table(Journal), table(JournalPayload), table(JournalHead)


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        for name in ("asa", "bo", "cia"):
            await operators.add(only.house, name, "read", by="tester")
        yield only


async def test_every_change_tells_who_made_it(town: Town) -> None:
    entries, end = await journal.page(town.house, town.did)
    assert [(entry.number, entry.kind, entry.by) for entry in entries] == [
        (1, "participant.added", "init"),
        (2, "operator.added", "init"),
        (3, "operator.added", "tester"),
        (4, "operator.added", "tester"),
        (5, "operator.added", "tester"),
    ]
    assert end is None


async def test_records_come_in_parts_and_by_subject(town: Town) -> None:
    first, cursor = await journal.page(town.house, town.did, limit=3)
    rest, end = await journal.page(town.house, town.did, cursor, limit=3)
    assert ([entry.number for entry in first + rest], end) == ([1, 2, 3, 4, 5], None)
    assert [
        entry.number for entry in (await journal.page(town.house, town.did, search=journal.search(subject="bo")))[0]
    ] == [4]
    with pytest.raises(Invalid, match="cursor_invalid"):
        await journal.page(town.house, town.did, "nonsense")


async def test_one_record_is_shown_by_its_number(town: Town) -> None:
    assert (await journal.show(town.house, town.did, 3)).subject == "asa"
    for number in (0, -1, 6, 2**63, 10**30):
        with pytest.raises(Missing, match="journal_unknown"):
            await journal.show(town.house, town.did, number)


async def test_a_participants_journal_is_its_own(town: Town) -> None:
    other = await town.add_participant("va")
    assert [entry.number for entry in (await journal.page(town.house, other))[0]] == [1]
    with pytest.raises(Missing, match="participant_unknown"):
        await journal.page(town.house, "did:web:other.example")


async def test_a_whole_chain_is_found_whole(town: Town) -> None:
    verdict = await heads.verify(town.house, town.did)
    assert (verdict.records, verdict.faults) == (5, [])


async def test_a_removed_payload_breaks_no_link_but_a_record_must_say_so(town: Town) -> None:
    await town.house.store.write(lambda unit: unit.conn.execute(delete(PAYLOADS).where(PAYLOADS.c.number == 3)))
    assert (await heads.verify(town.house, town.did)).faults == [Fault(3, "payload-missing")]
    await town.house.store.write(lambda unit: unit.record(town.did, REMOVAL, town.did, ranges=[[3, 3]]))
    verdict = await heads.verify(town.house, town.did)
    assert (verdict.faults, verdict.removed, verdict.records) == ([], 1, 6)
    assert (await journal.show(town.house, town.did, 3)).payload is None


async def test_what_was_changed_afterwards_is_found(town: Town) -> None:
    store = town.house.store
    await store.write(lambda unit: unit.conn.execute(update(RECORDS).where(RECORDS.c.number == 3).values(subject="x")))
    await store.write(
        lambda unit: unit.conn.execute(update(PAYLOADS).where(PAYLOADS.c.number == 4).values(payload="{}"))
    )
    assert (await heads.verify(town.house, town.did)).faults == [Fault(3, "hash"), Fault(4, "payload")]


async def test_a_chain_whose_end_was_cut_off_is_found(town: Town) -> None:
    await town.house.store.write(lambda unit: unit.conn.execute(delete(RECORDS).where(RECORDS.c.number > 3)))
    assert (await heads.verify(town.house, town.did)).faults == [Fault(4, "head")]
    await town.house.store.write(lambda unit: unit.conn.execute(delete(RECORDS)))
    assert (await heads.verify(town.house, town.did)).faults == [Fault(1, "head")]
    await town.house.store.write(lambda unit: unit.conn.execute(delete(HEADS)))
    assert (await heads.verify(town.house, town.did)).faults == []
