"""Neighbours as witnesses: a history rewritten without a flaw is another one than what the neighbours hold (A.2 row 45)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, update

from connector.cli.session import TOKEN_FILE
from connector.evidence import chain
from connector.evidence import heads as pure
from connector.protocol import context
from connector.services import doctor, heads, operators, witness
from connector.store import journal
from connector.store.tables import Journal, JournalHead, JournalPayload, JournalSealedHead, table
from tests.unit.cli.running import Done, run

if TYPE_CHECKING:
    from connector.store.unit import Unit
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

RECORDS, PAYLOADS, LAST, HEADS = table(Journal), table(JournalPayload), table(JournalHead), table(JournalSealedHead)


async def _neighbours(found: Founding) -> tuple[Town, Town]:
    ekby, sjoby = await found("ekby"), await found("sjoby")
    for town in (ekby, sjoby):
        await town.start()
        (town.home / TOKEN_FILE).write_text(town.token, encoding="ascii")
    await ekby.pin(sjoby.did)
    await sjoby.pin(ekby.did)
    return ekby, sjoby


async def _command(town: Town, *arguments: str) -> Done:
    return await asyncio.to_thread(run, "--home", town.home, "--lang", "en", "--json", *arguments)


async def _write(town: Town, name: str) -> None:
    await operators.add(town.house, name, "read", by="tester")
    await heads.ensure(town.house, town.did)


def _rewrite(town: Town, unit: Unit) -> None:
    """Tell another history from record 2 on, without a flaw: payload, links, end, and heads signed with the town's own key."""
    key, previous, hashes = town.house.member(town.did).seal, chain.GENESIS, {0: chain.GENESIS}
    for row in journal.page(unit.conn, town.did, limit=1000):
        of = (RECORDS.c.participant == town.did) & (RECORDS.c.number == row["number"])
        payload = '{"by":"nobody"}' if row["number"] == 2 else row["payload"]
        bare = chain.Record(
            row["number"], row["at"], row["kind"], row["subject"], chain.payload_digest(row["salt"], payload)
        )
        made = chain.link(previous, bare)
        unit.conn.execute(update(RECORDS).where(of).values(payload_digest=made.payload_digest, hash=made.hash))
        unit.conn.execute(update(PAYLOADS).where(PAYLOADS.c.number == row["number"]).values(payload=payload))
        previous = hashes[row["number"]] = made.hash
    unit.conn.execute(update(LAST).values(hash=previous))
    earlier: pure.Signed | None = None
    for sealed in list(unit.heads.all(town.did)):
        covered = [hashes[number] for number in range(sealed.first, sealed.last + 1)]
        head = replace(pure.following(earlier, covered, participant=town.did, at=""), at=pure.read(sealed.jws).head.at)
        earlier = pure.read(pure.sign(key, head))
        of_head = update(HEADS).where(HEADS.c.number == sealed.number)
        unit.conn.execute(of_head.values(jws=earlier.text, digest=earlier.digest))


async def _peers(town: Town) -> dict[str, Any]:
    done = await _command(town, "journal", "verify", "--peers")
    return {"code": done.code, **done.json}


async def test_a45_a_history_rewritten_without_a_flaw_is_visible_to_the_neighbours(found: Founding) -> None:
    ekby, sjoby = await _neighbours(found)
    try:
        await _write(ekby, "asa")
        await _write(ekby, "bo")
        assert await witness.fetch_all(sjoby.house, sjoby.did) == 2
        assert await witness.fetch_all(sjoby.house, sjoby.did) == 0
        before = await _peers(ekby)
        assert (before["code"], before["ok"], before["peers"][0]["found"], before["peers"][0]["heads"]) == (
            0,
            True,
            "same",
            2,
        )

        await ekby.house.store.write(lambda unit: _rewrite(ekby, unit))
        alone = await _command(ekby, "journal", "verify")
        assert (alone.code, alone.json["ok"], alone.json["faults"]) == (0, True, [])
        offline = await _command(ekby, "journal", "verify", "--offline")
        assert (offline.code, offline.json["ok"]) == (0, True)

        asked = await _peers(ekby)
        assert (asked["code"], asked["ok"], asked["faults"]) == (1, False, [])
        assert (asked["peers"][0]["found"], asked["peers"][0]["number"]) == ("other", 1)
        assert sjoby.did in asked["peers"][0]["text"]

        # The neighbour notices by itself, keeps the evidence, and tells its own operator.
        assert await witness.fetch_all(sjoby.house, sjoby.did) == 0
        kept = await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))
        assert [(row.number, row.contradicts) for row in kept] == [(2, witness.REUSED)]
        told = {check.id: check for check in await doctor.checks(sjoby.house, sjoby.did)}["heads"]
        assert (told.ok, told.values["peer"]) == (False, ekby.did)
        records = await _command(sjoby, "journal", "list", "--peer", ekby.did)
        assert "peer.head-contradicts" in {row["kind"] for row in json.loads(records.raw)["items"]}
        await witness.fetch_all(sjoby.house, sjoby.did)
        assert len(await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))) == 1
    finally:
        await asyncio.gather(ekby.stop(), sjoby.stop())


