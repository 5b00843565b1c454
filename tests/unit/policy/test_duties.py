from __future__ import annotations

from typing import Any

import pytest

from connector.policy.evaluate import Facts
from tests.unit.policy.documents import NOW, asked, at, constraint, decide, offer, rule

INFORM = rule(action="odrl:inform", uid="urn:inform")
EVER = constraint("odrl:dateTime", "gteq", "2020-01-01")
PAST = constraint("odrl:dateTime", "lt", "2020-01-01")


def facts(*, lenient: Any = False, **states: Any) -> Facts:
    """Return facts with the states of duties, named without `urn:`."""
    return Facts(duties={f"urn:{name}": state for name, state in states.items()}, lenient=lenient)


@pytest.mark.parametrize(
    ("state", "strict", "lenient"),
    [("fulfilled", True, True), ("not-set", False, True), ("violated", False, False), ("nonsense", False, True)],
)
def test_a_duty_is_a_precondition_of_its_permission(state: str, strict: Any, lenient: Any) -> None:
    document = offer(rule(duty=[INFORM]))
    assert decide(document, facts=facts(inform=state)).permits is strict
    assert decide(document, facts=facts(inform=state, lenient=True)).permits is lenient


def test_an_unrecorded_duty_blocks_unless_duties_are_lenient() -> None:
    document = offer(rule(duty=[INFORM]))
    assert not decide(document).permits
    assert decide(document, facts=facts(lenient=True)).permits


def test_a_duty_without_an_identifier_is_known_by_its_place() -> None:
    document = offer(rule(duty=[rule(action="odrl:inform")]))
    assert decide(document, facts=Facts(duties={"/permission/0/duty/0": "fulfilled"})).permits


def test_a_duty_shared_by_two_permissions_is_done_once() -> None:
    document = offer(rule(duty=[INFORM], action="odrl:print"), rule(duty=["urn:inform"], action="odrl:read"))
    assert decide(document, facts=facts(inform="fulfilled")).permits
    assert not decide(document, facts=facts(inform="not-set")).permits


@pytest.mark.parametrize(
    ("condition", "permitted"),
    [(PAST, True), (EVER, False), (constraint("odrl:event", "eq", "urn:flood"), False)],
)
def test_a_duty_whose_constraints_do_not_hold_is_inactive_and_one_in_doubt_blocks(
    condition: Any, permitted: Any
) -> None:
    assert decide(offer(rule(duty=[rule(condition, action="odrl:inform")]))).permits is permitted


@pytest.mark.parametrize(
    ("states", "permitted"),
    [
        ({"inform": "fulfilled"}, True),
        ({"inform": "fulfilled", "pay": "fulfilled"}, True),
        ({"inform": "fulfilled", "pay": "not-set"}, False),
        ({"inform": "violated", "pay": "fulfilled"}, False),
        ({"pay": "fulfilled"}, False),
    ],
)
def test_a_consequence_that_arose_must_be_done_besides_the_duty(states: dict[str, str], permitted: Any) -> None:
    duty = {**INFORM, "consequence": [rule(action="odrl:compensate", uid="urn:pay")]}
    assert decide(offer(rule(duty=[duty])), facts=facts(**states)).permits is permitted


def test_an_obligation_is_reported_and_blocks_nothing() -> None:
    document = offer(rule(), obligation=[rule(action="odrl:delete", uid="urn:delete")])
    decision = decide(document, facts=facts(delete="violated"))
    assert decision.permits
    (report,) = decision.obligations
    assert (report.kind, report.state, report.active) == ("obligation", "violated", True)
    assert decision.pending == (report,)
    assert decide(document, facts=facts(delete="fulfilled")).pending == ()


def test_the_duties_that_bind_are_pending() -> None:
    duties = [INFORM, rule(PAST, action="odrl:delete"), rule(action="odrl:attribute", uid="urn:attribute")]
    document = offer(rule(duty=duties), rule(action="odrl:sell", duty=[rule(action="odrl:compensate")]), odrl_unknown=1)
    decision = decide(document, facts=facts(attribute="fulfilled"))
    assert [duty.uid for duty in decision.pending] == ["urn:inform"]


def test_a_remedy_is_reported_with_its_prohibition() -> None:
    document = offer(rule(), prohibition=[rule(action="odrl:sell", remedy=[rule(action="odrl:delete", uid="urn:d")])])
    decision = decide(document)
    assert decision.permits
    assert [(duty.kind, duty.uid) for rule in decision.rules for duty in rule.duties] == [("remedy", "urn:d")]


@pytest.mark.parametrize(
    ("conditions", "due"),
    [
        ([constraint("odrl:dateTime", "lteq", "2026-07-01T00:00:00Z")], "2026-07-01T00:00:00Z"),
        ([constraint("kom:dueWithin", "lteq", "P30D")], "2026-07-01T12:00:00Z"),
        ([constraint("odrl:elapsedTime", "lteq", "P1M")], "2026-07-01T12:00:00Z"),
        ([constraint("kom:dueWithin", "lteq", "P30D"), constraint("odrl:dateTime", "lt", "2026-06-10")], "2026-06-10"),
        ([constraint("kom:timeSinceAgreement", "lteq", "P30D")], "2026-07-01T12:00:00Z"),
        ([constraint("kom:dueWithin", "gteq", "P30D")], None),
        ([constraint("kom:dueWithin", "lteq", "thirty days")], None),
        ([constraint("odrl:count", "lteq", "3")], None),
        ([{"or": [constraint("kom:dueWithin", "lteq", "P30D")]}], None),
        ([constraint("kom:dueWithin", "lteq", "P30D", surprise=1)], None),
    ],
)
def test_a_duty_is_due_by_its_earliest_deadline(conditions: list[Any], due: str | None) -> None:
    document = offer(rule(), obligation=[rule(*conditions, action="odrl:delete", uid="urn:delete")])
    (report,) = decide(document, asked(), Facts(due_from={"urn:delete": at(NOW)})).obligations
    assert report.due == (None if due is None else at(due))


def test_without_its_trigger_a_period_has_no_end() -> None:
    document = offer(rule(), obligation=[rule(constraint("kom:dueWithin", "lteq", "P30D"), action="odrl:delete")])
    assert decide(document).obligations[0].due is None
