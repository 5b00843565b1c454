"""Rules about terms and values: known, of the right type, in a form that others understand (P301 to P320)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connector.policy import actions, registry
from connector.policy.activity import EVALUATED
from connector.policy.lint.finding import Draft, Findings, comparisons, error, info, rules, warning
from connector.policy.operands import OPERANDS
from connector.policy.operators import OPERATORS
from connector.policy.terms import ODRL, PROFILE, local, shorten
from connector.policy.values import typed

if TYPE_CHECKING:
    from connector.policy.model import Constraint
    from connector.policy.operands import Operand

_ZONED = re.compile(r".*(Z|[+-]\d\d:\d\d)", re.ASCII)
_DEADLINES = frozenset({"lt", "lteq"})
_PROFILES = frozenset({PROFILE, PROFILE + "#", ODRL + "core", ODRL})


def check(draft: Draft) -> Findings:
    """Yield what is wrong with the terms and values of a policy."""
    if draft.policy.kind not in EVALUATED:
        yield error(320, draft.at("type"))
    for profile in draft.policy.profiles:
        if profile not in _PROFILES:
            yield error(304, draft.at("profile"), profile=profile)
    if not draft.policy.profiles and any(_minted(each) for rule in rules(draft.policy) for each in comparisons(rule)):
        yield warning(317, "")
    for rule in rules(draft.policy):
        yield from _action(rule.action.iri, rule.pointer + "/action")
        for name, _ in rule.unknown:
            yield error(316, rule.pointer, name=shorten(name))
        for constraint in comparisons(rule):
            yield from _constraint(constraint, draft)


def _minted(constraint: Constraint) -> bool:
    return constraint.left.startswith(PROFILE)


def _action(action: str, pointer: str) -> Findings:
    if not action:
        return
    if action in actions.SAME:
        yield warning(310, pointer, term=shorten(action), instead=shorten(actions.SAME[action]))
    elif not actions.known(action):
        yield error(302, pointer, term=shorten(action))


def _constraint(constraint: Constraint, draft: Draft) -> Findings:
    at, operand = constraint.pointer, OPERANDS.get(constraint.left)
    for name, _ in constraint.unknown:
        yield error(316, at, name=shorten(name))
    if constraint.reference:
        yield error(312, at + "/rightOperandReference")
    if constraint.operator not in OPERATORS:
        yield error(303, at + "/operator", term=constraint.operator)
    if operand is None:
        yield error(301, at + "/leftOperand", term=shorten(constraint.left))
        return
    entry = registry.table("operands")[operand.iri]
    if "foreign" in entry:
        yield info(314, at + "/leftOperand", term=shorten(operand.iri))
    if "deprecated" in entry:
        yield warning(310, at + "/leftOperand", term=shorten(operand.iri), instead=entry["deprecated"])
    yield from _operator(constraint, operand)
    yield from _values(constraint, operand, draft)


def _operator(constraint: Constraint, operand: Operand) -> Findings:
    at = constraint.pointer + "/operator"
    known = constraint.operator in OPERATORS
    if constraint.operator in ("isAllOf", "hasPart"):
        yield warning(311, at, operator=constraint.operator)
    elif known and constraint.operator not in operand.operators:
        allowed = ", ".join(sorted(operand.operators))
        yield warning(306, at, operator=constraint.operator, term=shorten(operand.iri), allowed=allowed)
    compares = constraint.operator in ("eq", "neq", "lt", "lteq", "gt", "gteq")
    if known and compares and len(constraint.right) > 1:
        yield error(315, constraint.pointer + "/rightOperand", operator=constraint.operator)


def _values(constraint: Constraint, operand: Operand, draft: Draft) -> Findings:
    at = constraint.pointer + "/rightOperand"
    if constraint.unit and operand.kind != "number":
        yield error(309, constraint.pointer, term=shorten(operand.iri))
    if not constraint.right and not constraint.reference:
        yield error(313, at)
    if constraint.right and constraint.values is None and "foreign" not in registry.table("operands")[operand.iri]:
        wrong = next(
            (each.text for each in constraint.right if typed(each, operand.kind) is None), constraint.right[0].text
        )
        yield error(305, at, term=shorten(operand.iri), kind=operand.kind, value=wrong)
        return
    for value in constraint.right:
        if operand.kind == "dateTime":
            yield from _moment(constraint, value.text, draft)
        elif operand.kind == "iri":
            yield from _concept(operand, value.text, at)


def _moment(constraint: Constraint, text: str, draft: Draft) -> Findings:
    at = constraint.pointer + "/rightOperand"
    if not _ZONED.fullmatch(text) and not text.startswith("contractAgreement"):
        yield warning(307, at, value=text)
    found = constraint.values[0] if constraint.values else None
    if constraint.operator in _DEADLINES and isinstance(found, float) and found <= draft.now:
        yield warning(308, at, value=text)


def _concept(operand: Operand, iri: str, at: str) -> Findings:
    """Yield a doubt about a name that the profile's own vocabulary for this operand does not hold."""
    name = registry.table("operands")[operand.iri].get("values")
    if ":" not in iri:
        yield error(318, at, value=iri)
    elif name in registry.CONCEPTS and iri not in registry.part_of() and not iri.startswith("did:"):
        yield warning(319, at, value=local(iri), term=shorten(operand.iri))
