"""The situations that the W3C draft ODRL Formal Semantics works through (A1, A2, B1, C1, C2), and that SolidLab's suite tests.

The policies are our own; the situations and what follows from them are theirs.
"""

from __future__ import annotations

from typing import Any

import pytest

from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.terms import ODRL
from tests.unit.policy.documents import at

DOCUMENT, BILLIE = "http://example.com/document/1234", "http://example.com/party/billie"


def outcome(policy: Any, action: str, now: str, facts: Facts | None = None, *, assignee: str = BILLIE) -> str:
    request = Request(action, DOCUMENT, assignee, at(now))
    return evaluate(parse(policy), request, facts or Facts()).outcome


def before(date: str) -> Any:
    return [{"leftOperand": "dateTime", "operator": "lt", "rightOperand": {"@value": date, "@type": "xsd:date"}}]


@pytest.mark.parametrize(("now", "expected"), [("2017-06-01", "permit"), ("2018-06-01", "deny")])
def test_a1_a_permission_with_a_constraint(now: str, expected: str) -> None:
    policy = {
        "@type": "Set",
        "permission": [{"target": DOCUMENT, "action": "distribute", "constraint": before("2018-01-01")}],
    }
    assert outcome(policy, "odrl:distribute", now) == expected


@pytest.mark.parametrize(("now", "expected"), [("2024-06-01", "deny"), ("2025-06-01", "not-applicable")])
def test_a2_a_prohibition_with_a_constraint(now: str, expected: str) -> None:
    policy = {
        "@type": "Set",
        "prohibition": [{"target": DOCUMENT, "action": "archive", "constraint": before("2025-01-01")}],
    }
    assert outcome(policy, "odrl:archive", now) == expected


@pytest.mark.parametrize(("resolution", "expected"), [("1000", "permit"), ("2400", "not-applicable"), (None, "deny")])
def test_b1_a_permission_whose_action_is_refined(resolution: str | None, expected: str) -> None:
    refinement = {
        "leftOperand": "resolution",
        "operator": "lteq",
        "rightOperand": {"@value": "1200", "@type": "xsd:integer"},
        "unit": "http://dbpedia.org/resource/Dots_per_inch",
    }
    action = [{"rdf:value": {"@id": "odrl:print"}, "refinement": [refinement]}]
    policy = {"@type": "Set", "permission": [{"target": DOCUMENT, "action": action}]}
    facts = Facts(values={ODRL + "resolution": resolution})
    assert outcome(policy, "print", "2026-01-01", facts) == expected


PAYMENT = {
    "leftOperand": "payAmount",
    "operator": "eq",
    "rightOperand": {"@value": "5.00", "@type": "xsd:decimal"},
    "unit": "http://dbpedia.org/resource/Euro",
}
COMPENSATE = [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [PAYMENT]}]


def conditioned(*constraints: Any) -> Any:
    duty = {"@id": "http://example.com/condition/1", "action": COMPENSATE, "constraint": [*constraints]}
    permission = {"assignee": BILLIE, "target": DOCUMENT, "action": "play", "duty": [duty]}
    return {"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Agreement", "permission": [permission]}


@pytest.mark.parametrize(("state", "expected"), [("fulfilled", "permit"), ("not-set", "deny"), ("violated", "deny")])
def test_c1_a_permission_with_a_condition(state: str, expected: str) -> None:
    facts = Facts(duties={"http://example.com/condition/1": state})
    assert outcome(conditioned(), "odrl:play", "2026-01-01", facts) == expected


SUNDAY = {
    "leftOperand": "http://example.com/dayOfWeek",
    "operator": "eq",
    "rightOperand": {"@value": "Sunday", "@type": "xsd:string"},
}


@pytest.mark.parametrize(
    ("day", "state", "expected"),
    [("Monday", "not-set", "permit"), ("Sunday", "fulfilled", "permit"), ("Sunday", "not-set", "deny")],
)
def test_c2_a_condition_that_binds_on_sundays_only(day: str, state: str, expected: str) -> None:
    facts = Facts(values={"http://example.com/dayOfWeek": day}, duties={"http://example.com/condition/1": state})
    assert outcome(conditioned(SUNDAY), "odrl:play", "2026-01-01", facts) == expected


@pytest.mark.parametrize(
    ("rule", "action", "expected"),
    [
        ({"permission": {"action": "odrl:modify"}}, "odrl:write", "permit"),
        ({"permission": {"action": "odrl:use"}}, "odrl:sell", "not-applicable"),
        ({"prohibition": {"action": "odrl:use"}}, "odrl:sell", "not-applicable"),
        ({"prohibition": {"action": "odrl:use"}}, "odrl:read", "deny"),
        ({"permission": {"action": ["odrl:modify", "odrl:read"]}}, "odrl:read", "permit"),
        ({"action": "odrl:read", "permission": {"assignee": BILLIE}}, "odrl:read", "permit"),
    ],
)
def test_the_hierarchy_of_actions_and_the_compact_form(rule: Any, action: str, expected: str) -> None:
    assert outcome({"@type": "Set", **rule}, action, "2024-02-12") == expected


def test_a_date_is_equal_to_the_start_of_its_day() -> None:
    policy = {"permission": {"action": "read", "constraint": before("2024-02-12")}}
    policy["permission"]["constraint"][0]["operator"] = "eq"
    assert outcome(policy, "odrl:read", "2024-02-12T00:00:00Z") == "permit"
    assert outcome(policy, "odrl:read", "2024-02-12T00:00:01Z") == "deny"
