"""Every command of the issue's block, typed as it stands there, against two real connectors."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connector.cli import output
from connector.cli.api import Address, Api, path
from tests.unit.cli.conftest import Neighbours
from tests.unit.cli.running import PROGRAM, until

pytestmark = pytest.mark.slow


def publish(neighbours: Neighbours, dataset: str, source: str, *more: str | Path) -> str:
    """Publish a dataset and return the id of its offer."""
    made = neighbours.town.json(
        "datasets", "add", dataset, "--title", dataset, "--source", source, "--policy", neighbours.open, *more
    )
    return str(made["offers"][0]["id"])


def until_year(year: str) -> dict[str, object]:
    """Return the constraint that it is before a year."""
    moment = {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    return {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": moment}


def agree(neighbours: Neighbours, dataset: str) -> str:
    done = neighbours.region.json("contracts", "request", neighbours.town.did, dataset, "--wait")
    assert done["state"] == "FINALIZED"
    return str(done["id"])


def test_two_towns_share_a_file_from_publishing_to_fetching(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, files = neighbours
    source = f"file:{files / 'levels.csv'}"
    offer = publish(neighbours, "levels", source)
    assert [row["id"] for row in town.json("datasets", "list")["items"]] == ["levels"]
    assert town.json("datasets", "show", "levels")["source"]["path"] == str(files / "levels.csv")
    assert (town.home / "policies" / "open.json").read_bytes() == neighbours.open.read_bytes()

    listed = region.json("catalog", town.did)
    assert listed["next"] is None
    assert [(row["id"], row["offers"]) for row in listed["items"]] == [("levels", [offer])]
    assert region.json("catalog", town.did, "levels")["document"]["@id"] == "levels"

    contract = region.json("contracts", "request", town.did, "levels", "--offer", offer, "--wait")
    assert contract["state"] == "FINALIZED"
    assert region.json("contracts", "show", contract["id"])["agreement"]["assignee"] == region.did
    assert contract["id"] in {row["id"] for row in region.json("contracts", "list")["items"]}

    refused = region.run("fetch", contract["id"], "--json", "-o", tmp_path / "early.csv")
    assert (refused.code, refused.problem["code"]) == (1, "transfer_not_started")
    transfer = region.json("transfers", "start", contract["id"], "--wait")
    assert transfer["state"] == "STARTED"
    assert transfer["id"] in {row["id"] for row in region.json("transfers", "list")["items"]}

    data = (files / "levels.csv").read_bytes()
    assert region.run("fetch", contract["id"]).raw == data
    target = tmp_path / "out.csv"
    told = region.json("fetch", contract["id"], "-o", target)
    assert target.read_bytes() == data
    assert (told["sha256"], told["verified"]) == (hashlib.sha256(data).hexdigest(), True)

    assert region.json("transfers", "suspend", transfer["id"])["id"] == transfer["id"]
    assert until(region, "transfers", transfer["id"], "SUSPENDED")["state"] == "SUSPENDED"
    region.json("transfers", "resume", transfer["id"])
    until(region, "transfers", transfer["id"], "STARTED")
    region.json("transfers", "complete", transfer["id"])
    until(region, "transfers", transfer["id"], "COMPLETED")
    again = region.run("transfers", "terminate", transfer["id"], "--json")
    assert (again.code, again.problem["status"]) == (1, 409)


def test_a_broken_download_goes_on_where_it_stopped(neighbours: Neighbours, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    (neighbours.files / "large.bin").write_bytes(data)
    publish(neighbours, "large", f"file:{neighbours.files / 'large.bin'}")
    region = neighbours.region
    contract = agree(neighbours, "large")
    region.json("transfers", "start", contract, "--wait")
    api = Api(
        Address("127.0.0.1", region.admin), region.home, (region.home / "operator.token").read_text().strip(), "en"
    )
    answer = api.open(path("participants", region.did, "contracts", contract, "data"), {})
    etag = answer.headers["ETag"]
    answer.close()
    for kept in (len(data) // 2, len(data)):
        (tmp_path / "large.part").write_bytes(data[:kept])
        (tmp_path / "large.part.etag").write_text(etag)
        told = region.json("fetch", contract, "-o", tmp_path / "large")
        assert (told["resumed_at"], told["size"]) == (kept, len(data))
        assert (tmp_path / "large").read_bytes() == data
    folder = region.run("fetch", contract, "-o", tmp_path, "--json")
    assert (folder.code, folder.problem["code"]) == (2, "cli_fetch_folder")
    nowhere = region.run("fetch", contract, "-o", tmp_path / "none" / "x", "--json")
    assert (nowhere.code, nowhere.problem["code"]) == (2, "cli_fetch_no_folder")
    assert region.run("fetch", contract, "--json").problem["code"] == "cli_fetch_json"


def test_metadata_and_a_source_in_full_come_from_files(neighbours: Neighbours, tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps({"dct:description": "Nivåer", "dcat:keyword": ["vatten"]}))
    spec = {"kind": "http", "url": "http://localhost:1/api", "paths": ["/levels/{id}"], "query": ["from"]}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    files = ("--source", f"spec:{tmp_path / 'spec.json'}", "--metadata", str(tmp_path / "more.json"))
    made = neighbours.town.json("datasets", "add", "api", "--title", "API", *files, "--policy", neighbours.open)
    assert made["source"]["paths"] == ["/levels/{id}"]
    assert neighbours.region.json("catalog", neighbours.town.did, "api")["document"]["dcat:keyword"] == ["vatten"]
    missing = ("--source", "spec:/no/such/file", "--policy", str(neighbours.open))
    done = neighbours.town.run("datasets", "add", "none", "--title", "T", *missing, "--json")
    assert (done.code, done.problem["code"], done.problem["field"]) == (2, "cli_file_unreadable", "--source")


def test_a_directory_is_listed_and_read_by_path(neighbours: Neighbours, tmp_path: Path) -> None:
    publish(neighbours, "tree", f"dir:{neighbours.files / 'tree'}")
    region = neighbours.region
    contract = agree(neighbours, "tree")
    transfer = region.json("transfers", "start", contract, "--wait")
    assert "2026" in region.run("fetch", contract).out
    assert region.run("fetch", contract, "2026/nivå.txt").out == "högt"
    missing = region.run("fetch", contract, "2026/none.txt", "-o", tmp_path / "x", "--json")
    assert missing.code == 1
    assert not (tmp_path / "x").exists()
    ended = region.json("transfers", "terminate", transfer["id"], "--reason", "enough")
    until(region, "transfers", ended["id"], "TERMINATED")


def test_a_person_approves_and_another_contract_is_ended_with_a_reason(neighbours: Neighbours) -> None:
    town, region, files = neighbours
    publish(neighbours, "approved", f"file:{files / 'levels.csv'}", "--approval", "person")
    asked = region.json("contracts", "request", town.did, "approved")
    waiting = region.json("contracts", "request", town.did, "approved", "--wait")
    assert waiting["state"] == "REQUESTED"
    assert (waiting["waiting"]["waits_for"], waiting["waiting"]["why"]) == ("person", "peers_person_decides")

    theirs = {row["peer_pid"]: row for row in town.json("contracts", "list")["items"]}
    assert theirs[asked["id"]]["waiting"]["waits_for"] == "person"
    assert "Waits for" in town.run("contracts", "show", theirs[asked["id"]]["id"]).out
    town.json("contracts", "approve", theirs[asked["id"]]["id"])
    until(region, "contracts", asked["id"], "FINALIZED")

    town.json("contracts", "terminate", theirs[waiting["id"]]["id"], "--reason", "not this year")
    assert until(region, "contracts", waiting["id"], "TERMINATED")["reasons"] == ["not this year"]


def test_the_provider_offers_and_both_sides_counter(neighbours: Neighbours) -> None:
    town, region, files = neighbours
    offer = publish(neighbours, "countered", f"file:{files / 'levels.csv'}", "--approval", "person")
    narrower = files / "narrower.json"
    limit = until_year("2999")
    narrower.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}))

    begun = town.json("contracts", "offer", region.did, "countered", "--offer", offer)
    until(town, "contracts", begun["id"], "OFFERED", waits_for=("peer", "person"))
    theirs = {row["peer_pid"]: row for row in region.json("contracts", "list")["items"]}[begun["id"]]
    region.json("contracts", "counter", theirs["id"], "--policy", narrower)
    until(town, "contracts", begun["id"], "REQUESTED")
    town.json("contracts", "counter", begun["id"], "--policy", neighbours.open)
    until(region, "contracts", theirs["id"], "OFFERED", waits_for=("person",))
    region.json("contracts", "accept", theirs["id"])
    until(region, "contracts", theirs["id"], "FINALIZED")
    assert (region.home / "policies" / "narrower.json").exists()


def test_a_policy_refuses_and_the_command_says_why(neighbours: Neighbours) -> None:
    town, region, files = neighbours
    past = until_year("2001")
    never = files / "never.json"
    never.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [past]}]}))
    town.json(
        "datasets", "add", "never", "--title", "Never", "--source", f"file:{files / 'levels.csv'}", "--policy", never
    )
    done = region.run("contracts", "request", town.did, "never", "--wait", "--json")
    assert (done.code, done.problem["code"], done.json["state"]) == (1, "cli_wait_terminated", "TERMINATED")
    assert done.json["reasons"][0] in done.problem["detail"]


def test_offers_are_added_listed_and_withdrawn(neighbours: Neighbours) -> None:
    town, region, files = neighbours
    first = publish(neighbours, "offered", f"file:{files / 'levels.csv'}")
    second = town.json("offers", "add", "offered", "--policy", neighbours.open, "--access", neighbours.open)
    listed = town.json("offers", "list", "--dataset", "offered")["items"]
    assert [row["id"] for row in listed] == [first, second["id"]]
    ambiguous = region.run("contracts", "request", town.did, "offered", "--json")
    assert (ambiguous.code, ambiguous.problem["code"]) == (1, "offer_ambiguous")
    assert town.json("offers", "remove", second["id"])["id"] == second["id"]
    assert town.json("datasets", "remove", "offered")["id"] == "offered"
    assert town.run("datasets", "show", "offered").code == 1


def test_lists_come_in_parts_or_whole(neighbours: Neighbours) -> None:
    town, files = neighbours.town, neighbours.files
    for number in range(3):
        publish(neighbours, f"part-{number}", f"file:{files / 'levels.csv'}")
    whole = town.json("datasets", "list")
    first = town.json("datasets", "list", "--limit", "2")
    assert [len(first["items"]), bool(first["next"])] == [2, True]
    rest = town.json("datasets", "list", "--cursor", first["next"])
    assert first["items"] + rest["items"] == whole["items"]
    assert town.json("datasets", "list", "--limit", "2", "--all")["items"] == whole["items"]
    assert "--cursor" in town.run("datasets", "list", "--limit", "2").out
    assert town.run("datasets", "list", "--cursor", "no cursor").code == 1


def test_participants_under_one_roof_are_chosen_with_as(neighbours: Neighbours) -> None:
    town, files = neighbours.town, neighbours.files
    second = f"{town.did}:va"
    assert town.json("participants", "add", second, "--name", "Strängnäs VA AB")["id"] == second
    assert [row["id"] for row in town.json("participants", "list")["items"]] == [town.did, second]
    source = f"file:{files / 'levels.csv'}"
    town.json(
        "datasets", "add", "mine", "--as", second, "--title", "T", "--source", source, "--policy", neighbours.open
    )
    assert town.run("datasets", "show", "mine").code == 1
    assert town.json("--as", second, "datasets", "show", "mine")["id"] == "mine"
    assert town.run("--as", "did:web:nobody", "datasets", "list").code == 1
    assert town.run("--as", second, "peers", "add", town.did, "--yes").code == 0
    assert "Strängnäs VA AB" in town.run("participants", "list").out


def test_operators_have_scopes_and_lose_them(neighbours: Neighbours, tmp_path: Path) -> None:
    town = neighbours.town
    reader = town.json("operators", "add", "reader", "--scope", "read")
    assert reader["id"] == "reader"
    token = tmp_path / "reader.token"
    token.write_text(reader["token"])
    assert {row["id"] for row in town.json("operators", "list")["items"]} == {"admin", "reader"}
    assert town.run("--token-file", token, "peers", "list").code == 0
    forbidden = town.run("--token-file", token, "peers", "remove", neighbours.region.did, "--json")
    assert (forbidden.code, forbidden.problem["status"]) == (1, 403)
    assert town.run("operators", "remove", "reader").out == "Removed: reader\n"
    assert town.run("--token-file", token, "peers", "list", "--json").problem["status"] == 401


def test_peers_are_compared_before_they_are_pinned(neighbours: Neighbours) -> None:
    town, region, _ = neighbours
    keys = {key["thumbprint"] for key in region.json("participants", "list")["items"][0]["keys"]}
    assert {key["thumbprint"] for key in town.json("peers", "show", region.did)["keys"]} == keys
    assert town.json("peers", "list")["items"][0]["state"] == "pinned"
    unasked = town.run("peers", "confirm", region.did)
    assert (unasked.code, "cli_fingerprints_needed" in unasked.err) == (2, True)
    assert town.run("peers", "confirm", region.did, "--fingerprint", *sorted(keys)).code == 0
    foreign = town.run("peers", "confirm", region.did, "--fingerprint", "x" * 43, "--json")
    assert (foreign.code, foreign.problem["code"]) == (1, "peer_fingerprints_differ")
    assert town.run("peers", "confirm", region.did, "--yes", "--json").json["id"] == region.did
    assert town.run("peers", "add", "did:web:localhost%3A1", "--yes", "--json").problem["code"]
    mock = town.json("peers", "add", "did:web:edc", "--auth", "mock", "--endpoint", "http://localhost:1/dsp", "--yes")
    assert mock["auth"] == "mock"
    assert town.run("peers", "remove", "did:web:edc").code == 0


def test_a_person_compares_fingerprints_on_the_terminal(
    neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, region, _ = neighbours
    monkeypatch.setattr(output, "person_at_terminal", lambda: True)
    answers = ["no\n", "yes\n"]
    monkeypatch.setattr(sys.stdin, "readline", lambda: answers.pop(0), raising=False)
    refused = town.run("peers", "confirm", region.did)
    assert (refused.code, "cli_not_confirmed" in refused.err) == (1, True)
    for key in region.json("participants", "list")["items"][0]["keys"]:
        assert f"  {key['thumbprint']}  {key['purpose']}" in refused.err
    assert town.run("peers", "confirm", region.did).code == 0


def test_a_changed_journal_is_found(neighbours: Neighbours) -> None:
    region = neighbours.region
    with closing(sqlite3.connect(region.home / "connector.db")) as database:
        change = "UPDATE journal SET kind = ? WHERE number = 1"
        database.execute(change, ("participant.forged",))
        database.commit()
        done = region.run("journal", "verify")
        assert region.run("journal", "verify", "--json").json["faults"]
        database.execute(change, ("participant.added",))
        database.commit()
    assert (done.code, "The chain does not hold: 1 faults." in done.out) == (1, True)
    assert region.run("journal", "verify").code == 0


def test_a_reader_who_leaves_is_no_fault(neighbours: Neighbours) -> None:
    command = [*PROGRAM, "--home", str(neighbours.town.home), "journal", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait()) == (b"", 1)


def test_the_journal_is_listed_shown_and_verified(neighbours: Neighbours) -> None:
    town = neighbours.town
    records = town.json("journal", "list", "--limit", "1000")["items"]
    assert records[0]["kind"] == "participant.added"
    assert town.json("journal", "show", "1")["hash"] == records[0]["hash"]
    verdict = town.json("journal", "verify")
    assert (verdict["ok"], verdict["faults"]) == (True, [])
    assert "The chain is whole." in town.run("journal", "verify").out
    assert town.run("journal", "show", "999999").code == 1
    assert {row["subject"] for row in town.json("journal", "list", "--subject", neighbours.region.did)["items"]} == {
        neighbours.region.did
    }


def test_the_doctor_finds_all_in_order(neighbours: Neighbours) -> None:
    done = neighbours.region.run("doctor")
    assert done.code == 0, done.out
    assert done.out.startswith("OK   database:")
    assert all(check["ok"] for check in neighbours.region.json("doctor")["items"])


def test_the_doctor_finds_an_open_token_file(neighbours: Neighbours) -> None:
    token = neighbours.region.home / "operator.token"
    token.chmod(0o644)
    try:
        done = neighbours.region.run("doctor")
    finally:
        token.chmod(0o600)
    assert done.code == 1
    assert "BAD  token-file:" in done.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("contracts", "show", "urn:uuid:none"), "contract_unknown"),
        (("contracts", "approve", "urn:uuid:none"), "contract_unknown"),
        (("contracts", "terminate", "../../operators", "--reason", "x"), "contract_unknown"),
        (("transfers", "start", "urn:uuid:none"), "contract_unknown"),
        (("transfers", "show", "å/ä?ö#"), "transfer_unknown"),
        (("datasets", "show", "none"), "dataset_unknown"),
        (("datasets", "remove", "none"), "dataset_unknown"),
        (("offers", "remove", "none"), "offer_unknown"),
        (("peers", "show", "did:web:none"), "peer_unknown"),
        (("catalog", "did:web:none"), "peer_unknown"),
        (("operators", "remove", "nobody"), "operator_unknown"),
        (("operators", "remove", "admin"), "operator_last"),
        (("journal", "show", "x"), "journal_unknown"),
        (("participants", "add", "did:web:elsewhere", "--name", "x"), "participant_host"),
        (("peers", "add", "not a did", "--yes"), "did_invalid"),
        (("fetch", "urn:uuid:none", "-o", "none"), "contract_unknown"),
    ],
)
def test_what_the_connector_refuses_ends_with_1_and_its_own_code(
    neighbours: Neighbours, arguments: tuple[str, ...], code: str
) -> None:
    done = neighbours.town.run(*arguments, "--json")
    assert (done.code, done.problem["code"], done.raw) == (1, code, b"")
    assert done.problem["next"]
    spoken = neighbours.town.run(*arguments)
    assert spoken.err.startswith(f"Error ({code}): ")
    assert "What to do: " in spoken.err


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", 2), ("[]", 2), ('{"permission": []}', 1), ('{"@type": "Offer", "permission": [{"action": 5}]}', 1)],
)
def test_a_bad_policy_file_publishes_nothing_and_is_not_kept(
    neighbours: Neighbours, tmp_path: Path, text: str, code: int
) -> None:
    bad = tmp_path / "bad-policy.json"
    bad.write_text(text)
    source = f"file:{neighbours.files / 'levels.csv'}"
    done = neighbours.town.run("datasets", "add", "bad", "--title", "T", "--source", source, "--policy", bad, "--json")
    assert done.code == code
    assert done.problem["detail"]
    assert not (neighbours.town.home / "policies" / bad.name).exists()
    assert neighbours.town.run("datasets", "show", "bad").code == 1


def test_a_missing_source_is_refused(neighbours: Neighbours) -> None:
    add = ("datasets", "add", "missing", "--title", "T", "--policy", str(neighbours.open), "--json", "--source")
    assert neighbours.town.run(*add, "file:/no/such/file").problem["code"] == "source_missing"
    assert neighbours.town.run(*add, "ftp:nothing").problem["code"] == "source_form"


def test_a_wrong_token_opens_nothing(neighbours: Neighbours, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("x" * 43)
    done = neighbours.town.run("--token-file", wrong, "peers", "list", "--json")
    assert (done.code, done.problem["code"]) == (1, "operator_token_unknown")
    missing = neighbours.town.run("--token-file", tmp_path / "none", "peers", "list", "--json")
    assert (missing.code, missing.problem["code"]) == (2, "cli_token_missing")


def test_a_policy_with_failing_cases_is_published_only_by_force(neighbours: Neighbours, tmp_path: Path) -> None:
    town, file = neighbours.town, tmp_path / "mine.json"
    file.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use"}]}))
    source = ("--title", "x", "--source", f"file:{neighbours.files / 'levels.csv'}", "--policy", file)
    hinted = town.run("datasets", "add", "hinted", *source)
    assert (hinted.code, "mine.cases.toml" in hinted.out) == (0, True)
    file.with_name("mine.cases.toml").write_text('[[case]]\nname = "nobody"\nexpect = "deny"\n')
    for command in (("datasets", "add", "forced", *source), ("offers", "add", "hinted", "--policy", file)):
        refused = town.run(*command, "--json")
        assert (refused.code, refused.problem["code"], refused.problem["field"]) == (1, "policy_cases_failed", "/cases")
        assert "nobody" in refused.problem["detail"]
    assert len(town.json("offers", "list", "--dataset", "hinted")["items"]) == 1
    assert town.run("datasets", "add", "forced", *source, "--force").code == 0
    found = [row for row in town.json("journal", "list", "--all")["items"] if row["kind"] == "policy.forced"]
    assert [row["payload"]["cases"] for row in found] == [["nobody"]]
    assert found[0]["by"] == found[0]["payload"]["by"]
    kept = town.json("datasets", "show", "forced")["offers"][0]["files"]["policy"]
    assert (town.home / "policies" / kept).read_bytes() == file.read_bytes()
    assert (town.home / "policies" / kept).with_suffix(".cases.toml").exists()


def test_a_counter_request_is_shown_beside_the_offer_and_the_limit(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, source = neighbours.town, neighbours.region, f"file:{neighbours.files / 'levels.csv'}"
    files = {year: tmp_path / f"{year}.json" for year in ("2040", "2050", "2060", "2070")}
    for year, file in files.items():
        rules = {"@type": "Offer", "permission": [{"action": "use", "constraint": [until_year(year)]}]}
        file.write_text(json.dumps(rules))
    town.json("datasets", "add", "limited", "--title", "x", "--source", source, "--policy", files["2050"],
              "--limit", files["2060"])  # fmt: skip
    offered = town.json("contracts", "offer", region.did, "limited", "--wait")
    mirror = next(row for row in region.json("contracts", "list")["items"] if row["dataset"] == "limited")
    region.json("contracts", "counter", mirror["id"], "--policy", files["2070"])
    shown = until(town, "contracts", offered["id"], "REQUESTED")
    assert (shown["difference"]["verdict"], shown["difference"]["limit"]) == ("offer-stricter", "beyond")
    said = town.run("contracts", "show", offered["id"]).out
    assert "goes beyond the limit" in said
    assert "Only offered: " in said
    assert "utöver den gräns" in town.run("contracts", "show", offered["id"], "--lang", "sv").out
    assert region.json("contracts", "show", mirror["id"])["difference"] is None
    town.json("contracts", "counter", offered["id"], "--policy", files["2040"])
    answered = until(region, "contracts", mirror["id"], "OFFERED")["difference"]
    assert (answered["verdict"], answered["limit"]) == ("offer-stricter", None)
    assert ["2040" in answered["only_offered"][0], "2070" in answered["only_asked"][0]] == [True, True]
    shown_to_people = region.run("contracts", "show", mirror["id"]).out
    assert ("Only asked for: " in shown_to_people, "1. The recipient may" in shown_to_people) == (True, True)
    assert "[enforced technically: " in shown_to_people
    until(region, "contracts", mirror["id"], "OFFERED")
    region.json("contracts", "counter", mirror["id"], "--policy", files["2060"])
    assert until(town, "contracts", offered["id"], "FINALIZED")["agreement"]["permission"][0]["constraint"]


def test_who_could_get_a_dataset_is_told_in_words_and_to_programs(neighbours: Neighbours, tmp_path: Path) -> None:
    town, region, source = neighbours.town, neighbours.region, f"file:{neighbours.files / 'levels.csv'}"
    purpose = {"leftOperand": "odrl:purpose", "operator": "isA", "rightOperand": {"@id": "kom:FloodPrevention"}}
    policy = tmp_path / "flood.json"
    policy.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [purpose]}]}))
    town.json("datasets", "add", "flood", "--title", "x", "--source", source, "--policy", policy)
    (found,) = town.json("policies", "who", "flood")["items"]
    assert (found["id"], found["answer"], found["offers"][0]["needs"][0]["kind"]) == (region.did, "only-if", "purpose")
    said, swedish = (town.run("policies", "who", "flood", "--lang", language).out for language in ("en", "sv"))
    assert ("only if" in said, "bara om" in swedish, "it declares its purpose" in said) == (True, True, True)
    assert town.run("policies", "who", "nothing", "--json").problem["code"] == "dataset_unknown"
    strange = town.run("policies", "who", "flood", "--purpose", "curiosity", "--json")
    assert strange.problem["code"] == "purpose_unknown"
    assert len(town.json("policies", "who", "flood", "--purpose", "kom:FloodPrevention")["items"]) == 1


def test_keys_are_replaced_and_seals_demanded_from_the_command_line(neighbours: Neighbours) -> None:
    town, region = neighbours.town, neighbours.region
    source = f"file:{neighbours.files / 'levels.csv'}"
    files = ("--source", source, "--policy", str(neighbours.open), "--seal", "required")
    made = town.json("datasets", "add", "sealed", "--title", "Sealed", *files)
    assert made["offers"][0]["seal"] == "required"
    assert region.json("contracts", "show", agree(neighbours, "sealed"))["sealed"] == "two-sided"
    assert region.json("peers", "show", town.did)["seals"] is True
    before = {row["purpose"]: row["id"] for row in town.json("keys", "list")["items"]}
    new = town.json("keys", "rotate", "--purpose", "seal", "--overlap", "0")
    assert (new["purpose"], new["state"]) == ("seal", "current")
    assert town.json("keys", "rotate", "--purpose", "token")["state"] == "next"
    again = town.run("keys", "rotate", "--purpose", "token", "--json")
    assert (again.code, again.problem["code"]) == (1, "key_rotation_running")
    shown = {row["id"]: row["state"] for row in town.json("keys", "list")["items"]}
    assert (shown[before["seal"]], shown[before["token"]], shown[new["id"]]) == ("previous", "current", "current")
    assert region.json("contracts", "show", agree(neighbours, "sealed"))["sealed"] == "two-sided"
    assert "previous" in town.run("keys", "list").out
