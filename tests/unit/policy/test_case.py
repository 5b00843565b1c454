"""Cases: who asks for what, read from one JSON object."""

from __future__ import annotations

import math
from typing import Any

import pytest

from connector.errors import Invalid
from connector.ids import NS
from connector.policy.case import read_case
from connector.policy.evaluate import evaluate
from connector.policy.parse import parse
from connector.policy.terms import ODRL
from tests.unit.policy.documents import DATASET, EKBY, NOW, at, constraint, offer, rule

OPEN = parse(offer(rule()))


def permits(document: Any, **case: Any) -> bool:
    policy = parse(document)
    return evaluate(policy, *read_case(case, policy, at(NOW))).permits


def test_an_empty_case_asks_to_read_now() -> None:
    request, facts = read_case({}, OPEN, at(NOW))
    assert (request.action, request.target, request.assignee, request.now) == (ODRL + "read", "", "", at(NOW))
    assert (facts.agreed_at, facts.lenient) == (None, False)
    assert facts.part_of[NS + "municipality-0486"] == (NS + "county-04",)


def test_terms_are_understood_in_short_and_in_full() -> None:
    case = {
        "action": "distribute",
        "purpose": "kom:FloodPrevention",
        "facts": {"count": "5", "kom:memberOf": ["kom:a", 1]},
    }
    request, facts = read_case({**case, "time": "2027-01-01T00:00:00Z", "assignee": EKBY}, OPEN, 0, lenient=True)
    assert request.action == ODRL + "distribute"
    assert request.now == at("2027-01-01T00:00:00Z")
    purpose = {ODRL + "purpose": NS + "FloodPrevention"}
    assert facts.values == {**purpose, ODRL + "count": "5", NS + "memberOf": [NS + "a", 1]}
    assert facts.lenient


def test_the_policys_own_target_is_meant_when_none_is_given() -> None:
    assert permits(offer(rule(target=DATASET)))
    assert not permits(offer(rule(target=DATASET), rule(target="urn:other")))
    assert not permits(offer(rule(target=DATASET)), target="urn:other")


def test_what_the_registry_knows_is_known() -> None:
    document = offer(rule(constraint("odrl:purpose", "isA", {"@id": "dpv:PublicBenefit"})))
    assert permits(document, purpose="kom:FloodPrevention")
    assert not permits(document, purpose="dpv:Marketing")
    area = offer(rule(constraint("odrl:spatial", "isPartOf", {"@id": "kom:county-04"})))
    assert permits(area, facts={"odrl:spatial": "kom:municipality-0486"})


def test_memberships_of_the_case_are_added_to_what_is_known() -> None:
    document = offer(rule(constraint("odrl:recipient", "isPartOf", {"@id": "urn:group"})))
    case: dict[str, Any] = {"facts": {"odrl:recipient": EKBY}}
    assert permits(document, partOf={EKBY: "urn:group"}, **case)
    assert permits(document, partOf={EKBY: ["urn:inner"], "urn:inner": ["urn:group"]}, **case)
    assert not permits(document, **case)


def test_the_time_since_the_agreement_is_a_fact() -> None:
    document = offer(rule(constraint("kom:timeSinceAgreement", "lteq", "P30D")))
    assert permits(document)
    assert permits(document, facts={"kom:timeSinceAgreement": "P29D"})
    assert not permits(document, facts={"kom:timeSinceAgreement": "P31D"})
    assert read_case({"facts": {"kom:timeSinceAgreement": "P1D"}}, OPEN, math.nan)[1].agreed_at is None


def test_a_purpose_may_be_named_without_its_prefix_as_when_a_contract_is_asked_for() -> None:
    document = offer(rule(constraint("odrl:purpose", "isAnyOf", [{"@id": "kom:FloodPrevention"}])))
    assert permits(document, purpose="FloodPrevention")
    assert not permits(document, purpose="Marketing")


def test_duties_are_recorded_by_their_uid() -> None:
    document = offer(rule(duty=[rule(action="odrl:inform", uid="urn:duty")]))
    assert permits(document, duties={"urn:duty": "fulfilled"})
    assert not permits(document, duties={"urn:duty": "not-set"})


@pytest.mark.parametrize(
    ("case", "code", "field"),
    [
        ({"party": EKBY}, "case_member", "party"),
        ({"assignee": 1}, "case_text", "assignee"),
        ({"assignee": ""}, "case_identifier", "assignee"),
        ({"target": "two words"}, "case_identifier", "target"),
        ({"purpose": "<x>"}, "case_identifier", "purpose"),
        ({"time": ""}, "case_time", "time"),
        ({"time": "soon"}, "case_time", "time"),
        ({"facts": []}, "case_object", "facts"),
        ({"partOf": {EKBY: 1}}, "case_text", "partOf"),
        ({"partOf": {EKBY: [1]}}, "case_text", "partOf"),
        ({"duties": {"urn:duty": "done"}}, "case_duty", "duties"),
        ({"duties": {"urn:duty": 1}}, "case_duty", "duties"),
    ],
)
def test_what_is_no_case_is_refused_with_its_place(case: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_case(case, OPEN, 0)
    assert (caught.value.code, caught.value.field) == (code, field)
