"""Duties and shaped data, typed as an operator types them, against two real connectors."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Neighbours

pytestmark = pytest.mark.slow


def _contract(neighbours: Neighbours, dataset: str) -> str:
    found = neighbours.region.json("contracts", "request", neighbours.town.did, dataset, "--wait")
    assert found["state"] == "FINALIZED"
    return str(found["id"])


def test_a_deletion_is_done_by_the_consumer_and_seen_by_the_provider(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, files = neighbours
    policy = files / "delete.json"
    assert region.run("policies", "new", "delete-within", "--set", "period=P7D", "-o", policy).code == 0
    source = f"file:{files / 'levels.csv'}"
    town.json("datasets", "add", "owed", "--title", "Owed", "--source", source, "--policy", policy)
    contract = _contract(neighbours, "owed")
    assert region.json("transfers", "start", contract, "--wait")["state"] == "STARTED"
    assert region.run("fetch", contract).code == 0

    duty = region.json("duties", "list", "--contract", contract)["items"][0]
    assert (duty["ours"], duty["state"], duty["overdue"]) == (True, "not-set", False)
    assert duty["due"] is not None
    assert "delete" in duty["text"].lower()
    assert "P7D" not in duty["text"]
    shown = region.run("duties", "list")
    assert "we" in shown.out.split()
    assert duty["id"] in shown.out

    evidence = tmp_path / "log.txt"
    evidence.write_text("deleted\n")
    done = region.json("duties", "fulfil", duty["id"], "--evidence", evidence, "--note", "All copies")
    assert (done["state"], done["told"], done["by"]) == ("fulfilled", "told", "admin")
    digest = hashlib.sha256(b"deleted\n").hexdigest()
    assert (region.home / "evidence" / digest).read_text() == "deleted\n"

    theirs = next(row for row in town.json("duties", "list")["items"] if row["peer"] == region.did)
    contract_there = town.json("contracts", "show", theirs["contract"])
    seen = contract_there["duties"][0]
    assert (seen["state"], seen["evidence"], seen["note"], seen["ours"]) == ("fulfilled", digest, "All copies", False)
    assert "fulfilled" in town.run("contracts", "show", theirs["contract"]).out
    again = region.run("duties", "fulfil", duty["id"], "--evidence", evidence, "--json")
    assert (again.code, again.problem["code"]) == (1, "duty_done")
    missing = region.run("duties", "fulfil", duty["id"], "--evidence", tmp_path / "no", "--json")
    assert (missing.code, missing.problem["code"]) == (2, "cli_file_unreadable")
    assert next(row for row in town.json("doctor")["items"] if row["id"] == "duties")["ok"]


def test_of_a_large_file_the_digest_is_recorded(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, files = neighbours
    policy = files / "inform.json"
    rules = {"@type": "Offer", "permission": [{"action": "use"}], "obligation": [{"action": "odrl:inform"}]}
    policy.write_text(json.dumps(rules))
    source = f"file:{files / 'levels.csv'}"
    town.json("datasets", "add", "told", "--title", "Told", "--source", source, "--policy", policy)
    duty = region.json("duties", "list", "--contract", _contract(neighbours, "told"))["items"][0]
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 600_000)
    done = region.json("duties", "fulfil", duty["id"], "--evidence", large)
    assert done["evidence_bytes"] == 600_000
    assert done["evidence"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert not (region.home / "evidence" / done["evidence"]).exists()


def test_hourly_values_are_published_by_naming_the_columns(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, files = neighbours
    policy, data = files / "hourly.json", files / "wells.csv"
    assert town.run("policies", "new", "hourly-values", "-o", policy).code == 0
    data.write_text("tid;brunn;nivå\n" + "".join(f"2026-08-14 05:{minute:02};A;{minute},5\n" for minute in range(60)))
    add = ("datasets", "add", "hourly", "--title", "H", "--source", f"file:{data}", "--policy", policy)
    refused = town.run(*add, "--json")
    assert (refused.code, refused.problem["code"]) == (1, "shape_missing")
    wrong = town.run(*add, "--time-column", "time", "--json")
    assert (wrong.code, wrong.problem["code"]) == (1, "shape_columns")
    town.json(*add, "--time-column", "tid", "--key-column", "brunn", "--delimiter", ";", "--decimal", ",")
    contract = _contract(neighbours, "hourly")
    assert region.json("transfers", "start", contract, "--wait")["state"] == "STARTED"
    target = tmp_path / "out.csv"
    region.json("fetch", contract, "-o", target)
    assert target.read_text() == "tid;brunn;nivå\n2026-08-14 05:00:00;A;30\n"