async def test_a45_a_journal_cut_off_at_an_earlier_head_is_visible_to_the_neighbours(found: Founding) -> None:
    ekby, sjoby = await _neighbours(found)
    try:
        await _write(ekby, "asa")
        [first] = await ekby.unit(lambda unit: unit.heads.page(ekby.did))
        await _write(ekby, "bo")
        assert await witness.fetch(sjoby.house, sjoby.did, ekby.did) == 2

        def cut(unit: Unit) -> None:
            unit.conn.execute(delete(RECORDS).where(RECORDS.c.number > first.last))
            unit.conn.execute(delete(PAYLOADS).where(PAYLOADS.c.number > first.last))
            unit.conn.execute(update(LAST).values(number=first.last, hash=pure.read(first.jws).head.hash))
            unit.conn.execute(delete(HEADS).where(HEADS.c.number > 1))

        await ekby.house.store.write(cut)
        assert (await heads.verify(ekby.house, ekby.did)).whole
        [found_by] = await witness.compare(ekby.house, ekby.did)
        assert (found_by.peer, found_by.found, found_by.number) == (sjoby.did, "more", 2)
        assert await witness.fetch(sjoby.house, sjoby.did, ekby.did) == 0
        [gone] = await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))
        assert (gone.number, gone.contradicts) == (2, "head_gone_back")
        # Written on from there, the same number gets other content.
        await _write(ekby, "cia")
        await witness.fetch(sjoby.house, sjoby.did, ekby.did)
        kept = await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))
        assert {row.contradicts for row in kept} == {"head_gone_back", witness.REUSED}
        await _accepted(ekby, sjoby)
    finally:
        await asyncio.gather(ekby.stop(), sjoby.stop())


async def _accepted(ekby: Town, sjoby: Town) -> None:
    """Accept what the peer goes on from; what was witnessed stays, and counts again if the peer comes back to it."""
    done = await _command(sjoby, "journal", "accept", ekby.did, "--reference", "KS 2026:77")
    assert (done.code, done.json) == (0, {"id": ekby.did, "head": 2, "set_aside": 1})
    assert await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did)) == []
    assert {check.id: check for check in await doctor.checks(sjoby.house, sjoby.did)}["heads"].ok
    marks = await sjoby.unit(lambda unit: unit.heads.marks(sjoby.did, ekby.did))
    assert sorted(mark or "" for _, mark in marks.values()) == ["", "", "head_set_aside"]
    [record] = [row for row in await _records(sjoby) if row["kind"] == "peer.branch-accepted"]
    assert (record["payload"]["reference"], record["payload"]["set_aside"]) == ("KS 2026:77", 1)
    await _write(ekby, "dan")
    assert await witness.fetch(sjoby.house, sjoby.did, ekby.did) == 1
    assert (await _peers(ekby))["peers"][0]["found"] == "same"
    again = await _command(sjoby, "journal", "accept", ekby.did, "--reference", "KS 2026:77")
    assert (again.code, again.problem["code"]) == (1, "heads_agree")
    [aside] = [digest for digest, (_, mark) in marks.items() if mark == "head_set_aside"]
    old = await sjoby.unit(lambda unit: unit.heads.held(sjoby.did, ekby.did, aside))
    assert old is not None
    back = pure.read(old.jws)
    await sjoby.house.store.write(lambda unit: witness._take(sjoby.did, ekby.did, [back], unit))
    [row] = await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))
    assert (row.digest, row.contradicts) == (aside, witness.REUSED)


async def _records(town: Town) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await _command(town, "journal", "list", "--all")).json["items"]
    return items


async def test_the_operator_signs_and_exchanges_at_once_and_is_told_when_no_peer_can_be_asked(found: Founding) -> None:
    ekby, sjoby = await _neighbours(found)
    try:
        await heads.ensure(sjoby.house, sjoby.did)
        made = (await _command(ekby, "journal", "sign")).json
        assert (made["head"], made["received"]) == (1, 1)
        await sjoby.stop()
        asked = await _peers(ekby)
        assert (asked["code"], asked["ok"], asked["witnessed"], asked["faults"]) == (1, False, False, [])
        assert asked["peers"][0]["found"] == "silent"
        told = await asyncio.to_thread(run, "--home", ekby.home, "--lang", "en", "journal", "verify", "--peers")
        assert "no peer could be asked" in told.out
    finally:
        await asyncio.gather(ekby.stop(), sjoby.stop())


async def test_a45_a_peer_that_stops_showing_its_heads_is_told_of(found: Founding) -> None:
    ekby, sjoby = await _neighbours(found)
    try:
        await _write(ekby, "asa")
        assert await witness.fetch_all(sjoby.house, sjoby.did) == 1
        [row] = await sjoby.unit(lambda unit: unit.peers.list(sjoby.did))
        assert row.document is not None
        plain = json.loads(json.dumps(row.document).replace(context.HEADS, "urn:x-none"))
        await sjoby.house.store.write(lambda unit: unit.peers.change(sjoby.did, ekby.did, document=plain))
        for _ in range(2):
            await witness.fetch_all(sjoby.house, sjoby.did)
        [kept] = await sjoby.unit(lambda unit: unit.heads.contradictions(sjoby.did))
        assert (kept.peer, kept.contradicts) == (ekby.did, "head_gone_back")
        kinds = [row["kind"] for row in await _records(sjoby)]
        assert kinds.count("peer.head-contradicts") == 1
    finally:
        await asyncio.gather(ekby.stop(), sjoby.stop())


async def test_a_stranger_gets_no_heads(found: Founding) -> None:
    ekby, sjoby = await found("ekby"), await found("sjoby")
    async with ekby.running(), sjoby.running():
        await sjoby.pin(ekby.did)
        await heads.ensure(ekby.house, ekby.did)
        assert await witness.fetch_all(sjoby.house, sjoby.did) == 0
        assert [each.found for each in await witness.compare(sjoby.house, sjoby.did)] == ["silent"]
