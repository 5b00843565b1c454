"""An exported journal is checked by nothing but the file: chain, payloads, signed heads; filters leave a contract's records."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

from connector.cli.session import TOKEN_FILE
from connector.evidence import chain
from connector.evidence import heads as pure
from tests.unit.cli.running import Done, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town


async def _command(town: Town, *arguments: str | Path) -> Done:
    (town.home / TOKEN_FILE).write_text(town.token, encoding="ascii")
    return await asyncio.to_thread(run, "--home", town.home, "--lang", "en", *arguments)


def _faults(records: list[dict[str, Any]], heads: list[dict[str, Any]], participant: str) -> list[Any]:
    links = [
        (
            chain.Record(one["number"], one["at"], one["kind"], one["subject"], one["payload_digest"], one["hash"]),
            (one["salt"], one["payload"]),
        )
        for one in records
    ]
    reading = pure.Reading(participant, [(one["number"], pure.read(one["jws"]), True) for one in heads])
    for record, _ in links:
        reading.record(record.number, record.hash)
    return [*chain.faults(iter(links)), *reading.end()]


async def test_an_export_is_checked_without_us_and_filters_leave_a_contract(found: Founding, tmp_path: Path) -> None:
    provider, consumer = await found("ekby"), await found("sjoby")
    async with provider.running(), consumer.running():
        await provider.pin(consumer.did)
        await consumer.pin(provider.did)
        (tmp_path / "levels.csv").write_text("secret-content", encoding="ascii")
        await provider.publish("levels", f"file:{tmp_path / 'levels.csv'}")
        contract, other = await consumer.agree(provider, "levels"), await consumer.agree(provider, "levels")
        transfer = await consumer.begin(contract)
        assert (await _command(consumer, "fetch", contract, "-o", tmp_path / "fetched.csv")).code == 0
        assert (await _command(consumer, "journal", "sign")).code == 0

        done = await _command(consumer, "journal", "export", "-o", tmp_path / "all.jsonl")
        assert (done.code, "signed heads" in done.out) == (0, True)
        text = (tmp_path / "all.jsonl").read_text(encoding="utf-8")
        assert "secret-content" not in text
        assert consumer.token not in text
        lines = [json.loads(line) for line in text.splitlines()]
        records = [line["record"] for line in lines if "record" in line]
        heads = [line["head"] for line in lines if "head" in line]
        assert (lines[0]["participant"], lines[-1]) == (
            consumer.did,
            {"end": {"records": len(records), "heads": len(heads)}},
        )
        assert _faults(records, heads, consumer.did) == []
        assert all(after["previous"] == before["hash"] for before, after in itertools.pairwise(records))
        assert _faults([*records[:3], {**records[3], "payload": "{}"}, *records[4:]], heads, consumer.did) != []

        await _command(consumer, "journal", "export", "-o", tmp_path / "one.jsonl", "--contract", contract)
        lines = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text(encoding="utf-8").splitlines()]
        some = [line["record"] for line in lines if "record" in line]
        assert {contract, transfer} <= {one["subject"] for one in some}
        assert other not in {one["subject"] for one in some}
        assert {"data.fetched", "transfer.state", "negotiation.state"} <= {one["kind"] for one in some}
        by_peer = await _command(consumer, "--json", "journal", "list", "--peer", provider.did, "--all")
        assert {one["peer"] for one in by_peer.json["items"]} == {provider.did}
        by_dataset = await _command(consumer, "--json", "journal", "list", "--dataset", "levels", "--limit", "3")
        assert len(by_dataset.json["items"]) == 3
        nothing = await _command(consumer, "--json", "journal", "list", "--until", "2020-01-01")
        assert nothing.json["items"] == []
        wrong = await _command(consumer, "journal", "list", "--since", "yesterday")
        assert (wrong.code, "journal_time" in wrong.err) == (1, True)
        nowhere = await _command(consumer, "journal", "export", "-o", tmp_path / "no" / "where.jsonl")
        assert (nowhere.code, "cli_file_unwritable" in nowhere.err) == (2, True)


async def test_verify_offline_has_three_ends(found: Founding) -> None:
    town = await found("ekby")
    assert (await _command(town, "journal", "verify", "--offline")).code == 0
    async with town.running():
        assert (await _command(town, "--json", "journal", "verify", "--offline")).json["ok"] is True
        await town.house.store.write(
            lambda unit: unit.conn.exec_driver_sql("UPDATE journal SET kind = 'x' WHERE number = 1")
        )
        done = await _command(town, "journal", "verify", "--offline")
        assert (done.code, "Record 1 was changed" in done.out) == (1, True)
    assert (await _command(town, "--as", "did:web:other", "journal", "verify", "--offline")).code != 0
    (town.home / "connector.toml").write_text('database = "sqlite:///nowhere/x.db"\n', encoding="ascii")
    assert (await _command(town, "journal", "verify", "--offline")).code == 2
