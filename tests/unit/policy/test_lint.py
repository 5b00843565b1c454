"""The linter: every rule finds its case at its place, and nothing that it is given makes it fall."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import texts
from connector.policy.lint.check import Placed, lint
from connector.policy.terms import PROFILE
from tests.unit.policy.documents import EKBY, NOW, REGION, at, constraint, nonsense, offer, policies, rule, spoiled

TITLE = [{"@language": "sv", "@value": "Titel"}, {"@language": "en", "@value": "Title"}]
IRI = {"@id": EKBY}
WHO = constraint("kom:participant", "eq", IRI)
LATER = constraint("odrl:dateTime", "lt", "2027-01-01T00:00:00+01:00")
EARLIER = constraint("odrl:dateTime", "gteq", "2027-06-01T00:00:00+01:00")
AGAIN = constraint("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00")


def found(document: Any, load: Mapping[str, Any] | None = None) -> list[Placed]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lint(data, at(NOW), (load or {}).get)


def ids(document: Any, **more: Any) -> set[str]:
    return {each.finding.rule for each in found(document, **more)}


def whole(*permissions: Any, **more: Any) -> Any:
    return offer(*permissions, **{"profile": PROFILE, "dct:title": TITLE, **more})


def duty(*constraints: Any, action: Any = "odrl:inform", **more: Any) -> Any:
    return rule(*constraints, action=action, **more)


WITHIN = constraint("kom:dueWithin", "lteq", "P30D")
PROHIBITED = [rule(action="odrl:distribute")]
CASES: list[tuple[str, Any]] = [
    ("P101", b'{"permission": [}'),
    ("P101", b"\xff"),
    ("P101", b'{"a": NaN}'),
    ("P102", b"[]"),
    ("P102", whole(rule(action={}))),
    ("P102", whole(*[rule(constraint("odrl:purpose", "isAnyOf", [IRI] * 600))])),
    ("P103", b'{"permission": [], "permission": []}'),
    ("P200", {"@type": "Set", "permission": rule()}),
    ("P200", {"@context": "http://www.w3.org/ns/odrl.jsonld", "permission": rule()}),
    ("P202", whole(rule(), target="urn:dataset")),
    ("P203", {"@type": "Offer", "obligation": [duty(WITHIN)]}),
    ("P204", whole(rule()) | {"permission": rule()}),
    ("P205", whole(rule(action=[{"rdf:value": {"@id": "odrl:read"}}]))),
    ("P206", whole(rule(constraint("odrl:count", "odrl:lteq", "5")))),
    ("P207", whole(rule(constraint("odrl:count", "lteq", 1000)))),
    ("P207", whole(rule(constraint("kom:pseudonymised", "eq", [True])))),
    ("P208", whole(rule(constraint("purpose", "eq", {"@id": "kom:FloodPrevention"})))),
    ("P208", whole(rule(), conflict="prohibit") | {"conflict": "prohibit"}),
    ("P208", whole(rule(constraint("odrl:count", "lteq", "5", unit="urn:x")))),
    ("P208", whole(rule(refinement=[]))),
    ("P209", whole(rule(constraint("dpv:hasLegalBasis", "eq", IRI)))),
    ("P210", whole(rule(), profile=1)),
    ("P211", whole("urn:rule")),
    ("P212", whole(rule({"and": [WHO], "or": [WHO]}))),
    ("P213", whole(rule({"leftOperand": "odrl:count"}))),
    ("P204", whole({"action": "use", "constraint": {"operator": "eq", "rightOperand": "1"}})),
    ("P213", whole(rule({"operator": "eq", "rightOperand": "1"}))),
    ("P301", whole(rule(constraint("odrl:resolution", "eq", "1")))),
    ("P302", whole(rule(action="odrl:dance"))),
    ("P303", whole(rule(constraint("odrl:count", "below", "5")))),
    ("P304", whole(rule(), profile="urn:profile")),
    ("P305", whole(rule(constraint("odrl:dateTime", "lt", "tomorrow")))),
    ("P305", whole(rule(constraint("odrl:count", "lteq", ["5", "many"], **{"odrl:dataType": "xsd:date"})))),
    ("P306", whole(rule(constraint("odrl:purpose", "lt", {"@id": "kom:FloodPrevention"})))),
    ("P307", whole(rule(constraint("odrl:dateTime", "lt", "2027-01-01")))),
    ("P308", whole(rule(constraint("odrl:dateTime", "lt", "2025-01-01T00:00:00Z")))),
    ("P309", whole(rule(constraint("odrl:dateTime", "lt", "2027-01-01T00:00:00Z", **{"odrl:unit": "urn:x"})))),
    ("P310", whole(rule(action="odrl:write"))),
    ("P310", whole(rule(constraint("odrl:system", "eq", IRI)))),
    ("P311", whole(rule(constraint("kom:field", "isAllOf", "level")))),
    ("P312", whole(rule({"leftOperand": "odrl:count", "operator": "eq", "rightOperandReference": "urn:x"}))),
    ("P313", whole(rule(constraint("odrl:count", "eq", [])))),
    ("P314", whole(rule(constraint("https://w3id.org/edc/v0.0.1/ns/inForceDate", "lteq", "contractAgreement+30d")))),
    ("P315", whole(rule(constraint("odrl:count", "lteq", ["5", "6"])))),
    ("P316", whole(rule(**{"odrl:surprise": 1}))),
    ("P316", whole(rule(constraint("odrl:count", "lteq", "5", **{"odrl:surprise": 1})))),
    ("P317", {"@type": "Offer", "permission": [rule(WHO)]}),
    ("P318", whole(rule(constraint("kom:participant", "eq", "ekby")))),
    ("P319", whole(rule(constraint("odrl:purpose", "isA", {"@id": "urn:purpose:fun"})))),
    ("P320", whole(rule()) | {"@type": "Ticket"}),
    ("P320", whole(rule()) | {"@type": ["Offer", "Agreement"]}),
    ("P401", whole(rule(LATER, EARLIER))),
    ("P402", whole(rule(LATER, AGAIN))),
    ("P403", whole(rule(LATER), prohibition=[rule()])),
    ("P404", {"@type": "Offer", "permission": [rule()], "prohibition": PROHIBITED}),
    ("P405", {"@type": "Offer", "permission": [rule(action="odrl:read")], "prohibition": PROHIBITED}),
    ("P406", whole(rule()) | {"odrl:conflict": [{"@id": "odrl:perm"}, {"@id": "odrl:prohibit"}]}),
    ("P407", whole(rule(AGAIN), rule(LATER))),
    ("P408", whole(rule({"xone": [LATER, AGAIN]}))),
    ("P409", whole(rule({"andSequence": [LATER, WHO]}))),
    ("P410", whole(rule({"andSequence": [constraint("odrl:elapsedTime", "lteq", "P1D")]}))),
    ("P410", whole(rule(constraint("odrl:elapsedTime", "lt", "P1M"), constraint("odrl:elapsedTime", "lt", "P30D")))),
    ("P411", whole(rule()) | {"odrl:conflict": {"@id": "urn:toss-a-coin"}}),
    ("P412", whole(rule({"or": []}))),
    ("P501", whole(rule(), obligation=[duty(action="odrl:delete")])),
    ("P502", whole(rule(), obligation=[duty(consequence=[duty(consequence=[duty()])])])),
    ("P503", whole(rule(), obligation=[duty()], prohibition=[rule(action="odrl:inform")])),
    ("P504", whole(rule(duty=[duty()]))),
    ("P505", whole(rule(), obligation=[duty(constraint("odrl:delayPeriod", "gteq", "P1D"))])),
    ("P601", whole(rule(constraint("kom:legalInstrument", "eq", {"@id": "urn:agreement:1"})))),
    ("P602", whole(rule(), prohibition=PROHIBITED)),
    ("P603", whole(rule(constraint("dcat:temporalResolution", "gteq", "PT1H")))),
    ("P604", whole(rule(), prohibition=[rule(constraint("kom:field", "isAnyOf", "level"))])),
    ("P605", whole(rule(constraint("kom:minGroupSize", "gteq", "5")))),
    ("P701", whole(rule(), **{"odrl:inheritFrom": "urn:parent"})),
    ("P703", offer(rule())),
    ("P704", whole(rule(WHO), **{"dct:accessRights": {"@id": "http://x.example/access-right/RESTRICTED"}})),
    ("P705", whole(rule(), **{"https://w3id.org/dpv#hasPersonalData": "https://w3id.org/dpv/pd#Name"})),
    ("P706", whole(rule(), **{"dct:accessRights": "http://x.example/access-right/NON_PUBLIC"})),
    ("P707", whole(rule(WHO), **{"dct:license": ["http://creativecommons.org/licenses/by/4.0/", 1]})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "document"), CASES, ids=[f"{number}-{name}" for number, (name, _) in enumerate(CASES)]
)
def test_a_rule_finds_its_case(name: str, document: Any) -> None:
    assert name in ids(document)


def test_there_are_more_than_thirty_rules_and_each_has_its_sentences() -> None:
    assert len({name for name, _ in CASES}) > 50
    for _, document in CASES:
        for each in found(document):
            for language in texts.LANGUAGES:
                message, fix = (
                    texts.say(each.finding.code, language, key, **each.finding.values) for key in ("text", "next")
                )
                assert message != each.finding.code
                assert fix
                assert "{" not in message


def test_a_good_policy_has_no_findings() -> None:
    allowed = constraint("kom:participant", "isAnyOf", [IRI, {"@id": REGION}])
    assert found(whole(rule(allowed, LATER, action="odrl:read"), obligation=[duty(WITHIN)])) == []
    assert ids(whole(rule(constraint("kom:memberOf", "eq", {"@id": "urn:group"}))) | {"dct:accessRights": 1}) == set()


def test_dataset_rules_are_silent_when_the_terms_are_there() -> None:
    purpose = constraint("odrl:purpose", "isA", {"@id": "kom:FloodPrevention"})
    basis = constraint("https://w3id.org/dpv#hasLegalBasis", "eq", {"@id": "urn:basis"})
    document = whole(rule(WHO, purpose, basis))
    document["dct:accessRights"] = "http://x.example/access-right/RESTRICTED"
    document["https://w3id.org/dpv#hasPersonalData"] = {"@value": "yes"}
    assert ids(document) == set()
    assert "P706" not in ids({**document, "permission": [rule(purpose, assignee=EKBY)]})


def test_a_policy_that_inherits_is_examined_with_its_parents() -> None:
    parent = {"@id": "urn:parent", "@type": "Offer", "permission": [rule(LATER)]}
    child = whole(rule(WHO), **{"@id": "urn:child", "odrl:inheritFrom": ["urn:parent"]})
    assert "P701" not in ids(child, load={"urn:parent": parent})
    cycle = {**parent, "odrl:inheritFrom": ["urn:child"]}
    codes = {each.finding.code for each in found(child, {"urn:parent": cycle, "urn:child": child})}
    assert "policy_inherit_cycle" in codes


def test_an_empty_condition_and_a_rule_that_is_only_named_are_not_called_impossible() -> None:
    assert "P401" not in ids(whole(rule({"or": []})))
    assert "P401" not in ids({"@type": "Set", "permission": ["urn:rule"]})
    assert "P401" not in ids(whole(rule("urn:constraint")))


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ('{\n  "permission": [\n    {"action": "use",}\n  ]\n}', "P101", (3, 22)),
        ('{\n  "permission": NaN\n}', "P101", (2, 17)),
        ('{\n  "permission": "\\u0000"\n}', "P101", (2, 17)),
        ("[\n" + "[" * 64, "P101", (2, 64)),
        ('{"permission": [],\n "permission": []}', "P103", (2, 2)),
        ('{"permission": [{"action": "use", "constraint": [{\n"leftOperand": "a:b", "rightOperand": 1}]}]}', "P207", (2, 39)),
        ('{"permission": [{"action": "use"}],\n   "conflict": "prohibit"}', "P208", (2, 4)),
        ('{"permission": [\n {"action": "odrl:dance"}]}', "P302", (2, 13)),
        ('{"permission": [{"action": "use"}],\n"odrl:conflict": {"@id": "urn:x"}}', "P411", (2, 18)),
    ],
)  # fmt: skip
def test_a_finding_has_its_line_and_column(text: str, name: str, place: tuple[int, int]) -> None:
    assert [(each.line, each.column) for each in found(text.encode()) if each.finding.rule == name] == [place]


def test_branches_that_exclude_each_other_are_good() -> None:
    before, after = (constraint("odrl:dateTime", each, {"@value": "2090-01-01T00:00:00Z"}) for each in ("lt", "gteq"))
    assert "P408" not in ids(whole(rule({"xone": [before, after]})))


def test_whether_it_can_travel_is_an_error_in_offers_only() -> None:
    full = {
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "uid": "urn:p",
        "permission": {"target": "urn:x", "action": "use"},
    }
    severities = {each.finding.rule: each.finding.severity for each in found({**full, "@type": "Set"})}
    assert "error" not in severities.values()
    assert severities["P200"] == "info"
    assert "error" in {each.finding.severity for each in found({**full, "@type": "Offer"})}


@given(st.one_of(nonsense, policies(), spoiled()))
def test_nothing_makes_the_linter_fall(document: Any) -> None:
    for each in found(document):
        assert each.line >= 1
        assert each.column >= 1


@given(st.binary(max_size=60))
def test_no_bytes_make_the_linter_fall(data: bytes) -> None:
    found(data)


def test_the_examples_have_no_errors_but_the_one_that_forbids_everything() -> None:
    folder = Path(__file__).parents[3] / "policies" / "examples"
    errors = {
        path.stem: {each.finding.rule for each in found(path.read_bytes()) if each.finding.severity == "error"}
        for path in folder.glob("*.json")
    }
    assert {name: rules for name, rules in errors.items() if rules} == {"never": {"P403"}}
