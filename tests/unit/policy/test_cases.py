"""Cases beside a policy: run, what they left out, and what stands at the bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import Invalid
from connector.policy.cases import Outcome, run
from connector.policy.parse import parse
from connector.policy.points import stated
from tests.unit.policy.documents import EKBY, NOW, VENDOR, at, constraint, offer, rule

END = "2027-01-01T00:00:00Z"
POLICY = offer(
    rule(constraint("odrl:dateTime", "lt", END), uid="urn:allow"),
    prohibition=[rule(constraint("kom:participant", "eq", {"@id": VENDOR}))],
)


def outcome(document: Any, *cases: dict[str, Any]) -> Outcome:
    return run(parse(document), cases, at(NOW))


def test_cases_pass_when_the_answer_is_as_expected() -> None:
    found = outcome(
        POLICY,
        {"name": "neighbour", "party": EKBY, "expect": "permit", "rule": "urn:allow"},
        {"assignee": EKBY, "time": datetime(2028, 1, 1, tzinfo=UTC), "expect": "deny", "rule": "/permission/0"},
        {"party": VENDOR, "expect": "deny", "rule": "/prohibition/0"},
        {"party": EKBY, "action": "odrl:sell", "expect": "deny"},
        {"party": EKBY, "action": "odrl:sell", "expect": "not-applicable"},
    )
    assert [each.passed for each in found.results] == [True] * 5
    assert [each.name for each in found.results] == ["neighbour", "2", "3", "4", "5"]
    assert found.unreached == ()


def test_a_case_fails_on_another_answer_or_another_rule() -> None:
    found = outcome(
        POLICY,
        {"party": EKBY, "expect": "deny"},
        {"party": VENDOR, "expect": "permit"},
        {"party": VENDOR, "expect": "deny", "rule": "urn:allow"},
        {"party": VENDOR, "expect": "not-applicable"},
    )
    assert [each.passed for each in found.results] == [False] * 4


def test_what_no_case_reached_is_told() -> None:
    found = outcome(POLICY, {"party": EKBY, "expect": "permit"})
    assert [(each.pointer, each.why) for each in found.unreached] == [
        ("/permission/0/constraint/0", "never-refuted"),
        ("/prohibition/0", "never-active"),
        ("/prohibition/0/constraint/0", "never-satisfied"),
    ]
    inside = offer(rule({"or": [constraint("odrl:count", "lteq", "5"), constraint("odrl:dateTime", "lt", END)]}))
    assert outcome(inside, {"party": EKBY, "expect": "permit"}).unreached[0].pointer.endswith("/or/0")


def test_lenient_duties_are_a_choice_of_the_case() -> None:
    document = offer(rule(duty=[rule(action="odrl:inform")]))
    strict, lenient = {"party": EKBY, "expect": "deny"}, {"party": EKBY, "expect": "permit", "lenient": True}
    assert [each.passed for each in outcome(document, strict, lenient).results] == [True, True]


def test_cases_at_the_bounds_are_offered_with_their_answers() -> None:
    document = offer(
        rule(
            constraint("odrl:dateTime", "lt", END),
            constraint("kom:requestsPerDay", "lteq", "10"),
            constraint("odrl:dateTime", "gt", "0001-01-01T00:00:00Z"),
            constraint("odrl:version", "eq", "2"),
            constraint("urn:foreign", "eq", "x", surprise=1),
        )
    )
    case = {"party": EKBY, "time": "2026-12-31T23:59:59Z", "facts": {"kom:requestsPerDay": "1"}, "expect": "permit"}
    offered = outcome(document, case).boundaries
    assert [each["time"] for each in offered if each["name"].startswith("/permission/0/constraint/0")] == [
        "2027-01-01T00:00:00Z",
        "2027-01-01T00:00:01Z",
    ]
    counts = [each["facts"]["kom:requestsPerDay"] for each in offered if "/constraint/1" in each["name"]]
    assert counts == ["9", "10", "11"]
    assert {each["expect"] for each in offered} == {"deny"}
    assert outcome(document, {"party": EKBY, "expect": "deny"}).boundaries == ()
    assert stated(1e20) == ""


@pytest.mark.parametrize(
    ("case", "code", "field"),
    [
        ({"party": EKBY}, "case_expect", "1"),
        ({"time": "soon", "expect": "deny", "name": "odd"}, "case_time", "odd: time"),
    ],
)
def test_what_is_no_case_is_refused_by_its_name(case: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        outcome(POLICY, case)
    assert (caught.value.code, caught.value.field) == (code, field)
