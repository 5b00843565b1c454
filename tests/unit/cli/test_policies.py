"""`connector policies`: on files alone, for people and for programs."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.running import PROGRAM, run

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "policies" / "examples"
OPEN = EXAMPLES / "open.json"
PERIOD = EXAMPLES / "valid-period.json"
VERBS = [
    ("lint", OPEN),
    ("explain", PERIOD),
    ("check", OPEN, "--as", "did:web:x.example"),
    ("test", PERIOD),
    ("diff", OPEN, PERIOD),
    ("schema",),
    ("new", "trial"),
]


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_lint_gives_programs_every_finding(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", {"permission": [{"action": "odrl:dance"}]})
    done = run("policies", "lint", file, "--json")
    assert done.code == 1
    first = done.json["findings"][-1]
    assert set(first) == {"rule", "severity", "file", "line", "column", "message", "fix"}
    assert (first["rule"], first["severity"], first["file"], first["line"]) == ("P302", "error", str(file), 1)
    assert run("policies", "lint", file, "--format", "json").json == done.json


def test_lint_tells_people_in_their_language(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", {"permission": [{"action": "odrl:dance"}]})
    assert f"{file}:1:28: fel P302: Handlingen odrl:dance är okänd." in run("policies", "lint", file).out
    assert "1 errors" not in run("policies", "lint", OPEN, "--lang", "en").out
    assert run("policies", "lint", OPEN).code == 0


def test_lint_reads_folders_and_leaves_the_profile_out() -> None:
    done = run("policies", "lint", ROOT / "policies", "--json")
    files = {each["file"] for each in done.json["findings"]}
    assert not any("profile" in file for file in files)
    assert {each["rule"] for each in done.json["findings"] if each["severity"] == "error"} == {"P403"}


def test_lint_finds_what_a_policy_inherits_in_its_folder(tmp_path: Path) -> None:
    written(tmp_path / "parent.json", {"@id": "urn:parent", "permission": [{"action": "use"}]})
    (tmp_path / "broken.json").write_text("{")
    child = written(tmp_path / "child.json", {"odrl:inheritFrom": ["urn:parent"], "permission": [{"action": "use"}]})
    assert "P701" not in {each["rule"] for each in run("policies", "lint", child, "--json").json["findings"]}


def test_a_path_that_is_not_there_is_wrong_use() -> None:
    done = run("policies", "lint", "/no/such/file.json", "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_file_unreadable")


@pytest.mark.parametrize("typed", VERBS, ids=lambda typed: typed[0])
def test_policies_import_no_server_library(typed: tuple[Any, ...]) -> None:
    program = (
        "import sys; from connector.cli.main import main; main(None, sys.argv[1:], {});"
        "print([m for m in ('aiohttp', 'sqlalchemy', 'pydantic', 'cryptography', 'asyncio', 'ssl') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program, "policies", *map(str, typed)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("typed", VERBS, ids=lambda typed: typed[0])
def test_one_policy_is_answered_within_300_ms(typed: tuple[Any, ...]) -> None:
    """Processor time, which on a machine with nothing else to do is the time one waits."""

    def measured() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PROGRAM, "policies", *map(str, typed)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert statistics.median(measured() for _ in range(5)) < 0.3


@pytest.mark.slow
def test_a_thousand_policies_are_examined_within_two_seconds(tmp_path: Path) -> None:
    texts = [path.read_text() for path in sorted(EXAMPLES.glob("*.json"))]
    for number in range(1000):
        (tmp_path / f"{number}.json").write_text(texts[number % len(texts)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*PROGRAM, "policies", "lint", str(tmp_path)], check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_explain_gives_numbered_sentences_with_their_grades() -> None:
    out = run("policies", "explain", PERIOD).out
    assert out.startswith("Gäller under 2026 och 2027\nMottagaren får använda datamängden till den 1 januari 2028")
    assert "\n1. Mottagaren får" in out
    assert out.rstrip().endswith("[tvingas tekniskt: tidpunkten]")
    told = run("policies", "explain", PERIOD, "--json", "--lang", "en").json
    assert set(told) == {"language", "title", "summary", "sentences", "notes"}
    assert told["sentences"][0]["grades"] == {"enforced": ["the point in time"]}


def test_a_file_without_a_title_is_explained_too(tmp_path: Path) -> None:
    file = written(
        tmp_path / "p.json", {"permission": [{"action": "use"}], "dct:title": {"@language": "en", "@value": "A"}}
    )
    assert run("policies", "explain", file).out.startswith("Mottagaren")
    assert run("policies", "explain", file, "--lang", "en").out.startswith("A\nThe recipient")


def test_check_answers_in_the_agreed_form() -> None:
    asked = ("--as", "did:web:x.example", "--at", "2026-06-01T12:00:00Z")
    done = run("policies", "check", PERIOD, *asked, "--json")
    assert done.code == 0
    assert (done.json["decision"], done.json["next_change"]) == ("permit", "2027-12-31T23:00:00.000Z")
    (permission,) = done.json["rules"]
    assert (permission["rule"], permission["kind"], permission["active"]) == ("/permission/0", "permission", True)
    first = permission["constraints"][0]
    assert set(first) == {"leftOperand", "operator", "rightOperand", "value", "state"}
    assert (first["rightOperand"], first["state"]) == ("2026-01-01T00:00:00+01:00", "satisfied")
    assert "Ja, det är tillåtet." in run("policies", "check", PERIOD, *asked).out


def test_check_refuses_with_1_and_says_why() -> None:
    done = run("policies", "check", PERIOD, "--as", "did:web:x.example", "--at", "2029-01-01T00:00:00Z", "--lang", "en")
    assert done.code == 1
    assert "No, it is not permitted." in done.out
    assert "not satisfied" in done.out
    other = run("policies", "check", OPEN, "--as", "did:web:x.example", "--action", "odrl:sell", "--json")
    assert (other.code, other.json["decision"]) == (1, "not-applicable")
    assert "ingen regel" in run("policies", "check", OPEN, "--as", "did:web:x.example", "--action", "odrl:sell").out


def test_check_takes_facts_purposes_and_cases(tmp_path: Path) -> None:
    duty = {"action": "odrl:inform", "uid": "urn:duty"}
    constraints = [
        {"leftOperand": "odrl:purpose", "operator": "isA", "rightOperand": {"@id": "dpv:PublicBenefit"}},
        {"leftOperand": "kom:requestsPerDay", "operator": "lteq", "rightOperand": "10"},
        {"leftOperand": "kom:memberOf", "operator": "isAnyOf", "rightOperand": [{"@id": "urn:a"}, {"@id": "urn:b"}]},
    ]
    document = {"@type": "Agreement", "permission": {"action": "use", "constraint": constraints, "duty": duty}}
    file = written(tmp_path / "p.json", document)
    known = ("--purpose", "kom:FloodPrevention", "--fact", "kom:requestsPerDay=3", "--fact", "kom:memberOf=urn:x,urn:b")
    asked = ("policies", "check", file, "--as", "did:web:x.example", *known, "--json")
    strict = run(*asked)
    assert strict.code == 1
    assert strict.json["rules"][1] | {"due": None} == {
        "rule": "urn:duty", "kind": "duty", "active": True, "constraints": [], "state": "not-set", "due": None
    }  # fmt: skip
    assert run(*asked, "--duties", "lenient").code == 0
    case = {"assignee": "did:web:x.example", "purpose": "kom:FloodPrevention", "duties": {"urn:duty": "fulfilled"}}
    case |= {"facts": {"kom:requestsPerDay": "3", "kom:memberOf": "urn:b"}}
    kept = written(tmp_path / "case.json", case)
    assert run("policies", "check", file, "--case", kept).code == 0
    assert run("policies", "check", file, "--case", kept, "--purpose", "dpv:Marketing").code == 1
    assert run("policies", "check", file, "--case", kept, "--fact", "kom:requestsPerDay=11").code == 1


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ((OPEN,), "cli_case_missing"),
        ((OPEN, "--as", "did:web:x", "--fact", "count"), "cli_fact"),
        ((OPEN, "--as", "did:web:x", "--at", "soon"), "case_time"),
        (("/no/such/file", "--as", "did:web:x"), "cli_file_unreadable"),
        ((OPEN, "--case", OPEN), "case_member"),
        ((OPEN, "--as", ""), "case_identifier"),
        ((OPEN, "--as", "did:web:x", "--target", "two words"), "case_identifier"),
        ((OPEN, "--as", "did:web:x", "--at", ""), "case_time"),
        (("/dev/zero", "--as", "did:web:x"), "body_too_large"),
        ((Path(__file__), "--as", "did:web:x"), "json_invalid"),
        ((OPEN, "--as", "did:web:x", "--duties", "kind"), "cli_choice"),
    ],
)
def test_bad_input_ends_with_2(typed: tuple[Any, ...], code: str) -> None:
    done = run("policies", "check", *typed, "--json")
    assert (done.code, done.problem["code"]) == (2, code)


def test_a_file_without_an_end_is_read_only_as_far_as_it_can_be_used() -> None:
    done = run("policies", "lint", "/dev/zero", "--json")
    assert (done.code, [each["rule"] for each in done.json["findings"]]) == (1, ["P101"])


def test_a_policy_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    done = run("policies", "explain", written(tmp_path / "p.json", {"permission": [{"action": {}}]}), "--json")
    assert (done.code, done.problem["code"]) == (2, "policy_action_missing")


def test_the_cases_beside_the_examples_hold() -> None:
    done = run("policies", "test", EXAMPLES, "--json")
    assert (done.code, done.json["failed"]) == (0, 0)
    assert {len(each["cases"]) > 0 for each in done.json["files"]} == {True}
    assert "som väntat" in run("policies", "test", PERIOD).out


def test_a_failing_case_refuses_and_says_why(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", json.loads(PERIOD.read_text()))
    (tmp_path / "p.cases.toml").write_text(
        '[[case]]\nname = "x"\nparty = "did:web:x"\ntime = 2026-06-01T00:00:00Z\nexpect = "permit"\n'
        'facts = {"kom:a" = ["b"]}\n'
        '[[case]]\nname = "y"\nparty = "did:web:x"\ntime = "2026-06-01T00:00:00Z"\nexpect = "deny"\n'
    )
    done = run("policies", "test", tmp_path, "--lang", "en")
    assert done.code == 1
    assert "y: WRONG, expected deny, got permit (/permission/0)" in done.out
    assert "goes against the constraint" in done.out
    assert '[[case]]\nname = "/permission/0/constraint/0/and/0-before"' in done.out
    assert '"kom:a" = ["b"]' in done.out
    assert run("policies", "test", file, "--json").json["failed"] == 1


def test_a_case_that_another_rule_decides_says_so(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", {"@type": "Offer", "permission": [{"action": "use"}]})
    case = '[[case]]\nname = "c"\nparty = "did:web:x"\nexpect = "permit"\nrule = "/permission/9"\n'
    (tmp_path / "p.cases.toml").write_text(case)
    done = run("policies", "test", file, "--lang", "en")
    assert done.code == 1
    assert "permit as expected, but by another rule than the case names: /permission/0" in done.out


def test_policies_without_cases_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policies").mkdir()
    written(tmp_path / "policies" / "p.json", {"permission": [{"action": "use"}]})
    monkeypatch.chdir(tmp_path)
    assert "policies/p.json: no cases" in run("policies", "test", "--lang", "en").out
    assert run("policies", "test", "--json").json["files"][0]["cases"] == []
    monkeypatch.chdir(tmp_path / "policies")
    assert "p.json: no cases" in run("policies", "test", "--lang", "en").out


@pytest.mark.parametrize(
    ("cases", "code"), [("[[case", "cli_cases_toml"), ("case = 1", "cli_cases_toml"), ("[[case]]", "case_expect")]
)
def test_cases_that_cannot_be_read_are_bad_input(tmp_path: Path, cases: str, code: str) -> None:
    file = written(tmp_path / "p.json", {"permission": [{"action": "use"}]})
    (tmp_path / "p.cases.toml").write_text(cases)
    done = run("policies", "test", file, "--json")
    assert (done.code, done.problem["code"]) == (2, code)


def test_diff_gives_verdict_changes_and_a_witness_for_check(tmp_path: Path) -> None:
    done = run("policies", "diff", OPEN, PERIOD, "--json")
    assert (done.code, done.json["verdict"]) == (0, "b-stricter")
    witness = written(tmp_path / "witness.json", done.json["witness"])
    assert [run("policies", "check", file, "--case", witness).code for file in (OPEN, PERIOD)] == [0, 1]
    out = run("policies", "diff", OPEN, PERIOD, "--lang", "en").out
    assert "The second is stricter." in out
    assert "permission odrl:use odrl:dateTime: added (– -> odrl:dateTime gteq" in out
    assert run("policies", "diff", OPEN, OPEN).out == "De tillåter detsamma.\n"
    assert (
        "prohibition odrl:use /prohibition/0: added"
        in run("policies", "diff", OPEN, EXAMPLES / "never.json", "--lang", "en").out
    )


def test_the_schema_is_printed() -> None:
    assert run("policies", "schema", "--lang", "en").json == json.loads(
        (ROOT / "policies/profile/policy.schema.json").read_text()
    )


def test_new_lists_the_templates_and_prints_one() -> None:
    assert "valid-period" in run("policies", "new").out
    assert {"id", "title", "parameters"} == set(run("policies", "new", "--json").json["items"][0])
    printed = run("policies", "new", "trial", "--set", "period=P60D")
    assert printed.code == 0
    assert printed.json["permission"][0]["constraint"][0]["rightOperand"]["@value"] == "P60D"


def test_new_writes_a_policy_with_its_cases_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "research.json"
    assert "research.cases.toml" in run("policies", "new", "research", "-o", file).out
    assert run("policies", "lint", file).code == 0
    assert run("policies", "test", file, "--json").json["failed"] == 0
    done = run("policies", "new", "research", "-o", file, "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_new_exists")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (("nothing",), "template_unknown"),
        (("trial", "--set", "x"), "cli_setting"),
        (("trial", "--set", "period=x"), "template_value"),
        (("requests-per-day", "--set", "requests=-1"), "template_value"),
    ],
)
def test_a_template_that_cannot_be_made_is_wrong_use(typed: tuple[str, ...], code: str) -> None:
    done = run("policies", "new", *typed, "--json")
    assert (done.code, done.problem["code"]) == (2, code)
