"""Removing what old records say: by settings and by an operator's decision; the chain stays whole and the removal is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.errors import Invalid
from connector.services import heads, journal, operators, retention
from connector.store.verification import REMOVAL
from connector.worker.journal import Keeping
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.towns import Town

DAY = 86400.0


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[tuple[Town, Town]]:
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.pin(sjoby.did)
        await sjoby.pin(ekby.did)
        yield ekby, sjoby


async def _records(town: Town) -> list[journal.Entry]:
    return (await journal.page(town.house, town.did, limit=1000))[0]


async def test_what_is_old_enough_by_the_settings_is_removed_and_a_record_says_so(towns: tuple[Town, Town]) -> None:
    ekby, _ = towns
    now = ekby.house.now
    ekby.house.retention, ekby.house.retained = {"administration": 30, "access": 0, "exchange": 0}, {}
    assert await retention.run_due(ekby.house, ekby.did) == 0
    before = await _records(ekby)
    ekby.house.now = lambda: now() + 31 * DAY
    assert await retention.run_due(ekby.house, ekby.did) == len(before)
    assert await retention.run_due(ekby.house, ekby.did) == 0
    after = await _records(ekby)
    assert all(entry.payload is None for entry in after[:-1])
    said: dict[str, Any] = after[-1].payload or {}
    assert (after[-1].kind, said["reference"], said["by"]) == (REMOVAL, "retention_administration_days = 30", "upkeep")
    assert (said["ranges"], said["count"]) == ([[1, len(before)]], len(before))
    verdict = await heads.verify(ekby.house, ekby.did)
    assert (verdict.whole, verdict.removed) == (True, len(before))
    ekby.house.now = lambda: now() + 33 * DAY
    assert await retention.run_due(ekby.house, ekby.did) == 0


async def test_what_a_contract_in_force_needs_as_evidence_stays(towns: tuple[Town, Town], tmp_path: Path) -> None:
    ekby, sjoby = towns
    (tmp_path / "levels.csv").write_text("a", encoding="ascii")
    await ekby.publish("levels", f"file:{tmp_path / 'levels.csv'}")
    over = {
        "@type": "Offer",
        "permission": [
            {"action": "use", "constraint": [{"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": {
                "@value": "2126-01-01T00:00:00Z", "@type": "xsd:dateTime"}}]}
        ],
    }  # fmt: skip
    await ekby.publish("limited", f"file:{tmp_path / 'levels.csv'}", over)
    contract = await sjoby.agree(ekby, "levels")
    await sjoby.begin(contract)
    limited = await sjoby.agree(ekby, "limited")
    later = "2999-01-01"
    removed = await retention.remove(
        ekby.house, ekby.did, before=later, groups=["access", "exchange"], reference="KS 2026/12", by="asa"
    )
    kept = {entry.subject for entry in await _records(ekby) if entry.kind.startswith("negotiation.") and entry.payload}
    assert {(await ekby.mirror(contract)).pid, (await ekby.mirror(limited)).pid} <= kept
    assert removed.count == 0
    now = ekby.house.store.now
    ekby.house.store._writer._now = lambda: now() + 101 * 365 * DAY
    removed = await retention.remove(
        ekby.house, ekby.did, before=later, groups=["exchange"], reference="KS 2026/12", by="asa"
    )
    assert removed.count > 0
    gone = {entry.contract for entry in await _records(ekby) if entry.payload is None}
    assert gone == {(await ekby.mirror(limited)).pid}
    assert (await heads.verify(ekby.house, ekby.did)).whole


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"before": "yesterday"}, "journal_time"),
        ({"groups": ["all"]}, "journal_group"),
        ({"groups": []}, "journal_group"),
        ({"reference": " "}, "journal_reference"),
        ({"reference": "x\ny"}, "journal_reference"),
    ],
)
async def test_a_removal_needs_a_time_kinds_and_a_reference(
    towns: tuple[Town, Town], wrong: dict[str, Any], code: str
) -> None:
    good: dict[str, Any] = {"before": "2026-01-01T00:00:00Z", "groups": ["access"], "reference": "KS 1", "by": "asa"}
    with pytest.raises(Invalid, match=code):
        await retention.remove(towns[0].house, towns[0].did, **(good | wrong))


def test_numbers_are_told_as_ranges_and_some_kinds_are_never_removed() -> None:
    assert list(retention.ranges([1, 2, 3, 5, 7, 8])) == [[1, 3], [5, 5], [7, 8]]
    assert list(retention.ranges([])) == []
    assert (retention.group_of(REMOVAL), retention.group_of("data.read")) == (None, "access")
    assert (retention.group_of("seal.refused"), retention.group_of("peer.added")) == ("exchange", "administration")


async def test_upkeep_signs_exchanges_and_removes_when_it_is_due(towns: tuple[Town, Town]) -> None:
    ekby, sjoby = towns
    now = ekby.house.now
    keeping = Keeping(ekby.house)
    wait = await keeping.once()
    assert 1 <= wait <= 60
    assert await ekby.unit(lambda unit: unit.heads.last(ekby.did)) is None
    await heads.ensure(sjoby.house, sjoby.did)
    keeping._exchange = 0.0
    assert 60 < await keeping.once() <= 3600
    assert await ekby.unit(lambda unit: unit.heads.last_witnessed(ekby.did, sjoby.did)) is not None
    # A restart does not delay the head: its time follows from what was written.
    ekby.house.store._writer._now = ekby.house.store.now = lambda: now() + 3700
    await operators.add(ekby.house, "asa", "read", by="tester")
    await Keeping(ekby.house).once()
    [head] = await ekby.unit(lambda unit: unit.heads.page(ekby.did))
    assert head.last >= 3
    await Keeping(ekby.house).once()
    assert len(await ekby.unit(lambda unit: unit.heads.page(ekby.did))) == 1
