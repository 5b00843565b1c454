"""A decision as a JSON object: what `policies check --json` and the management API give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from connector.policy.operands import DATE_TIME
from connector.policy.operators import every

if TYPE_CHECKING:
    from connector.policy.decision import ConditionReport, Decision, DutyReport, RuleReport

Iso = Callable[[float], str]
"""Writes an instant, in seconds since 1970, as an xsd:dateTime."""


def decision(found: Decision, iso: Iso) -> dict[str, Any]:
    """Return a decision for programs; a rule is active when it is also about the request."""
    rules = [each for rule in found.rules for each in (_rule(rule, iso), *(_duty(duty, iso) for duty in rule.duties))]
    return {
        "decision": found.outcome,
        "next_change": None if found.next_change is None else iso(found.next_change),
        "rules": rules + [_duty(duty, iso) for duty in found.obligations],
        "reasons": [*found.reasons],
        "as_agreement": found.as_agreement,
    }


def _rule(rule: RuleReport, iso: Iso) -> dict[str, Any]:
    active = every((rule.about, rule.active))
    return {
        "rule": rule.rule,
        "kind": rule.kind,
        "active": "unknown" if active is None else active,
        "constraints": [flat for each in rule.conditions for flat in _flat(each, iso)],
    }


def _duty(duty: DutyReport, iso: Iso) -> dict[str, Any]:
    return {
        "rule": duty.uid or duty.pointer,
        "kind": duty.kind,
        "active": "unknown" if duty.active is None else duty.active,
        "constraints": [flat for each in duty.conditions for flat in _flat(each, iso)],
        "state": duty.state,
        "due": None if duty.due is None else iso(duty.due),
    }


def _flat(condition: ConditionReport, iso: Iso) -> Iterator[dict[str, Any]]:
    """Yield the comparisons of a condition; inside a logical one, each operand's."""
    if not condition.left and condition.operands:
        for each in condition.operands:
            yield from _flat(each, iso)
        return
    yield {
        "leftOperand": condition.left,
        "operator": condition.operator,
        "rightOperand": condition.right[0] if len(condition.right) == 1 else [*condition.right],
        "value": _value(condition, iso),
        "state": condition.state,
    }


def _value(condition: ConditionReport, iso: Iso) -> Any:
    """Return what the left operand was: an instant as an xsd:dateTime, one value alone, several as a list."""
    if condition.value is None:
        return None
    if condition.left == DATE_TIME:
        return iso(float(condition.value[0])) if condition.value[0] != "nan" else None
    return condition.value[0] if len(condition.value) == 1 else [*condition.value]
