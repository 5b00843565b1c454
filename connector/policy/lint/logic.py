"""Rules about what a policy comes to: whether it can grant at all, and what in it makes no difference (P401 to P411)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy import activity
from connector.policy.boxes import Boxes, Unclear
from connector.policy.lint.finding import Draft, Findings, conditions, error, info, rules, warning
from connector.policy.model import LogicalConstraint
from connector.policy.operands import OPERANDS
from connector.policy.region import Reading, worlds

if TYPE_CHECKING:
    from connector.policy.model import Policy, Rule


def check(draft: Draft) -> Findings:
    """Yield what in the logic of a policy is impossible, void or superfluous."""
    yield from _conflict(draft.policy, draft.at("conflict"))
    for rule in rules(draft.policy):
        for condition in conditions(rule):
            if isinstance(condition, LogicalConstraint):
                yield from _logical(condition)
    try:
        reading = Reading(worlds([draft.policy]), draft.policy)
        yield from [found for part in (_granting, _superfluous, _branches) for found in part(reading)]
    except Unclear:
        yield info(410, "")


def _conflict(policy: Policy, at: str) -> Findings:
    stated = set(policy.conflict)
    if len(stated) > 1:
        yield error(406, at)
    elif stated and not stated <= {"perm", "prohibit", "invalid"}:
        yield error(411, at, value=", ".join(stated))
    elif policy.prohibitions and policy.permissions and not stated:
        clash = any(activity.overlap(one, other) for one in policy.permissions for other in policy.prohibitions)
        yield error(404, "") if clash else warning(405, "")


def _logical(condition: LogicalConstraint) -> Findings:
    if not condition.operands:
        yield error(412, condition.pointer, kind=condition.kind)
    if condition.kind == "andSequence" and not all(_stateful(each) for each in condition.operands):
        yield error(409, condition.pointer)


def _stateful(condition: object) -> bool:
    operand = OPERANDS.get(getattr(condition, "left", ""))
    return operand is not None and (
        operand.role == "ledger" or operand.iri.endswith(("elapsedTime", "#event", "/event"))
    )


def _granting(reading: Reading) -> Findings:
    """Yield permissions that no request can satisfy, alone or because of a prohibition."""
    space, policy = reading.worlds.space, reading.policy
    prohibited = [box for rule in policy.prohibitions for box in reading.applying(rule)]
    for rule in policy.permissions:
        granted = reading.granting(rule)
        if not granted and _understood(rule):
            yield error(401, rule.pointer)
        elif granted and activity.strategy(policy) == "prohibit" and not space.less(granted, prohibited):
            yield error(403, rule.pointer)


def _understood(rule: Rule) -> bool:
    """Tell whether everything in a rule can be evaluated, so that what is wrong is the combination."""
    atomic = [each for each in conditions(rule) if not isinstance(each, LogicalConstraint)]
    return not rule.unknown and bool(atomic) and all(each.operand and each.values for each in atomic)


def _superfluous(reading: Reading) -> Findings:
    """Yield constraints that the others of their rule imply, and permissions that another one covers."""
    space, policy = reading.worlds.space, reading.policy
    for rule in policy.permissions:
        held: list[Boxes] = [reading.condition(each, must=True) for each in rule.constraints]
        if not all(held) or not space.all_of(held):
            continue
        for index, constraint in enumerate(rule.constraints):
            others = space.all_of(held[:index] + held[index + 1 :])
            if len(held) > 1 and not space.less(others, held[index]):
                yield warning(402, constraint.pointer)
                break
    granted = [reading.granting(rule) for rule in policy.permissions]
    for index, rule in enumerate(policy.permissions):
        earlier = [box for boxes in granted[:index] for box in boxes]
        if granted[index] and not space.less(granted[index], earlier):
            yield warning(407, rule.pointer)


def _branches(reading: Reading) -> Findings:
    """Yield `xone` whose branches can hold together: then none of it holds."""
    space = reading.worlds.space
    for rule in (*reading.policy.permissions, *reading.policy.prohibitions):
        for condition in rule.constraints:
            if isinstance(condition, LogicalConstraint) and condition.kind == "xone":
                branches = [reading.condition(each, must=True) for each in condition.operands]
                if any(space.both(one, other) for i, one in enumerate(branches) for other in branches[:i]):
                    yield warning(408, condition.pointer)
