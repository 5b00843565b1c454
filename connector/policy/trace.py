"""The evaluation with its trace: every condition and duty of a rule, with the values compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy import activity
from connector.policy.decision import ConditionReport, DutyReport, RuleReport, State, Transform
from connector.policy.model import Constraint, conditions
from connector.policy.operands import DATE_TIME, DUE_WITHIN, ELAPSED_TIME, PARTICIPANT, TIME_SINCE_AGREEMENT
from connector.policy.operators import every
from connector.policy.state import combine, compared, deadlines, operands_world, promised
from connector.policy.values import read_value

if TYPE_CHECKING:
    from connector.policy.model import Condition, Policy, Rule
    from connector.policy.world import World

_STATES: dict[bool | None, State] = {True: "satisfied", False: "not", None: "unknown"}
_TRUTHS: dict[State, bool | None] = {state: truth for truth, state in _STATES.items()}
_DEADLINES = frozenset({"lt", "lteq", "eq"})


def rule_report(rule: Rule, world: World) -> RuleReport:
    """Return what a permission or prohibition amounts to in a world."""
    conditions = tuple(condition_report(each, world) for each in rule.constraints)
    held = _held(rule, conditions)
    duties = tuple(duty_report(duty, world) for duty in rule.then)
    if rule.kind == "permission" and held is not False:
        held = every((held, *(activity.settled(duty, world) for duty in rule.then)))
    return RuleReport(rule.pointer, rule.uid, rule.kind, activity.about(rule, world), held, conditions, duties)


def _held(rule: Rule, conditions: tuple[ConditionReport, ...]) -> bool | None:
    return every((None if rule.unknown else True, *(_TRUTHS[each.state] for each in conditions)))


def condition_report(condition: Condition, world: World) -> ConditionReport:
    """Return a condition with the values compared and its state."""
    if isinstance(condition, Constraint):
        found = compared(condition, world)
        truth = True if not found and promised(condition, world) else found
        texts = tuple(value.text for value in condition.right)
        return ConditionReport(
            condition.pointer, condition.left, condition.operator, texts, _value(condition, world), _STATES[truth]
        )
    inner = operands_world(condition, world)
    operands = tuple(condition_report(each, inner) for each in condition.operands)
    truth = combine(condition, [_TRUTHS[each.state] for each in operands], world)
    return ConditionReport(condition.pointer, "", condition.kind, (), None, _STATES[truth], operands)


def _value(constraint: Constraint, world: World) -> tuple[str, ...] | None:
    """Return what a left operand is, as text: from the request, or as the facts state it."""
    if constraint.left == PARTICIPANT:
        return (world.request.assignee,) if world.request.assignee else None
    if constraint.left == DATE_TIME:
        return (repr(world.request.now),)
    stated = world.facts.values.get(constraint.left)
    items = stated if isinstance(stated, (list, tuple)) else [stated]
    texts = tuple(value.text for value in map(read_value, items) if value is not None)
    return texts or None


def duty_report(duty: Rule, world: World) -> DutyReport:
    """Return a duty's state in a world, and the instant at which it is due where its constraints state one."""
    conditions = tuple(condition_report(each, world) for each in duty.constraints)
    return DutyReport(
        pointer=duty.pointer,
        uid=duty.uid,
        kind=duty.kind,
        action=duty.action.iri,
        active=_held(duty, conditions),
        state=activity.duty_state(duty, world),
        due=_due(duty, world),
        conditions=conditions,
    )


def _due(duty: Rule, world: World) -> float | None:
    found = [moment for each in duty.constraints if isinstance(each, Constraint) for moment in _ends(duty, each, world)]
    return min(found, default=None)


def _ends(duty: Rule, constraint: Constraint, world: World) -> tuple[float, ...]:
    """Return the deadline that one constraint of a duty sets: a date, or a period after its trigger."""
    operand = constraint.operand
    if operand is None or constraint.operator not in _DEADLINES:
        return ()
    values = constraint.values
    if values is None:
        return ()
    if operand.iri == DATE_TIME:
        return tuple(value for value in values if isinstance(value, float))
    if operand.iri not in (DUE_WITHIN, ELAPSED_TIME, TIME_SINCE_AGREEMENT):
        return ()
    triggered = world.facts.due_from.get(duty.uid or duty.pointer)
    start = world.facts.agreed_at if operand.iri == TIME_SINCE_AGREEMENT else triggered
    return () if start is None else deadlines(start, values)


def transforms(policy: Policy, reports: list[RuleReport], world: World) -> tuple[Transform, ...]:
    """Return what must be done to the data under the granting permission that asks for least, refinements included."""
    granting = [
        tuple(each for condition in conditions(rule) for each in _needed(condition, world))
        for rule, report in zip(policy.permissions, reports, strict=True)
        if report.about and report.active
    ]
    return min(granting, key=len)


def _needed(condition: Condition, world: World) -> tuple[Transform, ...]:
    """Return the transforms that make a satisfied condition true; none where the facts already do."""
    if isinstance(condition, Constraint):
        if compared(condition, world) or not promised(condition, world):
            return ()
        texts = tuple(value.text for value in condition.right)
        return (Transform(condition.pointer, condition.left, condition.operator, texts),)
    if condition.kind == "or":
        holding = [each for each in condition.operands if condition_report(each, world).state == "satisfied"]
        return min((_needed(each, world) for each in holding), key=len)
    if condition.kind == "and":
        return tuple(found for each in condition.operands for found in _needed(each, world))
    return ()
