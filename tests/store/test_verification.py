"""What the offline check of a database finds: each kind of change that somebody with the database open could make (I10)."""

from __future__ import annotations

import tracemalloc

import pytest
from sqlalchemy import text

from connector.errors import ConfigError, Missing
from connector.services import offline
from connector.store import verification
from connector.store.parties import Participant
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME

SWAP = (
    "UPDATE {0} SET number = 100 WHERE number = {1}",
    "UPDATE {0} SET number = {1} WHERE number = {2}",
    "UPDATE {0} SET number = {2} WHERE number = 100",
)
COPY = (
    "INSERT INTO journal (participant, number, at, kind, subject, payload_digest, hash, contract, peer, dataset)"
    " SELECT participant, {0}, at, kind, subject, payload_digest, hash, contract, peer, dataset FROM journal WHERE number = {1}"
)
MUTATIONS = {
    "payload": (["UPDATE journalpayload SET payload = '{}' WHERE number = 3"], {3}),
    "one character of a payload": (
        ["UPDATE journalpayload SET payload = replace(payload, '3', '4') WHERE number = 3"],
        {3},
    ),
    "salt": (["UPDATE journalpayload SET salt = 'x' WHERE number = 3"], {3}),
    "kind": (["UPDATE journal SET kind = 'test.other' WHERE number = 3"], {3}),
    "time": (["UPDATE journal SET at = '2020-01-01T00:00:00.000Z' WHERE number = 3"], {3}),
    "subject": (["UPDATE journal SET subject = 'x' WHERE number = 3"], {3}),
    "payload digest": (["UPDATE journal SET payload_digest = 'sha256:x' WHERE number = 3"], {3}),
    "hash": (["UPDATE journal SET hash = 'sha256:x' WHERE number = 3"], {3, 4}),
    "contract": (["UPDATE journal SET contract = 'x' WHERE number = 3"], {3}),
    "peer": (["UPDATE journal SET peer = NULL WHERE number = 3"], {3}),
    "dataset": (["UPDATE journal SET dataset = 'x' WHERE number = 3"], {3}),
    "first deleted": (["DELETE FROM journal WHERE number = 1"], {1, 2}),
    "middle deleted": (["DELETE FROM journal WHERE number = 3"], {3, 4}),
    "last deleted": (["DELETE FROM journal WHERE number = 6"], {6}),
    "tail cut off": (["DELETE FROM journal WHERE number > 3"], {4}),
    "all deleted": (["DELETE FROM journal"], {1}),
    "payload gone without a record": (["DELETE FROM journalpayload WHERE number = 3"], {3}),
    "inserted at the end": ([COPY.format(7, 6)], {7}),
    "inserted before the first": ([COPY.format(0, 1)], {0, 1}),
    "two exchanged": ([statement.format("journal", 3, 4) for statement in SWAP], {3, 4, 5}),
    "two payloads exchanged": ([statement.format("journalpayload", 3, 4) for statement in SWAP], {3, 4}),
    "the end moved back": (["UPDATE journalhead SET number = 5"], {6}),
}


@pytest.fixture
async def url(store: Store, migrated_url: str) -> str:
    await store.write(lambda unit: unit.participants.add(Participant(ME, "Me", "https://me.example", unit.now)))
    for number in range(1, 7):
        await store.write(
            lambda unit, of=number: unit.record(ME, "test.noted", f"s{of}", peer="did:web:peer", number=of)  # type: ignore[misc]
        )
    assert offline.verify(migrated_url, None).whole
    return migrated_url


@pytest.mark.parametrize("name", MUTATIONS)
async def test_i10_a45_a_change_in_the_database_is_found_and_located(store: Store, url: str, name: str) -> None:
    statements, places = MUTATIONS[name]

    def work(unit: Unit) -> None:
        for statement in statements:
            assert unit.conn.execute(text(statement)).rowcount > 0

    await store.write(work)
    verdict = offline.verify(url, ME)
    assert not verdict.whole
    assert places <= {fault.number for fault in verdict.faults}
    assert min(fault.number for fault in verdict.faults) == min(places)


async def test_a_removal_that_does_not_say_which_covers_nothing(store: Store, url: str) -> None:
    await store.write(lambda unit: unit.conn.execute(text("DELETE FROM journalpayload WHERE number IN (2, 3)")))
    await store.write(lambda unit: unit.record(ME, verification.REMOVAL, ME, ranges=[[2, 2], "x", [9, 99], [1]]))
    verdict = offline.verify(url, ME)
    assert ([fault.number for fault in verdict.faults], verdict.removed) == ([3], 2)


async def test_what_cannot_be_checked_is_refused(store: Store, url: str) -> None:
    with pytest.raises(Missing, match="participant_unknown"):
        offline.verify(url, "did:web:other")
    await store.write(lambda unit: unit.conn.execute(text("DELETE FROM participant")))
    with pytest.raises(ConfigError, match="no_participant"):
        offline.verify(url, None)
    await store.write(lambda unit: unit.conn.execute(text("UPDATE alembic_version SET version_num = '0001'")))
    with pytest.raises(ConfigError, match="database_too_old"):
        offline.verify(url, None)
    await store.write(lambda unit: unit.conn.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(ConfigError, match="database_too_new"):
        offline.verify(url, None)
    with pytest.raises(ConfigError, match="database_unreachable"):
        offline.verify("sqlite:////nowhere/at/all.db", None)


async def test_the_offline_check_changes_nothing_and_needs_no_right_to(
    on_sqlite: Store, migrated_sqlite_url: str
) -> None:
    await on_sqlite.write(lambda unit: unit.participants.add(Participant(ME, "Me", "https://me.example", unit.now)))
    with offline.snapshot(migrated_sqlite_url) as conn, pytest.raises(Exception, match="readonly"):
        conn.execute(text("DELETE FROM participant"))


async def test_what_is_held_while_checking_does_not_grow_with_the_journal(on_sqlite: Store) -> None:
    peaks = []
    for _ in range(2):

        def more(unit: Unit) -> None:
            for number in range(6000):
                unit.record(ME, "test.noted", f"s{number}", peer="did:web:peer", number=number)

        await on_sqlite.write(more)
        tracemalloc.start()
        verdict = await on_sqlite.read(lambda unit: verification.verify(unit.conn, ME, []))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert verdict.whole
    assert verdict.records == 12_000
    assert peaks[1] < peaks[0] * 1.2
