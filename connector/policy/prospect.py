"""Whether somebody could do something: yes, no, or only if certain things turn out as they should (partial evaluation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connector.policy import activity
from connector.policy.case import PURPOSE
from connector.policy.conditions import LOGICAL
from connector.policy.evaluate import evaluate
from connector.policy.operands import DATE_TIME, IN_FORCE_DATE

if TYPE_CHECKING:
    from connector.policy.decision import ConditionReport, Decision, RuleReport
    from connector.policy.model import Policy
    from connector.policy.world import Facts, Request

Answer = Literal["yes", "no", "only-if"]
NeedKind = Literal["purpose", "time", "fact", "duty", "prohibition"]
_FROM = frozenset({"gt", "gteq"})


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be so: `pointer` names the condition, the duty, or the prohibition that must not apply."""

    kind: NeedKind
    pointer: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """The answer.

    Attributes:
        needs: of an "only if": what has to be so, under the permission that asks for least.
        rules: of a "no": the rules that refuse, by their pointers; none where no rule is about it.
        until: of a "yes": when time alone ends it (seconds), or None.
    """

    answer: Answer
    needs: tuple[Need, ...] = ()
    rules: tuple[str, ...] = ()
    until: float | None = None


def prospect(policy: Policy, request: Request, facts: Facts) -> Prospect:
    """Return whether a request is permitted, never will be by what is known, or would be if more were known or done."""
    decision = evaluate(policy, request, facts)
    if decision.permits:
        return Prospect("yes", until=decision.next_change)
    forbidding = _forbidding(policy, decision)
    certain = [rule.pointer for rule in forbidding if rule.about and rule.active]
    permissions = [rule for rule in decision.rules if rule.kind == "permission" and rule.about is not False]
    ways = [needs for rule in permissions if (needs := _needs(rule)) is not None]
    void = bool(certain) or "/conflict void" in decision.reasons
    if void or not ways:
        return Prospect("no", rules=tuple(dict.fromkeys(certain or (rule.pointer for rule in permissions))))
    avoided = [Need("prohibition", rule.pointer) for rule in forbidding]
    return Prospect("only-if", needs=tuple(dict.fromkeys([*min(ways, key=len), *avoided])))


def _forbidding(policy: Policy, decision: Decision) -> Sequence[RuleReport]:
    """Return the prohibitions that apply, or might."""
    if activity.strategy(policy) == "perm":
        return ()
    found = (rule for rule in decision.rules if rule.kind == "prohibition")
    return [rule for rule in found if rule.about is not False and rule.active is not False]


def _needs(rule: RuleReport) -> list[Need] | None:
    """Return what a permission lacks; `None` when something in it is refuted for good."""
    found: list[Need] = [] if rule.about else [Need("fact", rule.pointer)]
    for condition in rule.conditions:
        needs = _missing(condition)
        if needs is None:
            return None
        found += needs
    for duty in rule.duties:
        if duty.active is False or duty.state == "fulfilled":
            continue
        if duty.state == "violated":
            return None
        found.append(Need("duty", duty.pointer))
    return found


def _missing(condition: ConditionReport) -> list[Need] | None:
    if condition.state == "satisfied":
        return []
    if condition.operator in LOGICAL:
        return _combined(condition)
    if condition.state == "unknown":
        return [Need("purpose" if condition.left == PURPOSE else "fact", condition.pointer)]
    comes = condition.left in (DATE_TIME, IN_FORCE_DATE) and condition.operator in _FROM
    return [Need("time", condition.pointer)] if comes else None


def _combined(condition: ConditionReport) -> list[Need] | None:
    """Return what a combination lacks: of `and` all of it, of `or` the least, of the others the whole where it is unknown."""
    parts = [_missing(each) for each in condition.operands]
    possible = [each for each in parts if each is not None]
    if condition.operator == "and":
        return [need for each in possible for need in each] if parts and len(possible) == len(parts) else None
    if condition.operator == "or":
        return min(possible, key=len, default=None)
    return [Need("fact", condition.pointer)] if condition.state == "unknown" else None


def pointers(policy: Policy) -> Mapping[str, object]:
    """Return every rule, duty and condition of a policy by its pointer."""
    return dict(_placed(policy))


def _placed(policy: Policy) -> Iterator[tuple[str, object]]:
    rules = [*policy.permissions, *policy.prohibitions, *policy.obligations]
    while rules:
        rule = rules.pop()
        yield rule.pointer, rule
        rules += rule.then
        conditions = [*rule.constraints]
        while conditions:
            condition = conditions.pop()
            yield condition.pointer, condition
            conditions += getattr(condition, "operands", ())
