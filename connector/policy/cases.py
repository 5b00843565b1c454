"""Cases beside a policy: run, with what of the policy they left unreached, and the cases at its bounds.

A case is what `case.py` reads, with a `name`, what to `expect` (`permit` or `deny`; a policy that does not apply denies),
and if wanted the `rule` that must decide, by its uid or JSON pointer. `party` is another name for `assignee`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.errors import Invalid
from connector.policy.case import read_case
from connector.policy.evaluate import evaluate
from connector.policy.explain.clauses import comparisons
from connector.policy.points import stated
from connector.policy.terms import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connector.policy.decision import ConditionReport, Decision, RuleReport
    from connector.policy.model import Constraint, Policy

EXPECTED = ("permit", "deny", "not-applicable")


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went: whether as expected, what was decided, and which rules decided it."""

    name: str
    passed: bool
    expected: str
    decision: Decision
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreached:
    """A rule that no case made active, or a constraint that no case satisfied or none refuted."""

    pointer: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All cases of a policy."""

    results: tuple[Result, ...]
    unreached: tuple[Unreached, ...]
    boundaries: tuple[dict[str, Any], ...]


def run(policy: Policy, cases: Sequence[Mapping[str, Any]], now: float) -> Outcome:
    """Run cases; `now` is the time of those that state none.

    Raises:
        Invalid: `case_expect`, and those of `read_case`, each with the case's name in `field`.
    """
    cases = [_plain(case) for case in cases]
    results = tuple(_result(policy, case, number, now) for number, case in enumerate(cases, 1))
    decisions = [each.decision for each in results]
    return Outcome(results, tuple(_unreached(policy, decisions)), tuple(_boundaries(policy, cases, now)))


def _plain(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case with its time as text, as TOML may have it as a time."""
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in case.items()}


def _result(policy: Policy, case: Mapping[str, Any], number: int, now: float) -> Result:
    name, expected = str(case.get("name", number)), case.get("expect")
    if expected not in EXPECTED:
        raise Invalid("case_expect", field=name)
    decision = _decided(policy, case, name, now)
    deciding = tuple(_deciding(decision))
    right = decision.outcome == expected or (expected == "deny" and not decision.permits)
    rule = case.get("rule")
    return Result(name, right and (rule is None or rule in deciding), expected, decision, deciding)


def _decided(policy: Policy, case: Mapping[str, Any], name: str, now: float) -> Decision:
    asked = {key: value for key, value in case.items() if key not in ("name", "expect", "rule", "party", "lenient")}
    if "party" in case:
        asked["assignee"] = case["party"]
    try:
        request, facts = read_case(asked, policy, now, lenient=case.get("lenient") is True)
    except Invalid as error:
        raise Invalid(error.code, field=f"{name}: {error.field}", **error.values) from None
    return evaluate(policy, request, facts)


def _deciding(decision: Decision) -> Iterator[str]:
    """Yield the rules that decided, by uid and by pointer: those that grant, or those that the reasons name."""
    named = [reason.partition(" ")[0] for reason in decision.reasons]
    for rule in decision.rules:
        if decision.permits:
            decides = rule.kind == "permission" and bool(rule.about and rule.active)
        else:
            decides = any(name == rule.pointer or name.startswith(f"{rule.pointer}/") for name in named)
        if decides:
            yield from dict.fromkeys((rule.uid or rule.pointer, rule.pointer))


def _unreached(policy: Policy, decisions: Sequence[Decision]) -> Iterator[Unreached]:
    """Yield what no case showed: of a rule that it is active, of a constraint that it holds and that it does not."""
    reports = [rule for decision in decisions for rule in decision.rules]
    active = {rule.pointer for rule in reports if rule.about and rule.active}
    states = {(each.pointer, each.state) for rule in reports for each in _flat(rule)}
    for rule in (*policy.permissions, *policy.prohibitions):
        if rule.pointer not in active:
            yield Unreached(rule.pointer, "never-active")
        for constraint in comparisons(rule.constraints):
            for state, why in (("satisfied", "never-satisfied"), ("not", "never-refuted")):
                if (constraint.pointer, state) not in states:
                    yield Unreached(constraint.pointer, why)


def _flat(rule: RuleReport) -> Iterator[ConditionReport]:
    waiting = [*rule.conditions]
    while waiting:
        condition = waiting.pop()
        yield condition
        waiting += condition.operands


def _boundaries(policy: Policy, cases: Sequence[Mapping[str, Any]], now: float) -> Iterator[dict[str, Any]]:
    """Yield cases just before, at and after each bound, made from the first case that is permitted; each with its answer."""
    pattern = next((case for case in cases if case.get("expect") == "permit"), None)
    if pattern is None:
        return
    base = {key: value for key, value in pattern.items() if key not in ("name", "expect", "rule")}
    had = {(each.get("time"), repr(each.get("facts"))) for each in cases}
    rules = (*policy.permissions, *policy.prohibitions)
    for constraint in (each for rule in rules for each in comparisons(rule.constraints)):
        for where, change in _steps(constraint):
            case = {**base, **change}
            if "facts" in change:
                case["facts"] = {**base.get("facts", {}), **change["facts"]}
            if (case.get("time"), repr(case.get("facts"))) not in had:
                had.add((case.get("time"), repr(case.get("facts"))))
                outcome = _decided(policy, case, constraint.pointer, now).outcome
                yield {"name": f"{constraint.pointer}-{where}", **case, "expect": outcome}


def _steps(constraint: Constraint) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what to change in a case to stand before, at and after the bound of a comparison."""
    bound = constraint.values[0] if constraint.values and len(constraint.values) == 1 else None
    steps = (("before", -1), ("at", 0), ("after", 1))
    if constraint.operand is None or bound is None:
        return
    if constraint.operand.kind == "dateTime" and isinstance(bound, float):
        for where, step in steps:
            if text := stated(bound + step):
                yield where, {"time": text}
    elif constraint.operand.kind == "number" and isinstance(bound, Decimal):
        for where, step in steps:
            yield where, {"facts": {shorten(constraint.left): format(bound + step, "f")}}
