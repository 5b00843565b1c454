"""Rules about duties, and about what only the contract holds (P501 to P506, P601 to P605)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy import actions, registry
from connector.policy.lint.finding import Draft, Findings, comparisons, error, info, rules, warning
from connector.policy.node import escape
from connector.policy.operands import OPERANDS, TRANSFORMED
from connector.policy.terms import ODRL, local, shorten

if TYPE_CHECKING:
    from connector.policy.model import Constraint, Policy, Rule
    from connector.policy.operands import Operand

_WHEN = frozenset(ODRL + name for name in ("dateTime", "elapsedTime", "timeInterval", "event", "delayPeriod"))
_LASTING = frozenset({ODRL + "attribute", ODRL + "nextPolicy", ODRL + "ensureExclusivity", ODRL + "reviewPolicy"})
"""Actions that are kept all the time, not done once by a day."""


def check(draft: Draft) -> Findings:
    """Yield what is wrong with the duties, and which terms technology does not hold."""
    policy = draft.policy
    for rule in rules(policy):
        if rule.kind in ("obligation", "duty", "consequence", "remedy"):
            yield from _duty(rule, policy)
        if rule.kind == "permission" and rule.then:
            yield info(504, rule.then[0].pointer)
        yield from _grades(rule)
    yield from _consequences(draft.document)


def _duty(duty: Rule, policy: Policy) -> Findings:
    lefts = {each.left for each in comparisons(duty)}
    timed = bool(lefts & _WHEN) or any(local(left).endswith(("#dueWithin", "#timeSinceAgreement")) for left in lefts)
    if not timed and duty.action.iri not in _LASTING:
        yield warning(501, duty.pointer, action=shorten(duty.action.iri))
    if ODRL + "delayPeriod" in lefts:
        yield warning(505, duty.pointer)
    if any(not each.constraints and actions.covers(each.action.iri, duty.action.iri) for each in policy.prohibitions):
        yield error(503, duty.pointer, action=shorten(duty.action.iri))


def _consequences(document: object, pointer: str = "", *, inside: bool = False) -> Findings:
    """Yield consequences of consequences or remedies, which ODRL does not know (Information Model 2.2, 2.6)."""
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from _consequences(item, f"{pointer}/{index}", inside=inside)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name == "@context":
                continue
            hangs = local(name) in ("consequence", "remedy")
            if hangs and inside:
                yield error(502, f"{pointer}/{escape(name)}")
            yield from _consequences(value, f"{pointer}/{escape(name)}", inside=inside or hangs)


def _grades(rule: Rule) -> Findings:
    entry = registry.table("actions").get(rule.action.iri)
    if rule.kind == "prohibition" and entry is not None and entry["grade"] == "recorded":
        yield info(602, rule.pointer, action=shorten(rule.action.iri))
    if rule.kind not in ("permission", "prohibition"):
        return
    for constraint in comparisons(rule):
        operand = OPERANDS.get(constraint.left)
        if operand is not None and operand.grade == "recorded":
            yield info(601, constraint.pointer, term=shorten(operand.iri))
        elif operand is not None and operand.grade == "shaped":
            yield from _transform(rule, constraint, operand)
            if rule.kind == "prohibition" or constraint.operator not in operand.shaped_by:
                yield warning(604, constraint.pointer, term=shorten(operand.iri))


def _transform(rule: Rule, constraint: Constraint, operand: Operand) -> Findings:
    """Yield what shapes data, and that a permission which demands it never opens where no transform is built."""
    missing = rule.kind == "permission" and operand.iri not in TRANSFORMED
    yield (warning if missing else info)(605 if missing else 603, constraint.pointer, term=shorten(operand.iri))
