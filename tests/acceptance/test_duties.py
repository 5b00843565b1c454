"""Duties of agreements: due times on both sides, fulfilment by one party as the other sees it, and what happens in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from connector import clock
from connector.errors import Missing, WrongState
from connector.policy import templates
from connector.protocol.context import DUTIES
from connector.services import contracts, doctor, duties, transfers
from tests.acceptance.towns import BY, Town, befriend, eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.duties import Duty
    from tests.acceptance.conftest import Founding

DAY = 86400.0
RECIPIENT_DUTY = {
    "@type": "Offer",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [{"action": "use", "duty": [{"action": "odrl:reviewPolicy"}]}],
}


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return clock.now() + self.ahead


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "levels.csv").write_text("time,level\n2026-08-14T05:10,1\n")
    return f"file:{tmp_path / 'levels.csv'}"


@pytest.fixture
def evidence() -> duties.Evidence:
    return duties.evidence_of(b"rm -rf levels\n")


async def _rows(town: Town) -> Sequence[Duty]:
    return (await duties.listing(town.house, town.did))[0]


async def _one(town: Town) -> Duty:
    rows = await eventually(lambda: _rows(town))
    assert len(rows) == 1
    return rows[0]


async def _kinds(town: Town) -> list[str]:
    rows = await town.unit(lambda unit: unit.conn.exec_driver_sql("SELECT kind FROM journal ORDER BY number").all())
    return [row[0] for row in rows if row[0].startswith("duty.")]


async def _wait(town: Town, state: str) -> Duty:
    async def look() -> Any:
        row = await _one(town)
        return row if row.state == state else None

    found = await eventually(look)
    assert found is not None
    return found  # type: ignore[no-any-return]


async def test_a_deletion_is_due_after_the_first_data_and_its_doing_is_seen_by_the_provider(
    found: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer = await found("va"), await found("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        policy, _ = templates.make("delete-within", {})
        await provider.publish("levels", source, policy)
        contract = await consumer.agree(provider, "levels")
        for town in (provider, consumer):
            row = await _one(town)
            assert (row.duty, row.state, row.due, row.obliged) == ("/obligation/0", "not-set", None, "consumer")
        await consumer.begin(contract)
        await consumer.read(contract)
        mine = await _one(consumer)
        assert mine.since is not None
        assert mine.due == pytest.approx(mine.since + 30 * DAY)
        theirs = await eventually(lambda: _due(provider))
        assert theirs == pytest.approx(mine.due, abs=5.0)

        done = await duties.fulfil(consumer.house, consumer.did, mine.id, evidence, "all copies", by=BY)
        assert (done.view.state, done.view.told, done.view.ours) == ("fulfilled", "told", True)
        assert "radera" in done.sentences["sv"].lower()
        kept = consumer.home / "evidence" / evidence.sha256
        assert kept.read_bytes() == evidence.content
        assert kept.stat().st_mode & 0o077 == 0
        view = await contracts.show(provider.house, provider.did, (await provider.mirror(contract)).pid)
        assert view.duties is not None
        seen = view.duties[0]
        assert (seen.state, seen.evidence, seen.note, seen.by) == (
            "fulfilled", evidence.sha256, "all copies", consumer.did,
        )  # fmt: skip
        assert (seen.ours, seen.evidence_bytes, seen.at) == (False, evidence.size, done.view.at)
        assert await _kinds(consumer) == ["duty.added", "duty.triggered", "duty.fulfilled", "duty.told"]
        assert await _kinds(provider) == ["duty.added", "duty.triggered", "duty.fulfilled"]
        with pytest.raises(WrongState, match="duty_done"):
            await duties.fulfil(consumer.house, consumer.did, mine.id, evidence, by=BY)
        with pytest.raises(Missing, match="duty_unknown"):
            await duties.show(provider.house, provider.did, "0123456789abcdef")


async def _due(town: Town) -> float | None:
    return (await _one(town)).due


async def test_an_overdue_duty_is_marked_at_its_time_and_shown_and_can_still_be_done(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer, now = await found_on_sqlite("va"), await found_on_sqlite("ekby"), Clock()
    async with provider.running(now=now), consumer.running(now=now):
        await befriend(provider, consumer)
        policy, _ = templates.make("delete-within", {"period": "P30D"})
        await provider.publish("levels", source, policy)
        contract = await consumer.agree(provider, "levels")
        await consumer.begin(contract)
        await consumer.read(contract)
        assert await eventually(lambda: _due(provider))
        now.ahead = 31 * DAY
        for town in (provider, consumer):
            assert town.application is not None
            town.application._upkeep.watch()  # the timer was set by the clock of before
            row = await _wait(town, "violated")
            assert "duty.overdue" in await _kinds(town)
            view = await contracts.show(town.house, town.did, row.contract)
            assert view.duties is not None
            assert view.duties[0].overdue
            check = next(each for each in await doctor.checks(town.house, town.did) if each.id == "duties")
            counted = {"ours": int(town is consumer), "theirs": int(town is provider), "example": row.id}
            assert (check.ok, check.values) == (False, counted)
        row = await _one(consumer)
        done = await duties.fulfil(consumer.house, consumer.did, row.id, evidence, by=BY)
        assert (done.view.state, done.view.overdue, done.view.told) == ("fulfilled", False, "told")
        assert (await _one(provider)).state == "fulfilled"
        late = await provider.unit(
            lambda unit: unit.conn.exec_driver_sql(
                "SELECT payload FROM journalpayload WHERE payload LIKE '%late%'"
            ).all()
        )
        assert json.loads(late[-1][0])["late"] is True


async def test_a_duty_of_a_permission_opens_the_data_once_it_is_done(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        await provider.publish("levels", source, RECIPIENT_DUTY)
        contract = await consumer.agree(provider, "levels")
        row = await _one(consumer)
        assert (row.duty, row.kind) == ("/permission/0/duty/0", "duty")
        await duties.fulfil(consumer.house, consumer.did, row.id, evidence, by=BY)
        assert (await _one(provider)).state == "fulfilled"
        await consumer.begin(contract)
        assert (await consumer.read(contract)).startswith(b"time")


async def test_a_duty_of_a_permission_that_is_not_done_keeps_the_data_closed(
    found_on_sqlite: Founding, source: str
) -> None:
    provider, consumer = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        await provider.publish("levels", source, RECIPIENT_DUTY)
        contract = await consumer.agree(provider, "levels")
        asked = await transfers.start(consumer.house, consumer.did, contract, by=BY)
        view = await consumer.transfer(asked.id, "STARTED", "SUSPENDED", "TERMINATED")
        assert view.state != "STARTED"


async def test_a_peer_without_the_extension_is_not_told(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        policy, _ = templates.make("delete-within", {})
        await provider.publish("levels", source, policy)
        await consumer.agree(provider, "levels")
        await consumer.house.store.write(
            lambda unit: unit.conn.exec_driver_sql(
                "UPDATE peer SET document = replace(document, ?, 'urn:x')", (DUTIES,)
            )
        )
        consumer.house.forget(consumer.did, provider.did)
        row = await _one(consumer)
        done = await duties.fulfil(consumer.house, consumer.did, row.id, evidence, by=BY)
        assert (done.view.state, done.view.told) == ("fulfilled", None)
        theirs = await _one(provider)
        assert theirs.state == "not-set"
        heard = await duties.fulfil(provider.house, provider.did, theirs.id, duties.Evidence("0" * 64, 9), by=BY)
        assert (heard.view.state, heard.view.told, heard.view.by) == ("fulfilled", None, BY)
        assert not (provider.home / "evidence").exists()


async def test_a_peer_that_cannot_be_reached_is_told_later(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer, now = await found_on_sqlite("va"), await found_on_sqlite("ekby"), Clock()
    async with consumer.running(now=now):
        async with provider.running():
            await befriend(provider, consumer)
            policy, _ = templates.make("delete-within", {})
            await provider.publish("levels", source, policy)
            await consumer.agree(provider, "levels")
        row = await _one(consumer)
        done = await duties.fulfil(consumer.house, consumer.did, row.id, evidence, by=BY)
        assert (done.view.state, done.view.told) == ("fulfilled", "pending")
        async with provider.running():
            assert await eventually(lambda: _told(consumer), seconds=20)
            assert (await _one(provider)).state == "fulfilled"


async def _told(town: Town) -> bool:
    return (await _one(town)).told == "told"


async def test_what_follows_from_a_broken_obligation_becomes_a_duty(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer, now = await found_on_sqlite("va"), await found_on_sqlite("ekby"), Clock()
    within = {"leftOperand": "kom:dueWithin", "operator": "lteq", "rightOperand": "P1D"}
    broken = {"action": "odrl:delete", "constraint": [within], "odrl:consequence": [{"action": "odrl:inform"}]}
    policy = {"@type": "Offer", "permission": [{"action": "use"}], "obligation": [broken]}
    async with provider.running(now=now), consumer.running(now=now):
        await befriend(provider, consumer)
        await provider.publish("levels", source, policy)
        await consumer.agree(provider, "levels")
        first = await _one(consumer)
        assert first.due == pytest.approx(now() + DAY, abs=30)
        assert first.due == (await _one(provider)).due
        now.ahead = 2 * DAY
        for town in (consumer, provider):
            assert town.application is not None
            town.application._upkeep.watch()
            rows = await eventually(lambda town=town: _several(town))  # type: ignore[misc]
            assert [(row.kind, row.state) for row in rows] == [("obligation", "violated"), ("consequence", "not-set")]
            assert rows[1].duty.startswith(first.duty + "/")
        for row in await _rows(consumer):
            await duties.fulfil(consumer.house, consumer.did, row.id, evidence, by=BY)
        assert {row.state for row in await _rows(provider)} == {"fulfilled"}


async def _several(town: Town) -> Sequence[Duty]:
    rows = await _rows(town)
    return rows if len(rows) > 1 else []


async def test_the_same_request_of_an_operator_has_one_answer(found_on_sqlite: Founding, source: str) -> None:
    provider, consumer = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    async with provider.running(), consumer.running():
        await befriend(provider, consumer)
        policy, _ = templates.make("delete-within", {})
        await provider.publish("levels", source, policy)
        await consumer.agree(provider, "levels")
        row = await _one(consumer)
        path = f"/api/v1/participants/{quote(consumer.did, safe='')}/duties/{row.id}/fulfil"
        headers = {"Authorization": f"Bearer {consumer.token}", "Idempotency-Key": "1"}
        url = URL(f"http://127.0.0.1:{consumer.admin}{path}", encoded=True)
        answers = []
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.post(url, json={"evidence": {"content": "eA=="}}, headers=headers) as answer:
                    answers.append((answer.status, (await answer.json())["state"]))
        assert answers == [(200, "fulfilled")] * 2


async def test_a_duty_that_is_overdue_ends_the_transfer_and_doing_it_opens_the_next(
    found_on_sqlite: Founding, source: str, evidence: duties.Evidence
) -> None:
    provider, consumer, now = await found_on_sqlite("va"), await found_on_sqlite("ekby"), Clock()
    within = {"leftOperand": "kom:dueWithin", "operator": "lteq", "rightOperand": "P1D"}
    duty = {"action": "odrl:reviewPolicy", "constraint": [within]}
    policy = {"@type": "Offer", "permission": [{"action": "use", "duty": [duty]}]}
    async with provider.running(now=now), consumer.running(now=now):
        await befriend(provider, consumer)
        await provider.publish("levels", source, policy)
        contract = await consumer.agree(provider, "levels")
        asked = await transfers.start(consumer.house, consumer.did, contract, by=BY)
        assert (await _one(provider)).due == pytest.approx(now() + DAY, abs=30)
        now.ahead = 2 * DAY
        for town in (provider, consumer):
            assert town.application is not None
            town.application._upkeep.watch()
            await _wait(town, "violated")
        view = await consumer.transfer(asked.id, "TERMINATED", "SUSPENDED", "REQUESTED")
        assert view.state != "STARTED"
        await duties.fulfil(consumer.house, consumer.did, (await _one(consumer)).id, evidence, by=BY)
        await consumer.begin(contract)
        assert (await consumer.read(contract)).startswith(b"time")
