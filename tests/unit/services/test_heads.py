"""Signed heads of a running town's journal: when they are made, what they cover, what they prove, and what is found with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, text, update

from connector.errors import WrongState
from connector.evidence import heads as pure
from connector.evidence.heads import HeadFault
from connector.identity import keys
from connector.services import heads, operators
from connector.store.tables import Journal, JournalSealedHead, table
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.heads import SealedHead
    from tests.acceptance.towns import Town

RECORDS, HEADS = table(Journal), table(JournalSealedHead)


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        for name in ("asa", "bo", "cia"):
            await operators.add(only.house, name, "read", by="tester")
        yield only


async def _heads(town: Town) -> list[SealedHead]:
    return await town.house.store.read(lambda unit: unit.heads.page(town.did))


async def test_a_head_covers_all_that_was_written_and_none_is_made_twice(town: Town) -> None:
    await heads.ensure(town.house, town.did)
    await heads.ensure(town.house, town.did)
    [one] = await _heads(town)
    assert (one.number, one.first, one.last) == (1, 1, 5)
    await operators.add(town.house, "dan", "read", by="tester")
    await heads.ensure(town.house, town.did)
    one, two = await _heads(town)
    said = pure.read(two.jws).head
    assert (said.participant, said.number, said.first, said.last, said.previous) == (town.did, 2, 6, 6, one.digest)
    assert pure.read(two.jws).kid == town.house.member(town.did).seal.kid
    verdict = await heads.verify(town.house, town.did)
    assert (verdict.whole, verdict.heads, verdict.covered, verdict.records) == (True, 2, 6, 6)


async def test_a_head_is_due_an_hour_after_the_last_one_and_only_when_something_was_written(town: Town) -> None:
    start = town.house.now()
    wait = await heads.sign_due(town.house, town.did)
    assert wait is not None
    assert 3500 < wait <= 3600
    assert await _heads(town) == []
    await heads.ensure(town.house, town.did)
    assert await heads.sign_due(town.house, town.did) is None
    await operators.add(town.house, "dan", "read", by="tester")
    wait = await heads.sign_due(town.house, town.did)
    assert wait is not None
    assert wait > 3500
    hour_ago = update(HEADS).values(at=start - 3601)
    await town.house.store.write(lambda unit: unit.conn.execute(hour_ago))
    assert await heads.sign_due(town.house, town.did) is None
    assert [head.number for head in await _heads(town)] == [1, 2]


async def test_every_record_is_proved_under_a_head(town: Town) -> None:
    assert await town.house.store.read(lambda unit: heads.proof(unit, town.did, 3)) is None
    await heads.ensure(town.house, town.did)
    await operators.add(town.house, "dan", "read", by="tester")
    await heads.ensure(town.house, town.did)
    hashes = await town.house.store.read(lambda unit: unit.heads.hashes(town.did, 1, 6))
    for number, record_hash in enumerate(hashes, 1):
        proof = await town.house.store.read(lambda unit, of=number: heads.proof(unit, town.did, of))  # type: ignore[misc]
        assert proof is not None
        head = pure.read(proof.head_jws).head
        assert (proof.index, proof.size) == (number - head.first, head.last - head.first + 1)
        assert pure.included(head, number, record_hash, proof.path)
        assert not pure.included(head, number, hashes[number - 2], proof.path)


async def test_many_records_are_covered_by_several_heads(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST_RECORDS", 2)
    await heads.ensure(town.house, town.did)
    assert [(head.first, head.last) for head in await _heads(town)] == [(1, 2), (3, 4), (5, 5)]
    assert (await heads.verify(town.house, town.did)).whole


async def test_a45_a_chain_rewritten_without_the_seal_key_is_found_by_its_heads(town: Town) -> None:
    await heads.ensure(town.house, town.did)
    [one] = await _heads(town)
    thief = keys.generate()
    forged = pure.sign(thief, pure.read(one.jws).head)
    change = update(HEADS).values(jws=forged, digest=pure.read(forged).digest)
    await town.house.store.write(lambda unit: unit.conn.execute(change))
    assert (await heads.verify(town.house, town.did)).head_faults == [HeadFault(1, 1, "head_signature")]
    await town.house.store.write(lambda unit: unit.conn.execute(update(HEADS).values(jws="x")))
    assert (await heads.verify(town.house, town.did)).head_faults == [HeadFault(1, 1, "head_unreadable")]


async def test_nothing_is_signed_over_missing_records(town: Town) -> None:
    await town.house.store.write(lambda unit: unit.conn.execute(delete(RECORDS).where(RECORDS.c.number == 3)))
    with pytest.raises(WrongState, match="journal_incomplete"):
        await heads.ensure(town.house, town.did)


async def test_a45_all_records_gone_is_found_by_the_heads(town: Town) -> None:
    await heads.ensure(town.house, town.did)
    for name in ("journal", "journalpayload", "journalhead"):
        await town.house.store.write(lambda unit, of=name: unit.conn.execute(text(f"DELETE FROM {of}")))  # type: ignore[misc] # noqa: S608 - ours
    assert (await heads.verify(town.house, town.did)).head_faults == [HeadFault(1, 1, "head_beyond")]
