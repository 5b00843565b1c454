"""Why a request was refused, as short machine texts: a JSON pointer, an operand that we know, and what was wrong.

They travel to the peer, so they never hold a value of the policy or of the peer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy.conditions import LOGICAL
from connector.policy.operands import OPERANDS
from connector.policy.terms import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.policy.decision import ConditionReport, RuleReport

MOST = 10
"""The most reasons given for one refusal."""

_WORDS = {"not": "not-satisfied", "unknown": "unknown"}


def of_stops(stops: Sequence[str]) -> tuple[str, ...]:
    """Return the reasons for a policy that cannot be evaluated."""
    return tuple(stops)


def of_verdict(
    permissions: Sequence[RuleReport], prohibitions: Sequence[RuleReport], *, conflict: bool
) -> tuple[str, ...]:
    """Return the reasons for a refusal: a void policy, the prohibitions that apply, else what each permission lacked."""
    applied = [rule for rule in prohibitions if rule.about is not False and rule.active is not False]
    found = ["/conflict void"] if conflict else []
    found += [text for rule in applied for text in _prohibited(rule)]
    if not found:
        found = [text for rule in permissions if rule.about is not False for text in _lacking(rule)]
    return tuple(found[:MOST]) or ("no-rule-applies",)


def _prohibited(rule: RuleReport) -> Iterator[str]:
    yield f"{rule.pointer} prohibited"
    for condition in rule.conditions:
        if condition.state == "unknown":
            yield from _named(condition)


def _lacking(rule: RuleReport) -> Iterator[str]:
    if rule.about is None:
        yield f"{rule.pointer} scope-unknown"
    before = len(rule.conditions)
    for condition in rule.conditions:
        if condition.state == "satisfied":
            before -= 1
        else:
            yield from _named(condition)
    if before == 0 and rule.active is not True:
        yield from _duties(rule)


def _duties(rule: RuleReport) -> Iterator[str]:
    open_duties = [duty for duty in rule.duties if duty.active is not False]
    for duty in open_duties:
        yield f"{duty.pointer} duty-{'unfulfilled' if duty.state == 'not-set' else duty.state}"
    if not open_duties:
        yield f"{rule.pointer} member-unknown"


def _named(condition: ConditionReport) -> Iterator[str]:
    """Name the operands of a condition that failed; inside a logical one, those that did not hold."""
    if condition.operator not in LOGICAL:
        known = condition.left in OPERANDS
        operand = shorten(condition.left) if known else "unknown-operand"
        yield f"{condition.pointer} {operand} {_WORDS[condition.state]}"
        return
    failing = [each for each in condition.operands if each.state != "satisfied"]
    for each in failing:
        yield from _named(each)
    if not failing:
        yield f"{condition.pointer} {condition.operator} {_WORDS[condition.state]}"
